"""How an export writes numbers and times, found by evidence, and its cells converted."""

import re
import unicodedata
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

#: Share of the filled cells that must fit before a column counts as numbers or times.
_FIT = 0.9
_MONEY = r"[€$£¥￥₩₽₹元圆]|\b(?:eur|usd|gbp|cny|rmb|chf|jpy|sek|dkk|nok|pln|zł|kr)\b\.?"
_GAPS = r"[\s\u00a0\u202f\u2009'’]"
_SYMBOLS = {
    "€": "€",
    "$": "$",
    "£": "£",
    "¥": "¥",
    "￥": "¥",
    "元": "¥",
    "eur": "€",
    "usd": "$",
    "gbp": "£",
    "cny": "¥",
    "rmb": "¥",
    "chf": "CHF",
    "jpy": "¥",
    "pln": "zł",
    "zł": "zł",
    "sek": "kr",
    "dkk": "kr",
    "nok": "kr",
}

_CLOCK = r"(?:(?:[T ,]|, )+(?P<H>\d{1,2})[:hH时.](?P<M>\d{2})(?:[:分.](?P<S>\d{2})(?:[.,]\d+)?)?秒?)?"
_END = r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<off>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
_DAYS = r"^(?:[A-Za-z]{2,9}\.?,? )?"
#: Ways in which a date is written. In "ab" the order of day and month is open.
_SHAPES = {
    "ymd": re.compile(r"^(?P<y>\d{4})[-/.年] ?(?P<m>\d{1,2})[-/.月] ?(?P<d>\d{1,2})日?" + _CLOCK + _END),
    "ab": re.compile(_DAYS + r"(?P<a>\d{1,2})[-/. ](?P<b>\d{1,2})[-/. ](?P<y>\d{4}|\d{2})" + _CLOCK + _END),
    "d-name": re.compile(
        _DAYS + r"(?P<d>\d{1,2})[-/. ]+(?P<name>[^\W\d]{3,10})\.?[-/. ,]+(?P<y>\d{4})" + _CLOCK + _END
    ),
    "name-d": re.compile(_DAYS + r"(?P<name>[^\W\d]{3,10})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})" + _CLOCK + _END),
    "compact": re.compile(
        r"^(?P<y>(?:19|20)\d{2})(?P<m>[01]\d)(?P<d>[0-3]\d)(?:[T ]?(?P<H>\d{2}):?(?P<M>\d{2}):?(?P<S>\d{2})?)?" + _END
    ),
}
_EPOCHS = {10: ("s", 1), 13: ("ms", 1000), 16: ("us", 10**6), 19: ("ns", 10**9)}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan janv ene gen januar january janvier enero",
            "feb fev fevr februar february fevrier febrero fevereiro",
            "mar mars mrz marz maerz march marzo marco",
            "apr avr abr april avril abril aprile",
            "may mai mag mayo maio maggio",
            "jun juin giu juni june junio junho giugno",
            "jul juil lug juli july juillet julio julho luglio",
            "aug aout ago august agosto",
            "sep sept set september septembre septiembre setembro settembre",
            "oct okt out ott october oktober octobre octubre outubro ottobre",
            "nov november novembre noviembre novembro",
            "dec dez dic december dezember decembre diciembre dezembro dicembre",
        ),
        start=1,
    )
    for name in names.split()
}


@dataclass(frozen=True)
class NumberStyle:
    """How a file writes numbers.

    Attributes
    ----------
    decimal : {".", ","}
    why : str
    open : bool
        True: both marks fit every cell.
    """

    decimal: str = "."
    why: str = "no number has a mark"
    open: bool = False


