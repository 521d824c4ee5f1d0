"""The basket-completion task: hide one item of a basket, find it from the others."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


@dataclass(frozen=True)
class Completion:
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
    household : ndarray of int64, shape (n_baskets,)
        Row of the original ``user_ids``: baskets of one household hang together.
    """

    carts: Baskets
    at: np.datetime64
    truth: sparse.csr_matrix
    candidates: np.ndarray
    household: np.ndarray


def hide_one(baskets: Baskets, *, seed: int, most: int | None = None) -> Completion:
    """Hide one item, drawn at random, of every basket that has two or more.

    Parameters
    ----------
    baskets : Baskets
        Over the items that the recommender knows.
    seed : int
    most : int, optional
        Take this many baskets at random, if there are more.

    Returns
    -------
    Completion

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
    return Completion(carts, kept.day.max() + np.timedelta64(1, "D"), truth, candidates, kept.user)
