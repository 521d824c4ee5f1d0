"""The house is as CONTRIBUTING.md draws it: rooms with a front door, and nothing public that the door does not list."""

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


def defined(file):
    """Top-level functions and classes of a file."""
    tree = ast.parse(file.read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


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


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_door_does_not_list_is_private(room):
    if room == "plots":  # its door lists modules: every figure is public
        return
    door = listed(room)
    files = [file for file in (PACKAGE / room).rglob("*.py") if not any(p.startswith("_") for p in file.parts[-2:])]
    public = {f"{file.stem}.{name}" for file in files for name in defined(file) if not name.startswith("_")}
    assert sorted(name for name in public if name.split(".")[1] not in door) == []


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
    assert compared in ([], ["sources.py"])
