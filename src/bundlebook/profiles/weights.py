"""Weights of a profile: set by hand, or learned from what was bought; all sum to 1, as the articles ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Weights:
    """How much each source of a user portrait and each block of an item vector counts.

    Attributes
    ----------
    sources : DataFrame
        One row a length of history (baskets; a user takes the last row that is not longer), one column a source;
        rows sum to 1.
    blocks : Series
        One value a block; they sum to 1.
    """

    sources: pd.DataFrame
    blocks: pd.Series

    @classmethod
    def by_hand(cls, sources: Mapping[str, float], blocks: Mapping[str, float]) -> Self:
        """Normalise weights somebody chose; the same for every length of history.

        >>> Weights.by_hand({"purchases": 3, "everyone": 1}, {"item": 1}).sources.loc[0].tolist()
        [0.75, 0.25]
        """
        table = pd.DataFrame([dict(sources)], index=pd.Index([0], name="baskets"), dtype=float)
        return cls(normalised(table), normalised(pd.DataFrame([dict(blocks)], dtype=float)).iloc[0].rename("weight"))

    def of_length(self, baskets: np.ndarray) -> np.ndarray:
        """Source weights of users with that many baskets, shape (n_users, n_sources), float32."""
        row = np.searchsorted(self.sources.index.to_numpy(), baskets, side="right") - 1
        return self.sources.to_numpy(np.float32)[np.maximum(row, 0)]


def normalised(table: pd.DataFrame) -> pd.DataFrame:
    """Divide every row by its sum.

    Raises
    ------
    BundlebookError
        If a weight is negative or missing, or a row holds nothing but zeros.
    """
    values = table.to_numpy()
    if not (values >= 0).all() or not (values.sum(axis=1) > 0).all():
        raise BundlebookError(
            f"weights {table.round(4).to_dict('records')} cannot be normalised",
            where="profile weights",
            remedy="use numbers of at least 0, one of them positive",
        )
    return table.div(table.sum(axis=1), axis=0)


def normal_equations(features: np.ndarray, bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix and right-hand side of the regression of purchases on match features, both centred within users.

    A user's mean is taken out because a ranking compares items for one user: who buys much is another question.

    Parameters
    ----------
    features : ndarray, shape (n_sources, n_blocks, n_users, n_items)
    bought : ndarray of bool, shape (n_users, n_items)

    Returns
    -------
    gram : ndarray, shape (n_sources, n_blocks, n_sources, n_blocks), float64
    right : ndarray, shape (n_sources, n_blocks), float64
    """
    s, b = features.shape[:2]
    Z = (features - features.mean(axis=-1, keepdims=True)).reshape(s * b, -1)
    y = (bought - bought.mean(axis=1, keepdims=True)).ravel().astype(features.dtype)
    gram, right = (Z @ Z.T).astype(np.float64), (Z @ y).astype(np.float64)
    return gram.reshape(s, b, s, b), right.reshape(s, b)


def learn_product(gram: np.ndarray, right: np.ndarray, l2: float, rounds: int = 30) -> tuple[np.ndarray, np.ndarray]:
    r"""Source weights w and block weights v of the best score Σ_i Σ_j w_i v_j s_ij, by turns.

    .. math:: \min_{w \ge 0,\; v \ge 0} \sum_{u,p} \Big(y_{up} - c \sum_{ij} w_i v_j s_{ij}(u, p)\Big)^2 + \text{ridge},
              \qquad \sum_i w_i = \sum_j v_j = 1

    With one of the two fixed the problem is a ridge regression with non-negative coefficients, in as many unknowns as
    there are weights; the scale c is taken out after each turn.

    Parameters
    ----------
    gram, right : ndarray
        Of :func:`normal_equations`, divided by the number of pairs.
    l2 : float
        Ridge, relative to the mean of the diagonal.
    rounds : int

    Returns
    -------
    w, v : ndarray, shapes (n_sources,), (n_blocks,)
    """
    w, v = (np.full(n, 1 / n) for n in right.shape)
    for _ in range(rounds):
        v = _share(ridge_nonnegative(np.einsum("i,ijkl,k->jl", w, gram, w), w @ right, l2))
        w = _share(ridge_nonnegative(np.einsum("j,ijkl,l->ik", v, gram, v), right @ v, l2))
    return w, v


def ridge_nonnegative(gram: np.ndarray, right: np.ndarray, l2: float) -> np.ndarray:
    r"""Solve a ridge regression with non-negative coefficients, shape (n_features,).

    .. math:: \min_{\theta \ge 0} \theta^\top G \theta - 2 \theta^\top g + \lambda \bar G \lVert \theta \rVert^2

    With the Cholesky factor :math:`LL^\top = G + \lambda \bar G I` this is the non-negative least-squares problem
    :math:`\lVert L^\top \theta - L^{-1} g \rVert^2`; :math:`\bar G` is the mean of G's diagonal.

    >>> ridge_nonnegative(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([1.0, -1.0]), 1e-9).round(4).tolist()
    [0.5, 0.0]
    """
    scale = l2 * max(float(np.trace(gram)) / len(gram), np.finfo(float).tiny)
    lower = np.linalg.cholesky(gram + scale * np.eye(len(gram)))
    return nnls(lower.T, np.linalg.solve(lower, right))[0]


def _share(weights: np.ndarray) -> np.ndarray:
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
