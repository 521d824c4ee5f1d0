"""Run the notebooks of a class and write one table: what the checks say of every student's exercises.

Each notebook runs in a kernel of its own, from its first cell to its last, also past cells that fail. A cell that runs
too long is interrupted, and a notebook that runs too long is ended; the table says so. Only what the checks say in this
run counts, never what is stored in a notebook.

Students' code runs with the rights of whoever grades it, so grade on a machine, or in a container, where it can do no
harm. The table is no proof against cheating: the references are open source, and a notebook can call anything.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.exercises.engine import chapters_with_exercises, exercises_of
from bundlebook.exercises.records import COLLECT, RANK
from bundlebook.tables import without_formulas

#: Put before a student's first cell. The timer is written in C: no loop, wherever it runs, can hold it up.
_BEFORE = """import faulthandler, os
os.environ[{collect!r}] = {file!r}
faulthandler.dump_traceback_later({total}, exit=True, file=open(os.devnull, "w"))"""
_COLUMNS = ["student", "notebook", "exercise", "title", "stars", "state", "message", "run"]


def grade(
    folders: Sequence[Path],
    out: Path,
    chapters: Sequence[str] = (),
    limit: int = 300,
    total: int = 1200,
    say: Callable[[str], object] = lambda line: None,
) -> pd.DataFrame:
    """Execute every student's notebooks and write what their checks say.

    Parameters
    ----------
    folders : sequence of Path
        One per student; notebooks are found by their chapter's number, ``04_….ipynb``.
    out : Path
        CSV file. It is tried before any notebook runs.
    chapters : sequence of str
        Only these; without it all that have exercises.
    limit, total : int
        Seconds that a cell and that a notebook may take.
    say : callable
        Told a line per notebook.

    Returns
    -------
    DataFrame
        A row per student, notebook and exercise: ``state`` is right, not yet, not attempted or not reached, and ``run``
        says how the notebook ended.

    Raises
    ------
    BundlebookError
        If a folder does not exist, a chapter has no exercises, or *out* cannot be written.
    """
    known = chapters_with_exercises()
    if strange := sorted(set(chapters) - set(known)):
        raise BundlebookError(f"chapter {strange[0]!r} has no exercises", remedy=f"choose among {', '.join(known)}")
    for folder in folders:
        if not folder.is_dir():
            raise BundlebookError("no such folder", where=str(folder), remedy="name one folder per student")
    paths.check_writable(out, file=True)
    rows: list[list] = []
    for folder in folders:
        found = [file for number in chapters or known for file in sorted(folder.glob(f"{number}_*.ipynb"))]
        if not found:
            rows.append([str(folder), "", "", "", None, "not reached", "", "no chapter with exercises in this folder"])
            say(f"{folder}: no chapter with exercises")
        for file in found:
            verdicts, run = _run(file, limit, total)
            for exercise in exercises_of(file.name[:2]):
                state, message = verdicts.get(exercise.id, ("not reached", ""))
                rows.append([str(folder), file.name, exercise.id, exercise.title, exercise.stars, state, message, run])
            right = sum(state == "right" for state, _ in verdicts.values())
            say(f"{folder}/{file.name}: {right} right, {run}")
        # Written after each student: hours of work do not hang on the last one.
        table = pd.DataFrame(rows, columns=_COLUMNS).astype({"stars": "Int64"})
        without_formulas(table).to_csv(out, index=False)
    return table


def _run(file: Path, limit: int, total: int) -> tuple[dict[str, tuple[str, str]], str]:
    """The best verdict of each exercise, and a sentence on how the notebook ended."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    for name in ("papermill", "papermill.translators", "nbclient", "traitlets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as scratch:
        collected = Path(scratch) / "verdicts.jsonl"
        try:
            notebook = nbformat.read(file, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.metadata = nbformat.from_dict({"tags": ["raises-exception"]})
            before = _BEFORE.format(collect=COLLECT, file=str(collected), total=total)
            notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            draft = Path(scratch) / file.name
            nbformat.write(notebook, draft)
        except Exception as error:  # whatever a broken file makes a reader of notebooks say
            return {}, f"not a notebook: {type(error).__name__}"
        done = Path(scratch) / "done.ipynb"
        try:
            papermill.execute_notebook(
                str(draft),
                str(done),
                cwd=str(file.parent),
                progress_bar=False,
                start_timeout=60,
                execution_timeout=limit,
                interrupt_on_timeout=True,
                extra_arguments=["--log-level=ERROR"],
            )
            run = _ended(done)
        except PapermillExecutionError:  # said at the end, when all cells have run
            run = _ended(done)
        except DeadKernelError:
            run = "the kernel ended: the notebook's time was up, or a cell ended it, or memory ran out"
        except Exception as error:  # one student's notebook must not end the others'
            run = f"stopped: {type(error).__name__}: {' '.join(str(error).split()[:20])}"
        return _verdicts(collected), run


def _ended(done: Path) -> str:
    """How many cells of an executed notebook failed."""
    cells = json.loads(done.read_text(encoding="utf-8"))["cells"]
    errors = [o["ename"] for cell in cells for o in cell.get("outputs", []) if o["output_type"] == "error"]
    failed = [name for name in errors if name != "KeyboardInterrupt"]
    told = [f"{len(errors) - len(failed)} interrupted: the time was up"] if len(failed) < len(errors) else []
    if failed:
        told.append(f"{len(failed)} failed, the first with {failed[0]}")
    return f"complete, but of its cells {'; '.join(told)}" if told else "complete"


def _verdicts(collected: Path) -> dict[str, tuple[str, str]]:
    best: dict[str, tuple[str, str]] = {}
    for line in collected.read_text(encoding="utf-8").splitlines() if collected.exists() else ():
        entry = json.loads(line)
        old = best.get(entry["id"])
        if old is None or RANK[entry["state"]] >= RANK[old[0]]:
            best[entry["id"]] = entry["state"], entry["message"]
    return best
