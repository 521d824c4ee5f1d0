"""A page of bundles: what it is worth, and how to choose it under a shop's constraints (greedy, beam, exact)."""

from dataclasses import dataclass, replace
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
    same : ndarray of int, shape (n_sets,)
        Number of the set of items: rows with the same number are one set at several discounts.
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
    same: np.ndarray
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
    row, item = np.nonzero(member)[0], sets.members[member]
    column = np.zeros(len(sets.p), dtype=np.int64)
    column[item] = 1
    shown = np.flatnonzero(column)
    column[shown] = np.arange(len(shown))
    holds = np.zeros((len(sets), len(shown)), dtype=bool)
    holds[row, column[item]] = True
    code = np.unique(category[shown], return_inverse=True)[1]
    touches = np.zeros((len(sets), int(code.max()) + 1), dtype=bool)
    touches[row, code[column[item]]] = True
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
        _same_sets(sets.members, len(sets.p)),
        p,
        taste,
    )


def _same_sets(members: np.ndarray, n_items: int) -> np.ndarray:
    """Number the distinct rows in their order, shape (n_sets,)."""
    if (n_items + 1) ** members.shape[1] >= 2**63:
        return np.unique(members, axis=0, return_inverse=True)[1].ravel()
    code = np.zeros(len(members), dtype=np.int64)
    for items in members.T:
        code = code * (n_items + 1) + (items + 1)
    return np.unique(code, return_inverse=True)[1]


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

    * ``"greedy"`` takes the set that adds most, again and again: a beam of width 1. With at most one bundle per item, a
      large first set shuts out many others, and greedy cannot take it back.
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
        Positions of the page's sets, each set of items once; its T is ``goal.value`` of them. Sorted by their T alone,
        best first.

    Raises
    ------
    BundlebookError
        If *method* or *k* is wrong, or no page keeps to the limits.
    """
    limits = limits or Limits()
    if k < 1 or limits.per_item < 1:
        raise BundlebookError(f"k = {k}, per_item = {limits.per_item}", where="choose", remedy="use at least 1")
    if method not in ("greedy", "beam", "exact"):
        raise BundlebookError(f"unknown method {method!r}", where="choose", remedy="use 'greedy', 'beam' or 'exact'")
    kept = _worth_a_look(goal, limits)
    goal = replace(
        goal,
        **{name: getattr(goal, name)[kept] for name in ("single", "holds", "touches", "revenue", "margin", "same")},
    )
    limits = replace(
        limits,
        given=None if limits.given is None else limits.given[kept],
        own_brand=None if limits.own_brand is None else limits.own_brand[kept],
    )
    if method == "exact":
        rows = _exact(goal, k, limits)
    else:
        rows = _beam(goal, k, limits, 1 if method == "greedy" else width)
        if rows is None and method == "greedy":  # it has run into a dead end
            rows = _beam(goal, k, limits, width)
    if rows is None:
        raise BundlebookError("no page keeps to the limits", where="choose", remedy="offer more sets or loosen them")
    alone = goal.alone().round(9)  # the order in which a search met them hangs on the last digit
    return tuple(int(kept[row]) for row in sorted(rows, key=lambda row: (-alone[row], row)))


def _worth_a_look(goal: Objective, limits: Limits) -> np.ndarray:
    """Rows left when, of one set at several discounts, those go that add less and cost no less than another."""
    from bundlebook.bundles._compiled import cheapest_of_each  # numba costs half a second to import

    spent = limits.spent(len(goal.single)) if np.isfinite(limits.budget) else np.zeros(len(goal.single))
    order = np.lexsort([-goal.single, spent, goal.same])
    return np.flatnonzero(cheapest_of_each(order, goal.same, goal.single))


def _beam(goal: Objective, k: int, limits: Limits, width: int) -> list[int] | None:
    """The best page that a beam finds; None if none keeps the limits."""
    from bundlebook.bundles._compiled import beam

    n = len(goal.single)
    rows, found = beam(
        goal.single,
        goal.holds,
        goal.item_value,
        goal.touches,
        goal.category_value,
        goal.same,
        limits.spent(n),
        np.zeros(n, dtype=bool) if limits.own_brand is None else limits.own_brand,
        limits.own_brand is not None,
        k,
        limits.per_item,
        limits.budget + _TINY,
        width,
    )
    return rows.tolist() if found else None


def _exact(goal: Objective, k: int, limits: Limits) -> list[int] | None:
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
    if len(np.unique(goal.same)) < n:
        once = csr_matrix((np.ones(n), (goal.same, np.arange(n))))
        constraints.append(LinearConstraint(hstack([once, csr_matrix((once.shape[0], n_items + n_categories))]), 0, 1))
    whole = np.concatenate([np.ones(n), np.zeros(n_items + n_categories)])
    found = milp(-gain, integrality=whole, bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0})
    return None if found.x is None else np.flatnonzero(found.x[:n] > 0.5).tolist()
