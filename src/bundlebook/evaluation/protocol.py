"""One protocol for everything that recommends: fit on what was visible, rank the catalogue, compare with what came.

:func:`evaluate` judges several recommenders on one task; the :class:`Evaluation` it returns keeps one value per user
and metric, so that tables, intervals and paired tests all come from the same numbers.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import metrics
from bundlebook.evaluation.calibration import pair_losses
from bundlebook.evaluation.leaderboard import Evaluation, Judged
from bundlebook.evaluation.ranking import check_scores, rank
from bundlebook.recommenders.base import ProbabilisticRecommender, Recommender
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


@dataclass(frozen=True)
class Track:
    """Which users are judged on which candidates.

    Attributes
    ----------
    name : str
        ``"all"``: the whole catalogue. ``"repeat"``: only items the user bought before. ``"explore"``: only items
        new to the user.
    rows : ndarray of int
        Users who bought at least one candidate in the window; only they can be judged.
    truth : csr_matrix, shape (len(rows), n_items)
        What of it they bought.
    candidates : ndarray of bool, shape (len(rows), n_items), or None
        What may be listed; None allows everything.
    """

    name: str
    rows: np.ndarray
    truth: sparse.csr_matrix
    candidates: np.ndarray | None


def tracks(task: Task) -> dict[str, Track]:
    """The three tracks of a task, by name; one without a single user to judge is left out."""
    bought, before = task.truth.toarray() > 0, task.histories.user_item().toarray() > 0
    found = {"all": Track("all", np.arange(len(bought)), task.truth, None)}
    for name, candidates in (("repeat", before), ("explore", ~before)):
        rows = np.flatnonzero((bought & candidates).any(axis=1))
        if len(rows):
            truth = sparse.csr_matrix((bought & candidates)[rows], dtype=np.float32)
            found[name] = Track(name, rows, truth, candidates[rows])
    return found


def everyone(task: Task, min_history: int = 3) -> tuple[Baskets, sparse.csr_matrix]:
    """All users a probability is asked of: those of the task and those who then stayed away.

    A list can only be judged if something was bought. A probability must not be judged on such users alone: on the
    day of the prediction nobody knows who will come.

    Parameters
    ----------
    task : Task
    min_history : int
        As in :meth:`~bundlebook.shop.splits.Split.task`.

    Returns
    -------
    histories : Baskets
        Of all users with that many visible baskets; the task's own users come first, in their order.
    truth : csr_matrix, shape (n_users, n_items)
        The task's truth, followed by empty rows.
    """
    known = task.visible.user_ids[task.visible.counts_by_user() >= min_history]
    absent = np.setdiff1d(known, task.histories.user_ids)
    names = np.concatenate([task.histories.user_ids, absent])
    rows = pd.Index(task.visible.user_ids).get_indexer(names)
    empty = sparse.csr_matrix((len(absent), task.truth.shape[1]), dtype=task.truth.dtype)
    return task.visible.of_users(rows), sparse.vstack([task.truth, empty], format="csr")


def evaluate(
    recommenders: Sequence[Recommender],
    task: Task,
    ks: Sequence[int] = (10, 20),
    requests: int = 100,
    probabilities: bool = True,
    *,
    seed: int,
) -> Evaluation:
    """Fit every recommender on ``task.visible`` and judge it on ``task.truth``.

    Parameters
    ----------
    recommenders : sequence of Recommender
        With distinct names.
    task : Task
    ks : sequence of int
        Lengths of list.
    requests : int
        Users whose lists are timed one by one; 0 times none.
    probabilities : bool
        Keep the probabilities of those that estimate them. Switch it off for a target other than the whole window,
        since P is per period.
    seed : int
        Of the choice of timed users.

    Returns
    -------
    Evaluation

    Raises
    ------
    BundlebookError
        If two names are equal, or scores cannot be ranked (wrong shape, NaN, ties only), naming the recommender.
    """
    names = [recommender.name for recommender in recommenders]
    if len(set(names)) < len(names) or not names:
        raise BundlebookError(f"names are not distinct: {names}", where="evaluate", remedy="pass name=...")
    depth, every = min(max(ks), task.truth.shape[1]), tracks(task)
    people, outcome = everyone(task)
    timed = np.random.default_rng(seed).permutation(task.truth.shape[0])[:requests]
    judged = [
        _judge(r, task, every, (people, outcome) if probabilities else None, ks, depth, timed) for r in recommenders
    ]
    return Evaluation(task, every, tuple(ks), outcome, {result.name: result for result in judged})


def _judge(
    recommender: Recommender,
    task: Task,
    every: dict[str, Track],
    population: tuple[Baskets, sparse.csr_matrix] | None,
    ks: Sequence[int],
    depth: int,
    timed: np.ndarray,
) -> Judged:
    began = time.process_time()
    recommender.fit(task.visible, task.at)
    # A model read from the cache says how long its training took; reading it is not training it.
    fit_seconds = getattr(recommender, "fit_seconds_", None) or time.process_time() - began
    scores = np.asarray(recommender.scores(task.histories, task.at))
    try:
        check_scores(scores, task.truth)
        rankings = {
            name: rank(scores[track.rows], track.truth, depth, track.candidates) for name, track in every.items()
        }
    except BundlebookError as error:
        where = ", ".join(filter(None, (recommender.name, error.where)))
        raise BundlebookError(error.problem, where=where, remedy=error.remedy) from None
    values = {
        name: pd.DataFrame(
            {f"{metric}@{k}": measure(ranking, k) for k in ks for metric, measure in METRICS.items()},
            index=task.histories.user_ids[every[name].rows],
        )
        for name, ranking in rankings.items()
    }
    # Whoever bought the whole catalogue has no pair to compare, and no AUC.
    some = rankings["all"].relevant < scores.shape[1]
    values["all"]["AUC"] = np.nan
    if some.any():
        values["all"].loc[some, "AUC"] = metrics.user_auc(scores[some], task.truth[some])
    probability = None
    if population and isinstance(recommender, ProbabilisticRecommender):
        people, outcome = population
        probability = recommender.probability(people, task.at)
        bought = outcome.toarray() > 0
        values["everyone"] = pd.DataFrame(
            {
                "Log loss": pair_losses(probability, bought).reshape(probability.shape).mean(axis=1),
                "Brier": ((probability - bought) ** 2).mean(axis=1),
            },
            index=people.user_ids,
        )
    latency = _latency(recommender, task, timed, depth)
    return Judged(recommender.name, fit_seconds, latency, rankings, values, probability)


def _latency(recommender: Recommender, task: Task, timed: np.ndarray, depth: int) -> np.ndarray:
    """Milliseconds a request; the first request warms caches up and is asked twice."""
    spent = []
    for user in [*timed[:1], *timed]:
        history = task.histories.of_users([user])
        began = time.perf_counter()
        scores = recommender.scores(history, task.at)[0]
        best = np.argpartition(-scores, depth - 1)[:depth]
        best[np.argsort(-scores[best], kind="stable")]
        spent.append(1000 * (time.perf_counter() - began))
    return np.array(spent[1:])
