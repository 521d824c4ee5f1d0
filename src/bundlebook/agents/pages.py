"""Pages of bundles as a world: each action adds a bundle, and the reward is what it adds to the page's objective T."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bundlebook.agents.worlds import check_sizes, refuse_outside
from bundlebook.bundles import Objective
from bundlebook.errors import BundlebookError


@dataclass(frozen=True, eq=False)
class _Pages:
    """States: the customer of each row, and the sets on its page, bool (n, n_items)."""

    row: np.ndarray
    shown: np.ndarray


class PageWorld:
    r"""The pages of many customers, with the objective of :func:`bundlebook.bundles.objective`, each item once.

    .. math:: r = \frac{T(B \cup \{b\}) - T(B)}{\max_b T(\{b\})}

    Parameters
    ----------
    goals : sequence of Objective
        One per customer. A customer with fewer sets than another has the rest masked.
    most : int
        Bundles on a page.
    ordered : bool
        Whether episodes begin with the customers one after the other, each once.

    Raises
    ------
    BundlebookError
        If there is no customer or no set.
    """

    def __init__(self, goals: Sequence[Objective], most: int = 3, ordered: bool = False) -> None:
        if not goals:
            raise BundlebookError("no customer", where="PageWorld", remedy="give at least one objective")
        self.goals, self.most, self.ordered = list(goals), most, ordered
        self.n_items = max(len(goal.single) for goal in goals)
        check_sizes(self.n_items, most)
        n, m = len(goals), self.n_items
        self.exists = np.zeros((n, m), dtype=bool)
        self.clash = np.zeros((n, m, m), dtype=bool)  # sets that share an item
        self.alone = np.zeros((n, m), dtype=np.float32)
        self.size = np.zeros((n, m), dtype=np.float32)
        for row, goal in enumerate(goals):
            held = goal.holds.astype(np.float32)
            k = len(held)
            self.exists[row, :k] = True
            self.clash[row, :k, :k] = held @ held.T > 0
            self.alone[row, :k] = goal.alone()
            self.size[row, :k] = held.sum(axis=1)
        self.scale = np.maximum(self.alone.max(axis=1), 1e-9)

    def begin(self, n: int, rng: np.random.Generator) -> _Pages:
        """Return *n* empty pages."""
        row = np.arange(n) if self.ordered else rng.integers(len(self.goals), size=n)
        return _Pages(row, np.zeros((n, self.n_items), dtype=bool))

    def _free(self, state: _Pages) -> np.ndarray:
        blocked = np.einsum("nj,nji->ni", state.shown.astype(np.float32), self.clash[state.row].astype(np.float32)) > 0
        return self.exists[state.row] & ~blocked

    def gains(self, state: _Pages) -> np.ndarray:
        """What each set would add to T, as a share of the customer's best single set; shape (n, n_items)."""
        gain = np.zeros(state.shown.shape)
        for at, (row, shown) in enumerate(zip(state.row, state.shown, strict=True)):
            goal = self.goals[row]
            k, on_page = len(goal.single), np.flatnonzero(shown)
            seen, touched = goal.holds[on_page].any(axis=0), goal.touches[on_page].any(axis=0)
            gain[at, :k] = goal.single + (goal.holds & ~seen) @ goal.item_value
            gain[at, :k] += goal.category_value * (goal.touches & ~touched).sum(axis=1)
        return gain / self.scale[state.row, None]

    def observe(self, state: _Pages) -> np.ndarray:
        """Return features of each set, shape (n, n_items, 6), float32.

        What it adds now; the best that stays free beside it, once and twice; its size; the places left; whether free.
        """
        free, gain = self._free(state), self.gains(state)
        open_gain = np.where(free, gain, 0.0)
        beside = free[:, None, :] & ~self.clash[state.row]
        others = np.where(beside, open_gain[:, None, :], 0.0)
        two = -np.partition(-others, min(1, others.shape[2] - 1), axis=2)[:, :, :2]
        left = np.broadcast_to((self.most - state.shown.sum(axis=1, keepdims=True)) / self.most, free.shape)
        columns = (open_gain, two[..., 0], two.sum(axis=2), self.size[state.row] / 5, left, free)
        return np.stack(columns, axis=-1, dtype=np.float32)

    def mask(self, state: _Pages) -> np.ndarray:
        """Whether each action is allowed, shape (n, n_items + 1), bool; a full page allows none."""
        room = state.shown.sum(axis=1, keepdims=True) < self.most
        return np.concatenate([self._free(state) & room, room], axis=1)

    def step(
        self, state: _Pages, action: np.ndarray, rng: np.random.Generator
    ) -> tuple[_Pages, np.ndarray, np.ndarray]:
        """Add a set to each page, or stop."""
        stopped, rows = action == self.n_items, np.arange(len(action))
        refuse_outside(self.mask(state)[rows, action], stopped, action)
        item = np.minimum(action, self.n_items - 1)
        gain = np.where(stopped, 0.0, self.gains(state)[rows, item])
        shown = state.shown.copy()
        shown[rows[~stopped], item[~stopped]] = True
        return _Pages(state.row, shown), gain, stopped | (shown.sum(axis=1) >= self.most)
