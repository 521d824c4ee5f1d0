"""Histories that never were: what a customer would have had to buy."""

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop.baskets import Baskets
from bundlebook.shop.splits import PERIOD_DAYS


def with_habit(history: Baskets, column: int, times: int, periods: int, at: np.datetime64) -> Baskets:
    """Add a habit to one customer's history: an item bought in so many baskets in each of the latest periods.

    Parameters
    ----------
    history : Baskets
        Of one user.
    column : int
        Place of the item in ``history.items``.
    times : int
        Baskets with one unit of it in each period, 1 to 28, evenly spread.
    periods : int
        How many periods before `at` the habit began, at least 1.
    at : datetime64[D]
        The habit ends the day before.

    Returns
    -------
    Baskets
        The history with ``times * periods`` more baskets, in the order of their days.
    """
    if history.n_users != 1:
        raise BundlebookError(f"the history is of {history.n_users} users", remedy="give one user's history")
    if not 1 <= times <= PERIOD_DAYS or periods < 1:
        raise BundlebookError(
            f"{times} baskets in each of {periods} periods cannot be a habit",
            remedy=f"use 1 to {PERIOD_DAYS} baskets and at least 1 period",
        )
    period, basket = np.divmod(np.arange(times * periods), times)
    days = np.datetime64(at, "D") - PERIOD_DAYS * (period + 1) + PERIOD_DAYS * (2 * basket + 1) // (2 * times)
    place = (np.arange(len(days)), np.full(len(days), column))
    bought = sparse.csr_matrix((np.ones(len(days), np.float32), place), shape=(len(days), history.n_items))
    every = np.concatenate([history.day, days])
    order = np.argsort(every, kind="stable")
    quantities = sparse.vstack([history.quantities, bought], format="csr")[order]
    user = np.zeros(len(every), dtype=np.int64)
    return Baskets(quantities, user, every[order], history.user_ids, history.items, history.level)
