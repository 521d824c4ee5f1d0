"""Baskets: who bought what on which day, as one sparse matrix in time order."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop


@dataclass(frozen=True)
class Baskets:
    """Purchases grouped into baskets, sorted by user and day.

    Attributes
    ----------
    quantities : csr_matrix, shape (n_baskets, n_items), float32
        Units bought; absent means not bought.
    user : ndarray of int64, shape (n_baskets,)
        Row of `user_ids` each basket belongs to.
    day : ndarray of datetime64[D], shape (n_baskets,)
        Local calendar day of the basket.
    user_ids : ndarray of str, shape (n_users,)
        Sorted labels. A user may have no basket at all.
    items : ndarray of str, shape (n_items,)
        Sorted labels of the columns.
    level : str
        Column of ``shop.products`` that `items` come from.
    """

    quantities: sparse.csr_matrix
    user: np.ndarray
    day: np.ndarray
    user_ids: np.ndarray
    items: np.ndarray
    level: str = "item_id"

    @property
    def n_baskets(self) -> int:
        return self.quantities.shape[0]

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def incidence(self) -> sparse.csr_matrix:
        """The matrix with every quantity replaced by 1."""
        ones = self.quantities.copy()
        ones.data = np.ones_like(ones.data)
        return ones

    def where(self, chosen: np.ndarray) -> "Baskets":
        """Keep the baskets of a boolean mask; users and items keep their numbering."""
        return Baskets(
            self.quantities[chosen],
            self.user[chosen],
            self.day[chosen],
            self.user_ids,
            self.items,
            self.level,
        )

    def between(self, start=None, end=None) -> "Baskets":
        """Keep the baskets with ``start <= day < end`` (ISO dates or datetime64; None leaves a side open)."""
        chosen = np.ones(self.n_baskets, dtype=bool)
        if start is not None:
            chosen &= self.day >= np.datetime64(start, "D")
        if end is not None:
            chosen &= self.day < np.datetime64(end, "D")
        return self.where(chosen)

    def last(self, n: int) -> "Baskets":
        """Keep every user's last *n* baskets: customers whom the shop has just met.

        Users with fewer baskets keep all of theirs; users and items keep their numbering.

        Raises
        ------
        BundlebookError
            If *n* is negative.
        """
        if n < 0:
            raise BundlebookError(f"the last {n} baskets", where="Baskets.last", remedy="use 0 or more")
        still_to_come = np.cumsum(self.counts_by_user())[self.user] - 1 - np.arange(self.n_baskets)
        return self.where(still_to_come < n)

    def of_users(self, rows: np.ndarray) -> "Baskets":
        """Keep some users and renumber them in the order of *rows* (indices into `user_ids`).

        A row that stands in *rows* several times becomes as many users, all with its label, as a bootstrap needs it.
        """
        rows = np.asarray(rows)
        count = self.counts_by_user()
        before, many = np.cumsum(count) - count, count[rows]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        chosen = np.repeat(before[rows], many) + within
        return Baskets(
            self.quantities[chosen],
            np.repeat(np.arange(len(rows)), many),
            self.day[chosen],
            self.user_ids[rows],
            self.items,
            self.level,
        )

    def with_items(self, items: np.ndarray) -> "Baskets":
        """Keep the columns named by *items*, in their order; baskets that become empty are dropped."""
        position = pd.Index(self.items).get_indexer(items)
        if (position < 0).any():
            missing = np.asarray(items)[position < 0][:3].tolist()
            raise BundlebookError(f"unknown items {missing}", where=f"level {self.level!r}")
        quantities = self.quantities[:, position]
        kept = np.diff(quantities.indptr) > 0
        return Baskets(quantities[kept], self.user[kept], self.day[kept], self.user_ids, np.asarray(items), self.level)

    def sizes(self) -> np.ndarray:
        """Distinct items in each basket, shape (n_baskets,)."""
        return np.diff(self.quantities.indptr)

    def counts_by_user(self) -> np.ndarray:
        """Baskets of each user, shape (n_users,)."""
        return np.bincount(self.user, minlength=self.n_users)

    def decay(self, at: np.datetime64, half_life: float) -> np.ndarray:
        r"""Weight of every basket at the day *at*, for counts that forget; shape (n_baskets,), float64.

        .. math:: w_b = 2^{-(t - t_b) / H}

        with t the day *at*, t_b the basket's and H = *half_life* in days: a basket of that age counts one half, and
        with ``numpy.inf`` every basket counts 1.
        """
        age = (np.datetime64(at, "D") - self.day).astype(np.int64)
        return np.exp2(-age / half_life)

    def user_item(self, weights: np.ndarray | None = None) -> sparse.csr_matrix:
        """Sum of basket incidences per user, each basket times its weight; shape (n_users, n_items), float32."""
        weights = np.ones(self.n_baskets, dtype=np.float32) if weights is None else weights.astype(np.float32)
        gather = sparse.csr_matrix(
            (weights, (self.user, np.arange(self.n_baskets))), shape=(self.n_users, self.n_baskets)
        )
        return (gather @ self.incidence).tocsr()


def group_baskets(shop: Shop, level: str = "auto", by: str = "auto") -> Baskets:
    """Group a cleaned shop's purchases into baskets.

    Parameters
    ----------
    shop : Shop
        Cleaned, so that ``time`` is the shop's own clock.
    level : str
        ``"item_id"``, another level of ``shop.levels``, or ``"auto"``.
    by : {"auto", "basket_id", "session_id", "day"}
        What makes a basket, within one user and day. ``"auto"`` takes the first of these that the events have.

    Returns
    -------
    Baskets
        Sorted by user and the moment they began; lines whose product has no value at this level are left out.

    Raises
    ------
    BundlebookError
        If `level` or `by` is unknown, or the events lack the column.

    Notes
    -----
    Midnight ends a basket, and an id that returns on another day starts a new one. Otherwise a line of tomorrow
    could join a basket of today, and a prediction made at midnight would see it.
    """
    level = shop.level(level)
    lines = shop.purchases
    if by not in ("auto", "basket_id", "session_id", "day"):
        raise BundlebookError(f"baskets by {by!r}", remedy="use by='basket_id', by='session_id', by='day' or by='auto'")
    if by == "auto":
        by = next((column for column in ("basket_id", "session_id") if column in lines), "day")
    if by != "day" and by not in lines:
        raise BundlebookError(
            f"there is no column {by!r}",
            where=f"events of shop {shop.name!r}",
            remedy="use by='day' or by='auto'",
        )
    known, label = _labels(shop, lines["item_id"], level)
    return _assemble(lines[known], label[known], by, level)


def _labels(shop: Shop, item_id: pd.Series, level: str) -> tuple[np.ndarray, np.ndarray]:
    """Each line's label at a level, looked up once an item instead of once a line; and whether it has one."""
    code, items = pd.factorize(item_id)
    labels = pd.Series(items) if level == "item_id" else shop.products.set_index("item_id")[level].reindex(items)
    # The last place serves the lines without an item, whose code is -1.
    known = np.append(labels.notna().to_numpy(), False)
    return known[code], np.append(labels.astype(object).to_numpy(), None)[code]


