"""How sales answered the shop's own price cuts: the only discounts whose effect a purchase log can tell.

A cut in the log is a choice of the shop, often announced by a leaflet and placed in sight, so what is measured is the
answer to cut and announcement together. It says what an offer of that kind may hope for, not what a price alone does.

Here the unit is a basket of some customers and the items of one bundle. :mod:`bundlebook.bundles.elasticity` fits the
units sold of every product to all customers, by category, with product and week effects.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.shop import Baskets, Shop, Split

#: A product tells its price of a week only if it was sold then, so only products sold in nearly every week are used.
MIN_WEEKS = 0.9


@dataclass(frozen=True)
class PriceResponse:
    r"""Slope of log sales on log price ratio, :math:`\text{sales} \propto (\text{paid} / \text{list price})^{b}`.

    Attributes
    ----------
    slope : float
        b; negative where cuts sell more. NaN where prices never moved.
    error : float
        Standard error, robust to whatever the weeks have in common.
    """

    slope: float
    error: float

    def factor(self, discount: float, z: float = 1.96) -> tuple[float, float, float]:
        """By which factor sales change at a discount (share of the list price): estimate, and its interval's ends."""
        cut = np.log(1 - discount)
        ends = sorted(float(np.exp(cut * (self.slope + sign * z * self.error))) for sign in (-1, 1))
        return float(np.exp(cut * self.slope)), *ends


def weekly_prices(shop: Shop, split: Split) -> pd.DataFrame:
    """Price level of each item in each training week, as log(price paid / list price).

    Returns
    -------
    DataFrame, shape (n_items, n_weeks)
        Indexed by ``split.baskets.items``. Averages over an item's products have fixed weights, so that the product on
        sale does not count more in the week of its sale. NaN where the shop tells no list prices.
    """
    items, weeks = split.baskets.items, int((split.train_end - split.start) / np.timedelta64(7, "D"))
    nothing = pd.DataFrame(np.nan, index=items, columns=range(weeks))
    lines = shop.purchases
    day = lines["time"].to_numpy().astype("datetime64[D]")
    if "list_price" not in lines:
        return nothing
    ratio = (lines["price"] / lines["list_price"].where(lines["list_price"] > 0)).clip(0.05, 1.0).to_numpy()
    kept = (day >= split.start) & (day < split.train_end) & np.isfinite(ratio)
    code, products = pd.factorize(lines["item_id"].to_numpy()[kept], sort=True)
    level = split.baskets.level
    label = products if level == "item_id" else shop.products.set_index("item_id")[level].reindex(products).to_numpy()
    week = ((day[kept] - split.start).astype(np.int64) // 7).astype(np.int64)
    shape = (len(products), weeks)
    count, total = np.zeros(shape), np.zeros(shape)
    np.add.at(count, (code, week), 1)
    np.add.at(total, (code, week), np.log(ratio[kept]))
    known = count > 0
    steady = known.mean(axis=1) >= MIN_WEEKS
    weight = np.where(known, count.sum(axis=1, keepdims=True), 0.0)[steady]
    mean = np.divide(total, count, out=np.zeros(shape), where=known)[steady]
    owner = pd.Index(items).get_indexer(label[steady])
    above, below = np.zeros((len(items), weeks)), np.zeros((len(items), weeks))
    np.add.at(above, owner[owner >= 0], (weight * mean)[owner >= 0])
    np.add.at(below, owner[owner >= 0], weight[owner >= 0])
    return nothing.mask(below > 0, np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))


def price_response(baskets: Baskets, prices: pd.DataFrame, start: np.datetime64, items: list[str]) -> PriceResponse:
    r"""Fit one slope for some items, by Poisson regression with an intercept for each item.

    .. math:: n_{iw} \sim \operatorname{Poisson}\big(m_w \exp(a_i + b\,x_{iw})\big)

    with n the baskets of week w that hold item i, m all baskets of the week, and x the price level. Given an item's
    total, its weeks are multinomial and a drops out; b is found by Newton's method.

    Parameters
    ----------
    baskets : Baskets
        Of the customers asked about; prices may come from everybody.
    prices : DataFrame
        From :func:`weekly_prices`.
    start : datetime64[D]
        First day of the first week.
    items : list of str
    """
    week = ((baskets.day - start).astype(np.int64) // 7).astype(np.int64)
    inside = (week >= 0) & (week < prices.shape[1])
    m = np.bincount(week[inside], minlength=prices.shape[1]).astype(np.float64)
    column = pd.Index(baskets.items).get_indexer(items)
    held = baskets.incidence[:, column].toarray()[inside]
    n = np.zeros((len(items), prices.shape[1]))
    np.add.at(n.T, week[inside], held)
    x = prices.loc[items].to_numpy()
    m = np.where(np.isfinite(x), m, 0.0)
    n, x = np.where(np.isfinite(x), n, 0.0), np.nan_to_num(x)
    slope = 0.0
    for _ in range(50):
        p = m * np.exp(slope * x)
        p /= np.maximum(p.sum(axis=1, keepdims=True), 1e-300)
        centred = x - (p * x).sum(axis=1, keepdims=True)
        total = n.sum(axis=1, keepdims=True)
        information = float((total * p * centred**2).sum())
        if not information > 1e-9:
            return PriceResponse(float("nan"), float("nan"))
        by_week = ((n - total * p) * centred).sum(axis=0)
        step = float(np.clip(by_week.sum() / information, -1, 1))
        slope += step
        if abs(step) < 1e-9:
            break
    return PriceResponse(slope, float(np.sqrt((by_week**2).sum()) / information))
