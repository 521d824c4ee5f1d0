"""What the checks found, kept in the student's own folder: no account, no network.

``bundlebook learn`` makes the folder and puts a file for the record into it. A check looks for that file in the
folder it runs in and above; elsewhere, as in the stored chapters, it writes nothing. An instructor's run has a file of
its own, named by an environment variable.
"""

import json
import os
from pathlib import Path

import pandas as pd
from filelock import FileLock

from bundlebook.errors import BundlebookError

#: The record, inside the student's folder.
PLACE = Path(".bundlebook") / "progress.json"
#: Names the file to which an instructor's run appends every verdict, one JSON object a line.
COLLECT = "BUNDLEBOOK_VERDICTS"
#: From worst to best.
RANK = {"not attempted": 0, "not yet": 1, "right": 2}
_this_kernel: dict[str, dict] = {}


def record(id: str, state: str, message: str = "") -> None:
    """Write a verdict down. The best one stays, so that playing on with a right answer loses nothing."""
    if collect := os.environ.get(COLLECT):
        with Path(collect).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"id": id, "state": state, "message": message}) + "\n")
        return
    better(_this_kernel, id, state)
    file = _found_from(Path())
    if file is None:
        return
    try:
        with FileLock(file.with_suffix(".lock"), timeout=5):
            kept = read(file)
            better(kept, id, state)
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            draft.replace(file)
    except (OSError, TimeoutError):  # a folder that cannot be written must not spoil the check
        pass


def better(kept: dict[str, dict], id: str, state: str) -> None:
    """Put a verdict into a record, unless a better one stands there."""
    old = kept.get(id, {"state": "not attempted", "attempts": 0})
    best = max(old["state"], state, key=RANK.__getitem__)
    kept[id] = {"state": best, "attempts": old["attempts"] + (state != "not attempted")}


def read(file: Path) -> dict[str, dict]:
    """Read a record. Entries that make no sense, and a damaged file, count as not attempted."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(id): {"state": entry["state"], "attempts": int(entry["attempts"])}
            for id, entry in kept.items()
            if isinstance(entry, dict) and entry.get("state") in RANK and str(entry.get("attempts", "")).isdigit()
        }
    except (OSError, ValueError, AttributeError):
        return {}


def _found_from(folder: Path) -> Path | None:
    """The record of a folder or of one above it."""
    try:
        here = folder.absolute()
        return next((place / PLACE for place in (here, *here.parents) if (place / PLACE).is_file()), None)
    except OSError:  # the folder is gone, or may not be read
        return None


def progress(folder: Path | str | None = None) -> pd.DataFrame:
    """Count the exercises that are right, open and not attempted, per chapter.

    Parameters
    ----------
    folder : path, optional
        A folder made by ``bundlebook learn``. Without it: the folder the kernel runs in, else what this kernel checked.
        Outside such a folder nothing is kept: a new kernel, or the next run of a script, begins anew.

    Returns
    -------
    DataFrame
        A row per chapter that has exercises; columns ``right``, ``open``, ``not attempted`` and ``still to do``, the
        numbers of the exercises that are not right.

    Raises
    ------
    BundlebookError
        If a folder is named that has no record.
    """
    from bundlebook.exercises.engine import chapters_with_exercises, exercises_of

    file = _found_from(Path(folder or "."))
    if folder is not None and file is None:
        raise BundlebookError("no progress is recorded here", where=str(folder), remedy=f"bundlebook learn {folder}")
    kept = _this_kernel if file is None else read(file)
    rows = {}
    for chapter in chapters_with_exercises():
        states = {
            exercise.id: kept.get(exercise.id, {}).get("state", "not attempted") for exercise in exercises_of(chapter)
        }
        counts = [list(states.values()).count(state) for state in ("right", "not yet", "not attempted")]
        rows[chapter] = [*counts, ", ".join(id for id, state in states.items() if state != "right")]
    columns = ["right", "open", "not attempted", "still to do"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("chapter")


def reset_progress(folder: Path | str) -> None:
    """Forget what was checked in a folder; its notebooks stay as they are.

    Raises
    ------
    BundlebookError
        If the folder has no record.
    """
    file = Path(folder) / PLACE
    if not file.is_file():
        raise BundlebookError("no progress is recorded here", where=str(folder), remedy=f"bundlebook learn {folder}")
    file.write_text("{}\n", encoding="utf-8")
