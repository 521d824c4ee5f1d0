"""The miners: our Eclat, adapters for mlxtend, pyfim and Spark, and the limit on the memory that they may take.

Every engine takes a :class:`~bundlebook.association.matrix.BasketMatrix`, the smallest count and the greatest length,
and returns one pair ``(ids, counts)`` per length: `ids` of shape (n_k, k), ascending column numbers, int32, and
`counts` of shape (n_k,), int64. Counts are integers throughout: where a library takes a share, it is given one that is
half a basket below the threshold, so that rounding inside it can lose nothing exactly at the threshold.
"""

import importlib
import os
import sys
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.association.matrix import BasketMatrix
from bundlebook.errors import BundlebookError

Tables = list[tuple[np.ndarray, np.ndarray]]

#: Bytes that an itemset costs, and each item in it: the tree, its tables and the data frame with tuples of labels.
PER_ITEMSET, PER_ITEM = 260, 32
#: The other engines hand over Python objects, which take about so many times as much.
PYTHON_OBJECTS = 8
#: Bytes of the largest result that a remedy proposes: a million pairs, which takes a second to try.
_PROPOSED = 2**28


class Ranked(NamedTuple):
    """Frequent items numbered by ascending count, in rows and in columns: what the compiled functions walk.

    Attributes
    ----------
    row_start, row_item : ndarray of int64 and int32
        CSR: the ranks in each basket, ascending.
    col_start, col_row : ndarray of int64 and int32
        CSC: the baskets that hold each rank, ascending.
    order : ndarray of int32
        Column of the original matrix behind each rank.
    """

    row_start: np.ndarray
    row_item: np.ndarray
    col_start: np.ndarray
    col_row: np.ndarray
    order: np.ndarray


def rank(matrix: sparse.csr_matrix, min_count: int) -> Ranked:
    """Drop the items of fewer than *min_count* baskets and number the others from rare to frequent."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] >= min_count].astype(np.int32)
    columns = matrix.tocsc()[:, order]
    rows = columns.tocsr()  # going through the columns leaves every row sorted by rank
    return Ranked(
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32, copy=False),
        columns.indptr.astype(np.int64),
        columns.indices.astype(np.int32, copy=False),
        order,
    )


def mine(ranked: Ranked, min_count: int, max_len: int, budget: int) -> tuple[Tables, bool]:
    """Find every itemset held by at least *min_count* baskets (the count that *ranked* was made with).

    The flag says that the itemsets spent *budget* bytes: the search stopped, and the tables are incomplete.
    """
    from bundlebook.association._compiled import search  # numba costs half a second to import

    found = search(*ranked[:4], min_count, max_len, budget, PER_ITEMSET, PER_ITEM)
    parent, item, count, length, stopped = found
    tables = []  # the paths of the tree, one table per length
    for k in range(1, int(length.max(initial=0)) + 1):
        node = np.flatnonzero(length == k)
        ids = np.empty((len(node), k), dtype=np.int32)
        counts = count[node].astype(np.int64)
        for column in range(k):
            ids[:, column] = ranked.order[item[node]]
            node = parent[node]
        ids.sort(axis=1)
        tables.append((ids, counts))
    return tables, stopped


def by_eclat(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """Our own Eclat, without a limit on the number of itemsets."""
    return mine(rank(baskets.matrix, min_count), min_count, max_len, np.iinfo(np.int64).max)[0]


def by_mlxtend(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """FP-growth of mlxtend, on the frequent items only: dense, one byte per cell."""
    from mlxtend.frequent_patterns import fpgrowth

    frequent = np.flatnonzero(baskets.counts >= min_count)
    matrix = baskets.matrix[:, frequent]
    matrix = matrix[np.diff(matrix.indptr) > 0]
    if not len(frequent):
        return []
    table = pd.DataFrame(matrix.toarray().view(bool), columns=range(len(frequent)))
    found = fpgrowth(table, min_support=(min_count - 0.5) / len(table), max_len=max_len)
    counts = np.rint(found["support"].to_numpy() * len(table)).astype(np.int64)
    return _tables([tuple(frequent[list(ids)]) for ids in found["itemsets"]], counts)


def by_pyfim(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """Eclat of Borgelt's pyfim (C), plus the itemsets it leaves out: those made of items that are in every basket."""
    fim = _import("fim", "fast")
    starts, columns = baskets.matrix.indptr.tolist(), baskets.matrix.indices.tolist()
    rows = [columns[start:end] for start, end in pairwise(starts)]
    zmax = min(max_len, baskets.n_items)
    mined = fim.eclat(rows, target="s", supp=-min_count, zmin=1, zmax=zmax, report="a") or []
    found = {tuple(sorted(ids)): count for ids, count in mined}
    everywhere = np.flatnonzero(baskets.counts == baskets.n_baskets).tolist()
    for k in range(1, min(max_len, len(everywhere)) + 1):
        found.update(dict.fromkeys(combinations(everywhere, k), baskets.n_baskets))
    return _tables(list(found), np.array(list(found.values()), dtype=np.int64))


