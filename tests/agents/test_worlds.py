"""Worlds as tables: their sets, their rewards, and what they refuse."""

from math import comb

import numpy as np
import pytest
from scipy.special import expit, logit

from bundlebook.agents import TableWorld, choice_world, cliff_world
from bundlebook.errors import BundlebookError


def test_twelve_candidates_and_four_places_make_794_states():
    world = choice_world(tuple(map(str, range(12))), np.full(12, 0.4), np.ones((12, 12)))
    assert world.n_states == sum(comb(12, size) for size in range(5)) == 794
    assert world.allowed[0].all() and not world.allowed[world.full].any()


def test_the_order_of_additions_is_no_state(small):
    def after(order):
        state = 0
        for item in order:
            state = small.next[state, item]
        return state

    assert after([0, 3, 5]) == after([5, 0, 3]) == after([3, 5, 0])
    assert small.bundle(after([5, 0, 3])) == ("a", "d", "f")


def test_the_reward_is_that_of_the_formula():
    p, psi = np.array([0.3, 0.6]), np.array([[1, 4.0], [4.0, 1]])
    world = choice_world(("x", "y"), p, psi, most=2, strength=0.5)
    assert world.reward[0] == pytest.approx([2 * 0.3 - 1, 2 * 0.6 - 1, 0])
    assert world.reward[1, 1] == pytest.approx(2 * expit(logit(0.6) + 0.5 * np.log(4)) - 1)
    assert np.isnan(world.reward[1, 0])


def test_rewards_come_as_often_as_they_should(small):
    rng = np.random.default_rng(0)
    state, action = np.zeros(40_000, dtype=int), np.full(40_000, 2)
    after, reward, over = small.step(state, action, rng)
    assert set(reward) == {-1.0, 1.0} and not over.any() and (after == small.next[0, 2]).all()
    assert reward.mean() == pytest.approx(small.reward[0, 2], abs=0.02)


def test_stop_pays_nothing_and_ends(small):
    state, reward, over = small.step(np.array([0, 7]), np.array([6, 6]), np.random.default_rng(0))
    assert state.tolist() == [0, 7] and reward.tolist() == [0, 0] and over.all()


def test_a_repeated_item_is_refused(small):
    one = small.next[0, 4]
    with pytest.raises(BundlebookError, match=r"action 4 is not allowed(.|\n)*mask"):
        small.step(np.array([one]), np.array([4]), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: choice_world((), np.array([]), np.ones((0, 0))), "list of candidates is empty"),
        (lambda: choice_world(("a", "b"), np.full(2, 0.5), np.ones((2, 2)), most=3), "at most 3 items from 2"),
        (lambda: choice_world(("a", "b"), np.array([0.5, 1.0]), np.ones((2, 2)), most=1), "p of 'b' is 1.0"),
        (
            lambda: choice_world(("a", "b"), np.full(2, 0.5), np.zeros((2, 2)), most=1),
            "odds ratio that is not positive",
        ),
        (lambda: choice_world(("a", "b"), np.full(3, 0.5), np.ones((2, 2)), most=1), "2 items, p of shape"),
        (lambda: TableWorld.of(("a",), 1, lambda m: np.full(m.shape, 0.5), win=np.nan), "win is nan"),
        (lambda: TableWorld.of(("a",), 1, lambda m: np.full(m.shape, 1.5)), "probability is 1.5"),
        (lambda: TableWorld.of(tuple(map(str, range(30))), 2, lambda m: np.zeros(m.shape)), "too many to be written"),
        (lambda: cliff_world(3, 3), "a bundle of 3 of 3 items"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(BundlebookError, match=message) as caught:
        make()
    assert caught.value.remedy
