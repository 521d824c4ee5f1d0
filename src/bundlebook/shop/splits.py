"""The split by time: what was visible at each prediction, and what came true."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop.baskets import Baskets

#: Days of one period. Four weeks stand for the articles' month: every period has the same length and weekdays.
PERIOD_DAYS = 28
#: Share of the weeks in which a weekday has a basket, from which on the shop counts as usually open on it.
_USUAL = 0.9


@dataclass(frozen=True)
class Task:
    """One prediction task: standing at `at`, say what each user buys in ``[at, until)``.

    Attributes
    ----------
    name : str
        ``"validation"``, ``"test"`` or ``"fold YYYY-MM-DD"``.
    at, until : datetime64[D]
        First day of the window, and the first day after it.
    visible : Baskets
        Everything any user bought before `at`: all that a recommender may learn from. Users who bought nothing
        yet are absent: that they exist is a fact of later weeks.
    histories : Baskets
        The same baskets of the users that are judged, renumbered to the rows of `truth`.
    truth : csr_matrix, shape (n_users, n_items), float32
        1 where the user bought the item in the window.
    """

    name: str
    at: np.datetime64
    until: np.datetime64
    visible: Baskets
    histories: Baskets
    truth: sparse.csr_matrix


@dataclass(frozen=True)
class Split:
    """Baskets cut by time into training, validation and test.

    Attributes
    ----------
    baskets : Baskets
        Complete weeks only; columns are the items that enough users bought in training.
    start, train_end, validation_end, test_end : datetime64[D]
        Each part begins where the one before ends; an end is the first day after the part.
    """

    baskets: Baskets
    start: np.datetime64
    train_end: np.datetime64
    validation_end: np.datetime64
    test_end: np.datetime64

    @property
    def training(self) -> Baskets:
        """Baskets of the training weeks, of the users who have one."""
        return _of_buyers(self.baskets.between(self.start, self.train_end))

    def task(self, window: str, target: str = "window", min_history: int = 3) -> Task:
        """Return the prediction task of one window.

        Parameters
        ----------
        window : {"validation", "test"}
        target : {"window", "next_basket"}
            Everything bought in the window, or only the user's first basket in it.
        min_history : int
            Users with fewer earlier baskets, or without a basket in the window, are not judged.
        """
        bounds = {
            "validation": (self.train_end, self.validation_end),
            "test": (self.validation_end, self.test_end),
        }
        if window not in bounds:
            raise BundlebookError(f"unknown window {window!r}", remedy=f"use one of {sorted(bounds)}")
        if target not in ("window", "next_basket"):
            raise BundlebookError(f"unknown target {target!r}", remedy="use 'window' or 'next_basket'")
        return self._task(window, *bounds[window], target, min_history)

    def folds(self, n: int, end: str = "validation", min_history: int = 3) -> list[Task]:
        """Return the tasks of a cross-validation in time order, with a rolling origin.

        A random part of the baskets would be predicted from baskets that came later. So every fold is a period that
        is predicted from everything before it: the origin moves forward one period at a time, and what one fold is
        judged on belongs to what the next one has seen.

        Parameters
        ----------
        n : int
            Number of folds.
        end : {"validation", "training"}
            Part whose last day ends the last fold. ``"training"`` leaves the validation window untouched, for a
            confirmation. No fold reaches into the test.
        min_history : int
            The same as in :meth:`task`.

        Returns
        -------
        list of Task
            In time order; each window is :data:`PERIOD_DAYS` long and begins where the one before ends. The items are
            those of the split, which were counted on all training weeks, for every fold.

        Raises
        ------
        BundlebookError
            If *n* < 1, or fewer than two periods lie before the first window: one to read, one to learn from.

        References
        ----------
        R. Hyndman, G. Athanasopoulos, *Forecasting: Principles and Practice*, 3rd ed. (2021), section 5.10.
        """
        ends = {"training": self.train_end, "validation": self.validation_end}
        if end not in ends:
            raise BundlebookError(f"folds cannot end with {end!r}", remedy=f"use one of {sorted(ends)}")
        most = int((ends[end] - self.start).astype(int)) // PERIOD_DAYS - 2
        if not 1 <= n <= most:
            raise BundlebookError(
                f"{n} folds, but there is room for {max(most, 0)}",
                where=f"rolling folds from {self.start} to {ends[end]}",
                remedy="use at least one fold, and leave two periods of four weeks before the first",
            )
        starts = ends[end] - PERIOD_DAYS * np.arange(n, 0, -1)
        return [self._task(f"fold {at}", at, at + PERIOD_DAYS, "window", min_history) for at in starts]

    def _task(self, name: str, at: np.datetime64, until: np.datetime64, target: str, min_history: int) -> Task:
        visible, inside = self.baskets.between(end=at), self.baskets.between(at, until)
        if target == "next_basket":
            inside = inside.where(np.unique(inside.user, return_index=True)[1])
        judged = np.flatnonzero((visible.counts_by_user() >= min_history) & (inside.counts_by_user() > 0))
        if not len(judged):
            raise BundlebookError(
                f"no user has {min_history} earlier baskets and one in the window",
                where=f"{name} window {at} to {until}",
                remedy="lower min_history or widen the window",
            )
        truth = inside.of_users(judged).user_item()
        truth.data[:] = 1
        return Task(name, at, until, _of_buyers(visible), visible.of_users(judged), truth)


def _of_buyers(baskets: Baskets) -> Baskets:
    return baskets.of_users(np.flatnonzero(baskets.counts_by_user()))


def _open_weekdays(days: np.ndarray) -> np.ndarray:
    """Return the weekdays on which a shop usually opens: those with a basket in nine of ten of its weeks.

    Parameters
    ----------
    days : ndarray of datetime64[D]
        Days with a basket, in any order, repeated or not.

    Returns
    -------
    ndarray of int64
        Sorted, Monday is 0. The first and the last week, which may be cut off, and weeks without any basket have no
        say; of a log of fewer than three weeks nothing is known, and all seven are returned. Empty where baskets are so
        rare that no weekday is usual.
    """
    present = _present(days)
    return np.flatnonzero(present[1:-1].mean(axis=0) >= _USUAL) if len(present) > 2 else np.arange(7)


def complete_weeks(days: np.ndarray) -> tuple[np.datetime64, np.datetime64]:
    """Return the first day of the first complete week (Monday to Sunday) and the first day after the last one.

    A week at either end of the log is complete when each weekday on which the shop usually opens has a basket. So a
    shop that is closed on Saturdays, or for a holiday in between, loses no week by it. Where no weekday is usual,
    nothing can prove that an end is whole, and the first and the last week are left out.

    Parameters
    ----------
    days : ndarray of datetime64[D]
        Days with a basket.

    Raises
    ------
    BundlebookError
        If there is no such week.
    """
    present, usual = _present(days), _open_weekdays(days)
    whole = np.all(present[:, usual], axis=1)
    if not len(usual):
        whole = np.isin(np.arange(len(present)), [0, len(present) - 1], invert=True)
    if not whole.any():
        raise BundlebookError(
            f"there is no complete week among {len(present)}", where="days with a basket", remedy="use a longer log"
        )
    weeks = np.unique(_week(days))[whole]
    return _monday(weeks[0]), _monday(weeks[-1] + 1)


def _present(days: np.ndarray) -> np.ndarray:
    """Whether each week that has a basket has one on each weekday, shape (n_weeks, 7)."""
    days = np.unique(days).astype("datetime64[D]")
    week = np.unique(_week(days), return_inverse=True)[1]
    present = np.zeros((week.max(initial=-1) + 1, 7), dtype=bool)
    present[week, (days.astype(np.int64) + 3) % 7] = True  # day 0, 1970-01-01, was a Thursday
    return present


def _week(days: np.ndarray) -> np.ndarray:
    return (days.astype("datetime64[D]").astype(np.int64) + 3) // 7


def _monday(week: int) -> np.datetime64:
    return np.datetime64(int(week) * 7 - 3, "D")


def min_users(n_users: int, level: str) -> int:
    """Return how many users must have bought an item for it to be counted: fewer on a shop of few users.

    30 for products and 20 for coarser levels on a shop of 2,400 users or more, in proportion below, at least 3.

    Parameters
    ----------
    n_users : int
        Users who bought anything in the time that is looked at.
    level : str
        ``"item_id"`` or a coarser level, see :attr:`bundlebook.shop.Shop.levels`.

    Examples
    --------
    >>> min_users(2469, "item_id"), min_users(2469, "product_type"), min_users(200, "item_id")
    (30, 20, 3)
    """
    most = 30 if level == "item_id" else 20
    return int(np.clip(round(most * n_users / 2400), 3, most))


def common_items(baskets: Baskets, at_least: int | Literal["auto"] = "auto") -> np.ndarray:
    """Return the items that enough users bought: the vocabulary of everything that learns from these baskets.

    Parameters
    ----------
    baskets : Baskets
        The baskets that may be looked at: the training weeks, and nothing later.
    at_least : int or "auto"
        How many users that is; ``"auto"`` asks :func:`min_users`.

    Returns
    -------
    ndarray of str
        Labels in the order of ``baskets.items``.

    Raises
    ------
    BundlebookError
        If these are fewer than two.
    """
    if at_least == "auto":
        at_least = min_users(int((baskets.counts_by_user() > 0).sum()), baskets.level)
    bought_by = (baskets.user_item() > 0).sum(axis=0).A1
    kept = baskets.items[bought_by >= at_least]
    if len(kept) < 2:
        raise BundlebookError(
            f"only {len(kept)} items were bought by {at_least} users in the weeks that may be looked at",
            where=f"{baskets.n_baskets} baskets, level {baskets.level!r}",
            remedy="lower min_users or count at a coarser level",
        )
    return kept


def time_split(
    baskets: Baskets,
    validation_weeks: int | Literal["auto"] = "auto",
    test_weeks: int | Literal["auto"] = "auto",
    min_users: int | Literal["auto"] = "auto",
) -> Split:
    """Cut baskets by time: the last complete weeks are the test, those before the validation, the rest training.

    Parameters
    ----------
    baskets : Baskets
    validation_weeks, test_weeks : int or "auto"
        Length of the two windows in weeks. ``"auto"`` takes a sixth of the complete weeks, at least one and at most
        four: four from 24 weeks on, two of 17 weeks.
    min_users : int or "auto"
        Items bought by fewer users in the training weeks are left out, see :func:`common_items`. Later weeks have no
        say in it.

    Returns
    -------
    Split

    Raises
    ------
    BundlebookError
        If a window has no week, or too few weeks or items remain.
    """
    start, end = complete_weeks(baskets.day)
    weeks = int((end - start).astype(int)) // 7
    validation, test = (
        int(np.clip(weeks // 6, 1, 4)) if given == "auto" else given for given in (validation_weeks, test_weeks)
    )
    if min(validation, test) < 1:
        raise BundlebookError(f"windows of {validation} and {test} weeks", remedy="give each at least one week")
    if weeks <= validation + test:
        raise BundlebookError(
            f"{weeks} complete weeks are too few for {validation} + {test} and a training part",
            remedy="use shorter windows or a longer log",
        )
    test_start = end - np.timedelta64(7 * test, "D")
    validation_start = test_start - np.timedelta64(7 * validation, "D")
    whole = baskets.between(start, end)
    kept = common_items(whole.between(end=validation_start), min_users)
    return Split(whole.over(kept), start, validation_start, test_start, end)
