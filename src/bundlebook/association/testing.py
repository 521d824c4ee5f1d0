"""Is a rule more than chance? Fisher's exact test, corrections for many tests, redundant and productive rules."""

from collections.abc import Iterator
from itertools import chain, combinations

import numpy as np
import pandas as pd

from bundlebook.association._lookup import ItemsetLookup
from bundlebook.errors import BundlebookError

#: Corrections, named as in ``statsmodels.stats.multitest.multipletests``. The first two keep the chance of a single
#: false rule low, the second never weaker than the first; the last the share of false rules (Benjamini–Hochberg).
_CORRECTIONS = ("bonferroni", "holm", "fdr_bh")


def _fisher(both: np.ndarray, a: np.ndarray, c: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    """One-sided p-values: *both* baskets or more hold A and C, if *a* of *n* with A and *c* with C are independent."""
    from scipy.stats import hypergeom  # costs a second and 50 MB to import

    # sf(k - 1) sums the upper tail itself, so tiny p-values keep their digits; 1 - cdf would round them to 0.
    return np.minimum(hypergeom.sf(np.asarray(both) - 1, n, c, a), 1.0)


def _adjust(p: np.ndarray, method: str = "fdr_bh", n_tests: int | None = None) -> np.ndarray:
    """Correct p-values for *n_tests* tests; NaN stays NaN and does not count as a test.

    Tests beyond those listed, such as all triples where only frequent ones were counted, are taken as p = 1. They are
    never written down: the triples of 700 items are 57 million.
    """
    if method not in _CORRECTIONS:
        raise BundlebookError(f"unknown correction {method!r}", remedy=f"use one of {list(_CORRECTIONS)}")
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    tests = len(known) if n_tests is None else n_tests
    if tests < len(known):
        raise BundlebookError(f"{tests} tests cannot have given {len(known)} p-values", where="n_tests")
    order = known[np.argsort(p[known], kind="stable")]
    place = np.arange(1, len(order) + 1)
    corrected = {
        "bonferroni": lambda: tests * p[order],
        "holm": lambda: np.maximum.accumulate((tests - place + 1) * p[order]),
        "fdr_bh": lambda: np.minimum.accumulate((p[order] / (place / tests))[::-1])[::-1],
    }[method]()
    adjusted = p.copy()
    adjusted[order] = np.minimum(corrected, 1.0)
    return adjusted


def significance(rules: pd.DataFrame) -> pd.DataFrame:
    r"""Fisher's exact test of every rule A → C, one-sided, raw and under each correction.

    .. math:: p = P(X \ge \operatorname{count}(A \cup C)), \quad
              X \sim \operatorname{Hypergeometric}(n, \operatorname{count}(C), \operatorname{count}(A))

    With the m p-values sorted, :math:`p_{(1)} \le \dots \le p_{(m)}`, the corrected values are, and at most 1,

    .. math:: \text{Bonferroni: } m\,p_{(j)}, \qquad \text{Holm: } \max_{l \le j} (m - l + 1)\,p_{(l)}, \qquad
              \text{Benjamini–Hochberg: } \min_{l \ge j} \tfrac{m}{l}\,p_{(l)}

    Parameters
    ----------
    rules : DataFrame
        What :func:`~bundlebook.association.rules.association_rules` returned. All rules that were tried must be in it:
        rules that were left out before make the correction too weak.

    Returns
    -------
    DataFrame
        Indexed like *rules*: ``p_fisher``, ``p_bonferroni``, ``p_holm`` and ``p_fdr_bh``.
    """
    both, a, c = (rules[name].to_numpy() for name in ("count", "antecedent_count", "consequent_count"))
    p = _fisher(both, a, c, int(rules.attrs["n_baskets"]))
    return pd.DataFrame({"p_fisher": p, **{f"p_{name}": _adjust(p, name) for name in _CORRECTIONS}}, index=rules.index)


def mark_redundant(rules: pd.DataFrame, itemsets: pd.DataFrame) -> pd.Series:
    r"""Mark the rules that say no more than a simpler rule with the same consequent.

    A → C is redundant if some proper subset of A, the empty one included, predicts C with at least its confidence
    (Bayardo, Agrawal and Gunopulos, 2000).

    Parameters
    ----------
    rules : DataFrame
        What :func:`~bundlebook.association.rules.association_rules` returned.
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
    r"""Test whether every item of an antecedent makes the consequent more likely (Webb, 2007).

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
        p = _fisher(count[position], antecedent[position], general_both, general_count)
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
