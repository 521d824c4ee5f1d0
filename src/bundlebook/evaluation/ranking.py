"""From scores to ranked lists, with the ties resolved and bad input refused in one place."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError

#: Fraction of the golden ratio: multiples of it, modulo 1, spread evenly however many there are.
_GOLDEN = 0.6180339887498949
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Ranking:
    """The first places of every user's list, compared with the truth.

    Attributes
    ----------
    items : ndarray of int64, shape (n_users, depth)
        Column number of the item at each place; −1 where fewer candidates than places exist.
    hits : ndarray of bool, shape (n_users, depth)
        Whether that item was bought.
    relevant : ndarray of int64, shape (n_users,)
        |T_u|, at least 1: how many items there were to be found.
    tied : ndarray of bool, shape (n_users, depth)
        Whether the item at a place and its successor have equal scores: a list cut there was decided by the tie rule.
    n_items : int
        Size of the catalogue.
    """

    items: np.ndarray
    hits: np.ndarray
    relevant: np.ndarray
    tied: np.ndarray
    n_items: int

    @property
    def depth(self) -> int:
        """Number of places kept."""
        return self.items.shape[1]

    def at(self, k: int) -> np.ndarray:
        """Hits at the first *k* places, shape (n_users, k)."""
        if not 1 <= k <= self.depth:
            raise BundlebookError(f"k = {k}, but lists are {self.depth} long", remedy="rank with a larger depth")
        return self.hits[:, :k]


def rank(
    scores: np.ndarray,
    truth: sparse.csr_matrix,
    depth: int = 20,
    candidates: np.ndarray | None = None,
) -> Ranking:
    """Turn scores into every user's best *depth* items and mark the hits.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Higher is better. Infinite values are allowed, NaN is not.
    truth : sparse matrix, shape (n_users, n_items)
        Non-zero where the user bought the item. Every row needs at least one (within the candidates).
    depth : int
        Places kept; at most n_items.
    candidates : ndarray of bool, shape (n_users, n_items), optional
        Only these may be listed, for example only items new to the user. Purchases of others are ignored.

    Returns
    -------
    Ranking

    Examples
    --------
    Ann (row 0) bought items 0 and 2, Bob item 0, Cem items 1, 3 and 4; every list has three places:

    >>> scores, truth = three_rows()
    >>> r = rank(scores, truth, depth=3)
    >>> r.items
    array([[0, 1, 2],
           [1, 2, 3],
           [0, 1, 2]])
    >>> r.hits.astype(int)
    array([[1, 0, 1],
           [0, 0, 0],
           [0, 1, 0]])

    Raises
    ------
    BundlebookError
        If shapes differ, the catalogue has fewer than two items, a score is NaN, a user has nothing to be found, or
        every user's scores are all equal (a recommender that ranks nothing is broken; among some candidates alone it
        may rightly have no opinion, and ``tied`` tells).

    Notes
    -----
    **Ties.** Higher scores come first. Among equal scores the order is that of the item numbers, but for row u it
    starts at item ⌊n · frac(.618… u)⌋ and wraps around. It is fixed, so the same scores give the same figures
    everywhere. It is blind to the truth, and over many rows every item starts equally often, so ties earn what a
    random order would: with a common start, a catalogue numbered by popularity would hand a recommender of constant
    scores the popularity list.
    """
    scores = np.asarray(scores)
    check_scores(scores, truth, depth, candidates)
    n_users, n_items = scores.shape
    start = (n_items * np.mod(np.arange(n_users) * _GOLDEN, 1)).astype(np.int64)
    items = np.empty((n_users, depth), dtype=np.int64)
    hits = np.empty((n_users, depth), dtype=bool)
    relevant, tied, constant = np.empty(n_users, dtype=np.int64), np.empty((n_users, depth), dtype=bool), True
    for low in range(0, n_users, _ROWS_AT_ONCE):
        rows = slice(low, min(low + _ROWS_AT_ONCE, n_users))
        bought = truth[rows].toarray() != 0
        block = scores[rows].astype(np.float64)
        allowed = np.ones_like(bought) if candidates is None else candidates[rows]
        bought &= allowed
        constant = constant and _all_tied(block, allowed)
        items[rows], tied[rows] = _best(block, allowed, start[rows], depth)
        hits[rows] = np.take_along_axis(bought, items[rows], axis=1) & (items[rows] >= 0)
        relevant[rows] = bought.sum(axis=1)
    if constant and candidates is None:
        raise BundlebookError(
            "all items have the same score, for every user", where="scores", remedy="check that the model was fitted"
        )
    if (relevant == 0).any():
        raise BundlebookError(
            f"{(relevant == 0).sum()} of {n_users} users bought nothing that could be found, first: row "
            f"{np.flatnonzero(relevant == 0)[0]}",
            where="truth",
            remedy="leave these users out before ranking",
        )
    return Ranking(items, hits, relevant, tied, n_items)


def check_scores(
    scores: np.ndarray, truth: sparse.csr_matrix, depth: int = 1, candidates: np.ndarray | None = None
) -> None:
    """Raise a clear error unless *scores* can be ranked and compared with *truth*."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape != truth.shape:
        raise BundlebookError(
            f"scores have shape {scores.shape}, the truth {truth.shape}",
            remedy="return one row a user, one column an item",
        )
    if candidates is not None and candidates.shape != scores.shape:
        raise BundlebookError(f"candidates have shape {candidates.shape}, the scores {scores.shape}")
    if scores.shape[0] == 0:
        raise BundlebookError("there is no user to judge", where="scores")
    if scores.shape[1] < 2:
        raise BundlebookError("a catalogue of one item cannot be ranked", remedy="count items at a finer level")
    if not 1 <= depth <= scores.shape[1]:
        raise BundlebookError(
            f"lists of {depth} items from a catalogue of {scores.shape[1]}", remedy="choose 1 to n_items"
        )
    lost = np.isnan(scores)
    if lost.any():
        row, column = np.argwhere(lost)[0]
        raise BundlebookError(f"{lost.sum()} scores are NaN, first: user {row}, item {column}", where="scores")


