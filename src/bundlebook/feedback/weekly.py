"""One update: take new events in, judge what was learned from them, promote or refuse; roll back; forget a user.

**The gate at the door.** A file that cannot mean what earlier files meant is refused as a whole: prices that are all
multiplied by one factor (another currency, cents for euros), quantities of another kind, users or items under other
names, a file that was cut short. A row that cannot be used, one of the future, or one from before the shop began, is
set aside with its file and row number.

**The gate behind it.** What the shop knows now and what it knew before are both judged on the same purchases: those of
the latest complete week, which neither has seen, and those of the last complete week before the new events, which both
leave out. The first tells whether the old knowledge is still as good; the second
finds events that spoil what was known. The new events are refused where either model is worse beyond chance,
and by more than the tolerance: in a shop of few users, or of quiet nights, small differences go either way.

Everything between the two gates is one transaction: after a refusal, an error or a kill the store is as it was.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.evaluation import bootstrap_interval, ndcg, rank
from bundlebook.feedback.counts import Counts
from bundlebook.feedback.store import EventStore, Intake
from bundlebook.shop import (
    Baskets,
    Increment,
    Shop,
    clean,
    common_items,
    complete_weeks,
    group_baskets,
    load_shop,
    pseudonym,
    read_catalogue,
    read_increment,
)

_WEEK = np.timedelta64(7, "D")
#: Part of its NDCG@10 that a model may lose and still count as not worse, however sure the loss is.
TOLERANCE = 0.02
#: Fewest users to judge by.
_LEAST_USERS = 30
#: Users that are judged at most; more are drawn by their identifier, the same every week.
_MOST_USERS = 20_000
_USERS_AT_ONCE = 2000
#: Factor between the usual and the new price or quantity beyond which a column means something else.
_PRICE_FACTOR, _QUANTITY_FACTOR = 1.5, 5.0
_SAY_MORE = "Export basket_id or the time of day, or only days that are complete"
_LEAST_ITEMS = 20


class NotPromoted(BundlebookError):
    """The new events were not taken in, for what is learned from them is worse."""

    judged: "pd.DataFrame"


@dataclass(frozen=True)
class Update:
    """What one update did.

    Attributes
    ----------
    intakes : dict of str to Intake
        By file.
    judged : DataFrame
        One row per week and model: ``week``, ``model``, ``users``, ``old`` and ``new`` (NDCG@10), ``difference``,
        ``low``, ``high``. Empty where there was nothing to judge.
    notes : tuple of str
        What was assumed, set aside or could not be judged.
    """

    intakes: dict[str, Intake]
    judged: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was taken in."""
        return any(intake.new or intake.corrected for intake in self.intakes.values())

    def __str__(self) -> str:
        lines = [f"{file}: {intake}" for file, intake in self.intakes.items()]
        for row in self.judged.itertuples():
            lines.append(
                f"week of {row.week}, {row.model}: NDCG@10 {row.old:.4f} before, {row.new:.4f} now; difference "
                f"{row.difference:+.4f} [{row.low:+.4f}, {row.high:+.4f}] ({row.users:,} users)"
            )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class Forgotten:
    """What was removed where, and what remains for somebody else to remove.

    Attributes
    ----------
    removed : dict of str to int
        Rows, by the place that held them.
    remains : tuple of str
        Places that the store does not own, with what they still hold.
    """

    removed: dict[str, int]
    remains: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"removed from {place}: {rows:,}" for place, rows in self.removed.items()]
        return "\n".join([*lines, *(f"still there: {place}" for place in self.remains)])


def state_folder(data: str | Path) -> Path:
    """Folder of a shop's event store: ``feedback`` inside a reader's folder, else below the folder of the reports."""
    if data in ("completejourney", "sample"):
        return paths.out() / "feedback" / str(data)
    given = Path(data).expanduser()
    return (given if given.exists() else paths.root() / given).resolve() / "feedback"


def as_day(value: object, name: str) -> np.datetime64:
    """A day out of a date as a reader writes it."""
    try:
        return np.datetime64(str(value)[:10], "D")
    except ValueError:
        raise BundlebookError(f"{value!r} is no date", where=name, remedy="write it as 2021-05-31") from None


def has_store(data: str | Path, state: str | Path | None = None) -> bool:
    """Whether a shop has an event store: whether :func:`update` was ever called for it."""
    return ((state_folder(data) if state is None else Path(state)) / "events.duckdb").exists()


