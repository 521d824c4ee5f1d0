"""Backward induction beside brute force; shaping, exploration, and the simple rules."""

from itertools import permutations

import numpy as np
import pytest

from bundlebook.agents import (
    as_probabilities,
    backward_induction,
    by_table,
    cliff_world,
    fixed_size_policy,
    greedy_policy,
    myopic_policy,
    occupancy,
    play,
    policy_values,
    shaped,
)
from bundlebook.errors import BundlebookError


def brute_force(world):
    """Largest expected return over all orders in which items can be added, and when to stop.

    Rewards do not depend on the random outcomes, so the best policy is an order of additions.
    """
    best = 0.0
    for size in range(1, world.most + 1):
        for order in permutations(range(world.n_items), size):
            state, total = 0, 0.0
            for item in order:
                total += world.reward[state, item]
                state = world.next[state, item]
            best = max(best, total)
    return best


def test_the_optimum_is_that_of_trying_everything(small):
    values, q = backward_induction(small)
    assert values[0] == pytest.approx(brute_force(small))
    assert policy_values(small, greedy_policy(q))[0][0] == pytest.approx(values[0])


def test_bellmans_equation_holds_in_every_state(small):
    values, q = backward_induction(small, gamma=0.9)
    later = np.where(small.next >= 0, values[small.next], 0)
    wanted = np.where(small.allowed, np.nan_to_num(small.reward) + 0.9 * later, -np.inf)
    np.testing.assert_allclose(q, wanted)


def test_no_policy_is_better_than_the_optimum(small):
    best = backward_induction(small)[0]
    rng = np.random.default_rng(2)
    for _ in range(20):
        draws = rng.random(small.next.shape) * small.allowed
        share = draws / np.maximum(draws.sum(axis=1, keepdims=True), 1e-12)
        assert (policy_values(small, share)[0] <= best + 1e-12).all()


def test_exploration_is_priced_in(small):
    values, q = backward_induction(small, epsilon=0.3)
    own = as_probabilities(small, greedy_policy(q), 0.3)
    assert policy_values(small, own)[0][0] == pytest.approx(values[0])
    assert values[0] < backward_induction(small)[0][0]


def test_potentials_leave_the_best_policy_alone_and_bonuses_do_not(small):
    values, q = backward_induction(small)
    phi = np.random.default_rng(1).normal(size=small.n_states)
    moved, other = backward_induction(small, reward=shaped(small, phi))
    open_ = small.allowed.any(axis=1)
    np.testing.assert_allclose(moved[open_], values[open_] - phi[open_])
    assert (greedy_policy(other)[open_] == greedy_policy(q)[open_]).all()
    bonus = small.reward + np.append(np.ones(small.n_items), 0)
    assert (greedy_policy(backward_induction(small, reward=bonus)[1])[open_] != greedy_policy(q)[open_]).any()


def test_play_agrees_with_the_exact_value(small):
    policy = as_probabilities(small, myopic_policy(small), 0.2)
    truth = policy_values(small, policy)[0][0]
    returns = play(small, by_table(policy), 20_000, seed=3).returns
    assert abs(returns.mean() - truth) < 4 * returns.std() / np.sqrt(len(returns))


def test_occupancy_adds_up_to_the_expected_number_of_steps(small):
    policy = as_probabilities(small, fixed_size_policy(small, 2))
    visits = occupancy(small, policy)
    assert visits.sum() == pytest.approx(3)  # two items and STOP
    assert (visits * np.nan_to_num(small.reward)).sum() == pytest.approx(policy_values(small, policy)[0][0])


def test_the_cliff_changes_with_the_share_of_exploration():
    world = cliff_world(sure=0.5)
    best = [greedy_policy(backward_induction(world, epsilon=epsilon)[1])[0] for epsilon in (0, 0.4)]
    assert best == [0, 4]  # the whole bundle; with much exploration the sure item


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda world: backward_induction(world, gamma=1.1), "gamma 1.1"),
        (lambda world: backward_induction(world, reward=np.full(world.next.shape, np.inf)), "not finite"),
        (lambda world: policy_values(world, np.zeros(world.n_states, dtype=int)), "action 0 is not allowed"),
        (lambda world: policy_values(world, np.zeros(world.next.shape)), "do not add up"),
        (lambda world: fixed_size_policy(world, 4), "4 items in a world of at most 3"),
    ],
)
def test_bad_input_is_named(small, call, message):
    with pytest.raises(BundlebookError, match=message):
        call(small)
