"""Bundles for every user of a shop, written user by user, with a random group that gets none.

Whether offers change what people buy can be told only by those who got none. So a part of the users, drawn at random,
is held out: they are given their bundles on paper, and nothing is sent to them. Everybody's draw depends on the seed
and on his or her own identifier alone, so it is the same whoever else is in the list, and in whatever order.

Users are worked through some hundreds at a time, and each part is a file that is whole or not there. A run that was
ended at any moment goes on where it stopped, and writes what an undisturbed run would have written. What is held in
memory is some parts, and the histories that the model learns from: those of all users, or of a random part of many.
Several processes write the same file as one.
"""

import hashlib
import heapq
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from bundlebook import paths
from bundlebook.bundles import Bundle, BundleRecommender, Limits
from bundlebook.errors import BundlebookError
from bundlebook.feedback.store import EventStore
from bundlebook.feedback.weekly import as_day, has_store, state_folder
from bundlebook.shop import (
    PERIOD_DAYS,
    Shop,
    clean,
    common_items,
    customer_segments,
    group_baskets,
    load_shop,
    read_catalogue,
    with_pseudonyms,
)
from bundlebook.tables import without_formulas

#: Users that the model learns from, at most.
MOST_LEARNED_FROM = 20_000
_USERS_AT_ONCE = 500
#: Parts up to which one process is as fast as several.
_PARTS_OF_ONE = 10
#: Events that are read at once, roughly: a store is read through from end to end for them.
_EVENTS_AT_ONCE = 400_000
_OFFERED, _HELD = "offer", "hold-out"
#: Columns of an offer, in their order.
COLUMNS = {
    "user_id": "str",
    "group": "str",
    "place": "int64",
    "items": "str",
    "names": "str",
    "usual_price": "float64",
    "price": "float64",
    "discount": "float64",
    "probability": "float64",
    "break_even_low": "float64",
    "break_even_high": "float64",
    "revenue": "float64",
    "margin": "float64",
    "margin_is": "str",
    "kind": "str",
    "segment": "str",
    "propensity": "float64",
    "first_day": "str",
    "last_day": "str",
    "reasons": "str",
}


@dataclass(frozen=True)
class Offers:
    """What was written.

    Attributes
    ----------
    file : Path
    users : dict of str to int
        Users in each group.
    bundles : int
        Rows.
    learned_from : int
        Users whose histories the model learned from.
    resumed : int
        Users who were done already when the run began.
    notes : tuple of str
    """

    file: Path
    users: dict[str, int]
    bundles: int
    learned_from: int
    resumed: int = 0
    notes: tuple[str, ...] = ()


def held_out(users: Sequence[str], share: float, seed: int) -> np.ndarray:
    r"""Draw who gets no offer: user u is held out if a uniform number made from the seed and u is below the share.

    .. math:: \text{SHA-256}(\text{seed} : u) / 2^{256} < h

    Parameters
    ----------
    users : sequence of str
    share : float
        h, in [0, 1): the chance of everybody to be held out.
    seed : int

    Returns
    -------
    ndarray of bool, shape (n_users,)

    Examples
    --------
    >>> held_out(["ann", "bob", "cem"], 0.5, seed=1).tolist()
    [False, True, True]
    >>> held_out(["cem"], 0.5, seed=1).tolist()
    [True]
    """
    if not 0 <= share < 1:
        raise BundlebookError(f"a hold-out of {share}", where="offers", remedy="use a share from 0 to below 1")

    def drawn(user: str) -> float:
        return int.from_bytes(hashlib.sha256(f"{seed}:{user}".encode()).digest()[:8], "big") / 2**64

    return np.array([drawn(str(user)) < share for user in users], dtype=bool)


class _Source(Protocol):
    """Where the events of some users come from."""

    shop: Shop
    identity: str

    def users(self) -> list[str]: ...

    def per_user(self) -> float:
        """Events of a user, on average."""
        ...

    def events(self, users: Sequence[str] | None) -> pd.DataFrame: ...


