"""The two null models, and what is left of lift when basket sizes are accounted for."""

import importlib.util
import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import false_discovery_control, poisson

from bundlebook.association import (
    adjusted_lift,
    count_itemsets,
    encode,
    fit_configuration,
    fit_sizes,
    fit_users,
    frequent_itemsets,
    lift_table,
    shuffled,
    sizes_of_counts,
)
from bundlebook.errors import BundlebookError
from tests.association.random_baskets import random_baskets


def check_sums(model, encoded) -> None:
    sizes, number = np.unique(encoded.sizes[encoded.sizes > 0], return_counts=True)
    assert (model.probability * number).sum(axis=1) == pytest.approx(encoded.counts, rel=1e-5, abs=1e-6)
    assert model.probability.sum(axis=0) == pytest.approx(sizes, rel=1e-4)
    assert ((model.probability >= 0) & (model.probability <= 1)).all()


def test_the_model_keeps_every_count_and_every_size(lists):
    encoded = encode(lists)
    check_sums(fit_configuration(encoded), encoded)


def test_an_item_that_nobody_bought_is_expected_nowhere(shop_baskets):
    more = shop_baskets.over(np.append(shop_baskets.items, "zzz"))
    for fit in (fit_configuration, fit_sizes, fit_users):
        model, without = fit(more), fit(shop_baskets)
        assert model.expected(np.array([[12, 0], [1, 12]])).tolist() == [0, 0]
        ids = np.array([[0, 1], [2, 7]])
        assert model.expected(ids) == pytest.approx(without.expected(ids))
    check_sums(fit_configuration(more), encode(more))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcde"), max_size=5), min_size=1, max_size=8), st.booleans())
def test_items_and_baskets_that_are_certain_do_no_harm(baskets, everywhere):
    baskets = [basket | {"x"} if everywhere else basket for basket in baskets] + [{"a"}, {"b"}, {"a", "b"}]
    encoded = encode(baskets)
    try:
        check_sums(fit_configuration(encoded, tolerance=1e-5, max_iterations=5000), encoded)
    except BundlebookError as error:  # sums on the border of what a probability can give are reached only in the limit
        assert "off after" in str(error)


def test_an_iteration_that_is_cut_short_says_so(lists):
    with pytest.raises(BundlebookError, match="off after 1 iterations"):
        fit_configuration(lists, max_iterations=1)


@pytest.mark.crosscheck
@pytest.mark.skipif(importlib.util.find_spec("bicm") is None, reason="bicm, a cross-check, is not installed")
def test_probabilities_equal_bicm(lists):
    from bicm import BipartiteGraph

    encoded = encode(lists)
    graph = BipartiteGraph(biadjacency=encoded.matrix.toarray())
    graph.solve_tool(print_error=False, tol=1e-10)
    model = fit_configuration(encoded, tolerance=1e-9)
    column = np.searchsorted(np.unique(encoded.sizes), encoded.sizes)
    np.testing.assert_allclose(graph.get_bicm_matrix().T, model.probability[:, column], atol=1e-5)


def test_expected_counts_are_sums_of_products(lists):
    encoded = encode(lists)
    model = fit_configuration(encoded)
    column = np.searchsorted(np.unique(encoded.sizes), encoded.sizes)
    p = model.probability[:, column]  # (n_items, n_baskets)
    for ids in ([0, 1], [2, 7], [0, 1, 2], [3, 5, 9]):
        assert model.expected(np.array([ids])) == pytest.approx([np.prod(p[ids], axis=0).sum()])


def brute_expected(x, sizes, itemset) -> float:
    """Sum over all baskets of every size, each weighted by the product of its items' weights."""
    total = 0.0
    for size in sizes:
        weights = {basket: np.prod(x[list(basket)]) for basket in combinations(range(len(x)), size)}
        total += sum(w for basket, w in weights.items() if set(itemset) <= set(basket)) / sum(weights.values())
    return total


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcdefg"), min_size=1), min_size=2, max_size=8))
def test_exact_sizes_equal_an_enumeration_of_all_baskets(baskets):
    baskets = [*baskets, *({label} for label in "abcdefg")]
    encoded = encode(baskets)
    model = fit_sizes(encoded)
    for k in (1, 2, 3):
        ids = np.array(list(combinations(range(encoded.n_items), k)))
        expected = [brute_expected(model.x, encoded.sizes, itemset) for itemset in ids.tolist()]
        assert model.expected(ids) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert model.expected(np.arange(encoded.n_items)[:, None]) == pytest.approx(encoded.counts, rel=1e-4)


