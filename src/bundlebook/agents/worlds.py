"""Worlds in which a bundle is built item by item: the state is the set so far, an action adds an item or stops."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from scipy.special import expit, logit

from bundlebook.errors import BundlebookError

#: Largest number of states of a world that is written down as tables.
MOST_STATES = 200_000


class World(Protocol):
    """What an agent needs to know of a world: many episodes at once, each a row.

    Attributes
    ----------
    n_items : int
        Candidates. Action ``n_items`` is STOP.
    most : int
        Most items in a bundle.
    """

    @property
    def n_items(self) -> int:
        """Number of candidates."""

    @property
    def most(self) -> int:
        """Most items in a bundle."""

    def begin(self, n: int, rng: np.random.Generator) -> Any:
        """States of *n* new episodes, each with an empty bundle."""

    def observe(self, state: Any) -> np.ndarray:
        """What the agent sees of each state, shape (n, ...), float32. It must not tell the order of the additions."""

    def mask(self, state: Any) -> np.ndarray:
        """Whether each action is allowed, shape (n, n_items + 1), bool; the last one is STOP."""

    def step(self, state: Any, action: np.ndarray, rng: np.random.Generator) -> tuple[Any, np.ndarray, np.ndarray]:
        """Next states, rewards (n,) float64, and whether each episode has terminated (n,) bool.

        STOP pays 0, leaves the state as it is and terminates; it may be repeated. Any other action outside of the mask
        is refused.
        """


@dataclass(frozen=True, eq=False)
class TableWorld:
    r"""A world small enough to be written down: every set of at most k of n items is a state.

    .. math:: |\mathcal{S}| = \sum_{j=0}^{k} \binom{n}{j}, \qquad
              R(s, i) = P_{s,i}\, \text{win}_{s,i} + (1 - P_{s,i})\, \text{lose}_{s,i}, \qquad R(s, \text{STOP}) = 0

    Adding an item pays ``win`` with probability P, else ``lose``. The episode ends with STOP, or with the k-th item.

    Attributes
    ----------
    items : tuple of str
        Names of the candidates, shape (n,).
    most : int
        k.
    probability, win, lose : ndarray, shape (n_states, n), float64
        P, and the rewards. What stands in places that the mask forbids has no meaning.
    members : ndarray of bool, shape (n_states, n)
        The sets: state 0 is empty, then by size, then in the order of the items.
    next : ndarray of int32, shape (n_states, n + 1)
        Number of the state that follows an action; -1 ends the episode (STOP), -2 is not allowed.
    """

    items: tuple[str, ...]
    most: int
    probability: np.ndarray
    win: np.ndarray
    lose: np.ndarray
    members: np.ndarray
    next: np.ndarray

    @classmethod
    def of(
        cls,
        items: tuple[str, ...],
        most: int,
        probability: Callable[[np.ndarray], np.ndarray],
        win: Callable[[np.ndarray], np.ndarray] | float = 1.0,
        lose: Callable[[np.ndarray], np.ndarray] | float = -1.0,
    ) -> "TableWorld":
        """Write down all sets.

        Parameters
        ----------
        items : tuple of str
        most : int
            Most items in a bundle.
        probability, win, lose : callable or float
            Take ``members`` (n_states, n) and return a table of that shape.

        Raises
        ------
        BundlebookError
            If there is no candidate, *most* does not fit, there are too many states, or a reward is not finite.
        """
        items, n = tuple(items), len(items)
        check_sizes(n, most)
        members = _all_sets(n, most)
        known = {row.tobytes(): number for number, row in enumerate(members)}
        follows = np.full((len(members), n + 1), -2, dtype=np.int32)
        follows[members.sum(axis=1) < most, n] = -1
        for number, row in enumerate(members):
            if row.sum() < most:
                for item in np.flatnonzero(~row):
                    grown = row.copy()
                    grown[item] = True
                    follows[number, item] = known[grown.tobytes()]
        tables = []
        for name, given in (("probability", probability), ("win", win), ("lose", lose)):
            table = np.asarray(given(members) if callable(given) else given, dtype=np.float64)
            table = np.broadcast_to(table, members.shape).copy()
            allowed = follows[:, :n] >= 0
            wrong = allowed & (~np.isfinite(table) if name != "probability" else ~((table >= 0) & (table <= 1)))
            if wrong.any():
                state, item = np.argwhere(wrong)[0]
                bundle = " + ".join(np.array(items)[members[state]]) or "the empty bundle"
                rule = "lie in [0, 1]" if name == "probability" else "be a finite number"
                raise BundlebookError(
                    f"{name} is {table[state, item]}",
                    where=f"adding {items[item]!r} to {bundle}",
                    remedy=f"it must {rule}",
                )
            tables.append(table)
        p, wins, losses = tables
        return cls(items, most, p, wins, losses, members, follows)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def n_states(self) -> int:
        return len(self.members)

    @property
    def full(self) -> np.ndarray:
        """Whether a bundle holds all that it may, shape (n_states,): there the episode is over."""
        return self.members.sum(axis=1) >= self.most

    @property
    def allowed(self) -> np.ndarray:
        """Whether an action is allowed in a state, shape (n_states, n + 1), bool. Full bundles allow none."""
        return self.next != -2

    @property
    def reward(self) -> np.ndarray:
        """Expected reward R of each state and action, shape (n_states, n + 1); 0 for STOP, NaN where not allowed."""
        mean = self.probability * self.win + (1 - self.probability) * self.lose
        return np.where(self.allowed, np.column_stack([mean, np.zeros(self.n_states)]), np.nan)

    def bundle(self, state: int) -> tuple[str, ...]:
        """Names of the items of a state."""
        return tuple(np.array(self.items, dtype=object)[self.members[state]])

    def begin(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """States of *n* new episodes: all the empty bundle."""
        return np.zeros(n, dtype=np.int64)

    def observe(self, state: np.ndarray) -> np.ndarray:
        """Which items the bundle holds, shape (n, n_items), float32 of 0 and 1."""
        return self.members[state].astype(np.float32)

    def mask(self, state: np.ndarray) -> np.ndarray:
        """Whether each action is allowed, shape (n, n_items + 1), bool."""
        return self.allowed[state]

    def step(
        self, state: np.ndarray, action: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add an item to each bundle, or stop; see :class:`World`."""
        after, stopped = self.next[state, action], action == self.n_items
        refuse_outside(after != -2, stopped, action)
        item = np.minimum(action, self.n_items - 1)
        came = rng.random(len(state)) < self.probability[state, item]
        reward = np.where(came, self.win[state, item], self.lose[state, item])
        after = np.where(stopped, state, after)
        return after, np.where(stopped, 0.0, reward), stopped | self.full[after]


