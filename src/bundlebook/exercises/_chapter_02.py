"""Exercises of chapter 02: lines of a till made fit to learn from."""

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from bundlebook.exercises.engine import Exercise

_FIRST = pd.Timestamp("2021-01-04")


def _lines(rng, n=40):
    """Lines of a small till: few users, items and days, so that everything happens several times."""
    return pd.DataFrame(
        {
            "user_id": rng.choice(["ann", "ben", "cem", "dan"], n),
            "item_id": rng.choice(["milk", "rice", "tea", "soap", "kite"], n, p=[0.4, 0.25, 0.2, 0.1, 0.05]),
            "time": _FIRST + pd.to_timedelta(rng.integers(0, 10, n) * 24 + rng.integers(8, 20, n), unit="h"),
            "quantity": rng.integers(0, 5, n),
            "price": rng.choice([0.0, -1.0, 0.5, 2.0, 4.0, np.nan], n),
        }
    )


# 02.1 The price of one unit


def unit_price(lines):
    return lines["revenue"] / lines["quantity"].where(lines["quantity"] > 0)


def _draw_revenue(rng):
    lines = _lines(rng, 12)
    lines.loc[0, "quantity"] = 0
    lines["revenue"] = (lines["quantity"] * lines["price"].fillna(3.0).abs()).where(lines["quantity"] > 0, 2.5)
    return (lines[["item_id", "quantity", "revenue"]],)


# 02.2 What stays


def stays(lines):
    return (lines["quantity"] > 0) & (lines["price"].isna() | (lines["price"] > 0))


def _draw_lines(rng):
    return (_lines(rng),)


# 02.3 From lines to baskets


def baskets(lines):
    found: dict = {}
    for user, time, item in zip(lines["user_id"], lines["time"], lines["item_id"], strict=True):
        found.setdefault((user, time.date()), set()).add(item)
    return found


def _grouped(key):
    def wrong(lines):
        found: dict = {}
        for row in lines.itertuples():
            found.setdefault(key(row), set()).add(row.item_id)
        return found

    return wrong


def _with_lists(lines):
    found: dict = {}
    for row in lines.itertuples():
        found.setdefault((row.user_id, row.time.date()), []).append(row.item_id)
    return found


def _last_item(lines):
    return {(row.user_id, row.time.date()): {row.item_id} for row in lines.itertuples()}


# 02.4 A vocabulary without a leak


def vocabulary(lines, train_end, least):
    past = lines[lines["time"] < train_end]
    users = past.groupby("item_id")["user_id"].nunique()
    return sorted(users[users >= least].index)


def _counted(lines, count, least):
    counts = getattr(lines.groupby("item_id")["user_id"], count)()
    return sorted(counts[counts >= least].index)


def _draw_vocabulary(rng):
    lines = _lines(rng, 30)
    end = _FIRST + pd.Timedelta(days=int(rng.integers(3, 7)))
    # A line at the very end of training, which belongs to the weeks after it.
    lines.loc[0, ["time", "user_id", "item_id"]] = end, "eve", "soap"
    return lines, end, int(rng.integers(2, 4))


def _until(lines, train_end, least):
    return _counted(lines[lines["time"] <= train_end], "nunique", least)


# 02.5 A limit for each item


def outliers(lines, until, factor):
    usual = lines[lines["time"] < until].groupby("item_id")["quantity"].median()
    return lines["quantity"] > factor * lines["item_id"].map(usual)


def _draw_outliers(rng):
    lines = _lines(rng, 60)
    lines["quantity"] = rng.integers(1, 4, 60) * lines["item_id"].map(
        {"milk": 4, "rice": 1, "tea": 2, "soap": 1, "kite": 1}
    )
    lines.loc[lines.index % 11 == 5, "quantity"] *= 10
    until = _FIRST + pd.Timedelta(days=int(rng.integers(4, 8)))
    lines.loc[lines["time"] >= until, "quantity"] *= 2
    # Many lines at the very moment `until`, which is not past yet.
    lines.loc[:9, ["time", "item_id", "quantity"]] = until, "soap", 9
    return lines, until, int(rng.integers(2, 5))


def _limit(lines, usual, factor):
    return lines["quantity"] > factor * usual


