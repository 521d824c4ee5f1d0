"""Linear item-to-item models: a history times one matrix of item weights."""

from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.association import item_cosine
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


class _ItemToItem:
    """Scores s = x B, with x the 0/1 history and B learned from the rows of a 0/1 matrix."""

    name: str
    rows: str

    def _matrix(self, visible: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """The rows to learn from, float64: what each user bought, or what each basket holds."""
        past = visible.between(end=at)
        matrix = past.user_item() if self.rows == "users" else past.incidence
        matrix = matrix[np.diff(matrix.indptr) > 0].astype(np.float64)
        if not matrix.shape[0]:
            raise BundlebookError(f"no basket lies before {at}", where=self.name, remedy="predict a later window")
        return self._values(matrix)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Multiply 0/1 histories with the item weights, shape (n_users, n_items), float32."""
        history = self._values(histories.between(end=at).user_item())
        return np.asarray((history @ self.weights_), dtype=np.float32)

    def _values(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """What stands for a number of baskets: 1."""
        matrix.data[:] = 1
        return matrix


def _check_rows(rows: str, name: str) -> str:
    if rows not in ("users", "baskets"):
        raise BundlebookError(f"unknown rows {rows!r}", where=name, remedy="use 'users' or 'baskets'")
    return rows


class ItemCosine(_ItemToItem):
    r"""Item-based filtering with cosine similarity (基于物品的协同过滤).

    .. math:: s_{ui} = \sum_{j \in x_u} \cos(i, j)

    Parameters
    ----------
    rows : {"users", "baskets"}
        Two items are alike if the same users buy them, or if they lie in the same baskets.
    name : str
        How tables call it.
    """

    def __init__(self, rows: str = "users", name: str = "item cosine") -> None:
        self.rows, self.name = _check_rows(rows, name), name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Compute all cosines, shape (n_items, n_items), float32."""
        matrix = self._matrix(visible, at)
        units = np.arange(matrix.shape[0])
        as_baskets = Baskets(matrix, units, np.zeros(len(units), "datetime64[D]"), units.astype(str), visible.items)
        self.weights_ = item_cosine(as_baskets).toarray().astype(np.float32)
        return self


class EASE(_ItemToItem):
    r"""Embarrassingly shallow autoencoder: the linear model that reproduces rows without using an item for itself.

    .. math:: \min_B \lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2 \text{ with } \operatorname{diag}(B) = 0
              \quad\Rightarrow\quad B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \quad P = (X^\top X + \lambda I)^{-1}

    Parameters
    ----------
    l2 : float
        λ > 0, in units of rows.
    rows : {"users", "baskets"}
        What a row of X is.
    log_counts : bool
        X and the history hold log(1 + number of baskets) instead of 0 and 1: where people buy again, how often they
        did says much.
    name : str
        How tables call it.

    References
    ----------
    H. Steck: Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019.
    """

    def __init__(self, l2: float = 200.0, rows: str = "users", log_counts: bool = False, name: str = "EASE") -> None:
        if not l2 > 0:
            raise BundlebookError(f"l2 must be positive, got {l2}", where=name)
        self.l2, self.rows, self.log_counts, self.name = l2, _check_rows(rows, name), log_counts, name

    def _values(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        return matrix.log1p() if self.log_counts else super()._values(matrix)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Solve in closed form: one inverse of shape (n_items, n_items), in double precision."""
        matrix = self._matrix(visible, at)
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        self.weights_ = weights.astype(np.float32)
        return self