class _InMemory:
    """The log of a shop that is loaded."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.identity = shop, shop.checksum
        events = shop.events.sort_values("user_id", kind="stable", ignore_index=True)
        self._events = events
        code, self._users = pd.factorize(events["user_id"], sort=True)
        self._start = np.searchsorted(code, np.arange(len(self._users) + 1))
        self._place = {user: row for row, user in enumerate(self._users)}

    def users(self) -> list[str]:
        return sorted(self.shop.purchases["user_id"].unique())

    def per_user(self) -> float:
        return len(self._events) / max(1, len(self._users))

    def events(self, users: Sequence[str] | None) -> pd.DataFrame:
        if users is None:
            return self._events
        rows = [self._place[user] for user in users if user in self._place]
        parts = [self._events.iloc[self._start[row] : self._start[row + 1]] for row in rows]
        return pd.concat(parts, ignore_index=True) if parts else self._events[:0]


class _FromStore:
    """The events of a store, read as they are needed."""

    def __init__(self, shop: Shop, store: EventStore) -> None:
        self.shop, self._store = shop, store
        store.keep_less_in_memory()
        self.identity = f"{store.batches()['batch'].max()}:{len(store)}:{sorted(store.forgotten())}"

    def users(self) -> list[str]:
        return self._store.users().tolist()

    def per_user(self) -> float:
        return len(self._store) / max(1, len(self._store.users()))

    def events(self, users: Sequence[str] | None) -> pd.DataFrame:
        return self._store.events(users)


def write_offers(
    data: str | Path | Shop,
    out: str | Path,
    users: Sequence[str] | None = None,
    *,
    segment: str | None = None,
    at: np.datetime64 | str | None = None,
    k: int = 3,
    holdout: float = 0.1,
    budget: float = np.inf,
    seed: int = 0,
    pseudonyms: bool = False,
    state: str | Path | None = None,
    learn_from: int = MOST_LEARNED_FROM,
    model: str = "counting",
    progress: bool = False,
    processes: int | None = 1,
) -> Offers:
    """Write bundles for many users to a file, and go on where an earlier run with the same settings was ended.

    Parameters
    ----------
    data : str, Path or Shop
        A shop, as for :func:`~bundlebook.shop.load_shop`, whose event store is read where it has one; or a loaded one.
    out : str or Path
        ``.parquet`` or ``.csv``. Beside it, a folder ``OUT.parts`` holds what is done until all is.
    users : sequence of str, optional
        Everybody with a purchase if None. Somebody who never bought is offered what suits anybody.
    segment : str, optional
        Only users of this segment, see :func:`~bundlebook.shop.customer_segments`.
    at : datetime64[D] or ISO date, optional
        First day of the offer; nothing on or after it is looked at. The day after the last purchase if None.
    k : int
        Bundles per user.
    holdout : float
        Everybody's chance to be held out, in [0, 1).
    budget : float
        Most money given away as discounts, expected per user and period.
    seed : int
        Of the hold-out.
    pseudonyms : bool
        Write pseudonyms in the place of identifiers.
    state : str or Path, optional
        Folder of the event store.
    learn_from : int
        Users to learn from, at most; more are drawn by seed.
    model : str
        A name of :data:`bundlebook.bundles.P_MODELS`: what P is made of.
    progress : bool
        Show a progress bar on stderr.
    processes : int, optional
        Processes that work side by side; the file is the same. None: one per core where there are many users, which
        costs each some seconds to begin. A script that asks for several must begin its work below
        ``if __name__ == "__main__":``, for each of them loads the script anew.

    Returns
    -------
    Offers
        The file has one row per user and bundle: ``user_id``, ``group`` (``"offer"``, or ``"hold-out"``: send nothing),
        ``place``, ``items`` (labels), ``names`` (what a person calls them), ``usual_price``, ``price``, ``discount``,
        ``probability`` (P that the user buys all of it in the period, at that price), ``break_even_low`` and ``_high``
        (factors on P that pay for the discount), ``revenue`` and ``margin`` (expected money per user and period),
        ``margin_is`` (``ASSUMED``, or ``catalogue`` where the cost of every item is known), ``kind`` (bought before,
        partly new, all new), ``segment``, ``propensity`` (the chance of the group that the user is in), ``first_day``
        and ``last_day`` of the period, ``reasons``. A shop that knows no price has none in the table.

    Raises
    ------
    BundlebookError
        If nothing can be written there, there is nobody to offer anything to, or nothing can be learned.
    """
    out = Path(out)
    if out.suffix not in (".csv", ".parquet"):
        raise BundlebookError(f"{out.name!r} is neither", where="offers", remedy="name a .parquet or a .csv file")
    paths.check_writable(out, file=True)
    held_out([], holdout, seed)
    if processes is not None and processes < 1:
        raise BundlebookError(f"processes={processes}", where="offers", remedy="use 1 or more")
    settings = (users, segment, at, k, holdout, budget, seed, pseudonyms, learn_from, model)
    if isinstance(data, Shop):
        return _Plan(_InMemory(data), *settings).write(out, progress, processes)
    if not has_store(data, state):
        return _Plan(_InMemory(load_shop(data)), *settings).write(out, progress, processes)
    with EventStore(state_folder(data) if state is None else state, create=False) as store:
        return _Plan(_FromStore(read_catalogue(data), store), *settings).write(out, progress, processes)


@dataclass
class _Plan:
    source: _Source
    wanted: Sequence[str] | None
    segment: str | None
    at: np.datetime64 | str | None
    k: int
    holdout: float
    budget: float
    seed: int
    pseudonyms: bool
    learn_from: int
    model: str

    def write(self, out: Path, progress: bool, processes: int | None) -> Offers:
        everybody = self.source.users()
        chosen = everybody if self.wanted is None else list(dict.fromkeys(map(str, self.wanted)))
        self._learn(everybody)
        parts = self._parts_folder(out, chosen)
        pieces = [chosen[low : low + _USERS_AT_ONCE] for low in range(0, len(chosen), _USERS_AT_ONCE)]
        files = [parts / f"{number:06d}.parquet" for number in range(len(pieces))]
        todo = [(file, piece) for file, piece in zip(files, pieces, strict=True) if not file.exists()]
        left = sum(len(piece) for _, piece in todo)
        with tqdm(
            total=len(chosen), initial=len(chosen) - left, unit=f" {self.source.shop.user_words}", disable=not progress
        ) as bar:
            several = (processes or os.cpu_count() or 1) if len(todo) > (1 if processes else _PARTS_OF_ONE) else 1
            for done in _worked(self.writer, self._jobs(todo), several):
                bar.update(done)
        groups, rows = self._joined(files, out)
        shutil.rmtree(parts)
        notes = []
        if self._learned_from < len(everybody):
            notes.append(f"learned from {self._learned_from:,} of {len(everybody):,} {self.source.shop.user_words}")
        return Offers(out, groups, rows, self._learned_from, len(chosen) - left, tuple(notes))

    def _jobs(self, todo: list[tuple[Path, list[str]]]) -> Iterator["_Job"]:
        """Each part that is to be written with its users' events, read for many parts at once."""
        stride = max(1, int(_EVENTS_AT_ONCE / _USERS_AT_ONCE / max(1, self.source.per_user())))
        for low in range(0, len(todo), stride):
            some = todo[low : low + stride]
            part_of = {user: number for number, (_, piece) in enumerate(some) for user in piece}
            events = self.source.events(list(part_of))
            number = events["user_id"].map(part_of).to_numpy()
            order = np.argsort(number, kind="stable")
            bounds = np.searchsorted(number[order], np.arange(len(some) + 1))
            for (file, piece), start, stop in zip(some, bounds[:-1], bounds[1:], strict=True):
                yield file, piece, events.iloc[order[start:stop]].reset_index(drop=True)

    def _learn(self, everybody: list[str]) -> None:
        """Fit on everybody, or on a part that is drawn by seed, and cut the segments there."""
        teachers = everybody
        if len(everybody) > self.learn_from:

            def drawn(row: int) -> bytes:
                return hashlib.sha256(f"learn:{self.seed}:{everybody[row]}".encode()).digest()

            order = heapq.nsmallest(self.learn_from, range(len(everybody)), key=drawn)
            teachers = [everybody[row] for row in sorted(order)]
        self._learned_from = len(teachers)
        events = self.source.events(None if len(teachers) == len(everybody) else teachers)
        shop, _ = clean(self.source.shop.with_tables(events=events))
        last = shop.purchases["time"].max()
        day = last.normalize() + np.timedelta64(1, "D") if self.at is None else self.at
        self.day = as_day(day, "at")
        shop = shop.with_tables(events=shop.events[shop.events["time"] < pd.Timestamp(self.day)])
        if shop.purchases.empty:
            raise BundlebookError(
                "there is nobody to offer anything to: nothing was bought before the day of the offer",
                where=str(self.day),
                remedy="change --at",
            )
        visible = group_baskets(shop)
        recommender = BundleRecommender(self.model).fit(shop, visible.over(common_items(visible)), self.day)
        first = np.datetime64(shop.purchases["time"].min(), "D")
        end = np.datetime64(shop.purchases["time"].max(), "D") + 1
        table = customer_segments(shop, first, end)
        known = recommender.table_["cost_known"]
        self.writer = _Writer(
            self.source.shop.with_tables(events=shop.events[:0]),  # a catalogue: what was learned from is not kept
            recommender,
            self.day,
            visible.level,
            (first, end),
            tuple(table.loc[table["segment"] != "lapsed", name].median() for name in ("visits", "spend_per_visit")),
            bool(shop.purchases["price"].notna().any()),
            set(known.index[known.to_numpy(bool)]),
            self.segment,
            self.k,
            self.holdout,
            self.budget,
            self.seed,
            self.pseudonyms,
        )

    def _parts_folder(self, out: Path, chosen: list[str]) -> Path:
        """Folder of the finished parts; emptied where they belong to other settings."""
        settings = [self.source.identity, str(self.day), self.segment, self.k, self.holdout, self.budget, self.seed]
        settings += [
            self.pseudonyms,
            self.learn_from,
            _USERS_AT_ONCE,
            self.model,
            hashlib.sha256("\n".join(chosen).encode()).hexdigest(),
        ]
        identity = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
        parts = out.with_name(f"{out.name}.parts")
        told = parts / "settings"
        if not told.exists() or told.read_text() != identity:
            shutil.rmtree(parts, ignore_errors=True)
            parts.mkdir()
            draft = parts / "draft"
            draft.write_text(identity)
            draft.replace(told)
        return parts

    def _joined(self, files: list[Path], out: Path) -> tuple[dict[str, int], int]:
        """All parts in one file, which is whole or not there."""
        groups, rows = {_OFFERED: 0, _HELD: 0}, 0
        draft = out.with_name(f".{out.name}.draft")
        try:
            for table in self._written(files, draft):
                rows += len(table)
                for name, users in table.groupby("group")["user_id"].nunique().items():
                    groups[str(name)] += int(users)
            if not rows:
                raise BundlebookError(
                    "there is nobody to offer anything to", remedy="change --user, --users, --segment or --at"
                )
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
        return {name: number for name, number in groups.items() if number}, rows

    def _written(self, files: list[Path], draft: Path) -> Iterator[pd.DataFrame]:
        if draft.name.endswith(".parquet.draft"):
            schema = pq.read_schema(files[0]) if files else pa.schema([])
            with pq.ParquetWriter(draft, schema) as writer:
                for file in files:
                    table = pq.read_table(file)
                    writer.write_table(table)
                    yield table.to_pandas()
            return
        with draft.open("w", encoding="utf-8", newline="") as text:
            for number, file in enumerate(files):
                table = pq.read_table(file).to_pandas()
                shown = without_formulas(table) if len(table) else table
                shown.to_csv(text, index=False, header=number == 0, float_format="%.6g", lineterminator="\n")
                yield table


