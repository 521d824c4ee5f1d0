import numpy as np
import pandas as pd
import pytest

from bundlebook.profiles import item_vectors
from bundlebook.profiles.vectors import _blocks, _ranks, _tokens
from bundlebook.shop import group_baskets, time_split


@pytest.fixture(scope="module")
def vectors(shop, split):
    return item_vectors(shop, split)


def test_one_row_an_item_in_order_and_all_values_in_0_to_1(vectors, split):
    assert vectors.index.tolist() == split.baskets.items.tolist()
    assert vectors.columns.is_unique and (vectors.dtypes == np.float32).all()
    assert vectors.min().min() >= 0 and vectors.max().max() <= 1 + 1e-6


def test_every_block_of_shares_sums_to_one_and_words_have_length_one(vectors):
    for block, places in _blocks(vectors).items():
        part = vectors.iloc[:, places].to_numpy()
        total = np.linalg.norm(part, axis=1) if block == "word" else part.sum(axis=1)
        assert np.allclose(total, 1, atol=1e-5), block


def test_shares_are_those_of_the_purchases(shop, split, vectors):
    item = split.baskets.items[3]
    mine = shop.products[shop.products["product_type"] == item]
    inside = shop.purchases["time"].between(pd.Timestamp(split.start), pd.Timestamp(split.train_end), inclusive="left")
    sold = mine["item_id"].map(shop.purchases[inside]["item_id"].value_counts()).fillna(0) + 1
    expected = sold.groupby(mine["brand"]).sum() / sold.sum()
    found = vectors.loc[item].filter(like="brand: ").rename(lambda column: column.removeprefix("brand: "))
    shown = expected[expected.index.isin(found.index)]
    assert found[shown.index].to_numpy() == pytest.approx(shown.to_numpy(), abs=1e-6)


def test_later_weeks_have_no_say(shop, split, vectors):
    late = shop.events["time"] >= pd.Timestamp(split.train_end)
    changed = shop.events.assign(price=shop.events["price"].where(~late, 1e6))
    assert item_vectors(shop.with_tables(events=changed), split).equals(vectors)


def test_an_item_never_sold_is_known_from_the_catalogue(shop, split, vectors):
    item = split.baskets.items[0]
    members = shop.products.loc[shop.products["product_type"] == item, "item_id"]
    unsold = shop.with_tables(events=shop.events[~shop.events["item_id"].isin(members)])
    found = item_vectors(unsold, split)
    words = [c for c in vectors if c.startswith(("word: ", "category: "))]
    assert found.loc[item, words].to_numpy() == pytest.approx(vectors.loc[item, words].to_numpy(), abs=1e-6)
    price = [c for c in found if c.startswith("price: ")]
    others = found.index != item
    assert found.loc[item, price].to_numpy() == pytest.approx(found.loc[others, price].mean().to_numpy(), abs=1e-5)


def test_a_shop_with_ids_and_times_only_still_has_vectors(shop):
    events = shop.events[["user_id", "item_id", "time", "event", "quantity"]].assign(price=2.0)
    products = pd.DataFrame({"item_id": shop.products["item_id"], "name": shop.products["name"]})
    bare = shop.with_tables(events=events, products=products, users=None)
    found = item_vectors(bare, time_split(group_baskets(bare), min_users=5))
    assert set(_blocks(found)) == {"hour", "word"}


def test_ranks_are_spread_over_three_anchors():
    table = _ranks(pd.Series([5.0, 1.0, 2.0, 9.0, np.nan], index=list("abcde")), "price")
    assert table.loc["b"].tolist() == [1, 0, 0] and table.loc["d"].tolist() == [0, 0, 1]
    assert table.loc["c"].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert table.loc["e"].tolist() == pytest.approx(table.loc[list("abcd")].mean().tolist())


def test_words():
    assert _tokens("APPLES FUJI (BULK&BAG), 5 LB; lens glass") == {"apple", "fuji", "bulk", "bag", "len", "glass"}
    assert _tokens("智能手机") == {"智能", "手机"}
