"""TIFU-KNN: a user's decayed item frequencies, mixed with those of the most similar users."""

from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


class TifuKNN:
    r"""Nearest neighbours of temporal item frequencies (Hu et al., SIGIR 2020).

    A user's n baskets are cut, oldest first, into at most m groups. A basket that is the a-th last of its group of
    size z, in the g-th last group, weighs

    .. math:: w_b = \frac{1}{m} \, r_g^{\,g-1} \cdot \frac{1}{z} \, r_b^{\,a-1}, \qquad
              \mathbf{u} = \sum_{b} w_b \, |b|^{-\gamma} \, \mathbf{x}_b \in \mathbb{R}^{n_{items}}

    and the score mixes the user's vector with the mean of the k nearest other users (Euclidean distance):
    :math:`\mathbf{s}_u = \alpha\,\mathbf{u} + (1-\alpha)\,\frac{1}{k}\sum_{v \in N_k(u)} \mathbf{v}`.

    Parameters
    ----------
    neighbours : int
        k; all other users if there are fewer.
    groups : int
        m, at most; a user with fewer baskets has one group a basket.
    basket_decay, group_decay : float
        r_b and r_g, in (0, 1].
    own_weight : float
        α in [0, 1].
    size_power : float
        γ ≥ 0. The paper has 0; with 0.25 a large shopping trip counts less for each of its items.
    name : str, optional
        How tables call it.

    Notes
    -----
    The authors tuned per data set (Ta-Feng: k = 300, m = 7, r_b = .9, r_g = .7, α = .7). The defaults
    here were chosen on the validation window of the Complete Journey at product-type level.

    References
    ----------
    H. Hu, X. He, J. Gao, Z.-L. Zhang: Modeling Personalized Item Frequency Information for Next-basket
    Recommendation. SIGIR 2020.
    """

    def __init__(
        self,
        neighbours: int = 300,
        groups: int = 20,
        basket_decay: float = 0.95,
        group_decay: float = 0.9,
        own_weight: float = 0.5,
        size_power: float = 0.0,
        name: str | None = None,
    ) -> None:
        if neighbours < 1 or groups < 1:
            raise BundlebookError(f"neighbours {neighbours} and groups {groups} must be at least 1", where="TifuKNN")
        if not (0 < basket_decay <= 1 and 0 < group_decay <= 1 and 0 <= own_weight <= 1):
            raise BundlebookError(
                f"decays ({basket_decay}, {group_decay}) or own_weight ({own_weight}) out of range",
                where="TifuKNN",
                remedy="decays lie in (0, 1], own_weight in [0, 1]",
            )
        self.neighbours, self.groups = neighbours, groups
        self.basket_decay, self.group_decay = basket_decay, group_decay
        self.own_weight, self.size_power = own_weight, size_power
        self.name = name or ("TIFU-KNN, size-scaled" if size_power else "TIFU-KNN")

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the vectors of all users that bought something before *at*."""
        past = visible.between(end=at)
        rows = np.flatnonzero(past.counts_by_user() > 0)
        self.user_ids_ = past.user_ids[rows]
        self.vectors_ = self.vectors(past)[rows]
        # Double precision, so that the order of near neighbours is the same on every processor.
        self._double = self.vectors_.astype(np.float64)
        self._squares = (self._double**2).sum(axis=1)
        return self

    def vectors(self, histories: Baskets) -> np.ndarray:
        """Temporal item frequencies u, shape (n_users, n_items), float32."""
        weights = group_weights(histories, self.groups, self.basket_decay, self.group_decay)
        return histories.user_item(weights * histories.sizes() ** -self.size_power).toarray()

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Mix each user with the neighbours; a user known from the fit is never a neighbour of himself or herself."""
        own = self.vectors(histories.between(end=at))
        k = min(self.neighbours, len(self.vectors_) - 1)
        if self.own_weight == 1 or k < 1:
            return own
        nearest = self._nearest(own, histories.user_ids, k)
        pick = sparse.csr_matrix(
            (np.full(nearest.size, 1 / k, dtype=np.float32), nearest.ravel(), np.arange(0, nearest.size + 1, k)),
            shape=(len(own), len(self.vectors_)),
        )
        return np.float32(self.own_weight) * own + np.float32(1 - self.own_weight) * (pick @ self.vectors_)

    def _nearest(self, own: np.ndarray, user_ids: np.ndarray, k: int) -> np.ndarray:
        """Rows of the k nearest fitted users, shape (n_users, k); equal distances go to the earlier row."""
        # |u|² is the same for all candidates of a user, so it is left out of |u − v|².
        distance = self._squares - 2 * own.astype(np.float64) @ self._double.T
        order = np.argsort(self.user_ids_)
        place = np.minimum(np.searchsorted(self.user_ids_, user_ids, sorter=order), len(order) - 1)
        known = self.user_ids_[order[place]] == user_ids
        distance[np.flatnonzero(known), order[place[known]]] = np.inf
        return np.argsort(distance, axis=1, kind="stable")[:, :k]


def group_weights(histories: Baskets, groups: int, basket_decay: float, group_decay: float) -> np.ndarray:
    """Weight of every basket in TIFU's user vector, shape (n_baskets,), float64.

    Groups differ in size by at most one basket; the larger ones are the latest, as in the authors' code.

    Examples
    --------
    Five baskets in two groups (2 + 3), r_b = .9, r_g = .7:

    >>> day = np.datetime64("2021-01-04") + 7 * np.arange(5)
    >>> eye, items = sparse.identity(5, format="csr"), np.arange(5).astype(str)
    >>> one = Baskets(eye, np.zeros(5, dtype=int), day, np.array(["u"]), items)
    >>> group_weights(one, 2, 0.9, 0.7).round(4).tolist()
    [0.1575, 0.175, 0.135, 0.15, 0.1667]
    """
    count = histories.counts_by_user()
    first = np.cumsum(count) - count
    n = count[histories.user]
    position = np.arange(histories.n_baskets) - first[histories.user]
    m = np.minimum(n, groups)
    size, larger = n // m, n % m
    in_small = (m - larger) * size
    small = position < in_small
    beyond = position - in_small
    group = np.where(small, position // size, m - larger + beyond // (size + 1))
    within = np.where(small, position % size, beyond % (size + 1))
    z = np.where(small, size, size + 1)
    return basket_decay ** (z - 1 - within) * group_decay ** (m - 1 - group) / (z * m)
