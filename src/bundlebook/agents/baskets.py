"""Real baskets with a hidden half: some items are shown, the rest is hidden, and every action's reward is known."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from bundlebook.agents.worlds import check_sizes, refuse_outside
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import BasketCompleter
from bundlebook.shop import Baskets

#: Columns of ``HiddenHalf.features``.
FEATURES = ("ln q", "ln e", "ln f", "ln π", "ln mean size", "ln baskets")
#: Smallest value of what goes into a logarithm.
_FLOOR = 1e-3


@dataclass(frozen=True, eq=False)
class _Halves:
    """States: the basket of each row, and which candidates were added and came true, bool (n, n_items)."""

    row: np.ndarray
    added: np.ndarray
    hits: np.ndarray


@dataclass(frozen=True, eq=False)
class HiddenHalf:
    """A world of real baskets. Adding a candidate pays +1 if the hidden part holds it, else -1; STOP pays 0.

    The basket has been bought already, so what an action would have earned is known and nothing has to be estimated.

    Attributes
    ----------
    features : ndarray, shape (n_baskets, n_items, 6), float32
        What is known of each candidate at the start; columns :data:`FEATURES`. Candidates stand by falling q.
    bonds : ndarray, shape (n_baskets, n_items, n_items), float32
        Weight from candidate j to candidate i, of the regression on single baskets.
    hidden : ndarray of bool, shape (n_baskets, n_items)
        Whether the candidate lies in the hidden part.
    candidates : ndarray of int, shape (n_baskets, n_items)
        Columns of ``baskets.items``.
    user : ndarray of int, shape (n_baskets,)
        Row of the histories' ``user_ids``; baskets of one user hang together.
    to_find : ndarray of int, shape (n_baskets,)
        Size of the hidden part, candidates or not.
    most : int
    ordered : bool
        Whether episodes begin with the baskets one after the other, each once, instead of with drawn ones.
    """

    features: np.ndarray
    bonds: np.ndarray
    hidden: np.ndarray
    candidates: np.ndarray
    user: np.ndarray
    to_find: np.ndarray
    most: int = 5
    ordered: bool = False

    def __post_init__(self) -> None:
        check_sizes(self.n_items, self.most)
        if not (np.isfinite(self.features).all() and np.isfinite(self.bonds).all()):
            raise BundlebookError("a feature is not finite", where="HiddenHalf", remedy="clean the shop before")

    @property
    def n_items(self) -> int:
        return self.features.shape[1]

    @property
    def n_baskets(self) -> int:
        return len(self.features)

    def in_order(self) -> "HiddenHalf":
        """Return the same world, whose episodes take every basket once; for judging."""
        return replace(self, ordered=True)

    def begin(self, n: int, rng: np.random.Generator) -> _Halves:
        """States of *n* new episodes."""
        if self.ordered and n > self.n_baskets:
            raise BundlebookError(
                f"{n} episodes of {self.n_baskets} baskets, each once", where="HiddenHalf", remedy="play fewer"
            )
        row = np.arange(n) if self.ordered else rng.integers(self.n_baskets, size=n)
        nothing = np.zeros((n, self.n_items), dtype=bool)
        return _Halves(row, nothing, nothing)

    def observe(self, state: _Halves) -> np.ndarray:
        """Return features of every candidate, shape (n, n_items, 10), float32.

        The six of :data:`FEATURES`; the weights of the hits so far towards the candidate, added up; items and hits so
        far, as shares of `most`; whether the candidate was added.
        """
        n, many = state.added.shape
        pull = np.einsum("nj,nji->ni", state.hits.astype(np.float32), self.bonds[state.row])
        so_far = [
            np.broadcast_to(part.sum(axis=1, keepdims=True) / self.most, (n, many))
            for part in (state.added, state.hits)
        ]
        live = np.stack([pull, *so_far, state.added], axis=-1, dtype=np.float32)
        return np.concatenate([self.features[state.row], live], axis=-1)

    def mask(self, state: _Halves) -> np.ndarray:
        """Whether each action is allowed, shape (n, n_items + 1), bool; a full bundle allows none."""
        room = state.added.sum(axis=1, keepdims=True) < self.most
        return np.concatenate([~state.added & room, room], axis=1)

    def step(
        self, state: _Halves, action: np.ndarray, rng: np.random.Generator
    ) -> tuple[_Halves, np.ndarray, np.ndarray]:
        """Add a candidate to each bundle, or stop."""
        stopped, rows = action == self.n_items, np.arange(len(action))
        refuse_outside(self.mask(state)[rows, action], stopped, action)
        item = np.minimum(action, self.n_items - 1)
        hit = self.hidden[state.row, item]
        added, hits = state.added.copy(), state.hits.copy()
        added[rows[~stopped], item[~stopped]] = True
        hits[rows[~stopped], item[~stopped]] = hit[~stopped]
        reward = np.where(stopped, 0.0, np.where(hit, 1.0, -1.0))
        return _Halves(state.row, added, hits), reward, stopped | (added.sum(axis=1) >= self.most)


def hidden_half(
    completer: BasketCompleter,
    baskets: Baskets,
    histories: Baskets,
    at: np.datetime64,
    shown: int = 3,
    least: int = 6,
    n_items: int = 12,
    most: int = 5,
    limit: int | None = None,
    *,
    seed: int,
) -> HiddenHalf:
    """Show some items of each basket and hide the rest.

    Parameters
    ----------
    completer : BasketCompleter
        Fitted on the baskets before *at*; it chooses the candidates.
    baskets : Baskets
        From *at* on, with the users and items of *histories*.
    histories : Baskets
        Nothing on or after *at* is looked at.
    at : datetime64[D]
    shown : int
        Items shown of each basket, drawn at random.
    least : int
        Smallest size of a basket. A basket must have something to hide: ``least > shown``.
    n_items : int
        Candidates per basket: those with the largest q.
    most : int
        Most items in a bundle.
    limit : int, optional
        Take this many baskets, drawn at random, if there are more.
    seed : int

    Returns
    -------
    HiddenHalf

    Raises
    ------
    BundlebookError
        If no basket is large enough, or the numbers do not fit.
    """
    check_sizes(min(n_items, baskets.n_items), most)
    if not 1 <= shown < least:
        raise BundlebookError(
            f"{shown} items shown of baskets of {least} or more", where="hidden_half", remedy="leave one to hide"
        )
    if baskets.n_baskets and baskets.day.min() < np.asarray(at, "datetime64[D]"):
        raise BundlebookError(
            f"a basket of {baskets.day.min()} lies before {at}", where="hidden_half", remedy="use baskets.between(at)"
        )
    rng = np.random.default_rng(seed)
    large = np.flatnonzero(baskets.sizes() >= least)
    if not len(large):
        raise BundlebookError(f"no basket has {least} items", where="hidden_half", remedy="lower least")
    if limit is not None and len(large) > limit:
        large = np.sort(rng.choice(large, limit, replace=False))
    kept = baskets.where(large)
    whole = kept.incidence.astype(np.float64)
    carts = _drawn(whole, shown, rng)
    log_q = completer.scores(carts, histories, kept.user, at)
    open_ = carts.toarray() == 0
    log_q = log_softmax(np.where(open_, log_q, -np.inf), axis=1)
    found = np.argsort(-log_q, axis=1, kind="stable")[:, : min(n_items, baskets.n_items)]
    past = histories.between(end=at)
    weights = completer.weights_
    count = np.maximum(past.counts_by_user(), 1)
    size = np.bincount(past.user, weights=past.sizes(), minlength=past.n_users) / count
    own = (past.user_item().tocsr()[kept.user].toarray() + 5 * completer.share_) / (count[kept.user, None] + 5)
    e = np.asarray(carts @ weights)
    rows = np.arange(len(found))[:, None]
    columns = [
        log_q[rows, found],
        np.log(np.maximum(e[rows, found], _FLOOR)),
        np.log(own[rows, found]),
        np.log(completer.share_[found]),
        np.broadcast_to(np.log(np.maximum(size, 1))[kept.user, None], found.shape),
        np.broadcast_to(np.log(count)[kept.user, None], found.shape),
    ]
    rest = (whole - carts).tocsr()
    return HiddenHalf(
        np.stack(columns, axis=-1).astype(np.float32),
        weights[found[:, :, None], found[:, None, :]].astype(np.float32),
        rest.toarray()[rows, found] > 0,
        found,
        kept.user,
        np.asarray(rest.sum(axis=1)).ravel().astype(np.int64),
        most,
    )


def _drawn(whole: sparse.csr_matrix, many: int, rng: np.random.Generator) -> sparse.csr_matrix:
    """Keep *many* items of each row, drawn at random."""
    row = np.repeat(np.arange(whole.shape[0]), np.diff(whole.indptr))
    order = np.lexsort((rng.random(whole.nnz), row))
    place = np.empty(whole.nnz, dtype=np.int64)
    place[order] = np.arange(whole.nnz) - whole.indptr[row]
    carts = whole.copy()
    carts.data[place >= many] = 0
    carts.eliminate_zeros()
    return carts