def number_style(columns: list[pd.Series], decimal: str | None = None) -> NumberStyle:
    """Find the decimal mark that all number columns of a file share.

    ``1.234,50`` and ``12,5`` speak for the comma, ``1,234.50`` and ``12.5`` for the point; ``1,234`` and ``1.234`` for
    neither.
    """
    votes, example = {".": 0, ",": 0}, {".": "", ",": ""}
    unclear: dict[str, int] = {".": 0, ",": 0}
    for column in columns:
        texts = column[column.str.contains(r"[.,]", regex=True)].drop_duplicates()[:20_000]
        for text in _bare(texts):
            marks = [mark for mark in text if mark in ".,"]
            if not marks:
                continue
            last, tail = marks[-1], len(text) - 1 - max(text.rfind("."), text.rfind(","))
            if len(set(marks)) == 2:
                mark = last
            elif len(marks) > 1:
                mark = "," if last == "." else "."
            elif tail == 3 and re.match(r"^-?[1-9]\d{0,2}[.,]", text):
                unclear[last] += 1
                continue
            else:
                mark = last
            votes[mark] += 1
            example[mark] = example[mark] or text
    if decimal is not None:
        return NumberStyle(decimal, "as you said")
    if votes["."] or votes[","]:
        mark = max(votes, key=lambda mark: votes[mark])
        return NumberStyle(mark, f"{votes[mark]:,} different values such as {example[mark]!r} are written so")
    if unclear[","]:
        return NumberStyle(".", "all values with a comma have three digits behind it: taken for thousands", True)
    if unclear["."]:
        return NumberStyle(".", "all values with a point have three digits behind it: taken for decimals", True)
    return NumberStyle()


def _bare(texts: pd.Series) -> pd.Series:
    """Numbers without currency, blanks and brackets; a minus sign in front."""
    if not texts.str.contains(r"[^\d.\-]", regex=True).any() and not texts.str.endswith("-").any():
        return texts
    wide = texts.str.contains("[０-９．，－−]", regex=True)
    if wide.any():
        texts = texts.where(~wide, texts.map(lambda text: unicodedata.normalize("NFKC", text).replace("−", "-")))
    texts = texts.str.replace(f"(?i){_MONEY}", "", regex=True).str.replace(_GAPS, "", regex=True)
    return texts.str.replace(r"^\((.*)\)$", r"-\1", regex=True).str.replace(r"^(.*)-$", r"-\1", regex=True)


