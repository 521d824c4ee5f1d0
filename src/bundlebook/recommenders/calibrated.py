"""From scores to probabilities: replay the last visible period and learn from what came true in it.

What has to be learned about a fitted recommender (its calibration, or its weight in a stack) is learned one period
before the day of the prediction, so that nothing of the window itself is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from scipy import sparse
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, as_day, before, one_of, past_of, require
from bundlebook.recommenders.base import ProbabilisticRecommender, Recommender
from bundlebook.shop import PERIOD_DAYS, Baskets

Target = Literal["window", "next_basket"]
#: Probabilities are kept this far from 0 and 1 before their logit is taken.
_EDGE = 1e-7


@dataclass(frozen=True)
class _Replay:
    """A prediction that could have been made one period ago, and what came true.

    Attributes
    ----------
    then : datetime64[D]
    past : Baskets
        Everything before `then`, of the users who had a basket by then: what a recommender would have been fitted on.
    histories : Baskets
        The same baskets of the users who take part alone.
    bought : csr_matrix, shape (n_users, n_items)
        What these users bought in the period, or in their first basket of it. A user without a basket in the period
        bought nothing in it and takes part; if the target is the next basket, he or she has none and does not.
    came : Baskets
        The period's baskets of all users (only the first basket of each if the target is the next basket).
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
            Users with fewer baskets before the period take no part. With 0 all users of *visible* do, in its numbering.
        target : {"window", "next_basket"}

        Raises
        ------
        BundlebookError
            If no user takes part, or none of them bought anything.
        """
        one_of(get_args(Target), target=target)
        then = as_day(at) - days
        past, came = before(visible, then), visible.between(then, as_day(at))
        known = past.counts_by_user() >= min_history
        if target == "next_basket":
            came = came.where(np.unique(came.user, return_index=True)[1])
            known &= came.counts_by_user() > 0
        users = np.flatnonzero(known)
        if not len(users) or not came.of_users(users).n_baskets:
            raise BundlebookError(
                f"no user with {min_history} or more baskets before {then} came in the {days} days from then on",
                where=where,
                remedy="use a longer log, fewer days or a lower min_history",
            )
        present = np.flatnonzero(past.counts_by_user())
        return cls(then, past.of_users(present), past.of_users(users), came.of_users(users).user_item(), came)

    def some(self, most: int, seed: int) -> Self:
        """Keep at most so many of the users who take part, drawn at random, in their order."""
        if self.histories.n_users <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(self.histories.n_users)[:most])
        return replace(self, histories=self.histories.of_users(chosen), bought=self.bought[chosen])


class _Replayed:
    """A recommender that learns from a replay how to read other recommenders; by default, a single `inner` one."""

    inner: Any
    target: Target
    days: int
    min_history: int
    name: str

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", days=self.days, min_history=self.min_history)
        self.name = self.inner.name

    def _parts(self) -> Sequence[Recommender]:
        return [self.inner]

    def _learn(self, replay: _Replay) -> None:
        """Learn from what came true, while the parts know only what was visible then."""
        raise NotImplementedError

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Fit the inner recommenders one period before *at*, learn from that period, and fit them again up to *at*."""
        past_of(visible, at, self.name, least_items=1)
        where, least = f"replay for {self.name}", self.min_history
        replay = _Replay.of(visible, at, where=where, days=self.days, min_history=least, target=self.target)
        for part in self._parts():
            part.fit(replay.past, replay.then)
        self._learn(replay)
        for part in self._parts():
            part.fit(visible, at)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the inner recommender's scores, shape (n_users, n_items)."""
        return self.inner.scores(histories, at)


