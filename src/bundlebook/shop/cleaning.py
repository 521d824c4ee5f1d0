"""Cleaning: each step a named function that says which lines it condemns or changes, and an audit that adds up.

Every decision about a line looks at that line, at its twins of the same moment and at the catalogue, never at
a statistic of the whole log. So no later week can reach an earlier prediction through a cleaned shop. Limits and
prices that must be learned from data name the day up to which they look: :mod:`bundlebook.shop.quantities` and
:mod:`bundlebook.shop.imputation`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.duplicates import drop_twins, merge_twins
from bundlebook.shop.imputation import fill_price, fill_quantity
from bundlebook.shop.policy import CleaningPolicy, Exclusion, default_policy
from bundlebook.shop.quantities import limit_quantity
from bundlebook.shop.shop import Shop

_AUDIT_COLUMNS = ["step", "rows_in", "rows_out", "rows_changed", "reason"]


@dataclass(frozen=True)
class Lines:
    """Events beside their place in the catalogue, looked up once for all steps.

    Attributes
    ----------
    events : DataFrame
        ``shop.events``.
    products : DataFrame
        ``shop.products``.
    named : ndarray of bool, shape (n_events,)
        Whether the event names an item at all; a search need not.
    row : ndarray of int64, shape (n_events,)
        Row of `products` that describes the item, -1 where there is none.
    purchase : ndarray of bool, shape (n_events,)
        Whether the event is a purchase.
    """

    events: pd.DataFrame
    products: pd.DataFrame
    named: np.ndarray
    row: np.ndarray
    purchase: np.ndarray

    @classmethod
    def of(cls, shop: Shop) -> "Lines":
        """Look up the items of a shop's events."""
        item, labels = pd.factorize(shop.events["item_id"])
        # The last row serves the code -1.
        row = np.append(pd.Index(shop.products["item_id"]).get_indexer(labels), -1)[item]
        purchase = (shop.events["event"] == "purchase").to_numpy()
        return cls(shop.events, shop.products, item >= 0, row, purchase)


def clean(shop: Shop, policy: CleaningPolicy | None = None) -> tuple[Shop, pd.DataFrame]:
    """Clean a shop's events and account for every row.

    Parameters
    ----------
    shop : Shop
        As loaded, or cleaned before: cleaning a cleaned shop changes nothing.
    policy : CleaningPolicy, optional
        What to do at each step; :func:`~bundlebook.shop.policy.default_policy` of the shop if not given.

    Returns
    -------
    shop : Shop
        With ``time`` on the shop's own clock and the condemned events removed; the other tables stay as they
        are, but for the clock of ``bundle_events``.
    audit : DataFrame
        One row a step, in the order of the steps: ``step``, ``rows_in``, ``rows_out``, ``rows_changed`` (kept
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
    policy = default_policy(shop) if policy is None else policy
    audit: list[tuple] = []
    if policy.local_time:
        shop, moved = to_local_time(shop)
        zone = shop.local_timezone or "the shop's own clock"
        audit.append(("local time", len(shop.events), len(shop.events), moved, f"time brought to {zone}"))
    lines = Lines.of(shop)
    alive = np.ones(len(lines.events), dtype=bool)
    for step, condemned, reason in _removals(lines, policy):
        before = int(alive.sum())
        alive &= ~condemned
        audit.append((step, before, int(alive.sum()), 0, reason))
        if lines.purchase.any() and not lines.purchase[alive].any():
            raise _nothing_left(step)
    # One copy for all removals: copying a million lines costs more than judging them.
    events = lines.events if alive.all() else lines.events[alive].reset_index(drop=True)
    for step, change, reason in _rewrites(policy, shop.products):
        before = events
        events, changed = change(before)
        audit.append((step, len(before), len(events), changed, reason))
        if (before["event"] == "purchase").any() and not (events["event"] == "purchase").any():
            raise _nothing_left(step)
    return shop.with_tables(events=events), pd.DataFrame(audit, columns=_AUDIT_COLUMNS)


def _removals(lines: Lines, policy: CleaningPolicy) -> Iterator[tuple[str, np.ndarray, str]]:
    """The steps that only remove, each as (name, mask of condemned lines, reason)."""
    if policy.unknown_items == "drop":
        yield "not in catalogue", not_in_catalogue(lines), "an item without a name or price cannot be offered"
    if policy.zero_quantity == "drop":
        yield "zero quantity", zero_quantity(lines), "nothing changed hands"
    if policy.zero_price == "drop":
        yield "zero price", zero_price(lines), "nothing was paid: a gift or a correction, no choice"
    if policy.missing_quantity == "drop":
        yield "missing quantity", missing(lines, "quantity"), "the log does not say how many"
    if policy.missing_price == "drop":
        yield "missing price", missing(lines, "price"), "the log does not say what was paid"
    for exclusion in policy.exclusions:
        yield exclusion.step, excluded(lines, exclusion), exclusion.reason


def _rewrites(policy: CleaningPolicy, products: pd.DataFrame) -> Iterator[tuple[str, Callable, str]]:
    """The steps that compare or change lines, each as (name, function of the events, reason).

    Capping can make two lines equal and merging can raise a quantity above the limit, so only this order leaves
    nothing for a second cleaning to do: merge, then limit, then drop.
    """
    if policy.missing_quantity == "one":
        yield "fill quantity", fill_quantity, "missing: a purchase is of one unit at least"
    if policy.missing_price == "catalogue":
        yield "fill price", partial(fill_price, products=products), "missing: the shelf or catalogue price stands in"
    limit, how = policy.max_quantity, policy.implausible
    if policy.duplicates == "merge":
        yield "merge duplicates", merge_twins, "same user, item, moment and basket: quantities added, money kept"
    if limit is not None:
        yield f"{how} quantity", partial(limit_quantity, limit=limit, how=how), f"more than {limit:g} units in a line"
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


def not_in_catalogue(lines: Lines) -> np.ndarray:
    """Mask of the events that name an item the catalogue does not have, shape (n_events,)."""
    return lines.named & (lines.row < 0)


def zero_quantity(lines: Lines) -> np.ndarray:
    """Mask of the purchases of no unit or fewer, shape (n_events,). A quantity that is missing is not zero."""
    return lines.purchase & (lines.events["quantity"].to_numpy(float) <= 0)


def zero_price(lines: Lines) -> np.ndarray:
    """Mask of the purchases for nothing, shape (n_events,). A price that is missing is not zero."""
    return lines.purchase & (lines.events["price"].to_numpy(float) <= 0)


def missing(lines: Lines, column: str) -> np.ndarray:
    """Mask of the purchases without a value in a column, shape (n_events,)."""
    return lines.purchase & lines.events[column].isna().to_numpy()


def excluded(lines: Lines, exclusion: Exclusion) -> np.ndarray:
    """Mask of the events whose item is one of an exclusion's, shape (n_events,)."""
    items = np.zeros(len(lines.products) + 1, dtype=bool)  # the last row serves the items outside the catalogue
    for column, values in exclusion.items:
        if column in lines.products:
            items[:-1] |= lines.products[column].isin(values).to_numpy()
    return items[lines.row]


def _nothing_left(step: str) -> BundlebookError:
    """An empty shop would only fail later, and less clearly."""
    return BundlebookError(
        "no purchase is left",
        where=f"cleaning step {step!r}",
        remedy="pass clean() a CleaningPolicy that keeps these lines, or check how the columns were read",
    )
