"""From a score to a probability: replay the last visible period and read off how often each score came true."""

from typing import Literal, Self

import numpy as np
from sklearn.isotonic import IsotonicRegression

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._replay import Replay, Target
from bundlebook.recommenders.base import Recommender
from bundlebook.shop import PERIOD_DAYS, Baskets


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
    target : {"window", "next_basket"}
        The event: bought within the period, or held by the first basket of it, given that the user came.
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
    conditional on coming at all, which nobody knows on the day of the prediction. With ``target="next_basket"`` P is
    meant to be conditional on that, and they are left out.
    """

    def __init__(
        self,
        inner: Recommender,
        per: Literal["period", "basket"] = "period",
        target: Target = "window",
        days: int = PERIOD_DAYS,
        min_history: int = 3,
        half_life: float = 90.0,
        most_pairs: int = 4_000_000,
        seed: int = 0,
    ) -> None:
        if per not in ("period", "basket"):
            raise BundlebookError(f"unknown per={per!r}", where="Calibrated", remedy="use 'period' or 'basket'")
        self.inner, self.per, self.target, self.days = inner, per, target, days
        self.min_history, self.half_life = min_history, half_life
        self.most_pairs, self.seed = most_pairs, seed
        self.name = inner.name

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
        return self.curve_.predict(rates.ravel()).reshape(rates.shape).astype(np.float32)
