"""Ask the trained network about a few purchases, as chapter 06 asks about 张三's: ``bundlebook ask``.

>>> from bundlebook.ask import answer, parse
>>> parse("1001:1@2021-01,1002:2@2021-02")
      time item_id quantity
0  2021-01    1001        1
1  2021-02    1002        2
>>> found = answer(parse("1001:1@2021-01,1002:2@2021-02"), item="1005", at="2021-03")    # doctest: +SKIP
>>> found.probability, found.place                                                       # doctest: +SKIP
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import MOST_PERIODS, Popularity, RecurrentRecommender, fit_cached, periods_covered
from bundlebook.shop import Baskets, Shop, clean, group_baskets, load_shop, time_split, zhangsan
from bundlebook.trust import by_deletion, reason

#: How one purchase is written: item, colon, quantity, at sign, month.
PURCHASE = "1001:1@2021-01"
#: Places of the list that a reason is given for, and most purchases it names.
_LIST, _MOST = 10, 3


@dataclass(frozen=True)
class Answer:
    """What the network says about one item after a history.

    Attributes
    ----------
    item_id : int
        Number of the item asked for.
    items : Series of str
        The shop's item behind each number.
    at : str
        Month asked for.
    probability : float
        P(bought in the period that stands for the month).
    place, n_items : int
        Rank of that P among all items, from 1, and how many there are.
    popularity : float
        Share of the users with a basket in the last period who bought the item then.
    reason : str
        Which purchases put the item among the ten most likely; tested: without them it is not there. Empty if the item
        is further down, or if no three purchases alone hold it up.
    """

    item_id: int
    items: pd.Series
    at: str
    probability: float
    place: int
    n_items: int
    popularity: float
    reason: str = ""

    def __str__(self) -> str:
        if self.place > _LIST:
            why = f"it is not among the {_LIST} most likely items, so there is nothing to explain"
        else:
            why = self.reason or f"no {_MOST} purchases alone are the reason"
        return (
            f"P({self.item_id} bought in {self.at}) = {self.probability:.3f}\n"
            f"{self.item_id} stands for {self.items[self.item_id]!r}: place {self.place:,} of {self.n_items:,} items; "
            f"of the users who came in the period before, {self.popularity:.3f} bought it\n"
            f"why: {why}"
        )


def parse(text: str) -> pd.DataFrame:
    """Read purchases such as ``1001:1@2021-01,1002:2@2021-02``: item, units and month of each.

    Returns
    -------
    DataFrame
        ``time``, ``item_id``, ``quantity`` as text; :func:`~bundlebook.shop.zhangsan.check` judges the values.

    Raises
    ------
    BundlebookError
        If there is no purchase, or one is not written like that.
    """
    if not text.strip():
        raise BundlebookError("'' holds no purchase", where="history", remedy=f"write {PURCHASE},…")
    rows = []
    for number, part in enumerate(text.split(","), start=1):
        found = re.fullmatch(r"\s*([^:@]+):([^:@]+)@([^:@]+)", part)
        if not found:
            raise BundlebookError(
                f"{part.strip()!r} is not item:quantity@month",
                where=f"history, line {number}",
                remedy=f"write {PURCHASE}, and a comma between purchases",
            )
        item, quantity, month = (value.strip() for value in found.groups())
        rows.append((month, item, quantity))
    return pd.DataFrame(rows, columns=["time", "item_id", "quantity"])


def answer(
    history: pd.DataFrame,
    item: str,
    at: str,
    shop: str | Path = "completejourney",
    seed: int = 2021,
    progress: bool = False,
) -> Answer:
    """Return P(item bought in the month) after a history, as the network of chapter 06 gives it.

    The network is read from the cache, or trained first if it is not there. The month asked for stands for the shop's
    validation window, and each month before it for the period of 28 days as many periods earlier.

    Parameters
    ----------
    history : DataFrame
        Purchases as :func:`parse` returns them.
    item : str
        One of the rule's item numbers.
    at : str
        Month ``YYYY-MM``, after all months of the history.
    shop : str or Path
        What :func:`~bundlebook.shop.load_shop` takes: a name or a folder.
    seed : int
        Seed of the network.
    progress : bool
        Show a bar while a network is trained.

    Raises
    ------
    BundlebookError
        For an item without a number in the rule, a wrong line, or a purchase older than the network looks back.
    """
    numbers = [str(number) for number in zhangsan.rule().numbers]
    named = {f"history, line {line}": str(number) for line, number in enumerate(history["item_id"], start=1)}
    for where, label in {**named, "the item asked for": str(item)}.items():
        if label not in numbers:
            raise BundlebookError(f"unknown item {label!r}", where=where, remedy=f"use one of {', '.join(numbers)}")
    lines = zhangsan.check(history, asked=at)
    cleaned, _ = clean(load_shop(shop))
    split = time_split(group_baskets(cleaned))
    task, mapped = split.task("validation"), zhangsan.mapping(split, cleaned)
    looks_back = periods_covered(task.visible, task.at, MOST_PERIODS)
    for number, time in enumerate(lines["time"], start=1):
        months_back = zhangsan.months(at) - zhangsan.months(time)
        if months_back > looks_back:
            raise BundlebookError(
                f"{time} lies {months_back} months before {at}, and the network looks {looks_back} back",
                where=f"history, line {number}",
                remedy="leave the purchase out, or ask for an earlier month",
            )
    his = zhangsan.history(split, mapped, task.at, lines, asked=at)
    network = fit_cached(RecurrentRecommender(seed=seed), task.visible, task.at, progress=progress)
    p = network.probability(his, task.at)[0]
    column = list(split.baskets.items).index(mapped["item"][int(item)])
    return Answer(
        item_id=int(item),
        items=mapped["item"],
        at=at,
        probability=float(p[column]),
        place=int((p > p[column]).sum()) + 1,
        n_items=len(p),
        popularity=float(Popularity().fit(task.visible, task.at).share_[column]),
        reason=_reason(network, his, task.at, column, cleaned),
    )


def _reason(network: RecurrentRecommender, his: Baskets, at: np.datetime64, column: int, shop: Shop) -> str:
    """Name as few purchases as possible without which the network would not list the item; '' if none are found."""
    all_items = np.ones(his.n_items, dtype=bool)
    if his.n_items <= _LIST:
        return ""
    bought = len(np.unique(his.quantities.indices))
    for most in range(1, min(_MOST, bought) + 1):
        why = by_deletion(network, his, at, all_items, column, k=_LIST, most=most)
        if why.holds:
            return reason(why, lambda one: shop.called(his.items[one], his.level))
    return ""
