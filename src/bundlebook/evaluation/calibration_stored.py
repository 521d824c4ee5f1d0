"""The figures that ``benchmarks/calibration.py`` wrote down, as tables for people."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bundlebook import paths

#: Names of the rows in the file.
NETWORK = "GRU + repeat-aware head"
SCALED = f"{NETWORK}, Platt by length"
MEAN = f"{NETWORK}, mean of seeds"


def known(window: str, level: str = "product_type", file: Path | None = None) -> pd.DataFrame:
    """What the probabilities of every method are worth on a window.

    Parameters
    ----------
    window : {"validation", "test"}
    level : str
    file : Path, optional
        ``benchmarks/calibration.json`` of this project if None.

    Returns
    -------
    DataFrame
        The least log loss first: ``log loss, %``: against the baseline with the least log loss on the validation
        window, with a 95 % interval; ``Brier skill``; ``ECE shown``: of the 20 likeliest items; ``by chance``: what
        that would be if the probabilities were exactly right; ``predicted / bought``; ``seeds``: trainings averaged,
        figure by figure or, in the mean of seeds, probability by probability.
    """
    methods = _levels(file)[level]["known"][window]["methods"]
    rows = {}
    for name in sorted(methods, key=lambda name: methods[name]["log loss"][0]):
        row = methods[name]
        away = row.get("log loss against reference, %")
        rows[name] = {
            "log loss, %": _interval(away, "+.1f") if away else "reference",
            "Brier skill": f"{row['Brier skill']:.3f}",
            "ECE shown": f"{row['ECE shown'][0]:.3f}",
            "by chance": f"{row['ECE by chance']:.3f}",
            "predicted / bought": f"{row['predicted over observed'][0]:.2f}",
            "seeds": str(methods[NETWORK]["seeds"] if name == MEAN else row["seeds"]),
        }
    return pd.DataFrame(rows).T.rename_axis("method")


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
