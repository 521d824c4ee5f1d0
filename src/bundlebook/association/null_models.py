r"""Baskets without association: three models of what chance gives, and a shuffle.

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

**The taste of each user**: the models above mix all users. Two items that the same users like then meet more often than
expected, on whatever day each is bought. The third model fits the first one in the baskets of each user *u* alone, so
that every user keeps the sizes of the baskets and the count of every item, and corrects it for exact sizes:

.. math:: P_{uib} = \frac{x_{ui}\, y_b}{1 + x_{ui}\, y_b}, \qquad
          E(i, j) = \sum_u \sum_{b \in B_u} P_{uib} P_{ujb} \Big(1 - \frac{(1 - P_{uib})(1 - P_{ujb})}{d_b}\Big), \qquad
          d_b = \frac{m - 1}{m} \sum_k P_{ukb} (1 - P_{ukb})

with *m* items in the last sum. To compare inside each group and add up is the idea of Mantel and Haenszel (JNCI 22,
1959); the correction is Hájek's (Annals of Mathematical Statistics 35, 1964), and exact where all *m* are equally
popular.

**A shuffle** draws such baskets by the curveball algorithm (Strona et al., 2014): draw two baskets, pool the items that
only one of them has, deal the pool out again at random so that both keep their size. An item is never dealt to a basket
that holds it already, so no basket ever holds an item twice, sizes and item counts stay exactly as they were, and after
enough trades every arrangement with these sums is equally likely.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from bundlebook.association.matrix import BasketLike, BasketMatrix, encode
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

#: Growth of rounding errors (1e-16) up to which the recursion is trusted.
_STABLE = 1e10
#: In the model of each user: largest relative error of a count, and the iterations after which the fit stops anyway.
_USER_FIT = 1e-4, 500


@dataclass(frozen=True)
class ConfigurationModel:
    """Random baskets of given sizes and popularities, in one group of baskets or in the group of each user.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    counts : ndarray of int, shape (n_items,)
        Baskets of each item.
    n_baskets : int
        Empty ones included.
    groups : tuple of ndarray
        What the compiled function reads: the groups that know each item (by column: start, group, row of the group's
        table), where each group's table and its list of sizes begin, the tables of P(item in a basket of that size),
        and the number of baskets and the spread *d* of each size.
    """

    items: np.ndarray
    counts: np.ndarray
    n_baskets: int
    groups: tuple[np.ndarray, ...]

    @property
    def probability(self) -> np.ndarray:
        """P(item in a basket of a size), for a model of one group, shape (n_items, n_sizes); sizes ascending."""
        start, _, row, table_start, size_start, table, *_ = self.groups
        assert len(table_start) == 2, "a model of many groups has many tables"
        out = np.zeros((len(self.items), size_start[1]))
        out[np.diff(start) > 0] = table.reshape(-1, size_start[1])[row]  # nobody bought the others
        return out

    def expected(self, ids: np.ndarray) -> np.ndarray:
        r"""Expected number of baskets that hold all items of an itemset, if only sizes and popularity acted.

        .. math:: E(X) = \sum_g \sum_s n_{gs} \prod_{i \in X} P_{gis} \prod_{1 \le j < k} (1 - j\, c / d_{gs})

        with k the number of items and c the mean of :math:`(1 - P_{gis})(1 - P_{gjs})` over their pairs. Where sizes
        are kept on average, d is ∞ and the second product 1.

        Parameters
        ----------
        ids : ndarray of int, shape (n, k)
            Columns of :attr:`items`; any k.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        from bundlebook.association._compiled import expected_in_groups  # numba costs half a second to import

        return expected_in_groups(np.asarray(ids, dtype=np.int64), *self.groups)


