"""The shop that the benchmark draws: loads without loss, and its planted pairs are found and named."""

import re

import numpy as np
import pytest

from bundlebook.association import linked_pairs, representatives
from bundlebook.shop import capabilities, clean, group_baskets, load_shop
from tests.reports.test_shop import run
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


def test_the_page_offers_the_planted_products(tmp_path, drawn, capsys):
    drawn[2].make(tmp_path, 60_000, 1_000, 8_000)
    told = run("shop_offers", tmp_path, capsys)
    offered = re.findall(r"Product (\d+) \(P\d+\) \+ Product (\d+) \(P\d+\)\.", told)
    planted = [abs(int(a) - int(b)) == 1 and max(int(a), int(b)) < 2 * 8_000 // 250 for a, b in offered]
    assert len(planted) >= 3 and all(planted), told
    shares = re.findall(r"([\d.]+) of 1,000 users buy both in four weeks as it is, ([\d.]+) these very two", told)
    assert shares and all(float(both) >= float(two) > 0 for both, two in shares), shares


def test_measuring_gives_exit_code_and_memory(tmp_path, drawn):
    figures, said = drawn[2].measured(["--version"], tmp_path)
    assert figures["exit code"] == 0 and "version" in " ".join(said)
    assert figures["minutes"] < 5
