"""Who is judged on what: everything, repeats, or only what is new to the user; and of whom a probability is asked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.shop import Baskets, Task


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
    before : csr_matrix, shape (len(rows), n_items)
        1 where the user bought the item earlier.
    """

    name: str
    rows: np.ndarray
    truth: sparse.csr_matrix
    before: sparse.csr_matrix

    def candidates(self, some: slice | np.ndarray = slice(None)) -> np.ndarray | None:
        """What may be listed for some of `rows`, dense bool, shape (n, n_items); None allows everything."""
        if self.name == "all":
            return None
        known = self.before[some].toarray() > 0
        return known if self.name == "repeat" else ~known


def tracks(task: Task) -> dict[str, Track]:
    """The three tracks of a task, by name; one without a single user to judge is left out."""
    before = task.histories.user_item()
    before.data[:] = 1
    repeated = sparse.csr_matrix(task.truth.multiply(before))
    new = sparse.csr_matrix(task.truth - repeated)
    new.eliminate_zeros()
    found = {}
    for name, truth in (("all", task.truth), ("repeat", repeated), ("explore", new)):
        rows = np.flatnonzero(np.diff(truth.indptr))
        if len(rows) or name == "all":
            found[name] = Track(name, rows, truth[rows], before[rows])
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
