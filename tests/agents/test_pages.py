"""Pages of bundles as a world: rewards add up to the objective, and no item stands twice."""

import numpy as np
import pytest

from bundlebook.agents import AgentSettings, DeepAgent, PageWorld, play
from bundlebook.bundles import Limits, Objective, Taste, choose
from bundlebook.errors import BundlebookError


def goal(seed, sets=12, items=8):
    rng = np.random.default_rng(seed)
    holds = np.zeros((sets, items), dtype=bool)
    for row in range(sets):
        holds[row, rng.choice(items, rng.integers(1, 4), replace=False)] = True
    touches = np.stack([holds[:, ::2].any(axis=1), holds[:, 1::2].any(axis=1)], axis=1)
    worth = rng.uniform(0.1, 1, sets)
    return Objective(
        worth,
        holds,
        rng.uniform(0, 0.3, items),
        touches,
        0.1,
        worth,
        worth,
        np.arange(sets),
        rng.random(items),
        Taste(),
    )


@pytest.fixture(scope="module")
def goals():
    return [goal(seed, sets=10 + seed % 3) for seed in range(30)]


def anything(world, state, rng):
    mask = world.mask(state)
    return np.where(mask.any(axis=1), np.where(mask, rng.random(mask.shape), -1).argmax(axis=1), world.n_items)


def test_rewards_add_up_to_the_objective(goals):
    world = PageWorld(goals, 3, ordered=True)
    episodes = play(world, anything, len(goals), seed=0)
    for row, one in enumerate(goals):
        page = [
            a for a, live in zip(episodes.action[row], episodes.live[row], strict=True) if live and a < world.n_items
        ]
        assert episodes.returns[row] * world.scale[row] == pytest.approx(one.value(page))
        assert one.holds[page].sum(axis=0).max(initial=0) <= 1


def test_the_best_gain_now_is_the_greedy_page_of_chapter_09(goals):
    world = PageWorld(goals, 3, ordered=True)

    def greedy(world, state, rng):
        gain = np.where(world.mask(state)[:, :-1], world.gains(state), -np.inf)
        return np.where(gain.max(axis=1) > 0, gain.argmax(axis=1), world.n_items)

    returns = play(world, greedy, len(goals), seed=0).returns * world.scale
    for one, value in zip(goals, returns, strict=True):
        assert value == pytest.approx(one.value(choose(one, 3, Limits(), "greedy")))


def test_an_agent_learns_to_come_near_the_exact_page(goals):
    settings = AgentSettings("dqn", width=16, rounds=60, episodes=16, updates=4, batch=32, memory=2000)
    agent = DeepAgent(settings, seed=0).fit(PageWorld(goals, 3))
    world = PageWorld(goals, 3, ordered=True)
    found = play(world, agent.policy(), len(goals), seed=0).returns * world.scale
    chance = play(world, anything, len(goals), seed=0).returns * world.scale
    best = np.array([one.value(choose(one, 3, Limits(), "exact")) for one in goals])
    assert (found <= best + 1e-9).all()
    assert (found / best).mean() > max(0.9, (chance / best).mean() + 0.1)


def test_nobody_to_serve_is_refused():
    with pytest.raises(BundlebookError, match="no customer"):
        PageWorld([])
    with pytest.raises(BundlebookError, match="at most 3 items from 2"):
        PageWorld([goal(0, sets=2)], 3)
