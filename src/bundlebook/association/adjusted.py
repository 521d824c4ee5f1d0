"""Size-adjusted lift: how much more often than chance in baskets of these sizes, or of each user's taste."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from bundlebook.association.itemsets import count_itemsets, frequent_itemsets
from bundlebook.association.matrix import BasketLike, encode
from bundlebook.association.null_models import ConfigurationModel, FixedSizeModel, fit_sizes, fit_users
from bundlebook.association.testing import _adjust
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

_NullModel = ConfigurationModel | FixedSizeModel
#: What links a pair, the strongest reason first.
_KINDS = ("complements", "taste", "chance")


def adjusted_lift(
    itemsets: pd.DataFrame,
    model: _NullModel,
    method: str = "fdr_bh",
    lengths: tuple[int, ...] = (2, 3),
) -> pd.DataFrame:
    r"""Observed over expected count of itemsets, with a corrected p-value.

    .. math:: \operatorname{adjusted lift}(X) = \frac{\operatorname{count}(X)}{E(X)}, \qquad
              p = P(N \ge \operatorname{count}(X)), \; N \sim \operatorname{Poisson}(E(X))

    Parameters
    ----------
    itemsets : DataFrame
        With ``itemset``, ``length`` and ``count``, from the baskets that *model* was fitted on.
    model : FixedSizeModel or ConfigurationModel
        What :func:`~bundlebook.association.fit_sizes` (exact sizes), :func:`~bundlebook.association.fit_configuration`
        (sizes on average) or :func:`~bundlebook.association.fit_users` (the sizes and the taste of each user).
    method : str
        Correction: ``"bonferroni"``, ``"holm"`` or ``"fdr_bh"`` (Benjamini–Hochberg). The number of tests is that of
        *all* itemsets of the same length that frequent items can form: those below the support threshold were looked
        at too.
    lengths : tuple of int
        Lengths to test; the others are left out.

    Returns
    -------
    DataFrame
        The itemsets tested, with ``lift`` (plain, against independence), ``expected`` (baskets), ``adjusted_lift``,
        ``p`` and ``p_adjusted``; beside their pairs triples also have ``gain_over_pairs``: their adjusted lift over
        that of their best pair, about 1 where the third item has nothing to do with the other two. Sorted by adjusted
        lift (descending), count and labels.

    Notes
    -----
    The count is a sum of independent events of unequal probability. Its variance is below that of the Poisson
    distribution, so the p-values are rather too large than too small.
    """
    from scipy.stats import poisson  # costs a second and 50 MB to import

    tested = itemsets[itemsets["length"].isin(lengths)].reset_index(drop=True)
    unknown = sorted({label for labels in tested["itemset"] for label in labels} - set(model.items))
    if unknown:
        raise BundlebookError(
            f"the model does not know {unknown[:3]}",
            where="adjusted_lift",
            remedy="fit the model on the baskets that the itemsets were mined from",
        )
    table = tested.assign(**_lifts(tested["itemset"], tested["count"].to_numpy(), model))
    table["p"] = poisson.sf(table["count"] - 1, table["expected"])
    table["p_adjusted"] = np.nan  # a column of every table, also of an empty one
    frequent = int((model.counts >= itemsets.attrs["min_count"]).sum())
    for k in sorted(set(table["length"])):
        rows = table["length"] == k
        table.loc[rows, "p_adjusted"] = _adjust(table.loc[rows, "p"].to_numpy(), method, comb(frequent, int(k)))
    if {2, 3} <= set(lengths):
        lift = dict(zip(table["itemset"], table["adjusted_lift"], strict=True))
        triples = table.loc[table["length"] == 3, "itemset"]
        best = triples.map(lambda triple: max(lift[pair] for pair in combinations(triple, 2)))
        table["gain_over_pairs"] = table["adjusted_lift"] / best  # NaN for other lengths
    order = np.lexsort([table.index, -table["count"], -table["adjusted_lift"]])
    table = table.iloc[order].reset_index(drop=True)
    table.attrs = dict(itemsets.attrs)
    return table


def _lifts(itemsets: pd.Series, count: np.ndarray, model: _NullModel) -> dict[str, np.ndarray]:
    """Plain and adjusted lift of itemsets of any lengths; NaN where an item is unknown or was never bought."""
    number = {label: place for place, label in enumerate(model.items)}
    length = itemsets.map(len).to_numpy()
    expected, plain = np.full(len(itemsets), np.nan), np.full(len(itemsets), np.nan)
    for k in np.unique(length):
        rows = np.flatnonzero(length == k)
        ids = np.array([[number.get(label, -1) for label in labels] for labels in itemsets.iloc[rows]])
        known = (ids >= 0).all(axis=1)
        rows, ids = rows[known], ids[known]
        expected[rows] = model.expected(ids)
        plain[rows] = model.n_baskets * np.prod(model.counts[ids] / model.n_baskets, axis=1)
    lift, adjusted = (count / np.where(chance > 0, chance, np.nan) for chance in (plain, expected))
    return {"lift": lift, "expected": expected, "adjusted_lift": adjusted}


def held_out_lift(itemsets: pd.DataFrame, baskets: BasketLike, model: _NullModel) -> pd.DataFrame:
    """Plain and size-adjusted lift of given itemsets on other baskets.

    Parameters
    ----------
    itemsets : DataFrame
        With ``itemset``, for example from :func:`adjusted_lift`.
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    model : FixedSizeModel or ConfigurationModel
        Fitted on these baskets.

    Returns
    -------
    DataFrame
        Indexed like *itemsets*: ``count``, ``lift``, ``expected``, ``adjusted_lift``; the lifts are NaN where an item
        was never bought in these baskets.
    """
    count = count_itemsets(baskets, itemsets["itemset"])
    return pd.DataFrame({"count": count, **_lifts(itemsets["itemset"], count, model)}, index=itemsets.index)


def linked_pairs(baskets: Baskets, min_support: float, alpha: float = 0.05) -> pd.DataFrame:
    r"""Find the pairs that meet more often than sizes explain, and tell complements (互补品) from taste.

    Parameters
    ----------
    baskets : Baskets
        Baskets of the weeks that may be learned from.
    min_support : float
        Smallest support of a pair, share of the baskets in (0, 1).
    alpha : float
        Share of false discoveries accepted, for each of the two nulls (Benjamini–Hochberg over all pairs of frequent
        items).

    Returns
    -------
    DataFrame
        One row per frequent pair, with the columns of :func:`~bundlebook.association.adjusted_lift` (against basket
        sizes) and, from the users with several baskets, ``within_count``, ``within_expected`` (baskets),
        ``within_lift`` = within_count / within_expected, ``p_within`` and ``p_within_adjusted``. ``kind`` is

        * ``"complements"``: more often in the same basket than sizes and every user's own taste explain,
        * ``"taste"``: more often than sizes explain, but not more than each user's own taste does,
        * ``"chance"``: not more often than sizes explain.

        Sorted by kind in this order, then by within_lift (descending) and labels.

    Notes
    -----
    A user with a single basket cannot tell the two apart, so such users count for the sizes only. In a shop without
    repeat customers no pair is called a complement: "taste" then means that nobody can know.
    """
    from scipy.stats import poisson  # costs a second and 50 MB to import

    encoded = encode(baskets)
    itemsets = frequent_itemsets(encoded, min_support, max_len=2)
    pairs = adjusted_lift(itemsets, fit_sizes(encoded), lengths=(2,))
    several = baskets.where(baskets.counts_by_user()[baskets.user] > 1)
    count, expected = np.zeros(len(pairs), dtype=np.int64), np.zeros(len(pairs))
    if several.n_baskets and len(pairs):
        count = count_itemsets(several, pairs["itemset"])
        expected = fit_users(several).expected(np.searchsorted(encoded.items, np.array(pairs["itemset"].to_list())))
    p = poisson.sf(count - 1, expected)
    p_adjusted = _adjust(p, n_tests=comb(int((itemsets["length"] == 1).sum()), 2))
    pairs = pairs.assign(
        within_count=count,
        within_expected=expected,
        within_lift=count / np.where(expected > 0, expected, np.nan),
        p_within=p,
        p_within_adjusted=p_adjusted,
    )
    discovered = (pairs["p_adjusted"] <= alpha) & (pairs["adjusted_lift"] > 1)
    together = (p_adjusted <= alpha) & (count > expected)
    pairs["kind"] = np.select([together, discovered], ["complements", "taste"], "chance")
    order = np.lexsort([-pairs["within_lift"], pairs["kind"].map(_KINDS.index)])
    return pairs.iloc[order].reset_index(drop=True)


def lift_table(baskets: BasketLike, most: int = 20, least_expected: float = 20.0) -> pd.DataFrame:
    """Size-adjusted lift of every two of the most frequent items, as a square table.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    most : int
        Items shown.
    least_expected : float
        Pairs of which fewer baskets are expected are NaN: there is nothing to be compared.

    Returns
    -------
    DataFrame, shape (most, most)
        Symmetric, labels in alphabetical order, NaN on the diagonal.
    """
    encoded = encode(baskets)
    kept = np.sort(np.argsort(-encoded.counts, kind="stable")[:most])
    matrix = encoded.matrix[:, kept].astype(np.int64)
    observed = (matrix.T @ matrix).toarray()
    first, second = np.triu_indices(len(kept), 1)
    expected = np.zeros(observed.shape)
    expected[first, second] = fit_sizes(encoded).expected(np.column_stack([kept[first], kept[second]]))
    expected += expected.T
    ratio = np.divide(observed, expected, out=np.full(expected.shape, np.nan), where=expected >= least_expected)
    np.fill_diagonal(ratio, np.nan)
    return pd.DataFrame(ratio, index=encoded.items[kept], columns=encoded.items[kept])
