"""What the real log does not have: browsing, shown bundles, and what came of them, simulated and labelled so.

The customers are those of :func:`fit_customers`, learnt from the purchases before a day. What no purchase can tell is
an assumption, a number in plain sight in :class:`Assumptions`. Every simulated column begins with ``sim_``, and no
simulated figure belongs in a table with a real one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit

from bundlebook.shop import Shop
from bundlebook.simulator._customers import Customers, fit_customers

#: Raised whenever the same seed would give other tables.
_SIMULATOR_VERSION = 2


@dataclass(frozen=True)
class Assumptions:
    """Assumptions about what purchases cannot tell. None is measured: change them to see what a conclusion rests on.

    Attributes
    ----------
    position_exponent : float
        P(a place in a list is looked at) = place^-exponent.
    extra_items : float
        Items offered in a session beside those bought, Poisson mean.
    own_taste, matching : float
        Share of those that come from the user's own purchases, and from what goes with the basket; the rest follows
        popularity.
    searched : float
        P(an item was opened from a search).
    carted : float
        P(an item that is viewed at list price, and not bought, was put into the cart).
    panel_share : float
        Share of the sessions with a panel of bundles, drawn at random.
    slots : int
    policy_taste : float
        The logging policy draws a bundle with weight exp(policy_taste · taste).
    click, buy : float
        Log-odds of a click, and of a purchase after it, for a bundle of mean taste, lift 1 and no discount.
    taste_weight, lift_weight : float
        Added to both per unit of taste and of log lift.
    """

    position_exponent: float = 0.7
    extra_items: float = 6.0
    own_taste: float = 0.55
    matching: float = 0.25
    searched: float = 0.25
    carted: float = 0.1
    panel_share: float = 0.3
    slots: int = 3
    policy_taste: float = 1.0
    click: float = -3.0
    buy: float = -2.0
    taste_weight: float = 0.6
    lift_weight: float = 0.5


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

    Notes
    -----
    Sessions, browsing, bundles, panels and responses have a random stream each, and a stage draws all of its numbers
    before it looks at an assumption about people. So two worlds of one seed that differ in one assumption differ only
    in what follows from it: without position bias the same panels show the same bundles, and other ones are clicked.
    """
    assumptions = assumptions or Assumptions()
    customers = fit_customers(shop, until, level)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence([seed, _SIMULATOR_VERSION]).spawn(5)]
    baskets = customers.lines.groupby("basket").agg(user=("user", "first"), time=("time", "min"))
    chosen = np.sort(streams[0].choice(len(baskets), min(n_sessions, len(baskets)), replace=False))
    sessions = baskets.iloc[chosen].reset_index()
    sessions["sim_session_id"] = [f"S{number:06d}" for number in range(1, len(sessions) + 1)]
    browsing = _browse(customers, sessions, assumptions, streams[1])
    bundles = _bundles(customers, n_bundles, streams[2])
    bundle_events = _show(customers, sessions, bundles, assumptions, *streams[3:])
    return Behaviour(browsing, _as_table(customers, bundles), bundle_events, customers, assumptions)


def _browse(
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
        See :class:`Behaviour`.
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
    attention = _examination(listed["sim_position"].max(), assumptions.position_exponent)
    # A basket is a fact: what was bought had been looked at, wherever it stood.
    look, deal, cart, search = rng.random((4, len(listed)))
    looked = listed["sim_bought"] | (look < attention[listed["sim_position"] - 1])
    user, item = sessions["user"].to_numpy()[listed["session"]], listed["item"].to_numpy()
    ratio = np.where(deal < customers.deal_share[item], customers.deal_ratio[item], 1.0)
    pull = ratio ** (customers.elasticity[item] * customers.sensitivity[user])
    carted = (listed["sim_bought"] | (cart < np.minimum(assumptions.carted * pull, 1.0)))[looked]
    viewed, searched = listed[looked], (search < assumptions.searched)[looked]
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


def _bundles(customers: Customers, n_bundles: int, rng: np.random.Generator) -> list[tuple[list[int], float, float]]:
    """Items, discount and mean log lift of the pairs that meet most beyond chance; an item is used twice at most."""
    lift, popularity = customers.lift.tocoo(), customers.popularity
    half = lift.row < lift.col
    row, column, log_lift = lift.row[half], lift.col[half], np.log(lift.data[half])
    score = popularity[row] * popularity[column] * np.exp(log_lift) * log_lift
    used = np.zeros(len(popularity), dtype=int)
    bundles: list[tuple[list[int], float, float]] = []
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
    answers: np.random.Generator,
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
    chosen, propensity = _draw_slates(assumptions.policy_taste * taste, slots, rng)
    appeal = np.take_along_axis(appeal, chosen, axis=1)
    seen = _examination(slots, assumptions.position_exponent)
    click, buy = answers.random((2, *chosen.shape))
    clicked = click < seen * expit(assumptions.click + appeal)
    bought = clicked & (buy < expit(assumptions.buy + appeal))
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


def _examination(n_positions: int, exponent: float = 0.7) -> np.ndarray:
    """P(a position is looked at): position⁻ᵉˣᵖᵒⁿᵉⁿᵗ, 1 for the first.

    Parameters
    ----------
    n_positions : int
    exponent : float
        0 means no position bias; 1 halves the attention from the first to the second place.

    Returns
    -------
    ndarray, shape (n_positions,), float64

    References
    ----------
    Joachims, Swaminathan, Schnabel (2017), Unbiased learning-to-rank with biased feedback, WSDM: the
    position-based click model P(click) = P(examined | position) · P(attractive | user, item).

    Examples
    --------
    >>> _examination(3, exponent=1.0).round(2).tolist()
    [1.0, 0.5, 0.33]
    """
    return np.arange(1, n_positions + 1, dtype=float) ** -exponent


def _draw_slates(logits: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fill the slots of a panel one after another, without putting anything in twice.

    Each slot is drawn with probability exp(logit) / Σ exp(logit of what is left), the Plackett–Luce model, so the
    probability of every draw is known: what an estimator of another policy's value needs.

    Parameters
    ----------
    logits : ndarray, shape (n_panels, n_candidates), float
    size : int
        Slots of a panel, at most n_candidates.
    rng : Generator

    Returns
    -------
    chosen : ndarray, shape (n_panels, size), int64
        Candidates in the order of the slots.
    propensity : ndarray, shape (n_panels, size), float64
        P(this candidate in this slot | what stands before it); the product of a row is that of the whole panel.

    Notes
    -----
    Adding independent Gumbel noise and sorting draws from exactly this model (Yellott, 1977).
    """
    noisy = logits + rng.gumbel(size=logits.shape)
    chosen = np.argsort(-noisy, axis=1, kind="stable")[:, :size]
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    taken = np.take_along_axis(weight, chosen, axis=1)
    left = weight.sum(axis=1, keepdims=True) - np.cumsum(taken, axis=1) + taken
    return chosen, taken / left