def _assemble(lines: pd.DataFrame, label: np.ndarray, by: str, level: str) -> Baskets:
    column, items = _sorted_codes(label)
    user, user_ids = _sorted_codes(lines["user_id"])
    moment = lines["time"].to_numpy()
    day = moment.astype("datetime64[D]")
    key = np.zeros(len(lines), np.int64) if by == "day" else pd.factorize(lines[by], sort=True)[0]
    frame = pd.DataFrame({"user": user, "day": day.astype(np.int64), "key": key, "moment": moment})
    frame["began"] = frame.groupby(["user", "day", "key"], sort=False)["moment"].transform("min")
    basket = frame.groupby(["user", "began", "key"], sort=True).ngroup().to_numpy()
    n_baskets = basket.max() + 1 if len(basket) else 0
    first = np.unique(basket, return_index=True)[1]
    quantities = sparse.csr_matrix(
        (lines["quantity"].to_numpy(np.float32), (basket, column)), shape=(n_baskets, len(items))
    )
    quantities.sum_duplicates()
    return Baskets(quantities, user[first], day[first], user_ids, items, level)


def _sorted_codes(values) -> tuple[np.ndarray, np.ndarray]:
    """Codes into the sorted distinct labels, and those labels as text."""
    code, labels = pd.factorize(values)
    labels = np.asarray(labels).astype(str)
    order = np.argsort(labels)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[code], labels[order]
