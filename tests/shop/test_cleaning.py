"""Every step changes what it says, the audit adds up, and a second cleaning has nothing to do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from bundlebook.errors import BundlebookError
from bundlebook.shop import (
    CleaningPolicy,
    Exclusion,
    Shop,
    clean,
    drop_twins,
    merge_twins,
    quantity_limit,
    read_table,
    to_local_time,
)
from bundlebook.shop.cleaning import _MERGE_KEY, _limit_quantity, _removals
from bundlebook.shop.completejourney import _EXCLUSIONS
from tests.shop.random_shop import random_shop

FUEL = Exclusion("fuel", (("category", ("fuel",)), ("no such column", ("x",))), "no merchandise")

policies = st.builds(
    CleaningPolicy,
    local_time=st.booleans(),
    unknown_items=st.sampled_from(["drop", "keep"]),
    zero_quantity=st.sampled_from(["drop", "keep"]),
    zero_price=st.sampled_from(["drop", "keep"]),
    missing_quantity=st.sampled_from(["one", "drop"]),
    missing_price=st.sampled_from(["catalogue", "drop", "keep"]),
    exclusions=st.sampled_from([(), (FUEL,)]),
    max_quantity=st.sampled_from([None, 2, 4.0, 100.5]),
    implausible=st.sampled_from(["cap", "drop"]),
    duplicates=st.sampled_from(["drop", "merge", "keep"]),
)


def shop_of(**columns) -> Shop:
    """A shop with one column of the events given and the rest harmless."""
    n = len(next(iter(columns.values())))
    plain = {
        "user_id": ["u"] * n,
        "item_id": ["i"] * n,
        "time": pd.date_range("2021-01-04", periods=n, freq="h"),
        "event": ["purchase"] * n,
        "quantity": [1] * n,
        "price": [1.0] * n,
    }
    products = pd.DataFrame({"item_id": ["i"], "name": ["i"], "category": ["c"], "brand": ["b"], "price": [3.0]})
    return Shop("hand", pd.DataFrame(plain | columns), products)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), policy=policies)
def test_random_shop_cleaned_twice_is_cleaned_once(seed, policy):
    shop = random_shop(seed)
    try:
        once, audit = clean(shop, policy)
    except BundlebookError as error:
        assert "no purchase is left" in str(error)
        return
    twice, second = clean(once, policy)
    pd.testing.assert_frame_equal(twice.events, once.events)
    assert (second["rows_in"] == second["rows_out"]).all()
    assert (second["rows_changed"] == 0).all()
    assert audit["rows_in"].iloc[0] == len(shop.events)
    assert audit["rows_out"].iloc[-1] == len(once.events)
    assert (audit["rows_out"].to_numpy()[:-1] == audit["rows_in"].to_numpy()[1:]).all()
    assert audit["step"].is_unique


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), policy=policies)
def test_random_shop_is_not_touched_and_nothing_condemned_stays(seed, policy):
    shop = random_shop(seed)
    before = shop.events.copy(deep=True)
    try:
        events = clean(shop, policy)[0].events
    except BundlebookError:
        return
    finally:
        pd.testing.assert_frame_equal(shop.events, before)
    bought = events[events["event"] == "purchase"]
    assert bought["quantity"].notna().all()
    if policy.zero_quantity == "drop":
        assert (bought["quantity"] > 0).all()
    if policy.zero_price == "drop":
        assert not (bought["price"] <= 0).any()
    if policy.unknown_items == "drop":
        assert events["item_id"].dropna().isin(shop.products["item_id"]).all()
    if policy.max_quantity is not None:
        assert not (bought["quantity"] > policy.max_quantity).any()
    if policy.duplicates != "keep":
        assert not events.duplicated().any()
    if policy.duplicates == "merge":
        assert not events.duplicated([c for c in _MERGE_KEY if c in events]).any()


def test_real_shop_meets_the_reference_counts(real_shop):
    shop, audit = clean(real_shop)
    steps = audit.set_index("step")
    assert len(real_shop.events) == steps["rows_in"].iloc[0] == 1_469_307
    assert steps["rows_out"]["miscellaneous"] == 1_439_976
    without_till = replace(real_shop.policy, exclusions=_EXCLUSIONS[:3])
    reference = clean(real_shop, without_till)[0].events
    assert (len(reference), reference["item_id"].nunique(), reference["basket_id"].nunique()) == (
        1_439_976,
        67_792,
        140_929,
    )
    assert (len(shop.events), steps["rows_out"].iloc[-1]) == (1_439_058, 1_439_058)


def test_real_shop_cleaned_twice_is_cleaned_once(cleaned_shop):
    once = cleaned_shop
    twice, audit = clean(once)
    pd.testing.assert_frame_equal(twice.events, once.events)
    assert (audit["rows_out"] == len(once.events)).all()
    assert (audit["rows_changed"] == 0).all()


def test_real_shop_keeps_every_column_and_type(real_shop, cleaned_shop):
    assert (cleaned_shop.events.dtypes == real_shop.events.dtypes).all()
    assert cleaned_shop.products.equals(real_shop.products)


def test_real_purchases_fall_on_the_right_date(real_shop, cleaned_shop):
    """In UTC the shop would sell through the night and rest in the morning."""
    moved = real_shop.events.drop_duplicates("basket_id")
    local = to_local_time(real_shop)[0].events.loc[moved.index, "time"]
    assert (moved["time"].dt.date != local.dt.date).mean() == pytest.approx(0.183, abs=5e-4)
    hours = cleaned_shop.events["time"].dt.hour.value_counts(normalize=True)
    assert hours[range(1, 6)].sum() < 0.02
    assert pd.Timestamp("2017-12-25").date() not in set(cleaned_shop.events["time"].dt.date)


def test_local_time_moves_both_tables_and_knows_summer_time():
    shown = pd.DataFrame(
        {"user_id": ["u"], "bundle_id": ["b"], "time": pd.to_datetime(["2021-01-01"]), "event": "shown"}
    )
    shop = shop_of(time=pd.to_datetime(["2021-01-01 03:00", "2021-07-01 03:00"]))
    shop = shop.with_tables(bundle_events=shown, timezone="UTC", local_timezone="America/New_York")
    local, moved = to_local_time(shop)
    assert moved == 2
    assert local.events["time"].tolist() == [pd.Timestamp("2020-12-31 22:00"), pd.Timestamp("2021-06-30 23:00")]
    assert local.bundle_events["time"].tolist() == [pd.Timestamp("2020-12-31 19:00")]
    assert local.timezone == "America/New_York"
    assert to_local_time(local) == (local, 0)


def test_local_time_survives_clocks_that_jump():
    times = pd.to_datetime(["2021-03-28 02:30", "2021-10-31 02:30"])  # the first never was in Berlin, the second twice
    shop = shop_of(time=times).with_tables(timezone="Europe/Berlin", local_timezone="UTC")
    assert to_local_time(shop)[0].events["time"].dt.day.tolist() == [28, 31]


@pytest.mark.parametrize("zones", [(None, None), ("UTC", None), (None, "UTC"), ("UTC", "UTC")])
def test_local_time_needs_two_zones(zones):
    shop = shop_of(quantity=[1]).with_tables(timezone=zones[0], local_timezone=zones[1])
    assert to_local_time(shop) == (shop, 0)


def test_each_mask_condemns_its_lines_only():
    shop = shop_of(
        item_id=["i", "?", "i", "i", None, "i"],
        event=["purchase", "purchase", "purchase", "purchase", "search", "view"],
        quantity=[1.0, 1.0, 0.0, np.nan, np.nan, 0.0],
        price=[0.0, 1.0, 1.0, np.nan, np.nan, 0.0],
    )
    here, nowhere = Exclusion("here", (("category", ("c",)),), ""), Exclusion("nowhere", (("department", ("c",)),), "")
    policy = CleaningPolicy(missing_quantity="drop", missing_price="drop", exclusions=(here, nowhere))
    condemned = {step: np.flatnonzero(mask).tolist() for step, mask, _ in _removals(shop, policy)}
    assert condemned == {
        "not in catalogue": [1],
        "zero quantity": [2],
        "zero price": [0],
        "missing quantity": [3],
        "missing price": [3],
        "here": [0, 2, 3, 5],
        "nowhere": [],
    }


def test_views_need_neither_quantity_nor_price():
    shop = shop_of(event=["view", "purchase"], quantity=[np.nan, 1.0], price=[0.0, 2.0])
    assert clean(shop)[0].events["event"].tolist() == ["view", "purchase"]


def test_a_log_without_any_purchase_is_no_error():
    shop = shop_of(event=["view", "view"])
    assert len(clean(shop)[0].events) == 2


def test_the_step_that_empties_a_shop_is_named():
    with pytest.raises(BundlebookError, match="'zero price': no purchase is left"):
        clean(shop_of(price=[0.0, 0.0]))
    with pytest.raises(BundlebookError, match="'drop quantity': no purchase is left"):
        clean(shop_of(quantity=[7, 7]), CleaningPolicy(max_quantity=5, implausible="drop"))
    assert len(clean(shop_of(price=[0.0, 0.0]), CleaningPolicy(zero_price="keep"))[0].events) == 2


def test_twins_are_dropped_only_if_every_column_agrees():
    time = pd.to_datetime(["2021-01-04"] * 4)
    shop = shop_of(time=time, quantity=[1, 1, 2, 1], price=[1.0, 1.0, 1.0, 1.0], basket_id=["a", "a", "a", "b"])
    kept, changed = drop_twins(shop.events)
    assert changed == 0
    assert kept[["quantity", "basket_id"]].to_numpy().tolist() == [[1, "a"], [2, "a"], [1, "b"]]


def test_merging_adds_quantities_and_keeps_the_money():
    time = pd.to_datetime(["2021-01-04", "2021-01-05", "2021-01-04", "2021-01-04"])
    shop = shop_of(time=time, quantity=[1, 5, 3, 1], price=[2.0, 9.0, 1.0, np.nan], store_id=["s", "t", "u", "v"])
    merged, changed = merge_twins(shop.events)
    assert changed == 1
    assert merged["quantity"].tolist() == [5, 5]
    assert merged["price"].tolist() == [pytest.approx((1 * 2.0 + 3 * 1.0) / 4), 9.0]
    assert merged["store_id"].tolist() == ["s", "t"]
    assert merged["quantity"].dtype == shop.events["quantity"].dtype


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_merging_agrees_with_a_plain_group_by(seed):
    events = random_shop(seed).events
    merged, _ = merge_twins(events)
    key = [c for c in _MERGE_KEY if c in events]
    plain = events.groupby(key, dropna=False)["quantity"].sum(min_count=1)
    ours = merged.set_index(key)["quantity"]
    assert ours.index.is_unique
    pd.testing.assert_series_equal(ours.sort_index(), plain.sort_index(), check_index_type=False)
    priced = events[events["price"].notna() & events["quantity"].notna()]
    whole = merged[merged["price"].notna() & merged["quantity"].notna()]
    lost = events[events["price"].isna() & events["quantity"].notna()]
    if lost.empty:
        assert (whole["price"] * whole["quantity"]).sum() == pytest.approx((priced["price"] * priced["quantity"]).sum())


@pytest.mark.parametrize(("limit", "expected"), [(3, [1, 3, 3]), (3.5, [1, 3, 3]), (8, [1, 3, 8])])
def test_whole_units_are_capped_to_whole_units(limit, expected):
    shop = shop_of(quantity=[1, 3, 9])
    capped, changed = _limit_quantity(shop.events, limit)
    assert capped["quantity"].tolist() == expected
    assert capped["quantity"].dtype == np.int64
    assert changed == 1
    assert len(_limit_quantity(shop.events, limit, "drop")[0]) == 2


def test_the_quantity_limit_finds_fuel_and_looks_no_later():
    shop = shop_of(item_id=["i"] * 50 + ["fuel"], quantity=[1] * 50 + [9000])
    assert quantity_limit(shop, "2021-02-01", quantile=0.5, factor=10) == pytest.approx(10 * 4500.5)
    assert quantity_limit(shop, shop.events["time"].iloc[-1], factor=10) == 10
    with pytest.raises(BundlebookError, match="no purchase before"):
        quantity_limit(shop, "2020-01-01")


def test_the_quantity_limit_of_the_real_shop_lies_between_groceries_and_fuel(real_shop):
    limit = quantity_limit(real_shop, "2017-10-30")
    fuel = real_shop.products.loc[real_shop.products["product_type"] == "GASOLINE-REG UNLEADED", "item_id"]
    above = real_shop.events[real_shop.events["quantity"] > limit]
    assert above["item_id"].isin(fuel).mean() > 0.999


@pytest.mark.parametrize(
    "wrong",
    [{"duplicates": "join"}, {"implausible": "x"}, {"zero_price": None}, {"max_quantity": 0}, {"max_quantity": np.nan}],
)
def test_an_unknown_choice_is_refused(wrong):
    with pytest.raises(BundlebookError, match="CleaningPolicy"):
        CleaningPolicy(**wrong)


def test_only_the_real_shop_has_exclusions(real_shop):
    assert real_shop.policy.exclusions == _EXCLUSIONS
    other = replace(shop_of(quantity=[1]), name="completejourney")
    assert other.policy == CleaningPolicy() and other.campaigns is None, "a name says nothing about the catalogue"


def test_single_columns_of_a_side_table_are_the_same_columns():
    whole, file = read_table("coupons")
    some, same_file = read_table("coupons", columns=["campaign_id"])
    pd.testing.assert_frame_equal(some, whole[["campaign_id"]])
    assert same_file == file
