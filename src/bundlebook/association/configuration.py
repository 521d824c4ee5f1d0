r"""The bipartite configuration model: baskets of given sizes and items of given popularity, nothing else.

Plain lift compares with independence *of baskets that are all alike*. Real baskets are not: a basket of sixty items
holds nearly everything, a basket of two nearly nothing, and so any two items meet more often than the product of
their supports says. The null model here gives every basket its size and every item its popularity, and nothing else:
the bipartite configuration model (Saracco et al., 2015),

.. math:: P_{ib} = \frac{x_i y_b}{1 + x_i y_b}, \qquad
          \sum_b P_{ib} = \operatorname{count}(i), \quad \sum_i P_{ib} = \operatorname{size}(b),

the distribution of greatest entropy under these sums. Baskets of one size share one y, so the model has as many
unknowns as items and *distinct* sizes, and is fitted in well under a second.

It keeps counts and sizes *on average* over the random baskets. :mod:`~bundlebook.association.sized` keeps sizes
exactly, which matters where baskets are small.
"""

from dataclasses import dataclass

import numpy as np

from bundlebook.association.matrix import encode
from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class ConfigurationModel:
    """The bipartite configuration model of a set of baskets.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    counts : ndarray of int, shape (n_items,)
        Baskets of each item.
    n_baskets : int
        Empty ones included.
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
    counts: np.ndarray
    n_baskets: int
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
    return ConfigurationModel(
        encoded.items, encoded.counts, encoded.n_baskets, sizes, baskets_of_size, x, y, probability, error
    )


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
        where="configuration model",
        remedy="raise max_iterations, or leave out items that are in nearly every basket",
    )
