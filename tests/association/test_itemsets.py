"""The front door: its table, its thresholds, and what it refuses."""

import math
import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bundlebook.association import _engines as engines, encode, frequent_itemsets, least_count
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets
from tests.association import brute
from tests.association.random_baskets import random_baskets

TEA = [["milk", "tea"], ["milk"], ["jam", "milk", "tea"]]


def test_table_is_tidy_and_sorted(lists):
    found = frequent_itemsets(lists, 0.05)
    assert list(found.columns) == ["itemset", "length", "count", "support"]
    assert found["count"].dtype == np.int64
    assert all(labels == tuple(sorted(labels)) for labels in found["itemset"])
    keys = list(zip(-found["count"], found["length"], found["itemset"], strict=True))
    assert keys == sorted(keys)
    assert (found["support"] == found["count"] / len(lists)).all()
    assert dict(zip(found["itemset"], found["count"], strict=True)) == brute.itemsets(lists, 15)


def test_lists_and_baskets_give_the_same(lists, shop_baskets):
    assert frequent_itemsets(shop_baskets, 0.05).equals(frequent_itemsets(lists, 0.05))


def test_max_len_cuts_and_nothing_else(lists):
    whole, short = frequent_itemsets(lists, 0.03), frequent_itemsets(lists, 0.03, max_len=2)
    assert short.equals(whole[whole["length"] <= 2].reset_index(drop=True))


def test_nothing_frequent_is_an_empty_table():
    found = frequent_itemsets([["a"], ["b"], ["c"]], 0.5)
    assert len(found) == 0
    assert found["count"].dtype == np.int64


def test_the_table_says_which_engine_made_it():
    assert frequent_itemsets(TEA, 0.5).attrs["engine"] == "eclat"
    assert frequent_itemsets(TEA, 0.5, engine="mlxtend").attrs["engine"] == "mlxtend"


def test_a_missing_cell_is_no_item():
    padded = [["milk", float("nan"), None], ["milk", "bread"], ["bread", np.nan], [pd.NA, pd.NaT]]
    assert encode(padded).items.tolist() == ["bread", "milk"]
    assert encode(padded).n_baskets == 4


@pytest.mark.parametrize("engine", ["eclat", "mlxtend"])
def test_no_itemset_exactly_at_the_threshold_is_lost(engine):
    """Every share c / n for n up to 40: an itemset in exactly c baskets is found, at c + 1 it is not."""
    for n in range(2, 41):
        matrix = sparse.csr_matrix(np.tri(n, dtype=np.float32))  # column j is in n − j baskets
        baskets = Baskets(
            matrix,
            np.zeros(n, int),
            np.zeros(n, "datetime64[D]"),
            np.array(["u"]),
            np.array([f"{j:02d}" for j in range(n)]),
        )
        for c in range(max(1, n - 6), n):
            found = frequent_itemsets(baskets, c / n, max_len=1, engine=engine)
            assert found["count"].min() == c, (c, n)
            assert found.attrs["min_count"] == c


def test_least_count_is_exact_for_every_share():
    for n in range(1, 300):
        counts = np.arange(1, n + 1)
        shares = counts / n
        assert [least_count(share, n) for share in shares] == counts.tolist()
        assert [least_count(float(np.format_float_positional(share, 15)), n) for share in shares] == counts.tolist()


def test_least_count_forgives_rounding_but_not_more():
    assert least_count(0.07, 100) == 7
    assert least_count(0.1 + 0.2, 10) == 3
    assert least_count(0.3001, 10) == 4
    assert least_count(1e-9, 10**9) == 1


@pytest.mark.parametrize("support", [0, 1, -0.1, 1.5, float("nan"), float("inf"), None, "many"])
def test_impossible_supports_are_refused(support):
    with pytest.raises(BundlebookError, match=r"min_support: .* strictly between 0 and 1") as caught:
        frequent_itemsets(TEA, support)
    assert "give c / 3" in caught.value.remedy


@pytest.mark.parametrize(
    ("baskets", "message"),
    [
        ([], "there is no basket"),
        ([["tea"], ["tea"]], "1 distinct item"),
        ([[], []], "0 distinct item"),
        ([["tea", "milk", "tea"]], "basket 0 lists 'tea' more than once"),
        (["tea", "milk"], "basket 0 is the text 'tea'"),
    ],
)
def test_impossible_baskets_are_refused(baskets, message):
    with pytest.raises(BundlebookError, match=message):
        frequent_itemsets(baskets, 0.5)


def test_duplicates_can_be_merged_on_purpose():
    merged = encode([["tea", "milk", "tea"], ["tea"]], duplicates="merge")
    assert merged.matrix.toarray().tolist() == [[1, 1], [0, 1]]
    with pytest.raises(BundlebookError, match="unknown value"):
        encode(TEA, duplicates="ignore")


def test_a_matrix_with_a_stored_duplicate_is_refused():
    matrix = sparse.csr_matrix((2, 2), dtype=np.float32)
    matrix.indptr, matrix.indices = np.array([0, 1, 3]), np.array([0, 1, 1])
    matrix.data = np.ones(3, dtype=np.float32)
    baskets = Baskets(matrix, np.zeros(2, int), np.zeros(2, "datetime64[D]"), np.array(["u"]), np.array(["jam", "tea"]))
    with pytest.raises(BundlebookError, match="basket 1 lists 'tea' more than once"):
        frequent_itemsets(baskets, 0.5)
    assert encode(baskets, duplicates="merge").counts.tolist() == [1, 1]


