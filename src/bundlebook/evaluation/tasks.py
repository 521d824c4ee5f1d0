"""Tasks that a recommender is judged on: three tracks, new users, basket completion, the last basket.

The task of a time window comes from :meth:`bundlebook.shop.Split.task`. Here are the parts and variants of it.

==============================  ================================================================
:func:`tracks`                  all items, items bought before, items new to the user
:func:`everyone`                the users that a probability is asked of
:func:`newcomers`               users that no recommender has met, known by one, two or four baskets
:func:`hide_one`                find the item that was taken out of a basket
:func:`leave_last_out`          the last basket of every user, and :func:`last_baskets_in_time`
==============================  ================================================================
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Task


@dataclass(frozen=True)
class _Track:
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
    before : csr_matrix, shape (len(rows), n_items)
        1 where the user bought the item earlier.
    """

    name: str
    rows: np.ndarray
    truth: sparse.csr_matrix
    before: sparse.csr_matrix

    def candidates(self, some: slice | np.ndarray = slice(None)) -> np.ndarray | None:
        """Return what may be listed for some of `rows`, dense bool, shape (n, n_items); None allows everything."""
        if self.name == "all":
            return None
        known = self.before[some].toarray() > 0
        return known if self.name == "repeat" else ~known


def tracks(task: Task) -> dict[str, _Track]:
    """Return the three tracks of a task by name; one without a single user to judge is left out."""
    before = task.histories.user_item()
    before.data[:] = 1
    repeated = sparse.csr_matrix(task.truth.multiply(before))
    new = sparse.csr_matrix(task.truth - repeated)
    new.eliminate_zeros()
    found = {}
    for name, truth in (("all", task.truth), ("repeat", repeated), ("explore", new)):
        rows = np.flatnonzero(np.diff(truth.indptr))
        if len(rows) or name == "all":
            found[name] = _Track(name, rows, truth[rows], before[rows])
    return found


def everyone(task: Task, min_history: int = 3) -> tuple[Baskets, sparse.csr_matrix]:
    """Return all users that a probability is asked of: those of the task, and those who stayed away.

    A list can only be judged if something was bought. A probability must not be judged on such users alone: on the
    day of the prediction nobody knows who will come.

    Parameters
    ----------
    task : Task
    min_history : int
        The same as in :meth:`~bundlebook.shop.splits.Split.task`.

    Returns
    -------
    histories : Baskets
        Baskets of all users with that many visible baskets; the task's own users come first, in their order.
    truth : csr_matrix, shape (n_users, n_items)
        The task's truth, followed by empty rows.
    """
    known = task.visible.user_ids[task.visible.counts_by_user() >= min_history]
    absent = np.setdiff1d(known, task.histories.user_ids)
    names = np.concatenate([task.histories.user_ids, absent])
    rows = pd.Index(task.visible.user_ids).get_indexer(names)
    empty = sparse.csr_matrix((len(absent), task.truth.shape[1]), dtype=task.truth.dtype)
    return task.visible.of_users(rows), sparse.vstack([task.truth, empty], format="csr")


#: Baskets after which a new user is judged.
_NEW_BASKETS = (1, 2, 4)


def newcomers(
    task: Task, baskets: tuple[int, ...] = _NEW_BASKETS, share: float = 0.2, *, seed: int
) -> dict[int, tuple[Task, tuple[Baskets, sparse.csr_matrix]]]:
    """Make tasks with new users, from whom nothing was learned and whose histories have only just begun.

    A random share of the users is held out with everything they ever bought. What is left of them is their latest n
    baskets before the day of the prediction, as if they had joined the shop with the first of these.

    Parameters
    ----------
    task : Task
    baskets : tuple of int
        The n's; users with fewer earlier baskets than the largest are not held out, so that every n is judged on the
        same users.
    share : float
        Part of the users that is held out, in (0, 1).
    seed : int
        Seed for the choice of users.

    Returns
    -------
    dict of int to (Task, (histories, outcome))
        One task per n. The task's ``visible`` lacks the held-out users and is the same for all n. The second part is
        for probabilities: all held-out users, those who stayed away included, the task's own first.

    Raises
    ------
    BundlebookError
        If too few users can be held out.
    """
    if not 0 < share < 1 or not baskets or min(baskets) < 1:
        raise BundlebookError(f"share {share}, baskets {baskets}", where="newcomers", remedy="0 < share < 1, n ≥ 1")
    people, outcome = everyone(task, max(3, *baskets))
    enough = people.counts_by_user() >= max(baskets)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(np.flatnonzero(enough))[: round(share * enough.sum())])
    judged = np.diff(outcome[chosen].indptr) > 0
    if judged.sum() < 2:
        raise BundlebookError("fewer than two new users bought something", remedy="hold more out or widen the window")
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


