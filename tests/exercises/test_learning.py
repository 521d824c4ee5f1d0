"""A student's own folder, its progress, and an instructor's run over a class."""

import json
import os
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

from bundlebook import paths
from bundlebook.cli import main
from bundlebook.exercises import check, exercises_of, find_exercise, progress
from tests.notebooks.lint import LINK

RIGHT = find_exercise("04.1").reference
GOOD = "def answer(h, arriving, U):\n    return U.T @ (arriving * (1 - h**2))\n\ncheck('04.1', answer)"
WRONG = "def answer(h, arriving, U):\n    return U @ (arriving * (1 - h**2))\n\ncheck('04.1', answer)"


def learn(*arguments):
    return CliRunner().invoke(main, ["learn", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    assert learn(tmp_path / "mine", "--no-open").exit_code == 0
    return tmp_path / "mine"


def test_the_chapters_and_what_they_link_are_copied(folder):
    names = sorted(file.name for file in paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
    assert sorted(file.name for file in folder.glob("*.ipynb")) == names
    assert (folder / "symbols.md").exists() and (folder / "solutions" / names[0]).exists()


def test_every_link_leads_somewhere(folder):
    links = [(file, target) for file in folder.rglob("*.*") for target in linked_from(file)]
    assert {"benchmarks/zhangsan.py", "data/README.md"} <= {target for _, target in links}
    assert not [(file.name, target) for file, target in links if not (file.parent / target.split("#")[0]).is_file()]
    readme = (folder / "data" / "README.md").read_text(encoding="utf-8")
    assert "](sample_shop)" not in readme and "sample_shop/" in readme


def linked_from(file):
    """Relative targets of a notebook's or a text's links."""
    if file.suffix == ".ipynb":
        cells = nbformat.read(file, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = file.read_text(encoding="utf-8") if file.suffix == ".md" else ""
    return [target for target in LINK.findall(text) if not target.startswith(("http://", "https://", "#"))]


def test_nothing_is_ever_overwritten(folder):
    own = next(folder.glob("04_*.ipynb"))
    own.write_text("my work")
    next(folder.glob("02_*.ipynb")).unlink()
    result = learn(folder, "--no-open")
    assert result.exit_code == 0 and result.output.startswith("1 files copied")
    assert own.read_text() == "my work"


def test_a_folder_that_cannot_be_is_a_message(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below", paths.notebooks(), paths.notebooks() / "mine"):
        result = learn(place, "--no-open")
        assert result.exit_code == 1 and "Remedy:" in result.output, result.output
        assert "Traceback" not in result.output
    assert not (paths.notebooks() / "mine").exists()


def test_without_chapters_there_is_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_NOTEBOOKS", str(tmp_path / "none"))
    assert "BUNDLEBOOK_ROOT" in learn(tmp_path / "mine", "--no-open").output


def test_checks_in_the_folder_are_counted_and_the_best_stays(folder, monkeypatch):
    monkeypatch.chdir(folder)
    check("04.1", RIGHT)
    check("04.1", lambda h, arriving, U: h)
    check("04.1", None)
    check("04.2", lambda gradient, kappa: kappa)
    row = progress().loc["04"]
    n = len(exercises_of("04"))
    assert row[["right", "open", "not attempted"]].tolist() == [1, 1, n - 2]
    assert row["still to do"].startswith("04.2, 04.3")
    output = learn(folder, "--progress").output
    assert output.splitlines()[0].split()[:2] == ["right", "open"] and "04.2, 04.3" in output
    assert json.loads((folder / ".bundlebook" / "progress.json").read_text())["04.1"] == {
        "attempts": 2,
        "state": "right",
    }


def test_progress_can_be_forgotten(folder, monkeypatch):
    monkeypatch.chdir(folder)
    check("04.1", RIGHT)
    assert learn(folder, "--reset").exit_code == 0
    assert progress(folder)["right"].sum() == 0
    assert len(list(folder.glob("*.ipynb"))) > 5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"04.1": 3}', '{"04.1": {"state": "right"}}', "\x00"])
def test_a_damaged_record_counts_as_nothing_and_is_mended(folder, monkeypatch, text):
    (folder / ".bundlebook" / "progress.json").write_text(text)
    monkeypatch.chdir(folder)
    assert progress()["right"].sum() == 0
    check("04.1", RIGHT)
    assert progress()["right"].sum() == 1


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_does_not_spoil_a_check(folder, monkeypatch):
    (folder / ".bundlebook").chmod(0o500)
    monkeypatch.chdir(folder)
    assert check("04.1", RIGHT).state == "right"
    (folder / ".bundlebook").chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder that somebody stands in")
def test_a_folder_that_is_gone_does_not_spoil_a_check(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert check("04.1", RIGHT).state == "right"


def test_two_kernels_may_check_at_the_same_time(folder):
    code = "from bundlebook.exercises import check, find_exercise as f\n"
    code += "import sys\nfor _ in range(5): check(sys.argv[1], f(sys.argv[1]).reference)"
    ids = ["04.1", "04.2"]
    running = [subprocess.Popen([sys.executable, "-c", code, id], cwd=folder) for id in ids]
    assert [process.wait(60) for process in running] == [0, 0]
    assert progress(folder)["right"].sum() == 2


def test_elsewhere_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check("04.1", RIGHT)
    assert list(tmp_path.iterdir()) == []
    for option in ("--progress", "--reset"):
        result = learn(tmp_path, option)
        assert result.exit_code == 1 and "no progress is recorded" in result.output


@pytest.mark.parametrize(
    "arguments", [["--progress", "--reset"], ["--grade"], ["a", "b"], ["--grade", "a", "--limit", "0"]], ids=str
)
def test_options_that_cannot_be_are_usage_errors(arguments):
    assert learn(*arguments).exit_code == 2


def write(folder, *sources, name="04_mine.ipynb"):
    folder.mkdir(parents=True)
    cells = [new_code_cell("from bundlebook.exercises import check"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), folder / name)


def test_a_class_is_graded_whatever_the_students_wrote(tmp_path):
    stub = "def answer(h, arriving, U):\n    ...\n\ncheck('04.1', answer)"
    endless = "def answer(gradient, kappa):\n    while True:\n        pass\n\ncheck('04.2', answer, seconds=1)"
    write(tmp_path / "ann", "1 / 0", endless, WRONG, GOOD, "check('04.2', None)")
    write(tmp_path / "ben", "while True:\n    pass", GOOD)
    write(tmp_path / "cem", GOOD, "import os\nos._exit(1)", stub)
    write(tmp_path / "=dan", WRONG, name="04_other.ipynb")
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "04_x.ipynb").write_text("no notebook")
    (tmp_path / "fay").mkdir()
    folders = [tmp_path / name for name in ("ann", "ben", "cem", "=dan", "eve", "fay")]
    out = tmp_path / "new" / "grades.csv"
    result = learn(*folders, "--grade", "--chapter", "04", "--limit", 4, "--total", 60, "--out", out)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out, keep_default_na=False)
    table["student"] = table["student"].map(lambda path: path.rsplit("/", 1)[-1])
    first = table[table["exercise"].isin(["04.1", ""])].set_index("student")
    assert first["state"].to_dict() == {
        "ann": "right", "ben": "right", "cem": "right", "=dan": "not yet", "eve": "not reached", "fay": "not reached"
    }  # fmt: skip
    second = table[(table["student"] == "ann") & (table["exercise"] == "04.2")].iloc[0]
    assert second["state"] == "not yet" and "did not end within 1 s." in second["message"]
    assert "transposed" in first.loc["=dan", "message"]
    assert first.loc["ann", "run"] == "complete, but of its cells 1 failed, the first with ZeroDivisionError"
    assert first.loc["ben", "run"] == "complete, but of its cells 1 interrupted: the time was up"
    assert first.loc["cem", "run"].startswith("the kernel ended")
    assert first.loc["eve", "run"].startswith("not a notebook") and "no chapter" in first.loc["fay", "run"]
    assert len(table) == 5 * len(exercises_of("04")) + 1
    assert not list(tmp_path.glob("*/.bundlebook"))


def test_a_notebook_that_cannot_be_interrupted_ends_when_its_time_is_up(tmp_path):
    write(tmp_path / "ann", GOOD, "sum(iter(int, 1))  # a loop in C, which holds the interpreter's lock for ever")
    result = learn(tmp_path / "ann", "--grade", "--limit", 300, "--total", 6, "--out", tmp_path / "grades.csv")
    assert result.exit_code == 0, result.output
    assert "1 right, the kernel ended: the notebook's time was up" in result.output


def test_where_nothing_can_be_written_no_notebook_runs(tmp_path):
    write(tmp_path / "ann", "import pathlib\npathlib.Path('ran').touch()")
    (tmp_path / "file").touch()
    for arguments in (["--out", tmp_path / "file" / "grades.csv"], ["--chapter", "99"]):
        result = learn(tmp_path / "ann", "--grade", *arguments)
        assert result.exit_code == 1 and "Remedy:" in result.output
    assert learn(tmp_path / "ann", tmp_path / "nobody", "--grade").exit_code == 1
    assert not (tmp_path / "ann" / "ran").exists()


def test_the_command_line_starts_without_pandas():
    code = "import sys, bundlebook.cli; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
