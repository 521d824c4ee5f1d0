"""What customers answer: to the shop's own price cuts (elasticity by category), and to the offers it made them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, shelf_prices

#: Lower edges of the depths of discount in :func:`uplift_by_depth`, as shares of the shelf price.
DEPTHS = (0.0, 0.02, 0.08, 0.15, 0.22, 0.29, 0.39)
#: Three readings of the discount of a product and week whose lines differ, see :func:`uplift_by_depth`.
READINGS = ("mean line", "median line", "lines agree")


@dataclass(frozen=True)
class Demand:
    r"""Response of *buying* to the price, :math:`\text{buying days} \propto (\text{paid} / \text{shelf})^{-\epsilon}`.

    Attributes
    ----------
    table : DataFrame
        One row per category, sorted by label: ``elasticity`` ε (shrunk towards the pooled one), ``low``, ``high``
        (95 %), ``own`` (from the category's items alone), ``items``, ``weeks`` (item-weeks).
    pooled : Series
        ``elasticity``, ``low``, ``high`` over all items.
    after : Series
        The same for the week *after*, this week's price held fixed: below 0, a cut takes purchases from the next week,
        which is stocking up.
    """

    table: pd.DataFrame
    pooled: pd.Series
    after: pd.Series

    def of(
        self, categories: np.ndarray | pd.Series, bound: Literal["elasticity", "low", "high"] = "elasticity"
    ) -> np.ndarray:
        """Elasticity of each category or an end of its interval, shape (n,); pooled where a category is unknown."""
        own = self.table[bound].astype(np.float64).reindex(categories)
        return own.fillna(self.pooled[bound]).to_numpy()


def demand(shop: Shop, start: np.datetime64, end: np.datetime64, level: str, least_items: int = 5) -> Demand:
    r"""Estimate how price cuts change the number of purchases of every category's items.

    :math:`N_{it}` counts the *buying days* of item i in week t: pairs of a user and a day on which the user bought it,
    however many units. With a rate of buying that is multiplied by :math:`r^{-\epsilon}` for every user, however often
    he or she buys,

    .. math:: E\,N_{it} = \exp\Bigl(\alpha_i + \beta_t - \epsilon_{c(i)} \sum_{p \in i} w_p \ln r_{pt}\Bigr)

    is a Poisson regression with an effect of each item and of each week: an item is compared with itself in other
    weeks, and a week with itself over all items. :math:`r_{pt}` is what the buyers of product p paid in week t as a
    share of the shelf price, their mean; the weights :math:`w_p` are the products' shares of the item's buying days in
    all weeks. Only products sold in at least half of the weeks make the price of an item. Intervals are clustered by
    item. Categories are pulled towards the pooled value by empirical Bayes (DerSimonian and Laird's variance between
    categories).

    Parameters
    ----------
    shop : Shop
    start, end : datetime64[D]
        Whole weeks from *start* on; nothing on or after *end* is read.
    level : str
        Level of the items.
    least_items : int
        Categories with fewer items get the pooled elasticity.

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
    large), and buyers stock up (too large for a month as a whole; see :attr:`Demand.after`).

    A week may mix prices: shops of a chain differ, or a price changes on a Wednesday. Buyers at the lower price are
    then too many by the very factor that is looked for, and the mean over buyers of :math:`r^{\epsilon}` is what makes
    up for it; near ε = 1 that is the plain mean of r.

    References
    ----------
    J. Santos Silva, S. Tenreyro, "The log of gravity", Review of Economics and Statistics 88 (2006), 641–658: why a
    Poisson regression, which keeps weeks without a sale, and not a regression of logarithms.
    """
    cells = item_weeks(shop, start, end, level)
    if not (cells["log_price"] < -0.01).any():
        raise BundlebookError(
            "no product was ever sold below its shelf price", where="demand", remedy="give list_price"
        )
    theta, error, base = _poisson(cells["buyers"], cells[["log_price"]], cells["item"], cells["week"])
    pooled = _interval(-theta[0], error[0])
    table = _by_category(cells, base, float(pooled["elasticity"]), least_items)
    both = cells.assign(before=cells.groupby("item")["log_price"].shift()).dropna(subset="before")
    theta, error, _ = _poisson(both["buyers"], both[["log_price", "before"]], both["item"], both["week"])
    return Demand(table, pooled, _interval(-theta[1], error[1]))


def _interval(value: float, error: float) -> pd.Series:
    return pd.Series({"elasticity": value, "low": value - 1.96 * error, "high": value + 1.96 * error})


def _lines(shop: Shop, start: np.datetime64, end: np.datetime64, level: str) -> pd.DataFrame:
    """One row per user, day and product bought: ``product``, ``item``, ``category``, ``week``, ``who`` (a number for
    user and day), ``units``, ``ratio`` (paid over shelf price)."""
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    inside = (day >= start) & (day < end) & (lines["quantity"] > 0).to_numpy() & (lines["price"] > 0).to_numpy()
    lines, day = lines[inside], (day[inside] - start).astype(np.int64)
    shelf = shelf_prices(lines)
    # Below a fifth of the shelf price it is no cut but a gift or an error; nobody pays more than the shelf says.
    ratio = (lines["price"] / shelf).clip(0.2, 1)
    product, products = pd.factorize(lines["item_id"])
    n_days = int(day.max(initial=0)) + 1
    who = pd.factorize(lines["user_id"])[0].astype(np.int64) * n_days + day
    n_who = int(who.max(initial=0)) + 1
    key, inverse = np.unique(product * n_who + who, return_inverse=True)
    frame = pd.DataFrame({"product": pd.Categorical.from_codes(key // n_who, products), "who": key % n_who})
    frame["week"] = frame["who"] % n_days // 7
    frame["units"] = np.bincount(inverse, lines["quantity"].to_numpy(float))
    frame["ratio"] = np.bincount(inverse, ratio.to_numpy()) / np.bincount(inverse)
    known = shop.products.set_index("item_id").reindex(products)
    label = known.index.to_series() if level == "item_id" else known[level]
    for name, values in {"item": label, "category": known["category"]}.items():
        frame[name] = pd.Categorical(values.astype(object)).take(key // n_who)
    return frame.dropna(subset="item")


def item_weeks(shop: Shop, start: np.datetime64, end: np.datetime64, level: str) -> pd.DataFrame:
    """Count the buying days of every item in every week, and measure what its buyers paid.

    Parameters
    ----------
    shop : Shop
    start, end : datetime64[D]
    level : str
        Level of the items.

    Returns
    -------
    DataFrame
        One row per item and week, weeks without a sale among them: ``item``, ``week``, ``buyers`` (:math:`N_{it}` of
        :func:`demand`), ``log_price`` (the sum over products in its formula) and the item's ``category``. Items none
        of whose products was sold regularly are left out.
    """
    lines, n_weeks = _lines(shop, start, end, level), -int((start - end).astype(int) // 7)
    weeks = np.arange(n_weeks)
    days = lines.drop_duplicates(["item", "week", "who"])
    buyers = days.groupby(["item", "week"], observed=True).size().unstack(fill_value=0)
    by_product = lines.groupby(["product", "week"], observed=True)["ratio"].mean().unstack().reindex(columns=weeks)
    sold = by_product.notna().sum(axis=1)
    regular = by_product[sold >= min(n_weeks / 2, sold.max())]
    # A week without a sale has no price; the product's usual one stands in.
    log_price = np.log(regular.where(regular.notna(), regular.median(axis=1), axis=0))
    weight = lines["product"].value_counts().reindex(regular.index)
    known = (
        lines.drop_duplicates("product")
        .set_index("product")
        .reindex(regular.index)[["item", "category"]]
        .astype(object)
    )
    index = log_price.mul(weight, axis=0).groupby(known["item"]).sum().div(weight.groupby(known["item"]).sum(), axis=0)
    buyers = buyers.reindex(index=index.index, columns=weeks, fill_value=0)
    table = pd.DataFrame({"log_price": index.stack(), "buyers": buyers.stack().astype(float)})
    table = table.rename_axis(["item", "week"]).reset_index()
    return table.assign(category=table["item"].map(known.drop_duplicates("item").set_index("item")["category"]))


def _poisson(counts, x, item, week) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poisson regression with an effect of each item and week, by iterated weighted least squares.

    Returns
    -------
    theta, error : ndarray, shape (n_columns,)
        Slopes, and their standard errors clustered by item.
    base : ndarray, shape (n_rows,)
        Logarithm of the expected count without the columns' part.
    """
    y, x = np.asarray(counts, dtype=np.float64), np.asarray(x, dtype=np.float64)
    groups = [pd.factorize(np.asarray(values))[0] for values in (item, week)]
    sums = [sparse.csr_matrix((np.ones(len(y)), (code, np.arange(len(y))))) for code in groups]
    mu, theta = (y + y.mean()) / 2, np.zeros(x.shape[1])
    eta = np.log(mu)
    for _ in range(50):
        within = _within(np.column_stack([eta + (y - mu) / mu, x]), mu, groups, sums)
        z, moved = within[:, 0], within[:, 1:]
        before, theta = theta, np.linalg.lstsq((moved * mu[:, None]).T @ moved, (moved * mu[:, None]).T @ z)[0]
        eta = np.clip(eta + (y - mu) / mu - (z - moved @ theta), -30, 30)
        mu = np.exp(eta)
        if np.abs(theta - before).max() < 1e-6:
            break
    bread = np.linalg.pinv((moved * mu[:, None]).T @ moved)
    score = sums[0] @ (moved * (y - mu)[:, None])
    return theta, np.sqrt(np.diag(bread @ (score.T @ score) @ bread)), eta - x @ theta


