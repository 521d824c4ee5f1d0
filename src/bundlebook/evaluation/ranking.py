"""From scores to ranked lists: ties are averaged over, and bad input is refused in one place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError

_ROWS_AT_ONCE = 512
_ARRAYS = ("items", "hits", "first", "size", "found", "relevant", "opinion")


@dataclass(frozen=True)
class Ranking:
    """The first places of every user's list, compared with the truth.

    Items with equal scores form a *group* of ties. Nothing says in which order they should stand, so metrics take the
    mean over all orders of every group, and `items` shows one order drawn at random.

    Attributes
    ----------
    items : ndarray of int64, shape (n_users, depth)
        Column number of the item at each place; −1 where fewer candidates than places exist.
    hits : ndarray of bool, shape (n_users, depth)
        Whether that item was bought.
    first, size, found : ndarray of int64, shape (n_users, depth)
        The group that the place belongs to: its first place (counted from 0), its items, and how many of these were
        bought. A group can reach beyond the list. Without ties: the place itself, 1, and the hit.
    relevant : ndarray of int64, shape (n_users,)
        |T_u|, at least 1: how many items there were to be found.
    n_items : int
        Size of the catalogue.
    opinion : ndarray of bool, shape (n_users,)
        Whether the candidates of a user differ in score at all.
    """

    items: np.ndarray
    hits: np.ndarray
    first: np.ndarray
    size: np.ndarray
    found: np.ndarray
    relevant: np.ndarray
    n_items: int
    opinion: np.ndarray

    @property
    def depth(self) -> int:
        """Number of places kept."""
        return self.items.shape[1]

    @property
    def within(self) -> np.ndarray:
        """How many places of the same group stand before each place, shape (n_users, depth)."""
        return np.arange(self.depth) - self.first

    @property
    def tied(self) -> np.ndarray:
        """Whether a list that ends at a place cuts a group in two, shape (n_users, depth)."""
        return self.within + 1 < self.size

    def at(self, k: int) -> np.ndarray:
        """Chance of a hit at the first *k* places over all orders of ties: 0 or 1 without ties, shape (n_users, k)."""
        if not 1 <= k <= self.depth:
            raise BundlebookError(f"k = {k}, but lists are {self.depth} long", remedy="rank with a larger depth")
        return self.found[:, :k] / self.size[:, :k]

    @classmethod
    def joined(cls, parts: Sequence["Ranking"]) -> "Ranking":
        """Put rankings of consecutive users under one another."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return cls(n_items=parts[0].n_items, **arrays)

    def checked(self) -> "Ranking":
        """Return itself, or raise if no user's scores differ: a recommender that ranks nothing is broken."""
        if not self.opinion.any():
            raise BundlebookError(
                "all items have the same score, for every user",
                where="scores",
                remedy="check that the model was fitted",
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
        may rightly have no opinion, and ``tied`` shows it).

    Notes
    -----
    **Ties.** Higher scores come first. Equal scores have no order of their own, so every metric is the mean over all of
    their orders, in closed form. A figure therefore depends neither on the numbers nor on the names of the items. Only
    ``items`` and ``hits`` need one order: it is drawn for every row, always the same for the same row.

    References
    ----------
    F. McSherry and M. Najork, "Computing information retrieval performance measures efficiently in the presence of tied
    scores", ECIR 2008.
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
    allowed = np.ones(scores.shape, dtype=bool) if candidates is None else candidates
    bought = (truth.toarray() != 0) & allowed
    relevant = bought.sum(axis=1)
    if (relevant == 0).any():
        raise BundlebookError(
            f"{(relevant == 0).sum()} of {len(scores)} users bought nothing that could be found, first: row "
            f"{first_row + np.flatnonzero(relevant == 0)[0]}",
            where="truth",
            remedy="leave these users out before ranking",
        )
    scores = scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)
    best = _best(scores, allowed, bought, depth, first_row)
    return Ranking(*best, relevant, scores.shape[1], _differ(scores, allowed))


