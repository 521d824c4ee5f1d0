"""pyproject.toml, requirements.lock and environment.yml describe one environment."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bundlebook import paths

PYPROJECT = tomllib.loads((paths.root() / "pyproject.toml").read_text())
LOCK = (paths.root() / "requirements.lock").read_text()
ENVIRONMENT = yaml.safe_load((paths.root() / "environment.yml").read_text())
PINS = {}
for line in re.findall(r"^([\w.-]+==[^\\\n]+)", LOCK, flags=re.M):
    pin = Requirement(line.strip())
    PINS.setdefault(canonicalize_name(pin.name), []).append(pin)
WANTED = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["test"]]


@pytest.mark.parametrize("text", WANTED)
def test_lock_satisfies_every_dependency(text):
    wanted = Requirement(text)
    pins = PINS.get(canonicalize_name(wanted.name))
    assert pins, f"{wanted.name} is missing from requirements.lock: run `make lock`"
    for pin in pins:
        version = next(iter(pin.specifier)).version
        assert wanted.specifier.contains(version), f"{pin} is outside {wanted.specifier}: run `make lock`"


@pytest.mark.parametrize("text", WANTED)
def test_every_dependency_is_bounded(text):
    operators = {specifier.operator for specifier in Requirement(text).specifier}
    assert operators & {"==", "<"}, f"{text} has no upper bound"


def test_every_pin_has_hashes_and_no_registry_is_named():
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert blocks and all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://|--index|--find-links", LOCK)


def test_conda_installs_the_same_lock():
    pip_part = next(part["pip"] for part in ENVIRONMENT["dependencies"] if isinstance(part, dict))
    assert pip_part == ["-r requirements.lock"]


def test_conda_allows_the_same_pythons():
    python = next(Requirement(part) for part in ENVIRONMENT["dependencies"] if str(part).startswith("python"))
    assert str(python.specifier) == str(Requirement("python" + PYPROJECT["project"]["requires-python"]).specifier)


def test_the_chapters_run_without_a_profile_of_the_one_who_tests_them():
    """A startup file with `warnings.simplefilter("always")` made a chapter fail whose code had nothing wrong."""
    profile = Path(os.environ["IPYTHONDIR"])
    assert profile.name.startswith("ipython-") and not list(profile.glob("profile_*/startup/*.py"))
