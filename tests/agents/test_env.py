"""The environment keeps Gymnasium's contract, and a mistake is an error and never a silent step."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from bundlebook.agents import BundleEnv
from bundlebook.errors import BundlebookError


def test_gymnasium_has_nothing_to_complain_about(small):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(infinity|render modes).*")
        check_env(BundleEnv(small))


def test_masked_samples_never_fail(small):
    env = BundleEnv(small)
    env.action_space.seed(0)
    for seed in range(50):
        _, info = env.reset(seed=seed)
        over = False
        while not over:
            assert info["action_mask"].dtype == np.int8
            action = env.action_space.sample(info["action_mask"])
            _, reward, over, truncated, info = env.step(action)
            assert reward in (-1.0, 0.0, 1.0) and not truncated
        assert not info["action_mask"].any()


def test_the_observation_is_a_set(small):
    seen = []
    for order in ([1, 4], [4, 1]):
        env = BundleEnv(small)
        env.reset(seed=0)
        for item in order:
            observation, *_ = env.step(item)
        seen.append(observation)
    np.testing.assert_array_equal(*seen)
    assert seen[0].tolist() == [0, 1, 0, 0, 1, 0]


def test_terminated_and_truncated_are_told_apart(small):
    env = BundleEnv(small, patience=2)
    env.reset(seed=0)
    assert env.step(0)[2:4] == (False, False)
    assert env.step(1)[2:4] == (False, True)  # the customer walks away from a bundle of two
    env.reset(seed=0)
    assert env.step(small.n_items)[2:4] == (True, False)  # STOP
    full = BundleEnv(small)
    full.reset(seed=0)
    assert [full.step(item)[2:4] for item in (0, 1, 2)][-1] == (True, False)


@pytest.mark.parametrize("action", [2, 7, -1, 1.5])
def test_an_action_outside_of_the_mask_is_refused(small, action):
    env = BundleEnv(small)
    env.reset(seed=0)
    env.step(2)
    with pytest.raises(BundlebookError, match=r"action .* is not allowed(.|\n)*action_mask"):
        env.step(action)


def test_a_step_after_the_end_or_before_the_beginning_is_refused(small):
    env = BundleEnv(small)
    with pytest.raises(BundlebookError, match="is over, or has not begun"):
        env.step(0)
    env.reset(seed=0)
    env.step(small.n_items)
    with pytest.raises(BundlebookError, match=r"call reset\(\)"):
        env.step(0)


def test_a_reward_that_is_not_finite_is_refused(small):
    class Broken:
        n_items, most = small.n_items, small.most
        begin, observe, mask = small.begin, small.observe, small.mask

        def step(self, state, action, rng):
            after, reward, over = small.step(state, action, rng)
            return after, np.full_like(reward, np.nan), over

    env = BundleEnv(Broken())
    env.reset(seed=0)
    with pytest.raises(BundlebookError, match="the reward of action 1 is nan"):
        env.step(1)


def test_impatience_and_empty_lists_are_refused(small):
    with pytest.raises(BundlebookError, match="patience of 0"):
        BundleEnv(small, patience=0)

    class Nothing:
        n_items, most = 0, 1

    with pytest.raises(BundlebookError, match="candidates is empty"):
        BundleEnv(Nothing())
