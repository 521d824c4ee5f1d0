"""A folder of files into a shop: find the files, judge them all before reading one, convert, fit together."""

import difflib
from pathlib import Path

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.convert import LIMIT, Converted, convert
from bundlebook.shop._intake.csvfile import judge_csv
from bundlebook.shop._intake.rawfile import judge_parquet, md5, shown
from bundlebook.shop._intake.settings import FILE, Settings, read_settings
from bundlebook.shop.schema import BUNDLE_EVENTS, EVENTS, TABLES, Table
from bundlebook.shop.shop import Shop, SourceFile, _empty_quarantine

_JUDGES = {".csv": judge_csv, ".parquet": judge_parquet}
#: Rows that `bundlebook new` set aside when it made the folder out of exports; they are lost like those set aside here.
SET_ASIDE = "set_aside.csv"
#: For a table, the column whose values another table must know.
_REFERENCES = {"bundles": ("item_id", "products"), "bundle_events": ("bundle_id", "bundles")}
#: Words by which other logs tell what happened; a column of them is not a column beside the contract.
_EVENT_WORDS = {*EVENTS, *BUNDLE_EVENTS, "pv", "buy", "fav", "addtocart", "add_to_cart", "transaction", "order"}


def read_folder(folder: Path, name: str, strict: bool = False) -> Shop:
    """Read the files of a folder into a shop; nothing is written.

    Parameters
    ----------
    folder : Path
        With ``user_data`` and ``product_data`` as ``.csv`` or ``.parquet``; optionally ``users``, ``bundles``,
        ``bundle_events`` and the settings ``shop.yaml``.
    name : str
        Name of the shop, where the settings give none.
    strict : bool
        True: refuse the folder instead of setting a row aside.

    Returns
    -------
    Shop
        Not validated yet.

    Raises
    ------
    BundlebookError
        For the first fault that makes the folder unusable.
    """
    settings = read_settings(folder)
    files = _find(folder)
    _check_orphans(files, settings)
    # All are judged before the first is read: a large log is not read for the sake of a catalogue that is none.
    readers = {table: _JUDGES[path.suffix](path, TABLES[table], settings) for table, path in files.items()}
    read: dict[str, Converted] = {}
    for table in ("products", "users", "events", "bundles", "bundle_events"):
        if table in files:
            known = {}
            if table in _REFERENCES:
                column, other = _REFERENCES[table]
                known = {column: (read[other].frame[column], read[other].source.name)}
            raw = readers[table]()
            read[table] = convert(raw, TABLES[table], settings, known, strict)
    notes = _ignored(folder, files)
    products = _fill_products(read["products"], notes)
    events = _fill_events(read["events"], products, notes)
    _check_items(events, read["events"], read["products"], notes)
    timezone = _one_clock(read, settings, notes)
    sources = [read[table].source for table in TABLES if table in read]
    quarantines = [read[table].quarantine for table in TABLES if table in read]
    if (folder / SET_ASIDE).is_file():
        earlier, source = _set_aside_before(folder / SET_ASIDE)
        sources.append(source)
        quarantines.append(earlier)
    if settings.md5:
        sources.append(SourceFile(FILE, 0, settings.md5))
    return Shop(
        name=settings.name or name,
        events=events,
        products=products,
        **{table: read[table].frame for table in ("users", "bundles", "bundle_events") if table in read},
        quarantine=pd.concat(quarantines, ignore_index=True),
        files=tuple(sources),
        timezone=timezone,
        local_timezone=settings.local_timezone or timezone,
        currency=settings.currency,
        user_word=settings.user_word.strip() or "user",
        margins=settings.margins,
        real=not settings.simulated,
        notes=tuple(notes),
    )


