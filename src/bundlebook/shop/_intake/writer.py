"""A folder of a shop out of its exports, as a proposal says, batch by batch."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.columns import CANCELLED, EVENT_WORDS, FEES, TEST, TEST_NAME
from bundlebook.shop._intake.exports import Batch
from bundlebook.shop._intake.folder import SET_ASIDE
from bundlebook.shop._intake.proposal import _LEVELS, ITEM_TEXTS, Finding, Proposal, Reading
from bundlebook.shop._intake.settings import FILE
from bundlebook.shop._intake.values import parse_numbers, parse_times
from bundlebook.shop.schema import EVENTS
from bundlebook.tables import without_formulas

_ORDER = [
    "user_id",
    "item_id",
    "time",
    "event",
    "quantity",
    "price",
    "list_price",
    "basket_id",
    "session_id",
    "store_id",
]
#: Why a row is set aside that could be kept with ``guests="receipt"``.
NO_CUSTOMER = "no customer is named"
_ASIDE = ["file", "row", "column", "value", "reason", "revenue"]
#: Words of a column that says whether an order was called off, which mean that it was not.
_NOT = ("", "0", "false", "no", "n", "nein", "non", "否", "none", "null")
_BLANK = ("", "nan", "null", "none", "na", "n/a", "\\n", "0", "guest", "gast", "anonymous", "匿名")


@dataclass
class Written:
    """What :func:`write_shop` wrote.

    Attributes
    ----------
    folder : Path
    rows, kept : int
        Rows of the logs, and how many of them became events.
    aside : DataFrame
        For each reason, the most expensive first: ``reason``, ``rows``, ``revenue`` (share of all revenue).
    returned : float
        Money of returns and cancellations as a share of the revenue; it is not taken off anywhere.
    notes : list of Finding
        What showed only when all rows were read.
    """

    folder: Path
    rows: int = 0
    kept: int = 0
    aside: pd.DataFrame = field(default_factory=pd.DataFrame)
    returned: float = 0.0
    notes: list[Finding] = field(default_factory=list)


def write_shop(proposal: Proposal, folder: Path) -> Written:
    """Convert the exports of a proposal into a folder that :func:`bundlebook.shop.load_shop` reads.

    At most 100,000 rows are in memory at a time, beside one row per item, and per order where orders lie in a file of
    their own. The folder appears when it is whole; one that exists is never written to.

    Parameters
    ----------
    proposal : Proposal
    folder : Path
        Gets ``user_data.csv``, ``product_data.csv``, a commented ``shop.yaml``, and ``set_aside.csv`` with every row
        that was set aside, where it stands in the export, and why.

    Returns
    -------
    Written

    Raises
    ------
    BundlebookError
        If the folder exists or cannot be written, or no row can be used.
    """
    check_new(folder)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        written = _write(proposal, draft)
        written.folder = folder
        draft.rename(folder)
    except OSError as error:
        raise BundlebookError(
            f"cannot be written: {error.strerror}",
            where=paths.shown(folder),
            remedy="free some space, or name another place",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return written


def check_new(folder: Path) -> None:
    """Refuse a folder that exists, or whose place cannot be written to.

    Raises
    ------
    BundlebookError
    """
    if folder.exists() or folder.is_symlink():
        raise BundlebookError("there is something of that name already", where=folder.name, remedy="give another name")
    paths.check_writable(folder.absolute().parent)


def preview(proposal: Proposal) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return the first ten rows of each log before and after, and what becomes of those that are set aside."""
    orders = _order_table(proposal)
    shown = []
    for reading in proposal.logs:
        head = reading.head.reset_index(drop=True)
        converted = _Converter(reading, proposal, orders).convert(Batch(head, np.arange(1, len(head) + 1)))
        after = converted.events.astype(object).where(converted.events.notna(), "")
        after = after.reindex(range(len(head)), fill_value="")
        for place, reason in zip(converted.aside["place"], converted.aside["reason"], strict=True):
            after.loc[place, after.columns[0]] = f"set aside: {reason}"
        used = [name for name in head.columns if name in reading.columns.values()]
        shown.append((reading.export.name, head[used], after))
    return shown


