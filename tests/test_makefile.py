"""The commands the README names exist, and CI runs the one a maintainer runs."""

import os
import re
import subprocess

import pytest

from bundlebook import paths

ROOT = paths.root()


def test_help_lists_the_commands():
    text = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = re.findall(r"^  make (\w+) ", text.stdout, flags=re.M)
    assert {"setup", "report", "test", "lab", "refresh", "doctor", "clean"} <= set(listed)


def test_ci_calls_make_test():
    assert re.search(r"^exec make test$", (ROOT / ".ci" / "run").read_text(), flags=re.M)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_commands_of_the_readme_exist(readme):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    text = (ROOT / readme).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.M))
    assert {"report", "test", "lab"} <= named <= targets


def test_a_python_that_does_not_fit_is_refused_with_a_remedy(tmp_path):
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.1;; *) exit 1;; esac\n')
    fake.chmod(0o755)
    command = ["make", "--no-print-directory", "setup", f"PYTHON={fake}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert (
        "needs Python 3.11, 3.12 or 3.13" in done.stdout and "Python 3.9.1" in done.stdout and "Remedy" in done.stdout
    )


@pytest.mark.parametrize(("lint", "tests", "code"), [(0, 0, 0), (1, 0, 2), (0, 1, 2), (1, 1, 2)])
def test_lint_runs_beside_the_tests_and_either_can_fail(tmp_path, lint, tests, code):
    for name, ends in {"ruff": 0, "mypy": lint, "lint-imports": 0, "python": tests}.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\necho {name} ran [$PYTHONDONTWRITEBYTECODE]\nexit {ends}\n")
        tool.chmod(0o755)
    (tmp_path / ".ready").touch()
    command = ["make", "--no-print-directory", "test", f"VENV={tmp_path}"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "python ran []" in done.stdout and "mypy ran" in done.stdout  # and kernels keep their bytecode
    assert ("Lint failed" in done.stdout) == bool(lint)
