"""What a shop's exports are proposed to mean in the contract, each guess with its evidence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.columns import CANCELLED, EVENT_WORDS, NAMES, Facts, examine, fits, score
from bundlebook.shop._intake.exports import Export, open_exports
from bundlebook.shop._intake.values import NumberStyle, TimeStyle, currency_of, number_style, parse_numbers, time_style

#: Meanings that belong to an event, and to an item.
_LEVELS = ("department", "category", "product_type")
ITEM_TEXTS = ("name", *_LEVELS, "brand")
#: More columns are those of a table that has one column per item or per day.
_MOST_COLUMNS = 500
#: Least score of a name that only contains a known word.
_LEAST = 1.3


@dataclass(frozen=True)
class Wishes:
    """What the reader says instead of leaving it to be guessed.

    Attributes
    ----------
    columns : mapping of str to str
        The contract's name → the export's column; ``"-"`` for none.
    dates : {"day-first", "month-first"} or None
    encoding, decimal, timezone, currency : str or None
    guests : {"aside", "receipt"}
        Rows without a customer, in an export that has customers: set aside, or each receipt a user of its own.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    dates: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    timezone: str | None = None
    currency: str | None = None
    guests: str = "aside"


@dataclass(frozen=True)
class Finding:
    """One guess: what it is about, what was chosen, and why; `open` if something else fits as well."""

    what: str
    choice: str
    why: str
    open: bool = False

    def __str__(self) -> str:
        return f"{'?' if self.open else ' '} {self.what:<13} {self.choice}: {self.why}"


