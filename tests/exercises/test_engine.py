"""Bad answers: one clear message each, and the kernel lives on."""

import contextlib
import os
import re
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.exercises import Exercise, check, hint
from bundlebook.exercises._comparing import difference

COUNT = []


def double(x):
    return 2 * x


def draw(rng):
    return (rng.normal(size=3),)


EXERCISE = Exercise(
    "00.1",
    "Twice as much",
    stars=1,
    minutes=5,
    reference=double,
    draw=draw,
    misconceptions=((lambda x: x + 2, "You add two."), (lambda x: x * x, "You square.")),
    look="Try 1.",
    hints=("One.", "Two.", "Three."),
)


def stops(x):
    if len(x):
        raise ValueError("no such column")


def loops(x):
    while True:
        pass


def loops_and_catches(x):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def loops_and_prints(x):
    while True:
        print("again")


def changes(x):
    x *= 2
    return x + 0


def prints(x):
    print(2 * x)


def exits(x):
    sys.exit(3)


def counts(x):
    COUNT.append(1)
    return 2 * x + (len(COUNT) > 6)


def recurs(x):
    return recurs(x)


BAD = {
    "a number instead of a function": (2.0, "without brackets"),
    "too many arguments": (lambda x, y: x, "cannot be called with the starter's arguments: x"),
    "another kind": (lambda x: "text", "returns a text; it should return an array"),
    "a number for an array": (lambda x: 1.5, "returns a number; it should return an array"),
    "another shape": (lambda x: 2 * x[:, None], "the shape (3, 1); it should be (3,)"),
    "ragged": (lambda x: [[1], [1, 2], [3]], "different lengths"),
    "text in an array": (lambda x: np.array(["a", "b", "c"]), "of type"),
    "missing values": (lambda x: x * np.nan, "missing or infinite"),
    "infinite values": (lambda x: x / 0, "missing or infinite"),
    "raises": (stops, "stopped with ValueError, line 3 of the function: no such column"),
    "raises itself again": (recurs, "RecursionError"),
    "exits": (exits, "stopped with SystemExit"),
    "loops": (loops, "did not end within"),
    "loops and catches": (loops_and_catches, "did not end within"),
    "loops and prints": (loops_and_prints, "did not end within"),
    "prints": (prints, "prints, but returns nothing"),
    "forgets return": (lambda x: [2 * x, None][1], "returns nothing"),
    "changes its input": (changes, "changes its input"),
    "returns its input": (lambda x: x, "its input itself, or a view"),
    "returns a view": (lambda x: x[::-1], "its input itself, or a view"),
    "a function": (lambda x: double, "returns a function"),
    "a generator": (lambda x: (y for y in x), "value of type generator"),
    "another result each time": (counts, "two different results"),
    "the same for all": (lambda x: np.ones(3), "the same for every input"),
    "add two": (lambda x: 2 + x, "You add two."),
    "square": (lambda x: x**2, "You square."),
    "anything else": (lambda x: 3 * x, "Try 1."),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_gets_one_clear_message(name, capsys):
    answer, said = BAD[name]
    COUNT.clear()
    verdict = EXERCISE.judge(answer, seconds=0.4)
    assert verdict.state == "not yet"
    assert said in verdict.message and len(verdict.message.split()) <= 40, verdict.message
    assert capsys.readouterr() == ("", "")


def test_no_thread_is_left_of_an_endless_loop():
    for answer in (loops, loops_and_catches, loops_and_prints):
        EXERCISE.judge(answer, seconds=0.2)
    assert [thread for thread in threading.enumerate() if thread.name == "answer"] == []


def test_a_call_that_cannot_be_ended_is_left_behind_and_told_so():
    verdict = EXERCISE.judge(lambda x: time.sleep(1.5), seconds=0.1)
    assert "could not be stopped: restart the kernel" in verdict.message
    assert EXERCISE.judge(double).state == "right"


def test_a_right_answer_that_prints_is_right_and_told_so(capsys):
    def answer(x):
        print("debug", x)
        return 2 * x

    verdict = EXERCISE.judge(answer)
    assert verdict.state == "right" and "also prints" in verdict.message
    assert capsys.readouterr().out == ""


def test_a_list_of_numbers_stands_for_an_array():
    assert EXERCISE.judge(lambda x: (2 * x).tolist()).state == "right"


def test_a_fault_that_shows_at_the_edge_only_is_named():
    edgy = Exercise(
        "00.2", "Roots", 1, 5, lambda x: abs(x) ** 0.5, lambda rng: (float(rng.uniform(1, 2)),),
        ((lambda x: x, "a."), (lambda x: -x, "b.")), "Look.", ("1.", "2.", "3."),
        edges=((lambda rng: (-4.0,), "A negative number goes wrong."),),
    )  # fmt: skip
    assert edgy.judge(lambda x: np.sqrt(x)).message == "A negative number goes wrong."
    assert edgy.judge(lambda x: np.sqrt(abs(x))).state == "right"


def test_a_property_that_fails_is_named_before_the_general_advice():
    small = Exercise(
        "00.3", "Shares", 1, 5, lambda x: x / x.sum(), lambda rng: (rng.uniform(size=4),),
        ((lambda x: x, "a."), (lambda x: -x, "b.")), "Look.", ("1.", "2.", "3."),
        checks=((lambda result, x: np.isclose(np.sum(result), 1), "The shares do not add up to 1."),),
    )  # fmt: skip
    assert small.judge(lambda x: x / x.max()).message == "The shares do not add up to 1."
    assert small.judge(lambda x: x[::-1] / x.sum()).message == "Look."


@pytest.mark.parametrize("shorten", [lambda y: round(y, 2), lambda y: round(y, 4), int], ids=["2", "4", "whole"])
def test_a_rounded_number_is_told_from_a_wrong_one(shorten):
    roots = Exercise(
        "00.4", "Roots", 1, 5, lambda x: x**0.5, lambda rng: (float(rng.uniform(2, 30)),),
        ((lambda x: x, "a."), (lambda x: -x, "b.")), "Look.", ("1.", "2.", "3."),
    )  # fmt: skip
    assert roots.judge(lambda x: shorten(x**0.5)).message.startswith("You rounded")
    assert roots.judge(lambda x: shorten(x**0.5) + 0.3).message == "Look."
    assert roots.judge(lambda x: ((x + 0.08) ** 1.5 - (x - 0.08) ** 1.5) / 0.24).message.startswith("Close")
    assert roots.judge(lambda x: 0.0).message.startswith("It returns the same")


def test_finding_nothing_is_told_from_a_constant():
    small = Exercise(
        "00.5", "Small", 1, 5, lambda x: [int(k) for k in x if k < 5], lambda rng: (rng.permutation(10),),
        ((lambda x: [1], "a."), (lambda x: [2], "b.")), "Look.", ("1.", "2.", "3."),
    )  # fmt: skip
    assert small.judge(lambda x: []).message.startswith("It finds nothing")
    assert small.judge(lambda x: [7]).message.startswith("It returns the same")


def test_a_result_that_uses_its_input_is_not_called_constant():
    """It is the same for all inputs of the check, but not for the same rows in another order."""
    ordered = Exercise(
        "00.6", "Second", 1, 5, lambda x: float(x[1]), lambda rng: (np.array([1.0, rng.uniform(2, 3), 4.0]),),
        ((lambda x: x[2] - 1, "a."), (lambda x: -x[0], "b.")), "Look.", ("1.", "2.", "3."),
    )  # fmt: skip
    assert ordered.judge(lambda x: x[0]).message == "Look."
    assert ordered.judge(lambda x: 1.0).message.startswith("It returns the same")


def test_a_mistake_is_named_before_the_view_it_returns():
    one = Exercise(
        "00.7", "One", 1, 5, lambda x: x - x.mean(), lambda rng: (rng.normal(size=3),),
        ((lambda x: x[::-1] + 0, "a."), (lambda x: -x, "b.")), "Look.", ("1.", "2.", "3."),
    )  # fmt: skip
    assert one.judge(lambda x: x[::-1]).message == "a."
    assert "a view" in one.judge(lambda x: x).message
    assert "it should be (3,)" in one.judge(lambda x: x[1:]).message


def test_an_input_that_is_nearly_restored_is_told_so():
    def there_and_back(x):
        x += 0.1
        x -= 0.1
        return 2 * x

    assert "does not restore the input exactly" in EXERCISE.judge(there_and_back).message
    assert "restore" not in EXERCISE.judge(changes).message


def test_a_script_prints_what_a_notebook_would_show():
    code = textwrap.dedent("""
        import sys
        from bundlebook.exercises import check, hint
        check("04.1", None)
        hint("04.1")
        if sys.argv[1:]:
            import IPython
            IPython.InteractiveShell.instance()
            check("04.2", None)
    """)
    for argument in ([], ["notebook"]):
        done = subprocess.run([sys.executable, "-c", code, *argument], capture_output=True, text=True, check=True)
        assert [line[:18] for line in done.stdout.splitlines()] == ["04.1 not attempted", "Hint 1 of 3: Two s"]


def test_verdicts_show_themselves_as_text_and_as_html():
    verdict = EXERCISE.judge(lambda x: x < 3)
    assert repr(verdict).startswith("00.1 not yet: Its entries are of type bool")
    assert repr(EXERCISE.judge(double)) == "00.1 right."
    assert repr(EXERCISE.judge(None)) == "00.1 not attempted: Twice as much"
    assert verdict._repr_html_().count("<") == 4


def test_hints_come_one_by_one_and_the_last_stays():
    assert [repr(hint("04.1"))[:11] for _ in range(4)] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert repr(hint("04.1", 1)).startswith("Hint 1 of 3")


@pytest.mark.parametrize("id", ["4.1", "04.99", "99.1", "", 4.1, None])
def test_an_unknown_exercise_is_a_message_with_a_way_out(id):
    with pytest.raises(BundlebookError, match="no exercise") as caught:
        check(id, double)
    assert re.search(r'"\d\d\.\d"', str(caught.value))
    with pytest.raises(BundlebookError, match="no hint"):
        hint("04.1", 4)


def test_importing_the_door_costs_nothing():
    code = "import sys, bundlebook.exercises; print('numpy' in sys.modules, 'papermill' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "False"]


def test_stop_in_the_kernel_ends_the_answer_too():
    """Ctrl-C, or the kernel's Stop, reaches the waiting check; the answer's thread must not go on."""
    code = textwrap.dedent("""
        import _thread, signal, threading, time
        from tests.exercises.test_engine import EXERCISE, loops
        # A shell's background job starts with Ctrl-C ignored, and so would this one.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(0.5, _thread.interrupt_main).start()
        try:
            EXERCISE.judge(loops, seconds=30)
        except KeyboardInterrupt:
            time.sleep(0.2)
            print([t.name for t in threading.enumerate() if t.name == "answer"])
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ([1, 3, 2], [1, 2, 3], ""),
        ([1, 2], [1, 2, 3], ""),
        ({"a": 1}, {"b": 1}, "'a' should not be"),
        ({}, {"b": 1}, "some are missing"),
        ({"b": [1]}, {"b": 1}, "returns a list"),
        ({1}, {1, 2}, ""),
        ({(1, 2)}, {frozenset((1, 2))}, "Its entries are of another kind: several values (a tuple), not a set."),
        ({"a": 1}, {("a",): 1}, "Its keys are of another kind: a text, not several values (a tuple)."),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), "columns a"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2]}), "1 rows"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]}), ""),
        (np.ones(2), (np.ones(1), np.ones(1)), "returns one array; it should return several values"),
        (np.array([]), [1], ""),
        (True, 1.0, "returns True or False"),
        (1, True, "returns a number"),
        (np.nan, 1.0, "missing or infinite"),
        (np.array([True]), np.array([1.0]), "of type bool"),
        (np.array([0, 2]), np.array([True, False, True]), "(2,); it should be (3,): one True or False for each."),
        (([1, 2], 3.0), [1, 2], "several values (a tuple). Return only the list."),
        ([{"a"}, {"b"}, {"c"}], [0, 2], "Its entries are of another kind: a set, not a number."),
    ],
)
def test_a_difference_is_said_in_plain_words(found, wanted, said):
    text = difference(found, wanted)
    assert said in text and (said or text == "")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (np.float32(1), 1.0),
        (np.array(2.0), 2),
        ([1, None], np.array([1, np.nan])),
        (pd.Series([True], index=[7]), np.array([True])),
        (pd.Index(["a", "b"]), ["a", "b"]),
        ((1, 2), [1, 2]),
        (np.ones((2, 3)), (np.ones(3), np.ones(3))),
        (frozenset("ab"), set("ab")),
        (pd.DataFrame({"b": ["x", None], "a": [1, 2]}, index=[5, 6]), pd.DataFrame({"a": [1, 2], "b": ["x", None]})),
        (pd.Series(pd.to_datetime(["2021-01-01"])), pd.Series(pd.to_datetime(["2021-01-01"]))),
        ({"k": np.array([1.0])}, {"k": [1.0]}),
    ],
)
def test_what_means_the_same_is_equal(found, wanted):
    assert difference(found, wanted) is None
