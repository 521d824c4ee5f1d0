"""The protocol that every recommender follows, from popularity to the recurrent network.

A new recommender is one class with ``name``, ``fit`` and ``scores``, and ``probability`` if it estimates one.
:mod:`~bundlebook.recommenders.linear` is an example to begin from. Four functions of ``_checks`` serve every class:
``past_of(visible, at, self.name)`` returns what may be learned from, ``before(histories, at)`` what may be scored from,
``require("be positive", l2=self.l2)`` and ``one_of(("users", "baskets"), rows=self.rows)`` refuse wrong settings.

Three lists then need a line: the room's ``__init__.pyi``, the registry of methods in ``evaluation/``, and ``MAKERS`` in
``tests/recommenders/test_contract.py``, which tests the class against this protocol.
"""

from typing import Protocol, Self, runtime_checkable

import numpy as np

from bundlebook.shop import Baskets


@runtime_checkable
class Recommender(Protocol):
    """Scores every item for every history.

    Attributes
    ----------
    name : str
        Name in tables and figures: a plain attribute, which a caller may set before the fit.
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
