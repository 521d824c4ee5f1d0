"""Will it fit? Estimated before mining, refused with the support that would."""

from pathlib import Path

import numpy as np
from numba import njit

from bundlebook.association.eclat import Ranked, rank
from bundlebook.association.matrix import BasketMatrix
from bundlebook.errors import BundlebookError

#: Bytes an itemset costs in the miner's tree, its tables and the final data frame with tuples of labels.
BYTES_PER_ITEMSET = 280
#: Roots that one estimate starts from.
PROBES = 256
_HUGE = 1e15


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


@njit(cache=True)
def _probe(row_start, row_item, col_start, col_row, roots, draws, min_count, max_len):
    """Estimated size of the tree below each root: one random path a root, weighted by the branches it passed."""
    n_items = len(col_start) - 1
    seen = np.zeros(n_items, dtype=np.int64)
    totals = np.ones(len(roots))
    for number in range(len(roots)):
        last, depth, weight = roots[number], 1, 1.0
        rows = col_row[col_start[last] : col_start[last + 1]].copy()
        while depth < max_len and totals[number] < 1e15:
            for row in rows:
                items = row_item[row_start[row] : row_start[row + 1]]
                for place in range(np.searchsorted(items, last) + 1, len(items)):
                    seen[items[place]] += 1
            extensions = np.flatnonzero(seen >= min_count)
            seen[:] = 0
            weight *= len(extensions)
            totals[number] += weight
            if len(extensions) == 0:
                break
            last = extensions[int(draws[number, min(depth, draws.shape[1]) - 1] * len(extensions))]
            kept = 0
            for row in rows:
                items = row_item[row_start[row] : row_start[row + 1]]
                place = np.searchsorted(items, last)
                if place < len(items) and items[place] == last:
                    rows[kept] = row
                    kept += 1
            rows = rows[:kept]
            depth += 1
    return totals


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
    n_items = len(ranked.order)
    if n_items == 0:
        return 0.0
    rng = np.random.default_rng(seed)
    # Evenly spaced roots instead of random ones: neighbours in rank have trees of like size, so the error is smaller.
    edges = np.linspace(0, n_items, min(probes, n_items) + 1)
    roots = np.minimum((edges[:-1] + rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64), n_items - 1)
    draws = rng.random((len(roots), 32))
    totals = _probe(*ranked[:4], roots, draws, min_count, max_len)
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
