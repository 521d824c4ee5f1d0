"""What a job leaves behind: executed notebook, log, headline figures, page, and the status that makes them count."""

import hashlib
import json
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports import _executed, _identity
from bundlebook.reports._batch import Batch, Job
from bundlebook.reports._drawings import write_pdf
from bundlebook.reports._kernels import FAILED, PASSED, Outcome, Watch

#: Raised when a field of ``status.json`` changes its meaning: older results are then made anew.
FORMAT = 1
#: What a status must hold to be believed: a file that somebody edited is no result.
_KINDS: dict[str, Any] = {
    "status": str,
    "key": str,
    "notebook": str,
    "seconds": int | float,
    "metrics": list,
    "provenance": dict,
}
_KINDS |= {"page": dict | None, "pdf": dict | None}
#: Rights that the user's umask takes from new files.
_UMASK = os.umask(0)
os.umask(_UMASK)


class Store:
    """Output folder of a batch: pages on top, what they were made from under ``runs/<job>``.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one batch run and clear away what a crash left.

        Raises
        ------
        BundlebookError
            If another run is writing into the same folder, or nothing can be written there.
        """
        lock, where = FileLock(self.runs / ".lock", timeout=0), paths.shown(self.folder)
        elsewhere = "set BUNDLEBOOK_OUT to a folder that can be written"
        paths.check_writable(self.folder, elsewhere=elsewhere)
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            problem = "another `bundlebook report` is writing into this folder"
            raise BundlebookError(problem, where=where, remedy="wait for it to end") from error
        except OSError as error:
            raise BundlebookError(
                f"cannot be written: {error.strerror}", where=where, remedy=f"free some space, or {elsewhere}"
            ) from error
        try:
            for draft in (*self.runs.glob(".draft-*"), *self.folder.glob(".printing-*")):
                shutil.rmtree(draft, ignore_errors=True)
            yield
        finally:
            lock.release()

    def claim(self, source: Path) -> None:
        """Take the folder for one batch file: another one of the same name would overwrite and mix their results.

        A file that was edited, or a project that was moved, is still the same; only one that lies elsewhere *and* says
        something else is another.

        Raises
        ------
        BundlebookError
            If the folder holds the results of another batch file.
        """
        mark = self.runs / ".batch.json"
        here = {"place": _sha256(str(source.resolve()).encode()), "content": _sha256(source.read_bytes())}
        try:
            before = json.loads(mark.read_text(encoding="utf-8"))
            other = isinstance(before, dict) and all(before.get(part) != value for part, value in here.items())
        except (OSError, ValueError):
            before, other = None, False
        if other and (self.folder / "index.html").exists():
            raise BundlebookError(
                f"this folder holds the results of another batch file called {source.name}",
                where=paths.shown(self.folder),
                remedy="rename one of the two batch files, remove the folder, or set BUNDLEBOOK_OUT",
            )
        if before != here:
            write_json(mark, here)

    def draft(self, name: str) -> Path:
        """A fresh scratch folder for a running job."""
        return Path(tempfile.mkdtemp(prefix=f".draft-{name}-", dir=self.runs))

    def status(self, name: str) -> dict[str, Any] | None:
        """What the last run of a job left, or None if there was none that can be read."""
        try:
            status = json.loads((self.runs / name / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(status, dict) or status.get("format") != FORMAT:
            return None
        return status if all(isinstance(status.get(name), kind) for name, kind in _KINDS.items()) else None

    def reusable(self, name: str, key: str) -> dict[str, Any] | None:
        """The status of a passed job made from the same content whose notebook is still the one it wrote."""
        status = self.status(name)
        if not key or not status or status["status"] != PASSED or status["key"] != key:
            return None
        return status if is_still(self.runs / name / "executed.ipynb", status["notebook"]) else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_still(file: Path, sha256: str) -> bool:
    """Whether a file is there and holds what it held when it was written."""
    return file.is_file() and digest(file) == sha256


def write(file: Path, text: str) -> None:
    """Write a text file in one step: readers see the old content or the new, never a part.

    Raises
    ------
    OSError
        If the disk is full; the old content is then still there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        # Half a surrogate pair is no character; a page shows it, and JSON reads it, as "\\ud800".
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
        # mkstemp makes files only their owner may read; a report is meant to be served.
        Path(name).chmod(0o666 & ~_UMASK)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(file: Path, content: Any) -> None:
    """Write JSON in one step; a number that JSON does not know becomes null."""
    write(file, json.dumps(_executed.finite(content), ensure_ascii=False, indent=1, default=str) + "\n")


_LOG_LINES = 30
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: The kernel's advice to encrypt what never leaves the machine.
_NOISE = re.compile(r"^\[IPKernelApp\] WARNING \| Kernel is running over TCP.*$\n?", re.MULTILINE)


class Results:
    """Writes and renders the results of one batch.

    Parameters
    ----------
    batch : Batch
    store : Store
    chromium : Path, optional
        Print every page with it.
    """

    def __init__(self, batch: Batch, store: Store, chromium: Path | None = None) -> None:
        self.batch, self.store, self.chromium = batch, store, chromium

    def keep(self, job: Job, key: str, draft: Path, outcome: Outcome, watch: Watch) -> dict[str, Any]:
        """Write what a job left, last of all the status that makes it count.

        Parameters
        ----------
        job : Job
        key : str
            The job's content when it began.
        draft : Path
            Folder with the notebook that papermill wrote and the kernel's log.
        outcome : Outcome
        watch : Watch

        Returns
        -------
        dict
            The status, as ``status.json`` holds it.

        Raises
        ------
        OSError
            If the disk is full.
        """
        from papermill.execute import remove_error_markers

        executed = draft / "executed.ipynb"
        try:
            notebook = remove_error_markers(nbformat.read(executed, as_version=4))
        except Exception:  # never begun, or cut off by a full disk
            notebook = _bare(job.template)
        hidden = _identity.hidden_folders(job)
        _executed.scrub(notebook, hidden)
        run = self.store.runs / job.name
        run.mkdir(parents=True, exist_ok=True)
        write(run / "executed.ipynb", nbformat.writes(notebook))
        said = _NOISE.sub("", (draft / "kernel.log").read_text(errors="replace"))
        log = _executed.without_paths(said, hidden).strip()
        write(run / "kernel.log", log + "\n")
        _identity.forget()
        try:
            still = _identity.job_key(job) == key
        except (OSError, ValueError):  # the template or a data file was deleted, or is being saved at this moment
            still = False
        found = _executed.collect(notebook)
        message = _executed.without_paths(_ANSI.sub("", outcome.message), hidden)
        number = _code_number(notebook, outcome.cell) if outcome.status != PASSED else None
        status = {
            "format": FORMAT,
            "name": job.name,
            "title": job.title,
            "status": outcome.status,
            # Edited while it ran, a job matches neither the old content nor the new: it will be run again.
            "key": key if still else "",
            "started": outcome.started,
            "seconds": outcome.seconds,
            "cells": watch.cells,
            "done": watch.done,
            "peak_mb": outcome.peak_mb,
            "error": outcome.error,
            "message": message,
            "problem": f"{outcome.error}: {message}" if outcome.status == FAILED else message,
            "cell": outcome.cell,
            "number": number,
            "traceback": _traceback(notebook),
            "log": "\n".join(log.splitlines()[-_LOG_LINES:]) if outcome.status != PASSED else "",
            "metrics": found,
            "notebook": digest(run / "executed.ipynb"),
            "provenance": _identity.describe(job),
        }
        write_json(run / "metrics.json", found)
        # Written before the page is made: an interruption there costs the page, not the run.
        write_json(run / "status.json", status)
        return self.rendered(job, status)

    def rendered(self, job: Job, status: dict[str, Any]) -> dict[str, Any]:
        """Make a job's page, and its PDF if asked for, unless those there are still right; return its status."""
        before = json.dumps(status, default=str)
        key = self._page_key(job, status)
        made = status.get("page")
        if not (made and made["key"] == key and is_still(self.store.folder / f"{job.name}.html", made["sha256"])):
            self._render(job, status, key)
        self._print(job, status)
        if json.dumps(status, default=str) != before:
            write_json(self.store.runs / job.name / "status.json", status)
        return status

    def _render(self, job: Job, status: dict[str, Any], key: str) -> None:
        from bundlebook.reports._pages import page

        notebook = nbformat.read(self.store.runs / job.name / "executed.ipynb", as_version=4)
        file = self.store.folder / f"{job.name}.html"
        try:
            html, warnings = page(
                notebook,
                status,
                code=job.code,
                folder=str(job.template.parent),
                pages=self._pages(job),
                neighbours=self._neighbours(job),
                batch=self.batch.title,
            )
        except Exception as error:  # the results are there; only their page is not
            problem = f"the page could not be made: {type(error).__name__}: {error}"
            status |= {"page": None, "problem": _executed.without_paths(problem)}
        else:
            for name, text in _executed.files(notebook).items():
                write(self.store.folder / f"{job.name}-{name}", text)
            write(file, html)
            if status["status"] == PASSED:
                status["problem"] = ""  # an earlier page may not have succeeded
            status["page"] = {"key": key, "sha256": digest(file), "warnings": warnings}

    def _print(self, job: Job, status: dict[str, Any]) -> None:
        """Keep a PDF of the page as it is, make a missing one if PDFs are wanted, and leave no stale one."""
        file, printed, made = self.store.folder / f"{job.name}.pdf", status.get("pdf"), status.get("page")
        if made and printed and printed["page"] == made["sha256"] and is_still(file, printed["sha256"]):
            return
        file.unlink(missing_ok=True)
        status.pop("pdf", None)
        if not (self.chromium and made):
            return
        try:
            write_pdf(file.with_suffix(".html"), file, self.chromium)
        except (BundlebookError, OSError) as error:
            status["problem"] = _executed.without_paths(f"the PDF could not be made: {error}")
        else:
            if status["status"] == PASSED:
                status["problem"] = ""
            status["pdf"] = {"page": made["sha256"], "sha256": digest(file)}

    def _page_key(self, job: Job, status: Mapping[str, Any]) -> str:
        content = {
            "source": _identity.page_source(),
            "installed": _identity.installed(),
            "notebook": status["notebook"],
            "code": job.code,
            "pages": self._pages(job),
            "neighbours": self._neighbours(job),
            "batch": self.batch.title,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _pages(self, job: Job) -> dict[str, str]:
        """Pages of the batch's other templates, by the path a link in this one would have."""
        found: dict[str, str] = {}
        for other in self.batch.jobs:
            link = posixpath.relpath(other.template.as_posix(), job.template.parent.as_posix())
            found.setdefault(link, f"{other.name}.html")
        return found

    def _neighbours(self, job: Job) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
        place, links = self.batch.jobs.index(job), [(f"{other.name}.html", other.title) for other in self.batch.jobs]
        return links[place - 1] if place else None, links[place + 1] if place + 1 < len(links) else None


def _bare(template: Path) -> nbformat.NotebookNode:
    """A template without outputs; an empty notebook if it cannot be read any more."""
    try:
        notebook = nbformat.read(template, as_version=4)
    except (OSError, ValueError):
        return nbformat.v4.new_notebook()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _code_number(notebook: nbformat.NotebookNode, cell: int | None) -> int | None:
    """Number of a code cell as a reader counts them, from 1."""
    return None if cell is None else sum(c.cell_type == "code" for c in notebook.cells[: cell + 1])


def _traceback(notebook: nbformat.NotebookNode) -> str:
    lines = [
        line
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
        for line in output.traceback
    ]
    return _ANSI.sub("", "\n".join(lines))
