"""The table of symbols and the glossary hold what the chapters use, and every chapter links both."""

import re
from itertools import pairwise

import nbformat
import pytest

from bundlebook import chapters, paths
from tests.notebooks.test_chapters import _id

CHAPTERS = chapters.chapter_files()
GREEK = (
    *(
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "kappa",
        "lambda",
        "mu",
        "nu",
    ),
    *("xi", "pi", "rho", "sigma", "tau", "phi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Pi", "Sigma"),
    *("Phi", "Psi", "Omega"),
)
DRESSED = r"\\(?:mathbf|bar|hat|tilde)\s*(?:\{\\?[a-zA-Z]+\}|[a-zA-Z])"


def symbols(formula):
    """The letters of a formula without what stands below or above them: ``W_h h_{t-1}`` has W and h."""
    formula = re.sub(r"\\(?:text|mathrm|operatorname|begin|end)\s*\{[^{}]*\}", " ", formula)
    formula = re.sub(r"\\mathbb\s*\{?[A-Z]\}?", " ", formula)
    for _ in range(4):
        formula = re.sub(r"[_^]\s*\{(?:[^{}]|\{[^{}]*\})*\}", " ", formula)
    formula = re.sub(r"[_^]\s*(?:\\[a-zA-Z]+|[^\s{}\\])", " ", formula)
    found = set(re.findall(DRESSED, formula))
    formula = re.sub(DRESSED, " ", formula)
    found |= {f"\\{name}" for name in re.findall(r"\\([a-zA-Z]+)", formula) if name in GREEK}
    found |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[a-zA-Z]+", " ", formula)))
    return {re.sub(r"[{}\s]", "", symbol) for symbol in found}


def rows(document):
    """Cells of the rows of a Markdown document's tables."""
    for line in (paths.notebooks() / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def prose(file):
    cells = nbformat.read(file, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def shared_symbols():
    return [row[0] for row in rows("symbols.md") if row[0].startswith("$")]


def own_symbols(number):
    return [row[1] for row in rows("symbols.md") if row[0] == number]


def test_letters_are_found_without_what_stands_at_them():
    formula = r"\mathbf{f}_t = \sigma(W_f[h_{t-1}; x_t] + b_f)\in\mathbb{R}^d\quad\text{is} \bar y \exp(-\theta_{k^2})"
    assert symbols(formula) == {"\\mathbff", "\\sigma", "W", "h", "x", "b", "\\bary", "\\theta"}


@pytest.mark.parametrize("file", CHAPTERS, ids=_id)
def test_every_symbol_of_a_display_formula_is_in_the_table(file):
    used = set().union(*map(symbols, re.findall(r"\$\$(.+?)\$\$", prose(file), flags=re.S)))
    known = set().union(*map(symbols, shared_symbols() + own_symbols(file.name[:2])))
    assert sorted(used - known) == []


def test_no_symbol_stands_twice():
    shared = shared_symbols()
    assert sorted(shared) == sorted(set(shared))
    for file in CHAPTERS:
        own = own_symbols(file.name[:2])
        assert sorted(own) == sorted(set(own)), file.name


@pytest.mark.parametrize("number", ["04", "05"])
def test_the_networks_share_their_letters(number):
    assert own_symbols(number) == []


@pytest.mark.parametrize("row", [row for row in rows("glossary.md") if row[-1].isdigit()], ids=lambda row: row[0])
def test_a_term_of_the_glossary_occurs_in_its_first_chapter(row):
    english, chinese, meaning, number = row
    assert re.search(r"[\u4e00-\u9fff]", chinese) and meaning
    file = next(file for file in CHAPTERS if file.name.startswith(number))
    assert english.lower() in " ".join(prose(file).replace("*", "").lower().split())


def test_terms_stand_in_the_order_of_their_chapters_and_once():
    terms = [row for row in rows("glossary.md") if row[-1].isdigit()]
    assert len({row[0] for row in terms}) == len(terms)
    assert all(earlier[-1] <= later[-1] for earlier, later in pairwise(terms))


@pytest.mark.parametrize("file", CHAPTERS, ids=_id)
def test_the_first_cell_links_both(file):
    first = nbformat.read(file, as_version=4).cells[0].source
    assert "](symbols.md)" in first and "](glossary.md)" in first
