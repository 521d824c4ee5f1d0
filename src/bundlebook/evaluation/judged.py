"""What one recommender did on one task, small enough to keep: lists, one value per user and metric, sums over pairs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.evaluation.ranking import Ranking


@dataclass(frozen=True)
class Judged:
    """What one recommender did on one task.

    Attributes
    ----------
    name : str
    fit_seconds : float
        Processor time of the fit over all cores, calibration included; of the original training where the model came
        from the cache. (Work done on a GPU is not in it.)
    fit_mb : float
        Memory the fit took at its peak, see :func:`~.resources.watch`; NaN where the model came from the cache.
    latency_ms : ndarray, shape (n_requests,)
        Wall time from one user's history to his or her list, in milliseconds.
    rankings : dict of str to Ranking
        By track.
    values : dict of str to DataFrame
        By track: one row a judged user, one column a metric. ``"everyone"`` holds the losses of a probability, also
        of users who stayed away.
    pairs : dict of str to float, or None
        ``log loss``, ``Brier skill``, ``AUC`` and ``accuracy`` of the probability over all pairs of a user and an item.
    shown : tuple of two ndarrays of shape (n_people, 20), or None
        P of the likeliest items of everyone, and whether they were bought.
    probability : ndarray or None, shape (n_people, n_items)
        P(bought in the window) of everyone; the task's users come first. Not kept where it would be large.
    runs : tuple of dict
        Means of every run, ``{track: {metric: mean}}``: more than one where several seeds were averaged.
    """

    name: str
    fit_seconds: float
    fit_mb: float
    latency_ms: np.ndarray
    rankings: dict[str, Ranking]
    values: dict[str, pd.DataFrame]
    pairs: dict[str, float] | None = None
    shown: tuple[np.ndarray, np.ndarray] | None = None
    probability: np.ndarray | None = None
    runs: tuple[dict[str, dict[str, float]], ...] = ()

    def means(self) -> dict[str, dict[str, float]]:
        """Mean of every metric, by track."""
        return {track: values.mean().to_dict() for track, values in self.values.items()}

    def spread(self, metric: str, track: str) -> float:
        """Standard deviation of a mean over the runs; NaN if there was one run only."""
        place = "everyone" if metric not in self.values[track] else track
        means = [run[place][metric] for run in self.runs]
        return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")


def averaged(runs: Sequence[Judged]) -> Judged:
    """One result of several seeds: values are averaged user by user, costs too; lists are those of the first seed.

    A user's value is then what the method earns from him or her in the mean, and intervals and tests go on as before.
    """
    first = runs[0]
    if len(runs) == 1:
        return replace(first, runs=(first.means(),))
    values = {track: sum(run.values[track] for run in runs) / len(runs) for track in first.values}
    pairs = {key: float(np.mean([run.pairs[key] for run in runs])) for key in first.pairs} if first.pairs else None
    return replace(
        first,
        fit_seconds=float(np.mean([run.fit_seconds for run in runs])),
        fit_mb=float(np.max([run.fit_mb for run in runs])),
        latency_ms=np.concatenate([run.latency_ms for run in runs]),
        values=values,
        pairs=pairs,
        runs=tuple(run.means() for run in runs),
    )


def save(judged: Judged, folder: Path) -> None:
    """Write into an existing folder: one ``.npz`` and one ``.json``, nothing that runs code when it is read."""
    arrays: dict[str, np.ndarray] = {"latency": judged.latency_ms}
    for track, ranking in judged.rankings.items():
        for part in ("items", "hits", "relevant", "tied", "opinion"):
            arrays[f"ranking/{track}/{part}"] = getattr(ranking, part)
    for track, values in judged.values.items():
        arrays[f"values/{track}"] = values.to_numpy()
        arrays[f"users/{track}"] = values.index.to_numpy().astype(str)
    if judged.shown:
        arrays["shown/p"], arrays["shown/bought"] = judged.shown
    np.savez_compressed(Path(folder) / "arrays.npz", **arrays)
    state = {
        "name": judged.name,
        "fit_seconds": judged.fit_seconds,
        "fit_mb": judged.fit_mb,
        "n_items": next(iter(judged.rankings.values())).n_items,
        "columns": {track: list(values.columns) for track, values in judged.values.items()},
        "pairs": judged.pairs,
    }
    (Path(folder) / "judged.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def load(folder: Path) -> Judged:
    """Read what :func:`save` wrote (all but the dense probabilities)."""
    state = json.loads((Path(folder) / "judged.json").read_text(encoding="utf-8"))
    with np.load(Path(folder) / "arrays.npz", allow_pickle=False) as kept:
        arrays = dict(kept)
    tracks = [key.split("/")[1] for key in arrays if key.startswith("ranking/") and key.endswith("/items")]
    rankings = {}
    for track in tracks:
        items, hits, relevant, tied, opinion = (
            arrays[f"ranking/{track}/{part}"] for part in ("items", "hits", "relevant", "tied", "opinion")
        )
        rankings[track] = Ranking(items, hits, relevant, tied, state["n_items"], opinion)
    values = {
        track: pd.DataFrame(arrays[f"values/{track}"], arrays[f"users/{track}"], columns)
        for track, columns in state["columns"].items()
    }
    shown = (arrays["shown/p"], arrays["shown/bought"]) if "shown/p" in arrays else None
    costs = state["fit_seconds"], state["fit_mb"], arrays["latency"]
    return Judged(state["name"], *costs, rankings, values, state["pairs"], shown)
