"""One exercise, and what a check says about an answer to it."""

import difflib
import html
import importlib
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.exercises import records
from bundlebook.exercises._comparing import difference
from bundlebook.exercises._running import LIMIT, Outcome, call, is_untouched

#: Random inputs on which an answer is compared.
DRAWS = 6
_CALLABLE = "Give the function itself, without brackets behind its name, so that it can be called with other inputs."
_EMPTY = "It finds nothing, whatever the input. Is there a condition that never holds?"
_ROUNDED = "You rounded. Return the number as it is; whoever prints it may round."
_CONSTANT = "It returns the same for every input. Is an argument never used, or does a condition never hold?"
_CLOSE = "Close, but not equal. If you measured a slope, derive it; if you rounded, do not."
_UNSTEADY = "It gives two different results for the same input. Look for random numbers, or for something it remembers."


@dataclass(frozen=True)
class Exercise:
    """A function to write, and everything that is needed to judge it.

    Attributes
    ----------
    id : str
        Chapter and number, for example ``"04.1"``.
    title : str
    stars, minutes : int
        How hard (1 to 3), and how long it takes a student who has read the chapter.
    reference : callable
        A right answer. The names of its arguments are those that the student sees.
    draw : callable
        Takes a random generator and returns the arguments of one call.
    misconceptions : tuple of (callable, str)
        Usual wrong answers, each with what to say to who gives it. Called like the reference.
    look : str
        What to look at next where no misconception fits.
    hints : tuple of three str
        From a nudge to nearly everything.
    edges : tuple of (callable, str)
        Special cases, drawn like the others, and what to say to an answer that is wrong there and only there.
    checks : tuple of (callable, str)
        What is true of every right result, called with the result and the arguments, and what to say if it is not.
    tolerance : float
        Relative difference up to which numbers agree.
    """

    id: str
    title: str
    stars: int
    minutes: int
    reference: Callable
    draw: Callable[[np.random.Generator], tuple]
    misconceptions: tuple[tuple[Callable, str], ...]
    look: str
    hints: tuple[str, str, str]
    edges: tuple[tuple[Callable[[np.random.Generator], tuple], str], ...] = ()
    checks: tuple[tuple[Callable[..., Any], str], ...] = ()
    tolerance: float = 1e-6

    def inputs(self) -> list[tuple]:
        """Arguments of the random calls: the same in every run, and others for each exercise."""
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        return [self.draw(rng) for _ in range(DRAWS)]

    @cached_property
    def _calls(self) -> tuple[list[tuple], list]:
        """Inputs and right results. They can be kept, since an answer only ever sees copies."""
        inputs = self.inputs()
        return inputs, [self.reference(*given) for given in inputs]

    def judge(self, answer: object, seconds: float = LIMIT) -> "Verdict":
        """Compare *answer* with the reference; see :func:`check`."""
        if is_untouched(answer):
            return Verdict(self, "not attempted")
        if not callable(answer):
            return self._not_yet(_CALLABLE)
        if complaint := self._signature_fault(answer):
            return self._not_yet(complaint)
        inputs, wanted = self._calls
        outcomes: list[Outcome] = []
        for given in inputs:
            outcomes.append(call(answer, given, seconds))
            if outcomes[-1].unfinished:
                return Verdict(self, "not attempted")
            if outcomes[-1].trouble and not outcomes[-1].shared:
                return self._not_yet(outcomes[-1].trouble)
        results = [outcome.result for outcome in outcomes]
        differences = [difference(*pair, self.tolerance) for pair in zip(results, wanted, strict=True)]
        if shared := next((outcome.trouble for outcome in outcomes if outcome.shared), ""):
            # A result of the wrong kind, or a usual mistake, is the more useful thing to say.
            return self._not_yet(self._misconception(results) or next(filter(None, differences), shared))
        if any(found is not None for found in differences):
            return self._not_yet(self._reason(answer, results, differences, seconds))
        if difference(call(answer, inputs[0], seconds).result, wanted[0], self.tolerance) is not None:
            return self._not_yet(_UNSTEADY)
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        for draw, message in self.edges:
            given = draw(rng)
            outcome = call(answer, given, seconds)
            if outcome.trouble or difference(outcome.result, self.reference(*given), self.tolerance) is not None:
                return self._not_yet(message)
        note = "It also prints: a function that others call stays silent." if outcomes[0].printed else ""
        return Verdict(self, "right", note)

    def _not_yet(self, message: str) -> "Verdict":
        return Verdict(self, "not yet", message)

    def _signature_fault(self, answer: Callable) -> str:
        names = list(signature(self.reference).parameters)
        try:
            signature(answer).bind(*names)
        except TypeError:
            return f"It cannot be called with the starter's arguments: {', '.join(names)}."
        except ValueError:  # some functions of compiled libraries tell no signature
            pass
        return ""

    def _misconception(self, results: list) -> str:
        """What to say of the usual mistake that gives the same results; empty if there is none."""
        for wrong, message in self.misconceptions:
            theirs = (call(wrong, given).result for given in self._calls[0])
            if all(difference(*pair, self.tolerance) is None for pair in zip(results, theirs, strict=True)):
                return message
        return ""

    def _is_constant(self, answer: Callable, result: object, seconds: float) -> bool:
        """Whether more inputs, and the known ones with rows in another order, give the same result too."""
        rng = np.random.default_rng([zlib.crc32(self.id.encode()), 1])
        more = [self.draw(rng) for _ in range(DRAWS)] + [tuple(_mixed(v, rng) for v in g) for g in self._calls[0]]
        outcomes = (call(answer, given, seconds) for given in more)
        return not any(o.trouble or difference(o.result, result, 0) is not None for o in outcomes)

    def _reason(self, answer: Callable, results: list, differences: list[str | None], seconds: float) -> str:
        """Name the misconception if there is one, else what is wrong with the result, else what to look at."""
        inputs, wanted = self._calls
        if message := self._misconception(results):
            return message
        if complaint := next(filter(None, differences), ""):
            return complaint
        for holds, message in self.checks:
            if not all(holds(result, *given) for result, given in zip(results, inputs, strict=True)):
                return message
        if any(all(_agree(r, w, shorten) for r, w in zip(results, wanted, strict=True)) for shorten in _SHORTENINGS):
            return _ROUNDED
        same = all(difference(result, results[0], 0) is None for result in results)
        if same and self._is_constant(answer, results[0], seconds):
            return _EMPTY if hasattr(results[0], "__len__") and len(results[0]) == 0 else _CONSTANT
        if all(difference(*pair, 1e-4) is None for pair in zip(results, wanted, strict=True)):
            return _CLOSE
        return self.look


