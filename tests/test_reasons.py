"""Every reason that anybody is shown passed the deletion test: only two modules may word one, and both test it."""

import ast
import re

import nbformat
import pytest

from bundlebook import paths
from bundlebook.chapters import chapter_files, solution_files

PACKAGE = paths.root() / "src" / "bundlebook"
#: The modules that word reasons; what they say is tested by tests/bundles/test_reasons.py and tests/trust.
WORDED = {"bundles/reasons.py", "trust/explanation.py"}
#: How a reason sounds.
REASON = re.compile(
    r"\b(you (buy|bought|have bought|see|are shown)|because (you|he|she|they)|customers (who )?buy)\b", re.I
)
#: What makes a sentence count as tested, each with the module that may use it.
MAKERS = {"Said": "bundles/reasons.py", "Counterfactual": "trust/explanation.py"}


def untested(code: str, name: str) -> list[str]:
    """Sentences of a program that read like a reason, and calls that declare one tested, outside of their modules."""
    tree = ast.parse(code)
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in docstrings else None
        if isinstance(text, str) and name not in WORDED and REASON.search(text):
            found.append(f"{name}:{node.lineno}: {text!r} is worded here and not tested")
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name != MAKERS.get(called, name):
                found.append(
                    f"{name}:{node.lineno}: {called} is called here; only {MAKERS[called]} may, after its test"
                )
    return found


def notebook_code(file) -> str:
    cells = nbformat.read(file, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def test_no_other_place_words_a_reason():
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        found += untested(file.read_text(encoding="utf-8"), file.relative_to(PACKAGE).as_posix())
    for file in [*chapter_files(), *solution_files(), *sorted((paths.root() / "reports").rglob("*.ipynb"))]:
        if "out" not in file.relative_to(paths.root()).parts:
            found += untested(notebook_code(file), file.name)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "print(f'You buy {item} every week')",
        "text = 'shown because you bought ' + item",
        "say('Customers who buy {} also buy {}.')",
        "Bundle.of(priced, 0, goal, (Said('Try it.'),))",
        "reason(trust.Counterfactual(3, (1,), 1, 99, 10), called)",
    ],
)
def test_a_new_place_that_shows_an_untested_one_is_found(code):
    assert untested(code, "reports/new.py")


def test_a_docstring_may_speak_of_reasons():
    assert not untested('def f():\n    """You buy tea."""\n', "plots/x.py")
