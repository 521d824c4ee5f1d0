"""Parquet files, read with pyarrow; their columns already have types."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bundlebook.errors import BundlebookError
from bundlebook.shop.intake.header import match_header
from bundlebook.shop.intake.raw import RawTable, check_memory
from bundlebook.shop.intake.settings import Settings
from bundlebook.shop.schema import Column, Table

#: Bytes of memory for each cell of a parquet file, while its own types and the result live side by side (measured: 41).
CELL_BYTES = 50
_REMEDY = "write the file again, for example with pandas.DataFrame.to_parquet"


def check_parquet(path: Path, table: Table, settings: Settings) -> None:
    """Judge a parquet file by its footer: columns, types, rows, size.

    Raises
    ------
    BundlebookError
        If it is no parquet file of this table, has no rows, or would not fit into memory.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            stored = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    names = match_header(path.name, schema.names, table, settings.columns.get(table.file, {}))
    for name, field in zip(names, schema, strict=True):
        if name in table.names:
            _check_type(path.name, table.column(name), field.type, settings)
    if not rows:
        raise BundlebookError("the table has no rows", where=path.name, remedy="write at least one row")
    check_memory(path, stored + CELL_BYTES * rows * len(names))


def read_parquet(path: Path, table: Table, settings: Settings) -> RawTable:
    """Read a parquet file under the contract's column names.

    Raises
    ------
    BundlebookError
        If its pages are damaged.
    """
    content = path.read_bytes()
    try:
        rows = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    rows = rows.rename_columns(match_header(path.name, rows.column_names, table, settings.columns.get(table.file, {})))
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    n_rows = rows.num_rows
    return RawTable(path.name, rows, lambda: np.arange(1, n_rows + 1), digest, is_csv=False)


def is_text(kind: pa.DataType) -> bool:
    """True for strings of any width, also dictionary-encoded ones."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _check_type(file: str, column: Column, kind: pa.DataType, settings: Settings) -> None:
    types = pa.types
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if column.kind == "time":
        good = types.is_timestamp(kind) or types.is_date(kind) or (types.is_integer(kind) and settings.time_format)
        remedy = "write a timestamp or text such as 2021-01-31, or set `time_format: epoch_ms` in shop.yaml"
    elif column.kind == "number":
        good, remedy = number, "write a column of numbers"
    elif column.kind == "id":
        good, remedy = types.is_integer(kind), "write identifiers as text (str), so that 007 stays 007"
    else:
        good, remedy = False, "write a column of text (str)"
    if not (good or is_text(kind) or types.is_null(kind)):
        raise BundlebookError(f"its type is {kind}", where=f"{file}, column {column.name!r}", remedy=remedy)


def _damaged(path: Path, error: Exception) -> BundlebookError:
    head = path.open("rb").read(4)
    reason = f"it begins with {head!r}, not with b'PAR1'" if head != b"PAR1" else str(error).splitlines()[0][:120]
    return BundlebookError(f"this is not a whole parquet file: {reason}", where=path.name, remedy=_REMEDY)
