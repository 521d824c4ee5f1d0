"""Completing a basket: which item comes next, from what lies in the basket and from the user's habits."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, before, past_of, require
from bundlebook.recommenders.calibrated import _Replay
from bundlebook.recommenders.linear import EASE
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Smallest value of EASE's scores, so that they have a logarithm.
_FLOOR = 1e-3


def item_shares(past: Baskets) -> np.ndarray:
    r"""Share of the baskets that hold each item, shape (n_items,), with half a basket more so that none is 0.

    .. math:: \pi_i = (n_i + 1/2) / (n + 1)
    """
    return (np.bincount(past.quantities.indices, minlength=past.n_items) + 0.5) / (past.n_baskets + 1)


def decayed_shares(
    histories: Baskets, at: np.datetime64, half_life: float, prior: np.ndarray, prior_baskets: float = 5.0
) -> np.ndarray:
    r"""Return the decayed share of every user's baskets that held an item.

    .. math:: f_{ui} = \frac{\sum_{b \ni i} 2^{-a_b / h} + \alpha \pi_i}{\sum_b 2^{-a_b / h} + \alpha} \in (0, 1)

    with :math:`a_b` the age of a basket in days.

    Parameters
    ----------
    histories : Baskets
        Nothing on or after *at* is looked at.
    at : datetime64[D]
    half_life : float
        h, in days.
    prior : ndarray, shape (n_items,)
        π, the shares of the whole shop (:func:`item_shares`); a user without a basket has these.
    prior_baskets : float
        α, baskets of an average user that are added.

    Returns
    -------
    ndarray, shape (n_users, n_items), float64
    """
    past = histories.between(end=at)
    weight = past.decay(at, half_life)
    n = np.bincount(past.user, weights=weight, minlength=past.n_users)[:, None]
    return (past.user_item(weight).toarray() + prior_baskets * prior) / (n + prior_baskets)


@dataclass(eq=False)
class BasketCompleter:
    r"""P(the next item), from what lies in the basket and from the user's habits: a conditional logit.

    .. math:: q_{bi} = \frac{\exp(\mathbf{x}_{bi} \cdot \boldsymbol{\beta})}
              {\sum_{j \notin b} \exp(\mathbf{x}_{bj} \cdot \boldsymbol{\beta})}, \qquad
              \mathbf{x} = (e,\ \ln e,\ \ln f,\ \ln(e + f),\ \ln \pi) \in \mathbb{R}^5

    e is EASE's score of item i for the basket (a regression on single baskets), f the share of the user's decayed
    baskets that held i (with α baskets of an average user added), π the share of all baskets. The five
    β are learned on the last period before *at*: one item of each of its baskets is hidden, and EASE and the shares
    know only what was before. Then these are computed again from everything.

    Parameters
    ----------
    l2 : float
        λ of EASE, in baskets.
    half_life, prior_baskets : float
        Half-life of the baskets in f in days, and α in baskets.
    carts : int
        Largest number of baskets to learn β from.
    seed : int
        Seed for the choice of these baskets and of the item hidden in each.
    history : bool
        Whether f takes part. Without it the completer knows nothing but the basket.
    name : str
        Name in tables and figures.

    References
    ----------
    D. McFadden: Conditional logit analysis of qualitative choice behavior. Frontiers in Econometrics, 1974.
    """

    #: What the choice depends on, in the order of ``beta_``.
    features = ("e", "ln e", "ln f", "ln (e + f)", "ln π")

    l2: float = 400.0
    half_life: float = 60.0
    prior_baskets: float = 5.0
    carts: int = 1000
    seed: int = 0
    history: bool = True
    name: str = "ours"

    def __post_init__(self) -> None:
        require("be positive", l2=self.l2, half_life=self.half_life, prior_baskets=self.prior_baskets)
        require("be a whole number from 1 on", carts=self.carts)
        require(SEED, seed=self.seed)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn β on the last period before *at*, then EASE and the shares from everything before it."""
        replay = _Replay.of(visible, at, where="BasketCompleter", min_history=0)
        then, past, last = replay.then, replay.histories, replay.came
        chosen = np.flatnonzero(last.sizes() >= 2)
        if not past.n_baskets or not len(chosen):
            raise BundlebookError(
                f"no basket of two in the {PERIOD_DAYS} days before {at}, or nothing before them",
                where="BasketCompleter",
                remedy="use a longer log",
            )
        rng = np.random.default_rng(self.seed)
        if len(chosen) > self.carts:
            chosen = np.sort(rng.choice(chosen, self.carts, replace=False))
        last = last.where(chosen)
        self.rest_ = float(last.sizes().mean() / 2)
        carts = last.incidence
        place = carts.indptr[:-1] + (rng.random(len(chosen)) * last.sizes()).astype(np.int64)
        hidden = carts.indices[place].copy()
        carts.data[place] = 0
        carts.eliminate_zeros()
        self._learn(past, then)
        self.beta_ = _conditional_logit(self._features(carts, past, last.user, then), carts.toarray() == 0, hidden)
        self._learn(before(visible, at), at)
        return self

    def _learn(self, past: Baskets, at: np.datetime64) -> None:
        self.weights_ = EASE(self.l2, rows="baskets").fit(past, at).weights_
        self.share_ = item_shares(past)

    def _shares(self, past: Baskets, rows: np.ndarray, at: np.datetime64) -> np.ndarray:
        """Smoothed decayed share of the baskets of each user in *rows*, shape (len(rows), n_items)."""
        if not self.history:
            return np.broadcast_to(self.share_, (len(rows), len(self.share_)))
        users, place = np.unique(rows, return_inverse=True)
        return decayed_shares(past.of_users(users), at, self.half_life, self.share_, self.prior_baskets)[place]

    def _features(self, carts: sparse.csr_matrix, past: Baskets, rows: np.ndarray, at: np.datetime64) -> np.ndarray:
        """x of every cart and item, shape (n_carts, n_items, 5), float64."""
        e = np.maximum(np.asarray(carts @ self.weights_, dtype=np.float64), _FLOOR)
        f = self._shares(past, rows, at)
        columns = e, np.log(e), np.log(f), np.log(e + f), np.broadcast_to(np.log(self.share_), e.shape)
        return np.stack(columns, axis=-1)

    def scores(self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64) -> np.ndarray:
        """Return ln q up to a constant in each row, for every item.

        Parameters
        ----------
        carts : csr_matrix, shape (n_carts, n_items)
            1 where the item lies in the basket already.
        histories : Baskets
            What the users bought; nothing on or after *at* is looked at.
        rows : ndarray of int, shape (n_carts,)
            Row of ``histories.user_ids`` that each basket belongs to.
        at : datetime64[D]

        Returns
        -------
        ndarray, shape (n_carts, n_items), float64
        """
        past = before(histories, at)
        blocks = [slice(low, low + 256) for low in range(0, carts.shape[0], 256)]  # a block is 15 MB
        return np.concatenate([self._features(carts[part], past, rows[part], at) @ self.beta_ for part in blocks])

    def probability(
        self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64
    ) -> np.ndarray:
        r"""Return P(in the rest of the basket), :math:`1 - (1 - q)^r`, with r items to come; 0 for what lies in it.

        r is half the mean size of the baskets that β was learned from.
        """
        score = np.where(carts.toarray() > 0, -np.inf, self.scores(carts, histories, rows, at))
        share = np.exp(score - score.max(axis=1, keepdims=True))
        return 1 - (1 - share / share.sum(axis=1, keepdims=True)) ** self.rest_


