"""Artefacts on disk, named by the content that made them.

The key of an artefact is a digest of its inputs *and* of the source that makes it, so a stale file can never be
read: change the data, a parameter or the code, and the name changes with it.
"""

import ast
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

_PACKAGE = Path(__file__).parent


@lru_cache
def source_digest(module: str) -> str:
    """SHA-256 of the source that can change what *module* makes.

    That is the module's own file and every module of this package that it imports, directly or through others, at
    its top or inside a function. Of a module outside the package nothing is known, so the whole package counts.
    """
    files = {_file(module)} if _file(module) else set(_PACKAGE.rglob("*.py"))
    waiting = list(files)
    while waiting:
        found = _imported(waiting.pop()) - files
        files |= found
        waiting.extend(found)
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _imported(file: Path) -> set[Path]:
    names = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {found for name in names for found in _files(name)}


def _files(name: str) -> set[Path]:
    """Files that hold what *name* stands for: a module, a room, or one name of a module or of a room's door."""
    place, _, attribute = name.rpartition(".")
    if _file(name):
        return {_file(name)} | set(_door(name).values())
    if attribute in _door(place):
        return {_door(place)[attribute]}
    return {_file(place)} - {None}


@lru_cache
def _door(room: str) -> dict[str, Path]:
    """Public names of a room and the files they come from: what its ``__init__.pyi`` lists."""
    init = _file(room)
    stub = init.with_suffix(".pyi") if init and init.name == "__init__.py" else None
    if stub is None or not stub.exists():
        return {}
    listed = [node for node in ast.parse(stub.read_bytes()).body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: _file(f"{room}.{node.module}") for node in listed for alias in node.names}


def _file(module: str) -> Path | None:
    top, *parts = module.split(".")
    place = _PACKAGE.joinpath(*parts)
    candidates = (place.with_suffix(".py"), place / "__init__.py") if parts else (place / "__init__.py",)
    return next((f for f in candidates if top == _PACKAGE.name and f.is_file()), None)


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
        Makes the artefact; called at most once, also when two kernels ask at the same time. The module that defines
        it tells which source counts: see :func:`source_digest`.
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
    text = json.dumps({"inputs": inputs, "source": source_digest(build.__module__)}, sort_keys=True)
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
