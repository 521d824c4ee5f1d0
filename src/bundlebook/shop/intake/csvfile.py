"""CSV files, read with pyarrow as text; the row of every fault is found in a second pass, only when there is one."""

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from bundlebook.errors import BundlebookError
from bundlebook.shop.intake.charset import to_utf8
from bundlebook.shop.intake.header import match_header
from bundlebook.shop.intake.raw import RawTable, check_memory, check_text
from bundlebook.shop.intake.settings import Settings
from bundlebook.shop.schema import Table

#: Bytes read to judge a file by its header; a header that is longer is none.
HEAD = 1 << 20
#: Bytes of memory for each byte of a CSV file, while text, typed columns and result live side by side (measured: 6.9).
MEMORY_FACTOR = 8
_DELIMITERS = (",", ";", "\t", "|")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_HEADER_REMEDY = "the first line must be the header: the names of the columns"
_QUOTES_REMEDY = "close every quotation mark, and write one that belongs to a value twice, inside a quoted value"


def check_csv(path: Path, table: Table, settings: Settings) -> None:
    """Judge a CSV file by its size and first line, reading at most :data:`HEAD` bytes.

    Raises
    ------
    BundlebookError
        If it is no CSV file of this table, has no rows, or would not fit into memory.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    check_text(head, path.name)
    line = _first_line(head, path.name, settings.encoding)
    delimiter = _delimiter(line, table, settings)
    match_header(path.name, _fields(line, delimiter), table, settings.columns.get(table.file, {}))
    check_memory(path, MEMORY_FACTOR * path.stat().st_size)


def read_csv(path: Path, table: Table, settings: Settings) -> RawTable:
    """Read a CSV file as text under the contract's column names.

    Lines with too few or too many fields are listed in ``ragged`` and left out of ``table``.

    Raises
    ------
    BundlebookError
        If the file as a whole cannot be read.
    """
    content = path.read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    content, note = to_utf8(content, path.name, settings.encoding)
    if b"\0" in content:
        row = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise BundlebookError(
            "there is a byte b'\\x00', which no text has",
            where=f"{path.name}, row {row}",
            remedy="the file is damaged or not text: export it again as CSV",
        )
    line = _first_line(content[:HEAD], path.name, "utf-8")
    delimiter = _delimiter(line, table, settings)
    names = match_header(path.name, _fields(line, delimiter), table, settings.columns.get(table.file, {}))
    rows, n_ragged = _parse(content, path.name, names, delimiter)
    # Another count of line ends than of rows means line breaks inside quotation marks, or marks that swallow rows.
    if content.count(b'"') % 2 or (b'"' in content and _count_lines(content) != rows.num_rows + n_ragged + 1):
        _check_quotes(content, path.name, delimiter)
    if not rows.num_rows and not n_ragged:
        raise BundlebookError("there are no rows below the header", where=path.name, remedy="write at least one row")

    @lru_cache(maxsize=1)
    def second_pass() -> tuple[np.ndarray, list]:
        numbers, ragged = _locate(content, len(names), delimiter)
        if (len(numbers), len(ragged)) != (rows.num_rows, n_ragged):
            raise BundlebookError(
                "its quotation marks can be read in more than one way", where=path.name, remedy=_QUOTES_REMEDY
            )
        return numbers, ragged

    ragged = second_pass()[1] if n_ragged else []
    return RawTable(path.name, rows, lambda: second_pass()[0], digest, ragged, [note] if note else [])


def _count_lines(content: bytes) -> int:
    ends = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    return ends + (not content.endswith((b"\n", b"\r")))


def _parse(content: bytes, file: str, names: list[str], delimiter: str) -> tuple[pa.Table, int]:
    """The well-formed rows as text, and how many lines were ragged."""
    ragged = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row.actual_columns)
        return "skip"

    try:
        rows = arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip" in str(error):
            return pa.table({name: pa.array([], pa.string()) for name in names}), 0
        _check_quotes(content, file, delimiter)
        raise BundlebookError(
            f"this cannot be read as CSV: {str(error).splitlines()[0]}",
            where=file,
            remedy="export the table again as CSV in UTF-8",
        ) from error
    return rows, len(ragged)


def _first_line(head: bytes, file: str, encoding: str | None) -> str:
    """The header line. Where no encoding is known yet this is a first look, and letters may come out wrong."""
    if head.startswith(_UTF16_BOMS):
        lines = head.decode("utf-16", "replace").splitlines()
    elif encoding:
        lines = head.decode(encoding, "replace").splitlines()
    else:
        lines = [line.decode("gb18030" if _invalid(line) else "utf-8-sig", "replace") for line in head.splitlines()[:2]]
    line = lines[0].removeprefix("\ufeff") if lines else ""
    if len(lines) == 1 and len(head) >= HEAD:
        raise BundlebookError(
            f"the first line is longer than {HEAD:,} bytes; it begins {line[:20]!r}",
            where=f"{file}, row 1",
            remedy=_HEADER_REMEDY,
        )
    if not line.strip():
        raise BundlebookError(f"the first line is blank: {line!r}", where=f"{file}, row 1", remedy=_HEADER_REMEDY)
    return line


def _invalid(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def _delimiter(line: str, table: Table, settings: Settings) -> str:
    """The delimiter of the settings, or the one that yields most of the contract's names; a comma wins a tie."""
    if settings.delimiter:
        return settings.delimiter
    mapping = settings.columns.get(table.file, {})

    def known(delimiter: str) -> int:
        return sum(mapping.get(name, name) in table.names for name in _fields(line, delimiter))

    return max(_DELIMITERS, key=known)


def _fields(line: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _records(content: bytes, delimiter: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield the first row number and the fields of each record, the header included, blank lines not."""
    limit = csv.field_size_limit(len(content) + 1)
    try:
        reader = csv.reader(
            io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), delimiter=delimiter, strict=strict
        )
        row = 1
        for record in reader:
            if record:
                yield row, record
            row = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


def _locate(content: bytes, width: int, delimiter: str) -> tuple[np.ndarray, list[tuple[int, str, str]]]:
    """Row numbers of the well-formed records, and the ragged ones as (row, text, reason)."""
    rows, ragged = [], []
    records = _records(content, delimiter)
    next(records)
    for row, record in records:
        if len(record) == width:
            rows.append(row)
        else:
            noun = "field" if len(record) == 1 else "fields"
            ragged.append((row, delimiter.join(record), f"{len(record)} {noun} instead of {width}"))
    return np.array(rows, dtype=np.int64), ragged


def _check_quotes(content: bytes, file: str, delimiter: str) -> None:
    """Refuse quotation marks that are not closed or stand inside a quoted value: they swallow the rows behind them."""
    row, record = 0, [""]
    try:
        for row, record in _records(content, delimiter, strict=True):  # noqa: B007
            pass
    except csv.Error as error:
        row, record = next(item for item in _records(content, delimiter) if item[0] > row)
        value = next((value for value in record if "\n" in value or "\r" in value), record[-1])
        unclosed = "unexpected end" in str(error)
        problem = "a quotation mark is opened and never closed" if unclosed else "a quotation mark is out of place"
        raise BundlebookError(
            f"{problem}, before {value[:30]!r}", where=f"{file}, row {row}", remedy=_QUOTES_REMEDY
        ) from None
