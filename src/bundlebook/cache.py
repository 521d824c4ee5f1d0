"""Artefacts on disk, named by the content that made them.

The key of an artefact is a digest of its inputs *and* of the package's source, so a stale file can never be
read: change the data, a parameter or the code, and the name changes with it.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from bundlebook import paths

T = TypeVar("T")

#: What lies to the right of the recommenders cannot change an artefact; editing it must not throw away a training.
_DOWNSTREAM = {"bundles", "evaluation", "plots", "reports", "assets"}
_DOWNSTREAM |= {"cli.py", "doctor.py", "notebook.py", "chapters.py"}


@lru_cache(maxsize=1)
def source_digest() -> str:
    """SHA-256 of the package's own modules, without those that only show results."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        relative = file.relative_to(package)
        if relative.parts[0] not in _DOWNSTREAM:
            digest.update(relative.as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def cached(
    kind: str,
    inputs: Mapping[str, Any],
    build: Callable[[], T],
    save: Callable[[T, Path], None],
    load: Callable[[Path], T],
) -> T:
    """Return the artefact that *build* makes from *inputs*, from disk if it was made before.

    Parameters
    ----------
    kind : str
        Human-readable first part of the file name, for example ``"recurrent"``.
    inputs : mapping
        Everything the artefact depends on, as JSON-serialisable values: the shop's checksum, parameters, seed.
    build : callable
        Makes the artefact; called at most once, also when two kernels ask at the same time.
    save, load : callable
        Write the artefact into an empty folder, and read it back from there.

    Returns
    -------
    object
        What *build* returned, or what *load* read.

    Notes
    -----
    An artefact is written beside its final place and renamed, so an interrupted run leaves nothing half written.
    """
    text = json.dumps({"inputs": inputs, "source": source_digest()}, sort_keys=True)
    name = f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    folder = paths.cache()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    with FileLock(folder / f"{name}.lock"):
        if target.exists():
            return load(target)
        artefact = build()
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{kind}-") as scratch:
            draft = Path(scratch) / name
            draft.mkdir()
            save(artefact, draft)
            shutil.move(draft, target)
    return artefact
