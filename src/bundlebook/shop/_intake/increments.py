"""What a weekly run reads: a shop's folder without its log, and one file of events with the row of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.convert import convert
from bundlebook.shop._intake.folder import _JUDGES, _fill_events, _fill_products, _find
from bundlebook.shop._intake.settings import Settings, read_settings
from bundlebook.shop.schema import TABLES
from bundlebook.shop.shop import Shop, SourceFile
from bundlebook.shop.sources import _folder, load_shop

#: Shops that are no folder of the reader's.
_SHIPPED = ("completejourney", "sample")


@dataclass(frozen=True)
class Increment:
    """One file of events.

    Attributes
    ----------
    events : DataFrame
        In the contract of :mod:`bundlebook.shop.schema`.
    row_numbers : callable
        Returns where each event stands in the file, ndarray of int64, shape (n_events,): the line of a CSV file, the
        record of a parquet file. It may read the file again, so it is asked only when there is something to report.
    quarantine : DataFrame
        Rows that cannot be used, as in :attr:`bundlebook.shop.Shop.quarantine`.
    source : SourceFile
    notes : tuple of str
        What was assumed, for example that a file without ``event`` holds purchases.
    ended : bool
        Whether the file ends with a line end; always True for parquet. A file that does not may be cut short.
    """

    events: pd.DataFrame
    row_numbers: Callable[[], np.ndarray]
    quarantine: pd.DataFrame
    source: SourceFile
    notes: tuple[str, ...] = ()
    ended: bool = True


def read_catalogue(source: str | Path) -> Shop:
    """Load a shop without its events: its catalogue and its settings, in the memory that the catalogue takes.

    Parameters
    ----------
    source : str or Path
        As for :func:`~bundlebook.shop.load_shop`.

    Returns
    -------
    Shop
        With an empty table of events.
    """
    if source in _SHIPPED:
        shop = load_shop(source)
        return shop.with_tables(events=shop.events[:0])
    folder = _folder(source)
    settings, files = read_settings(folder), _find(folder)
    notes: list[str] = []
    read = {
        name: convert(_JUDGES[files[name].suffix](files[name], TABLES[name], settings)(), TABLES[name], settings)
        for name in ("products", "users")
        if name in files
    }
    products = _fill_products(read["products"], notes)
    kinds = {"user_id": "str", "item_id": "str", "time": "datetime64[ns]", "event": "str"}
    events = pd.DataFrame({**{name: pd.Series(dtype=kind) for name, kind in kinds.items()}})
    return Shop(
        name=settings.name or folder.name,
        events=events.assign(quantity=pd.Series(dtype="int64"), price=pd.Series(dtype="float64")),
        products=products,
        users=read["users"].frame if "users" in read else None,
        files=tuple(part.source for part in read.values()),
        timezone=settings.timezone,
        local_timezone=settings.local_timezone or settings.timezone,
        currency=settings.currency,
        user_word=settings.user_word.strip() or "user",
        margins=settings.margins,
        real=not settings.simulated,
        notes=tuple(notes),
    )


def read_increment(source: str | Path, products: pd.DataFrame, file: str | Path | None = None) -> Increment:
    """Read one file of events with the settings of a shop.

    Parameters
    ----------
    source : str or Path
        The shop, as for :func:`~bundlebook.shop.load_shop`.
    products : DataFrame
        Its catalogue, for prices that the file does not tell.
    file : str or Path, optional
        A CSV or parquet file with the columns of ``user_data``; the shop's own log if None.

    Returns
    -------
    Increment

    Raises
    ------
    BundlebookError
        If the file is not there, is none of events, or most of its rows cannot be used.
    """
    if file is None and source in _SHIPPED:
        shop = load_shop(source)
        whole = SourceFile("user_data", len(shop.events), shop.checksum)
        return Increment(shop.events, lambda: np.arange(1, len(shop.events) + 1), shop.quarantine, whole)
    settings = Settings() if source in _SHIPPED else read_settings(_folder(source))
    path = Path(file) if file is not None else _find(_folder(source))["events"]
    if not path.is_file() or path.suffix not in _JUDGES:
        raise BundlebookError(
            "there is no such file" if not path.exists() else f"a file of events ends with {' or '.join(_JUDGES)}",
            where=paths.shown(path),
            remedy="give a CSV or parquet file with the columns of user_data",
        )
    raw = _JUDGES[path.suffix](path, TABLES["events"], settings)()
    notes: list[str] = []
    read = convert(raw, TABLES["events"], settings)
    events, lost = _fill_events(read, products, notes), read.quarantine["row"].to_numpy()
    if settings.timezone is None and read.zone not in (None, "UTC"):
        notes.append(f"times are those of {read.zone}")
    ended = path.suffix != ".csv" or _last_byte(path) in (b"\n", b"\r")

    def row_numbers() -> np.ndarray:
        rows = raw.row_numbers()
        return rows[~np.isin(rows, lost)]

    return Increment(events, row_numbers, read.quarantine, read.source, tuple(notes), ended)


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1)
