"""What one recommender does on prepared tasks: the lists, one value per user and metric, and the costs.

:func:`prepare` computes what does not depend on the recommender; :func:`_judge_one` fits and judges, in blocks of users
so that no dense table of all is made. A kept result depends on this module and what it imports, so tables and
leaderboards stand elsewhere.
"""

import ctypes
import gc
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from scipy import sparse
from scipy.special import logit

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.calibration import _EPSILON, _SHOWN
from bundlebook.evaluation.metrics import METRICS, Metric
from bundlebook.evaluation.ranking import _ARRAYS, Ranking, _check_scores, _rank_block, _top
from bundlebook.evaluation.tasks import _Track, everyone, tracks
from bundlebook.recommenders import ProbabilisticRecommender, Recommender
from bundlebook.shop import Baskets, Task

#: Scores held at once, users × items. Ranking them takes some 60 bytes each at the peak.
_CELLS_AT_ONCE = 8_000_000
#: Dense probabilities are kept up to this many cells.
_CELLS_KEPT = 20_000_000
#: Steps on the scale of log-odds by which purchases and non-purchases are counted for the AUC over all pairs.
_STEPS = 100_000
#: Seconds between two looks at the memory, where the kernel keeps no high-water mark.
_EVERY_SECONDS = 0.005


