"""Linear item-to-item models: a history times one matrix of item weights."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from scipy import sparse

from bundlebook.association import item_cosine
from bundlebook.recommenders._checks import before, one_of, past_of, require
from bundlebook.shop import Baskets

_Rows = Literal["users", "baskets"]


class _ItemToItem:
    """Scores s = x B, with x the 0/1 history and B learned from the rows of a 0/1 matrix."""

    name: str
    rows: _Rows
    weights_: np.ndarray

    def _matrix(self, visible: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """Return the rows to learn from, float64: what each user bought, or what each basket holds."""
        past = past_of(visible, at, self.name)
        matrix = past.user_item() if self.rows == "users" else past.incidence
        return self._values(matrix.astype(np.float64))

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Multiply 0/1 histories with the item weights, shape (n_users, n_items), float32."""
        history = self._values(before(histories, at).user_item())
        return np.asarray((history @ self.weights_), dtype=np.float32)

    def _values(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Replace every number of baskets by 1."""
        matrix.data[:] = 1
        return matrix


@dataclass(eq=False)
class ItemCosine(_ItemToItem):
    r"""Item-based filtering with cosine similarity (基于物品的协同过滤).

    .. math:: s_{ui} = \sum_{j \in x_u} \cos(i, j)

    Parameters
    ----------
    rows : {"users", "baskets"}
        Two items are alike if the same users buy them, or if they lie in the same baskets.
    name : str
        Name in tables and figures.
    """

    rows: _Rows = "users"
    name: str = "item cosine"

    def __post_init__(self) -> None:
        one_of(get_args(_Rows), rows=self.rows)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Compute all cosines, shape (n_items, n_items), float32."""
        matrix = self._matrix(visible, at)
        units = np.arange(matrix.shape[0])
        as_baskets = Baskets(matrix, units, np.zeros(len(units), "datetime64[D]"), units.astype(str), visible.items)
        self.weights_ = item_cosine(as_baskets).toarray().astype(np.float32)
        return self


@dataclass(eq=False)
class EASE(_ItemToItem):
    r"""Embarrassingly shallow autoencoder: the linear model that reproduces rows without using an item for itself.

    .. math:: \min_B \lVert X - XB \rVert_F^2 + \lambda \lVert B \rVert_F^2 \text{ with } \operatorname{diag}(B) = 0
              \quad\Rightarrow\quad B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \quad P = (X^\top X + \lambda I)^{-1}

    Parameters
    ----------
    l2 : float
        λ > 0, in units of rows.
    rows : {"users", "baskets"}
        Whether a row of X is a user or a basket.
    log_counts : bool
        X and the history hold log(1 + number of baskets) instead of 0 and 1: where users buy again, how often they
        did says much.
    name : str
        Name in tables and figures.

    References
    ----------
    H. Steck: Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019.
    """

    l2: float = 200.0
    rows: _Rows = "users"
    log_counts: bool = False
    name: str = "EASE"

    def __post_init__(self) -> None:
        require("be positive", l2=self.l2)
        one_of(get_args(_Rows), rows=self.rows)

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
