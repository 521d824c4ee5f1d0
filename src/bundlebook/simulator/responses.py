"""How users answer offers, simulated: with an uplift that is planted, so that a measurement can be checked."""

import numpy as np
import pandas as pd

from bundlebook.shop import Shop


def simulate_responses(
    shop: Shop, offers: pd.DataFrame, lift: float, *, seed: int, spread: float = 0.5
) -> tuple[Shop, float]:
    r"""Let the users of some offers buy, those of the group ``offer`` more often by a planted factor.

    .. math:: P(\text{user } u \text{ buys all of bundle } b) = \min\bigl(p_{ub}\, a_u\, (1 + \text{lift} \cdot o_u),\ 1
              \bigr), \qquad a_u \sim \text{Gamma with mean 1}

    with :math:`o_u` 1 for users who were offered bundles, and 0 for those held out. a_u makes the answers of one user
    hang together. Who does not buy all of a bundle buys all but its first item in half of the cases.

    Parameters
    ----------
    shop : Shop
        For its catalogue; its purchases before the offers stay.
    offers : DataFrame
        ``user_id``, ``group``, ``items`` (labels of the shop's level), ``probability``, ``first_day``, ``last_day``.
    lift : float
        Planted, ≥ −1; 0 plants nothing.
    seed : int
    spread : float
        Standard deviation of a_u.

    Returns
    -------
    shop : Shop
        Simulated, with the purchases of the period.
    planted : float
        Mean over all bundles of what an offer adds to the chance that it is bought whole.
    """
    rng = np.random.default_rng(seed)
    code, users = pd.factorize(offers["user_id"], sort=True)
    care = rng.gamma(1 / spread**2, spread**2, len(users))[code] if spread else np.ones(len(code))
    base = offers["probability"].to_numpy(float) * care
    without, offered = np.minimum(base, 1), np.minimum(base * (1 + lift), 1)
    chance = np.where((offers["group"] == "offer").to_numpy(), offered, without)
    whole, part = rng.random(len(offers)) < chance, rng.random(len(offers)) < 0.5
    level = shop.level("auto")
    product = shop.products.drop_duplicates(level).set_index(level)
    first, last = (np.datetime64(offers[name].iloc[0], "D") for name in ("first_day", "last_day"))
    days = first + rng.integers(int((last - first) / np.timedelta64(1, "D")) + 1, size=len(offers)).astype(
        "timedelta64[D]"
    )
    rows = []
    for user, items, day, all_, some in zip(
        offers["user_id"], offers["items"].str.split(" + ", regex=False), days, whole, part, strict=True
    ):
        rows += [(user, item, day) for item in (items if all_ else items[1:] if some else ())]
    rows.append((users[0], offers["items"].iloc[0].split(" + ")[0], last + 1))  # the log goes on after the period
    bought = pd.DataFrame(rows, columns=["user_id", "label", "time"])
    ids = product["item_id"] if level != "item_id" else pd.Series(product.index, index=product.index)
    events = pd.DataFrame(
        {
            "user_id": bought["user_id"].astype("str"),
            "item_id": bought["label"].map(ids).astype("str"),
            "time": bought["time"].astype("datetime64[ns]") + pd.Timedelta(hours=12),
            "event": "purchase",
            "quantity": 1,
            "price": bought["label"].map(product["price"]).astype(float),
        }
    )
    for name in shop.events.columns.difference(events.columns):
        events[name] = pd.Series(np.nan, events.index, dtype=shop.events[name].dtype)
    earlier = shop.events[shop.events["time"] < pd.Timestamp(first)]
    joined = pd.concat([earlier, events[shop.events.columns]], ignore_index=True)
    return shop.with_tables(events=joined, real=False), float((offered - without).mean())
