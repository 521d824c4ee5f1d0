"""Association rules A → C: made from itemsets, measured again on later baskets, applied to a basket, and stored."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.association._lookup import ItemsetLookup
from bundlebook.association.adjusted import _lifts
from bundlebook.association.itemsets import count_itemsets
from bundlebook.association.matrix import _SLACK, BasketLike, encode, least_count
from bundlebook.association.null_models import ConfigurationModel, FixedSizeModel
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


def _measures(count: np.ndarray, count_a: np.ndarray, count_c: np.ndarray, n_baskets: int) -> dict[str, np.ndarray]:
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
    model: FixedSizeModel | ConfigurationModel | None = None,
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
        Smallest lift; a rule exactly at it is kept too.
    consequent : str or iterable of str, optional
        Keep only rules whose consequent consists of these items ("what leads to beer?").
    max_consequent : int, optional
        Most items in a consequent.
    model : FixedSizeModel or ConfigurationModel, optional
        What chance is, fitted on the same baskets: :func:`~bundlebook.association.fit_sizes` (sizes) or
        :func:`~bundlebook.association.fit_users` (sizes and every user's taste). With it every rule gets an
        ``adjusted_lift``, confidence over what chance gives:
        :math:`\frac{\operatorname{count}(A \cup C)}{\operatorname{count}(A)} \Big/ \frac{E(A \cup C)}{E(A)}`.

    Returns
    -------
    DataFrame
        ``antecedent``, ``consequent`` (tuples of sorted labels), ``count``, ``antecedent_count``,
        ``consequent_count``, the columns of :data:`~bundlebook.association.MEASURES`, and ``adjusted_lift`` if *model*
        is given; sorted by confidence and count (descending), then by antecedent and consequent. ``attrs`` is that of
        *itemsets*.

    Raises
    ------
    BundlebookError
        For a threshold out of range, a table that lacks subsets, or an unknown consequent.
    """
    n_baskets = _n_baskets(itemsets)
    for name, value, right in (
        ("min_confidence", min_confidence, 0 <= min_confidence <= 1),
        ("min_lift", min_lift, min_lift >= 0),
        ("max_consequent", max_consequent, max_consequent is None or max_consequent >= 1),
    ):
        if not right:
            raise BundlebookError(f"{value!r} is out of range", where=name)
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
    labels = itemsets["itemset"].to_numpy()
    place = np.argsort(np.argsort(labels, kind="stable"))  # of each itemset in the order of labels
    both, a, c = count[whole], count[left], count[right]
    # both / a of equal fractions is the same float: division rounds correctly, so this sorts exactly.
    order = np.lexsort([place[right], place[left], -both, -(both / a)])
    whole, left, right, both, a, c = (values[order] for values in (whole, left, right, both, a, c))
    antecedent, consequent = (pd.Series(labels[side], dtype=object) for side in (left, right))
    frame = _table(antecedent, consequent, both, a, c, n_baskets)
    if model is not None:
        expected = _lifts(itemsets["itemset"], count, model)["expected"]
        frame["adjusted_lift"] = both / a * expected[left] / expected[whole]
    frame.attrs = {**itemsets.attrs, "n_baskets": n_baskets}
    return frame


def _table(antecedent: pd.Series, consequent: pd.Series, both, a, c, n_baskets: int) -> pd.DataFrame:
    """Rules with their counts and measures, indexed like *antecedent*."""
    counts = {"count": both, "antecedent_count": a, "consequent_count": c}
    columns = {"antecedent": antecedent, "consequent": consequent, **counts, **_measures(both, a, c, n_baskets)}
    return pd.DataFrame(columns, index=antecedent.index)


def _n_baskets(itemsets: pd.DataFrame) -> int:
    missing = {"itemset", "count"} - set(itemsets.columns)
    if missing or "n_baskets" not in itemsets.attrs:
        raise BundlebookError(
            f"no {' and '.join(sorted(missing))} column" if missing else "attrs['n_baskets'] is not set",
            where="itemsets",
            remedy="pass the table that frequent_itemsets returned",
        )
    return int(itemsets.attrs["n_baskets"])


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
        What :func:`~bundlebook.association.rules.association_rules` returned. A rule applies if its antecedent lies in
        the basket and its consequent is a single item outside it.
    top : int
        Most answers.
    by : str
        Column that ranks the rules, larger first.

    Returns
    -------
    DataFrame
        One row per item: ``item``, the value of *by*, ``antecedent`` (of the best rule), ``rule`` (what was counted, as
        a sentence), ``confidence``, ``count`` and ``adjusted_lift``, if the rules have it. Plain lift is not told: it
        is high for any two items of large baskets. The sentence is no reason that was tested: without the antecedent
        another rule may name the same item. Ties go to the larger count, then to the shorter antecedent, then to
        labels. Empty if no rule applies.

    Examples
    --------
    >>> from bundlebook.association import association_rules, frequent_itemsets
    >>> rules = association_rules(frequent_itemsets([["milk", "tea"], ["milk"], ["milk", "tea"]], 0.5))
    >>> rules_for(["tea"], rules)["rule"].item()
    '2 of 2 baskets with tea also hold milk (100 %).'
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
    adjusted = best["adjusted_lift"] if "adjusted_lift" in best else pd.Series(np.nan, index=best.index)
    told = [
        f"{count:,} of {total:,} baskets with {' and '.join(antecedent)} also hold {item} ({100 * count / total:.0f} %)"
        + ("." if np.isnan(lift) else f", {lift:.1f} times as often as chance would have it.")
        for count, total, antecedent, item, lift in zip(
            *(best[name] for name in ("count", "antecedent_count", "antecedent", "item")), adjusted, strict=True
        )
    ]
    columns = dict.fromkeys(["item", by, "antecedent", "rule", "confidence", "count", *({"adjusted_lift"} & set(best))])
    return best.assign(rule=pd.Series(told, dtype=object))[list(columns)]


