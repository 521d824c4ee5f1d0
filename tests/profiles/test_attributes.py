from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundlebook.profiles._attributes import ITEM_GROUPS, USER_GROUPS, _percentiles, item_attributes, user_attributes
from bundlebook.shop import MarginPolicy, group_baskets, time_split


@pytest.fixture(scope="module")
def users(shop, split):
    return user_attributes(shop, split)


def lines_of(shop, split):
    lines = shop.purchases
    return lines[(lines["time"] >= pd.Timestamp(split.start)) & (lines["time"] < pd.Timestamp(split.train_end))]


def test_one_users_attributes_counted_by_hand(shop, split, users):
    mine = lines_of(shop, split).query("user_id == 'U007'").merge(shop.products, on="item_id")
    found, visits = users.loc["U007"], mine["basket_id"].nunique()
    days = mine["time"].dt.normalize()
    since = (pd.Timestamp(split.train_end) - days.min()).days
    paid = mine["price_x"] * mine["quantity"]
    assert found["days since last visit"] == (pd.Timestamp(split.train_end) - days.max()).days - 1
    assert found["baskets per period"] == pytest.approx(visits / (since / 28))
    assert found["spend per basket"] == pytest.approx(paid.sum() / visits)
    assert found["different items"] == mine["product_type"].nunique()
    assert found["share in the evening"] == pytest.approx((mine["time"].dt.hour >= 18).mean())
    assert found["discount share"] == pytest.approx((mine["price_x"] < 0.991 * mine["list_price"]).mean(), abs=0.02)
    first = days.groupby(mine["product_type"]).transform("min")
    assert found["repeated purchases"] == pytest.approx((days > first).mean())
    largest = next(c for c in users if c.startswith("buys: "))
    assert found[largest] == pytest.approx((mine["department"] == largest.removeprefix("buys: ")).mean())


def test_every_buyer_has_a_row_and_shares_are_shares(shop, split, users):
    assert users.index.tolist() == sorted(lines_of(shop, split)["user_id"].unique())
    shares = [c for c in users if "share" in c or c.startswith("buys: ") or c == "price level"]
    assert users[shares].min().min() >= 0 and users[shares].max().max() <= 1
    assert {c for c in users if not c.startswith("buys: ")} <= set(USER_GROUPS)


def test_one_items_attributes_counted_by_hand(shop, split):
    found = item_attributes(shop, split)
    assert found.index.tolist() == split.baskets.items.tolist() and set(found) <= set(ITEM_GROUPS)
    item = split.baskets.items[5]
    lines = lines_of(shop, split).merge(shop.products[["item_id", "product_type", "brand"]], on="item_id")
    mine = lines[lines["product_type"] == item]
    days = mine.assign(day=mine["time"].dt.normalize()).groupby("user_id")["day"].nunique()
    assert found.loc[item, "share of users"] == pytest.approx(len(days) / lines["user_id"].nunique())
    assert found.loc[item, "buyers who return"] == pytest.approx((days > 1).mean())
    assert found.loc[item, "shelf price"] == pytest.approx(mine["list_price"].median())
    assert found.loc[item, "makers"] == shop.products.query("product_type == @item")["brand"].nunique()


def test_what_a_shop_does_not_record_has_no_column(shop):
    events = shop.events[["user_id", "item_id", "time", "event", "quantity", "price"]]
    events = events.assign(time=events["time"].dt.normalize())
    products = shop.products[["item_id", "name"]]
    bare = shop.with_tables(events=events, products=products)
    split = time_split(group_baskets(bare), min_users=5)
    users, items = user_attributes(bare, split), item_attributes(bare, split)
    absent = {"discount share", "discount depth", "private-label share", "share in the evening"}
    assert not absent & set(users) and not absent & set(items) and "makers" not in items
    assert not [c for c in users if c.startswith("buys: ")]
    assert users["spend per period"].notna().all() and items["shelf price"].notna().all()


def test_private_label_is_a_share_of_money(shop, split):
    brands = sorted(shop.products["brand"].unique())
    own = shop.products["brand"].map({b: "Private" if i % 2 else "National" for i, b in enumerate(brands)})
    labelled = shop.with_tables(products=shop.products.assign(brand=own))
    assert "private-label share" not in user_attributes(labelled, split), "nobody said which brand is its own"
    found = user_attributes(replace(labelled, margins=MarginPolicy(("Private",))), split)
    lines = lines_of(shop, split).merge(shop.products.assign(own=own)[["item_id", "own"]], on="item_id")
    paid = lines["price"] * lines["quantity"]
    expected = (
        paid.where(lines["own"] == "Private", 0).groupby(lines["user_id"]).sum() / paid.groupby(lines["user_id"]).sum()
    )
    assert found["private-label share"].to_numpy() == pytest.approx(expected[found.index].to_numpy())


def test_percentiles_of_a_column_with_gaps():
    table = _percentiles(pd.DataFrame({"a": [3.0, np.nan, 1.0]}))
    assert table["a"].tolist()[::2] == [75, 25] and np.isnan(table["a"][1])
