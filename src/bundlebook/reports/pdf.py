"""A page as a PDF, printed by a headless Chromium that the reader has."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bundlebook.errors import BundlebookError

#: Names under which the browser is installed.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
#: Names the browser, where it is not on the PATH.
VARIABLE = "BUNDLEBOOK_CHROMIUM"
_TIMEOUT = 120
_NEIGHBOUR = re.compile(r'(<a\b[^>]*?)\shref="(?![a-z]+:|#)[^"]*"')
_QUIET = ("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
_QUIET += ("--disable-sync", "--disable-extensions", "--no-first-run", "--hide-scrollbars", "--no-pdf-header-footer")


def find_chromium() -> Path:
    """The Chromium to print with.

    Raises
    ------
    BundlebookError
        If there is none.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return Path(found)
    raise BundlebookError(
        f"{VARIABLE} names {named!r}, which cannot be run" if named else "there is no Chromium to print with",
        where="--pdf",
        remedy=f"install Chromium or Chrome, or set {VARIABLE} to its program; the HTML pages need none",
    )


def command(chromium: Path, profile: Path, *arguments: str) -> list[str]:
    """A headless run of Chromium that talks to no network and keeps its files in a folder of its own."""
    # Chromium refuses to run as root inside its sandbox, which is how containers run.
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    return [str(chromium), *_QUIET, *root, f"--user-data-dir={profile}", *arguments]


def write_pdf(page: Path, target: Path, chromium: Path) -> None:
    """Print a page.

    Parameters
    ----------
    page : Path
        An HTML file that loads nothing.
    target : Path
        The PDF; replaced in one step.
    chromium : Path
        From :func:`find_chromium`.

    Raises
    ------
    BundlebookError
        If Chromium fails, or writes nothing within two minutes.
    """
    # Beside the target: a browser confined to some folders may write nowhere else.
    with tempfile.TemporaryDirectory(prefix=".printing-", dir=target.parent) as folder:
        draft, printed = Path(folder) / "page.pdf", Path(folder) / "page.html"
        # A PDF knows no neighbours: links to them would hold the folder of this machine.
        printed.write_text(_NEIGHBOUR.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
        run = command(chromium, Path(folder) / "profile", f"--print-to-pdf={draft}", printed.resolve().as_uri())
        try:
            # In a session of its own, so that Ctrl-C lets it finish the page at hand.
            done = subprocess.run(run, capture_output=True, text=True, timeout=_TIMEOUT, start_new_session=True)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BundlebookError(f"Chromium did not print it ({type(error).__name__})", where=page.name) from error
        if not draft.is_file() or draft.read_bytes()[:5] != b"%PDF-":
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise BundlebookError(f"Chromium did not print it: {said[0]}", where=page.name)
        draft.replace(target)
