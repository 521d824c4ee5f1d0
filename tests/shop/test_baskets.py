"""A basket holds what one user bought at once, and a matrix cell what the lines say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import CleaningPolicy, Shop, clean, group_baskets, item_groups
from tests.shop.random_shop import random_shop

PRODUCTS = pd.DataFrame(
    {
        "item_id": ["milk", "soy", "ham", "odd"],
        "name": "",
        "category": ["dairy", "dairy", "meat", None],
        "brand": "",
        "price": 1.0,
    }
)


def shop_of(lines, **more) -> Shop:
    events = pd.DataFrame(lines, columns=["user_id", "item_id", "time", "quantity"])
    events = events.assign(time=pd.to_datetime(events["time"], format="ISO8601"), event="purchase", price=1.0, **more)
    return Shop("hand", events, PRODUCTS)


@pytest.fixture
def shop():
    return shop_of(
        [
            ("v", "milk", "2021-01-05 10:00", 1),
            ("u", "soy", "2021-01-04 18:00", 2),
            ("u", "milk", "2021-01-04 09:00", 1),
            ("u", "ham", "2021-01-04 09:00", 1),
            ("u", "soy", "2021-01-04 09:00", 3),
            ("u", "soy", "2021-01-04 09:00", 1),
            ("u", "odd", "2021-01-06 09:00", 1),
        ],
        basket_id=["9", "1", "7", "7", "7", "7", "8"],
    )


def test_lines_become_cells_in_time_order(shop):
    b = group_baskets(shop, "item_id")
    assert b.items.tolist() == ["ham", "milk", "odd", "soy"]
    assert b.user_ids.tolist() == ["u", "v"]
    assert b.quantities.toarray().tolist() == [[1, 1, 0, 4], [0, 0, 0, 2], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert b.user.tolist() == [0, 0, 0, 1]
    assert b.day.astype(str).tolist() == ["2021-01-04", "2021-01-04", "2021-01-06", "2021-01-05"]
    assert b.quantities.dtype == np.float32
    assert b.incidence.toarray().max() == 1
    assert b.quantities.toarray().max() == 4
    assert b.sizes().tolist() == [3, 1, 1, 1]
    assert b.counts_by_user().tolist() == [3, 1]
    assert (b.n_baskets, b.n_users, b.n_items) == (4, 2, 4)


def test_a_coarser_level_leaves_out_lines_without_a_label(shop):
    b = group_baskets(shop, "category")
    assert b.items.tolist() == ["dairy", "meat"]
    assert b.quantities.toarray().tolist() == [[5, 1], [2, 0], [1, 0]]
    assert b.level == "category"


def test_a_day_is_a_basket_where_nothing_else_says(shop):
    assert group_baskets(shop, "item_id", by="day").sizes().tolist() == [3, 1, 1]
    plain = shop.with_tables(events=shop.events.drop(columns="basket_id"))
    assert group_baskets(plain, "item_id").sizes().tolist() == [3, 1, 1]
    visits = plain.with_tables(events=plain.events.assign(session_id=range(7)))
    assert group_baskets(visits, "item_id").n_baskets == 7


def test_midnight_ends_a_basket():
    lines = [("u", "milk", "2021-01-04 23:59", 1), ("u", "ham", "2021-01-05 00:01", 1), ("u", "soy", "2021-03-01", 1)]
    b = group_baskets(shop_of(lines, basket_id="1"), "item_id")
    assert b.day.astype(str).tolist() == ["2021-01-04", "2021-01-05", "2021-03-01"]


def test_lines_without_a_basket_id_share_their_day():
    lines = [("u", "milk", "2021-01-04 10:00", 1), ("u", "ham", "2021-01-04 11:00", 1), ("u", "soy", "2021-01-05", 1)]
    assert group_baskets(shop_of(lines, basket_id=[None, None, "3"]), "item_id").sizes().tolist() == [2, 1]


def test_two_users_may_use_the_same_basket_id():
    lines = [("u", "milk", "2021-01-04", 1), ("v", "milk", "2021-01-04", 1)]
    assert group_baskets(shop_of(lines, basket_id="1"), "item_id").user.tolist() == [0, 1]


def test_only_purchases_count(shop):
    viewed = shop.with_tables(events=shop.events.assign(event="view"))
    empty = group_baskets(viewed, "item_id")
    assert (empty.n_baskets, empty.n_users, empty.n_items) == (0, 0, 0)
    assert empty.user_item().shape == (0, 0)


def test_slices_keep_the_numbering(shop):
    b = group_baskets(shop, "item_id")
    later = b.between("2021-01-05")
    assert later.day.astype(str).tolist() == ["2021-01-06", "2021-01-05"]
    assert (later.n_users, later.n_items) == (2, 4)
    assert b.between(end="2021-01-05").n_baskets == 2
    assert b.between("2021-01-05", "2021-01-06").n_baskets == 1
    assert b.between(np.datetime64("2021-01-04")).n_baskets == b.n_baskets


def test_users_can_be_chosen_and_renumbered(shop):
    b = group_baskets(shop, "item_id")
    turned = b.of_users([1, 0])
    assert turned.user_ids.tolist() == ["v", "u"]
    assert turned.user.tolist() == [0, 1, 1, 1]
    np.testing.assert_array_equal(turned.user_item().toarray(), b.user_item().toarray()[[1, 0]])
    assert b.of_users([1]).n_baskets == 1
    assert b.of_users(np.array([], dtype=int)).n_users == 0


def test_a_user_can_be_taken_twice(shop):
    b = group_baskets(shop, "item_id")
    drawn = b.of_users([1, 0, 1])
    assert drawn.user_ids.tolist() == ["v", "u", "v"]
    assert drawn.user.tolist() == [0, 1, 1, 1, 2]
    assert drawn.day.tolist() == b.day[[3, 0, 1, 2, 3]].tolist()
    assert (drawn.quantities != b.quantities[[3, 0, 1, 2, 3]]).nnz == 0


def test_the_last_baskets_of_every_user(shop):
    b = group_baskets(shop, "item_id")
    assert b.last(1).day.astype(str).tolist() == ["2021-01-06", "2021-01-05"]
    for n in range(5):
        kept = b.last(n)
        assert (kept.n_users, kept.n_items) == (b.n_users, b.n_items)
        for user in range(b.n_users):
            whole, short = b.of_users([user]), kept.of_users([user])
            assert short.n_baskets == min(n, whole.n_baskets)
            assert (short.quantities != whole.quantities[whole.n_baskets - short.n_baskets :]).nnz == 0
    with pytest.raises(BundlebookError, match="last -1 baskets"):
        b.last(-1)


def test_a_basket_counts_half_after_one_half_life(shop):
    b = group_baskets(shop, "item_id")  # days 4, 4, 6 and 5 of January
    at = np.datetime64("2021-01-10")
    assert b.decay(at, 3).tolist() == pytest.approx([1 / 4, 1 / 4, 2 ** (-4 / 3), 2 ** (-5 / 3)])
    assert b.decay(at, np.inf).tolist() == [1, 1, 1, 1]


def test_items_can_be_chosen_and_empty_baskets_go(shop):
    b = group_baskets(shop, "item_id").over(["soy", "ham"])
    assert b.quantities.toarray().tolist() == [[4, 1], [2, 0]]
    assert b.items.tolist() == ["soy", "ham"] and b.quantities.has_sorted_indices


def test_items_that_nobody_knows_become_empty_columns(shop):
    b = group_baskets(shop, "item_id")
    wide = b.over(["cake", *b.items, "tea"])
    assert (wide.quantities[:, 1:-1] != b.quantities).nnz == 0 and wide.quantities.shape == (4, 6)
    assert wide.quantities[:, [0, 5]].nnz == 0 and wide.quantities.indices.dtype == b.quantities.indices.dtype
    assert wide.over(b.items).digest == b.digest
    assert b.over(["tea"]).n_baskets == 0


def test_one_user_alone(shop):
    b = group_baskets(shop, "item_id")
    for row, user in enumerate(b.user_ids):
        assert b.one(user).digest == b.of_users([row]).digest
    twice = b.of_users([1, 0, 1])
    assert twice.one("v").digest == b.one("v").digest
    with pytest.raises(BundlebookError, match="no user 'w' among 2"):
        b.one("w")


def test_somebody_without_a_basket(shop):
    b = group_baskets(shop, "item_id")
    w = b.empty("w")
    assert (w.n_baskets, w.n_users, w.items.tolist(), w.level) == (0, 1, b.items.tolist(), b.level)
    assert w.user_ids.tolist() == ["w"] and w.user_item().shape == (1, 4) and w.user_item().nnz == 0
    assert w.digest != b.empty().digest


CHANGES = {
    "data": lambda b: {"quantities": b.quantities * 2},
    "indices": lambda b: {"quantities": b.quantities[:, [0, 1, 3, 2]]},
    "indptr": lambda b: {"quantities": b.quantities[[1, 0, 2, 3]]},
    "shape": lambda b: {"quantities": sparse.csr_matrix((b.quantities.data, b.quantities.nonzero()), shape=(5, 4))},
    "user": lambda b: {"user": np.array([0, 0, 1, 1])},
    "day": lambda b: {"day": b.day + np.array([0, 0, 0, 1])},
    "user_ids": lambda b: {"user_ids": np.array(["u", "w"])},
    "labels that run into one another": lambda b: {"user_ids": np.array(["u", "v", "ham"]), "items": b.items[1:]},
    "items": lambda b: {"items": np.array(["ham", "milk", "odd", "tea"])},
    "level": lambda b: {"level": "category"},
}


@pytest.mark.parametrize("field", CHANGES)
def test_each_field_has_a_say_in_the_digest(shop, field):
    b = group_baskets(shop, "item_id")
    assert replace(b, **CHANGES[field](b)).digest != b.digest


def test_the_digest_is_the_same_on_every_machine(shop):
    b = group_baskets(shop, "item_id")
    assert b.digest == "90ac016d32a7ca265f7df85523e89219a2f104cd7c185a02beadfbbd31f33f8d"
    cells = b.quantities.astype(np.float64)
    cells.indices, cells.indptr = cells.indices.astype(np.int64), cells.indptr.astype(np.int64)
    cells.indices[:3], cells.data[:3] = cells.indices[[2, 0, 1]], cells.data[[2, 0, 1]]
    cells.has_sorted_indices = False
    big_endian = b.user.astype(">i4")
    assert replace(b, quantities=cells, user=big_endian, user_ids=b.user_ids.astype(object)).digest == b.digest
    assert cells.indices[0] == 3, "the baskets themselves stay as they are"


def test_weights_scale_whole_baskets(shop):
    b = group_baskets(shop, "item_id")
    assert b.user_item().toarray().tolist() == [[1, 1, 1, 2], [0, 1, 0, 0]]
    assert b.user_item(np.array([1, 10, 0, 5])).toarray().tolist() == [[1, 1, 0, 11], [0, 5, 0, 0]]


@pytest.mark.parametrize("wrong", [{"by": "session_id"}, {"by": "item_id"}, {"level": "shelf"}])
def test_unknown_groupings_are_refused(shop, wrong):
    with pytest.raises(BundlebookError):
        group_baskets(shop, **wrong)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), level=st.sampled_from(["item_id", "category"]), order=st.randoms())
def test_random_shops_agree_with_a_plain_group_by(seed, level, order):
    shop, _ = clean(random_shop(seed), CleaningPolicy(unknown_items="keep", duplicates="keep"))
    lines = shop.purchases.merge(shop.products[["item_id", "category"]], how="left").dropna(subset=[level])
    lines = lines.assign(day=lines["time"].dt.normalize())
    plain = lines.groupby(["user_id", "day", "basket_id", level], dropna=False)["quantity"].sum()
    b = group_baskets(shop, level)
    assert b.quantities.nnz == len(plain)
    assert b.quantities.sum() == pytest.approx(plain.sum())
    assert b.n_baskets == len(plain.reset_index().drop_duplicates(["user_id", "day", "basket_id"]))
    assert (np.lexsort((b.day, b.user)) == np.arange(b.n_baskets)).all()
    shuffled = list(range(len(shop.events)))
    order.shuffle(shuffled)
    other = group_baskets(shop.with_tables(events=shop.events.iloc[shuffled]), level)
    assert (other.quantities != b.quantities).nnz == 0
    assert (other.day == b.day).all()


def test_the_real_shop_has_the_baskets_of_its_tills(cleaned_shop):
    shop = cleaned_shop
    b = group_baskets(shop, "item_id")
    assert b.n_baskets == shop.events["basket_id"].nunique()
    assert b.quantities.nnz == len(shop.events)
    assert b.quantities.sum() == pytest.approx(shop.events["quantity"].sum())


def test_an_item_belongs_to_the_coarser_label_that_most_of_its_products_have(shop):
    groups = item_groups(shop, "item_id")
    assert groups.to_dict() == {"milk": "dairy", "soy": "dairy", "ham": "meat"}  # "odd" has no category
    assert item_groups(shop, "category") is None
    products = pd.DataFrame(
        {
            "item_id": list("abcde"),
            "product_type": ["milk", "milk", "milk", "jam", "jam"],
            "category": ["fresh", "dairy", "dairy", "sweet", "bread"],
        }
    )
    assert item_groups(shop.with_tables(products=products)).to_dict() == {"jam": "bread", "milk": "dairy"}
    assert item_groups(shop.with_tables(products=PRODUCTS.drop(columns="category")), "item_id") is None
