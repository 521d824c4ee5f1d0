"""Rules against a brute-force splitter and against mlxtend."""

import numpy as np
import pandas as pd
import pytest
from mlxtend.frequent_patterns import association_rules as mlxtend_rules

from bundlebook.association import MEASURES, adjusted_lift, association_rules, fit_sizes, frequent_itemsets
from bundlebook.association.rules import _measures
from bundlebook.errors import BundlebookError
from tests.association import brute

FIVE = [["beer", "chips"], ["beer", "chips", "dip"], ["beer"], ["dip"], ["chips", "dip"]]


@pytest.fixture(scope="module")
def itemsets(lists):
    return frequent_itemsets(lists, 0.03)


def test_measures_by_hand():
    """beer 3, chips 3, both 2, of 5 baskets."""
    got = {name: float(value[0]) for name, value in _measures(*(np.array([c]) for c in (2, 3, 3)), 5).items()}
    assert got == pytest.approx(
        {
            "support": 2 / 5,
            "confidence": 2 / 3,
            "lift": (2 / 3) / (3 / 5),
            "leverage": 2 / 5 - 9 / 25,
            "conviction": (2 / 5) / (1 / 3),
            "zhang": (1 / 25) / max(2 / 5 * 2 / 5, 3 / 5 * 1 / 5),
            "jaccard": 2 / 4,
            "certainty": (2 / 3 - 3 / 5) / (2 / 5),
            "kulczynski": 2 / 3,
            "imbalance": 0.0,
            "cosine": 2 / 3,
        }
    )
    assert list(got) == list(MEASURES)


def test_measures_at_their_limits():
    count, a, c = np.array([5, 4, 2, 1]), np.array([5, 4, 4, 3]), np.array([10, 5, 5, 5])
    got = _measures(count, a, c, 10)
    assert got["conviction"].tolist() == [1.0, np.inf, 1.0, 0.75]
    assert got["zhang"][:3].tolist() == pytest.approx([0, 1 - 1 / 6, 0])  # P(C | A) − P(C | not A), scaled
    assert got["certainty"].tolist() == pytest.approx([0, 1, 0, (1 / 3 - 0.5) / 0.5])
    assert got["lift"].tolist() == pytest.approx([1, 2, 1, 2 / 3])


def test_every_split_of_every_itemset_is_a_rule(lists, itemsets):
    rules = association_rules(itemsets)
    expected = brute.rules(brute.itemsets(lists, 9))
    assert len(rules) == len(expected) > 500
    got = zip(rules["antecedent"], rules["consequent"], rules["count"], strict=True)
    assert {(a, c): count for a, c, count in got} == expected


