"""nbval as it is run here: strict about outputs, and quiet after a notebook's first failure."""

import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bundlebook import paths


def run_nbval(folder, cells, **environment):
    """Write a notebook of (source, stored stdout) pairs and return pytest's exit code and last line."""
    stored = [
        new_code_cell(source, execution_count=n, outputs=[new_output("stream", name="stdout", text=text)])
        for n, (source, text) in enumerate(cells, start=1)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=stored, metadata=kernel), folder / "01_small.ipynb")
    shutil.copy(paths.root() / "conftest.py", folder / "conftest.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "--nbval"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout.strip().splitlines()[-1]


def test_equal_outputs_pass(tmp_path):
    code, line = run_nbval(tmp_path, [("print(1)", "1\n"), ("print(2)", "2\n")])
    assert code == 0 and line.startswith("2 passed")


@pytest.mark.parametrize("cell", [("print(3)", "2\n"), ("raise KeyError('x')", "")], ids=["other output", "exception"])
def test_only_the_first_failure_is_reported(tmp_path, cell):
    code, line = run_nbval(tmp_path, [("print(1)", "1\n"), cell, ("print(y)", "7\n"), ("print(4)", "4\n")])
    assert code == 1 and line.startswith("1 failed, 1 passed, 2 skipped")
