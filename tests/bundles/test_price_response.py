"""A known answer to price cuts is found again, and nothing is found where prices never moved."""

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.bundles import price_response, weekly_prices
from bundlebook.shop import Baskets, Shop, group_baskets, time_split

START, WEEKS = np.datetime64("2021-01-04"), 40


def planted(slope: float, seed: int) -> tuple[Baskets, pd.DataFrame]:
    """Baskets of two items whose shares follow their prices, in weeks of unequal traffic."""
    rng = np.random.default_rng(seed)
    prices = pd.DataFrame(np.log(rng.choice([1, 0.9, 0.75], (2, WEEKS))), index=["tea", "jam"])
    week = rng.choice(WEEKS, 30_000, p=(np.arange(WEEKS) + 20) / (np.arange(WEEKS) + 20).sum())
    chance = np.array([[0.1], [0.03]]) * np.exp(slope * prices.to_numpy())
    held = rng.random((len(week), 2)) < chance[:, week].T
    order = np.argsort(week, kind="stable")
    day = START + week[order] * np.timedelta64(7, "D")
    matrix = sparse.csr_matrix(held[order].astype(np.float32))
    return Baskets(matrix, np.zeros(len(week), int), day, np.array(["u"]), np.array(["tea", "jam"])), prices


def test_a_planted_slope_lies_within_its_interval():
    inside = 0
    for seed in range(20):
        found = price_response(*planted(-2.0, seed), START, ["tea", "jam"])
        assert 0 < found.error < 0.3
        inside += abs(found.slope + 2) < 1.96 * found.error
    assert inside >= 17


def test_factor_and_its_interval():
    found = price_response(*planted(-2.0, 1), START, ["tea"])
    estimate, low, high = found.factor(0.1)
    assert np.isclose(estimate, 0.9**found.slope)
    assert low < estimate < high
    assert found.factor(0.0) == (1.0, 1.0, 1.0)


def test_prices_that_never_move_tell_nothing():
    bought, prices = planted(0.0, 3)
    assert np.isnan(price_response(bought, prices * 0, START, ["tea"]).slope)
    assert np.isnan(price_response(bought, prices * np.nan, START, ["tea"]).slope)


def test_the_product_on_sale_does_not_count_more_in_its_week():
    days = pd.date_range("2021-01-04", periods=7 * 16)
    rows = []
    for day in days:
        sale = day.isocalendar().week == 3
        for product, copies in (("a", 30 if sale else 10), ("b", 10)):
            price = 0.5 if sale and product == "a" else 1.0
            rows += [
                {"user_id": f"u{k}", "item_id": product, "time": day, "price": price, "list_price": 1.0}
                for k in range(copies)
            ]
            rows += [{"user_id": f"u{k}", "item_id": "c", "time": day, "price": 1.0} for k in range(20)]
    events = pd.DataFrame(rows).assign(event="purchase", quantity=1)
    catalogue = pd.DataFrame({"item_id": ["a", "b", "c"], "product_type": ["x", "x", "y"]})
    shop = Shop("tiny", events, catalogue)
    split = time_split(group_baskets(shop), min_users=2)
    found = weekly_prices(shop, split).loc["x"].to_numpy()
    share = (7 * 8 * 10 + 7 * 20) / (7 * 8 * 10 * 2 + 7 * 20)  # of a among all lines of the type, not of that week
    assert np.isclose(found[2], share * np.log(0.5))
    assert np.allclose(np.delete(found, 2), 0)
    assert weekly_prices(shop, split).loc["y"].isna().all()
    without = shop.with_tables(events=events.drop(columns="list_price"))
    assert weekly_prices(without, split).isna().all(axis=None)
