"""Customer segments (客户分群) that any shop has: who still comes, how often, and how much a visit brings.

The rule uses the three numbers of every RFM analysis: recency (days since the last visit), frequency (visits) and
monetary value, here per visit, because spend is visits × spend per visit and the two call for different offers.
"""

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop

#: Names of the segments, and what a customer must be to belong to one.
SEGMENTS = {
    "frequent-large": "visits at or above the median, spend per visit at or above the median",
    "frequent-small": "visits at or above the median, spend per visit below it",
    "occasional-large": "visits below the median, spend per visit at or above it",
    "occasional-small": "visits below the median, spend per visit below it",
    "lapsed": "no visit in the last eight weeks",
}
#: Days without a visit after which a customer counts as lapsed.
_LAPSED_AFTER = 56


def customer_segments(shop: Shop, start, end, lapsed_after: int = _LAPSED_AFTER) -> pd.DataFrame:
    """Put every customer of some weeks into one of :data:`SEGMENTS`.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    start, end : str or datetime64
        First day that counts, and the first day after the last.
    lapsed_after : int
        Days without a visit, counted back from *end*, after which a customer is lapsed, whatever was before.

    Returns
    -------
    DataFrame
        Index ``user_id`` (sorted): ``visits`` (days with a purchase), ``spend`` (``shop.currency``; units where the
        shop knows no prices), ``spend_per_visit``, ``days_since`` (from the last visit to *end*) and ``segment``.
        Both medians are those of the customers who have not lapsed.

    Raises
    ------
    BundlebookError
        If nobody bought anything on these days.

    Examples
    --------
    >>> days = pd.to_datetime(["2021-03-01", "2021-03-02", "2021-03-03", "2021-01-01"])
    >>> events = pd.DataFrame({"user_id": list("aabc"), "item_id": "i", "time": days, "event": "purchase"})
    >>> events = events.assign(quantity=1, price=[5.0, 5.0, 2.0, 9.0])
    >>> customer_segments(Shop("tiny", events, pd.DataFrame()), "2021-01-01", "2021-03-08")["segment"].to_dict()
    {'a': 'frequent-large', 'b': 'occasional-small', 'c': 'lapsed'}
    """
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    start, end = np.datetime64(start, "D"), np.datetime64(end, "D")
    inside = (day >= start) & (day < end)
    if not inside.any():
        raise BundlebookError(f"nobody bought anything from {start} to {end}", where=f"shop {shop.name!r}")
    lines, day = lines[inside], day[inside]
    user, user_ids = pd.factorize(lines["user_id"], sort=True)
    price = lines["price"].to_numpy(dtype=np.float64)
    worth = lines["quantity"].to_numpy(dtype=np.float64) * (price if np.isfinite(price).any() else 1.0)
    visits = pd.DataFrame({"user": user, "day": day}).drop_duplicates()
    last = visits.groupby("user")["day"].max().to_numpy().astype("datetime64[D]")
    table = pd.DataFrame(
        {
            "visits": np.bincount(visits["user"], minlength=len(user_ids)),
            "spend": np.bincount(user, weights=np.nan_to_num(worth), minlength=len(user_ids)),
            "days_since": (end - last).astype(np.int64),
        },
        index=pd.Index(np.asarray(user_ids, dtype=str), name="user_id"),
    )
    table.insert(2, "spend_per_visit", table["spend"] / table["visits"])
    return table.assign(segment=_segment(table, lapsed_after))


def _segment(table: pd.DataFrame, lapsed_after: int) -> np.ndarray:
    lapsed = (table["days_since"] > lapsed_after).to_numpy()
    active = table[~lapsed] if not lapsed.all() else table
    often = np.where(table["visits"] >= active["visits"].median(), "frequent", "occasional")
    much = np.where(table["spend_per_visit"] >= active["spend_per_visit"].median(), "large", "small")
    return np.where(lapsed, "lapsed", np.char.add(np.char.add(often, "-"), much)).astype(object)
