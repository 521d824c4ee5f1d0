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
    engine: str = "auto",
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
    engine : {"auto", "eclat", "mlxtend", "pyfim", "spark"}
        All of them return the same table. ``"auto"`` takes mlxtend for teaching sizes and our Eclat beyond.
    memory_limit : int, optional
        Bytes the result and the engine's working tables may take; half of what is free by default.

    Returns
    -------
    DataFrame
        ``itemset`` (tuple of sorted labels), ``length``, ``count`` (int64) and ``support`` (float64), sorted by count
        (descending), length and labels. ``attrs`` holds ``n_baskets``, ``min_count``, ``max_len`` and the ``engine``
        that was taken.

    Raises
    ------
    BundlebookError
        For baskets or a support that make no sense (see :func:`~bundlebook.association.matrix.encode`), an unknown
        or missing engine, and a result that would not fit into memory: the message names a support that would.

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
    if engine not in ("auto", *engines.ENGINES):
        raise BundlebookError(f"unknown engine {engine!r}", remedy=f"use one of {['auto', *engines.ENGINES]}")
    taken = engine
    if engine == "auto":
        cells = encoded.n_baskets * int((encoded.counts >= min_count).sum())
        taken = "mlxtend" if cells <= engines.TEACHING_CELLS else "eclat"
    tables = _mine(encoded, min_count, longest, taken, memory_limit)
    frame = _frame(tables, encoded)
    frame.attrs = {
        "n_baskets": encoded.n_baskets,
        "min_count": min_count,
        "max_len": None if max_len is None else int(max_len),
        "engine": taken,
    }
    return frame


def _check_support(min_support: float, n_baskets: int) -> int:
    """Check a minimum support and return the basket count that it stands for.

    Parameters
    ----------
    min_support : float
        Share of all baskets, strictly between 0 and 1.
    n_baskets : int

    Returns
    -------
    int
        At least 1.
    """
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


def _mine(baskets: BasketMatrix, min_count: int, max_len: int, engine: str, limit: int | None) -> engines.Tables:
    """Estimate, refuse or mine."""
    limit = engines.available() // 2 if limit is None else limit
    ranked = engines.rank(baskets.matrix, min_count)
    if engine == "mlxtend":
        engines.check_dense(baskets.n_baskets, len(ranked.order), min_count, limit)
    estimate = engines.expected_itemsets(ranked, min_count, max_len)
    cap = max(1, limit // engines.BYTES_PER_ITEMSET)
    if estimate > cap:
        raise engines.refusal(baskets, min_count, max_len, estimate, limit)
    if engine != "eclat":
        return engines.ENGINES[engine](baskets, min_count, max_len)
    tables, overflow = engines.mine(ranked, min_count, max_len, cap)
    if overflow:  # the estimate was too low: the miner stopped at the limit instead of taking all memory
        raise engines.refusal(baskets, min_count, max_len, float(cap), limit)
    return tables


def _frame(tables: engines.Tables, baskets: BasketMatrix) -> pd.DataFrame:
    """Label, count and order the itemsets of all lengths."""
    total = sum(len(counts) for _, counts in tables)
    width = len(tables)
    ids = np.full((total, max(width, 1)), -1, dtype=np.int32)
    count = np.empty(total, dtype=np.int64)
    length = np.empty(total, dtype=np.int64)
    labels = np.asarray(baskets.items, dtype=object)
    itemset = np.empty(total, dtype=object)
    at = 0
    for k, (columns, counts) in enumerate(tables, start=1):
        end = at + len(counts)
        ids[at:end, :k], count[at:end], length[at:end] = columns, counts, k
        itemset[at:end] = _tuples(labels[columns])
        at = end
    keys: list[np.ndarray] = [ids[:, column] for column in reversed(range(ids.shape[1]))]
    order = np.lexsort([*keys, length, -count])
    return pd.DataFrame(
        {
            "itemset": pd.Series(itemset[order], dtype=object),
            "length": length[order],
            "count": count[order],
            "support": count[order] / baskets.n_baskets,
        }
    )


def _tuples(rows: np.ndarray) -> np.ndarray:
    """Turn the rows of an object array into tuples, in an array of the same length."""
    out = np.empty(len(rows), dtype=object)
    out[:] = [tuple(row) for row in rows.tolist()]
    return out


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
        _compiled.count(columns.indptr.astype(np.int64), columns.indices.astype(np.int64), items, start, counts)
    counts[np.diff(start) == 0] = encoded.n_baskets
    return counts


def closed_and_maximal(itemsets: pd.DataFrame) -> pd.DataFrame:
    r"""Mark itemsets that no larger one makes superfluous (闭项集, 极大项集).

    Parameters
    ----------
    itemsets : DataFrame
        From :func:`~bundlebook.association.itemsets.frequent_itemsets`.

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
