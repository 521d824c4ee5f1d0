"""Do rules outlive the weeks they were mined on?"""

import numpy as np
import pandas as pd

from bundlebook.association.itemsets import count_itemsets
from bundlebook.association.matrix import BasketLike, encode, least_count
from bundlebook.association.null_models import ConfigurationModel, FixedSizeModel
from bundlebook.association.rules import MEASURES, measure


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
    measured = measure(both, a, c, encoded.n_baskets)
    never = (a == 0) | (c == 0)
    frame = pd.DataFrame(
        {
            "antecedent": antecedent,
            "consequent": consequent,
            "count": both,
            "antecedent_count": a,
            "consequent_count": c,
            **{name: np.where(never, np.nan, values) for name, values in measured.items()},
        },
        index=rules.index,
    )
    frame.attrs = {"n_baskets": encoded.n_baskets}
    return frame


def survival(rules: pd.DataFrame, later: pd.DataFrame, min_support: float, min_confidence: float) -> pd.DataFrame:
    """How much of every measure is left on later baskets, and how many rules still pass their thresholds.

    Parameters
    ----------
    rules, later : DataFrame
        The rules as mined, and :func:`remeasure` of them.
    min_support, min_confidence : float
        The thresholds they were mined with; compared as integer counts.

    Returns
    -------
    DataFrame
        One row a measure: ``mined`` and ``later`` (medians), ``ratio`` (median of later / mined over rules), and
        ``rank_correlation`` (Spearman's, of the two orders). ``attrs["survived"]`` is the share of rules that pass both
        thresholds again.
    """
    n = int(later.attrs["n_baskets"])
    passed = later["count"].to_numpy() >= least_count(min_support, n)
    passed &= later["count"].to_numpy() >= least_count(min_confidence, later["antecedent_count"].to_numpy())
    rows = []
    for name in MEASURES:
        pair = pd.DataFrame({"mined": rules[name], "later": later[name]}).replace([np.inf, -np.inf], np.nan).dropna()
        ratio = pair["later"] / pair["mined"].where(pair["mined"] != 0)
        rows.append(
            {
                "measure": name,
                "mined": pair["mined"].median(),
                "later": pair["later"].median(),
                "ratio": ratio.median(),
                "rank_correlation": pair["mined"].corr(pair["later"], method="spearman"),
            }
        )
    table = pd.DataFrame(rows).set_index("measure")
    table.attrs = {"survived": float(passed.mean()) if len(passed) else float("nan")}
    return table


def held_out_lift(
    itemsets: pd.DataFrame, baskets: BasketLike, model: FixedSizeModel | ConfigurationModel
) -> pd.DataFrame:
    """Plain and size-adjusted lift of given itemsets on other baskets.

    Parameters
    ----------
    itemsets : DataFrame
        With ``itemset``, for example from :func:`~bundlebook.association.adjusted.adjusted_lift`.
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    model : FixedSizeModel or ConfigurationModel
        Fitted on these baskets.

    Returns
    -------
    DataFrame
        Indexed like *itemsets*: ``count``, ``expected``, ``lift``, ``adjusted_lift``; the lifts are NaN where an item
        was never bought in these baskets.
    """
    encoded = encode(baskets)
    counts = encoded.counts
    number = {label: place for place, label in enumerate(model.items)}
    count = count_itemsets(encoded, itemsets["itemset"])
    expected, plain = np.full(len(itemsets), np.nan), np.full(len(itemsets), np.nan)
    length = itemsets["itemset"].map(len).to_numpy()
    sets = itemsets["itemset"].to_list()
    for k in sorted(set(length.tolist())):
        rows = [row for row in np.flatnonzero(length == k) if all(label in number for label in sets[row])]
        if rows:
            ids = np.array([[number[label] for label in sets[row]] for row in rows])
            expected[rows] = model.expected(ids)
            plain[rows] = encoded.n_baskets * np.prod(counts[ids] / encoded.n_baskets, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.where(plain > 0, count / plain, np.nan)
        adjusted = np.where(expected > 0, count / expected, np.nan)
    return pd.DataFrame(
        {"count": count, "expected": expected, "lift": lift, "adjusted_lift": adjusted}, index=itemsets.index
    )
