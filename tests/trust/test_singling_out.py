"""Known purchases: counted by hand and by brute force, and small groups hidden."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import group_baskets, load_shop
from bundlebook.trust import basket_unicity, known_facts, released, unicity


def exact(facts, k):
    """Mean over users of the share of their k-sets that nobody else holds."""
    held = [set(np.flatnonzero(row)) for row in facts]
    shares = []
    for own in held:
        sets = list(map(set, combinations(sorted(own), k)))
        if sets:
            shares.append(np.mean([sum(known <= other for other in held) == 1 for known in sets]))
    return np.mean(shares)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_unicity_agrees_with_all_sets_counted(k):
    facts = (np.random.default_rng(k).random((600, 9)) < 0.35).astype(np.int8)
    # Few kinds of users, so that sharing happens; many users, so that the estimate is close.
    facts[:500] = facts[np.arange(500) % 7]
    found = unicity(sparse.csr_matrix(facts), [k], people=600, seed=3).loc[k]
    assert found["low"] - 0.02 <= exact(facts, k) <= found["high"] + 0.02
    assert found["low"] <= found["unique"] <= found["high"]


def test_more_known_purchases_never_hide_anybody_who_was_alone():
    facts = sparse.csr_matrix(np.eye(5, dtype=np.int8) + np.eye(5, k=1, dtype=np.int8))
    table = unicity(facts, [1, 2], seed=0)
    assert table.loc[2, "unique"] == 1
    assert list(table["users"]) == [5, 4]


def test_facts_are_what_was_bought_and_when():
    shop = load_shop("sample")
    lines = shop.purchases
    items, dated = known_facts(shop), known_facts(shop, when="day")
    assert items.shape == (lines["user_id"].nunique(), lines["item_id"].nunique())
    assert items.nnz == len(lines.drop_duplicates(["user_id", "item_id"]))
    assert dated.nnz == len(lines.assign(day=lines["time"].dt.date).drop_duplicates(["user_id", "item_id", "day"]))
    assert known_facts(shop, "category").shape[1] == shop.products["category"].nunique()
    middle = lines["time"].min() + (lines["time"].max() - lines["time"].min()) / 2
    assert known_facts(shop, until=middle).nnz < items.nnz
    assert (unicity(dated, [2], seed=0)["unique"] >= unicity(items, [2], seed=0)["unique"]).all()


def test_counts_of_small_groups_are_not_released():
    table = released(sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]])), least=2)
    assert table["hidden"].tolist() == [False, True, True]
    assert table["users"].dropna().tolist() == [3]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda shop: known_facts(shop, "colour"), "unknown level 'colour'"),
        (lambda shop: known_facts(shop, when="hour"), "when = 'hour'"),
        (lambda shop: known_facts(shop, until="1900-01-01"), "nothing was bought before"),
        (lambda shop: unicity(known_facts(shop), [0], seed=0), "known = "),
        (lambda shop: unicity(known_facts(shop), [10_000], seed=0), "no user has 10000 facts"),
        (lambda shop: released(known_facts(shop), 0), "groups of at least 0"),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(BundlebookError, match=says):
        call(load_shop("sample"))


def brute(baskets, drawn, together):
    """Whether nobody else holds the items of each drawn basket: over all baskets, or all that a user ever bought."""
    lines = baskets.quantities.toarray() > 0
    ever = baskets.user_item().toarray() > 0
    alone = []
    for basket in drawn:
        rows, owner = (lines, baskets.user) if together else (ever, np.arange(baskets.n_users))
        fit = owner[rows[:, lines[basket]].all(axis=1)]
        alone.append(set(fit.tolist()) == {int(baskets.user[basket])})
    return np.array(alone)


@pytest.mark.parametrize("together", [False, True])
def test_one_basket_agrees_with_all_users_looked_at(together):
    baskets = group_baskets(load_shop("sample"), "item_id")
    found = basket_unicity(baskets, 2, people=10**6, together=together, seed=5)
    order = np.random.default_rng(5).permutation(np.flatnonzero(baskets.sizes() >= 2))
    drawn = order[np.unique(baskets.user[order], return_index=True)[1]]
    alone = brute(baskets, drawn, together)
    assert 0 < alone.mean() < 1 and found.loc["all", "unique"] == pytest.approx(alone.mean())
    assert found.loc["all", "users"] == len(drawn) == found["users"].iloc[1:].sum()
    size = baskets.sizes()[drawn]
    assert found.loc["2 to 3", "unique"] == pytest.approx(alone[size <= 3].mean())
    assert (found["low"] <= found["unique"]).all() and (found["unique"] <= found["high"]).all()


def test_one_basket_needs_a_basket():
    baskets = group_baskets(load_shop("sample"), "item_id")
    with pytest.raises(BundlebookError, match="no basket has 10000 items"):
        basket_unicity(baskets, 10_000, seed=0)
    with pytest.raises(BundlebookError, match="least = 0"):
        basket_unicity(baskets, 0, seed=0)
