"""From candidates of size 2 to an offer: price, objective, choice, reasons, step by step as chapter 06 takes them."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from bundlebook.bundles import (
    Bundle,
    Candidates,
    CoPurchase,
    Links,
    Priced,
    Weights,
    candidates,
    choose,
    explain,
    numbers,
    objective,
    plackett,
    price,
)
from bundlebook.bundles.reasons import possible_reasons
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

ITEMS = np.array(["bread", "butter", "cola", "milk", "soap", "tea"])
P = np.array([0.6, 0.2, 0.1, 0.5, 0.05, 0.3])
USUAL = np.array([2.0, 4.0, 1.5, 1.0, 3.0, 5.0])
CATEGORY = np.array([0, 1, 2, 1, 3, 2])
NOTHING = np.full((6, 6), np.nan, np.float32)
NO_LINKS = Links(np.zeros((6, 6), np.uint8), np.full((6, 4), -1, np.int32), NOTHING, NOTHING)


@pytest.fixture
def together() -> CoPurchase:
    """Bread goes with butter, milk with tea; cola replaces tea."""
    psi = np.ones((6, 6))
    for i, j, ratio in ((0, 1, 8.0), (3, 5, 4.0), (2, 5, 0.3), (3, 4, 20.0)):
        psi[i, j] = psi[j, i] = ratio
    return CoPurchase(ITEMS, psi, np.where(psi == 1, 2.0, 1.5 * psi), np.full((6, 6), 500), 10_000)


def pairs(together: CoPurchase, **options) -> Candidates:
    return candidates(P, ITEMS, together.psi, NO_LINKS, sizes=(2,), likely=6, width=100, **options)


def priced_pairs(together: CoPurchase, discount: float = 0.05, **options) -> Priced:
    return price(pairs(together, **options), USUAL, 0.7 * USUAL, np.zeros(6), (discount,))


def test_without_a_response_the_discount_changes_the_price_alone(together):
    priced = priced_pairs(together, 0.1)
    assert len(priced) == 15
    assert priced.price == pytest.approx(0.9 * priced.usual_price)
    for row in range(len(priced)):
        i, j = priced.sets.ids(row)
        assert priced.probability[row] == pytest.approx(float(plackett(P[i], P[j], together.psi[i, j])), abs=1e-6)
    assert priced.revenue == pytest.approx(priced.probability * priced.price)
    assert priced.margin == pytest.approx(priced.probability * (priced.price - priced.cost))
    assert priced.break_even[:, 0] == pytest.approx(0.3 / 0.2)


@pytest.mark.parametrize(("discount", "message"), [(1.0, "discounts"), (-0.1, "discounts"), (0.4, "no set leaves")])
def test_a_discount_that_is_none_or_eats_every_margin_is_refused(together, discount, message):
    with pytest.raises(BundlebookError, match=message):
        priced_pairs(together, discount)


@pytest.mark.parametrize(("weights", "message"), [((0, 0, 0), "not all 0"), ((-1, 1, 1), "at least 0")])
def test_weights_that_are_none_are_refused(together, weights, message):
    with pytest.raises(BundlebookError, match=message):
        objective(priced_pairs(together), CATEGORY, Weights(*weights))


def test_only_satisfaction_asks_for_what_is_wanted_only_revenue_for_what_is_dear(together):
    priced = priced_pairs(together)
    wanted = objective(priced, CATEGORY, Weights(0, 0, 1)).alone().argmax()
    dear = objective(priced, CATEGORY, Weights(1, 0, 0)).alone().argmax()
    assert priced.sets.labels(wanted) == ("bread", "milk")
    assert priced.revenue[dear] == priced.revenue.max()


def test_a_bundle_is_the_best_pair_of_a_search_over_all(together):
    priced = priced_pairs(together)
    goal = objective(priced, CATEGORY, Weights(0, 1, 0))
    (row,) = choose(goal, 1)
    best = Bundle.of(priced, row, goal)
    margin = {
        (a, b): float(plackett(P[a], P[b], together.psi[a, b])) * 0.25 * USUAL[[a, b]].sum()
        for a, b in combinations(range(6), 2)
    }
    a, b = max(margin, key=margin.get)
    assert set(best.items) == {ITEMS[a], ITEMS[b]}
    assert best.margin == pytest.approx(margin[a, b], abs=1e-5)
    assert best.objective == pytest.approx(1)
    assert best.discount == pytest.approx(0.05)
    assert best.satisfaction == pytest.approx(P[[a, b]].sum() - 2 * 0.2 + 0.1 * len({CATEGORY[a], CATEGORY[b]}))
    assert best.source == ("likely",)


def test_the_numbers_of_a_bundle_mean_the_same_on_a_page(together):
    """What a bundle says of itself is what the objective of a page with it alone says."""
    priced = priced_pairs(together)
    goal = objective(priced, CATEGORY)
    for row in range(len(priced)):
        one, terms = Bundle.of(priced, row, goal), goal.terms([row])
        assert (one.revenue, one.margin, one.satisfaction) == tuple(list(terms.values())[:3])
        assert one.objective == pytest.approx(goal.alone()[row])


def test_bundles_of_a_page_share_no_item(together):
    priced = priced_pairs(together)
    goal = objective(priced, CATEGORY)
    items = [item for row in choose(goal, 5) for item in priced.sets.labels(row)]
    assert 2 <= len(items) <= 6 and len(items) == len(set(items))


def test_reasons_tell_the_numbers(together):
    days = np.datetime64("2021-01-04") + np.array([0, 10, 20, 25])
    held = np.array([[1, 0, 0, 0, 0, 0]] * 3 + [[0, 0, 0, 1, 0, 0]], dtype=np.float32)
    his = Baskets(sparse.csr_matrix(held), np.zeros(4, np.int64), days, np.array(["u"]), ITEMS)
    priced = priced_pairs(together, must_hold="butter")
    row = next(row for row in range(len(priced)) if priced.sets.labels(row) == ("bread", "butter"))
    habit, saving = "You buy bread every two weeks; butter would be new to you.", "you save $0.30."
    lift = NOTHING.copy()
    lift[0, 1] = lift[1, 0] = 2.0
    for links, bond in (
        (NO_LINKS, ()),  # an odds ratio of 8 in four weeks, and the plain lift behind it, are no reason
        (replace(NO_LINKS, lift=lift), ("Many customers who buy bread also buy butter.",)),
        (
            replace(NO_LINKS, lift=lift, within=lift),
            ("Customers who buy bread often put butter into the same basket.",),
        ),
        (replace(NO_LINKS, lift=0.6 * lift, within=lift), ()),
    ):
        assert [one.text for one in possible_reasons(priced.sets, row, links, his)] == [habit, *bond]
        stranger = possible_reasons(priced.sets, row, links, None)
        assert [one.text for one in stranger] == ["60 of 100 customers buy bread within 4 weeks.", *bond]
        ids, saved = frozenset(priced.sets.ids(row)), f"Together $5.70 instead of $6.00: {saving}"
        assert explain(priced, row, links, lambda one: set(), his, "$") == (habit, saved)
        assert explain(priced, row, links, lambda one, ids=ids: {ids} if one.bought else set(), his, "$") == (
            *bond, saved,
        )  # fmt: skip
        assert explain(priced, row, links, lambda one, ids=ids: {ids, frozenset({4})}, his, "$") == (saved,)
    table = numbers(priced, row, NO_LINKS, together)
    assert table[["p_first", "p_second", "odds_ratio", "together"]].to_numpy().tolist() == [[0.6, 0.2, 8.0, 500]]