def _find(folder: Path) -> dict[str, Path]:
    """The file of each table that the folder has."""
    present = sorted(path.name for path in folder.iterdir())
    files = {}
    for table in TABLES.values():
        found = [folder / (table.file + ending) for ending in _JUDGES if table.file + ending in present]
        if len(found) > 1:
            raise BundlebookError(
                f"there are both {found[0].name} and {found[1].name}", where=folder.name, remedy="keep one of them"
            )
        if not found and table.required:
            raise _missing(folder.name, table, present)
        if found and not found[0].is_file():
            raise BundlebookError("this is no file", where=found[0].name, remedy="put the table itself there")
        if found:
            files[table.name] = found[0]
    return files


def _set_aside_before(path: Path) -> tuple[pd.DataFrame, SourceFile]:
    """The rows that the exports lost on their way into this folder, as a quarantine."""
    kinds = _empty_quarantine().dtypes
    try:
        table = pd.read_csv(
            path,
            dtype={name: str(kind) for name, kind in kinds.items()},
            keep_default_na=False,
            na_values={"revenue": [""]},
        )
        table = table[list(kinds.index)].astype(kinds.to_dict())
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        raise BundlebookError(
            f"these are not the rows that `bundlebook new` set aside: {str(error).splitlines()[0][:120]}",
            where=path.name,
            remedy="delete the file, or make the folder again",
        ) from None
    return table, SourceFile(path.name, len(table), md5(path.read_bytes()), len(table))


def _missing(folder: str, table: Table, present: list[str]) -> BundlebookError:
    spare = [name for name in present if name not in {t.file + ending for t in TABLES.values() for ending in _JUDGES}]
    close = difflib.get_close_matches(f"{table.file}.csv", [name.lower() for name in spare], 1, 0.6)
    like = next((f"; is it {name!r}?" for name in spare if name.lower() in close), "")
    columns = ", ".join(column.name for column in table.columns if column.required or column.default)
    return BundlebookError(
        f"no file {table.file}.csv or {table.file}.parquet; the folder holds {shown(present) or 'nothing'}{like}",
        where=folder,
        remedy=f"write the {table.name} into {table.file}.csv with the columns {columns}",
    )


def _check_orphans(files: dict[str, Path], settings: Settings) -> None:
    if "bundle_events" in files and "bundles" not in files:
        raise BundlebookError(
            "there is no bundles.csv that says what is in the bundles",
            where=files["bundle_events"].name,
            remedy="write bundles.csv with the columns bundle_id, item_id",
        )
    for table in TABLES.values():
        if table.file in settings.columns and table.name not in files:
            raise BundlebookError(
                f"'columns: {table.file}' belongs to a file that is not there", where=FILE, remedy="remove the mapping"
            )


def _ignored(folder: Path, files: dict[str, Path]) -> list[str]:
    spare = sorted(path.name for path in folder.iterdir() if path.suffix in _JUDGES and path not in files.values())
    spare = [name for name in spare if name != SET_ASIDE]
    return [f"not read, for its name is not in the contract: {name}" for name in spare]


def _fill_products(read: Converted, notes: list[str]) -> pd.DataFrame:
    """The catalogue with its absent columns; *notes* says what was filled in."""
    frame = read.frame
    for name in ("name", "category", "brand", "price"):
        if name in frame:
            continue
        empty = pd.Series(float("nan"), frame.index, dtype="float64" if name == "price" else "str")
        frame = frame.assign(**{name: frame["item_id"] if name == "name" else empty})
        what = "item_id stands for it" if name == "name" else "it is missing everywhere"
        notes.append(f"{read.source.name} has no column {name}: {what}")
    return _ordered(frame, TABLES["products"])


