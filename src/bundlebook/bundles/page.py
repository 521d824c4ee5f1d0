"""A page of bundles: what it is worth, and how to choose it under a shop's constraints (greedy, beam, exact)."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, hstack, identity, vstack

from bundlebook.bundles.pricing import Priced, Weights
from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Taste:
    """How satisfaction is counted, in expected items wanted.

    Attributes
    ----------
    place : float
        What an item costs the customer that has to be looked at, wanted or not. An item with P below it is a nuisance.
    variety : float
        What a further category on the page is worth.
    repetition : float
        What an item costs that the page shows already, beside its place.
    """

    place: float = 0.2
    variety: float = 0.1
    repetition: float = 0.3


@dataclass(frozen=True)
class Objective:
    r"""The objective T of a page of bundles: a modular part and two coverages, hence submodular.

    Attributes
    ----------
    single : ndarray, shape (n_sets,)
        What each set adds whatever else is on the page.
    holds : ndarray of bool, shape (n_sets, n_shown)
        Which items, of those in any set.
    item_value : ndarray, shape (n_shown,)
        Added once, when the page shows the item for the first time.
    touches : ndarray of bool, shape (n_sets, n_categories)
    category_value : float
        Added once a category.
    revenue, margin : ndarray, shape (n_sets,)
    p : ndarray, shape (n_shown,)
    taste : Taste
    """

    single: np.ndarray
    holds: np.ndarray
    item_value: np.ndarray
    touches: np.ndarray
    category_value: float
    revenue: np.ndarray
    margin: np.ndarray
    p: np.ndarray
    taste: Taste

    def value(self, rows) -> float:
        """T of a page that shows the sets *rows*."""
        rows = list(rows)
        shown, touched = self.holds[rows].any(axis=0), self.touches[rows].any(axis=0)
        return float(
            self.single[rows].sum() + self.item_value[shown].sum() + self.category_value * np.count_nonzero(touched)
        )

    def alone(self) -> np.ndarray:
        """T of each set alone on a page, shape (n_sets,)."""
        return self.single + self.holds @ self.item_value + self.category_value * self.touches.sum(axis=1)

    def terms(self, rows) -> dict[str, float]:
        """S and R in money, D and its three parts in items, of a page."""
        rows = list(rows)
        places, shown = int(self.holds[rows].sum()), self.holds[rows].any(axis=0)
        relevance = float(self.p[shown].sum()) - self.taste.place * places
        variety = self.taste.variety * np.count_nonzero(self.touches[rows].any(axis=0))
        repetition = self.taste.repetition * (places - np.count_nonzero(shown))
        return {
            "revenue": float(self.revenue[rows].sum()),
            "margin": float(self.margin[rows].sum()),
            "satisfaction": relevance + variety - repetition,
            "relevance": relevance,
            "diversity": variety,
            "repetition": repetition,
        }


def objective(
    priced: Priced, category: np.ndarray, weights: Weights | None = None, taste: Taste | None = None
) -> Objective:
    r"""Set up the objective for the priced sets of one customer.

    .. math:: T(B) = w_S \frac{S(B)}{S^*} + w_R \frac{R(B)}{R^*} + w_D \frac{D(B)}{D^*}, \qquad
              S = \sum_{b \in B} S_b, \quad R = \sum_{b \in B} R_b,

    .. math:: D(B) = \underbrace{\sum_{i \in \cup B} p_i - c \sum_{b \in B} |b|}_{\text{relevance}}
              + \underbrace{\delta\, |C(\cup B)|}_{\text{diversity}}
              - \underbrace{\rho \Bigl(\sum_{b \in B} |b| - |\cup B|\Bigr)}_{\text{repetition}}

    ∪B are the distinct items of the page, C their categories. Each star is the largest value a single set has, since
    money and items cannot be added.

    Parameters
    ----------
    priced : Priced
    category : ndarray of int, shape (n_items,)
        Code of each item's category.
    weights : Weights, optional
    taste : Taste, optional
        c, δ and ρ. They are the analyst's: no log says what a customer feels.

    Returns
    -------
    Objective
    """
    weights, taste, sets = weights or Weights(), taste or Taste(), priced.sets
    member = sets.members >= 0
    shown, column = np.unique(sets.members[member], return_inverse=True)
    holds = np.zeros((len(sets), len(shown)), dtype=bool)
    holds[np.nonzero(member)[0], column] = True
    code = np.unique(category[shown], return_inverse=True)[1]
    touches = np.zeros((len(sets), int(code.max()) + 1), dtype=bool)
    rows, columns = np.nonzero(holds)
    touches[rows, code[columns]] = True
    p = sets.p[shown]
    own = holds @ p - taste.place * sets.size + taste.variety * touches.sum(axis=1)  # a set repeats nothing in itself
    scale = [float(np.abs(term).max()) for term in (priced.revenue, priced.margin, own)]
    w = weights.normalised() / np.where(np.array(scale) > 0, scale, 1)
    single = w[0] * priced.revenue + w[1] * priced.margin - w[2] * (taste.place + taste.repetition) * sets.size
    return Objective(
        single,
        holds,
        w[2] * (p + taste.repetition),
        touches,
        w[2] * taste.variety,
        priced.revenue,
        priced.margin,
        p,
        taste,
    )


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


def choose(
    goal: Objective,
    k: int = 3,
    limits: Limits | None = None,
    method: Literal["greedy", "beam", "exact"] = "beam",
    width: int = 50,
) -> tuple[int, ...]:
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
    tuple of int
        Positions of the page's sets; its T is ``goal.value`` of them. Greedy gives them in the order in which they were
        taken, the others by their T alone, best first.

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
    return tuple(int(row) for row in rows)


class _Page:
    """A page while greedy fills it: what is on it, and what may still come."""

    def __init__(self, goal: Objective, limits: Limits, k: int) -> None:
        self.goal, self.limits, self.k = goal, limits, k
        self.spent = limits.spent(len(goal.single))
        self.own = np.ones(len(goal.single), dtype=bool) if limits.own_brand is None else limits.own_brand
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
        return self.has_own or len(self.rows) + 1 < self.k or bool(self.own[row])

    def take(self, row: int) -> None:
        self.rows.append(row)
        self.times += self.goal.holds[row]
        self.touched |= self.goal.touches[row]
        self.money += self.spent[row]
        self.has_own = self.has_own or bool(self.own[row])


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
    best: list[int] | None = [] if has_own[0] else None
    best_value = 0.0 if has_own[0] else -np.inf
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
    return _best_first(goal, best)


def _exact(goal: Objective, k: int, limits: Limits, width: int) -> list[int]:
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
    return _best_first(goal, np.flatnonzero(found.x[:n] > 0.5).tolist())


def _best_first(goal: Objective, rows: list[int]) -> list[int]:
    """Order a page by the T of its sets alone; the order in which a search met them hangs on the last digit."""
    alone = goal.alone().round(9)
    return sorted(rows, key=lambda row: (-alone[row], row))


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
