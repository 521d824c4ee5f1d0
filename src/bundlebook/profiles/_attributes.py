"""Attributes a person can read, of users (用户画像) and of items, counted from the purchases of the training weeks."""

import numpy as np
import pandas as pd

from bundlebook.shop import PERIOD_DAYS, Shop, Split

#: Group of every attribute, in the order in which portraits show them. Departments follow under ``"what"``.
USER_GROUPS = {
    "days since last visit": "when",
    "baskets per period": "when",
    "share in the evening": "when",
    "share at weekends": "when",
    "spend per period": "how much",
    "spend per basket": "how much",
    "items per basket": "how much",
    "different items": "how much",
    "repeated purchases": "how much",
    "price level": "at what price",
    "discount share": "at what price",
    "discount depth": "at what price",
    "private-label share": "at what price",
}
ITEM_GROUPS = {
    "shelf price": "at what price",
    "discount share": "at what price",
    "discount depth": "at what price",
    "private-label share": "who makes it",
    "makers": "who makes it",
    "share of users": "who buys it",
    "buyers who return": "who buys it",
    "baskets per buyer": "who buys it",
    "share in the evening": "when",
    "share at weekends": "when",
}
MAX_DEPARTMENTS = 6


def user_attributes(shop: Shop, split: Split) -> pd.DataFrame:
    """Describe every buyer of the training weeks.

    Parameters
    ----------
    shop : Shop
        Cleaned; what it does not record leaves its column out.
    split : Split

    Returns
    -------
    DataFrame, float64
        Index ``user_id``, sorted. Columns as in :data:`USER_GROUPS`: days, baskets and money per period of 28 days
        since the user's first visit, and shares of lines. ``price level`` is the mean rank (0 to 1) of what was bought
        among the products of the same type, ``discount depth`` the share of the shelf money saved,
        ``private-label share`` that of the money spent, ``repeated purchases`` the share of lines whose item the
        user had bought on an earlier day. Then ``"buys: DEPARTMENT"``: share of lines in the largest departments.
    """
    lines = _training_lines(shop, split)
    user, day = lines["user_id"], lines["time"].dt.floor("D")
    by = lines.groupby("user_id", observed=True)
    held = lines.drop_duplicates(["user_id", "basket", "label"]).groupby("user_id", observed=True).size()
    visits = lines.drop_duplicates(["user_id", "basket"]).groupby("user_id", observed=True).size()
    end = pd.Timestamp(split.train_end)
    periods = ((end - day.groupby(user, observed=True).min()).dt.days / PERIOD_DAYS).clip(lower=1)
    first = day.groupby([user, lines["label"]], observed=True).transform("min")
    shelf_money = (lines["shelf"] * lines["units"]).groupby(user, observed=True).sum()
    own_brand = lines["paid"].where(lines["private"] == 1, 0.0).groupby(user, observed=True).sum()
    table = pd.DataFrame(
        {
            "days since last visit": (end - day.groupby(user, observed=True).max()).dt.days - 1.0,
            "baskets per period": visits / periods,
            "share in the evening": (lines["time"].dt.hour >= 18).groupby(user, observed=True).mean(),
            "share at weekends": (lines["time"].dt.day_of_week >= 5).groupby(user, observed=True).mean(),
            "spend per period": by["paid"].sum() / periods,
            "spend per basket": by["paid"].sum() / visits,
            "items per basket": held / visits,
            "different items": by["label"].nunique().astype(float),
            "repeated purchases": (day > first).groupby(user, observed=True).mean(),
            "price level": _price_level(lines).groupby(user, observed=True).mean(),
            "discount share": _discounted(lines).groupby(user, observed=True).mean(),
            "discount depth": (1 - by["paid"].sum() / shelf_money.where(shelf_money > 0)).clip(0, 1),
            "private-label share": own_brand / by["paid"].sum(),
        }
    )
    if lines["private"].isna().all():
        table = table.drop(columns="private-label share")
    if lines["cut"].isna().all():
        table = table.drop(columns="discount depth")
    if lines["time"].dt.hour.nunique() < 2:
        table = table.drop(columns="share in the evening")
    department = lines["department"].dropna()
    largest = department.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:MAX_DEPARTMENTS]
    if len(largest) > 1:
        mix = pd.crosstab(user, lines["department"], normalize="index").reindex(table.index, fill_value=0.0)
        table = table.join(mix[largest].add_prefix("buys: "))
    return table.dropna(axis=1, how="all").sort_index()


