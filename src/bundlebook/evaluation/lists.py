"""What lists are like, whether or not anybody bought from them: spread, novelty, variety, surprise.

A recommender can be accurate and still show every user the same ten best-sellers. In all
examples three users are shown two items each, from a catalogue of four.
"""

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


def _shown(items: np.ndarray) -> np.ndarray:
    shown = items[items >= 0]
    if not len(shown):
        raise BundlebookError("the lists are empty", where="items")
    return shown


def exposure(items: np.ndarray, n_items: int) -> np.ndarray:
    """How many users are shown each item, shape (n_items,).

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> exposure(items, 4)
    array([3, 2, 1, 0])
    """
    return np.bincount(_shown(items), minlength=n_items)


def coverage(items: np.ndarray, n_items: int) -> float:
    r"""Share of the catalogue that anybody is shown (覆盖率): :math:`|\bigcup_u L_u| / n`.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> coverage(items, 4)
    0.75
    """
    return float((exposure(items, n_items) > 0).mean())


def distinct_lists(items: np.ndarray) -> int:
    """Number of different sets of items shown: 1 means that nothing is personal.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> distinct_lists(items)
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
    ordered = np.sort(exposure(items, n_items))
    return float(((2 * np.arange(1, n_items + 1) - n_items - 1) * ordered).sum() / (n_items * ordered.sum()))


def item_popularity(visible: Baskets) -> np.ndarray:
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
    """Mean share of users that bought a shown item: how mainstream the lists are.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> round(popularity_bias(items, np.array([.5, .5, .25, .125])), 4)
    0.4583
    """
    return float(popularity[_shown(items)].mean())


def diversity(items: np.ndarray, vectors: sparse.csr_matrix) -> np.ndarray:
    r"""Intra-list diversity: one minus the mean cosine of all pairs in a list, shape (n_users,).

    Parameters
    ----------
    items : ndarray of int, shape (n_users, k)
        k of at least 2; a list may be padded with −1.
    vectors : sparse matrix, shape (n_items, n_features)
        For example the users that bought an item; rows need not be normalised.

    Notes
    -----
    With unit vectors v and their sum s over a list of m items, the sum over ordered pairs is
    :math:`|\mathbf{s}|^2 - \sum_i |\mathbf{v}_i|^2`, so no pair is ever formed.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> diversity(items, sparse.csr_matrix([[1, 0], [1, 0], [0, 1], [1, 1]]))
    array([0., 0., 1.])
    """
    norm = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.where(norm > 0, norm, 1)) @ vectors
    row, place = np.nonzero(items >= 0)
    shown = sparse.csr_matrix((np.ones(len(row)), (row, items[row, place])), shape=(len(items), len(norm)))
    m = np.diff(shown.indptr)
    if (m < 2).any():
        raise BundlebookError("a list needs two items to be diverse", where="items")
    total = shown @ unit
    pairs = np.asarray(total.multiply(total).sum(axis=1)).ravel() - shown @ (norm > 0)
    return 1 - pairs / (m * (m - 1))


def serendipity(items: np.ndarray, hits: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Share of a list that was bought and that the obvious list did not hold, shape (n_users,).

    Parameters
    ----------
    items, hits : ndarray, shape (n_users, k)
    expected : ndarray of int, shape (n_users, m)
        The obvious list, usually popularity's.

    >>> items = np.array([[0, 1], [0, 1], [0, 2]])
    >>> serendipity(items, np.array([[True, True], [False, True], [True, True]]), np.array([[0, 3]] * 3))
    array([0.5, 0.5, 0.5])
    """
    obvious = (items[:, :, np.newaxis] == expected[:, np.newaxis, :]).any(axis=2)
    return (hits & ~obvious).mean(axis=1)
