"""Figures as plain numbers: written as JSON by the benchmarks, read back by chapters and figures.

:func:`summary` turns a leaderboard into numbers, :class:`Stored` reads them again. :func:`stored_calibration` and
:func:`stored_newcomers` show what ``benchmarks/calibration.py`` wrote down.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.evaluation.calibration import reliability_curve
from bundlebook.evaluation.leaderboard import Leaderboard, outside_vocabulary
from bundlebook.evaluation.metrics import METRICS, _metric_of
from bundlebook.evaluation.results import Evaluation, _as_text
from bundlebook.evaluation.statistics import _compared, _leaders, resampled_means

#: What every method is compared with, by track: the strongest simple method; for new items the best-sellers.
_REFERENCE = {"all": "decayed frequency + popularity", "everyone": "decayed frequency + popularity"}
_REFERENCE |= {"repeat": "decayed frequency + popularity", "explore": "popularity"}
_DIGITS = 5
#: Names of the rows in ``benchmarks/calibration.json``.
_NETWORK = "GRU + repeat-aware head"
_SCALED = f"{_NETWORK}, Platt by length"
_MEAN = f"{_NETWORK}, mean of seeds"


def summary(board: Leaderboard, resamples: int = 2000) -> dict[str, Any]:
    """Return every figure of a leaderboard: means, 95 % intervals, spread over seeds, comparisons, lists, P, costs.

    Returns
    -------
    dict
        JSON-serialisable. ``tasks[task]["tracks"][track]["metrics"][metric][method]`` is
        ``[mean, low, high, sd over seeds or None]``.
    """
    window, options = board.evaluations["window"], board.options
    b, split, speed = board.inputs.split.baskets, board.inputs.split, window.speed_table()
    methods = {
        method.name: {
            "family": method.family,
            "seeds": len(window.judged[method.name].runs),
            "settings": board.settings[method.name],
        }
        | {column: _short(speed.loc[method.name, column]) for column in speed.columns}
        for method in board.methods
    }
    return {
        "level": b.level,
        "users": b.n_users,
        "items": b.n_items,
        "baskets": b.n_baskets,
        "test window": [str(split.validation_end), str(split.test_end)],
        "outside the vocabulary": {
            key: _short(value) for key, value in outside_vocabulary(board.inputs.shop, split).items()
        },
        "readings of the test window": board.readings,
        "methods": methods,
        "failed": board.failures,
        "tasks": {
            name: _task(evaluation, name == "window", resamples, options.seed)
            for name, evaluation in board.evaluations.items()
        },
    }


def _task(evaluation: Evaluation, main: bool, resamples: int, seed: int) -> dict[str, Any]:
    places = [*evaluation.tracks, "everyone"]
    found = {place: _track(evaluation, place, _kept(main), resamples, seed) for place in places}
    out = {"users": evaluation.task.truth.shape[0], "tracks": {place: t for place, t in found.items() if t["metrics"]}}
    for track in [track for track in evaluation.tracks if main and track in out["tracks"]]:
        table = evaluation.list_table(10, track)
        out["tracks"][track]["lists"] = {name: _row(table.loc[name]) for name in table.index}
    if any(judged.pairs for judged in evaluation.judged.values()):
        table = evaluation.probability_table()
        out["probabilities"] = {name: _row(table.loc[name]) for name in table.index}
        curves = {name: reliability_curve(*evaluation.shown(name)) for name in table.index} if main else {}
        out["reliability"] = {
            name: [[_short(value) for value in row] for row in curve.to_numpy()] for name, curve in curves.items()
        }
    return out


def _kept(main: bool) -> list[str]:
    """Labels of the metrics that are kept of the window, or of another task."""
    return [
        metric.label(k)
        for metric in METRICS.values()
        for k in (metric.stored if main else metric.stored[:1])
        if main or metric.compared
    ]


def _place(label: str, track: str) -> str:
    """Where a metric stands: probabilities are those of everyone, whatever the track."""
    return "everyone" if _metric_of(label).of == "probability" else track


def _track(evaluation: Evaluation, place: str, metrics: list[str], resamples: int, seed: int) -> dict[str, Any]:
    """All metrics of a track share one draw of users, so that one matrix product resamples them together."""
    tables = {}
    for metric in metrics:
        if _place(metric, "") != (place if place == "everyone" else ""):
            continue
        try:
            tables[metric] = evaluation.per_user(metric, "all" if place == "everyone" else place)
        except BundlebookError:
            continue  # a catalogue shorter than the list, or nobody estimates a probability
    out: dict[str, Any] = {"users": 0, "metrics": {}, "level with the best": {}, "against": {}}
    for same_users in _by_index(tables):
        wide = pd.concat({metric: tables[metric] for metric in same_users}, axis=1)
        if len(wide) < 2:
            continue  # no interval can be made of one user
        draws = pd.DataFrame(resampled_means(wide.to_numpy(), resamples, seed=seed), columns=wide.columns)
        out["users"] = max(out["users"], len(wide))
        for metric in same_users:
            mine, means = draws[metric], tables[metric].mean()
            low, high = np.quantile(mine, [0.025, 0.975], axis=0)
            track = "all" if place == "everyone" else place
            out["metrics"][metric] = {
                name: [
                    *map(_short, (means[name], low[n], high[n])),
                    _short(evaluation.judged[name].spread(metric, track)),
                ]
                for n, name in enumerate(mine.columns)
            }
            sign = 1 if _metric_of(metric).higher_is_better else -1
            out["level with the best"][metric] = _leaders(sign * mine, sign * means)
            if metric in _kept(False) and _REFERENCE[place] in mine and len(mine.columns) > 1:
                table = _compared(mine, means, _REFERENCE[place])
                out["against"][metric] = {name: _row(table.loc[name]) for name in table.index}
    return out


def _by_index(tables: dict[str, pd.DataFrame]) -> list[list[str]]:
    groups: list[list[str]] = []
    for metric, table in tables.items():
        group = next((g for g in groups if tables[g[0]].index.equals(table.index)), None)
        groups.append([metric]) if group is None else group.append(metric)
    return groups


def _row(row: pd.Series) -> dict[str, float | None]:
    return {str(key): _short(value) for key, value in row.items()}


def _short(value: float) -> float | None:
    """Rounded to what an interval can carry; None for NaN and infinity, which JSON does not know."""
    value = float(value)
    return round(value, _DIGITS) if np.isfinite(value) else None


def write_figures(file: Path, content: dict[str, Any]) -> None:
    """Write JSON that a person can read and a diff can follow: a list of numbers stays on its line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text)
    Path(file).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Stored:
    """One level of a stored leaderboard.

    Attributes
    ----------
    content : dict
        What :func:`summary` returned.
    """

    content: dict[str, Any]

    @classmethod
    def read(cls, file: Path, level: str) -> "Stored":
        """Read a level out of a file that a leaderboard command wrote."""
        try:
            boards = json.loads(Path(file).read_text(encoding="utf-8"))["boards"]
        except (OSError, ValueError, KeyError) as error:
            raise BundlebookError(
                f"no leaderboard could be read ({type(error).__name__})",
                where=Path(file).name,
                remedy="remake it: python benchmarks/leaderboard.py",
            ) from error
        if level not in boards:
            raise BundlebookError(f"no level {level!r}", where=Path(file).name, remedy=f"use one of {list(boards)}")
        return cls(boards[level])

    @property
    def methods(self) -> pd.DataFrame:
        """Family, number of seeds and costs of every method, in the order of the list."""
        table = pd.DataFrame(self.content["methods"]).T.drop(columns="settings")
        numbers = ["fit, CPU s", "fit, MB", "p50, ms", "p99, ms"]
        return table.astype(dict.fromkeys(numbers, float) | {"seeds": int}).rename_axis("method")

    def track(self, task: str = "window", track: str = "all") -> dict[str, Any]:
        """Return everything about one track of one task."""
        tasks = self.content["tasks"]
        if task not in tasks or track not in tasks[task]["tracks"]:
            known = {name: list(content["tracks"]) for name, content in tasks.items()}
            raise BundlebookError(f"no track {track!r} of task {task!r}", remedy=f"use one of {known}")
        return tasks[task]["tracks"][track]

    def intervals(self, metric: str, task: str = "window", track: str = "all") -> pd.DataFrame:
        """``mean``, ``low``, ``high`` and ``sd over seeds`` of every method, best first."""
        found = self.track(task, _place(metric, track))["metrics"]
        if metric not in found:
            raise BundlebookError(f"no metric {metric!r}", remedy=f"use one of {list(found)}")
        table = pd.DataFrame(found[metric], index=["mean", "low", "high", "sd over seeds"]).T.astype(float)
        return table.sort_values("mean", ascending=not _metric_of(metric).higher_is_better, kind="stable").rename_axis(
            "method"
        )

    def leaders(self, metric: str, task: str = "window", track: str = "all") -> list[str]:
        """Methods that do not differ significantly from the best, which stands first."""
        return self.track(task, _place(metric, track))["level with the best"][metric]

    def against(self, metric: str, task: str = "window", track: str = "all") -> pd.DataFrame:
        """Paired differences to the track's reference, Holm-corrected."""
        return pd.DataFrame(self.track(task, _place(metric, track))["against"][metric]).T

    def table(
        self, metrics: tuple[str, ...], task: str = "window", track: str = "all", digits: int = 3
    ) -> pd.DataFrame:
        """Means with intervals as text, best of the first metric on top; an asterisk marks a significant winner."""
        found = {m: (self.intervals(m, task, track), self.leaders(m, task, track)) for m in metrics}
        return _as_text(found, digits)

    def lists(self, task: str = "window", track: str = "all") -> pd.DataFrame:
        """Describe the lists of ten, one row per method."""
        return pd.DataFrame(self.track(task, track)["lists"]).T.astype(float).rename_axis("method")

    def probabilities(self, task: str = "window") -> pd.DataFrame:
        """Return the measures of the probabilities, lowest log loss first."""
        return pd.DataFrame(self.content["tasks"][task]["probabilities"]).T.astype(float).rename_axis("method")

    def reliability(self, method: str) -> pd.DataFrame:
        """Reliability curve of the twenty items shown: see :func:`~.calibration.reliability_curve`."""
        curve = self.content["tasks"]["window"]["reliability"][method]
        return pd.DataFrame(curve, columns=["count", "predicted", "observed"])


