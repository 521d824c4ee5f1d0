import numpy as np
import pytest

from bundlebook.association import (
    association_rules,
    count_itemsets,
    encode,
    fit_sizes,
    frequent_itemsets,
    held_out_lift,
    remeasure,
    survival,
)
from tests.association.random_baskets import random_baskets


@pytest.fixture(scope="module")
def rules(lists):
    return association_rules(frequent_itemsets(lists, 0.05), min_confidence=0.3)


def test_counting_given_itemsets(lists):
    itemsets = [(), ("item00",), ("item00", "item03"), ("item01", "item02", "item05"), ("beer", "item00"), ("beer",)]
    expected = [sum(basket.issuperset(labels) for basket in lists) for labels in itemsets]
    assert count_itemsets(lists, itemsets).tolist() == expected
    assert expected[2] > 0
    assert count_itemsets(lists, []).tolist() == []


def test_the_same_baskets_measure_the_same(rules, lists):
    again = remeasure(rules, lists)
    assert again.equals(rules)
    table = survival(rules, again, 0.05, 0.3)
    assert table.attrs["survived"] == 1
    assert (table["ratio"] == 1).all()
    assert table["rank_correlation"].to_numpy() == pytest.approx(1)


def test_other_baskets_measure_otherwise(rules):
    other = random_baskets(seed=99, n_baskets=200, n_items=15)
    later = remeasure(rules, other)
    row = later.iloc[3]
    union = {*row["antecedent"], *row["consequent"]}
    assert row["count"] == sum(union <= basket for basket in other)
    assert row["confidence"] == row["count"] / sum(set(row["antecedent"]) <= basket for basket in other)
    table = survival(rules, later, 0.05, 0.3)
    passed = (later["support"] >= 0.05) & (later["confidence"] >= 0.3)
    assert table.attrs["survived"] == passed.mean()
    assert 0 < table.attrs["survived"] < 1


def test_an_item_that_vanished_has_no_measures(rules):
    later = remeasure(rules, [["item00"], ["item01", "item02"]])
    gone = rules["antecedent"].map(lambda labels: "item04" in labels)
    assert gone.any()
    assert later.loc[gone, "confidence"].isna().all()
    assert (later.loc[gone, "count"] == 0).all()


def test_held_out_lift(lists):
    itemsets = frequent_itemsets(lists, 0.05, max_len=3)
    model = fit_sizes(lists)
    table = held_out_lift(itemsets, lists, model)
    assert (table["count"] == itemsets["count"]).all()
    pair = itemsets.index[itemsets["length"] == 2][0]
    ids = np.searchsorted(model.items, list(itemsets["itemset"][pair]))
    assert table["expected"][pair] == pytest.approx(model.expected(ids[None, :])[0])
    assert table["lift"][pair] == pytest.approx(
        itemsets["count"][pair] * 300 / np.prod(encode(lists).counts[ids].astype(float))
    )
    missing = held_out_lift(itemsets.assign(itemset=[("beer",)] * len(itemsets)), lists, model)
    assert missing["adjusted_lift"].isna().all()
