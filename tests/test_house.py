"""The house is as CONTRIBUTING.md draws it: rooms with a front door, and nobody comes in another way."""

import ast
import importlib

import pytest

from bundlebook import paths

PACKAGE = paths.root() / "src" / "bundlebook"
ROOMS = sorted(init.parent.name for init in PACKAGE.glob("*/__init__.py"))


def listed(room):
    """Names that a room's door lists, each with the module it comes from ("" for a module of the room itself)."""
    tree = ast.parse((PACKAGE / room / "__init__.pyi").read_text())
    return {alias.name: node.module or "" for node in tree.body for alias in node.names}


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_door_can_be_imported(room):
    door = importlib.import_module(f"bundlebook.{room}")
    assert sorted(door.__all__) == sorted(listed(room))
    for name in door.__all__:
        assert getattr(door, name) is not None, name


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_does_not_carry_the_name_of_a_module(room):
    modules = {file.stem for file in (PACKAGE / room).glob("*.py")} | {d.name for d in (PACKAGE / room).iterdir()}
    assert not modules & {name for name, module in listed(room).items() if module}


def test_nobody_imports_from_behind_a_door():
    """A module outside of a room, and a benchmark, takes names from the room's door; the plots' names are modules."""
    behind = []
    # batch_reports.py measures the inside of the runner.
    benchmarks = [file for file in (paths.root() / "benchmarks").glob("*.py") if file.stem != "batch_reports"]
    for file in [*PACKAGE.rglob("*.py"), *benchmarks]:
        own = file.relative_to(PACKAGE).parts[0] if file.is_relative_to(PACKAGE) else ""
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bundlebook."):
                _, room, *rest = node.module.split(".")
                if room in ROOMS and room not in (own, "plots") and rest:
                    behind.append(f"{file.name}: {node.module}")
    assert behind == []


@pytest.mark.parametrize("room", ROOMS)
def test_the_map_of_a_room_names_its_modules(room):
    text = importlib.import_module(f"bundlebook.{room}").__doc__
    modules = [file.stem for file in (PACKAGE / room).glob("*.py") if not file.stem.startswith("_")]
    assert [name for name in modules if name not in text] == []


def test_no_room_knows_which_shop_it_serves():
    files = [file for file in PACKAGE.rglob("*.py") if file.name not in ("completejourney.py", "cli.py")]
    compared = [
        file.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare)
        for side in [node.left, *node.comparators]
        if isinstance(side, ast.Constant) and side.value == "completejourney"
    ]
    # Both read the name of a source, as a reader gives it, and never that of a shop.
    assert set(compared) <= {"sources.py", "_identity.py"}
