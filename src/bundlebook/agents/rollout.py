"""Episodes of any world, many at once, under any policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bundlebook.agents.worlds import World
from bundlebook.errors import BundlebookError

#: Takes (world, states, generator) and returns an action for each state, shape (n,).
Policy = Callable[[World, Any, np.random.Generator], np.ndarray]


@dataclass(frozen=True, eq=False)
class Episodes:
    """Episodes that began together, as arrays with one column per step; T is the largest size of a bundle.

    Attributes
    ----------
    seen : ndarray, shape (n, T, ...), float32
        Observations.
    mask : ndarray of bool, shape (n, T, n_items + 1)
        Allowed actions.
    action : ndarray of int, shape (n, T)
    reward : ndarray, shape (n, T)
        0 after the end.
    live : ndarray of bool, shape (n, T)
        False for the steps after the end.
    """

    seen: np.ndarray
    mask: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    live: np.ndarray

    @property
    def returns(self) -> np.ndarray:
        """Sum of the rewards of each episode, shape (n,)."""
        return self.reward.sum(axis=1)

    @property
    def sizes(self) -> np.ndarray:
        """Items offered in each episode, shape (n,)."""
        return ((self.action < self.mask.shape[2] - 1) & self.live).sum(axis=1)

    @property
    def to_come(self) -> np.ndarray:
        """Rewards from each step to the end, shape (n, T): what a policy gradient multiplies with."""
        return self.reward[:, ::-1].cumsum(axis=1)[:, ::-1]


def play(world: World, policy: Policy, n: int, *, seed: int | np.random.Generator) -> Episodes:
    """Play *n* episodes.

    Parameters
    ----------
    world : World
    policy : callable
        Takes the world, the states and a generator; returns an action per state. What it says of an episode that is
        over is not used.
    n : int
    seed : int or Generator

    Returns
    -------
    Episodes

    Raises
    ------
    BundlebookError
        If the policy takes an action outside of the mask, or the world pays a reward that is not finite.
    """
    rng = np.random.default_rng(seed)
    state, live = world.begin(n, rng), np.ones(n, dtype=bool)
    steps = []
    for _ in range(world.most):
        seen, mask = world.observe(state), world.mask(state)
        action = np.where(live, policy(world, state, rng), world.n_items)
        state, reward, over = world.step(state, action, rng)
        if not np.isfinite(reward).all():
            row = int(np.argmax(~np.isfinite(reward)))
            raise BundlebookError(
                f"the reward of action {action[row]} is {reward[row]}", where="play", remedy="pay a finite number"
            )
        steps.append((seen, mask, action, reward, live))
        live = live & ~over
    return Episodes(*(np.stack(part, axis=1) for part in zip(*steps, strict=True)))


def by_table(policy: np.ndarray) -> Policy:
    """Turn a table into a policy: an action per state (n_states,), or P(action | state)."""
    table = np.asarray(policy)

    def act(world: World, state: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if table.ndim == 1:
            return table[state]
        return (table[state].cumsum(axis=1) > rng.random((len(state), 1))).argmax(axis=1)

    return act
