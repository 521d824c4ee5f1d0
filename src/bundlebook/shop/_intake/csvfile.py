"""CSV files, read with pyarrow as text; the row of every fault is found in a second pass, only when there is one."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.encodings import is_utf8
from bundlebook.shop._intake.rawfile import INVISIBLE, RawTable, check_memory, match_header, md5
from bundlebook.shop._intake.settings import DELIMITERS, FILE, Settings
from bundlebook.shop.schema import Table

#: Bytes read to judge a file by its header; a header that is longer is none.
_HEAD = 1 << 20
#: Bytes of memory for each byte of a CSV file, while text, typed columns and result live side by side (measured: 6.9).
_MEMORY_FACTOR = 8
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: Blanks around a column's name, with the invisible ones that `str.strip` leaves.
_BLANKS = re.compile(rf"^[\s{INVISIBLE}]+|[\s{INVISIBLE}]+$")
_FORMATS = (
    (b"PAR1", "a parquet file", "give it the ending .parquet"),
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "export the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "export the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"<", "a web page or XML", "download the file itself, not the page that shows it"),
    (b"{", "JSON", "convert it to CSV with one column per field"),
    (b"[", "JSON", "convert it to CSV with one column per field"),
)
_HEADER_REMEDY = "the first line must be the header: the names of the columns"
_QUOTES_REMEDY = "close every quotation mark, and write one that belongs to a value twice, inside a quoted value"


def judge_csv(path: Path, table: Table, settings: Settings) -> Callable[[], RawTable]:
    """Judge a CSV file by its size and first line, reading at most 1 MB, and return the function that reads it.

    Raises
    ------
    BundlebookError
        If it is no CSV file of this table, or would not fit into memory.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    _check_text(head, path.name)
    _header(head, path.name, table, settings, settings.encoding)
    check_memory(path, _MEMORY_FACTOR * path.stat().st_size)
    return partial(_read, path, table, settings)


def _read(path: Path, table: Table, settings: Settings) -> RawTable:
    """Read a CSV file as text; lines with too few or too many fields are listed in ``ragged``, not in ``table``."""
    content = path.read_bytes()
    digest = md5(content)
    content = _to_utf8(content, path.name, settings.encoding)
    if b"\0" in content:
        raise BundlebookError(
            "there is a byte b'\\x00', which no text has",
            where=_place(path.name, content, content.index(b"\0")),
            remedy="the file is damaged or not text: export it again as CSV",
        )
    names, delimiter = _header(content[:_HEAD], path.name, table, settings, "utf-8")
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
    return RawTable(path.name, rows, lambda: second_pass()[0], digest, ragged)


def _check_text(head: bytes, file: str) -> None:
    """Refuse a file whose first bytes are not those of a text table, and say what it is instead."""
    if not head.strip():
        raise BundlebookError("the file is empty", where=file, remedy="write a header line and at least one row")
    for start, what, remedy in _FORMATS:
        if head.lstrip().startswith(start):
            raise BundlebookError(f"this is {what}, not CSV: it begins with {head[:8]!r}", where=file, remedy=remedy)
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BundlebookError(
            "this is not text: there is a byte b'\\x00'",
            where=_place(file, head, head.index(b"\0")),
            remedy="export the table as CSV in UTF-8",
        )


def _to_utf8(content: bytes, file: str, declared: str | None) -> bytes:
    """The text in UTF-8 without a byte order mark. The mark decides, then the settings, then it must be UTF-8.

    Nothing is guessed: text read in the wrong encoding is worse than text not read.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _BOMS if content.startswith(mark)), (b"", declared or "utf-8")
    )
    content = content.removeprefix(mark)
    try:
        text = content.decode(encoding)
        return content if codecs.lookup(encoding).name == "utf-8" else text.removeprefix("\ufeff").encode()
    except UnicodeError as error:
        wrong = getattr(error, "start", 0)
    start = max(content.rfind(b"\n", 0, wrong) + 1, wrong - 8)
    found = content[start : wrong + 8].splitlines()[0]
    problem, remedy = f"{found!r} is not {encoding}", "save the file as UTF-8"
    if declared and not mark:
        remedy = f"correct `encoding` in {FILE}, or {remedy}"
    elif not mark:
        problem = f"{found!r} is not UTF-8"
        if any(not line.isascii() and is_utf8(line) for line in content.splitlines()):
            problem += ", while other rows are: these may be mixed encodings"
        remedy += (
            f"; or, if all CSV files of the folder have the same encoding, name it in {FILE}, "
            "for example `encoding: gb18030` or `encoding: cp1252`"
        )
    raise BundlebookError(problem, where=_place(file, content, wrong), remedy=remedy)


def _place(file: str, content: bytes, position: int) -> str:
    row = content.count(b"\n", 0, position) + 1
    return f"{file}, row {row}"


def _header(head: bytes, file: str, table: Table, settings: Settings, declared: str | None) -> tuple[list[str], str]:
    """The contract's names of the columns, and the delimiter: the settings', or the one that finds most names."""
    line = _first_line(head, file, declared)
    mapping = settings.columns.get(table.file, {})
    known = {*table.names, *mapping}
    delimiters = [settings.delimiter] if settings.delimiter else DELIMITERS
    # A comma wins a tie, for it is the first.
    delimiter = max(delimiters, key=lambda delimiter: len(known.intersection(_fields(line, delimiter))))
    return match_header(file, _fields(line, delimiter), table, settings), delimiter


def _first_line(head: bytes, file: str, declared: str | None) -> str:
    where = f"{file}, row 1"
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), declared)
    if encoding is None:
        _to_utf8(head.splitlines()[0], file, None)
    lines = re.split("\r\n|\r|\n", head.decode(encoding or "utf-8", "replace").removeprefix("\ufeff"), maxsplit=1)
    if len(lines) == 1 and len(head) >= _HEAD:
        raise BundlebookError(
            f"the first line is longer than {_HEAD:,} bytes; it begins {lines[0][:20]!r}",
            where=where,
            remedy=_HEADER_REMEDY,
        )
    if not lines[0].strip():
        raise BundlebookError(f"the first line is blank: {lines[0]!r}", where=where, remedy=_HEADER_REMEDY)
    if re.fullmatch(r"\s*\"?sep=.\"?\s*", lines[0], re.IGNORECASE):
        raise BundlebookError(
            f"the first line {lines[0]!r} is a note to Excel, not the header",
            where=where,
            remedy="delete the first line",
        )
    return lines[0]


def _fields(line: str, delimiter: str) -> list[str]:
    return [_BLANKS.sub("", name) for _, record in _records(line.encode(), delimiter) for name in record]


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


def _count_lines(content: bytes) -> int:
    ends = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    return ends + (not content.endswith((b"\n", b"\r")))


def _records(content: bytes, delimiter: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield the first row number and the fields of each record, the header included, blank lines not."""
    limit = csv.field_size_limit(len(content) + 1)
    try:
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=strict)
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
    row = 0
    try:
        for row, _ in _records(content, delimiter, strict=True):  # noqa: B007
            pass
    except csv.Error as error:
        row, record = next(item for item in _records(content, delimiter) if item[0] > row)
        value = next((value for value in record if "\n" in value or "\r" in value), record[-1])
        unclosed = "unexpected end" in str(error)
        problem = "a quotation mark is opened and never closed" if unclosed else "a quotation mark is out of place"
        raise BundlebookError(
            f"{problem}, before {value[:30]!r}", where=f"{file}, row {row}", remedy=_QUOTES_REMEDY
        ) from None
