"""A probability moved into place by two numbers, for users known well and for users hardly known."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._replay import Replay, Target
from bundlebook.recommenders.base import ProbabilisticRecommender
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Probabilities are kept this far from 0 and 1 before their logit is taken.
_EDGE = 1e-7


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
        raise BundlebookError(f"{len(x)} probabilities, {int(y.sum())} purchases among {len(y)}", where="platt",
                              remedy="pass arrays of equal shape with purchases and non-purchases")  # fmt: skip
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8).fit(x[:, np.newaxis], y)
    return float(fit.intercept_[0]), float(fit.coef_[0, 0])


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

    def __init__(
        self,
        inner: ProbabilisticRecommender,
        known: Sequence[int] = (),
        target: Target = "window",
        days: int = PERIOD_DAYS,
        min_history: int = 3,
    ) -> None:
        if list(known) != sorted(set(known)) or min(known, default=1) < 1:
            raise BundlebookError(f"known={list(known)}", where="PlattScaled", remedy="use ascending numbers from 1 on")
        self.inner, self.known, self.target = inner, tuple(known), target
        self.days, self.min_history = days, min_history
        self.name = inner.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the scales on the period that ends at *at*, then refit the inner recommender on all of *visible*."""
        replay = Replay.of(
            visible,
            at,
            where=f"Platt's scaling of {self.name}",
            days=self.days,
            min_history=max(self.min_history, *self.known, 1),
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
