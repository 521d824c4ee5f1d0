"""Facts fill at any time, statistics only from the days before the one named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, clean, fill_prices, median_list_prices
from bundlebook.shop.cleaning import _fill_price, _fill_quantity
from tests.shop.random_shop import random_shop

DAY = pd.Timestamp("2021-02-01")


@pytest.fixture
def shop():
    events = pd.DataFrame(
        {
            "user_id": "u",
            "item_id": ["a", "a", "a", "a", "b", "c", "a"],
            "time": [DAY - pd.Timedelta(days=d) for d in (9, 8, 7, 0, 5, -3, 2)],
            "event": ["purchase"] * 6 + ["view"],
            "quantity": 1.0,
            "price": [1.0, 2.0, 6.0, 100.0, 8.0, 50.0, 70.0],
        }
    )
    products = pd.DataFrame(
        {
            "item_id": ["a", "b", "c", "d", "e", "f"],
            "name": list("abcdef"),
            "category": ["food", "drink", "drink", "food", None, "drink"],
            "brand": "x",
            "price": [np.nan, np.nan, np.nan, np.nan, np.nan, 5.0],
        }
    )
    return Shop("hand", events, products)


def test_the_median_price_is_that_of_the_days_before(shop):
    assert median_list_prices(shop, DAY).to_dict() == {"a": 2.0, "b": 8.0}
    assert median_list_prices(shop, "2021-03-01").to_dict() == {"a": 4.0, "b": 8.0, "c": 50.0}


def test_shelf_prices_come_before_paid_ones(shop):
    events = shop.events.assign(list_price=[3.0, np.nan, 9.0, 0, 0, 0, 0])
    assert median_list_prices(shop.with_tables(events=events), DAY).to_dict() == {"a": 3.0}


def test_prices_are_filled_from_the_item_then_from_coarser_groups(shop):
    filled, report = fill_prices(shop, DAY)
    assert filled.products["price"].tolist() == [2.0, 8.0, 8.0, 2.0, 5.0, 5.0]
    assert report["source"].tolist() == ["given", "item_id", "category", "all items"]
    assert report["items"].tolist() == [1, 2, 2, 1]
    assert shop.products["price"].isna().sum() == 5


def test_filling_prices_twice_changes_nothing(shop):
    once, _ = fill_prices(shop, DAY)
    twice, report = fill_prices(once, DAY)
    assert twice.products.equals(once.products)
    assert report["source"].tolist() == ["given"]


def test_a_shop_without_prices_is_not_told_that_nothing_was_sold(shop):
    unpriced = shop.with_tables(events=shop.events.assign(price=np.nan).drop(columns="list_price", errors="ignore"))
    with pytest.raises(BundlebookError, match=r"no price of a purchase is known before .*\n.*add a column price"):
        fill_prices(unpriced, DAY)


def test_no_sale_before_the_day_is_said(shop):
    with pytest.raises(BundlebookError, match="nothing was sold before 2020"):
        fill_prices(shop, "2020-01-01")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(2, 28))
def test_no_later_price_reaches_an_earlier_catalogue(seed, cut):
    shop = clean(random_shop(seed, n_events=120))[0]
    until = pd.Timestamp("2021-01-04") + pd.Timedelta(days=cut)
    rng = np.random.default_rng(seed)
    later = (shop.events["time"] >= until).to_numpy()
    changed = shop.events.copy()
    for column in ("price", "list_price"):
        changed.loc[later, column] = rng.uniform(100, 200, later.sum())
    try:
        filled, report = fill_prices(shop, until)
    except BundlebookError:
        return
    other, other_report = fill_prices(shop.with_tables(events=changed), until)
    pd.testing.assert_frame_equal(other.products, filled.products)
    pd.testing.assert_frame_equal(other_report, report)
    assert report["items"].sum() == len(shop.products)


def test_a_purchase_is_of_one_unit_at_least_and_a_view_of_none():
    events = pd.DataFrame({"event": ["purchase", "view", "purchase"], "quantity": [np.nan, np.nan, 2.0]})
    filled, n = _fill_quantity(events)
    assert n == 1
    np.testing.assert_array_equal(filled["quantity"], [1.0, np.nan, 2.0])
    assert _fill_quantity(filled) == (filled, 0)


def test_a_missing_price_is_the_shelf_price_then_the_catalogues():
    events = pd.DataFrame(
        {
            "item_id": ["a", "a", "b", "c", "a", "a"],
            "event": ["purchase"] * 5 + ["view"],
            "price": [np.nan, np.nan, np.nan, np.nan, 9.0, np.nan],
            "list_price": [4.0, 0.0, np.nan, np.nan, 1.0, 1.0],
        }
    )
    products = pd.DataFrame({"item_id": ["a", "b"], "price": [3.0, 0.0]})
    filled, n = _fill_price(events, products)
    assert n == 2
    np.testing.assert_array_equal(filled["price"], [4.0, 3.0, np.nan, np.nan, 9.0, np.nan])
    again, n = _fill_price(filled, products)
    assert n == 0
    pd.testing.assert_frame_equal(again, filled)


def test_the_real_catalogue_gets_every_price_from_the_training_weeks(cleaned_shop):
    shop = cleaned_shop
    filled, report = fill_prices(shop, "2017-10-30")
    assert filled.products["price"].gt(0).all()
    assert report["items"].sum() == len(shop.products)
    own = median_list_prices(shop, "2017-10-30")
    some = own.index[1000]
    lines = shop.events[(shop.events["item_id"] == some) & (shop.events["time"] < "2017-10-30")]
    assert own[some] == lines["list_price"].median()
