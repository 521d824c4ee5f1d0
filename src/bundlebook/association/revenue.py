"""What an itemset is worth: the money spent on it where it is bought together."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Shop, group_baskets


def revenue_baskets(shop: Shop, level: str = "auto", by: str = "auto") -> Baskets:
    """Baskets whose matrix holds money instead of units: quantity × price paid, summed per basket and item."""
    events = shop.events
    money = events["quantity"] * events["price"]
    return group_baskets(shop.with_tables(events=events.assign(quantity=money)), level, by)


def utility(value: Baskets, itemsets: Iterable[tuple[str, ...]]) -> np.ndarray:
    r"""Money spent on an itemset's items in the baskets that hold all of them (高效用项集).

    .. math:: u(X) = \sum_{b \supseteq X} \sum_{i \in X} v_{bi}

    Parameters
    ----------
    value : Baskets
        Money per basket and item, for example of :func:`revenue_baskets`.
    itemsets : iterable of tuples of labels

    Returns
    -------
    ndarray of float64, shape (n_itemsets,)
        In the currency of the shop. Unlike support it does not shrink when an item is added, so it cannot prune a
        search; it re-weighs itemsets that were found by support.

    Raises
    ------
    BundlebookError
        For an item that these baskets do not know.
    """
    columns = sparse.csc_matrix(value.quantities, dtype=np.float64)
    columns.sort_indices()
    number = {label: place for place, label in enumerate(value.items.tolist())}
    out = []
    for labels in itemsets:
        unknown = [label for label in labels if label not in number]
        if unknown:
            raise BundlebookError(f"unknown items {unknown}", where="itemsets", remedy="mine the same baskets")
        parts = [slice(columns.indptr[number[label]], columns.indptr[number[label] + 1]) for label in labels]
        rows = columns.indices[parts[0]]
        for part in parts[1:]:
            rows = np.intersect1d(rows, columns.indices[part], assume_unique=True)
        spent = (columns.data[part][np.searchsorted(columns.indices[part], rows)].sum() for part in parts)
        out.append(sum(spent, 0.0))
    return np.array(out)
