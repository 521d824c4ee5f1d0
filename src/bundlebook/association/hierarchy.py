"""Itemsets beside the catalogue and the prices: levels above the items, and the money that an itemset brings."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Shop, group_baskets


def surprise(pairs: pd.DataFrame, singles: pd.Series, coarse: pd.DataFrame, coarse_singles: pd.Series, parent: dict):
    r"""Compare pairs with what the pair of their parents already tells (Srikant and Agrawal, 1995).

    .. math:: E(a, b) = \operatorname{count}(A, B) \cdot \frac{\operatorname{count}(a)}{\operatorname{count}(A)}
              \cdot \frac{\operatorname{count}(b)}{\operatorname{count}(B)}

    with *A*, *B* the parents of *a*, *b*. A pair well above this is news at the finer level; one near 1 only repeats
    what the coarser level says.

    Parameters
    ----------
    pairs : DataFrame
        ``itemset`` (pairs of labels) and ``count``.
    singles : Series
        Baskets of each label of *pairs*.
    coarse : DataFrame
        ``itemset`` and ``count`` of the pairs of parents, from the same baskets.
    coarse_singles : Series
        Baskets of each parent.
    parent : dict of str to str
        Of each item that of its group, as :func:`bundlebook.shop.item_groups` gives it.

    Returns
    -------
    DataFrame
        *pairs* with ``parents`` (tuple), ``expected`` (baskets) and ``surprise`` = count / expected. For two children
        of one parent the count of the parent stands for the pair of parents. NaN where the parents' pair is not in
        *coarse*.
    """
    known = dict(zip(coarse["itemset"], coarse["count"], strict=True))
    lacking = sorted({label for pair in pairs["itemset"] for label in pair} - set(parent))
    if lacking:
        raise BundlebookError(f"{lacking[:3]} have no parent", where="hierarchy", remedy="map every label of the pairs")
    up = pairs["itemset"].map(lambda pair: tuple(sorted({parent[label] for label in pair})))
    together = [coarse_singles[above[0]] if len(above) == 1 else known.get(above, np.nan) for above in up]
    share = {label: singles[label] / coarse_singles[above] for label, above in parent.items() if label in singles}
    expected = np.array(together) * [share[a] * share[b] for a, b in pairs["itemset"]]
    out = pairs.assign(parents=up, expected=expected)
    return out.assign(surprise=out["count"] / out["expected"])


def revenue_baskets(shop: Shop, level: str = "auto", by: str = "auto") -> Baskets:
    """Make baskets whose matrix holds money instead of units: quantity × price paid, summed per basket and item."""
    events = shop.events
    money = events["quantity"] * events["price"]
    return group_baskets(shop.with_tables(events=events.assign(quantity=money)), level, by)


def utility(value: Baskets, itemsets: Iterable[tuple[str, ...]]) -> np.ndarray:
    r"""Money spent on an itemset's items in the baskets that hold all of them (高效用项集).

    .. math:: u(X) = \sum_{b \supseteq X} \sum_{i \in X} v_{bi}

    Parameters
    ----------
    value : Baskets
        Money per basket and item, for example from :func:`revenue_baskets`.
    itemsets : iterable of tuples of labels

    Returns
    -------
    ndarray of float64, shape (n_itemsets,)
        Money, in the currency of the shop. Unlike support it does not shrink when an item is added, so it cannot prune
        a search; it re-weighs itemsets that were found by support.

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


def representatives(baskets: Baskets, first: Iterable[str], second: Iterable[str], least: int = 5) -> tuple[str, str]:
    r"""Choose the two items that stand for a pair of groups: those that most baskets hold together.

    .. math:: \arg\max_{i \in A,\, j \in B} |\{b : i \in b,\, j \in b\}|

    Groups can go together although their best sellers do not: the best sellers stand only where no two items are in
    *least* baskets together.

    Parameters
    ----------
    baskets : Baskets
        Of single items.
    first, second : iterable of str
        Items of each group, at least one of each in the baskets. The groups share no item.
    least : int
        Baskets that must hold both.

    Returns
    -------
    tuple of str
        An item of the first group and one of the second. Of equal pairs the one that is bought more; then by name.

    Examples
    --------
    >>> from scipy import sparse
    >>> rows = [[1, 0, 0, 1], [1, 0, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    >>> b = Baskets(sparse.csr_matrix(rows), np.zeros(5, int), np.arange(5).astype("datetime64[D]"),
    ...             np.array(["u"]), np.array(["brush", "roller", "paint", "varnish"]))
    >>> representatives(b, ["brush", "roller"], ["paint", "varnish"], least=2)
    ('roller', 'paint')
    >>> representatives(b, ["brush", "roller"], ["paint", "varnish"], least=3)
    ('brush', 'paint')
    """
    held = baskets.incidence.tocsc()
    sold = held.sum(axis=0).A1
    best_first = np.lexsort((baskets.items, -sold))
    a, b = (best_first[np.isin(baskets.items[best_first], list(group))] for group in (first, second))
    if not (len(a) and len(b)):
        raise BundlebookError("no basket holds an item of one of the groups", remedy="give groups that were bought")
    both = (held[:, a].T @ held[:, b]).tocoo()
    enough = both.data >= least
    if not enough.any():
        return str(baskets.items[a[0]]), str(baskets.items[b[0]])
    count, one, other = both.data[enough], a[both.row[enough]], b[both.col[enough]]
    best = np.lexsort((baskets.items[other], baskets.items[one], -sold[one] - sold[other], -count))[0]
    return str(baskets.items[one[best]]), str(baskets.items[other[best]])
