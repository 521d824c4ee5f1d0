"""Call a student's function so that it can neither hang the kernel nor print into the page nor end the process.

The function runs in a thread of its own. When its time is up, an exception is raised inside that thread, which ends
any loop in Python on Linux, macOS and Windows alike. A call inside a compiled library cannot be ended: the check stops
waiting and says so, and the call goes on in the background. Where such a call never lets go of the interpreter, such as
``sum`` of an endless iterator, only restarting the kernel helps, as in any cell. How much memory an answer takes is not
limited either.
"""

import contextlib
import copy
import ctypes
import dis
import io
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import numpy as np
import pandas as pd

from bundlebook.exercises._comparing import difference

#: Seconds that one call of an answer may take.
LIMIT = 10.0
#: Bytecodes of a function that does nothing but return None or ``...``.
_IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}


class _TimeUp(BaseException):
    """No subclass of Exception, so that a student's ``except Exception`` lets it pass."""


class _Sink(io.TextIOBase):
    """Counts what is printed and drops it: an endless loop that prints must not fill the memory."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, text: str) -> int:
        self.written += len(text)
        return len(text)


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    Attributes
    ----------
    result : object
    trouble : str
        One sentence if the call went wrong, else empty.
    printed : bool
    unfinished : bool
        Whether the function raised NotImplementedError, by which some mark a gap.
    shared : bool
        Whether the trouble is no other than that the result is a part of the input.
    """

    result: Any = None
    trouble: str = ""
    printed: bool = False
    unfinished: bool = False
    shared: bool = False


def is_untouched(answer: object) -> bool:
    """Whether *answer* is a starter that nobody has filled in: None, ``...`` or a function without a body.

    Examples
    --------
    >>> def starter(x):
    ...     \"\"\"What to do.\"\"\"
    ...     ...
    >>> is_untouched(starter), is_untouched(lambda x: x + 1)
    (True, False)
    """
    if answer is None or answer is ...:
        return True
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    returned = [
        constant for constant in code.co_consts if constant is not answer.__doc__ and constant != answer.__doc__
    ]
    idle = {instruction.opname for instruction in dis.get_instructions(code)} <= _IDLE
    return idle and all(constant is None or constant is ... for constant in returned)


def call(answer: Callable, arguments: tuple, seconds: float = LIMIT) -> Outcome:
    """Call *answer* with a copy of *arguments*, and notice what a good function does not do.

    Parameters
    ----------
    answer : callable
    arguments : tuple
    seconds : float
        Time after which the call is ended.

    Returns
    -------
    Outcome
        With trouble if it raised, ran too long, returned nothing, changed its input, or returned part of its input.
    """
    given = copy.deepcopy(arguments)
    result, error, late, printed = _in_a_thread(answer, given, seconds)
    outcome: dict[str, Any] = {"result": result, "printed": printed}
    if late:
        trouble = f"It did not end within {seconds:g} s. Look for a loop whose condition never becomes false."
        if late == "goes on":
            trouble += " It could not be stopped: restart the kernel."
    elif isinstance(error, NotImplementedError):
        return Outcome(unfinished=True)
    elif error is not None:
        trouble = _say_error(error, answer)
    elif result is None:
        trouble = "It prints, but returns nothing. " if printed else "It returns nothing. "
        trouble += "Does every way through the function end with return?"
    elif any(difference(after, before, 0) is not None for after, before in zip(given, arguments, strict=True)):
        trouble = "It changes its input, which the caller still needs. Work on a copy."
        if all(difference(after, before) is None for after, before in zip(given, arguments, strict=True)):
            trouble += " Adding a number and subtracting it again does not restore the input exactly."
    elif any(_share(result, part) for part in _parts(given)):
        trouble = (
            "It returns its input itself, or a view of it: a later change of one changes the other. Return a copy."
        )
        outcome["shared"] = True
    else:
        return Outcome(**outcome)
    return Outcome(**outcome, trouble=trouble)


def _in_a_thread(answer: Callable, given: tuple, seconds: float) -> tuple[Any, BaseException | None, str, bool]:
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["result"] = answer(*given)
        except BaseException as error:  # SystemExit too: a student's exit() must not end the kernel
            box["error"] = error
        finally:
            done.set()

    done = Event()
    thread, sink, late = Thread(target=work, daemon=True, name="answer"), _Sink(), ""
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        thread.start()
        try:
            end = time.monotonic() + seconds
            # In short waits, since on Windows nothing can interrupt a long one; and on an event, since an interrupted
            # join takes a thread that still runs for ended (Python 3.11).
            while not done.wait(0.1) and time.monotonic() < end:
                pass
        finally:  # also when the student presses Stop
            if not done.is_set():
                late = "ended" if _end(thread, done) else "goes on"
    return box.get("result"), box.get("error"), late, sink.written > 0


def _end(thread: Thread, done: Event) -> bool:
    """Raise an exception inside a thread until it ends; more than once, since ``except:`` may catch the first."""
    for _ in range(20):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TimeUp))
        if done.wait(0.05):
            return True
    return False


def _say_error(error: BaseException, answer: Callable) -> str:
    """One sentence with the kind of the error, what it says, and the line of the student's code."""
    code = getattr(answer, "__code__", None)
    words = str(error).split()
    said = " ".join(words[:14]).rstrip(".,:; ") + (" …" if len(words) > 14 else ".") if words else ""
    place = ""
    if code is not None:
        lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
        place = f", line {lines[-1] - code.co_firstlineno + 1} of the function" if lines else ""
    return f"It stopped with {type(error).__name__}{place}{f': {said}' if said else '.'}"


def _parts(value: Any) -> Iterator[Any]:
    """A value and what it holds, as far as it can be shared."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _parts(part)
    if isinstance(value, np.ndarray | pd.DataFrame | pd.Series | list | dict | set):
        yield value


def _share(result: Any, part: Any) -> bool:
    if isinstance(part, np.ndarray):
        # Two arrays that overlap nowhere are told apart by their bounds alone; the exact question can take for ever.
        return any(isinstance(own, np.ndarray) and np.may_share_memory(own, part) for own in _parts(result))
    return any(own is part for own in _parts(result))