def _fill_events(read: Converted, products: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The log with its absent columns; *notes* says what was filled in."""
    frame, file = read.frame, read.source.name
    if "event" not in frame:
        _check_no_event_words(file, frame)
        frame = frame.assign(event=pd.Series("purchase", frame.index, dtype="str"))
        notes.append(f"{file} has no column event: every row was taken as a purchase")
    if "quantity" not in frame:
        frame = frame.assign(quantity=1)
        notes.append(f"{file} has no column quantity: every row was taken as one unit")
    if "price" not in frame:
        prices = products.set_index("item_id")["price"]
        frame = frame.assign(price=frame["item_id"].map(prices).astype(float))
        known = frame["price"].notna().sum()
        what = f"the catalogue's price was taken ({known:,} of {len(frame):,} rows)" if known else "no price is known"
        notes.append(f"{file} has no column price: {what}")
    return _ordered(frame, TABLES["events"])


def _check_no_event_words(file: str, frame: pd.DataFrame) -> None:
    """Views taken as purchases would spoil everything behind, so a log that tells them apart must say so."""
    for name in frame.columns.difference(TABLES["events"].names, sort=False):
        if frame[name].dtype != "str":
            continue
        words = {str(word).lower() for word in frame[name].dropna().unique()[:50]}
        if words & _EVENT_WORDS:
            raise BundlebookError(
                f"no column 'event', but {name!r} looks like one: it holds {min(words & _EVENT_WORDS)!r}",
                where=file,
                remedy=f"write into shop.yaml `columns: {{user_data: {{{name}: event}}}}`, or add a column event",
            )


def _check_items(events: pd.DataFrame, read: Converted, catalogue: Converted, notes: list[str]) -> None:
    """Items that are in no catalogue: some are usual and noted; if most purchases name one, it is a mistake."""
    listed = catalogue.frame["item_id"]
    named = events.dropna(subset="item_id")
    unknown = named[~named["item_id"].isin(listed)]
    if unknown.empty:
        return
    judged, noun = named[named["event"] == "purchase"], "purchases"
    if judged.empty:
        judged, noun = named, "rows"
    strangers = judged["item_id"][~judged["item_id"].isin(listed)]
    if len(strangers) > LIMIT * len(judged):
        first = strangers.iloc[0]
        like = difflib.get_close_matches(first, listed[:1000], 1) or [listed.iloc[0]]
        raise BundlebookError(
            f"{first!r} is not in {catalogue.source.name}, nor are the items of {len(strangers):,} of {len(judged):,} "
            f"{noun}; the catalogue has identifiers such as {like[0]!r}",
            where=f"{read.source.name}, column 'item_id'",
            remedy="write item identifiers alike in both files, leading zeros included",
        )
    rows, items = len(unknown), unknown["item_id"].nunique()
    notes.append(
        f"{read.source.name}: {rows:,} {'row names' if rows == 1 else 'rows name'} "
        f"{items:,} {'item that is' if items == 1 else 'items that are'} not in "
        f"{catalogue.source.name}, for example {unknown['item_id'].iloc[0]!r}"
    )


def _one_clock(read: dict[str, Converted], settings: Settings, notes: list[str]) -> str | None:
    """Bring all times to one clock, that of the events, and name its zone; None where nothing is known of it."""
    clocks = {table: read[table].zone for table in ("events", "bundle_events") if table in read}
    zone = clocks["events"]
    if len({clock is None for clock in clocks.values()}) > 1:
        without = next(read[table].source.name for table, clock in clocks.items() if clock is None)
        raise BundlebookError(
            "its times have no offset, while those of the other table have one",
            where=f"{without}, column 'time'",
            remedy="say in shop.yaml in which `timezone` times without an offset are written",
        )
    if zone != clocks.get("bundle_events", zone):
        frame = read["bundle_events"].frame
        aware = frame["time"].dt.tz_localize(clocks["bundle_events"], ambiguous=False, nonexistent="shift_forward")
        frame["time"] = aware.dt.tz_convert(zone).dt.tz_localize(None)
    if zone and not settings.timezone and not settings.local_timezone:
        what = (
            "times were brought to UTC, so days are UTC days"
            if zone == "UTC"
            else f"days are those of the clock {zone}"
        )
        notes.append(f"{what}; set `timezone` in {FILE} for another clock")
    return zone


def _ordered(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    first = [name for name in table.names if name in frame]
    return frame[[*first, *frame.columns.difference(first, sort=False)]]
