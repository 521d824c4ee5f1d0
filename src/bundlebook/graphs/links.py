"""Which edges come next: an item graph of significant pairs, candidates that are fair, and simple methods to beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import eigsh

from bundlebook.association import encode, fit_sizes
from bundlebook.errors import BundlebookError
from bundlebook.graphs.graph import Graph
from bundlebook.shop import Baskets

#: Expected counts below this are counted as this in a surprise, or single pairs of rare items would lead.
_LEAST_EXPECTED = 0.5


@dataclass(frozen=True, eq=False)
class ItemPairs:
    """All pairs of the items, each once, with what was counted and what sizes and popularity explain.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
    first, second : ndarray of int, shape (n_pairs,)
        Places in ``items``, first < second.
    count : ndarray of int64, shape (n_pairs,)
        Baskets that hold both.
    expected : ndarray of float64, shape (n_pairs,)
        The same, if only basket sizes and popularity acted.
    significant : ndarray of bool, shape (n_pairs,)
        Whether the count is above chance after correction over all pairs.
    """

    items: np.ndarray
    first: np.ndarray
    second: np.ndarray
    count: np.ndarray
    expected: np.ndarray
    significant: np.ndarray

    def graph(self) -> Graph:
        """Return the graph of the significant pairs."""
        kept = self.significant
        return Graph(self.items, self.first[kept].astype(np.int32), self.second[kept].astype(np.int32))

    def surprise(self) -> np.ndarray:
        r"""Return :math:`\operatorname{sign}(z) \ln(1 + |z|)`, :math:`z = (n - E)/\sqrt E`, (n_items, n_items)."""
        z = (self.count - self.expected) / np.sqrt(np.maximum(self.expected, _LEAST_EXPECTED))
        table = np.zeros((len(self.items),) * 2)
        table[self.first, self.second] = np.sign(z) * np.log1p(np.abs(z))
        return table + table.T


def item_pairs(baskets: Baskets, items: np.ndarray, alpha: float = 0.05) -> ItemPairs:
    """Test every pair of some items against baskets of the same sizes.

    Parameters
    ----------
    baskets : Baskets
    items : ndarray of str
        Those to be joined. Choose them by what was known before: an item that is rare here may join nothing.
    alpha : float
        Share of false discoveries accepted (Benjamini–Hochberg over all pairs).

    Raises
    ------
    BundlebookError
        If an item is unknown or stands twice, there are fewer than two, or no basket.
    """
    from scipy.stats import false_discovery_control, poisson  # costs a second and 50 MB to import

    items = np.asarray(items)
    place = {item: number for number, item in enumerate(baskets.items.tolist())}
    unknown = [item for item in items.tolist() if item not in place]
    if unknown or len(set(items.tolist())) < max(len(items), 2) or not 0 < alpha < 1:
        problem = f"unknown item {unknown[0]!r}" if unknown else f"{len(items)} items, α = {alpha}"
        remedy = "give two or more different items of the baskets, and 0 < α < 1"
        raise BundlebookError(problem, where="item_pairs", remedy=remedy)
    if not baskets.n_baskets:
        raise BundlebookError("no basket", where="item_pairs", remedy="use a longer period")
    encoded = encode(baskets)
    columns = np.array([place[item] for item in items.tolist()])
    held = encoded.matrix[:, columns].astype(np.int64)
    first, second = np.triu_indices(len(items), 1)
    count = (held.T @ held).toarray()[first, second]
    expected = fit_sizes(encoded).expected(np.column_stack([columns[first], columns[second]]))
    p = poisson.sf(count - 1, expected)
    significant = (false_discovery_control(p) <= alpha) & (count > expected)
    return ItemPairs(items, first, second, count, expected, significant)


@dataclass(frozen=True, eq=False)
class LinkTask:
    """Pairs that are no edge yet, and which of them become one.

    Attributes
    ----------
    graph : Graph
        The early edges: all that may be learned from.
    first, second : ndarray of int, shape (n_candidates,)
        Every pair without an early edge, once.
    new : ndarray of bool, shape (n_candidates,)
        Whether it has an edge later.
    """

    graph: Graph
    first: np.ndarray
    second: np.ndarray
    new: np.ndarray

    @classmethod
    def of(cls, early: ItemPairs, late: ItemPairs) -> "LinkTask":
        """Early edges to learn from; the late ones among the other pairs are to be found."""
        if not np.array_equal(early.items, late.items):
            raise BundlebookError("the halves know other items", where="LinkTask", remedy="give both the same items")
        rest = ~early.significant
        new = late.significant[rest]
        if not new.any() or new.all():
            problem = f"{int(new.sum())} of {len(new)} candidates become an edge"
            raise BundlebookError(problem, where="LinkTask", remedy="use longer halves or more items")
        return cls(early.graph(), early.first[rest], early.second[rest], new)

    def matched(self, *, seed: int, near: int = 50) -> tuple[np.ndarray, np.ndarray]:
        """For every new edge one other pair whose degrees have about the same product.

        Parameters
        ----------
        seed : int
        near : int
            The other pair is drawn from this many places below to this many above, in the order of the product.

        Returns
        -------
        positive, negative : ndarray of int, shape (n_new,)
            Places among the candidates. Degrees are those of the early graph.
        """
        rng = np.random.default_rng(seed)
        degree = self.graph.degree
        key = np.log1p(degree[self.first] * degree[self.second])
        negatives = rng.permutation(np.flatnonzero(~self.new))  # ties in random order
        negatives = negatives[np.argsort(key[negatives], kind="stable")]
        positive = np.flatnonzero(self.new)
        low, high = (np.searchsorted(key[negatives], key[positive], side=side) for side in ("left", "right"))
        middle = low + (rng.random(len(low)) * (high - low)).astype(np.int64)  # anywhere among equal products
        place = np.clip(middle + rng.integers(-near, near + 1, len(low)), 0, len(negatives) - 1)
        return positive, negatives[place]

    def judge(self, scores: np.ndarray, *, seed: int) -> dict[str, float]:
        """AUC with uniform and with degree-matched negatives, and average precision over all candidates.

        Parameters
        ----------
        scores : ndarray, shape (n_candidates,)
        seed : int
            Of the matched pairs. The same for all methods that are compared.
        """
        from sklearn.metrics import average_precision_score, roc_auc_score

        if np.shape(scores) != self.new.shape or not np.isfinite(scores).all():
            problem = f"scores of shape {np.shape(scores)} for {len(self.new)} pairs, or not finite"
            raise BundlebookError(problem, where="LinkTask.judge", remedy="give one finite number per candidate")
        positive, negative = self.matched(seed=seed)
        both = np.concatenate([scores[positive], scores[negative]])
        truth = np.repeat([True, False], len(positive))
        return {
            "AUC, uniform": float(roc_auc_score(self.new, scores)),
            "AUC, matched": float(roc_auc_score(truth, both)),
            "AP": float(average_precision_score(self.new, scores)),
        }

    def resampled(
        self, scores: Mapping[str, np.ndarray], resamples: int = 500, *, seed: int
    ) -> dict[str, pd.DataFrame]:
        r"""Draw the items with replacement, and judge all scores again: pairs that share an item hang together.

        An item that was drawn m times gives each of its pairs the weight :math:`m_i m_j`, and the figures are those of
        the weighted pairs. All scores see the same draws, so their differences are paired. A draw in which no new edge
        or no other pair is left is drawn anew.

        Parameters
        ----------
        scores : mapping of str to ndarray, shape (n_candidates,)
        resamples : int
        seed : int
            Of the matched pairs, as in :meth:`judge`, and of the draws.

        Returns
        -------
        dict of str to DataFrame
            By the names of :meth:`judge`: a row per resample and a column per score.

        References
        ----------
        T. Snijders, S. Borgatti: Non-parametric standard errors and tests for network statistics. Connections 22, 1999.
        """
        positive, negative = self.matched(seed=seed)
        both = np.concatenate([positive, negative])
        own = np.arange(len(both)) < len(positive)
        levels = [(_levels(score, self.new), _levels(score[both], own)) for score in scores.values()]
        rng, n = np.random.default_rng(seed), self.graph.n_nodes
        found = np.empty((resamples, 3, len(levels)))
        for row in found:
            weight = np.zeros(len(self.new))
            while not (weight[positive].any() and weight[negative].any()):
                drawn = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
                weight = drawn[self.first] * drawn[self.second]
            for column, (every, pairs) in enumerate(levels):
                row[0, column], row[2, column] = _auc_and_ap(every, self.new, weight)
                row[1, column] = _auc_and_ap(pairs, own, weight[both])[0]
        metrics = ("AUC, uniform", "AUC, matched", "AP")
        return {name: pd.DataFrame(found[:, at], columns=list(scores)) for at, name in enumerate(metrics)}


def _levels(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Place of each score among those of the true pairs, best first: 2k + 1 on the k-th of them, even between two."""
    thresholds = np.unique(-scores[truth])
    low, high = (np.searchsorted(thresholds, -scores, side=side) for side in ("left", "right"))
    return low + high


