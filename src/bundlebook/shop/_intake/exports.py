"""An export of any shop system, as batches of text under its own column names: CSV, parquet, xlsx."""

import csv
import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.csvfile import _HEAD, _HEADER_REMEDY, _check_text
from bundlebook.shop._intake.encodings import detect_encoding
from bundlebook.shop._intake.rawfile import INVISIBLE
from bundlebook.shop._intake.settings import DELIMITERS

#: Rows that are in memory at a time.
BATCH = 100_000
#: Files up to this size are judged by all their rows, larger ones by blocks spread over the whole file.
_WHOLE, _BLOCK, _BLOCKS = 32 << 20, 256 << 10, 64


@dataclass(frozen=True)
class Batch:
    """Some rows of an export.

    Attributes
    ----------
    cells : DataFrame of str
        Under the export's own column names; blank cells are ``""``.
    rows : ndarray of int64
        Where a reader finds each of them: line of a CSV file, row of a sheet, record of a parquet file.
    ragged : list of (int, str, str)
        Row, text and reason of lines with too few or too many fields; they are not in `cells`.
    """

    cells: pd.DataFrame
    rows: np.ndarray
    ragged: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Export:
    """One table that a shop system wrote: a CSV or parquet file, or one sheet of a workbook.

    Attributes
    ----------
    path : Path
    name : str
        As messages call it: ``orders.csv``, or ``orders.xlsx, sheet 2011``.
    columns : list of str
    why : tuple of str
        What was found out about its format, with the evidence.
    zone : str or None
        Zone that a parquet file names for its times.
    """

    path: Path
    name: str
    columns: list[str]
    why: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    header: int = 1
    sheet: str = ""
    zone: str | None = None

    @property
    def md5(self) -> str:
        """Checksum of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    def batches(self) -> Iterator[Batch]:
        """Yield all rows, at most :data:`BATCH` at a time.

        Raises
        ------
        BundlebookError
            If a row cannot be read at all.
        """
        if self.path.suffix.lower() == ".parquet":
            return _parquet_batches(self)
        if self.sheet:
            return _sheet_batches(self)
        return _csv_batches(self)

    def sample(self) -> pd.DataFrame:
        """Return rows to judge by: all of a small file, else rows from all over it."""
        if self.path.suffix.lower() == ".csv" and self.path.stat().st_size > _WHOLE and self.encoding != "utf-16":
            return _csv_blocks(self)
        frames, n_rows = [], 0
        for batch in self.batches():
            frames.append(batch.cells)
            n_rows += len(batch.cells)
            if n_rows > 5 * BATCH:  # every second row of what is there, so that the whole file stays in sight
                frames = [pd.concat(frames, ignore_index=True).iloc[::2]]
                n_rows = len(frames[0])
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=self.columns, dtype="str")


def open_exports(path: Path, encoding: str | None = None) -> list[Export]:
    """Open a file: one export, or one for each sheet of a workbook that holds a table.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.txt``, ``.tsv``, ``.parquet``, ``.xlsx`` or ``.xls``.
    encoding : str, optional
        Of a CSV file; None: it is found out.

    Raises
    ------
    BundlebookError
        If it is not there, empty, damaged or of another kind.
    """
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise BundlebookError(what, where=path.name, remedy="give the file that the shop system exported")
    if not path.stat().st_size:
        raise BundlebookError("the file is empty", where=path.name, remedy="export it again")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return [_open_parquet(path)]
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _open_workbook(path)
    return [_open_csv(path, head, encoding)]


# --- CSV ---


def _open_csv(path: Path, head: bytes, encoding: str | None) -> Export:
    _check_text(head, path.name)
    if encoding is None:
        encoding, reason = detect_encoding(path)
        why = f"encoding {encoding}: {reason}"
    else:
        why = f"encoding {encoding}: as you said"
    try:
        text = head.decode(encoding, "ignore")
    except LookupError:
        raise BundlebookError(
            f"{encoding!r} is no encoding", where="--encoding", remedy="use utf-8, gb18030 or cp1252"
        ) from None
    lines = text.splitlines()
    lines = lines[: -1 if len(head) == _HEAD else None][:200]  # the last one may be cut
    if not lines:
        raise BundlebookError(
            f"the first line is longer than {_HEAD:,} bytes; it begins {text[:20]!r}",
            where=f"{path.name}, row 1",
            remedy=_HEADER_REMEDY,
        )
    skipped = 0
    note = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", lines[0], re.IGNORECASE) if lines else None
    if note:
        skipped, delimiter, evidence = 1, note[1], "its first line says so"
    else:
        delimiter, evidence = _delimiter(lines)
    header, columns = _header(lines[skipped:], delimiter)
    header += skipped
    found = [why, f"separator {_said(delimiter)}: {evidence}"]
    if header == 0:
        found.append("no header: its first line looks like data, so columns are called 'column 1', 'column 2', …")
    elif header > 1:
        found.append(f"header in line {header}: the lines above it have fewer fields")
    return Export(path, path.name, columns, tuple(found), encoding, delimiter, header)


def _delimiter(lines: list[str]) -> tuple[str, str]:
    """The separator that cuts most lines into the same number of fields, at least two."""
    best, score, evidence = ",", 0.0, "there is one column only"
    for delimiter in DELIMITERS:
        widths = [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1 and count / len(widths) * min(width, 4) > score:
            score = count / len(widths) * min(width, 4)
            best, evidence = delimiter, f"it cuts {count} of the first {len(widths)} lines into {width} fields"
    return best, evidence


def _said(delimiter: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}.get(delimiter, repr(delimiter))


def _header(lines: list[str], delimiter: str) -> tuple[int, list[str]]:
    """Line of the header, counted from 1 (0: there is none), and the columns' names."""
    records = [(number, record) for number, record in _numbered(lines, delimiter) if any(map(str.strip, record))]
    width = Counter(len(record) for _, record in records).most_common(1)[0][0] if records else 1
    line, names = next(((n, record) for n, record in records if len(record) == width), (1, [""]))
    names = [_clean_name(name) for name in names]
    if any(re.fullmatch(r"[-+]?\d[\d.,:/\- ]*", name) for name in names):
        return 0, [f"column {place}" for place in range(1, width + 1)]
    return line, _distinct(names)


