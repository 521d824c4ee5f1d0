"""Every customer is in one segment, by a rule that needs nothing but purchases."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import SEGMENTS, Shop, clean, customer_segments, load_shop

DAYS = {"a": [1, 8, 15, 50], "b": [2, 40, 44], "c": [45], "d": [46], "e": [3]}
PRICE = {"a": 10.0, "b": 1.0, "c": 10.0, "d": 1.0, "e": 99.0}


def shop(price=PRICE) -> Shop:
    rows = [
        {"user_id": user, "item_id": "i", "time": pd.Timestamp("2021-01-01") + pd.Timedelta(days=day, hours=h)}
        | {"event": "purchase", "quantity": 2.0, "price": price[user]}
        for user, days in DAYS.items()
        for day in days
        for h in (9, 9, 17)  # several lines, twice in a day: still one visit
    ]
    return Shop("tiny", pd.DataFrame(rows), pd.DataFrame({"item_id": ["i"]}))


def test_the_rule_by_hand():
    table = customer_segments(shop(), "2021-01-01", "2021-03-02", lapsed_after=30)
    assert table["visits"].to_dict() == {"a": 4, "b": 3, "c": 1, "d": 1, "e": 1}
    assert table["spend_per_visit"].to_dict() == {"a": 60, "b": 6, "c": 60, "d": 6, "e": 594}
    assert table["days_since"].to_dict() == {"a": 10, "b": 16, "c": 15, "d": 14, "e": 57}
    assert table["segment"].to_dict() == {
        "a": "frequent-large",
        "b": "frequent-small",
        "c": "occasional-large",
        "d": "occasional-small",
        "e": "lapsed",
    }


def test_days_outside_have_no_say():
    inside = customer_segments(shop(), "2021-01-20", "2021-02-11")
    assert inside["visits"].to_dict() == {"b": 1}
    with pytest.raises(BundlebookError, match="nobody"):
        customer_segments(shop(), "2022-01-01", "2022-02-01")


def test_without_prices_units_are_spent():
    table = customer_segments(shop(dict.fromkeys(PRICE, np.nan)), "2021-01-01", "2021-03-02")
    assert table["spend"].to_dict() == {"a": 24, "b": 18, "c": 6, "d": 6, "e": 6}


def test_where_all_have_lapsed_all_are_lapsed():
    assert set(customer_segments(shop(), "2021-01-01", "2025-01-01")["segment"]) == {"lapsed"}


def test_every_segment_lives_in_the_sample_shop():
    sample, _ = clean(load_shop("sample"))
    table = customer_segments(sample, "2020-03-09", "2021-01-11")
    assert set(table["segment"]) == set(SEGMENTS)
    assert table.index.is_monotonic_increasing and table.index.is_unique
