"""A task made ready for judging, and the judging itself, in blocks of users so that no dense table of all is made."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import logit

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import metrics
from bundlebook.evaluation.calibration import EPSILON, pair_losses
from bundlebook.evaluation.judged import Judged
from bundlebook.evaluation.ranking import Ranking, check_scores, rank_block, top
from bundlebook.evaluation.resources import watch
from bundlebook.evaluation.tracks import Track, everyone, tracks
from bundlebook.recommenders import ProbabilisticRecommender, Recommender
from bundlebook.shop import Baskets, Task

#: Metrics of a list, by the name under which tables show them (``"Recall"`` becomes ``"Recall@10"``).
METRICS = {
    "Recall": metrics.recall,
    "Precision": metrics.precision,
    "NDCG": metrics.ndcg,
    "Hit rate": metrics.hit_rate,
    "MRR": metrics.reciprocal_rank,
    "MAP": metrics.average_precision,
}
#: Places of the list whose probabilities are kept and checked for calibration.
SHOWN = 20
#: Scores held at once, users × items. Ranking them takes some 60 bytes each at the peak.
CELLS_AT_ONCE = 8_000_000
#: Dense probabilities are kept up to this many cells.
CELLS_KEPT = 20_000_000
#: Steps on the scale of log-odds by which purchases and non-purchases are counted for the AUC over all pairs.
_STEPS = 100_000


@dataclass(frozen=True)
class Arena:
    """A task and everything about it that does not depend on the recommender.

    Attributes
    ----------
    task : Task
    tracks : dict of str to Track
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
    tracks: dict[str, Track]
    ks: tuple[int, ...]
    people: Baskets
    outcome: sparse.csr_matrix
    probabilities: bool
    timed: np.ndarray

    @property
    def depth(self) -> int:
        """Places of a list that are kept."""
        return min(max(self.ks), self.task.truth.shape[1])

    def blocks(self, n_users: int) -> list[slice]:
        """Cut *n_users* rows so that a block's scores are a few million numbers."""
        rows = max(1, CELLS_AT_ONCE // self.task.truth.shape[1])
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
) -> Arena:
    """Make a task ready.

    Parameters
    ----------
    task : Task
    ks : sequence of int
        Lengths of list.
    requests : int
        Users whose lists are timed one by one; 0 times none.
    probabilities : bool
        Judge the probabilities of those that estimate them.
    most_users : int, optional
        Of a larger population, judge a random sample of this size. Recommenders still learn from everybody.
    population : tuple of Baskets and csr_matrix, optional
        Of whom a probability is asked; :func:`~.tracks.everyone` if None.
    seed : int
        Of the sample and of the choice of timed users.
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
    return Arena(task, tracks(task), tuple(ks), people, outcome, probabilities, timed)


def judge(recommender: Recommender, arenas: dict[str, Arena]) -> dict[str, Judged]:
    """Fit a recommender once and judge it on several tasks that share what was visible.

    Raises
    ------
    BundlebookError
        If scores cannot be ranked (wrong shape, NaN, ties only), naming the recommender.
    """
    first = next(iter(arenas.values())).task
    with watch() as used:
        recommender.fit(first.visible, first.at)
    # A model read from the cache says how long its training took; reading it is not training it.
    trained = getattr(recommender, "fit_seconds_", None)
    seconds, peak = trained or used.cpu_seconds, used.peak_mb
    if trained and used.cpu_seconds < 0.5 * trained:
        peak = float("nan")
    return {
        name: Judged(recommender.name, seconds, peak, _latency(recommender, arena), *_values(recommender, arena))
        for name, arena in arenas.items()
    }


def judging(recommender: Recommender, arenas: dict[str, Arena]) -> Callable[[], dict[str, Judged]]:
    """The same, to be called later; made here, so that a kept result depends on the code that judges."""
    return lambda: judge(recommender, arenas)


def _values(recommender: Recommender, arena: Arena) -> tuple:
    task = arena.task
    try:
        rankings, areas = _rankings(recommender, arena)
    except BundlebookError as error:
        where = ", ".join(filter(None, (recommender.name, error.where)))
        raise BundlebookError(error.problem, where=where, remedy=error.remedy) from None
    values = {
        name: pd.DataFrame(
            {
                f"{metric}@{k}": measure(ranking, min(k, arena.depth))
                for k in arena.ks
                for metric, measure in METRICS.items()
            },
            index=task.histories.user_ids[arena.tracks[name].rows],
        )
        for name, ranking in rankings.items()
    }
    values["all"]["AUC"] = areas
    if not (arena.probabilities and isinstance(recommender, ProbabilisticRecommender)):
        return rankings, values
    values["everyone"], pairs, shown, probability = _probabilities(recommender, arena)
    return rankings, values, pairs, shown, probability


def _rankings(recommender: Recommender, arena: Arena) -> tuple[dict[str, Ranking], np.ndarray]:
    """Rank every track block by block; and the AUC of every user, NaN of whoever bought the whole catalogue."""
    task, parts, areas = arena.task, {name: [] for name in arena.tracks}, []
    for block in arena.blocks(task.truth.shape[0]):
        histories = task.histories.of_users(np.arange(block.start, block.stop))
        truth = task.truth[block]
        scores = np.asarray(recommender.scores(histories, task.at))
        check_scores(scores, truth, arena.depth)
        for name, track in arena.tracks.items():
            low, high = np.searchsorted(track.rows, [block.start, block.stop])
            if low < high:
                inside, mine = track.rows[low:high] - block.start, slice(low, high)
                parts[name].append(
                    rank_block(scores[inside], track.truth[mine], arena.depth, track.candidates(mine), int(low))
                )
        some = np.diff(truth.indptr) < truth.shape[1]
        area = np.full(len(some), np.nan)
        if some.any():
            area[some] = metrics.user_auc(scores[some], truth[some])
        areas.append(area)
    rankings = {name: Ranking.joined(found) for name, found in parts.items()}
    rankings["all"].checked()
    return rankings, np.concatenate(areas)


def _probabilities(recommender: ProbabilisticRecommender, arena: Arena) -> tuple:
    people, outcome, n_items = arena.people, arena.outcome, arena.outcome.shape[1]
    keep = people.n_users * n_items <= CELLS_KEPT
    losses, kept, shown_p, shown_y, right = [], [], [], [], 0
    counts = np.zeros((2, _STEPS))
    for block in arena.blocks(people.n_users):
        histories = people.of_users(np.arange(block.start, block.stop))
        p, bought = recommender.probability(histories, arena.task.at), outcome[block].toarray() > 0
        if p.shape != bought.shape:
            raise BundlebookError(f"probabilities have shape {p.shape}, not {bought.shape}", where=recommender.name)
        loss = pair_losses(p, bought).reshape(p.shape).mean(axis=1)
        losses.append(pd.DataFrame({"Log loss": loss, "Brier": ((p - bought) ** 2).mean(axis=1)}))
        best = top(p, min(SHOWN, n_items))
        shown_p.append(np.take_along_axis(p, best, axis=1))
        shown_y.append(np.take_along_axis(bought, best, axis=1))
        right += int(((p >= 0.5) == bought).sum())
        # Log-odds of EPSILON are −16.1, so the scale from −17 to 17 holds all.
        step = ((logit(np.clip(p, EPSILON, 1 - EPSILON)) + 17) * (_STEPS / 34)).astype(np.int32)
        for came in (0, 1):
            counts[came] += np.bincount(step[bought == bool(came)], minlength=counts.shape[1])
        if keep:
            kept.append(p)
    by_user = pd.concat(losses).set_index(people.user_ids)
    bought = outcome.nnz / (people.n_users * n_items)
    below = counts[0].cumsum() - counts[0]
    pairs = {
        "log loss": float(by_user["Log loss"].mean()),
        "Brier skill": 1 - float(by_user["Brier"].mean()) / (bought * (1 - bought)) if 0 < bought < 1 else float("nan"),
        "AUC": float((counts[1] * (below + counts[0] / 2)).sum() / np.maximum(counts[0].sum() * counts[1].sum(), 1)),
        "accuracy": right / (people.n_users * n_items),
    }
    probability = np.concatenate(kept) if keep else None
    return by_user, pairs, (np.concatenate(shown_p), np.concatenate(shown_y)), probability


def _latency(recommender: Recommender, arena: Arena) -> np.ndarray:
    """Milliseconds a request; the first request warms caches up and is asked twice."""
    spent, depth = [], arena.depth
    for user in [*arena.timed[:1], *arena.timed]:
        history = arena.task.histories.of_users([user])
        began = time.perf_counter()
        scores = recommender.scores(history, arena.task.at)[0]
        best = np.argpartition(-scores, depth - 1)[:depth]
        best[np.argsort(-scores[best], kind="stable")]
        spent.append(1000 * (time.perf_counter() - began))
    return np.array(spent[1:])
