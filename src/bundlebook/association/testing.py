"""Is a rule more than chance? Fisher's exact test, corrections for many tests, redundant and productive rules."""

from collections.abc import Iterator
from itertools import chain, combinations

import numpy as np
import pandas as pd

from bundlebook.association._lookup import ItemsetLookup
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


def _adjust(p: np.ndarray, method: str = "fdr_bh", n_tests: int | None = None) -> np.ndarray:
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
    from statsmodels.stats.multitest import multipletests  # costs a second to import

    if method not in CORRECTIONS:
        raise BundlebookError(f"unknown correction {method!r}", remedy=f"use one of {list(CORRECTIONS)}")
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    tests = len(known) if n_tests is None else n_tests
    if tests < len(known):
        raise BundlebookError(f"{tests} tests cannot have given {len(known)} p-values", where="n_tests")
    adjusted = p.copy()
    if len(known):
        padded = np.append(p[known], np.ones(tests - len(known)))
        adjusted[known] = multipletests(padded, method=method)[1][: len(known)]
    return adjusted


def significance(rules: pd.DataFrame) -> pd.DataFrame:
    """Fisher's p-value of every rule, raw and under each correction.

    Parameters
    ----------
    rules : DataFrame
        From :func:`~bundlebook.association.rules.association_rules`. All rules that were tried must be in it: rules
        filtered away before make the correction too mild.

    Returns
    -------
    DataFrame
        Indexed like *rules*: ``p_fisher`` and ``p_`` + each key of :data:`CORRECTIONS`.
    """
    both, a, c = (rules[name].to_numpy() for name in ("count", "antecedent_count", "consequent_count"))
    p = fisher_greater(both, a, c, int(rules.attrs["n_baskets"]))
    return pd.DataFrame({"p_fisher": p, **{f"p_{name}": _adjust(p, name) for name in CORRECTIONS}}, index=rules.index)


def mark_redundant(rules: pd.DataFrame, itemsets: pd.DataFrame) -> pd.Series:
    r"""Mark rules that a simpler one with the same consequent makes superfluous.

    A → C is redundant if some proper subset of A, the empty one included, predicts C with at least its confidence
    (Bayardo, Agrawal and Gunopulos, 2000).

    Parameters
    ----------
    rules : DataFrame
        From :func:`~bundlebook.association.rules.association_rules`.
    itemsets : DataFrame
        The itemsets they were made from.

    Returns
    -------
    Series of bool
    """
    redundant = np.zeros(len(rules), dtype=bool)
    count, antecedent = rules["count"].to_numpy(), rules["antecedent_count"].to_numpy()
    for position, general_count, general_both in _generalisations(rules, itemsets, every=True):
        # both / antecedent <= general_both / general_count, without dividing
        redundant[position] |= count[position] * general_count <= general_both * antecedent[position]
    return pd.Series(redundant, index=rules.index, name="redundant")


def productivity(rules: pd.DataFrame, itemsets: pd.DataFrame, method: str = "fdr_bh") -> pd.DataFrame:
    r"""Test whether every item of an antecedent earns its place (Webb, 2007).

    For each :math:`x \in A`, among the baskets that hold :math:`A \setminus \{x\}`, Fisher's exact test asks whether
    those with *x* hold C more often than those without. A rule is productive if all of these tests reject.

    Parameters
    ----------
    rules : DataFrame
    itemsets : DataFrame
        The itemsets they were made from.
    method : {"fdr_bh", "holm", "bonferroni"}
        Correction over all rules.

    Returns
    -------
    DataFrame
        Indexed like *rules*: ``p_productive``, the largest p-value of a rule's tests, and ``p_productive_adjusted``.
    """
    largest = np.zeros(len(rules))
    count, antecedent = rules["count"].to_numpy(), rules["antecedent_count"].to_numpy()
    for position, general_count, general_both in _generalisations(rules, itemsets, every=False):
        p = fisher_greater(count[position], antecedent[position], general_both, general_count)
        largest[position] = np.maximum(largest[position], p)
    return pd.DataFrame({"p_productive": largest, "p_productive_adjusted": _adjust(largest, method)}, index=rules.index)


def _generalisations(
    rules: pd.DataFrame, itemsets: pd.DataFrame, every: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield positions of rules with, for one smaller antecedent G each, count(G) and count(G ∪ C).

    With *every* false only the antecedents that lack a single item come, else all proper subsets.
    """
    lookup = ItemsetLookup(itemsets["itemset"])
    count = itemsets["count"].to_numpy()
    antecedents, consequents = rules["antecedent"].to_list(), rules["consequent"].to_list()
    shape = np.array([list(map(len, antecedents)), list(map(len, consequents))]).T.reshape(-1, 2)
    consequent_count = rules["consequent_count"].to_numpy()
    n_baskets = int(rules.attrs["n_baskets"])
    for a, c in np.unique(shape, axis=0):
        position = np.flatnonzero((shape == (a, c)).all(axis=1))
        left = lookup.numbers(chain.from_iterable(antecedents[p] for p in position)).reshape(-1, a)
        right = lookup.numbers(chain.from_iterable(consequents[p] for p in position)).reshape(-1, c)
        for size in range(0 if every else a - 1, a):
            for columns in combinations(range(a), size):
                if size == 0:
                    yield position, np.full(len(position), n_baskets), consequent_count[position]
                    continue
                general = left[:, columns]
                union = np.sort(np.hstack([general, right]), axis=1)
                yield position, count[lookup.find(general)], count[lookup.find(union)]
