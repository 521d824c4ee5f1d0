"""Do rules outlive the weeks they were mined on?"""

import numpy as np
import pandas as pd

from bundlebook.association.itemsets import count_itemsets
from bundlebook.association.matrix import BasketLike, encode, least_count
from bundlebook.association.rules import MEASURES, _measures


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
    measured = _measures(both, a, c, encoded.n_baskets)
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
