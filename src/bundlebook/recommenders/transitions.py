"""Counting what follows what: personal frequency, popularity and one basket-to-basket transition matrix."""

from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.recommenders._interest import interest, past_of, require, unit_rows
from bundlebook.shop import PERIOD_DAYS, Baskets


class TransitionCounts:
    r"""Decayed personal frequency, popularity, and what tends to be in the basket after such baskets.

    From all pairs (b, b⁺) of a basket and the same user's next one, the transition matrix (转移矩阵)

    .. math:: T_{ji} = P(i \in b^+ \mid j \in b) =
              \frac{|\{(b, b^+) : j \in b,\ i \in b^+\}|}{|\{(b, b^+) : j \in b\}| + \beta}

    is counted; β draws rare items' rows towards 0. With :math:`\mathbf{h}_u` the user's recent items, decayed with
    half-life :math:`H'` and scaled to sum 1,

    .. math:: s_{ui} = \sum_{b \in B_u} 2^{-(t - t_b)/H}\,[i \in b] \;+\; \alpha\, p_i
                       \;+\; \gamma \sum_j h_{uj}\, T_{ji}

    Each term counts baskets: the user's own, α of an average customer, γ that follow those the user had lately.

    Parameters
    ----------
    half_life : float
        H, in days; ``numpy.inf`` never forgets.
    prior_baskets : float
        α ≥ 0.
    transition_baskets : float
        γ ≥ 0. With 0 this is :class:`~bundlebook.recommenders.popularity.DecayedFrequency`.
    recent : float
        H′, in days.
    shrinkage : float
        β ≥ 0, in pairs.
    days : int
        Look-back of the popularity p, in days: the share of recent baskets that hold the item.
    name : str
        How tables call it.

    Notes
    -----
    A user without a basket is shown what is popular.

    Chosen on the validation window of the Complete Journey at product-type level among α of 0 to 8, γ of 0 to 16, H′ of
    7 to 90 days and β of 0 to 100. There γ = 2 is not distinguishable from 0 (NDCG@10 .557 and .556), and from 8 on
    transitions do harm: what follows a basket there is mostly what the user always buys.

    References
    ----------
    The transition term is the first-order Markov chain of S. Rendle, C. Freudenthaler, L. Schmidt-Thieme: Factorizing
    Personalized Markov Chains for Next-Basket Recommendation, WWW 2010, counted instead of factorised.

    Examples
    --------
    b follows a twice of two times, a follows b once of one:

    >>> bought = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    >>> day = np.datetime64("2021-01-04") + np.arange(4)
    >>> b = Baskets(sparse.csr_matrix(bought), np.zeros(4, dtype=int), day, np.array(["u"]), np.array(["a", "b"]))
    >>> transitions(b, shrinkage=0).toarray()
    array([[0., 1.],
           [1., 0.]])
    """

    def __init__(
        self,
        half_life: float = 90.0,
        prior_baskets: float = 4.0,
        transition_baskets: float = 2.0,
        recent: float = 30.0,
        shrinkage: float = 10.0,
        days: int = 2 * PERIOD_DAYS,
        name: str = "transition counts",
    ) -> None:
        require(
            half_life=(half_life, half_life > 0, "be positive"),
            prior_baskets=(prior_baskets, prior_baskets >= 0, "not be negative"),
            transition_baskets=(transition_baskets, transition_baskets >= 0, "not be negative"),
            recent=(recent, recent > 0, "be positive"),
            shrinkage=(shrinkage, shrinkage >= 0, "not be negative"),
            days=(days, days >= 1, "be at least 1"),
        )
        self.half_life, self.prior_baskets, self.transition_baskets = half_life, prior_baskets, transition_baskets
        self.recent, self.shrinkage, self.days, self.name = recent, shrinkage, days, name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Count the transitions, T of shape (n_items, n_items), and the share of recent baskets with each item."""
        past = past_of(visible, at, self.name)
        self.transitions_ = transitions(past, self.shrinkage)
        window = past.between(at - np.timedelta64(self.days, "D"))
        window = window if window.n_baskets else past
        self.share_ = np.bincount(window.quantities.indices, minlength=past.n_items) / window.n_baskets
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Add the three counts, in baskets, shape (n_users, n_items), float32."""
        past = histories.between(end=at)
        own = interest(past, at, self.half_life).toarray() + self.prior_baskets * self.share_
        if self.transition_baskets:
            follow = unit_rows(interest(past, at, self.recent), 1) @ self.transitions_
            own += self.transition_baskets * follow.toarray()
        # Without the prior, popularity still orders what nothing else speaks for.
        return (own + 1e-6 * self.share_).astype(np.float32)


def transitions(past: Baskets, shrinkage: float = 0.0) -> sparse.csr_matrix:
    """P(item in the same user's next basket | item in this one), shape (n_items, n_items), float64.

    The columns of a row do not sum to 1: a basket holds several items. A user's last basket has no next one.
    """
    first = np.flatnonzero(past.user[:-1] == past.user[1:])
    before, after = past.incidence[first].astype(np.float64), past.incidence[first + 1].astype(np.float64)
    holding = np.bincount(before.indices, minlength=past.n_items) + shrinkage
    together = (before.T @ after).tocsr()
    return (sparse.diags(1 / np.where(holding > 0, holding, 1)) @ together).tocsr()
