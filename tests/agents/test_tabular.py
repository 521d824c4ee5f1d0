"""Tabular agents: their fixed points, their draws, their bias."""

import numpy as np
import pytest

from bundlebook.agents import backward_induction, choice_world, cliff_world, learn_table
from bundlebook.errors import BundlebookError


def by_hand(world, episodes, epsilon, power, sarsa, rng):
    """Q-learning and SARSA in plain Python, with the same draws as the compiled loop."""
    q = np.where(world.allowed, 0.0, -np.inf)
    visits = np.zeros(q.shape)

    def choose(state):
        allowed = np.flatnonzero(world.allowed[state])
        if rng.random() < epsilon:
            return allowed[int(rng.random() * len(allowed))]
        return q[state].argmax()

    for _ in range(episodes):
        state, action, over = 0, choose(0), False
        while not over:
            after, reward = world.next[state, action], 0.0
            if action < world.n_items:
                came = rng.random() < world.probability[state, action]
                reward = (world.win if came else world.lose)[state, action]
            over = after == -1 or world.full[after]
            following = None if over else choose(after)
            later = 0.0 if over else (q[after, following] if sarsa else q[after].max())
            visits[state, action] += 1
            q[state, action] += (reward + later - q[state, action]) / visits[state, action] ** power
            state, action = after, following
    return q


@pytest.mark.parametrize("kind", ["q_learning", "sarsa"])
def test_the_compiled_loop_is_the_one_in_plain_python(small, kind):
    fast = learn_table(small, kind, 400, 0.3, 0.8, seed=4).action_values[-1]
    np.testing.assert_allclose(fast, by_hand(small, 400, 0.3, 0.8, kind == "sarsa", np.random.default_rng(4)))


@pytest.mark.parametrize("kind", ["q_learning", "sarsa", "double_q"])
def test_with_falling_exploration_they_find_the_optimum(small, kind):
    best = backward_induction(small)[0][0]
    learned = [learn_table(small, kind, 300_000, (1.0, 0.0), 0.8, seed=seed) for seed in range(5)]
    assert min(one.values()[-1] for one in learned) >= 0.98 * best


def test_q_learning_converges_to_the_optimal_values_and_sarsa_to_those_of_its_own_exploration():
    world = cliff_world(sure=0.5)
    for kind, epsilon in (("q_learning", 0.0), ("sarsa", 0.3)):
        learned = learn_table(world, kind, 200_000, 0.3, 1.0 if kind == "q_learning" else 0.6, seed=1)
        wanted = backward_induction(world, epsilon=epsilon)[0][0]
        q = learned.action_values[-1][0]
        found = (1 - epsilon) * q.max() + epsilon * q.mean()
        assert found == pytest.approx(wanted, abs=0.1)


def test_the_maximum_of_noisy_values_is_too_large_and_two_tables_mend_it():
    world = choice_world(tuple(map(str, range(10))), np.full(10, 0.45), np.ones((10, 10)), most=2)
    promised = {
        kind: np.mean(
            [learn_table(world, kind, 300, 1.0, 1.0, seed=s).action_values[-1][0, :-1].max() for s in range(40)]
        )
        for kind in ("q_learning", "double_q")
    }
    truth = backward_induction(world)[1][0, :-1].max()
    assert truth == pytest.approx(-0.1)
    assert promised["q_learning"] > promised["double_q"] + 0.1


def test_the_same_seed_learns_the_same(small):
    one, two, other = (learn_table(small, episodes=500, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.action_values, two.action_values)
    assert not np.array_equal(one.earned, other.earned)
    assert len(one.earned) == 500 and one.episodes[-1] == 500


@pytest.mark.parametrize("bad", [{"kind": "td"}, {"episodes": 0}, {"epsilon": 1.2}, {"power": 0.4}, {"start": np.nan}])
def test_bad_settings_are_named(small, bad):
    with pytest.raises(BundlebookError, match="learn_table"):
        learn_table(small, **bad, seed=0)
