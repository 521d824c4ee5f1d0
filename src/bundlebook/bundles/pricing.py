"""What an item costs: prices of the training weeks, and a margin that is assumed and says so."""

import numpy as np
import pandas as pd

from bundlebook.shop import Shop, Split

#: ASSUMED share of the usual price that is left after the purchase cost. No grocery log states it; Dominick's
#: orange-juice panel has a mean of 27.8 %, and 20 to 35 % is a usual range.
ASSUMED_MARGIN = 0.278


def prices(shop: Shop, split: Split, margin: float = ASSUMED_MARGIN) -> pd.DataFrame:
    """Usual prices of one unit of each item, from the training weeks alone.

    Parameters
    ----------
    shop : Shop
    split : Split
        For the items, their level and the training weeks.
    margin : float
        ASSUMED share of the usual price that is margin, for items whose cost the catalogue does not tell.

    Returns
    -------
    DataFrame
        One row an item of ``split.baskets.items``, in their order; money in ``shop.currency`` per unit:
        ``list_price`` (median shelf price), ``usual_price`` (median price paid, with the shop's own discounts),
        ``cost`` (median of the catalogue's costs, else assumed), ``cost_known`` (bool), ``lines``.

    Notes
    -----
    Medians are over receipt lines, so what is sold often counts often. At a coarse level such as product types an item
    is a group of products, and its price that of a typical purchase from the group.
    """
    level, items = split.baskets.level, split.baskets.items
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    lines = lines[(day >= split.start) & (day < split.train_end)]
    catalogue = shop.products.set_index("item_id")
    label = lines["item_id"] if level == "item_id" else lines["item_id"].map(catalogue[level])
    shelf = lines["list_price"].fillna(lines["price"]) if "list_price" in lines else lines["price"]
    # A shelf price below the price paid is a slip of the file: nobody pays more than the shelf says.
    frame = pd.DataFrame({"list_price": np.maximum(shelf, lines["price"]), "usual_price": lines["price"]})
    if "cost" in catalogue:
        frame["cost"] = lines["item_id"].map(catalogue["cost"])
    grouped = frame.groupby(label.to_numpy())
    table = grouped.median().reindex(items)
    table["lines"] = grouped.size().reindex(items).astype("int64")
    known = table["cost"].notna() if "cost" in table else pd.Series(False, index=table.index)
    table["cost"] = (table["cost"] if "cost" in table else np.nan * table["usual_price"]).fillna(
        (1 - margin) * table["usual_price"]
    )
    table["cost_known"] = known
    return table[["list_price", "usual_price", "cost", "cost_known", "lines"]].rename_axis("item")