def _write(proposal: Proposal, draft: Path) -> Written:
    written, book = Written(draft), _Catalogue()
    orders = _order_table(proposal)
    asides: list[pd.DataFrame] = []
    kept_revenue = returned = 0.0
    bought = priced = 0
    has_event = any("event" in reading.columns for reading in proposal.logs)
    columns = [name for name in _ORDER if name != "event" or has_event]
    columns = [name for name in columns if name in _written_columns(proposal)]
    first = True
    for reading in proposal.logs:
        converter = _Converter(reading, proposal, orders)
        for batch in reading.export.batches():
            converted = converter.convert(batch)
            events = converted.events.reindex(columns=columns)
            events.to_csv(draft / "user_data.csv", mode="a", header=first, index=False, date_format="%Y-%m-%d %H:%M:%S")
            book.add(converted.items)
            aside = converted.aside[_ASIDE]
            without_formulas(aside).to_csv(draft / SET_ASIDE, mode="a", header=first, index=False)
            asides.append(
                aside.groupby("reason")["revenue"].agg(rows="size", known="sum", unknown=lambda v: v.isna().sum())
            )
            first = False
            written.rows += len(batch.cells) + len(batch.ragged)
            written.kept += len(events)
            kept_revenue += converted.revenue
            bought += converted.bought
            priced += converted.priced
            returned += converted.returned
    if not written.kept:
        table = pd.concat(asides).groupby("reason")["rows"].sum().sort_values(ascending=False)
        reasons = ", ".join(f"{reason} ({n:,})" for reason, n in table.items())
        raise BundlebookError(
            f"none of {written.rows:,} rows can be used: {reasons}",
            where=proposal.logs[0].export.name,
            remedy="name the right columns with --column",
        )
    catalogue = proposal.of_kind("catalogue")
    products = book.table()
    if catalogue is not None:
        products = _merged(catalogue, products, written.notes)
    products.to_csv(draft / "product_data.csv", index=False)
    typical = kept_revenue / priced if kept_revenue else 1.0
    _sum_up(written, asides, kept_revenue + (bought - priced) * typical, typical, returned if kept_revenue else 0.0)
    if not written.rows - written.kept:
        (draft / SET_ASIDE).unlink()
    (draft / FILE).write_text(settings_text(proposal, written), encoding="utf-8")
    return written


def _written_columns(proposal: Proposal) -> set[str]:
    found = {"user_id", "item_id", "time"}
    for reading in proposal.readings:
        if reading.kind in ("log", "orders"):
            found |= set(reading.columns)
            found |= {"price"} if "total" in reading.columns else set()
            found |= {"list_price"} if reading.discounted else set()
    return found


def _sum_up(written: Written, asides: list[pd.DataFrame], kept: float, typical: float, returned: float) -> None:
    """Shares of the revenue; a row without a price, kept or set aside, counts as much as the mean row with one does."""
    table = pd.concat(asides).groupby("reason").sum()
    table["revenue"] = table["known"] + table["unknown"] * typical
    total = (kept + table["revenue"].sum()) or 1.0
    table = table.assign(revenue=table["revenue"] / total, rows=table["rows"].astype(int)).reset_index()
    order = ["revenue", "rows", "reason"]
    written.aside = table.sort_values(order, ascending=[False, False, True], ignore_index=True)[
        ["reason", "rows", "revenue"]
    ]
    written.returned = returned / total


def _order_table(proposal: Proposal) -> pd.DataFrame | None:
    """What is told of each order in a file of its own: raw text, one row per order number."""
    reading = proposal.of_kind("orders")
    if reading is None:
        return None
    roles = [
        role for role in ("user_id", "time", "clock", "status", "cancelled", "store_id") if role in reading.columns
    ]
    frames = []
    for batch in reading.export.batches():
        cells = batch.cells
        frame = pd.DataFrame({role: cells[reading.columns[role]] for role in roles})
        frames.append(frame.set_index(_spelt(cells[reading.columns["basket_id"]])))
    table = pd.concat(frames)
    return table[~table.index.duplicated()]


@dataclass
class _Converted:
    events: pd.DataFrame
    items: pd.DataFrame
    aside: pd.DataFrame
    revenue: float
    bought: int
    priced: int
    returned: float