def _numbered(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader, line = csv.reader(lines, delimiter=delimiter), 1
    for record in reader:
        yield line, record
        line = reader.line_num + 1


def _clean_name(name: object) -> str:
    return re.sub(rf"[\s{INVISIBLE}]+", " ", str(name)).strip()


def _distinct(names: list[str]) -> list[str]:
    """Names as they are; a blank one and one that occurs again get a number."""
    seen: Counter[str] = Counter()
    result = []
    for place, name in enumerate(names, start=1):
        name = name or f"column {place}"
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _csv_batches(export: Export) -> Iterator[Batch]:
    width = len(export.columns)
    records: list[list[str]] = []
    rows: list[int] = []
    ragged: list[tuple[int, str, str]] = []
    row = 1
    old = csv.field_size_limit(1 << 24)
    try:
        with export.path.open(encoding=export.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=export.delimiter, strict=True)
            for record in reader:
                at, row = row, reader.line_num + 1
                if at <= export.header or not record:
                    continue
                if len(record) == width:
                    records.append(record)
                    rows.append(at)
                elif any(map(str.strip, record)):
                    told = f"{len(record)} fields instead of {width}"
                    ragged.append((at, export.delimiter.join(record)[:200], told))
                if len(records) == BATCH:
                    yield _batch(export.columns, records, rows, ragged)
                    records, rows, ragged = [], [], []
    except UnicodeDecodeError as error:
        found = error.object[max(error.start - 8, 0) : error.start + 8]
        raise BundlebookError(
            f"{found!r} is not {export.encoding}",
            where=f"{export.name}, after row {row - 1}",
            remedy="export it again in UTF-8, or name its encoding with --encoding",
        ) from None
    except csv.Error as error:
        raise BundlebookError(
            f"a quotation mark is out of place or never closed ({error})",
            where=f"{export.name}, row {row}",
            remedy="close every quotation mark, and write one that belongs to a value twice",
        ) from None
    finally:
        csv.field_size_limit(old)
    yield _batch(export.columns, records, rows, ragged)


def _batch(columns: list[str], records: list, rows: list[int], ragged: list) -> Batch:
    arrays = [pa.array(values, pa.string()) for values in zip(*records, strict=True)] or [
        pa.array([], pa.string()) for _ in columns
    ]
    return Batch(_trimmed(columns, arrays), np.array(rows, dtype=np.int64), ragged)


def _trimmed(columns: list[str], arrays: list) -> pd.DataFrame:
    """Text without blanks around it; what is missing is ``""``."""
    cells = {
        name: pd.Series(pc.utf8_trim_whitespace(pc.fill_null(array, "")).to_pandas(), dtype="str")
        for name, array in zip(columns, arrays, strict=True)
    }
    return pd.DataFrame(cells, columns=columns)


def _csv_blocks(export: Export) -> pd.DataFrame:
    """Rows of blocks spread evenly over a large file; a block's first and last line may be cut and are left out."""
    frames = []
    with export.path.open("rb") as file:
        for start in np.linspace(0, export.path.stat().st_size - _BLOCK, _BLOCKS).astype(int):
            file.seek(start)
            lines = file.read(_BLOCK).split(b"\n")[1:-1]
            text = b"\n".join(lines).decode(export.encoding, "ignore").splitlines()
            records = [r for r in csv.reader(text, delimiter=export.delimiter) if len(r) == len(export.columns)]
            frames.append(_batch(export.columns, records, list(range(len(records))), []).cells)
    return pd.concat(frames, ignore_index=True)


# --- parquet ---


def _open_parquet(path: Path) -> Export:
    try:
        schema = pq.ParquetFile(path).schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise BundlebookError(
            f"this is not a whole parquet file: {str(error).splitlines()[0][:120]}",
            where=path.name,
            remedy="write the file again",
        ) from None
    flat = [entry.name for entry in schema if not pa.types.is_nested(entry.type)]
    zones = [entry.type.tz for entry in schema if pa.types.is_timestamp(entry.type) and entry.type.tz]
    why = ["parquet: types are in the file"]
    if zones:
        why.append(f"times are on the clock of {zones[0]}: the file names it")
    return Export(path, path.name, flat, tuple(why), zone=zones[0] if zones else None)


def _parquet_batches(export: Export) -> Iterator[Batch]:
    row = 1
    try:
        for part in pq.ParquetFile(export.path).iter_batches(BATCH, columns=export.columns):
            arrays = [_as_text(part.column(name)) for name in export.columns]
            yield Batch(_trimmed(export.columns, arrays), np.arange(row, row + len(part)))
            row += len(part)
    except (pa.ArrowException, OSError) as error:
        raise BundlebookError(
            f"it cannot be read on: {str(error).splitlines()[0][:120]}",
            where=f"{export.name}, after row {row - 1}",
            remedy="write the file again",
        ) from None


def _as_text(cells: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_timestamp(cells.type) and cells.type.tz:
        cells = pc.local_timestamp(cells)
    if pa.types.is_timestamp(cells.type):
        cells = pc.strftime(cells.cast(pa.timestamp("s"), safe=False), "%Y-%m-%d %H:%M:%S")
    if pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        cells = cells.cast(pa.binary())
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in cells.to_pylist()], pa.string())
    return cells.cast(pa.string())