def fit_configuration(baskets: BasketLike, tolerance: float = 1e-6, max_iterations: int = 2000) -> ConfigurationModel:
    r"""Fit the configuration model by fixed-point iteration on the distinct sizes.

    .. math:: x_i \leftarrow \frac{\operatorname{count}(i)}{\sum_s n_s\, y_s / (1 + x_i y_s)}, \qquad
              y_s \leftarrow \frac{s}{\sum_i x_i / (1 + x_i y_s)}

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
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
    model, error = _fit_groups(encoded, np.zeros(encoded.n_baskets, dtype=np.int64), tolerance, max_iterations)
    if error > tolerance:
        raise BundlebookError(
            f"an item's expected count is {error:.1e} off after {max_iterations} iterations",
            where="configuration model",
            remedy="raise max_iterations, or leave out items that are in nearly every basket",
        )
    *groups, spread = model.groups
    return replace(model, groups=(*groups, np.full_like(spread, np.inf)))


def fit_users(baskets: Baskets) -> ConfigurationModel:
    """Fit the configuration model in the baskets of each user alone, corrected for exact sizes.

    Parameters
    ----------
    baskets : Baskets
        A user with a single basket has nothing to shuffle: everything in it is certain.

    Returns
    -------
    ConfigurationModel

    Notes
    -----
    The baskets of some users lie on the border of what probabilities can give. There the iteration stops after a fixed
    number of steps, close by. Against shuffles within users the expectation is an approximation: in short histories of
    popular items it is 1 to 2 % too high for pairs and 3 to 4 % for triples, so that it finds rather too few links.
    """
    return _fit_groups(encode(baskets), baskets.user, *_USER_FIT)[0]


def _classes(group: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distinct values per group: where each list begins, the values, how often each, and the entries' places in it."""
    width = int(value.max()) + 1
    key, place, many = np.unique(group.astype(np.int64) * width + value, return_inverse=True, return_counts=True)
    start = np.searchsorted(key, np.arange(group.max() + 2) * width)
    return start, (key % width).astype(np.float64), many.astype(np.float64), place - start[group]


