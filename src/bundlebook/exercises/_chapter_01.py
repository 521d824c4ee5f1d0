"""Exercises of chapter 01: what a log of events tells."""

import numpy as np
import pandas as pd

from bundlebook.exercises.engine import Exercise

_FIRST = pd.Timestamp("2021-01-04 09:00")


def _log(rng, n=40):
    """Events of a small shop in the order of time; only carts and purchases have a quantity."""
    action = rng.choice(["view", "search", "cart", "purchase"], n, p=[0.3, 0.1, 0.2, 0.4])
    return pd.DataFrame(
        {
            "user_id": rng.choice(["li", "wang", "zhao"], n),
            "item_id": rng.choice(["phone", "case", "tea", "cup"], n),
            "time": _FIRST + pd.to_timedelta(np.sort(rng.integers(0, 200, n) * 10), unit="min"),
            "event": action,
            "quantity": np.where(np.isin(action, ["cart", "purchase"]), rng.integers(1, 4, n), 0),
            "price": rng.choice([2.0, 3.5, 10.0], n),
        }
    )


# 01.1 Money spent


def spent(log, user):
    bought = log[(log["event"] == "purchase") & (log["user_id"] == user)]
    return (bought["quantity"] * bought["price"]).sum()


def _draw_spent(rng):
    return _log(rng), str(rng.choice(["li", "wang", "zhao"]))


def _money(lines):
    return float((lines["quantity"] * lines["price"]).sum())


# 01.2 Bought before


def repeats(log):
    seen = set()
    found = []
    for user, item, event in zip(log["user_id"], log["item_id"], log["event"], strict=True):
        found.append(event == "purchase" and (user, item) in seen)
        if event == "purchase":
            seen.add((user, item))
    return np.array(found)


def _duplicated(log, keys, bought=True, **options):
    lines = log[log["event"] == "purchase"] if bought else log
    return lines.duplicated(keys, **options).reindex(log.index, fill_value=False) & (log["event"] == "purchase")


def _draw_log(rng):
    return (_log(rng),)


# 01.3 Where the file is wrong


def bad_rows(events, actions):
    bad = ~events["event"].isin(actions) | (events["quantity"] < 0)
    return [place + 2 for place in np.flatnonzero(bad)]


def _bad(events, actions, first, event=True, quantity=True):
    bad = (~events["event"].isin(actions) if event else False) | ((events["quantity"] < 0) if quantity else False)
    return [int(place) + first for place in np.flatnonzero(bad)]


def _draw_bad(rng):
    log = _log(rng, 15)[["event", "quantity"]]
    log["event"] = np.where(rng.random(15) < 0.2, "veiw", log["event"])
    log["quantity"] = np.where(rng.random(15) < 0.2, -1, log["quantity"])
    log.loc[3, "event"], log.loc[5, "quantity"] = "buy", -2
    # In some shops a search is no action, and buy is one.
    return log, [["view", "search", "cart", "purchase"], ["view", "cart", "purchase", "buy"]][rng.integers(0, 2)]


# 01.4 The Gini coefficient


def gini(x):
    return np.abs(x[:, None] - x).sum() / (2 * len(x) ** 2 * x.mean())


def _draw_counts(rng):
    return (rng.poisson(4.0, int(rng.integers(4, 9))) + 1.0 + rng.random(),)


# 01.5 How much the busiest bring


def top_share(sales, share):
    most = np.sort(sales)[::-1]
    return most[: int(np.ceil(share * len(sales)))].sum() / sales.sum()


def _draw_sales(rng):
    return rng.lognormal(3, 1, int(rng.integers(11, 29))), float(rng.choice([0.1, 0.25, 0.3]))


# 01.6 Where a session ends


def sessions(log, minutes):
    number: dict = {}
    last: dict = {}
    found = []
    for user, time in zip(log["user_id"], log["time"], strict=True):
        if user not in last:
            number[user] = 0
        elif time - last[user] > pd.Timedelta(minutes=minutes):
            number[user] += 1
        last[user] = time
        found.append(number[user])
    return np.array(found)


def _by_pauses(log, pauses):
    return pauses.groupby(log["user_id"]).cumsum().astype(int)


def _pauses(log):
    return log.groupby("user_id")["time"].diff()


def _from_the_first(log, minutes):
    number: dict = {}
    first: dict = {}
    found = []
    for user, time in zip(log["user_id"], log["time"], strict=True):
        if user not in first or time - first[user] > pd.Timedelta(minutes=minutes):
            number[user], first[user] = number.get(user, -1) + 1, time
        found.append(number[user])
    return found