@dataclass(eq=False)
class SummedCompleter:
    r"""The two-term sum: what goes with the basket, and what this user buys anyway.

    .. math:: s_{bi} = f_{ui} + w\,e_{bi}

    e is EASE's score of item i for the basket, f the user's smoothed decayed share of the item, as in
    :class:`BasketCompleter`. Nothing is learned but EASE: the strongest simple method, which whatever is learned has to
    beat.

    Parameters
    ----------
    weight : float
        w.
    l2 : float
        λ of EASE, in baskets.
    half_life, prior_baskets : float
        Half-life of the baskets in f in days, and baskets of an average user that are added.
    name : str
        Name in tables and figures.
    """

    weight: float = 1.5
    l2: float = 400.0
    half_life: float = 60.0
    prior_baskets: float = 5.0
    name: str = "frequency + EASE"

    def __post_init__(self) -> None:
        require("not be negative", weight=self.weight)
        self._known = BasketCompleter(self.l2, self.half_life, self.prior_baskets)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Fit EASE and count the shares on everything before *at*."""
        self._known._learn(past_of(visible, at, "SummedCompleter"), at)
        return self

    def scores(self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64) -> np.ndarray:
        """Return f + w e of every item; parameters and shape are those of :meth:`BasketCompleter.scores`."""
        shares = self._known._shares(before(histories, at), rows, at)
        return shares + self.weight * np.asarray(carts @ self._known.weights_, dtype=np.float64)


def _conditional_logit(x: np.ndarray, free: np.ndarray, chosen: np.ndarray, ridge: float = 1e-6) -> np.ndarray:
    """Find the likeliest β, shape (n_features,), given one chosen item per row among the free ones."""
    from scipy.optimize import minimize

    scale = np.maximum(x.std(axis=(0, 1)), 1e-12)
    x, rows = x / scale, np.arange(len(chosen))

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        score = np.where(free, x @ beta, -np.inf)
        share = np.exp(score - score.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        gradient = (x[rows, chosen] - np.einsum("ci,cif->cf", share, x)).mean(axis=0)
        return -np.log(share[rows, chosen]).mean() + ridge * beta @ beta, -gradient + 2 * ridge * beta

    return minimize(loss, np.zeros(x.shape[2]), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x / scale
