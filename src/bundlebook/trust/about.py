"""What a shop holds about one user, and why this user is shown what: the answer to a request for access."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import EASE
from bundlebook.shop import Shop, clean, common_items, group_baskets, pseudonym
from bundlebook.trust.explanation import from_weights, reason

_ONE_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class About:
    """Everything a shop's tables hold about one user, and a list of recommendations with their reasons.

    Attributes
    ----------
    user : str
    called : str
        The pseudonym under which pages speak of the user.
    tables : dict of str to DataFrame
        The user's rows of every table that has some, as they were loaded.
    shown : DataFrame
        Items that are new to the user, best first: ``place``, ``item``, ``reason``. A reason that does not hold when it
        is tested is left empty.
    """

    user: str
    called: str
    tables: dict[str, pd.DataFrame]
    shown: pd.DataFrame

    def __str__(self) -> str:
        parts = [f"user {self.user}, on pages {self.called}"]
        for name, table in self.tables.items():
            parts.append(f"\n{name}: {len(table):,} rows\n{table.to_string(index=False)}")
        if len(self.shown):
            parts.append("\nwhat a list of new items would show, and why")
            for row in self.shown.itertuples():
                parts.append(
                    f"{row.place:>3}. {row.item}\n     {row.reason or 'no three purchases alone are the reason'}"
                )
        else:
            parts.append("\nno list can be made: nothing that others buy, too, is known of this user")
        return "\n".join(parts)


def describe_user(shop: Shop, user: str, k: int = 10) -> About:
    """Collect what a shop holds about one user, and explain the list that a linear model would show.

    Parameters
    ----------
    shop : Shop
        As loaded, before cleaning: what cleaning drops is stored all the same.
    user : str
        The identifier in the shop's tables.
    k : int
        Length of the list.

    Returns
    -------
    About

    Raises
    ------
    BundlebookError
        If no table knows the user.
    """
    tables = _rows_of(shop, str(user))
    if not tables:
        raise BundlebookError(
            f"nothing is stored about a user {user!r}",
            where=f"shop {shop.name!r}",
            remedy="give the identifier as it stands in the column user_id, not a pseudonym",
        )
    return About(str(user), pseudonym(str(user), shop), tables, _explained(shop, str(user), k))


def _rows_of(shop: Shop, user: str) -> dict[str, pd.DataFrame]:
    held = {"events": shop.events, "users": shop.users, "bundle_events": shop.bundle_events}
    if shop.campaigns is not None:
        for name, table in vars(shop.campaigns).items():
            if isinstance(table, pd.DataFrame):
                held[f"campaigns: {name}"] = table
    found = {}
    for name, table in held.items():
        if table is not None and "user_id" in table:
            rows = table[table["user_id"].astype(str) == user]
            if len(rows):
                found[name] = rows
    aside = shop.quarantine
    if {"column", "value"} <= set(aside):
        rows = aside[(aside["column"] == "user_id") & (aside["value"].astype(str) == user)]
        if len(rows):
            found["set aside at loading"] = rows
    return found


def _explained(shop: Shop, user: str, k: int) -> pd.DataFrame:
    nothing = pd.DataFrame({"place": [], "item": [], "reason": []})
    cleaned, _ = clean(shop)
    baskets = group_baskets(cleaned)
    if user not in baskets.user_ids:
        return nothing
    baskets = baskets.over(common_items(baskets))
    at = baskets.day.max() + _ONE_DAY
    history = (baskets.one(user).user_item().toarray()[0] > 0).astype(float)
    candidates = history == 0
    if not history.any() or candidates.sum() <= k:
        return nothing
    weights = EASE().fit(baskets, at).weights_.astype(float)
    scores = np.where(candidates, history @ weights, -np.inf)

    def called(column: int) -> str:
        return cleaned.called(baskets.items[column], baskets.level)

    rows = []
    for place, item in enumerate(np.argsort(-scores, kind="stable")[:k], start=1):
        why = from_weights(weights, history, candidates, int(item), k)
        rows.append((place, called(int(item)), reason(why, called)))
    return pd.DataFrame(rows, columns=["place", "item", "reason"])
