"""The miners behind one door: ours, and adapters for mlxtend, pyfim and Spark.

Every engine takes a :class:`~bundlebook.association.matrix.BasketMatrix`, the smallest count and the greatest length,
and returns one pair ``(ids, counts)`` a length: `ids` of shape (n_k, k), ascending column numbers, and `counts` of
shape (n_k,). Counts are integers throughout: where a library takes a share it is given one half a basket below the
threshold, so that rounding inside it can lose nothing exactly at the threshold.
"""

import importlib
import os
import sys
from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

from bundlebook.association.matrix import BasketMatrix
from bundlebook.errors import BundlebookError

Tables = list[tuple[np.ndarray, np.ndarray]]

#: Cells (baskets × frequent items) up to which ``auto`` takes mlxtend, the package that tutorials use.
TEACHING_CELLS = 50_000


def _import(name: str, extra: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BundlebookError(
            f"the package {name!r} is not installed",
            where=f"engine for {extra!r}",
            remedy=f"pip install 'bundlebook[{extra}]', or use engine='auto'",
        ) from error


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
    found = dict(fim.eclat(rows, target="s", supp=-min_count, zmin=1, zmax=zmax, report="a") or [])
    found = {tuple(sorted(ids)): count for ids, count in found.items()}
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


#: Engines that mine without a limit on the number of itemsets; ours, which has one, is called by the front door.
ADAPTERS: dict[str, Callable[[BasketMatrix, int, int], Tables]] = {
    "mlxtend": by_mlxtend,
    "pyfim": by_pyfim,
    "spark": by_spark,
}


def choose(baskets: BasketMatrix, min_count: int) -> str:
    """Engine that ``auto`` takes: mlxtend at teaching sizes, beyond that our Eclat, the fastest one measured."""
    cells = baskets.n_baskets * int((baskets.counts >= min_count).sum())
    return "mlxtend" if cells <= TEACHING_CELLS else "eclat"
