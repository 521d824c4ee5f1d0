"""Real baskets with a hidden half: what is shown, what is hidden, what pays; on the sample shop."""

import numpy as np
import pytest

from bundlebook.agents import FEATURES, BundleEnv, hidden_half, play
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import BasketCompleter
from bundlebook.shop import clean, group_baskets, load_shop, time_split


@pytest.fixture(scope="module")
def parts():
    split = time_split(group_baskets(clean(load_shop("sample"))[0]))
    task = split.task("validation")
    completer = BasketCompleter().fit(task.visible, task.at)
    return completer, split.baskets.between(task.at, task.until), split.baskets, task.at


@pytest.fixture(scope="module")
def world(parts):
    return hidden_half(*parts, shown=1, least=3, n_items=8, most=3, seed=0)


def in_turn(world, state, rng):
    mask = world.mask(state)
    return np.where(mask.any(axis=1), mask.argmax(axis=1), world.n_items)


def test_what_is_hidden_lies_in_the_basket_and_is_not_shown(parts, world):
    completer, baskets, _, _ = parts
    large = baskets.where(baskets.sizes() >= 3)
    assert world.n_baskets == large.n_baskets and (world.to_find == large.sizes() - 1).all()
    lies = large.quantities.toarray()[np.arange(world.n_baskets)[:, None], world.candidates] > 0
    assert (world.hidden <= lies).all()
    assert world.features.shape == (world.n_baskets, 8, len(FEATURES))
    assert (np.diff(world.features[:, :, 0], axis=1) <= 1e-6).all()  # by falling q
    wanted = completer.weights_[world.candidates[5, 2], world.candidates[5, 6]]
    assert world.bonds[5, 2, 6] == pytest.approx(wanted)


def test_each_addition_pays_what_the_hidden_part_says(world):
    episodes = play(world.in_order(), in_turn, world.n_baskets, seed=0)
    np.testing.assert_array_equal(episodes.reward, np.where(world.hidden[:, :3], 1.0, -1.0))
    assert (episodes.sizes == 3).all()


def test_hits_pull_their_partners(world):
    hit = int(np.argmax(world.hidden[:, 0]))
    state = world.in_order().begin(hit + 1, np.random.default_rng(0))
    after, _, _ = world.step(state, np.zeros(hit + 1, dtype=int), np.random.default_rng(0))
    np.testing.assert_allclose(world.observe(after)[hit, :, len(FEATURES)], world.bonds[hit, 0], rtol=1e-6)
    assert world.observe(after)[hit, 0, -1] == 1 and not world.mask(after)[hit, 0]


def test_nothing_of_the_window_is_known(parts, world):
    completer, baskets, histories, at = parts
    blind = hidden_half(completer, baskets, histories.between(end=at), at, shown=1, least=3, n_items=8, most=3, seed=0)
    np.testing.assert_array_equal(blind.features, world.features)


def test_it_is_a_world_for_gymnasium(world):
    env = BundleEnv(world)
    seen, info = env.reset(seed=1)
    assert env.observation_space.contains(seen) and info["action_mask"].sum() == 9
    assert env.step(8)[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shown": 3}, "3 items shown of baskets of 3"),
        ({"least": 99, "shown": 1}, "no basket has 99 items"),
        ({"n_items": 2}, "at most 3 items from 2"),
        ({"most": 500, "n_items": 1000}, "at most 500 items"),
    ],
)
def test_bad_input_is_named(parts, change, message):
    with pytest.raises(BundlebookError, match=message):
        hidden_half(*parts, **({"shown": 1, "least": 3, "n_items": 8, "most": 3, "seed": 0} | change))


def test_baskets_of_the_past_are_refused(parts):
    completer, _, histories, at = parts
    with pytest.raises(BundlebookError, match="lies before"):
        hidden_half(completer, histories, histories, at, shown=1, least=3, n_items=8, most=3, seed=0)


def test_each_basket_once_means_once(world):
    with pytest.raises(BundlebookError, match="each once"):
        play(world.in_order(), in_turn, world.n_baskets + 1, seed=0)
