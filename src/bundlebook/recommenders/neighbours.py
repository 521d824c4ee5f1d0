"""Collaborative filtering by neighbours: people who buy like you, and things that are bought by the same people."""

from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.recommenders._interest import (
    blocks,
    interest,
    past_of,
    popular,
    require,
    rows_of,
    strongest,
    unit_rows,
    with_popularity,
)
from bundlebook.shop import Baskets


class _Neighbours:
    """What both kinds of neighbours are told, and what they have in common: how a user's own row joins theirs."""

    share_: np.ndarray

    def __init__(
        self, neighbours: int, shrinkage: float, half_life: float, power: float, own_weight: float, name: str
    ) -> None:
        require(
            neighbours=(neighbours, neighbours >= 1, "be at least 1"),
            shrinkage=(shrinkage, shrinkage >= 0, "not be negative"),
            half_life=(half_life, half_life > 0, "be positive"),
            power=(power, 0 <= power <= 1, "lie in [0, 1]"),
            own_weight=(own_weight, 0 <= own_weight <= 1, "lie in [0, 1]"),
        )
        self.neighbours, self.shrinkage, self.half_life = neighbours, shrinkage, half_life
        self.power, self.own_weight, self.name = power, own_weight, name

    def _interest(self, baskets: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """r of every user, shape (n_users, n_items)."""
        return interest(baskets.between(end=at), at, self.half_life, self.power)

    def _mixed(self, own: sparse.csr_matrix, others: sparse.csr_matrix) -> np.ndarray:
        """α of the own row and 1 − α of what neighbours say, popularity deciding ties; float32."""
        mixed = self.own_weight * own + (1 - self.own_weight) * others
        return with_popularity(mixed.toarray(), self.share_)


class UserKNN(_Neighbours):
    r"""User-based collaborative filtering (基于用户的协同过滤): what people with a similar history buy.

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
        Of the counts, in days; ``numpy.inf`` never forgets.
    power : float
        p in [0, 1]: 1 takes counts as they are, 0 only whether an item was bought.
    own_weight : float
        α in [0, 1]. Where people buy again, their own purchases say most.
    name : str
        How tables call it.

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

    def __init__(
        self,
        neighbours: int = 300,
        shrinkage: float = 0.0,
        half_life: float = 90.0,
        power: float = 1.0,
        own_weight: float = 0.7,
        name: str = "user neighbours",
    ) -> None:
        super().__init__(neighbours, shrinkage, half_life, power, own_weight, name)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the weighted rows of all users that bought something before *at*."""
        past = past_of(visible, at, self.name)
        known = np.flatnonzero(past.counts_by_user() > 0)
        self.user_ids_ = past.user_ids[known]
        self.rows_ = self._interest(past, at)[known]
        self.share_ = popular(past, at)
        return self

    def similarities(self, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """w, shape (n_users, n_fitted_users), at most k entries a row; nobody is a neighbour of himself or herself."""
        own = self._interest(histories, at)
        self_row = rows_of(histories.user_ids, self.user_ids_)
        found = []
        for rows in blocks(own.shape[0], len(self.user_ids_)):
            block = shrunk_cosine(own[rows], self.rows_, self.shrinkage)
            mine = np.flatnonzero(self_row[rows] >= 0)
            block[mine, self_row[rows][mine]] = 0
            found.append(strongest(block, self.neighbours))
        return sparse.vstack(found, format="csr")

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Mix each user's row with the neighbours' mean, shape (n_users, n_items), float32."""
        own = self._interest(histories, at)
        others = unit_rows(self.similarities(histories, at), 1) @ self.rows_
        return self._mixed(own, others)


class ItemKNN(_Neighbours):
    r"""Item-based collaborative filtering (基于物品的协同过滤): what is bought by the people who buy what you buy.

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
        Of the counts, in days; ``numpy.inf`` never forgets.
    power : float
        p in [0, 1]: 1 takes counts as they are, 0 only whether an item was bought.
    own_weight : float
        α in [0, 1]. Where people buy again, their own purchases say most.
    name : str
        How tables call it.

    Notes
    -----
    Chosen on the validation window of the Complete Journey at product-type level among k of 10 to 200, β of 0, 10 and
    50, p of 0, .5 and 1, and α of 0, .5 and .8: α matters most, k and β move NDCG@10 by less than .01.

    A user without a basket is shown what is popular; popularity also orders the items no purchase speaks for.

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

    def __init__(
        self,
        neighbours: int = 100,
        shrinkage: float = 10.0,
        half_life: float = 90.0,
        power: float = 1.0,
        own_weight: float = 0.8,
        name: str = "item neighbours",
    ) -> None:
        super().__init__(neighbours, shrinkage, half_life, power, own_weight, name)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Compute w, shape (n_items, n_items), at most k entries a row."""
        past = past_of(visible, at, self.name)
        columns = self._interest(past, at).T.tocsr()
        found = []
        for items in blocks(columns.shape[0], columns.shape[0]):
            block = shrunk_cosine(columns[items], columns, self.shrinkage)
            here = np.arange(len(block))
            block[here, items.start + here] = 0
            found.append(strongest(block, self.neighbours))
        self.similarity_ = sparse.vstack(found, format="csr")
        self.share_ = popular(past, at)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Mix each user's row with what it speaks for, shape (n_users, n_items), float32."""
        own = self._interest(histories, at)
        others = own @ unit_rows(self.similarity_, 1)
        return self._mixed(own, others)


def shrunk_cosine(left: sparse.csr_matrix, right: sparse.csr_matrix, shrinkage: float) -> np.ndarray:
    """Cosine of every row of *left* with every row of *right*, times n / (n + shrinkage) for n common columns.

    Returns
    -------
    ndarray, shape (n_left, n_right), float64
        0 where rows have nothing in common or are empty.
    """
    cosine = (unit_rows(left) @ unit_rows(right).T).toarray()
    if shrinkage:
        common = ((left > 0).astype(np.float64) @ (right > 0).astype(np.float64).T).toarray()
        cosine *= common / (common + shrinkage)
    return cosine
