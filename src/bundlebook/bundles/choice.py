"""Choose a page of bundles under a shop's constraints: greedy, by beam search, exactly."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Literal

import numpy as np

from bundlebook.bundles.worth import Objective
from bundlebook.errors import BundlebookError

_TINY = 1e-12


@dataclass(frozen=True)
class Limits:
    """What a page must keep to.

    Attributes
    ----------
    per_item : int
        Most bundles of the page that hold the same item.
    budget : float
        Most money given away as discounts, expected per customer and period.
    given : ndarray, shape (n_sets,), optional
        Expected discount of each set, in money; needed with a budget.
    own_brand : ndarray of bool, shape (n_sets,), optional
        If given, at least one bundle of the page must be one of these: those with a private-label item.
    """

    per_item: int = 1
    budget: float = np.inf
    given: np.ndarray | None = None
    own_brand: np.ndarray | None = None

    def spent(self, n_sets: int) -> np.ndarray:
        """Discount money of each set, zeros if there is no budget to keep."""
        if np.isfinite(self.budget) and self.given is None:
            raise BundlebookError("a budget, but not what each set costs", where="Limits", remedy="pass given")
        return np.zeros(n_sets) if self.given is None else self.given


@dataclass(frozen=True)
class Choice:
    """A page: positions of its sets in the order they were taken, and its T."""

    rows: tuple[int, ...]
    value: float


def choose(
    goal: Objective,
    k: int = 3,
    limits: Limits | None = None,
    method: Literal["greedy", "beam", "exact"] = "beam",
    width: int = 50,
) -> Choice:
    r"""Choose at most k sets with a large T.

    * ``"greedy"`` takes the set that adds most, again and again. T is submodular, so what a set adds only shrinks as
      the page fills: an old value is an upper bound, and few sets have to be looked at again (lazy evaluation). With
      at most one bundle an item, a large first set shuts out many others, and greedy cannot take it back.
    * ``"beam"`` keeps the *width* best pages of every length, so a smaller first set survives.
    * ``"exact"`` solves the integer programme below with HiGHS. It is the yardstick.

    .. math:: \max_{x, y, z}\ \sum_b t_b x_b + \sum_i u_i y_i + \sum_c v z_c \quad \text{with} \quad
              y_i \le \sum_{b \ni i} x_b, \quad z_c \le \sum_{b \text{ touches } c} x_b, \quad \sum_b x_b \le k,

    .. math:: \sum_{b \ni i} x_b \le m, \quad \sum_b g_b x_b \le G, \quad \sum_{b \text{ own brand}} x_b \ge 1, \quad
              x_b \in \{0, 1\},\ y_i, z_c \in [0, 1]

    Parameters
    ----------
    goal : Objective
    k : int
        Most bundles on the page.
    limits : Limits, optional
    method : {"greedy", "beam", "exact"}
    width : int
        For the beam.

    Returns
    -------
    Choice

    Raises
    ------
    BundlebookError
        If *method* or *k* is wrong, or no page keeps to the limits.

    References
    ----------
    M. Minoux: Accelerated greedy algorithms for maximizing submodular set functions. Optimization Techniques, 1978.
    """
    limits = limits or Limits()
    if k < 1 or limits.per_item < 1:
        raise BundlebookError(f"k = {k}, per_item = {limits.per_item}", where="choose", remedy="use at least 1")
    solvers = {"greedy": _greedy, "beam": _beam, "exact": _exact}
    if method not in solvers:
        raise BundlebookError(f"unknown method {method!r}", where="choose", remedy=f"use one of {sorted(solvers)}")
    rows = solvers[method](goal, k, limits, width)
    return Choice(tuple(int(row) for row in rows), goal.value(rows))


class _Page:
    """A page while greedy fills it: what is on it, and what may still come."""

    def __init__(self, goal: Objective, limits: Limits, k: int) -> None:
        self.goal, self.limits, self.k = goal, limits, k
        self.spent = limits.spent(len(goal.single))
        self.rows: list[int] = []
        self.times = np.zeros(goal.holds.shape[1], dtype=np.int64)
        self.touched = np.zeros(goal.touches.shape[1], dtype=bool)
        self.money, self.has_own = 0.0, limits.own_brand is None

    def gain(self, row: int) -> float:
        goal = self.goal
        fresh = goal.item_value[goal.holds[row] & (self.times == 0)].sum()
        return goal.single[row] + fresh + goal.category_value * np.count_nonzero(goal.touches[row] & ~self.touched)

    def fits(self, row: int) -> bool:
        if (self.times[self.goal.holds[row]] >= self.limits.per_item).any():
            return False
        if self.money + self.spent[row] > self.limits.budget + _TINY:
            return False
        return self.has_own or len(self.rows) + 1 < self.k or bool(self.limits.own_brand[row])

    def take(self, row: int) -> None:
        self.rows.append(row)
        self.times += self.goal.holds[row]
        self.touched |= self.goal.touches[row]
        self.money += self.spent[row]
        self.has_own = self.has_own or bool(self.limits.own_brand[row])


def _greedy(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
    page = _Page(goal, limits, k)
    queue = [(-value, row) for row, value in enumerate(goal.alone().tolist())]
    heapify(queue)
    while queue and len(page.rows) < k:
        row = heappop(queue)[1]
        if not page.fits(row):  # nor will it ever: what is on the page stays there
            continue
        gain = page.gain(row)
        if queue and gain < -queue[0][0] - _TINY:
            heappush(queue, (-gain, row))  # no longer surely the best
        elif gain > 0 or not page.has_own:
            page.take(row)
        else:
            break
    return page.rows if page.has_own else _beam(goal, k, limits, width)


def _beam(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
    """All pages of a level at once, as matrices: (pages, items) times (items, sets)."""
    n, spent = len(goal.single), limits.spent(len(goal.single))
    holds, touches = goal.holds.T.astype(np.float64), goal.touches.T.astype(np.float64)
    own = np.zeros(n, dtype=bool) if limits.own_brand is None else limits.own_brand
    rows, value = np.empty((1, 0), dtype=np.int64), np.zeros(1)
    times, touched = np.zeros((1, holds.shape[0])), np.zeros((1, touches.shape[0]))
    money, has_own = np.zeros(1), np.array([limits.own_brand is None])
    best, best_value = ([], 0.0) if has_own[0] else (None, -np.inf)
    for place in range(k):
        gain = goal.single + ((times == 0) * goal.item_value) @ holds + goal.category_value * (touched == 0) @ touches
        fits = ((times >= limits.per_item) @ holds == 0) & (money[:, None] + spent <= limits.budget + _TINY)
        np.put_along_axis(fits, rows, False, axis=1)
        if place == k - 1:
            fits &= has_own[:, None] | own
        total = np.where(fits, value[:, None] + gain, -np.inf).ravel()
        # A page of j sets is reached in j orders, so look at j times as many before dropping the repeated ones.
        first = np.argsort(-total, kind="stable")[: (place + 1) * width]
        first = first[total[first] > -np.inf]
        grown = np.sort(np.column_stack([rows[first // n], first % n]), axis=1)
        first = first[np.sort(np.unique(grown, axis=0, return_index=True)[1])][:width]
        if not len(first):
            break
        page, row = first // n, first % n
        rows, value = np.column_stack([rows[page], row]), total[first]
        times, touched = times[page] + goal.holds[row], touched[page] + goal.touches[row]
        money, has_own = money[page] + spent[row], has_own[page] | own[row]
        ready = np.flatnonzero(has_own)
        if len(ready) and value[ready[0]] > best_value:  # pages stand in the order of their values
            best, best_value = rows[ready[0]].tolist(), value[ready[0]]
    if best is None:
        raise BundlebookError("no page keeps to the limits", where="choose", remedy="offer more sets or loosen them")
    return best


def _exact(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_matrix, hstack, identity, vstack

    n, n_items, n_categories = len(goal.single), goal.holds.shape[1], goal.touches.shape[1]
    gain = np.concatenate([goal.single, goal.item_value, np.full(n_categories, goal.category_value)])
    holds, touches = csr_matrix(goal.holds.T.astype(float)), csr_matrix(goal.touches.T.astype(float))
    rest = csr_matrix((1, n_items + n_categories))
    covers = vstack([holds, touches])
    constraints = [
        LinearConstraint(hstack([-covers, identity(n_items + n_categories)]), -np.inf, 0),
        LinearConstraint(hstack([holds, csr_matrix((n_items, n_items + n_categories))]), -np.inf, limits.per_item),
        LinearConstraint(hstack([csr_matrix(np.ones((1, n))), rest]), 0, k),
    ]
    if np.isfinite(limits.budget):
        constraints.append(LinearConstraint(hstack([csr_matrix(limits.spent(n)), rest]), -np.inf, limits.budget))
    if limits.own_brand is not None:
        constraints.append(LinearConstraint(hstack([csr_matrix(limits.own_brand.astype(float)), rest]), 1, np.inf))
    whole = np.concatenate([np.ones(n), np.zeros(n_items + n_categories)])
    found = milp(-gain, integrality=whole, bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0})
    if found.x is None:
        raise BundlebookError("no page keeps to the limits", where="choose", remedy="offer more sets or loosen them")
    rows = np.flatnonzero(found.x[:n] > 0.5)
    return rows[np.argsort(-goal.alone()[rows], kind="stable")].tolist()


def mmr(value: np.ndarray, alike: np.ndarray, k: int, trade: float) -> list[int]:
    r"""Order by maximal marginal relevance: what is good and unlike what was taken before.

    .. math:: \arg\max_{b \notin B} \ (1 - \lambda)\, v_b - \lambda \max_{b' \in B} \text{alike}(b, b')

    Parameters
    ----------
    value : ndarray, shape (n_sets,)
        In [0, 1].
    alike : ndarray, shape (n_sets, n_sets)
        In [0, 1].
    k : int
    trade : float
        λ in [0, 1]; 0 is the plain order.

    Returns
    -------
    list of int

    References
    ----------
    J. Carbonell, J. Goldstein: The Use of MMR, Diversity-Based Reranking. SIGIR 1998.
    """
    taken: list[int] = []
    nearest = np.zeros(len(value))
    for _ in range(min(k, len(value))):
        score = (1 - trade) * value - trade * nearest
        score[taken] = -np.inf
        taken.append(int(score.argmax()))
        nearest = np.maximum(nearest, alike[taken[-1]])
    return taken
