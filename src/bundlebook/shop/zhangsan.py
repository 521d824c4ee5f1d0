"""The case of 张三 (Zhang San): the articles' four purchases, mapped onto a real shop by a rule fixed beforehand.

``rule`` and ``purchases`` read what is fixed, ``check`` types other purchases, ``ranked_items`` and ``mapping`` give
his item numbers to items of a shop, and ``history`` and ``with_habit`` make baskets that any recommender takes.
"""

import re
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import yaml
from scipy import sparse

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop.baskets import Baskets
from bundlebook.shop.shop import Shop
from bundlebook.shop.splits import PERIOD_DAYS, Split

#: Label of his row in a history.
_USER_ID = "张三"
#: More units of one item in one month than any household buys; beyond it a number is a typing error.
_MAX_QUANTITY = 1000
_MONTH = r"\d{4}-(0[1-9]|1[0-2])"


@dataclass(frozen=True)
class Rule:
    """What ``data/zhangsan/rule.yaml`` fixes.

    Attributes
    ----------
    words : str
        The rule as a sentence.
    one_per : tuple of str
        Columns of the catalogue; of the first that is coarser than the items' level, each value is taken once.
    numbers : tuple of int
        The articles' item numbers, in the order in which they are given out.
    asked_item : int
    asked_time : str
        Month ``YYYY-MM`` whose purchases are to be predicted.
    day_in_period : int
        Day of its 28-day period on which the purchase of a month falls, from 0.
    """

    words: str
    one_per: tuple[str, ...]
    numbers: tuple[int, ...]
    asked_item: int
    asked_time: str
    day_in_period: int


def rule() -> Rule:
    """Read the mapping rule."""
    text = yaml.safe_load((paths.data() / "zhangsan" / "rule.yaml").read_text(encoding="utf-8"))
    lists = {name: tuple(text[name]) for name in ("one_per", "numbers")}
    return Rule(**{field.name: text[field.name] for field in fields(Rule)} | lists)


def purchases() -> pd.DataFrame:
    """Read 张三's purchases.

    Returns
    -------
    DataFrame
        ``time`` (str, ``YYYY-MM``), ``item_id`` (int64), ``quantity`` (int64), as checked by :func:`check`.
    """
    return check(pd.read_csv(paths.data() / "zhangsan" / "history.csv", dtype=str), where="history.csv")


def check(table: pd.DataFrame, where: str = "history", asked: str | None = None) -> pd.DataFrame:
    """Return a typed copy of a table of purchases, or say which row is wrong.

    Parameters
    ----------
    table : DataFrame
        Columns ``time``, ``item_id``, ``quantity``; values may be text.
    where : str
        Name of the table in error messages.
    asked : str, optional
        Month that is to be predicted; the articles' own if None.

    Raises
    ------
    BundlebookError
        For a missing column, an empty table, a time that is no month, months out of order, a month that is not
        before the month asked for, an item number that is not a whole number, or a quantity that is not a whole
        number between 1 and 1000.
    """
    asked = rule().asked_time if asked is None else asked
    if not re.fullmatch(_MONTH, asked):
        raise BundlebookError(f"time {asked!r} is not a month", where="the month asked for", remedy="write 2021-04")
    missing = [column for column in ("time", "item_id", "quantity") if column not in table]
    if missing:
        raise BundlebookError(f"column {missing[0]!r} is missing", where=where, remedy="use time, item_id, quantity")
    if table.empty:
        raise BundlebookError("there is no purchase", where=where, remedy="give at least one line")

    def refuse(wrong: pd.Series, problem: pd.Series, remedy: str) -> None:
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            raise BundlebookError(problem.iloc[line], where=f"{where}, line {line + 1}", remedy=remedy)

    text = table[["time", "item_id", "quantity"]].astype(str).apply(lambda column: column.str.strip())
    text = text.reset_index(drop=True)
    time = text["time"]
    refuse(~time.str.fullmatch(_MONTH), time.map("time {!r} is not a month".format), "write 2021-04")
    for name in ("item_id", "quantity"):
        no_number = ~text[name].str.fullmatch(r"-?\d{1,18}")
        refuse(no_number, text[name].map((name + " {!r} is not a whole number").format), "write 1001, 2, 3 …")
    checked = text.astype({"item_id": np.int64, "quantity": np.int64})
    units, bounds = checked["quantity"], f"is outside 1 to {_MAX_QUANTITY}"
    refuse(
        ~units.between(1, _MAX_QUANTITY), "quantity " + text["quantity"] + f" {bounds}", "leave out what was not bought"
    )
    late = time + f" is not before {asked}, the month asked for"
    refuse(time >= asked, late, "a history ends before the month that is predicted")
    earlier = time.shift(fill_value="")
    refuse(time < earlier, time + " comes after " + earlier, "write the months in the order of time")
    return checked


def ranked_items(split: Split, shop: Shop) -> pd.DataFrame:
    """Items in the order in which the rule looks at them.

    Parameters
    ----------
    split : Split
        Only its training weeks are read.
    shop : Shop
        Its catalogue names the department (or category) of each item.

    Returns
    -------
    DataFrame
        One row per item, most bought first: ``item``, ``group`` (its department or category; the item itself where
        the catalogue has neither), ``users`` (who bought it in training), ``share`` (of the users with a basket in
        training).
    """
    training = split.training
    bought = training.user_item() > 0
    active = max(int((training.counts_by_user() > 0).sum()), 1)
    users = np.asarray(bought.sum(axis=0)).ravel()
    table = pd.DataFrame({"item": training.items, "group": _groups(training, shop), "users": users})
    table["share"] = table["users"] / active
    return table.sort_values(["users", "item"], ascending=[False, True], ignore_index=True)


