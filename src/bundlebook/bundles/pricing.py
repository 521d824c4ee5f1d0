"""What items and sets cost: prices from the purchases, a margin that is assumed and says so, the discount."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.bundles.generate import Candidates
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, MarginPolicy, Shop, shelf_prices

#: ASSUMED share of the usual price that is left after the purchase cost. No grocery log states it; Dominick's
#: orange-juice panel has a mean of 27.8 %, and 20 to 35 % is a usual range.
ASSUMED_MARGIN = 0.278


def prices(
    shop: Shop,
    baskets: Baskets,
    start: np.datetime64,
    end: np.datetime64,
    margin: float = ASSUMED_MARGIN,
    spread: bool = False,
    unpriced: float = np.nan,
) -> pd.DataFrame:
    """Usual price and cost of one unit of each item, and its category, from the purchases in ``[start, end)``.

    Parameters
    ----------
    shop : Shop
    baskets : Baskets
        For the items and their level.
    start, end : datetime64[D]
    margin : float
        ASSUMED share of the usual price that is margin, for items whose cost the catalogue does not tell.
    spread : bool
        Let the assumed margin differ by department and brand as ``shop.margins`` says, its mean over sales remaining
        *margin*.
    unpriced : float
        Price of a unit of every item in a shop that knows no price at all. With 1, revenue is the number of units.

    Returns
    -------
    DataFrame
        One row an item of *baskets*, in their order; money in ``shop.currency`` per unit: ``list_price`` (median shelf
        price), ``usual_price`` (median price paid, with the shop's own discounts; NaN without a purchase), ``cost``
        (median of the catalogue's costs, else assumed), ``cost_known`` (bool), ``lines``, ``category``,
        ``department`` (the most frequent among the item's lines; empty where the catalogue has none),
        ``private_label`` (share of lines of the shop's own brands, named in ``shop.margins``).

    Notes
    -----
    Medians are over receipt lines, so what is sold often counts often. At a coarse level such as product types an item
    is a group of products, and its price that of a typical purchase from the group.
    """
    level, items = baskets.level, baskets.items
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    lines = lines[(day >= start) & (day < end)]
    catalogue = shop.products.set_index("item_id")
    # Everything the catalogue knows is looked up once a product, not once a line.
    code, products = pd.factorize(lines["item_id"])
    known = catalogue.reindex(products)
    label = known.index.to_series() if level == "item_id" else known[level]
    item = pd.Index(items).get_indexer(label.astype(object))[code]
    shelf = shelf_prices(lines)
    # A shelf price below the price paid is a slip of the file: nobody pays more than the shelf says.
    frame = pd.DataFrame(
        {
            "item": item,
            "product": code,
            "list_price": np.maximum(shelf, lines["price"]).to_numpy(),
            "usual_price": lines["price"].to_numpy(),
        }
    )[item >= 0]
    if "cost" in known:
        frame["cost"] = known["cost"].to_numpy()[frame["product"]]
    if frame["usual_price"].isna().all():
        frame["list_price"] = frame["usual_price"] = unpriced
    grouped = frame.drop(columns="product").groupby("item")
    table = grouped.median().reindex(range(len(items)))
    table["lines"] = grouped.size().reindex(table.index).fillna(0).astype("int64")
    per_product = frame.groupby(["item", "product"]).size().rename("lines").reset_index()
    for column in ("category", "department"):
        table[column] = _most_frequent(per_product, known[column], table.index) if column in known else ""
    own = known["brand"].isin(shop.margins.own_brands).to_numpy()[per_product["product"]]
    table["private_label"] = (
        per_product["lines"].where(own, 0).groupby(per_product["item"]).sum().reindex(table.index) / table["lines"]
    ).fillna(0.0)
    rate = margin + (_extra(table, shop.margins) if spread else 0.0)
    found = table["cost"] if "cost" in table else pd.Series(np.nan, index=table.index)
    table["cost_known"] = found.notna()
    table["cost"] = found.fillna((1 - rate) * table["usual_price"])
    table.index = pd.Index(items, name="item")
    columns = ["list_price", "usual_price", "cost", "cost_known", "lines", "category", "department", "private_label"]
    return table[columns]


def _most_frequent(per_product: pd.DataFrame, attribute: pd.Series, index: pd.Index) -> pd.Series:
    named = per_product.assign(value=attribute.to_numpy()[per_product["product"]])
    counts = named.groupby(["item", "value"], sort=True)["lines"].sum().reset_index()
    best = counts.sort_values(["item", "lines", "value"], ascending=[True, False, True]).drop_duplicates("item")
    return best.set_index("item")["value"].reindex(index).fillna("").astype(str)


def _extra(table: pd.DataFrame, margins: MarginPolicy) -> pd.Series:
    """Points of margin above the mean, whose mean over sales is 0."""
    extra = table["department"].map(margins.departments).fillna(0.0) + margins.own_brand * table["private_label"]
    sales = table["usual_price"].fillna(0) * table["lines"]
    return extra - (extra * sales).sum() / sales.sum()


@dataclass(frozen=True)
class Weights:
    """How much revenue, margin and satisfaction count; they are the analyst's to choose and are divided by their sum.

    Attributes
    ----------
    revenue, margin, satisfaction : float
        w_S, w_R and w_D, not negative, not all zero.
    """

    revenue: float = 1.0
    margin: float = 1.0
    satisfaction: float = 1.0

    def normalised(self) -> np.ndarray:
        """w_S, w_R, w_D with sum 1, shape (3,)."""
        weights = np.array([self.revenue, self.margin, self.satisfaction], dtype=np.float64)
        if not (weights >= 0).all() or not weights.sum() > 0 or not np.isfinite(weights).all():
            raise BundlebookError(f"weights {weights.tolist()} must be at least 0 and not all 0", where="objective")
        return weights / weights.sum()


#: Shares of the usual price that a set may be offered at, by default.
DISCOUNTS = (0.0, 0.05, 0.1, 0.15, 0.2)


@dataclass(frozen=True)
class Priced:
    """Sets, each at one or more discounts; arrays of shape (n_offers,), money in the shop's currency.

    Attributes
    ----------
    sets : Candidates
        One row per offer: a set stands in it once for each of its discounts.
    usual_price, price, cost : ndarray
        Of one bundle of one unit each.
    discount : ndarray
        Share taken off the usual price.
    probability : ndarray
        P(all bought) at that price, if sets respond as items have responded.
    revenue, margin : ndarray
        Expected money per customer and period.
    break_even : ndarray, shape (n_offers, 2)
        By which factor the discount must raise P to leave as much money as the usual prices: the lowest and the highest
        answer to the question who the additional buyers are, see :func:`price`.
    """

    sets: Candidates
    usual_price: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    discount: np.ndarray
    probability: np.ndarray
    revenue: np.ndarray
    margin: np.ndarray
    break_even: np.ndarray

    def __len__(self) -> int:
        return len(self.price)

    @property
    def given(self) -> np.ndarray:
        """Expected money given away as discount per customer and period, shape (n_offers,)."""
        return self.probability * (self.usual_price - self.price)

    def where(self, chosen: np.ndarray) -> "Priced":
        """Keep some offers (boolean mask or positions)."""
        rest = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__ if name != "sets"}
        return Priced(self.sets.where(chosen), **rest)


def price(
    sets: Candidates,
    usual_price: np.ndarray,
    cost: np.ndarray,
    elasticity: np.ndarray,
    discounts: tuple[float, ...] = DISCOUNTS,
    least_margin: float = 0.0,
) -> Priced:
    r"""Offer every set at every discount: what it costs, how likely it is bought, and what it earns.

    How a discount d moves P is ASSUMED: the rate at which a customer buys the set is multiplied by
    :math:`(1-d)^{-\epsilon}`, whatever the length of the period, so that

    .. math:: P_d = 1 - (1 - P_0)^{(1 - d)^{-\epsilon}}, \qquad
              S = P_d\, (1 - d) \sum_i \text{price}_i, \qquad R = S - P_d \sum_i \text{cost}_i

    with ε the mean elasticity of *buying* of the set's items (:func:`~bundlebook.bundles.elasticity.demand`).

    The break-even factor depends on who buys in addition. With margins :math:`m_i`, their sum M and the discount in
    money D it is :math:`M / (M - D)` if all additional buyers would have bought nothing, the lowest answer, and
    :math:`1 + D / (m_i - D)` if they would have bought all of the set but item i; infinite where :math:`m_i \le D`.

    Parameters
    ----------
    sets : Candidates
    usual_price, cost, elasticity : ndarray, shape (n_items,)
        Of each item: money per unit, money per unit, and ε without unit.
    discounts : tuple of float
        Shares of the usual price, in [0, 1).
    least_margin : float
        Smallest margin of an offer as a share of its price; offers that leave less are dropped.

    Returns
    -------
    Priced
        Set after set, in the order of *sets*, each at its discounts in their order.

    Raises
    ------
    BundlebookError
        If a discount is outside [0, 1), or no offer earns the least margin.

    Notes
    -----
    That a *set* responds to its price as items have responded to theirs is ASSUMED as well: nobody in the log was ever
    offered one.
    """
    depth = np.asarray(discounts, dtype=np.float64)
    if not depth.size or not ((depth >= 0) & (depth < 1)).all():
        raise BundlebookError(f"discounts {discounts}", where="price", remedy="use shares in [0, 1)")
    member = sets.members >= 0
    place = np.where(member, sets.members, 0)
    usual, paid_for, steep = ((v[place] * member).sum(axis=1) for v in (usual_price, cost, elasticity))
    factor = (1 - depth) ** -(steep / sets.size)[:, None]
    p = -np.expm1(factor * np.log1p(-np.clip(sets.probability, 0, 1 - 1e-9))[:, None])
    asked, off = usual[:, None] * (1 - depth), usual[:, None] * depth
    unit = asked - paid_for[:, None]
    lacking = np.where(member, (usual_price - cost)[place], np.inf).min(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = [np.where(m > off, 1 + off / (m - off), np.inf) for m in ((usual - paid_for)[:, None], lacking)]
    row, column = np.nonzero(unit >= least_margin * asked)
    if not len(row):
        raise BundlebookError(
            f"no set leaves a margin of {least_margin:.0%}", where="price", remedy="lower it or the discounts"
        )
    at = row, column
    return Priced(
        sets.where(row),
        usual[row],
        asked[at],
        paid_for[row],
        depth[column],
        p[at],
        (p * asked)[at],
        (p * unit)[at],
        np.column_stack([factors[at] for factors in needed]),
    )