def held_shop(data: str | Path, state: str | Path | None = None) -> Shop:
    """Load a shop with the events of its store; with those of its own files where no update has been made yet.

    Parameters
    ----------
    data : str or Path
        As for :func:`~bundlebook.shop.load_shop`.
    state : str or Path, optional
        Folder of the store; see :func:`state_folder`.
    """
    folder = state_folder(data) if state is None else Path(state)
    if not has_store(data, state):
        return load_shop(data)
    shop = read_catalogue(data)
    with EventStore(folder, create=False) as store:
        events = store.events()
    return shop.with_tables(events=events if len(events) else shop.events)


def baskets_of(shop: Shop, events: pd.DataFrame) -> Baskets:
    """Clean some events of a shop and group them; no baskets where nothing that counts is left."""
    if not (events["event"] == "purchase").any():
        return _no_baskets(shop)
    try:
        cleaned, _ = clean(shop.with_tables(events=events))
    except BundlebookError as error:
        if error.problem != "no purchase is left":
            raise
        return _no_baskets(shop)
    return group_baskets(cleaned)


def _no_baskets(shop: Shop) -> Baskets:
    from scipy import sparse

    nobody = np.array([], dtype=str)
    day = np.array([], dtype="datetime64[D]")
    return Baskets(
        sparse.csr_matrix((0, 0), dtype=np.float32), np.array([], np.int64), day, nobody, nobody, shop.level("auto")
    )


def update(
    data: str | Path,
    files: Sequence[str | Path] = (),
    state: str | Path | None = None,
    today: np.datetime64 | str | None = None,
    began: np.datetime64 | str | None = None,
    accept: bool = False,
) -> Update:
    """Take files of events in, judge what is learned from them, and keep it if it is not worse.

    Parameters
    ----------
    data : str or Path
        The shop, as for :func:`~bundlebook.shop.load_shop`.
    files : sequence of str or Path
        CSV or parquet files with the columns of ``user_data``; the shop's own log if empty. The first update always
        takes the shop's own log in.
    state : str or Path, optional
        Folder of the store; see :func:`state_folder`.
    today : datetime64[D] or ISO date, optional
        Events after this day are of the future; the day of the computer's clock if None.
    began : datetime64[D] or ISO date, optional
        The shop's first day; that of the first file if None. It is kept.
    accept : bool
        Take in what either gate would refuse.

    Returns
    -------
    Update

    Raises
    ------
    Busy
        If another run is at work.
    NotPromoted
        If what was learned is worse; nothing was taken in.
    BundlebookError
        If a file is refused; nothing was taken in.
    """
    now = np.datetime64("today", "D") if today is None else as_day(today, "today")
    began = None if began is None else as_day(began, "began")
    shop = read_catalogue(data)
    with EventStore(state_folder(data) if state is None else state) as store:
        wanted: list[str | Path | None] = list(files)
        if not files or not len(store):
            wanted.insert(0, None)
        if shop.currency != (known := store.fact("currency") or shop.currency):
            raise BundlebookError(
                f"the currency is {shop.currency!r}, and was {known!r}",
                where="shop.yaml",
                remedy="put the old currency back, or begin a new store with prices in one currency",
            )
        intakes, notes, refused = {}, [], None
        try:
            with store.change():
                old, before, touched = _kept_counts(store, shop), len(store), set()
                first = 0
                for file in wanted:
                    intake, told = _take(store, data, shop, file, now, began, accept)
                    name = "the shop's own log" if file is None else Path(file).name
                    intakes[name] = intake
                    notes += [f"{name}: {note}" for note in told]
                    if intake.batch:
                        first = first or intake.batch
                        touched.update(store.touched(intake.batch))
                judged = _NOTHING
                if touched:
                    new = _counts_after(store, shop, old, first, touched)
                    store.keep_array("counts", new.to_bytes())
                    store.keep("currency", shop.currency)
                    if before:
                        judged, told = _judge(store, shop, old, new, first)
                        notes += told
                        refused = None if accept else _worse(judged)
                        if refused is not None:
                            raise refused
                    store.keep("judged", judged.astype(str).to_dict("records"))
        except NotPromoted as error:
            with store.change():
                for file in wanted:
                    if file is not None:
                        store.refuse(Path(file).name, _digest(Path(file)), error.problem)
            raise
        return Update(intakes, judged, tuple(notes))