@dataclass(frozen=True)
class _Completion:
    """Baskets with one item taken out of each.

    Attributes
    ----------
    carts : Baskets
        What is left, each basket as a history of its own: row u is basket u of a user u.
    at : datetime64[D]
        A day after all of them, to be passed to ``scores``.
    truth : csr_matrix, shape (n_baskets, n_items), float32
        1 at the item that was hidden.
    candidates : ndarray of bool, shape (n_baskets, n_items)
        False for what is still in the cart.
    user : ndarray of int64, shape (n_baskets,)
        Row of the original ``user_ids``: baskets of one user hang together.
    """

    carts: Baskets
    at: np.datetime64
    truth: sparse.csr_matrix
    candidates: np.ndarray
    user: np.ndarray


def hide_one(baskets: Baskets, *, seed: int, most: int | None = None) -> _Completion:
    """Take baskets of two or more items and hide one of them, drawn at random.

    Parameters
    ----------
    baskets : Baskets
        Over the items that the recommender knows.
    seed : int
    most : int, optional
        Take this many baskets at random, if there are more.

    Returns
    -------
    _Completion

    Raises
    ------
    BundlebookError
        If no basket has two items.
    """
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(baskets.sizes() >= 2)
    if not len(chosen):
        raise BundlebookError("no basket has two items", where="hide_one", remedy="count at a finer level")
    if most is not None and len(chosen) > most:
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    kept = baskets.where(chosen)
    start, size = kept.quantities.indptr[:-1], kept.sizes()
    place = start + (rng.random(len(size)) * size).astype(np.int64)
    hidden = kept.quantities.indices[place]
    left = kept.incidence
    left.data[place] = 0
    left.eliminate_zeros()
    rows = np.arange(kept.n_baskets)
    carts = Baskets(left, rows, kept.day, rows.astype(str), kept.items, kept.level)
    truth = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, hidden)), shape=left.shape)
    candidates = left.toarray() == 0
    return _Completion(carts, kept.day.max() + np.timedelta64(1, "D"), truth, candidates, kept.user)


def leave_last_out(baskets: Baskets, min_history: int = 3) -> Task:
    """Leave-last-basket-out: the last basket of every user is hidden, all others are visible.

    Common, simple, and leaky: a user who came last in March is judged by a recommender that has seen what everybody
    else bought until December.

    Parameters
    ----------
    baskets : Baskets
    min_history : int
        Users with fewer baskets before their last are not judged; all their baskets are visible.

    Returns
    -------
    Task
        ``at`` lies after the last of all baskets, so that everything visible counts as past.

    Raises
    ------
    BundlebookError
        If no user has that many baskets.
    """
    count = baskets.counts_by_user()
    judged = np.flatnonzero(count > min_history)
    if not len(judged):
        raise BundlebookError(f"no user has more than {min_history} baskets", remedy="lower min_history")
    hidden = (np.cumsum(count) - 1)[judged]
    seen = np.ones(baskets.n_baskets, dtype=bool)
    seen[hidden] = False
    visible = baskets.where(seen)
    truth = baskets.incidence[hidden]
    at = baskets.day.max() + np.timedelta64(1, "D")
    kept = np.flatnonzero(visible.counts_by_user())
    return Task("last basket", at, at, visible.of_users(kept), visible.of_users(judged), truth)


def last_baskets_in_time(baskets: Baskets, step_days: int = 7, min_history: int = 3) -> list[Task]:
    """Judge the same last baskets without looking ahead: one task per week, which sees only what lies before it.

    Parameters
    ----------
    baskets : Baskets
    step_days : int
        Length of a step. A user's last basket belongs to the step it lies in, and the task of the step sees what was
        bought before the step began; baskets between that day and the last one are lost to the history.
    min_history : int
        Users with fewer baskets before the step are not judged.

    Returns
    -------
    list of Task
        In time order; together at most the users of :func:`leave_last_out`. A step in which nobody can be judged has
        no task.
    """
    if step_days < 1:
        raise BundlebookError(f"a step of {step_days} days", where="last_baskets_in_time", remedy="use 1 or more")
    count = baskets.counts_by_user()
    users = np.flatnonzero(count > min_history)
    last = (np.cumsum(count) - 1)[users]
    start = baskets.day.min()
    step = (baskets.day[last] - start).astype(np.int64) // step_days
    tasks = []
    for number in np.unique(step):
        at = start + np.timedelta64(int(number) * step_days, "D")
        visible = baskets.between(end=at)
        mine = np.flatnonzero(step == number)
        mine = mine[visible.counts_by_user()[users[mine]] >= min_history]
        if not len(mine):
            continue
        kept = np.flatnonzero(visible.counts_by_user())
        task = Task("last basket", at, at, visible, visible.of_users(users[mine]), baskets.incidence[last[mine]])
        tasks.append(replace(task, visible=visible.of_users(kept), until=at + np.timedelta64(step_days, "D")))
    return tasks