def _fit_groups(
    encoded: BasketMatrix, group: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[ConfigurationModel, float]:
    """Fit each group of baskets (*group* ascending) alone; also return the largest relative error of a count."""
    from bundlebook.association._compiled import fit_groups  # numba costs half a second to import

    filled = np.flatnonzero(encoded.sizes)  # an empty basket can hold no pair
    own = np.unique(group[filled], return_inverse=True)[1]
    gather = sparse.csr_matrix((np.ones(len(own), dtype=np.int64), (own, filled)), (own.max() + 1, encoded.n_baskets))
    by_item = (gather @ encoded.matrix.astype(np.int64)).tocsc()
    row_start, counts, many, row = _classes(by_item.indices, by_item.data)
    size_start, sizes, number, _ = _classes(own, encoded.sizes[filled])
    table_start = np.append(0, np.cumsum(np.diff(row_start) * np.diff(size_start)))
    classes = row_start, counts, many, size_start, sizes, number
    table, spread, error = fit_groups(*classes, table_start, tolerance, max_iterations)
    columns = by_item.indptr.astype(np.int64), by_item.indices.astype(np.int64), row
    groups = *columns, table_start, size_start, table, number, spread
    return ConfigurationModel(encoded.items, encoded.counts, encoded.n_baskets, groups), error


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
        y of the configuration model for the larger sizes.
    """

    items: np.ndarray
    counts: np.ndarray
    n_baskets: int
    x: np.ndarray
    baskets_of_size: np.ndarray
    ratio: np.ndarray
    pull: np.ndarray

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
        return total + self._beyond().expected(ids)

    def _beyond(self) -> ConfigurationModel:
        """The baskets of the sizes beyond the recursion."""
        size = len(self.ratio) + np.flatnonzero(self.baskets_of_size[len(self.ratio) :])
        p = 1 - 1 / (1 + np.outer(self.x, self.pull[size]))  # 1 for an infinite weight
        place = np.arange(len(p) + 1)
        groups = (
            *(place, np.zeros(len(p), dtype=np.int64), place[:-1], np.array([0, p.size]), np.array([0, len(size)])),
            *(p.ravel(), self.baskets_of_size[size], np.maximum((p * (1 - p)).sum(axis=0), 1e-9)),
        )
        return ConfigurationModel(self.items, self.counts, self.n_baskets, groups)


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
    ratio, pull = np.zeros(1), np.zeros(len(number))
    if free.any():
        x[free], ratio, pull = _solve_sizes(counts[free].astype(np.float64), number, tolerance, max_iterations)
    return FixedSizeModel(encoded.items, counts, encoded.n_baskets, x, number, ratio, pull)


def sizes_of_counts(
    items: np.ndarray,
    counts: np.ndarray,
    baskets_of_size: np.ndarray,
    tolerance: float = 1e-3,
    max_iterations: int = 3000,
) -> FixedSizeModel:
    """Fit the model of :func:`fit_sizes` where the baskets themselves are not at hand, only counts of them.

    Parameters
    ----------
    items : ndarray of str, shape (n_items,)
    counts : ndarray of float, shape (n_items,)
        Baskets of each item; weights of baskets or noise may make it any number of at least 0.
    baskets_of_size : ndarray of float, shape (largest + 1,)
        Baskets of each size, at least 0. They are scaled so that both counts speak of as many purchases.
    tolerance, max_iterations
        As in :func:`fit_sizes`.

    Returns
    -------
    FixedSizeModel

    Raises
    ------
    BundlebookError
        If nothing was bought, or if no baskets of such sizes can have these counts.

    Examples
    --------
    >>> found = sizes_of_counts(np.array(["a", "b", "c"]), np.full(3, 20.0), np.array([0, 0, 30.0]))
    >>> found.expected(np.array([[0, 1]])).round(3).tolist()
    [10.0]
    """
    counts, number = np.asarray(counts, np.float64), np.array(baskets_of_size, np.float64)
    number[0] = 0
    bought = number @ np.arange(len(number))
    if counts.sum() <= 0 or bought <= 0:
        raise BundlebookError("nothing was bought", where="sizes_of_counts", remedy="pass counts above 0")
    number *= counts.sum() / bought
    x, free = np.zeros(len(counts)), counts > 0
    if counts.max() >= number.sum() or np.flatnonzero(number)[-1] >= free.sum():
        raise BundlebookError(
            "no baskets of these sizes hold the items that often",
            where="sizes_of_counts",
            remedy="pass counts and sizes of the same baskets",
        )
    x[free], ratio, pull = _solve_sizes(counts[free], number, tolerance, max_iterations)
    return FixedSizeModel(items, counts, round(number.sum()), x, number, ratio, pull)


def _solve_sizes(count: np.ndarray, number: np.ndarray, tolerance: float, max_iterations: int):
    x = count / count.sum()
    pull = np.zeros(len(number))
    for _ in range(max_iterations):
        ratio, fitted, pull = _fitted(x, number, pull)
        error = np.abs(fitted - count) / count
        if error.max() <= tolerance:
            return x, ratio, pull
        x = x * count / fitted
        scale = x.sum()
        x, pull = x / scale, pull * scale
    raise BundlebookError(
        f"an item's expected count is {error.max():.1e} off after {max_iterations} iterations",
        where="size-adjusted lift",
        remedy="raise max_iterations, or leave out items that are in nearly every basket",
    )


def _fitted(x: np.ndarray, number: np.ndarray, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ratios, the expected counts, and the y of the sizes beyond the recursion."""
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


def shuffled(baskets: BasketLike, seed: int, rounds: int = 20, within_users: bool = False) -> BasketMatrix:
    """Shuffle items among baskets; every basket keeps its size and every item its count.

    Parameters
    ----------
    baskets : Baskets, BasketMatrix or iterable of sequences of labels
    seed : int
    rounds : int
        How often each basket trades. On 140,000 baskets of 2 to 128 product types nothing measurable is left of the
        original pairs after 20; after 10 some are still visible.
    within_users : bool
        Trade only among the baskets of one user, who then keeps the count of every item too: links within a basket
        go, the user's taste stays. Needs :class:`~bundlebook.shop.Baskets`.

    Returns
    -------
    BasketMatrix
        A new one; the input is left alone.
    """
    from bundlebook.association._compiled import trade  # numba costs half a second to import

    encoded = encode(baskets)
    user = np.zeros(encoded.n_baskets, dtype=np.int64)
    if within_users:
        if not isinstance(baskets, Baskets):
            raise BundlebookError("these baskets do not say whose they are", where="shuffled", remedy="give a Baskets")
        user = baskets.user
    per_user = np.bincount(user)
    start = np.cumsum(per_user) - per_user
    matrix = encoded.matrix.copy()
    matrix.sort_indices()
    generator = np.random.default_rng(seed)
    for _ in range(rounds):
        order = generator.permutation(encoded.n_baskets)
        order = order[np.argsort(user[order], kind="stable")]
        half = per_user[user[order]] // 2
        first = np.flatnonzero(np.arange(len(order)) - start[user[order]] < half)
        trade(matrix.indptr, matrix.indices, order[first], order[first + half[first]], generator)
    ones = np.ones(matrix.nnz, dtype=np.int8)
    return BasketMatrix(sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape), encoded.items)
