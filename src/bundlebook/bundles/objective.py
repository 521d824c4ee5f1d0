"""What a bundle is worth to the shop and to the user: the articles' objective with every term in known units."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

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


def score_pairs(
    candidates: pd.DataFrame, prices: pd.DataFrame, discount: float = 0.05, weights: Weights | None = None
) -> pd.DataFrame:
    r"""Price every candidate and score it with the objective T (目标函数).

    .. math:: T = w_S \frac{S}{\max S} + w_R \frac{R}{\max R} + w_D \frac{D}{\max D}

    * S, expected revenue (money per user and period): P(both) × price of the bundle
    * R, expected margin (money per user and period): P(both) × (price − cost of both)
    * D, satisfaction (a probability): P(first or second), the chance that the offer holds something the user wants

    Each term is divided by its largest value among the candidates, since money and probabilities cannot be added.
    T lies in (0, 1], and compares candidates of one call only.

    Parameters
    ----------
    candidates : DataFrame
        From :func:`~bundlebook.bundles.candidates.pair_candidates`.
    prices : DataFrame
        From :func:`~bundlebook.bundles.pricing.prices`.
    discount : float
        Share taken off the two usual prices, in [0, 1).
    weights : Weights, optional
        All equal by default.

    Returns
    -------
    DataFrame
        The candidates that earn anything, best first, with ``list_price``, ``usual_price``, ``cost_known`` (of both),
        ``price``, ``unit_margin``, ``revenue``, ``margin``, ``satisfaction``, ``objective`` and ``break_even``: by
        which factor the offer must raise P(both) to earn as much as the usual prices. No response to the discount is
        assumed in any other column.

    Raises
    ------
    BundlebookError
        If the discount is out of range, or eats the margin of every candidate.
    """
    if not 0 <= discount < 1:
        raise BundlebookError(f"discount {discount} is outside [0, 1)", where="score_pairs")
    first, second = (prices.loc[candidates[name]].reset_index(drop=True) for name in ("first", "second"))
    money = first[["list_price", "usual_price", "cost"]] + second[["list_price", "usual_price", "cost"]]
    table = candidates.assign(list_price=money["list_price"], usual_price=money["usual_price"])
    table["cost_known"] = first["cost_known"] & second["cost_known"]
    table["price"] = (1 - discount) * money["usual_price"]
    table["unit_margin"] = table["price"] - money["cost"]
    table["revenue"] = table["probability"] * table["price"]
    table["margin"] = table["probability"] * table["unit_margin"]
    table["satisfaction"] = table["p_first"] + table["p_second"] - table["probability"]
    table["break_even"] = (money["usual_price"] - money["cost"]) / table["unit_margin"]
    table = table[table["unit_margin"] > 0]
    if table.empty:
        raise BundlebookError(
            f"a discount of {discount:.0%} leaves no margin on any candidate",
            where="score_pairs",
            remedy="use a smaller discount",
        )
    terms = table[["revenue", "margin", "satisfaction"]]
    table["objective"] = (terms / terms.max()) @ (weights or Weights()).normalised()
    return table.sort_values(["objective", "first", "second"], ascending=[False, True, True], ignore_index=True)
