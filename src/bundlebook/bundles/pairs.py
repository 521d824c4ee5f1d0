"""Pairs for one user: which are worth a thought, and what each is worth (chapter 06; larger sets: generate.py)."""

from typing import Literal

import numpy as np
import pandas as pd

from bundlebook.bundles.joint import CoPurchase, plackett
from bundlebook.bundles.pricing import Weights
from bundlebook.errors import BundlebookError


def pair_candidates(
    probability: np.ndarray,
    together: CoPurchase,
    likely: int = 30,
    partners: int = 10,
    min_together: int = 100,
    must_hold: str | None = None,
    dependence: Literal["within", "crude"] = "within",
) -> pd.DataFrame:
    """Pairs for one user from two sources: what the user is likely to buy, and what goes with it.

    Parameters
    ----------
    probability : ndarray, shape (n_items,)
        P(bought in the period), over ``together.items``.
    together : CoPurchase
    likely : int
        So many of the user's most likely items are starting points; the pairs among them are candidates.
    partners : int
        So many items with the highest odds ratio within households join each starting point.
    min_together : int
        Partners must have been bought in the same household-period at least so often: a rare coincidence is no reason.
    must_hold : str, optional
        Only pairs with this item.
    dependence : {"within", "crude"}
        Which odds ratio gives the joint probability. The one within households suits probabilities made for this very
        household, as a recurrent network makes them; the crude one counts that some households buy more of everything
        once more. Chapter 06 measures both on the validation weeks.

    Returns
    -------
    DataFrame
        One row a pair, sorted by ``probability`` (descending), then labels: ``first``, ``second`` (labels, the more
        likely one first), ``p_first``, ``p_second``, ``odds_ratio`` (within households), ``probability`` (of both, by
        :func:`~bundlebook.bundles.joint.plackett`), ``independent`` (the product), ``together`` (household-periods),
        ``source`` (``"likely"``, ``"goes with"`` or both).

    Raises
    ------
    BundlebookError
        If *must_hold* or *dependence* is unknown, the lengths differ, or no pair remains.
    """
    p = np.asarray(probability, dtype=np.float64)
    if p.shape != together.items.shape:
        raise BundlebookError(f"{p.size} probabilities for {len(together.items)} items", where="pair_candidates")
    if dependence not in ("crude", "within"):
        raise BundlebookError(f"unknown dependence {dependence!r}", remedy="use 'crude' or 'within'")
    used = together.crude if dependence == "crude" else together.psi
    order = np.argsort(-p, kind="stable")
    anchors = order[:likely]
    starts = anchors if must_hold is None else np.array([_position(together.items, must_hold)])
    strength = np.where(together.together >= min_together, together.psi, 0.0)
    np.fill_diagonal(strength, 0)
    sources: dict[tuple[int, int], set[str]] = {}
    for start in starts:
        best = np.argsort(-strength[start], kind="stable")[:partners]
        goes_with = best[strength[start, best] > 1]
        for source, others in (("likely", anchors), ("goes with", goes_with)):
            for other in others[others != start]:
                pair = (start, other) if (-p[start], start) < (-p[other], other) else (other, start)
                sources.setdefault(tuple(map(int, pair)), set()).add(source)
    if not sources:
        raise BundlebookError("there is no pair to offer", where="pair_candidates", remedy="lower min_together")
    i, j = np.array(sorted(sources)).T
    table = pd.DataFrame(
        {
            "first": together.items[i],
            "second": together.items[j],
            "p_first": p[i],
            "p_second": p[j],
            "odds_ratio": together.psi[i, j],
            "probability": plackett(p[i], p[j], used[i, j]),
            "independent": p[i] * p[j],
            "together": together.together[i, j],
            "source": [" + ".join(sorted(sources[pair], reverse=True)) for pair in sorted(sources)],
        }
    )
    return table.sort_values(["probability", "first", "second"], ascending=[False, True, True], ignore_index=True)


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
        From :func:`~bundlebook.bundles.pairs.pair_candidates`.
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


def _position(items: np.ndarray, label: str) -> int:
    found = np.flatnonzero(items == label)
    if not len(found):
        raise BundlebookError(f"unknown item {label!r}", where="must_hold", remedy="use an item of the baskets")
    return int(found[0])
