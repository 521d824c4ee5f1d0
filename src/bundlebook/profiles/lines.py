"""The purchases of the training weeks as one table of plain columns, from which every attribute is counted."""

import numpy as np
import pandas as pd

from bundlebook.shop import Shop, Split


def products_of(shop: Shop, split: Split) -> pd.DataFrame:
    """Catalogue rows of the split's items, each with its ``label``; an item without a row gets an empty one."""
    level, items = split.baskets.level, split.baskets.items
    labelled = shop.products.assign(label=shop.products[level])
    missing = np.setdiff1d(items, labelled["label"].dropna().astype(str))
    if len(missing):
        labelled = pd.concat([labelled, pd.DataFrame({"item_id": missing, "label": missing})], ignore_index=True)
    return labelled[labelled["label"].isin(items)].sort_values("item_id", ignore_index=True)


def training_lines(shop: Shop, split: Split) -> pd.DataFrame:
    """Purchases of the training weeks whose item belongs to the split.

    Returns
    -------
    DataFrame
        ``user_id``, ``item_id``, ``label`` (name of the split's item), ``time``, ``units``, ``paid`` (money for the
        line), ``shelf`` (shelf price of one unit; what was paid where no list price is known), ``cut`` (share of the
        list price that was taken off, 0 to 1, missing without list price), ``private`` (True for the shop's own
        brand, missing where the catalogue names none), ``department``, ``basket`` (a number;
        of the day where the shop has neither basket nor session). Users, items, labels and departments are categories.
    """
    events, time = shop.events, shop.events["time"].to_numpy()
    inside = (time >= np.datetime64(split.start)) & (time < np.datetime64(split.train_end))
    rows = np.flatnonzero(inside & (events["event"] == "purchase").to_numpy())
    code, bought = pd.factorize(events["item_id"].iloc[rows])
    products = products_of(shop, split).set_index("item_id").reindex(bought)
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
    own = np.where(pd.isna(brand), np.nan, brand == "Private") if "Private" in brand else np.full(len(brand), np.nan)
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
