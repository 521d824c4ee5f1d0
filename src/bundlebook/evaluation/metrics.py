"""How good a ranked list is: one value per user, so that intervals and paired tests can follow.

First :func:`~bundlebook.evaluation.ranking.rank` turns scores into lists and checks them once; every metric then
reads the same :class:`~bundlebook.evaluation.ranking.Ranking`. In the formulas, :math:`T_u` is the set of items user
u bought in the window, :math:`y_{uj}` is 1 if the item at place j of u's list lies in :math:`T_u`, and k is the
length of the list. All examples use :func:`~bundlebook.evaluation.ranking.three_rows`.
"""

from typing import Literal

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.ranking import Ranking, check_scores, rank, three_rows

__all__ = [
    "Ranking",
    "average_precision",
    "hit_rate",
    "ndcg",
    "precision",
    "rank",
    "recall",
    "reciprocal_rank",
    "three_rows",
    "user_auc",
]


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
    return ranking.at(k).any(axis=1).astype(float)


def reciprocal_rank(ranking: Ranking, k: int) -> np.ndarray:
    r"""One over the place of the first hit, 0 without one: :math:`\max_{j \le k} y_{uj} / j`; its mean is the MRR.

    >>> r = rank(*three_rows(), depth=3)
    >>> reciprocal_rank(r, 3)
    array([1. , 0. , 0.5])
    """
    return (ranking.at(k) / np.arange(1, k + 1)).max(axis=1)


def average_precision(ranking: Ranking, k: int) -> np.ndarray:
    r"""Mean of the precisions at the hits; its mean over users is the MAP.

    .. math:: \mathrm{AP}_u = \frac{1}{\min(k, |T_u|)} \sum_{j \le k} y_{uj} \cdot \frac1j \sum_{l \le j} y_{ul}

    >>> r = rank(*three_rows(), depth=3)
    >>> average_precision(r, 3).round(3)
    array([0.833, 0.   , 0.167])
    """
    hits = ranking.at(k)
    return (hits * hits.cumsum(axis=1) / np.arange(1, k + 1)).sum(axis=1) / np.minimum(k, ranking.relevant)


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
    check_scores(scores, truth)
    truth = truth.tocsr(copy=True)
    truth.eliminate_zeros()
    n, n_items = np.diff(truth.indptr), truth.shape[1]
    if ((n == 0) | (n == n_items)).any():
        raise BundlebookError("a user bought nothing or everything, so no pair can be compared", where="truth")
    ordered, areas = np.sort(scores, axis=1), np.empty(len(scores))
    for user, ascending in enumerate(ordered):
        bought = scores[user, truth.indices[truth.indptr[user] : truth.indptr[user + 1]]]
        below, up_to = (np.searchsorted(ascending, bought, side=side) for side in ("left", "right"))
        ranks = (below + up_to + 1) / 2
        areas[user] = (ranks.sum() - n[user] * (n[user] + 1) / 2) / (n[user] * (n_items - n[user]))
    return areas
