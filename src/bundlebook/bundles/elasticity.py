"""What customers answer: to the shop's own price cuts (demand curves by category), and to the offers it made them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop

#: Lower edges of the depths of discount in :attr:`Demand.curve`, as shares of the shelf price.
DEPTHS = (0.0, 0.02, 0.08, 0.15, 0.22, 0.29, 0.39)


@dataclass(frozen=True)
class Demand:
    r"""Response of sales to the price, :math:`\text{units} \propto (\text{paid} / \text{shelf})^{-\epsilon}`.

    Attributes
    ----------
    table : DataFrame
        One row a category, sorted by label: ``elasticity`` ε (shrunk towards the pooled one), ``low``, ``high`` (95 %),
        ``own`` (from the category's products alone), ``products``, ``weeks`` (product-weeks).
    pooled : Series
        ``elasticity``, ``low``, ``high`` over all products.
    after : Series
        The same for sales of the week *after*: below 0, a cut takes sales from the next week, which is stocking up.
    whole_item : Series
        The same at the level of the baskets: what is left if a product's gain is its neighbour's loss.
    curve : DataFrame
        Without any assumption on the curve's form: one row a depth of discount, ``depth`` (mean share off the shelf
        price), ``uplift`` (factor on units against no discount), ``low``, ``high``, ``weeks``.
    """

    table: pd.DataFrame
    pooled: pd.Series
    after: pd.Series
    whole_item: pd.Series
    curve: pd.DataFrame

    def of(
        self, categories: np.ndarray | pd.Series, bound: Literal["elasticity", "low", "high"] = "elasticity"
    ) -> np.ndarray:
        """Elasticity of each category or an end of its interval, shape (n,); pooled where a category is unknown."""
        own = self.table[bound].astype(np.float64).reindex(categories)
        return own.fillna(self.pooled[bound]).to_numpy()


def demand(
    shop: Shop, start: np.datetime64, end: np.datetime64, level: str, least_weeks: int = 30, least_products: int = 5
) -> Demand:
    r"""Estimate the discount response of every category with product and week effects.

    .. math:: \ln \text{units}_{pt} = \alpha_p + \beta_t
              - \epsilon_{c(p)} \ln \frac{\text{paid}_{pt}}{\text{shelf}_{pt}} + e_{pt}

    A product is compared with itself in other weeks, and a week with itself over all products. Intervals are clustered
    by product. Categories with few products are pulled towards the pooled value by empirical Bayes (DerSimonian and
    Laird's variance between categories).

    Parameters
    ----------
    shop : Shop
    start, end : datetime64[D]
        Whole weeks from *start* on; nothing on or after *end* is read.
    level : str
        Level of the baskets, for :attr:`Demand.whole_item`.
    least_weeks : int
        Products sold in fewer weeks are left out: a week without a sale has no price, so they show their good weeks.
    least_products : int
        Categories with fewer products get the pooled elasticity.

    Returns
    -------
    Demand

    Raises
    ------
    BundlebookError
        If no price ever differs from the shelf price.

    Notes
    -----
    Association, not effect. Cuts come with leaflets and displays (ε too large), are set when demand is expected (too
    large), and buyers stock up (too large for a month as a whole; see :attr:`Demand.after`). Weeks without any sale
    are missing (too small).
    """
    cells = _cells(shop, start, end)
    weeks_sold = cells.groupby("item")["week"].transform("size")
    least = min(least_weeks, int(weeks_sold.max()))
    cells = cells[weeks_sold >= least].reset_index(drop=True)
    catalogue = shop.products.set_index("item_id")
    cells["category"] = cells["item"].map(catalogue["category"]).astype(object)
    label = cells["item"] if level == "item_id" else cells["item"].map(catalogue[level])
    if not (cells["log_price"] < -0.01).any():
        raise BundlebookError(
            "no product was ever sold below its shelf price", where="demand", remedy="give list_price"
        )
    x, y = _within(cells, "log_price"), _within(cells, "log_units")
    pooled = _slope(x, y, cells["item"])
    table = _by_category(x, y, cells, pooled, least_products)
    return Demand(table, pooled, _after(cells), _whole_item(cells, label), _curve(cells, y))


def _cells(shop: Shop, start: np.datetime64, end: np.datetime64) -> pd.DataFrame:
    """One row a product and week: log units, log of paid over shelf price."""
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    inside = (day >= start) & (day < end)
    lines, day = lines[inside], day[inside]
    shelf = lines["list_price"].fillna(lines["price"]) if "list_price" in lines else lines["price"]
    units = lines["quantity"].to_numpy(dtype=np.float64)
    frame = pd.DataFrame(
        {
            "item": lines["item_id"].to_numpy(),
            "week": (day - start).astype(np.int64) // 7,
            "units": units,
            "paid": units * lines["price"].to_numpy(),
            "shelf": units * np.maximum(shelf, lines["price"]).to_numpy(),
        }
    )
    cells = frame.groupby(["item", "week"], sort=True, as_index=False).sum()
    cells = cells[(cells["units"] > 0) & (cells["paid"] > 0)]
    # Below a fifth of the shelf price it is no cut but a gift or an error.
    ratio = (cells["paid"] / cells["shelf"]).clip(0.2, 1)
    return cells.assign(log_units=np.log(cells["units"]), log_price=np.log(ratio))


def _within(cells: pd.DataFrame, column: str, item: str = "item") -> np.ndarray:
    """Take product and week means out, in turn, until nothing moves: two-way fixed effects."""
    items, weeks = pd.factorize(cells[item])[0], pd.factorize(cells["week"])[0]
    counts = np.bincount(items), np.bincount(weeks)
    value = cells[column].to_numpy(dtype=np.float64).copy()
    for _ in range(100):
        before = value.copy()
        for code, count in zip((items, weeks), counts, strict=True):
            value -= (np.bincount(code, value) / count)[code]
        if np.abs(value - before).max() < 1e-8:
            break
    return value


def _slope(x: np.ndarray, y: np.ndarray, cluster: pd.Series | np.ndarray) -> pd.Series:
    """−slope of y on x, with a 95 % interval clustered by product."""
    square = (x * x).sum()
    slope = (x * y).sum() / square if square > 0 else 0.0
    score = np.bincount(pd.factorize(cluster)[0], x * (y - slope * x))
    error = np.sqrt((score**2).sum()) / square if square > 0 else np.inf
    return pd.Series({"elasticity": -slope, "low": -slope - 1.96 * error, "high": -slope + 1.96 * error})


def _by_category(
    x: np.ndarray, y: np.ndarray, cells: pd.DataFrame, pooled: pd.Series, least_products: int
) -> pd.DataFrame:
    rows = {}
    for category, place in cells.groupby("category", sort=True).indices.items():
        own = _slope(x[place], y[place], cells["item"].to_numpy()[place])
        products = cells["item"].iloc[place].nunique()
        error = (own["high"] - own["low"]) / (2 * 1.96)
        if products >= least_products and np.isfinite(error) and error > 0:
            rows[category] = {"own": own["elasticity"], "error": error, "products": products, "weeks": len(place)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["own", "error", "products", "weeks"])
    between = _variance_between(table["own"].to_numpy(float), table["error"].to_numpy(float))
    weight = between / (between + table["error"] ** 2)
    table["elasticity"] = weight * table["own"] + (1 - weight) * pooled["elasticity"]
    half = 1.96 * np.sqrt(weight) * table["error"]
    table["low"], table["high"] = table["elasticity"] - half, table["elasticity"] + half
    return table[["elasticity", "low", "high", "own", "products", "weeks"]].rename_axis("category")


def _variance_between(values: np.ndarray, errors: np.ndarray) -> float:
    """DerSimonian and Laird's estimate; 0 if the values differ no more than their errors explain."""
    if len(values) < 2:
        return 0.0
    weight = 1 / errors**2
    mean = (weight * values).sum() / weight.sum()
    spread = (weight * (values - mean) ** 2).sum() - (len(values) - 1)
    return max(0.0, spread / (weight.sum() - (weight**2).sum() / weight.sum()))


def _after(cells: pd.DataFrame) -> pd.Series:
    """Response of this week's sales to *last* week's price, this week's price held fixed."""
    follows = (cells["item"] == cells["item"].shift()) & (cells["week"] == cells["week"].shift() + 1)
    both = cells.assign(before=cells["log_price"].shift())[follows].reset_index(drop=True)
    x, now, y = (_within(both, column) for column in ("before", "log_price", "log_units"))
    if not (now * now).sum() > 0:
        return _slope(x, y, both["item"])
    x, y = (value - now * (now * value).sum() / (now * now).sum() for value in (x, y))
    return _slope(x, y, both["item"])


def _whole_item(cells: pd.DataFrame, label: pd.Series) -> pd.Series:
    """The same regression on whole items: fixed weights, or a cut would move the mean by what it sells."""
    weight = cells.groupby("item")["units"].transform("mean")
    frame = pd.DataFrame(
        {"item": label.to_numpy(), "week": cells["week"], "units": cells["units"], "weight": weight}
    ).assign(part=weight * cells["log_price"])
    whole = frame.groupby(["item", "week"], sort=True, as_index=False).sum()
    whole = whole.assign(log_price=whole["part"] / whole["weight"], log_units=np.log(whole["units"]))
    return _slope(_within(whole, "log_price"), _within(whole, "log_units"), whole["item"])


def _curve(cells: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
    """Mean of the demeaned log units by depth of discount, relative to no discount, clustered by product."""
    depth = 1 - np.exp(cells["log_price"].to_numpy())
    level = np.searchsorted(DEPTHS, depth, side="right") - 1
    used = np.unique(level)
    dummies = np.column_stack([_within(cells.assign(d=(level == k).astype(float)), "d") for k in used[1:]])
    if not dummies.size:
        return pd.DataFrame(columns=["depth", "uplift", "low", "high", "weeks"])
    inverse = np.linalg.pinv(dummies.T @ dummies)
    effect = inverse @ dummies.T @ y
    residual = (y - dummies @ effect)[:, None] * dummies
    item = pd.factorize(cells["item"])[0]
    score = np.column_stack([np.bincount(item, column) for column in residual.T])
    error = np.sqrt(np.diag(inverse @ (score.T @ score) @ inverse))
    effect, error = np.append(0, effect), np.append(0, error)
    return pd.DataFrame(
        {
            "depth": [depth[level == k].mean() for k in used],
            "uplift": np.exp(effect),
            "low": np.exp(effect - 1.96 * error),
            "high": np.exp(effect + 1.96 * error),
            "weeks": [int((level == k).sum()) for k in used],
        }
    )


def responses(shop: Shop) -> pd.DataFrame | None:
    """What customers did with the offers they were given: the only conversion that a log knows.

    Returns
    -------
    DataFrame or None
        One row an exposure: ``user_id``, ``kind`` (the campaign's type, or ``"sim_bundle"`` for shown bundles of a
        simulated shop), ``responded`` (bool). None for a shop that keeps no such record.

    Notes
    -----
    Of the real shop: a household and a campaign it received; it responded if it redeemed a coupon of that campaign.
    Which households got a campaign was the shop's choice, not a draw, so types must not be compared as if it were.
    """
    if shop.campaigns is not None:
        key = ["user_id", "campaign_id"]
        redeemed = pd.MultiIndex.from_frame(shop.campaigns.redemptions[key]).unique()
        table = shop.campaigns.exposures.drop_duplicates(key)
        return pd.DataFrame(
            {
                "user_id": table["user_id"].to_numpy(),
                "kind": table["campaign_id"].map(shop.campaigns.descriptions["kind"]).to_numpy(),
                "responded": pd.MultiIndex.from_frame(table[key]).isin(redeemed),
            }
        )
    if shop.bundle_events is None:
        return None
    events = shop.bundle_events
    keys = [column for column in ("user_id", "bundle_id", "session_id") if column in events]
    kinds = events.groupby(keys, sort=True)["event"].agg(set)
    shown = kinds[kinds.map(lambda seen: "shown" in seen)]
    return pd.DataFrame(
        {
            "user_id": shown.index.get_level_values("user_id"),
            "kind": "bundle" if shop.real else "sim_bundle",
            "responded": shown.map(lambda seen: "purchase" in seen).to_numpy(),
        }
    )