def test_measures_equal_mlxtend(itemsets):
    ours = association_rules(itemsets)
    table = pd.DataFrame({"support": itemsets["support"], "itemsets": itemsets["itemset"].map(frozenset)})
    theirs = mlxtend_rules(table, metric="support", min_threshold=0.0)
    for side in ("antecedent", "consequent"):
        theirs[side] = theirs[f"{side}s"].map(lambda labels: tuple(sorted(labels)))
    both = ours.merge(theirs, on=["antecedent", "consequent"], suffixes=("", "_mlxtend"))
    assert len(both) == len(ours) == len(theirs)
    for name in ("support", "confidence", "lift", "leverage", "conviction", "jaccard", "kulczynski"):
        np.testing.assert_allclose(both[name], both[f"{name}_mlxtend"], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(both["zhang"], both["zhangs_metric"], rtol=1e-7, atol=1e-12)
    attract = both["lift"] >= 1  # below 1 the two definitions of the certainty factor part
    np.testing.assert_allclose(both["certainty"][attract], both["certainty_mlxtend"][attract], rtol=1e-7, atol=1e-12)


def test_order_is_by_confidence_count_and_labels(itemsets):
    rules = association_rules(itemsets)
    keys = list(zip(-rules["confidence"], -rules["count"], rules["antecedent"], rules["consequent"], strict=True))
    assert keys == sorted(keys)


def test_no_rule_exactly_at_the_threshold_is_lost():
    """For every confidence c / a with a up to 28: the rule of exactly that confidence stays."""
    cases = 0
    for a in range(2, 29):
        for c in range(1, a):
            baskets = [["left", "right"]] * c + [["left"]] * (a - c) + [["other"]] * 2
            itemsets = frequent_itemsets(baskets, 0.5 / len(baskets), engine="eclat")
            rules = association_rules(itemsets, min_confidence=c / a)
            assert (("left",), ("right",)) in set(zip(rules["antecedent"], rules["consequent"], strict=True)), (c, a)
            stricter = association_rules(itemsets, min_confidence=(c + 0.001) / a)
            assert (("left",), ("right",)) not in set(zip(stricter["antecedent"], stricter["consequent"], strict=True))
            cases += 1
    assert cases == 378


def test_thresholds_filter_and_nothing_else(itemsets):
    everything = association_rules(itemsets)
    for filters in ({"min_confidence": 0.4}, {"min_lift": 1.2}, {"max_consequent": 1}):
        rules = association_rules(itemsets, **filters)
        keep = {
            "min_confidence": everything["confidence"] >= 0.4,
            "min_lift": everything["lift"] >= 1.2,
            "max_consequent": everything["consequent"].map(len) <= 1,
        }[next(iter(filters))]
        assert 0 < len(rules) < len(everything)
        pd.testing.assert_frame_equal(rules, everything[keep].reset_index(drop=True))


def test_fixed_consequent(itemsets):
    rules = association_rules(itemsets, consequent="item00")
    assert set(rules["consequent"]) == {("item00",)}
    pair = association_rules(itemsets, consequent=["item00", "item01"])
    assert set(pair["consequent"]) == {("item00",), ("item01",), ("item00", "item01")}
    with pytest.raises(BundlebookError, match=r"\['beer'\] is in no frequent itemset"):
        association_rules(itemsets, consequent="beer")


def test_no_pair_no_rule():
    rules = association_rules(frequent_itemsets([["a"], ["b"]], 0.4))
    assert len(rules) == 0
    assert "zhang" in rules


@pytest.mark.parametrize(
    "arguments", [{"min_confidence": 1.1}, {"min_confidence": float("nan")}, {"min_lift": -1}, {"max_consequent": 0}]
)
def test_impossible_thresholds_are_refused(arguments, itemsets):
    with pytest.raises(BundlebookError, match=next(iter(arguments))):
        association_rules(itemsets, **arguments)


def test_tables_that_cannot_give_rules_are_refused(itemsets):
    with pytest.raises(BundlebookError, match="n_baskets"):
        association_rules(pd.DataFrame({"itemset": [("a",)], "count": [1]}))
    with pytest.raises(BundlebookError, match="no itemset column"):
        association_rules(pd.DataFrame({"count": [1]}))
    with pytest.raises(BundlebookError, match="is missing although a larger itemset is listed"):
        association_rules(itemsets[itemsets["length"] > 1])


def test_a_model_of_sizes_gives_every_rule_its_adjusted_lift(lists):
    """For one item on the left it is that of the pair; for two, of the triple over that of the two."""
    model = fit_sizes(lists)
    itemsets = frequent_itemsets(lists, 0.03, max_len=3)
    rules = association_rules(itemsets, model=model)
    lift = adjusted_lift(itemsets, model).set_index("itemset")["adjusted_lift"]
    assert "adjusted_lift" not in association_rules(itemsets)
    for rule in rules.itertuples():
        whole = lift[tuple(sorted(rule.antecedent + rule.consequent))]
        left = lift[rule.antecedent] if len(rule.antecedent) > 1 else 1.0
        assert rule.adjusted_lift == pytest.approx(whole / left, rel=1e-4)
