"""Cells of one column into the contract's types; what does not convert is pointed out, never guessed."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bundlebook.shop.intake.settings import EPOCHS, Settings

#: Cells that say that there is no value.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N")
#: Times outside are placeholders or slips of the pen.
FIRST_YEAR, LAST_YEAR = 1900, 2100
#: The same bound for times that are counted: more would overflow before it could be judged.
LATEST = {"epoch_s": 5e9, "epoch_ms": 5e12}
_NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE = r"^\d{4}[-/.]\d{1,2}([-/.]\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?)?)?$|^\d{8}$"
_OFFSET = r"(:\d{1,2}(?:\.\d{1,9})?) ?(?:Z|[+-]\d{2}(?::?\d{2})?)$"

#: Mask of the cells that are wrong, and why.
Fault = tuple[np.ndarray, str]


def text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells as text: trimmed, and missing where they are blank or say so (:data:`MISSING`)."""
    cells = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    absent = pc.is_in(cells, pa.array(MISSING))
    return pc.if_else(absent, pa.scalar(None, pa.string()), cells) if pc.any(absent).as_py() else cells


def identifiers(cells: pa.ChunkedArray) -> tuple[pd.Series, list[Fault]]:
    """Identifiers as text. A line break inside one is the trace of a quotation mark that went astray."""
    cells = text(cells)
    broken = _mask(pc.match_substring_regex(cells, r"[\r\n\x00]"))
    return series(cells), [(broken, "an identifier with a line break")]


def words(cells: pa.ChunkedArray, allowed: tuple[str, ...], mapping: dict[str, str]) -> tuple[pd.Series, list[Fault]]:
    """Words of a small vocabulary, in lower case; *mapping* translates the reader's words."""
    cells = pc.utf8_lower(text(cells))
    coded = cells.combine_chunks().dictionary_encode() if isinstance(cells, pa.ChunkedArray) else cells
    ours = [mapping.get(word, word) for word in coded.dictionary.to_pylist()]
    known = pa.array([word if word in allowed else None for word in ours], pa.string())
    result = known.take(coded.indices)
    unknown = _mask(pc.and_(pc.is_null(result), pc.is_valid(coded.indices)))
    return series(result), [(unknown, f"none of {', '.join(allowed)}")]


def numbers(cells: pa.ChunkedArray, decimal: str = ".") -> tuple[pd.Series, list[Fault]]:
    """Numbers as float64: finite and not negative. Units, currency signs and thousands separators are faults."""
    if pa.types.is_null(cells.type):
        cells = cells.cast(pa.float64())
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        values = cells.cast(pa.float64(), safe=False).to_pandas()
        odd = np.zeros(len(values), dtype=bool)
    else:
        cells = text(cells)
        if decimal == ",":
            cells = pc.replace_substring(pc.replace_substring(cells, ".", "\0"), ",", ".")
        good = pc.match_substring_regex(cells, _NUMBER)
        odd = _mask(pc.invert(good))
        values = pc.if_else(good, cells, pa.scalar(None, pa.string())).cast(pa.float64()).to_pandas()
    infinite = np.isinf(values.to_numpy())
    return values, [
        (odd, "not a number"),
        (infinite, "not a finite number"),
        ((values < 0).to_numpy(), "negative"),
    ]


def whole(values: pd.Series) -> pd.Series:
    """Store a column as int64 where nothing is missing and every value is whole."""
    small = values.abs() < 2**53
    return values.astype(np.int64) if bool((small & (values % 1 == 0)).all()) else values


