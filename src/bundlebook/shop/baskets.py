"""Baskets: who bought what on which day, as one sparse matrix in time order."""

import hashlib
import json
from dataclasses import dataclass, replace

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

    def where(self, chosen: np.ndarray | slice) -> "Baskets":
        """Keep the baskets of a boolean mask, positions or a slice; users and items keep their numbering."""
        return replace(self, quantities=self.quantities[chosen], user=self.user[chosen], day=self.day[chosen])

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
        user = np.repeat(np.arange(len(rows)), many)
        return replace(self.where(chosen), user=user, user_ids=self.user_ids[rows])

    def one(self, user: str) -> "Baskets":
        """Keep one user's baskets, as Baskets with this user alone.

        Parameters
        ----------
        user : str
            Label in `user_ids`; the first of them if a bootstrap drew it several times.

        Raises
        ------
        BundlebookError
            If no user has this label. :meth:`empty` makes the history of somebody who is not known yet.
        """
        rows = np.flatnonzero(self.user_ids == user)
        if not len(rows):
            raise BundlebookError(
                f"there is no user {user!r} among {self.n_users}",
                where="Baskets.one",
                remedy="use a label of user_ids, or Baskets.empty(user) for somebody without a basket",
            )
        mine = self.where(slice(*np.searchsorted(self.user, [rows[0], rows[0] + 1])))
        return replace(mine, user=np.zeros_like(mine.user), user_ids=self.user_ids[rows[:1]])

    def empty(self, user: str = "nobody") -> "Baskets":
        """Return the history of one user who has no basket yet, over the same items."""
        return replace(self.where(slice(0)), user_ids=np.array([user], dtype=str))

    def over(self, items: np.ndarray) -> "Baskets":
        """Return the same purchases with the columns *items*, in their order.

        Parameters
        ----------
        items : array of str, shape (n,)
            One that is not in `items` becomes a column that nobody bought; what is not named is left out.

        Returns
        -------
        Baskets
            Without the baskets that hold none of *items*. Users keep their numbering.
        """
        items = np.asarray(items, dtype=str)
        position = pd.Index(self.items).get_indexer(items)
        # One more column, which is empty: position -1 is the last of them.
        cells = (self.quantities.data, self.quantities.indices, self.quantities.indptr)
        padded = sparse.csr_matrix(cells, shape=(self.n_baskets, self.n_items + 1))
        quantities = padded[:, position]
        quantities.sort_indices()
        kept = np.diff(quantities.indptr) > 0
        return replace(self, quantities=quantities, items=items).where(kept)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the baskets hold, in hexadecimal: the same on every machine, another if anything differs.

        Numbers are read as little-endian int64 and float64, and cells in the order of rows and columns, so that neither
        the machine's integers nor the order in which SciPy keeps a row's cells has a say.
        """
        cells = self.quantities.tocsr(copy=True)
        cells.sum_duplicates()
        numbers = {
            "shape": (np.asarray(cells.shape), "<i8"),
            "indptr": (cells.indptr, "<i8"),
            "indices": (cells.indices, "<i8"),
            "data": (cells.data, "<f8"),
            "user": (self.user, "<i8"),
            "day": (self.day.astype("datetime64[D]").astype(np.int64), "<i8"),
        }
        content = hashlib.sha256()
        for name, (array, dtype) in numbers.items():
            content.update(f"{name} {len(array)}\n".encode() + np.ascontiguousarray(array, dtype=dtype).tobytes())
        labels = [self.user_ids.tolist(), self.items.tolist(), self.level]
        content.update(json.dumps(labels).encode())
        return content.hexdigest()

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
        age = (np.asarray(at, "datetime64[D]") - self.day).astype(np.int64)
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
    known, column, items = _columns(shop, lines["item_id"], level)
    parts = ["user_id", "time", "quantity", *([by] if by != "day" else [])]
    return _assemble(lines.loc[known, parts], column[known], items, by, level)


def item_groups(shop: Shop, level: str = "auto", coarser: str | None = None) -> pd.Series | None:
    """Return the label of each item at a coarser level, for methods that look at items of one kind together.

    Parameters
    ----------
    shop : Shop
    level : str
        Level of the items, as in :func:`group_baskets`.
    coarser : str, optional
        Level of the groups; the next coarser one if None.

    Returns
    -------
    Series of str, or None
        Indexed by the labels of *level*, ascending; None where the catalogue has no next coarser level. An item
        without a coarser label is absent. Where products of one label differ, the most frequent coarser label counts,
        of equal ones the first in the alphabet.

    Examples
    --------
    >>> from bundlebook.shop import load_shop
    >>> shop = load_shop("sample")
    >>> item_groups(shop).loc["batteries"]
    'Office'
    >>> item_groups(shop, shop.levels[-1]) is None
    True
    """
    level = shop.level(level)
    if coarser is None:
        coarser = next(iter(shop.levels[shop.levels.index(level) + 1 :]), None)
        if coarser is None:
            return None
    above = shop.level(coarser)
    known = shop.products[[level, above]].dropna().astype(str)
    many = known.groupby([level, above]).size().reset_index(name="products")
    many = many.sort_values([level, "products", above], ascending=[True, False, True])
    return many.drop_duplicates(level).set_index(level)[above]


def _columns(shop: Shop, item_id: pd.Series, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether each line has a label at a level, its column, and the labels of the columns; looked up once per item."""
    code, items = pd.factorize(item_id)
    labels = pd.Series(items) if level == "item_id" else shop.products.set_index("item_id")[level].reindex(items)
    column, names = pd.factorize(labels.to_numpy(object), sort=True)
    column = np.append(column, -1)[code]  # the last place serves the lines without an item, whose code is -1
    return column >= 0, column, names


def _assemble(lines: pd.DataFrame, column: np.ndarray, items: np.ndarray, by: str, level: str) -> Baskets:
    user, user_ids = pd.factorize(lines["user_id"], sort=True)
    moment = lines["time"].to_numpy()
    day = moment.astype("datetime64[D]").astype(np.int64)
    key = np.zeros(len(lines), np.int64) if by == "day" else pd.factorize(lines[by], sort=True)[0]
    basket, first = _numbered(_numbered(user, day)[0], key)  # in the order in which they appear
    began = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(began, basket, moment.astype(np.int64))
    order = np.lexsort((key[first], began, user[first]))
    place = np.empty(len(first), dtype=np.int64)
    place[order] = np.arange(len(first))
    first = first[order]
    quantities = sparse.csr_matrix(
        (lines["quantity"].to_numpy(np.float32), (place[basket], column)), shape=(len(first), len(items))
    )
    quantities.sum_duplicates()
    labels = (np.asarray(user_ids).astype(str), np.asarray(items).astype(str))
    return Baskets(quantities, user[first], day[first].astype("datetime64[D]"), *labels, level)


def _numbered(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the different pairs of two arrays of integers as they appear; and where each appears first."""
    low = b.min(initial=0)
    number, pairs = pd.factorize(a * (b.max(initial=0) - low + 1) + (b - low))
    first = np.empty(len(pairs), dtype=np.int64)
    first[number[::-1]] = np.arange(len(number) - 1, -1, -1)
    return number, first