def _groups(training: Baskets, shop: Shop) -> np.ndarray:
    levels = shop.levels
    coarser = levels[levels.index(training.level) + 1 :]
    column = next((name for name in rule().one_per if name in coarser), None)
    if column is None:
        return training.items
    pairs = shop.products[[training.level, column]].dropna().astype(str).value_counts().reset_index()
    # A product type may stand in two departments: the one with most of its products, then the first by name.
    pairs = pairs.sort_values(["count", column], ascending=[False, True]).drop_duplicates(training.level)
    group = pairs.set_index(training.level)[column].reindex(training.items)
    return group.fillna(pd.Series(training.items, index=training.items)).to_numpy()


def mapping(split: Split, shop: Shop) -> pd.DataFrame:
    """Give the articles' item numbers to items of the shop, by the rule and from the training weeks alone.

    Returns
    -------
    DataFrame
        Index ``item_id`` (1001 … 1005); columns as in :func:`ranked_items`.

    Raises
    ------
    BundlebookError
        If the shop has fewer items than the rule has numbers.

    Notes
    -----
    One item per department; a shop of fewer departments than numbers gives a second item of each, and so on.
    """
    ranked, fixed = ranked_items(split, shop), rule()
    in_turn = ranked.groupby("group").cumcount().sort_values(kind="stable").index
    chosen = ranked.loc[in_turn].head(len(fixed.numbers))
    if len(chosen) < len(fixed.numbers):
        raise BundlebookError(
            f"{len(chosen)} items cannot stand for {len(fixed.numbers)} item numbers",
            where=f"shop {shop.name!r}",
            remedy="use a shop with more items, or a finer level",
        )
    return chosen.set_index(pd.Index(fixed.numbers, name="item_id"))


def history(
    split: Split,
    mapped: pd.DataFrame,
    at: np.datetime64,
    table: pd.DataFrame | None = None,
    asked: str | None = None,
) -> Baskets:
    """Return 张三's purchases as baskets that any recommender of the workbook takes.

    The month asked for is the period of 28 days that begins at `at`; the month before it is the period that ends
    there, and so on. All purchases of a month form one basket in the middle of its period.

    Parameters
    ----------
    split : Split
        The split whose items are the columns.
    mapped : DataFrame
        What :func:`mapping` returns.
    at : datetime64[D]
        First day of the period to predict.
    table : DataFrame, optional
        Other purchases than the articles', as :func:`check` takes them.
    asked : str, optional
        Month that the period beginning at `at` stands for; the articles' own if None.

    Returns
    -------
    Baskets
        One user, ``"张三"``; one basket per month with a purchase; columns ``split.baskets.items``.

    Raises
    ------
    BundlebookError
        If a line is wrong or names an item number outside `mapped`.
    """
    lines = purchases() if table is None else check(table, asked=asked)
    unknown = lines.index[~lines["item_id"].isin(mapped.index)]
    if len(unknown):
        where, remedy = f"history, line {unknown[0] + 1}", f"use one of {mapped.index.tolist()}"
        raise BundlebookError(f"unknown item {lines['item_id'][unknown[0]]}", where=where, remedy=remedy)
    fixed = rule()
    months_back = months(asked or fixed.asked_time) - lines["time"].map(months).to_numpy()
    day = np.asarray(at, "datetime64[D]") - months_back * PERIOD_DAYS + fixed.day_in_period
    days, basket = np.unique(day, return_inverse=True)
    items = split.baskets.items
    column = pd.Index(items).get_indexer(mapped["item"].loc[lines["item_id"]])
    units = lines["quantity"].to_numpy(np.float32)
    quantities = sparse.csr_matrix((units, (basket, column)), shape=(len(days), len(items)))
    user = np.zeros(len(days), dtype=np.int64)
    return Baskets(quantities, user, days, np.array([_USER_ID]), items, split.baskets.level)


def months(text: str) -> int:
    """Months from the year 0 to the month ``YYYY-MM``, so that two of them can be subtracted."""
    year, month = text.split("-")
    return int(year) * 12 + int(month)


def with_habit(history: Baskets, column: int, times: int, periods: int, at: np.datetime64) -> Baskets:
    """Add a habit to one customer's history: an item bought in so many baskets in each of the latest periods.

    Parameters
    ----------
    history : Baskets
        One user's baskets.
    column : int
        Place of the item in ``history.items``.
    times : int
        Baskets with one unit of it in each period, 1 to 28, evenly spread.
    periods : int
        How many periods before `at` the habit began, at least 1.
    at : datetime64[D]
        The habit ends the day before.

    Returns
    -------
    Baskets
        The history with ``times * periods`` more baskets, in the order of their days.
    """
    if history.n_users != 1:
        raise BundlebookError(f"the history is of {history.n_users} users", remedy="give one user's history")
    if not 1 <= times <= PERIOD_DAYS or periods < 1:
        raise BundlebookError(
            f"{times} baskets in each of {periods} periods cannot be a habit",
            remedy=f"use 1 to {PERIOD_DAYS} baskets and at least 1 period",
        )
    period, basket = np.divmod(np.arange(times * periods), times)
    days = np.asarray(at, "datetime64[D]") - PERIOD_DAYS * (period + 1) + PERIOD_DAYS * (2 * basket + 1) // (2 * times)
    place = (np.arange(len(days)), np.full(len(days), column))
    bought = sparse.csr_matrix((np.ones(len(days), np.float32), place), shape=(len(days), history.n_items))
    every = np.concatenate([history.day, days])
    order = np.argsort(every, kind="stable")
    quantities = sparse.vstack([history.quantities, bought], format="csr")[order]
    user = np.zeros(len(every), dtype=np.int64)
    return Baskets(quantities, user, every[order], history.user_ids, history.items, history.level)
