"""``bundlebook learn``: a student's own folder with the chapters, its progress, and an instructor's run over many."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click

from bundlebook import paths
from bundlebook.errors import BundlebookError

#: What a student gets beside the chapters: tables and pictures that they link, and the solutions.
_BESIDE = ("*.md", "images/*", "solutions/[0-9][0-9]_*.ipynb")
#: A link or an image: text, target and the place in it.
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def copy_chapters(folder: Path) -> tuple[list[Path], list[Path]]:
    """Copy the chapters, with what they link, into a folder of the student's own; nothing is ever overwritten.

    Files outside of the chapters' folder, such as a benchmark or the README of the data, are copied too, and links to
    them lead to the copies. A link to a folder of the project becomes plain text.

    Parameters
    ----------
    folder : Path
        Made if it does not exist. What lies in it stays as it is.

    Returns
    -------
    copied, kept : list of Path
        Files that were written now, and those that were there already.

    Raises
    ------
    BundlebookError
        If there are no chapters to copy, or the folder is the chapters' own, or cannot be written.
    """
    source = paths.notebooks()
    if folder.resolve() == source or source in folder.resolve().parents:
        raise BundlebookError(
            "this is where the chapters come from", where=str(folder), remedy="name a folder of your own"
        )
    found = [file for pattern in ("[0-9][0-9]_*.ipynb", *_BESIDE) for file in sorted(source.glob(pattern))]
    if not any(file.suffix == ".ipynb" for file in found):
        remedy = "set BUNDLEBOOK_ROOT to the folder of the project"
        raise BundlebookError("no chapters are here", where=paths.shown(source), remedy=remedy)
    paths.check_writable(folder)
    copied: list[Path] = []
    kept: list[Path] = []
    for file in found:  # grows while what is linked turns up
        target = folder / _home(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes()
        if file.suffix in (".ipynb", ".md"):
            text, linked = _relink(file)
            content = text.encode()
            found += [other for other in linked if other not in found]
        try:
            with target.open("xb") as out:
                out.write(content)
            copied.append(target)
        except FileExistsError:
            kept.append(target)
    from bundlebook.exercises.records import PLACE

    record = folder / PLACE
    record.parent.mkdir(exist_ok=True)
    if not record.exists():
        record.write_text("{}\n", encoding="utf-8")
    return copied, kept


def _home(file: Path) -> Path:
    """Where a file of the project lies in a student's folder."""
    source = paths.notebooks()
    return file.relative_to(source if file.is_relative_to(source) else paths.root())


def _relink(file: Path) -> tuple[str, list[Path]]:
    """Text of a chapter, its links made to fit a student's folder, and the files that they lead to."""
    linked: list[Path] = []

    def fit(match: re.Match[str]) -> str:
        target = (file.parent / match[2]).resolve()
        if not target.exists() or not any(target.is_relative_to(place()) for place in (paths.notebooks, paths.root)):
            return match[0]
        if target.is_dir():
            return match[1]
        linked.append(target)
        place = Path(os.path.relpath(_home(target), _home(file).parent)).as_posix()
        return f"[{match[1]}]({place}{match[3] or ''})"

    return _LINK.sub(fit, file.read_text(encoding="utf-8")), linked


@click.command("learn")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@click.option("--open/--no-open", "opens", default=True, show_default=True, help="Open JupyterLab in the folder.")
@click.option("--progress", "shows", is_flag=True, help="Show which exercises are right, open and not attempted.")
@click.option("--reset", is_flag=True, help="Forget what was checked; the notebooks stay as they are.")
@click.option(
    "--grade", "grades", is_flag=True, help="Run the notebooks of many students, a FOLDER each, with your rights."
)
@click.option(
    "--chapter", "chapters", multiple=True, metavar="NN", help="With --grade: only this chapter, for example 04."
)
@click.option(
    "--out",
    default="grades.csv",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --grade.",
)
@click.option(
    "--limit",
    default=300,
    show_default=True,
    type=click.IntRange(1),
    help="With --grade: seconds that a cell may take.",
)
@click.option(
    "--total", default=1200, show_default=True, type=click.IntRange(1), help="With --grade: seconds per notebook."
)
def learn_command(
    folders: tuple[Path, ...],
    opens: bool,
    shows: bool,
    reset: bool,
    grades: bool,
    chapters: tuple[str, ...],
    out: Path,
    limit: int,
    total: int,
) -> None:
    """Copy the chapters into a FOLDER of your own (default: learning) and open them in JupyterLab.

    The checks of the exercises keep your progress in that folder. Nothing is sent anywhere.
    """
    if shows + reset + grades > 1:
        raise click.UsageError("--progress, --reset and --grade exclude each other")
    if grades:
        from bundlebook.exercises.grading import grade

        if not folders:
            raise click.UsageError("--grade needs the folders of the students")
        table = grade(folders, out, chapters, limit, total, say=click.echo)
        click.echo(f"wrote {len(table):,} rows to {out}")
        return
    if len(folders) > 1:
        raise click.UsageError("name one folder; only --grade takes several")
    folder = folders[0] if folders else Path("learning")
    from bundlebook.exercises.records import progress, reset_progress

    if shows:
        click.echo(progress(folder).to_string())
    elif reset:
        reset_progress(folder)
        click.echo(f"nothing is recorded in {folder} any more")
    else:
        copied, kept = copy_chapters(folder)
        click.echo(f"{len(copied)} files copied to {folder}, {len(kept)} kept as they were")
        if opens:
            raise SystemExit(subprocess.run([sys.executable, "-m", "jupyterlab"], cwd=folder, check=False).returncode)
        click.echo(f"Open it with: bundlebook learn {folder}")
