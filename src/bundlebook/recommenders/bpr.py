"""Bayesian personalised ranking: vectors trained so that what was bought ranks above what was not."""

from typing import Self

import numpy as np

from bundlebook.recommenders._interest import interest, past_of, popular, require, with_popularity
from bundlebook.shop import Baskets


class BPR:
    r"""Matrix factorisation with the pairwise loss of Bayesian personalised ranking (贝叶斯个性化排序).

    With :math:`s_{ui} = \mathbf{x}_u^\top \mathbf{y}_i + b_i`, :math:`\mathbf{x}_u, \mathbf{y}_i \in \mathbb{R}^{f}`,
    every purchase (u, i) is set against an item j that u never bought, drawn at random:

    .. math:: \min_{X, Y, b} \sum_{(u, i, j)} -\ln \sigma(s_{ui} - s_{uj})
              + \frac{\lambda}{2}\bigl(\lVert\mathbf{x}_u\rVert^2 + \lVert\mathbf{y}_i\rVert^2
              + \lVert\mathbf{y}_j\rVert^2 + b_i^2 + b_j^2\bigr)

    One step of stochastic gradient descent with rate η moves, for :math:`g = \sigma(s_{uj} - s_{ui})`,

    .. math:: \mathbf{x}_u \mathrel{+}= \eta\,(g(\mathbf{y}_i - \mathbf{y}_j) - \lambda\mathbf{x}_u), \quad
              \mathbf{y}_i \mathrel{+}= \eta\,(g\,\mathbf{x}_u - \lambda\mathbf{y}_i), \quad
              \mathbf{y}_j \mathrel{+}= \eta\,(-g\,\mathbf{x}_u - \lambda\mathbf{y}_j)

    The loss is, up to a constant, a smooth stand-in for one minus the area under the ROC curve.

    Parameters
    ----------
    factors : int
        f.
    rate : float
        η > 0.
    l2 : float
        λ ≥ 0.
    epochs : int
        Passes; in each as many purchases are drawn as there are pairs of a user and an item bought.
    half_life, power : float
        A purchase is drawn in proportion to its decayed count (half-life in days) to this power in [0, 1].
    seed : int
        Of the first vectors and all draws; the steps are taken one after the other, so that equal seeds give equal
        vectors.
    name : str
        How tables call it.

    Notes
    -----
    The vector of a user is always learned from the history that is passed to :meth:`scores`, by the same steps with
    the items held (:meth:`fold_in`): a new user needs no new training. Every user sees the same random numbers, so
    nobody's vector depends on who else is scored. A user without a basket is shown what is popular.

    Chosen on the validation window of the Complete Journey at product-type level among f of 16, 32 and 64, η of .05 and
    .1, λ of .003 and .01, 30 and 60 epochs and p of .5 and 1. All lie within .03 of NDCG@10; vectors folded in do
    as well as those of the training (.390 against .383).

    References
    ----------
    S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit
    Feedback. UAI 2009.

    Examples
    --------
    >>> from scipy import sparse
    >>> bought = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0]], dtype=np.float32)
    >>> day = np.full(5, np.datetime64("2021-01-04"))
    >>> users = np.array(["u0", "u1", "u2", "u3", "u4"])
    >>> b = Baskets(sparse.csr_matrix(bought), np.arange(5), day, users, np.array(list("abcd")))
    >>> model = BPR(factors=2, epochs=200, seed=1).fit(b, np.datetime64("2021-01-05"))
    >>> model.scores(b, np.datetime64("2021-01-05"))[4].argsort()[::-1][:2].tolist()
    [0, 1]
    """

    def __init__(
        self,
        factors: int = 64,
        rate: float = 0.05,
        l2: float = 0.01,
        epochs: int = 30,
        half_life: float = 90.0,
        power: float = 1.0,
        seed: int = 0,
        name: str = "matrix factorisation (BPR)",
    ) -> None:
        require(
            factors=(factors, factors >= 1, "be at least 1"),
            rate=(rate, rate > 0, "be positive"),
            l2=(l2, l2 >= 0, "not be negative"),
            epochs=(epochs, epochs >= 1, "be at least 1"),
            half_life=(half_life, half_life > 0, "be positive"),
            power=(power, 0 <= power <= 1, "lie in [0, 1]"),
        )
        self.factors, self.rate, self.l2, self.epochs = factors, rate, l2, epochs
        self.half_life, self.power, self.seed, self.name = half_life, power, seed, name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Train on *visible*; keeps the items' vectors (n_items, f) and biases (n_items,), float64."""
        from bundlebook.recommenders._descent import descend

        past = past_of(visible, at, self.name)
        rows = interest(past, at, self.half_life, self.power)
        rows = rows[np.diff(rows.indptr) > 0]
        rng = np.random.default_rng(self.seed)
        user = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        self.user_factors_ = (rng.random((rows.shape[0], self.factors)) - 0.5) / self.factors
        self.item_factors_ = (rng.random((rows.shape[1], self.factors)) - 0.5) / self.factors
        self.bias_ = np.zeros(rows.shape[1])
        bounds = np.cumsum(rows.data)
        for _ in range(self.epochs):
            pair = np.minimum(np.searchsorted(bounds, rng.random(rows.nnz) * bounds[-1], "right"), rows.nnz - 1)
            other = rng.integers(rows.shape[1], size=rows.nnz)
            descend(
                user[pair],
                rows.indices[pair],
                other,
                rows.indptr,
                rows.indices,
                self.user_factors_,
                self.item_factors_,
                self.bias_,
                self.rate,
                self.l2,
            )
        self.share_ = popular(past, at)
        return self

    def fold_in(self, histories: Baskets, at: np.datetime64, steps: int = 2000) -> np.ndarray:
        """Learn users' vectors with the items held, shape (n_users, f), float64; 0 without a basket."""
        from bundlebook.recommenders._descent import fold_in

        rows = interest(histories.between(end=at), at, self.half_life, self.power)
        draws = np.random.default_rng(self.seed).random((steps, 2))
        return fold_in(rows.indptr, rows.indices, rows.data, draws, self.item_factors_, self.bias_, self.rate, self.l2)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Learn each user's vector, multiply with the items', shape (n_users, n_items), float32."""
        scores = self.fold_in(histories, at) @ self.item_factors_.T + self.bias_
        scores[histories.between(end=at).counts_by_user() == 0] = self.share_
        return with_popularity(scores, self.share_)
