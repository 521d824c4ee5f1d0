"""Every exercise: its reference passes, usual wrong answers are named, small faults refused, a starter is no answer."""

import ast
import inspect
import time

import numpy as np
import pytest

from bundlebook.exercises import check, exercises_of, find_exercise
from bundlebook.exercises._comparing import difference
from bundlebook.exercises._running import call
from tests.exercises.mutants import mutants

EXERCISES = exercises_of()
#: Mutants that compute the same, by the line they change, and why.
EQUIVALENT = {
    "01.2": {"return found": "a list stands for an array with the same entries"},
    "01.6": {"return found": "a list stands for an array with the same entries"},
    "02.4": {"return users[users >= least].index": "groupby has sorted the items already"},
    "04.2": {
        "if length < kappa:": "a gradient exactly as long as κ is multiplied by 1",
    },
    "05.5": {"for epoch in range(0, len(losses)):": "the first epoch is no better than itself"},
    "06.6": {"return fits": "a list stands for an array with the same entries"},
    "09.3": {"worth = -1.0": "the first item is worth more than nothing"},
    "09.5": {"return found": "a list stands for an array with the same entries"},
    "09.6": {
        "for size in range(0, k + 1):": "an empty page is worth 0, where the search begins",
        "if worth >= best:": "no two pages are worth the same",
        "best, chosen = (worth, page)": "a tuple stands for a list with the same entries",
    },
    "10.6": {
        "while len(values) > 1 and values[-2] >= values[-1]:": "blocks with equal means keep their mean when pooled",
    },
}
every = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def words(text):
    return len(text.split())


@every
def test_the_reference_is_right_and_quick(exercise):
    began = time.process_time()
    verdict = exercise.judge(exercise.reference)
    assert (verdict.state, verdict.message) == ("right", "")
    assert time.process_time() - began < 2


@every
def test_each_misconception_gets_its_own_message(exercise):
    assert len(exercise.misconceptions) >= 2
    for wrong, message in exercise.misconceptions:
        verdict = exercise.judge(wrong)
        assert (verdict.state, verdict.message) == ("not yet", message)
    told = [message for _, message in exercise.misconceptions]
    assert len(set(told)) == len(told)


def differs(exercise, mutant):
    """Whether one input tells a mutant from the reference: enough, and quicker than a verdict with its reason."""
    for given, wanted in zip(*exercise._calls, strict=True):
        outcome = call(mutant, given, 2)
        if outcome.trouble or difference(outcome.result, wanted, exercise.tolerance) is not None:
            return True
    return False


@every
def test_small_faults_are_refused(exercise):
    same, survived, refused = EQUIVALENT.get(exercise.id, {}), [], 0
    for line, mutant in mutants(exercise.reference):
        if line in same:
            continue
        if not differs(exercise, mutant) and exercise.judge(mutant, seconds=2).state == "right":
            survived.append(line)
        else:
            refused += 1
    assert refused >= 5
    assert refused / (refused + len(survived)) >= 0.95, survived


@every
def test_equivalent_mutants_are_still_made(exercise):
    lines = [line for line, _ in mutants(exercise.reference)]
    assert set(EQUIVALENT.get(exercise.id, {})) <= set(lines)


@every
def test_a_starter_is_not_attempted_whatever_its_form(exercise):
    names = ", ".join(inspect.signature(exercise.reference).parameters)
    for body in (
        "...",
        '"""What to do."""',
        '"""What to do."""\n    ...',
        "pass",
        "return None",
        "raise NotImplementedError",
    ):
        scope = {}
        exec(f"def starter({names}):\n    {body}\n", scope)
        assert exercise.judge(scope["starter"]).state == "not attempted", body
    assert exercise.judge(None).state == exercise.judge(...).state == "not attempted"


@every
@pytest.mark.parametrize("constant", [0.0, 1, True, "text", [], (1.0, 2.0), {}], ids=repr)
def test_a_constant_is_no_answer(exercise, constant):
    verdict = exercise.judge(lambda *given: constant)
    assert verdict.state == "not yet"
    assert 0 < words(verdict.message) <= 40


@every
def test_the_answer_to_one_input_is_no_answer(exercise):
    first = exercise.reference(*exercise.inputs()[0])
    assert exercise.judge(lambda *given: first).state == "not yet"


@every
def test_messages_are_short_and_tell_no_code(exercise):
    messages = [message for _, message in (*exercise.misconceptions, *exercise.edges, *exercise.checks)]
    for message in [*messages, exercise.look, *exercise.hints]:
        assert words(message) <= 40, message
        assert message[0].isupper() and message[-1] in ".?", message
    body = [
        ast.unparse(node.value)
        for node in ast.walk(ast.parse(inspect.getsource(exercise.reference)))
        if isinstance(node, ast.Return) and len(ast.unparse(node.value)) > 12
    ]
    assert not [code for code in body for message in messages if code in message]


@every
def test_the_inputs_are_random_but_the_same_in_every_run(exercise):
    once, again = exercise.inputs(), exercise.inputs()
    for a, b in zip(once, again, strict=True):
        for left, right in zip(a, b, strict=True):
            if isinstance(left, np.ndarray):
                np.testing.assert_array_equal(left, right)
    references = [repr(exercise.reference(*given)) for given in once]
    assert len(set(references)) >= 3


def test_ids_stars_and_minutes_are_in_order():
    for exercise in EXERCISES:
        assert exercise.title[-1] not in ".?!"
        assert exercise.stars in (1, 2, 3) and 5 <= exercise.minutes <= 60
        assert len(exercise.hints) == 3 and len(set(exercise.hints)) == 3
        assert find_exercise(exercise.id) is exercise
    for chapter in {exercise.id[:2] for exercise in EXERCISES}:
        own = [exercise for exercise in EXERCISES if exercise.id[:2] == chapter]
        assert [exercise.id for exercise in own] == [f"{chapter}.{n}" for n in range(1, len(own) + 1)]
        assert len(own) >= 5 and own[0].stars == 1 and own[0].minutes <= 10 and own[-1].stars == 3
        assert [exercise.stars for exercise in own] == sorted(exercise.stars for exercise in own)


def test_the_names_of_the_arguments_do_not_matter():
    assert check("04.1", lambda a, b, c: c.T @ (b * (1 - a**2))).state == "right"
