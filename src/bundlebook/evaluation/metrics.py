"""How good a ranked list is, what the lists are like, and the one registry of metrics.

First :func:`~bundlebook.evaluation.ranking.rank` turns scores into lists and checks them once; every metric of a list
then reads the same :class:`~bundlebook.evaluation.ranking.Ranking` and gives one value per user, so that intervals and
paired tests can follow. In the formulas, :math:`T_u` is the set of items user u bought in the window, :math:`y_{uj}`
is 1 if the item at place j of u's list lies in :math:`T_u`, and k is the length of the list. Where scores are equal, a
metric is its mean over all orders of the tied items. The examples of these metrics use
:func:`~bundlebook.evaluation.ranking.three_rows`.

The second half tells what lists are like, whether or not anybody bought from them: spread, novelty, variety,
surprise. A recommender can be accurate and still show every user the same ten best-sellers. In those examples three
users are shown two items each, from a catalogue of four.

**A new metric** is a function here and a line in :data:`METRICS`; tables, intervals and leaderboards then hold it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.calibration import _pair_squares, pair_losses
from bundlebook.evaluation.ranking import Ranking, _check_scores, rank, three_rows  # noqa: F401 (for the examples)
from bundlebook.shop import Baskets


def precision(ranking: Ranking, k: int) -> np.ndarray:
    r"""Share of the list that was bought (精确率): :math:`\frac1k \sum_{j \le k} y_{uj}`.

    A list with fewer than k candidates still divides by k.

    >>> r = rank(*three_rows(), depth=3)
    >>> precision(r, 3).round(3)
    array([0.667, 0.   , 0.333])
    """
    return ranking.at(k).mean(axis=1)


def recall(ranking: Ranking, k: int) -> np.ndarray:
    r"""Share of the purchases that the list holds (召回率): :math:`\frac{1}{|T_u|} \sum_{j \le k} y_{uj}`.

    Its ceiling is min(k, |T_u|) / |T_u|, which is below 1 for whoever bought more than k items.

    >>> r = rank(*three_rows(), depth=3)
    >>> recall(r, 3).round(3)
    array([1.   , 0.   , 0.333])
    """
    return ranking.at(k).sum(axis=1) / ranking.relevant


def hit_rate(ranking: Ranking, k: int) -> np.ndarray:
    r"""Whether the list holds anything bought (命中率): :math:`\max_{j \le k} y_{uj}`.

    >>> r = rank(*three_rows(), depth=3)
    >>> hit_rate(r, 3)
    array([1., 0., 1.])
    """
    return 1 - _still_none(ranking, k)[:, -1]


def _still_none(ranking: Ranking, k: int) -> np.ndarray:
    """Chance that the first j places hold no hit, shape (n_users, k + 1) for j = 0 … k."""
    # After i places without a hit, the next of a group with r hits among m items holds one with chance r / (m − i).
    left = ranking.size[:, :k] - ranking.within[:, :k]
    none = 1 - np.minimum(ranking.found[:, :k] / left, 1)
    return np.column_stack([np.ones(len(none)), none.cumprod(axis=1)])


def reciprocal_rank(ranking: Ranking, k: int) -> np.ndarray:
    r"""One over the place of the first hit, 0 without one: :math:`\max_{j \le k} y_{uj} / j`; its mean is the MRR.

    >>> r = rank(*three_rows(), depth=3)
    >>> reciprocal_rank(r, 3)
    array([1. , 0. , 0.5])
    """
    return (-np.diff(_still_none(ranking, k)) / np.arange(1, k + 1)).sum(axis=1)


def average_precision(ranking: Ranking, k: int) -> np.ndarray:
    r"""Mean of the precisions at the hits; its mean over users is the MAP.

    .. math:: \mathrm{AP}_u = \frac{1}{\min(k, |T_u|)} \sum_{j \le k} y_{uj} \cdot \frac1j \sum_{l \le j} y_{ul}

    >>> r = rank(*three_rows(), depth=3)
    >>> average_precision(r, 3).round(3)
    array([0.833, 0.   , 0.167])
    """
    hits, within = ranking.at(k), ranking.within[:, :k]
    # Given a hit here, the other hits of its group are spread evenly over the group's other places.
    before = hits.cumsum(axis=1) - hits * (within + 1)
    others = within * np.maximum(ranking.found[:, :k] - 1, 0) / np.maximum(ranking.size[:, :k] - 1, 1)
    return (hits * (1 + before + others) / np.arange(1, k + 1)).sum(axis=1) / np.minimum(k, ranking.relevant)


def ndcg(ranking: Ranking, k: int, ideal: Literal["truncated", "full"] = "truncated") -> np.ndarray:
    r"""Normalised discounted cumulative gain (归一化折损累计增益): a hit at place j is worth 1 / log₂(j + 1).

    .. math:: \mathrm{NDCG}_u = \frac{\sum_{j \le k} y_{uj} / \log_2(j+1)}{\sum_{j \le m} 1 / \log_2(j+1)}

    Parameters
    ----------
    ranking : Ranking
    k : int
    ideal : {"truncated", "full"}
        Length m of the ideal list: ``"truncated"`` takes m = min(k, |T_u|), so that a perfect list of k scores 1 (the
        usual convention, and scikit-learn's); ``"full"`` takes m = |T_u|, so that nobody who bought more than k
        items can reach 1.

    Returns
    -------
    ndarray, shape (n_users,)

    Examples
    --------
    >>> r = rank(*three_rows(), depth=3)
    >>> ndcg(r, 3).round(3)
    array([0.92 , 0.   , 0.296])
    >>> ndcg(r, 2).round(3), ndcg(r, 2, ideal="full").round(3)
    (array([0.613, 0.   , 0.387]), array([0.613, 0.   , 0.296]))
    """
    if ideal not in ("truncated", "full"):
        raise BundlebookError(f"unknown ideal {ideal!r}", where="ndcg", remedy="use 'truncated' or 'full'")
    length = np.minimum(k, ranking.relevant) if ideal == "truncated" else ranking.relevant
    gain = 1 / np.log2(np.arange(2, max(k, int(length.max())) + 2))
    return (ranking.at(k) * gain[:k]).sum(axis=1) / gain.cumsum()[length - 1]


def user_auc(scores: np.ndarray, truth: sparse.csr_matrix) -> np.ndarray:
    r"""Chance that a bought item outranks one that was not, ties counting one half; the whole list matters.

    .. math:: \mathrm{AUC}_u = \frac{\sum_{i \in T_u} R_{ui} - |T_u| (|T_u| + 1) / 2}{|T_u| \, (n - |T_u|)}

    R is the rank of an item's score from below, ties sharing their mean rank.

    >>> user_auc(*three_rows()).round(3)
    array([0.833, 0.   , 0.167])
    """
    _check_scores(scores, truth)
    truth = truth.tocsr(copy=True)
    truth.eliminate_zeros()
    n, n_items = np.diff(truth.indptr), truth.shape[1]
    if ((n == 0) | (n == n_items)).any():
        raise BundlebookError("a user bought nothing or everything, so no pair can be compared", where="truth")
    # Not scipy's rankdata of whole rows, which sorts positions too: measured five times as slow.
    ordered, areas = np.sort(scores, axis=1), np.empty(len(scores))
    for user, ascending in enumerate(ordered):
        bought = scores[user, truth.indices[truth.indptr[user] : truth.indptr[user + 1]]]
        below, up_to = (np.searchsorted(ascending, bought, side=side) for side in ("left", "right"))
        ranks = (below + up_to + 1) / 2
        areas[user] = (ranks.sum() - n[user] * (n[user] + 1) / 2) / (n[user] * (n_items - n[user]))
    return areas


def _shown(items: np.ndarray) -> np.ndarray:
    shown = items[items >= 0]
    if not len(shown):
        raise BundlebookError("the lists are empty", where="items")
    return shown


def _exposure(items: np.ndarray, n_items: int) -> np.ndarray:
    """Number of users that are shown each item, shape (n_items,).

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> _exposure(items, 4)
    array([3, 2, 1, 0])
    """
    return np.bincount(_shown(items), minlength=n_items)


def coverage(items: np.ndarray, n_items: int) -> float:
    r"""Share of the catalogue that anybody is shown (覆盖率): :math:`|\bigcup_u L_u| / n`.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> coverage(items, 4)
    0.75
    """
    return float((_exposure(items, n_items) > 0).mean())


def _distinct_lists(items: np.ndarray) -> int:
    """Number of different sets of items shown: 1 means that nothing is personal.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> _distinct_lists(items)
    2
    """
    return len(np.unique(np.sort(items, axis=1), axis=0))


def gini(items: np.ndarray, n_items: int) -> float:
    r"""Inequality of exposure (基尼系数): 0 if all items are shown equally often, 1 − 1/n if only one is.

    With exposures e sorted ascending, :math:`G = \sum_i (2i - n - 1)\, e_i \,/\, (n \sum_i e_i)`.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> round(gini(items, 4), 4)
    0.4167
    """
    ordered = np.sort(_exposure(items, n_items))
    return float(((2 * np.arange(1, n_items + 1) - n_items - 1) * ordered).sum() / (n_items * ordered.sum()))


def _item_popularity(visible: Baskets) -> np.ndarray:
    """Share of the visible users that bought each item, shape (n_items,); never 0, so that logarithms exist.

    One imaginary user who bought half of each item is added.
    """
    users = visible.user_item()
    bought_by = np.bincount(users.indices, minlength=visible.n_items)
    return (bought_by + 0.5) / (np.count_nonzero(np.diff(users.indptr)) + 1)


def novelty(items: np.ndarray, popularity: np.ndarray) -> float:
    r"""Mean surprise of a shown item, in bits (新颖度): :math:`-\log_2 p_i`, p the share of users that bought it.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> novelty(items, np.array([.5, .5, .25, .125]))  # (5 × 1 bit + 1 × 2 bits) / 6
    1.1666666666666667
    """
    return float(-np.log2(popularity[_shown(items)]).mean())


def popularity_bias(items: np.ndarray, popularity: np.ndarray) -> float:
    """Mean share of users that bought a shown item: high where the lists hold best-sellers.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> round(popularity_bias(items, np.array([.5, .5, .25, .125])), 4)
    0.4583
    """
    return float(popularity[_shown(items)].mean())


#: Items up to which their cosines are held as a dense table (200 MB).
_MOST_COSINES = 5000


class _Diversity:
    r"""Intra-list diversity: one minus the mean cosine of all pairs in a list.

    Parameters
    ----------
    vectors : sparse matrix, shape (n_items, n_features)
        For example the users that bought an item; rows need not be normalised.

    Notes
    -----
    The cosines of all items are computed once, for any number of lists. Where the catalogue is too long for that, the
    sum over the ordered pairs of a list of m items with unit vectors v and their sum s is
    :math:`|\mathbf{s}|^2 - \sum_i |\mathbf{v}_i|^2`, so no pair is ever formed.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> _Diversity(sparse.csr_matrix([[1, 0], [1, 0], [0, 1], [1, 1]]))(items)
    array([0., 0., 1.])
    """

    def __init__(self, vectors: sparse.csr_matrix) -> None:
        norm = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        self._unit = (sparse.diags(1 / np.where(norm > 0, norm, 1)) @ vectors).tocsr()
        self._known = norm > 0
        self._cosine = None
        if len(norm) <= _MOST_COSINES:
            self._cosine = (self._unit @ self._unit.T).toarray()
            np.fill_diagonal(self._cosine, 0)

    def __call__(self, items: np.ndarray) -> np.ndarray:
        """Return the diversity of each list, shape (n_users,).

        Parameters
        ----------
        items : ndarray of int, shape (n_users, k)
            k of at least 2; a list may be padded with −1.
        """
        m = (items >= 0).sum(axis=1)
        if (m < 2).any():
            raise BundlebookError("a list needs two items to be diverse", where="items")
        return 1 - self._pairs(items) / (m * (m - 1))

    def _pairs(self, items: np.ndarray) -> np.ndarray:
        """Sum of the cosines of all ordered pairs of each list, shape (n_users,)."""
        if self._cosine is not None:
            total = np.zeros(len(items))
            for first in items.T:
                for second in items.T:
                    total += np.where((first >= 0) & (second >= 0), self._cosine[first, second], 0)
            return total
        row, place = np.nonzero(items >= 0)
        shape = (len(items), len(self._known))
        shown = sparse.csr_matrix((np.ones(len(row)), (row, items[row, place])), shape=shape)
        total = shown @ self._unit
        return np.asarray(total.multiply(total).sum(axis=1)).ravel() - shown @ self._known


def _serendipity(items: np.ndarray, hits: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Share of a list that was bought and that the obvious list did not hold, shape (n_users,).

    Parameters
    ----------
    items, hits : ndarray, shape (n_users, k)
    expected : ndarray of int, shape (n_users, m)
        The obvious list, usually popularity's.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> _serendipity(items, np.array([[True, True], [False, True], [True, True]]), np.array([[0, 3]] * 3))
    array([0.5, 0.5, 0.5])
    """
    obvious = (items[:, :, np.newaxis] == expected[:, np.newaxis, :]).any(axis=2)
    return (hits & ~obvious).mean(axis=1)


@dataclass(frozen=True)
class Metric:
    """A figure of one value per user, and how tables treat it.

    Attributes
    ----------
    name : str
        In tables; of a metric of lists, ``"Recall"`` becomes ``"Recall@10"``.
    fn : callable
        A metric of a list takes a :class:`Ranking` and k; a metric of scores takes scores and truth of users who bought
        something but not everything. Both return an array of shape (n_users,). A metric of a probability takes P and
        whether it came true, both of shape (n_users, n_items), and returns the loss of each pair, flat; the mean over
        a user's items is the user's value.
    higher_is_better : bool
    of : {"list", "scores", "probability"}
        What it judges. Scores are judged over the whole catalogue; a probability also of users who stayed away.
    stored : tuple of int
        Lengths k that a stored leaderboard keeps; any number, for example ``(0,)``, keeps a metric that has no k.
    compared : bool
        Keep it of every task too, not of the window alone, and compare the methods by it (at the shortest k).
    """

    name: str
    fn: Callable[..., np.ndarray]
    higher_is_better: bool = True
    of: Literal["list", "scores", "probability"] = "list"
    stored: tuple[int, ...] = ()
    compared: bool = False

    def label(self, k: int) -> str:
        """Column of a table: ``"Recall@10"``, or the name alone of what has no length."""
        return f"{self.name}@{k}" if self.of == "list" else self.name


#: Every metric, in the order of tables.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("Recall", recall, stored=(10, 20), compared=True),
        Metric("Precision", precision, stored=(10,)),
        Metric("NDCG", ndcg, stored=(10, 20), compared=True),
        Metric("Hit rate", hit_rate, stored=(10,)),
        Metric("MRR", reciprocal_rank, stored=(10,)),
        Metric("MAP", average_precision, stored=(10,)),
        Metric("AUC", user_auc, of="scores", stored=(0,)),
        Metric("Log loss", pair_losses, higher_is_better=False, of="probability", stored=(0,), compared=True),
        Metric("Brier", _pair_squares, higher_is_better=False, of="probability"),
    )
}


def _metric_of(label: str) -> Metric:
    """The registered metric of a column: ``"Recall@10"`` is of ``METRICS["Recall"]``.

    >>> _metric_of("Recall@10").higher_is_better, _metric_of("Log loss").higher_is_better
    (True, False)

    Raises
    ------
    BundlebookError
        If none is registered under that name.
    """
    name = label.split("@")[0]
    if name not in METRICS:
        raise BundlebookError(f"no metric {label!r}", remedy=f"use one of {list(METRICS)}")
    return METRICS[name]
