"""张三's table, its checks, and the rule that maps it onto a shop."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, group_baskets, time_split, zhangsan

ITEMS = ["milk", "bread", "banana", "candy", "steak", "ham", "tulip"]
DEPARTMENTS = ["GROCERY", "GROCERY", "PRODUCE", "DRUG", "MEAT", "DELI", "FLORAL"]
#: Users (of 30) who buy each item; bread and banana tie, bread shares milk's department.
BUYERS = [30, 29, 29, 25, 20, 15, 10]


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Thirty users, twelve weeks; every user shops on one weekday, so every week is complete."""
    rows = [
        (f"u{user:02d}", item, pd.Timestamp("2020-01-06") + pd.Timedelta(days=7 * week + user % 7), 1.0)
        for week in range(12)
        for item, buyers in zip(ITEMS, BUYERS, strict=True)
        for user in range(buyers)
    ]
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "time", "price"]).assign(event="purchase", quantity=1)
    products = pd.DataFrame({"item_id": ITEMS, "name": ITEMS, "category": DEPARTMENTS, "brand": "", "price": 1.0})
    return Shop(name="small", events=events, products=products)


@pytest.fixture(scope="module")
def split(shop):
    return time_split(group_baskets(shop), min_users=5)


def table(*lines: tuple) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=["time", "item_id", "quantity"])


def test_purchases_are_the_articles_table():
    expected = table(("2021-01", 1001, 1), ("2021-02", 1002, 2), ("2021-03", 1003, 1), ("2021-04", 1004, 3))
    pd.testing.assert_frame_equal(zhangsan.purchases(), expected, check_dtype=False)


def test_mapping_takes_the_most_bought_item_of_each_department(shop, split):
    mapped = zhangsan.mapping(split, shop)
    assert mapped.index.tolist() == [1001, 1002, 1003, 1004, 1005]
    assert mapped["item"].tolist() == ["milk", "banana", "candy", "steak", "ham"]
    assert mapped["users"].tolist() == [30, 29, 25, 20, 15]
    assert mapped["share"].iloc[-1] == pytest.approx(0.5)


def test_mapping_does_not_see_later_weeks(shop, split):
    days = [pd.Timestamp("2020-03-02") + pd.Timedelta(days=user % 28) for user in range(30)]
    later = pd.DataFrame({"user_id": [f"u{user:02d}" for user in range(30)], "item_id": "tulip", "time": days})
    assert later["time"].min() >= pd.Timestamp(split.train_end)
    later = later.assign(event="purchase", quantity=1, price=1.0)
    more = shop.with_tables(events=pd.concat([shop.events, later], ignore_index=True))
    again = time_split(group_baskets(more), min_users=5)
    assert again.baskets.quantities.sum() > split.baskets.quantities.sum()
    pd.testing.assert_frame_equal(zhangsan.mapping(again, more), zhangsan.mapping(split, shop))


def test_mapping_takes_a_second_item_where_departments_are_few(shop, split):
    few = shop.with_tables(products=shop.products.assign(category=["A", "A", "B", "B", "C", "C", "C"]))
    mapped = zhangsan.mapping(split, few)
    assert mapped["group"].tolist()[:3] == ["A", "B", "C"] and len(mapped["item"].unique()) == 5
    ranked = zhangsan.ranked_items(split, few)
    second = ranked[ranked.groupby("group").cumcount() == 1]["item"]
    assert mapped["item"].tolist()[3:] == second.tolist()[:2]


def test_mapping_needs_five_items(shop, split):
    four = replace(split, baskets=split.baskets.over(split.baskets.items[:4]))
    with pytest.raises(BundlebookError, match="4 items cannot stand for 5"):
        zhangsan.mapping(four, shop)


def test_mapping_without_departments_takes_the_most_bought_items(shop, split):
    flat = shop.with_tables(products=shop.products.drop(columns="category"))
    assert zhangsan.mapping(split, flat)["item"].tolist() == ["milk", "banana", "bread", "candy", "steak"]


def test_history_puts_each_month_in_the_middle_of_its_period(shop, split):
    at = split.validation_end
    his = zhangsan.history(split, zhangsan.mapping(split, shop), at)
    assert his.user_ids.tolist() == ["张三"]
    assert (at - his.day).astype(int).tolist() == [98, 70, 42, 14]
    bought = {str(his.items[j]): q for row in his.quantities for j, q in zip(row.indices, row.data, strict=True)}
    assert bought == {"milk": 1, "banana": 2, "candy": 1, "steak": 3}


def test_history_joins_the_purchases_of_a_month(shop, split):
    lines = table(("2020-12", 1001, 1), ("2021-04", 1001, 1), ("2021-04", 1001, 2), ("2021-04", 1005, 1))
    his = zhangsan.history(split, zhangsan.mapping(split, shop), split.validation_end, lines)
    assert his.quantities.toarray().sum(axis=1).tolist() == [1, 4]
    assert np.diff(his.day).astype(int).tolist() == [4 * 28]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "there is no purchase"),
        ([("2021-01", 1001, 0)], "line 1: quantity 0 is outside 1 to 1000"),
        ([("2021-01", 1001, -1)], "quantity -1 is outside"),
        ([("2021-01", 1001, 10**9)], "quantity 1000000000 is outside"),
        ([("2021-01", 1001, "three")], "quantity 'three' is not a whole number"),
        ([("2021-01", 1001, 1.5)], "quantity '1.5' is not a whole number"),
        ([("2021-01", "milk", 1)], "item_id 'milk' is not a whole number"),
        ([("2021-13", 1001, 1)], "time '2021-13' is not a month"),
        ([("January", 1001, 1)], "time 'January' is not a month"),
        ([("2021-02", 1001, 1), ("2021-01", 1002, 1)], "line 2: 2021-01 comes after 2021-02"),
        ([("2021-05", 1001, 1)], "2021-05 is not before 2021-05"),
        ([("2021-01", 1001, 1), ("2021-02", 1009, 1)], "line 2: unknown item 1009"),
    ],
)
def test_a_wrong_line_is_one_clear_message(shop, split, lines, message):
    with pytest.raises(BundlebookError, match=message):
        zhangsan.history(split, zhangsan.mapping(split, shop), split.validation_end, table(*lines))


def test_a_table_without_a_column_is_refused():
    with pytest.raises(BundlebookError, match="column 'quantity' is missing"):
        zhangsan.check(pd.DataFrame({"time": ["2021-01"], "item_id": [1001]}))
