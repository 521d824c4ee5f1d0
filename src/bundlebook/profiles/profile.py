"""The profiles of a shop: fit them, show the portrait of one user or item, match a user with items."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.profiles._attributes import ITEM_GROUPS, USER_GROUPS, _percentiles, item_attributes, user_attributes
from bundlebook.profiles.matching import ProfileMatch
from bundlebook.profiles.vectors import item_vectors
from bundlebook.profiles.weights import Weights, people
from bundlebook.shop import Baskets, Shop, Split


@dataclass(frozen=True)
class Profiles:
    """Everything that is known about a shop's users and items at the end of the training weeks.

    Attributes
    ----------
    users, items : DataFrame
        Readable attributes, see :mod:`bundlebook.profiles._attributes`.
    vectors : DataFrame, shape (n_items, n_features)
        See :func:`~bundlebook.profiles.vectors.item_vectors`.
    people : DataFrame or None
        Social attributes, see :func:`~bundlebook.profiles.weights.people`.
    model : ProfileMatch
        Fitted on the training weeks.
    visible : Baskets
        Baskets of the training weeks.
    at : datetime64[D]
        First day after them.
    """

    users: pd.DataFrame
    items: pd.DataFrame
    vectors: pd.DataFrame
    people: pd.DataFrame | None
    model: ProfileMatch
    visible: Baskets
    at: np.datetime64


def fit(shop: Shop, split: Split, weights: Weights | None = None, *, seed: int) -> Profiles:
    """Count, describe and learn, from the training weeks alone.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    split : Split
    weights : Weights, optional
        Set by hand; learned if not given.
    seed : int
        Seed for the draw of users that teach the weights.

    Returns
    -------
    Profiles
    """
    vectors, known = item_vectors(shop, split), people(shop.users)
    model = ProfileMatch(vectors, known, weights, seed=seed).fit(split.training, split.train_end)
    users, items = user_attributes(shop, split), item_attributes(shop, split)
    return Profiles(users, items, vectors, known, model, split.training, split.train_end)


def portrait(profiles: Profiles, name: str) -> pd.DataFrame:
    """Show the attributes of one user or one item beside those of all others.

    Parameters
    ----------
    profiles : Profiles
    name : str
        A ``user_id`` of the training weeks, or an item of the split.

    Returns
    -------
    DataFrame
        Index: attribute. ``group``, ``value``, ``median`` (of all users or items), ``percentile`` (0 lowest to 100).

    Raises
    ------
    BundlebookError
        If nobody and nothing has that name.
    """
    table, groups = (profiles.users, USER_GROUPS) if name in profiles.users.index else (profiles.items, ITEM_GROUPS)
    if name not in table.index:
        raise BundlebookError(
            f"there is no portrait of {name!r}",
            remedy=f"use a user_id of the log, or an item such as {profiles.items.index[0]!r}",
        )
    shown = pd.DataFrame(
        {
            "group": [groups.get(attribute, "what") for attribute in table],
            "value": table.loc[name],
            "median": table.median(),
            "percentile": _percentiles(table).loc[name],
        }
    )
    return shown.rename_axis("attribute")


def similar_items(profiles: Profiles, item: str, k: int = 5) -> pd.Series:
    """Find the items with the most similar vectors: cosine in [0, 1], the highest first, equal ones by name."""
    if item not in profiles.vectors.index:
        raise BundlebookError(f"there is no item {item!r}", remedy=f"use one such as {profiles.vectors.index[0]!r}")
    values = profiles.vectors.to_numpy(np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    cosine = pd.Series((unit @ unit[profiles.vectors.index.get_loc(item)]).round(6), index=profiles.vectors.index)
    return cosine.drop(item).sort_index().sort_values(ascending=False, kind="stable").head(k).rename("cosine")


def match(profiles: Profiles, user_id: str, k: int = 10) -> pd.DataFrame:
    """Find the items that match one user best, and where each score comes from.

    Parameters
    ----------
    profiles : Profiles
    user_id : str
        Any user. The portrait of one whom the shop has never seen holds what everyone buys, and with known social
        attributes what people with the same ones buy.
    k : int
        Number of items.

    Returns
    -------
    DataFrame
        Index: item, the best first. ``score`` (C = U·P, relative to the best), one column per source (they sum to the
        score), ``bought`` (baskets of the user that held the item).
    """
    visible = profiles.visible
    history = visible.one(user_id) if user_id in visible.user_ids else visible.empty(user_id)
    by_source, _ = profiles.model.parts(history, profiles.at)
    score = np.sum(list(by_source.values()), axis=0)[0]
    best = np.argsort(-score.round(9), kind="stable")[:k]
    table = {"score": score[best]} | {source: part[0, best] for source, part in by_source.items()}
    index = pd.Index(profiles.visible.items[best], name="item")
    bought = np.asarray(history.incidence.sum(axis=0)).ravel()[best].astype(int)
    return (pd.DataFrame(table, index=index) / score[best[0]]).assign(bought=bought)
