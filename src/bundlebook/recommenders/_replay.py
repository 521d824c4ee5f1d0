"""The last visible period, replayed: what was known at its beginning, and what came true in it.

Everything that is learned about a recommender from outside (a calibration, the weights of a stack) is learned here,
one period before the day of the prediction, so that nothing of the window itself is needed.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import PERIOD_DAYS, Baskets

Target = Literal["window", "next_basket"]
TARGETS = ("window", "next_basket")


@dataclass(frozen=True)
class Replay:
    """What there was to predict one period ago.

    Attributes
    ----------
    then : datetime64[D]
    past : Baskets
        Everything before `then`, of the users who had a basket by then: what a recommender would have been fitted on.
    histories : Baskets
        The same of those who take part.
    bought : csr_matrix, shape (n_users, n_items)
        What these bought: in the period, or in their first basket of it. A user who stayed away bought nothing in the
        period and takes part; without a next basket there is nothing to say about it, and he or she does not.
    came : Baskets
        Everybody's baskets of the period (only the first ones if the target is the next basket).
    """

    then: np.datetime64
    past: Baskets
    histories: Baskets
    bought: sparse.csr_matrix
    came: Baskets

    @classmethod
    def of(
        cls,
        visible: Baskets,
        at: np.datetime64,
        *,
        where: str,
        days: int = PERIOD_DAYS,
        min_history: int = 3,
        target: Target = "window",
    ) -> Self:
        """Cut a log one period before *at*.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        where : str
            What the replay is for, named in an error.
        days : int
            Length of the period.
        min_history : int
            Users with fewer baskets before it take no part.
        target : {"window", "next_basket"}

        Raises
        ------
        BundlebookError
            If nobody takes part, or none of them bought anything.
        """
        if target not in TARGETS:
            raise BundlebookError(f"unknown target {target!r}", where=where, remedy=f"use one of {', '.join(TARGETS)}")
        then = np.datetime64(at, "D") - np.timedelta64(days, "D")
        past, came = visible.between(end=then), visible.between(then, at)
        known = past.counts_by_user() >= max(min_history, 1)
        if target == "next_basket":
            came = came.where(np.unique(came.user, return_index=True)[1])
            known &= came.counts_by_user() > 0
        users = np.flatnonzero(known)
        if not len(users) or not came.of_users(users).n_baskets:
            raise BundlebookError(
                f"no user has {min_history} baskets before {then}, or none of them came in the {days} days after",
                where=where,
                remedy="use a longer log, fewer days or a lower min_history",
            )
        present = past.of_users(np.flatnonzero(past.counts_by_user()))
        return cls(then, present, past.of_users(users), came.of_users(users).user_item(), came)

    def some(self, most: int, seed: int) -> Self:
        """At most so many of those who take part, drawn at random, in their order."""
        if self.histories.n_users <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(self.histories.n_users)[:most])
        return type(self)(self.then, self.past, self.histories.of_users(chosen), self.bought[chosen], self.came)
