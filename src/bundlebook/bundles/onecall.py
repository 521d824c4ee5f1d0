"""The one call an engineer puts behind a page."""

from collections import OrderedDict

import numpy as np
from scipy import sparse

from bundlebook.bundles.bundle import Bundle
from bundlebook.bundles.recommender import BundleRecommender
from bundlebook.bundles.worth import Weights
from bundlebook.shop import Baskets, Shop, group_baskets

_FITTED: OrderedDict[tuple[int, str], tuple[Shop, Baskets, BundleRecommender]] = OrderedDict()
_KEPT = 4


def recommend_bundles(
    shop: Shop,
    user: str | Baskets | None = None,
    at: np.datetime64 | str | None = None,
    k: int = 3,
    weights: Weights | None = None,
    **page,
) -> list[Bundle]:
    """The one call behind a page: k bundles for one customer on one day.

    The first call for a shop and day fits (some seconds) and keeps the result in memory; later ones take milliseconds.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    user : str, Baskets or None
        A customer of the shop; or the history of somebody it does not know, one user's baskets over any items; or
        nobody at all. An identifier that never bought anything before *at* is a stranger as well.
    at : datetime64[D] or ISO date, optional
        Nothing on or after this day is looked at; the day after the last purchase if None.
    k : int
    weights : Weights, optional
    **page
        For :meth:`BundleRecommender.recommend`: ``kind``, ``basket``, ``limits``, ``need_own_brand`` …

    Returns
    -------
    list of Bundle
    """
    visible, fitted = _fitted(shop, at)
    if isinstance(user, str):
        row = np.searchsorted(visible.user_ids, user)
        if row < visible.n_users and visible.user_ids[row] == user:
            low, high = np.searchsorted(visible.user, [row, row + 1])
            user = _one_user(visible, low, high, user)
        else:
            user = None
    elif user is not None:
        known = np.intersect1d(user.items, fitted.items_)
        user = _over(user.between(end=fitted.at_).with_items(known), fitted.items_)
    return fitted.recommend(user, k, weights, **page)


def _fitted(shop: Shop, at) -> tuple[Baskets, BundleRecommender]:
    day = shop.purchases["time"].max().normalize() + np.timedelta64(1, "D") if at is None else at
    day = np.datetime64(day, "D")
    key = (id(shop), str(day))
    if key not in _FITTED:
        visible = group_baskets(shop).between(end=day)
        buyers = np.bincount(visible.user_item().indices, minlength=visible.n_items)
        visible = visible.with_items(visible.items[buyers >= 20])
        _FITTED[key] = (
            shop,
            visible,
            BundleRecommender().fit(shop, visible, day),
        )  # the shop is kept: its id stays its own
        while len(_FITTED) > _KEPT:
            _FITTED.popitem(last=False)
    return _FITTED[key][1:]


def _one_user(visible: Baskets, low: int, high: int, user: str) -> Baskets:
    """Baskets low … high − 1, which are one user's: a slice, for speed."""
    return Baskets(
        visible.quantities[low:high],
        np.zeros(high - low, np.int64),
        visible.day[low:high],
        np.array([user]),
        visible.items,
        visible.level,
    )


def _over(history: Baskets, items: np.ndarray) -> Baskets:
    """The same baskets with the columns *items*, a superset of theirs."""
    lines = history.quantities.tocoo()
    column = np.searchsorted(items, history.items)[lines.col]
    wide = sparse.csr_matrix((lines.data, (lines.row, column)), shape=(history.n_baskets, len(items)))
    return Baskets(wide, history.user, history.day, history.user_ids, items, history.level)
