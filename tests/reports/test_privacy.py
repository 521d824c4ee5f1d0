"""No page tells where on a disk it was made."""

import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bundlebook import paths
from bundlebook.reports import load_batch
from bundlebook.reports._executed import scrub, without_paths
from bundlebook.reports._identity import hidden_folders


def test_paths_become_what_means_something_elsewhere():
    root = str(paths.root())
    assert without_paths(f"{root}/src/bundlebook/paths.py:3") == "src/bundlebook/paths.py:3"
    assert without_paths("File /tmp/ipykernel_12/345.py:2, in f") == "File <cell>:2, in f"
    library = f"{sys.base_prefix}/lib/python3.{sys.version_info.minor}/json/decoder.py"
    assert without_paths(library) == "json/decoder.py"
    assert without_paths(f"{root}/.venv/lib/python3.11/site-packages/pandas/a.py") == "pandas/a.py"
    assert str(Path.home()) not in without_paths(f"{Path.home()}/elsewhere/x.csv") or Path.home() == Path("/")
    assert without_paths("in /data/shops/mine/a.csv", {"/data/shops/mine": "mine"}) == "in mine/a.csv"
    assert without_paths("ratio 1/2 and a/b") == "ratio 1/2 and a/b"


def test_a_folder_of_the_reader_is_shown_by_its_name_alone(workshop):
    real, link = workshop.folder / "real" / "shop", workshop.folder / "linked"
    real.mkdir(parents=True)
    (real / "user_data.csv").write_text("user_id\n1\n")
    link.symlink_to(real)
    workshop.notebook("job", parameters='SHOP = "sample"')
    (job,) = load_batch(workshop.batch({"template": "job.ipynb", "parameters": {"SHOP": str(link)}})).jobs
    text = f"{workshop.folder}/x.csv, {real}/a.csv, {link.resolve()}/b.csv"
    assert str(workshop.folder.parent) not in without_paths(text, hidden_folders(job))


@pytest.mark.parametrize("text", ["2021/01/02 " * 20_000, "/a" * 20_000, "/a/site-packages" * 9_000])
def test_a_long_text_takes_no_longer_than_a_short_one_for_each_letter(text):
    began = time.perf_counter()
    without_paths(text)
    assert time.perf_counter() - began < 2


def test_a_notebook_is_cleaned_everywhere():
    secret = f"{paths.root()}/data"
    cell = new_code_cell(
        'SHOP = "/data/shops/mine"',
        outputs=[
            new_output("stream", name="stdout", text=secret),
            new_output("error", ename="E", evalue=secret, traceback=[secret]),
            new_output("display_data", data={"text/html": f"<b>{secret}</b>", "image/png": "aGk="}),
        ],
        metadata={"papermill": {"start_time": "now"}},
    )
    notebook = new_notebook(cells=[cell], metadata={"papermill": {"input_path": secret}})
    text = nbformat.writes(scrub(notebook, {"/data/shops/mine": "mine"}))
    assert str(paths.root()) not in text
    assert "/data/shops" not in text
    assert "papermill" not in text
    assert "aGk=" in text