def _draw_sessions(rng):
    return _log(rng)[["user_id", "time"]], int(rng.choice([50, 60, 90]))


EXERCISES = (
    Exercise(
        "01.1",
        "Money spent",
        stars=1,
        minutes=5,
        reference=spent,
        draw=_draw_spent,
        misconceptions=(
            (
                lambda log, user: _money(log[log["user_id"] == user]),
                "You count carts as well. Money changes hands at a purchase only.",
            ),
            (
                lambda log, user: _money(log[log["event"] == "purchase"]),
                "You added up everybody's money. Asked for is one user's.",
            ),
            (
                lambda log, user: float(
                    log.loc[(log["event"] == "purchase") & (log["user_id"] == user), "price"].sum()
                ),
                "You added up prices. A price is for one unit; how many units are in the line?",
            ),
            (
                lambda log, user: float(
                    log.loc[(log["event"] == "purchase") & (log["user_id"] == user), "quantity"].sum()
                ),
                "You counted units. Each has a price.",
            ),
        ),
        look="Pick the lines of one user by hand. Which of them cost money, and how much?",
        hints=(
            "Which lines of the log are money? And how much is one line?",
            "Two conditions, joined by &: the action and the user. Then quantity times price.",
            "Filter, multiply the two columns, add up, and make it a float.",
        ),
        edges=((lambda rng: (_log(rng), "nobody"), "A user who bought nothing goes wrong: the sum of nothing is 0."),),
    ),
    Exercise(
        "01.2",
        "Bought before",
        stars=1,
        minutes=10,
        reference=repeats,
        draw=_draw_log,
        misconceptions=(
            (
                lambda log: _duplicated(log, ["item_id"]),
                "You ask whether anybody bought the item before. A repeat is of the same user.",
            ),
            (
                lambda log: _duplicated(log, ["user_id"]),
                "You ask whether the user bought anything before. A repeat is of the same item.",
            ),
            (
                lambda log: _duplicated(log, ["user_id", "item_id"], bought=False),
                "A view counts as bought for you. Only an earlier purchase makes a repeat.",
            ),
            (
                lambda log: _duplicated(log, ["user_id", "item_id"], keep=False),
                "You mark the first purchase too. It repeats nothing.",
            ),
            (
                lambda log: ~_duplicated(log, ["user_id", "item_id"]) & (log["event"] == "purchase"),
                "You mark the first purchases. The later ones are asked for.",
            ),
            (
                lambda log: _duplicated(log, ["user_id", "item_id"], keep="last"),
                "You look into the future: a line is a repeat because of what came before it, not after.",
            ),
        ),
        look="Follow one user and one item through the log. Which of the lines is the second purchase?",
        hints=(
            "Walk through the log in the order of time. What do you have to remember of what came before?",
            "Remember pairs of user and item, and only those of purchases.",
            "DataFrame.duplicated does it on the purchases; the other lines are False.",
        ),
    ),
    Exercise(
        "01.3",
        "Where the file is wrong",
        stars=2,
        minutes=15,
        reference=bad_rows,
        draw=_draw_bad,
        misconceptions=(
            (
                lambda events, actions: _bad(events, actions, 0),
                "Your numbers count from 0. In the file the header is row 1.",
            ),
            (
                lambda events, actions: _bad(events, actions, 1),
                "You forgot the header, which is row 1 of the file.",
            ),
            (
                lambda events, actions: _bad(events, actions, 2, quantity=False),
                "You looked at the actions only. A quantity can be wrong too.",
            ),
            (
                lambda events, actions: _bad(events, actions, 2, event=False),
                "You looked at the quantities only. An action can be misspelt.",
            ),
            (
                lambda events, actions: [
                    int(n) + 2 for n in np.flatnonzero(~events["event"].isin(actions) | (events["quantity"] <= 0))
                ],
                "You set aside quantities of 0. A view has none, and is sound.",
            ),
            (
                lambda events, actions: [
                    int(n) + 2 for n in np.flatnonzero(~events["event"].isin(actions) & (events["quantity"] < 0))
                ],
                "You want both faults at once. One is enough to set a row aside.",
            ),
            (
                lambda events, actions: _bad(events, ["view", "search", "cart", "purchase"], 2),
                "You know four actions by heart. Which are allowed is given in `actions`.",
            ),
        ),
        look="Think of the file in an editor: in which row does the first event stand?",
        hints=(
            "Two faults: an action that is none of the allowed, a quantity below zero.",
            "Series.isin and ~ find the first kind, a comparison the second; | joins them.",
            "The places of np.flatnonzero count from 0. Row 1 of the file is its header.",
        ),
    ),
    Exercise(
        "01.4",
        "The Gini coefficient",
        stars=2,
        minutes=20,
        reference=gini,
        draw=_draw_counts,
        misconceptions=(
            (lambda x: 2 * gini(x), "Twice too large: each pair stands twice in the double sum."),
            (lambda x: gini(x) * x.mean(), "You did not divide by the mean. Gini has no unit."),
            (
                lambda x: gini(x) * len(x) / (len(x) - 1),
                "You divide by n(n − 1). The formula divides by n².",
            ),
            (
                lambda x: float(x.std() / x.mean()),
                "This is the standard deviation over the mean. Gini adds up differences.",
            ),
            (lambda x: 1 - gini(x), "You subtracted from 1: yours is largest where all are equal."),
            (lambda x: gini(x) * len(x), "You divided by n once only. The double sum has n² terms."),
        ),
        look="Try 1, 1, 1 and then 0, 0, 3 by hand. What comes out of your function?",
        hints=(
            "All differences between two users, without sign: how many are there?",
            "The array x[:, None] − x is a table of all differences.",
            "The sum of the table, over 2 n² times the mean.",
        ),
    ),
    Exercise(
        "01.5",
        "How much the busiest bring",
        stars=2,
        minutes=15,
        reference=top_share,
        draw=_draw_sales,
        misconceptions=(
            (
                lambda sales, share: float(np.sort(sales)[: int(np.ceil(share * len(sales)))].sum() / sales.sum()),
                "You took the users who buy least. Which end of the order do you want?",
            ),
            (
                lambda sales, share: float(sales[: int(np.ceil(share * len(sales)))].sum() / sales.sum()),
                "You took the first users of the list. Sort them by what they bring.",
            ),
            (
                lambda sales, share: top_share(sales, share) * sales.sum(),
                "This is money. Asked for is a share of all sales.",
            ),
            (
                lambda sales, share: top_share(sales, int(share * len(sales)) / len(sales)),
                "You round the number of users down. The task rounds up.",
            ),
            (
                lambda sales, share: float((sales > np.quantile(sales, 1 - share)).mean()),
                "This is a share of users, and it is given. Asked for is their share of sales.",
            ),
        ),
        look="Take five users with sales 1, 1, 1, 1, 6 and the share 0.2. What must come out?",
        hints=(
            "Sort, take the busiest, add up, compare with all.",
            "Sort with np.sort, which goes upwards; [::-1] turns it round. np.ceil rounds up.",
            "The sum of the first ceil(share · n) of the sorted sales, over the sum of all.",
        ),
    ),
    Exercise(
        "01.6",
        "Where a session ends",
        stars=3,
        minutes=45,
        reference=sessions,
        draw=_draw_sessions,
        misconceptions=(
            (
                lambda log, minutes: _by_pauses(log, _pauses(log) >= pd.Timedelta(minutes=minutes)),
                "A pause of exactly the limit does not end a session.",
            ),
            (
                lambda log, minutes: (log["time"].diff() > pd.Timedelta(minutes=minutes)).cumsum(),
                "You mix the users. The click of another user neither ends nor continues a session.",
            ),
            (
                _from_the_first,
                "You measure from the beginning of the session. A session goes on while no pause is too long.",
            ),
            (
                lambda log, minutes: 1 + _by_pauses(log, _pauses(log) > pd.Timedelta(minutes=minutes)),
                "You count from 1. A user's first session has the number 0.",
            ),
            (
                lambda log, minutes: _by_pauses(log, _pauses(log) > pd.Timedelta(seconds=minutes)),
                "Your limit is in other units. It is given in minutes.",
            ),
            (
                lambda log, minutes: (_pauses(log) > pd.Timedelta(minutes=minutes)).astype(int),
                "You mark where a session begins. Its number is how many began before.",
            ),
            (
                lambda log, minutes: (_pauses(log) > pd.Timedelta(minutes=minutes)).cumsum(),
                "Your numbers go on from one user to the next. Each user's sessions are counted by themselves.",
            ),
        ),
        look="Write one user's times on a line, and mark the pauses that are too long. How many sessions are there?",
        hints=(
            "Of each user you need to remember two things: the time of the last event, and the number of the session.",
            "With groupby('user_id')['time'].diff() you get the pauses; a comparison marks the long ones.",
            "Per user, add up the marks: cumsum. The first pause of a user is missing, and not too long.",
        ),
    ),
)
