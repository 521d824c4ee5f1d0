"""The front door: frequent itemsets of baskets, by whichever engine, always in the same form."""

import numpy as np
import pandas as pd

from bundlebook.association import engines
from bundlebook.association.matrix import BasketMatrix, check_support, encode
from bundlebook.errors import BundlebookError

#: Engines by name, ``auto`` apart.
ENGINES = ("eclat", *engines.ADAPTERS)


def frequent_itemsets(
    baskets, min_support: float, max_len: int | None = None, engine: str = "auto", *, memory_limit: int | None = None
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
    min_count = check_support(min_support, encoded.n_baskets)
    longest = _check_max_len(max_len, encoded.n_items)
    if engine not in ("auto", *ENGINES):
        raise BundlebookError(f"unknown engine {engine!r}", remedy=f"use one of {['auto', *ENGINES]}")
    taken = engines.choose(encoded, min_count) if engine == "auto" else engine
    tables = _mine(encoded, min_count, longest, taken, memory_limit)
    frame = _frame(tables, encoded)
    frame.attrs = {
        "n_baskets": encoded.n_baskets,
        "min_count": min_count,
        "max_len": None if max_len is None else int(max_len),
        "engine": taken,
    }
    return frame


def _check_max_len(max_len: int | None, n_items: int) -> int:
    if max_len is None:
        return min(n_items, np.iinfo(np.int16).max)
    if isinstance(max_len, bool) or max_len != int(max_len) or max_len < 1:
        raise BundlebookError(f"{max_len!r} is not a length", where="max_len", remedy="use 1, 2, 3, … or None")
    return min(int(max_len), n_items, np.iinfo(np.int16).max)


def _mine(baskets: BasketMatrix, min_count: int, max_len: int, engine: str, limit: int | None) -> engines.Tables:
    """Estimate, refuse or mine."""
    from bundlebook.association import eclat, memory  # numba costs half a second to import

    limit = memory.available() // 2 if limit is None else limit
    ranked = eclat.rank(baskets.matrix, min_count)
    if engine == "mlxtend":
        memory.check_dense(baskets.n_baskets, len(ranked.order), min_count, limit)
    estimate = memory.expected_itemsets(ranked, min_count, max_len)
    cap = max(1, limit // memory.BYTES_PER_ITEMSET)
    if estimate > cap:
        raise memory.refusal(baskets, min_count, max_len, estimate, limit)
    if engine != "eclat":
        return engines.ADAPTERS[engine](baskets, min_count, max_len)
    tables, overflow = eclat.mine(ranked, min_count, max_len, cap)
    if overflow:  # the estimate was too low: the miner stopped at the limit instead of taking all memory
        raise memory.refusal(baskets, min_count, max_len, float(cap), limit)
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
    keys = [ids[:, column] for column in reversed(range(ids.shape[1]))]
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
