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


@main.command()
def doctor() -> None:
    """Say in plain words whether this machine is ready for the chapters."""
    from bundlebook import doctor as surgery

    findings = []
    for finding in surgery.examine():
        click.echo(str(finding))
        findings.append(finding)
    broken = [finding.subject for finding in findings if finding.state == "mend"]
    if broken:
        click.echo(f"\nMend first: {', '.join(broken)}.")
        raise SystemExit(1)
    click.echo("\nReady: `make lab` opens the chapters, `make report` renders them.")


@main.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@click.option("--seed", default=None, type=int, help="Another seed makes another shop.")
def sample(out: Path, seed: int | None) -> None:
    """Simulate the sample shop and write its tables and its planted truth."""
    from bundlebook import paths
    from bundlebook.shop.sample import SAMPLE_SEED, write_sample

    for file in write_sample(out, SAMPLE_SEED if seed is None else seed):
        click.echo(f"wrote {paths.shown(file)}")
