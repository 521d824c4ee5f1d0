"""Look at a night before it is learned from, and at the model after it; what is refused leaves the state untouched."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.feedback.drift import FACTS, REFERENCE, USUAL_WEEKS, stream_facts, surprises

State = TypeVar("State")
Night = TypeVar("Night")


@dataclass(frozen=True)
class Guard:
    """Says of a night's lines why they should not be learned from.

    Parameters
    ----------
    category : Series
        Category of each item of the catalogue, indexed by ``item_id``.
    alpha : float
        Share of ordinary nights that may be refused, in (0, .5).
    longest_step : int, optional
        Days from the last day that was learned from to the night, at most. If None, the longest step between two days
        with lines that `before` holds: a shop that is closed on Sundays has steps of two days. A night that lies
        further ahead has a wrong date, or nights between are missing.
    """

    category: pd.Series
    alpha: float = 1e-3
    longest_step: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise BundlebookError(f"alpha must lie in (0, .5), got {self.alpha!r}", where="Guard")
        if self.longest_step is not None and self.longest_step < 1:
            problem = f"longest_step must be 1 day or more, got {self.longest_step!r}"
            raise BundlebookError(problem, where="Guard", remedy="use None for the longest step seen so far")

    def refusals(self, night: pd.DataFrame, before: pd.DataFrame) -> list[str]:
        """Sentences that say what is wrong with a night; empty if it may be learned from.

        Parameters
        ----------
        night : DataFrame
            Lines of one day: ``user_id``, ``item_id``, ``time``, ``quantity``, ``price``.
        before : DataFrame
            Lines that were learned from, at least some three months of them. Of what is older only the days are read.

        Notes
        -----
        First what can never be right, line by line, with the first such row; then the facts of the night against those
        of the same weekday, see :func:`~bundlebook.feedback.surprises`.
        """
        if not len(night):
            return ["there is no line"]
        if not len(before):
            raise BundlebookError("there is nothing to compare the night with", where="Guard", remedy="give more weeks")
        found = _impossible(night, before, self.longest_step)
        if found:
            return found
        at = night["time"].min().to_datetime64().astype("datetime64[D]")
        weeks = USUAL_WEEKS + REFERENCE + 2
        recent = before[before["time"] >= pd.Timestamp(at - 7 * weeks)]
        columns = ["user_id", "item_id", "time", "quantity", "price"]
        facts = stream_facts(pd.concat([recent[columns], night[columns]]), self.category, "day", until=at + 1)
        tested = surprises(facts)
        if pd.Timestamp(at) not in tested.index:
            raise BundlebookError(
                f"fewer than {REFERENCE} {pd.Timestamp(at).day_name()}s lie before the night",
                where="Guard",
                remedy=f"give at least {weeks} weeks of lines",
            )
        p = tested.loc[pd.Timestamp(at)]
        same = facts[facts.index.dayofweek == pd.Timestamp(at).dayofweek].iloc[-REFERENCE - 1 :]
        refused = [name for name in FACTS if p[name] * len(FACTS) <= self.alpha]
        return [_sentence(name, same[name].to_numpy(), pd.Timestamp(at).day_name()) for name in refused]


def _impossible(night: pd.DataFrame, before: pd.DataFrame, longest_step: int | None) -> list[str]:
    """What no honest night holds: several days, the past or the future, numbers that are missing or negative."""
    found = []
    days = night["time"].dt.normalize()
    last = before["time"].max().normalize()
    if days.isna().any():
        found.append(f"row {_first(days.isna())}: the time is missing")
    elif (many := len(days.unique())) > 1:
        found.append(f"the lines lie on {many} days, from {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}")
    elif days.iloc[0] <= last:
        found.append(f"{days.iloc[0]:%Y-%m-%d} is over: lines up to {last:%Y-%m-%d} have been learned from")
    elif (step := (days.iloc[0] - last).days) > (most := longest_step or _longest_step(before)):
        found.append(
            f"{days.iloc[0]:%Y-%m-%d} lies {step} days after {last:%Y-%m-%d}, the last day learned from, "
            f"and the longest step allowed is {most}: is the date wrong, or are nights missing?"
        )
    for name, word in (("quantity", "quantity"), ("price", "price")):
        values = night[name].to_numpy(float)
        if (bad := ~np.isfinite(values)).any():
            found.append(f"row {_first(bad)}: the {word} is missing or infinite")
        elif (bad := values < 0).any():
            found.append(
                f"row {_first(bad)}: a {word} of {values[bad][0]:g}; {bad.sum()} such row{'s' if bad.sum() > 1 else ''}"
            )
    return found


def _longest_step(before: pd.DataFrame) -> int:
    """Days between two neighbouring days with lines, at most; at least 1."""
    days = np.unique(before["time"].to_numpy().astype("datetime64[D]"))
    return int(np.diff(days).astype(int).max(initial=1))


def _first(bad) -> int:
    """Number of the first such row, counted from 1."""
    return int(np.flatnonzero(np.asarray(bad))[0]) + 1


def _sentence(name: str, values: np.ndarray, weekday: str) -> str:
    """The fact in its own unit: what it is, and what it was."""
    if name == "unknown items":
        values, form, unit = 100 * np.sin(values) ** 2, ".1f", " %"
    else:
        values, form, unit = np.exp(values), ",.0f" if name in ("lines", "users") else ",.2f", ""
    now, low, high = values[-1], values[:-1].min(), values[:-1].max()
    usual = f"{low:{form}} to {high:{form}}{unit}"
    return f"{FACTS[name]}: {now:{form}}{unit}; on the {len(values) - 1} {weekday}s before: {usual}"


@dataclass(frozen=True)
class Taken(Generic[State]):
    """What became of a night.

    Attributes
    ----------
    state : State
        The new state, or the old one itself.
    learned : bool
    reasons : list of str
        Why not; empty if it was learned from.
    """

    state: State
    learned: bool
    reasons: list[str]


def take_in(
    state: State,
    night: Night,
    learn: Callable[[State, Night], State],
    *,
    refusals: Callable[[Night], list[str]] | None = None,
    score: Callable[[State], float] | None = None,
    tolerance: float = 0.02,
) -> Taken[State]:
    """Learn from a night if nothing speaks against it, and go back if the model is worse after it.

    Parameters
    ----------
    state : State
        Not changed: `learn` has to return a new one, as the ``updated`` of this room's models does.
    night : Night
    learn : callable
        From a state and a night to the new state.
    refusals : callable, optional
        Asked first; a night with any reason is not learned from.
    score : callable
        Asked of the old and of the new state, larger is better; for example NDCG on the latest complete week.
    tolerance : float
        Relative loss of the score that is still accepted.

    Returns
    -------
    Taken
        Its state is `state` itself, the same object, if the night was refused or rolled back.
    """
    if tolerance < 0:
        raise BundlebookError(f"tolerance must not be negative, got {tolerance}", where="take_in")
    reasons = refusals(night) if refusals is not None else []
    if reasons:
        return Taken(state, False, reasons)
    after = learn(state, night)
    if score is not None:
        old, new = score(state), score(after)
        if not new >= old - tolerance * abs(old):
            return Taken(state, False, [f"the score fell from {old:.4f} to {new:.4f}: rolled back"])
    return Taken(after, True, [])
