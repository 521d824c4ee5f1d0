"""Association rules A → C: made from itemsets, measured, applied to a basket, and stored."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.association._lookup import ItemsetLookup
from bundlebook.association.matrix import _SLACK, least_count
from bundlebook.errors import BundlebookError

#: Measures in the order of the columns, with what they tell in one line and their range.
MEASURES = {
    "support": "share of baskets with A and C, [0, 1]",
    "confidence": "share of A's baskets that also hold C, [0, 1]",
    "lift": "confidence over C's support, [0, ∞), 1 if independent",
    "leverage": "support minus what independence gives, [−1, 1], 0 if independent",
    "conviction": "how much rarer A without C is than under independence, [0, ∞], 1 if independent",
    "zhang": "Zhang's metric, [−1, 1], 0 if independent",
    "jaccard": "baskets with both over baskets with either, [0, 1]",
    "certainty": "gain of confidence over C's support, as share of the possible gain, [−1, 1]",
    "kulczynski": "mean of the confidences of both directions, [0, 1]",
    "imbalance": "difference of the two supports over the support of either, [0, 1]",
    "cosine": "support over the geometric mean of both supports, [0, 1]",
}
#: Columns that hold tuples of labels.
_LABEL_COLUMNS = ("itemset", "antecedent", "consequent", "parents")


def measure(count: np.ndarray, count_a: np.ndarray, count_c: np.ndarray, n_baskets: int) -> dict[str, np.ndarray]:
    r"""Compute every measure of a rule A → C in :data:`MEASURES`, all from four integers.

    Parameters
    ----------
    count, count_a, count_c : ndarray of int, shape (n_rules,)
        Baskets with both sides, with the antecedent, with the consequent.
    n_baskets : int

    Returns
    -------
    dict of str to ndarray of float64, shape (n_rules,)

    Notes
    -----
    With :math:`s_A, s_C, s_{AC}` the supports and :math:`c = s_{AC}/s_A` the confidence,

    .. math::

        \text{lift} = \frac{c}{s_C} \quad
        \text{leverage} = s_{AC} - s_A s_C \quad
        \text{conviction} = \frac{1 - s_C}{1 - c} \quad
        \text{Zhang} = \frac{s_{AC} - s_A s_C}{\max(s_{AC}(1 - s_A),\; s_A(s_C - s_{AC}))} \\
        \text{Jaccard} = \frac{s_{AC}}{s_A + s_C - s_{AC}} \quad
        \text{certainty} = \frac{c - s_C}{1 - s_C} \text{ if } c \ge s_C \text{, else } \frac{c - s_C}{s_C} \\
        \text{Kulczynski} = \tfrac12\Big(\frac{s_{AC}}{s_A} + \frac{s_{AC}}{s_C}\Big) \quad
        \text{imbalance} = \frac{|s_A - s_C|}{s_A + s_C - s_{AC}} \quad
        \text{cosine} = \frac{s_{AC}}{\sqrt{s_A s_C}}

    Differences are taken between integers before any division, so independence gives exactly 0 or 1. The certainty
    factor is Shortliffe and Buchanan's (1975), which divides by what is possible in either direction; mlxtend's
    divides by 1 − s_C always and so differs for rules with a lift below 1. A rule that never fails has conviction ∞;
    one whose consequent is in every basket tells nothing, and has conviction 1, Zhang's metric 0 and certainty 0.
    A side that is in no basket gives NaN.
    """
    n = float(n_baskets)
    both, a, c = (np.asarray(x, dtype=np.float64) for x in (count, count_a, count_c))
    excess = n * both - a * c  # n² × leverage: whole numbers, exact up to 2**53
    either = a + c - both
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "support": both / n,
            "confidence": both / a,
            "lift": n * both / (a * c),
            "leverage": excess / n**2,
            "conviction": np.where(c == n, 1.0, a * (n - c) / (n * (a - both))),
            "zhang": np.where(excess == 0, 0.0, excess / np.maximum(both * (n - a), a * (c - both))),
            "jaccard": both / either,
            "certainty": np.where(c == n, 0.0, excess / np.where(excess >= 0, a * (n - c), a * c)),
            "kulczynski": (both / a + both / c) / 2,
            "imbalance": np.abs(a - c) / either,
            "cosine": both / np.sqrt(a * c),
        }


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
        ``consequent_count`` and the columns of :data:`~bundlebook.association.rules.MEASURES`; sorted by confidence
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
    parts = []
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
                parts.append(np.array([rows[kept], antecedent[kept], lookup.find(ids[kept][:, rest])]))
    whole, left, right = np.concatenate([np.empty((3, 0), dtype=np.int64), *parts], axis=1)
    if min_lift > 0:
        keep = n_baskets * count[whole] >= min_lift * (1 - _SLACK) * count[left].astype(float) * count[right]
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


def rules_for(basket: Iterable[str], rules: pd.DataFrame, top: int = 5, by: str = "confidence") -> pd.DataFrame:
    """Answer "what goes with these items?", each answer with the rule behind it.

    Parameters
    ----------
    basket : iterable of str
        Items at hand; order and duplicates do not matter, unknown ones are ignored.
    rules : DataFrame
        From :func:`~bundlebook.association.rules.association_rules`. A rule speaks if its antecedent lies in the basket
        and its consequent is a single item outside it.
    top : int
        Most answers.
    by : str
        Column that ranks the rules, larger first.

    Returns
    -------
    DataFrame
        One row an item: ``item``, the value of *by*, ``because`` (the antecedent of the best rule), ``reason`` (a
        sentence), ``confidence``, ``lift`` and ``count``. Ties go to the larger count, then to the shorter antecedent,
        then to labels. Empty if no rule speaks.

    Examples
    --------
    >>> from bundlebook.association import association_rules, frequent_itemsets
    >>> rules = association_rules(frequent_itemsets([["milk", "tea"], ["milk"], ["milk", "tea"]], 0.5))
    >>> rules_for(["tea"], rules)["reason"].item()
    '2 of 2 baskets with tea also hold milk (100 %), 1.0 times the share among all baskets.'
    """
    if isinstance(basket, str):
        raise BundlebookError(f"the basket is the text {basket!r}", remedy="give a list of items")
    if by not in rules:
        raise BundlebookError(f"the rules have no column {by!r}", where="by")
    held = set(basket)
    speaks = [
        len(consequent) == 1 and consequent[0] not in held and held.issuperset(antecedent)
        for antecedent, consequent in zip(rules["antecedent"], rules["consequent"], strict=True)
    ]
    found = rules[np.array(speaks, dtype=bool)]  # an empty list would select columns
    keyed = found.assign(item=found["consequent"].str[0], _size=found["antecedent"].map(len))
    ranked = keyed.sort_values(
        [by, "count", "_size", "antecedent", "item"], ascending=[False, False, True, True, True], kind="stable"
    )
    best = ranked.drop_duplicates("item").head(top).reset_index(drop=True)
    values = (best[name] for name in ("count", "antecedent_count", "antecedent", "item", "confidence", "lift"))
    reasons = [
        f"{count:,} of {total:,} baskets with {' and '.join(antecedent)} also hold {item} "
        f"({100 * confidence:.0f} %), {lift:.1f} times the share among all baskets."
        for count, total, antecedent, item, confidence, lift in zip(*values, strict=True)
    ]
    columns = list(dict.fromkeys(["item", by, "because", "reason", "confidence", "lift", "count"]))
    return best.assign(because=best["antecedent"], reason=pd.Series(reasons, dtype=object))[columns]


def save(table: pd.DataFrame, path: str | Path) -> None:
    """Write rules or itemsets to CSV or parquet, by the file's ending.

    Parameters
    ----------
    table : DataFrame
        Columns of tuples of labels become JSON lists in CSV and lists of strings in parquet.
    path : str or Path
        ``.csv`` or ``.parquet``. Parquet keeps ``attrs``; CSV has no place for it.
    """
    path = Path(path)
    columns = [column for column in _LABEL_COLUMNS if column in table]
    if path.suffix == ".csv":
        text = {column: [json.dumps(labels, ensure_ascii=False) for labels in table[column]] for column in columns}
        table.assign(**text).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.assign(**{column: table[column].map(list) for column in columns}).to_parquet(path, index=False)
    else:
        raise _unknown(path)


def load(path: str | Path) -> pd.DataFrame:
    """Read what :func:`save` wrote: the same values, types and order.

    Raises
    ------
    BundlebookError
        For another ending, or a file that is not there.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise _unknown(path)
    if not path.exists():
        raise BundlebookError("there is no such file", where=path.name)
    csv = path.suffix == ".csv"
    table = pd.read_csv(path) if csv else pd.read_parquet(path)
    for column in _LABEL_COLUMNS:
        if column in table:
            values = [tuple(json.loads(labels) if csv else labels) for labels in table[column]]
            table[column] = pd.Series(values, index=table.index, dtype=object)
    return table


def _unknown(path: Path) -> BundlebookError:
    return BundlebookError(f"unknown kind of file {path.suffix!r}", where=path.name, remedy="use .csv or .parquet")
