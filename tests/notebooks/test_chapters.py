"""Every stored chapter keeps its promises, and the README lists them as they are."""

import re

import nbformat
import pytest

from bundlebook import chapters, paths
from tests.notebooks import lint

CHAPTERS, SOLUTIONS = chapters.chapter_files(), chapters.solution_files()


def _id(file):
    return file.relative_to(paths.notebooks()).as_posix()


@pytest.mark.parametrize("file", CHAPTERS, ids=_id)
def test_chapter(file):
    assert lint.faults(file) == []


@pytest.mark.parametrize("file", SOLUTIONS, ids=_id)
def test_solutions(file):
    assert lint.faults(file, chapter=False) == []


@pytest.mark.parametrize("file", CHAPTERS + SOLUTIONS, ids=_id)
def test_a_notebook_is_stored_line_by_line_as_refresh_writes_it(file):
    # With a cell on one line of JSON, a change of one word is a change of the whole cell.
    stored = file.read_text(encoding="utf-8")
    assert stored.rstrip("\n") == nbformat.writes(nbformat.reads(stored, 4)).rstrip("\n")


#: Numbers that are kept for chapters to come; whoever writes one takes its number out.
TO_COME: set[str] = set()


def test_numbers_are_consecutive_but_for_chapters_to_come_and_every_chapter_has_solutions():
    numbers = [file.name[:2] for file in CHAPTERS]
    missing = {f"{n:02d}" for n in range(1, int(numbers[-1]) + 1)} - set(numbers)
    assert len(set(numbers)) == len(numbers) and missing == {number for number in TO_COME if number < numbers[-1]}
    assert [file.name for file in CHAPTERS] == [file.name for file in SOLUTIONS]


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_readme_lists_the_chapters(readme):
    text = (paths.root() / readme).read_text(encoding="utf-8")
    listed = re.findall(r"^\|[^|]*\]\((notebooks/[^)]+\.ipynb)\)", text, flags=re.M)
    assert listed == [file.relative_to(paths.root()).as_posix() for file in CHAPTERS]


def test_english_readme_names_the_titles():
    text = (paths.root() / "README.md").read_text(encoding="utf-8")
    for file in CHAPTERS:
        heading = nbformat.read(file, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        assert f"[{heading}](notebooks/{file.name})" in text


@pytest.mark.parametrize("document", sorted(paths.root().glob("*.md")) + sorted(paths.root().glob("*/README.md")))
def test_links_of_documents_resolve(document):
    for target in lint.LINK.findall(document.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#")):
            assert (document.parent / target.split("#")[0]).exists(), f"{document.name}: {target}"
