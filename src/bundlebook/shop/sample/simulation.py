"""The simulation of the sample shop: who visits when, which bundles are shown, and the walk of every visit."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.shop.choice import draw_slates
from bundlebook.shop.sample.planted import Planted, plant
from bundlebook.shop.sample.walk import Walk

#: Seed of the committed tables.
SAMPLE_SEED = 2021


@dataclass(frozen=True)
class SampleShop:
    """The tables of the sample shop, in the contract, and what was planted.

    Attributes
    ----------
    events, products, users, bundles, bundle_events : DataFrame
        See :class:`bundlebook.shop.Shop`. A view or a search has quantity 0; a bundle has its ``discount`` off the sum
        of the list prices; a bundle event has the ``position`` of the slot (from 1), the ``propensity`` with which the
        bundle was drawn into it, and its ``session_id``, which an event of the same visit has too.
    planted : Planted
    """

    events: pd.DataFrame
    products: pd.DataFrame
    users: pd.DataFrame
    bundles: pd.DataFrame
    bundle_events: pd.DataFrame
    planted: Planted


def sample_shop(seed: int = SAMPLE_SEED) -> SampleShop:
    """Simulate the sample shop.

    A session offers four ways to buy. *Unplanned*: each item with intensity preference × season ×
    (price / list price)^elasticity, more if it was viewed last time. *Habit*: the user's regular items, the sooner
    the longer ago the last purchase. *Matching*: an item that goes with one just put in. *Bundle*: from a panel of
    offers shown in a random share of the sessions.

    Parameters
    ----------
    seed : int

    Returns
    -------
    SampleShop
        Equal for equal seeds, on every machine with the locked version of NumPy.
    """
    planted = plant(seed)
    rng = np.random.default_rng([seed, 1])
    sessions = _sessions(planted, rng)
    panels = _panels(planted, sessions, rng)
    walk = Walk(planted, rng)
    for session in sessions.itertuples():
        walk.visit(session, panels.get(session.Index, ()))
    events, bundle_events = walk.tables()
    members = planted.bundles.explode("columns")
    bundles = pd.DataFrame(
        {
            "bundle_id": members["bundle_id"],
            "item_id": planted.products["item_id"].to_numpy()[members["columns"].astype(int)],
            "discount": members["discount"],
        }
    ).reset_index(drop=True)
    return SampleShop(events, planted.products, planted.users, bundles, bundle_events, planted)


def _sessions(planted: Planted, rng: np.random.Generator) -> pd.DataFrame:
    """When each user visits: ``user`` (row), ``week``, ``start`` (seconds since the first day); sorted by start."""
    plan = planted.plan
    monday = np.datetime64(plan["first_day"], "D") + 7 * np.arange(plan["weeks"])
    busy = np.array([plan["campaign_weeks"].get(str(day), 1.0) for day in monday])
    spread = plan["sessions"]["spread"]
    rate = plan["sessions"]["per_week"] * np.exp(rng.normal(-(spread**2) / 2, spread, plan["users"]))
    here = planted.users["joined"].to_numpy()[:, None] <= monday[None, :]
    count = rng.poisson(rate[:, None] * busy * here)
    user, week = np.nonzero(count)
    user, week = np.repeat(user, count[user, week]), np.repeat(week, count[user, week])
    weekday, hour = np.array(plan["weekday"]), np.array(plan["hour"], dtype=float)
    day = rng.choice(7, len(user), p=weekday / weekday.sum())
    second = rng.choice(24, len(user), p=hour / hour.sum()) * 3600 + rng.integers(3600, size=len(user))
    start = (7 * week + day) * 86400 + second
    sessions = pd.DataFrame({"user": user, "week": week, "start": start})
    return sessions.sort_values(["start", "user"], kind="stable", ignore_index=True)


def _panels(planted: Planted, sessions: pd.DataFrame, rng: np.random.Generator) -> dict[int, list[tuple]]:
    """For a random share of the sessions: (bundle, propensity, clicked, bought) in the order of the slots."""
    panel = planted.plan["panel"]
    shown = np.flatnonzero(rng.random(len(sessions)) < panel["share"])
    user = sessions["user"].to_numpy()[shown]
    chosen, propensity = draw_slates(panel["policy_taste"] * planted.taste[user], panel["slots"], rng)
    # The matrices differ from slot to slot only by the factor of position bias.
    attraction, position = planted.click(1)[user[:, None], chosen], np.array(panel["position"])
    clicked = rng.random(chosen.shape) < attraction * position / position[0]
    bought = clicked & (rng.random(chosen.shape) < planted.buy()[user[:, None], chosen])
    rows = zip(chosen.tolist(), propensity.tolist(), clicked.tolist(), bought.tolist(), strict=True)
    return {int(s): list(zip(*row, strict=True)) for s, row in zip(shown, rows, strict=True)}
