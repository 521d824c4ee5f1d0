"""Fewer itemsets and rules with the same content: closed, maximal, non-redundant, productive."""

from itertools import chain, combinations

import numpy as np
import pandas as pd

from bundlebook.association.corrections import adjust, fisher_greater
from bundlebook.association.lookup import ItemsetLookup


def closed_and_maximal(itemsets: pd.DataFrame) -> pd.DataFrame:
    r"""Mark itemsets that no larger one makes superfluous (闭项集, 极大项集).

    Parameters
    ----------
    itemsets : DataFrame
        Of :func:`~bundlebook.association.itemsets.frequent_itemsets`.

    Returns
    -------
    DataFrame
        *itemsets* with two columns more. ``closed``: no proper superset is in as many baskets; the closed sets alone
        give back every count. ``maximal``: no proper superset is frequent; the maximal sets alone give back every set.

    Notes
    -----
    Looking at supersets with one item more is enough: if a larger one had the same count, so had all between. With a
    ``max_len`` the longest itemsets are judged as if nothing longer existed.
    """
    lookup = ItemsetLookup(itemsets["itemset"])
    count = itemsets["count"].to_numpy()
    closed, maximal = np.ones(len(itemsets), dtype=bool), np.ones(len(itemsets), dtype=bool)
    for k in range(2, len(lookup.rows) + 1):
        for _, subset in lookup.subsets(k, k - 1):
            maximal[subset] = False
            closed[subset[count[subset] == count[lookup.rows[k - 1]]]] = False
    return itemsets.assign(closed=closed, maximal=maximal)


def mark_redundant(rules: pd.DataFrame, itemsets: pd.DataFrame) -> pd.Series:
    r"""Mark rules that a simpler one with the same consequent makes superfluous.

    A → C is redundant if some proper subset of A, the empty one included, predicts C with at least its confidence
    (Bayardo, Agrawal and Gunopulos, 2000).

    Parameters
    ----------
    rules : DataFrame
        Of :func:`~bundlebook.association.rules.association_rules`.
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
    return pd.DataFrame({"p_productive": largest, "p_productive_adjusted": adjust(largest, method)}, index=rules.index)


def _generalisations(rules: pd.DataFrame, itemsets: pd.DataFrame, every: bool):
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
