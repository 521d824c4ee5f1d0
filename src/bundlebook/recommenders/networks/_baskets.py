"""Histories as baskets: one step of the sequence per visit, and a question after each of them.

Where :mod:`.periods` asks what a user buys in the next four weeks, this asks what the *next basket* holds. The question
is asked on a day after the last basket. In training that day is drawn anew in every epoch, between a basket and the
next one, because a shop that asks today does not know when the user will come.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numba import njit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import as_day, before
from bundlebook.recommenders.networks.periods import _fitting_width
from bundlebook.shop import Baskets

#: Weeks before the fit for which the trend of the shop is kept.
TREND_WEEKS = 53
#: Logarithms of days, items and units are divided by this, so that they are about as large as the other inputs.
SCALE = 3.0
#: Days since the basket before the first one.
FIRST_GAP = 28
#: Half-lives of the counts that fade with time, in days.
HALF_LIVES = np.array([14.0, 45.0, 150.0])
#: Weights per basket of age of the counts that fade from visit to visit.
DECAYS = np.array([0.6, 0.85, 0.95])
#: Features of a pair, F.
N_FEATURES = 10 + len(HALF_LIVES) + len(DECAYS)
#: Added to a count before its logarithm is taken.
FLOOR = 0.02
#: Added to the days between an item's first and last purchase: one purchase alone has a gap, too.
GAP = 28.0
#: Largest waiting time, in mean gaps.
MOST_GAPS = 10.0


@dataclass(frozen=True)
class BasketSteps:
    """The latest baskets of every user, each with the day asked about after it.

    Attributes
    ----------
    visible : Baskets
    at : datetime64[D]
        The day of the fit.
    n_steps : int
        Latest baskets that are read one by one, T; earlier ones are only counted.
    begin, stop : ndarray of int64, shape (n_users,)
        Baskets ``begin[u]:stop[u]`` of `visible` are read.
    asked : ndarray of int64, shape (n_baskets,)
        Day asked about after each basket, as days since 1970.
    """

    visible: Baskets
    at: np.datetime64
    n_steps: int
    begin: np.ndarray
    stop: np.ndarray
    asked: np.ndarray

    @classmethod
    def up_to(cls, histories: Baskets, at: np.datetime64, n_steps: int) -> Self:
        """Read all baskets before *at*, and ask on that day."""
        at = as_day(at)
        histories = before(histories, at)
        count = histories.counts_by_user()
        stop = np.cumsum(count)
        return cls(histories, at, n_steps, stop - count, stop, np.full(histories.n_baskets, at.astype(np.int64)))

    @classmethod
    def before(cls, visible: Baskets, at: np.datetime64, n_steps: int) -> Self:
        """Read all baskets before *at* but each user's last one, which is only a target.

        Raises
        ------
        BundlebookError
            If no user has two baskets.
        """
        steps = cls.up_to(visible, at, n_steps)
        if not (steps.stop - steps.begin > 1).any():
            raise BundlebookError(
                f"no user has two baskets before {at}", remedy="fit on a log in which users come back"
            )
        return replace(steps, stop=np.maximum(steps.stop - 1, steps.begin))

    def drawn(self, share: float, rng: np.random.Generator) -> Self:
        """Draw the days asked about, and make a share of the users look newer than they are.

        The day is uniform over the days after a basket, up to the day of the next basket. A thinned user starts late:
        the last n^U of the n baskets are kept, with U uniform, so that few are as likely as many.
        """
        day = self._day
        following = np.append(day[1:], day[-1:])
        wait = np.maximum(following - day, 0)  # the last basket of a user has none of his or her own after it
        asked = day + np.ceil(rng.random(len(day)) * wait).astype(np.int64)
        count = self.stop - self.begin
        late = rng.random(len(count)) < share
        kept = np.where(late, np.maximum(count, 1) ** rng.random(len(count)), count)
        begin = self.stop - np.minimum(np.ceil(kept).astype(np.int64), count)
        return replace(self, asked=asked, begin=begin)

    @property
    def n_items(self) -> int:
        return self.visible.n_items

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of distinct items each user ever bought, shape (n_users,)."""
        return np.diff(self.visible.user_item().indptr)

    @cached_property
    def _day(self) -> np.ndarray:
        return self.visible.day.astype(np.int64)

    @cached_property
    def _facts(self) -> np.ndarray:
        """Log days since the user's previous basket, log items, log units, and 1 of each basket; (n_baskets, 4)."""
        same = np.append(False, np.diff(self.visible.user) == 0)
        gap = np.where(same, np.append(0, np.diff(self._day)), FIRST_GAP)
        units = np.asarray(self.visible.quantities.sum(axis=1)).ravel()
        facts = np.log1p(np.stack([gap, self.visible.sizes(), units], axis=1)) / SCALE
        return np.column_stack([facts, np.ones(len(facts))]).astype(np.float32)

    def _rows(self, users: np.ndarray) -> np.ndarray:
        """Baskets of the steps of some users, (B, T), −1 where a user has fewer; the latest stands last."""
        rows = self.stop[users, None] + np.arange(-self.n_steps, 0)
        return np.where(rows >= self.begin[users, None], rows, -1)

    def _dense(self, rows: np.ndarray) -> np.ndarray:
        """Units of the baskets at *rows*, (*rows.shape, n_items), float32; zeros where a row is −1."""
        dense = np.zeros((rows.size, self.n_items), dtype=np.float32)
        there = np.flatnonzero(rows.ravel() >= 0)
        chosen = self.visible.quantities[rows.ravel()[there]].tocoo()
        dense[there[chosen.row], chosen.col] = chosen.data
        return dense.reshape(*rows.shape, -1)

    def inputs(self, users: np.ndarray, answers: int | None = None) -> dict[str, np.ndarray]:
        """Return what a network reads of some users.

        Parameters
        ----------
        users : ndarray of int, shape (B,)
        answers : int, optional
            Latest steps after which the question is asked, A; after all T if None.

        Returns
        -------
        dict of str to ndarray, float32 if not said
            ``units`` (B, T, n_items), log(1 + units); ``facts`` (B, T, 4); ``seen`` (B, T), 1 where there is a basket;
            ``wait`` (B, T), scaled log days from the basket to the day asked about; ``weeks_ago`` (B, T) int32, of that
            day; ``item`` (B, K) int32 and ``features`` (B, K, A, F), see
            :func:`_repeat_features`.
        """
        users = np.asarray(users)
        rows = self._rows(users)
        seen = rows >= 0
        wait = np.where(seen, self.asked[rows] - self._day[rows], 0) if len(self._day) else np.zeros(rows.shape)
        ago = (self.at.astype(np.int64) - self.asked[rows]) // 7 if len(self._day) else np.zeros(rows.shape)
        places = _fitting_width(int(self.sizes[users].max(initial=1)))
        item = np.zeros((len(users), places), dtype=np.int32)
        features = np.zeros((len(users), places, answers or self.n_steps, N_FEATURES), dtype=np.float32)
        lines = self.visible.quantities
        spans = self.begin[users], self.stop[users]
        _repeat_features(
            lines.indptr, lines.indices, lines.data, self._day, *spans, self.asked, self.n_items, item, features
        )
        return {
            "units": np.log1p(self._dense(rows)),
            "facts": np.where(seen[..., None], self._facts[rows], 0) if len(self._day) else np.zeros((*rows.shape, 4)),
            "seen": seen.astype(np.float32),
            "wait": (np.log1p(wait) / SCALE).astype(np.float32),
            "weeks_ago": np.where(seen, np.clip(ago, 0, TREND_WEEKS - 1), 0).astype(np.int32),
            "item": item,
            "features": features,
        }

    def batch(self, users: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Return the inputs of some users, their next baskets (B, T, n_items), and weights (B, T); 0 for no step."""
        rows = self._rows(users)
        bought = self._dense(np.where(rows >= 0, rows + 1, -1)) > 0
        return self.inputs(users), bought.astype(np.float32), (rows >= 0).astype(np.float32)

    def item_log_odds(self) -> np.ndarray:
        """Log-odds that a basket holds the item, shape (n_items,), float32; half a purchase is added to both sides."""
        held = np.bincount(self.visible.quantities.indices, minlength=self.n_items)
        return np.log((held + 0.5) / (self.visible.n_baskets - held + 0.5)).astype(np.float32)

    def trend(self, weeks: int = 4, prior: float = 20.0) -> np.ndarray:
        """Return how many more baskets held an item lately than on average so far; log ratio.

        Parameters
        ----------
        weeks : int
            Number of weeks that count as lately.
        prior : float
            Number of average baskets that are added, so that a few purchases do not make a trend.

        Returns
        -------
        ndarray, shape (TREND_WEEKS, n_items), float32
            Row k knows baskets up to k weeks before `at` only.
        """
        ago = (self.at.astype(np.int64) - 1 - self._day) // 7  # 0: the week that ends the day before `at`
        longest = int(ago.max(initial=0)) + 1
        in_week = np.zeros((longest + weeks, self.n_items))
        lines = self.visible.quantities
        np.add.at(in_week, (np.repeat(ago, np.diff(lines.indptr)), lines.indices), 1)
        # Sums over the weeks from k on: everything known k weeks before `at`.
        held = np.cumsum(in_week[::-1], axis=0)[::-1]
        baskets = np.cumsum(np.bincount(ago, minlength=longest + weeks)[::-1])[::-1]
        known = min(TREND_WEEKS, longest)
        share = (held[:known] + 0.5) / (baskets[:known, None] + 1)
        lately, of = held[:known] - held[weeks : known + weeks], baskets[:known] - baskets[weeks : known + weeks]
        expected = (of[:, None] + prior) * share
        trend = np.zeros((TREND_WEEKS, self.n_items), dtype=np.float32)
        trend[:known] = np.log((lately + prior * share + 0.5) / (expected + 0.5))
        return trend


@njit(cache=True)
def _repeat_features(indptr, indices, units, day, begin, stop, asked, n_items, item, features):  # pragma: no cover
    r"""Write the features of every item a user has bought so far, after each of the user's latest baskets.

    With n the baskets that held the item, N all baskets so far, d(x) the days from x to the day asked about, the sums
    over the baskets so far, and [i] = 1 for a basket that holds the item:

    =========  ==================================================================================
    0          n / (1 + N), the share of baskets; above 0 says that the item is known
    1          log(0.05 + n) − log(1 + N)
    2 … 4      log(FLOOR + Σ 2^(−d/H) [i]) − log(1 + Σ 2^(−d/H)) per half-life H; the last sum as of the last basket
    5 … 7      the same with λ^(baskets since) in place of 2^(−d/H)
    8, 9       log(1 + days), log(1 + baskets) since the item was last bought
    10         log of the mean gap between two purchases of it, (last − first + GAP) / n days
    11         days since the last purchase over the mean gap, at most MOST_GAPS
    12, 13     log(1 + n); log of units per purchase
    14         log(1 + days since it was first bought)
    15         whether the last basket held it
    =========  ==================================================================================

    Parameters
    ----------
    indptr, indices : ndarray of int
    units : ndarray of float32
        The baskets as a CSR matrix (n_baskets, n_items), sorted by user and time.
    day : ndarray of int64, shape (n_baskets,)
    begin, stop : ndarray of int64, shape (B,)
        Baskets ``begin[b]:stop[b]`` of a user are read.
    asked : ndarray of int64, shape (n_baskets,)
        The day asked about after each basket.
    n_items : int
    item : ndarray of int32, shape (B, K), zeros
        Out: items in the order in which the user first bought them.
    features : ndarray of float32, shape (B, K, T, F), zeros
        Out: for the last T baskets; those of a user with fewer stand at the end. K has to suffice for every user.
    """
    places, n_steps = features.shape[1], features.shape[2]
    slot = np.full(n_items, -1, np.int64)
    for b in range(len(begin)):
        count = 0
        bought, amount = np.zeros(places), np.zeros(places)
        first_day, last_day = np.zeros(places, np.int64), np.zeros(places, np.int64)
        last_basket = np.zeros(places, np.int64)
        by_day, by_visit = np.zeros((len(HALF_LIVES), places)), np.zeros((len(DECAYS), places))
        all_by_day, all_by_visit = np.zeros(len(HALF_LIVES)), np.zeros(len(DECAYS))
        for t in range(begin[b], stop[b]):
            passed = day[t] - day[t - 1] if t > begin[b] else 0
            for h in range(len(HALF_LIVES)):
                all_by_day[h] = all_by_day[h] * 2.0 ** (-passed / HALF_LIVES[h]) + 1
            for g in range(len(DECAYS)):
                all_by_visit[g] = all_by_visit[g] * DECAYS[g] + 1
            for entry in range(indptr[t], indptr[t + 1]):
                k = slot[indices[entry]]
                if k < 0:
                    k = count
                    count += 1
                    slot[indices[entry]] = k
                    item[b, k] = indices[entry]
                    first_day[k], last_day[k], last_basket[k] = day[t], day[t], t
                for h in range(len(HALF_LIVES)):
                    by_day[h, k] = by_day[h, k] * 2.0 ** (-(day[t] - last_day[k]) / HALF_LIVES[h]) + 1
                for g in range(len(DECAYS)):
                    by_visit[g, k] = by_visit[g, k] * DECAYS[g] ** (t - last_basket[k]) + 1
                bought[k] += 1
                amount[k] += units[entry]
                last_day[k], last_basket[k] = day[t], t
            step = t - (stop[b] - n_steps)
            if step < 0:
                continue
            baskets = t - begin[b] + 1
            for k in range(count):
                since, of = asked[t] - last_day[k], features[b, k, step]
                of[0] = bought[k] / (1 + baskets)
                of[1] = np.log(0.05 + bought[k]) - np.log(1.0 + baskets)
                column = 2
                for h in range(len(HALF_LIVES)):
                    faded = by_day[h, k] * 2.0 ** (-since / HALF_LIVES[h])
                    of[column] = np.log(FLOOR + faded) - np.log(1 + all_by_day[h])
                    column += 1
                for g in range(len(DECAYS)):
                    faded = by_visit[g, k] * DECAYS[g] ** (t - last_basket[k])
                    of[column] = np.log(FLOOR + faded) - np.log(1 + all_by_visit[g])
                    column += 1
                gap = (last_day[k] - first_day[k] + GAP) / bought[k]
                of[column] = np.log1p(float(since))
                of[column + 1] = np.log1p(float(t - last_basket[k]))
                of[column + 2] = np.log(gap)
                of[column + 3] = min(since / gap, MOST_GAPS)
                of[column + 4] = np.log1p(bought[k])
                of[column + 5] = np.log(amount[k] / bought[k])
                of[column + 6] = np.log1p(float(asked[t] - first_day[k]))
                of[column + 7] = 1.0 if last_basket[k] == t else 0.0
        for k in range(count):
            slot[item[b, k]] = -1
