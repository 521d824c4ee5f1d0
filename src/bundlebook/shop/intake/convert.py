"""One raw table into one table of the contract: kept rows, and rows set aside."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from bundlebook.errors import BundlebookError
from bundlebook.shop.intake import quarantine, values
from bundlebook.shop.intake.quarantine import Faults
from bundlebook.shop.intake.raw import RawTable
from bundlebook.shop.intake.settings import Settings
from bundlebook.shop.schema import Column, Table
from bundlebook.shop.shop import SourceFile


@dataclass(frozen=True)
class Converted:
    """One file after conversion.

    Attributes
    ----------
    frame : DataFrame
        Kept rows in the order of the file; columns of the contract first, then the others.
    quarantine : DataFrame
    source : SourceFile
        ``source.rows == len(frame) + len(quarantine)``.
    notes : tuple of str
    aware : bool
        True: its times know their offset from UTC, so they are on the clock of a known zone.
    """

    frame: pd.DataFrame
    quarantine: pd.DataFrame
    source: SourceFile
    notes: tuple[str, ...]
    aware: bool


def convert(
    raw: RawTable,
    table: Table,
    settings: Settings,
    known: dict[str, tuple[pd.Series, str]] | None = None,
    strict: bool = False,
) -> Converted:
    """Convert a raw table by the contract.

    Parameters
    ----------
    raw : RawTable
    table : Table
    settings : Settings
    known : dict, optional
        For a column name, the identifiers that another table knows and that table's file; rows with others are set
        aside.
    strict : bool
        True: refuse the file instead of setting a row aside.

    Returns
    -------
    Converted

    Raises
    ------
    BundlebookError
        If the same item or user is listed twice, or too many rows cannot be used.
    """
    faults = Faults(raw.table.num_rows)
    columns, aware = {}, False
    for column in table.columns:
        if column.name in raw.table.column_names:
            columns[column.name], found, with_offset = _column(column, raw, settings)
            aware |= with_offset
            for rows, reason in found:
                faults.add(column.name, rows, reason)
            if not column.blank:
                faults.add(column.name, columns[column.name].isna().to_numpy(), "missing")
    if table.name == "events":
        event = columns.get("event")
        searches = np.zeros(raw.table.num_rows, bool) if event is None else (event == "search").to_numpy()
        faults.add("item_id", columns["item_id"].isna().to_numpy() & ~searches, "missing")
    for name, (labels, file) in (known or {}).items():
        faults.add(name, ~columns[name].isin(labels).to_numpy(), f"not in {file}")
    frame = pd.DataFrame(columns)
    _check_key(raw, table, frame, faults)
    for name in raw.table.column_names:
        if name not in columns:
            frame[name] = values.extra(raw.table[name], name, raw.is_csv)
    aside = _set_aside(raw, faults)
    quarantine.judge(raw.rows, aside, strict)
    frame = frame[~faults.rows].reset_index(drop=True) if faults.rows.any() else frame
    for column in table.columns:
        if column.whole and column.name in frame:
            frame[column.name] = values.whole(frame[column.name])
    source = SourceFile(raw.file, raw.rows, raw.md5, len(aside))
    assert source.kept == len(frame), f"{raw.file}: {raw.rows} rows in, {len(frame)} kept, {len(aside)} set aside"
    return Converted(frame, aside, source, tuple(raw.notes), aware)


def _column(column: Column, raw: RawTable, settings: Settings) -> tuple[pd.Series, list[values.Fault], bool]:
    cells = raw.table[column.name]
    if column.kind == "id":
        return *values.identifiers(cells), False
    if column.kind == "word":
        return *values.words(cells, column.words, settings.events), False
    if column.kind == "number":
        return *values.numbers(cells, settings.decimal if raw.is_csv else "."), False
    if column.kind == "time":
        return values.times(cells, settings)
    return values.series(values.text(cells)), [], False


def _check_key(raw: RawTable, table: Table, frame: pd.DataFrame, faults: Faults) -> None:
    """An item or user listed twice is a contradiction; a bundle's item listed twice is one row too many."""
    if not table.key:
        return
    key = list(table.key)
    usable = frame.loc[~faults.rows, key]
    again = usable.index[usable.duplicated()]
    if len(again) and len(key) == 1:
        second = again[0]
        value = frame.loc[second, key[0]]
        first = usable.index[usable[key[0]] == value][0]
        rows = raw.row_numbers()
        raise BundlebookError(
            f"{value!r} is in row {rows[first]} already (duplicates: {len(again):,})",
            where=f"{raw.file}, row {rows[second]}, column {key[0]!r}",
            remedy=f"keep one row for each {key[0]}",
        )
    faults.add(key[-1], np.isin(np.arange(len(frame)), again), "a duplicate of an earlier row")


def _set_aside(raw: RawTable, faults: Faults) -> pd.DataFrame:
    records = [(row, "", text, reason) for row, text, reason in raw.ragged]
    positions = np.flatnonzero(faults.rows)
    if len(positions):
        rows = raw.row_numbers()[positions]
        cells = raw.table.take(pa.array(positions))
        shown = {column: cells[column].to_pylist() for column in dict.fromkeys(c for c, _ in faults.reasons)}
        for place, position in enumerate(positions):
            column, reason = faults.at(position)
            value = shown[column][place]
            records.append((int(rows[place]), column, "" if value is None else str(value), reason))
    return quarantine.table(raw.file, records)