# --- workbooks ---


def _open_workbook(path: Path) -> list[Export]:
    book = _calamine(path)
    exports, without = [], []
    for sheet in book.sheet_names:
        with _damaged_workbook(path):
            rows = _top(book, sheet)
        if not rows:
            without.append(repr(sheet))
            continue
        filled = [sum(cell != "" for cell in row) for row in rows]
        header = next(i for i, count in enumerate(filled) if count >= 0.6 * max(filled))
        columns = _distinct([_clean_name(_cell(cell)) for cell in rows[header]])
        name = path.name if len(book.sheet_names) == 1 else f"{path.name}, sheet {sheet!r}"
        why = (f"workbook: sheet {sheet!r}, header in row {header + 1}",)
        exports.append(Export(path, name, columns, why, header=header + 1, sheet=sheet))
    if not exports:
        raise BundlebookError("no sheet holds a table", where=path.name, remedy="export the table again")
    if without:
        said = f"not read, for there is no table: sheet {', '.join(without)}"
        exports[0] = replace(exports[0], why=(*exports[0].why, said))
    return exports


def _calamine(path: Path) -> Any:
    from python_calamine import CalamineWorkbook

    with _damaged_workbook(path):
        return CalamineWorkbook.from_path(path)


@contextmanager
def _damaged_workbook(path: Path) -> Iterator[None]:
    """Turn what the library says of a damaged file into a message."""
    from python_calamine import CalamineError

    try:
        yield
    except (CalamineError, OSError, ValueError) as error:
        what = str(error).splitlines()[0][:120]
        raise BundlebookError(
            f"this is no workbook that can be read: {what}", where=path.name, remedy="save the sheet as CSV"
        ) from None


def _top(book: Any, sheet: str) -> list[list]:
    """The first rows of a sheet that has at least two columns and two rows."""
    rows = []
    for row in book.get_sheet_by_name(sheet).iter_rows():
        rows.append(row)
        if len(rows) == 50:
            break
    return rows if len(rows) > 1 and len(rows[0]) > 1 else []


def _sheet_batches(export: Export) -> Iterator[Batch]:
    with _damaged_workbook(export.path):
        sheet = _calamine(export.path).get_sheet_by_name(export.sheet)
    records, rows = [], []
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number <= export.header or not any(cell != "" for cell in row):
            continue
        records.append([_cell(cell) for cell in row])
        rows.append(number)
        if len(records) == BATCH:
            yield _batch(export.columns, records, rows, [])
            records, rows = [], []
    yield _batch(export.columns, records, rows, [])


def _cell(value: object) -> str:
    """A typed cell as text: a whole number without a point, a date year first."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)
