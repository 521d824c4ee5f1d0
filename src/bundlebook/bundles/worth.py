"""What a bundle is worth to the shop and to the user: the articles' objective with every term in known units."""

from dataclasses import dataclass

import numpy as np

from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Weights:
    """How much revenue, margin and satisfaction count; they are the analyst's to choose and are divided by their sum.

    Attributes
    ----------
    revenue, margin, satisfaction : float
        w_S, w_R and w_D, not negative, not all zero.
    """

    revenue: float = 1.0
    margin: float = 1.0
    satisfaction: float = 1.0

    def normalised(self) -> np.ndarray:
        """w_S, w_R, w_D with sum 1, shape (3,)."""
        weights = np.array([self.revenue, self.margin, self.satisfaction], dtype=np.float64)
        if not (weights >= 0).all() or not weights.sum() > 0 or not np.isfinite(weights).all():
            raise BundlebookError(f"weights {weights.tolist()} must be at least 0 and not all 0", where="objective")
        return weights / weights.sum()


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


def objective(priced, category: np.ndarray, weights: Weights | None = None, taste: Taste | None = None) -> Objective:
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
