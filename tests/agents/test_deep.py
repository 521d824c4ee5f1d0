"""Deep agents: masks where they belong, agents that share nothing, and the optimum of a small world."""

from dataclasses import replace

import numpy as np
import pytest

from bundlebook.agents import AgentSettings, DeepAgent, backward_induction, choice_world, play
from bundlebook.agents.deep import _Memory, _network
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
    def first_allowed(world, state, rng):
        mask = world.mask(state)
        return np.where(mask[:, :-1].any(axis=1) & (rng.random(len(mask)) < 0.8), mask.argmax(axis=1), world.n_items)

    memory, rewards = _Memory(50, 2), [[], []]
    for seed in range(5):
        episodes = play(pair, first_allowed, 40, seed=seed)
        number = 1000 * seed + np.arange(episodes.reward.size).reshape(episodes.reward.shape)  # each its own
        memory.add(replace(episodes, reward=number))
        for agent in range(2):
            kept = (episodes.live & (episodes.action < 4))[agent::2]
            rewards[agent] += number[agent::2][kept].tolist()
    assert (memory.held() == 50).all()
    for part, all_of_them in zip(memory.parts, rewards, strict=True):
        assert sorted(part["reward"]) == sorted(all_of_them[-50:])
    drawn = memory.draw(64, np.random.default_rng(0))
    assert drawn["seen"].shape == (64, 2, 4) and (drawn["action"] < 4).all()
    np.testing.assert_array_equal(drawn["over"], ~drawn["mask"].any(axis=2))


@pytest.mark.parametrize("kind", ["reinforce", "actor_critic"])
def test_the_loss_of_a_policy_is_the_formula(pair, kind):
    settings = AgentSettings(kind, agents=2, width=8, rounds=1, episodes=1)
    agent = DeepAgent(settings, seed=3)
    agent.shift, agent.scale, agent.network = 0.0, 1.0, _network((4,), 4, pair.most, settings, 1)
    episodes = play(pair, agent._drawing, 40, seed=4)
    outputs = agent.outputs(pair.observe(np.arange(pair.n_states)))
    place = {row.tobytes(): number for number, row in enumerate(pair.members)}
    wanted = np.zeros(2)
    for one in range(2):
        terms = []
        for e in range(one, 40, 2):
            for t in np.flatnonzero(episodes.live[e]):
                out = outputs[place[(episodes.seen[e, t] > 0).tobytes()], one]
                scores = out[:-1][episodes.mask[e, t]]
                share = np.exp(scores) / np.exp(scores).sum()
                goes_on = t + 1 < pair.most and episodes.live[e, t + 1]
                after = outputs[place[(episodes.seen[e, t + 1] > 0).tobytes()], one, -1] if goes_on else 0.0
                paid = episodes.reward[e, t:].sum() if kind == "reinforce" else episodes.reward[e, t] + after
                chosen = share[episodes.mask[e, t][: episodes.action[e, t]].sum()]
                error = paid - out[-1]
                terms.append(-np.log(chosen) * error + 0.7 * (share * np.log(share)).sum() + 0.5 * error**2)
        wanted[one] = np.mean(terms)
    given = []
    agent.network.train_on_batch = lambda seen, packed: given.append((seen, packed))
    agent._improve_policy(episodes, 0.7)
    assert agent.network.test_on_batch(*given[0]) == pytest.approx(wanted.sum(), rel=1e-4)


@pytest.mark.parametrize(
    "bad", [{"kind": "ppo"}, {"rounds": 0}, {"rate": 0.0}, {"epsilon": (1.0, 2.0)}, {"entropy": -1.0}, {"cooling": 0.0}]
)
def test_bad_settings_are_named(bad):
    with pytest.raises(BundlebookError, match="AgentSettings"):
        AgentSettings(**bad)
