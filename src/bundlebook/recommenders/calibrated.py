"""From scores to probabilities: replay the last visible period and learn from what came true in it.

Everything that is learned about a recommender from outside (a calibration, the weights of a stack) is learned one
period before the day of the prediction, so that nothing of the window itself is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from scipy import sparse
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.base import ProbabilisticRecommender, Recommender, require
from bundlebook.shop import PERIOD_DAYS, Baskets

Target = Literal["window", "next_basket"]
#: Probabilities are kept this far from 0 and 1 before their logit is taken.
_EDGE = 1e-7


@dataclass(frozen=True)
class Replay:
    """What there was to predict one period ago.

    Attributes
    ----------
    then : datetime64[D]
    past : Baskets
        Everything before `then`, of the users who had a basket by then: what a recommender would have been fitted on.
    histories : Baskets
        The same of those who take part.
    bought : csr_matrix, shape (n_users, n_items)
        What these bought: in the period, or in their first basket of it. A user who stayed away bought nothing in the
        period and takes part; without a next basket there is nothing to say about it, and he or she does not.
    came : Baskets
        Everybody's baskets of the period (only the first ones if the target is the next basket).
    """

    then: np.datetime64
    past: Baskets
    histories: Baskets
    bought: sparse.csr_matrix
    came: Baskets

    @classmethod
    def of(
        cls,
        visible: Baskets,
        at: np.datetime64,
        *,
        where: str,
        days: int = PERIOD_DAYS,
        min_history: int = 3,
        target: Target = "window",
    ) -> Self:
        """Cut a log one period before *at*.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        where : str
            What the replay is for, named in an error.
        days : int
            Length of the period.
        min_history : int
            Users with fewer baskets before it take no part. With 0 all users of *visible* do, in its numbering.
        target : {"window", "next_basket"}

        Raises
        ------
        BundlebookError
            If no user takes part, or none of them bought anything.
        """
        if target not in get_args(Target):
            remedy = f"use one of {', '.join(get_args(Target))}"
            raise BundlebookError(f"unknown target {target!r}", where=where, remedy=remedy)
        then = np.datetime64(at) - np.timedelta64(days, "D")
        past, came = visible.between(end=then), visible.between(then, at)
        known = past.counts_by_user() >= min_history
        if target == "next_basket":
            came = came.where(np.unique(came.user, return_index=True)[1])
            known &= came.counts_by_user() > 0
        users = np.flatnonzero(known)
        if not len(users) or not came.of_users(users).n_baskets:
            raise BundlebookError(
                f"no user has {min_history} baskets before {then}, or none of them came in the {days} days after",
                where=where,
                remedy="use a longer log, fewer days or a lower min_history",
            )
        present = past.of_users(np.flatnonzero(past.counts_by_user()))
        return cls(then, present, past.of_users(users), came.of_users(users).user_item(), came)

    def some(self, most: int, seed: int) -> Self:
        """At most so many of those who take part, drawn at random, in their order."""
        if self.histories.n_users <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(self.histories.n_users)[:most])
        return type(self)(self.then, self.past, self.histories.of_users(chosen), self.bought[chosen], self.came)


@dataclass(eq=False)
class Calibrated:
    r"""Give any recommender P(bought in the period) by isotonic regression (保序回归) on the last visible period.

    Standing one period before `at`, the inner recommender is fitted on what was visible then and scores the users of
    that time; what they bought up to `at` is known. The non-decreasing step function g with

    .. math:: g = \arg\min_{g \text{ non-decreasing}} \sum_{u,i} \bigl(y_{ui} - g(r_{ui})\bigr)^2

    maps score to probability. Then the inner recommender is fitted again on everything before `at`. Nothing from `at`
    on is read. The order of items is the inner recommender's own.

    Parameters
    ----------
    inner : Recommender
        Fitted twice by :meth:`fit`.
    per : {"period", "basket"}
        What a score counts. A score per period, such as a decayed count, can be compared between users. A share of a
        user's baskets cannot: a user who shops daily buys an item with share .2 almost surely within a month,
        one who comes once does not. Such a score s becomes :math:`r_{ui} = s_{ui} n_u`, with n_u the user's
        decayed number of baskets.
    target : {"window", "next_basket"}
        The event: bought within the period, or held by the first basket of it, given that the user came.
    days : int
        Length of a period in days.
    min_history : int
        Users with fewer baskets take no part in the regression.
    half_life : float
        Half-life of n_u in days.
    most_pairs : int
        Pairs of a user and an item in the regression; where there are more, it is fitted on some of the users.
    seed : int
        Seed for the choice of these users.

    Notes
    -----
    Users who stayed away in the replayed period take part with purchases of nothing. Leaving them out would make P
    conditional on coming at all, which nobody knows on the day of the prediction. With ``target="next_basket"`` P is
    meant to be conditional on that, and they are left out.
    """

    inner: Recommender
    per: Literal["period", "basket"] = "period"
    target: Target = "window"
    days: int = PERIOD_DAYS
    min_history: int = 3
    half_life: float = 90.0
    most_pairs: int = 4_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per not in ("period", "basket"):
            raise BundlebookError(f"unknown per={self.per!r}", where="Calibrated", remedy="use 'period' or 'basket'")
        require("be at least 1", days=self.days, min_history=self.min_history)
        self.name = self.inner.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the curve on the period that ends at *at*, then refit the inner recommender on all of *visible*."""
        replay = Replay.of(
            visible,
            at,
            where=f"calibration of {self.name}",
            days=self.days,
            min_history=self.min_history,
            target=self.target,
        ).some(max(1, self.most_pairs // visible.n_items), self.seed)
        self.inner.fit(replay.past, replay.then)
        rates = self._rates(replay.histories, replay.then)
        bought = replay.bought.toarray() > 0
        # Without a floor a single purchase in the lowest step would cost an infinite log loss.
        floor = 1 / (bought.size + 2)
        self.curve_ = IsotonicRegression(y_min=floor, y_max=1 - floor, out_of_bounds="clip")
        self.curve_.fit(rates.ravel(), bought.ravel())
        self.inner.fit(visible, at)
        return self

    def _rates(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        scores = self.inner.scores(histories, at)
        if self.per == "period":
            return scores
        past = histories.between(end=at)
        baskets = np.bincount(past.user, past.decay(at, self.half_life), minlength=past.n_users)
        return scores * baskets[:, np.newaxis].astype(np.float32)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the inner recommender's scores, shape (n_users, n_items)."""
        return self.inner.scores(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P of the target, standing at *at*, shape (n_users, n_items), float32."""
        rates = self._rates(histories, at)
        if not rates.size:  # scikit-learn refuses an empty array
            return np.zeros(rates.shape, dtype=np.float32)
        return self.curve_.predict(rates.ravel()).reshape(rates.shape).astype(np.float32)


def platt(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    r"""Fit Platt's scaling (Platt 缩放): the likeliest a and b of :math:`\sigma(a + b \operatorname{logit} p)`.

    Parameters
    ----------
    p : ndarray
        Probabilities, any shape.
    y : ndarray of the same shape
        Outcomes, 0 or 1; both must occur.

    Returns
    -------
    a, b : float
        (0, 1) leaves p as it is; a > 0 raises all odds by the factor :math:`e^a`; b < 1 draws them together.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines" (1999), here on the logit of a probability.
    """
    x, y = logit(np.clip(np.asarray(p, dtype=np.float64).ravel(), _EDGE, 1 - _EDGE)), np.asarray(y).ravel() != 0
    if x.shape != y.shape or y.all() or not y.any():
        raise BundlebookError(
            f"{len(x)} probabilities, {int(y.sum())} purchases among {len(y)}",
            where="platt",
            remedy="pass arrays of equal shape with purchases and non-purchases",
        )
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8).fit(x[:, np.newaxis], y)
    return float(fit.intercept_[0]), float(fit.coef_[0, 0])


@dataclass(eq=False)
class PlattScaled:
    r"""Scale the probabilities of a recommender by what came true in the last visible period.

    Standing one period before `at`, the inner recommender is fitted on what was visible then, and a and b of
    :math:`\sigma(a + b \operatorname{logit} P)` are fitted to what was bought in the period; then it is fitted again
    on everything before `at`. The order of a user's items stays as it is.

    With `known`, the same is done for users who are hardly known: the histories of the replay are cut to their last n
    baskets, which gives an a_n and a b_n for every n. A user is scaled by the smallest n that holds all his or her
    baskets, and by the pair of the whole histories if there is none.

    Parameters
    ----------
    inner : ProbabilisticRecommender
        Fitted twice by :meth:`fit`.
    known : sequence of int
        The n's, ascending.
    target : {"window", "next_basket"}
        The event that P means: bought within the period, or held by its first basket, given that the user came.
    days : int
        Length of a period in days.
    min_history : int
        Users with fewer baskets take no part in the replay.

    Attributes
    ----------
    scales_ : dict of int or None to tuple of float
        (a, b) by n; None stands for whole histories.
    """

    inner: ProbabilisticRecommender
    known: Sequence[int] = ()
    target: Target = "window"
    days: int = PERIOD_DAYS
    min_history: int = 3

    def __post_init__(self) -> None:
        known = list(self.known)
        if known != sorted(set(known)) or min(known, default=1) < 1:
            raise BundlebookError(f"known={known}", where="PlattScaled", remedy="use ascending numbers from 1 on")
        require("be at least 1", days=self.days, min_history=self.min_history)
        self.name = self.inner.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the scales on the period that ends at *at*, then refit the inner recommender on all of *visible*."""
        replay = Replay.of(
            visible,
            at,
            where=f"Platt's scaling of {self.name}",
            days=self.days,
            min_history=max((self.min_history, *self.known)),
            target=self.target,
        )
        bought = replay.bought.toarray() > 0
        self.inner.fit(replay.past, replay.then)
        seen_as = {n: replay.histories.last(n) for n in self.known} | {None: replay.histories}
        self.scales_ = {n: platt(self.inner.probability(short, replay.then), bought) for n, short in seen_as.items()}
        self.inner.fit(visible, at)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the inner recommender's scores, shape (n_users, n_items)."""
        return self.inner.scores(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P of the target, standing at *at*, shape (n_users, n_items), float32."""
        p = np.clip(self.inner.probability(histories, at), _EDGE, 1 - _EDGE)
        place = np.searchsorted(self.known, histories.between(end=at).counts_by_user())
        a, b = np.array([self.scales_[n] for n in (*self.known, None)], dtype=np.float32)[place].T
        return expit(a[:, np.newaxis] + b[:, np.newaxis] * logit(p)).astype(np.float32)
