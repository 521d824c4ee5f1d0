"""Refreshing executes a notebook and leaves nothing in it that another run would store differently."""

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bundlebook import chapters
from bundlebook.errors import BundlebookError

NOISY = """\
import sys
print("to the error stream", file=sys.stderr)
print(6 * 7, flush=True)
print("to the error stream again", file=sys.stderr, flush=True)
print("and one line more")
"""


def write(folder, source):
    file = folder / "01_small.ipynb"
    notebook = new_notebook(cells=[new_markdown_cell("# 01. Small"), new_code_cell(source)])
    notebook.metadata["papermill"] = {"duration": 3}
    notebook.cells[1].metadata = {"execution": {"iopub.execute_input": "2020"}, "tags": ["b", "a"]}
    nbformat.write(notebook, file)
    return file


def test_refresh_executes_and_normalises(tmp_path):
    file = write(tmp_path, NOISY)
    chapters.refresh([file])
    once = file.read_bytes()
    notebook = nbformat.read(file, as_version=4)
    cell = notebook.cells[1]
    assert cell.execution_count == 1
    assert [o.text for o in cell.outputs] == ["42\nand one line more\n"]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert cell.metadata == {"tags": ["a", "b"]}
    chapters.refresh([file])
    assert file.read_bytes() == once


def test_a_failing_notebook_is_left_as_it_was(tmp_path):
    file = write(tmp_path, "1 / 0")
    before = file.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        chapters.refresh([file])
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_no_notebook_is_told_before_anything_runs(tmp_path):
    good, text, folder = tmp_path / "good.ipynb", tmp_path / "README.md", tmp_path / "folder.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), good)
    before = good.read_bytes()
    text.write_text("# A text")
    folder.mkdir()
    other = tmp_path / "other.ipynb"
    other.write_text('{"a": 1}')
    for bad in (text, folder, other):
        with pytest.raises(BundlebookError, match="this is no notebook"):
            chapters.refresh([good, bad])
    assert good.read_bytes() == before


def test_the_id_of_a_cell_survives_editing_moving_and_refreshing():
    notebook = new_notebook(cells=[new_markdown_cell("# 01. A title"), new_code_cell("x = 1"), new_code_cell("x")])
    chapters.name_cells(notebook)
    first = [cell.id for cell in notebook.cells]
    assert all(chapters.CELL_ID.fullmatch(cell_id) for cell_id in first) and len(set(first)) == 3
    notebook.cells[1].source = "another_name = 2"
    notebook.cells.insert(1, new_code_cell("x = 1"))
    notebook.cells.reverse()
    chapters.name_cells(notebook)
    assert [cell.id for cell in notebook.cells if cell.id in first] == first[::-1]
    assert len({cell.id for cell in notebook.cells}) == 4


def test_a_copied_cell_gets_an_id_of_its_own():
    cell = new_code_cell("y = 1")
    notebook = new_notebook(cells=[cell, new_code_cell("y = 1")])
    chapters.name_cells(notebook)
    notebook.cells[1].id = notebook.cells[0].id
    kept = notebook.cells[0].id
    chapters.name_cells(notebook)
    assert notebook.cells[0].id == kept != notebook.cells[1].id
