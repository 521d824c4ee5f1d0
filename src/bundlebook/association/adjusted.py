r"""Size-adjusted lift: how much more often than baskets of these sizes would bring together by themselves.

Plain lift compares with independence *of baskets that are all alike*. Real baskets are not: a basket of sixty items
holds nearly everything, a basket of two nearly nothing, and so any two items meet more often than the product of
their supports says. The null model here gives every basket its size and every item its popularity, and nothing else:
the bipartite configuration model (Saracco et al., 2015),

.. math:: P_{ib} = \frac{x_i y_b}{1 + x_i y_b}, \qquad
          \sum_b P_{ib} = \operatorname{count}(i), \quad \sum_i P_{ib} = \operatorname{size}(b),

the distribution of greatest entropy under these sums. Baskets of one size share one y, so the model has as many
unknowns as items and *distinct* sizes, and is fitted in well under a second.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.association.matrix import BasketMatrix, encode
from bundlebook.association.significance import adjust
from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class ConfigurationModel:
    """The bipartite configuration model of a set of baskets.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    sizes : ndarray of int, shape (n_sizes,)
        Distinct sizes of non-empty baskets, ascending.
    baskets_of_size : ndarray of int, shape (n_sizes,)
    x : ndarray of float64, shape (n_items,)
        Fitness of each item; NaN for an item whose baskets are certain, such as one that is in all or in none.
    y : ndarray of float64, shape (n_sizes,)
        Fitness of a basket of each size; NaN for a size whose baskets are certain, such as one that holds every item.
    probability : ndarray of float64, shape (n_items, n_sizes)
        P(item in a basket of that size).
    residual : float
        Largest error of a fitted count or size, in units of one basket or item.
    """

    items: np.ndarray
    sizes: np.ndarray
    baskets_of_size: np.ndarray
    x: np.ndarray
    y: np.ndarray
    probability: np.ndarray
    residual: float

    def expected(self, ids: np.ndarray) -> np.ndarray:
        r"""Expected number of baskets that hold all items of an itemset, if only sizes and popularity acted.

        .. math:: E(X) = \sum_s n_s \prod_{i \in X} P_{is}

        Parameters
        ----------
        ids : ndarray of int, shape (n, k)
            Columns of :attr:`items`; any k.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        ids = np.asarray(ids)
        out = np.empty(len(ids))
        for start in range(0, len(ids), 4096):  # (4096, n_sizes) at a time stays in cache
            block = ids[start : start + 4096]
            product = np.ones((len(block), len(self.sizes)))
            for column in block.T:
                product *= self.probability[column]
            out[start : start + 4096] = product @ self.baskets_of_size
        return out


