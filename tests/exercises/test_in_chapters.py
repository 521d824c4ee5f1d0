"""The exercises as they stand in chapters and solutions: the same titles and arguments, starters that run."""

import inspect
import re

import nbformat
import pytest

from bundlebook import paths
from bundlebook.exercises import check, exercises_of

CHAPTERS = {file.name[:2]: nbformat.read(file, as_version=4) for file in paths.notebooks().glob("[0-9][0-9]_*.ipynb")}
PLACED = [e for e in exercises_of() if any(f'check("{e.id}"' in cell.source for cell in CHAPTERS[e.id[:2]].cells)]
every = pytest.mark.parametrize("exercise", PLACED, ids=lambda exercise: exercise.id)


def cell_of(notebook, exercise):
    found = [n for n, cell in enumerate(notebook.cells) if f'check("{exercise.id}"' in cell.source]
    assert len(found) == 1
    return found[0]


def shown(cell):
    return [output.data["text/plain"] for output in cell.outputs if "data" in output]


@every
def test_the_task_stands_before_its_starter(exercise):
    notebook = CHAPTERS[exercise.id[:2]]
    task = notebook.cells[cell_of(notebook, exercise) - 1].source
    assert f"**{exercise.id}** {'★' * exercise.stars} ({exercise.minutes} min) **{exercise.title}.**" in task


@every
def test_the_starter_runs_untouched_and_takes_the_arguments_of_the_reference(exercise):
    notebook = CHAPTERS[exercise.id[:2]]
    cell = notebook.cells[cell_of(notebook, exercise)]
    scope = {"check": check}
    exec(cell.source, scope)
    name = re.search(rf'check\("{exercise.id}", (\w+)\)', cell.source)[1]
    assert list(inspect.signature(scope[name]).parameters) == list(inspect.signature(exercise.reference).parameters)
    assert scope[name].__doc__
    assert check(exercise.id, scope[name]).state == "not attempted"
    assert shown(cell) == [repr(check(exercise.id))]


@every
def test_the_solution_is_right_and_repeats_the_task(exercise):
    file = next((paths.notebooks() / "solutions").glob(f"{exercise.id[:2]}_*.ipynb"))
    notebook = nbformat.read(file, as_version=4)
    place = cell_of(notebook, exercise)
    assert shown(notebook.cells[place]) == [f"{exercise.id} right."]
    text = notebook.cells[place - 1].source
    assert f"## {exercise.id} {exercise.title}\n" in text
    task = CHAPTERS[exercise.id[:2]].cells[cell_of(CHAPTERS[exercise.id[:2]], exercise) - 1].source.split(".** ")[-1]
    assert " ".join(task.replace(" (归一化指数函数)", "").split()) in " ".join(text.split())


def test_chapters_hold_all_of_their_exercises_or_none():
    for chapter in {exercise.id[:2] for exercise in PLACED}:
        assert [e for e in PLACED if e.id[:2] == chapter] == list(exercises_of(chapter))
