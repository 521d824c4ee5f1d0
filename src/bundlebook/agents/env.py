"""Gymnasium's interface: one episode at a time, with the mask of allowed actions in ``info``."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from bundlebook.agents.worlds import World, check_sizes
from bundlebook.errors import BundlebookError


class BundleEnv(gymnasium.Env):
    """Build one bundle: each action adds a candidate, the last action is STOP.

    Parameters
    ----------
    world : World
    patience : int, optional
        After so many steps the customer walks away, whatever the bundle holds. Nothing in the state tells when, so
        this *truncates* an episode; STOP and a full bundle *terminate* it. An agent goes on from the value of the next
        state after a truncation, and from 0 after a termination.

    Attributes
    ----------
    observation_space : Box
        What ``world.observe`` gives. It depends on the set of items, and not on the order in which they came.
    action_space : Discrete
        ``n_items + 1`` actions.

    Notes
    -----
    ``info["action_mask"]`` is an int8 array of shape (n_items + 1,), the form that ``action_space.sample(mask)`` takes.
    After the end it is all zero.

    Raises
    ------
    BundlebookError
        From the constructor if there is no candidate or the bundle is larger than their list; from :meth:`step` if the
        action is outside of the mask, the episode is over or has not begun, or the reward is not a finite number.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (so it is in Gymnasium)

    def __init__(self, world: World, patience: int | None = None) -> None:
        check_sizes(world.n_items, world.most)
        if patience is not None and patience < 1:
            raise BundlebookError(f"a patience of {patience} steps", where="BundleEnv", remedy="use 1 or more, or None")
        self.world, self.patience = world, patience
        seen = world.observe(world.begin(1, np.random.default_rng(0)))
        self.observation_space = spaces.Box(-np.inf, np.inf, seen.shape[1:], np.float32)
        self.action_space = spaces.Discrete(world.n_items + 1)
        self._state: Any = None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Begin an episode; returns the observation and ``info``."""
        super().reset(seed=seed)
        self._state, self._steps = self.world.begin(1, self.np_random), 0
        return self._seen(), {"action_mask": self._mask()}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Take an action; returns observation, reward, terminated, truncated and ``info``."""
        if self._state is None:
            raise BundlebookError(
                "the episode is over, or has not begun", where="BundleEnv.step", remedy="call reset() before step()"
            )
        mask = self._mask()
        if not 0 <= int(action) < len(mask) or int(action) != action or not mask[int(action)]:
            raise BundlebookError(
                f"action {action} is not allowed",
                where="BundleEnv.step",
                remedy=f"choose from info['action_mask']: {np.flatnonzero(mask).tolist()}",
            )
        state, reward, terminated = self.world.step(self._state, np.array([int(action)]), self.np_random)
        if not np.isfinite(reward).all():
            raise BundlebookError(
                f"the reward of action {action} is {reward[0]}",
                where="BundleEnv.step",
                remedy="let the world pay a finite number",
            )
        self._state, self._steps = state, self._steps + 1
        over = bool(terminated[0])
        truncated = not over and self.patience is not None and self._steps >= self.patience
        seen, mask = self._seen(), np.zeros_like(mask) if over or truncated else self._mask()
        if over or truncated:
            self._state = None
        return seen, float(reward[0]), over, truncated, {"action_mask": mask}

    def _seen(self) -> np.ndarray:
        return self.world.observe(self._state)[0].astype(np.float32)

    def _mask(self) -> np.ndarray:
        return self.world.mask(self._state)[0].astype(np.int8)