def stored_calibration(window: str) -> pd.DataFrame:
    """Show how good the probabilities of every method are on a window, at the level of product types.

    Parameters
    ----------
    window : {"validation", "test"}
        Part of ``benchmarks/calibration.json``.

    Returns
    -------
    DataFrame
        The least log loss first: ``log loss, %``: against the baseline with the least log loss on the validation
        window, with a 95 % interval; ``Brier skill``; ``ECE shown``: of the 20 likeliest items; ``by chance``: what
        that would be if the probabilities were exactly right; ``predicted / bought``; ``seeds``: trainings averaged,
        figure by figure or, in the mean of seeds, probability by probability.
    """
    methods = _stored_part("known")[window]["methods"]
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
            "seeds": str(methods[_NETWORK]["seeds"] if name == _MEAN else row["seeds"]),
        }
    return pd.DataFrame(rows).T.rename_axis("method")


def stored_newcomers(window: str) -> pd.DataFrame:
    """Show figures of users that no method was fitted on, at the level of product types.

    Returns
    -------
    DataFrame
        By what is known of them: ``predicted / bought`` as trained, ``scaled``: after Platt's scaling by the length of
        the history, and ``NDCG@10 above popularity, %``; each with a 95 % interval.
    """
    rows = {}
    for place, part in _stored_part("new")[window].items():
        network, scaled = part["methods"][_NETWORK], part["methods"].get(_SCALED)
        rows[place] = {
            "predicted / bought": _interval(network["predicted over observed"], ".2f"),
            "scaled": _interval(scaled["predicted over observed"], ".2f") if scaled else "",
            "NDCG@10 above popularity, %": _interval(network["NDCG@10 against popularity, %"], ".0f"),
        }
    return pd.DataFrame(rows).T.rename_axis("known by")


def _stored_part(users: str) -> dict[str, Any]:
    file = paths.root() / "benchmarks" / "calibration.json"
    return json.loads(file.read_text(encoding="utf-8"))["levels"]["product_type"][users]


def _interval(values: list[float], digits: str) -> str:
    mean, low, high = (f"{value:{digits}}" for value in values)
    return f"{mean} [{low}, {high}]"
