"""Recommend bundles: everything between a probability and an offer, fitted once, and the one call behind a page."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.bundles.bundle import Bundle
from bundlebook.bundles.elasticity import Demand, demand
from bundlebook.bundles.generate import Candidates, Filters, candidates, link_items
from bundlebook.bundles.joint import SetCalibration, co_purchase
from bundlebook.bundles.page import Limits, Objective, Taste, choose, objective
from bundlebook.bundles.pricing import ASSUMED_MARGIN, DISCOUNTS, Priced, Weights, price, prices
from bundlebook.bundles.reasons import Reason, first_true, never_bought, possible_reasons, saving, weakened
from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    BasketCompleter,
    BoostedTrees,
    Calibrated,
    DecayedFrequency,
    ItemKNN,
    ProbabilisticRecommender,
    Stacked,
    UserKNN,
)
from bundlebook.shop import PERIOD_DAYS, Baskets, Shop, common_items, group_baskets

_Kind = Literal["personal", "matching", "discounted"]
_REPLAY = ("size", "joint", "independent", "came_true")


#: Models of P(bought in the period) that may be asked for by name. Each takes a seed.
P_MODELS: dict[str, Callable[[int], ProbabilisticRecommender]] = {
    "counting": lambda seed: Calibrated(DecayedFrequency()),
    "trees": lambda seed: BoostedTrees(seed=seed),
    "stacked": lambda seed: Stacked([*_neighbourly()], seed=seed),
    "stacked with trees": lambda seed: Stacked([*_neighbourly(), BoostedTrees(seed=seed)], seed=seed),
}


def _neighbourly() -> tuple[DecayedFrequency, UserKNN, ItemKNN]:
    return DecayedFrequency(), UserKNN(), ItemKNN()


class BundleRecommender:
    """Everything between a probability and an offer, fitted on one shop up to one day.

    Parameters
    ----------
    model : ProbabilisticRecommender or str
        P(bought in the period), or a name of :data:`P_MODELS`: ``"counting"`` (decayed frequency with calibration),
        ``"trees"``, ``"stacked"`` or ``"stacked with trees"``. A network may be passed as well, best as
        :class:`~bundlebook.recommenders.FromCache`: it is trained for two days, the day before the replayed period and
        the day of the offer.
    sizes : tuple of int
        Sizes of the sets, 2 to 5.
    likely, width : int
        Of :func:`~bundlebook.bundles.generate.candidates`.
    discounts : tuple of float
        To choose from.
    margin : float
        ASSUMED mean share of the price that is margin.
    taste : Taste, optional
        Of :func:`~bundlebook.bundles.page.objective`.
    per_category : int
        Most items of one category in a set.
    replayed : int
        Customers whose sets calibrate the joint probabilities; with 0 these stay raw, and nothing is fitted for the
        period before. The order of sets of one size is the same.

    Attributes
    ----------
    items_ : ndarray of str, shape (n_items,)
    names_ : ndarray of str, shape (n_items,)
        What sentences call them.
    category_ : ndarray of int64, shape (n_items,)
        Code of each item's category.
    filters_ : Filters
        Everything that has a price, and at most *per_category* of a category.
    table_ : DataFrame
        From :func:`~bundlebook.bundles.pricing.prices`.
    replay_ : DataFrame
        The sets that the calibration was learned from: ``size``, ``joint`` (raw), ``independent``, ``came_true``.
    together_, links_, demand_, calibration_, completer_
        The fitted parts. ``demand_`` is None for a shop without price cuts; sets are then offered at the usual price.
    """

    def __init__(
        self,
        model: ProbabilisticRecommender | str = "counting",
        sizes: tuple[int, ...] = (2, 3, 4, 5),
        likely: int = 10,
        width: int = 30,
        discounts: tuple[float, ...] = DISCOUNTS,
        margin: float = ASSUMED_MARGIN,
        taste: Taste | None = None,
        per_category: int = 2,
        replayed: int = 400,
    ) -> None:
        if isinstance(model, str) and model not in P_MODELS:
            known = ", ".join(map(repr, P_MODELS))
            raise BundlebookError(f"unknown model {model!r}", where="BundleRecommender", remedy=f"use one of {known}")
        self.model = P_MODELS[model](0) if isinstance(model, str) else model
        self.sizes, self.likely, self.width, self.discounts = sizes, likely, width, discounts
        self.margin, self.taste, self.per_category, self.replayed = margin, taste or Taste(), per_category, replayed

    def fit(self, shop: Shop, visible: Baskets, at: np.datetime64, seed: int = 0) -> Self:
        """Learn from everything before *at*: once with the last period hidden, to calibrate, and once with all of it.

        Parameters
        ----------
        shop : Shop
            For prices, categories and coupons.
        visible : Baskets
            Of this shop; their columns are the items that can be offered.
        at : datetime64[D]
            First day of the period that the probabilities speak of.
        seed : int
            For which customers are replayed, and for the completer.
        """
        self.at_, self.items_, self.currency_ = np.datetime64(at).astype("datetime64[D]"), visible.items, shop.currency
        visible = visible.between(end=self.at_)
        then = self.at_ - np.timedelta64(PERIOD_DAYS, "D")
        self.replay_ = self._replay(shop, visible, then, seed) if self.replayed else pd.DataFrame(columns=_REPLAY)
        self.calibration_ = SetCalibration.fit(
            *(self.replay_[name].to_numpy() for name in ("joint", "size", "came_true"))
        )
        self._learn(shop, visible, self.at_, reasons=True)
        self.completer_ = BasketCompleter(seed=seed).fit(visible, self.at_)
        start = visible.day.min()
        self.table_ = prices(shop, visible, start, self.at_, self.margin, spread=True, unpriced=1.0)
        self.demand_: Demand | None
        try:
            self.demand_ = demand(shop, start, self.at_, visible.level)
        except BundlebookError:  # nothing was ever discounted, so no response is known
            self.demand_ = None
        usual = self.table_["usual_price"].to_numpy(float)
        elastic = np.zeros(len(usual)) if self.demand_ is None else self.demand_.of(self.table_["category"])
        self._money = usual, self.table_["cost"].to_numpy(float), elastic
        if visible.level == "item_id":  # an item's own name; where it has none, its number, with the letters it has
            self.names_ = np.array([shop.called(item) for item in visible.items.tolist()])
        else:
            self.names_ = readable(visible.items, self.table_["category"])
        self.category_ = np.unique(self.table_["category"].to_numpy(str), return_inverse=True)[1]
        self._private = self.table_["private_label"].to_numpy() >= 0.5
        self.filters_ = Filters(np.isfinite(usual) & (usual > 0), self.category_, self.per_category, usual, new=None)
        self._nobody = visible.empty()
        sums = [self.model.probability(part, self.at_).sum(axis=0, dtype=float) for part in _tenths(visible)]
        self.everybody_ = np.sum(sums, axis=0) / visible.n_users
        return self

    def _learn(self, shop: Shop, past: Baskets, at: np.datetime64, reasons: bool) -> None:
        self.model.fit(past, at)
        self.together_ = co_purchase(past, at)
        self.links_ = link_items(past, self.together_, _offered_sets(shop, past.level, at), complements=reasons)

    def _replay(self, shop: Shop, visible: Baskets, then: np.datetime64, seed: int) -> pd.DataFrame:
        past, last = visible.between(end=then), visible.between(start=then)
        users = np.flatnonzero(past.counts_by_user() >= 3)
        if not len(users):
            raise BundlebookError(f"nobody has three baskets before {then}", where="BundleRecommender.fit")
        users = np.sort(np.random.default_rng(seed).permutation(users)[: self.replayed])
        self._learn(shop, past, then, reasons=False)
        p = self.model.probability(past.of_users(users), then)
        bought = last.of_users(users).user_item().toarray() > 0
        parts = []
        for row in range(len(users)):
            sets = candidates(p[row], self.items_, self.together_.psi, self.links_, self.sizes, self.likely, self.width)
            came = (bought[row][sets.members] | (sets.members < 0)).all(axis=1)
            columns = {"size": sets.size, "joint": sets.probability, "independent": sets.independent}
            parts.append(pd.DataFrame({**columns, "came_true": came}))
        return pd.concat(parts, ignore_index=True)

    def probability(self, history: Baskets | None = None) -> np.ndarray:
        """P(bought in the period) of one customer, shape (n_items,); of nobody in particular without a history."""
        return self.model.probability(self._nobody if history is None else history, self.at_)[0].astype(np.float64)

    def candidates(
        self,
        history: Baskets | None = None,
        kind: _Kind = "personal",
        basket: tuple[str, ...] = (),
        filters: Filters | None = None,
        sizes: tuple[int, ...] | None = None,
        must_hold: str | None = None,
    ) -> Candidates:
        """Candidates of one customer.

        Parameters
        ----------
        history : Baskets, optional
            One user's baskets over :attr:`items_`.
        kind : {"personal", "matching", "discounted"}
            For this customer in this period; for the basket at hand; for everybody.
        basket : tuple of str
            Items in the basket; unknown ones are passed over. Needed for ``"matching"``.
        filters : Filters, optional
            Instead of the fitted ones.
        sizes : tuple of int, optional
            Instead of those of the recommender.
        must_hold : str, optional
            Only sets with this item.
        """
        held = self._held(basket)
        p = self._probabilities(self._nobody if history is None else history, kind, held)[0]
        return self._candidates(p, kind, held, filters, sizes, must_hold)

    def _candidates(
        self,
        p: np.ndarray,
        kind: _Kind,
        held: np.ndarray,
        filters: Filters | None,
        sizes: tuple[int, ...] | None = None,
        must_hold: str | None = None,
        target: Iterable[int] | None = None,
    ) -> Candidates:
        psi, calibration = self._strengths(kind)
        return candidates(
            p,
            self.items_,
            psi,
            self.links_,
            sizes or self.sizes,
            self.likely,
            self.width,
            held,
            filters or self.filters_,
            calibration,
            must_hold,
            target,
        )

    def _probabilities(self, histories: Baskets, kind: _Kind, held: np.ndarray) -> np.ndarray:
        """P of each item for each user, shape (n_users, n_items)."""
        n = histories.n_users
        if kind not in ("personal", "matching", "discounted"):
            raise BundlebookError(f"unknown kind {kind!r}", remedy="use 'personal', 'matching' or 'discounted'")
        if kind == "discounted":
            return np.broadcast_to(self.everybody_, (n, len(self.items_)))
        if kind == "matching":
            if not len(held):
                raise BundlebookError("no known item lies in the basket", where="candidates", remedy="pass basket=")
            cart = sparse.csr_matrix(
                (np.ones(n * len(held)), np.tile(held, n), len(held) * np.arange(n + 1)), shape=(n, len(self.items_))
            )
            return self.completer_.probability(cart, histories, np.arange(n), self.at_)
        return self.model.probability(histories, self.at_)

    def _strengths(self, kind: _Kind) -> tuple[np.ndarray, SetCalibration | None]:
        """Odds ratios, and the calibration, of one kind of sets."""
        if kind == "discounted":
            # Customers differ, and that alone brings items together in the crowd: hence the crude odds ratio.
            return self.together_.crude, None
        return self.together_.psi, self.calibration_ if kind == "personal" else None  # learned on whole periods

    def price(self, sets: Candidates, least_discount: float = 0.0) -> Priced:
        """Offer candidates at every discount, with the fitted prices, costs and elasticities."""
        usual, cost, elastic = self._money
        discounts = tuple(d for d in self.discounts if d >= least_discount)
        if self.demand_ is None:
            discounts = discounts[:1]
        return price(sets, usual, cost, elastic, discounts)

    def recommend(
        self,
        history: Baskets | None = None,
        k: int = 3,
        weights: Weights | None = None,
        kind: _Kind = "personal",
        basket: tuple[str, ...] = (),
        limits: Limits | None = None,
        need_own_brand: bool = False,
        filters: Filters | None = None,
        method: Literal["greedy", "beam", "exact"] = "beam",
    ) -> list[Bundle]:
        """Fill a page with bundles for one customer.

        Parameters
        ----------
        history : Baskets, optional
            One user's baskets over :attr:`items_`; none for a stranger.
        k, weights, kind, basket, limits, need_own_brand, filters, method
            As in :meth:`pages`.

        Returns
        -------
        list of Bundle
            Best first, as :func:`~bundlebook.bundles.page.choose` gives them.
        """
        one = self._nobody if history is None else history
        return self.pages(one, k, weights, kind, basket, limits, need_own_brand, filters, method)[0]

    def pages(
        self,
        histories: Baskets,
        k: int = 3,
        weights: Weights | None = None,
        kind: _Kind = "personal",
        basket: tuple[str, ...] = (),
        limits: Limits | None = None,
        need_own_brand: bool = False,
        filters: Filters | None = None,
        method: Literal["greedy", "beam", "exact"] = "beam",
    ) -> list[list[Bundle]]:
        """Fill a page with bundles for each of many customers.

        Parameters
        ----------
        histories : Baskets
            Over :attr:`items_`. A user without a basket is a stranger.
        k : int
            Most bundles.
        weights : Weights, optional
            w_S, w_R and w_D.
        kind, basket, filters
            As in :meth:`candidates`. Discounted sets have a discount of at least 5 %.
        limits : Limits, optional
            Only ``per_item`` and ``budget`` are read; the rest is filled in.
        need_own_brand : bool
            At least one bundle must hold an item that is mostly sold under the shop's own brand.
        method : {"greedy", "beam", "exact"}
            See :func:`~bundlebook.bundles.page.choose`.

        Returns
        -------
        list of lists of Bundle
            One page per user, each best first: the same as :meth:`recommend` gives for the user alone.

        Notes
        -----
        The reason of a bundle has passed a deletion test: the page is filled again as if what the reason names were
        not there (the purchases, the item in the basket, the bond, the popularity), and the bundle is gone. If the
        first reason fails, the next is tried; where all fail, none is given, for a false one is worse.

        All users are scored in one call, and so are all histories with something taken out. A page is not filled again
        where its sets cannot be grown any more: that is known before prices are looked at.
        """
        if (histories.day >= self.at_).any():
            histories = histories.between(end=self.at_)
        held = tuple(self._held(basket).tolist())
        call = _Call(self, k, weights, kind, held, limits, need_own_brand, filters, method)
        parts = [
            np.arange(low, min(low + _AT_ONCE, histories.n_users)) for low in range(0, histories.n_users, _AT_ONCE)
        ]
        return [page for users in parts for page in call.pages(histories.of_users(users))]

    def _held(self, basket: Iterable[str]) -> np.ndarray:
        """Columns of the items in a basket; a basket of which nothing is known would change nothing, and is refused."""
        if isinstance(basket, str):
            raise BundlebookError(
                f"the basket {basket!r} is text", where="basket", remedy=f"give its items: basket=({basket!r},)"
            )
        wanted = list(basket)
        held = np.flatnonzero(np.isin(self.items_, wanted))
        if wanted and not len(held):
            unknown = sorted(map(str, wanted))[:5]
            raise BundlebookError(
                f"no item of the basket is known: {unknown}",
                where="basket",
                remedy=f"name items as the shop does at this level, for example {str(self.items_[0])!r}",
            )
        return held

    def own_brand(self, priced: Priced) -> np.ndarray:
        """Which sets hold an item that is mostly sold under the shop's own brand, shape (n_sets,), bool."""
        return (self._private[priced.sets.members] & (priced.sets.members >= 0)).any(axis=1)