class _Converter:
    """Converts the batches of one log; keeps what its last order said, for orders that lie across two batches."""

    def __init__(self, reading: Reading, proposal: Proposal, orders: pd.DataFrame | None) -> None:
        self.reading, self.proposal, self.orders = reading, proposal, orders
        self._carried: dict[str, str] = {}

    def convert(self, batch: Batch) -> _Converted:
        reading = self.reading
        raw = {role: batch.cells[name] for role, name in reading.columns.items()}
        index = batch.cells.index
        for role in ("user_id", "basket_id", "item_id"):
            if role in raw:
                raw[role] = _spelt(raw[role])
        time_style = reading.time
        if self.orders is not None and "basket_id" in raw:
            header = self.proposal.of_kind("orders")
            for role in self.orders.columns:
                if role not in raw:
                    raw[role] = raw["basket_id"].map(self.orders[role]).fillna("").astype("str")
                    time_style = header.time if role == "time" and header is not None else time_style
        self._fill_orders(raw)
        faults = _Faults(index)
        values, texts = {}, raw
        for role in ("quantity", "price", "total", "list_price", "cost"):
            if role in texts:
                values[role] = parse_numbers(texts[role], reading.numbers)
                bad = (texts[role] != "") & values[role].isna()
                if role in ("quantity", "price", "total"):
                    faults.add(bad, role, texts[role], "not a number")
        units = values.get("quantity", pd.Series(1.0, index))
        price, shelf = self._prices(values, units)
        money = (units * price).where(units > 0)
        user = self._users(raw, faults)
        item = raw["item_id"]
        if "name" in raw:
            item = item.where(item != "", raw["name"])
        time = self._times(raw, time_style)
        self._judge(raw, item, units, price, time, faults)
        lost = money.where(~faults.as_nothing, 0.0)
        back = (units.abs() * price.abs())[faults.as_nothing].sum()
        frame = pd.DataFrame({"user_id": user, "item_id": item, "time": time})
        if "event" in raw:
            frame["event"] = raw["event"].str.lower().map(lambda word: EVENT_WORDS.get(word, word))
        if "quantity" in values:
            frame["quantity"] = units
        if price.notna().any():
            frame["price"] = price.round(6)
        if shelf is not None:
            frame["list_price"] = shelf.round(6)
        for role in ("basket_id", "session_id", "store_id"):
            if role in raw:
                frame[role] = raw[role]
        items = pd.DataFrame({"item_id": item, "price": price if shelf is None else shelf.fillna(price)})
        for role in ITEM_TEXTS:
            if role in raw:
                items[role] = raw[role]
        if "cost" in values:
            items["cost"] = values["cost"]
        good = ~faults.rows
        if "quantity" in frame and bool((frame.loc[good, "quantity"].dropna() % 1 == 0).all()):
            frame["quantity"] = frame["quantity"].where(good).astype("Int64")
        aside = faults.table(batch, reading.export.name, lost)
        bought = frame["event"].eq("purchase") if "event" in frame else good
        items = _cut_paths(items, reading.path_mark)
        worth = money[good & bought]
        return _Converted(
            frame[good], items[good], aside, float(worth.sum()), len(worth), int(worth.notna().sum()), float(back)
        )

    def _fill_orders(self, raw: dict[str, pd.Series]) -> None:
        """What only the first line of an order says holds for its other lines too."""
        if "basket_id" not in raw:
            return
        orders = raw["basket_id"]
        first = orders.ne(orders.shift()) & (orders != "")
        block = first.cumsum()
        for role in ("user_id", "time", "status", "cancelled", "store_id"):
            if role not in raw or not (raw[role] == "").any():
                continue
            cells = raw[role].mask(raw[role] == "")
            if len(orders) and orders.iloc[0] == self._carried.get("basket_id", "") != "" and pd.isna(cells.iloc[0]):
                cells.iloc[0] = self._carried.get(role) or None
            filled = cells.groupby(block).ffill().where(orders != "", cells)
            raw[role] = filled.fillna("").astype("str")
        if len(orders):
            self._carried = {role: raw[role].iloc[-1] for role in raw}

    def _users(self, raw: dict[str, pd.Series], faults: "_Faults") -> pd.Series:
        if "user_id" not in raw:
            return "receipt " + raw["basket_id"]
        user = raw["user_id"]
        absent = user.str.lower().isin(_BLANK)
        if self.proposal.wishes.guests == "receipt" and "basket_id" in raw:
            return user.where(~absent | (raw["basket_id"] == ""), "receipt " + raw["basket_id"])
        faults.late.append((absent, "user_id", raw["user_id"], NO_CUSTOMER))
        return user

    def _prices(self, values: dict[str, pd.Series], units: pd.Series) -> tuple[pd.Series, pd.Series | None]:
        nothing = pd.Series(np.nan, units.index)
        role = "total" if self.reading.discounted or "price" not in values else "price"
        price, shelf = values.get(role, nothing), values.get("list_price")
        if self.reading.per_line or self.reading.discounted:
            price = (price / units.where(units != 0)).abs()
        if self.reading.discounted:
            shelf = values["price"] if shelf is None else shelf.fillna(values["price"])
        if shelf is not None:
            shelf = shelf.where(shelf >= price, price)
        return price, shelf

    def _times(self, raw: dict[str, pd.Series], style) -> pd.Series:
        texts = raw["time"]
        if "clock" in raw and style is not None and not style.clock:
            texts = (texts + " " + raw["clock"]).str.strip()
        return parse_times(texts, style)

    def _judge(self, raw, item, units, price, time, faults: "_Faults") -> None:
        """The reasons to set a row aside, in the order in which they are told."""
        columns = self.reading.columns
        if "basket_id" in raw:
            for prefix in self.reading.prefixes:
                marked = raw["basket_id"].str.startswith(prefix)
                faults.add(
                    marked, "basket_id", raw["basket_id"], f"a cancellation: the order begins with {prefix}", True
                )
        if "status" in raw:
            faults.add(raw["status"].str.contains(CANCELLED), "status", raw["status"], "a cancelled order", True)
        if "cancelled" in raw:
            off = ~raw["cancelled"].str.lower().isin(_NOT)
            faults.add(off, "cancelled", raw["cancelled"], "a cancelled order", True)
        faults.add(units < 0, "quantity", raw.get("quantity", item), "a return: its quantity is negative", True)
        faults.add(price < 0, "price", raw.get("price", raw.get("total", item)), "a negative price", True)
        for role in ("user_id", "item_id", "name", "basket_id"):
            if role in raw:
                pattern = TEST_NAME if role == "name" or columns.get(role) == columns.get("name", "") else TEST
                faults.add(raw[role].str.contains(pattern), role, raw[role], "a test row")
        for role in ("item_id", "name"):
            if role in columns:
                words = raw[role].str.replace("_", " ", regex=False)
                faults.add(words.str.lower().isin(FEES), role, raw[role], "a fee or a payment, no merchandise")
        shortened = r"^\d([.,]\d+)?[eE]\+\d\d$"
        for role in ("item_id", "user_id"):
            if role in raw:
                faults.add(raw[role].str.match(shortened), role, raw[role], "a number that a spreadsheet shortened")
        searched = raw["event"].str.lower().map(EVENT_WORDS).eq("search") if "event" in raw else False
        faults.add((item == "") & ~pd.Series(searched, item.index), "item_id", raw["item_id"], "no item is named")
        for late in faults.late:
            faults.add(*late)
        faults.add(time.isna() | (time.dt.year < 1900) | (time.dt.year > 2099), "time", raw["time"], "not a time")
        if "event" in raw:
            unknown = ~raw["event"].str.lower().map(lambda word: EVENT_WORDS.get(word, word)).isin(EVENTS)
            faults.add(unknown, "event", raw["event"], "an event without a place in the contract")


