"""Q-learning, SARSA and double Q on worlds that are tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from bundlebook.agents.exact import greedy_policy, policy_values
from bundlebook.agents.worlds import TableWorld
from bundlebook.errors import BundlebookError

_Kind = Literal["q_learning", "sarsa", "double_q"]


@dataclass(frozen=True, eq=False)
class Learned:
    """What an agent learned from episodes of a :class:`TableWorld`.

    Attributes
    ----------
    world : TableWorld
    episodes : ndarray of int, shape (n_marks,)
        Episodes after which it was looked at.
    action_values : ndarray, shape (n_marks, n_states, n_items + 1)
        Q at these moments; -inf where an action is not allowed.
    earned : ndarray, shape (n_episodes,)
        Expected reward of each episode's own actions, exploration included.
    """

    world: TableWorld
    episodes: np.ndarray
    action_values: np.ndarray
    earned: np.ndarray

    @property
    def policy(self) -> np.ndarray:
        """The greedy policy at the end, an action per state."""
        return greedy_policy(self.action_values[-1])

    def values(self) -> np.ndarray:
        """True value of the greedy policy at each of these moments, from the empty bundle on; shape (n_marks,)."""
        return np.array([policy_values(self.world, greedy_policy(q))[0][0] for q in self.action_values])


def learn_table(
    world: TableWorld,
    kind: _Kind = "q_learning",
    episodes: int = 20_000,
    epsilon: float | tuple[float, float] = 0.1,
    power: float = 0.7,
    start: float = 0.0,
    marks: int = 20,
    *,
    seed: int,
) -> Learned:
    r"""Learn a table of action values from episodes, without knowing the world's tables.

    .. math:: Q(s, a) \leftarrow Q(s, a) + n(s, a)^{-\omega}\,\bigl(r + y - Q(s, a)\bigr)

    with y = 0 at the end of an episode, and otherwise, for the next state s' and the action a' that is taken there,

    ============  =======================================================
    q_learning    :math:`\max_{a''} Q(s', a'')`, over allowed actions only
    sarsa         :math:`Q(s', a')`
    double_q      :math:`Q_2(s', \arg\max_{a''} Q_1(s', a''))`, and the two tables change their parts at random
    ============  =======================================================

    Parameters
    ----------
    world : TableWorld
    kind : {"q_learning", "sarsa", "double_q"}
    episodes : int
    epsilon : float, or (first, last)
        Share of the actions drawn at random from the allowed ones; of a pair, it goes from the first to the last in a
        straight line.
    power : float
        ω in (0.5, 1]: the n-th visit moves Q by the share n^-ω of the error.
    start : float
        Q of every action but STOP before the first episode. STOP is worth 0, and that is known.
    marks : int
        How often the table is kept on the way, evenly on a logarithmic scale.
    seed : int

    Returns
    -------
    Learned

    References
    ----------
    R. Sutton, A. Barto: Reinforcement Learning, 2nd edition 2018, sections 6.4, 6.5 and 6.7.
    """
    if kind not in get_args(_Kind):
        raise BundlebookError(f"unknown kind {kind!r}", where="learn_table", remedy=f"use one of {get_args(_Kind)}")
    first, last = epsilon if isinstance(epsilon, tuple) else (epsilon, epsilon)
    if not (
        episodes >= 1 and 0 <= first <= 1 and 0 <= last <= 1 and 0.5 < power <= 1 and np.isfinite(start) and marks >= 1
    ):
        raise BundlebookError(
            f"episodes {episodes}, epsilon {epsilon}, power {power}, start {start}, marks {marks}",
            where="learn_table",
            remedy="episodes and marks from 1 on, epsilon in [0, 1], power in (0.5, 1], a finite start",
        )
    from bundlebook.agents._tabular import learn  # numba costs half a second to import

    seen_at = np.unique(np.geomspace(min(100, episodes), episodes, marks).round().astype(np.int64))
    nothing = np.zeros(world.n_states)  # STOP pays nothing
    p, win, lose = (np.column_stack([t, nothing]) for t in (world.probability, world.win, world.lose))
    reward = np.nan_to_num(world.reward)
    rng, code = np.random.default_rng(seed), get_args(_Kind).index(kind)
    given = (world.next, p, win, lose, reward, episodes, first, last, power, float(start), code, seen_at, rng)
    q, earned = cast(Callable[..., Any], learn)(*given)
    return Learned(world, seen_at, np.where(world.allowed, q, -np.inf), earned)
