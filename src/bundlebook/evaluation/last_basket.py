"""Leave-last-basket-out, the literature's second protocol, and its honest twin."""

from dataclasses import replace

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Task


def leave_last_out(baskets: Baskets, min_history: int = 3) -> Task:
    """Hide the last basket of every user and show all others, whenever they were bought.

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
    """Judge the same last baskets without looking ahead: one task a week, which sees only what lies before it.

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


def seen_later(baskets: Baskets, min_history: int = 3) -> np.ndarray:
    """For every judged user, the share of the other users' baskets in view that were bought after his or her last one.

    Returns
    -------
    ndarray, shape (n_judged,)
    """
    count = baskets.counts_by_user()
    users = np.flatnonzero(count > min_history)
    day = np.sort(baskets.day)
    own_last = baskets.day[(np.cumsum(count) - 1)[users]]
    return 1 - np.searchsorted(day, own_last, side="right") / max(len(day), 1)
