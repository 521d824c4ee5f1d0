"""The shop that the benchmark draws: loads without loss, and its planted pairs are found and named."""

import numpy as np
import pytest

from bundlebook.association import linked_pairs, representatives
from bundlebook.shop import capabilities, clean, group_baskets, load_shop
from tests.scripts import benchmark_script


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large") / "shop"
    script = benchmark_script("large_shop")
    return script.make(folder, 60_000, 1_000, 8_000), load_shop(folder), script


def test_has_the_size_that_was_asked_for_and_loses_nothing(drawn):
    of, shop, _ = drawn
    cleaned, _ = clean(shop)
    assert of["lines"] == 60_000 == len(cleaned.purchases)
    assert of["users"] == cleaned.purchases["user_id"].nunique() > 900
    assert capabilities(cleaned).has_names


def test_planted_pairs_are_found_as_types_and_named_as_products(drawn):
    _, shop, _ = drawn
    shop, _ = clean(shop)
    types, products = group_baskets(shop, "product_type"), group_baskets(shop, "item_id")
    members = shop.products.groupby("product_type")["item_id"].agg(list)
    pairs = linked_pairs(types, 30 / types.n_baskets)
    pairs = pairs[pairs["adjusted_lift"] >= 1.5]
    named = [representatives(products, *(members[label] for label in pair)) for pair in pairs["itemset"].head(20)]
    numbers = np.sort([[int(item[1:]) for item in pair] for pair in named], axis=1)
    planted = (numbers[:, 0] % 2 == 0) & (numbers[:, 1] == numbers[:, 0] + 1) & (numbers[:, 1] < 2 * 8_000 // 250)
    assert len(named) >= 10 and planted.mean() >= 0.8


def test_measuring_gives_exit_code_and_memory(tmp_path, drawn):
    figures, said = drawn[2].measured(["--version"], tmp_path)
    assert figures["exit code"] == 0 and "version" in " ".join(said)
    assert figures["minutes"] < 5