class _Faults:
    """The first reason to set each row of a batch aside."""

    def __init__(self, index: pd.Index) -> None:
        self.index = index
        self._code = pd.Series(0, index)
        self._reasons: list[tuple[str, pd.Series, str, bool]] = []
        self.late: list[tuple[pd.Series, str, pd.Series, str]] = []

    def add(self, rows: pd.Series, column: str, texts: pd.Series, reason: str, nothing: bool = False) -> None:
        """Note a reason for rows that have none yet; `nothing`: they would have brought no money."""
        fresh = rows.fillna(False).astype(bool) & (self._code == 0)
        if fresh.any():
            self._reasons.append((column, texts, reason, nothing))
            self._code[fresh] = len(self._reasons)

    @property
    def rows(self) -> pd.Series:
        """Mask of the rows that are set aside."""
        return self._code > 0

    @property
    def as_nothing(self) -> pd.Series:
        """Mask of those that would have brought no money, such as returns."""
        codes = [code for code, reason in enumerate(self._reasons, start=1) if reason[3]]
        return self._code.isin(codes)

    def table(self, batch: Batch, file: str, lost: pd.Series) -> pd.DataFrame:
        """The rows that are set aside, as ``set_aside.csv`` holds them."""
        parts = [
            pd.DataFrame(
                {
                    "file": file,
                    "row": row,
                    "column": "",
                    "value": text,
                    "reason": reason,
                    "revenue": [np.nan],
                    "place": -1,
                }
            )
            for row, text, reason in batch.ragged
        ]
        for code, (column, texts, reason, _) in enumerate(self._reasons, start=1):
            mask = (self._code == code).to_numpy()
            parts.append(
                pd.DataFrame(
                    {
                        "file": file,
                        "row": batch.rows[mask],
                        "column": column,
                        "value": texts[mask].str[:200].to_numpy(),
                        "reason": reason,
                        "revenue": lost[mask].to_numpy(),
                        "place": np.flatnonzero(mask),
                    }
                )
            )
        parts = [part for part in parts if len(part)]
        if not parts:
            return pd.DataFrame(columns=[*_ASIDE, "place"]).astype({"revenue": float})
        return pd.concat(parts, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)