def _within(values: np.ndarray, weight: np.ndarray, groups: list, sums: list) -> np.ndarray:
    """Take weighted item and week means out, in turn, until nothing moves: two-way fixed effects."""
    total = [by @ weight for by in sums]
    for _ in range(100):
        before = values
        for code, by, n in zip(groups, sums, total, strict=True):
            values = values - ((by @ (weight[:, None] * values)) / n[:, None])[code]
        if np.abs(values - before).max() < 1e-7:
            break
    return values


def _by_category(cells: pd.DataFrame, base: np.ndarray, pooled: float, least_items: int) -> pd.DataFrame:
    """Slope of each category by Newton's method, with effects of every item and week."""
    item, (code, names) = pd.factorize(cells["item"])[0], pd.factorize(cells["category"], sort=True)
    known = code >= 0
    item, code, base, week = pd.factorize(item[known])[0], code[known], base[known], cells["week"].to_numpy()[known]
    x, y = cells["log_price"].to_numpy()[known], cells["buyers"].to_numpy()[known]
    slope = np.full(len(names), -pooled)
    for _ in range(30):
        mu = np.exp(base + slope[code] * x)
        for group in (week, item):
            factor = np.bincount(group, y) / np.maximum(np.bincount(group, mu), 1e-12)
            base, mu = base + np.log(np.maximum(factor, 1e-12))[group], mu * factor[group]
        moved = x - (np.bincount(item, mu * x) / np.maximum(np.bincount(item, mu), 1e-12))[item]
        score, square = moved * (y - mu), np.maximum(np.bincount(code, mu * moved**2), 1e-12)
        slope = slope + np.clip(np.bincount(code, score) / square, -1, 1)
    of_item = np.zeros(item.max(initial=-1) + 1, dtype=np.int64)
    of_item[item] = code
    n_items = np.bincount(of_item, minlength=len(names))
    # Few clusters look too sure of themselves; G / (G − 1) is the usual repair.
    spread = np.bincount(of_item, np.bincount(item, score) ** 2, len(names)) * n_items / np.maximum(n_items - 1, 1)
    table = pd.DataFrame(
        {"own": -slope, "error": np.sqrt(spread) / square, "items": n_items, "weeks": np.bincount(code)}, index=names
    )
    table = table[(table["items"] >= least_items) & (table["error"] > 0)]
    between = _variance_between(table["own"].to_numpy(), table["error"].to_numpy())
    weight = between / (between + table["error"] ** 2)
    table["elasticity"] = weight * table["own"] + (1 - weight) * pooled
    half = 1.96 * np.sqrt(weight) * table["error"]
    table["low"], table["high"] = table["elasticity"] - half, table["elasticity"] + half
    return table[["elasticity", "low", "high", "own", "items", "weeks"]].rename_axis("category")