@dataclass(eq=False)
class Calibrated(_Replayed):
    r"""Give any recommender P(bought in the period) by isotonic regression (保序回归) on the last visible period.

    One period before `at`, the inner recommender is fitted on what was visible then and scores the users of that time;
    what they bought up to `at` is known. The non-decreasing step function g with

    .. math:: g = \arg\min_{g \text{ non-decreasing}} \sum_{u,i} \bigl(y_{ui} - g(r_{ui})\bigr)^2

    maps score to probability. Then the inner recommender is fitted again on everything before `at`. Nothing from `at`
    on is read. The order of items is the inner recommender's own.

    Parameters
    ----------
    inner : Recommender
        Fitted twice by :meth:`fit`.
    per : {"period", "basket"}
        The unit of a score. A score per period, such as a decayed count, can be compared between users. A share of a
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
    Users without a basket in the replayed period take part as users who bought nothing. Without them P would be
    conditional on a visit, which nobody knows on the day of the prediction. With ``target="next_basket"`` P is meant to
    be conditional on a visit, and they are left out.
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
        one_of(("period", "basket"), per=self.per)
        require("be a whole number from 1 on", most_pairs=self.most_pairs)
        require("be positive", half_life=self.half_life)
        require(SEED, seed=self.seed)
        super().__post_init__()

    def _learn(self, replay: _Replay) -> None:
        replay = replay.some(max(1, self.most_pairs // replay.histories.n_items), self.seed)
        rates = self._rates(replay.histories, replay.then)
        bought = replay.bought.toarray() > 0
        # Without a floor a single purchase in the lowest step would cost an infinite log loss.
        floor = 1 / (bought.size + 2)
        # Pairs of one rate are put together first: scikit-learn does the same, but sorts the pairs by two keys for it.
        rate, pairs = np.unique(rates, return_counts=True)
        came_true = np.bincount(np.searchsorted(rate, rates[bought]), minlength=len(rate))
        self.curve_ = IsotonicRegression(y_min=floor, y_max=1 - floor, out_of_bounds="clip")
        self.curve_.fit(rate, came_true / pairs, sample_weight=pairs)

    def _rates(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        scores = self.inner.scores(histories, at)
        if self.per == "period":
            return scores
        past = before(histories, at)
        baskets = np.bincount(past.user, past.decay(at, self.half_life), minlength=past.n_users)
        return scores * baskets[:, np.newaxis].astype(np.float32)

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
    if np.ptp(x) == 0:  # one probability for all has no slope
        return float(logit(y.mean()) - x[0]), 1.0
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8).fit(x[:, np.newaxis], y)
    return float(fit.intercept_[0]), float(fit.coef_[0, 0])


@dataclass(eq=False)
class PlattScaled(_Replayed):
    r"""Scale the probabilities of a recommender by what came true in the last visible period.

    One period before `at`, the inner recommender is fitted on what was visible then, and a and b of
    :math:`\sigma(a + b \operatorname{logit} P)` are fitted to what was bought in the period; then it is fitted again
    on everything before `at`. The order of a user's items stays as it is.

    With `known`, the same is done for users with short histories: the histories of the replay are cut to their last n
    baskets, which gives an a_n and a b_n for every n. A user with at most n baskets is scaled by the a_n and b_n of the
    smallest such n, and by the pair of the whole histories if there is none.

    Parameters
    ----------
    inner : ProbabilisticRecommender
        Fitted twice by :meth:`fit`.
    known : sequence of int
        The numbers of baskets n, ascending.
    target : {"window", "next_basket"}
        The event: bought within the period, or held by the first basket of it, given that the user came.
    days : int
        Length of a period in days.
    min_history : int
        Users with fewer baskets take no part in the replay; at least the largest n.

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
        super().__post_init__()
        self.min_history = max([self.min_history, *known])

    def _learn(self, replay: _Replay) -> None:
        bought = replay.bought.toarray() > 0
        seen_as = {n: replay.histories.last(n) for n in self.known} | {None: replay.histories}
        self.scales_ = {n: platt(self.inner.probability(short, replay.then), bought) for n, short in seen_as.items()}

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P of the target, standing at *at*, shape (n_users, n_items), float32."""
        p = np.clip(self.inner.probability(histories, at), _EDGE, 1 - _EDGE)
        place = np.searchsorted(self.known, before(histories, at).counts_by_user())
        a, b = np.array([self.scales_[n] for n in (*self.known, None)], dtype=np.float32)[place].T
        return expit(a[:, np.newaxis] + b[:, np.newaxis] * logit(p)).astype(np.float32)