def test_items_in_every_basket_and_in_none_have_certain_counts():
    encoded = encode([["bag", "a", "b"], ["bag", "a"], ["bag", "b", "c"], ["bag"], []])
    model = fit_sizes(encoded)
    assert np.isinf(model.x[encoded.items == "bag"]).all()
    bag, a, b = (int(np.flatnonzero(encoded.items == label)[0]) for label in ("bag", "a", "b"))
    assert model.expected(np.array([[bag]])) == pytest.approx([4])
    assert model.expected(np.array([[bag, a]])) == pytest.approx(model.expected(np.array([[a]])))
    assert model.expected(np.array([[a, bag, b]])) == pytest.approx(model.expected(np.array([[a, b]])))


@pytest.mark.parametrize("k", [2, 3])
def test_the_expectation_is_what_shuffling_gives(k):
    """Mean counts of many shuffles, in small baskets and in large ones (beyond where the recursion is used)."""
    small = [basket for basket in random_baskets(4, 1500, 12) if len(basket) <= 3]
    rng = np.random.default_rng(6)
    weight = 1 / np.arange(1, 81) ** 0.9
    large = [
        {f"i{i:02d}" for i in rng.choice(80, rng.integers(20, 60), False, weight / weight.sum())} for _ in range(300)
    ]
    for baskets, approximated in ((small, False), (large, True)):
        encoded = encode(baskets)
        model = fit_sizes(encoded)
        assert (len(model.ratio) < len(model.baskets_of_size)) == approximated
        top = np.argsort(-encoded.counts)[:10]
        ids = np.array(list(combinations(sorted(top.tolist()), k)))
        labels = [tuple(encoded.items[list(row)]) for row in ids]
        mean = np.mean([count_itemsets(shuffled(encoded, seed), labels) for seed in range(40)], axis=0)
        expected = model.expected(ids)
        assert mean.sum() == pytest.approx(expected.sum(), rel=0.02)
        average = fit_configuration(encoded).expected(ids)
        assert np.abs(np.log(mean.sum() / expected.sum())) < np.abs(np.log(mean.sum() / average.sum()))


def test_a_fit_that_is_cut_short_says_so(lists):
    with pytest.raises(BundlebookError, match="off after 1 iterations"):
        fit_sizes(lists, max_iterations=1)


def test_table_of_adjusted_lifts(lists):
    encoded = encode(lists)
    itemsets = frequent_itemsets(lists, 0.03, max_len=3)
    table = adjusted_lift(itemsets, fit_sizes(encoded))
    assert set(table["length"]) == {2, 3}
    assert table["adjusted_lift"].to_numpy() == pytest.approx(table["count"] / table["expected"])
    assert table["p"].to_numpy() == pytest.approx(poisson.sf(table["count"] - 1, table["expected"]))
    pairs = table[table["length"] == 2]
    searched = math.comb(int((encoded.counts >= itemsets.attrs["min_count"]).sum()), 2)
    padded = np.concatenate([pairs["p"], np.ones(searched - len(pairs))])
    assert pairs["p_adjusted"].to_numpy() == pytest.approx(false_discovery_control(padded)[: len(pairs)])
    assert table["adjusted_lift"].is_monotonic_decreasing
    lifts = dict(zip(table["itemset"], table["adjusted_lift"], strict=True))
    triple = table[table["length"] == 3].iloc[5]
    best = max(lifts[pair] for pair in combinations(triple["itemset"], 2))
    assert triple["gain_over_pairs"] == pytest.approx(triple["adjusted_lift"] / best)
    counts = encoded.counts[[int(label[4:]) for label in triple["itemset"]]]
    assert triple["lift"] == pytest.approx(triple["count"] / 300 / np.prod(counts / 300))


def test_a_table_without_any_pair_has_the_columns_of_every_other():
    baskets = [["a"], ["b"], ["a"], ["b"]]
    none = adjusted_lift(frequent_itemsets(baskets, 0.3, max_len=2), fit_sizes(baskets), lengths=(2,))
    assert none.empty and {"expected", "adjusted_lift", "p", "p_adjusted"} <= set(none)


def test_pairs_without_a_triple_have_no_gain_over_pairs(lists):
    table = adjusted_lift(frequent_itemsets(lists, 0.03, max_len=2), fit_sizes(encode(lists)))
    assert len(table) and table["gain_over_pairs"].isna().all()


