"""What every recommender checks: the day, the baskets before it, and its settings."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from numbers import Number
from operator import index
from typing import Any

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


def as_day(at: Any) -> np.datetime64:
    """Return the day of an ISO date, a moment or a day; refuse anything else.

    >>> as_day("2021-06-01T12:30")
    np.datetime64('2021-06-01')
    """
    day = np.datetime64("NaT")
    if at is not None and not isinstance(at, Number):  # NumPy would count a number from 1970 on
        with suppress(ValueError, TypeError):
            day = np.datetime64(at).astype("datetime64[D]")
    if np.isnat(day):
        raise BundlebookError(
            f"{str(at)!r} is not a day", where="recommender", remedy="give an ISO date such as 2021-06-01"
        )
    return day


def before(baskets: Baskets, at: Any) -> Baskets:
    """Return the baskets before the day *at*; refuse quantities that are not finite."""
    if not np.isfinite(baskets.quantities.data).all():
        many = np.count_nonzero(~np.isfinite(baskets.quantities.data))
        problem, remedy = f"{many} quantities are not finite numbers", "clean the shop before you group it"
        raise BundlebookError(problem, where="recommender", remedy=remedy)
    return baskets.between(end=as_day(at))


def past_of(visible: Baskets, at: np.datetime64, where: str, least_items: int = 2) -> Baskets:
    """Baskets before *at*, of the users who have any; a clear error if there is nothing to learn from them."""
    if visible.n_items < least_items:
        raise BundlebookError(
            f"the catalogue has {visible.n_items} item(s), nothing can be ranked",
            where=where,
            remedy="count items at a finer level",
        )
    past = before(visible, at)
    if not past.n_baskets:
        raise BundlebookError(f"no basket lies before {at}", where=where, remedy="predict a later window")
    return past.of_users(np.flatnonzero(past.counts_by_user()))


#: Rule of a seed: what NumPy and Keras both take.
SEED = "be a whole number from 0 to 4294967295"
_RULES: dict[str, Callable[[Any], bool]] = {
    "be a whole number from 1 on": lambda value: index(value) >= 1,
    "be a whole number from 1 on, or None": lambda value: value is None or index(value) >= 1,
    "be positive": lambda value: value > 0,
    "not be negative": lambda value: value >= 0,
    "lie in [0, 1]": lambda value: 0 <= value <= 1,
    "lie in (0, 1]": lambda value: 0 < value <= 1,
    SEED: lambda value: 0 <= index(value) < 2**32,
}


def require(rule: str, **parameters: Any) -> None:
    """Refuse the first parameter that breaks a rule of ``_RULES``, as NaN and what is not a number always do.

    >>> require("lie in [0, 1]", power=0.5, own_weight=1.5)
    Traceback (most recent call last):
    bundlebook.errors.BundlebookError: recommender: own_weight must lie in [0, 1], got 1.5
    """
    for name, value in parameters.items():
        try:
            kept = _RULES[rule](value)
        except TypeError:
            kept = False
        if not kept:
            raise BundlebookError(f"{name} must {rule}, got {value!r}", where="recommender")


def one_of(known: Iterable[str], **parameters: Any) -> None:
    """Refuse the first parameter that is none of the words *known*.

    >>> one_of(("users", "baskets"), rows="items")
    Traceback (most recent call last):
    bundlebook.errors.BundlebookError: recommender: unknown rows 'items'
      Remedy: use one of 'users', 'baskets'
    """
    for name, value in parameters.items():
        if value not in known:
            remedy = f"use one of {', '.join(map(repr, known))}"
            raise BundlebookError(f"unknown {name} {value!r}", where="recommender", remedy=remedy)