# 02.6 Lagrange on a leash


def leashed(weeks, prices, t):
    near = np.argsort(np.abs(weeks - t), kind="stable")[:4]
    total = 0.0
    for j in near:
        others = [m for m in near if m != j]
        total += prices[j] * np.prod([(t - weeks[m]) / (weeks[j] - weeks[m]) for m in others])
    return total


def _through(weeks, prices, t):
    """The value at t of the one polynomial through all points."""
    return float(np.polyval(np.polyfit(weeks - t, prices, len(weeks) - 1), 0.0))


def _nearest(count):
    def wrong(weeks, prices, t):
        near = np.argsort(np.abs(weeks - t), kind="stable")[:count]
        return _through(weeks[near], prices[near], t)

    return wrong


def _around(weeks, prices, t):
    place = int(np.clip(np.searchsorted(weeks, t), 2, len(weeks) - 2))
    four = slice(place - 2, place + 2)
    return _through(weeks[four], prices[four], t)


def _draw_leashed(rng):
    weeks = np.sort(rng.choice(20, 8, replace=False)).astype(float)
    gaps = np.setdiff1d(np.arange(weeks[0], weeks[-1]), weeks)
    return weeks, rng.uniform(1, 5, 8), float(rng.choice(gaps)) if len(gaps) else weeks[0] + 0.25


