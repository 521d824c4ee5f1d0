"""The protocol that every recommender follows, from popularity to the recurrent network, and the checks they share.

A new recommender is one class with ``name``, ``fit`` and ``scores``, and ``probability`` if it estimates one.
:mod:`~bundlebook.recommenders.counting` is an example to begin from. Three lists then need a line: the room's
``__init__.pyi``, the registry of methods in ``evaluation/``, and ``MAKERS`` in ``tests/recommenders/test_contract.py``,
which holds the class to what is promised here.
"""

from collections.abc import Callable
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from bundlebook.errors import BundlebookError
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


def past_of(visible: Baskets, at: np.datetime64, where: str, least_items: int = 2) -> Baskets:
    """Baskets before *at*, or a clear error if there is nothing to learn from them."""
    if visible.n_items < least_items:
        raise BundlebookError(
            f"the catalogue has {visible.n_items} item(s), nothing can be ranked",
            where=where,
            remedy="count items at a finer level",
        )
    past = visible.between(end=at)
    if not past.n_baskets:
        raise BundlebookError(f"no basket lies before {at}", where=where, remedy="predict a later window")
    return past


_RULES: dict[str, Callable[[Any], bool]] = {
    "be at least 1": lambda value: value >= 1,
    "be at least 1, or None": lambda value: value is None or value >= 1,
    "be positive": lambda value: value > 0,
    "not be negative": lambda value: value >= 0,
    "lie in [0, 1]": lambda value: 0 <= value <= 1,
    "lie in (0, 1]": lambda value: 0 < value <= 1,
}


def require(rule: str, **parameters: float | None) -> None:
    """Refuse the first parameter that breaks a rule of ``_RULES``; NaN breaks every one.

    >>> require("lie in [0, 1]", power=0.5, own_weight=1.5)
    Traceback (most recent call last):
    bundlebook.errors.BundlebookError: recommender: own_weight must lie in [0, 1], got 1.5
    """
    for name, value in parameters.items():
        if not _RULES[rule](value):
            raise BundlebookError(f"{name} must {rule}, got {value}", where="recommender")
