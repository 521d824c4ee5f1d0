r"""Baskets without association: two models of what chance gives, and a shuffle.

Plain lift compares with independence *of baskets that are all alike*. Real baskets are not: a basket of sixty items
holds nearly everything, a basket of two nearly nothing, and so any two items meet more often than the product of
their supports says. A null model here gives every basket its size and every item its popularity, and nothing else.

**On average**: the bipartite configuration model (Saracco et al., 2015),

.. math:: P_{ib} = \frac{x_i y_b}{1 + x_i y_b}, \qquad
          \sum_b P_{ib} = \operatorname{count}(i), \quad \sum_i P_{ib} = \operatorname{size}(b),

the distribution of greatest entropy under these sums. Baskets of one size share one y, so the model has as many
unknowns as items and *distinct* sizes, and is fitted in well under a second. It keeps counts and sizes on average over
the random baskets. For a basket of two that is a crude picture: sizes that vary like Poisson's around 2 hold 2² ordered
pairs on average, a basket of exactly two holds 2 · 1. So it expects too many pairs, by a few percent in a supermarket
and by half in a shop of small baskets.

**Exact sizes**: a basket of size s is a random set of exactly s items, set S having probability proportional to
:math:`\prod_{i \in S} x_i` (conditional Bernoulli sampling, the distribution of greatest entropy). With
:math:`r_s = s / \sum_j x_j (1 - \pi_j(s-1))` the chance that all of :math:`X \cup \{k\}` is in it obeys, exactly,

.. math:: \pi_{X \cup k}(s) = r_s\, x_k \big(\pi_X(s-1) - \pi_{X \cup k}(s-1)\big), \qquad \pi_\varnothing = 1,

(Chen, Dempster and Liu, Biometrika 1994, for single items; the same step adds further ones.)

**A shuffle** draws such baskets by the curveball algorithm (Strona et al., 2014): draw two baskets, pool the items that
only one of them has, deal the pool out again at random so that both keep their size. An item is never dealt to a basket
that holds it already, so no basket ever holds an item twice, sizes and item counts stay exactly as they were, and after
enough trades every arrangement with these sums is equally likely.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bundlebook.association.matrix import BasketLike, BasketMatrix, encode
from bundlebook.errors import BundlebookError

#: Growth of rounding errors (1e-16) up to which the recursion is trusted.
_STABLE = 1e10


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


def fit_configuration(baskets: BasketLike, tolerance: float = 1e-6, max_iterations: int = 2000) -> ConfigurationModel:
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
        fitted = _solve_configuration(count[free_item], size[free_size], n[free_size], tolerance, max_iterations)
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


def _solve_configuration(count, size, n, tolerance, max_iterations) -> tuple[np.ndarray, np.ndarray, float]:
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


@dataclass(frozen=True)
class FixedSizeModel:
    """Random baskets of given sizes, with given popularities of the items on average.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    counts : ndarray of int, shape (n_items,)
        Baskets of each item, which the model reproduces.
    n_baskets : int
        Empty ones included.
    x : ndarray of float64, shape (n_items,)
        Weight of each item; 0 for one that nobody bought, ∞ for one that is in every non-empty basket.
    baskets_of_size : ndarray of float64, shape (largest + 1,)
        Number of baskets by their number of items with a finite weight.
    ratio : ndarray of float64, shape (exact + 1,)
        r of every size up to which the recursion is used.
    pull : ndarray of float64, shape (largest + 1,)
        For the larger sizes, y of the configuration model.
    residual : float
        Largest relative error of a fitted count.
    """

    items: np.ndarray
    counts: np.ndarray
    n_baskets: int
    x: np.ndarray
    baskets_of_size: np.ndarray
    ratio: np.ndarray
    pull: np.ndarray
    residual: float

    def expected(self, ids: np.ndarray) -> np.ndarray:
        r"""Expected number of baskets that hold all items of an itemset, if only sizes and popularity acted.

        .. math:: E(X) = \sum_s n_s\, \pi_X(s)

        Parameters
        ----------
        ids : ndarray of int, shape (n, k)
            Columns of :attr:`items`; any k.

        Returns
        -------
        ndarray of float64, shape (n,)

        Notes
        -----
        The recursion loses digits where an item is in most baskets of a size. Beyond that size Hájek's approximation
        takes over, whose error falls with the square of the size: the product of the items' probabilities times
        :math:`\prod_{j<k} (1 - j c / d)`, with c the mean of :math:`(1-\pi_a)(1-\pi_b)` over pairs of the itemset and
        :math:`d = \sum_i \pi_i (1-\pi_i)`.
        """
        ids = np.asarray(ids)
        weight = -np.sort(-self.x[ids], axis=1)  # the rarest last: that is where the recursion is most stable
        everywhere = np.isinf(weight)
        finite = np.where(everywhere, 0.0, weight)
        n, k = weight.shape
        inside = np.ones((k + 1, n))  # at size 0 only what is everywhere is inside
        for j in range(k):
            inside[j + 1] = inside[j] * everywhere[:, j]
        total = self.baskets_of_size[0] * inside[k]
        for size in range(1, len(self.ratio)):
            new = np.ones((k + 1, n))
            for j in range(k):
                step = self.ratio[size] * finite[:, j] * (inside[j] - inside[j + 1])
                new[j + 1] = np.where(everywhere[:, j], new[j], np.clip(step, 0, new[j]))
            inside = new
            total += self.baskets_of_size[size] * inside[k]
        return total + self._approximate(finite, everywhere)

    def _approximate(self, weight: np.ndarray, everywhere: np.ndarray) -> np.ndarray:
        total = np.zeros(len(weight))
        finite = self.x[np.isfinite(self.x)]
        for size in range(len(self.ratio), len(self.baskets_of_size)):
            if not self.baskets_of_size[size]:
                continue
            all_p = finite * self.pull[size] / (1 + finite * self.pull[size])
            spread = max((all_p * (1 - all_p)).sum(), 1e-9)
            p = np.where(everywhere, 1.0, weight * self.pull[size] / (1 + weight * self.pull[size]))
            together = np.prod(p, axis=1)
            left = 1 - p
            k = p.shape[1]
            if k > 1:
                cross = (left.sum(axis=1) ** 2 - (left**2).sum(axis=1)) / (k * (k - 1))
                for j in range(1, k):
                    together *= np.maximum(0.0, 1 - j * cross / spread)
            total += self.baskets_of_size[size] * together
        return total


def fit_sizes(baskets: BasketLike, tolerance: float = 1e-5, max_iterations: int = 3000) -> FixedSizeModel:
    r"""Fit the weights so that every item's expected count is its count.

    .. math:: x_i \leftarrow x_i \cdot \operatorname{count}(i) / E(i)

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    tolerance : float
        Largest relative error of a count.
    max_iterations : int

    Returns
    -------
    FixedSizeModel

    Raises
    ------
    BundlebookError
        If the iteration does not reach *tolerance*.
    """
    encoded = encode(baskets)
    counts = encoded.counts
    filled = int((encoded.sizes > 0).sum())
    everywhere, free = counts == filled, (counts > 0) & (counts < filled)
    sizes = encoded.sizes[encoded.sizes > 0] - everywhere.sum()
    number = np.bincount(sizes).astype(np.float64)
    x = np.where(everywhere, np.inf, 0.0)
    ratio, pull, error = np.zeros(1), np.zeros(len(number)), 0.0
    if free.any():
        x[free], ratio, pull, error = _solve_sizes(counts[free].astype(np.float64), number, tolerance, max_iterations)
    return FixedSizeModel(encoded.items, counts, encoded.n_baskets, x, number, ratio, pull, error)


def _solve_sizes(count: np.ndarray, number: np.ndarray, tolerance: float, max_iterations: int):
    x = count / count.sum()
    pull = np.zeros(len(number))
    for _ in range(max_iterations):
        ratio, fitted, pull = _fitted(x, number, pull)
        error = np.abs(fitted - count) / count
        if error.max() <= tolerance:
            return x, ratio, pull, float(error.max())
        x = x * count / fitted
        scale = x.sum()
        x, pull = x / scale, pull * scale
    raise BundlebookError(
        f"an item's expected count is {error.max():.1e} off after {max_iterations} iterations",
        where="size-adjusted lift",
        remedy="raise max_iterations, or leave out items that are in nearly every basket",
    )


def _fitted(x: np.ndarray, number: np.ndarray, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratios, expected counts, and the y of the sizes beyond the recursion."""
    inside, fitted, ratio, growth = np.zeros(len(x)), np.zeros(len(x)), [0.0], 1.0
    largest = x.max()
    for size in range(1, len(number)):
        outside = x * (1 - inside)
        step = size / outside.sum()
        growth *= max(1.0, step * largest)
        if growth > _STABLE and size < len(x):
            break
        ratio.append(step)
        inside = np.clip(step * outside, 0, 1)
        fitted += number[size] * inside
    beyond = np.arange(len(ratio), len(number))
    beyond = beyond[number[beyond] > 0]
    pull = pull.copy()
    if len(beyond):
        y = np.where(pull[beyond] > 0, pull[beyond], beyond / x.sum())
        for _ in range(60):  # Newton on log y: the sum of probabilities grows with y from 0 to the number of items
            p = x[:, None] * y / (1 + x[:, None] * y)
            gap = beyond - p.sum(axis=0)
            if (np.abs(gap) < 1e-9 * beyond).all():
                break
            y = y * np.exp(np.clip(gap / (p * (1 - p)).sum(axis=0), -2, 2))
        pull[beyond] = y
        fitted += (x[:, None] * y / (1 + x[:, None] * y)) @ number[beyond]
    return np.array(ratio), fitted, pull


def shuffled(baskets: BasketLike, seed: int, rounds: int = 20) -> BasketMatrix:
    """Shuffle items among baskets; every basket keeps its size and every item its count.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    seed : int
    rounds : int
        How often each basket trades. On 140,000 baskets of 2 to 128 product types nothing measurable is left of the
        original pairs after 20; after 10 some are still visible.

    Returns
    -------
    BasketMatrix
        A new one; the input is left alone.
    """
    from bundlebook.association._compiled import trade  # numba costs half a second to import

    encoded = encode(baskets)
    matrix = encoded.matrix.copy()
    matrix.sort_indices()
    generator = np.random.default_rng(seed)
    for _ in range(rounds):
        order = generator.permutation(encoded.n_baskets)
        half = len(order) // 2
        trade(matrix.indptr, matrix.indices, order[:half], order[half : 2 * half], generator)
    ones = np.ones(matrix.nnz, dtype=np.int8)
    return BasketMatrix(sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape), encoded.items)