def _variance_between(values: np.ndarray, errors: np.ndarray) -> float:
    """DerSimonian and Laird's estimate; 0 if the values differ no more than their errors explain."""
    if len(values) < 2:
        return 0.0
    weight = 1 / errors**2
    mean = (weight * values).sum() / weight.sum()
    spread = (weight * (values - mean) ** 2).sum() - (len(values) - 1)
    return max(0.0, spread / (weight.sum() - (weight**2).sum() / weight.sum()))


def elasticity_readings(shop: Shop, start: np.datetime64, end: np.datetime64, level: str) -> pd.DataFrame:
    """Compare the elasticity of units with that of buying, of single products and of whole items.

    Products sold in at least 30 weeks (or in as many as any) take part in the first two rows.

    Returns
    -------
    DataFrame
        Index ``"units of a product"``, ``"buying days of a product"``, ``"buying days of an item"``; columns
        ``elasticity``, ``low``, ``high``.
    """
    cells = _product_weeks(_lines(shop, start, end, level))
    rows = {}
    for name, column in {"units of a product": "units", "buying days of a product": "buyers"}.items():
        theta, error, _ = _poisson(cells[column], np.log(cells[["mean"]]), cells["product"], cells["week"])
        rows[name] = _interval(-theta[0], error[0])
    rows["buying days of an item"] = demand(shop, start, end, level).pooled
    return pd.DataFrame(rows).T


