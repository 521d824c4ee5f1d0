"""Each rule of the lint catches the fault it is there for."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bundlebook.chapters import name_cells
from tests.notebooks import lint

IGNORED = {"tags": ["nbval-ignore-output"]}


def sound_chapter():
    head = "# 01. A title\n\n" + "\n".join(f"| {row} | something |" for row in lint.ROWS)
    asked = "## Check yourself\n1. Why?\n<details><summary>Answers</summary>\n\n1. Because.\n\n</details>\n"
    tail = asked + "## Exercises\n[solutions](solutions/01_a.ipynb)\n## Summary\n- one\n"
    cells = [
        new_markdown_cell(head),
        new_code_cell("from bundlebook import notebook\nnotebook.setup()"),
        new_code_cell('SHOP = "sample"  # shop\nSEED = 1  # seed', metadata={"tags": ["parameters"]}),
        new_markdown_cell("words " * 80),
        new_code_cell("print(1 + 1)", outputs=[new_output("stream", name="stdout", text="2\n")]),
        new_markdown_cell(tail + "## Further reading\nA book."),
        new_code_cell("notebook.footer(SEED)", metadata=IGNORED),
    ]
    for number, cell in enumerate(c for c in cells if c.cell_type == "code"):
        cell.execution_count = number + 1
    notebook = new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    name_cells(notebook)
    return notebook


def sound_solutions():
    notebook = sound_chapter()
    notebook.cells[0].source = "# 01. A title: solutions"
    notebook.cells[2].source = "SEED = 1  # seed"
    return notebook


def found(folder, notebook, chapter=True):
    (folder / "solutions").mkdir(exist_ok=True)
    (folder / "solutions" / "01_a.ipynb").touch()
    file = folder / "01_a.ipynb"
    nbformat.write(notebook, file)
    return lint.faults(file, chapter)


def test_a_sound_chapter_has_no_fault(tmp_path):
    assert found(tmp_path, sound_chapter()) == []


def test_sound_solutions_have_no_fault(tmp_path):
    assert found(tmp_path, sound_solutions(), chapter=False) == []


def break_order(nb):
    nb.cells[4].execution_count = 7


def break_door(nb):
    nb.cells[1].source += "\nfrom bundlebook.shop.baskets import Baskets"


def break_privacy(nb):
    nb.cells[1].source += "\nfrom bundlebook.shop import _secret"


def break_imports(nb):
    nb.cells[1].source += "\nfrom bundlebook import paths" * 8


def break_id(nb):
    nb.cells[3].id = "cell-003"


def break_unique_id(nb):
    nb.cells[3].id = nb.cells[5].id


def break_stderr(nb):
    nb.cells[4].outputs.append(new_output("stream", name="stderr", text="oops"))


def break_error(nb):
    nb.cells[4].outputs = [new_output("error", ename="ValueError", evalue="", traceback=[])]


def break_warning(nb):
    nb.cells[4].outputs[0].text = "x.py:1: FutureWarning: soon"


def break_unchecked(nb):
    nb.cells[4].metadata = {"tags": ["nbval-ignore-output"]}


def break_kernel(nb):
    nb.metadata.kernelspec.name = "conda-env-mine"


def break_metadata(nb):
    nb.metadata["papermill"] = {}


def break_magic(nb):
    nb.cells[4].source = "%matplotlib inline"


def break_semicolon(nb):
    nb.cells[4].source = "print(2);"


def break_path(nb):
    nb.cells[4].outputs[0].text = "/home/someone/data.csv"


def break_address(nb):
    nb.cells[4].outputs[0].text = "<object at 0x7f3a5c0d1e80>"


def break_link(nb):
    nb.cells[3].source += " [there](02_missing.ipynb)"


def break_row(nb):
    nb.cells[0].source = nb.cells[0].source.replace("**You need**", "You need")


def break_title(nb):
    nb.cells[0].source = nb.cells[0].source.replace("# 01.", "# 1")


def break_sections(nb):
    nb.cells[5].source = nb.cells[5].source.replace("## Further", "## More")


def break_answers(nb):
    nb.cells[5].source = nb.cells[5].source.replace("1. Why?", "1. Why?\n2. Why not?")


def break_summary(nb):
    nb.cells[5].source = nb.cells[5].source.replace("- one\n", "- one\n" * 6)


def break_literal(nb):
    nb.cells[2].source = 'SHOP = "sample"  # shop\nSEED = 1 + SIZE  # seed'


def break_comment(nb):
    nb.cells[2].source = 'SHOP = "sample"\nSEED = 1  # seed'


def break_parameter(nb):
    nb.cells[2].source = 'SHOP = "sample"  # shop'


def break_footer(nb):
    nb.cells[-1].source = "print('end')"


def break_length(nb):
    nb.cells[4].source = "\n".join(["x = 1"] * 16)
    nb.cells[3].source = "words " * 500


def break_number(nb):
    nb.cells[3:3] = [new_markdown_cell("words", id=f"words-{number:04x}") for number in range(60)]


def break_prose(nb):
    nb.cells[3].source = ""
    nb.cells[4].source = "x = 1\n" * 10


def break_size(nb):
    nb.cells[4].outputs[0].text = "x" * 300_001


BREAKS = [value for name, value in sorted(globals().items()) if name.startswith("break_")]


@pytest.mark.parametrize("breaking", BREAKS, ids=lambda function: function.__name__)
def test_a_planted_fault_is_found_alone(tmp_path, breaking):
    notebook = sound_chapter()
    breaking(notebook)
    assert len(found(tmp_path, notebook)) == 1


def test_tasks_and_starters_do_not_count_as_cells_of_the_chapter(tmp_path):
    notebook = sound_chapter()
    before, after = notebook.cells[5].source.split("## Summary")
    notebook.cells[5].source = "## Summary" + after
    tasks = [new_markdown_cell(f"Task {number}", id=f"task-{number:04x}") for number in range(60)]
    notebook.cells[5:5] = [new_markdown_cell(before, id="exercises-0000"), *tasks]
    assert found(tmp_path, notebook) == []


def untag(nb):
    nb.cells[2].metadata = {}


def move_behind_the_code(nb):
    nb.cells[2:5] = [*nb.cells[3:5], nb.cells[2]]
    for number, cell in enumerate(c for c in nb.cells if c.cell_type == "code"):
        cell.execution_count = number + 1


def without_seed(nb):
    nb.cells[2].source = "HOUSEHOLDS = 250  # households"


def two_in_a_line(nb):
    nb.cells[2].source += "\nd, m = 4, 5  # sizes"


PARAMETER_BREAKS = [
    break_literal,
    break_comment,
    break_footer,
    untag,
    move_behind_the_code,
    without_seed,
    two_in_a_line,
]


@pytest.mark.parametrize("breaking", PARAMETER_BREAKS, ids=lambda function: function.__name__)
def test_a_planted_fault_of_solutions_is_found_alone(tmp_path, breaking):
    notebook = sound_solutions()
    breaking(notebook)
    assert len(found(tmp_path, notebook, chapter=False)) == 1
