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
    method: Literal["greedy", "beam", "exact"] = "greedy",
    width: int = 10,
) -> Choice:
    r"""Choose at most k sets with a large T.

    * ``"greedy"`` takes the set that adds most, again and again, and then exchanges single sets while that helps.
      T is submodular, so what a set adds only shrinks as the page fills: an old value is an upper bound, and few sets
      have to be looked at again (lazy evaluation).
    * ``"beam"`` keeps the *width* best pages of every length.
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
    """A page while it is filled: what is on it, and what may still come."""

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
        if row in self.rows or (self.times[self.goal.holds[row]] >= self.limits.per_item).any():
            return False
        if self.money + self.spent[row] > self.limits.budget + _TINY:
            return False
        return self.has_own or len(self.rows) + 1 < self.k or bool(self.limits.own_brand[row])

    def with_row(self, row: int) -> "_Page":
        page = _Page(self.goal, self.limits, self.k)
        page.rows, page.times = [*self.rows, row], self.times + self.goal.holds[row]
        page.touched, page.money = self.touched | self.goal.touches[row], self.money + self.spent[row]
        page.has_own = self.has_own or bool(self.limits.own_brand[row])
        return page


def _greedy(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
    page = _Page(goal, limits, k)
    queue = [(-value, row) for row, value in enumerate(goal.alone().tolist())]
    heapify(queue)
    while queue and len(page.rows) < k:
        while queue:
            row = heappop(queue)[1]
            if not page.fits(row):  # nor will it ever: what is on the page stays there
                continue
            gain = page.gain(row)
            if not queue or gain >= -queue[0][0] - _TINY:
                break
            heappush(queue, (-gain, row))
        else:
            break
        if gain <= 0 and page.has_own:
            break
        page = page.with_row(row)
    if not page.has_own:
        return _beam(goal, k, limits, width)
    return _exchange(goal, page, k, limits)


def _exchange(goal: Objective, page: _Page, k: int, limits: Limits) -> list[int]:
    """Replace one set by another while T grows."""
    order = np.argsort(-goal.alone(), kind="stable")[:60].tolist()
    best, value = page.rows, goal.value(page.rows)
    improved = True
    while improved:
        improved = False
        for place in range(len(best)):
            rest = _Page(goal, limits, k)
            for row in best[:place] + best[place + 1 :]:
                rest = rest.with_row(row)
            base = value - rest.gain(best[place])
            gains = goal.single + goal.holds @ (goal.item_value * (rest.times == 0))
            gains = gains + goal.category_value * (goal.touches @ ~rest.touched)
            for row in sorted(order, key=lambda row: -gains[row]):
                if base + gains[row] <= value + _TINY:
                    break
                if rest.fits(row) and (rest.has_own or limits.own_brand[row]):
                    best, value, improved = [*rest.rows, row], base + gains[row], True
                    break
            if improved:
                break
    return best


def _beam(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
    pages = [(0.0, _Page(goal, limits, k))]
    finished = [(0.0, [])] if limits.own_brand is None else []
    for _ in range(k):
        grown: dict[tuple[int, ...], tuple[float, _Page, int]] = {}
        for value, page in pages:
            gains = goal.single + goal.holds @ (goal.item_value * (page.times == 0))
            gains = gains + goal.category_value * (goal.touches @ ~page.touched)
            taken = 0
            for row in np.argsort(-gains, kind="stable").tolist():
                if not page.fits(row):
                    continue
                key = tuple(sorted([*page.rows, row]))
                grown.setdefault(key, (value + gains[row], page, row))
                taken += 1
                if taken == width:
                    break
        best = sorted(grown.items(), key=lambda entry: (-entry[1][0], entry[0]))[:width]
        pages = [(value, page.with_row(row)) for _, (value, page, row) in best]
        finished += [(value, page.rows) for value, page in pages if page.has_own]
    if not finished:
        raise BundlebookError("no page keeps to the limits", where="choose", remedy="offer more sets or loosen them")
    return max(finished, key=lambda entry: entry[0])[1]


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
