"""What the real log does not have: browsing, shown bundles, and what came of them, simulated and labelled so.

The customers are those of :func:`bundlebook.shop.customers.fit_customers`, learnt from the purchases before a day. What
no purchase can tell is an assumption, a number in plain sight in :class:`bundlebook.shop.choice.Assumptions`. Every
simulated column begins with ``sim_``, and no simulated figure belongs in a table with a real one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.shop.browse import browse
from bundlebook.shop.choice import Assumptions, draw_slates, examination, sigmoid
from bundlebook.shop.customers import Customers, fit_customers
from bundlebook.shop.shop import Shop

#: Raised whenever the same seed would give other tables.
SIMULATOR_VERSION = 1


@dataclass(frozen=True)
class Behaviour:
    """Simulated behaviour around real baskets.

    Attributes
    ----------
    browsing : DataFrame
        ``user_id``, ``item_id`` (label at `customers`' level), ``sim_session_id``, ``sim_time``, ``sim_event`` (view |
        search | cart), ``sim_position`` (place in the list, from 1), ``sim_bought`` (the session's basket, a real one,
        holds the item).
    bundles : DataFrame
        ``sim_bundle_id``, ``item_id``, ``sim_discount`` (share of the price).
    bundle_events : DataFrame
        ``user_id``, ``sim_bundle_id``, ``sim_session_id``, ``sim_time``, ``sim_event`` (shown | click | purchase),
        ``sim_position``, ``sim_propensity`` (P of this draw under the logging policy).
    customers : Customers
    assumptions : Assumptions
    """

    browsing: pd.DataFrame
    bundles: pd.DataFrame
    bundle_events: pd.DataFrame
    customers: Customers
    assumptions: Assumptions


def simulate_behaviour(
    shop: Shop,
    until,
    seed: int,
    n_sessions: int = 10_000,
    n_bundles: int = 40,
    level: str = "auto",
    assumptions: Assumptions | None = None,
) -> Behaviour:
    """Simulate the sessions that led to real baskets, and bundles shown in some of them.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    until : str or datetime64
        First day that is not used: the end of the training weeks.
    seed : int
    n_sessions : int
        Baskets that get a session, drawn at random; all if there are fewer.
    n_bundles : int
        Bundles of two or three items that meet more often than by chance.
    level : str
    assumptions : Assumptions, optional

    Returns
    -------
    Behaviour
    """
    assumptions = assumptions or Assumptions()
    customers = fit_customers(shop, until, level)
    rng = np.random.default_rng([seed, SIMULATOR_VERSION])
    baskets = customers.lines.groupby("basket").agg(user=("user", "first"), time=("time", "min"))
    chosen = np.sort(rng.choice(len(baskets), min(n_sessions, len(baskets)), replace=False))
    sessions = baskets.iloc[chosen].reset_index()
    sessions["sim_session_id"] = [f"S{number:06d}" for number in range(1, len(sessions) + 1)]
    browsing = browse(customers, sessions, assumptions, rng)
    bundles = _bundles(customers, n_bundles, rng)
    bundle_events = _show(customers, sessions, bundles, assumptions, rng)
    return Behaviour(browsing, _as_table(customers, bundles), bundle_events, customers, assumptions)


def _bundles(customers: Customers, n_bundles: int, rng: np.random.Generator) -> list[tuple[list[int], float, float]]:
    """Items, discount and mean log lift of the pairs that meet most beyond chance; an item is used twice at most."""
    lift, popularity = customers.lift.tocoo(), customers.popularity
    half = lift.row < lift.col
    row, column, log_lift = lift.row[half], lift.col[half], np.log(lift.data[half])
    score = popularity[row] * popularity[column] * np.exp(log_lift) * log_lift
    used, bundles = np.zeros(len(popularity), dtype=int), []
    for pair in np.argsort(-score, kind="stable"):
        if len(bundles) == n_bundles or score[pair] <= 0:
            break
        members = [int(row[pair]), int(column[pair])]
        if used[members].max() >= 2:
            continue
        if len(bundles) % 2:
            both = np.minimum(*customers.lift[members].toarray())
            both[members] = 0
            both[used >= 2] = 0
            if both.max() > 1:
                members.append(int(np.argmax(both * np.sqrt(popularity))))
        used[members] += 1
        bundles.append((members, float(rng.choice([0.05, 0.10, 0.15, 0.20])), float(log_lift[pair])))
    return bundles


def _show(
    customers: Customers,
    sessions: pd.DataFrame,
    bundles: list[tuple[list[int], float, float]],
    assumptions: Assumptions,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Panels in random sessions: Plackett–Luce logging policy, position-based clicks, purchases after clicks."""
    names = ["user_id", "sim_bundle_id", "sim_session_id", "sim_time", "sim_event", "sim_position", "sim_propensity"]
    shown = np.flatnonzero(rng.random(len(sessions)) < assumptions.panel_share)
    slots = min(assumptions.slots, len(bundles))
    if not slots or not len(shown):
        return pd.DataFrame({name: [] for name in names})
    user = sessions["user"].to_numpy()[shown]
    members = [items for items, _, _ in bundles]
    share = (customers.taste[user].toarray() + 0.1 * customers.popularity) / (1.1 * customers.popularity)
    taste = np.stack([np.clip(np.log(share[:, items]).mean(axis=1), -2, 2) for items in members], axis=1)
    discount, log_lift = np.array([b[1] for b in bundles]), np.array([b[2] for b in bundles])
    response = np.array([customers.elasticity[items].mean() for items in members]) * np.log(1 - discount)
    appeal = assumptions.taste_weight * taste + assumptions.lift_weight * log_lift
    appeal += response * customers.sensitivity[user, None]
    chosen, propensity = draw_slates(assumptions.policy_taste * taste, slots, rng)
    appeal = np.take_along_axis(appeal, chosen, axis=1)
    seen = examination(slots, assumptions.position_exponent)
    clicked = rng.random(chosen.shape) < seen * sigmoid(assumptions.click + appeal)
    bought = clicked & (rng.random(chosen.shape) < sigmoid(assumptions.buy + appeal))
    parts = []
    for event, happened, delay in (
        ("shown", np.ones_like(clicked), 100),
        ("click", clicked, 90),
        ("purchase", bought, 70),
    ):
        panel, slot = np.nonzero(happened)
        row = sessions.iloc[shown[panel]]
        parts.append(
            pd.DataFrame(
                {
                    "user_id": customers.user_ids[user[panel]],
                    "sim_bundle_id": [f"SB{number:02d}" for number in chosen[panel, slot] + 1],
                    "sim_session_id": row["sim_session_id"].to_numpy(),
                    "sim_time": row["time"].to_numpy() - np.timedelta64(delay, "s"),
                    "sim_event": event,
                    "sim_position": slot + 1,
                    "sim_propensity": propensity[panel, slot],
                }
            )
        )
    order = ["sim_session_id", "sim_time", "sim_position"]
    return pd.concat(parts)[names].sort_values(order, kind="stable", ignore_index=True)


def _as_table(customers: Customers, bundles: list[tuple[list[int], float, float]]) -> pd.DataFrame:
    rows = [
        {"sim_bundle_id": f"SB{number:02d}", "item_id": customers.items[item], "sim_discount": discount}
        for number, (items, discount, _) in enumerate(bundles, start=1)
        for item in items
    ]
    return pd.DataFrame(rows, columns=["sim_bundle_id", "item_id", "sim_discount"])
