"""Hierarchy, utility, similarity, storage and use."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.association import (
    association_rules,
    encode,
    fit_sizes,
    frequent_itemsets,
    item_cosine,
    load,
    representatives,
    revenue_baskets,
    rules_for,
    save,
    significance,
    surprise,
    utility,
)
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Shop, item_groups


@pytest.fixture(scope="module")
def shop() -> Shop:
    lines = [  # basket, item, quantity, price
        ("b1", "1", 2, 1.5),
        ("b1", "2", 1, 4.0),
        ("b2", "1", 1, 1.5),
        ("b2", "2", 2, 3.0),
        ("b2", "3", 1, 9.0),
        ("b3", "3", 1, 9.0),
    ]
    events = pd.DataFrame(lines, columns=["basket_id", "item_id", "quantity", "price"]).assign(
        user_id="u", time=pd.Timestamp("2021-01-02"), event="purchase"
    )
    products = pd.DataFrame(
        {
            "item_id": ["1", "2", "3", "4"],
            "product_type": ["milk", "tea", "pan", "pan"],
            "category": ["dairy", "drinks", "kitchen", "garden"],
            "department": ["food", "food", "home", "home"],
        }
    )
    return Shop("tiny", events, products)


def test_utility_counts_money_where_all_items_meet(shop):
    value = revenue_baskets(shop, level="product_type")
    got = utility(value, [("milk",), ("milk", "tea"), ("milk", "pan", "tea"), ("pan", "tea")])
    assert got.tolist() == pytest.approx([4.5, 3 + 4 + 1.5 + 6, 1.5 + 6 + 9, 6 + 9])
    with pytest.raises(BundlebookError, match="unknown items"):
        utility(value, [("beer",)])


def test_groups_at_a_named_level_take_the_larger_then_the_first(shop):
    groups = item_groups(shop, "product_type", "department")
    assert groups.to_dict() == {"milk": "food", "pan": "home", "tea": "food"}
    assert item_groups(shop, "product_type", "category")["pan"] == "garden"
    with pytest.raises(BundlebookError, match="unknown level"):
        item_groups(shop, "product_type", "aisle")


def test_surprise_by_hand():
    """food and home meet in 40 of 100 baskets; milk makes half of food's 80 and pans all of home's 50."""
    pairs = pd.DataFrame({"itemset": [("milk", "pan"), ("milk", "tea")], "count": [30, 10]})
    singles = pd.Series({"milk": 40, "pan": 50, "tea": 20})
    coarse = pd.DataFrame({"itemset": [("food", "home")], "count": [40]})
    table = surprise(
        pairs, singles, coarse, pd.Series({"food": 80, "home": 50}), {"milk": "food", "tea": "food", "pan": "home"}
    )
    assert table["expected"].tolist() == pytest.approx([40 * 40 / 80 * 50 / 50, 80 * 40 / 80 * 20 / 80])
    assert table["surprise"].tolist() == pytest.approx([1.5, 1.0])
    assert table["parents"].tolist() == [("food", "home"), ("food",)]
    with pytest.raises(BundlebookError, match=r"\['pan'\] have no parent"):
        surprise(pairs[:1], singles, coarse, singles, {"milk": "food"})


def test_item_cosine_equals_scikit_learn(lists):
    encoded = encode(lists)
    expected = cosine_similarity(encoded.matrix.T.toarray().astype(float))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(item_cosine(lists).toarray(), expected, atol=1e-12)


def test_cosine_is_the_measure_of_that_name(lists):
    rules = association_rules(frequent_itemsets(lists, 0.05, max_len=2))
    cosine, encoded = item_cosine(lists), encode(lists)
    ids = np.searchsorted(
        encoded.items, np.array([[a[0], c[0]] for a, c in zip(rules.antecedent, rules.consequent, strict=True)])
    )
    assert rules["cosine"].to_numpy() == pytest.approx(np.asarray(cosine[ids[:, 0], ids[:, 1]]).ravel())


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_rules_survive_a_round_trip(ending, tmp_path):
    baskets = [["牛奶", 'a "b", c'], ["牛奶", 'a "b", c', "x|y"], ["牛奶"], ["x|y"], ["x|y", "牛奶"]] * 3
    itemsets = frequent_itemsets(baskets, 0.1)
    rules = association_rules(itemsets)
    rules = rules.join(significance(rules))
    assert np.isinf(rules["conviction"]).any()
    for table in (itemsets, rules, rules.head(0)):
        save(table, tmp_path / f"table{ending}")
        back = load(tmp_path / f"table{ending}")
        if len(table):
            pd.testing.assert_frame_equal(back, table, check_exact=True)
        assert list(back.columns) == list(table.columns)
        if ending == ".parquet":
            assert back.attrs == table.attrs


def test_labels_are_stored_as_lists_that_others_can_read(tmp_path):
    save(association_rules(frequent_itemsets([["jam", "tea"], ["tea"]], 0.4)), tmp_path / "rules.csv")
    assert '"[""jam""]","[""tea""]"' in (tmp_path / "rules.csv").read_text()


def test_other_files_are_refused(tmp_path):
    with pytest.raises(BundlebookError, match=r"unknown kind of file '\.xlsx'"):
        save(pd.DataFrame(), tmp_path / "rules.xlsx")
    with pytest.raises(BundlebookError, match="unknown kind of file"):
        load(tmp_path / "rules.json")
    with pytest.raises(BundlebookError, match=r"rules\.csv: there is no such file"):
        load(tmp_path / "rules.csv")


@pytest.fixture(scope="module")
def rules():
    baskets = [["beer", "chips"]] * 6 + [["beer", "chips", "dip"]] * 3 + [["dip", "beer"]] + [["tea"]] * 5
    return association_rules(frequent_itemsets(baskets, 0.05))


def test_what_goes_with_these_items(rules):
    answer = rules_for(["beer", "beer", "soap"], rules)
    assert answer["item"].tolist() == ["chips", "dip"]
    assert answer["antecedent"].tolist() == [("beer",), ("beer",)]
    assert answer["rule"][0] == "9 of 10 baskets with beer also hold chips (90 %)."
    assert "lift" not in answer


def test_a_rule_compares_with_chance_in_baskets_of_the_same_sizes():
    """Beer and chips meet in all 30 small baskets; 10 large baskets hold everything else."""
    baskets = [["beer", "chips"]] * 30 + [["milk"]] * 30 + [[f"i{n}" for n in range(8)] + ["beer", "milk"]] * 10
    itemsets = frequent_itemsets(baskets, 0.1, max_len=2)
    rules = association_rules(itemsets, model=fit_sizes(baskets))
    answer = rules_for(["beer"], rules, top=20)
    expected = rules[rules["antecedent"] == ("beer",)].set_index("consequent")["adjusted_lift"]
    assert answer.set_index("item").loc["chips", "adjusted_lift"] == pytest.approx(expected[("chips",)])
    rule = answer.set_index("item").loc["chips", "rule"]
    assert rule.startswith("30 of 40 baskets with beer also hold chips (75 %), ")
    assert rule.endswith(f"{expected[('chips',)]:.1f} times as often as chance would have it.")


def test_the_best_rule_speaks_and_what_is_in_the_basket_is_not_offered(rules):
    answer = rules_for({"chips", "dip"}, rules)
    assert answer["item"].tolist() == ["beer"]
    assert answer["confidence"].tolist() == [1.0]
    assert answer["antecedent"].tolist() == [("chips",)]  # 9 baskets speak louder than the 3 with chips and dip
    assert rules_for({"beer", "chips", "dip", "tea"}, rules).empty
    assert rules_for([], rules).empty


def test_no_rules_at_all_give_no_answer(rules):
    for none in (rules.head(0), association_rules(frequent_itemsets([["a"], ["b"], ["c"]], 0.3))):
        answer = rules_for(["beer"], none)
        assert answer.empty
        assert {"item", "antecedent", "rule", "confidence"} <= set(answer)


def test_top_and_order(rules):
    assert len(rules_for(["beer"], rules, top=1)) == 1
    assert rules_for(["beer"], rules, by="lift")["lift"].is_monotonic_decreasing
    with pytest.raises(BundlebookError, match="no column 'charm'"):
        rules_for(["beer"], rules, by="charm")
    with pytest.raises(BundlebookError, match="give a list"):
        rules_for("beer", rules)


def test_representatives_need_an_item_of_each_group_in_the_baskets():
    days = np.arange(2).astype("datetime64[D]")
    held = Baskets(sparse.csr_matrix(np.ones((2, 2))), np.zeros(2, int), days, np.array(["u"]), np.array(["a", "b"]))
    assert representatives(held, ["a", "never bought"], ["b"], least=2) == ("a", "b")
    with pytest.raises(BundlebookError, match="no basket holds an item"):
        representatives(held, ["a"], ["never bought"])
