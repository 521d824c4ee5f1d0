"""Duplicates: events written down twice (drop them) and purchases scanned in pieces (merge them)."""

import numpy as np
import pandas as pd

#: What makes two lines the same purchase; columns a shop does not have are left out.
MERGE_KEY = ("user_id", "item_id", "time", "event", "basket_id", "session_id")


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
    """Make one line of those that agree on :data:`MERGE_KEY`: quantities add up and the money stays the same.

    The merged price is Σ quantity × price / Σ quantity over the lines whose price is known, or their plain mean
    if they have no quantity; any other column keeps its first value.

    Returns
    -------
    (DataFrame, int)
        The events, each merged line in the place of its first part, and the number of merged lines.
    """
    events = events.reset_index(drop=True)
    key = [column for column in MERGE_KEY if column in events]
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