def _spelt(texts: pd.Series) -> pd.Series:
    """Identifiers in one spelling: 17850.0, as pandas writes a column with gaps, is 17850."""
    return texts.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)


def _cut_paths(items: pd.DataFrame, mark: str) -> pd.DataFrame:
    """A path of categories in columns of its own, from coarse to fine."""
    role = next((role for role in _LEVELS if role in items), None)
    if not mark or role is None:
        return items
    parts = items.pop(role).str.split(mark, n=3, expand=True, regex=False).iloc[:, :3]
    names = _LEVELS if parts.shape[1] == 3 else _LEVELS[1:] if parts.shape[1] == 2 else ("category",)
    for name, place in zip(names, parts, strict=True):
        items[name] = parts[place].str.strip().fillna("")
    return items


class _Catalogue:
    """Counts which texts and prices each item was sold with; one row per item and different value is kept."""

    def __init__(self) -> None:
        self._counts: dict[str, pd.Series] = {}
        self._items: list[str] = []

    def add(self, items: pd.DataFrame) -> None:
        for name in items.columns.drop("item_id"):
            values = items[["item_id", name]]
            values = values[values[name].notna() & (values[name] != "")]
            values = values[values[name] > 0] if name == "price" else values
            counts = values.groupby(["item_id", name]).size()
            self._counts[name] = counts.add(self._counts[name], fill_value=0) if name in self._counts else counts
        self._items = sorted({*self._items, *items["item_id"].unique()})

    def table(self) -> pd.DataFrame:
        """One row per item: the text it carried most often, its median price."""
        table = pd.DataFrame({"item_id": [item for item in self._items if item]}).set_index("item_id")
        for name in ("name", "category", "brand", "price", "department", "product_type", "cost"):
            if name not in self._counts or not len(self._counts[name]):
                continue
            counts = self._counts[name].rename("n").reset_index()
            if name in ("price", "cost"):
                counts = counts.sort_values(["item_id", name])
                upto = counts.groupby("item_id")["n"].cumsum()
                half = counts.groupby("item_id")["n"].transform("sum") / 2
                chosen = counts[upto >= half]
            else:
                chosen = counts.sort_values(["item_id", "n", name], ascending=[True, False, True])
            table[name] = chosen.drop_duplicates("item_id").set_index("item_id")[name]
        return table.reset_index()


