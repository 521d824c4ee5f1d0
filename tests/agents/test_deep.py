"""Deep agents: masks where they belong, agents that share nothing, and the optimum of a small world."""

import numpy as np
import pytest

from bundlebook.agents import AgentSettings, DeepAgent, backward_induction, choice_world, play
from bundlebook.agents.deep import _Memory
from bundlebook.errors import BundlebookError


@pytest.fixture(scope="module")
def pair():
    """Two items that pay only together, and two that lose: the best first step loses."""
    psi = np.ones((4, 4))
    psi[0, 1] = psi[1, 0] = 30.0
    return choice_world(("a", "b", "c", "d"), np.array([0.45, 0.45, 0.2, 0.2]), psi, most=2)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("dqn", {"rounds": 60, "episodes": 32, "updates": 4, "batch": 64}),
        ("reinforce", {"rounds": 150, "episodes": 64, "entropy": 0.5, "rate": 1e-2}),
        ("actor_critic", {"rounds": 150, "episodes": 64, "entropy": 0.5, "rate": 1e-2}),
    ],
)
def test_every_agent_finds_a_bundle_that_greedy_does_not_begin(pair, kind, more):
    agent = DeepAgent(AgentSettings(kind, agents=3, width=16, **more), seed=1).fit(pair)
    best = backward_induction(pair)[0][0]
    np.testing.assert_allclose(agent.values(pair), best)
    played = play(pair, agent.policy(2), 4000, seed=0).returns
    assert played.mean() == pytest.approx(best, abs=0.1)
    assert len(agent.curve) == more["rounds"] and agent.curve[-1][1].shape == (3,)


def test_the_same_seed_learns_the_same_and_agents_differ(pair):
    settings = AgentSettings("dqn", agents=2, width=8, rounds=3, episodes=8, updates=2, batch=8)
    one, two = (DeepAgent(settings, seed=5).fit(pair) for _ in range(2))
    seen = pair.observe(np.arange(pair.n_states))
    np.testing.assert_array_equal(one.outputs(seen), two.outputs(seen))
    assert not np.allclose(one.outputs(seen)[:, 0], one.outputs(seen)[:, 1])
    assert (one.outputs(seen)[:, :, pair.n_items] == 0).all()  # STOP


class Recorder:
    """Stands in for a network: the same outputs everywhere, and it keeps what it is trained on."""

    def __init__(self, outputs):
        self.out, self.packed = outputs, None

    def predict_on_batch(self, seen):
        return np.broadcast_to(self.out, (*seen.shape[:2], len(self.out)))

    def train_on_batch(self, seen, packed):
        self.packed = packed


@pytest.mark.parametrize(("masked", "wanted"), [(True, [1.3, -1.0]), (False, [6.0, -1.0])])
def test_the_mask_is_in_the_target_and_nothing_follows_the_end(masked, wanted):
    agent = DeepAgent(AgentSettings(mask_target=masked))
    agent.shift, agent.scale = 0.0, 1.0
    agent.network = Recorder(np.array([5.0, 0.3, 0.0, 0.7]))  # two items, STOP, baseline
    drawn = {
        "seen": np.zeros((2, 1, 2)), "after": np.zeros((2, 1, 2)), "action": np.array([[0], [1]]),
        "reward": np.array([[1.0], [-1.0]]), "over": np.array([[False], [True]]),
        "mask": np.array([[[False, True, True]], [[False, False, False]]]),
    }  # fmt: skip
    agent._improve_values(drawn, agent.network)
    np.testing.assert_allclose(agent.network.packed[:, 0, -1], wanted)
    np.testing.assert_array_equal(agent.network.packed[:, 0, :-1], [[1, 0, 0], [0, 1, 0]])


def test_the_memory_keeps_the_newest_and_no_stop(pair):
    memory = _Memory(50, 2)
    for seed in range(5):
        memory.add(
            play(
                pair,
                lambda w, s, r: np.where(w.mask(s)[:, :-1].any(axis=1), w.mask(s).argmax(axis=1), 4),
                40,
                seed=seed,
            )
        )
    assert all(len(part["reward"]) == 50 for part in memory.parts)
    drawn = memory.draw(64, np.random.default_rng(0))
    assert drawn["seen"].shape == (64, 2, 4) and (drawn["action"] < 4).all()
    np.testing.assert_array_equal(drawn["over"], ~drawn["mask"].any(axis=2))


@pytest.mark.parametrize(
    "bad", [{"kind": "ppo"}, {"rounds": 0}, {"rate": 0.0}, {"epsilon": (1.0, 2.0)}, {"entropy": -1.0}]
)
def test_bad_settings_are_named(bad):
    with pytest.raises(BundlebookError, match="AgentSettings"):
        AgentSettings(**bad)