def parse_numbers(texts: pd.Series, style: NumberStyle) -> pd.Series:
    """Numbers as float64; NaN where a cell is blank or is none."""
    bare = _bare(texts)
    group, mark = (".", ",") if style.decimal == "," else (",", ".")
    grouped = rf"\d{{1,3}}([{group}]\d{{2,3}})*[{group}]\d{{3}}"
    good = bare.str.match(rf"^[-+]?({grouped}|\d*)([{mark}]\d*)?([eE][-+]?\d+)?$")
    bare = bare.where(good, "").str.replace(group, "", regex=False).str.replace(mark, ".", regex=False)
    numbers = pd.to_numeric(bare, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def is_numeric(texts: pd.Series) -> bool:
    """Whether nearly all filled cells are numbers in either style."""
    filled = texts[texts != ""]
    if filled.empty:
        return False
    number = r"^[-+]?(\d[\d.,]*|[.,]\d+)([eE][-+]?\d+)?$"
    if _bare(_probe(filled)).str.match(number).mean() < _FIT - 0.1:
        return False
    good = _bare(filled).str.match(number)
    return bool(good.mean() >= _FIT)


def _probe(filled: pd.Series) -> pd.Series:
    """Some 500 cells from all over a column, so that one of names is not read to its end for nothing."""
    return filled.iloc[:: max(len(filled) // 500, 1)]


def currency_of(texts: pd.Series) -> str:
    """The currency sign that most cells carry; empty where they carry none."""
    found = texts.head(20_000).str.extract(f"({_MONEY})", flags=re.IGNORECASE)[0].dropna().str.lower().str.strip(" .")
    return _SYMBOLS.get(found.mode().iloc[0], "") if len(found) > 0.5 * min(len(texts), 20_000) else ""


@dataclass(frozen=True)
class TimeStyle:
    """How a file writes times.

    Attributes
    ----------
    shape : str
        ``"ymd"``, ``"dmy"``, ``"mdy"``, ``"d-name"``, ``"name-d"``, ``"compact"``, ``"serial"`` (a spreadsheet's count
        of days) or ``"epoch_s"`` and its like.
    why : str
    open : bool
        True: day first and month first both fit every cell.
    zone : str
        ``"UTC"`` for counted times and those brought to it, else empty.
    offsets : tuple of str
        Offsets that are written behind the times.
    clock : bool
        Whether hours are told.
    """

    shape: str
    why: str
    open: bool = False
    zone: str = ""
    offsets: tuple[str, ...] = ()
    clock: bool = True


def time_style(texts: pd.Series, name: str = "", order: str | None = None) -> TimeStyle | None:
    """Find out how a column writes times, or None if it holds none.

    Day first or month first is decided by values above 12, then by which reading lets the dates move less from row to
    row, as the lines of a log do; where neither tells, that is said.

    Parameters
    ----------
    texts : Series of str
    name : str
        Name of the column: a bare count of days or seconds is a time only where the name says so.
    order : {"day-first", "month-first"}, optional
        The reader's word.
    """
    filled = texts[texts != ""].drop_duplicates()
    if filled.empty:
        return None
    counted = _counted(filled, name)
    if counted is not None:
        return counted
    probe = _probe(filled)
    for shape, pattern in _SHAPES.items():
        if probe.str.match(pattern).mean() < _FIT - 0.1:
            continue
        fits = filled.str.match(pattern)
        if fits.mean() < _FIT:
            continue
        if shape == "compact" and not _timely(name) and not filled.str.len().ge(14).all():
            continue
        parts = filled[fits].str.extract(pattern)
        offsets = tuple(sorted(parts["off"].dropna().unique()))
        style = TimeStyle(shape, f"{fits.mean():.1%} of the different values, such as {filled[fits].iloc[0]!r}")
        style = replace(style, offsets=offsets, clock=bool(parts["H"].notna().any()))
        if (len(offsets) > 1 and not _one_place(offsets)) or set(offsets) & {"Z", "UTC", "GMT"}:
            style = replace(style, zone="UTC")
        if shape == "ab":
            style = _day_or_month(style, filled[fits], parts, order)
        return style if parse_times(filled.head(1000), style).notna().mean() >= _FIT else None
    return None


def _timely(name: str) -> bool:
    return bool(
        re.search(r"(?i)time|date|day|datum|zeit|fecha|data\b|jour|heure|时间|日期|時間|stamp|dt\b|created|_at\b", name)
    )


def _counted(filled: pd.Series, name: str) -> TimeStyle | None:
    digits = filled.str.replace(r"\.\d+$", "", regex=True)
    if not digits.str.isdecimal().mean() >= _FIT:
        return None
    length = int(digits.str.len().mode().iloc[0])
    if length in _EPOCHS and (digits.str.len() == length).mean() >= _FIT:
        unit, scale = _EPOCHS[length]
        years = pd.to_numeric(digits[digits.str.len() == length]) / scale / 31_556_952 + 1970
        if years.between(1995, 2100).mean() >= _FIT and (_timely(name) or length >= 13):
            return TimeStyle(f"epoch_{unit}", f"counted in {unit} since 1970, such as {filled.iloc[0]}", zone="UTC")
    if length == 5 and _timely(name):
        days = pd.to_numeric(filled, errors="coerce")
        if days.between(30_000, 65_000).mean() >= _FIT:
            why = f"a spreadsheet's count of days, such as {filled.iloc[0]}"
            return TimeStyle("serial", why, clock=bool((days % 1 > 0).any()))
    return None


def _one_place(offsets: tuple[str, ...]) -> bool:
    """Whether two offsets are an hour apart, as winter and summer time are."""
    minutes = sorted(_minutes(offset) for offset in offsets)
    return len(minutes) == 2 and minutes[1] - minutes[0] == 60


def _minutes(offset: str) -> int:
    digits = offset[1:].replace(":", "")
    if not digits.isdecimal():
        return 0
    return (1 if offset[0] == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:] or 0))


def _day_or_month(style: TimeStyle, filled: pd.Series, parts: pd.DataFrame, order: str | None) -> TimeStyle:
    first, second = parts["a"].astype(int), parts["b"].astype(int)
    day, month = int((first > 12).sum()), int((second > 12).sum())
    if order is not None:
        return replace(style, shape="dmy" if order == "day-first" else "mdy", why=f"{order}, as you said")
    if day and day >= month:
        example = filled[first > 12].iloc[0]
        against = f", {month:,} have one in second place" if month else ""
        return replace(
            style,
            shape="dmy",
            why=f"day first: {day:,} values such as {example!r} have no month in first place{against}",
        )
    if month:
        example = filled[second > 12].iloc[0]
        return replace(
            style, shape="mdy", why=f"month first: {month:,} values such as {example!r} have no month in second place"
        )
    moved = {}
    for shape in ("dmy", "mdy"):
        steps = parse_times(filled, replace(style, shape=shape)).diff().abs().sum()
        moved[shape] = int(steps / pd.Timedelta(days=1))
    shape = min(moved, key=lambda shape: moved[shape])
    other = {"dmy": "mdy", "mdy": "dmy"}[shape]
    words = {"dmy": "day first", "mdy": "month first"}
    if len(filled) > 2 and moved[shape] < 0.5 * moved[other]:
        why = f"{words[shape]}: from row to row the date then moves {moved[shape]:,} days in all, else {moved[other]:,}"
        return replace(style, shape=shape, why=why)
    shape = "mdy" if "/" in filled.iloc[0] and parts["half"].notna().any() else "dmy"
    why = f"day first and month first both fit every cell; {words[shape]} was taken"
    return replace(style, shape=shape, why=why, open=True)


def parse_times(texts: pd.Series, style: TimeStyle) -> pd.Series:
    """Times as naive datetime64: as written, or in UTC where the style says so; NaT where a cell is none."""
    codes, different = pd.factorize(texts)
    if len(different) < 0.7 * len(texts):  # the lines of an order have one time
        times = parse_times(pd.Series(different, dtype="str"), style)
        return pd.Series(times.to_numpy()[codes], texts.index)
    if style.shape.startswith("epoch_"):
        counted = pd.to_numeric(texts.where(texts.str.match(r"^\d{1,19}(\.\d+)?$")), errors="coerce")
        scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[style.shape.removeprefix("epoch_")]
        seconds = (counted / scale).where(lambda value: value < 4.1e9)
        return pd.to_datetime(seconds, unit="s", errors="coerce").astype("datetime64[us]").dt.round("ms")
    if style.shape == "serial":
        days = pd.to_numeric(texts, errors="coerce").where(lambda value: value.between(1, 73_000))
        seconds = (days * 86_400).round()
        return pd.to_datetime(seconds, unit="s", origin="1899-12-30", errors="coerce").astype("datetime64[us]")
    parts = texts.str.extract(_SHAPES["ab" if style.shape in ("dmy", "mdy") else style.shape])
    if style.shape in ("dmy", "mdy"):
        first, second = ("d", "m") if style.shape == "dmy" else ("m", "d")
        parts = parts.rename(columns={"a": first, "b": second})
    elif "name" in parts:
        parts["m"] = parts["name"].map(lambda name: _MONTHS.get(_plain(name)), na_action="ignore")
    year = pd.to_numeric(parts["y"])
    year = year.where(year >= 100, year + 2000 - 100 * (year >= 70))
    dates = pd.DataFrame({"year": year, "month": pd.to_numeric(parts["m"]), "day": pd.to_numeric(parts["d"])})
    hour = pd.to_numeric(parts["H"]).fillna(0)
    if parts["half"].notna().any():
        half = parts["half"].str.lower().str.replace(".", "", regex=False)
        hour = hour.where(half != "am", hour % 12).where(half != "pm", hour % 12 + 12)
    minute, second = (pd.to_numeric(parts[name]).fillna(0) for name in ("M", "S"))
    good = dates.notna().all(axis=1) & (hour < 24) & (minute < 60) & (second < 60)
    times = pd.Series(pd.NaT, texts.index, dtype="datetime64[us]")
    if good.any():
        days = pd.to_datetime(dates[good].astype(int), errors="coerce").astype("datetime64[us]")
        times[good] = days + pd.to_timedelta((hour * 3600 + minute * 60 + second)[good], unit="s")
    if style.zone == "UTC" and style.offsets:
        away = parts["off"].map({offset: _minutes(offset) for offset in style.offsets}).fillna(0)
        times = times - pd.to_timedelta(away, unit="m")
    return times


def _plain(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
