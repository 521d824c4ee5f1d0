"""Collaborative filtering by neighbours: users who buy like this one, and items that the same users buy."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.recommenders._checks import before, past_of, require
from bundlebook.recommenders._interest import (
    CELLS_AT_ONCE,
    dense_product,
    interest,
    largest,
    nearest_rows,
    popular,
    rows_of,
    unit_rows,
    with_popularity,
)
from bundlebook.shop import Baskets


class _Neighbours:
    """Settings of both kinds of neighbours, and how a user's own row is mixed with theirs."""

    neighbours: int
    shrinkage: float
    half_life: float
    power: float
    own_weight: float
    name: str
    share_: np.ndarray

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", neighbours=self.neighbours)
        require("not be negative", shrinkage=self.shrinkage)
        require("be positive", half_life=self.half_life)
        require("lie in [0, 1]", power=self.power, own_weight=self.own_weight)

    def _interest(self, baskets: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """r of every user, shape (n_users, n_items)."""
        return interest(before(baskets, at), at, self.half_life, self.power)

    def _others(self, own: sparse.csr_matrix, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """Return what the neighbours say, shape (n_users, n_items)."""
        raise NotImplementedError

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Mix each user's row with what the neighbours say, shape (n_users, n_items), float32."""
        own = self._interest(histories, at)
        mixed = self.own_weight * own + (1 - self.own_weight) * self._others(own, histories, at)
        return with_popularity(mixed.toarray(), self.share_)


@dataclass(eq=False)
class UserKNN(_Neighbours):
    r"""User-based collaborative filtering (基于用户的协同过滤): what users with a similar history buy.

    With :math:`\mathbf{r}_u \in \mathbb{R}^{n_{items}}` the user's decayed item counts to a power p,

    .. math:: w_{uv} = \frac{|I_u \cap I_v|}{|I_u \cap I_v| + \beta} \cdot
                       \frac{\mathbf{r}_u \cdot \mathbf{r}_v}{\lVert\mathbf{r}_u\rVert \lVert\mathbf{r}_v\rVert},
              \qquad s_{ui} = \alpha\, r_{ui} +
                     (1 - \alpha) \frac{\sum_{v \in N_k(u)} w_{uv}\, r_{vi}}{\sum_{v \in N_k(u)} w_{uv}}

    N_k(u) are the k most similar other users; I_u is the set of items u ever bought. The first factor of w shrinks
    similarities that rest on few common items. With α = 0 this is the textbook method, in which a user's own
    purchases serve only to find the neighbours.

    Parameters
    ----------
    neighbours : int
        k; only users with something in common count.
    shrinkage : float
        β ≥ 0, in common items.
    half_life : float
        Half-life of the counts in days; ``numpy.inf`` never forgets.
    power : float
        p in [0, 1]: 1 takes counts as they are, 0 only whether an item was bought.
    own_weight : float
        α in [0, 1]. Where users buy again, their own purchases say most.
    name : str
        Name in tables and figures.

    Notes
    -----
    Chosen on the validation window of the Complete Journey at product-type level among k of 50, 100 and 300, β of 0,
    10 and 50, p of 0, .5 and 1, and α of 0, .3, .5 and .7: α matters most (NDCG@10 .43 at 0, .56 at .7), the rest
    little.

    A user without a basket, or who shares no item with anybody, is shown what is popular; popularity also orders the
    items that no neighbour bought.

    References
    ----------
    J. L. Herlocker, J. A. Konstan, A. Borchers, J. Riedl: An Algorithmic Framework for Performing Collaborative
    Filtering. SIGIR 1999. Shrinkage as in R. Bell, Y. Koren: Scalable Collaborative Filtering with Jointly Derived
    Neighborhood Interpolation Weights. ICDM 2007.

    Examples
    --------
    Ann bought items 0 and 1, Bob 0, 1 and 2, Cem item 3. Bob is Ann's only neighbour, with cosine 2/√6:

    >>> bought = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]], dtype=np.float32))
    >>> day = np.full(3, np.datetime64("2021-01-04"))
    >>> b = Baskets(bought, np.arange(3), day, np.array(["ann", "bob", "cem"]), np.array(list("abcd")))
    >>> at = np.datetime64("2021-01-05")
    >>> model = UserKNN(half_life=np.inf, own_weight=0).fit(b, at)
    >>> model.similarities(b, at).toarray()[0].round(4).tolist()
    [0.0, 0.8165, 0.0]
    >>> model.scores(b, at)[0].round(2).tolist()
    [1.0, 1.0, 1.0, 0.0]
    """

    neighbours: int = 300
    shrinkage: float = 0.0
    half_life: float = 90.0
    power: float = 1.0
    own_weight: float = 0.7
    name: str = "user neighbours"

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the weighted rows of all users that bought something before *at*."""
        past = past_of(visible, at, self.name)
        self.user_ids_, self.rows_ = past.user_ids, self._interest(past, at)
        self._cosine, self.share_ = _ShrunkCosine(self.rows_, self.shrinkage), popular(past, at)
        return self

    def similarities(self, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """w, shape (n_users, n_fitted_users), at most k entries per row; no user is his or her own neighbour."""
        own = self._interest(histories, at)
        return nearest_rows(
            lambda rows: self._cosine(own[rows]),
            rows_of(histories.user_ids, self.user_ids_),
            len(self.user_ids_),
            self.neighbours,
        )

    def _others(self, own: sparse.csr_matrix, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        return unit_rows(self.similarities(histories, at), 1) @ self.rows_


@dataclass(eq=False)
class ItemKNN(_Neighbours):
    r"""Item-based collaborative filtering (基于物品的协同过滤): what is bought by users who bought the same.

    With :math:`\mathbf{c}_i \in \mathbb{R}^{n_{users}}` the column of item i in the matrix of decayed counts to a
    power p,

    .. math:: w_{ji} = \frac{n_{ji}}{n_{ji} + \beta} \cdot
                       \frac{\mathbf{c}_j \cdot \mathbf{c}_i}{\lVert\mathbf{c}_j\rVert \lVert\mathbf{c}_i\rVert},
              \qquad s_{ui} = \alpha\, r_{ui} +
                     (1 - \alpha) \sum_{j:\, i \in N_k(j)} r_{uj} \frac{w_{ji}}{\sum_{l \in N_k(j)} w_{jl}}

    n_ji counts the users that bought both, N_k(j) are the k other items most similar to j. Each purchase of j is thus
    spread over the items like j. With α = 0 this is the textbook method.

    Parameters
    ----------
    neighbours : int
        k.
    shrinkage : float
        β ≥ 0, in common users.
    half_life : float
        Half-life of the counts in days; ``numpy.inf`` never forgets.
    power : float
        p in [0, 1]: 1 takes counts as they are, 0 only whether an item was bought.
    own_weight : float
        α in [0, 1]. Where users buy again, their own purchases say most.
    name : str
        Name in tables and figures.

    Notes
    -----
    Chosen on the validation window of the Complete Journey at product-type level among k of 10 to 200, β of 0, 10 and
    50, p of 0, .5 and 1, and α of 0, .5 and .8: α matters most, k and β move NDCG@10 by less than .01.

    A user without a basket is shown what is popular; popularity also orders the items that score 0.

    References
    ----------
    M. Deshpande, G. Karypis: Item-Based Top-N Recommendation Algorithms. ACM TOIS 22(1), 2004.

    Examples
    --------
    Items a and b are bought by the same two of three users, c by one of them. Who bought only a is shown b first:

    >>> bought = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=np.float32))
    >>> day = np.full(3, np.datetime64("2021-01-04"))
    >>> b = Baskets(bought, np.arange(3), day, np.array(["u1", "u2", "u3"]), np.array(list("abc")))
    >>> at = np.datetime64("2021-01-05")
    >>> model = ItemKNN(shrinkage=0, half_life=np.inf).fit(b, at)
    >>> model.similarity_.toarray().round(2)
    array([[0. , 1. , 0.5],
           [1. , 0. , 0.5],
           [0.5, 0.5, 0. ]])
    """

    neighbours: int = 100
    shrinkage: float = 10.0
    half_life: float = 90.0
    power: float = 1.0
    own_weight: float = 0.8
    name: str = "item neighbours"

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Compute w, shape (n_items, n_items), at most k entries per row."""
        past = past_of(visible, at, self.name)
        columns = self._interest(past, at).T.tocsr()
        items, cosine = np.arange(columns.shape[0]), _ShrunkCosine(columns, self.shrinkage)
        self.similarity_ = nearest_rows(lambda rows: cosine(columns[rows]), items, len(items), self.neighbours)
        self._spread, self.share_ = unit_rows(self.similarity_, 1), popular(past, at)
        return self

    def _others(self, own: sparse.csr_matrix, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        return own @ self._spread


@dataclass(eq=False)
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
        Largest number of groups m; a user with fewer baskets has one group per basket.
    basket_decay, group_decay : float
        r_b and r_g, in (0, 1].
    own_weight : float
        α in [0, 1].
    size_power : float
        γ ≥ 0. The paper has 0; with 0.25 a large shopping trip counts less for each of its items.
    name : str
        Name in tables and figures; by default it says whether baskets are scaled by size.

    Notes
    -----
    The authors tuned per data set (Ta-Feng: k = 300, m = 7, r_b = .9, r_g = .7, α = .7). The defaults
    here were chosen on the validation window of the Complete Journey at product-type level.

    References
    ----------
    H. Hu, X. He, J. Gao, Z.-L. Zhang: Modeling Personalized Item Frequency Information for Next-basket
    Recommendation. SIGIR 2020.
    """

    neighbours: int = 300
    groups: int = 20
    basket_decay: float = 0.95
    group_decay: float = 0.9
    own_weight: float = 0.5
    size_power: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", neighbours=self.neighbours, groups=self.groups)
        require("lie in (0, 1]", basket_decay=self.basket_decay, group_decay=self.group_decay)
        require("lie in [0, 1]", own_weight=self.own_weight)
        self.name = self.name or ("TIFU-KNN, size-scaled" if self.size_power else "TIFU-KNN")

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the vectors of all users that bought something before *at*."""
        past = past_of(visible, at, self.name)
        self.user_ids_, self.vectors_ = past.user_ids, self._vectors(past)
        # Sums of products in double precision, in a fixed order: the near neighbours are the same on every processor.
        self._columns = self.vectors_.T.tocsr().astype(np.float64)
        self._squares = np.bincount(self._columns.indices, self._columns.data**2, minlength=len(past.user_ids))
        return self

    def vectors(self, histories: Baskets) -> np.ndarray:
        """Temporal item frequencies u, shape (n_users, n_items), float32."""
        return self._vectors(histories).toarray()

    def _vectors(self, histories: Baskets) -> sparse.csr_matrix:
        weights = _group_weights(histories, self.groups, self.basket_decay, self.group_decay)
        return histories.user_item(weights * histories.sizes() ** -self.size_power)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Mix each user with the neighbours; no user is his or her own neighbour."""
        own = self._vectors(before(histories, at))
        k = min(self.neighbours, self.vectors_.shape[0] - 1)
        if self.own_weight == 1 or k < 1:
            return own.toarray()
        nearest = self._nearest(own, histories.user_ids, k)
        pick = sparse.csr_matrix(
            (np.full(nearest.size, 1 / k, dtype=np.float32), nearest.ravel(), np.arange(0, nearest.size + 1, k)),
            shape=(own.shape[0], self.vectors_.shape[0]),
        )
        others = (pick @ self.vectors_).toarray()
        return np.float32(self.own_weight) * own.toarray() + np.float32(1 - self.own_weight) * others

    def _nearest(self, own: sparse.csr_matrix, user_ids: np.ndarray, k: int) -> np.ndarray:
        """Rows of the k nearest fitted users, shape (n_users, k); equal distances go to the earlier row."""
        self_row, found = rows_of(user_ids, self.user_ids_), []
        height = max(1, CELLS_AT_ONCE // len(self._squares))
        for low in range(0, own.shape[0], height):
            # |u|² is the same for all candidates of a user, so it is left out of |u − v|².
            near = 2 * dense_product(own[low : low + height], self._columns) - self._squares
            known = np.flatnonzero(self_row[low : low + height] >= 0)
            near[known, self_row[low + known]] = -np.inf
            found.append(largest(near, k)[1])
        return np.concatenate([np.zeros(0, dtype=np.int64), *found]).reshape(-1, k)


@dataclass(eq=False)
class UPCF:
    r"""Recency-aware user-wise popularity with collaborative filtering (Faggioli, Polato and Aiolli, 2020).

    The user-wise popularity (按用户的热度) of item i is its share of the last r baskets of the user,

    .. math:: \pi_{ui} = \frac{1}{\min(r, |B_u|)} \sum_{b \in \text{last } r \text{ of } B_u} [i \in b]

    and it is summed over the user and the k most similar others, similarity being the asymmetric cosine of the sets
    I of items ever bought, to a power q (locality: the larger, the less the many distant users say):

    .. math:: w_{uv} = \frac{|I_u \cap I_v|}{|I_u|^{a}\, |I_v|^{1-a}}, \qquad
              s_{ui} = \pi_{ui} + \sum_{v \in N_k(u)} w_{uv}^{\,q}\, \pi_{vi}

    The first term is that of the user, whose similarity to himself or herself is 1.

    Parameters
    ----------
    recency : int or None
        r, in baskets; None counts all.
    neighbours : int
        k.
    asymmetry : float
        a in [0, 1]; ½ is the cosine. With a near 1 users with few items hardly count as similar, however well their
        items match.
    locality : float
        q > 0.
    name : str
        Name in tables and figures.

    Notes
    -----
    A user without a basket is shown what is popular; popularity also orders the items no similar user bought.

    Chosen on the validation window of the Complete Journey at product-type level among r of 5, 20, 50 and all, q of 2,
    10 and 30, and a of ¼, ½ and ¾. With a small q the many neighbours outweigh the user (NDCG@10 .40 for q = 2, .54 for
    q = 10).

    References
    ----------
    G. Faggioli, M. Polato, F. Aiolli: Recency Aware Collaborative Filtering for Next Basket Recommendation. UMAP 2020.

    Examples
    --------
    Ann's last two baskets of three held a and b, and b; Bob shares two of her three items and has three himself, so
    w = 2/3 with a = ½. Of his one basket all items have popularity 1:

    >>> bought = np.array([[0, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 1]], dtype=np.float32)
    >>> day = np.datetime64("2021-01-04") + np.array([0, 1, 2, 0])
    >>> users = np.array(["ann", "bob"])
    >>> b = Baskets(sparse.csr_matrix(bought), np.array([0, 0, 0, 1]), day, users, np.array(list("abcd")))
    >>> at = np.datetime64("2021-01-10")
    >>> _user_wise_popularity(b, 2)[0].toarray()
    array([[0.5, 1. , 0. , 0. ]])
    >>> UPCF(recency=2, asymmetry=0.5, locality=1).fit(b, at).scores(b, at)[0].round(2)
    array([1.17, 1.67, 0.  , 0.67], dtype=float32)
    """

    recency: int | None = 50
    neighbours: int = 300
    asymmetry: float = 0.5
    locality: float = 10.0
    name: str = "UP-CF"

    def __post_init__(self) -> None:
        require("be a whole number from 1 on, or None", recency=self.recency)
        require("be a whole number from 1 on", neighbours=self.neighbours)
        require("lie in [0, 1]", asymmetry=self.asymmetry)
        require("be positive", locality=self.locality)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the item sets and user-wise popularities of all users that bought something before *at*."""
        past = past_of(visible, at, self.name)
        self.user_ids_, self.sets_ = past.user_ids, interest(past, at, np.inf, power=0)
        self._columns = self.sets_.T.tocsr()
        self.popularity_ = _user_wise_popularity(past, self.recency)
        self.share_ = popular(past, at)
        return self

    def similarities(self, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """w, shape (n_users, n_fitted_users), at most k entries per row; no user is his or her own neighbour."""
        own = interest(before(histories, at), at, np.inf, power=0)
        theirs, columns = np.diff(self.sets_.indptr) ** -(1 - self.asymmetry), self._columns

        def cosine(rows: slice) -> np.ndarray:
            mine = np.maximum(np.diff(own[rows].indptr), 1) ** -self.asymmetry
            return dense_product(own[rows], columns) * mine[:, np.newaxis] * theirs

        return nearest_rows(cosine, rows_of(histories.user_ids, self.user_ids_), len(self.user_ids_), self.neighbours)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Add the user's own and the neighbours' popularities, shape (n_users, n_items), float32."""
        weights = self.similarities(histories, at).power(self.locality)
        own = _user_wise_popularity(before(histories, at), self.recency)
        return with_popularity((own + weights @ self.popularity_).toarray(), self.share_)


class _ShrunkCosine:
    """Cosine of given rows with every row of *others*, times n / (n + shrinkage) for n common columns.

    What depends on *others* alone is computed once, so that the answer to one row takes no time of all the others.

    Parameters
    ----------
    others : csr_matrix, shape (n_others, n_columns)
    shrinkage : float
    """

    def __init__(self, others: sparse.csr_matrix, shrinkage: float) -> None:
        self._units, self._shrinkage = unit_rows(others).T.tocsr(), shrinkage
        self._held = _ones(self._units)

    def __call__(self, rows: sparse.csr_matrix) -> np.ndarray:
        """Return the similarities, shape (n_rows, n_others), float64; 0 where rows have nothing in common."""
        cosine = dense_product(unit_rows(rows), self._units)
        if self._shrinkage:
            common = dense_product(_ones(rows), self._held)
            cosine *= common / (common + self._shrinkage)
        return cosine


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """1 where an entry is positive, float64."""
    return (matrix > 0).astype(np.float64)


def _group_weights(histories: Baskets, groups: int, basket_decay: float, group_decay: float) -> np.ndarray:
    """Weight of every basket in TIFU's user vector, shape (n_baskets,), float64.

    Groups differ in size by at most one basket; the larger ones are the latest, as in the authors' code.

    Examples
    --------
    Five baskets in two groups (2 + 3), r_b = .9, r_g = .7:

    >>> day = np.datetime64("2021-01-04") + 7 * np.arange(5)
    >>> eye, items = sparse.identity(5, format="csr"), np.arange(5).astype(str)
    >>> one = Baskets(eye, np.zeros(5, dtype=int), day, np.array(["u"]), items)
    >>> _group_weights(one, 2, 0.9, 0.7).round(4).tolist()
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


def _user_wise_popularity(past: Baskets, recency: int | None) -> sparse.csr_matrix:
    """Share of each user's last *recency* baskets that hold each item, π, shape (n_users, n_items), float64."""
    recent = past if recency is None else past.last(recency)
    return recent.user_item(1 / recent.counts_by_user()[recent.user]).astype(np.float64)
