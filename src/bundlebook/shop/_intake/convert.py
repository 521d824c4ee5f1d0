"""One raw table into one table of the contract: what converts is kept, what does not is set aside, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.rawfile import INVISIBLE, RawTable, is_number, is_text, is_time
from bundlebook.shop._intake.settings import EPOCHS, Settings
from bundlebook.shop.schema import Table
from bundlebook.shop.shop import SourceFile, _empty_quarantine

#: Larger shares of a file are not set aside: then the file is misread, and not some of its rows bad.
LIMIT = 0.5
#: Characters of a value that the quarantine keeps.
_WIDTH = 200
#: Cells that say that there is no value.
_MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N")
#: Times outside are placeholders or slips of the pen.
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
#: The same bound for times that are counted: more would overflow before it could be judged.
_LATEST = {"epoch_s": 5e9, "epoch_ms": 5e12}
_NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE = r"^\d{4}[-/.]\d{1,2}([-/.]\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?)?)?$|^\d{8}$"
_OFFSET = r"(?P<time>:\d{1,2}(?:\.\d{1,9})?) ?(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)$"
#: A part of a reason, and what to do where most rows have it.
_REMEDIES = {
    "year first": "set `time_format` in shop.yaml, for example '%d.%m.%Y %H:%M' or 'epoch_ms'",
    "count of days": "format the column as a date such as 2021-01-31 in the spreadsheet, and export it again",
    "not a time": "correct `time_format` in shop.yaml",
    "outside": "correct the years, or set `time_format` in shop.yaml",
    "without offset": "say in shop.yaml in which `timezone` times without an offset are written",
    "not a number": 'write plain numbers without units; set `decimal: ","` in shop.yaml for a decimal comma',
    "none of": "map the words in shop.yaml, for example `events: {buy: purchase}`",
    "instead of": "put values that hold the delimiter in quotes, or set `delimiter` in shop.yaml",
    "negative": "remove these rows or correct the sign; returns are no purchases",
    "missing": "fill the column, or map the right one in shop.yaml under `columns`",
    "not in": "write identifiers alike in both files, for example 007 in both",
    "spreadsheet": "format the column as text in the spreadsheet, and export it again with every digit",
}

#: Mask of the cells that are wrong, and why.
_Fault = tuple[np.ndarray, str]


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
    zone : str or None
        Zone on whose clock its times are; None: the file does not say.
    """

    frame: pd.DataFrame
    quarantine: pd.DataFrame
    source: SourceFile
    zone: str | None


def convert(
    raw: RawTable,
    table: Table,
    settings: Settings,
    known: Mapping[str, tuple[pd.Series, str]] | None = None,
    strict: bool = False,
) -> Converted:
    """Convert a raw table by the contract.

    Parameters
    ----------
    raw : RawTable
    table : Table
    settings : Settings
    known : mapping, optional
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
    faults = _Faults(raw.table.num_rows)
    given = dict(zip(raw.table.column_names, raw.table.columns, strict=True))
    columns, zone = {}, None
    for column in table.columns:
        if column.name in given:
            cells = given[column.name]
            if column.kind == "time":
                values, found, zone = _times(cells, settings)
            elif column.kind == "id":
                values, found = _identifiers(cells)
            elif column.kind == "word":
                values, found = _words(cells, column.words, settings.events)
            elif column.kind == "number":
                values, found = _numbers(cells, settings.decimal if raw.is_csv else ".")
            else:
                values, found = _series(_text(cells)), []
            columns[column.name] = values
            for rows, reason in found:
                faults.add(column.name, rows, reason)
            if not column.blank:
                faults.add(column.name, values.isna().to_numpy(), "missing")
    if table.name == "events":
        no_item = columns["item_id"].isna()
        no_item &= columns["event"] != "search" if "event" in columns else True
        faults.add("item_id", no_item.to_numpy(), "missing")
    for name, (labels, file) in (known or {}).items():
        faults.add(name, ~columns[name].isin(labels).to_numpy(), f"not in {file}")
    extra = {name: _extra(cells, name, raw.is_csv) for name, cells in given.items() if name not in columns}
    frame = pd.DataFrame(columns | extra)
    if table.key:
        _check_key(raw, list(table.key), frame, faults)
    aside = _set_aside(raw, given, faults, _revenue(frame) if table.name == "events" else np.zeros(len(frame)))
    _judge(raw.rows, aside, strict)
    frame = frame[~faults.rows].reset_index(drop=True) if faults.rows.any() else frame
    for column in table.columns:
        if column.whole and column.name in frame:
            frame[column.name] = _whole(frame[column.name])
    source = SourceFile(raw.file, raw.rows, raw.md5, len(aside))
    assert source.kept == len(frame), f"{raw.file}: {raw.rows} rows in, {len(frame)} kept, {len(aside)} set aside"
    return Converted(frame, aside, source, zone)


def _revenue(events: pd.DataFrame) -> np.ndarray:
    """Money of each event as far as it can be read: 0 for a return and what else is no purchase, NaN where unknown."""
    unknown = pd.Series(np.nan, index=events.index)
    quantity, event = events.get("quantity", unknown.fillna(1.0)), events.get("event", unknown)
    nothing = (quantity <= 0) | (event.notna() & (event != "purchase"))
    price = events.get("price", unknown)
    return (quantity * price.where(price >= 0)).mask(nothing, 0.0).to_numpy(float)


class _Faults:
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


def _check_key(raw: RawTable, key: list[str], frame: pd.DataFrame, faults: _Faults) -> None:
    """An item or user listed twice is a contradiction; a bundle's item listed twice is one row too many."""
    usable = frame.loc[~faults.rows, key]
    again = usable.index[usable.duplicated()]
    if len(again) and len(key) == 1:
        value = frame.loc[again[0], key[0]]
        first = usable.index[usable[key[0]] == value][0]
        rows = raw.row_numbers()
        raise BundlebookError(
            f"{value!r} is in row {rows[first]} already (duplicates: {len(again):,})",
            where=f"{raw.file}, row {rows[again[0]]}, column {key[0]!r}",
            remedy=f"keep one row for each {key[0]}",
        )
    faults.add(key[-1], np.isin(np.arange(len(frame)), again), "a duplicate of an earlier row")


