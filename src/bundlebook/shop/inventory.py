"""What a shop's tables hold, and what was lost on the way into them, so that no analysis has to guess either."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop
from bundlebook.shop.splits import _open_weekdays, complete_weeks

#: Share of users with a second day of purchases from which on a shop has repeat customers.
_REPEAT = 0.05
#: Share of the revenue above which a loss is told before anything else.
WORTH_TELLING = 0.01
#: Share of the revenue above which a command stops.
MOST_LOST = 0.2
_MEANING = {
    "priced": "of the purchase lines have a price",
    "discounted": "of these were paid below the shelf price",
    "named": "of the items have a name",
    "levels": "levels of the catalogue",
    "users": "users with a purchase",
    "returning": "of them bought on two days or more",
    "described": "of them have attributes",
    "weeks": "complete weeks",
    "weekdays": "weekdays on which it usually opens",
    "gaps": "such days without a purchase",
    "several": "of the purchase lines hold more than one unit",
    "browsing": "views, searches and items put into a cart",
}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Capabilities:
    """What an analysis can ask of a shop, each answer with the number behind it.

    Attributes
    ----------
    priced : float
        Share of the purchase lines with a price above 0.
    discounted : float
        Share of the priced lines that were paid below their shelf price; nan where no shelf price is known.
    named : float
        Share of the items whose name is not just their identifier.
    levels : tuple of str
        Granularities of the catalogue, see :attr:`bundlebook.shop.Shop.levels`.
    users : int
        Users with a purchase.
    returning : float
        Share of them who bought on two days or more. 0 where each receipt is a user of its own.
    described : float
        Share of them with a row in ``users``.
    weeks : int
        Complete weeks, see :func:`bundlebook.shop.complete_weeks`.
    weekdays : tuple of str
        Weekdays on which the shop usually opens, ``"Mon"`` first; empty where purchases are too rare to tell.
    gaps : int
        Days on such a weekday, between the first and the last purchase, without one.
    several : float
        Share of the purchase lines of more than one unit.
    browsing : int
        Views, searches and items put into a cart.
    """

    priced: float
    discounted: float
    named: float
    levels: tuple[str, ...]
    users: int
    returning: float
    described: float
    weeks: int
    weekdays: tuple[str, ...]
    gaps: int
    several: float
    browsing: int

    @property
    def has_prices(self) -> bool:
        """Whether money can be counted at all."""
        return self.priced > 0

    @property
    def has_discounts(self) -> bool:
        """Whether paid and shelf prices differ, so that a response to prices can be learned."""
        return self.discounted > 0

    @property
    def has_names(self) -> bool:
        """Whether a person can read what an item is."""
        return self.named > 0

    @property
    def has_repeat_customers(self) -> bool:
        """Whether at least one user in twenty came on a second day: what every personal recommender learns from."""
        return self.returning >= _REPEAT

    def __str__(self) -> str:
        """One line per capability: its name, its number, and what the number counts."""
        lines = []
        for name, meaning in _MEANING.items():
            value = getattr(self, name)
            if isinstance(value, tuple):
                number, meaning = "", f"{meaning}: {', '.join(value) or 'none'}"
            elif isinstance(value, float):
                number = "unknown" if math.isnan(value) else f"{value:.1%}"
            else:
                number = f"{value:,}"
            lines.append(f"{name:<10} {number:>8}  {meaning}")
        return "\n".join(lines)


def capabilities(shop: Shop) -> Capabilities:
    """Say what a shop has: prices, names, levels, customers who return, weeks, open days, quantities, browsing.

    Parameters
    ----------
    shop : Shop
        Cleaned or not; days are those of the clock its times are on.

    Returns
    -------
    Capabilities

    Examples
    --------
    >>> days = pd.to_datetime(["2021-03-01", "2021-03-02", "2021-03-03"])
    >>> events = pd.DataFrame({"user_id": list("aab"), "item_id": "i", "time": days, "event": "purchase"})
    >>> events = events.assign(quantity=1, price=[5.0, 5.0, float("nan")])
    >>> found = capabilities(Shop("tiny", events, pd.DataFrame({"item_id": ["i"], "name": ["i"]})))
    >>> round(found.priced, 2), found.has_names, found.returning, found.weeks
    (0.67, False, 0.5, 0)
    """
    lines, products = shop.purchases, shop.products
    priced = lines["price"] > 0
    shelf = lines["list_price"] if "list_price" in lines else pd.Series(np.nan, lines.index)
    days = lines["time"].to_numpy().astype("datetime64[D]")
    visits = pd.DataFrame({"user": lines["user_id"].to_numpy(), "day": days}).drop_duplicates()["user"].value_counts()
    try:
        first, end = complete_weeks(days)
        weeks = int((end - first).astype(int)) // 7
    except BundlebookError:
        weeks = 0
    usual = _open_weekdays(days) if weeks else np.array([], dtype=int)
    every = np.arange(days.min(), days.max() + 1) if len(days) else days
    closed = np.setdiff1d(every, days)
    described = [] if shop.users is None else shop.users["user_id"]
    return Capabilities(
        priced=_share(priced),
        discounted=_share((lines["price"] < 0.995 * shelf)[priced]) if shelf[priced].notna().any() else math.nan,
        named=_share((products["name"] != products["item_id"]) & products["name"].notna()),
        levels=tuple(shop.levels),
        users=len(visits),
        returning=_share(visits > 1),
        described=_share(visits.index.isin(described)),
        weeks=weeks,
        weekdays=tuple(_WEEKDAYS[day] for day in usual),
        gaps=int(np.isin((closed.astype(np.int64) + 3) % 7, usual).sum()),
        several=_share(lines["quantity"] > 1),
        browsing=int((shop.events["event"] != "purchase").sum()),
    )


def _share(mask: pd.Series | np.ndarray) -> float:
    return float(np.mean(mask)) if len(mask) else 0.0


def _count_losses(shop: Shop) -> pd.DataFrame:
    """Return the table for ``Shop.losses``, out of a shop that is loaded and not yet cleaned.

    A row whose price cannot be read counts as the mean purchase line does; in a shop without any price every purchase
    line counts alike.
    """
    bought, aside = shop.purchases, shop.quarantine
    paid = (bought["quantity"] * bought["price"]).mask(bought["quantity"] == 0, 0.0)
    typical = paid.mean() if paid.notna().any() else 1.0
    paid = paid.fillna(typical)
    lost = aside.assign(money=aside["revenue"].fillna(typical), what=aside["file"] + ": " + aside["reason"])
    lost["what"] = lost["what"].where(lost["column"] == "", lost["what"] + " (" + lost["column"] + ")")
    table = lost.groupby("what")["money"].agg(rows="size", revenue="sum")
    code, items = pd.factorize(shop.events["item_id"])  # each item is looked up once, not once per line
    unknown = np.append(pd.Index(shop.products["item_id"]).get_indexer(items) < 0, False)  # the last: no item at all
    named = pd.Series(unknown[code], index=shop.events.index)
    if named.any():
        table.loc["the item is not in the catalogue"] = [named.sum(), paid[named.reindex(paid.index)].sum()]
    total = paid.sum() + lost["money"].sum()
    table = table.assign(revenue=table["revenue"] / total if total else 0.0).astype({"rows": np.int64})
    order = ["revenue", "rows", "what"]
    return table.reset_index().sort_values(order, ascending=[False, False, True], ignore_index=True)


def check_losses(shop: Shop, accept: bool = False) -> list[str]:
    """Say in sentences what a shop lost at loading; refuse to go on where it is too much.

    Parameters
    ----------
    shop : Shop
        Cleaned or not.
    accept : bool
        True: go on whatever is lost.

    Returns
    -------
    list of str
        Empty where nothing was lost. Losses of more than 1 % of the revenue come first; where no price is known, all
        shares are those of the purchases.

    Raises
    ------
    BundlebookError
        If more than 20 % of the revenue is lost and `accept` is False.
    """
    table = shop.losses
    share = table["revenue"].sum()
    said = [f"{_rows(rows)}, {part:.1%} of {shop.worth}: {what}" for what, rows, part in table.itertuples(index=False)]
    if share > MOST_LOST and not accept:
        raise BundlebookError(
            f"{share:.1%} of {shop.worth} is lost: " + "; ".join(said),
            where=f"shop {shop.name!r}",
            remedy="mend the files, or accept the loss with --accept-loss",
        )
    heavy = table["revenue"] > WORTH_TELLING
    first = [f"LOST {share:.1%} of {shop.worth} of shop {shop.name!r}"] if share > WORTH_TELLING else []
    rest = "set aside or without a product" if heavy.any() else f"shop {shop.name!r}: set aside or without a product"
    small = int(table.loc[~heavy, "rows"].sum())
    part = table.loc[~heavy, "revenue"].sum()
    return [
        *first,
        *(f"  {line}" for line, big in zip(said, heavy, strict=True) if big),
        *([f"{rest}: {_rows(small)}, {part:.2%} of {shop.worth}"] if small else []),
    ]


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