def refuse_outside(allowed: np.ndarray, stopped: np.ndarray, action: np.ndarray) -> None:
    """Refuse an item that lies in the bundle already, or one that a full bundle has no room for."""
    wrong = ~(allowed | stopped)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BundlebookError(
            f"action {action[row]} is not allowed",
            where=f"step of a world, row {row}",
            remedy="choose among the actions of mask(state)",
        )


def check_sizes(n_items: int, most: int) -> None:
    """Refuse an empty list of candidates, a bundle larger than it, and a world with too many sets."""
    where = "world of bundles"
    if n_items < 1:
        raise BundlebookError("the list of candidates is empty", where=where, remedy="give at least one item")
    if not 1 <= most <= n_items:
        raise BundlebookError(
            f"bundles of at most {most} items from {n_items} candidates",
            where=where,
            remedy=f"let most be a whole number from 1 to {n_items}",
        )


def _all_sets(n: int, most: int) -> np.ndarray:
    rows = [chosen for size in range(most + 1) for chosen in combinations(range(n), size)] if n <= 25 else []
    if n > 25 or len(rows) > MOST_STATES:
        raise BundlebookError(
            f"sets of at most {most} of {n} items are too many to be written down",
            where="world of bundles",
            remedy=f"take fewer candidates: at most {MOST_STATES:,} sets",
        )
    members = np.zeros((len(rows), n), dtype=bool)
    for number, chosen in enumerate(rows):
        members[number, list(chosen)] = True
    return members


