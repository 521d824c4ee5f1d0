"""Frequent itemsets: found by any engine, counted in other baskets, and the closed and maximal ones among them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bundlebook.association import _engines as engines
from bundlebook.association._lookup import ItemsetLookup
from bundlebook.association.matrix import BasketLike, BasketMatrix, encode, least_count
from bundlebook.errors import BundlebookError


def frequent_itemsets(
    baskets: BasketLike,
    min_support: float,
    max_len: int | None = None,
    engine: str = "eclat",
    *,
    memory_limit: int | None = None,
) -> pd.DataFrame:
    r"""Find every itemset (项集) that a given share of the baskets holds.

    .. math:: \operatorname{count}(X) = |\{b : X \subseteq b\}|, \qquad
              \operatorname{support}(X) = \operatorname{count}(X) / n \ge s_{\min}

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    min_support : float
        Share of the baskets, strictly between 0 and 1. It is compared as an integer count
        (:func:`~bundlebook.association.matrix.least_count`), so an itemset exactly at the threshold is found.
    max_len : int, optional
        Longest itemset looked for.
    engine : {"eclat", "mlxtend", "pyfim", "spark"}
        All of them return the same table: our own Eclat, or another library beside which it can be checked.
    memory_limit : int, optional
        Bytes that the result and the engine's working tables may take; half of what is free by default.

    Returns
    -------
    DataFrame
        ``itemset`` (tuple of sorted labels), ``length``, ``count`` (int64) and ``support`` (float64), sorted by count
        (descending), length and labels. ``attrs`` holds ``n_baskets``, ``min_count``, ``max_len`` and ``engine``.

    Raises
    ------
    BundlebookError
        For baskets or a support out of range (see :func:`~bundlebook.association.matrix.encode`), an unknown
        or missing engine, and a result that would not fit into memory: the message names a support or a length that
        would.

    Examples
    --------
    >>> frequent_itemsets([["milk", "tea"], ["milk"], ["milk", "tea", "jam"]], 0.5)[["itemset", "count"]]
           itemset  count
    0      (milk,)      3
    1       (tea,)      2
    2  (milk, tea)      2
    """
    encoded = encode(baskets)
    min_count = _check_support(min_support, encoded.n_baskets)
    longest = _check_max_len(max_len, encoded.n_items)
    if engine not in engines.ENGINES:
        raise BundlebookError(f"unknown engine {engine!r}", remedy=f"use one of {list(engines.ENGINES)}")
    tables = engines.mine_within(encoded, min_count, longest, engine, memory_limit)
    frame = _frame(tables, encoded)
    frame.attrs = {
        "n_baskets": encoded.n_baskets,
        "min_count": min_count,
        "max_len": None if max_len is None else int(max_len),
        "engine": engine,
    }
    return frame


def _check_support(min_support: float, n_baskets: int) -> int:
    """Least basket count, at least 1, that a share strictly between 0 and 1 stands for."""
    try:
        value = float(min_support)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 < value < 1:
        raise BundlebookError(
            f"{min_support!r} is not a share of the baskets strictly between 0 and 1",
            where="min_support",
            remedy=f"for a count c give c / {n_baskets}; 1 would keep only what is in every basket, 0 every subset",
        )
    return max(1, least_count(value, n_baskets))


def _check_max_len(max_len: int | None, n_items: int) -> int:
    if max_len is None:
        return min(n_items, np.iinfo(np.int16).max)
    if isinstance(max_len, bool) or max_len != int(max_len) or max_len < 1:
        raise BundlebookError(f"{max_len!r} is not a length", where="max_len", remedy="use 1, 2, 3, … or None")
    return min(int(max_len), n_items, np.iinfo(np.int16).max)


def _frame(tables: engines.Tables, baskets: BasketMatrix) -> pd.DataFrame:
    """Label, count and order the itemsets of all lengths."""
    labels = np.asarray(baskets.items, dtype=object)
    itemsets, lengths, counts = [np.empty(0, dtype=object)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for ids, count in tables:
        by_label = np.lexsort(ids.T[::-1])
        itemsets.append(np.fromiter(map(tuple, labels[ids[by_label]].tolist()), dtype=object, count=len(ids)))
        lengths.append(np.full(len(ids), ids.shape[1], dtype=np.int64))
        counts.append(count[by_label])
    order = np.argsort(-np.concatenate(counts), kind="stable")  # equal counts stay in the order of length and labels
    count = np.concatenate(counts)[order]
    return pd.DataFrame(
        {
            "itemset": pd.Series(np.concatenate(itemsets)[order], dtype=object),
            "length": np.concatenate(lengths)[order],
            "count": count,
            "support": count / baskets.n_baskets,
        }
    )


def count_itemsets(baskets: BasketLike, itemsets: Iterable[tuple[str, ...]]) -> np.ndarray:
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
    from bundlebook.association import _compiled  # numba costs half a second to import

    encoded = encode(baskets)
    number = {label: place for place, label in enumerate(encoded.items.tolist())}
    sets = [[number.get(label, -1) for label in labels] for labels in itemsets]
    start = np.concatenate([[0], np.cumsum([len(ids) for ids in sets])]).astype(np.int64)
    items = np.array([place for ids in sets for place in ids], dtype=np.int64)
    columns = encoded.matrix.tocsc()
    counts = np.zeros(len(sets), dtype=np.int64)
    if len(items):
        col_start, col_row = columns.indptr.astype(np.int64), columns.indices.astype(np.int64)
        _compiled.count(encoded.n_baskets, col_start, col_row, items, start, counts)
    counts[np.diff(start) == 0] = encoded.n_baskets
    return counts


def closed_and_maximal(itemsets: pd.DataFrame) -> pd.DataFrame:
    r"""Mark itemsets that no larger one makes superfluous (闭项集, 极大项集).

    Parameters
    ----------
    itemsets : DataFrame
        The table that :func:`~bundlebook.association.itemsets.frequent_itemsets` returned.

    Returns
    -------
    DataFrame
        *itemsets* with two columns more. ``closed``: no proper superset is in as many baskets; the closed sets alone
        give back every count. ``maximal``: no proper superset is frequent; the maximal sets alone give back every set.

    Notes
    -----
    Looking at supersets with one item more is enough: if a larger one had the same count, so had all between. With a
    ``max_len`` the longest itemsets are judged as if nothing longer existed.
    """
    lookup = ItemsetLookup(itemsets["itemset"])
    count = itemsets["count"].to_numpy()
    closed, maximal = np.ones(len(itemsets), dtype=bool), np.ones(len(itemsets), dtype=bool)
    for k in range(2, len(lookup.rows) + 1):
        for _, subset in lookup.subsets(k, k - 1):
            maximal[subset] = False
            closed[subset[count[subset] == count[lookup.rows[k - 1]]]] = False
    return itemsets.assign(closed=closed, maximal=maximal)