#: Users whose pages are held in memory at a time.
_AT_ONCE = 100


@dataclass
class _Call:
    """What one call asks for, and how the pages of some users follow from it."""

    fitted: BundleRecommender
    k: int
    weights: Weights | None
    kind: _Kind
    held: tuple[int, ...]
    limits: Limits | None
    need_own_brand: bool
    filters: Filters | None
    method: Literal["greedy", "beam", "exact"]

    def fill(self, sets: Candidates) -> tuple[Priced, Objective, tuple[int, ...]]:
        """Price candidates and choose a page of them."""
        priced = self.fitted.price(sets, 0.05 if self.kind == "discounted" else 0.0)
        goal = objective(priced, self.fitted.category_, self.weights, self.fitted.taste)
        own = self.fitted.own_brand(priced) if self.need_own_brand else None
        limits = replace(self.limits or Limits(), given=priced.given, own_brand=own)
        return priced, goal, choose(goal, self.k, limits, self.method)

    def scored(self, histories: Baskets, held: tuple[int, ...]) -> np.ndarray:
        return self.fitted._probabilities(histories, self.kind, np.array(held, dtype=np.int64))

    def grown(self, p: np.ndarray, held: tuple[int, ...], target: Iterable[int] | None = None) -> Candidates:
        basket = np.array(held, dtype=np.int64)
        return self.fitted._candidates(p, self.kind, basket, self.filters, target=target)

    def pages(self, histories: Baskets) -> list[list[Bundle]]:
        """Fill the pages of some users, each with its reasons."""
        fitted, n = self.fitted, histories.n_users
        p = self.scored(histories, self.held)
        filled = [self.fill(self.grown(p[user], self.held)) for user in range(n)]
        strange = histories.counts_by_user() == 0
        places, tried = [], []
        for user, (priced, _, chosen) in enumerate(filled):
            history = None if strange[user] else histories.of_users(np.array([user]))
            for row in chosen:
                places.append((user, row))
                tried.append(possible_reasons(priced.sets, row, fitted.links_, history, self.held, fitted.names_))

        def still_shown(asked: list[tuple[int, Reason]]) -> list[bool]:
            return self.shown_without(histories, filled, [(*places[number], reason) for number, reason in asked])

        said = dict(zip(places, first_true(tried, still_shown), strict=True))
        return [
            [Bundle.of(priced, row, goal, (*said[user, row], *saving(priced, row, fitted.currency_))) for row in chosen]
            for user, (priced, goal, chosen) in enumerate(filled)
        ]

    def shown_without(self, histories: Baskets, filled: list, asked: list[tuple[int, int, Reason]]) -> list[bool]:
        """Whether each bundle would still be on its page if what a reason names were not there."""
        changed = [number for number, (_, _, reason) in enumerate(asked) if reason.bought]
        if changed:
            users = np.array([asked[number][0] for number in changed])
            p = self.scored(never_bought(histories.of_users(users), [asked[n][2].bought for n in changed]), self.held)
        place = {number: row for row, number in enumerate(changed)}
        return [
            self.still_shown(
                filled[user][0].sets, row, reason, histories, user, p[place[number]] if number in place else None
            )
            for number, (user, row, reason) in enumerate(asked)
        ]

    def still_shown(
        self, sets: Candidates, row: int, reason: Reason, histories: Baskets, user: int, p: np.ndarray | None
    ) -> bool:
        ids = frozenset(sets.ids(row))
        try:
            if p is not None:
                other = self.grown(p, self.held, ids)
            elif reason.held is not None:
                left = tuple(item for item in self.held if item != reason.held)
                other = self.grown(self.scored(histories.of_users(np.array([user])), left)[0], left, ids)
            else:
                other = weakened(sets, reason, *self.fitted._strengths(self.kind))
            priced, _, rows = self.fill(other)
        except BundlebookError:  # without it there is no such set, or no page at all
            return False
        return ids in {frozenset(priced.sets.ids(row)) for row in rows}


