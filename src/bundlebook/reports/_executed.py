"""An executed notebook, made fit to be shown: no path of the machine, no ticks; and its headline figures."""

import math
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from bundlebook import paths

#: A path as a whole, so that each is looked at once however long a text is.
_PATH = re.compile(r"(?:/[\w.+ -]++)++/?")
_CELL_FILE = re.compile(r"/ipykernel_\d+/\d+\.py")
_LIBRARY = re.compile(r".*/(?:site-packages|lib/python3\.\d+)/")
#: One state of a progress bar, as tqdm and Keras draw it; no line of one is longer than this many characters.
_TICK, _LONGEST_TICK = re.compile(r"\d%\|.*\||\d(?:it|s)/(?:s|it)|\d/(?:\d+|\?) \[.*\]|━"), 1_000


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
    text = _PATH.sub(lambda found: _shortened(found[0]), text)
    for folder, name in {**(known or {}), str(paths.root()): "", str(paths.out()): "", str(paths.cache()): ""}.items():
        text = re.sub(re.escape(folder) + (r"/?" if not name else ""), name.replace("\\", "\\\\"), text)
    for folder in (sys.prefix, str(Path.home())):
        if len(folder) > 2:
            text = text.replace(folder, "~")
    return text


def _shortened(path: str) -> str:
    """A path from the package or library it lies in; the file of a notebook's cell by that name."""
    if found := _CELL_FILE.search(path):
        before = path[: found.start()]
        path = before[: before.rfind(" ") + 1] + "<cell>" + path[found.end() :]
    library = _LIBRARY.match(path)
    return path[library.end() :] if library else path


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
                elif kind.endswith("json"):
                    output.data[kind] = finite(value)
    return notebook


def finite(content: Any) -> Any:
    """The content of a JSON file, with None for each number that JSON does not know (NaN, infinity).

    Examples
    --------
    >>> finite({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(content, dict):
        return {name: finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def settle_streams(notebook: nbformat.NotebookNode) -> None:
    """Join what a cell printed in pieces, and drop progress bars from its messages; changes the notebook in place."""
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    for cell in notebook.cells:
        for output in list(cell.get("outputs", [])):
            if output.get("name") == "stderr":
                lines = output.text.splitlines(keepends=True)
                output.text = "".join(line for line in lines if len(line) > _LONGEST_TICK or not _TICK.search(line))
                if not output.text.strip():
                    cell.outputs.remove(output)


def collect(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The headline figures (name, value, unit) of a notebook, in order; a name recorded twice keeps its last value."""
    from bundlebook.notebook import METRIC_MIME  # imports pandas, which nothing before the first kernel needs

    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            metric = output.get("data", {}).get(METRIC_MIME)
            if isinstance(metric, dict) and "name" in metric and "value" in metric:
                name, value = str(metric["name"]), finite(metric["value"])
                if not isinstance(value, int | float) or abs(value) > sys.float_info.max:
                    value = "nan" if value is None else str(value)  # numbers are drawn as floats
                found[name] = {"name": name, "value": value, "unit": str(metric.get("unit") or "")}
    return list(found.values())


def files(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Names and texts of the files that a notebook hands over."""
    from bundlebook.notebook import FILE_MIME

    data = [output.get("data", {}).get(FILE_MIME) for cell in notebook.cells for output in cell.get("outputs", [])]
    return {file_name(str(file.get("name"))): str(file.get("text")) for file in data if isinstance(file, dict)}


def file_name(text: str) -> str:
    """A text as part of a file's name, without what a shell or a path would read as its own.

    Examples
    --------
    >>> file_name("../top 3, north.csv")
    'top-3-north.csv'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")


def shown(value: Any) -> str:
    """A value as a reader sees it: thousands separated, four significant digits.

    Examples
    --------
    >>> shown(140123), shown(0.123456), shown(12345.678), shown(True), shown("GRU")
    ('140,123', '0.1235', '12,346', 'yes', 'GRU')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def seconds(duration: float | None) -> str:
    """A duration as a reader sees it.

    Examples
    --------
    >>> seconds(0.42), seconds(59.6), seconds(61), seconds(3723), seconds(None)
    ('0.4 s', '1 min 0 s', '1 min 1 s', '1 h 2 min', '')
    """
    if duration is None:
        return ""
    if duration < 9.95:
        return f"{duration:.1f} s"
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