def test_a_foreign_item_is_refused(lists):
    itemsets = frequent_itemsets([["beer", "dip"], ["beer"]], 0.4)
    for model in (fit_configuration(lists), fit_sizes(lists)):
        with pytest.raises(BundlebookError, match=r"does not know \['beer', 'dip'\]"):
            adjusted_lift(itemsets, model)


def test_the_shuffle_keeps_sums_and_destroys_the_rest(lists):
    encoded = encode(lists)
    copy = encoded.matrix.copy()
    null = shuffled(encoded, seed=1)
    assert (null.sizes == encoded.sizes).all()
    assert (null.counts == encoded.counts).all()
    assert null.matrix.has_canonical_format
    assert (encoded.matrix != copy).nnz == 0
    assert (null.matrix != encoded.matrix).nnz > encoded.matrix.nnz / 4
    assert (shuffled(encoded, seed=1).matrix != null.matrix).nnz == 0
    assert (shuffled(encoded, seed=2).matrix != null.matrix).nnz > 0


def test_the_shuffle_reaches_every_arrangement_equally_often():
    """Sizes 2, 1, 1 and counts 2, 1, 1 allow five tables; 2,000 shuffles hit each 400 times, give or take chance."""
    baskets = [["a", "b"], ["a"], ["c"]]
    tables = pd.Series([str(shuffled(baskets, seed=seed, rounds=12).matrix.toarray().tolist()) for seed in range(2000)])
    hits = tables.value_counts()
    assert len(hits) == 5
    assert ((hits - 400) ** 2 / 400).sum() < 20  # chi-squared with 4 degrees of freedom: p = .0005


def planted(seed: int) -> list[set[str]]:
    """Baskets of very different sizes without association, but for one pair that is put together."""
    baskets = random_baskets(seed, n_baskets=3000, n_items=40)
    for number, basket in enumerate(baskets):
        if number % 50 == 0:
            basket.update({"item30", "item31"})
    return baskets


@pytest.mark.parametrize("fit", [fit_sizes, fit_configuration])
def test_null_sets_give_no_discovery_and_a_planted_pair_gives_one(fit):
    """Twenty shuffles: the adjusted lift finds nothing in nineteen of them at least."""
    baskets = encode(planted(seed=3))
    model = fit(baskets)
    found = adjusted_lift(frequent_itemsets(baskets, 0.005, max_len=3), model)
    pairs = found[found["length"] == 2].set_index("itemset")
    assert pairs.loc[[("item30", "item31")], "p_adjusted"].item() < 1e-6
    with_discovery = 0
    for seed in range(20):
        itemsets = frequent_itemsets(shuffled(baskets, seed), 0.005, max_len=3)
        with_discovery += bool((adjusted_lift(itemsets, model)["p_adjusted"] < 0.05).any())
    assert with_discovery <= 1


def test_lift_table_is_square_and_symmetric(lists):
    table = lift_table(lists, most=6, least_expected=5)
    encoded = encode(lists)
    assert table.index.tolist() == sorted(encoded.items[np.argsort(-encoded.counts, kind="stable")[:6]])
    np.testing.assert_allclose(table, table.T)
    model = fit_sizes(encoded)
    a, b = np.searchsorted(encoded.items, table.index[[0, 1]])
    count = sum({encoded.items[a], encoded.items[b]} <= basket for basket in lists)
    assert table.iloc[0, 1] == pytest.approx(count / model.expected(np.array([[a, b]]))[0])
    assert table.isna().to_numpy().diagonal().all()
    assert lift_table(lists, most=6, least_expected=1e9).isna().all(axis=None)


def test_counts_alone_give_the_model_of_the_baskets():
    rng = np.random.default_rng(4)
    rows = rng.random((600, 8)) < np.linspace(0.05, 0.6, 8)
    lists = [[f"i{j}" for j in np.flatnonzero(row)] for row in rows if row.any()]
    model = fit_sizes(lists)
    alone = sizes_of_counts(model.items, model.counts, np.bincount([len(one) for one in lists]), tolerance=1e-6)
    pairs = np.stack(np.triu_indices(8, 1), axis=1)
    assert alone.expected(pairs) == pytest.approx(model.expected(pairs), rel=1e-3)
    noisy = sizes_of_counts(model.items, 0.5 * model.counts, np.bincount([len(one) for one in lists]))
    assert noisy.expected(pairs) == pytest.approx(0.5 * model.expected(pairs), rel=1e-2)
    with pytest.raises(BundlebookError, match="nothing was bought"):
        sizes_of_counts(model.items, np.zeros(8), np.array([0, 3]))
