"""Social attributes (社会属性): what a shop knows of its users' lives, and what it says of their purchases."""

from typing import Self

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError

#: A column with more distinct values describes single users (a name, a date of joining) and is left out.
MAX_VALUES = 20


def people(users: pd.DataFrame | None) -> pd.DataFrame | None:
    """Turn a shop's table of users into 0/1 columns, one a value; a missing value is a value of its own.

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
    table = table.loc[:, [1 < table[column].nunique(dropna=False) <= MAX_VALUES for column in table]]
    if table.empty:
        return None
    text = table.astype(object).where(table.notna(), "unknown").astype(str)
    return pd.get_dummies(text, prefix_sep=": ", dtype=np.float64)


class SocialProfile:
    r"""What people like this one buy: a ridge regression (岭回归) of purchases on social attributes.

    With d_u ∈ {0,1}^q the attributes of user u and f_u ∈ R^n_items what he or she buys, both minus their means,

    .. math:: \hat B = \arg\min_B \sum_u \lVert \mathbf{f}_u - B^\top \mathbf{d}_u \rVert^2 + \lambda \lVert B \rVert^2
              = (D^\top D + \lambda I)^{-1} D^\top F, \qquad
              \hat{\mathbf{f}}_u = \bar{\mathbf{f}} + \hat B^\top (\mathbf{d}_u - \bar{\mathbf{d}})

    Parameters
    ----------
    table : DataFrame
        Of :func:`people`.
    l2 : float
        λ > 0, in users: an attribute shared by that many is believed half. Between 20 and 400 the default makes no
        difference beyond noise on the Complete Journey.
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
        """How each user should differ from the mean, shape (n_users, n_items), float32; 0 for unknown users."""
        result = np.zeros((len(user_ids), self.B_.shape[1]), dtype=np.float32)
        known = np.isin(user_ids, self.table.index)
        result[known] = (self.table.reindex(user_ids[known]).to_numpy() - self.mean_) @ self.B_
        return result