#: What people do to a number before they return it.
_SHORTENINGS: tuple[Callable, ...] = (np.floor, *(partial(np.round, decimals=digits) for digits in range(7)))


def _mixed(value: Any, rng: np.random.Generator) -> Any:
    """An array with its first axis in another order; anything else as it is."""
    return rng.permutation(value) if isinstance(value, np.ndarray) and value.ndim else value


def _agree(found: Any, wanted: Any, shorten: Callable) -> bool:
    """Whether *found* is *wanted* shortened; 0 tells nothing, since it may come from anywhere.

    What is merely near a short number, such as a measured slope, has digits of its own and is not shortened.
    """
    try:
        found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    except (TypeError, ValueError):
        return False
    if found.shape != wanted.shape or not found.any():
        return False
    return np.allclose(found, shorten(found), rtol=1e-12, atol=0, equal_nan=True) and np.allclose(
        found, shorten(wanted), equal_nan=True
    )


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found.

    Attributes
    ----------
    exercise : Exercise
    state : str
        ``"right"``, ``"not yet"`` or ``"not attempted"``.
    message : str
        What to look at next; empty if nothing is to be said.
    """

    exercise: Exercise
    state: str
    message: str = ""

    def __repr__(self) -> str:
        what = self.message or (self.exercise.title if self.state != "right" else "")
        return f"{self.exercise.id} {self.state}" + (f": {what}" if what else ".")

    def _repr_html_(self) -> str:
        head, _, rest = repr(self).partition(": ")
        # Jupyter reads mathematics in every output but in elements of these classes.
        text = f"<b>{html.escape(head)}</b>" + (f": {html.escape(rest)}" if rest else "")
        return f'<p class="tex2jax_ignore mathjax_ignore">{text}</p>'


@dataclass(frozen=True, repr=False)
class Hint:
    """A hint that shows itself as text.

    Attributes
    ----------
    exercise : Exercise
    level : int
        1, 2 or 3.
    """

    exercise: Exercise
    level: int

    def __repr__(self) -> str:
        return f"Hint {self.level} of 3: {self.exercise.hints[self.level - 1]}"


_given: dict[str, int] = {}


def check(id: str, answer: object = None, seconds: float = LIMIT) -> Verdict:
    """Say whether *answer* solves an exercise, and if not, what to look at next.

    Parameters
    ----------
    id : str
        Chapter and number, for example ``"04.1"``.
    answer : callable
        The function that the exercise asks for.
    seconds : float
        Time after which one call of it is ended.

    Returns
    -------
    Verdict
        Shows itself at the end of a cell; a script, where nothing would show it, prints it. In a folder made by
        ``bundlebook learn`` it is also written down.

    Raises
    ------
    BundlebookError
        If there is no such exercise.
    """
    verdict = find_exercise(id).judge(answer, seconds)
    records.record(verdict.exercise.id, verdict.state, verdict.message)
    if _is_script():
        print(verdict)
    return verdict


def _is_script() -> bool:
    """Whether Python runs a file: neither IPython nor a prompt shows what an expression returns."""
    ipython = sys.modules.get("IPython")
    return not hasattr(sys, "ps1") and (ipython is None or ipython.get_ipython() is None)


def hint(id: str, level: int | None = None) -> Hint:
    """The next of an exercise's three hints, or the one of a certain level.

    Parameters
    ----------
    id : str
        Chapter and number, for example ``"04.1"``.
    level : int, optional
        1 to 3; without it each call gives one more, and the third stays.

    Returns
    -------
    Hint
        Shows itself at the end of a cell; a script prints it.

    Raises
    ------
    BundlebookError
        If there is no such exercise, or no such level.
    """
    exercise = find_exercise(id)
    if level not in (None, 1, 2, 3):
        raise BundlebookError(f"there is no hint {level!r}", remedy="give a level of 1, 2 or 3, or none")
    _given[id] = level or min(3, _given.get(id, 0) + 1)
    given = Hint(exercise, _given[id])
    if _is_script():
        print(given)
    return given


@cache
def chapters_with_exercises() -> tuple[str, ...]:
    """Numbers of the chapters that have checked exercises, for example ``("02", "04")``."""
    return tuple(sorted(file.stem.removeprefix("_chapter_") for file in Path(__file__).parent.glob("_chapter_*.py")))


def exercises_of(chapter: str | None = None) -> tuple[Exercise, ...]:
    """The exercises of a chapter (``"04"``), or of all, in their order."""
    numbers = chapters_with_exercises() if chapter is None else (chapter,)
    modules = (importlib.import_module(f"bundlebook.exercises._chapter_{number}") for number in numbers)
    return tuple(exercise for module in modules for exercise in module.EXERCISES)


def find_exercise(id: str) -> Exercise:
    """The exercise of an id.

    Raises
    ------
    BundlebookError
        If there is none; the message names the nearest id.
    """
    known = exercises_of(str(id)[:2]) if str(id)[:2] in chapters_with_exercises() else ()
    for exercise in known:
        if exercise.id == id:
            return exercise
    ids = [exercise.id for exercise in exercises_of()]
    near = difflib.get_close_matches(str(id), ids, 1, 0) or ids[:1]
    raise BundlebookError(f"there is no exercise {id!r}", remedy=f'give the number as a text, for example "{near[0]}"')
