"""Batches of notebooks, run with papermill and rendered to pages that need no network."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bundlebook.reports.engine import Engine


def report(
    batch: str = "chapters",
    shop: str | None = None,
    only: Iterable[str] = (),
    *,
    slots: int | None = None,
    force: bool = False,
    timeout: int | None = None,
    settings: Iterable[str] = (),
    code: str | None = None,
    pdf: bool = False,
    engine: str = "local",
    scheduler: str | None = None,
) -> int:
    """Check a batch and run it: what ``bundlebook report`` does.

    Parameters
    ----------
    batch : str
        A YAML file, or the name of one in ``reports/batches``.
    shop : str, optional
        Folder or name of the shop all reports read.
    only : iterable of str
        Names, beginnings of names or patterns of the reports to run.
    slots : int
        Reports that run at a time; None: two, or as many as the cluster of *scheduler* has threads.
    force : bool
        Run again what is still up to date.
    timeout : int, optional
        Seconds a cell may take.
    settings : iterable of str
        Further parameters, each ``NAME=VALUE``.
    code : {"shown", "folded", "hidden"}, optional
    pdf : bool
        Print every page with a headless Chromium.
    engine : {"local", "dask"}
        Kernels of this machine, or workers of a Dask cluster.
    scheduler : str, optional
        Address of a Dask scheduler; None: a cluster of this machine.

    Returns
    -------
    int
        Exit code: 0 all good, 1 some failed, 2 bad plan, 130 interrupted.
    """
    from bundlebook.errors import BundlebookError
    from bundlebook.reports import plan, runner
    from bundlebook.reports.pdf import find_chromium

    try:
        if shop is not None and Path(shop).expanduser().is_dir():
            shop = str(Path(shop).expanduser().resolve())
        given = [setting.partition("=") for setting in settings]
        unequal = [name for name, equals, _ in given if not equals]
        if unequal:
            raise BundlebookError(f"{unequal[0]!r} is not NAME=VALUE", where="-p", remedy="write -p SEED=7")
        checked = plan.load(
            plan.find_batch(batch),
            shop=shop,
            settings={name: value for name, _, value in given},
            only=only,
            timeout=timeout,
            code=code,
        )
        chromium = find_chromium() if pdf else None
        place = _engine(engine, slots, scheduler)
        return runner.BatchRun(checked, slots=slots or 2, force=force, chromium=chromium, engine=place).run()
    except BundlebookError as error:
        print(error, file=sys.stderr)
        return runner.EXIT_BAD_PLAN
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return runner.EXIT_INTERRUPTED


def _engine(name: str, slots: int | None, scheduler: str | None) -> "Callable[[], Engine] | None":
    """What makes the engine asked for; None is the one of this machine."""
    from bundlebook.errors import BundlebookError

    if name == "local":
        if scheduler is not None:
            raise BundlebookError("only --engine dask has a scheduler", where="--scheduler", remedy="add --engine dask")
        return None
    from bundlebook.reports.on_dask import DaskEngine

    return lambda: DaskEngine(slots, scheduler)