def _set_aside(raw: RawTable, given: dict[str, pa.ChunkedArray], faults: _Faults, revenue: np.ndarray) -> pd.DataFrame:
    """The quarantine of one file, sorted by row."""
    records = [(row, "", text, reason, np.nan) for row, text, reason in raw.ragged]
    positions = np.flatnonzero(faults.rows)
    if len(positions):
        rows = raw.row_numbers()[positions]
        shown = {name: _shown(given[name].take(pa.array(positions))) for name, _ in faults.reasons}
        for place, position in enumerate(positions):
            column, reason = faults.at(int(position))
            value = shown[column][place]
            money = float(revenue[position])
            records.append((int(rows[place]), column, "" if value is None else str(value), reason, money))
    if not records:
        return _empty_quarantine()
    frame = pd.DataFrame(sorted(records), columns=["row", "column", "value", "reason", "revenue"])
    frame.insert(0, "file", raw.file)
    frame["value"] = [value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…" for value in frame["value"]]
    return frame.astype(_empty_quarantine().dtypes.to_dict())


def _shown(cells: pa.ChunkedArray) -> list:
    try:
        return cells.to_pylist()
    except (OverflowError, ValueError):  # dates beyond the year 9999, which Python cannot hold
        return cells.cast(pa.string()).to_pylist()


def _judge(rows: int, quarantine: pd.DataFrame, strict: bool) -> None:
    """Refuse a file of which too much would be set aside, or anything at all if *strict*.

    The message names the first row of the most common reason, or simply the first row if few are bad.
    """
    count = len(quarantine)
    if count > LIMIT * rows:
        column, reason = quarantine.groupby(["column", "reason"], sort=True).size().idxmax()
        worst = quarantine[(quarantine["column"] == column) & (quarantine["reason"] == reason)]
        first = worst.iloc[0]
        more = f", {len(worst):,} of them for this reason"
        remedy = next((remedy for part, remedy in _REMEDIES.items() if part in reason), "correct the rows")
    elif count and strict:
        first, more = quarantine.iloc[0], ""
        remedy = "correct the row, or load with strict=False to set such rows aside"
    else:
        return
    raise BundlebookError(
        f"{first['value']!r} is {first['reason']}; {count:,} of {rows:,} rows cannot be used{more}",
        where=f"{first['file']}, row {first['row']}" + (f", column {first['column']!r}" if first["column"] else ""),
        remedy=remedy,
    )


def _text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text: composed (NFC), trimmed, and missing where they are blank or say so (:data:`_MISSING`)."""
    cells = cells.cast(pa.string())
    if _any(pc.invert(pc.string_is_ascii(cells))):
        cells = pc.utf8_normalize(cells, form="NFC")
        cells = pc.replace_substring_regex(cells, rf"^[\s{INVISIBLE}]+|[\s{INVISIBLE}]+$", "")
    cells = pc.utf8_trim_whitespace(cells)
    absent = pc.is_in(cells, pa.array(_MISSING))
    return pc.if_else(absent, pa.scalar(None, pa.string()), cells) if _any(absent) else cells


def _identifiers(cells: pa.ChunkedArray) -> tuple[pd.Series, list[_Fault]]:
    """Identifiers as text, spelt alike in every file: 1001.0, as pandas writes a column with gaps, is 1001.

    A line break inside one is the trace of a quotation mark that went astray.
    """
    cells = _text(cells)
    if _any(pc.invert(pc.string_is_ascii(cells))):
        cells = pc.replace_substring_regex(cells, f"[{INVISIBLE}]", "")
    if _any(pc.ends_with(cells, ".0")):
        cells = pc.replace_substring_regex(cells, r"^(\d+)\.0$", r"\1")
    broken = _mask(pc.match_substring_regex(cells, r"[\r\n\x00]"))
    shortened = _mask(pc.match_substring_regex(cells, r"^\d([.,]\d+)?[eE]\+\d\d$"))
    return _series(cells), [
        (broken, "an identifier with a line break"),
        (shortened, "a number that a spreadsheet shortened"),
    ]


def _words(cells: pa.ChunkedArray, allowed: tuple[str, ...], mapping: dict[str, str]) -> tuple[pd.Series, list[_Fault]]:
    """Words of a small vocabulary, in lower case; *mapping* translates the reader's words."""
    found = _series(pc.utf8_lower(_text(cells)))
    ours = found.replace(mapping)
    result = ours.where(ours.isin(allowed))
    return result, [((found.notna() & result.isna()).to_numpy(), f"none of {', '.join(allowed)}")]


def _numbers(cells: pa.ChunkedArray, decimal: str = ".") -> tuple[pd.Series, list[_Fault]]:
    """Numbers as float64: finite and not negative. Units, currency signs and thousands separators are faults."""
    odd = np.zeros(len(cells), dtype=bool)
    if is_number(cells.type) or pa.types.is_null(cells.type):
        values = cells.cast(pa.float64(), safe=False).to_pandas()
    else:
        cells = _text(cells)
        if decimal == ",":
            cells = pc.replace_substring(pc.replace_substring(cells, ".", "\0"), ",", ".")
        good = pc.match_substring_regex(cells, _NUMBER)
        odd = _mask(pc.invert(good))
        values = pc.if_else(good, cells, pa.scalar(None, pa.string())).cast(pa.float64()).to_pandas()
    infinite = np.isinf(values.to_numpy())
    negative = (values < 0).to_numpy()
    return values, [(odd, "not a number"), (infinite, "not a finite number"), (negative, "negative")]


def _whole(values: pd.Series) -> pd.Series:
    """Store a column as int64 where nothing is missing and every value is whole."""
    small = values.abs() < 2**53
    return values.astype(np.int64) if bool((small & (values % 1 == 0)).all()) else values


def _times(cells: pa.ChunkedArray, settings: Settings) -> tuple[pd.Series, list[_Fault], str | None]:
    """Times as naive datetime64[us], and the zone on whose clock they are.

    Text is read year first: ``2021-01`` (the first of the month), ``2021-01-31``, ``2021/1/31``, ``20210131``,
    ``2021年1月31日``, each with ``10:30`` or ``10:30:59.5`` behind it, and then ``Z``, ``UTC`` or ``+08:00``.

    Times with an offset are brought to the zone of the settings. Where these name none, an offset that all times share
    is the clock of the shop, and so is the zone that a parquet file names; times of several offsets, as daylight saving
    makes them, are brought to UTC.

    Returns
    -------
    (Series, list of _Fault, str or None)
        The last is None where neither the settings nor the times name a zone.
    """
    form, zone = settings.time_format, settings.timezone
    mixed = serial = extreme = np.zeros(len(cells), dtype=bool)
    if is_time(cells.type):
        present = np.asarray(pc.is_valid(cells))
        extreme = _outside(cells)
        cells = pc.if_else(pa.array(extreme), pa.scalar(None, cells.type), cells)
        values = cells.cast(pa.timestamp("us"), safe=False).to_pandas()
        if pa.types.is_timestamp(cells.type) and cells.type.tz is not None:
            zone = zone or _named_zone(cells.type.tz)
            values = _to_clock(values.dt.tz_localize("UTC"), zone)
    else:
        texts = _text(cells)
        present = np.asarray(pc.is_valid(texts))
        if form in EPOCHS:
            counted, _ = _numbers(cells)
            counted, zone = counted.where(counted < _LATEST[form]), zone or "UTC"
            values = _to_clock(pd.to_datetime(counted, unit=EPOCHS[form], errors="coerce", utc=True), zone)
        elif form:
            aware = "%z" in form.lower()
            values = pd.to_datetime(_series(texts), format=form, errors="coerce", utc=aware)
            if aware:
                zone = zone or "UTC"
                values = _to_clock(values, zone)
        else:
            values, mixed, zone = _year_first(texts, zone)
            serial = _mask(pc.match_substring_regex(texts, r"^\d{5}([.,]\d+)?$"))
    values = values.astype("datetime64[us]")
    year = values.dt.year
    outside = extreme | ((year < _FIRST_YEAR) | (year >= _LAST_YEAR)).to_numpy()
    faults = [
        (outside, f"a time outside {_FIRST_YEAR} to {_LAST_YEAR - 1}"),
        (serial, "a spreadsheet's count of days, not a time"),
        (present & values.isna().to_numpy(), f"not a time in the form {form}" if form else "not a time, year first"),
        (mixed, "a time without offset among times with one"),
    ]
    return values, faults, zone


def _outside(cells: pa.ChunkedArray) -> np.ndarray:
    """Mask of the typed times that are outside the years; they may overflow when they are cast to microseconds."""
    kind = datetime if pa.types.is_timestamp(cells.type) else date
    first, end = (pa.scalar(kind(year, 1, 1), cells.type) for year in (_FIRST_YEAR, _LAST_YEAR))
    return _mask(pc.or_(pc.less(cells, first), pc.greater_equal(cells, end)))


def _year_first(cells: pa.ChunkedArray, zone: str | None) -> tuple[pd.Series, np.ndarray, str | None]:
    """Times, the mask of those without an offset among others with one and no zone to put them in, and their zone."""
    for pattern, plain in ((r" *[年月] *(\d)", r"-\1"), (r"[年月日]", ""), (r" ?UTC$", "Z")):
        if _any(pc.match_substring_regex(cells, pattern)):
            cells = pc.replace_substring_regex(cells, pattern, plain)
    offset = _mask(pc.match_substring_regex(cells, _OFFSET))
    bare = pc.replace_substring_regex(cells, _OFFSET, r"\1") if offset.any() else cells
    good = pc.match_substring_regex(bare, _DATE)
    texts = _series(pc.if_else(good, cells, pa.scalar(None, pa.string())))
    values = pd.to_datetime(texts.mask(offset), format="ISO8601", errors="coerce").astype("datetime64[us]")
    if not offset.any():
        return values, offset, zone
    mixed = np.asarray(pc.is_valid(cells)) & ~offset & (zone is None)
    if zone is None:
        every = pc.unique(pc.struct_field(pc.extract_regex(cells, _OFFSET), "offset")).drop_null().to_pylist()
        zones = {_named_zone(one) for one in every}
        zone = zones.pop() if len(zones) == 1 else "UTC"
    values[offset] = _to_clock(pd.to_datetime(texts[offset], format="ISO8601", errors="coerce", utc=True), zone)
    return values, mixed, zone


def _named_zone(name: str) -> str:
    """A zone's name as pandas and the reader know it: ``"UTC"``, ``"Asia/Shanghai"``, or ``"UTC+08:00"`` of +0800."""
    digits = name.removeprefix("UTC")[1:].replace(":", "")
    if not digits.isdecimal():
        return "UTC" if name == "Z" else name
    return "UTC" if not int(digits) else f"UTC{name.removeprefix('UTC')[0]}{digits[:2]}:{digits[2:] or '00'}"


def _to_clock(aware: pd.Series, zone: str) -> pd.Series:
    return aware.dt.tz_convert(zone).dt.tz_localize(None).astype("datetime64[us]")


def _extra(cells: pa.ChunkedArray, name: str, is_csv: bool) -> pd.Series:
    """A column beyond the contract: numbers where every cell of a CSV file is one, else text; parquet types stay.

    Columns that are named ``…_id`` and numbers written with leading zeros are labels and stay text.
    """
    if not is_text(cells.type):
        return cells.to_pandas()
    cells = _text(cells)
    label = name.endswith("_id") or not is_csv or cells.null_count == len(cells)
    if label or _any(pc.match_substring_regex(cells, r"^-?0\d|\d{16}")):
        return _series(cells)
    if _any(pc.invert(pc.match_substring_regex(cells, _NUMBER))):
        return _series(cells)
    counted = not cells.null_count and not _any(pc.match_substring_regex(cells, r"[.eE]"))
    return cells.cast(pa.int64() if counted else pa.float64()).to_pandas()


def _series(cells: pa.ChunkedArray | pa.Array) -> pd.Series:
    """Text as a pandas column of dtype ``str``."""
    return pd.Series(cells.to_pandas(), dtype="str")


def _any(mask: pa.ChunkedArray) -> bool:
    return bool(pc.any(mask).as_py())


def _mask(mask: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False))