@dataclass(frozen=True)
class PreparedTask:
    """A task and everything about it that does not depend on the recommender.

    Attributes
    ----------
    task : Task
    tracks : dict of str to _Track
    ks : tuple of int
        Lengths of list.
    people : Baskets
        Histories of everyone a probability is asked of; the task's users come first.
    outcome : csr_matrix, shape (n_people, n_items)
        What everyone bought in the window.
    probabilities : bool
        Whether probabilities are judged: only where the target is the whole window, since P is per period.
    timed : ndarray of int
        Users whose lists are timed one by one.
    """

    task: Task
    tracks: dict[str, _Track]
    ks: tuple[int, ...]
    people: Baskets
    outcome: sparse.csr_matrix
    probabilities: bool
    timed: np.ndarray

    @property
    def depth(self) -> int:
        """Places of a list that are kept."""
        return min(max(self.ks), self.task.truth.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that a result depends on besides the recommender: baskets, truth, days, lengths of list."""
        task, content = self.task, hashlib.sha256()
        days = [str(day.astype("datetime64[D]")) for day in (task.at, task.until)]
        content.update(json.dumps([*days, self.ks, self.probabilities, self.timed.tolist()]).encode())
        for baskets in (task.visible, task.histories, self.people):
            content.update(baskets.digest.encode())
        for matrix in (task.truth, self.outcome):
            for part in (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(float)):
                content.update(part.tobytes() + b"\0")
        return content.hexdigest()

    def blocks(self, n_users: int) -> list[slice]:
        """Cut *n_users* rows so that a block's scores are a few million numbers."""
        rows = max(1, _CELLS_AT_ONCE // self.task.truth.shape[1])
        return [slice(low, min(low + rows, n_users)) for low in range(0, n_users, rows)]


def prepare(
    task: Task,
    ks: Sequence[int] = (10, 20),
    requests: int = 100,
    probabilities: bool = True,
    most_users: int | None = None,
    population: tuple[Baskets, sparse.csr_matrix] | None = None,
    *,
    seed: int,
) -> PreparedTask:
    """Prepare a task for judging: tracks, outcomes, and the users whose requests are timed.

    Parameters
    ----------
    task : Task
    ks : sequence of int
        Lengths of list; where the catalogue is shorter, its length.
    requests : int
        Users whose lists are timed one by one; 0 times none.
    probabilities : bool
        Judge the probabilities of those that estimate them. Switch it off where P means another event than the target.
    most_users : int, optional
        Judge a random sample of this size if there are more users. Recommenders still learn from all of them.
    population : tuple of Baskets and csr_matrix, optional
        Histories and outcomes of those a probability is asked of; :func:`~.tasks.everyone` if None. The probability of
        the next basket can be asked only of those who came: ``(task.histories, task.truth)``.
    seed : int
        Seed for the sample and the choice of timed users.
    """
    if not len(ks) or min(ks) < 1:
        raise BundlebookError(f"lists of length {list(ks)}", where="ks", remedy="use at least one length, 1 or more")
    nothing = np.flatnonzero(np.diff(task.truth.indptr) == 0)
    if len(nothing):
        raise BundlebookError(
            f"{len(nothing)} of {task.truth.shape[0]} users bought nothing in the window, first: user "
            f"{task.histories.user_ids[nothing[0]]}",
            where="truth",
            remedy="leave them out: Split.task does",
        )
    rng = np.random.default_rng(seed)
    people, outcome = population or everyone(task)
    if most_users is not None and people.n_users > most_users:
        chosen = np.sort(rng.permutation(people.n_users)[:most_users])
        judged = chosen[chosen < task.truth.shape[0]]
        if not len(judged):
            raise BundlebookError(f"none of {most_users} users drawn can be judged", remedy="draw more")
        task = replace(task, histories=task.histories.of_users(judged), truth=task.truth[judged])
        people, outcome = people.of_users(chosen), outcome[chosen]
    timed = rng.permutation(task.truth.shape[0])[:requests]
    return PreparedTask(task, tracks(task), tuple(ks), people, outcome, probabilities, timed)


@dataclass(frozen=True)
class Result:
    """What one recommender did on one task.

    Attributes
    ----------
    name : str
    fit_seconds : float
        Processor time of the fit over all cores, calibration included; of the original training where the model came
        from the cache. (Work done on a GPU is not in it.)
    fit_mb : float
        Memory the fit took at its peak, see :func:`_watch`; NaN where the model came from the cache.
    latency_ms : ndarray, shape (n_requests,)
        Wall time from one user's history to his or her list, in milliseconds.
    rankings : dict of str to Ranking
        One ranking per track.
    values : dict of str to DataFrame
        One table per track: one row per judged user, one column per metric. ``"everyone"`` holds the losses of a
        probability, also of users who stayed away.
    pairs : dict of str to float, or None
        ``log loss``, ``Brier skill``, ``AUC`` and ``accuracy`` of the probability over all pairs of a user and an item.
    shown : tuple of two ndarrays of shape (n_people, 20), or None
        P of the likeliest items of everyone, and the chance that they were bought (0 or 1 but for ties).
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

    def save(self, folder: Path) -> None:
        """Write into an existing folder: one ``.npz`` and one ``.json``, nothing that runs code when it is read."""
        arrays: dict[str, np.ndarray] = {"latency": self.latency_ms}
        for track, ranking in self.rankings.items():
            for part in _ARRAYS:
                arrays[f"ranking/{track}/{part}"] = getattr(ranking, part)
        for track, values in self.values.items():
            arrays[f"values/{track}"] = values.to_numpy()
            arrays[f"users/{track}"] = values.index.to_numpy().astype(str)
        if self.shown:
            arrays["shown/p"], arrays["shown/bought"] = self.shown
        np.savez_compressed(Path(folder) / "arrays.npz", allow_pickle=False, **arrays)
        state = {
            "name": self.name,
            "fit_seconds": self.fit_seconds,
            "fit_mb": self.fit_mb,
            "n_items": next(iter(self.rankings.values())).n_items,
            "columns": {track: list(values.columns) for track, values in self.values.items()},
            "pairs": self.pairs,
        }
        (Path(folder) / "judged.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Read what :meth:`save` wrote (all but the dense probabilities)."""
        state = json.loads((Path(folder) / "judged.json").read_text(encoding="utf-8"))
        with np.load(Path(folder) / "arrays.npz", allow_pickle=False) as kept:
            arrays = dict(kept)
        rankings = {}
        for track in (key.split("/")[1] for key in arrays if key.startswith("ranking/") and key.endswith("/items")):
            parts = {part: arrays[f"ranking/{track}/{part}"] for part in _ARRAYS}
            rankings[track] = Ranking(n_items=state["n_items"], **parts)
        values = {
            track: pd.DataFrame(arrays[f"values/{track}"], arrays[f"users/{track}"], columns)
            for track, columns in state["columns"].items()
        }
        shown = (arrays["shown/p"], arrays["shown/bought"]) if "shown/p" in arrays else None
        costs = state["fit_seconds"], state["fit_mb"], arrays["latency"]
        return cls(state["name"], *costs, rankings, values, state["pairs"], shown)


def averaged(runs: Sequence[Result]) -> Result:
    """Average the results of several seeds user by user, costs too; lists are those of the first seed.

    A user's value is then what the method earns from him or her in the mean, and intervals and tests go on as before.
    """
    first = runs[0]
    if len(runs) == 1:
        return replace(first, runs=(first.means(),))
    values = {track: sum(run.values[track] for run in runs) / len(runs) for track in first.values}
    every = [run.pairs for run in runs if run.pairs]
    pairs = {key: float(np.mean([of[key] for of in every])) for key in every[0]} if every else None
    return replace(
        first,
        fit_seconds=float(np.mean([run.fit_seconds for run in runs])),
        fit_mb=float(np.max([run.fit_mb for run in runs])),
        latency_ms=np.concatenate([run.latency_ms for run in runs]),
        values=values,
        pairs=pairs,
        runs=tuple(run.means() for run in runs),
    )


def _judge_one(recommender: Recommender, tasks: Mapping[str, PreparedTask]) -> dict[str, Result]:
    """Results by task of one recommender, fitted once; the tasks share what was visible.

    Raises
    ------
    BundlebookError
        If scores cannot be ranked (wrong shape, NaN, ties only), naming the recommender.
    """
    first = next(iter(tasks.values())).task
    with _watch() as used:
        recommender.fit(first.visible, first.at)
    # A model read from the cache says how long its training took; reading it is not training it.
    trained = getattr(recommender, "fit_seconds_", None)
    seconds, peak = trained or used.cpu_seconds, used.peak_mb
    if trained and used.cpu_seconds < 0.5 * trained:
        peak = float("nan")
    found = {}
    for name, prepared in tasks.items():
        latency = _latency(recommender, prepared)
        try:
            rankings, values = _lists(recommender, prepared)
        except BundlebookError as error:
            where = ", ".join(filter(None, (recommender.name, error.where)))
            raise BundlebookError(error.problem, where=where, remedy=error.remedy) from None
        result = Result(recommender.name, seconds, peak, latency, rankings, values)
        if prepared.probabilities and isinstance(recommender, ProbabilisticRecommender):
            result = _with_probabilities(result, recommender, prepared)
        found[name] = result
    return found


def _judge_later(recommender: Recommender, tasks: Mapping[str, PreparedTask]) -> Callable[[], dict[str, Result]]:
    """:func:`_judge_one`, to be called later; made here, so that a kept result depends on the code that judges."""
    return lambda: _judge_one(recommender, tasks)


def _metrics(of: str) -> list[Metric]:
    return [metric for metric in METRICS.values() if metric.of == of]


def _lists(recommender: Recommender, prepared: PreparedTask) -> tuple[dict[str, Ranking], dict[str, pd.DataFrame]]:
    """Rank every track block by block; metrics by track, NaN where scores say nothing (everything was bought)."""
    task = prepared.task
    parts: dict[str, list[Ranking]] = {name: [] for name in prepared.tracks}
    of_scores: dict[str, list[np.ndarray]] = {metric.name: [] for metric in _metrics("scores")}
    for block in prepared.blocks(task.truth.shape[0]):
        histories = task.histories.of_users(np.arange(block.start, block.stop))
        truth = task.truth[block]
        scores = np.asarray(recommender.scores(histories, task.at))
        _check_scores(scores, truth, prepared.depth)
        for name, track in prepared.tracks.items():
            low, high = (int(place) for place in np.searchsorted(track.rows, [block.start, block.stop]))
            if low < high:
                inside, mine = track.rows[low:high] - block.start, slice(low, high)
                allowed = track.candidates(mine)
                parts[name].append(_rank_block(scores[inside], track.truth[mine], prepared.depth, allowed, low))
        some = np.diff(truth.indptr) < truth.shape[1]
        for metric in _metrics("scores"):
            value = np.full(len(some), np.nan)
            if some.any():
                value[some] = metric.fn(scores[some], truth[some])
            of_scores[metric.name].append(value)
    rankings = {name: Ranking.joined(found) for name, found in parts.items()}
    rankings["all"].checked()
    values = {}
    for name, ranking in rankings.items():
        columns = {
            metric.label(k): metric.fn(ranking, min(k, prepared.depth))
            for k in prepared.ks
            for metric in _metrics("list")
        }
        if name == "all":
            columns |= {label: np.concatenate(found) for label, found in of_scores.items()}
        values[name] = pd.DataFrame(columns, index=task.histories.user_ids[prepared.tracks[name].rows])
    return rankings, values


def _with_probabilities(result: Result, recommender: ProbabilisticRecommender, prepared: PreparedTask) -> Result:
    """Add what the probabilities of everyone are worth."""
    people, outcome, n_items = prepared.people, prepared.outcome, prepared.outcome.shape[1]
    keep = people.n_users * n_items <= _CELLS_KEPT
    losses, kept, shown_p, shown_y, right = [], [], [], [], 0
    counts = np.zeros((2, _STEPS))
    for block in prepared.blocks(people.n_users):
        histories = people.of_users(np.arange(block.start, block.stop))
        p, bought = recommender.probability(histories, prepared.task.at), outcome[block].toarray() > 0
        if p.shape != bought.shape:
            raise BundlebookError(f"probabilities have shape {p.shape}, not {bought.shape}", where=recommender.name)
        by_pair = {metric.name: metric.fn(p, bought) for metric in _metrics("probability")}
        losses.append(pd.DataFrame({name: loss.reshape(p.shape).mean(axis=1) for name, loss in by_pair.items()}))
        best, came_true = _top(p, bought, min(_SHOWN, n_items), block.start)
        shown_p.append(np.take_along_axis(p, best, axis=1))
        shown_y.append(came_true)
        right += int(((p >= 0.5) == bought).sum())
        # Log-odds of _EPSILON are −16.1, so the scale from −17 to 17 holds all.
        step = ((logit(np.clip(p, _EPSILON, 1 - _EPSILON)) + 17) * (_STEPS / 34)).astype(np.int32)
        for came in (0, 1):
            counts[came] += np.bincount(step[bought == bool(came)], minlength=counts.shape[1])
        if keep:
            kept.append(p)
    by_user = pd.concat(losses).set_index(people.user_ids)
    share = outcome.nnz / (people.n_users * n_items)
    below = counts[0].cumsum() - counts[0]
    pairs = {
        "log loss": float(by_user["Log loss"].mean()),
        "Brier skill": 1 - float(by_user["Brier"].mean()) / (share * (1 - share)) if 0 < share < 1 else float("nan"),
        "AUC": float((counts[1] * (below + counts[0] / 2)).sum() / np.maximum(counts[0].sum() * counts[1].sum(), 1)),
        "accuracy": right / (people.n_users * n_items),
    }
    return replace(
        result,
        values=result.values | {"everyone": by_user},
        pairs=pairs,
        shown=(np.concatenate(shown_p), np.concatenate(shown_y)),
        probability=np.concatenate(kept) if keep else None,
    )


def _latency(recommender: Recommender, prepared: PreparedTask) -> np.ndarray:
    """Milliseconds per request; the first request warms caches up and is asked twice."""
    spent, depth = [], prepared.depth
    for user in [*prepared.timed[:1], *prepared.timed]:
        history = prepared.task.histories.of_users(np.array([user]))
        began = time.perf_counter()
        scores = recommender.scores(history, prepared.task.at)[0]
        best = np.argpartition(-scores, depth - 1)[:depth]
        best[np.argsort(-scores[best], kind="stable")]
        spent.append(1000 * (time.perf_counter() - began))
    return np.array(spent[1:])


@dataclass
class _Used:
    """Filled in when the watched block ends.

    Attributes
    ----------
    cpu_seconds : float
        Over all cores and threads of this process. (Work done on a GPU is not in it.)
    peak_mb : float
        Largest resident memory of the process during the block, less what it had before, in megabytes (10⁶ bytes).
        Libraries that the block is the first to import count, too.
    """

    cpu_seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def _watch() -> Iterator[_Used]:
    """Measure what the block uses.

    ``tracemalloc`` would miss what numerical libraries allocate themselves, so resident memory is read: on Linux the
    kernel's own high-water mark, which is set back first; elsewhere the largest of a sample every 5 ms.

    >>> import numpy as np
    >>> with _watch() as used:
    ...     total = np.ones(4_000_000).sum()  # 32 MB
    >>> used.peak_mb > 25, used.cpu_seconds > 0
    (True, True)
    """
    used, process, done = _Used(), psutil.Process(), threading.Event()
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # not the GNU C library: the figure is then a lower bound
        ctypes.CDLL(None).malloc_trim(0)  # freed memory goes back, so that the block cannot live on it unseen
    before, exact = process.memory_info().rss, _reset_high_water()
    seen = [before]

    def sample() -> None:
        while not done.wait(_EVERY_SECONDS):
            seen.append(max(seen.pop(), process.memory_info().rss))

    sampler = threading.Thread(target=sample, daemon=True)
    if not exact:
        sampler.start()
    began = time.process_time()
    try:
        yield used
    finally:
        used.cpu_seconds = time.process_time() - began
        done.set()
        if exact:
            status = Path("/proc/self/status").read_text()
            seen.append(1024 * int(status.split("VmHWM:")[1].split()[0]))
        else:
            sampler.join()
        used.peak_mb = max(max(seen) - before, 0) / 1e6


def _reset_high_water() -> bool:
    """Set the kernel's high-water mark back; False where there is none."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True
