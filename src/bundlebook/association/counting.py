"""Count given itemsets in given baskets: other weeks, other shops, the baskets that were held out."""

from collections.abc import Iterable

import numpy as np
from numba import njit

from bundlebook.association.matrix import encode


@njit(cache=True)
def _count(col_start, col_row, items, start, counts):
    """Walk the baskets of each itemset's rarest item and look the others up."""
    for number in range(len(start) - 1):
        ids = items[start[number] : start[number + 1]]
        rarest = 0
        for place in range(len(ids)):
            if ids[place] < 0:
                rarest = -1
                break
            size = col_start[ids[place] + 1] - col_start[ids[place]]
            if size < col_start[ids[rarest] + 1] - col_start[ids[rarest]]:
                rarest = place
        if rarest < 0:
            continue
        for row in col_row[col_start[ids[rarest]] : col_start[ids[rarest] + 1]]:
            inside = True
            for place in range(len(ids)):
                if place != rarest:
                    rows = col_row[col_start[ids[place]] : col_start[ids[place] + 1]]
                    at = np.searchsorted(rows, row)
                    if at == len(rows) or rows[at] != row:
                        inside = False
                        break
            if inside:
                counts[number] += 1


def count_itemsets(baskets, itemsets: Iterable[tuple[str, ...]]) -> np.ndarray:
    """Number of baskets that hold each itemset, frequent or not.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    itemsets : iterable of tuples of labels
        An item that these baskets do not know counts as never bought.

    Returns
    -------
    ndarray of int64, shape (n_itemsets,)

    Examples
    --------
    >>> count_itemsets([["milk", "tea"], ["milk"]], [("milk",), ("milk", "tea"), ("beer", "milk")]).tolist()
    [2, 1, 0]
    """
    encoded = encode(baskets)
    number = {label: place for place, label in enumerate(encoded.items.tolist())}
    sets = [[number.get(label, -1) for label in labels] for labels in itemsets]
    start = np.concatenate([[0], np.cumsum([len(ids) for ids in sets])]).astype(np.int64)
    items = np.array([place for ids in sets for place in ids], dtype=np.int64)
    columns = encoded.matrix.tocsc()
    counts = np.zeros(len(sets), dtype=np.int64)
    if len(items):
        _count(columns.indptr.astype(np.int64), columns.indices.astype(np.int64), items, start, counts)
    counts[np.diff(start) == 0] = encoded.n_baskets
    return counts
