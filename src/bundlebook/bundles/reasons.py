"""Why this bundle: sentences that a customer could read, and the numbers behind them for the analyst."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.bundles.generate import Links, source_names
from bundlebook.bundles.joint import CoPurchase
from bundlebook.bundles.pricing import Priced
from bundlebook.shop import Baskets

#: A pair is called one that goes together from this lift or odds ratio on.
_WORTH_SAYING = 1.2


@dataclass(frozen=True)
class Habit:
    """How a customer buys an item: ``times`` bought, days ``since`` the last time, median ``gap`` in days (or NaN)."""

    times: int
    since: float
    gap: float


def habits(history: Baskets, at: np.datetime64, items: np.ndarray) -> list[Habit]:
    """Look up how the one user of *history* has bought some items (positions) before the day *at*."""
    past = history if (history.day < at).all() else history.between(end=at)
    columns = past.quantities[:, items].tocsc()
    found = []
    for column in range(len(items)):
        rows = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
        days = np.unique(past.day[rows]).astype(np.int64)
        if not len(days):
            found.append(Habit(0, np.nan, np.nan))
            continue
        since = float(np.datetime64(at, "D").astype(np.int64) - days[-1])
        found.append(Habit(len(days), since, float(np.median(np.diff(days))) if len(days) > 2 else np.nan))
    return found


def readable(items: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Names for sentences: labels of a till in small letters, and single words with their category behind them.

    Returns
    -------
    ndarray of str, shape (n_items,)

    Examples
    --------
    >>> readable(np.array(["PRIMAL", "SPAGHETTI DRY"]), np.array(["BEEF", "DRY NOODLES/PASTA"])).tolist()
    ['primal (beef)', 'spaghetti dry']
    """
    names = []
    for label, kind in zip(items.tolist(), np.asarray(category, dtype=str).tolist(), strict=True):
        said = label.lower() if label.isupper() else label
        bare = len(label.split()) == 1 and kind and kind.lower() not in label.lower()
        names.append(f"{said} ({kind.lower() if kind.isupper() else kind})" if bare else said)
    return np.array(names)


def explain(
    priced: Priced,
    row: int,
    links: Links,
    together: CoPurchase,
    known: list[Habit] | None,
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
    together : CoPurchase
    known : list of Habit or None
        Of the items of the set, in their order; see :func:`habits`. None for a stranger.
    currency : str
        Put before amounts of money.
    in_basket : tuple of int
        Items already in the basket, which may be the reason for one of the set.
    names : ndarray of str, shape (n_items,), optional
        What to call the items, see :func:`readable`; their labels if None.

    Returns
    -------
    tuple of str
        The habit, the strongest bond, and the price if there is a discount.
    """
    sets = priced.sets
    ids = sets.members[row, : sets.size[row]].tolist()
    names = sets.items if names is None else names
    sentences = [] if known is None else [_habit(names, ids, known)]
    bond = _bond(names, ids, list(in_basket), links, together)
    if bond:
        sentences.append(bond)
    if priced.discount[row] > 0:
        saved = priced.usual_price[row] - priced.price[row]
        sentences.append(
            f"Together {currency}{priced.price[row]:.2f} instead of {currency}{priced.usual_price[row]:.2f}: "
            f"you save {currency}{saved:.2f}."
        )
    return tuple(sentences)


def _habit(names: np.ndarray, ids: list[int], known: list[Habit]) -> str:
    usual = [(habit.gap, str(names[i])) for i, habit in zip(ids, known, strict=True) if habit.gap == habit.gap]
    new = [str(names[i]) for i, habit in zip(ids, known, strict=True) if habit.times == 0]
    if usual:
        gap, name = min(usual)
        text = f"You buy {name} {_every(gap)}"
        return f"{text}; {new[0]} would be new to you." if new else f"{text}."
    if len(new) == len(ids):
        return "All of it would be new to you."
    times, name = max((habit.times, str(names[i])) for i, habit in zip(ids, known, strict=True) if habit.times)
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


def _bond(names: np.ndarray, ids: list[int], held: list[int], links: Links, together: CoPurchase) -> str | None:
    """Sentence on the pair with the highest size-adjusted lift, or else with the highest odds ratio."""
    pairs = [(i, j) for place, i in enumerate(ids) for j in [*ids[place + 1 :], *held]]
    lift, i, j = max((float(np.nan_to_num(links.lift[i, j])), -i, -j) for i, j in pairs)
    if lift >= _WORTH_SAYING:
        a, b = (str(names[-n]) for n in (i, j))
        return f"{a[0].upper() + a[1:]} and {b} share a basket {lift:.1f} times as often as chance would have it."
    odds, i, j = max((float(together.psi[i, j]), -i, -j) for i, j in pairs)
    if odds >= _WORTH_SAYING:
        a, b = (str(names[-n]) for n in (i, j))
        return f"Households that buy {a} tend to buy {b} in the same weeks: {odds:.1f} times the odds."
    return None


def numbers(priced: Priced, row: int, links: Links, together: CoPurchase) -> pd.DataFrame:
    """The pairs of one set, for the analyst.

    Returns
    -------
    DataFrame
        One row a pair: ``first``, ``second``, ``p_first``, ``p_second``, ``odds_ratio`` (within households),
        ``together`` (household-periods with both), ``lift`` (size-adjusted; NaN if not frequent) and ``source``.
    """
    sets = priced.sets
    ids = sets.members[row, : sets.size[row]]
    first, second = (ids[place] for place in np.triu_indices(len(ids), 1))
    return pd.DataFrame(
        {
            "first": sets.items[first],
            "second": sets.items[second],
            "p_first": sets.p[first],
            "p_second": sets.p[second],
            "odds_ratio": together.psi[first, second],
            "together": together.together[first, second],
            "lift": links.lift[first, second],
            "source": [", ".join(source_names(bits)) or "likely" for bits in links.source[first, second].tolist()],
        }
    )
