"""Size-adjusted lift: how much more often than baskets of these sizes would bring together by themselves."""

from math import comb

import numpy as np
import pandas as pd

from bundlebook.association.matrix import BasketLike, encode
from bundlebook.association.null_models import ConfigurationModel, FixedSizeModel, fit_sizes
from bundlebook.association.testing import _adjust
from bundlebook.errors import BundlebookError


def adjusted_lift(
    itemsets: pd.DataFrame,
    model: FixedSizeModel | ConfigurationModel,
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
        From :func:`~bundlebook.association.null_models.fit_sizes` (exact sizes) or
        :func:`~bundlebook.association.null_models.fit_configuration` (sizes on average).
    method : str
        Correction, a key of :data:`~bundlebook.association.testing.CORRECTIONS`. The number of tests is that of *all*
        itemsets of the same length that frequent items can form: those that did not reach the support threshold were
        looked at too.
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
    The count is a sum of independent, unequal coin flips, whose variance is below the Poisson's: the tail is on the
    careful side.
    """
    from scipy.stats import poisson  # costs a second and 50 MB to import

    tested = itemsets[itemsets["length"].isin(lengths)].reset_index(drop=True)
    number = {label: place for place, label in enumerate(model.items)}
    unknown = sorted({label for labels in tested["itemset"] for label in labels} - set(number))
    if unknown:
        raise BundlebookError(
            f"the model does not know {unknown[:3]}",
            where="adjusted_lift",
            remedy="fit the model on the baskets that the itemsets were mined from",
        )
    expected, plain = np.ones(len(tested)), np.ones(len(tested))
    p_adjusted, p = np.ones(len(tested)), np.ones(len(tested))
    frequent = int((model.counts >= itemsets.attrs["min_count"]).sum())
    sets, counts, ids_of = tested["itemset"].to_list(), tested["count"].to_numpy(), {}
    for k in sorted(set(tested["length"])):
        chosen = np.flatnonzero(tested["length"] == k)
        ids = np.array([[number[label] for label in sets[row]] for row in chosen]).reshape(-1, k)
        ids_of[k] = chosen, ids
        expected[chosen] = model.expected(ids)
        plain[chosen] = counts[chosen] / (model.n_baskets * np.prod(model.counts[ids] / model.n_baskets, axis=1))
        p[chosen] = poisson.sf(counts[chosen] - 1, expected[chosen])
        p_adjusted[chosen] = _adjust(p[chosen], method, n_tests=comb(frequent, int(k)))
    lift = counts / expected
    frame = tested.assign(lift=plain, expected=expected, adjusted_lift=lift, p=p, p_adjusted=p_adjusted)
    if 3 in ids_of and 2 in ids_of:
        frame["gain_over_pairs"] = _gain_over_pairs(ids_of, lift)
    frame = frame.iloc[np.lexsort([frame.index, -counts, -lift])].reset_index(drop=True)
    frame.attrs = dict(itemsets.attrs)
    return frame


def _gain_over_pairs(ids_of: dict, lift: np.ndarray) -> np.ndarray:
    """Adjusted lift of triples over the largest one among their pairs; NaN for other lengths."""
    pair_rows, pairs = ids_of[2]
    by_pair = dict(zip(map(tuple, pairs.tolist()), lift[pair_rows].tolist(), strict=True))
    rows, triples = ids_of[3]
    best = [max(by_pair[a, b], by_pair[a, c], by_pair[b, c]) for a, b, c in triples.tolist()]
    out = np.full(len(lift), np.nan)
    out[rows] = lift[rows] / np.array(best)
    return out


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
