"""The contract: one declaration, honoured by the real shop and the sample, and enforced on tables of any origin."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, contract, load_shop, validate
from bundlebook.shop.schema import TABLES, _pandera_schema


def small_shop(**changes) -> Shop:
    """Two events and two products as a reader might build them, with columns replaced."""
    events = pd.DataFrame(
        {
            "user_id": ["007", "008"],
            "item_id": ["A1", "A2"],
            "time": pd.to_datetime(["2021-01-04", "2021-02-01"]),
            "event": ["view", "purchase"],
            "quantity": [1, 2],
            "price": [2.5, np.nan],
        }
    )
    products = pd.DataFrame(
        {
            "item_id": ["A1", "A2"],
            "name": ["Tea", "Coffee"],
            "category": ["Drinks", np.nan],
            "brand": ["Leaf", "Bean"],
            "price": [2.5, np.nan],
        }
    )
    return Shop("corner shop", events.assign(**changes), products)


def test_every_table_of_a_shop_is_in_the_contract():
    assert set(TABLES) == {"events", "products", "users", "bundles", "bundle_events"}
    assert set(TABLES) < set(Shop.__dataclass_fields__)


def test_contract_for_people_lists_every_column_once():
    listed = contract()
    assert len(listed) == sum(len(table.columns) for table in TABLES.values())
    assert not listed.duplicated(["file", "column"]).any()
    required = listed[listed["required"] == "yes"].groupby("file", sort=False)["column"].agg(list).to_dict()
    assert required == {
        "user_data": ["user_id", "item_id", "time"],
        "product_data": ["item_id"],
        "users": ["user_id"],
        "bundles": ["bundle_id", "item_id"],
        "bundle_events": ["user_id", "bundle_id", "time", "event"],
    }
    assert (listed.loc[listed["required"] == "yes", "if absent"] == "refused").all()


def test_the_real_shop_honours_the_contract(real_shop):
    assert validate(real_shop) is real_shop
    assert real_shop.real
    assert len(real_shop.events) == 1_469_307


def test_the_sample_honours_the_contract_and_says_that_it_is_simulated():
    shop = load_shop("sample", strict=True)
    assert validate(shop) is shop
    assert not shop.real
    assert shop.name == "sample"
    assert shop.bundles is not None and shop.bundle_events is not None and shop.users is not None


def test_a_sound_shop_of_dataframes_passes_with_extra_columns():
    validate(small_shop(shelf=["left", "right"]))


@pytest.mark.parametrize(
    ("changes", "row", "column", "value"),
    [
        ({"price": [2.5, -1.0]}, 2, "price", "-1.0"),
        ({"price": [np.inf, 1.0]}, 1, "price", "inf"),
        ({"quantity": [1, -2]}, 2, "quantity", "-2"),
        ({"event": ["view", "sold"]}, 2, "event", "'sold'"),
        ({"event": [np.nan, "purchase"]}, 1, "event", "nan"),
        ({"user_id": pd.Series(["007", None], dtype="str")}, 2, "user_id", "nan"),
        ({"time": pd.to_datetime(["2021-01-04", None])}, 2, "time", "NaT"),
        ({"list_price": [1.0, -1.0]}, 2, "list_price", "-1.0"),
    ],
)
def test_a_violation_names_table_row_column_and_value(changes, row, column, value):
    with pytest.raises(BundlebookError) as caught:
        validate(small_shop(**changes))
    assert caught.value.where == f"events of the shop, row {row}, column {column!r}"
    assert value in caught.value.problem
    assert "contract()" in caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"user_id": [7, 8]}, "user_id"),
        ({"time": ["2021-01-04", "2021-02-01"]}, "naive datetime64"),
        ({"time": pd.to_datetime(["2021-01-04", "2021-02-01"], utc=True)}, "naive datetime64"),
        ({"price": ["2.5", "3"]}, "numeric"),
    ],
    ids=["number for id", "text for time", "zone on time", "text for price"],
)
def test_a_column_of_the_wrong_type_is_named(changes, problem):
    with pytest.raises(BundlebookError, match=problem) as caught:
        validate(small_shop(**changes))
    assert caught.value.where.startswith("events of the shop")


def test_an_item_may_be_missing_on_a_search_only():
    items = pd.Series([None, "A2"], dtype="str")
    validate(small_shop(item_id=items, event=["search", "purchase"]))
    with pytest.raises(BundlebookError, match="search only"):
        validate(small_shop(item_id=items))


def test_a_missing_column_and_a_repeated_key_are_refused():
    shop = small_shop()
    with pytest.raises(BundlebookError, match="time"):
        validate(shop.with_tables(events=shop.events.drop(columns="time")))
    with pytest.raises(BundlebookError, match=r"products of the shop, row 3, column 'item_id': 'A1' .*once"):
        validate(shop.with_tables(products=pd.concat([shop.products, shop.products])))
    bundles = pd.DataFrame({"bundle_id": ["B1", "B1", "B1"], "item_id": ["A1", "A2", "A1"]})
    with pytest.raises(BundlebookError, match=r"bundles of the shop, row 3, columns 'bundle_id', 'item_id': .*once"):
        validate(shop.with_tables(bundles=bundles))


def test_pandera_checks_what_the_contract_declares():
    for name, table in TABLES.items():
        schema = _pandera_schema(name)
        assert list(schema.columns) == table.names
        for column in table.columns:
            assert schema.columns[column.name].nullable == column.blank
            assert schema.columns[column.name].required == bool(column.required or column.default)


def test_pandera_is_not_imported_before_it_is_needed():
    script = "import sys, bundlebook.shop, bundlebook.shop.schema; sys.exit('pandera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=120).returncode == 0