def by_spark(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """Spark's FPGrowth, in local mode unless a session is already active."""
    _import("pyspark", "spark")
    from pyspark.ml.fpm import FPGrowth

    session = _spark_session()
    starts, columns = baskets.matrix.indptr.tolist(), baskets.matrix.indices.tolist()
    rows = [(columns[start:end],) for start, end in pairwise(starts)]
    frame = session.createDataFrame(rows, schema="items array<int>")
    # Spark rounds its share up to a count; half a basket below makes that the count asked for.
    share = (min_count - 0.5) / baskets.n_baskets
    found = FPGrowth(itemsCol="items", minSupport=share).fit(frame).freqItemsets.collect()
    kept = [row for row in found if len(row["items"]) <= max_len]
    return _tables([tuple(row["items"]) for row in kept], np.array([row["freq"] for row in kept], dtype=np.int64))


def _import(name: str, extra: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BundlebookError(
            f"the package {name!r} is not installed",
            where=f"engine for {extra!r}",
            remedy=f"pip install 'bundlebook[{extra}]', or use engine='eclat'",
        ) from error


def _spark_session():
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    try:
        return (
            SparkSession.builder.master("local[2]")
            .appName("bundlebook")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.log.level", "ERROR")
            .config("spark.sql.shuffle.partitions", "4")
            .getOrCreate()
        )
    except Exception as error:  # py4j raises several kinds when Java is missing or too old
        raise BundlebookError(
            f"Spark did not start ({type(error).__name__})",
            where="engine 'spark'",
            remedy="install Java 17 and set JAVA_HOME, or use engine='eclat'",
        ) from error


def _tables(itemsets: list[tuple[int, ...]], counts: np.ndarray) -> Tables:
    """Sort itemsets of mixed length into one table per length."""
    lengths = np.array([len(ids) for ids in itemsets], dtype=np.int64)
    tables: Tables = []
    for k in range(1, int(lengths.max(initial=0)) + 1):
        chosen = np.flatnonzero(lengths == k)
        ids = np.array([itemsets[number] for number in chosen], dtype=np.int32).reshape(-1, k)
        ids.sort(axis=1)
        tables.append((ids, counts[chosen]))
    return tables


#: Engines by name: each finds every itemset of at least *min_count* baskets.
ENGINES: dict[str, Callable[[BasketMatrix, int, int], Tables]] = {
    "eclat": by_eclat,
    "mlxtend": by_mlxtend,
    "pyfim": by_pyfim,
    "spark": by_spark,
}


def mine_within(baskets: BasketMatrix, min_count: int, max_len: int, engine: str, limit: int | None) -> Tables:
    """Mine by *engine*, and refuse what would take more than *limit* bytes (half of what is free, if None).

    Our own search runs before every other engine: it is the fastest of them and stops by itself at the limit, whereas
    an estimate can be off by orders of magnitude where many items share the same baskets.
    """
    limit = available() // 2 if limit is None else limit
    ranked = rank(baskets.matrix, min_count)
    if engine == "mlxtend":
        check_dense(baskets.n_baskets, len(ranked.order), min_count, limit)
    budget = limit if engine == "eclat" else limit // PYTHON_OBJECTS
    tables, stopped = mine(ranked, min_count, max_len, budget)
    if stopped:
        raise refusal(baskets, min_count, max_len, budget, limit, sum(len(counts) for _, counts in tables))
    return tables if engine == "eclat" else ENGINES[engine](baskets, min_count, max_len)


def available() -> int:
    """Bytes of memory this process may still take: what the machine has free, or less where a container says so."""
    import psutil

    free = psutil.virtual_memory().available
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no container, or no limit ("max")
        return free
    return max(0, min(free, limit - used))


def refusal(
    baskets: BasketMatrix, min_count: int, max_len: int, budget: int, limit: int, found: int
) -> BundlebookError:
    """Say that a result would not fit into *limit* bytes, and at which support or length it would."""
    n, budget = baskets.n_baskets, min(budget, _PROPOSED)

    def fits(count: int, longest: int) -> bool:
        return not mine(rank(baskets.matrix, count), count, longest, budget)[1]

    remedies = []
    low, high = min_count, n - 1  # a support is below 1
    if high > low and fits(high, max_len):
        while high - low > 1 and high > 1.05 * low:  # two digits of a support are enough
            middle = min(max(int(np.sqrt(low * high)), low + 1), high - 1)
            low, high = (low, middle) if fits(middle, max_len) else (middle, high)
        remedies.append(f"min_support = {high / n:.3g} ({high} baskets)")
    longest = 0
    while longest < max_len and fits(min_count, longest + 1):
        longest += 1
    if longest:
        remedies.append(f"max_len = {longest}")
    return BundlebookError(
        f"more than {found:,} itemsets are frequent; they need more than the {limit / 2**30:,.2f} GiB allowed",
        where=f"min_support = {min_count / n:.3g} ({min_count} of {n:,} baskets)",
        remedy=f"{' or '.join(remedies)} would fit" if remedies else "raise memory_limit",
    )


def check_dense(n_baskets: int, n_items: int, min_count: int, limit: int) -> None:
    """Refuse an engine that would build a dense table of baskets × frequent items beyond *limit* bytes."""
    needed = 3 * n_baskets * n_items  # the table, and two copies that mlxtend makes on the way
    if needed > limit:
        raise BundlebookError(
            f"mlxtend would build a dense table of {n_baskets:,} baskets × {n_items:,} items, "
            f"{needed / 2**30:,.2f} GiB; {limit / 2**30:,.2f} GiB may be used",
            where=f"engine 'mlxtend', {min_count} baskets",
            remedy="use engine='eclat', which stays sparse, or a higher min_support",
        )
