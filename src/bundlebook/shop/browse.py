"""Simulated browsing in front of real baskets."""

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.shop.choice import Assumptions, examination
from bundlebook.shop.customers import Customers


def browse(
    customers: Customers, sessions: pd.DataFrame, assumptions: Assumptions, rng: np.random.Generator
) -> pd.DataFrame:
    """List each basket's items among others; what stands high is looked at, some of it put into the cart.

    Parameters
    ----------
    customers : Customers
    sessions : DataFrame
        ``basket``, ``user`` (positions), ``time`` of the purchase, ``sim_session_id``; numbered from 0.
    assumptions : Assumptions
    rng : Generator

    Returns
    -------
    DataFrame
        See :class:`bundlebook.shop.simulate.Behaviour`.
    """
    session_of = pd.Series(sessions.index, index=sessions["basket"])
    bought = customers.lines[customers.lines["basket"].isin(sessions["basket"])]
    bought = pd.DataFrame({"session": bought["basket"].map(session_of), "item": bought["item"], "sim_bought": True})
    extra = np.repeat(sessions.index, rng.poisson(assumptions.extra_items, len(sessions)))
    items = _offered(customers, sessions["user"].to_numpy()[extra], extra, bought, assumptions, rng)
    listed = pd.concat([bought, pd.DataFrame({"session": extra, "item": items, "sim_bought": False})])
    listed = listed.drop_duplicates(["session", "item"])
    listed = listed.assign(order=rng.random(len(listed))).sort_values(["session", "order"], ignore_index=True)
    listed["sim_position"] = listed.groupby("session").cumcount() + 1
    attention = examination(listed["sim_position"].max(), assumptions.position_exponent)
    # A basket is a fact: what was bought had been looked at, wherever it stood.
    looked = listed["sim_bought"] | (rng.random(len(listed)) < attention[listed["sim_position"] - 1])
    viewed = listed[looked]
    user, item = sessions["user"].to_numpy()[viewed["session"]], viewed["item"].to_numpy()
    deal = rng.random(len(viewed)) < customers.deal_share[item]
    pull = np.where(deal, customers.deal_ratio[item], 1.0) ** (customers.elasticity[item] * customers.sensitivity[user])
    carted = viewed["sim_bought"] | (rng.random(len(viewed)) < np.minimum(assumptions.carted * pull, 1.0))
    searched = rng.random(len(viewed)) < assumptions.searched
    first = viewed.assign(sim_event=np.where(searched, "search", "view"), seconds=60 * viewed["sim_position"])
    second = viewed[carted].assign(sim_event="cart", seconds=60 * viewed["sim_position"][carted] + 20)
    events = pd.concat([first, second]).sort_values(["session", "seconds"], ignore_index=True)
    # Sessions end before the till rings: the whole list, at a minute a place, fits in front of the purchase.
    length = events.groupby("session")["sim_position"].max().add(2) * 60
    start = sessions["time"] - pd.to_timedelta(length.reindex(sessions.index, fill_value=120), unit="s")
    when = events["session"].map(start) + pd.to_timedelta(events["seconds"], unit="s")
    return pd.DataFrame(
        {
            "user_id": customers.user_ids[sessions["user"].to_numpy()[events["session"]]],
            "item_id": customers.items[events["item"]],
            "sim_session_id": sessions["sim_session_id"].to_numpy()[events["session"]],
            "sim_time": when,
            "sim_event": events["sim_event"],
            "sim_position": events["sim_position"],
            "sim_bought": events["sim_bought"],
        }
    )


def _offered(
    customers: Customers,
    user: np.ndarray,
    session: np.ndarray,
    bought: pd.DataFrame,
    assumptions: Assumptions,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw an item for each user and session: of the own taste, matching the basket, or popular; shape of *user*."""
    popular = customers.lines["item"].to_numpy()[rng.integers(len(customers.lines), size=len(user))]
    by_user = customers.lines.sort_values(["user", "basket", "item"])
    own = _draw_member(by_user["item"].to_numpy(), by_user["user"].to_numpy(), user, rng)
    in_basket = bought.sort_values(["session", "item"])
    anchor = _draw_member(in_basket["item"].to_numpy(), in_basket["session"].to_numpy(), session, rng)
    fitting = _draw_neighbour(customers.lift, anchor, rng)
    source = rng.random(len(user))
    choice = np.where(source < assumptions.own_taste + assumptions.matching, fitting, popular)
    return np.where(source < assumptions.own_taste, own, choice)


def _draw_member(values: np.ndarray, group: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the values of each wanted group, at random; *group* is sorted and has them all."""
    start, end = np.searchsorted(group, wanted), np.searchsorted(group, wanted, side="right")
    return values[start + (rng.random(len(wanted)) * (end - start)).astype(np.int64)]


def _draw_neighbour(lift: sparse.csr_matrix, anchor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An item for each anchor, with probability ∝ max(log lift, 0)²: what matches, and the rest hardly ever."""
    weight = lift.copy()
    weight.data = np.maximum(np.log(weight.data), 0.0) ** 2 + 1e-9
    total = np.concatenate([[0.0], np.cumsum(weight.data)])
    low, high = total[weight.indptr[anchor]], total[weight.indptr[anchor + 1]]
    place = np.searchsorted(total, low + rng.random(len(anchor)) * (high - low), side="right") - 1
    empty = weight.indptr[anchor] == weight.indptr[anchor + 1]
    return np.where(empty, anchor, weight.indices[np.minimum(place, weight.nnz - 1)])
