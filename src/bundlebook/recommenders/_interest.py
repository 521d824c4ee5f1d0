"""Parts of the classical recommenders: decayed counts, popularity, and nearest rows."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.recommenders._checks import as_day, before
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Weight of popularity where it only orders items that a model scores alike.
TIE = 1e-6
#: Similarities that are held in memory at once (128 MB of float64).
CELLS_AT_ONCE = 1 << 24


def interest(past: Baskets, at: np.datetime64, half_life: float, power: float = 1.0) -> sparse.csr_matrix:
    r"""Decayed counts to a power: how much each user cares for each item.

    .. math:: r_{ui} = \Bigl(\sum_{b \in B_u} 2^{-(t - t_b)/H}\,[i \in b]\Bigr)^{p}

    Parameters
    ----------
    past : Baskets
        All before *at*.
    at : datetime64[D]
        t.
    half_life : float
        H in days; ``numpy.inf`` counts every basket fully.
    power : float
        p. With 0 the matrix is 0/1: bought or not.

    Returns
    -------
    csr_matrix, shape (n_users, n_items), float64
        Columns ascending within a row.
    """
    matrix = past.user_item(past.decay(at, half_life)).astype(np.float64)
    matrix.sort_indices()
    matrix.data **= power
    return matrix


def recent(past: Baskets, at: np.datetime64, days: int) -> Baskets:
    """Baskets of the last *days* days before *at*; all before *at* if there are none."""
    window = past.between(as_day(at) - days, as_day(at))
    return window if window.n_baskets else before(past, at)


def popular(past: Baskets, at: np.datetime64, days: int = PERIOD_DAYS) -> np.ndarray:
    """Share of the users of the last days that bought each item, shape (n_items,), float32."""
    users = recent(past, at, days).user_item()
    bought_by = np.bincount(users.indices, minlength=past.n_items)
    return (bought_by / np.count_nonzero(np.diff(users.indptr))).astype(np.float32)


def basket_share(past: Baskets, at: np.datetime64, days: int) -> np.ndarray:
    """Share of the baskets of the last days that hold each item, shape (n_items,), float64; 0 without a basket."""
    window = recent(past, at, days)
    return np.bincount(window.quantities.indices, minlength=past.n_items) / max(window.n_baskets, 1)


def with_popularity(scores: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Let popularity order the items that the scores leave equal; float32."""
    return np.asarray(scores + TIE * share, dtype=np.float32)


def rows_of(user_ids: np.ndarray, fitted_ids: np.ndarray) -> np.ndarray:
    """Row of each user among the fitted ones, −1 for a new user."""
    return pd.Index(fitted_ids).get_indexer(user_ids)


def unit_rows(matrix: sparse.csr_matrix, norm: int = 2) -> sparse.csr_matrix:
    """Divide each row by its length (norm 2) or by its sum of absolute values (norm 1); empty rows stay empty."""
    size = (abs(matrix).power(norm)).sum(axis=1).A1 ** (1 / norm)
    return (sparse.diags(1 / np.where(size > 0, size, 1)) @ matrix).tocsr()


def nearest_rows(
    similarity: Callable[[slice], np.ndarray], own: np.ndarray, n_others: int, k: int
) -> sparse.csr_matrix:
    """Keep the k largest similarities of each row, block by block.

    Parameters
    ----------
    similarity : callable
        Takes a slice of rows and returns their similarities with all others, shape (n_rows, n_others), float64.
    own : ndarray of int, shape (n_rows,)
        Column that is the row itself and is left out; −1 if there is none.
    n_others, k : int

    Returns
    -------
    csr_matrix, shape (n_rows, n_others), float64
    """
    found = []
    height = max(1, CELLS_AT_ONCE // max(n_others, 1))
    for low in range(0, max(len(own), 1), height):
        rows = slice(low, min(low + height, len(own)))
        block = similarity(rows)
        known = np.flatnonzero(own[rows] >= 0)
        block[known, own[rows][known]] = 0
        found.append(_strongest(block, k))
    return sparse.vstack(found, format="csr")


def dense_product(left: sparse.csr_matrix, right: sparse.csr_matrix) -> np.ndarray:
    """Return the product of two sparse matrices as a dense one, float64.

    SciPy's product first counts the cells of its sparse result and then fills them in; where most of them are not 0,
    adding into a dense array takes a fifth of the time. The sums are taken in the same order.

    >>> dense_product(sparse.csr_matrix([[1.0, 2.0]]), sparse.csr_matrix([[0.0, 1.0], [3.0, 0.0]]))
    array([[6., 1.]])
    """
    from bundlebook.recommenders._compiled import add_product

    if left.shape[1] != right.shape[0]:
        raise ValueError(f"shapes {left.shape} and {right.shape}")
    out = np.zeros((left.shape[0], right.shape[1]))
    one, other = (matrix.tocsr().astype(np.float64, copy=False) for matrix in (left, right))
    add_product(out, one.indptr, one.indices, one.data, other.indptr, other.indices, other.data)
    return out


def largest(values: np.ndarray, k: int, above: float = -np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of the k largest entries of each row, row by row and largest first.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_columns)
    k : int
        At most n_columns.
    above : float
        Only entries above it count, so a row may give fewer than k.

    Returns
    -------
    row, column : ndarray of int
        Of equal entries, those in lower columns come first.

    Notes
    -----
    A partition finds the k-th largest entry of each row, and only what reaches it is sorted: a tenth of the time of
    sorting whole rows of 14,000.

    >>> largest(np.array([[0.2, 0.5, 0.5, 0.5], [0.0, 0.1, -1.0, 0.0]]), 2, above=0)
    (array([0, 0, 1]), array([1, 2, 1]))
    """
    n_rows, n_columns = values.shape
    if not n_rows or not k:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    least = np.partition(values, n_columns - k, axis=1)[:, n_columns - k, np.newaxis]
    row, column = np.nonzero((values >= least) & (values > above))
    order = np.lexsort((column, -values[row, column], row))
    row, column = row[order], column[order]
    count = np.bincount(row, minlength=n_rows)
    first = np.arange(len(row)) - (np.cumsum(count) - count)[row] < k
    return row[first], column[first]


def _strongest(similarity: np.ndarray, k: int) -> sparse.csr_matrix:
    """Keep the k largest positive entries of each row; equal ones go to the lower column.

    Parameters
    ----------
    similarity : ndarray, shape (n_rows, n_columns)
        What must not be kept is 0 or negative.
    k : int

    Returns
    -------
    csr_matrix, shape (n_rows, n_columns), float64

    Examples
    --------
    >>> _strongest(np.array([[0.2, 0.5, 0.5, 0.5], [0.0, 0.1, -1.0, 0.0]]), 2).toarray()
    array([[0. , 0.5, 0.5, 0. ],
           [0. , 0.1, 0. , 0. ]])
    """
    row, column = largest(similarity, min(k, similarity.shape[1]), above=0)
    return sparse.csr_matrix((similarity[row, column], (row, column)), shape=similarity.shape)
