"""The null model inside each user: it keeps taste and removes what ties items within a basket."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from bundlebook.association import encode, fit_users, frequent_itemsets, linked_pairs, shuffled
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

N_ITEMS = 30
#: Pairs of items that the same users like, and pairs that come into the same basket.
TASTE, TOGETHER = [(20, 21), (22, 23), (24, 25)], [(10, 26), (11, 27), (5, 28)]


def taste_and_complements(seed: int, users: int = 250, together: bool = True) -> Baskets:
    """Baskets of users with tastes and sizes of their own; planted pairs as in the two lists above."""
    rng = np.random.default_rng(seed)
    rows, owner = [], []
    for user in range(users):
        appetite = rng.gamma(2.0, 0.5)
        taste = 0.25 / np.arange(1, N_ITEMS + 1) ** 0.7 * rng.gamma(1.0, 1.0, N_ITEMS)
        for pair in TASTE:
            taste[list(pair)] = 0.25 if rng.random() < 0.2 else 0.005
        for _ in range(rng.integers(2, 40)):
            basket = rng.random(N_ITEMS) < np.minimum(taste * appetite * rng.gamma(2.0, 0.5), 0.9)
            for a, b in TOGETHER if together else []:
                basket[b] |= basket[a] and rng.random() < 0.25
            rows.append(basket)
            owner.append(user)
    matrix = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    day = np.arange(len(rows)).astype("datetime64[D]")
    items = np.array([f"i{number:02d}" for number in range(N_ITEMS)])
    return Baskets(matrix, np.array(owner), day, np.array([f"u{u:03d}" for u in range(users)]), items)


@pytest.fixture(scope="module")
def baskets() -> Baskets:
    return taste_and_complements(seed=1)


def labels(pairs) -> set[tuple[str, str]]:
    return {(f"i{a:02d}", f"i{b:02d}") for a, b in pairs}


def test_the_shuffle_within_users_keeps_the_counts_of_every_user(baskets):
    null = shuffled(baskets, seed=1, within_users=True)
    again = replace(baskets, quantities=null.matrix.astype(np.float32))
    assert (null.sizes == baskets.sizes()).all()
    assert (again.user_item() != baskets.user_item()).nnz == 0
    assert (null.matrix != encode(baskets).matrix).nnz > null.matrix.nnz / 4
    with pytest.raises(BundlebookError, match="do not say whose they are"):
        shuffled([["a", "b"], ["a"]], seed=1, within_users=True)


@pytest.mark.parametrize(("k", "error"), [(2, 0.02), (3, 0.05)])
def test_the_expectation_is_what_shuffling_within_users_gives(baskets, k, error):
    """Mean counts of 60 shuffles, over the pairs and triples of popular items and of items that few users like.

    The model is an approximation: in histories as short as these it expects 1.3 % more pairs and 3.5 % more triples.
    """
    ids = np.array(list(combinations([0, 1, 2, 3, 10, 20, 21, 26], k)))
    model = fit_users(baskets)
    total = np.zeros(len(ids))
    for seed in range(60):
        held = shuffled(baskets, seed, within_users=True).matrix.toarray().astype(bool)
        total += [held[:, row].all(axis=1).sum() for row in ids]
    expected = model.expected(ids)
    assert (1 - error) * expected.sum() < total.sum() / 60 < 1.005 * expected.sum()  # off on the careful side
    noise = np.sqrt(expected / 60)
    assert (np.abs(total / 60 - expected) <= 4 * noise + error * expected).all()


def test_single_items_and_single_baskets_are_certain(baskets):
    model = fit_users(baskets)
    assert model.expected(np.arange(N_ITEMS)[:, None]) == pytest.approx(model.counts, rel=1e-3)
    first = np.unique(baskets.user, return_index=True)[1]
    once = baskets.where(np.isin(np.arange(baskets.n_baskets), first))
    ids = np.array(list(combinations(range(N_ITEMS), 2)))
    held = encode(once).matrix.astype(int)
    together = (held.T @ held).toarray()
    assert fit_users(once).expected(ids) == pytest.approx(together[ids[:, 0], ids[:, 1]])


def test_two_baskets_of_equal_items_by_hand():
    """Sizes 3 and 2, five items bought once: two of them share a basket in (3·2 + 2·1) / (5·4) of the deals."""
    matrix = sparse.csr_matrix(np.array([[1, 1, 1, 0, 0, 1], [0, 0, 0, 1, 1, 1]], dtype=np.float32))
    days = np.arange(2).astype("datetime64[D]")
    baskets = Baskets(matrix, np.zeros(2, int), days, np.array(["u"]), np.array(list("abcdef")))
    expected = fit_users(baskets).expected(np.array([[0, 1], [0, 4], [0, 5]]))
    assert expected == pytest.approx([0.4, 0.4, 1.0], rel=1e-3)  # f is in both baskets


def test_taste_vanishes_and_complements_stay(baskets):
    pairs = linked_pairs(baskets, 0.002).set_index("itemset")
    assert set(pairs.loc[list(labels(TOGETHER)), "kind"]) == {"complements"}
    assert set(pairs.loc[list(labels(TASTE)), "kind"]) == {"taste"}
    assert (pairs.loc[list(labels(TASTE)), "adjusted_lift"] > 2).all()
    assert pairs.loc[list(labels(TASTE)), "within_lift"].to_numpy() == pytest.approx(1, abs=0.2)
    kinds = pairs["kind"].tolist()
    assert kinds == sorted(kinds, key=["complements", "taste", "chance"].index)


def test_false_complements_are_controlled():
    """Twenty shops without any link within a basket: the size null finds taste in all, the second null nothing."""
    with_taste, with_complements = 0, 0
    for seed in range(20):
        kinds = linked_pairs(taste_and_complements(seed, users=150, together=False), 0.005)["kind"]
        with_taste += (kinds == "taste").any()
        with_complements += (kinds == "complements").any()
    assert with_taste == 20
    assert with_complements <= 2  # at a level of 5 % per shop; three or more have a chance of 8 %


def test_without_repeat_customers_nobody_can_tell(baskets):
    alone = replace(
        baskets,
        user=np.arange(baskets.n_baskets),
        user_ids=np.array([f"b{number:05d}" for number in range(baskets.n_baskets)]),
    )
    pairs = linked_pairs(alone, 0.002)
    assert "complements" not in set(pairs["kind"])
    assert "taste" in set(pairs["kind"])
    assert pairs["within_lift"].isna().all()


def test_an_empty_table_and_empty_baskets_are_no_trouble(baskets):
    assert linked_pairs(baskets, 0.9).empty
    matrix = sparse.vstack([baskets.quantities, sparse.csr_matrix((3, N_ITEMS), dtype=np.float32)]).tocsr()
    owner = np.append(baskets.user, [249, 250, 250])
    more = replace(
        baskets,
        quantities=matrix,
        user=owner,
        day=np.arange(len(owner)).astype("datetime64[D]"),
        user_ids=np.append(baskets.user_ids, ["u250"]),
    )
    ids = np.array([[0, 1], [20, 21]])
    assert fit_users(more).expected(ids) == pytest.approx(fit_users(baskets).expected(ids), rel=1e-3)
    assert len(frequent_itemsets(more, 0.01)) > 0
