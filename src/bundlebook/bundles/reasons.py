"""Why this bundle: sentences that a customer could read, the test that they are true, and the analyst's numbers."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bundlebook.bundles.generate import Candidates, Links, _source_names
from bundlebook.bundles.joint import CoPurchase, SetCalibration, joint_probability
from bundlebook.bundles.pricing import Priced
from bundlebook.shop import PERIOD_DAYS, Baskets

#: A pair is worth a sentence from this size-adjusted lift on.
_WORTH_SAYING = 1.5
#: Most words of a reason, and of one name in a reason that would be longer.
_WORDS, _NAME_WORDS = 25, 4


class Said(str):
    """A sentence that may stand on a bundle: a reason that passed the deletion test, or what the bundle saves.

    Only :func:`first_true` and :func:`saving` make one; a :class:`~bundlebook.bundles.Bundle` takes no other sentence.
    """

    __slots__ = ()


@dataclass(frozen=True)
class Reason:
    """A sentence, and what it says the bundle rests on. Exactly one of the four is given.

    Attributes
    ----------
    text : str
        At most 25 words. It names the user's own purchases, or what many customers do, never another user's.
    bought : tuple of int
        Items that the user bought.
    held : int or None
        Item that lies in the basket.
    bond : tuple of two ints, or None
        Items that go together.
    common : int or None
        Item that many buy.
    """

    text: str
    bought: tuple[int, ...] = ()
    held: int | None = None
    bond: tuple[int, int] | None = None
    common: int | None = None


def possible_reasons(
    sets: Candidates,
    row: int,
    links: Links,
    history: Baskets | None,
    in_basket: tuple[int, ...] = (),
    names: np.ndarray | None = None,
) -> list[Reason]:
    """List what might be the reason for one set, the most telling first; nothing of it is tested yet.

    Parameters
    ----------
    sets : Candidates
    row, links, history, in_basket, names
        As in :func:`explain`.

    Returns
    -------
    list of Reason
        For each item that the user bought before its rhythm, the shortest first; all of these together; then each bond
        that is beyond chance, complements first. For a stranger how many buy the most likely item, and the bonds.
    """
    ids, names = list(sets.ids(row)), sets.items if names is None else names
    found: list[Reason] = []
    if history is None:
        best = max(ids, key=lambda item: sets.p[item])
        if sets.p[best] >= 0.01:
            found.append(Reason(_common(sets.p[best], names[best]), common=best))
    else:
        found += _habits(ids, names, _rhythms(history, ids))
    for i, j, text in _bonds(ids, list(in_basket), links):
        said = _short(text, names[i], names[j])
        found.append(Reason(said, held=j) if j in in_basket else Reason(said, bond=(i, j)))
    return found


def _habits(ids: list[int], names: np.ndarray, rhythms: list[tuple[int, float]]) -> list[Reason]:
    bought = [(item, times, gap) for item, (times, gap) in zip(ids, rhythms, strict=True) if times]
    new = [names[item] for item, (times, _) in zip(ids, rhythms, strict=True) if not times]
    found = []
    for item, times, gap in sorted(bought, key=lambda one: (np.isnan(one[2]), one[2], -one[1], names[one[0]])):
        if np.isnan(gap):
            text = _short("You have bought {} before" + ("." if times == 1 else ", twice."), names[item])
        elif new:
            text = _short(f"You buy {{}} {_every(gap)}; {{}} would be new to you.", names[item], new[0])
        else:
            text = _short(f"You buy {{}} {_every(gap)}.", names[item])
        found.append(Reason(text, (item,)))
    if len(bought) > 1:
        listed = [names[item] for item, _, _ in bought]
        text = _short("You have bought " + ", ".join(["{}"] * (len(listed) - 1)) + " and {} before.", *listed)
        found.append(Reason(text, tuple(item for item, _, _ in bought)))
    return found


def _short(text: str, *names: str) -> str:
    """Fill names into a sentence, each cut to its first words where the sentence would be too long."""
    said = text.format(*names)
    most = _NAME_WORDS
    while len(said.split()) > _WORDS and most:
        said = text.format(*(" ".join(str(name).split()[:most]) for name in names))
        most -= 1
    return said


def _common(p: float, name: str) -> str:
    return _short(f"{100 * p:.0f} of 100 customers buy {{}} within {PERIOD_DAYS // 7} weeks.", name)


def first_true(
    tried: Sequence[Sequence[Reason]], still_shown: Callable[[list[tuple[int, Reason]]], Sequence[bool]]
) -> list[tuple[Said, ...]]:
    """Keep of each bundle the first sentence that passes the deletion test: without what it names, it is not shown.

    Parameters
    ----------
    tried : sequence of sequences of Reason
        For each bundle, the most telling first.
    still_shown : callable
        Given pairs of a bundle's number and a reason, all at once: whether each bundle would still be on its page if
        what the reason names were not there.

    Returns
    -------
    list of tuple of Said
        One sentence for each bundle; none where all of its reasons are false.

    Examples
    --------
    >>> tea, milk = Reason("You buy tea.", (1,)), Reason("You buy milk.", (2,))
    >>> first_true([[tea, milk], [tea]], lambda asked: [reason.bought == (1,) for _, reason in asked])
    [('You buy milk.',), ()]
    """
    said: list[tuple[Said, ...]] = [()] * len(tried)
    left = {number: list(reasons) for number, reasons in enumerate(tried) if reasons}
    while left:
        asked = [(number, reasons.pop(0)) for number, reasons in left.items()]
        for (number, reason), still in zip(asked, still_shown(asked), strict=True):
            if not still:
                said[number] = (Said(reason.text),)
        left = {number: reasons for number, reasons in left.items() if reasons and not said[number]}
    return said


def never_bought(histories: Baskets, gone: Sequence[tuple[int, ...]]) -> Baskets:
    """Return histories without some items of each user: one tuple of item numbers per user.

    Users keep their numbering, also where nothing of theirs is left.
    """
    out = np.zeros((histories.n_users, histories.n_items), dtype=bool)
    for user, items in enumerate(gone):
        out[user, list(items)] = True
    cells = histories.quantities.tocsr(copy=True)
    cells.data[out[np.repeat(histories.user, np.diff(cells.indptr)), cells.indices]] = 0
    cells.eliminate_zeros()
    return replace(histories, quantities=cells).where(np.diff(cells.indptr) > 0)


def weakened(
    sets: Candidates, reason: Reason, psi: np.ndarray, calibration: SetCalibration | None = None
) -> Candidates:
    """Score candidates again as if two items had nothing to do with each other, or one were as common as most.

    The sets themselves stay: without the bond some would not even have been proposed, so the test is on the safe side.

    Parameters
    ----------
    sets : Candidates
    reason : Reason
        With a bond, whose odds ratio becomes 1, or a common item, whose P becomes the median of the candidates' items.
    psi : ndarray, shape (n_items, n_items)
        Odds ratios that the sets were scored with.
    calibration : SetCalibration, optional
    """
    p, raw = sets.p, sets.raw.copy()
    if reason.bond:
        touched = np.all([(sets.members == item).any(axis=1) for item in reason.bond], axis=0)
    else:
        p = sets.p.copy()
        p[reason.common] = np.median(sets.p[np.unique(sets.members[sets.members >= 0])])
        touched = (sets.members == reason.common).any(axis=1)
    for size in np.unique(sets.size[touched]).tolist():
        rows = np.flatnonzero(touched & (sets.size == size))
        members = sets.members[rows, :size]
        bonds = psi[members[:, :, None], members[:, None, :]].astype(np.float64)
        if reason.bond:
            inside = np.isin(members, reason.bond)
            bonds[inside[:, :, None] & inside[:, None, :]] = 1.0
        raw[rows] = joint_probability(p[members], bonds)
    return replace(sets, p=p, raw=raw, probability=raw if calibration is None else calibration(raw, sets.size))


def explain(
    priced: Priced,
    row: int,
    links: Links,
    shown: Callable[[Reason], Collection[frozenset[int]]],
    history: Baskets | None = None,
    currency: str = "",
    in_basket: tuple[int, ...] = (),
    names: np.ndarray | None = None,
) -> tuple[Said, ...]:
    """Say in sentences why one set is shown; the reason among them has passed the deletion test.

    Parameters
    ----------
    priced : Priced
    row : int
        Which of its sets.
    links : Links
    shown : callable
        Given a reason, the sets (columns of their items) that would be shown if what it names were not there:
        :func:`never_bought` takes purchases away, :func:`weakened` a bond or a popularity.
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
    tuple of Said
        The first of :func:`possible_reasons` without which the set would not be shown, if there is one, and the saving
        if there is a discount.

    Notes
    -----
    That two items go together is said of complements only, which share baskets more often than basket sizes *and*
    every customer's own taste explain. Of a pair that taste explains it is said that the same customers buy both. Plain
    lift is no reason: large baskets give it to nearly every pair. Nor is the odds ratio within four weeks, since four
    weeks with many visits hold more of everything.
    """
    ids = frozenset(priced.sets.ids(row))
    tried = possible_reasons(priced.sets, row, links, history, in_basket, names)
    (said,) = first_true([tried], lambda asked: [ids in shown(reason) for _, reason in asked])
    return (*said, *saving(priced, row, currency))


def saving(priced: Priced, row: int, currency: str = "") -> tuple[Said, ...]:
    """Say what one set saves; nothing where there is no discount. A fact about the price, and no reason to be shown."""
    if priced.discount[row] <= 0:
        return ()
    saved = priced.usual_price[row] - priced.price[row]
    text = f"Together {currency}{priced.price[row]:.2f} instead of {currency}{priced.usual_price[row]:.2f}: "
    return (Said(f"{text}you save {currency}{saved:.2f}."),)


def _rhythms(history: Baskets, ids: list[int]) -> list[tuple[int, float]]:
    """On how many days a user bought each item, and the median gap between them in days (NaN below three)."""
    cells = history.quantities
    day_of_cell = np.repeat(history.day, np.diff(cells.indptr))
    found = []
    for item in ids:
        days = np.unique(day_of_cell[cells.indices == item]).astype(np.int64)
        found.append((len(days), float(np.median(np.diff(days))) if len(days) > 2 else np.nan))
    return found


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


def _bonds(ids: list[int], held: list[int], links: Links) -> list[tuple[int, int, str]]:
    """Pairs worth a sentence, complements first, then pairs of the same taste, each by its adjusted lift.

    The numbers are for the analyst (:func:`numbers`); a customer has no use for a lift.
    """
    i, j = np.array([(i, j) for place, i in enumerate(ids) for j in [*ids[place + 1 :], *held]]).T
    told = links.lift[i, j] >= _WORTH_SAYING
    found: list[tuple[int, int, str]] = []
    for strength, text in (
        (links.within, "Customers who buy {} often put {} into the same basket."),
        (links.lift, "Many customers who buy {} also buy {}."),
    ):
        lift = np.where(told, np.nan_to_num(strength[i, j]), 0.0)
        order = np.argsort(-lift, kind="stable")
        found += [(int(i[pair]), int(j[pair]), text) for pair in order if lift[pair] > 0]
        told &= lift <= 0
    return found


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
