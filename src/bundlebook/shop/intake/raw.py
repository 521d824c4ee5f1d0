"""A table as its file has it, before anything is converted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

from bundlebook.errors import BundlebookError

#: Share of the free memory that one file may need.
MEMORY_SHARE = 0.8
_FORMATS = (
    (b"PAR1", "a parquet file", "give it the ending .parquet"),
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "export the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "export the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"<", "a web page or XML", "download the file itself, not the page that shows it"),
    (b"{", "JSON", "convert it to CSV with one column a field"),
    (b"[", "JSON", "convert it to CSV with one column a field"),
)
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class RawTable:
    """One file's rows under the contract's column names.

    Attributes
    ----------
    file : str
        Name without its folder.
    table : pyarrow.Table
        Out of CSV every column is text and nothing is missing; out of parquet the columns have their own types.
    row_numbers : callable
        Returns the row number of each row of `table` as a reader finds it, ndarray of int64. For CSV that needs
        another pass through the text, so it is asked only when there is something to report.
    ragged : list of (int, str, str)
        Row number, text and reason of lines that have too few or too many fields; they are not in `table`.
    md5 : str
    notes : list of str
    is_csv : bool
    """

    file: str
    table: pa.Table
    row_numbers: Callable[[], np.ndarray]
    md5: str
    ragged: list[tuple[int, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_csv: bool = True

    @property
    def rows(self) -> int:
        """Data rows in the file."""
        return self.table.num_rows + len(self.ragged)


def available_memory() -> int:
    """Bytes that can be used without swapping."""
    return psutil.virtual_memory().available


def check_memory(path: Path, needed: int) -> None:
    """Refuse a file that would not fit, before it is read.

    Raises
    ------
    BundlebookError
        If *needed* bytes are more than :data:`MEMORY_SHARE` of the free memory.
    """
    free = available_memory()
    if needed > MEMORY_SHARE * free:
        size, needed, free = path.stat().st_size / 1e6, needed / 1e9, free / 1e9
        raise BundlebookError(
            f"reading its {size:,.0f} MB needs about {needed:,.1f} GB of memory, {free:,.1f} GB are free",
            where=path.name,
            remedy="keep fewer users or a shorter time, drop columns that are not needed, or use a larger machine",
        )


def check_text(head: bytes, file: str) -> None:
    """Refuse a file whose first bytes are not those of a text table.

    Raises
    ------
    BundlebookError
        Naming what the file is instead, where that can be told.
    """
    if not head.strip():
        raise BundlebookError("the file is empty", where=file, remedy="write a header line and at least one row")
    for start, what, remedy in _FORMATS:
        if head.lstrip().startswith(start):
            raise BundlebookError(f"this is {what}, not CSV: it begins with {head[:8]!r}", where=file, remedy=remedy)
    if b"\0" in head and not head.startswith(_UTF16_BOMS):
        row = head.count(b"\n", 0, head.index(b"\0")) + 1
        raise BundlebookError(
            "this is not text: there is a byte b'\\x00'",
            where=f"{file}, row {row}",
            remedy="export the table as CSV in UTF-8",
        )