def times(cells: pa.ChunkedArray, settings: Settings) -> tuple[pd.Series, list[Fault], bool]:
    """Times as naive datetime64[us] on the clock of ``settings.timezone``.

    Text is read year first: ``2021-01`` (the first of the month), ``2021-01-31``, ``2021/1/31``, ``20210131``,
    ``2021年1月31日``, each with ``10:30`` or ``10:30:59.5`` behind it, and then ``Z``, ``UTC`` or ``+08:00``.
    A time with an offset is brought to the clock of the shop, to UTC where none is known.

    Returns
    -------
    (Series, list of Fault, bool)
        The last tells whether the times know their offset from UTC.
    """
    kind, form = cells.type, settings.time_format
    aware, mixed = False, np.zeros(len(cells), dtype=bool)
    present = np.asarray(pc.is_valid(cells))
    if pa.types.is_timestamp(kind) and kind.tz:
        values, aware = _to_clock(cells.cast(pa.timestamp("us", "UTC"), safe=False).to_pandas(), settings), True
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        values = cells.cast(pa.timestamp("us"), safe=False).to_pandas()
    elif form in EPOCHS:
        counted, _ = numbers(cells)
        counted = counted.where(counted < LATEST[form])
        values = _to_clock(pd.to_datetime(counted, unit=EPOCHS[form], errors="coerce", utc=True), settings)
        present = np.asarray(pc.is_valid(text(cells)))
        aware = True
    else:
        cells = text(cells)
        present = np.asarray(pc.is_valid(cells))
        if form:
            values, aware = _formatted(cells, form, settings), knows_offset(form)
        else:
            values, offset = _year_first(cells, settings)
            aware = bool(offset.any())
            mixed = present & ~offset & aware & (settings.timezone is None)
    values = values.astype("datetime64[us]")
    year = values.dt.year
    outside = ((year < FIRST_YEAR) | (year >= LAST_YEAR)).to_numpy()
    return (
        values,
        [
            (
                present & values.isna().to_numpy(),
                f"not a time in the form {form}" if form else "not a time, year first",
            ),
            (outside, f"a time outside {FIRST_YEAR} to {LAST_YEAR - 1}"),
            (mixed, "a time without offset among times with one"),
        ],
        aware,
    )


def extra(cells: pa.ChunkedArray, name: str, is_csv: bool) -> pd.Series:
    """A column beyond the contract: numbers where every cell of a CSV file is one, else text; parquet types stay.

    Columns that are named ``…_id`` and numbers written with leading zeros are labels and stay text.
    """
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return cells.to_pandas()
    cells = text(cells)
    label = name.endswith("_id") or not is_csv or cells.null_count == len(cells)
    if label or _any(pc.match_substring_regex(cells, r"^-?0\d|\d{16}")):
        return series(cells)
    if _any(pc.invert(pc.match_substring_regex(cells, _NUMBER))):
        return series(cells)
    counted = not cells.null_count and not _any(pc.match_substring_regex(cells, r"[.eE]"))
    return cells.cast(pa.int64() if counted else pa.float64()).to_pandas()


def knows_offset(form: str) -> bool:
    """True if a time format holds the offset from UTC or the name of the zone."""
    return "%z" in form.lower()


def series(cells: pa.ChunkedArray | pa.Array) -> pd.Series:
    """Text as a pandas column of dtype ``str``."""
    return pd.Series(cells.to_pandas(), dtype="str")


def _year_first(cells: pa.ChunkedArray, settings: Settings) -> tuple[pd.Series, np.ndarray]:
    """Times, and the mask of those that carry an offset."""
    for pattern, plain in ((r" *[年月] *(\d)", r"-\1"), (r"[年月日]", ""), (r" ?UTC$", "Z")):
        if _any(pc.match_substring_regex(cells, pattern)):
            cells = pc.replace_substring_regex(cells, pattern, plain)
    offset = _mask(pc.match_substring_regex(cells, _OFFSET))
    bare = pc.replace_substring_regex(cells, _OFFSET, r"\1") if offset.any() else cells
    good = pc.match_substring_regex(bare, _DATE)
    texts = series(pc.if_else(good, cells, pa.scalar(None, pa.string())))
    values = pd.to_datetime(texts.mask(offset), format="ISO8601", errors="coerce").astype("datetime64[us]")
    if offset.any():
        values[offset] = _to_clock(pd.to_datetime(texts[offset], format="ISO8601", errors="coerce", utc=True), settings)
    return values, offset


def _formatted(cells: pa.ChunkedArray, form: str, settings: Settings) -> pd.Series:
    aware = knows_offset(form)
    values = pd.to_datetime(series(cells), format=form, errors="coerce", utc=aware)
    return _to_clock(values, settings) if aware else values


def _to_clock(aware: pd.Series, settings: Settings) -> pd.Series:
    return aware.dt.tz_convert(ZoneInfo(settings.timezone or "UTC")).dt.tz_localize(None).astype("datetime64[us]")


def _any(mask: pa.ChunkedArray) -> bool:
    return bool(pc.any(mask).as_py())


def _mask(mask: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False))
