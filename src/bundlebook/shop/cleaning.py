"""Cleaning: each step is a named function that says which lines it removes or changes, and the audit adds up.

Every decision about a line looks at that line, at its twins of the same moment and at the catalogue, never at
a statistic of the whole log. So no later week can reach an earlier prediction through a cleaned shop. Limits and
prices that must be learned from data name the day up to which they look: :mod:`bundlebook.shop.imputation`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.policy import CleaningPolicy
from bundlebook.shop.shop import Shop

#: What makes two lines the same purchase; columns a shop does not have are left out.
_MERGE_KEY = ("user_id", "item_id", "time", "event", "basket_id", "session_id")
_AUDIT_COLUMNS = ["step", "rows_in", "rows_out", "rows_changed", "reason"]


def clean(shop: Shop, policy: CleaningPolicy | None = None) -> tuple[Shop, pd.DataFrame]:
    """Clean a shop's events and account for every row.

    Parameters
    ----------
    shop : Shop
        As loaded, or cleaned before: cleaning a cleaned shop changes nothing.
    policy : CleaningPolicy, optional
        What to do at each step; ``shop.policy`` if not given.

    Returns
    -------
    shop : Shop
        With ``time`` on the shop's own clock and without the events that a step removes; the others stay as they
        are, but for the clock of ``bundle_events``.
    audit : DataFrame
        One row per step, in the order of the steps: ``step``, ``rows_in``, ``rows_out``, ``rows_changed`` (kept
        with another value) and ``reason``. ``rows_out`` of a step is ``rows_in`` of the next.

    Raises
    ------
    BundlebookError
        If the shop had purchases and a step removed the last of them.

    Notes
    -----
    Missing catalogue prices are not filled here, because a median over the whole log would tell an earlier
    prediction what things cost later. See :func:`bundlebook.shop.imputation.fill_prices`.
    """
    policy = shop.policy if policy is None else policy
    audit: list[tuple] = []
    if policy.local_time:
        shop, moved = to_local_time(shop)
        zone = shop.local_timezone or "the shop's own clock"
        audit.append(("local time", len(shop.events), len(shop.events), moved, f"time brought to {zone}"))
    events, purchase = shop.events, (shop.events["event"] == "purchase").to_numpy()
    alive = np.ones(len(events), dtype=bool)
    for step, removed, reason in _removals(shop, policy):
        before = int(alive.sum())
        alive &= ~removed
        audit.append((step, before, int(alive.sum()), 0, reason))
        if purchase.any() and not purchase[alive].any():
            raise _nothing_left(step)
    # One copy for all removals: copying a million lines costs more than judging them.
    events = events if alive.all() else events[alive].reset_index(drop=True)
    for step, change, reason in _rewrites(policy, shop.products):
        before = len(events)
        events, changed = change(events)
        audit.append((step, before, len(events), changed, reason))
        if purchase.any() and not (events["event"] == "purchase").any():
            raise _nothing_left(step)
    return shop.with_tables(events=events), pd.DataFrame(audit, columns=_AUDIT_COLUMNS)


def _removals(shop: Shop, policy: CleaningPolicy) -> Iterator[tuple[str, np.ndarray, str]]:
    """The steps that only remove, each as (name, mask of the lines to remove, reason).

    A quantity or price that is missing is not zero, and events other than purchases may lack either.
    """
    events, products = shop.events, shop.products
    purchase = (events["event"] == "purchase").to_numpy()
    quantity, price = events["quantity"].to_numpy(float), events["price"].to_numpy(float)
    item, labels = pd.factorize(events["item_id"])
    # Row of the catalogue for each event, -1 where it has none; the last entry serves the code -1, no item at all.
    row = np.append(pd.Index(products["item_id"]).get_indexer(labels), -1)[item]
    if policy.unknown_items == "drop":
        yield "not in catalogue", (item >= 0) & (row < 0), "an item without a name or price cannot be offered"
    if policy.zero_quantity == "drop":
        yield "zero quantity", purchase & (quantity <= 0), "nothing changed hands"
    if policy.zero_price == "drop":
        yield "zero price", purchase & (price <= 0), "nothing was paid: a gift or a correction, no choice"
    if policy.missing_quantity == "drop":
        yield "missing quantity", purchase & np.isnan(quantity), "the log does not say how many"
    if policy.missing_price == "drop":
        yield "missing price", purchase & np.isnan(price), "the log does not say what was paid"
    for exclusion in policy.exclusions:
        items = np.zeros(len(products) + 1, dtype=bool)  # the last entry serves the events without a row
        for column, values in exclusion.items:
            if column in products:
                items[:-1] |= products[column].isin(values).to_numpy()
        yield exclusion.step, items[row], exclusion.reason


def _rewrites(policy: CleaningPolicy, products: pd.DataFrame) -> Iterator[tuple[str, Callable, str]]:
    """The steps that compare or change lines, each as (name, function of the events, reason).

    Capping can make two lines equal and merging can raise a quantity above the limit, so only this order leaves
    nothing for a second cleaning to do: merge, then limit, then drop.
    """
    if policy.missing_quantity == "one":
        yield "fill quantity", _fill_quantity, "missing: a purchase is of one unit at least"
    if policy.missing_price == "catalogue":
        yield "fill price", partial(_fill_price, products=products), "missing: the shelf or catalogue price stands in"
    limit, how = policy.max_quantity, policy.implausible
    if policy.duplicates == "merge":
        yield "merge duplicates", merge_twins, "same user, item, moment and basket: quantities added, money kept"
    if limit is not None:
        yield f"{how} quantity", partial(_limit_quantity, limit=limit, how=how), f"more than {limit:g} units in a line"
    if policy.duplicates == "drop":
        yield "drop duplicates", drop_twins, "equal to an earlier line in every column"


def to_local_time(shop: Shop) -> tuple[Shop, int]:
    """Bring every time from ``shop.timezone`` to ``shop.local_timezone``.

    Returns
    -------
    (Shop, int)
        The shop, with ``timezone`` equal to ``local_timezone``, and the number of events whose time changed.
        A shop that does not know both zones is returned as it is.

    Notes
    -----
    In the hour that autumn repeats, two moments get the same local time: the clock on the wall does the same.
    """
    here, there = shop.timezone, shop.local_timezone
    if not here or not there or here == there:
        return shop, 0

    def local(time: pd.Series) -> pd.Series:
        aware = time.dt.tz_localize(here, ambiguous=False, nonexistent="shift_forward")
        return aware.dt.tz_convert(there).dt.tz_localize(None)

    tables = {"events": shop.events.assign(time=local(shop.events["time"])), "timezone": there}
    if shop.bundle_events is not None:
        tables["bundle_events"] = shop.bundle_events.assign(time=local(shop.bundle_events["time"]))
    moved = tables["events"]["time"].to_numpy() != shop.events["time"].to_numpy()
    return replace(shop, **tables), int(moved.sum())


def _fill_quantity(events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Take one unit where a purchase does not say how many; return the events and the number of lines filled."""
    missing = ((events["event"] == "purchase") & events["quantity"].isna()).to_numpy()
    filled = events.assign(quantity=events["quantity"].mask(missing, 1)) if missing.any() else events
    return filled, int(missing.sum())


