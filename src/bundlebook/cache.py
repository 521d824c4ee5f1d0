"""Artefacts on disk, named by the content that made them.

The key of an artefact is a digest of its inputs *and* of the source that makes it, so a stale file can never be
read: change the data, a parameter or the code, and the name changes with it.
"""

import ast
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
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
    own = _file(module)
    files = {own} if own else set(_PACKAGE.rglob("*.py"))
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
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {found for name in names for found in _files(name)}


def _files(name: str) -> set[Path]:
    """Files that hold what *name* stands for: a module, a room, or one name of a module or of a room's door."""
    place, _, attribute = name.rpartition(".")
    if own := _file(name):
        return {own} | set(_door(name).values())
    if attribute in _door(place):
        return {_door(place)[attribute]}
    around = _file(place)
    return {around} if around else set()


@lru_cache
def _door(room: str) -> dict[str, Path]:
    """Public names of a room and the files they come from: what its ``__init__.pyi`` lists."""
    init = _file(room)
    stub = init.with_suffix(".pyi") if init and init.name == "__init__.py" else None
    if stub is None or not stub.exists():
        return {}
    listed = [node for node in ast.parse(stub.read_bytes()).body if isinstance(node, ast.ImportFrom) and node.module]
    files = {node.module: _file(f"{room}.{node.module}") for node in listed}
    return {alias.name: file for node in listed if (file := files[node.module]) for alias in node.names}


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
        Human-readable first part of the file name, for example ``"gru"``.
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
    An artefact is written beside its final place and then renamed, so an interrupted run leaves no partial artefact.

    One that cannot be read, for example because a file in it was cut short, is set aside as ``NAME.damaged`` and made
    again. Where the folder cannot be written, what it holds is read, and the rest is made and not kept; a warning says
    so.
    """
    text = json.dumps({"inputs": inputs, "source": source_digest(build.__module__)}, sort_keys=True)
    name = f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    folder = paths.cache()
    target = folder / name
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(folder / f"{name}.lock"))
            writable = True
        except (OSError, NotImplementedError):  # read-only, not a folder, or a file system without locks
            writable = False
        if os.path.lexists(target):
            try:
                return load(target)
            except Exception as error:  # any kind: readers of damaged files raise what they like
                warnings.warn(f"{name} in the cache is damaged ({type(error).__name__}); made again", stacklevel=2)
        artefact = build()
        try:
            if writable:
                _write(artefact, target, save)
        except OSError:
            writable = False
        if not writable:
            message = "the cache folder cannot be written, so nothing is kept; BUNDLEBOOK_CACHE can name another one"
            warnings.warn(message, stacklevel=2)
    return artefact


def _write(artefact: T, target: Path, save: Callable[[T, Path], None]) -> None:
    """Write an artefact to its place, and set a damaged one that stands there aside."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        draft = Path(scratch) / target.name
        draft.mkdir()
        save(artefact, draft)
        if os.path.lexists(target):
            aside = target.with_name(f"{target.name}.damaged")
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink(missing_ok=True)
            target.replace(aside)
        draft.rename(target)