def _check_scores(
    scores: np.ndarray, truth: sparse.csr_matrix, depth: int = 1, candidates: np.ndarray | None = None
) -> None:
    """Raise a clear error unless *scores* can be ranked and compared with *truth*."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape != truth.shape:
        raise BundlebookError(
            f"scores have shape {scores.shape}, the truth {truth.shape}",
            remedy="return one row per user and one column per item",
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


def _best(
    scores: np.ndarray, allowed: np.ndarray, bought: np.ndarray, depth: int, first_row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of the best items (−1 beyond the candidates), hits, and the group of ties at every place.

    Only the places needed are sorted: a partition finds the last score that can matter, and of the items that tie with
    it as many are drawn as there are places left.
    """
    n_items = scores.shape[1]
    # A candidate scored −inf still precedes a forbidden item.
    by_score = np.where(allowed, np.maximum(scores, np.finfo(scores.dtype).min), -np.inf)
    last = np.partition(by_score, n_items - depth, axis=1)[:, n_items - depth, np.newaxis]
    level, keys = by_score == last, _keys(first_row, scores.shape)
    taken = by_score >= last
    contested = taken.sum(axis=1) > depth
    if contested.any():
        drawn = np.where(level, keys, 2)[contested]  # 2 is above every key
        room = depth - (taken & ~level).sum(axis=1, keepdims=True)[contested]
        taken[contested] &= ~level[contested] | (drawn <= np.take_along_axis(np.sort(drawn), room - 1, axis=1))
    items = np.nonzero(taken)[1].reshape(len(scores), depth)
    best = np.take_along_axis(by_score, items, axis=1)
    order = np.lexsort((np.take_along_axis(keys, items, axis=1), -best))
    best, items = np.take_along_axis(best, order, axis=1), np.take_along_axis(items, order, axis=1)
    hits = np.take_along_axis(bought, items, axis=1)
    first, size, found = _groups(best, hits)
    at_end = best == last
    size = np.where(at_end, level.sum(axis=1, keepdims=True), size)
    found = np.where(at_end, (level & bought).sum(axis=1, keepdims=True), found)
    beyond = np.arange(depth) >= allowed.sum(axis=1)[:, np.newaxis]
    items[beyond], hits[beyond], found[beyond], size[beyond] = -1, False, 0, 1
    return items, hits, np.where(beyond, np.arange(depth), first), size, found


def _keys(first_row: int, shape: tuple[int, int]) -> np.ndarray:
    """Random order of the items for every row: row u has the same one in whatever block it comes."""
    return np.random.Generator(np.random.PCG64(0).advance(first_row * shape[1])).random(shape)


def _groups(best: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """First place, size and hits of the run of equal scores that each place belongs to, shape (3, n_users, depth)."""
    begins = np.ones(best.shape, dtype=bool)
    begins[:, 1:] = best[:, 1:] != best[:, :-1]
    run = np.cumsum(begins.ravel()) - 1
    groups = np.stack([np.nonzero(begins)[1], np.bincount(run), np.bincount(run, hits.ravel())])
    return groups[:, run].reshape(3, *best.shape).astype(np.int64)


def _top(values: np.ndarray, bought: np.ndarray, k: int, first_row: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the k largest values of every row, and the chance of a purchase at each over all orders of ties.

    >>> _top(np.array([[0.1, 0.5, 0.4, 0.4]]), np.array([[True, False, False, True]]), 2)
    (array([[1, 3]]), array([[0. , 0.5]]))
    """
    items, _, _, size, found = _best(values, np.ones(values.shape, dtype=bool), bought, k, first_row)
    return items, found / size


def three_rows() -> tuple[np.ndarray, sparse.csr_matrix]:
    """Return scores and truth of three users and five items, small enough to compute every metric by hand.

    >>> scores, truth = three_rows()
    >>> truth.toarray()
    array([[1, 0, 1, 0, 0],
           [1, 0, 0, 0, 0],
           [0, 1, 0, 1, 1]])
    """
    scores = np.array([[0.9, 0.8, 0.7, 0.6, 0.5], [0.5, 0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6, 0.5]])
    return scores, sparse.csr_matrix(np.array([[1, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 1, 1]]))
