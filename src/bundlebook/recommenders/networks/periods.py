"""Histories as periods: what each user bought in each four weeks, counted back from the day of the prediction.

The articles' unit of time is the month. Here it is the **period** of :data:`~bundlebook.shop.splits.PERIOD_DAYS`
days that ends where the prediction begins, so that "the next step of the sequence" and "the window to be predicted"
are the same length.

A user buys a few dozen of the shop's items, so a dense array over users × periods × items is almost all zeros. The
panel stores only the (user, item) pairs that occur, each with one short row over the periods; in a batch all users'
pairs are padded to one width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import as_day, before
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Widths a batch is padded to, in pairs. Few of them, because a compiled network is compiled once per shape.
WIDTHS = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)


@dataclass(frozen=True)
class PeriodPanel:
    """Purchases per user, item and period before a day `at`; period ``n_periods - 1`` ends the day before `at`.

    Attributes
    ----------
    at : datetime64[D]
    n_items : int
    first_pair : ndarray of int64, shape (n_users + 1,)
        The pairs of user u are ``first_pair[u]:first_pair[u + 1]``.
    item : ndarray of int32, shape (n_pairs,)
        Column of each pair's item, ascending within a user.
    baskets : ndarray of float32, shape (n_pairs, n_periods)
        Baskets of the user in the period that hold the item.
    units : ndarray of float32, shape (n_pairs, n_periods)
        Units bought in the period.
    recency : ndarray of float32, shape (n_pairs, n_periods)
        Days from the item's last purchase in the period to the period's end, 1 … 28; 0 where it was not bought.
    trips : ndarray of float32, shape (n_users, n_periods)
        Baskets of the user in the period.
    seen : ndarray of bool, shape (n_users, n_periods)
        True from the period of the user's first basket on: before it the user is unknown, not inactive.
    """

    at: np.datetime64
    n_items: int
    first_pair: np.ndarray
    item: np.ndarray
    baskets: np.ndarray
    units: np.ndarray
    recency: np.ndarray
    trips: np.ndarray
    seen: np.ndarray

    @property
    def n_users(self) -> int:
        return len(self.first_pair) - 1

    @property
    def n_periods(self) -> int:
        return self.trips.shape[1]

    @property
    def starts(self) -> np.ndarray:
        """First day of each period, shape (n_periods,), datetime64[D]."""
        return self.at - PERIOD_DAYS * np.arange(self.n_periods, 0, -1)

    def pairs_by_user(self) -> np.ndarray:
        """Number of distinct items of each user, shape (n_users,)."""
        return np.diff(self.first_pair)

    def pairs_of(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each pair of some users in their order, the place of its user among them and its number."""
        counts = self.pairs_by_user()[users]
        row = np.repeat(np.arange(len(users)), counts)
        return row, np.repeat(self.first_pair[users] - (np.cumsum(counts) - counts), counts) + np.arange(len(row))

    def over_items(self, users: np.ndarray, of_pairs: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Spread values of the pairs of some users over all items, with 0 elsewhere.

        Parameters
        ----------
        users : ndarray of int, shape (B,)
        of_pairs : callable
            Takes numbers of pairs, shape (n,), and returns a row of T values for each, shape (n, T).

        Returns
        -------
        ndarray, shape (B, T, n_items), float32
        """
        row, pair = self.pairs_of(users)
        values = of_pairs(pair)
        dense = np.zeros((len(users), values.shape[1], self.n_items), dtype=np.float32)
        dense[row, :, self.item[pair]] = values
        return dense

    def batch(self, users: np.ndarray, width: int | None = None) -> dict[str, np.ndarray]:
        """Pad the pairs of some users to one width: the input of a network.

        Parameters
        ----------
        users : ndarray of int, shape (B,)
        width : int, optional
            Pairs a user is padded to, K; the smallest of :data:`WIDTHS` that fits if None.

        Returns
        -------
        dict of str to ndarray
            ``item`` (B, K) int32; ``baskets``, ``units``, ``recency`` (B, K, T) float32; ``trips`` (B, T) float32;
            ``seen`` (B, T) float32. A padded pair has item 0 and zeros everywhere, so it adds nothing to any sum.
        """
        users = np.asarray(users)
        counts = self.pairs_by_user()[users]
        largest = int(counts.max(initial=1))
        width = _fitting_width(largest) if width is None else width
        if largest > width:
            raise BundlebookError(f"a user with {largest} items does not fit a batch {width} pairs wide")
        row, pair = self.pairs_of(users)
        place = pair - self.first_pair[users][row]
        batch = {"item": np.zeros((len(users), width), dtype=np.int32)}
        batch["item"][row, place] = self.item[pair]
        for name in ("baskets", "units", "recency"):
            batch[name] = np.zeros((len(users), width, self.n_periods), dtype=np.float32)
            batch[name][row, place] = getattr(self, name)[pair]
        batch["trips"] = self.trips[users]
        batch["seen"] = self.seen[users].astype(np.float32)
        return batch

    def bought(self, users: np.ndarray) -> np.ndarray:
        """Return what some users bought as a dense array: the target of a network.

        Returns
        -------
        ndarray, shape (B, n_periods, n_items), float32
            1 where the user bought the item in the period, else 0.
        """
        return self.over_items(np.asarray(users), lambda pair: self.baskets[pair] > 0)


def _fitting_width(pairs: int) -> int:
    """Return the smallest of :data:`WIDTHS` that holds *pairs*; beyond the last one, the next multiple of it."""
    fitting = [width for width in WIDTHS if width >= pairs]
    return fitting[0] if fitting else -(-pairs // WIDTHS[-1]) * WIDTHS[-1]


def periods_covered(histories: Baskets, at: np.datetime64, most: int = 13) -> int:
    """Periods from the first basket to *at*, the first of them perhaps begun; at least 1 and at most *most*."""
    past = histories.day[histories.day < as_day(at)]
    if not len(past):
        return 1
    days = int((as_day(at) - past.min()).astype(int))
    return min(most, -(-days // PERIOD_DAYS))


def period_panel(histories: Baskets, at: np.datetime64, n_periods: int | None = None) -> PeriodPanel:
    """Count what each user bought in each of the last periods before *at*.

    Parameters
    ----------
    histories : Baskets
        Baskets on or after *at* are not looked at.
    at : datetime64[D] or ISO date
        First day of the period to be predicted.
    n_periods : int, optional
        Periods to look back, T; older baskets are left out. As many as the histories cover, at most 13, if None.

    Returns
    -------
    PeriodPanel
    """
    at, histories = as_day(at), before(histories, at)
    n_periods = periods_covered(histories, at) if n_periods is None else n_periods
    if n_periods < 1:
        raise BundlebookError(f"n_periods is {n_periods}", remedy="look back at least one period")
    age = (at - histories.day).astype(np.int64)  # 1: the day before
    histories = histories.where((age >= 1) & (age <= n_periods * PERIOD_DAYS))
    age = (at - histories.day).astype(np.int64)
    period = n_periods - 1 - (age - 1) // PERIOD_DAYS
    trips = np.bincount(histories.user * n_periods + period, minlength=histories.n_users * n_periods)
    trips = trips.reshape(histories.n_users, n_periods).astype(np.float32)

    lines = histories.quantities.tocoo()
    key = histories.user[lines.row] * histories.n_items + lines.col
    pairs, pair = np.unique(key, return_inverse=True)
    cell, shape = pair * n_periods + period[lines.row], (len(pairs), n_periods)
    baskets = np.bincount(cell, minlength=shape[0] * shape[1])
    units = np.bincount(cell, weights=lines.data, minlength=shape[0] * shape[1])
    recency = np.full(shape[0] * shape[1], PERIOD_DAYS + 1)
    np.minimum.at(recency, cell, (age[lines.row] - 1) % PERIOD_DAYS + 1)
    recency[baskets == 0] = 0
    return PeriodPanel(
        at=at,
        n_items=histories.n_items,
        first_pair=np.searchsorted(pairs // histories.n_items, np.arange(histories.n_users + 1)),
        item=(pairs % histories.n_items).astype(np.int32),
        baskets=baskets.reshape(shape).astype(np.float32),
        units=units.reshape(shape).astype(np.float32),
        recency=recency.reshape(shape).astype(np.float32),
        trips=trips,
        seen=np.cumsum(trips, axis=1) > 0,
    )