def _product_weeks(lines: pd.DataFrame, least_weeks: int = 30) -> pd.DataFrame:
    """One row per product and week with a sale: buyers, units, and mean, median and range of paid over shelf."""
    by = lines.groupby(["product", "week"], observed=True)
    cells = by["ratio"].agg(["size", "mean", "min", "max"]).rename(columns={"size": "buyers"})
    cells["median"] = by["ratio"].quantile(0.5, interpolation="nearest")  # a price that somebody paid
    cells["units"] = by["units"].sum()
    cells = cells.reset_index()
    weeks_sold = cells.groupby("product", observed=True)["week"].transform("size")
    return cells[weeks_sold >= min(least_weeks, weeks_sold.max())].reset_index(drop=True)


def uplift_by_depth(shop: Shop, start: np.datetime64, end: np.datetime64) -> pd.DataFrame:
    """Measure by how much a product's buying days rise at each depth of discount, no form of the curve assumed.

    A week whose lines were sold at different prices needs at least two lines, so such weeks have more buyers whatever
    the price. Their *mean* price lies between the prices, and a small mean discount is mostly such a mixture: the
    first reading overstates the effect of small cuts.

    Parameters
    ----------
    shop : Shop
    start, end : datetime64[D]

    Returns
    -------
    DataFrame
        One row per reading and depth: ``reading`` (:data:`READINGS`: the discount of the mean line, of the median line,
        or of weeks whose lines agree to half a per cent), ``depth`` (mean share off the shelf price), ``uplift``
        (factor on buying days against no discount), ``low``, ``high``, ``weeks``, ``mixed`` (share of these
        product-weeks whose lines differ).
    """
    cells = _product_weeks(_lines(shop, start, end, "item_id"))
    differ = cells["max"] - cells["min"] >= 0.005
    parts = []
    for reading in READINGS:
        used = cells[~differ] if reading == "lines agree" else cells
        depth = 1 - used["mean" if reading == "mean line" else "median"]
        level = np.searchsorted(DEPTHS, depth.to_numpy() + 1e-9, side="right") - 1
        present = np.unique(level)
        dummies = (level[:, None] == present[1:]).astype(float)
        theta, error = np.zeros(1), np.zeros(1)
        if len(present) > 1:
            theta, error, _ = _poisson(used["buyers"], dummies, used["product"], used["week"])
            theta, error = np.append(0, theta), np.append(0, error)
        table = pd.DataFrame({"depth": depth, "mixed": differ[used.index]}).groupby(level).mean()
        table = table.assign(uplift=np.exp(theta), low=np.exp(theta - 1.96 * error), high=np.exp(theta + 1.96 * error))
        parts.append(table.assign(reading=reading, weeks=np.bincount(level)[present]))
    columns = ["reading", "depth", "uplift", "low", "high", "weeks", "mixed"]
    return pd.concat(parts, ignore_index=True)[columns]


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
