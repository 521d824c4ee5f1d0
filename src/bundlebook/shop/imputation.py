"""What cleaning may learn from the days already known: which quantity is believed, and what things cost.

Facts (a purchase is of one unit at least, the price stands on the shelf) may be used at any time and belong to
:func:`bundlebook.shop.clean`. A statistic must name the day up to which it looks, so every function here demands it.
"""

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop


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


def shelf_prices(lines: pd.DataFrame) -> pd.Series:
    """Shelf price of each line, money for one unit; the price paid where a line or the shop has no ``list_price``."""
    return lines["list_price"].fillna(lines["price"]) if "list_price" in lines else lines["price"]


def median_list_prices(shop: Shop, until) -> pd.Series:
    """Return what each item usually cost before a day: the median of its lines' shelf prices.

        p_i = median { list price of line l : item(l) = i, time(l) < until, price(l) > 0 }

    Parameters
    ----------
    shop : Shop
        Cleaned.
    until : str or datetime64
        First day that must not be looked at; for a prediction, the day at which it is made.

    Returns
    -------
    Series of float64
        Money for one unit by ``item_id``, sorted by it; items not sold before `until` are absent. The price paid
        stands in where a shop has no list prices.
    """
    lines = shop.purchases
    lines = lines[lines["time"] < pd.Timestamp(until)]
    price = shelf_prices(lines)
    chosen = (price > 0).to_numpy()
    code, items = pd.factorize(lines["item_id"][chosen])
    median = price[chosen].groupby(code).median()
    return pd.Series(median.to_numpy(float), index=pd.Index(items, name="item_id"), name="price").sort_index()


def fill_prices(shop: Shop, until) -> tuple[Shop, pd.DataFrame]:
    """Fill the catalogue prices that are missing with what was known before a day.

    An item's own :func:`median_list_prices` comes first; an item without one gets the median over the items of
    its product type, then category, then department, and last over all items.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    until : str or datetime64
        First day that must not be looked at. There is no default, because a price learned later than the
        prediction it serves is a leak.

    Returns
    -------
    shop : Shop
        With ``products.price`` complete, or as complete as the catalogue's groups allow.
    report : DataFrame
        ``source`` of the price (``given``, ``item_id``, ``product_type``, …, ``all items``, ``unknown``), number
        of ``items``, and their ``median`` price; the items add up to the catalogue.

    Raises
    ------
    BundlebookError
        If nothing was sold before `until`, or no price is known.
    """
    products, own = shop.products, median_list_prices(shop, until)
    if own.empty:
        sold = bool((shop.purchases["time"] < pd.Timestamp(until)).any())
        problem = "no price of a purchase is known" if sold else "nothing was sold"
        remedy = "add a column price to the log or the catalogue" if sold else "use a later day"
        raise BundlebookError(f"{problem} before {until}", where=f"shop {shop.name!r}", remedy=remedy)
    seen = products["item_id"].map(own)
    price = products["price"].astype(float).copy()
    source = pd.Series("unknown", index=products.index).mask(price.notna(), "given")
    levels = shop.levels
    candidates = [
        (level, seen if level == "item_id" else seen.groupby(products[level]).transform("median")) for level in levels
    ] + [("all items", pd.Series(own.median(), index=products.index))]
    for name, candidate in candidates:
        filled = price.isna() & candidate.notna()
        price, source = price.mask(filled, candidate), source.mask(filled, name)
    order = ["given", *(name for name, _ in candidates), "unknown"]
    report = price.groupby(source).agg(items="size", median="median").reindex(order).dropna(how="all")
    report = report.astype({"items": "int64"}).rename_axis("source").reset_index()
    return shop.with_tables(products=products.assign(price=price)), report
