"""The figures that ``benchmarks/calibration.py`` wrote down, as tables for people."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bundlebook import paths

#: Names of the rows in the file.
NETWORK = "GRU + repeat-aware head"
SCALED = f"{NETWORK}, Platt by length"


def known(file: Path | None = None, method: str = NETWORK) -> pd.DataFrame:
    """What a network's probabilities are worth, by level and window.

    Parameters
    ----------
    file : Path, optional
        ``benchmarks/calibration.json`` of this project if None.
    method : str

    Returns
    -------
    DataFrame
        ``reference``: the baseline with the least log loss on the validation window; ``log loss, %``: against it, with
        a 95 % interval; ``Brier skill``; ``ECE shown``: of the 20 likeliest items; ``by chance``: what that would be if
        the probabilities were exactly right; ``seeds``: trainings whose mean this is.
    """
    rows = {}
    for level, kept in _levels(file).items():
        for window, part in kept.get("known", {}).items():
            if method in part["methods"]:
                row = part["methods"][method]
                rows[level, window] = {
                    "reference": kept["reference, chosen on validation"],
                    "log loss, %": _interval(row["log loss against reference, %"], ".1f"),
                    "Brier skill": f"{row['Brier skill']:.3f}",
                    "ECE shown": f"{row['ECE shown'][0]:.3f}",
                    "by chance": f"{row['ECE by chance']:.3f}",
                    "seeds": str(row["seeds"]),
                }
    return pd.DataFrame(rows).T.rename_axis(["level", "window"])


def new(window: str, level: str = "product_type", file: Path | None = None) -> pd.DataFrame:
    """How households are served that no method has met.

    Returns
    -------
    DataFrame
        By what is known of them: ``predicted / bought`` as trained, ``scaled``: after Platt's scaling by the length of
        the history, and ``NDCG@10 above popularity, %``; each with a 95 % interval.
    """
    rows = {}
    for place, part in _levels(file)[level]["new"][window].items():
        network, scaled = part["methods"][NETWORK], part["methods"].get(SCALED)
        rows[place] = {
            "predicted / bought": _interval(network["predicted over observed"], ".2f"),
            "scaled": _interval(scaled["predicted over observed"], ".2f") if scaled else "",
            "NDCG@10 above popularity, %": _interval(network["NDCG@10 against popularity, %"], ".0f"),
        }
    return pd.DataFrame(rows).T.rename_axis("known by")


def _levels(file: Path | None) -> dict[str, Any]:
    file = file or paths.root() / "benchmarks" / "calibration.json"
    return json.loads(Path(file).read_text(encoding="utf-8"))["levels"]


def _interval(values: list[float], digits: str) -> str:
    mean, low, high = (f"{value:{digits}}" for value in values)
    return f"{mean} [{low}, {high}]"
