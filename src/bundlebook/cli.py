"""The command line, thin: every command calls one function of a room."""

from pathlib import Path

import click


@click.group()
@click.version_option(package_name="bundlebook")
def main() -> None:
    """Bundlebook: a reproducible workbook on personalised product bundles."""


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def refresh(files: tuple[Path, ...]) -> None:
    """Execute chapters in place (all, or the FILES named) and store them normalised."""
    from bundlebook import chapters

    chapters.refresh(files)
