"""The files of one batch's output folder, written so that nothing is ever found half written."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bundlebook import paths
from bundlebook.errors import BundlebookError

#: Raised when a field of ``status.json`` changes its meaning: older results are then made anew.
FORMAT = 1


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
            If another run is writing into the same folder.
        """
        self.runs.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.runs / ".lock", timeout=0):
                for draft in (*self.runs.glob(".draft-*"), *self.folder.glob(".printing-*")):
                    shutil.rmtree(draft, ignore_errors=True)
                yield
        except Timeout as error:
            raise BundlebookError(
                "another `bundlebook report` is writing into this folder",
                where=paths.shown(self.folder),
                remedy="wait for it to end",
            ) from error

    def page(self, name: str) -> Path:
        return self.folder / f"{name}.html"

    def pdf(self, name: str) -> Path:
        return self.folder / f"{name}.pdf"

    def run(self, name: str) -> Path:
        """Folder of a job's executed notebook, status, figures and log."""
        return self.runs / name

    def draft(self, name: str) -> Path:
        """A fresh scratch folder for a running job."""
        return Path(tempfile.mkdtemp(prefix=f".draft-{name}-", dir=self.runs))

    def status(self, name: str) -> dict[str, Any] | None:
        """What the last run of a job left, or None if there was none that can be read."""
        try:
            status = json.loads((self.run(name) / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return status if isinstance(status, dict) and status.get("format") == FORMAT else None

    def reusable(self, name: str, key: str) -> dict[str, Any] | None:
        """The status of a passed job made from the same content whose notebook is still the one it wrote."""
        status = self.status(name)
        if not status or status.get("status") != "passed" or status.get("key") != key:
            return None
        notebook = self.run(name) / "executed.ipynb"
        return status if notebook.is_file() and digest(notebook) == status.get("notebook") else None

    def page_is(self, name: str, made: dict[str, str] | None) -> bool:
        """Whether a job's page is still the one described by *made* (its key and checksum)."""
        page = self.page(name)
        return bool(made) and page.is_file() and digest(page) == made.get("sha256")


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # mkstemp makes files only their owner may read; a report is meant to be served.
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(file: Path, content: Any) -> None:
    """Write JSON in one step."""
    write(file, json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")
