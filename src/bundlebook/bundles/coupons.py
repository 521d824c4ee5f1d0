"""What the shop itself has put together and offered: coupons of the real shop, bundles of any other."""

import numpy as np
import pandas as pd

from bundlebook.shop import Shop


def offered_sets(shop: Shop, level: str, at: np.datetime64, largest: int = 8) -> tuple[tuple[str, ...], ...]:
    """Sets of items that the shop put under one coupon, or into one bundle, before a day.

    Parameters
    ----------
    shop : Shop
        The real shop has coupons; any other may have ``bundles``.
    level : str
        Column of ``shop.products`` to name items by.
    at : datetime64[D]
        Campaigns that begin on or after this day are not looked at; nor are bundles first shown then.
    largest : int
        Larger sets are left out: a coupon for 300 product types says nothing about any two of them.

    Returns
    -------
    tuple of tuples of str
        Sorted, each once; empty if the shop offers no sets.
    """
    if shop.campaigns is not None:
        start = shop.campaigns.coupons["campaign_id"].map(shop.campaigns.descriptions["start"])
        coupons = shop.campaigns.coupons[start.to_numpy() < np.datetime64(at)]
        table = pd.DataFrame({"set": coupons["coupon_id"], "item_id": coupons["item_id"]})
    elif shop.bundles is not None:
        table = pd.DataFrame({"set": shop.bundles["bundle_id"], "item_id": shop.bundles["item_id"]})
        if shop.bundle_events is not None:
            first = shop.bundle_events.groupby("bundle_id")["time"].min()
            table = table[table["set"].map(first).to_numpy().astype("datetime64[ns]") < np.datetime64(at, "ns")]
    else:
        return ()
    label = table["item_id"] if level == "item_id" else table["item_id"].map(shop.products.set_index("item_id")[level])
    known = pd.DataFrame({"set": table["set"].to_numpy(), "label": label.to_numpy()}).dropna().drop_duplicates()
    sets = known.groupby("set")["label"].agg(lambda labels: tuple(sorted(labels)))
    return tuple(sorted({labels for labels in sets if 2 <= len(labels) <= largest}))


def responses(shop: Shop) -> pd.DataFrame | None:
    """What customers did with the offers they were given: the only conversion that a log knows.

    Returns
    -------
    DataFrame or None
        One row an exposure: ``user_id``, ``kind`` (the campaign's type, or ``"sim_bundle"`` for shown bundles of a
        simulated shop), ``responded`` (bool). None for a shop that keeps no such record.

    Notes
    -----
    Of the real shop: a household and a campaign it received; it responded if it redeemed a coupon of that campaign.
    Which households got a campaign was the shop's choice, not a draw, so types must not be compared as if it were.
    """
    if shop.campaigns is not None:
        key = ["user_id", "campaign_id"]
        redeemed = pd.MultiIndex.from_frame(shop.campaigns.redemptions[key]).unique()
        table = shop.campaigns.exposures.drop_duplicates(key)
        return pd.DataFrame(
            {
                "user_id": table["user_id"].to_numpy(),
                "kind": table["campaign_id"].map(shop.campaigns.descriptions["kind"]).to_numpy(),
                "responded": pd.MultiIndex.from_frame(table[key]).isin(redeemed),
            }
        )
    if shop.bundle_events is None:
        return None
    events = shop.bundle_events
    keys = [column for column in ("user_id", "bundle_id", "session_id") if column in events]
    kinds = events.groupby(keys, sort=True)["event"].agg(set)
    shown = kinds[kinds.map(lambda seen: "shown" in seen)]
    return pd.DataFrame(
        {
            "user_id": shown.index.get_level_values("user_id"),
            "kind": "bundle" if shop.real else "sim_bundle",
            "responded": shown.map(lambda seen: "purchase" in seen).to_numpy(),
        }
    )