def item_attributes(shop: Shop, split: Split) -> pd.DataFrame:
    """Describe every item of a split; the readable side of :func:`~bundlebook.profiles.vectors.item_vectors`.

    Returns
    -------
    DataFrame, float64
        Index ``split.baskets.items``; columns as in :data:`ITEM_GROUPS`, without those the shop does not record:
        median shelf price (money per unit), shares of lines, number of makers, share of the users who bought it, share
        of its buyers who bought it again on another day, baskets per buyer. An item never sold has no values.
    """
    lines, items = _training_lines(shop, split), pd.Index(split.baskets.items, name=split.baskets.level)
    label = lines["label"]
    day = lines["time"].dt.floor("D")
    days = (
        lines.assign(day=day)
        .drop_duplicates(["label", "user_id", "day"])
        .groupby(["label", "user_id"], observed=True)
        .size()
    )
    buyers = days.groupby("label", observed=True).size()
    held = lines.drop_duplicates(["label", "user_id", "basket"]).groupby("label", observed=True).size()
    table = pd.DataFrame(
        {
            "shelf price": lines.groupby("label", observed=True)["shelf"].median(),
            "discount share": _discounted(lines).groupby(label, observed=True).mean(),
            "discount depth": lines.groupby("label", observed=True)["cut"].mean(),
            "private-label share": lines["private"].astype(float).groupby(label, observed=True).mean(),
            "share of users": buyers / lines["user_id"].nunique(),
            "buyers who return": (days > 1).groupby("label", observed=True).mean(),
            "baskets per buyer": held / buyers,
            "share in the evening": (lines["time"].dt.hour >= 18).groupby(label, observed=True).mean(),
            "share at weekends": (lines["time"].dt.day_of_week >= 5).groupby(label, observed=True).mean(),
        }
    ).reindex(items)
    if lines["time"].dt.hour.nunique() < 2:
        table = table.drop(columns="share in the evening")
    products = _products_of(shop, split)
    maker = next((column for column in ("maker_id", "brand") if column in products), None)
    if maker:
        table["makers"] = products.groupby("label", observed=True)[maker].nunique().reindex(items).astype(float)
    order = [column for column in ITEM_GROUPS if column in table]
    return table[order].dropna(axis=1, how="all")


def _percentiles(values: pd.DataFrame) -> pd.DataFrame:
    """Where each value stands in its column: 0 lowest, 100 highest, 50 the middle; equal values share their place.

    >>> _percentiles(pd.DataFrame({"spend": [10.0, 40.0, 20.0, 20.0]}))["spend"].tolist()
    [12.5, 87.5, 50.0, 50.0]
    """
    return 100 * (values.rank() - 0.5) / values.count()


def _discounted(lines: pd.DataFrame) -> pd.Series:
    """1 where at least a hundredth was taken off the list price, 0 where not, missing without a list price."""
    return (lines["cut"] >= 0.01).astype(float).where(lines["cut"].notna())


def _price_level(lines: pd.DataFrame) -> pd.Series:
    """Rank of each line's product by median shelf price among the products of its item: 0 cheapest, 1 dearest."""
    price = lines.groupby(["label", "item_id"], observed=True)["shelf"].median()
    group = price.groupby("label", observed=True)
    n = group.transform("count")
    rank = ((group.rank() - 1) / (n - 1).where(n > 1)).droplevel("label")
    return pd.Series(rank.reindex(lines["item_id"]).to_numpy(), index=lines.index)


def _products_of(shop: Shop, split: Split) -> pd.DataFrame:
    """Catalogue rows of the split's items, each with its ``label``; an item without a row gets an empty one."""
    level, items = split.baskets.level, split.baskets.items
    labelled = shop.products.assign(label=shop.products[level])
    missing = np.setdiff1d(items, labelled["label"].dropna().astype(str))
    if len(missing):
        labelled = pd.concat([labelled, pd.DataFrame({"item_id": missing, "label": missing})], ignore_index=True)
    return labelled[labelled["label"].isin(items)].sort_values("item_id", ignore_index=True)


def _training_lines(shop: Shop, split: Split) -> pd.DataFrame:
    """Purchases of the training weeks whose item belongs to the split.

    Returns
    -------
    DataFrame
        ``user_id``, ``item_id``, ``label`` (name of the split's item), ``time``, ``units``, ``paid`` (money for the
        line), ``shelf`` (shelf price of one unit; what was paid where no list price is known), ``cut`` (share of the
        list price that was taken off, 0 to 1, missing without list price), ``private`` (1 for the shop's own
        brands, missing where none is named), ``department``, ``basket`` (a number;
        of the day where the shop has neither basket nor session). Users, items, labels and departments are categories.
    """
    events, time = shop.events, shop.events["time"].to_numpy()
    inside = (time >= np.datetime64(split.start)) & (time < np.datetime64(split.train_end))
    rows = np.flatnonzero(inside & (events["event"] == "purchase").to_numpy())
    code, bought = pd.factorize(events["item_id"].iloc[rows])
    products = _products_of(shop, split).set_index("item_id").reindex(bought)
    known = products["label"].notna().to_numpy()[code]
    rows, code = rows[known], code[known]

    def category(column: str) -> pd.Categorical:
        return pd.Categorical(products[column].astype(object)).take(code)

    def number(column: str) -> np.ndarray:
        values = events[column].to_numpy(np.float64) if column in events else np.full(len(events), np.nan)
        return values[rows]

    paid, listed = number("price"), number("list_price")
    listed[~(listed > 0)] = np.nan
    by = next((column for column in ("basket_id", "session_id") if column in events), None)
    basket = events[by].iloc[rows] if by else time[rows].astype("datetime64[D]")
    brand = products["brand"].astype(object).to_numpy() if "brand" in products else np.full(len(products), None)
    own = np.where(pd.isna(brand), np.nan, pd.Series(brand).isin(shop.margins.own_brands))
    if not np.nansum(own):  # the shop has not said which brands are its own
        own = np.full(len(brand), np.nan)
    return pd.DataFrame(
        {
            "user_id": pd.Categorical(events["user_id"].iloc[rows].astype(object)),
            "item_id": pd.Categorical.from_codes(code, bought),
            "label": category("label"),
            "time": time[rows],
            "units": number("quantity"),
            "paid": paid * number("quantity"),
            "shelf": np.where(np.isnan(listed), paid, listed),
            "cut": np.clip(1 - paid / listed, 0, 1),
            "private": own.astype(np.float64)[code],
            "department": category("department") if "department" in products else np.nan,
            "basket": pd.factorize(basket)[0],
        }
    )