_Job = tuple[Path, list[str], pd.DataFrame]


@dataclass
class _Writer:
    """What a process needs to write the offers of some users; it can be sent to another process."""

    shop: Shop
    recommender: BundleRecommender
    day: np.datetime64
    level: str
    days: tuple[np.datetime64, np.datetime64]
    cuts: tuple[float, ...]
    priced: bool
    known_cost: set[str]
    segment: str | None
    k: int
    holdout: float
    budget: float
    seed: int
    pseudonyms: bool

    def write(self, job: _Job) -> int:
        """Write one part, whole or not at all; return how many users it is of."""
        file, users, events = job
        draft = file.with_suffix(f".{os.getpid()}")  # a process that outlives a killed run must not meet its successor
        pq.write_table(pa.Table.from_pandas(self.table(users, events), preserve_index=False), draft)
        draft.replace(file)
        return len(users)

    def segments(self, events: pd.DataFrame) -> pd.Series:
        """Segment of each user of some cleaned events, cut where the segments of those learned from are cut."""
        bought = events[events["event"] == "purchase"]
        if bought.empty:
            return pd.Series(dtype=object)
        table = customer_segments(self.shop.with_tables(events=bought), *self.days)
        visits, spend = self.cuts
        often = np.where(table["visits"] >= visits, "frequent", "occasional").astype(object)
        much = np.where(table["spend_per_visit"] >= spend, "large", "small").astype(object)
        return (pd.Series(often, table.index) + "-" + much).where(table["segment"] != "lapsed", "lapsed")

    def table(self, users: list[str], events: pd.DataFrame) -> pd.DataFrame:
        """The rows of some users, from their events."""
        source = self.shop
        events = events[events["time"] < pd.Timestamp(self.day) + pd.Timedelta(days=1)]  # cleaning moves the clock
        try:
            cleaned = clean(source.with_tables(events=events))[0].events if len(events) else events
        except BundlebookError as error:
            if error.problem != "no purchase is left":
                raise
            cleaned = events[:0]
        cleaned = cleaned[cleaned["time"] < pd.Timestamp(self.day)]
        histories = None
        if (cleaned["event"] == "purchase").any():
            histories = group_baskets(source.with_tables(events=cleaned)).over(self.recommender.items_)
        segments = self.segments(cleaned)
        place = {} if histories is None else {user: row for row, user in enumerate(histories.user_ids)}
        held = dict(zip(users, held_out(users, self.holdout, self.seed).tolist(), strict=True))
        segment = {user: segments.get(user, "new") for user in users}
        if self.segment is not None:
            users = [user for user in users if segment[user] == self.segment]
        known = [user for user in users if user in place]
        limits = Limits(budget=self.budget)
        pages: dict[str, list[Bundle]] = {}
        own: dict[str, set[str]] = {}
        if histories is not None and known:
            mine = histories.of_users(np.array([place[user] for user in known]))
            pages = dict(zip(known, self.recommender.pages(mine, self.k, limits=limits), strict=True))
            bought = mine.user_item()
            for row, user in enumerate(known):
                own[user] = set(mine.items[bought.indices[bought.indptr[row] : bought.indptr[row + 1]]].tolist())
        strange = self.recommender.recommend(None, self.k, limits=limits) if len(known) < len(users) else []
        rows = []
        for user in users:
            out = held[user]
            for number, bundle in enumerate(pages.get(user, strange), start=1):
                new = sum(item not in own.get(user, ()) for item in bundle.items)
                rows.append(
                    {
                        "user_id": user,
                        "group": _HELD if out else _OFFERED,
                        "place": number,
                        "items": " + ".join(bundle.items),
                        "names": " + ".join(source.called(item, self.level) for item in bundle.items),
                        **{name: getattr(bundle, name) for name in ("usual_price", "price", "discount", "probability")},
                        "break_even_low": bundle.break_even[0],
                        "break_even_high": bundle.break_even[1],
                        "revenue": bundle.revenue,
                        "margin": bundle.margin,
                        "margin_is": "catalogue" if self.known_cost.issuperset(bundle.items) else "ASSUMED",
                        "kind": "bought before" if not new else "all new" if new == len(bundle.items) else "partly new",
                        "segment": segment[user],
                        "propensity": self.holdout if out else 1 - self.holdout,
                        "first_day": str(self.day),
                        "last_day": str(self.day + PERIOD_DAYS - 1),
                        "reasons": " ".join(bundle.reasons),
                    }
                )
        table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
        if not self.priced:
            table = table.assign(**dict.fromkeys(("usual_price", "price", "revenue", "margin"), np.nan))
        return with_pseudonyms(table, source) if self.pseudonyms and len(table) else table


