"""Is it more than chance? Fisher's exact test, corrected for the number of rules that were tried."""

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError

#: Corrections, named as in :func:`statsmodels.stats.multitest.multipletests`, with what they keep low.
CORRECTIONS = {
    "bonferroni": "chance of a single false rule, any dependence",
    "holm": "the same, never weaker than Bonferroni",
    "fdr_bh": "share of false rules among those kept (Benjamini–Hochberg)",
}


def fisher_greater(both: np.ndarray, a: np.ndarray, c: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    r"""One-sided p-value of Fisher's exact test for "A and C come together more often than by chance".

    .. math:: p = P(X \ge \text{both}), \quad X \sim \operatorname{Hypergeometric}(n, c, a)

    Parameters
    ----------
    both, a, c : ndarray of int
        Baskets with A and C, with A, with C.
    n : ndarray of int or int
        Baskets in all.

    Returns
    -------
    ndarray of float64
        As ``scipy.stats.fisher_exact(..., alternative="greater")`` gives one by one.
    """
    from scipy.stats import hypergeom  # costs a second and 50 MB to import

    # sf(k - 1) sums the upper tail itself, so tiny p-values keep their digits; 1 - cdf would round them to 0.
    return np.minimum(hypergeom.sf(np.asarray(both) - 1, n, c, a), 1.0)


def adjust(p: np.ndarray, method: str = "fdr_bh", n_tests: int | None = None) -> np.ndarray:
    r"""Correct p-values for the number of tests.

    With the m tests sorted, :math:`p_{(1)} \le \dots \le p_{(m)}`, the corrected values are

    .. math:: \text{Bonferroni: } m\,p_{(j)}, \qquad \text{Holm: } \max_{l \le j} (m - l + 1)\,p_{(l)}, \qquad
              \text{Benjamini–Hochberg: } \min_{l \ge j} \tfrac{m}{l}\,p_{(l)}

    and at most 1.

    Parameters
    ----------
    p : ndarray, shape (n,)
        NaN stays NaN and counts for nothing.
    method : str
        A key of :data:`CORRECTIONS`.
    n_tests : int, optional
        m, if more hypotheses were looked at than are listed, such as all pairs where only frequent ones were counted;
        those not listed are taken as p = 1.

    Returns
    -------
    ndarray, shape (n,)
    """
    if method not in CORRECTIONS:
        raise BundlebookError(f"unknown correction {method!r}", remedy=f"use one of {list(CORRECTIONS)}")
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    tests = len(known) if n_tests is None else n_tests
    if tests < len(known):
        raise BundlebookError(f"{tests} tests cannot have given {len(known)} p-values", where="n_tests")
    order = known[np.argsort(p[known], kind="stable")]
    place = np.arange(1, len(order) + 1)
    if method == "bonferroni":
        corrected = tests * p[order]
    elif method == "holm":
        corrected = np.maximum.accumulate((tests - place + 1) * p[order])
    else:
        corrected = np.minimum.accumulate((tests / place * p[order])[::-1])[::-1]
    adjusted = p.copy()
    adjusted[order] = np.minimum(corrected, 1.0)
    return adjusted


def significance(rules: pd.DataFrame) -> pd.DataFrame:
    """Fisher's p-value of every rule, raw and under each correction.

    Parameters
    ----------
    rules : DataFrame
        Of :func:`~bundlebook.association.rules.association_rules`. All rules that were tried must be in it: rules
        filtered away before make the correction too mild.

    Returns
    -------
    DataFrame
        Indexed like *rules*: ``p_fisher`` and ``p_`` + each key of :data:`CORRECTIONS`.
    """
    columns = (rules[name].to_numpy() for name in ("count", "antecedent_count", "consequent_count"))
    p = fisher_greater(*columns, int(rules.attrs["n_baskets"]))
    return pd.DataFrame({"p_fisher": p, **{f"p_{name}": adjust(p, name) for name in CORRECTIONS}}, index=rules.index)
