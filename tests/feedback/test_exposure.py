"""The simulated loop: what is shown is what is learned from."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.feedback import exposure_loop, tastes

RNG = np.random.default_rng(1)
SIM_P = tastes(RNG.poisson(RNG.gamma(0.6, 1.5, 60), (40, 60)))


@pytest.fixture(scope="module")
def runs():
    return {
        policy: exposure_loop(SIM_P, policy, k=5, rounds=40, seeds=3, seed=2)
        for policy in ("greedy", "epsilon", "thompson")
    }


def test_greedy_shrinks_what_is_shown_and_exploration_keeps_it(runs):
    last = {policy: run.sim_items_shown.iloc[-10:].to_numpy().mean() for policy, run in runs.items()}
    assert last["greedy"] < 0.7 * last["epsilon"] and last["greedy"] < 0.7 * last["thompson"]
    assert all(run.sim_items_shown.iloc[0].min() > 0.9 for run in runs.values())  # at random, under all policies


def test_every_policy_learns_and_nothing_beats_the_truth(runs):
    best = np.sort(SIM_P, axis=1)[:, -5:].mean()
    for run in runs.values():
        assert run.sim_clicks.shape == (40, 3)
        assert run.sim_knowledge.iloc[-1].mean() > run.sim_clicks.iloc[0].mean() * 1.3
        assert run.sim_clicks.to_numpy().max() <= best + 1e-12


def test_without_chance_epsilon_is_greedy_and_with_all_of_it_random():
    none, all_ = (exposure_loop(SIM_P, "epsilon", k=5, rounds=12, epsilon=e, seeds=2, seed=3) for e in (0.0, 1.0))
    assert none.sim_items_shown.iloc[-1].mean() < 0.6
    assert all_.sim_items_shown.iloc[-1].min() > 0.9
    assert all_.sim_clicks.iloc[-1].mean() == pytest.approx(SIM_P.mean(), rel=0.15)


def test_the_same_seed_gives_the_same_loop(runs):
    again = exposure_loop(SIM_P, "thompson", k=5, rounds=40, seeds=3, seed=2)
    assert again.sim_clicks.equals(runs["thompson"].sim_clicks)


def test_bad_input_is_refused():
    with pytest.raises(BundlebookError, match="table of probabilities"):
        exposure_loop(SIM_P * 10, "greedy", seed=0)
    with pytest.raises(BundlebookError, match="unknown policy"):
        exposure_loop(SIM_P, "random", seed=0)
    with pytest.raises(BundlebookError, match="k 99"):
        exposure_loop(SIM_P, "greedy", k=99, seed=0)
    with pytest.raises(BundlebookError, match="counts from 0 on"):
        tastes(np.array([[-1.0]]))