@dataclass
class Reading:
    """How one export is read.

    Attributes
    ----------
    export : Export
    kind : {"log", "catalogue", "orders"}
        One row per line of a purchase or per event; one row per item; one row per order, without its items.
    columns : dict of str to str
        Meaning → the export's column.
    numbers, time : NumberStyle, TimeStyle or None
    per_line : bool
        True: the price is that of the line and is divided by the quantity.
    discounted : bool
        True: the line's total is what was paid, and the price the shelf price.
    prefixes : tuple of str
        Letters with which the number of a cancelled order begins.
    path_mark : str
        What divides the levels of a category path; empty: it holds one level.
    head : DataFrame
        The first ten rows.
    findings : list of Finding
    """

    export: Export
    kind: str
    columns: dict[str, str]
    numbers: NumberStyle
    time: TimeStyle | None
    head: pd.DataFrame
    per_line: bool = False
    discounted: bool = False
    prefixes: tuple[str, ...] = ()
    path_mark: str = ""
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Proposal:
    """Everything that :func:`bundlebook.shop.write_shop` needs.

    Attributes
    ----------
    readings : list of Reading
    wishes : Wishes
    currency : str
    timezone : str
        Zone of the written times; empty: the exports do not say.
    notes : list of Finding
        What concerns no single export.
    """

    readings: list[Reading]
    wishes: Wishes
    currency: str = ""
    timezone: str = ""
    notes: list[Finding] = field(default_factory=list)

    @property
    def logs(self) -> list[Reading]:
        """The exports that hold lines or events."""
        return [reading for reading in self.readings if reading.kind == "log"]

    def of_kind(self, kind: str) -> Reading | None:
        """The one export of another kind, or None."""
        return next((reading for reading in self.readings if reading.kind == kind), None)

    def __str__(self) -> str:
        """Every guess with its evidence; a question mark where something else fits as well."""
        lines = []
        for reading in self.readings:
            kind = {"log": "the log", "catalogue": "the catalogue", "orders": "the orders"}[reading.kind]
            lines.append(f"{reading.export.name}: {kind}")
            lines += [f"  {finding}" for finding in reading.findings]
        lines += ["the shop", *(f"  {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines)


def propose_shop(files: list[Path], wishes: Wishes | None = None) -> Proposal:
    """Look at exports of a shop system and propose what they mean in the contract; nothing is written.

    Parameters
    ----------
    files : list of Path
        CSV, parquet or xlsx: at least one with one row per order line or event. A catalogue, and a table of the orders,
        may lie in files of their own; several logs of one form, such as one per month, are put together.
    wishes : Wishes, optional
        What the reader says instead.

    Returns
    -------
    Proposal

    Raises
    ------
    BundlebookError
        If a file cannot be read, or no column can be the item or the time.
    """
    wishes = wishes or Wishes()
    _check_wishes(wishes)
    exports = [export for file in files for export in open_exports(file, wishes.encoding)]
    known = {column for export in exports for column in export.columns}
    for ours, theirs in wishes.columns.items():
        if theirs != "-" and theirs not in known:
            raise BundlebookError(
                f"there is no column {theirs!r} that could be {ours}",
                where="--column",
                remedy=f"use one of {', '.join(repr(name) for name in sorted(known)[:30])}",
            )
    looked = [_look(export, wishes) for export in exports]
    readings = _kinds(looked, wishes)
    proposal = Proposal(readings, wishes)
    _settle_shop(proposal, {id(reading): sample for reading, sample in looked})
    return proposal


def _check_wishes(wishes: Wishes) -> None:
    for ours in wishes.columns:
        if ours not in NAMES:
            raise BundlebookError(
                f"{ours!r} is no column of the contract",
                where="--column",
                remedy=f"use one of {', '.join(sorted(NAMES))}",
            )


def _look(export: Export, wishes: Wishes) -> tuple[Reading, pd.DataFrame]:
    """Read one export by itself: what its columns are, and how it writes numbers and times."""
    if len(export.columns) > _MOST_COLUMNS:
        raise BundlebookError(
            f"it has {len(export.columns):,} columns", where=export.name, remedy="export the order lines, one per row"
        )
    sample = export.sample()
    if sample.empty:
        raise BundlebookError("there are no rows below the header", where=export.name, remedy="export it again")
    facts = examine(sample, wishes.dates)
    columns, findings = _assign(export, facts, wishes)
    _levels(columns, facts, findings)
    numeric = [
        facts[columns[role]].texts for role in ("price", "total", "list_price", "cost", "quantity") if role in columns
    ]
    numbers = number_style(numeric, wishes.decimal)
    time = facts[columns["time"]].time if "time" in columns else None
    formats = [text.partition(": ") for text in export.why]
    findings[:0] = [Finding("format", what, why) for what, _, why in formats]
    findings += [
        Finding("numbers", "decimal comma" if numbers.decimal == "," else "decimal point", numbers.why, numbers.open)
    ]
    if time is not None:
        findings.append(Finding("times", _SHAPE_WORDS.get(time.shape, time.shape), time.why, time.open))
    reading = Reading(export, "", columns, numbers, time, sample.head(10), findings=findings)
    return reading, sample


_SHAPE_WORDS = {
    "ymd": "year first",
    "dmy": "day first",
    "mdy": "month first",
    "d-name": "day, name of the month, year",
    "name-d": "name of the month, day, year",
    "compact": "digits, year first",
    "serial": "days since 1900",
}


def _assign(export: Export, facts: dict[str, Facts], wishes: Wishes) -> tuple[dict[str, str], list[Finding]]:
    """Give each meaning the column whose name fits best and whose content agrees."""
    columns: dict[str, str] = {}
    why: dict[str, str] = {}
    for ours, theirs in wishes.columns.items():
        if theirs in facts:
            if ours == "time" and facts[theirs].time is None:
                # By its bare name a count of seconds is no time; the reader says that it is one.
                facts[theirs] = replace(facts[theirs], time=time_style(facts[theirs].texts, "time", wishes.dates))
            if ours == "time" and facts[theirs].time is None:
                raise BundlebookError(
                    f"{facts[theirs].texts.iloc[0]!r} is no time that can be read"
                    if facts[theirs].distinct
                    else "it is blank",
                    where=f"{export.name}, column {theirs!r}",
                    remedy="name another column: --column time=NAME",
                )
            columns[ours], why[ours] = theirs, "as you said"
    taken = set(columns.values())
    pairs = [
        (score(name, role), -place, role, name)
        for place, role in enumerate(NAMES)
        if role not in wishes.columns
        for name in facts
    ]
    if "Lineitem name" in facts and "Name" in facts and "basket_id" not in wishes.columns:
        pairs.append((5.0, 0, "basket_id", "Name"))
    for points, _, role, name in sorted(pairs, reverse=True):
        if points < _LEAST or role in columns or name in taken or not fits(role, facts[name]):
            continue
        columns[role] = name
        taken.add(name)
        why[role] = "its name says so" if points > 3 else "its name says so in part"
    if "quantity" not in columns and {"total", "price"} <= set(columns):
        values = pd.to_numeric(facts[columns["total"]].texts, errors="coerce")
        if bool((values % 1 == 0).mean() > 0.99) and values.median() <= 5:
            columns["quantity"] = columns.pop("total")
            why["quantity"] = "whole numbers, most of them up to 5, beside a price"
    if "time" not in columns and "time" not in wishes.columns:
        timed = [name for name, fact in facts.items() if fact.time is not None and name not in taken]
        if len(timed) == 1:
            columns["time"], why["time"] = timed[0], "the only column that holds times"
    if "item_id" not in columns and "name" in columns:
        columns["item_id"], why["item_id"] = columns["name"], "no column has item numbers: the name stands for it"
    if "clock" in columns and ("time" not in columns or (facts[columns["time"]].time or TimeStyle("", "")).clock):
        del columns["clock"]
    findings = []
    for role in NAMES:
        if role in columns:
            fact = facts[columns[role]]
            filled = "" if fact.filled > 0.9995 else f", {fact.filled:.1%} filled"
            text = f"{why[role]}; {fact.distinct:,} different values{filled}, such as {fact.texts.iloc[0][:40]!r}"
            findings.append(Finding(role, f"column {columns[role]!r}", text, "in part" in why[role]))
    unused = [name for name in facts if name not in columns.values()]
    if unused:
        findings.append(Finding("left out", ", ".join(unused[:40]), "the contract has no place for it"))
    return columns, findings


def _levels(columns: dict[str, str], facts: dict[str, Facts], findings: list[Finding]) -> None:
    """Further columns of categories, the coarsest first."""
    more = [
        name
        for name in facts
        if name not in columns.values()
        and max(score(name, role) for role in _LEVELS) >= _LEAST
        and not facts[name].numeric
        and fits("category", facts[name])
    ]
    present = [role for role in _LEVELS if role in columns]
    if not more or len(present) == 3:
        return
    names = sorted([*(columns.pop(role) for role in present), *more], key=lambda name: facts[name].distinct)[:3]
    roles = _LEVELS if len(names) == 3 else _LEVELS[1:] if len(names) == 2 else ("category",)
    for role, name in zip(roles, names, strict=True):
        columns[role] = name
        text = f"{facts[name].distinct:,} different values: levels are put in order from coarse to fine"
        findings.append(Finding(role, f"column {name!r}", text, True))


def _kinds(looked: list[tuple[Reading, pd.DataFrame]], wishes: Wishes) -> list[Reading]:
    """Tell logs, catalogue and orders apart; refuse what has no use."""
    for reading, sample in looked:
        columns = reading.columns
        who = "user_id" in columns or "basket_id" in columns
        if {"item_id", "time"} <= set(columns) and who:
            reading.kind = "log"
        elif {"basket_id", "time"} <= set(columns) and not {"item_id"} & set(columns):
            reading.kind = "orders"
        elif {"basket_id", "item_id"} <= set(columns):
            reading.kind = "log"  # its times lie with the orders
        elif "item_id" in columns and sample[columns["item_id"]].nunique() > 0.8 * len(sample):
            reading.kind = "catalogue"
    readings = [reading for reading, _ in looked]
    logs = [reading for reading in readings if reading.kind == "log"]
    orders = [reading for reading in readings if reading.kind == "orders"]
    for reading in logs:
        if orders and "time" not in wishes.columns and score(reading.columns.get("time", ""), "time") < _LEAST:
            # A date beside the lines that is not called one of the purchase may be one of the delivery.
            reading.columns.pop("time", None)
            reading.findings = [finding for finding in reading.findings if finding.what not in ("time", "times")]
        if "time" not in reading.columns and not orders:
            raise _no_column("time", "--column time=NAME, or give the table of the orders too", reading)
    if not logs:
        worst = max(readings, key=lambda reading: len(reading.columns))
        missing = next((role for role in ("item_id", "time") if role not in worst.columns), "user_id")
        raise _no_column(missing, f"--column {missing}=NAME", worst)
    for kind in ("catalogue", "orders"):
        some = [reading for reading in readings if reading.kind == kind]
        if len(some) > 1:
            raise BundlebookError(
                f"there are {len(some)} files for the {kind}: {', '.join(reading.export.name for reading in some)}",
                remedy="put them into one, or give one only",
            )
    return [reading for reading in readings if reading.kind]


def _no_column(role: str, remedy: str, reading: Reading) -> BundlebookError:
    told = {"time": "the time of a purchase", "item_id": "the item", "user_id": "the customer or the receipt"}[role]
    unnamed = reading.export.header == 0
    first = reading.head.iloc[0] if unnamed and len(reading.head) else {}
    columns = [repr(name) + (f" ({first[name]})" if unnamed else "") for name in reading.export.columns[:30]]
    return BundlebookError(
        f"no column holds {told}; its columns are {', '.join(columns)}",
        where=reading.export.name,
        remedy=f"name the column: {remedy}",
    )


def _settle_shop(proposal: Proposal, samples: dict[int, pd.DataFrame]) -> None:
    """What needs more than one column: prices, cancellations, category paths, customers, currency, clock."""
    notes, wishes = proposal.notes, proposal.wishes
    for reading in proposal.readings:
        sample = samples[id(reading)]
        if reading.kind == "log":
            _settle_price(reading, sample)
            _settle_cancellations(reading, sample)
            _settle_words(reading, sample)
        _settle_path(reading, sample)
    people = [reading for reading in proposal.readings if reading.kind in ("log", "orders")]
    if not any("user_id" in reading.columns for reading in people):
        notes.append(
            Finding(
                "customers",
                "each receipt is a user of its own",
                "no column names a customer: what belongs together can be learned, and nothing about a person",
            )
        )
    else:
        emails = next(
            (r for r in people if "user_id" in r.columns and r.head[r.columns["user_id"]].str.contains("@").any()), None
        )
        if emails:
            notes.append(
                Finding(
                    "customers",
                    "e-mail addresses",
                    "personal data: no page shows them, but user_data.csv holds them; keep the folder to yourself",
                    True,
                )
            )
    _share_styles(proposal.logs)
    _settle_currency(proposal, samples)
    times = [reading.time for reading in people if reading.time is not None]
    zones = {reading.export.zone or reading.time.zone for reading in people if reading.time is not None}
    zone = zones.pop() if len(zones) == 1 else ""
    if len(zones) > 1:
        raise BundlebookError(
            "the exports are on different clocks", remedy="give files with one clock, or convert the times first"
        )
    proposal.timezone = zone or wishes.timezone or ""
    if zone and wishes.timezone and zone != wishes.timezone:
        notes.append(Finding("clock", f"written in {zone}", f"days are those of {wishes.timezone}, as you said"))
    elif wishes.timezone:
        notes.append(Finding("clock", wishes.timezone, "as you said"))
    elif zone == "UTC":
        notes.append(
            Finding("clock", "UTC", "the times are in UTC, so days are UTC days; --timezone names the shop's", True)
        )
    elif zone:
        notes.append(Finding("clock", zone, "the file names it"))
    elif any(style.offsets for style in times):
        notes.append(
            Finding(
                "clock",
                "the one the times are written on",
                f"their offsets are {', '.join(next(s.offsets for s in times if s.offsets))}; they are left off",
            )
        )
    else:
        notes.append(Finding("clock", "the one the times are written on", "the exports name no zone; --timezone does"))


def _share_styles(logs: list[Reading]) -> None:
    """What one of several files of a form leaves open, such as day or month first, another one may tell."""
    for reading in logs:
        like = [other for other in logs if other is not reading and other.columns == reading.columns]
        for other in like:
            same = {"dmy", "mdy"} >= {getattr(reading.time, "shape", ""), getattr(other.time, "shape", "")}
            if reading.time and other.time and reading.time.open and same and not other.time.open:
                reading.time = replace(other.time, why=f"as in {other.export.name}")
                reading.findings = [finding for finding in reading.findings if finding.what != "times"]
                reading.findings.append(Finding("times", _SHAPE_WORDS[reading.time.shape], reading.time.why))
            if reading.numbers.open and not other.numbers.open:
                reading.numbers = replace(other.numbers, why=f"as in {other.export.name}")


def _settle_price(reading: Reading, sample: pd.DataFrame) -> None:
    """Price of one unit or of the whole line: of the two, the one that varies less for one item is that of the unit."""
    columns, findings = reading.columns, reading.findings
    if "total" in columns and _told_once(sample, columns):
        findings.append(Finding("left out", columns.pop("total"), "it is the same for all lines of an order"))
    if not {"price", "total"} & set(columns) and "cost" in columns:
        columns["price"] = columns.pop("cost")
        findings.append(Finding("price", f"column {columns['price']!r}", "no other column has prices", True))
    role = "price" if "price" in columns else "total" if "total" in columns else None
    if role is None:
        return
    money = parse_numbers(sample[columns[role]], reading.numbers)
    units = parse_numbers(sample[columns["quantity"]], reading.numbers) if "quantity" in columns else money * 0 + 1
    items, good = sample[columns["item_id"]], (money > 0) & (units > 0)
    if role == "price" and "total" in columns:
        total = parse_numbers(sample[columns["total"]], reading.numbers)
        ratio = (total / (money * units))[good & (total > 0)]
        equal, below = float((ratio.sub(1).abs() < 0.01).mean()), float((ratio < 1.01).mean())
        if len(ratio) and equal >= 0.9:
            findings.append(
                Finding("price", "of one unit", f"{columns['total']!r} is price × quantity in {equal:.0%} of the rows")
            )
            del columns["total"]
            return
        if len(ratio) and below >= 0.95 and ratio.median() > 0.3:
            reading.discounted = True
            findings.append(
                Finding(
                    "price",
                    f"{columns['total']!r} / quantity",
                    f"{columns['total']!r} is at most price × quantity in {below:.0%} of the rows: "
                    f"what was paid; {columns['price']!r} is the shelf price",
                )
            )
            return
        findings.append(Finding("left out", columns["total"], "it is not the price of the line"))
        del columns["total"]
    frame = pd.DataFrame(
        {"item": items, "unit": np.log(money.where(good)), "line": np.log((money / units).where(good)), "n": units}
    )[good]
    several = frame.groupby("item")["n"].transform("nunique") > 1
    spread = frame[several].groupby("item")[["unit", "line"]].var().mean()
    reading.per_line = role == "total"
    if several.sum() >= 20 and max(spread) > 0:
        per_line = bool(spread["line"] < 0.5 * spread["unit"])
        told = f"among items bought in several quantities it varies by {_percent(spread['unit'])}, divided by the quantity by {_percent(spread['line'])}"  # noqa: E501
        if per_line or spread["unit"] < 0.5 * spread["line"]:
            reading.per_line = per_line
            findings.append(
                Finding("price", "of the line, divided by the quantity" if per_line else "of one unit", told)
            )
            return
    if reading.per_line and (units > 1).any():
        findings.append(Finding("price", "of the line, divided by the quantity", "its name says so", True))


def _told_once(sample: pd.DataFrame, columns: dict[str, str]) -> bool:
    """Whether an amount belongs to the order and not to its lines: orders of several items have one value only."""
    if "basket_id" not in columns:
        return False
    orders = sample.groupby(columns["basket_id"]).agg(
        items=(columns["item_id"], "nunique"), amounts=(columns["total"], "nunique")
    )
    several = orders[orders["items"] > 1]
    return len(several) >= 5 and bool((several["amounts"] == 1).mean() > 0.9)


def _percent(variance: float) -> str:
    return f"{np.sqrt(variance):.0%}"


def _settle_cancellations(reading: Reading, sample: pd.DataFrame) -> None:
    """Letters before the number of an order that mean that it was called off."""
    columns = reading.columns
    if "basket_id" not in columns:
        return
    letters = sample[columns["basket_id"]].str.extract(r"^([A-Za-z]{1,3})-?\d+$")[0]
    plain = sample[columns["basket_id"]].str.match(r"^\d+$")
    if plain.mean() < 0.5:
        return
    units = parse_numbers(sample[columns["quantity"]], reading.numbers) if "quantity" in columns else None
    for prefix, count in letters.value_counts().sort_index().items():
        marked = letters == prefix
        negative = float((units[marked] < 0).mean()) if units is not None else 0.0
        if negative >= 0.9 or (str(prefix).upper() == "C" and count < 0.2 * len(sample)):
            reading.prefixes = (*reading.prefixes, str(prefix))
            why = f"{count:,} of the {len(sample):,} rows looked at, {negative:.0%} of them with a negative quantity"
            reading.findings.append(
                Finding("cancellation", f"order number begins with {prefix!r}", why, negative < 0.9)
            )


def _settle_words(reading: Reading, sample: pd.DataFrame) -> None:
    columns = reading.columns
    if "event" in columns:
        words = sample[columns["event"]].str.lower().value_counts()
        told = ", ".join(
            f"{word} → {EVENT_WORDS.get(str(word), 'set aside')} ({n:,})" for word, n in words.head(12).items()
        )
        reading.findings.append(Finding("event words", told, "known words", not words.index.isin(EVENT_WORDS).all()))
    if "status" in columns:
        words = sample[columns["status"]].value_counts()
        off = [f"{word} ({n:,})" for word, n in words.items() if word and CANCELLED.search(str(word))]
        on = [str(word) for word in words.index if word and not CANCELLED.search(str(word))]
        choice = f"{', '.join(off) or 'none'} {'are' if len(off) > 1 else 'is'} set aside"
        reading.findings.append(
            Finding("status", choice, f"these words mean that nothing was sold; {', '.join(on[:8])} count")
        )


def _settle_path(reading: Reading, sample: pd.DataFrame) -> None:
    levels = [role for role in _LEVELS if role in reading.columns]
    if len(levels) != 1:
        return
    texts = sample[reading.columns[levels[0]]]
    texts = texts[texts != ""]
    mark = next(
        (mark for mark in (" > ", ">", "›", "||", "|") if texts.str.contains(mark, regex=False).mean() > 0.6), ""
    )
    dotted = texts.str.match(r"^[a-z0-9_]+(?:\.[a-z0-9_]+)*$")
    if not mark and dotted.all() and texts.str.contains(".", regex=False).mean() > 0.6:
        mark = "."
    if mark:
        reading.path_mark = mark
        reading.findings.append(Finding("levels", f"the path is cut at {mark.strip()!r}", f"such as {texts.iloc[0]!r}"))


def _settle_currency(proposal: Proposal, samples: dict[int, pd.DataFrame]) -> None:
    if proposal.wishes.currency is not None:
        proposal.currency = proposal.wishes.currency
        proposal.notes.append(Finding("currency", proposal.currency, "as you said"))
        return
    for reading in proposal.readings:
        sample, columns = samples[id(reading)], reading.columns
        if "currency" in columns:
            codes = sample[columns["currency"]]
            codes = codes[codes != ""].value_counts()
            if len(codes) > 1:
                proposal.notes.append(
                    Finding(
                        "currency",
                        str(codes.index[0]),
                        f"several occur: {', '.join(map(str, codes.index))}; prices are not converted",
                        True,
                    )
                )
            proposal.currency = currency_of(codes.index[:1].to_series()) or str(codes.index[0])
            if len(codes) == 1:
                proposal.notes.append(Finding("currency", proposal.currency, f"column {columns['currency']!r}"))
            return
        for role in ("price", "total"):
            if role in columns:
                sign = currency_of(sample[columns[role]]) or currency_of(
                    pd.Series(re.findall(r"[(（](.+?)[)）]", columns[role]), dtype="str")
                )
                if sign:
                    proposal.currency = sign
                    proposal.notes.append(Finding("currency", sign, f"column {columns[role]!r} carries it"))
                    return
    proposal.notes.append(Finding("currency", "none", "the exports name none; --currency does"))