def _offered_sets(shop: Shop, level: str, at: np.datetime64, largest: int = 8) -> tuple[tuple[str, ...], ...]:
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
            table = table[table["set"].map(first).to_numpy().astype("datetime64[ns]") < at.astype("datetime64[ns]")]
    else:
        return ()
    label = table["item_id"] if level == "item_id" else table["item_id"].map(shop.products.set_index("item_id")[level])
    known = pd.DataFrame({"set": table["set"].to_numpy(), "label": label.to_numpy()}).dropna().drop_duplicates()
    sets = known.groupby("set")["label"].agg(lambda labels: tuple(sorted(labels)))
    return tuple(sorted({labels for labels in sets if 2 <= len(labels) <= largest}))


def readable(items: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Names for sentences: labels of a till in small letters, and single words with their category behind them.

    Parameters
    ----------
    items, category : ndarray of str, shape (n_items,)

    Returns
    -------
    ndarray of str, shape (n_items,)

    Examples
    --------
    >>> readable(np.array(["PRIMAL", "SPAGHETTI DRY"]), np.array(["BEEF", "DRY NOODLES/PASTA"])).tolist()
    ['primal (beef)', 'spaghetti dry']
    """
    names = []
    for label, kind in zip(items.tolist(), np.asarray(category, dtype=str).tolist(), strict=True):
        said = label.lower() if label.isupper() else label
        bare = len(label.split()) == 1 and kind and kind.lower() not in label.lower()
        names.append(f"{said} ({kind.lower() if kind.isupper() else kind})" if bare else said)
    return np.array(names)


def _tenths(histories: Baskets) -> list[Baskets]:
    """Every tenth of the users at a time, so that no dense matrix of all of them is needed."""
    return [
        part
        for part in (histories.of_users(np.arange(low, histories.n_users, 10)) for low in range(10))
        if part.n_users
    ]


_FITTED: OrderedDict[tuple[int, str, str], tuple[Shop, Baskets, BundleRecommender]] = OrderedDict()
_KEPT = 4


def recommend_bundles(
    shop: Shop,
    user: str | Baskets | None = None,
    at: np.datetime64 | str | None = None,
    k: int = 3,
    weights: Weights | None = None,
    model: str = "counting",
    **page,
) -> list[Bundle]:
    """The one call behind a page: k bundles for one customer on one day.

    The first call for a shop, day and model fits (some seconds) and keeps the result in memory; later ones take
    milliseconds.

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
    model : str
        A name of :data:`P_MODELS`: what P is made of.
    **page
        For :meth:`BundleRecommender.recommend`: ``kind``, ``basket``, ``limits``, ``need_own_brand`` …

    Returns
    -------
    list of Bundle

    Raises
    ------
    BundlebookError
        If *user* is a number, or *at* is no date.
    """
    if not isinstance(user, str | Baskets | None):
        raise BundlebookError(
            f"the user {user!r} is not text", where="user", remedy="write identifiers as text: user='1001'"
        )
    visible, fitted = _fitted(shop, at, model)
    if isinstance(user, str):
        user = visible.one(user) if user in visible.user_ids else None
    elif user is not None:
        user = user.between(end=fitted.at_).over(fitted.items_)
    return fitted.recommend(user, k, weights, **page)


def _fitted(shop: Shop, at, model: str) -> tuple[Baskets, BundleRecommender]:
    try:
        day = np.datetime64(at, "D") if at is not None else None
    except (ValueError, TypeError):
        day = np.datetime64("NaT")
    if day is None:
        day = np.datetime64(shop.purchases["time"].max(), "D") + 1
    if np.isnat(day):
        raise BundlebookError(f"{at!r} is no date", where="at", remedy="write it as 2021-05-31")
    key = (id(shop), str(day), model)
    if key not in _FITTED:
        visible = group_baskets(shop).between(end=day)
        visible = visible.over(common_items(visible))
        _FITTED[key] = (
            shop,
            visible,
            BundleRecommender(model).fit(shop, visible, day),
        )  # the shop is kept: its id stays its own
        while len(_FITTED) > _KEPT:
            _FITTED.popitem(last=False)
    return _FITTED[key][1:]
