"""A file's table before anything is converted: its columns, its memory, and how parquet files are read."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.settings import Settings
from bundlebook.shop.schema import Column, Table

#: Share of the free memory that one file may need.
MEMORY_SHARE = 0.8
#: Bytes of memory for each cell of a parquet file, while its own types and the result live side by side (measured: 41).
_CELL_BYTES = 50
#: Columns of one table. Each takes some milliseconds whatever it holds: a header of 109 kB took a minute to read.
_MOST_COLUMNS = 2_000


#: Characters that nobody sees, and that make two spellings of one identifier: the inside of a [character class].
INVISIBLE = "\u200b-\u200d\u2060\ufeff"


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
    md5 : str
    ragged : list of (int, str, str)
        Row number, text and reason of lines that have too few or too many fields; they are not in `table`.
    is_csv : bool
    """

    file: str
    table: pa.Table
    row_numbers: Callable[[], np.ndarray]
    md5: str
    ragged: list[tuple[int, str, str]] = field(default_factory=list)
    is_csv: bool = True

    @property
    def rows(self) -> int:
        """Data rows in the file."""
        return self.table.num_rows + len(self.ragged)


def judge_parquet(path: Path, table: Table, settings: Settings) -> Callable[[], RawTable]:
    """Judge a parquet file by its footer, and return the function that reads it.

    Raises
    ------
    BundlebookError
        If it is no parquet file of this table, has no rows, or would not fit into memory.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            stored = sum(group.total_byte_size for group in groups)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    names = match_header(path.name, schema.names, table, settings)
    for name, kind in zip(names, schema.types, strict=True):
        if name in table.names:
            _check_type(path.name, table.column(name), kind, settings)
    if not n_rows:
        raise BundlebookError("the table has no rows", where=path.name, remedy="write at least one row")
    needed = stored + _CELL_BYTES * n_rows * len(names)
    check_memory(path, needed)
    texts = {name for name, kind in zip(schema.names, schema.types, strict=True) if is_text(kind)}
    if needed + 2 * _most_text(groups, texts) > MEMORY_SHARE * available_memory():
        check_memory(path, needed + 2 * _text_bytes(path, sorted(texts)))
    return partial(_read, path, names)


def _most_text(groups: list, texts: set[str]) -> int:
    """Bytes that text columns have at most: a value that is stored once may stand in every row of its group."""
    columns = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    return sum(rows * column.total_uncompressed_size for rows, column in columns if column.path_in_schema in texts)


def _text_bytes(path: Path, texts: list[str]) -> int:
    """Bytes of text columns with every value written out, measured without writing them out."""
    total = 0
    try:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for group in range(file.num_row_groups):
                for chunk in (chunk for column in file.read_row_group(group, texts).columns for chunk in column.chunks):
                    if pa.types.is_dictionary(chunk.type):
                        lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
                        total += pc.sum(lengths.take(chunk.indices)).as_py() or 0
                    else:
                        total += chunk.nbytes
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return total


def _read(path: Path, names: list[str]) -> RawTable:
    """Read a parquet file, and call its columns by the contract's names."""
    content = path.read_bytes()
    try:
        rows = pq.read_table(pa.BufferReader(content)).rename_columns(names)
    except MemoryError as error:  # pyarrow's own is one, and an ArrowException too
        raise BundlebookError(
            "unpacked, it needs more memory than is free", where=path.name, remedy=_MEMORY_REMEDY
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return RawTable(path.name, rows, lambda: np.arange(1, rows.num_rows + 1), md5(content), is_csv=False)


def is_text(kind: pa.DataType) -> bool:
    """True for strings of any width, also dictionary-encoded ones."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_number(kind: pa.DataType) -> bool:
    """True for integers, floats and decimals; a truth value is no number."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_time(kind: pa.DataType) -> bool:
    """True for timestamps and dates."""
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def md5(content: bytes) -> str:
    """Checksum of a file's bytes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


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
        raise BundlebookError(
            f"reading its {path.stat().st_size / 1e6:,.0f} MB needs about {needed / 1e9:,.1f} GB of memory, "
            f"{free / 1e9:,.1f} GB are free",
            where=path.name,
            remedy=_MEMORY_REMEDY,
        )


def match_header(file: str, found: list[str], table: Table, settings: Settings) -> list[str]:
    """Bring a file's column names to the contract's.

    Parameters
    ----------
    file : str
        Name for messages.
    found : list of str
        Column names of the file.
    table : Table
    settings : Settings
        Its ``columns`` map the reader's names onto the contract's; a name mapped onto itself is an extra column.

    Returns
    -------
    list of str
        One name per column of the file, in its order.

    Raises
    ------
    BundlebookError
        If there are too many columns, or one has no name, occurs twice, is missing, or looks like a misspelt one.
    """
    where = f"{file}, row 1" if file.endswith(".csv") else file
    if len(found) > _MOST_COLUMNS:
        raise BundlebookError(
            f"there are {len(found):,} columns, more than {_MOST_COLUMNS:,}",
            where=where,
            remedy="keep those that are needed; one row is one event or one item, and not a column for each item",
        )
    mapping = settings.columns.get(table.file, {})
    if "" in found:
        raise BundlebookError(
            f"column {found.index('') + 1} has no name ''",
            where=where,
            remedy="name it; if pandas wrote its index there, write the file with index=False",
        )
    for theirs, ours in mapping.items():
        if theirs not in found:
            raise BundlebookError(
                f"shop.yaml maps {theirs!r} onto {ours!r}, but there is no column {theirs!r}",
                where=where,
                remedy=f"map one of {shown(found)}",
            )
    mapped = [mapping.get(name, name) for name in found]
    for name, count in Counter(mapped).items():
        if count > 1:
            raise BundlebookError(
                f"there are {count} columns {name!r}", where=where, remedy="rename or remove all but one"
            )
    names = set(table.names)
    spare = [name for name in mapped if name not in names and name not in mapping]
    for column in table.columns:
        if column.name not in mapped:
            _check_absent(where, column, spare, table, found)
    return mapped


def shown(names: list[str], limit: int = 12) -> str:
    """Names as a message shows them: quoted, and not more than anyone reads."""
    text = ", ".join(repr(name[:40]) for name in names[:limit])
    return text + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _check_absent(where: str, column: Column, spare: list[str], table: Table, found: list[str]) -> None:
    """An absent column is fine if it has a default, unless another column looks as if it were meant."""
    meant = _lookalike(column, spare)
    mapping = f"columns: {{{table.file}: {{{meant or 'their name'}: {column.name}}}}}"
    remedy = f"rename the column, or write into shop.yaml `{mapping}`"
    if column.name == "user_id":
        remedy += "; in a log of receipts without customers, take the receipt's number for it"
    if column.required:
        problem = f"no column {column.name!r}; its columns are {shown(found)}"
        raise BundlebookError(problem, where=where, remedy=remedy)
    if meant is not None:
        raise BundlebookError(
            f"unknown column {meant!r}, and no column {column.name!r}",
            where=where,
            remedy=f"{remedy}; `{meant}: {meant}` keeps it as an extra column",
        )


def _lookalike(column: Column, spare: list[str]) -> str | None:
    """A spare column that resembles the name, or (where taking the default would do harm) contains it as a word."""
    close = difflib.get_close_matches(column.name, [name.lower() for name in spare], 1, cutoff=0.8)
    for name in spare:
        words = name.lower().replace("-", "_").replace(" ", "_").split("_")
        if name.lower() in close or (column.default and column.name in words):
            return name
    return None


def _check_type(file: str, column: Column, kind: pa.DataType, settings: Settings) -> None:
    if column.kind == "time":
        good = is_time(kind) or (pa.types.is_integer(kind) and settings.time_format is not None)
        remedy = "write a timestamp or text such as 2021-01-31, or set `time_format: epoch_ms` in shop.yaml"
    elif column.kind == "number":
        good, remedy = is_number(kind), "write a column of numbers"
    elif column.kind == "id":
        good, remedy = pa.types.is_integer(kind), "write identifiers as text (str), so that 007 stays 007"
    else:
        good, remedy = False, "write a column of text (str)"
    if not (good or is_text(kind) or pa.types.is_null(kind)):
        raise BundlebookError(f"its type is {kind}", where=f"{file}, column {column.name!r}", remedy=remedy)


def _damaged(path: Path, error: Exception) -> BundlebookError:
    with path.open("rb") as file:
        head = file.read(4)
    reason = f"it begins with {head!r}, not with b'PAR1'" if head != b"PAR1" else str(error).splitlines()[0][:120]
    return BundlebookError(
        f"this is not a whole parquet file: {reason}",
        where=path.name,
        remedy="write the file again, for example with pandas.DataFrame.to_parquet",
    )


_MEMORY_REMEDY = "keep fewer users or a shorter time, drop columns that are not needed, or use a larger machine"
