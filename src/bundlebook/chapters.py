"""The chapters as files: find them, execute and normalise them for the repository.

Chapters are committed executed. Whatever a run leaves behind that differs from one run or machine to the next
(stderr, timestamps, widget state, papermill's notes, absolute paths) is dropped here, so that a diff shows only
what changed.
"""

import base64
import hashlib
import io
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CoalesceStreamsPreprocessor, ExecutePreprocessor
from PIL import Image

from bundlebook import paths
from bundlebook.errors import BundlebookError

#: Seconds after which a chapter's cell counts as hanging.
CELL_TIMEOUT = 600
#: Form of a cell's id, made once by :func:`name_cells`.
CELL_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{4}")
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "pygments_lexer": "ipython3",
}


def chapter_files() -> list[Path]:
    """The numbered chapters, in reading order."""
    return sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))


def solution_files() -> list[Path]:
    """The executed solutions of the exercises, one notebook per chapter."""
    return sorted((paths.notebooks() / "solutions").glob("[0-9][0-9]_*.ipynb"))


def _execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int = CELL_TIMEOUT) -> nbformat.NotebookNode:
    """Run a notebook from its first cell to its last in a fresh kernel, as a student would.

    Parameters
    ----------
    notebook : NotebookNode
    folder : Path
        Working directory of the kernel.
    timeout : int
        Most seconds for one cell.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        With the traceback of the first cell that fails.
    """
    # Kernels warn that their local connection is not encrypted, which readers need not learn to ignore.
    quiet = ["--log-level=ERROR"]
    runner = ExecutePreprocessor(timeout=timeout, kernel_name="python3", record_timing=False, extra_arguments=quiet)
    return runner.preprocess(notebook, {"metadata": {"path": str(folder)}})[0]


def _normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop everything from a notebook that another run of the same code would store differently."""
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNELSPEC, "language_info": _LANGUAGE})
    name_cells(notebook)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": sorted(tags)} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = [_normalise_output(o) for o in cell.outputs if o.get("name") != "stderr"]
    # A kernel flushes when it likes, so one print may arrive in one piece or in several.
    return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]


def name_cells(notebook: nbformat.NotebookNode) -> None:
    """Give every cell that has none an id of its own: a slug of its first words and four hex digits.

    An id that is already of this form stays whatever becomes of the cell's text or place, because exercises and
    translations refer to it. A cell that an editor has just made, or copied, gets its own.
    """
    taken: set[str] = set()
    for cell in notebook.cells:
        old = cell.get("id", "")
        if not CELL_ID.fullmatch(old) or old in taken:
            words = re.findall(r"[a-z0-9]+", cell.source.lower())
            slug = "-".join(words[:4])[:40].strip("-") or cell.cell_type
            digests = (hashlib.sha256(f"{salt}{cell.source}".encode()).hexdigest() for salt in itertools.count())
            cell.id = next(made for digest in digests if (made := f"{slug}-{digest[:4]}") not in taken)
        taken.add(cell.id)


def _normalise_output(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep what is shown; widget state lives in a kernel that is gone, so its text stands for it."""
    output.pop("transient", None)
    if "data" in output:
        output.data.pop("application/vnd.jupyter.widget-view+json", None)
        if "image/png" in output.data:
            output.data["image/png"] = _with_palette(output.data["image/png"])
        output.metadata = nbformat.from_dict({})
    return output


def _with_palette(png: str) -> str:
    """Store a figure with at most 256 colours: the eye sees no difference, the file is a third as large."""
    draft = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        if image.mode == "P":
            return png
        image.convert("RGB").quantize(256).save(draft, "PNG", optimize=True)
    return base64.b64encode(draft.getvalue()).decode()


def _read(file: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(file, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, OSError, AttributeError):
        raise BundlebookError(
            "this is no notebook", where=paths.shown(file), remedy="name files that end in .ipynb"
        ) from None


def refresh(files: Iterable[Path] | None = None) -> None:
    """Execute chapters and solutions in place and store them normalised.

    A notebook that fails is left as it was; the error names its cell.

    Raises
    ------
    BundlebookError
        If one of the files is no notebook; then none is executed.
    """
    notebooks = {file: _read(file) for file in files or [*chapter_files(), *solution_files()]}
    for file, notebook in notebooks.items():
        notebook = _normalise(_execute(notebook, file.parent))
        nbformat.validate(notebook)
        draft = file.with_suffix(".ipynb.draft")
        nbformat.write(notebook, draft)
        draft.replace(file)
        print(f"refreshed {paths.shown(file)}")
