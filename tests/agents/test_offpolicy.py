"""Estimators from a log beside the truth that the world knows."""

from dataclasses import replace

import numpy as np
import pytest

from bundlebook.agents import (
    ESTIMATORS,
    as_probabilities,
    backward_induction,
    choice_world,
    estimate,
    greedy_policy,
    policy_values,
    write_log,
)
from bundlebook.errors import BundlebookError


@pytest.fixture(scope="module")
def uniform(small):
    return small.allowed / np.maximum(small.allowed.sum(axis=1, keepdims=True), 1)


@pytest.fixture(scope="module")
def target(small):
    return as_probabilities(small, greedy_policy(backward_induction(small)[1]), 0.5)


def test_a_log_holds_what_happened(small, uniform):
    log = write_log(small, uniform, 500, seed=0)
    assert (log.state[:, 0] == 0).all() and log.live[:, 0].all()
    np.testing.assert_allclose(log.propensity[:, 0], 1 / 7)
    assert (log.propensity[~log.live] == 1).all() and (log.reward[~log.live] == 0).all()
    went_on = log.live[:, 1]
    np.testing.assert_array_equal(small.next[0, log.action[went_on, 0]], log.state[went_on, 1])


def test_the_unbiased_ones_are_unbiased_and_their_intervals_hold(small, uniform, target):
    truth = policy_values(small, target)[0][0]
    found = [estimate(small, write_log(small, uniform, 4000, seed=seed), target) for seed in range(20)]
    for name in ("IPS", "SNIPS", "doubly robust"):
        values = np.array([one[name].value for one in found])
        assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(len(values)), name
        assert sum(one[name].covers(truth) for one in found) >= 16, name
    error = {name: np.mean([abs(one[name].value - truth) for one in found]) for name in ESTIMATORS}
    assert error["doubly robust"] < error["IPS"]


def test_its_own_policy_needs_no_weights(small, uniform):
    log = write_log(small, uniform, 1000, seed=1)
    found = estimate(small, log, uniform)
    assert found["IPS"].value == pytest.approx(log.reward.sum(axis=1).mean())
    assert found["IPS"].effective == pytest.approx(1000) and found["IPS"].largest == pytest.approx(1 / 1000)


def test_independent_slots_rank_two_policies_the_wrong_way_round():
    psi = np.ones((4, 4))
    psi[0, 1] = psi[1, 0] = 6.0
    psi[2, 3] = psi[3, 2] = 1 / 6
    world = choice_world(("a", "b", "c", "d"), np.array([0.45, 0.45, 0.6, 0.6]), psi, most=2)
    uniform = world.allowed / np.maximum(world.allowed.sum(axis=1, keepdims=True), 1)
    log = write_log(world, uniform, 20_000, seed=0)
    policies = {}
    for first, second in ((0, 1), (2, 3)):
        policy = np.full(world.n_states, 4)
        policy[0], policy[world.next[0, first]] = first, second
        policies[first] = policy
    truth = {name: policy_values(world, policy)[0][0] for name, policy in policies.items()}
    found = {name: estimate(world, log, policy) for name, policy in policies.items()}
    assert truth[0] > truth[2] + 0.5
    assert found[0]["doubly robust"].low > found[2]["doubly robust"].high
    assert found[0]["independent slots"].value < found[2]["independent slots"].value


def test_a_log_without_propensities_is_refused(small, uniform, target):
    log = write_log(small, uniform, 50, seed=0)
    with pytest.raises(BundlebookError, match="propensity"):
        estimate(small, replace(log, propensity=np.zeros_like(log.propensity)), target)
    with pytest.raises(BundlebookError, match="reward is not finite"):
        estimate(small, replace(log, reward=np.full_like(log.reward, np.nan)), target)
