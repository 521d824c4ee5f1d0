"""Why this bundle: sentences that a customer could read, and the numbers behind them for the analyst."""

import numpy as np
import pandas as pd

from bundlebook.bundles.generate import Links, _source_names
from bundlebook.bundles.joint import CoPurchase
from bundlebook.bundles.pricing import Priced
from bundlebook.shop import PERIOD_DAYS, Baskets

#: A pair is worth a sentence from this size-adjusted lift on.
_WORTH_SAYING = 1.5


def explain(
    priced: Priced,
    row: int,
    links: Links,
    history: Baskets | None = None,
    currency: str = "",
    in_basket: tuple[int, ...] = (),
    names: np.ndarray | None = None,
) -> tuple[str, ...]:
    """Say in sentences why one set is offered; each sentence is made from a number.

    Parameters
    ----------
    priced : Priced
    row : int
        Which of its sets.
    links : Links
    history : Baskets, optional
        What the user bought before the day of the offer, over all items; None for a stranger.
    currency : str
        Put before amounts of money.
    in_basket : tuple of int
        Items already in the basket, which may be the reason for one of the set.
    names : ndarray of str, shape (n_items,), optional
        What to call the items; their labels if None.

    Returns
    -------
    tuple of str
        The habit (of a stranger: how many customers buy the most likely item), the strongest bond if one is beyond
        chance, and the saving if there is a discount.

    Notes
    -----
    That two items go together is said of complements only, which share baskets more often than basket sizes *and*
    every customer's own taste explain. Of a pair that taste explains it is said that the same customers buy both. Plain
    lift is no reason: large baskets give it to nearly every pair. Nor is the odds ratio within four weeks, since four
    weeks with many visits hold more of everything.
    """
    sets = priced.sets
    ids = list(sets.ids(row))
    names = sets.items if names is None else names
    if history is None:
        best = max(ids, key=lambda item: sets.p[item])
        many = f"{100 * sets.p[best]:.0f} of 100 customers buy {names[best]} within {PERIOD_DAYS // 7} weeks."
        sentences = [many] if sets.p[best] >= 0.01 else []
    else:
        sentences = [_habit(names[ids].tolist(), _rhythms(history, ids))]
    bond = _bond(names, ids, list(in_basket), links)
    if bond:
        sentences.append(bond)
    if priced.discount[row] > 0:
        saved = priced.usual_price[row] - priced.price[row]
        sentences.append(
            f"Together {currency}{priced.price[row]:.2f} instead of {currency}{priced.usual_price[row]:.2f}: "
            f"you save {currency}{saved:.2f}."
        )
    return tuple(sentences)


def _rhythms(history: Baskets, ids: list[int]) -> list[tuple[int, float]]:
    """On how many days a user bought each item, and the median gap between them in days (NaN below three)."""
    columns = history.quantities[:, ids].tocsc()
    found = []
    for start, end in zip(columns.indptr[:-1], columns.indptr[1:], strict=True):
        days = np.unique(history.day[columns.indices[start:end]]).astype(np.int64)
        found.append((len(days), float(np.median(np.diff(days))) if len(days) > 2 else np.nan))
    return found


def _habit(names: list[str], rhythms: list[tuple[int, float]]) -> str:
    usual = [(gap, name) for name, (_, gap) in zip(names, rhythms, strict=True) if not np.isnan(gap)]
    new = [name for name, (times, _) in zip(names, rhythms, strict=True) if times == 0]
    if usual:
        gap, name = min(usual)
        text = f"You buy {name} {_every(gap)}"
        return f"{text}; {new[0]} would be new to you." if new else f"{text}."
    if len(new) == len(names):
        return "All of it would be new to you."
    times, name = max((times, name) for name, (times, _) in zip(names, rhythms, strict=True) if times)
    return f"You have bought {name} before{'' if times == 1 else ', twice'}."


_NUMBERS = ("two", "three", "four", "five", "six")


def _every(days: float) -> str:
    """Words for a median gap.

    >>> [_every(days) for days in (7, 10, 21, 60, 400)]
    ['every week', 'every two weeks', 'every three weeks', 'every two months', 'twice a year or less']
    """
    if days < 10:
        return "every week"
    if days < 46:
        return f"every {_NUMBERS[min(max(round(days / 7), 2), 6) - 2]} weeks"
    if days < 190:
        return f"every {_NUMBERS[min(max(round(days / 30), 2), 6) - 2]} months"
    return "twice a year or less"


def _bond(names: np.ndarray, ids: list[int], held: list[int], links: Links) -> str | None:
    """Sentence on the strongest complements, or else on the pair of the same taste with the highest adjusted lift.

    The numbers are for the analyst (:func:`numbers`); a customer has no use for a lift.
    """
    i, j = np.array([(i, j) for place, i in enumerate(ids) for j in [*ids[place + 1 :], *held]]).T
    told = links.lift[i, j] >= _WORTH_SAYING
    for strength, text in (
        (links.within, "Customers who buy {} often put {} into the same basket."),
        (links.lift, "Many customers who buy {} also buy {}."),
    ):
        lift = np.where(told, np.nan_to_num(strength[i, j]), 0.0)
        best = int(lift.argmax())
        if lift[best] > 0:
            return text.format(names[i[best]], names[j[best]])
    return None


def numbers(priced: Priced, row: int, links: Links, together: CoPurchase) -> pd.DataFrame:
    """The pairs of one set, for the analyst.

    Returns
    -------
    DataFrame
        One row per pair: ``first``, ``second``, ``p_first``, ``p_second``, ``odds_ratio`` (within users),
        ``together`` (user-periods with both), ``lift`` (size-adjusted; NaN if not frequent or not beyond chance),
        ``lift_within`` (against the second null; NaN if no complements) and ``source``.
    """
    sets = priced.sets
    ids = sets.members[row, : sets.size[row]]
    first, second = np.array(ids)[np.array(np.triu_indices(len(ids), 1))]
    return pd.DataFrame(
        {
            "first": sets.items[first],
            "second": sets.items[second],
            "p_first": sets.p[first],
            "p_second": sets.p[second],
            "odds_ratio": together.psi[first, second],
            "together": together.together[first, second],
            "lift": links.lift[first, second],
            "lift_within": links.within[first, second],
            "source": [", ".join(_source_names(bits)) or "likely" for bits in links.source[first, second].tolist()],
        }
    )
