"""From a score to a probability: replay the last visible period and read off how often each score came true."""

from typing import Literal, Self

import numpy as np
from sklearn.isotonic import IsotonicRegression

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.base import Recommender
from bundlebook.shop import Baskets
from bundlebook.shop.splits import PERIOD_DAYS


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
        user's baskets cannot: somebody who shops daily buys an item with share .2 almost surely within a month,
        somebody who comes once does not. Such a score s becomes :math:`r_{ui} = s_{ui} n_u`, with n_u the user's
        decayed number of baskets.
    days : int
        Length of a period in days.
    min_history : int
        Users with fewer baskets take no part in the regression.
    half_life : float
        Of n_u, in days.
    most_pairs : int
        Pairs of a user and an item in the regression; where there are more, it is fitted on some of the users.
    seed : int
        Of the choice of these users.

    Notes
    -----
    Users who stayed away in the replayed period take part with purchases of nothing. Leaving them out would make P
    conditional on coming at all, which nobody knows on the day of the prediction.
    """

    def __init__(
        self,
        inner: Recommender,
        per: Literal["period", "basket"] = "period",
        days: int = PERIOD_DAYS,
        min_history: int = 3,
        half_life: float = 90.0,
        most_pairs: int = 4_000_000,
        seed: int = 0,
    ) -> None:
        if per not in ("period", "basket"):
            raise BundlebookError(f"unknown per={per!r}", where="Calibrated", remedy="use 'period' or 'basket'")
        self.inner, self.per, self.days = inner, per, days
        self.min_history, self.half_life = min_history, half_life
        self.most_pairs, self.seed = most_pairs, seed
        self.name = inner.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the curve on the period that ends at *at*, then refit the inner recommender on all of *visible*."""
        then = np.datetime64(at, "D") - np.timedelta64(self.days, "D")
        past, last = visible.between(end=then), visible.between(then, at)
        users = np.flatnonzero(past.counts_by_user() >= self.min_history)
        if not len(users) or not last.n_baskets:
            raise BundlebookError(
                f"no user has {self.min_history} baskets before {then}, or nobody came in the {self.days} days after",
                where=f"calibration of {self.name}",
                remedy="use a longer log, fewer days or a lower min_history",
            )
        most = max(1, self.most_pairs // past.n_items)
        if len(users) > most:
            users = np.sort(np.random.default_rng(self.seed).permutation(users)[:most])
        self.inner.fit(past, then)
        rates = self._rates(past.of_users(users), then)
        bought = last.of_users(users).user_item().toarray() > 0
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
        """Return P(bought in the period that begins at *at*), shape (n_users, n_items), float32."""
        rates = self._rates(histories, at)
        return self.curve_.predict(rates.ravel()).reshape(rates.shape).astype(np.float32)
