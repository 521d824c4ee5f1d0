"""Find itemsets in a table of itemsets: the step that rules, closed sets and productivity share."""

from collections.abc import Iterable
from itertools import chain, combinations

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError


class ItemsetLookup:
    """Positions of itemsets in a frame of :func:`~bundlebook.association.itemsets.frequent_itemsets`.

    An itemset of length k is coded by the position of its first k − 1 items and its last item, so a search of many
    itemsets at once is k binary searches over sorted integers, whatever the labels are.

    Attributes
    ----------
    labels : ndarray of object
        Sorted distinct labels.
    rows : list of ndarray of int64
        Per length k (entry k − 1): row of the frame of each itemset.
    ids : list of ndarray of int64, shapes (n_k, k)
        Label numbers of those itemsets, ascending.
    """

    def __init__(self, itemset: pd.Series) -> None:
        sets = itemset.to_list()
        length = np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
        self.labels = np.array(sorted(set(chain.from_iterable(sets))), dtype=object)
        self._number = {label: number for number, label in enumerate(self.labels)}
        self.rows, self.ids, self._keys, self._place = [], [], [], []
        for k in range(1, int(length.max(initial=0)) + 1):
            rows = np.flatnonzero(length == k)
            flat = chain.from_iterable([sets[row] for row in rows.tolist()])
            ids = np.fromiter(map(self._number.__getitem__, flat), dtype=np.int64, count=k * len(rows)).reshape(-1, k)
            self.rows.append(rows)
            self.ids.append(ids)
        for k, (rows, ids) in enumerate(zip(self.rows, self.ids, strict=True), start=1):
            prefix = self._code(ids[:, : k - 1])
            if (prefix < 0).any():
                missing = sets[rows[np.flatnonzero(prefix < 0)[0]]][:-1]
                raise BundlebookError(
                    f"{missing} is missing although a larger itemset is listed",
                    where="itemsets",
                    remedy="pass the table as frequent_itemsets returned it, unfiltered; filter the rules instead",
                )
            keys = prefix * len(self.labels) + ids[:, k - 1]
            order = np.argsort(keys, kind="stable")
            self._keys.append(keys[order])
            self._place.append(rows[order])

    def _code(self, ids: np.ndarray) -> np.ndarray:
        """Place of each itemset among the sorted codes of its length; −1 where it is not listed."""
        code = np.zeros(len(ids), dtype=np.int64)
        for k in range(ids.shape[1]):
            known = self._keys[k]
            key = code * len(self.labels) + ids[:, k]
            if not len(known):
                return np.full(len(ids), -1, dtype=np.int64)
            place = np.minimum(np.searchsorted(known, key), len(known) - 1)
            code = np.where((code >= 0) & (known[place] == key), place, -1)
        return code

    def find(self, ids: np.ndarray) -> np.ndarray:
        """Rows of the frame that hold the itemsets *ids*, shape (n, k), ascending label numbers; −1 if not listed."""
        if ids.shape[1] > len(self._keys):
            return np.full(len(ids), -1, dtype=np.int64)
        code = self._code(ids)
        return np.where(code >= 0, self._place[ids.shape[1] - 1][code], -1)

    def numbers(self, labels: Iterable[str]) -> np.ndarray:
        """Numbers of labels; −1 for a label that is in no itemset."""
        return np.array([self._number.get(label, -1) for label in labels], dtype=np.int64)

    def subsets(self, k: int, size: int):
        """Yield, for every choice of *size* columns of the itemsets of length *k*, the columns and the rows found."""
        ids = self.ids[k - 1]
        for columns in combinations(range(k), size):
            yield columns, self.find(ids[:, columns])
