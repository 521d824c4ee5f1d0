"""Counting, the strongest simple idea there is: what everybody buys, what this user buys, and both with forgetting."""

from typing import Self

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.shop import PERIOD_DAYS, Baskets


class Popularity:
    r"""Global popularity (热门推荐): every user is shown what most users bought lately.

    .. math:: s_{ui} = \frac{|\{v : v \text{ bought } i \text{ in the last } D \text{ days}\}|}
                            {|\{v : v \text{ bought anything in the last } D \text{ days}\}|}

    Parameters
    ----------
    days : int
        Length D of the look-back in days. One period is what is to be predicted, too.
    name : str
        How tables call it.

    Examples
    --------
    Two users, three baskets; both bought item 0, one of them twice:

    >>> from scipy import sparse
    >>> bought = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=np.float32))
    >>> day = np.array(["2021-01-04", "2021-01-11", "2021-01-05"], dtype="datetime64[D]")
    >>> b = Baskets(bought, np.array([0, 0, 1]), day, np.array(["u1", "u2"]), np.array(["i0", "i1", "i2"]))
    >>> Popularity().fit(b, np.datetime64("2021-02-01")).share_.tolist()
    [1.0, 0.5, 0.5]
    """

    def __init__(self, days: int = PERIOD_DAYS, name: str = "popularity") -> None:
        if days < 1:
            raise BundlebookError(f"days must be at least 1, got {days}", where="Popularity")
        self.days, self.name = days, name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Count the distinct users of every item in the last days before *at*."""
        recent = visible.between(at - np.timedelta64(self.days, "D"), at)
        if not recent.n_baskets:
            recent = visible.between(end=at)
        if not recent.n_baskets:
            raise BundlebookError(f"no basket lies before {at}", where=self.name, remedy="predict a later window")
        users = recent.user_item()
        bought_by = np.bincount(users.indices, minlength=recent.n_items)
        self.share_ = (bought_by / np.count_nonzero(np.diff(users.indptr))).astype(np.float32)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the same row for every user, shape (n_users, n_items)."""
        return np.tile(self.share_, (histories.n_users, 1))


class PersonalFrequency:
    r"""Personal frequency (个人购买频率): every user is shown what he or she bought most often.

    .. math:: s_{ui} = \sum_{b \in B_u} [i \in b]

    An item the user never bought scores 0, so a short history leaves most of the list to the tie rule.

    Parameters
    ----------
    name : str
        How tables call it.
    """

    def __init__(self, name: str = "personal frequency") -> None:
        self.name = name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Nothing is learned from other users."""
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the number of baskets that held each item, shape (n_users, n_items)."""
        return histories.between(end=at).user_item().toarray()


class DecayedFrequency:
    r"""Personal frequency that forgets, plus popularity for what the user has not bought yet.

    .. math:: s_{ui} = \sum_{b \in B_u} 2^{-(t - t_b) / H} \, [i \in b] \; + \; \alpha \, p_i

    t is the day of the prediction, t_b the day of basket b, H the half-life and p_i the share of all recent baskets
    that hold item i. The second term acts as if α baskets of an average customer had been added to the history.

    Parameters
    ----------
    half_life : float
        H, in days: a basket of that age counts one half. ``numpy.inf`` never forgets.
    prior_baskets : float
        α, in baskets, at least 0.
    days : int
        Look-back of the popularity p, in days.
    name : str
        How tables call it.

    Notes
    -----
    The defaults were chosen on the validation window of the Complete Journey at product-type level, from half-lives
    of 30 to 180 days and priors of 0 to 8 baskets; the optimum is flat.
    """

    def __init__(
        self,
        half_life: float = 90.0,
        prior_baskets: float = 8.0,
        days: int = 2 * PERIOD_DAYS,
        name: str = "decayed frequency + popularity",
    ) -> None:
        if not half_life > 0:
            raise BundlebookError(f"half_life must be positive, got {half_life}", where="DecayedFrequency")
        if not prior_baskets >= 0:
            raise BundlebookError(f"prior_baskets must not be negative, got {prior_baskets}", where="DecayedFrequency")
        self.half_life, self.prior_baskets, self.days, self.name = half_life, prior_baskets, days, name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the share of recent baskets that hold each item."""
        recent = visible.between(at - np.timedelta64(self.days, "D"), at)
        if not recent.n_baskets:
            recent = visible.between(end=at)
        holding = np.bincount(recent.quantities.indices, minlength=recent.n_items)
        self.share_ = (holding / max(recent.n_baskets, 1)).astype(np.float32)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return decayed counts plus the prior, in baskets, shape (n_users, n_items)."""
        past = histories.between(end=at)
        return past.user_item(past.decay(at, self.half_life)).toarray() + self.prior_baskets * self.share_
