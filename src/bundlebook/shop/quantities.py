"""Implausible quantities: learn a limit from the days already known, and apply it."""

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop


def limit_quantity(events: pd.DataFrame, limit: float, how: str = "cap") -> tuple[pd.DataFrame, int]:
    """Cap or drop the purchases of more than *limit* units.

    Parameters
    ----------
    events : DataFrame
    limit : float
        Units; a line of exactly `limit` stays as it is.
    how : {"cap", "drop"}

    Returns
    -------
    (DataFrame, int)
        The events and the number of lines that were capped.
    """
    above = (events["event"] == "purchase").to_numpy() & (events["quantity"].to_numpy(float) > limit)
    if not above.any():
        return events, 0
    if how == "drop":
        return events[~above].reset_index(drop=True), 0
    whole_units = pd.api.types.is_integer_dtype(events["quantity"].dtype)
    capped = events["quantity"].mask(above, int(limit) if whole_units else limit)
    return events.assign(quantity=capped), int(above.sum())


def quantity_limit(shop: Shop, until, quantile: float = 0.99, factor: float = 20.0) -> float:
    """Learn from the events before a day which quantity is implausible, for ``CleaningPolicy(max_quantity=...)``.

    Every item first has its own median, so that neither a few huge lines nor one best-seller moves the limit:

        limit = factor × quantile_q over items of (median over lines of quantity)

    Parameters
    ----------
    shop : Shop
    until : str or datetime64
        First day that must not be looked at, on the clock of ``shop.events``.
    quantile : float
        In (0, 1): how bulky the item is that sets the scale; a smaller share of wrong items than 1 - quantile does no
        harm.
    factor : float
        How many times its usual quantity is still believed.

    Returns
    -------
    float
        Units, at least `factor`.

    Raises
    ------
    BundlebookError
        If there is no purchase before `until`.
    """
    known = shop.purchases
    known = known[(known["time"] < pd.Timestamp(until)) & (known["quantity"] > 0)]
    if known.empty:
        raise BundlebookError(f"no purchase before {until}", where=f"shop {shop.name!r}", remedy="use a later day")
    usual = known.groupby("item_id")["quantity"].median()
    return float(factor * max(1.0, usual.quantile(quantile)))
