"""Candidate sets: grown from anchors and links, filtered, with their sources."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bundlebook.bundles import CoPurchase, Filters, Links, candidates, joint_probability, link_items, plackett
from bundlebook.bundles.generate import _source_names
from bundlebook.errors import BundlebookError
from bundlebook.shop import clean, group_baskets, load_shop, time_split

N = 8
ITEMS = np.array([f"i{n}" for n in range(N)])
P = np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02])


def linked(pairs: dict[tuple[int, int], int]) -> Links:
    source, partners = np.zeros((N, N), np.uint8), [[] for _ in range(N)]
    for (i, j), bits in pairs.items():
        source[i, j] = source[j, i] = bits
        partners[i].append(j)
        partners[j].append(i)
    wide = np.array([row + [-1] * (N - len(row)) for row in partners], dtype=np.int32)
    return Links(source, wide, *[np.full((N, N), np.nan, np.float32)] * 2)


def bonds(seed: int = 0) -> np.ndarray:
    psi = np.exp(np.random.default_rng(seed).normal(0.3, 0.5, (N, N)))
    return np.sqrt(psi * psi.T)


def all_sets(sizes=(2, 3, 4, 5), items=range(N)) -> set[tuple[int, ...]]:
    return {ids for size in sizes for ids in combinations(items, size)}


def test_everything_is_found_where_width_does_not_bind():
    psi = bonds()
    found = candidates(P, ITEMS, psi, linked({}), likely=N, width=1000)
    assert {tuple(sorted(found.ids(row))) for row in range(len(found))} == all_sets()
    for row in range(0, len(found), 17):
        ids = list(found.ids(row))
        assert found.probability[row] == pytest.approx(joint_probability(P[None, ids], psi[np.ix_(ids, ids)][None])[0])
        assert found.independent[row] == pytest.approx(P[ids].prod())
        assert (np.diff(P[ids]) <= 0).all()


def test_the_best_by_probability_are_kept_and_as_many_by_bond():
    psi = bonds(1)
    wide = candidates(P, ITEMS, psi, linked({}), sizes=(2,), likely=N, width=1000)
    narrow = candidates(P, ITEMS, psi, linked({}), sizes=(2,), likely=N, width=6)
    kept = {narrow.ids(row) for row in range(6)}
    by_p = [wide.ids(row) for row in np.argsort(-wide.probability, kind="stable")[:3]]
    rest = [row for row in np.argsort(wide.independent - wide.probability, kind="stable") if wide.ids(row) not in by_p]
    assert kept == set(by_p) | {wide.ids(row) for row in rest[:3]}


def test_partners_come_in_with_their_source():
    found = candidates(P, ITEMS, np.ones((N, N)), linked({(0, 7): 4, (7, 6): 16}), sizes=(2, 3), likely=2, width=100)
    source = {tuple(sorted(found.ids(row))): _source_names(int(found.source[row])) for row in range(len(found))}
    assert source[0, 1] == ("likely",)
    assert source[0, 7] == ("rule",)
    assert source[0, 6, 7] == ("rule", "coupon")
    assert (1, 7) not in source and (0, 5) not in source
    table = found.table()
    assert table.loc[table["items"] == "i0 + i7", "source"].item() == "rule"


def test_filters_hold_for_every_set():
    price = np.arange(1.0, N + 1)
    filters = Filters(
        available=np.arange(N) != 1, category=np.arange(N) // 2, per_category=1, unit_price=price, band=(5.0, 12.0),
        new=np.arange(N) >= 4, at_least_new=1,
    )  # fmt: skip
    found = candidates(P, ITEMS, bonds(), linked({}), likely=N, width=1000, basket=np.array([2]), filters=filters)
    expected = {
        ids
        for ids in all_sets(items=[0, 3, 4, 5, 6, 7])
        if len({i // 2 for i in ids}) == len(ids) and 5 <= price[list(ids)].sum() <= 12 and max(ids) >= 4
    }
    grown = {tuple(sorted(found.ids(row))) for row in range(len(found))}
    assert grown <= expected and {ids for ids in expected if len(ids) == 2} <= grown
    with pytest.raises(BundlebookError, match="no set passes"):
        candidates(P, ITEMS, bonds(), linked({}), filters=Filters(unit_price=price, band=(99.0, 100.0)))


def test_the_item_that_must_be_held_is_in_every_set_however_unlikely():
    links = linked({(7, 6): 4, (0, 1): 2})
    found = candidates(P, ITEMS, bonds(), links, sizes=(2, 3), likely=3, width=1000, must_hold="i7")
    sets = {tuple(sorted(found.ids(row))) for row in range(len(found))}
    assert {ids for ids in sets if len(ids) == 2} == {(0, 7), (1, 7), (2, 7), (6, 7)}
    assert all(7 in ids for ids in sets) and (0, 1, 7) in sets
    assert (np.diff(found.p[found.members[:, :2]], axis=1) <= 0).all()  # the more likely one stands first
    with pytest.raises(BundlebookError, match="unknown item 'beer'"):
        candidates(P, ITEMS, bonds(), links, must_hold="beer")
    with pytest.raises(BundlebookError, match="no set passes"):
        candidates(P, ITEMS, bonds(), links, must_hold="i7", filters=Filters(available=np.arange(N) < 7))


def test_the_odds_ratios_handed_over_give_the_joint_probability():
    psi = bonds(2)
    for ratios in (psi, 1.5 * psi):
        found = candidates(P, ITEMS, ratios, linked({}), sizes=(2,), likely=2)
        assert found.ids(0) == (0, 1)
        assert found.probability[0] == pytest.approx(float(plackett(0.6, 0.5, ratios[0, 1])), abs=1e-6)


def test_wrong_shapes_and_sizes_are_refused():
    with pytest.raises(BundlebookError, match="7 probabilities for 8 items"):
        candidates(P[1:], ITEMS, bonds(), linked({}))
    with pytest.raises(BundlebookError, match="sizes"):
        candidates(P, ITEMS, bonds(), linked({}), sizes=(1, 2))


def test_links_name_who_linked_two_items():
    split = time_split(group_baskets(clean(load_shop("sample"))[0]))
    visible = split.training
    n = visible.n_items
    psi, together = np.ones((n, n)), np.full((n, n), 200)
    psi[0, 1] = psi[1, 0] = 9.0
    psi[2, 3] = psi[3, 2] = 9.0
    together[2, 3] = together[3, 2] = 5
    labels = visible.items
    links = link_items(visible, CoPurchase(labels, psi, psi, together, 1000), ((labels[4], labels[5], "unknown"),))
    assert "goes with" in _source_names(int(links.source[0, 1])) and 1 in links.partners[0]
    assert "goes with" not in _source_names(int(links.source[2, 3]))  # too few household-periods
    assert "coupon" in _source_names(int(links.source[4, 5]))
    assert (links.source == links.source.T).all() and not links.source.diagonal().any()
    assert (links.lift[np.isfinite(links.lift)] > 1).all() and (links.within[np.isfinite(links.within)] > 1).all()
    assert 0 < np.isfinite(links.within).sum() < np.isfinite(links.lift).sum(), "taste explains some of the pairs"
    fast = link_items(visible, CoPurchase(labels, psi, psi, together, 1000), complements=False)
    assert not np.isfinite(fast.within).any() and np.array_equal(fast.lift, links.lift, equal_nan=True)


def test_where_nobody_comes_twice_no_pair_is_called_complementary():
    baskets = time_split(group_baskets(clean(load_shop("sample"))[0])).training
    everybody = np.array([f"u{number:06d}" for number in range(baskets.n_baskets)])
    once = replace(baskets, user=np.arange(baskets.n_baskets), user_ids=everybody)
    ones = np.ones((baskets.n_items,) * 2)
    links = link_items(once, CoPurchase(baskets.items, ones, ones, ones, 1))
    assert np.isfinite(links.lift).any() and not np.isfinite(links.within).any()
