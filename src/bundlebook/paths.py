"""Where things lie: every folder in one place, each overridable by one environment variable.

Notebooks are started from many working directories (nbval from the notebook's folder, papermill from the
caller's), so nothing in the project may depend on the current one.
"""

import errno
import os
import tempfile
from pathlib import Path

from bundlebook.errors import BundlebookError


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable, default)).expanduser().resolve()


def root() -> Path:
    """Project root: the folder that holds ``pyproject.toml`` (``BUNDLEBOOK_ROOT``)."""
    return _folder("BUNDLEBOOK_ROOT", Path(__file__).parents[2])


def data() -> Path:
    """Committed data: the case of 张三 and the sample shop (``BUNDLEBOOK_DATA``)."""
    return _folder("BUNDLEBOOK_DATA", root() / "data")


def cache() -> Path:
    """Artefacts that can be rebuilt at any time, such as fitted models (``BUNDLEBOOK_CACHE``)."""
    return _folder("BUNDLEBOOK_CACHE", root() / ".cache")


def out() -> Path:
    """Rendered reports (``BUNDLEBOOK_OUT``)."""
    return _folder("BUNDLEBOOK_OUT", root() / "reports" / "out")


def notebooks() -> Path:
    """The chapters (``BUNDLEBOOK_NOTEBOOKS``)."""
    return _folder("BUNDLEBOOK_NOTEBOOKS", root() / "notebooks")


def assets() -> Path:
    """Files shipped inside the package: fonts, style sheets, templates."""
    return Path(__file__).parent / "assets"


def shown(path: Path) -> str:
    """Return *path* as a reader may see it: relative to the project root, or its bare name.

    Outputs are committed and published, so they must not tell where on a disk the project lies.
    """
    try:
        return Path(path).resolve().relative_to(root()).as_posix()
    except ValueError:
        return Path(path).name


#: Bytes that must fit before any work begins. An empty file fits on a full disk.
_PROBE = 1 << 16


#: What keeps a user out, rather than a disk that is full.
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def check_writable(target: Path, *, file: bool = False, elsewhere: str = "name another place") -> None:
    """Make the folder of an output and see that it can be written, so that no work is done in vain.

    Parameters
    ----------
    target : Path
        The folder, or with *file* the file, that is to be written later. An existing file is left as it is.
    file : bool
        Whether *target* is a file.
    elsewhere : str
        How the reader names another place.

    Raises
    ------
    BundlebookError
        If nothing can be written there.
    """
    folder = target.parent if file else target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            if probe.write(bytes(_PROBE)) < _PROBE:  # a disk that takes a part is full as well
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if file and target.exists():
            with target.open("ab"):
                pass
    except OSError as error:
        first = "ask its owner for the right to write there" if error.errno in _FORBIDDEN else "free some space"
        raise BundlebookError(
            f"cannot be written: {error.strerror}", where=shown(target), remedy=f"{first}, or {elsewhere}"
        ) from error