def _fill_price(events: pd.DataFrame, products: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Take the line's own shelf price, else the catalogue's, where a purchase does not say what was paid.

    A price of 0 fills nothing: it is not known to be one. Returns the events and the number of lines filled.
    """
    missing = np.flatnonzero((events["event"] == "purchase") & events["price"].isna())
    if not len(missing):
        return events, 0
    lines = events.iloc[missing]
    known = lines["item_id"].map(products.set_index("item_id")["price"])
    if "list_price" in lines:
        known = lines["list_price"].where(lines["list_price"] > 0, known)
    known = known.where(known > 0).to_numpy(float)
    if np.isnan(known).all():
        return events, 0
    price = events["price"].to_numpy(float, copy=True)
    price[missing] = known
    return events.assign(price=price), int(np.isfinite(known).sum())


def _limit_quantity(events: pd.DataFrame, limit: float, how: str = "cap") -> tuple[pd.DataFrame, int]:
    """Cap or drop (*how*) the purchases of more than *limit* units; return the events and how many were capped."""
    above = (events["event"] == "purchase").to_numpy() & (events["quantity"].to_numpy(float) > limit)
    if not above.any():
        return events, 0
    if how == "drop":
        return events[~above].reset_index(drop=True), 0
    whole_units = pd.api.types.is_integer_dtype(events["quantity"].dtype)
    capped = events["quantity"].mask(above, int(limit) if whole_units else limit)
    return events.assign(quantity=capped), int(above.sum())


def drop_twins(events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop every line that equals an earlier one in all columns.

    Returns
    -------
    (DataFrame, int)
        The events in their order, renumbered from 0, or `events` itself if there is nothing to drop; and 0,
        because no line that stays is changed.
    """
    candidates = _same_item_and_moment(events)
    twins = candidates[events.iloc[candidates].duplicated().to_numpy()]
    if not len(twins):
        return events, 0
    kept = np.ones(len(events), dtype=bool)
    kept[twins] = False
    return events[kept].reset_index(drop=True), 0


def merge_twins(events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Make one line of those that agree on ``_MERGE_KEY``: quantities add up and the money stays the same.

    The merged price is Σ quantity × price / Σ quantity over the lines whose price is known, or their plain mean
    if they have no quantity; any other column keeps its first value.

    Returns
    -------
    (DataFrame, int)
        The events, each merged line in the place of its first part, and the number of merged lines.
    """
    events = events.reset_index(drop=True)
    key = [column for column in _MERGE_KEY if column in events]
    candidates = _same_item_and_moment(events)
    lines = events.iloc[candidates]
    repeated = lines.duplicated(key, keep=False).to_numpy()
    if not repeated.any():
        return events, 0
    candidates, lines = candidates[repeated], lines[repeated]
    group = lines.groupby(key, sort=False, dropna=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    merged = lines.iloc[first].copy()
    merged["quantity"] = lines["quantity"].groupby(group).sum(min_count=1).astype(lines["quantity"].dtype).to_numpy()
    for money in ("price", "list_price"):
        if money in lines:
            merged[money] = _mean_price(lines[money], lines["quantity"], group)
    kept = np.ones(len(events), dtype=bool)
    kept[candidates] = False
    whole = pd.concat([events[kept], merged]).sort_index(kind="stable")
    return whole.reset_index(drop=True), len(merged)


def _same_item_and_moment(events: pd.DataFrame) -> np.ndarray:
    """Positions of the events that share item and time with another: all that can have a twin.

    Comparing two integers a line is several times faster than comparing nine columns of text, and on most logs
    hardly a candidate is left.
    """
    item = pd.factorize(events["item_id"])[0]
    frame = pd.DataFrame({"item": item, "moment": events["time"].to_numpy().astype(np.int64)})
    return np.flatnonzero(frame.duplicated(keep=False).to_numpy())


def _mean_price(price: pd.Series, quantity: pd.Series, group: np.ndarray) -> np.ndarray:
    weight = quantity.astype(float).fillna(0).where(price.notna(), 0.0)
    money = (price.fillna(0.0) * weight).groupby(group).sum()
    units = weight.groupby(group).sum()
    return (money / units.where(units > 0)).fillna(price.groupby(group).mean()).to_numpy()


def _nothing_left(step: str) -> BundlebookError:
    """An empty shop would only fail later, and less clearly."""
    return BundlebookError(
        "no purchase is left",
        where=f"cleaning step {step!r}",
        remedy="pass clean() a CleaningPolicy that keeps these lines, or check how the columns were read",
    )
