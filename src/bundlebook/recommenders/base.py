"""The protocol every recommender follows, from popularity to the recurrent network."""

from typing import Protocol, Self, runtime_checkable

import numpy as np

from bundlebook.shop import Baskets


@runtime_checkable
class Recommender(Protocol):
    """Scores every item for every history.

    Attributes
    ----------
    name : str
        How tables and figures call it.
    """

    name: str

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn from everything bought before the day *at*, and from nothing else."""
        ...

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Score all items for the period that begins at *at*.

        Parameters
        ----------
        histories : Baskets
            What each user bought before *at*, over the items of the fit; a user may be new or have no basket.
        at : datetime64[D]

        Returns
        -------
        ndarray, shape (n_users, n_items), float32
            Higher is better; comparable within a row.
        """
        ...


@runtime_checkable
class ProbabilisticRecommender(Recommender, Protocol):
    """A recommender whose scores can be read as P(bought within the period that begins at *at*)."""

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P in [0, 1], shape (n_users, n_items), float32."""
        ...