def _worked(writer: _Writer, jobs: Iterator[_Job], processes: int) -> Iterator[int]:
    """Do jobs, and say of each in turn how many users it was of; few of them are held in memory at a time."""
    if processes == 1:
        yield from map(writer.write, jobs)
        return
    # Started afresh: a forked process would hold the store's lock, and threads of libraries do not survive it.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(writer,))
    try:
        waiting: deque[Future[int]] = deque()
        for job in jobs:
            waiting.append(pool.submit(_do, job))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_begun: list[_Writer] = []


def _begin(writer: _Writer) -> None:
    """Make this process ready for its jobs: one thread, and an end when the process that started it has ended."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    _begun.append(writer)
    parent = multiprocessing.parent_process()

    def end_with(sentinel: int) -> None:
        multiprocessing.connection.wait([sentinel])
        os._exit(1)

    if parent is not None:
        threading.Thread(target=end_with, args=(parent.sentinel,), daemon=True).start()


def _do(job: _Job) -> int:
    return _begun[0].write(job)


def read_offers(file: str | Path) -> pd.DataFrame:
    """Read a file of offers, as :func:`write_offers` wrote it or as a mail tool saved it again.

    Raises
    ------
    BundlebookError
        If it is not there, or lacks a column that measuring needs.
    """
    file = Path(file)
    if not file.is_file():
        raise BundlebookError("there is no such file", where=file.name, remedy="give the file that `offer` wrote")
    kinds = {name: kind for name, kind in COLUMNS.items() if kind == "str"}
    try:
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(
                file, dtype=kinds, keep_default_na=False, na_values={n: [""] for n in COLUMNS if n not in kinds}
            )
    except (ValueError, OSError, pa.ArrowException) as error:
        raise BundlebookError(
            f"this is no table of offers: {str(error).splitlines()[0][:120]}",
            where=file.name,
            remedy="give the file that `offer` wrote",
        ) from None
    needed = ("user_id", "group", "items", "probability", "propensity", "first_day", "last_day")
    if missing := [name for name in needed if name not in table]:
        raise BundlebookError(
            f"the column {missing[0]!r} is missing",
            where=file.name,
            remedy="give the file as `offer` wrote it, with all its columns",
        )
    return table.assign(user_id=table["user_id"].astype(str))


def offers_by_bundle(offers: pd.DataFrame) -> pd.DataFrame:
    """Sum an offer up by bundle: whom it goes to, how likely they are to buy it, and what a discount must bring.

    Parameters
    ----------
    offers : DataFrame
        From :func:`read_offers`. Users of the hold-out group get nothing and are not counted.

    Returns
    -------
    DataFrame
        One row per set of items, that of the most users first: ``items``, ``names``, ``users``, ``segment`` (the most
        frequent one among them), ``of_segment`` (its share of them), ``p_least`` (lowest P of a user who is offered it:
        the threshold), ``p_mean``, ``discount`` (mean share taken off), ``break_even_low`` and ``break_even_high``
        (medians over the users; factors on P).
    """
    sent = offers[offers["group"] == _OFFERED]
    grouped = sent.groupby("items", sort=True)
    table = grouped.agg(
        names=("names", "first"),
        users=("user_id", "nunique"),
        p_least=("probability", "min"),
        p_mean=("probability", "mean"),
        discount=("discount", "mean"),
        break_even_low=("break_even_low", "median"),
        break_even_high=("break_even_high", "median"),
    )
    counts = sent.groupby(["items", "segment"])["user_id"].nunique().rename("n").reset_index()
    most = counts.sort_values(["n", "segment"], ascending=[False, True]).drop_duplicates("items").set_index("items")
    table.insert(2, "segment", most["segment"].reindex(table.index).fillna(""))
    table.insert(3, "of_segment", most["n"].reindex(table.index) / table["users"])
    return table.reset_index().sort_values(["users", "items"], ascending=[False, True], ignore_index=True)
