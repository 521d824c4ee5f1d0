"""Rows that were set aside: collected while converting, counted, and written out whole or not at all."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop, empty_quarantine

#: Larger shares of a file are not set aside: then the file is misread, and not some of its rows bad.
LIMIT = 0.5
#: Characters of a value that are kept.
WIDTH = 200


class Faults:
    """The first fault of each row of one file, in the order in which the checks were made."""

    def __init__(self, n_rows: int) -> None:
        self._code = np.zeros(n_rows, dtype=np.int16)
        self.reasons: list[tuple[str, str]] = []

    def add(self, column: str, rows: np.ndarray, reason: str) -> None:
        """Note *reason* for the rows of a boolean mask that have no fault yet."""
        fresh = rows & (self._code == 0)
        if fresh.any():
            self.reasons.append((column, reason))
            self._code[fresh] = len(self.reasons)

    @property
    def rows(self) -> np.ndarray:
        """Mask of the rows with a fault."""
        return self._code > 0

    def at(self, position: int) -> tuple[str, str]:
        """Column and reason of the fault of one row."""
        return self.reasons[self._code[position] - 1]


def table(file: str, records: list[tuple[int, str, str, str]]) -> pd.DataFrame:
    """The quarantine table of one file out of (row, column, value, reason), sorted by row."""
    if not records:
        return empty_quarantine()
    frame = pd.DataFrame(sorted(records), columns=["row", "column", "value", "reason"])
    frame.insert(0, "file", file)
    frame["value"] = [value if len(value) <= WIDTH else value[: WIDTH - 1] + "…" for value in frame["value"]]
    return frame.astype({"file": "str", "row": np.int64, "column": "str", "value": "str", "reason": "str"})


def judge(rows: int, quarantine: pd.DataFrame, strict: bool) -> None:
    """Refuse a file of which too much would be set aside, or anything at all if *strict*.

    Parameters
    ----------
    rows : int
        Data rows in the file.
    quarantine : DataFrame
        What would be set aside of it.
    strict : bool

    Raises
    ------
    BundlebookError
        Naming the first row of the most common reason, or simply the first row if few are bad.
    """
    count = len(quarantine)
    if not count or not (strict or count > LIMIT * rows):
        return
    kinds = quarantine.groupby(["column", "reason"], sort=True).size()
    column, reason = kinds.idxmax()
    worst = quarantine[(quarantine["column"] == column) & (quarantine["reason"] == reason)]
    first = worst.iloc[0] if count > LIMIT * rows else quarantine.iloc[0]
    where = f"{first['file']}, row {first['row']}" + (f", column {first['column']!r}" if first["column"] else "")
    problem = f"{first['value']!r} is {first['reason']}; {count:,} of {rows:,} rows cannot be used"
    if count > LIMIT * rows:
        problem += f", {len(worst):,} of them for this reason"
        remedy = _remedy(reason)
    else:
        remedy = "correct the row, or load with strict=False to set such rows aside"
    raise BundlebookError(problem, where=where, remedy=remedy)


def _remedy(reason: str) -> str:
    known = (
        ("year first", "set `time_format` in shop.yaml, for example '%d.%m.%Y %H:%M' or 'epoch_ms'"),
        ("not a time", "correct `time_format` in shop.yaml"),
        ("outside", "correct the years, or set `time_format` in shop.yaml"),
        ("without offset", "say in shop.yaml in which `timezone` times without an offset are written"),
        ("not a number", 'write plain numbers without units; set `decimal: ","` in shop.yaml for a decimal comma'),
        ("none of", "map the words in shop.yaml, for example `events: {buy: purchase}`"),
        ("instead of", "put values that hold the delimiter in quotes, or set `delimiter` in shop.yaml"),
        ("negative", "remove these rows or correct the sign; returns are no purchases"),
        ("missing", "fill the column, or map the right one in shop.yaml under `columns`"),
        ("not in", "write identifiers alike in both files, for example 007 in both"),
    )
    return next((remedy for part, remedy in known if part in reason), "correct the rows")


def file_of(shop: Shop) -> Path:
    """Where the quarantine of a shop is written unless a folder is given: below the folder of the reports."""
    name = re.sub(r"[^\w.-]+", "_", shop.name) or "shop"
    return paths.out() / "quarantine" / f"{name}-{shop.checksum[:8]}.csv"


def write(shop: Shop, folder: Path | None = None) -> Path | None:
    """Write the quarantine of a shop; nothing is written, and an older file removed, where it is empty.

    Parameters
    ----------
    shop : Shop
    folder : Path, optional
        Folder for ``quarantine.csv``; None: :func:`file_of`.

    Returns
    -------
    Path or None
        The file, if there was anything to write.
    """
    target = file_of(shop) if folder is None else Path(folder) / "quarantine.csv"
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
        shop.quarantine.to_csv(draft, index=False, lineterminator="\n")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target
