"""What a shop's purchases tell about its customers: taste, price response, and what goes together.

Fitted on the weeks before a day, and the only thing :mod:`bundlebook.simulator` knows of the real shop.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, min_users

#: An item tells something about prices if it was sold in this share of the weeks: in a week without a sale the price
#: is not on record, and leaving such weeks out would hide exactly the weeks of low demand.
_MIN_WEEKS = 0.9
#: Meetings of two items added to both sides of a lift, so that a pair seen once does not stand out.
_LIFT_PRIOR = 5.0
#: Purchases at a discount added to both sides of a user's ratio.
_DEAL_PRIOR = 10.0


@dataclass(frozen=True)
class Customers:
    """Customers of a shop as its purchases show them.

    Attributes
    ----------
    user_ids, items : ndarray of str, shapes (n_users,), (n_items,)
    level : str
    lines : DataFrame
        One row per purchased item: ``user``, ``item``, ``basket`` (all int, positions), ``time``.
    popularity : ndarray, shape (n_items,)
        Share of the baskets that hold the item.
    taste : csr_matrix, shape (n_users, n_items)
        Share of the user's baskets that hold the item.
    lift : csr_matrix, shape (n_items, n_items)
        (n_ij + 5) / (n_i n_j / n + 5) of the pairs that met, diagonal empty.
    elasticity : ndarray, shape (n_items,)
        d log(purchases) / d log(price / list price), at most 0; 0 everywhere if the shop has no list prices.
    deal_share, deal_ratio : ndarray, shape (n_items,)
        Share of the purchases below list price, and the geometric mean of price / list price of those.
    sensitivity : ndarray, shape (n_users,)
        Purchases at a discount over those expected from what the user buys, between ½ and 2.
    """

    user_ids: np.ndarray
    items: np.ndarray
    level: str
    lines: pd.DataFrame
    popularity: np.ndarray
    taste: sparse.csr_matrix
    lift: sparse.csr_matrix
    elasticity: np.ndarray
    deal_share: np.ndarray
    deal_ratio: np.ndarray
    sensitivity: np.ndarray


def fit_customers(shop: Shop, until, level: str = "auto") -> Customers:
    """Learn from the purchases before a day, and from nothing later.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    until : str or datetime64
        First day that is not used.
    level : str
        Granularity of the items, see :meth:`bundlebook.shop.Shop.level`.

    Returns
    -------
    Customers

    Raises
    ------
    BundlebookError
        If fewer than two items were bought by enough users (:func:`bundlebook.shop.min_users`) before that day.
    """
    level = shop.level(level)
    raw, user_ids, items = _coded(shop, until, level)
    lines = raw.drop_duplicates(["basket", "item"])[["user", "item", "basket", "time"]]
    lines = lines.sort_values(["basket", "item"], ignore_index=True)
    held = sparse.csr_matrix(
        (np.ones(len(lines), dtype=np.float32), (lines["basket"], lines["item"])),
        shape=(lines["basket"].max() + 1, len(items)),
    )
    taste = sparse.csr_matrix((np.ones(len(lines)), (lines["user"], lines["item"])), shape=(len(user_ids), len(items)))
    visits = lines.drop_duplicates("basket")["user"].value_counts().reindex(range(len(user_ids))).to_numpy()
    taste = sparse.diags_array(1 / visits) @ taste
    deal_share, deal_ratio, sensitivity = _deals(raw, len(user_ids), len(items))
    popularity = np.asarray(held.mean(axis=0)).ravel()
    return Customers(
        user_ids, items, level, lines, popularity, taste.tocsr(), _lift(held),
        _elasticity(raw, len(items)), deal_share, deal_ratio, sensitivity,
    )  # fmt: skip


def _coded(shop: Shop, until, level: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Purchase lines of the items with enough buyers, users, items and baskets as positions."""
    lines = shop.purchases
    lines = lines[lines["time"] < pd.Timestamp(until)]
    label = lines["item_id"].map(shop.products.set_index("item_id")[level]) if level != "item_id" else lines["item_id"]
    lines, label = lines[label.notna()], label[label.notna()]
    code, labels = pd.factorize(label, sort=True)
    user, user_ids = pd.factorize(lines["user_id"], sort=True)
    pairs = pd.DataFrame({"code": code, "user": user}).drop_duplicates()
    least = min_users(len(user_ids), level)
    kept = np.flatnonzero(np.bincount(pairs["code"], minlength=len(labels)) >= least)
    if len(kept) < 2:
        raise BundlebookError(
            f"only {len(kept)} items were bought by {least} users before {until}",
            where=f"shop {shop.name!r}",
            remedy="use a later day or a coarser level",
        )
    by = next((column for column in ("basket_id", "session_id") if column in lines), None)
    key = pd.factorize(lines[by] if by else lines["time"].dt.floor("D"), sort=True)[0]
    list_price = lines["list_price"] if "list_price" in lines else pd.Series(np.nan, index=lines.index)
    table = pd.DataFrame(
        {
            "user": user,
            "item": pd.Index(kept).get_indexer(code),
            "sku": pd.factorize(lines["item_id"])[0],
            "time": lines["time"].to_numpy(),
            "key": key,
            "ratio": (lines["price"] / list_price.where(list_price > 0)).clip(0.05, 1.0).to_numpy(),
        }
    )
    table = table[table["item"] >= 0].reset_index(drop=True)
    user, seen = pd.factorize(table["user"], sort=True)
    basket = table.groupby(["user", "key"], sort=True).ngroup()
    return table.assign(user=user, basket=basket), np.asarray(user_ids[seen], str), np.asarray(labels[kept], str)


