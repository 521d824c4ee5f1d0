"""Counting, the strongest simple idea: what all users buy, what this user buys, and what follows what."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.recommenders._checks import before, past_of, require
from bundlebook.recommenders._interest import basket_share, interest, popular, unit_rows, with_popularity
from bundlebook.shop import PERIOD_DAYS, Baskets


@dataclass(eq=False)
class Popularity:
    r"""Global popularity (热门推荐): every user is shown what most users bought lately.

    .. math:: s_{ui} = \frac{|\{v : v \text{ bought } i \text{ in the last } D \text{ days}\}|}
                            {|\{v : v \text{ bought anything in the last } D \text{ days}\}|}

    Parameters
    ----------
    days : int
        Length D of the look-back in days; by default one period, which is also what is to be predicted.
    name : str
        Name in tables and figures.

    Examples
    --------
    Two users, three baskets; both bought item 0, one of them twice:

    >>> bought = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=np.float32))
    >>> day = np.array(["2021-01-04", "2021-01-11", "2021-01-05"], dtype="datetime64[D]")
    >>> b = Baskets(bought, np.array([0, 0, 1]), day, np.array(["u1", "u2"]), np.array(["i0", "i1", "i2"]))
    >>> Popularity().fit(b, np.datetime64("2021-02-01")).share_.tolist()
    [1.0, 0.5, 0.5]
    """

    days: int = PERIOD_DAYS
    name: str = "popularity"

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", days=self.days)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Count the distinct users of every item in the last days before *at*."""
        self.share_ = popular(past_of(visible, at, self.name, least_items=1), at, self.days)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the same row for every user, shape (n_users, n_items), float32."""
        return np.tile(self.share_, (histories.n_users, 1))


@dataclass(eq=False)
class PersonalFrequency:
    r"""Personal frequency (个人购买频率): every user is shown what he or she bought most often.

    .. math:: s_{ui} = \sum_{b \in B_u} [i \in b]

    An item the user never bought scores 0, so after a short history most of the list is ordered by the rule for ties.

    Parameters
    ----------
    name : str
        Name in tables and figures.
    """

    name: str = "personal frequency"

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Nothing is learned from other users."""
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the number of baskets that held each item, shape (n_users, n_items), float32."""
        return before(histories, at).user_item().toarray()


@dataclass(eq=False)
class DecayedFrequency:
    r"""Personal frequency that forgets, plus popularity for what the user has not bought yet.

    .. math:: s_{ui} = \sum_{b \in B_u} 2^{-(t - t_b) / H} \, [i \in b] \; + \; \alpha \, p_i

    t is the day of the prediction, t_b the day of basket b, H the half-life and p_i the share of all recent baskets
    that hold item i. The second term acts as if α baskets of an average user had been added to the history.

    Parameters
    ----------
    half_life : float
        H, in days: a basket of that age counts one half. ``numpy.inf`` never forgets.
    prior_baskets : float
        α, in baskets, at least 0.
    days : int
        Look-back of the popularity p, in days.
    name : str
        Name in tables and figures.

    Notes
    -----
    The defaults were chosen on the validation window of the Complete Journey at product-type level, from half-lives
    of 30 to 180 days and priors of 0 to 8 baskets; the optimum is flat.
    """

    half_life: float = 90.0
    prior_baskets: float = 8.0
    days: int = 2 * PERIOD_DAYS
    name: str = "decayed frequency + popularity"

    def __post_init__(self) -> None:
        require("be positive", half_life=self.half_life)
        require("not be negative", prior_baskets=self.prior_baskets)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the share of recent baskets that hold each item."""
        self.share_ = basket_share(before(visible, at), at, self.days).astype(np.float32)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return decayed counts plus the prior, in baskets, shape (n_users, n_items), float32."""
        past = before(histories, at)
        return past.user_item(past.decay(at, self.half_life)).toarray() + self.prior_baskets * self.share_


@dataclass(eq=False)
class TransitionCounts:
    r"""Decayed personal frequency, popularity, and what tends to be in the basket after such baskets.

    From all pairs (b, b⁺) of a basket and the same user's next one, the transition matrix (转移矩阵)

    .. math:: T_{ji} = P(i \in b^+ \mid j \in b) =
              \frac{|\{(b, b^+) : j \in b,\ i \in b^+\}|}{|\{(b, b^+) : j \in b\}| + \beta}

    is counted; β draws rare items' rows towards 0. With :math:`\mathbf{h}_u` the user's recent items, decayed with
    half-life :math:`H'` and scaled to sum 1,

    .. math:: s_{ui} = \sum_{b \in B_u} 2^{-(t - t_b)/H}\,[i \in b] \;+\; \alpha\, p_i
                       \;+\; \gamma \sum_j h_{uj}\, T_{ji}

    Each term counts baskets: the user's own, α of an average user, and γ that follow the user's latest ones.

    Parameters
    ----------
    half_life : float
        H, in days; ``numpy.inf`` never forgets.
    prior_baskets : float
        α ≥ 0.
    transition_baskets : float
        γ ≥ 0. With 0 this is :class:`DecayedFrequency`.
    recent : float
        H′, in days.
    shrinkage : float
        β ≥ 0, in pairs.
    days : int
        Look-back of the popularity p, in days: the share of recent baskets that hold the item.
    name : str
        Name in tables and figures.

    Notes
    -----
    A user without a basket is shown what is popular.

    Chosen on the validation window of the Complete Journey at product-type level among α of 0 to 8, γ of 0 to 16, H′ of
    7 to 90 days and β of 0 to 100. There γ = 2 cannot be told from 0 (NDCG@10 .557 and .556), and from 8 on transitions
    do harm: what follows a basket there is mostly what the user always buys.

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
    >>> TransitionCounts(shrinkage=0).fit(b, np.datetime64("2021-02-01")).transitions_.toarray()
    array([[0., 1.],
           [1., 0.]])
    """

    half_life: float = 90.0
    prior_baskets: float = 4.0
    transition_baskets: float = 2.0
    recent: float = 30.0
    shrinkage: float = 10.0
    days: int = 2 * PERIOD_DAYS
    name: str = "transition counts"

    def __post_init__(self) -> None:
        require("be positive", half_life=self.half_life, recent=self.recent)
        require("not be negative", prior_baskets=self.prior_baskets, transition_baskets=self.transition_baskets)
        require("not be negative", shrinkage=self.shrinkage)
        require("be a whole number from 1 on", days=self.days)

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Count the transitions, T of shape (n_items, n_items), and the share of recent baskets with each item."""
        past = past_of(visible, at, self.name)
        self.transitions_ = _transitions(past, self.shrinkage)
        self.share_ = basket_share(past, at, self.days)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Add the three counts, in baskets, shape (n_users, n_items), float32."""
        past = before(histories, at)
        own = interest(past, at, self.half_life).toarray() + self.prior_baskets * self.share_
        if self.transition_baskets:
            follow = unit_rows(interest(past, at, self.recent), 1) @ self.transitions_
            own += self.transition_baskets * follow.toarray()
        # Without the prior, popularity orders the items that have no count.
        return with_popularity(own, self.share_)


def _transitions(past: Baskets, shrinkage: float) -> sparse.csr_matrix:
    """P(item in the same user's next basket | item in this one), shape (n_items, n_items), float64.

    The columns of a row do not sum to 1: a basket holds several items. A user's last basket has no next one.
    """
    first = np.flatnonzero(past.user[:-1] == past.user[1:])
    before, after = past.incidence[first].astype(np.float64), past.incidence[first + 1].astype(np.float64)
    holding = np.bincount(before.indices, minlength=past.n_items) + shrinkage
    together = (before.T @ after).tocsr()
    return (sparse.diags(1 / np.where(holding > 0, holding, 1)) @ together).tocsr()
