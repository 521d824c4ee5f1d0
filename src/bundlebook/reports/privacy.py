"""Take the machine out of an executed notebook before anybody else sees it."""

import re
import sys
from pathlib import Path

import nbformat

from bundlebook import paths

_CELL_FILE = re.compile(r"(?:/[\w.+-]+)*/ipykernel_\d+/\d+\.py")
_PACKAGES = re.compile(r"(?:/[\w.+ -]+)+/site-packages/")
_LIBRARY = re.compile(r"(?:/[\w.+ -]+)+/lib/python3\.\d+/")


def without_paths(text: str, known: dict[str, str] | None = None) -> str:
    """Shorten every path of this machine to what means something elsewhere.

    Parameters
    ----------
    text : str
    known : dict, optional
        Further folders and the text to put in their place.

    Examples
    --------
    >>> without_paths("File /home/me/.venv/lib/python3.12/site-packages/pandas/core/frame.py:12")
    'File pandas/core/frame.py:12'
    """
    text = _LIBRARY.sub("", _PACKAGES.sub("", _CELL_FILE.sub("<cell>", text)))
    for folder, name in {**(known or {}), str(paths.root()): "", str(paths.out()): "", str(paths.cache()): ""}.items():
        text = re.sub(re.escape(folder) + (r"/?" if not name else ""), lambda _, name=name: name, text)
    for folder in (sys.prefix, str(Path.home())):
        if len(folder) > 2:
            text = text.replace(folder, "~")
    return text


def scrub(notebook: nbformat.NotebookNode, known: dict[str, str] | None = None) -> nbformat.NotebookNode:
    """Remove paths from sources and outputs of a notebook, and papermill's notes with theirs; changes it in place."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.source = without_paths(cell.source, known) if known else cell.source
        for output in cell.outputs:
            if "text" in output:
                output.text = without_paths(output.text, known)
            if "traceback" in output:
                output.traceback = [without_paths(line, known) for line in output.traceback]
                output.evalue = without_paths(output.evalue, known)
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/") and isinstance(value, str):
                    output.data[kind] = without_paths(value, known)
    return notebook
