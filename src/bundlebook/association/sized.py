r"""What chance gives when every basket keeps its exact size: the null model behind the size-adjusted lift.

The configuration model (:mod:`~bundlebook.association.adjusted`) keeps sizes only on average. For a basket of two that
is a crude picture: sizes that vary like Poisson's around 2 hold 2² ordered pairs on average, a basket of exactly two
holds 2 · 1. So it expects too many pairs, by a few percent in a supermarket and by half in a shop of small baskets.

Here a basket of size s is a random set of exactly s items, set S having probability proportional to
:math:`\prod_{i \in S} x_i` (conditional Bernoulli sampling, the distribution of greatest entropy). With
:math:`r_s = s / \sum_j x_j (1 - \pi_j(s-1))` the chance that all of :math:`X \cup \{k\}` is in it obeys, exactly,

.. math:: \pi_{X \cup k}(s) = r_s\, x_k \big(\pi_X(s-1) - \pi_{X \cup k}(s-1)\big), \qquad \pi_\varnothing = 1,

(Chen, Dempster and Liu, Biometrika 1994, for single items; the same step adds further ones.)
"""

from dataclasses import dataclass

import numpy as np

from bundlebook.association.matrix import encode
from bundlebook.errors import BundlebookError

#: Growth of rounding errors (1e-16) up to which the recursion is trusted.
_STABLE = 1e10


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


def fit_sizes(baskets, tolerance: float = 1e-5, max_iterations: int = 3000) -> FixedSizeModel:
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
        x[free], ratio, pull, error = _solve(counts[free].astype(np.float64), number, tolerance, max_iterations)
    return FixedSizeModel(encoded.items, counts, encoded.n_baskets, x, number, ratio, pull, error)


def _solve(count: np.ndarray, number: np.ndarray, tolerance: float, max_iterations: int):
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
