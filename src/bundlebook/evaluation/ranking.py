"""From scores to ranked lists, with the ties resolved and bad input refused in one place."""

from collections.abc import Sequence
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
    opinion : ndarray of bool, shape (n_users,)
        Whether the candidates of a user differ in score at all.
    """

    items: np.ndarray
    hits: np.ndarray
    relevant: np.ndarray
    tied: np.ndarray
    n_items: int
    opinion: np.ndarray

    @property
    def depth(self) -> int:
        """Number of places kept."""
        return self.items.shape[1]

    def at(self, k: int) -> np.ndarray:
        """Hits at the first *k* places, shape (n_users, k)."""
        if not 1 <= k <= self.depth:
            raise BundlebookError(f"k = {k}, but lists are {self.depth} long", remedy="rank with a larger depth")
        return self.hits[:, :k]

    @classmethod
    def joined(cls, parts: Sequence["Ranking"]) -> "Ranking":
        """Put rankings of consecutive users under one another."""
        names = ("items", "hits", "relevant", "tied", "opinion")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(n_items=parts[0].n_items, **arrays)

    def checked(self, where: str = "scores") -> "Ranking":
        """Return itself, or raise if no user's scores differ: a recommender that ranks nothing is broken."""
        if not self.opinion.any():
            raise BundlebookError(
                "all items have the same score, for every user", where=where, remedy="check that the model was fitted"
            )
        return self


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
    _check_scores(scores, truth, depth, candidates)
    parts = []
    for low in range(0, len(scores), _ROWS_AT_ONCE):
        rows = slice(low, low + _ROWS_AT_ONCE)
        parts.append(
            _rank_block(scores[rows], truth[rows], depth, None if candidates is None else candidates[rows], low)
        )
    whole = Ranking.joined(parts)
    return whole.checked() if candidates is None else whole


def _rank_block(
    scores: np.ndarray, truth: sparse.csr_matrix, depth: int, candidates: np.ndarray | None, first_row: int
) -> Ranking:
    """Rank some of the users, whose first is number *first_row* of all: what :func:`rank` does block by block."""
    n_users, n_items = scores.shape
    start = (n_items * np.mod((first_row + np.arange(n_users)) * _GOLDEN, 1)).astype(np.int64)
    allowed = np.ones(scores.shape, dtype=bool) if candidates is None else candidates
    bought = (truth.toarray() != 0) & allowed
    relevant = bought.sum(axis=1)
    if (relevant == 0).any():
        raise BundlebookError(
            f"{(relevant == 0).sum()} of {n_users} users bought nothing that could be found, first: row "
            f"{first_row + np.flatnonzero(relevant == 0)[0]}",
            where="truth",
            remedy="leave these users out before ranking",
        )
    scores = scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)
    items, tied = _best(scores, allowed, start, depth)
    hits = np.take_along_axis(bought, items, axis=1) & (items >= 0)
    return Ranking(items, hits, relevant, tied, n_items, _differ(scores, allowed))


def _check_scores(
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


def _differ(scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    high = np.where(allowed, scores, -np.inf).max(axis=1)
    low = np.where(allowed, scores, np.inf).min(axis=1)
    return high > low


def _best(scores: np.ndarray, allowed: np.ndarray, start: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the best items, −1 beyond the candidates, and which places tie with their successor.

    Only the places needed are sorted: a partition finds the last score that can matter, and of the items that tie
    with it as many are taken, in the order of the tie rule, as there are places left.
    """
    n_users, n_items = scores.shape
    wanted = min(depth + 1, n_items)
    turned = (np.arange(n_items) + start[:, np.newaxis]) % n_items
    # A candidate scored −inf still precedes a forbidden item.
    by_score = np.where(allowed, np.maximum(scores, np.finfo(scores.dtype).min), -np.inf)
    by_score = np.take_along_axis(by_score, turned, axis=1)
    last = np.partition(by_score, n_items - wanted, axis=1)[:, n_items - wanted, np.newaxis]
    better, level = by_score > last, by_score == last
    room = wanted - better.sum(axis=1, keepdims=True)
    taken = better | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
    places = np.nonzero(taken)[1].reshape(n_users, wanted)
    best = np.take_along_axis(by_score, places, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best, places = np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)
    available = allowed.sum(axis=1)[:, np.newaxis]
    tied = np.zeros((n_users, depth), dtype=bool)
    tied[:, : wanted - 1] = best[:, :-1] == best[:, 1:]
    tied &= np.arange(1, depth + 1) < available
    items = np.take_along_axis(turned, places[:, :depth], axis=1)
    items[np.arange(depth) >= available] = -1
    return items, tied


def _top(values: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k largest values of every row, largest first; of equal ones those with the lower number.

    >>> _top(np.array([[0.1, 0.5, 0.5, 0.2]]), 3)
    array([[1, 2, 3]])
    """
    return _best(values, np.ones(values.shape, dtype=bool), np.zeros(len(values), dtype=np.int64), k)[0]


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