def test_a_quantity_of_zero_is_no_purchase():
    matrix = sparse.csr_matrix(np.array([[1.0, 2.0], [3.0, 1.0]], dtype=np.float32))
    matrix.data[1] = 0
    baskets = Baskets(matrix, np.zeros(2, int), np.zeros(2, "datetime64[D]"), np.array(["u"]), np.array(["jam", "tea"]))
    assert encode(baskets).counts.tolist() == [2, 1]


@pytest.mark.parametrize("max_len", [0, -1, 2.5, True])
def test_impossible_lengths_are_refused(max_len):
    with pytest.raises(BundlebookError, match="is not a length"):
        frequent_itemsets(TEA, 0.5, max_len=max_len)


def test_unknown_and_missing_engines(monkeypatch):
    with pytest.raises(BundlebookError, match="unknown engine 'apriory'"):
        frequent_itemsets(TEA, 0.5, engine="apriory")
    monkeypatch.setitem(__import__("sys").modules, "fim", None)
    with pytest.raises(BundlebookError, match=r"'fim' is not installed[\s\S]*pip install 'bundlebook\[fast\]'"):
        frequent_itemsets(TEA, 0.5, engine="pyfim")


def a_million_items() -> Baskets:
    n = 50_000
    own = np.arange(1, 20 * n + 1, dtype=np.int32).reshape(n, 20)  # items of one basket only
    indices = np.hstack([np.zeros((n, 1), dtype=np.int32), own]).ravel()  # and one item of all baskets
    matrix = sparse.csr_matrix((np.ones(21 * n, np.float32), indices, np.arange(0, 21 * n + 1, 21)))
    items = np.char.zfill(np.arange(matrix.shape[1]).astype(str), 7)
    return Baskets(matrix, np.zeros(n, int), np.zeros(n, "datetime64[D]"), np.array(["u"]), items)


def test_a_million_distinct_items_are_no_trouble_above_the_noise():
    baskets = a_million_items()
    assert baskets.n_items == 1_000_001
    found = frequent_itemsets(baskets, 2 / baskets.n_baskets)
    assert found["itemset"].tolist() == [("0000000",)]


def test_a_million_distinct_items_at_a_support_of_one_basket_are_refused():
    with pytest.raises(BundlebookError, match=r"itemsets are frequent; they need more than the 0\.25 GiB") as caught:
        frequent_itemsets(a_million_items(), 1e-9, memory_limit=2**28)
    assert "(2 baskets) would fit" in caught.value.remedy


@pytest.mark.parametrize("engine", ["eclat", "mlxtend"])
def test_what_would_not_fit_is_refused_with_a_support_or_a_length_that_fits(engine):
    baskets = random_baskets(seed=5, n_baskets=400, n_items=25)
    limit = 10**6 if engine == "mlxtend" else 10**5
    with pytest.raises(BundlebookError, match="GiB allowed") as caught:
        frequent_itemsets(baskets, 0.005, memory_limit=limit, engine=engine)
    support, length = re.findall(r"(?:min_support|max_len) = ([\d.]+)", caught.value.remedy)
    assert 0 < len(frequent_itemsets(baskets, float(support), memory_limit=limit, engine=engine)) < 400
    assert len(frequent_itemsets(baskets, 0.005, max_len=int(length), memory_limit=limit, engine=engine)) > 25


@pytest.mark.parametrize("engine", ["eclat", "mlxtend"])
def test_many_items_in_the_same_baskets_are_refused_in_time(engine):
    """28 items in all of three baskets are 2.7e8 itemsets; 40 items bought three times among many are 1.1e12."""
    same = [[f"{number:02d}" for number in range(28)]] * 3
    with pytest.raises(BundlebookError, match="GiB allowed") as caught:
        frequent_itemsets(same, 0.5, engine=engine, memory_limit=2**29)
    assert caught.value.remedy.startswith("max_len = ")  # no support below 1 would fit
    length = int(caught.value.remedy.split()[2])
    assert frequent_itemsets(same, 0.5, max_len=length, memory_limit=2**29)["length"].max() == length
    among_many = [[f"{number:02d}" for number in range(40)]] * 3 + random_baskets(1, 2000, 30)
    with pytest.raises(BundlebookError, match=r"min_support = \S+ \(\d+ baskets\) or max_len = \d would fit"):
        frequent_itemsets(among_many, 3 / 2003, engine=engine, memory_limit=2**29)


def test_a_result_takes_no_more_memory_than_it_is_charged_for():
    """18 items in the same three baskets: what tracemalloc sees stays below what the search was allowed."""
    baskets = encode([[f"{number:02d}" for number in range(18)]] * 3)
    charged = sum(math.comb(18, k) * (engines.PER_ITEMSET + engines.PER_ITEM * k) for k in range(1, 19))
    tracemalloc.start()
    found = frequent_itemsets(baskets, 0.5, memory_limit=int(1.01 * charged))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 2**18 - 1
    assert 0.3 * charged < peak < charged
    with pytest.raises(BundlebookError, match="GiB allowed"):
        frequent_itemsets(baskets, 0.5, memory_limit=int(0.99 * charged))


def test_a_dense_table_is_refused_beforehand():
    with pytest.raises(BundlebookError, match="mlxtend would build a dense table of 400 baskets"):
        frequent_itemsets(random_baskets(5, 400, 25), 0.01, engine="mlxtend", memory_limit=10_000)


def test_available_memory_is_a_plausible_number():
    assert 2**24 < engines.available() < 2**46
