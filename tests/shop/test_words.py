"""The shop's own words: its currency, what it calls a user, and the names of its items."""

import pandas as pd
import pytest

from bundlebook.shop import Shop, load_shop


def shop(**words) -> Shop:
    return Shop("tiny", pd.DataFrame(), pd.DataFrame({"item_id": ["7", "8"], "name": ["tea", None]}), **words)


@pytest.mark.parametrize(
    ("currency", "written"),
    [("€", "-€1,234.50"), ("EUR", "-EUR\N{NO-BREAK SPACE}1,234.50"), ("CA$", "-CA$1,234.50"), ("", "-1,234.50")],
)
def test_money_is_written_in_the_shops_currency(currency, written):
    assert shop(currency=currency).money(-1234.5) == written
    assert shop(currency="€").money(-0.4, decimals=0) == "€0"


@pytest.mark.parametrize(
    ("word", "plural"),
    [
        ("user", "users"),
        ("family", "families"),
        ("boy", "boys"),
        ("business", "businesses"),
        ("branch", "branches"),
        ("顾客", "顾客"),
    ],
)
def test_the_plural_of_the_word_for_a_user(word, plural):
    assert shop(user_word=word).user_words == plural
    assert shop(user_word=word).in_own_words("no user of 3 users has a user_id") == (
        f"no {word} of 3 {plural} has a user_id"
    )


def test_a_folder_says_what_it_calls_a_user(tmp_path):
    (tmp_path / "user_data.csv").write_text("user_id,item_id,time\na,7,2021-03-01\n", encoding="utf-8")
    (tmp_path / "product_data.csv").write_text("item_id\n7\n", encoding="utf-8")
    assert load_shop(tmp_path).user_word == "user"
    (tmp_path / "shop.yaml").write_text("user_word: card holder\n", encoding="utf-8")
    assert load_shop(tmp_path).user_words == "card holders"


def test_an_item_without_a_name_is_called_by_its_identifier():
    assert [shop().called(item) for item in ("7", "8", "9")] == ["tea", "8", "9"]
    assert shop().called("7", "category") == "7"


def test_a_single_product_type_tells_no_item_from_another():
    products = pd.DataFrame({"item_id": ["7", "8"], "product_type": ["tea", "tea"]})
    assert Shop("tiny", pd.DataFrame(), products).level() == "item_id"
    assert Shop("tiny", pd.DataFrame(), products.assign(product_type=["tea", "milk"])).level() == "product_type"
