"""UP-CF: what the user bought in the last baskets, mixed with what similar users bought in theirs."""

from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.recommenders._interest import blocks, past_of, popular, require, rows_of, strongest, with_popularity
from bundlebook.shop import Baskets


class UPCF:
    r"""Recency-aware user-wise popularity with collaborative filtering (Faggioli, Polato and Aiolli, 2020).

    The user-wise popularity (按用户的热度) of item i is its share of the last r baskets of the user,

    .. math:: \pi_{ui} = \frac{1}{\min(r, |B_u|)} \sum_{b \in \text{last } r \text{ of } B_u} [i \in b]

    and it is summed over the user and the k most similar others, similarity being the asymmetric cosine of the sets
    I of items ever bought, to a power q (locality: the larger, the less the many distant users say):

    .. math:: w_{uv} = \frac{|I_u \cap I_v|}{|I_u|^{a}\, |I_v|^{1-a}}, \qquad
              s_{ui} = \pi_{ui} + \sum_{v \in N_k(u)} w_{uv}^{\,q}\, \pi_{vi}

    The user himself or herself has w = 1, hence the first term.

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
        How tables call it.

    Notes
    -----
    A user without a basket is shown what is popular; popularity also orders the items nobody similar bought.

    Chosen on the validation window of the Complete Journey at product-type level among r of 5, 20, 50 and all, q of 2,
    10 and 30, and a of ¼, ½ and ¾. With a small q the many neighbours drown the user (NDCG@10 .40 for q = 2, .54 for
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
    >>> user_wise_popularity(b, 2)[0].toarray()
    array([[0.5, 1. , 0. , 0. ]])
    >>> UPCF(recency=2, asymmetry=0.5, locality=1).fit(b, at).scores(b, at)[0].round(2)
    array([1.17, 1.67, 0.  , 0.67], dtype=float32)
    """

    def __init__(
        self,
        recency: int | None = 50,
        neighbours: int = 300,
        asymmetry: float = 0.5,
        locality: float = 10.0,
        name: str = "UP-CF",
    ) -> None:
        require(
            recency=(recency, recency is None or recency >= 1, "be at least 1, or None"),
            neighbours=(neighbours, neighbours >= 1, "be at least 1"),
            asymmetry=(asymmetry, 0 <= asymmetry <= 1, "lie in [0, 1]"),
            locality=(locality, locality > 0, "be positive"),
        )
        self.recency, self.neighbours = recency, neighbours
        self.asymmetry, self.locality, self.name = asymmetry, locality, name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Keep the item sets and user-wise popularities of all users that bought something before *at*."""
        past = past_of(visible, at, self.name)
        known = np.flatnonzero(past.counts_by_user() > 0)
        self.user_ids_ = past.user_ids[known]
        self.sets_ = _sets(past)[known]
        self.popularity_ = user_wise_popularity(past, self.recency)[known]
        self.share_ = popular(past, at)
        return self

    def similarities(self, histories: Baskets, at: np.datetime64) -> sparse.csr_matrix:
        """w, shape (n_users, n_fitted_users), at most k entries a row; nobody is a neighbour of himself or herself."""
        own, self_row = _sets(histories.between(end=at)), rows_of(histories.user_ids, self.user_ids_)
        theirs = np.diff(self.sets_.indptr) ** -(1 - self.asymmetry)
        found = []
        for rows in blocks(own.shape[0], len(self.user_ids_)):
            mine = np.maximum(np.diff(own[rows].indptr), 1) ** -self.asymmetry
            block = (own[rows] @ self.sets_.T).toarray() * mine[:, np.newaxis] * theirs
            here = np.flatnonzero(self_row[rows] >= 0)
            block[here, self_row[rows][here]] = 0
            found.append(strongest(block, self.neighbours))
        return sparse.vstack(found, format="csr")

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Add the user's own and the neighbours' popularities, shape (n_users, n_items), float32."""
        weights = self.similarities(histories, at).power(self.locality)
        own = user_wise_popularity(histories.between(end=at), self.recency)
        return with_popularity((own + weights @ self.popularity_).toarray(), self.share_)


def user_wise_popularity(past: Baskets, recency: int | None) -> sparse.csr_matrix:
    """Share of each user's last *recency* baskets that hold each item, π, shape (n_users, n_items), float64."""
    count = past.counts_by_user()
    from_end = (np.cumsum(count) - 1)[past.user] - np.arange(past.n_baskets)
    used = np.full(len(count), np.inf) if recency is None else np.full(len(count), float(recency))
    used = np.minimum(used, count)
    weights = np.where(from_end < used[past.user], 1 / np.maximum(used, 1)[past.user], 0)
    shares = past.user_item(weights).astype(np.float64)
    shares.eliminate_zeros()
    return shares


def _sets(past: Baskets) -> sparse.csr_matrix:
    sets = past.user_item().astype(np.float64)
    sets.data[:] = 1
    return sets
