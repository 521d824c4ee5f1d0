"""The noun of this room: what is offered, for how much, with which hope and for which reasons."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.bundles.joint import CoPurchase
from bundlebook.bundles.pairs import pair_candidates, score_pairs
from bundlebook.bundles.pricing import Weights


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
        P(the user buys all of it within the period), the dependence between the items included.
    revenue, margin : float
        Expected money per user and period. The margin rests on an ASSUMED cost unless the catalogue tells it.
    satisfaction : float
        Of a pair from :func:`offer`, P(the user buys any of it within the period); else D of the bundle alone, see
        :func:`~bundlebook.bundles.page.objective`.
    objective : float
        T of the bundle alone, among the candidates of the same call.
    break_even : float
        Factor by which the offer must raise the probability to earn as much as the usual prices.
    reasons : tuple of str
        Sentences a person understands, made from the numbers.
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
    break_even: float
    reasons: tuple[str, ...]
    source: tuple[str, ...] = ()

    @property
    def discount(self) -> float:
        """Share taken off the usual price."""
        return 1 - self.price / self.usual_price


def offer(
    probability: np.ndarray,
    together: CoPurchase,
    prices: pd.DataFrame,
    bought_before: np.ndarray | None = None,
    k: int = 1,
    discount: float = 0.05,
    weights: Weights | None = None,
    currency: str = "",
    **candidates,
) -> list[Bundle]:
    """Choose the k best pairs for one user; an item stands in one of them at most.

    Parameters
    ----------
    probability : ndarray, shape (n_items,)
        P(bought in the period), over ``together.items``.
    together : CoPurchase
    prices : DataFrame
        From :func:`~bundlebook.bundles.pricing.prices`.
    bought_before : ndarray, shape (n_items,), optional
        Baskets of the user that held each item; the reasons tell it.
    k : int
    discount : float
        Share taken off the usual prices.
    weights : Weights, optional
    currency : str
        Put before amounts of money in the reasons.
    **candidates
        For :func:`~bundlebook.bundles.pairs.pair_candidates`.

    Returns
    -------
    list of Bundle
        Best first; fewer than k if the candidates do not yield more.
    """
    scored = score_pairs(pair_candidates(probability, together, **candidates), prices, discount, weights)
    counts = np.zeros(len(together.items)) if bought_before is None else np.asarray(bought_before).ravel()
    known = pd.Series(counts, index=together.items)
    used, chosen = set(), []
    for row in scored.itertuples():
        if len(chosen) == k:
            break
        if {row.first, row.second} & used:
            continue
        used |= {row.first, row.second}
        chosen.append(
            Bundle(
                items=(row.first, row.second),
                usual_price=row.usual_price,
                price=row.price,
                probability=row.probability,
                revenue=row.revenue,
                margin=row.margin,
                satisfaction=row.satisfaction,
                objective=row.objective,
                break_even=row.break_even,
                reasons=_reasons(row, known, currency),
            )
        )
    return chosen


def _reasons(row, known: pd.Series, currency: str) -> tuple[str, ...]:
    sentences = [
        f"{label}: {p:.0%} likely in the coming period, {_times(known[label])}."
        for label, p in ((row.first, row.p_first), (row.second, row.p_second))
    ]
    if row.odds_ratio >= 1.05:
        sentences.append(
            f"They go together: when a household buys one, the odds that it buys the other in the same period are "
            f"{row.odds_ratio:.1f} times those of its other periods."
        )
    else:
        sentences.append("They do not go together more than chance has it.")
    sentences.append(
        f"Both in one period: {row.probability:.1%} likely, against {row.independent:.1%} if they were unrelated."
    )
    cost = "catalogue" if row.cost_known else "ASSUMED"
    sentences.append(
        f"Together {currency}{row.price:.2f} instead of {currency}{row.usual_price:.2f}; at the {cost} cost the offer "
        f"pays if it raises the chance of selling both by {row.break_even - 1:.0%}."
    )
    return tuple(sentences)


def _times(baskets: float) -> str:
    n = int(baskets)
    return "never bought before" if n == 0 else f"bought {n} time{'s' if n > 1 else ''} before"
