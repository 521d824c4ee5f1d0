"""The mean of several recommenders that estimate one probability, such as a network trained with several seeds."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.base import ProbabilisticRecommender
from bundlebook.shop import Baskets


class Ensemble:
    r"""Mean probability of its members (集成).

    .. math:: P_{ui} = \frac1M \sum_{m=1}^{M} P^{(m)}_{ui}

    The cross entropy is convex in P, so the mean's is at most the mean of the members' (Jensen's inequality).

    Parameters
    ----------
    members : sequence of ProbabilisticRecommender
        Fitted by :meth:`fit`. They must mean the same event.
    name : str
        How tables call it.
    """

    def __init__(self, members: Sequence[ProbabilisticRecommender], name: str = "ensemble") -> None:
        if not members or not all(isinstance(member, ProbabilisticRecommender) for member in members):
            raise BundlebookError(
                "an ensemble averages probabilities", where=name, remedy="give at least one member that estimates them"
            )
        self.members, self.name = list(members), name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Fit every member."""
        for member in self.members:
            member.fit(visible, at)
        self.fit_seconds_ = sum(getattr(member, "fit_seconds_", 0.0) for member in self.members)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the probability, which is also the order; shape (n_users, n_items), float32."""
        return self.probability(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the mean of the members' P, shape (n_users, n_items), float32."""
        total = np.zeros((histories.n_users, histories.n_items))
        for member in self.members:
            total += member.probability(histories, at)
        return (total / len(self.members)).astype(np.float32)
