"""A leaderboard as plain numbers: written as JSON by the commands that make one, read back by chapters and figures."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.board import Board, outside
from bundlebook.evaluation.calibration import reliability_curve
from bundlebook.evaluation.leaderboard import LOWER_IS_BETTER, Evaluation
from bundlebook.evaluation.significance import compared, level_with_best, resampled_means

#: Metrics kept of every track; those of a probability stand on the track ``"everyone"``.
KEPT = (
    *("NDCG@10", "Recall@10", "Precision@10", "Hit rate@10", "MRR@10", "MAP@10"),
    *("NDCG@20", "Recall@20", "AUC", "Log loss"),
)
#: Whom every method is compared with, by track: the strongest simple method; for new items the best-sellers.
REFERENCE = {"all": "decayed frequency + popularity", "everyone": "decayed frequency + popularity"}
REFERENCE |= {"repeat": "decayed frequency + popularity", "explore": "popularity"}
#: What is kept of tasks other than the window.
KEPT_ELSEWHERE = ("NDCG@10", "Recall@10", "Log loss")
#: Metrics of which the comparisons with the reference are kept.
COMPARED = ("NDCG@10", "Recall@10", "Log loss")
_DIGITS = 5


def summary(board: Board, resamples: int = 2000) -> dict[str, Any]:
    """Every figure of a board: means, 95 % intervals, spread over seeds, comparisons, lists, probabilities, costs.

    Returns
    -------
    dict
        JSON-serialisable. ``tasks[task]["tracks"][track]["metrics"][metric][method]`` is
        ``[mean, low, high, sd over seeds or None]``.
    """
    window, options = board.evaluations["window"], board.options
    b, split, speed = board.ground.split.baskets, board.ground.split, window.speed_table()
    methods = {
        contender.name: {
            "family": contender.family,
            "seeds": len(window.judged[contender.name].runs),
            "settings": board.settings[contender.name],
        }
        | {column: _short(speed.loc[contender.name, column]) for column in speed.columns}
        for contender in board.contenders
    }
    return {
        "level": b.level,
        "users": b.n_users,
        "items": b.n_items,
        "baskets": b.n_baskets,
        "test window": [str(split.validation_end), str(split.test_end)],
        "outside the vocabulary": {key: _short(value) for key, value in outside(board.ground.shop, split).items()},
        "readings of the test window": board.readings,
        "methods": methods,
        "failed": board.failures,
        "tasks": {
            name: _task(evaluation, name == "window", resamples, options.seed)
            for name, evaluation in board.evaluations.items()
        },
    }


def _task(evaluation: Evaluation, main: bool, resamples: int, seed: int) -> dict[str, Any]:
    places, metrics = [*evaluation.tracks, "everyone"], KEPT if main else KEPT_ELSEWHERE
    found = {place: _track(evaluation, place, metrics, resamples, seed) for place in places}
    out = {"users": evaluation.task.truth.shape[0], "tracks": {place: t for place, t in found.items() if t["metrics"]}}
    for track in evaluation.tracks if main else ():
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


def _track(evaluation: Evaluation, place: str, metrics: tuple[str, ...], resamples: int, seed: int) -> dict[str, Any]:
    """All metrics of a track share one draw of users, so that one matrix product resamples them together."""
    tables = {}
    for metric in metrics:
        if (metric in LOWER_IS_BETTER) != (place == "everyone"):
            continue
        try:
            tables[metric] = evaluation.per_user(metric, "all" if place == "everyone" else place)
        except BundlebookError:
            continue  # a catalogue shorter than the list, or nobody estimates a probability
    out: dict[str, Any] = {"users": 0, "metrics": {}, "level with the best": {}, "against": {}}
    for same_users in _by_index(tables):
        wide = pd.concat({metric: tables[metric] for metric in same_users}, axis=1)
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
            sign = -1 if metric in LOWER_IS_BETTER else 1
            out["level with the best"][metric] = level_with_best(sign * mine, sign * means)
            if metric in COMPARED and REFERENCE[place] in mine and len(mine.columns) > 1:
                table = compared(mine, means, REFERENCE[place])
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
    """Rounded to what an interval can carry; None where there is no number (JSON knows no NaN)."""
    value = float(value)
    return round(value, _DIGITS) if np.isfinite(value) else None


def write(file: Path, content: dict[str, Any]) -> None:
    """Write as JSON that a person can read and a diff can follow: a list of numbers stays on its line."""
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
        """Everything about one track of one task."""
        tasks = self.content["tasks"]
        if task not in tasks or track not in tasks[task]["tracks"]:
            known = {name: list(content["tracks"]) for name, content in tasks.items()}
            raise BundlebookError(f"no track {track!r} of task {task!r}", remedy=f"use one of {known}")
        return tasks[task]["tracks"][track]

    def intervals(self, metric: str, task: str = "window", track: str = "all") -> pd.DataFrame:
        """``mean``, ``low``, ``high`` and ``sd over seeds`` of every method, best first."""
        place = "everyone" if metric in LOWER_IS_BETTER else track
        found = self.track(task, place)["metrics"]
        if metric not in found:
            raise BundlebookError(f"no metric {metric!r}", remedy=f"use one of {list(found)}")
        table = pd.DataFrame(found[metric], index=["mean", "low", "high", "sd over seeds"]).T.astype(float)
        return table.sort_values("mean", ascending=metric in LOWER_IS_BETTER, kind="stable").rename_axis("method")

    def leaders(self, metric: str, task: str = "window", track: str = "all") -> list[str]:
        """Methods that cannot be told from the best, which stands first."""
        place = "everyone" if metric in LOWER_IS_BETTER else track
        return self.track(task, place)["level with the best"][metric]

    def against(self, metric: str, task: str = "window", track: str = "all") -> pd.DataFrame:
        """Paired differences to the track's reference, Holm-corrected."""
        place = "everyone" if metric in LOWER_IS_BETTER else track
        return pd.DataFrame(self.track(task, place)["against"][metric]).T

    def table(
        self, metrics: tuple[str, ...], task: str = "window", track: str = "all", digits: int = 3
    ) -> pd.DataFrame:
        """Means with intervals as text, best of the first metric on top.

        An asterisk marks a method that is ahead of all others beyond doubt.
        """
        columns = {}
        for metric in metrics:
            best = self.leaders(metric, task, track)
            columns[metric] = {
                name: f"{row['mean']:.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"
                + (" *" if best == [name] else "")
                for name, row in self.intervals(metric, task, track).iterrows()
            }
        order = list(columns[metrics[0]])
        return pd.DataFrame(columns).loc[order].rename_axis("method")

    def lists(self, task: str = "window", track: str = "all") -> pd.DataFrame:
        """What the lists of ten are like."""
        return pd.DataFrame(self.track(task, track)["lists"]).T.astype(float).rename_axis("method")

    def probabilities(self, task: str = "window") -> pd.DataFrame:
        """What the probabilities are worth, lowest log loss first."""
        return pd.DataFrame(self.content["tasks"][task]["probabilities"]).T.astype(float).rename_axis("method")

    def reliability(self, method: str) -> pd.DataFrame:
        """Reliability curve of the twenty items shown: see :func:`~.calibration.reliability_curve`."""
        curve = self.content["tasks"]["window"]["reliability"][method]
        return pd.DataFrame(curve, columns=["count", "predicted", "observed"])