def _merged(reading: Reading, sold: pd.DataFrame, notes: list[Finding]) -> pd.DataFrame:
    """The catalogue's own file; what it leaves open, and items that it does not list, as the log has them."""
    frames = []
    for batch in reading.export.batches():
        cells = batch.cells
        frame = pd.DataFrame({"item_id": _spelt(cells[reading.columns["item_id"]])})
        for role in ITEM_TEXTS:
            if role in reading.columns:
                frame[role] = cells[reading.columns[role]]
        for role in ("price", "cost"):
            if role in reading.columns:
                numbers = parse_numbers(cells[reading.columns[role]], reading.numbers)
                frame[role] = numbers.where(numbers >= 0)
        frames.append(_cut_paths(frame, reading.path_mark))
    listed = pd.concat(frames, ignore_index=True)
    blank = listed["item_id"] == ""
    again = listed["item_id"].duplicated() & ~blank
    for rows, what in ((blank, "have no item number"), (again, "list an item again: the first counts")):
        if rows.any():
            notes.append(Finding("catalogue", f"{int(rows.sum()):,} rows", f"{what}; they are left out"))
    listed = listed[~blank & ~again].set_index("item_id")
    listed = listed.mask(listed == "")
    sold = sold.set_index("item_id")
    both = sold.index.isin(listed.index)
    if not both.any():
        raise BundlebookError(
            f"none of the {len(sold):,} items sold is in it: they have numbers such as {sold.index[0]!r}, "
            f"the catalogue such as {listed.index[0]!r}",
            where=f"{reading.export.name}, column {reading.columns['item_id']!r}",
            remedy="name the column with the same numbers: --column item_id=NAME",
        )
    if not both.all():
        example = sold.index[~both][0]
        notes.append(
            Finding(
                "catalogue",
                f"{int((~both).sum()):,} items sold are not in it",
                f"such as {example!r}; what the log says of them was taken",
            )
        )
    return listed.combine_first(sold).reindex(listed.index.union(sold.index)).reset_index()


def settings_text(proposal: Proposal, written: Written) -> str:
    """The commented ``shop.yaml``: what was found, why, and what can be changed by hand."""
    lines = [
        "# Written by `bundlebook new`. Lines that begin with # are notes to you; change the others as you like.",
        "",
    ]
    lines += [f"name: {_quoted(written.folder.name.lstrip('.').rsplit('.', 1)[0])}"]
    lines += [f"currency: {_quoted(proposal.currency)}" if proposal.currency else '# currency: "€"']
    named = any("user_id" in one.columns for one in proposal.readings)
    lines += [f"user_word: {'customer' if named else 'receipt'}   # what pages call one user"]
    local = proposal.wishes.timezone
    if proposal.timezone:
        lines += [f"timezone: {_quoted(proposal.timezone)}   # of the times in user_data.csv"]
    else:
        lines += ["# timezone: Europe/Berlin   # of the times in user_data.csv; the exports name none"]
    if local and local != proposal.timezone:
        lines += [f"local_timezone: {_quoted(local)}   # of the shop's doors: days are days there"]
    elif proposal.timezone == "UTC":
        lines += ["# local_timezone: Europe/Berlin   # of the shop's doors; without it days are UTC days"]
    lines += ["", "# Where it comes from"]
    lines += [f"#   {one.export.name}   md5 {one.export.md5}" for one in proposal.readings]
    lines += ["#", "# What was guessed, and why. ? = something else fits as well; check it."]
    lines += [f"#   {line}" for line in str(proposal).splitlines()]
    lines += [f"#   {note}" for note in written.notes]
    lines += ["#", f"# {written.rows:,} rows came in, {written.kept:,} became events."]
    lines += [f"# {line}" for line in aside_lines(written)]
    lines += [
        "#",
        "# To correct a guess: delete this folder and run `bundlebook new` again, for example with",
        "#   --column user_id=NAME  --dates day-first  --encoding cp1252  --timezone Europe/Berlin",
    ]
    return "\n".join(lines) + "\n"


def aside_lines(written: Written) -> Iterator[str]:
    """What was set aside, as rows and as a share of the revenue, one sentence per reason."""
    for reason, rows, share in written.aside.itertuples(index=False):
        yield f"set aside: {rows:,} rows, {share:.1%} of the revenue: {reason}"
    if written.returned:
        yield f"returns and cancellations: {written.returned:.1%} of the revenue; nothing is taken off for them"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
