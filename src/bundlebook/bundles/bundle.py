"""A bundle with its price, expected value and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bundlebook.bundles.generate import _source_names
from bundlebook.bundles.page import Objective
from bundlebook.bundles.pricing import Priced
from bundlebook.bundles.reasons import Said
from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Bundle:
    """A set of items offered together to one user (商品组合).

    Attributes
    ----------
    items : tuple of str
        Labels, the more likely first.
    usual_price, price : float
        Sum of what is usually paid, and what the bundle costs; money per bundle of one unit each.
    probability : float
        P(the user buys all of it within the period) at that price, the dependence between the items included.
    revenue, margin : float
        S and R: expected money per user and period. The margin rests on an ASSUMED cost unless the catalogue tells it.
    satisfaction : float
        D of the bundle alone on a page, in items wanted; see :func:`~bundlebook.bundles.page.objective`.
    objective : float
        T of the bundle alone on a page, among the candidates of the same call.
    break_even : tuple of float
        Lowest and highest factor by which the discount must raise the probability to earn as much as the usual prices:
        if all additional buyers would have bought nothing, and if they would have bought all but one item.
    reasons : tuple of Said
        Sentences a customer can read, made and tested by :func:`~bundlebook.bundles.reasons.explain`.
    source : tuple of str
        What proposed it; see :data:`~bundlebook.bundles.generate.SOURCES`.
    """

    items: tuple[str, ...]
    usual_price: float
    price: float
    probability: float
    revenue: float
    margin: float
    satisfaction: float
    objective: float
    break_even: tuple[float, float]
    reasons: tuple[Said, ...]
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.reasons:
            if not isinstance(text, Said):
                raise BundlebookError(
                    f"the reason {text!r} was not tested",
                    where="Bundle",
                    remedy="let bundles.explain say it: it takes away what the reason names, and asks again",
                )

    @classmethod
    def of(cls, priced: Priced, row: int, goal: Objective, reasons: Sequence[Said] = ()) -> Self:
        """Make a bundle of one priced set.

        Parameters
        ----------
        priced : Priced
        row : int
            Which of its sets.
        goal : Objective
            Of the same sets.
        reasons : sequence of Said
            From :func:`~bundlebook.bundles.reasons.explain`.

        Raises
        ------
        BundlebookError
            For a reason that was not tested.
        """
        terms = goal.terms([row])
        return cls(
            items=priced.sets.labels(row),
            usual_price=float(priced.usual_price[row]),
            price=float(priced.price[row]),
            probability=float(priced.probability[row]),
            revenue=float(terms["revenue"]),
            margin=float(terms["margin"]),
            satisfaction=float(terms["satisfaction"]),
            objective=goal.value([row]),
            break_even=(float(priced.break_even[row, 0]), float(priced.break_even[row, 1])),
            reasons=tuple(reasons),
            source=_source_names(int(priced.sets.source[row])),
        )

    @property
    def discount(self) -> float:
        """Share taken off the usual price."""
        return 1 - self.price / self.usual_price
