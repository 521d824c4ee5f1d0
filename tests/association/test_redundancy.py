from itertools import combinations

import pytest
from scipy.stats import fisher_exact

from bundlebook.association import (
    association_rules,
    closed_and_maximal,
    frequent_itemsets,
    mark_redundant,
    productivity,
)


@pytest.fixture(scope="module")
def itemsets(lists):
    return frequent_itemsets(lists, 0.03)


def test_closed_and_maximal_by_definition(itemsets):
    marked = closed_and_maximal(itemsets)
    counts = dict(zip(itemsets["itemset"], itemsets["count"], strict=True))
    for row in marked.itertuples():
        above = [other for other in counts if set(other) > set(row.itemset)]
        assert row.maximal == (not above)
        assert row.closed == all(counts[other] < counts[row.itemset] for other in above)
    assert marked["maximal"].sum() < marked["closed"].sum() <= len(marked)


def test_what_always_comes_together_is_not_closed():
    marked = closed_and_maximal(frequent_itemsets([["a", "b"], ["a", "b", "c"], ["c"]], 0.3)).set_index("itemset")
    assert not marked.loc[[("a",)], "closed"].item()
    assert marked.loc[[("a", "b")], "closed"].item()


def test_redundant_by_definition(itemsets):
    rules = association_rules(itemsets)
    counts = dict(zip(itemsets["itemset"], itemsets["count"], strict=True)) | {(): itemsets.attrs["n_baskets"]}
    marked = mark_redundant(rules, itemsets)
    for row, redundant in zip(rules.itertuples(), marked, strict=True):
        expected = False
        for size in range(len(row.antecedent)):
            for general in combinations(row.antecedent, size):
                both = counts[tuple(sorted(general + row.consequent))]
                # the number behind a rule's own columns: column "count" is hidden by the tuple's method
                expected |= both * row.antecedent_count >= row[3] * counts[general]
        assert redundant == expected
    assert 0 < marked.sum() < len(rules)


def test_productivity_by_definition(itemsets):
    rules = association_rules(itemsets, min_confidence=0.3)
    n = itemsets.attrs["n_baskets"]
    counts = dict(zip(itemsets["itemset"], itemsets["count"], strict=True)) | {(): n}
    tested = productivity(rules, itemsets, method="holm")
    for row, p in list(zip(rules.itertuples(), tested["p_productive"], strict=True))[::7]:
        worst = 0.0
        for item in row.antecedent:
            general = tuple(label for label in row.antecedent if label != item)
            group, group_both = counts[general], counts[tuple(sorted(general + row.consequent))]
            table = [
                [row[3], row.antecedent_count - row[3]],
                [group_both - row[3], group - row.antecedent_count - group_both + row[3]],
            ]
            worst = max(worst, fisher_exact(table, alternative="greater").pvalue)
        assert p == pytest.approx(worst, rel=1e-7)
    assert (tested["p_productive_adjusted"] >= tested["p_productive"]).all()


def test_an_item_that_adds_nothing_makes_a_rule_unproductive():
    """c depends on a alone; b is a coin flip, so {a, b} → c is not productive while {a} → c is."""
    baskets = []
    for number in range(400):
        basket = {"x"} if number % 2 else {"a", "x"}
        if (number // 2) % 2:
            basket.add("b")
        if "a" in basket and (number // 4) % 10 < 9:
            basket.add("c")
        baskets.append(basket)
    itemsets = frequent_itemsets(baskets, 0.01)
    rules = association_rules(itemsets, consequent="c")
    p = dict(zip(rules["antecedent"], productivity(rules, itemsets)["p_productive_adjusted"], strict=True))
    assert p[("a",)] < 1e-10
    assert p[("a", "b")] > 0.1
