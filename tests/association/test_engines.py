"""All engines against a brute-force miner, and against each other."""

import importlib.util
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bundlebook.association import BasketMatrix, _engines as engines, encode, frequent_itemsets
from tests.association import brute

NO_PYFIM = importlib.util.find_spec("fim") is None
NO_SPARK = importlib.util.find_spec("pyspark") is None or shutil.which("java") is None


@st.composite
def cases(draw) -> tuple[list[set[str]], int, int | None]:
    """Baskets over at most six items, some empty, some items everywhere; a count; perhaps a greatest length."""
    baskets = draw(st.lists(st.sets(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=12))
    everywhere = draw(st.sets(st.sampled_from("ab"), max_size=2))
    baskets = [basket | everywhere for basket in baskets] + [set("ab")]
    return baskets, draw(st.integers(1, len(baskets))), draw(st.none() | st.integers(1, 4))


def as_dict(tables: engines.Tables, encoded: BasketMatrix) -> dict[tuple[str, ...], int]:
    found = [
        (tuple(encoded.items[list(row)]), count)
        for ids, counts in tables
        for row, count in zip(ids.tolist(), counts.tolist(), strict=True)
    ]
    assert len(found) == len(dict(found)), "an itemset is listed twice"
    return dict(found)


def check(mine, case) -> None:
    baskets, min_count, max_len = case
    encoded = encode(baskets)
    tables = mine(encoded, min_count, max_len or encoded.n_items)
    assert as_dict(tables, encoded) == brute.itemsets(baskets, min_count, max_len)


thorough = settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(cases())
def test_eclat_finds_what_brute_force_finds(case):
    check(engines.by_eclat, case)


@thorough
@given(cases())
def test_mlxtend_finds_what_brute_force_finds(case):
    check(engines.by_mlxtend, case)


@pytest.mark.crosscheck
@pytest.mark.skipif(NO_PYFIM, reason="pyfim is not installed: pip install 'bundlebook[fast]'")
@thorough
@given(cases())
def test_pyfim_finds_what_brute_force_finds(case):
    check(engines.by_pyfim, case)


@pytest.mark.crosscheck
@pytest.mark.skipif(NO_SPARK, reason="Spark needs pyspark and Java: pip install 'bundlebook[spark]'")
@pytest.mark.parametrize("min_count", [1, 2, 4])
def test_spark_finds_what_brute_force_finds(min_count):
    """600 random cases in one job, which takes Spark as long as one: every case has items of its own."""
    rng = np.random.default_rng(min_count)
    baskets, expected = [], {}
    for case in range(600):
        members = rng.random((rng.integers(1, 13), 6)) < rng.choice([0.3, 0.5, 0.9])
        own = [{f"{case:03d}{'abcdef'[item]}" for item in np.flatnonzero(row)} for row in members]
        expected.update(brute.itemsets(own, min_count))
        baskets += own
    encoded = encode(baskets)
    assert as_dict(engines.by_spark(encoded, min_count, encoded.n_items), encoded) == expected


@pytest.mark.parametrize("engine", ["eclat", "mlxtend", "pyfim", "spark"])
def test_every_engine_returns_the_same_table(engine, lists):
    if (engine == "pyfim" and NO_PYFIM) or (engine == "spark" and NO_SPARK):
        pytest.skip(f"{engine} is not installed")
    ours = frequent_itemsets(lists, 0.02, engine="eclat")
    theirs = frequent_itemsets(lists, 0.02, engine=engine)
    assert len(ours) > 100
    assert theirs.equals(ours)
    assert theirs.attrs == {**ours.attrs, "engine": engine}


def test_the_search_stops_where_its_bytes_are_spent(lists):
    encoded = encode(lists)
    budget = 200 * (engines.PER_ITEMSET + 3 * engines.PER_ITEM)
    tables, stopped = engines.mine(engines.rank(encoded.matrix, 3), 3, 15, budget)
    assert stopped
    spent = sum(len(counts) * (engines.PER_ITEMSET + k * engines.PER_ITEM) for k, (_, counts) in enumerate(tables, 1))
    most = (1 + encoded.n_items) * (engines.PER_ITEMSET + 15 * engines.PER_ITEM)  # found before the next look
    assert budget < spent <= budget + most


def test_deep_and_wide_trees_outgrow_the_first_buffers():
    """18 items in the same three baskets: 2**18 − 1 itemsets, 18 levels deep."""
    encoded = encode([[f"{number:02d}" for number in range(18)]] * 3 + [["00"]])
    tables, stopped = engines.mine(engines.rank(encoded.matrix, 3), 3, 18, 10**9)
    assert not stopped
    assert sum(len(counts) for _, counts in tables) == 2**18 - 1
    counts = np.concatenate([counts for _, counts in tables])
    assert sorted(counts)[-2:] == [3, 4]
    assert (counts == 3).sum() == 2**18 - 2


def test_baskets_beyond_one_word_of_bits():
    baskets = [["a", "b", "c"]] * 150 + [["a", "c"]] * 100 + [["b"]] * 5
    found = frequent_itemsets(baskets, 0.01, engine="eclat")
    counts = dict(zip(found["itemset"], found["count"], strict=True))
    assert counts == brute.itemsets([set(basket) for basket in baskets], 3)
