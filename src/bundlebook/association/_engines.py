"""The miners: our Eclat, adapters for mlxtend, pyfim and Spark, and the estimate of the memory they need.

Every engine takes a :class:`~bundlebook.association.matrix.BasketMatrix`, the smallest count and the greatest length,
and returns one pair ``(ids, counts)`` a length: `ids` of shape (n_k, k), ascending column numbers, int32, and `counts`
of shape (n_k,), int64. Counts are integers throughout: where a library takes a share it is given one half a basket
below the threshold, so that rounding inside it can lose nothing exactly at the threshold.
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

#: Cells (baskets × frequent items) up to which ``auto`` takes mlxtend, the package that tutorials use.
TEACHING_CELLS = 50_000
#: Bytes an itemset costs in the miner's tree, its tables and the final data frame with tuples of labels.
BYTES_PER_ITEMSET = 280
#: Search paths that one estimate walks.
PROBES = 256
#: More itemsets than this are not counted any further.
_HUGE = 1e15


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


def mine(ranked: Ranked, min_count: int, max_len: int, cap: int) -> tuple[Tables, bool]:
    """Find every itemset held by at least *min_count* baskets.

    Parameters
    ----------
    ranked : Ranked
        Made with the same *min_count*.
    min_count : int
        At least 1.
    max_len : int
        Longest itemset looked for.
    cap : int
        Give up beyond this many itemsets.

    Returns
    -------
    (list of (ids, counts), bool)
        Entry k − 1 holds the itemsets of length k: `ids` of shape (n_k, k), ascending within a row, int32, and
        `counts` of shape (n_k,), int64. The flag says that *cap* was hit and the list is incomplete.
    """
    from bundlebook.association._compiled import search  # numba costs half a second to import

    parent, item, count, length, overflow = search(*ranked[:4], min_count, max_len, cap)
    tables = []  # the paths of the tree, one table a length
    for k in range(1, int(length.max(initial=0)) + 1):
        node = np.flatnonzero(length == k)
        ids = np.empty((len(node), k), dtype=np.int32)
        counts = count[node].astype(np.int64)
        for column in range(k):
            ids[:, column] = ranked.order[item[node]]
            node = parent[node]
        ids.sort(axis=1)
        tables.append((ids, counts))
    return tables, overflow


def by_eclat(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """Our own Eclat, without a limit on the number of itemsets."""
    return mine(rank(baskets.matrix, min_count), min_count, max_len, np.iinfo(np.int64).max)[0]


def by_mlxtend(baskets: BasketMatrix, min_count: int, max_len: int) -> Tables:
    """FP-growth of mlxtend, on the frequent items only: dense, one byte a cell."""
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
            remedy=f"pip install 'bundlebook[{extra}]', or use engine='auto'",
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
            remedy="install Java 17 and set JAVA_HOME, or use engine='auto'",
        ) from error


def _tables(itemsets: list[tuple[int, ...]], counts: np.ndarray) -> Tables:
    """Sort itemsets of mixed length into one table a length."""
    lengths = np.array([len(ids) for ids in itemsets], dtype=np.int64)
    tables: Tables = []
    for k in range(1, int(lengths.max(initial=0)) + 1):
        chosen = np.flatnonzero(lengths == k)
        ids = np.array([itemsets[number] for number in chosen], dtype=np.int32).reshape(-1, k)
        ids.sort(axis=1)
        tables.append((ids, counts[chosen]))
    return tables


#: Engines by name, ``auto`` apart: each finds every itemset of at least *min_count* baskets.
ENGINES: dict[str, Callable[[BasketMatrix, int, int], Tables]] = {
    "eclat": by_eclat,
    "mlxtend": by_mlxtend,
    "pyfim": by_pyfim,
    "spark": by_spark,
}


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


def expected_itemsets(ranked: Ranked, min_count: int, max_len: int, probes: int = PROBES, seed: int = 0) -> float:
    """Estimate how many itemsets are frequent, without finding them.

    Knuth's estimator for the size of a search tree (1975): walk random paths from the root and multiply the numbers
    of branches on the way. Unbiased; its error falls with the square root of *probes*.

    Parameters
    ----------
    ranked : Ranked
    min_count, max_len : int
    probes : int
        Paths to walk, each from another item.
    seed : int

    Returns
    -------
    float
        About 1e15 or more means "do not try".
    """
    from bundlebook.association._compiled import probe

    n_items = len(ranked.order)
    if n_items == 0:
        return 0.0
    rng = np.random.default_rng(seed)
    # Evenly spaced roots instead of random ones: neighbours in rank have trees of like size, so the error is smaller.
    edges = np.linspace(0, n_items, min(probes, n_items) + 1)
    roots = np.minimum((edges[:-1] + rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64), n_items - 1)
    draws = rng.random((len(roots), 32))
    totals = probe(*ranked[:4], roots, draws, min_count, max_len)
    return float((totals * np.diff(edges)).sum())


def fitting_count(matrix: BasketMatrix, min_count: int, max_len: int, budget: float) -> int:
    """Smallest count above *min_count* whose estimated number of itemsets stays within *budget*."""
    low, high = min_count, matrix.n_baskets
    while high - low > 1 and (high - low) / high > 0.01:  # two digits of a support are enough
        middle = int(np.sqrt(low * high))
        middle = min(max(middle, low + 1), high - 1)
        if expected_itemsets(rank(matrix.matrix, middle), middle, max_len) > budget:
            low = middle
        else:
            high = middle
    return high


def refusal(matrix: BasketMatrix, min_count: int, max_len: int, estimate: float, limit: int) -> BundlebookError:
    """Say that a result would not fit into *limit* bytes, and at which support it would."""
    count = fitting_count(matrix, min_count, max_len, limit / BYTES_PER_ITEMSET)
    size = f"about {estimate:.1e}" if estimate < _HUGE else "more than 1e15"
    return BundlebookError(
        f"{size} itemsets are frequent; they need {estimate * BYTES_PER_ITEMSET / 2**30:,.1f} GiB, "
        f"{limit / 2**30:,.2f} GiB may be used",
        where=f"min_support = {min_count / matrix.n_baskets:.3g} ({min_count} of {matrix.n_baskets:,} baskets)",
        remedy=f"min_support = {count / matrix.n_baskets:.3g} ({count} baskets) would fit; or set max_len",
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
