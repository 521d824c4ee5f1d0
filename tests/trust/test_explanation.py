"""Reasons: contributions by hand, the two ways agree, and a reason that does not hold is not given."""

from itertools import permutations

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import EASE
from bundlebook.shop import group_baskets, load_shop, time_split
from bundlebook.trust import Counterfactual, DeletionTest, by_deletion, from_weights, one_out, reason, shapley, without


@pytest.fixture(scope="module")
def fitted():
    task = time_split(group_baskets(load_shop("sample"), "item_id")).task("validation")
    return EASE(l2=20).fit(task.visible, task.at), task


def test_closed_form_is_what_happens_when_purchases_are_taken_out(fitted):
    model, task = fitted
    checked = 0
    for row in range(0, 40):
        history = task.histories.of_users([row])
        bought = (history.user_item().toarray()[0] > 0).astype(float)
        candidates = bought == 0
        scores = model.scores(history, task.at)[0].astype(float)
        item = int(np.argmax(np.where(candidates, scores, -np.inf)))
        linear = from_weights(model.weights_.astype(float), bought, candidates, item, k=3)
        asked = by_deletion(model, history, task.at, candidates, item, k=3)
        assert linear.place == asked.place == 1
        assert set(linear.cited) <= set(np.flatnonzero(bought))
        # Scores are float32 in the model, so near ties may be cited in another order.
        if linear.cited == asked.cited:
            checked += 1
            left = model.scores(without(history, [linear.cited]), task.at)[0]
            ahead = (candidates & (left > left[item])).sum() + 1
            assert asked.place_without == ahead
            assert linear.place_without == pytest.approx(ahead, abs=1)
    assert checked > 25


def test_a_copy_lacks_exactly_what_was_taken_out(fitted):
    _, task = fitted
    history = task.histories.of_users([0])
    first, second = (int(j) for j in np.unique(history.quantities.indices)[:2])
    copies = without(history, [(), (first,), (first, second)])
    held = copies.user_item().toarray()
    assert (held[0] == history.user_item().toarray()[0]).all()
    assert held[1][first] == 0 and held[2][[first, second]].tolist() == [0, 0]
    rest = np.setdiff1d(np.arange(history.n_items), [first])
    assert (held[1][rest] == held[0][rest]).all()
    assert (copies.sizes() > 0).all()


def test_cited_purchases_matter_more_than_random_ones(fitted):
    model, task = fitted
    histories = (task.histories.user_item().toarray()[:150] > 0).astype(float)
    test = DeletionTest.linear(model.weights_.astype(float), histories, k=3, seed=0)
    table = test.table(seed=1)["leaves the list"]
    assert table["cited"] > table["random"] + 0.2
    assert list(test.by_place().index) == [1, 2, 3]


def test_a_reason_is_short_and_true():
    called = ["very long name of a product that never ends"] * 5
    why = Counterfactual(4, (0, 1, 2), 2, 11, 10)
    assert why.holds and 0 < len(reason(why, called.__getitem__).split()) <= 25
    for place, after in ((2, 10), (11, 12)):
        assert reason(Counterfactual(4, (0,), place, after, 10), called.__getitem__) == ""


@pytest.mark.parametrize("item", [0, 3])
def test_what_cannot_be_explained_is_refused(item):
    # Item 0 was bought, and three candidates cannot overfill a list of three.
    with pytest.raises(BundlebookError, match=f"item {item} among"):
        from_weights(np.eye(5), np.array([1.0, 1, 0, 0, 0]), np.array([False, False, True, True, True]), item, k=3)


def test_two_users_are_no_history(fitted):
    with pytest.raises(BundlebookError, match="2 users"):
        without(fitted[1].histories.of_users([0, 1]), [()])


def test_asking_a_linear_model_gives_what_its_weights_say(fitted):
    model, task = fitted
    histories = task.histories.of_users(np.arange(25))
    asked = DeletionTest.asked(model, histories, task.at, k=3, seed=0)
    linear = DeletionTest.linear(
        model.weights_.astype(float), (histories.user_item().toarray() > 0).astype(float), k=3, seed=0
    )
    assert len(asked.why) == len(linear.why) == len(asked.user)
    # Scores are float32 in the model, so near ties may fall differently.
    same = [a.item == b.item and a.holds == b.holds for a, b in zip(asked.why, linear.why, strict=True)]
    assert np.mean(same) > 0.9
    assert asked.table(seed=1).loc["cited", "leaves the list"] > asked.table(seed=1).loc["random", "leaves the list"]


class ThreeTogether:
    """A model that is not linear: item 4 scores only where items 0 and 1 were bought, a little more with 2."""

    name = "three together"

    def fit(self, visible, at):
        return self

    def scores(self, histories, at):
        held = histories.user_item().toarray() > 0
        scores = np.zeros(held.shape)
        scores[:, 4] = 6.0 * (held[:, 0] & held[:, 1]) + 1.0 * held[:, 2] * held[:, 0]
        return scores


def small_history(fitted, items):
    _, task = fitted
    from dataclasses import replace

    history = task.histories.of_users([0])
    cells = history.quantities[:1].tolil(copy=True)
    cells[0, :] = 0
    for item in items:
        cells[0, item] = 1
    return replace(history, quantities=cells.tocsr(), user=history.user[:1], day=history.day[:1])


def test_shapley_values_are_those_of_all_orders(fitted):
    model, (_, task), have = ThreeTogether(), fitted, np.array([0, 1, 2])
    history = small_history(fitted, have)
    listed, rival = np.array([4]), 5

    def lead(there):
        held = set(there)
        return 6.0 * ({0, 1} <= held) + 1.0 * ({0, 2} <= held)

    exact = np.zeros(3)
    for order in permutations(range(3)):
        for n, j in enumerate(order):
            exact[j] += (lead(order[: n + 1]) - lead(order[:n])) / 6
    found = shapley(model, task.at, rounds=400, seed=0)(history, have, listed, rival)[0]
    assert found == pytest.approx(exact, abs=0.1)
    assert found.sum() == pytest.approx(lead((0, 1, 2)))  # they add up exactly, however few the orders
    alone = one_out(model, task.at)(history, have, listed, rival)[0]
    assert alone.tolist() == [7.0, 6.0, 1.0]


def test_shapley_values_of_a_linear_model_are_its_contributions(fitted):
    model, task = fitted
    history = task.histories.of_users([3])
    have = np.unique(history.quantities.indices)
    weights = model.weights_.astype(float)
    rest = np.setdiff1d(np.arange(history.n_items), have)
    found = shapley(model, task.at, rounds=1, seed=4)(history, have, rest[:3], int(rest[5]))
    assert found == pytest.approx((weights[have][:, rest[:3]] - weights[have][:, rest[[5]]]).T, abs=1e-4)


def test_what_cites_nothing_fails_the_test_and_repeats_may_be_listed(fitted):
    model, task = fitted
    histories = task.histories.of_users(np.arange(30))

    def upside_down(history, have, listed, rival):
        return -one_out(model, task.at)(history, have, listed, rival)

    right, wrong = (
        DeletionTest.asked(model, histories, task.at, k=3, cite=cite, seed=0).table(seed=0).loc["cited"].iloc[0]
        for cite in (None, upside_down)
    )
    assert wrong < 0.1 < right - 0.2
    everything = DeletionTest.asked(model, histories, task.at, k=3, repeats=True, seed=0)
    bought = [set(np.unique(histories.of_users([u]).quantities.indices)) for u in range(30)]
    assert any(why.item in bought[user] for why, user in zip(everything.why, everything.user, strict=True))
