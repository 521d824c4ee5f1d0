"""Two ridge regressions: weights of a profile that sum to 1, and purchases by social attributes (社会属性)."""

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
        One row per length of history (baskets; a user takes the last row that is not longer), one column per source;
        rows sum to 1.
    blocks : Series
        One value per block; they sum to 1.
    """

    sources: pd.DataFrame
    blocks: pd.Series

    @classmethod
    def by_hand(cls, sources: Mapping[str, float], blocks: Mapping[str, float]) -> Self:
        """Normalise weights that were chosen by hand; the same for every length of history.

        >>> Weights.by_hand({"purchases": 3, "everyone": 1}, {"item": 1}).sources.loc[0].tolist()
        [0.75, 0.25]
        """
        table = pd.DataFrame([dict(sources)], index=pd.Index([0], name="baskets"), dtype=float)
        return cls(_normalised(table), _normalised(pd.DataFrame([dict(blocks)], dtype=float)).iloc[0].rename("weight"))

    def of_length(self, baskets: np.ndarray) -> np.ndarray:
        """Source weights of users with that many baskets, shape (n_users, n_sources), float32."""
        row = np.searchsorted(self.sources.index.to_numpy(), baskets, side="right") - 1
        return self.sources.to_numpy(np.float32)[np.maximum(row, 0)]


def _normalised(table: pd.DataFrame) -> pd.DataFrame:
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


def _normal_equations(features: np.ndarray, bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def _learn_product(gram: np.ndarray, right: np.ndarray, l2: float, rounds: int = 30) -> tuple[np.ndarray, np.ndarray]:
    r"""Source weights w and block weights v of the best score Σ_i Σ_j w_i v_j s_ij, by turns.

    .. math:: \min_{w \ge 0,\; v \ge 0} \sum_{u,p} \Big(y_{up} - c \sum_{ij} w_i v_j s_{ij}(u, p)\Big)^2 + \text{ridge},
              \qquad \sum_i w_i = \sum_j v_j = 1

    With one of the two fixed the problem is a ridge regression with non-negative coefficients, in as many unknowns as
    there are weights; the scale c is taken out after each turn.

    Parameters
    ----------
    gram, right : ndarray
        What :func:`_normal_equations` returned, divided by the number of pairs.
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


#: A column with more distinct values describes single users (a name, a date of joining) and is left out.
_MAX_VALUES = 20


def people(users: pd.DataFrame | None) -> pd.DataFrame | None:
    """Turn a shop's table of users into 0/1 columns, one per value; a missing value is a value of its own.

    Parameters
    ----------
    users : DataFrame or None
        ``user_id`` and any attributes. Users who are absent, or have no attribute at all, stay unknown.

    Returns
    -------
    DataFrame or None, shape (n_known_users, n_values), float64
        Index ``user_id``, sorted; columns ``"attribute: value"``. None if nothing is known of anybody.

    Examples
    --------
    >>> people(pd.DataFrame({"user_id": ["u1", "u2"], "age": ["19-24", "65+"]})).loc["u2"].tolist()
    [0.0, 1.0]
    """
    if users is None:
        return None
    table = users.set_index("user_id").sort_index().dropna(how="all")
    table = table.loc[:, [1 < table[column].nunique(dropna=False) <= _MAX_VALUES for column in table]]
    if table.empty:
        return None
    text = table.astype(object).where(table.notna(), "unknown").astype(str)
    return pd.get_dummies(text, prefix_sep=": ", dtype=np.float64)


class SocialProfile:
    r"""What users with the same social attributes buy: a ridge regression (岭回归) of purchases on attributes.

    With d_u ∈ {0,1}^q the attributes of user u and f_u ∈ R^n_items what he or she buys, both minus their means,

    .. math:: \hat B = \arg\min_B \sum_u \lVert \mathbf{f}_u - B^\top \mathbf{d}_u \rVert^2 + \lambda \lVert B \rVert^2
              = (D^\top D + \lambda I)^{-1} D^\top F, \qquad
              \hat{\mathbf{f}}_u = \bar{\mathbf{f}} + \hat B^\top (\mathbf{d}_u - \bar{\mathbf{d}})

    Parameters
    ----------
    table : DataFrame
        What :func:`people` returned.
    l2 : float
        λ > 0, in users: where so many share an attribute, half of the measured difference is kept. Values from 20 to
        400 differ by no more than noise on the Complete Journey.
    """

    def __init__(self, table: pd.DataFrame, l2: float = 100.0) -> None:
        if not l2 > 0:
            raise BundlebookError(f"l2 must be positive, got {l2}", where="SocialProfile")
        self.table, self.l2 = table, l2

    def fit(self, user_ids: np.ndarray, frequency: np.ndarray) -> Self:
        """Solve for B̂, shape (q, n_items), from the users whose attributes are known.

        Parameters
        ----------
        user_ids : ndarray of str, shape (n_users,)
        frequency : ndarray, shape (n_users, n_items)
            What each buys.
        """
        known = np.isin(user_ids, self.table.index)
        D, F = self.table.reindex(user_ids[known]).to_numpy(), frequency[known]
        self.mean_ = D.mean(axis=0) if len(D) else np.zeros(D.shape[1])
        centred = D - self.mean_
        gram = centred.T @ centred + self.l2 * np.eye(D.shape[1])
        self.B_ = np.linalg.solve(gram, centred.T @ (F - F.mean(axis=0) if len(F) else F))
        return self

    def deviation(self, user_ids: np.ndarray) -> np.ndarray:
        """Return how each user should differ from the mean, (n_users, n_items), float32; 0 for unknown users."""
        result = np.zeros((len(user_ids), self.B_.shape[1]), dtype=np.float32)
        known = np.isin(user_ids, self.table.index)
        result[known] = (self.table.reindex(user_ids[known]).to_numpy() - self.mean_) @ self.B_
        return result