def _probability(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    odds = x[:, None] * y
    return odds / (1 + odds)


def fit_configuration(baskets, tolerance: float = 1e-6, max_iterations: int = 2000) -> ConfigurationModel:
    r"""Fit the configuration model by fixed-point iteration on the distinct sizes.

    .. math:: x_i \leftarrow \frac{\operatorname{count}(i)}{\sum_s n_s\, y_s / (1 + x_i y_s)}, \qquad
              y_s \leftarrow \frac{s}{\sum_i x_i / (1 + x_i y_s)}

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
        Empty baskets are left out: they can hold no pair.
    tolerance : float
        Largest error allowed of any count, relative to it.
    max_iterations : int

    Returns
    -------
    ConfigurationModel

    Raises
    ------
    BundlebookError
        If the iteration does not reach *tolerance*.

    Notes
    -----
    Items in every basket, and baskets of every item, are certain, and no finite fitness gives a probability of 1: they
    are set aside, again and again until none is left, and the rest is fitted.
    """
    encoded = encode(baskets)
    sizes, baskets_of_size = np.unique(encoded.sizes[encoded.sizes > 0], return_counts=True)
    count, size = encoded.counts.astype(np.float64), sizes.astype(np.float64)
    n = baskets_of_size.astype(np.float64)
    x, y = np.full(len(count), np.nan), np.full(len(size), np.nan)
    probability, free_item, free_size = _certain(count, size, n)
    error = 0.0
    if free_item.any() and free_size.any():
        fitted = _solve(count[free_item], size[free_size], n[free_size], tolerance, max_iterations)
        x[free_item], y[free_size], error = fitted
        probability[np.ix_(free_item, free_size)] = _probability(x[free_item], y[free_size])
    return ConfigurationModel(encoded.items, sizes, baskets_of_size, x, y, probability, error)


def _certain(count: np.ndarray, size: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill in the probabilities 0 and 1; `count` and `size` become what is left for the items and sizes still free."""
    probability = np.zeros((len(count), len(size)))
    free_item, free_size = np.ones(len(count), dtype=bool), np.ones(len(size), dtype=bool)
    while True:
        free_item &= count > 0
        free_size &= size > 0
        everywhere = free_item & (count == n[free_size].sum())
        probability[np.ix_(everywhere, free_size)] = 1
        size[free_size] -= everywhere.sum()
        free_item &= ~everywhere
        complete = free_size & (size == free_item.sum()) & (size > 0)
        probability[np.ix_(free_item, complete)] = 1
        count[free_item] -= n[complete].sum()
        free_size &= ~complete
        if not everywhere.any() and not complete.any():
            return probability, free_item, free_size


def _solve(count, size, n, tolerance, max_iterations) -> tuple[np.ndarray, np.ndarray, float]:
    total = np.sqrt(count.sum())
    x, y = count / total, size / total  # what the sums would give if all products were small
    for _ in range(max_iterations):
        x = count / (n * y / (1 + x[:, None] * y)).sum(axis=1)
        y = size / (x[:, None] / (1 + x[:, None] * y)).sum(axis=0)
        fitted = (_probability(x, y) * n).sum(axis=1)
        error = np.abs(fitted - count)
        if (error <= tolerance * count).all():
            return x, y, float(error.max())
    raise BundlebookError(
        f"the configuration model is {error.max():.2g} baskets off after {max_iterations} iterations",
        where="size-adjusted lift",
        remedy="raise max_iterations, or leave out items that are in nearly every basket",
    )


def adjusted_lift(
    itemsets: pd.DataFrame, model: ConfigurationModel, method: str = "fdr_bh", lengths: tuple[int, ...] = (2, 3)
) -> pd.DataFrame:
    r"""Observed over expected count of itemsets, with a corrected p-value.

    .. math:: \operatorname{adjusted lift}(X) = \frac{\operatorname{count}(X)}{E(X)}, \qquad
              p = P(N \ge \operatorname{count}(X)), \; N \sim \operatorname{Poisson}(E(X))

    Parameters
    ----------
    itemsets : DataFrame
        With ``itemset``, ``length`` and ``count``, from the baskets that *model* was fitted on.
    model : ConfigurationModel
    method : str
        Correction over all itemsets of the same length (see :mod:`~bundlebook.association.significance`).
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
    Conservative twice over: the count is a sum of independent, unequal coin flips, whose variance is below the
    Poisson's, and the model keeps sizes only on average, which lets baskets of two expect a pair too often (about 4 %
    over all pairs of a grocery shop).
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
    popularity = np.rint((model.probability * model.baskets_of_size).sum(axis=1))
    expected, plain = np.ones(len(tested)), np.ones(len(tested))
    p_adjusted, p = np.ones(len(tested)), np.ones(len(tested))
    n_baskets = int(itemsets.attrs["n_baskets"])
    ids_of = {}
    for k in sorted(set(tested["length"])):
        chosen = np.flatnonzero(tested["length"] == k)
        ids = np.array([[number[label] for label in tested["itemset"][row]] for row in chosen]).reshape(-1, k)
        count = tested["count"].to_numpy()[chosen]
        ids_of[k] = chosen, ids
        expected[chosen] = model.expected(ids)
        plain[chosen] = count / (n_baskets * np.prod(popularity[ids] / n_baskets, axis=1))
        p[chosen] = poisson.sf(count - 1, expected[chosen])
        p_adjusted[chosen] = adjust(p[chosen], method)
    lift = tested["count"].to_numpy() / expected
    frame = tested.assign(lift=plain, expected=expected, adjusted_lift=lift, p=p, p_adjusted=p_adjusted)
    if 3 in ids_of and 2 in ids_of:
        frame["gain_over_pairs"] = _gain_over_pairs(ids_of, lift)
    frame = frame.iloc[np.lexsort([tested.index, -tested["count"].to_numpy(), -lift])].reset_index(drop=True)
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


def expected_pairs(model: ConfigurationModel) -> np.ndarray:
    """Expected number of baskets with both items, shape (n_items, n_items): for few items, such as departments."""
    return (model.probability * model.baskets_of_size) @ model.probability.T


def observed_pairs(baskets: BasketMatrix) -> np.ndarray:
    """Number of baskets with both items, shape (n_items, n_items), int64: for few items, such as departments."""
    matrix = baskets.matrix.astype(np.int64)
    return (matrix.T @ matrix).toarray()


def lift_table(baskets, most: int = 20, least_expected: float = 20.0) -> pd.DataFrame:
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
    model = fit_configuration(encoded)
    kept = np.sort(np.argsort(-encoded.counts, kind="stable")[:most])
    expected, observed = (table[np.ix_(kept, kept)] for table in (expected_pairs(model), observed_pairs(encoded)))
    ratio = np.divide(observed, expected, out=np.full(expected.shape, np.nan), where=expected >= least_expected)
    np.fill_diagonal(ratio, np.nan)
    return pd.DataFrame(ratio, index=encoded.items[kept], columns=encoded.items[kept])
