"""Rules A → C out of frequent itemsets, with every usual measure."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bundlebook.association.lookup import ItemsetLookup
from bundlebook.association.matrix import SLACK, least_count
from bundlebook.association.measures import MEASURES, measure
from bundlebook.errors import BundlebookError

#: Columns that identify a rule, then its three counts; the measures follow.
RULE_COLUMNS = ["antecedent", "consequent", "count", "antecedent_count", "consequent_count"]


def association_rules(
    itemsets: pd.DataFrame,
    min_confidence: float = 0.0,
    min_lift: float = 0.0,
    consequent: str | Iterable[str] | None = None,
    max_consequent: int | None = None,
) -> pd.DataFrame:
    r"""Split every frequent itemset into antecedent and consequent (关联规则).

    .. math:: A \Rightarrow C, \quad A \cap C = \varnothing, \qquad
              \operatorname{confidence} = \frac{\operatorname{count}(A \cup C)}{\operatorname{count}(A)}

    Parameters
    ----------
    itemsets : DataFrame
        As :func:`~bundlebook.association.itemsets.frequent_itemsets` returns it: with all subsets of every itemset.
    min_confidence : float
        Compared as an integer count, so a rule exactly at the threshold is kept.
    min_lift : float
        Likewise.
    consequent : str or iterable of str, optional
        Keep only rules whose consequent consists of these items ("what leads to beer?").
    max_consequent : int, optional
        Most items in a consequent.

    Returns
    -------
    DataFrame
        ``antecedent``, ``consequent`` (tuples of sorted labels), ``count``, ``antecedent_count``,
        ``consequent_count`` and the columns of :data:`~bundlebook.association.measures.MEASURES`; sorted by confidence
        and count (descending), then by antecedent and consequent. ``attrs`` is that of *itemsets*.

    Raises
    ------
    BundlebookError
        For a threshold out of range, a table that lacks subsets, or an unknown consequent.
    """
    n_baskets = _n_baskets(itemsets)
    _check_thresholds(min_confidence, min_lift, max_consequent)
    lookup = ItemsetLookup(itemsets["itemset"])
    wanted = _wanted(consequent, lookup)
    count = itemsets["count"].to_numpy()
    whole, left, right = [], [], []
    for k in range(2, len(lookup.rows) + 1):
        rows, ids = lookup.rows[k - 1], lookup.ids[k - 1]
        for size in range(1, k):
            if max_consequent is not None and k - size > max_consequent:
                continue
            for columns, antecedent in lookup.subsets(k, size):
                rest = [column for column in range(k) if column not in columns]
                keep = count[rows] >= least_count(min_confidence, count[antecedent])
                if wanted is not None:
                    keep &= np.isin(ids[:, rest], wanted).all(axis=1)
                kept = np.flatnonzero(keep)
                whole.append(rows[kept])
                left.append(antecedent[kept])
                right.append(lookup.find(ids[kept][:, rest]))
    none = np.empty(0, dtype=np.int64)
    whole, left, right = (np.concatenate([none, *part]) for part in (whole, left, right))
    if min_lift > 0:
        keep = n_baskets * count[whole] >= min_lift * (1 - SLACK) * count[left].astype(float) * count[right]
        whole, left, right = whole[keep], left[keep], right[keep]
    return _table(itemsets, lookup, whole, left, right, n_baskets)


def _table(itemsets, lookup, whole, left, right, n_baskets) -> pd.DataFrame:
    """Assemble the sorted frame from rows of *itemsets*."""
    count = itemsets["count"].to_numpy()
    place = _label_order(lookup, len(itemsets))
    both, a, c = count[whole], count[left], count[right]
    # both / a of equal fractions is the same float: division rounds correctly, so this sorts exactly.
    order = np.lexsort([place[left] * len(itemsets) + place[right], -both, -(both / a)])
    both, a, c = both[order], a[order], c[order]
    labels = itemsets["itemset"].to_numpy()
    frame = pd.DataFrame(
        {
            "antecedent": pd.Series(labels[left[order]], dtype=object),
            "consequent": pd.Series(labels[right[order]], dtype=object),
            "count": both,
            "antecedent_count": a,
            "consequent_count": c,
            **measure(both, a, c, n_baskets),
        }
    )
    frame.attrs = {**itemsets.attrs, "n_baskets": n_baskets}
    return frame


def _label_order(lookup: ItemsetLookup, total: int) -> np.ndarray:
    """Rank of every itemset in the order of its labels, shape (total,)."""
    padded = np.full((total, max(len(lookup.ids), 1)), -1, dtype=np.int64)
    for rows, ids in zip(lookup.rows, lookup.ids, strict=True):
        padded[rows, : ids.shape[1]] = ids
    rank = np.empty(total, dtype=np.int64)
    rank[np.lexsort(padded.T[::-1])] = np.arange(total)
    return rank


def _n_baskets(itemsets: pd.DataFrame) -> int:
    missing = {"itemset", "count"} - set(itemsets.columns)
    if missing or "n_baskets" not in itemsets.attrs:
        raise BundlebookError(
            f"no {' and '.join(sorted(missing))} column" if missing else "attrs['n_baskets'] is not set",
            where="itemsets",
            remedy="pass the table that frequent_itemsets returned",
        )
    return int(itemsets.attrs["n_baskets"])


def _check_thresholds(min_confidence: float, min_lift: float, max_consequent: int | None) -> None:
    if not 0 <= min_confidence <= 1:
        raise BundlebookError(f"{min_confidence!r} is not in [0, 1]", where="min_confidence")
    if not min_lift >= 0:
        raise BundlebookError(f"{min_lift!r} is not 0 or more", where="min_lift")
    if max_consequent is not None and max_consequent < 1:
        raise BundlebookError(f"{max_consequent!r} is less than 1", where="max_consequent")


def _wanted(consequent: str | Iterable[str] | None, lookup: ItemsetLookup) -> np.ndarray | None:
    if consequent is None:
        return None
    labels = [consequent] if isinstance(consequent, str) else list(consequent)
    numbers = lookup.numbers(labels)
    if (numbers < 0).any():
        unknown = [label for label, number in zip(labels, numbers, strict=True) if number < 0]
        raise BundlebookError(
            f"{unknown} is in no frequent itemset", where="consequent", remedy="lower min_support or check the label"
        )
    return numbers


__all__ = ["MEASURES", "RULE_COLUMNS", "association_rules"]