def _digest(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _kept_counts(store: EventStore, shop: Shop) -> Counts:
    held = store.array("counts")
    return Counts.of(_no_baskets(shop)) if held is None else Counts.from_bytes(held)


def _counts_after(store: EventStore, shop: Shop, old: Counts, first: int, touched: Iterable[str]) -> Counts:
    """The counts that follow from those before a batch, by the users of whom something has changed."""
    users = sorted(touched)
    known, now = store.events(users, before=first), store.events(users)
    new = old.changed(baskets_of(shop, known), baskets_of(shop, now))
    return _recounted(store, shop, new)


def _recounted(store: EventStore, shop: Shop, counts: Counts) -> Counts:
    """Pairs that were too many once, and are not any more, are counted from the whole log."""
    from bundlebook.feedback.counts import MOST_ITEMS

    if counts.pairs is None and len(counts.items) <= MOST_ITEMS:
        return Counts.of(baskets_of(shop, store.events()))
    return counts


# -- the gate at the door ------------------------------------------------------------------------------------------


def _take(
    store: EventStore,
    data: str | Path,
    shop: Shop,
    file: str | Path | None,
    now: np.datetime64,
    began: np.datetime64 | str | None,
    accept: bool,
) -> tuple[Intake, list[str]]:
    read = read_increment(data, shop.products, file)
    digest, name = read.source.md5, read.source.name
    if store.known(digest) == "taken":
        return Intake(0, read.source.rows), []
    if store.known(digest) == "refused" and not accept:
        raise BundlebookError(
            "this file was refused before, and is the same", where=name, remedy="mend it, or take it in with --accept"
        )
    _check_whole(store, read, accept)
    events = read.events
    if not len(store):
        start = events["time"].min() if began is None else pd.Timestamp(str(began))
        store.keep("began", str(np.datetime64(start, "D")))
    elif not accept:
        _check_meaning(store, shop, events, name)
    if began is not None:
        store.keep("began", str(began))
    first_day = pd.Timestamp(store.fact("began"))
    reasons = pd.Series("", index=events.index)
    reasons[events["time"] < first_day] = f"before the shop began ({first_day.date()})"
    reasons[events["time"] >= pd.Timestamp(str(now + 1))] = f"in the future (after {now})"
    bad = (reasons != "").to_numpy()
    aside = read.quarantine[["row", "column", "value", "reason"]]
    if bad.any():
        rows = pd.DataFrame(
            {
                "row": read.row_numbers()[bad],
                "column": "time",
                "value": events["time"][bad].astype(str).to_numpy(),
                "reason": reasons[bad].to_numpy(),
            }
        )
        aside = pd.concat([aside, rows], ignore_index=True)
    kept = events[~bad]
    gone = store.forgotten()
    forgotten = kept["user_id"].map(lambda user: pseudonym(user, shop) in gone).to_numpy() if gone else None
    first = not len(store)
    intake = store.take_in(kept, name, digest, aside, forgotten)
    notes = [*read.notes]
    if first and store.days_only():
        notes.append(
            "lines have neither a basket id nor a time of day: if a later file names a user, item and day again, a "
            f"second purchase cannot be told from a correction. {_SAY_MORE}"
        )
    if intake.unclear:
        notes.append(
            f"{intake.unclear:,} rows name a user, item and day that was known, and the file does not say the whole "
            f"day again: they were read as the same purchases, told anew, but may be second ones. {_SAY_MORE}"
        )
    for (column, reason), rows in aside.groupby(["column", "reason"], sort=True)["row"]:
        listed = ", ".join(map(str, sorted(rows)[:5])) + (" …" if len(rows) > 5 else "")
        where = f" ({column})" if column else ""
        notes.append(f"set aside, {reason}{where}: {len(rows):,}, row {listed}")
    store.keep("ended", read.ended)
    return intake, notes


def _check_whole(store: EventStore, read: Increment, accept: bool) -> None:
    """A file that ends in the middle of a line, where others do not."""
    if read.ended or accept:
        return
    torn = read.quarantine["reason"].str.contains("instead of").to_numpy()
    last = int(read.quarantine["row"].max()) if torn.any() else 0
    if torn.any() and last >= read.source.rows:
        where, problem = f"{read.source.name}, row {last}", "the file ends in the middle of a row: it was cut short"
    elif store.fact("ended"):
        where, problem = read.source.name, "the last row has no line end, which earlier files had: it may be cut short"
    else:
        return
    raise BundlebookError(problem, where=where, remedy="export the file again, or take it in with --accept")


def _check_meaning(store: EventStore, shop: Shop, events: pd.DataFrame, name: str) -> None:
    """Refuse a file whose columns cannot mean what those of earlier files meant."""

    def refuse(column: str, problem: str) -> BundlebookError:
        return BundlebookError(
            problem,
            where=f"{name}, column {column!r}",
            remedy="mend the export; if the change is real, take the file in with --accept",
        )

    for column in ("currency", "Currency"):
        if column in events:
            words = sorted(events[column].dropna().astype(str).unique())
            usual = store.fact("currencies") or ([shop.currency] if shop.currency.isalpha() else words[:1])
            if foreign := [word for word in words if word not in usual]:
                raise refuse(column, f"amounts in {foreign[0]!r}, and so far they were in {usual[0]!r}")
            store.keep("currencies", usual)
    lines = events[(events["event"] == "purchase") & (events["quantity"] > 0)]
    here = lines.groupby("item_id").agg(price=("price", "median"), quantity=("quantity", "mean"), n=("price", "size"))
    usual = store.usual(here.index.to_numpy())
    both = here.join(usual, rsuffix="_usual", how="inner")
    priced = both[(both["price"] > 0) & (both["price_usual"] > 0)]
    if len(priced) >= _LEAST_ITEMS:
        change = np.log((priced["price"] / priced["price_usual"]).to_numpy())
        middle, spread = float(np.median(change)), float(np.subtract(*np.percentile(change, [75, 25])))
        if abs(middle) > np.log(_PRICE_FACTOR) or (abs(middle) > 0.04 and spread < abs(middle) / 2):
            raise refuse(
                "price",
                f"half of {len(priced):,} known items cost {np.exp(middle):.3g} times as much as before, or more"
                if middle > 0
                else f"half of {len(priced):,} known items cost {np.exp(middle):.3g} times as much as before, or less",
            )
    if len(here) >= _LEAST_ITEMS:
        # Of an item that was never sold any number is usual that is usual for the shop.
        every = here.join(usual, rsuffix="_usual").fillna({"quantity_usual": store.mean_quantity()})
        expected = float(np.average(every["quantity_usual"], weights=every["n"]))
        found = float(np.average(every["quantity"], weights=every["n"]))
        factor = found / expected
        if not 1 / _QUANTITY_FACTOR < factor < _QUANTITY_FACTOR:
            worst = (every["quantity"] / every["quantity_usual"] * every["n"]).sort_values(
                ascending=False, kind="stable"
            )
            raise refuse(
                "quantity",
                f"a line holds {found:.3g} units on average, and {expected:.3g} before; most of all for item "
                f"{worst.index[0]!r}",
            )
    unknown = ~lines["item_id"].isin(shop.products["item_id"])
    if len(lines) >= _LEAST_ITEMS and unknown.mean() > 0.2:
        example = lines["item_id"][unknown].iloc[0]
        raise refuse(
            "item_id", f"{unknown.mean():.0%} of the lines name an item without a product, such as {example!r}"
        )
    expected = store.returning()
    if len(lines) >= 2 * _LEAST_ITEMS and expected > 0.5:
        found = float(lines["user_id"].isin(store.users()).mean())
        if found < expected / 4:
            example = lines["user_id"].iloc[0]
            raise refuse(
                "user_id",
                f"{found:.0%} of the lines are of known users, and lately {expected:.0%} were; the file has users such "
                f"as {example!r}",
            )


# -- the gate behind it --------------------------------------------------------------------------------------------

_NOTHING = pd.DataFrame(columns=["week", "model", "users", "old", "new", "difference", "low", "high"])


def _judge(store: EventStore, shop: Shop, old: Counts, new: Counts, first: int) -> tuple[pd.DataFrame, list[str]]:
    """Judge old and new counts on the weeks that tell; see the module's text."""
    now, then = baskets_of(shop, store.events()), baskets_of(shop, store.events(before=first))
    try:
        latest = complete_weeks(now.day)[1] - _WEEK
        trusted = complete_weeks(then.day)[1] - _WEEK
    except BundlebookError as error:
        return _NOTHING, [f"not judged: {error.problem}"]
    parts, notes = [], []
    seen = {"old": (old, then), "new": (new, now)}
    untouched = _whole_week_before(store.first_day_of(first))
    for week, later in ((latest, False), (min(trusted, untouched), True)):
        parts.append(_judged_on(week, later, now, seen))
    table = pd.concat([part for part in parts if part is not None]) if any(p is not None for p in parts) else _NOTHING
    if table.empty:
        notes.append(f"not judged: fewer than {_LEAST_USERS} users bought in the week and before it")
    usual = _lines_by_week(then, trusted)
    if latest > trusted and len(usual) >= 4:
        found, middle = int(((now.day >= latest) & (now.day < latest + _WEEK)).sum()), float(np.median(usual))
        if found < 0.5 * middle:
            notes.append(f"the week of {latest} has {found:,} baskets, and {middle:,.0f} are usual: is the file whole?")
    return table.reset_index(drop=True), notes


def _whole_week_before(day: np.datetime64) -> np.datetime64:
    """Monday of the last week that ends before a day."""
    return day - (day.astype(np.int64) + 3) % 7 - _WEEK


def _lines_by_week(baskets: Baskets, last: np.datetime64) -> list[int]:
    starts = [last - step * _WEEK for step in range(8)]
    counts = [int(((baskets.day >= start) & (baskets.day < start + _WEEK)).sum()) for start in starts]
    return [count for count in counts if count]


def _judged_on(
    week: np.datetime64, later: bool, now: Baskets, seen: dict[str, tuple[Counts, Baskets]]
) -> pd.DataFrame | None:
    """NDCG@10 of both on one week; with *later*, both may have learned from what came after it."""
    past = now.between(end=week)
    buyers = np.intersect1d(now.between(week, week + _WEEK).user, past.user)
    buyers = _drawn(now.user_ids, buyers)
    if len(buyers) < _LEAST_USERS or not past.n_baskets:
        return None
    items = common_items(past)
    at = {name: baskets.day.max() + 1 if later else week for name, (_, baskets) in seen.items()}
    models: dict[str, dict[str, object]] = {}
    for name, (counts, baskets) in seen.items():
        learned = _without(counts, baskets, week, week + _WEEK if later else None)
        models.setdefault("decayed frequency", {})[name] = learned.frequency(at[name], items)
        if learned.pairs is not None:
            models.setdefault("EASE", {})[name] = learned.ease(items)
    values: dict[tuple[str, str], list[np.ndarray]] = {}
    for low in range(0, len(buyers), _USERS_AT_ONCE):
        part = now.of_users(buyers[low : low + _USERS_AT_ONCE]).over(items)
        truth = part.between(week, week + _WEEK).user_item()
        kept = np.diff(truth.indptr) > 0
        truth, history = truth[kept], part.of_users(np.flatnonzero(kept)).between(end=week)
        for model, both in models.items():
            for name, fitted in both.items():
                scores = fitted.scores(history, week)  # type: ignore[attr-defined]
                values.setdefault((model, name), []).append(ndcg(rank(scores, truth, depth=10), 10))
    rows = []
    for model, both in models.items():
        if set(both) != {"old", "new"}:
            continue
        before, after = (np.concatenate(values[model, name]) for name in ("old", "new"))
        interval = bootstrap_interval(pd.DataFrame({"difference": after - before}), 1000, seed=0).iloc[0]
        rows.append(
            (str(week), model, len(before), before.mean(), after.mean(), *interval[["mean", "low", "high"]].to_numpy())
        )
    return pd.DataFrame(rows, columns=_NOTHING.columns)


def _drawn(user_ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """At most :data:`_MOST_USERS` of some users, the same every week."""
    if len(rows) <= _MOST_USERS:
        return rows
    key = pd.util.hash_array(user_ids[rows].astype(object))
    return np.sort(rows[np.argsort(key, kind="stable")[:_MOST_USERS]])


def _without(counts: Counts, baskets: Baskets, start: np.datetime64, end: np.datetime64 | None) -> Counts:
    """Counts without the baskets from one day on, up to another."""
    out = baskets.day >= start if end is None else (baskets.day >= start) & (baskets.day < end)
    if not out.any():
        return counts
    users = np.unique(baskets.user[out])
    mine = np.isin(baskets.user, users)
    return counts.changed(baskets.where(mine), baskets.where(mine & ~out))


def _worse(judged: pd.DataFrame) -> NotPromoted | None:
    for row in judged.itertuples():
        if row.high < 0 and row.difference < -TOLERANCE * row.old:
            refused = NotPromoted(
                f"{row.model} is worse with the new events on the week of {row.week}: NDCG@10 {row.new:.4f} after "
                f"{row.old:.4f}, difference {row.difference:+.4f} [{row.low:+.4f}, {row.high:+.4f}]",
                where="the new events were not taken in",
                remedy="look at the file; if the change is real, take it in with --accept",
            )
            refused.judged = judged
            return refused
    return None


# -- back, and away ------------------------------------------------------------------------------------------------


def rollback(data: str | Path, state: str | Path | None = None) -> str:
    """Undo the last file that was taken in; again and again, back to the shop's own log.

    Returns
    -------
    str
        What was undone.
    """
    shop = read_catalogue(data)
    with EventStore(state_folder(data) if state is None else state, create=False) as store, store.change():
        taken = store.batches().query("state == 'taken'")
        if len(taken) < 2:
            raise BundlebookError(
                "there is nothing to roll back: only the first file is held",
                remedy="to begin anew, delete the folder of the store",
            )
        last = taken.iloc[-1]
        batch = int(last["batch"])
        users, old = store.touched(batch), _kept_counts(store, shop)
        before = baskets_of(shop, store.events(users))
        store.take_back(batch)
        new = _recounted(store, shop, old.changed(before, baskets_of(shop, store.events(users))))
        store.keep_array("counts", new.to_bytes())
        return f"{last['file']} was rolled back: {len(users):,} {shop.user_words} are as they were before it"


def forget(data: str | Path, user: str, state: str | Path | None = None) -> Forgotten:
    """Delete a user from the store, and let no later file bring the user back.

    Afterwards the events and the counts are those of a shop that never had the user. What follows from counts in closed
    form (popularity, cosine, EASE) follows from these; networks are trained from the events when they are asked for.

    Parameters
    ----------
    data, state
        As for :func:`update`.
    user : str
        The identifier in the shop's tables.

    Returns
    -------
    Forgotten
    """
    user = str(user)
    shop = read_catalogue(data)
    with EventStore(state_folder(data) if state is None else state, create=False) as store:
        with store.change():
            called = pseudonym(user, shop)
            events = store.events([user])
            old = _kept_counts(store, shop)
            mine = baskets_of(shop, events)
            new = _recounted_without(old, mine)
            known = called in store.forgotten()
            removed = store.forget(user, called)
            if not any(removed.values()) and not known:
                raise BundlebookError(f"nothing is stored about a user {user!r}")
            new = _recounted(store, shop, new)
            store.keep_array("counts", new.to_bytes())
            store.keep("judged", None)
        store.rewrite()
    removed["counted baskets"] = mine.n_baskets
    pairs = Counts.of(mine).pairs
    removed["counted pairs of items"] = 0 if old.pairs is None or pairs is None else int(np.count_nonzero(pairs))
    return Forgotten(removed, tuple(_elsewhere(data, shop, user)))


def _recounted_without(counts: Counts, mine: Baskets) -> Counts:
    return counts.changed(mine, mine.where(slice(0))) if mine.n_baskets else counts


def _elsewhere(data: str | Path, shop: Shop, user: str) -> list[str]:
    """What the store does not own, and still tells of the user."""
    found = []
    if shop.users is not None and (n := int((shop.users["user_id"] == user).sum())):
        found.append(f"the shop's table of users: {n:,} rows; delete them there")
    try:
        own = read_increment(data, shop.products)
        if n := int((own.events["user_id"] == user).sum()):
            found.append(f"{own.source.name}: {n:,} rows; delete them there, no update takes them in again")
    except BundlebookError as error:
        found.append(f"the shop's own log could not be read: {error.problem}")
    if data not in ("completejourney", "sample"):
        folder = state_folder(data).parent
        named = re.compile(rb"(?<![\w-])" + re.escape(user.encode()) + rb"(?![\w-])")
        for path in sorted(folder.glob("*")):
            known = path.stem in ("user_data", "product_data", "users") or path.suffix not in (".csv", ".yaml", ".txt")
            if path.is_file() and not known and named.search(path.read_bytes()):
                found.append(f"{path.name} names the user; delete the rows there")
    found.append("files of offers and of rows set aside that were written before: delete them, or the user's rows")
    return found