def _lift(held: sparse.csr_matrix) -> sparse.csr_matrix:
    meetings = (held.T @ held).tocoo()
    count = np.asarray(held.sum(axis=0)).ravel()
    apart = meetings.row != meetings.col
    row, column, seen = meetings.row[apart], meetings.col[apart], meetings.data[apart]
    expected = count[row] * count[column] / held.shape[0]
    lift = (seen + _LIFT_PRIOR) / (expected + _LIFT_PRIOR)
    return sparse.csr_matrix((lift, (row, column)), shape=meetings.shape)


def _elasticity(raw: pd.DataFrame, n_items: int) -> np.ndarray:
    """Slope of log(purchases) on log(price ratio) among the weeks of one item, the week's own level taken out.

    Slopes of the items are drawn towards the shop's, the more so the less an item's price moved.
    """
    week = (raw["time"].to_numpy().astype("datetime64[D]").astype(np.int64) + 3) // 7
    priced = raw.assign(week=week, log_ratio=np.log(raw["ratio"])).dropna(subset=["log_ratio"])
    if not len(priced):
        return np.zeros(n_items)
    table = priced.groupby(["sku", "week"], sort=True).agg(
        item=("item", "first"), x=("log_ratio", "mean"), y=("log_ratio", "size")
    )
    weeks_sold = table.groupby("sku")["x"].transform("size")
    table = table[weeks_sold >= _MIN_WEEKS * priced["week"].nunique()]
    if not len(table):
        return np.zeros(n_items)
    table = table.assign(y=np.log(table["y"]))
    for column in ("x", "y"):
        table[column] -= table.groupby("sku")[column].transform("mean")
    table["y"] -= table.groupby("week")["y"].transform("mean")
    moment = table.assign(xx=table["x"] ** 2, xy=table["x"] * table["y"]).groupby("item")[["xx", "xy"]].sum()
    if not moment["xx"].sum() > 0:
        return np.zeros(n_items)
    shop_slope, prior = moment["xy"].sum() / moment["xx"].sum(), moment["xx"].mean()
    moment = moment.reindex(range(n_items), fill_value=0.0)
    slope = (moment["xy"] + prior * shop_slope) / (moment["xx"] + prior)
    return np.minimum(slope.to_numpy(), 0.0)


def _deals(raw: pd.DataFrame, n_users: int, n_items: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cut = (raw["ratio"] < 0.99).to_numpy()
    item, user = raw["item"].to_numpy(), raw["user"].to_numpy()
    bought, deals = np.bincount(item, minlength=n_items), np.bincount(item[cut], minlength=n_items)
    depth = np.bincount(item[cut], weights=np.log(raw["ratio"].to_numpy()[cut]), minlength=n_items)
    share = deals / bought
    expected = np.bincount(user, weights=share[item], minlength=n_users)
    seen = np.bincount(user[cut], minlength=n_users)
    sensitivity = np.clip((seen + _DEAL_PRIOR) / (expected + _DEAL_PRIOR), 0.5, 2.0)
    return share, np.exp(depth / np.maximum(deals, 1)), sensitivity
