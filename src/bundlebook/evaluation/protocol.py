"""One protocol for everything that recommends: fit on what was visible, rank the catalogue, compare with what came.

:func:`evaluate` judges several recommenders on one task; the :class:`~.leaderboard.Evaluation` it returns keeps one
value per user and metric, so that tables, intervals and paired tests all come from the same numbers.
"""

from collections.abc import Sequence

from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.arena import METRICS, judge, prepare
from bundlebook.evaluation.judged import averaged
from bundlebook.evaluation.leaderboard import Evaluation
from bundlebook.evaluation.tracks import Track, everyone, tracks
from bundlebook.recommenders import Recommender
from bundlebook.shop import Baskets, Task

__all__ = ["METRICS", "Track", "evaluate", "everyone", "tracks"]


def evaluate(
    recommenders: Sequence[Recommender],
    task: Task,
    ks: Sequence[int] = (10, 20),
    requests: int = 100,
    probabilities: bool = True,
    most_users: int | None = None,
    population: tuple[Baskets, sparse.csr_matrix] | None = None,
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
        Lengths of list; where the catalogue is shorter, its length.
    requests : int
        Users whose lists are timed one by one; 0 times none.
    probabilities : bool
        Judge the probabilities of those that estimate them. Switch it off where P means another event than the target.
    most_users : int, optional
        Of a larger population, judge a random sample of this size. Recommenders still learn from everybody.
    population : tuple of Baskets and csr_matrix, optional
        Histories and outcomes of those a probability is asked of; :func:`~.tracks.everyone` if None. Of the next basket
        it can be asked only of those who came: ``(task.histories, task.truth)``.
    seed : int
        Of the sample and of the choice of timed users.

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
    arena = prepare(task, ks, requests, probabilities, most_users, population, seed=seed)
    results = (averaged([judge(recommender, {"task": arena})["task"]]) for recommender in recommenders)
    return Evaluation.of(arena, results)