def remeasure(rules: pd.DataFrame, baskets: BasketLike) -> pd.DataFrame:
    """Measure the same rules on other baskets.

    Parameters
    ----------
    rules : DataFrame
        With ``antecedent`` and ``consequent``.
    baskets : Baskets, BasketMatrix or iterable of sequences of labels

    Returns
    -------
    DataFrame
        Indexed like *rules*, with the same counts and measures; NaN where a side never occurs in these baskets.
    """
    encoded = encode(baskets)
    antecedent, consequent = rules["antecedent"], rules["consequent"]
    union = [tuple(sorted(a + c)) for a, c in zip(antecedent, consequent, strict=True)]
    distinct = sorted({*antecedent, *consequent, *union})
    count = dict(zip(distinct, count_itemsets(encoded, distinct).tolist(), strict=True))
    both, a, c = (
        np.array([count[labels] for labels in side], dtype=np.int64) for side in (union, antecedent, consequent)
    )
    frame = _table(antecedent, consequent, both, a, c, encoded.n_baskets)
    measures = list(MEASURES)
    frame[measures] = frame[measures].where(((frame["antecedent_count"] > 0) & (frame["consequent_count"] > 0)), axis=0)
    frame.attrs = {"n_baskets": encoded.n_baskets}
    return frame


def survival(rules: pd.DataFrame, later: pd.DataFrame, min_support: float, min_confidence: float) -> pd.DataFrame:
    """Compare the measures of rules with those on later baskets, and count the rules that still pass their thresholds.

    Parameters
    ----------
    rules, later : DataFrame
        The rules as mined, and :func:`remeasure` of them.
    min_support, min_confidence : float
        The thresholds they were mined with; compared as integer counts.

    Returns
    -------
    DataFrame
        One row per measure: ``mined`` and ``later`` (medians), ``ratio`` (median of later / mined over rules), and
        ``rank_correlation`` (Spearman's, of the two orders). ``attrs["survived"]`` is the share of rules that pass both
        thresholds again.
    """
    n = int(later.attrs["n_baskets"])
    passed = later["count"].to_numpy() >= least_count(min_support, n)
    passed &= later["count"].to_numpy() >= least_count(min_confidence, later["antecedent_count"].to_numpy())
    mined, again = (frame[list(MEASURES)].replace([np.inf, -np.inf], np.nan) for frame in (rules, later))
    mined, again = (
        mined.where(again.notna()),
        again.where(mined.notna()),
    )  # a rule that fails on either side is left out
    table = pd.DataFrame(
        {
            "mined": mined.median(),
            "later": again.median(),
            "ratio": (again / mined.where(mined != 0)).median(),
            "rank_correlation": mined.corrwith(again, method="spearman"),
        }
    ).rename_axis("measure")
    table.attrs = {"survived": float(passed.mean()) if len(passed) else float("nan")}
    return table


def save(table: pd.DataFrame, path: str | Path) -> None:
    """Write rules or itemsets to CSV or parquet, by the file's ending.

    Parameters
    ----------
    table : DataFrame
        Columns of tuples of labels become JSON lists in CSV and lists of strings in parquet.
    path : str or Path
        ``.csv`` or ``.parquet``. Parquet keeps ``attrs``; CSV has no place for it.
    """
    path = _csv_or_parquet(path)
    columns = [column for column in _LABEL_COLUMNS if column in table]
    if path.suffix == ".csv":
        text = {column: [json.dumps(labels, ensure_ascii=False) for labels in table[column]] for column in columns}
        table.assign(**text).to_csv(path, index=False)
    else:
        table.assign(**{column: table[column].map(list) for column in columns}).to_parquet(path, index=False)


def load(path: str | Path) -> pd.DataFrame:
    """Read what :func:`save` wrote: the same values, types and order.

    Raises
    ------
    BundlebookError
        For another ending, or a file that is not there.
    """
    path = _csv_or_parquet(path)
    if not path.exists():
        raise BundlebookError("there is no such file", where=path.name)
    csv = path.suffix == ".csv"
    table = pd.read_csv(path) if csv else pd.read_parquet(path)
    for column in _LABEL_COLUMNS:
        if column in table:
            values = [tuple(json.loads(labels) if csv else labels) for labels in table[column]]
            table[column] = pd.Series(values, index=table.index, dtype=object)
    return table


def _csv_or_parquet(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise BundlebookError(f"unknown kind of file {path.suffix!r}", where=path.name, remedy="use .csv or .parquet")
    return path