def _auc_and_ap(level: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """AUC and average precision of weighted pairs, ties counted half and as one."""
    size = int(level.max()) + 1
    everything = np.bincount(level, weight, size)
    true = np.bincount(level[truth], weight[truth], size)
    false, above = everything - true, np.cumsum(true)
    total = above[-1]
    auc = float(false @ (above - true / 2)) / (total * false.sum())
    reached = np.cumsum(everything)
    precision = np.divide(above, reached, out=np.zeros(size), where=reached > 0)
    return auc, float(precision @ true / total)


def simple_links(task: LinkTask, rank: int = 64, *, seed: int) -> dict[str, np.ndarray]:
    r"""Score the candidates by the classical methods, each of shape (n_candidates,).

    .. math:: \text{preferential attachment } d_i d_j, \qquad \text{common neighbours } (A^2)_{ij}, \qquad
              \text{Adamic–Adar } \sum_k \frac{A_{ik} A_{kj}}{\ln d_k}, \qquad
              \text{spectral } (V \Lambda V^\top)_{ij}

    with V, Λ the *rank* largest eigenpairs (in size) of the normalised matrix without self-loops.
    """
    graph, degree = task.graph, np.maximum(task.graph.degree, 1)
    rank = min(rank, graph.n_nodes - 2)
    if rank < 1:
        raise BundlebookError(f"{graph.n_nodes} nodes", where="simple_links", remedy="use at least three")
    a = graph.adjacency
    shared = (a @ sparse.diags(1 / np.log(np.maximum(degree, 2))) @ a).tocsr()
    start = np.random.default_rng(seed).random(graph.n_nodes)
    value, vector = eigsh(graph.normalised(self_loops=False), rank, v0=start)
    pairs = task.first, task.second
    return {
        "preferential attachment": graph.degree[task.first] * graph.degree[task.second] * 1.0,
        "common neighbours": np.asarray((a @ a).tocsr()[pairs]).ravel(),
        "Adamic–Adar": np.asarray(shared[pairs]).ravel(),
        "spectral": ((vector * value) @ vector.T)[pairs],
    }
