"""What all users together tell, as exact whole numbers that a night's events change.

Popularity, similarities between items and the linear model EASE all follow from three tables of counts. A night touches
few users, and their share of each table can be taken out and put back: whole numbers add without error, so the tables
after a thousand nights equal those of one count over the whole log, bit for bit. Forgetting a user is the same step
with nothing put back.
"""

import hashlib
import io
import json
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import EASE, DecayedFrequency
from bundlebook.shop import Baskets

#: Items from which on pairs are not counted: their table would take 100 MB.
MOST_ITEMS = 5000


@dataclass(frozen=True, eq=False)
class Counts:
    r"""Counts over the baskets of all users.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
        Sorted; every item that somebody bought.
    level : str
        Column of ``shop.products`` that they come from.
    n_users : int
        Users with a basket.
    day : ndarray of datetime64[D], shape (n_days,)
        Sorted; every day with a basket.
    baskets : ndarray of int64, shape (n_days,)
    holding : ndarray of int32, shape (n_days, n_items)
        Baskets of a day that hold an item.
    users : ndarray of int64, shape (n_items,)
        Users who bought an item.
    pairs : ndarray of int32, shape (n_items, n_items), or None
        :math:`G = X^\top X` with X the 0/1 matrix of users and items: users who bought both. None from
        :data:`MOST_ITEMS` items on.
    """

    items: np.ndarray
    level: str
    n_users: int
    day: np.ndarray
    baskets: np.ndarray
    holding: np.ndarray
    users: np.ndarray
    pairs: np.ndarray | None

    @classmethod
    def of(cls, baskets: Baskets) -> Self:
        """Count from scratch."""
        held = np.flatnonzero(np.bincount(baskets.quantities.indices, minlength=baskets.n_items))
        incidence = baskets.incidence[:, held].astype(np.int32)
        day, row = np.unique(baskets.day.astype("datetime64[D]"), return_inverse=True)
        gather = sparse.csr_matrix(
            (np.ones(len(row), np.int32), (row, np.arange(len(row)))), shape=(len(day), len(row))
        )
        bought = sparse.csr_matrix(
            (np.ones(len(row), np.int32), (baskets.user, np.arange(len(row)))), shape=(baskets.n_users, len(row))
        )
        matrix = (bought @ incidence).tocsr()
        matrix.data[:] = 1
        return cls(
            baskets.items[held],
            baskets.level,
            int(np.count_nonzero(baskets.counts_by_user())),
            day,
            np.bincount(row, minlength=len(day)).astype(np.int64),
            (gather @ incidence).toarray().astype(np.int32),
            np.bincount(matrix.indices, minlength=len(held)).astype(np.int64),
            (matrix.T @ matrix).toarray().astype(np.int32) if len(held) <= MOST_ITEMS else None,
        )

    def changed(self, before: Baskets, after: Baskets) -> Self:
        """Put some users' baskets in the place of those they had.

        Parameters
        ----------
        before, after : Baskets
            *All* baskets of the same users, as they were counted and as they are now; one without a basket may be
            missing.

        Returns
        -------
        Counts
            Equal, bit for bit, to :meth:`of` all users' baskets; except that pairs that were too many to be counted
            stay uncounted if fewer items are left.
        """
        old, new = Counts.of(before), Counts.of(after)
        items = np.unique(np.concatenate([self.items, old.items, new.items]))
        days = np.unique(np.concatenate([self.day, old.day, new.day]))
        terms = [(part._over(items, days), sign) for part, sign in ((self, 1), (old, -1), (new, 1))]

        def total(name: str) -> np.ndarray:
            return sum(sign * getattr(part, name) for part, sign in terms)

        counted = all(part.pairs is not None for part, _ in terms) and len(items) <= MOST_ITEMS
        whole = replace(
            self,
            items=items,
            day=days,
            n_users=sum(sign * part.n_users for part, sign in terms),
            baskets=total("baskets"),
            holding=total("holding"),
            users=total("users"),
            pairs=total("pairs") if counted else None,
        )
        return whole._over(items[whole.users > 0], days[whole.baskets > 0])

    def _over(self, items: np.ndarray, days: np.ndarray) -> Self:
        """The same counts for other items and days, 0 where nothing was counted."""
        column, row = pd.Index(self.items).get_indexer(items), pd.Index(self.day).get_indexer(days)
        return replace(
            self,
            items=items,
            day=days,
            baskets=_taken(self.baskets, row),
            holding=_taken(_taken(self.holding, row).T, column).T,
            users=_taken(self.users, column),
            pairs=None if self.pairs is None else _taken(_taken(self.pairs, column).T, column).T,
        )

    def popularity(self, at: np.datetime64, days: int) -> np.ndarray:
        """Share of the baskets of the last *days* before *at* that hold each item, shape (n_items,); 0 without any."""
        at = np.datetime64(at).astype("datetime64[D]")
        inside = (self.day < at) & (self.day >= at - np.timedelta64(days, "D"))
        if not inside.any():
            inside = self.day < at
        return self.holding[inside].sum(axis=0) / max(self.baskets[inside].sum(), 1)

    def frequency(self, at: np.datetime64, items: np.ndarray) -> DecayedFrequency:
        """Decayed frequency and popularity for the day *at*, over some items, ready to score."""
        model = DecayedFrequency()
        model.share_ = _taken(self.popularity(at, model.days), pd.Index(self.items).get_indexer(items)).astype(
            np.float32
        )
        return model

    def ease(self, items: np.ndarray, l2: float = 200.0) -> EASE:
        """EASE over some items, in closed form from the pairs, ready to score.

        An item that nobody bought has the weight 0 to and from every other.
        """
        column = pd.Index(self.items).get_indexer(items)
        if self.pairs is None:
            raise BundlebookError(
                f"pairs of {len(self.items):,} items are not counted", where="Counts.ease", remedy="use a coarser level"
            )
        gram = _taken(_taken(self.pairs, column).T, column).T.astype(np.float64)
        gram[np.diag_indices_from(gram)] += l2
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        model = EASE(l2=l2)
        model.weights_ = weights.astype(np.float32)
        return model

    def cosine(self) -> np.ndarray:
        """Cosine between the users of every two items, shape (n_items, n_items)."""
        norm = np.sqrt(self.users)
        return self.pairs / np.outer(norm, norm)

    def to_bytes(self) -> bytes:
        """Pack everything; :meth:`from_bytes` brings it back."""
        content = io.BytesIO()
        pairs: dict[str, Any] = {} if self.pairs is None else {"pairs": self.pairs}
        np.savez_compressed(
            content,
            items=self.items.astype(str),
            about=np.array(json.dumps([self.level, self.n_users])),
            day=self.day.astype(np.int64),
            baskets=self.baskets,
            holding=self.holding,
            users=self.users,
            **pairs,
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Unpack what :meth:`to_bytes` packed."""
        with np.load(io.BytesIO(content)) as held:
            level, n_users = json.loads(str(held["about"]))
            day = held["day"].astype("datetime64[D]")
            pairs = held.get("pairs")
            return cls(held["items"], level, n_users, day, held["baskets"], held["holding"], held["users"], pairs)

    @property
    def digest(self) -> str:
        """SHA-256 of all counts."""
        content = hashlib.sha256(json.dumps([self.items.tolist(), self.level, self.n_users]).encode())
        arrays = [self.day.astype(np.int64), self.baskets, self.holding, self.users, self.pairs]
        for array in (array for array in arrays if array is not None):
            content.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return content.hexdigest()


def _taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of an array, zeros for −1."""
    padded = np.concatenate(
        [array, np.zeros_like(array[:1]) if len(array) else np.zeros((1, *array.shape[1:]), array.dtype)]
    )
    return padded[rows]