def _all_tied(scores: np.ndarray, allowed: np.ndarray) -> bool:
    high = np.where(allowed, scores, -np.inf).max(axis=1)
    low = np.where(allowed, scores, np.inf).min(axis=1)
    return bool((high <= low).all())


def _best(scores: np.ndarray, allowed: np.ndarray, start: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the best items, −1 beyond the candidates, and which places tie with their successor."""
    n_items = scores.shape[1]
    turned = (np.arange(n_items) + start[:, np.newaxis]) % n_items
    by_score = np.take_along_axis(np.where(allowed, scores, -np.inf), turned, axis=1)
    is_allowed = np.take_along_axis(allowed, turned, axis=1)
    # A second stable sort puts candidates first, so that one with score −inf still precedes a forbidden item.
    order = np.argsort(-by_score, axis=1, kind="stable")
    if not allowed.all() and np.isneginf(scores).any():
        ranked_allowed = np.take_along_axis(is_allowed, order, axis=1)
        order = np.take_along_axis(order, np.argsort(~ranked_allowed, axis=1, kind="stable"), axis=1)
    available = allowed.sum(axis=1)[:, np.newaxis]
    best = np.take_along_axis(by_score, order[:, : depth + 1], axis=1)
    tied = np.zeros((len(scores), depth), dtype=bool)
    tied[:, : best.shape[1] - 1] = best[:, :-1] == best[:, 1:]
    tied &= np.arange(1, depth + 1) < available
    items = np.take_along_axis(turned, order[:, :depth], axis=1)
    items[np.arange(depth) >= available] = -1
    return items, tied


def three_rows() -> tuple[np.ndarray, sparse.csr_matrix]:
    """Three users, five items: scores and truth small enough to do every metric by hand.

    >>> scores, truth = three_rows()
    >>> truth.toarray()
    array([[1, 0, 1, 0, 0],
           [1, 0, 0, 0, 0],
           [0, 1, 0, 1, 1]])
    """
    scores = np.array([[0.9, 0.8, 0.7, 0.6, 0.5], [0.5, 0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6, 0.5]])
    return scores, sparse.csr_matrix(np.array([[1, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 1, 1]]))