def choice_world(
    items: tuple[str, ...], p: np.ndarray, psi: np.ndarray, most: int = 4, strength: float = 1.0
) -> TableWorld:
    r"""A simulated customer who wants an item more, or less, for what the bundle holds already.

    .. math:: P_{s,i} = \sigma\Bigl(\operatorname{logit} p_i + c \sum_{j \in s} \ln \psi_{ij}\Bigr),
              \qquad \text{reward} = \begin{cases} +1 & \text{with } P_{s,i} \\ -1 & \text{otherwise} \end{cases}

    That a purchase follows this rule is ASSUMED; its numbers come from a shop.

    Parameters
    ----------
    items : tuple of str
    p : ndarray, shape (n,)
        P(buy) of each item alone, in (0, 1).
    psi : ndarray, shape (n, n)
        Odds ratio of each pair, positive and symmetric.
    most : int
        Most items in a bundle.
    strength : float
        c, the switch of complementarity: 0 lets the items be independent, 1 takes the odds ratios as they are.

    Raises
    ------
    BundlebookError
        If the shapes do not fit, or a number is outside of its range.
    """
    p, psi = np.asarray(p, dtype=np.float64), np.asarray(psi, dtype=np.float64)
    n = len(items)
    if p.shape != (n,) or psi.shape != (n, n):
        raise BundlebookError(
            f"{n} items, p of shape {p.shape} and psi of shape {psi.shape}", remedy="give (n,) and (n, n)"
        )
    if not ((p > 0) & (p < 1)).all():
        worst = int(np.argmax(~((p > 0) & (p < 1))))
        raise BundlebookError(
            f"p of {items[worst]!r} is {p[worst]}", where="choice_world", remedy="let it be in (0, 1)"
        )
    if not (np.isfinite(psi) & (psi > 0)).all() or not np.isfinite(strength):
        raise BundlebookError(
            "an odds ratio that is not positive, or a strength that is not finite",
            where="choice_world",
            remedy="measure odds ratios with bundles.co_purchase",
        )
    bond = strength * np.log(psi)
    np.fill_diagonal(bond, 0.0)
    return TableWorld.of(items, most, lambda members: expit(logit(p) + members @ bond))


def cliff_world(
    n_items: int = 5, size: int = 3, prize: float = 2.0, loss: float = 0.5, sure: float = 0.2
) -> TableWorld:
    """A shop where a bundle pays only when it is complete: its cliff.

    The first *size* items belong together. Each costs *loss* until the last of them brings *prize*. The last item of
    the shop can be sold alone, for *sure*; every other addition costs *loss*. Nothing is random.

    Parameters
    ----------
    n_items : int
    size : int
        Items of the bundle, at most ``n_items - 1``; no bundle is larger.
    prize, loss, sure : float
    """
    if not 1 <= size < n_items:
        raise BundlebookError(
            f"a bundle of {size} of {n_items} items", where="cliff_world", remedy="leave one item out"
        )

    def pays(members: np.ndarray) -> np.ndarray:
        table = np.full(members.shape, -loss)
        inside = members[:, :size].sum(axis=1)
        pure = members.sum(axis=1) == inside
        table[(pure & (inside == size - 1))[:, None] & (np.arange(n_items) < size)] = prize
        table[members.sum(axis=1) == 0, -1] = sure
        return table

    return TableWorld.of(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:n_items]), size, lambda m: np.ones(m.shape), pays)
