"""The cold-start task: households that no recommender has met, known by one, two or four baskets."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.tracks import everyone
from bundlebook.shop import Baskets, Task

#: Baskets after which a new household is judged.
BASKETS = (1, 2, 4)


def newcomers(
    task: Task, baskets: tuple[int, ...] = BASKETS, share: float = 0.2, *, seed: int
) -> dict[int, tuple[Task, tuple[Baskets, sparse.csr_matrix]]]:
    """Let some households be new: nothing of them may be learned from, and their history has only just begun.

    A random share of the households is held out with everything they ever bought. What is left of them is their
    latest n baskets before the day of the prediction, as if they had joined the shop with the first of these.

    Parameters
    ----------
    task : Task
    baskets : tuple of int
        The n's; households with fewer earlier baskets than the largest are not held out, so that every n is judged on
        the same households.
    share : float
        Part of the households that is held out, in (0, 1).
    seed : int
        Of the choice.

    Returns
    -------
    dict of int to (Task, (histories, outcome))
        By n. The task's ``visible`` lacks the held-out households and is the same for all n. The second part is for
        probabilities: all held-out households, those who stayed away included, the task's own first.

    Raises
    ------
    BundlebookError
        If too few households can be held out.
    """
    if not 0 < share < 1 or not baskets or min(baskets) < 1:
        raise BundlebookError(f"share {share}, baskets {baskets}", where="newcomers", remedy="0 < share < 1, n ≥ 1")
    people, outcome = everyone(task, max(3, *baskets))
    enough = people.counts_by_user() >= max(baskets)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(np.flatnonzero(enough))[: round(share * enough.sum())])
    judged = np.diff(outcome[chosen].indptr) > 0
    if judged.sum() < 2:
        raise BundlebookError(
            "fewer than two new households bought something", remedy="hold more out or widen the window"
        )
    chosen = np.concatenate([chosen[judged], chosen[~judged]])
    new, came = people.of_users(chosen), outcome[chosen]
    staying = np.flatnonzero(~np.isin(task.visible.user_ids, new.user_ids))
    visible = task.visible.of_users(staying)
    tasks = {}
    for n in baskets:
        histories = new.last(n)
        mine = histories.of_users(np.arange(judged.sum()))
        tasks[n] = (replace(task, visible=visible, histories=mine, truth=came[: judged.sum()]), (histories, came))
    return tasks


def single_lines(histories: Baskets, *, seed: int) -> Baskets:
    """Keep one line of every basket, drawn at random: all that a shop would know that saw little of each visit.

    Such a history is not just a short one: most of what was bought is missing from it, and nothing in it says so.
    """
    rng, lines = np.random.default_rng(seed), histories.quantities.tocsr()
    basket = np.repeat(np.arange(histories.n_baskets), histories.sizes())
    shuffled = np.lexsort((rng.random(len(basket)), basket))
    chosen = shuffled[np.unique(basket[shuffled], return_index=True)[1]]
    kept = sparse.csr_matrix((lines.data[chosen], (basket[chosen], lines.indices[chosen])), shape=lines.shape)
    return replace(histories, quantities=kept)