EXERCISES = (
    Exercise(
        "02.1",
        "The price of one unit",
        stars=1,
        minutes=5,
        reference=unit_price,
        draw=_draw_revenue,
        misconceptions=(
            (
                lambda lines: lines["revenue"] / lines["quantity"],
                "A line without units gets an infinite price. Its price is not known: which value says so?",
            ),
            (
                lambda lines: (lines["revenue"] / lines["quantity"]).where(lines["quantity"] > 0, 0),
                "You write 0 where nothing was sold. 0 means that it was free; the price is not known.",
            ),
            (
                lambda lines: lines["revenue"] * lines["quantity"],
                "You multiplied. The revenue of a line already counts all its units.",
            ),
            (
                lambda lines: lines["revenue"] / lines["quantity"].clip(lower=1),
                "You let no units count as one. Then money without goods becomes a price.",
            ),
            (
                lambda lines: pd.Series(lines["revenue"].sum() / lines["quantity"].sum(), index=lines.index),
                "You found one price for the whole table. Each line has a price of its own.",
            ),
        ),
        look="Take a line with 2 units and a revenue of 3, and one with 0 units. What should come out of each?",
        hints=(
            "The till exports the money of the whole line. What is the price of one unit of it?",
            "Divide, and think of the lines with a quantity of zero before you do.",
            "Series.where keeps a value where a condition holds and puts NaN elsewhere. Use it on the quantity.",
        ),
    ),
    Exercise(
        "02.2",
        "What cleaning keeps",
        stars=1,
        minutes=10,
        reference=stays,
        draw=_draw_lines,
        misconceptions=(
            (
                lambda lines: (lines["quantity"] > 0) & (lines["price"] > 0),
                "You drop the lines whose price is missing. Missing is not zero: something was bought.",
            ),
            (
                lambda lines: (lines["quantity"] >= 0) & (lines["price"].isna() | (lines["price"] > 0)),
                "You keep lines with a quantity of 0. Nothing was bought there.",
            ),
            (
                lambda lines: (lines["quantity"] > 0) & (lines["price"].isna() | (lines["price"] >= 0)),
                "You keep lines with a price of 0. Nobody chose these goods at a price.",
            ),
            (
                lambda lines: (lines["quantity"] > 0) | (lines["price"] > 0) | lines["price"].isna(),
                "One good column is enough for you to keep a line. Both have to be sound.",
            ),
            (
                lambda lines: ~((lines["quantity"] > 0) & (lines["price"].isna() | (lines["price"] > 0))),
                "You say True where a line is dropped. True should mean that it stays.",
            ),
            (
                lambda lines: (lines["quantity"] > 0) & (lines["price"] != 0),
                "You keep lines with a price below 0. Such a line takes back another one.",
            ),
            (lambda lines: lines["quantity"] > 0, "You looked at the quantity only. What about the price?"),
            (
                lambda lines: lines[(lines["quantity"] > 0) & (lines["price"].isna() | (lines["price"] > 0))],
                "You return the lines that stay. Asked for is one True or False per line.",
            ),
        ),
        look="Cross the cases: quantity 0 or more; price missing, 0, below or above. Which should stay?",
        hints=(
            "Go through the chapter's table of two conditions: which of its cells is no purchase?",
            "A price of zero is known, a missing one is not. Comparing with NaN gives False: mind what you compare.",
            "Quantity above zero, and also: price missing or above zero. Use & and | with brackets, and isna().",
        ),
    ),
    Exercise(
        "02.3",
        "From lines to baskets",
        stars=2,
        minutes=15,
        reference=baskets,
        draw=_draw_lines,
        misconceptions=(
            (
                _grouped(lambda row: (row.user_id, row.time)),
                "Your key holds the hour. Two visits of a user on one day are one basket here.",
            ),
            (
                _grouped(lambda row: row.time.date()),
                "You put everybody's purchases of a day into one basket. Whose basket is it?",
            ),
            (
                _grouped(lambda row: row.user_id),
                "You put all days of a user together. What tells one shopping trip from the next?",
            ),
            (
                _with_lists,
                "An item that was scanned twice stands twice in your basket. A basket is a set of items.",
            ),
            (_last_item, "Each line overwrites the basket that is there already. It should add to it."),
            (
                _grouped(lambda row: (row.time.date(), row.user_id)),
                "The key is turned round: first the user, then the day.",
            ),
            (
                _grouped(lambda row: (row.user_id, row.time.normalize())),
                "Your day is a moment at midnight. time.date() gives the day itself.",
            ),
        ),
        look="Write down by hand the baskets of three lines: two of one user on one day, one of another day.",
        hints=(
            "Two lines share a basket if they share two things. Which?",
            "A dictionary with the key (user, day) and a set of items for each. A day is time.date().",
            "Loop over the lines; dict.setdefault(key, set()) gives the basket that is there, or a new empty one.",
        ),
    ),
    Exercise(
        "02.4",
        "A vocabulary without a leak",
        stars=2,
        minutes=15,
        reference=vocabulary,
        draw=_draw_vocabulary,
        misconceptions=(
            (
                lambda lines, train_end, least: _counted(lines, "nunique", least),
                "You counted the whole log. Items that become popular later would tell the model about the future.",
            ),
            (
                lambda lines, train_end, least: _counted(lines[lines["time"] < train_end], "size", least),
                "You counted lines. One user who comes back often is one user.",
            ),
            (
                lambda lines, train_end, least: _counted(lines[lines["time"] < train_end], "nunique", least + 1),
                "Your limit is too strict: an item with exactly the least number of users belongs to the vocabulary.",
            ),
            (
                lambda lines, train_end, least: [
                    item
                    for item in _counted(lines, "nunique", least)
                    if item in set(lines.loc[lines["time"] < train_end, "item_id"])
                ],
                "You know the items from the past, but you count their users in the whole log. Count in the past only.",
            ),
            (
                _until,
                "You count a purchase at the very moment when training ends. That moment is not past yet.",
            ),
            (
                lambda lines, train_end, least: _counted(lines[lines["time"] >= train_end], "nunique", least),
                "You counted the weeks after training, which the model must not see.",
            ),
            (
                lambda lines, train_end, least: sorted(lines.loc[lines["time"] < train_end, "item_id"].unique()),
                "You keep every item of the training weeks, also those that hardly anybody bought.",
            ),
        ),
        checks=((lambda result, *given: list(result) == sorted(result), "Your list is not sorted."),),
        look="Follow one item: who bought it, and when? Count by hand, then see what your function says.",
        hints=(
            "Cut first, count afterwards. What may be learned from the weeks after train_end?",
            "Count different users for each item: groupby and nunique. Training stops just before train_end.",
            "Lines before train_end; users per item; items with at least that many users; sorted into a list.",
        ),
    ),
    Exercise(
        "02.5",
        "A limit for each item",
        stars=2,
        minutes=20,
        reference=outliers,
        draw=_draw_outliers,
        misconceptions=(
            (
                lambda lines, until, factor: _limit(
                    lines, lines.loc[lines["time"] < until, "quantity"].median(), factor
                ),
                "You use one median for the whole shop. Each item is compared with its own.",
            ),
            (
                lambda lines, until, factor: _limit(
                    lines, lines.groupby("item_id")["quantity"].transform("median"), factor
                ),
                "Your median looks at the whole log. A limit for the past may be learned only from before `until`.",
            ),
            (
                lambda lines, until, factor: _limit(
                    lines,
                    lines["item_id"].map(lines[lines["time"] < until].groupby("item_id")["quantity"].mean()),
                    factor,
                ),
                "You use the mean, which the outliers themselves pull up. Which middle do they hardly move?",
            ),
            (
                lambda lines, until, factor: (
                    lines["quantity"]
                    >= factor
                    * lines["item_id"].map(lines[lines["time"] < until].groupby("item_id")["quantity"].median())
                ),
                "A quantity exactly at the limit counts as an outlier for you. The rule says above.",
            ),
            (
                lambda lines, until, factor: outliers(lines, until, factor) & (lines["time"] < until),
                "You judge the lines before `until` only. Judge every line; only the limit comes from the past.",
            ),
            (
                lambda lines, until, factor: ~outliers(lines, until, factor),
                "True should mark the outliers, not the others.",
            ),
            (
                lambda lines, until, factor: outliers(lines, until, 1),
                "You leave out the factor: half of all lines lie above a median.",
            ),
        ),
        look="Follow one item: its quantities before `until`, their median, the limit. Which lines lie above it?",
        hints=(
            "Learn one number for each item from the past, then compare every line with its item's number.",
            "Use groupby and median on the lines before `until`; Series.map brings the number back to each line.",
            "First usual = the median per item before `until`; then compare quantity with factor × item_id.map(usual).",
        ),
    ),
    Exercise(
        "02.6",
        "Lagrange on a leash",
        stars=3,
        minutes=45,
        reference=leashed,
        draw=_draw_leashed,
        misconceptions=(
            (_through, "This is the polynomial through all points, which runs away. Use the four nearest only."),
            (_nearest(2), "This is the straight line through two points. A cubic goes through four."),
            (_nearest(3), "You took three points, which make a parabola. A cubic goes through four."),
            (_nearest(5), "You took five points. A cubic goes through four."),
            (
                lambda weeks, prices, t: _through(weeks[:4], prices[:4], t),
                "You took the first four points of the series. Which four lie nearest to t?",
            ),
            (
                lambda weeks, prices, t: float(CubicSpline(weeks, prices)(t)),
                "This is a cubic spline, which is glued from many pieces. Asked for is one cubic through four points.",
            ),
            (
                _around,
                "You took two points on each side. The four nearest to t may lie otherwise.",
            ),
            (
                lambda weeks, prices, t: float(np.interp(t, weeks, prices)),
                "This is linear interpolation. Build the chapter's polynomial from the four nearest points.",
            ),
            (
                lambda weeks, prices, t: float(prices[np.argsort(np.abs(weeks - t), kind="stable")[:4]].mean()),
                "You took the mean of the four nearest prices. Lagrange weighs each with its basis polynomial at t.",
            ),
        ),
        checks=(
            (
                lambda result, weeks, prices, t: np.isscalar(result) or np.ndim(result) == 0,
                "Asked for is one number, the value at t.",
            ),
        ),
        look="Give it four points of a straight line and a t between them: the value on the line must come out.",
        hints=(
            "Choose the four weeks nearest to t, of two equally near ones the earlier. Then use the chapter's formula.",
            "With kind='stable', np.argsort of the distances gives the places. Each price is multiplied by its ℓ at t.",
            "For each of the four: a product over the other three of (t − their week) / (own week − their week).",
        ),
        edges=(
            (
                lambda rng: (np.array([0.0, 1, 2, 3, 5, 9]), np.array([1.0, 2, 4, 8, 3, 3]), 2.0),
                "Where t is a known week, its own price must come out.",
            ),
            (
                lambda rng: (np.array([0.0, 2, 3, 5, 7, 8]), np.array([1.0, 5, 2, 2, 9, 3]), 4.0),
                "Where two weeks are equally near, the earlier one is taken. Is your sorting stable?",
            ),
        ),
    ),
)
