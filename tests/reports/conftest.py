"""Tiny notebooks and batches for the tests of reports."""

from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class Workshop:
    """A folder with templates and batch files of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def notebook(self, name: str, *code: str, parameters: str = "K = 1  # which, count", title: str = "", **extra):
        """Write a template: a heading, a parameters cell, then one cell for each piece of *code*."""
        cells = [new_markdown_cell(f"# {title or name}")]
        if parameters:
            cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        cells += [new_markdown_cell(c[4:]) if c.startswith("md: ") else new_code_cell(c) for c in code]
        metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, **extra}
        file = self.folder / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), file)
        return file

    def batch(self, *jobs: dict, name: str = "trial", **keys) -> Path:
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"title": "A trial", "jobs": list(jobs), **keys}, allow_unicode=True))
        return file


@pytest.fixture
def workshop(tmp_path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture(scope="module")
def shared_workshop(tmp_path_factory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))
