"""Batches of notebooks, run with papermill and rendered to pages that need no network."""

import sys
from collections.abc import Iterable
from pathlib import Path


def report(
    batch: str = "chapters",
    shop: str | None = None,
    only: Iterable[str] = (),
    *,
    slots: int = 2,
    force: bool = False,
    timeout: int | None = None,
    settings: Iterable[str] = (),
    code: str | None = None,
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
        Reports that run at a time.
    force : bool
        Run again what is still up to date.
    timeout : int, optional
        Seconds a cell may take.
    settings : iterable of str
        Further parameters, each ``NAME=VALUE``.
    code : {"shown", "folded", "hidden"}, optional

    Returns
    -------
    int
        Exit code: 0 all good, 1 some failed, 2 bad plan, 130 interrupted.
    """
    from bundlebook.errors import BundlebookError
    from bundlebook.reports import plan, runner

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
        return runner.BatchRun(checked, slots=slots, force=force).run()
    except BundlebookError as error:
        print(error, file=sys.stderr)
        return runner.EXIT_BAD_PLAN
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return runner.EXIT_INTERRUPTED
