"""A slider of a chapter, moved in JupyterLab as a student would move it."""

import json
import sys
import time

import pytest

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports import find_chromium
from tests.notebooks.browser import Lab, Tab, wait

FIGURE = "document.querySelector('.widget-interact .jp-OutputArea img')"


def up_to_the_slider(chapter):
    """The chapter as it stands, without what follows its first slider and without stored outputs."""
    notebook = json.loads((paths.notebooks() / chapter).read_text(encoding="utf-8"))
    code = [
        cell | {"outputs": [], "execution_count": None} for cell in notebook["cells"] if cell["cell_type"] == "code"
    ]
    last = next(place for place, cell in enumerate(code) if "explore(" in "".join(cell["source"]))
    return notebook | {"cells": code[: last + 1]}


@pytest.fixture
def tab(tmp_path):
    try:
        chromium = find_chromium()
    except BundlebookError as error:
        pytest.skip(f"{error.problem}: {error.remedy}")
    (tmp_path / "lab").mkdir()
    (tmp_path / "profile").mkdir()
    notebook = up_to_the_slider("04_rnn_derivation.ipynb")
    (tmp_path / "lab" / "chapter.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    lab = Lab(sys.executable, tmp_path / "lab")
    try:
        tab = Tab(chromium, tmp_path / "profile", f"{lab.address}/tree/chapter.ipynb")
        try:
            yield tab, len(notebook["cells"])
        finally:
            tab.close()
    finally:
        lab.close()


def run_first(page):
    page.ask("document.querySelector('.jp-Notebook .jp-CodeCell .cm-content').focus()")
    page.press("Enter", 13, modifiers=8)
    time.sleep(1)
    return page.ask("document.querySelector('.jp-Notebook .jp-CodeCell .jp-InputPrompt').innerText != '[ ]:'")


def test_a_slider_of_chapter_04_redraws_its_figure(tab):
    page, cells = tab
    page.until("document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status == 'idle'", "the kernel")
    # A key is lost while the kernel is not yet connected, so the first cell is run until it has its number.
    wait(lambda: run_first(page), "the first cell to run")
    for _ in range(cells - 1):
        page.press("Enter", 13, modifiers=8)
    before = page.until(f"{FIGURE}?.src", "the first figure")
    page.ask("document.querySelector('.noUi-handle').focus()")
    page.press("ArrowRight", 39)
    after = page.until(f"(now => now && now != {json.dumps(before)} && now)({FIGURE}?.src)", "the figure to change")
    assert after.startswith("data:image/")
