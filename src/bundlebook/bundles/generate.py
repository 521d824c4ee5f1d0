"""Candidates for one user: which items are linked, and the sets of two to five items that grow along the links.

Pairs are sets of size 2.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bundlebook.association import adjusted_lift, encode, fit_sizes, frequent_itemsets, item_cosine, linked_pairs
from bundlebook.bundles.joint import CoPurchase, SetCalibration
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets

#: Where a candidate can come from. A set of sources is a sum of their bits: 1, 2, 4, 8, 16.
SOURCES = ("likely", "goes with", "rule", "similar", "coupon")


@dataclass(frozen=True)
class Links:
    """Partners of every item, each with its source.

    Attributes
    ----------
    source : ndarray of uint8, shape (n_items, n_items)
        Sum of the bits of :data:`SOURCES` that link two items; symmetric, 0 without a link.
    partners : ndarray of int32, shape (n_items, most)
        Linked items, the strongest of each source in turn, filled up with −1.
    lift : ndarray of float32, shape (n_items, n_items)
        Size-adjusted lift of the mined pairs: how many times more often they share a basket than baskets of these
        sizes would bring about by themselves. NaN where the pair is not frequent, or the lift may be chance.
    within : ndarray of float32, shape (n_items, n_items)
        The same against the second null, which keeps every user's own taste as well, for the complements
        (:func:`~bundlebook.association.linked_pairs`). NaN for all other pairs, for all where nobody comes twice, and
        where it was not asked for.
    """

    source: np.ndarray
    partners: np.ndarray
    lift: np.ndarray
    within: np.ndarray


def _source_names(bits: int) -> tuple[str, ...]:
    """Name the sources of a sum of bits.

    >>> _source_names(5)
    ('likely', 'rule')
    """
    return tuple(name for place, name in enumerate(SOURCES) if bits >> place & 1)


def link_items(
    visible: Baskets,
    together: CoPurchase,
    offered: tuple[tuple[str, ...], ...] = (),
    per_source: int = 4,
    min_support: float = 0.0005,
    min_together: int = 100,
    complements: bool = True,
) -> Links:
    """Look for the best partners of every item in four places.

    Parameters
    ----------
    visible : Baskets
        What may be learned from.
    together : CoPurchase
        Odds ratios within users, over the same items.
    offered : tuple of tuples of str
        Sets that the shop itself put under one coupon or into one bundle.
    per_source : int
        Most partners an item gets from each source.
    min_support : float
        Smallest share of baskets of a mined pair.
    min_together : int
        Fewest user-periods behind an odds ratio.
    complements : bool
        Test the mined pairs against the second null as well, which takes most of the time. It fills ``within``, for the
        reasons. Partners are taken by the first null either way: on the default shop's validation weeks, pages of
        partners that passed both nulls came true as often (hits −.002 [−.005, .000] with one new item).

    Returns
    -------
    Links
    """
    n = visible.n_items
    lift, within = _mined(visible, min_support, complements)
    odds = np.where((together.together >= min_together) & (together.psi > 1), together.psi, 0.0)
    coupon = np.zeros((n, n))
    number = {label: place for place, label in enumerate(visible.items.tolist())}
    for labels in offered:
        ids = [number[label] for label in labels if label in number]
        coupon[np.ix_(ids, ids)] = 1
    # Among the items under one coupon, those that are bought together come first.
    strengths = [odds, np.nan_to_num(lift), item_cosine(visible).toarray(), coupon * (1 + together.psi)]
    source, tops = np.zeros((n, n), dtype=np.uint8), []
    for place, strength in enumerate(strengths, start=1):
        np.fill_diagonal(strength, 0)
        top = np.argsort(-strength, axis=1, kind="stable")[:, :per_source]
        found = np.take_along_axis(strength, top, axis=1) > 0
        tops.append(np.where(found, top, -1))
        rows = np.repeat(np.arange(n), found.sum(axis=1))
        for i, j in ((rows, top[found]), (top[found], rows)):
            source[i, j] |= np.uint8(1 << place)
    in_turn = np.stack(tops, axis=2).reshape(n, -1)
    return Links(source, _compact(in_turn), lift, within)


def _mined(visible: Baskets, min_support: float, complements: bool) -> list[np.ndarray]:
    """Lifts of the significant frequent pairs against both nulls, each of shape (n_items, n_items)."""
    if complements:
        pairs = linked_pairs(visible, min_support)
    else:
        encoded = encode(visible)
        pairs = adjusted_lift(frequent_itemsets(encoded, min_support, max_len=2), fit_sizes(encoded), lengths=(2,))
        pairs = pairs.assign(within_lift=np.nan, kind="not asked")
    number = {label: place for place, label in enumerate(visible.items)}
    i, j = np.array([[number[a], number[b]] for a, b in pairs["itemset"]], dtype=np.int64).reshape(-1, 2).T
    lifts = []
    kept = (pairs["p_adjusted"] < 0.05) & (pairs["adjusted_lift"] > 1)
    for name, found in {"adjusted_lift": kept, "within_lift": pairs["kind"] == "complements"}.items():
        square = np.full((visible.n_items, visible.n_items), np.nan, dtype=np.float32)
        square[i, j] = square[j, i] = pairs[name].where(found)
        lifts.append(square)
    return lifts


def _compact(partners: np.ndarray) -> np.ndarray:
    """Drop what stands in a row a second time, and move the −1 to its end."""
    out = np.full(partners.shape, -1, dtype=np.int32)
    for row, items in enumerate(partners.tolist()):
        kept = list(dict.fromkeys(item for item in items if item >= 0))
        out[row, : len(kept)] = kept
    return out


#: Most items of a set.
LARGEST = 5


@dataclass(frozen=True)
class Filters:
    """What a candidate must fulfil.

    Attributes
    ----------
    available : ndarray of bool, shape (n_items,), optional
        Items that may be offered; all if None.
    category : ndarray of int, shape (n_items,), optional
        Code of each item's category, for *per_category*.
    per_category : int
        Most items of one category in a set.
    unit_price : ndarray, shape (n_items,), optional
        Money per unit, for *band*.
    band : tuple of float
        Lowest and highest price of a whole set.
    new : ndarray of bool, shape (n_items,), optional
        Items that are new to the customer, for *at_least_new*.
    at_least_new : int
        Fewest new items in a set.
    """

    available: np.ndarray | None = None
    category: np.ndarray | None = None
    per_category: int = LARGEST
    unit_price: np.ndarray | None = None
    band: tuple[float, float] = (0.0, np.inf)
    new: np.ndarray | None = None
    at_least_new: int = 0


@dataclass(frozen=True)
class Candidates:
    """Sets for one customer.

    Attributes
    ----------
    items : ndarray of str, shape (n_items,)
        What the numbers of *members* stand for.
    members : ndarray of int32, shape (n_sets, 5)
        Positions in *items*, the more likely first, filled up with −1.
    size : ndarray of int64, shape (n_sets,)
    p : ndarray of float64, shape (n_items,)
        P(the customer buys the item within the period).
    probability : ndarray of float64, shape (n_sets,)
        P(the customer buys all of the set within the period).
    raw : ndarray of float64, shape (n_sets,)
        The same before calibration.
    independent : ndarray of float64, shape (n_sets,)
        The same if the items had nothing to do with one another: the product.
    source : ndarray of uint8, shape (n_sets,)
        Sum of the bits of :data:`~bundlebook.bundles.generate.SOURCES`.
    """

    items: np.ndarray
    members: np.ndarray
    size: np.ndarray
    p: np.ndarray
    probability: np.ndarray
    raw: np.ndarray
    independent: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.members)

    def where(self, chosen: np.ndarray) -> "Candidates":
        """Keep some sets (boolean mask or positions)."""
        rows = {n: getattr(self, n)[chosen] for n in ("members", "size", "probability", "raw", "independent", "source")}
        return replace(self, **rows)

    def ids(self, row: int) -> tuple[int, ...]:
        """Positions of the items of one set."""
        return tuple(self.members[row, : self.size[row]].tolist())

    def labels(self, row: int) -> tuple[str, ...]:
        """Labels of the items of one set."""
        return tuple(self.items[list(self.ids(row))].tolist())

    def table(self) -> pd.DataFrame:
        """One row a set: ``items``, ``size``, ``probability``, ``independent``, ``source``."""
        return pd.DataFrame(
            {
                "items": [" + ".join(self.labels(row)) for row in range(len(self))],
                "size": self.size,
                "probability": self.probability,
                "independent": self.independent,
                "source": [", ".join(_source_names(bits)) for bits in self.source.tolist()],
            }
        )


_NONE, _NO_FLAG = np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
_TARGET_GONE, _WRONG_BOND = 1, 2


class _Gone(BundlebookError):
    """The set that was asked for is not among the candidates."""


def candidates(
    probability: np.ndarray,
    items: np.ndarray,
    psi: np.ndarray,
    links: Links,
    sizes: tuple[int, ...] = (2, 3, 4, 5),
    likely: int = 12,
    width: int = 40,
    basket: np.ndarray | None = None,
    filters: Filters | None = None,
    calibration: SetCalibration | None = None,
    must_hold: str | None = None,
    target: Iterable[int] | None = None,
) -> Candidates:
    r"""Grow sets for one customer: pairs of likely items and of their partners, then one item at a time.

    The *likely* most probable items are the anchors. Every pair of anchors, and every anchor with each of its partners
    (:class:`~bundlebook.bundles.generate.Links`), is a pair. Of each size *width* sets are kept and extended by the
    anchors and by the partners of their own items: one half has the largest P(S), the other the largest
    :math:`P(S) - \prod_i p_i`, the part of the probability that is there because the items belong together.

    Parameters
    ----------
    probability : ndarray, shape (n_items,)
        P(bought within the period), of any calibrated recommender.
    items : ndarray of str, shape (n_items,)
    psi : ndarray, shape (n_items, n_items)
        Odds ratios within users.
    links : Links
    sizes : tuple of int
        Sizes wanted, 2 to 5.
    likely : int
        Number of anchors.
    width : int
        Most sets kept of each size.
    basket : ndarray of int, optional
        Items that lie in the basket already. They are offered in no set; their partners become anchors.
    filters : Filters, optional
    calibration : SetCalibration, optional
        Corrects the joint probabilities.
    must_hold : str, optional
        Only sets with this item, which may be as unlikely as it is: it becomes an anchor.
    target : iterable of int, optional
        Stop as soon as it is certain that this set of item numbers will not be among the candidates.

    Returns
    -------
    Candidates
        Sorted by size, probability (descending) and items; at most *width* of each size.

    Raises
    ------
    BundlebookError
        If the shapes differ, a size is not from 2 to 5, a probability or an odds ratio is none, *must_hold* is unknown,
        no set passes the filters, or *target* is not among those that do.
    """
    from bundlebook.bundles._compiled import grow_sets  # numba costs half a second to import

    p = np.asarray(probability, dtype=np.float64).ravel()
    n = len(items)
    if p.shape != (n,) or psi.shape != (n, n) or links.source.shape != (n, n):
        raise BundlebookError(f"{p.size} probabilities for {n} items", where="candidates")
    if not ((p >= 0) & (p <= 1)).all():
        raise BundlebookError("a probability is not in [0, 1]", where="candidates")
    if not sizes or not set(sizes) <= set(range(2, LARGEST + 1)):
        raise BundlebookError(f"sizes {sizes}", where="candidates", remedy=f"use sizes from 2 to {LARGEST}")
    filters = filters or Filters()
    allowed = np.ones(n, dtype=bool) if filters.available is None else filters.available.copy()
    held = np.empty(0, dtype=np.int64) if basket is None else np.asarray(basket, dtype=np.int64)
    allowed[held] = False
    must = -1
    if must_hold is not None:
        found = np.flatnonzero(items == must_hold)
        if not len(found):
            raise BundlebookError(f"unknown item {must_hold!r}", where="must_hold", remedy="use an item of the baskets")
        must = int(found[0])
    banded = filters.unit_price is not None and filters.band != (0.0, np.inf)
    members, size, raw, independent, source, told = grow_sets(
        p,
        psi,
        links.partners,
        links.source,
        allowed,
        _NONE if filters.category is None else filters.category,
        LARGEST if filters.category is None else filters.per_category,
        np.asarray(filters.unit_price if banded else (), dtype=np.float64),
        float(filters.band[0]),
        float(filters.band[1]),
        _NO_FLAG if filters.new is None else filters.new,
        0 if filters.new is None else filters.at_least_new,
        held,
        must,
        likely,
        width,
        max(sizes),
        _NONE if target is None else np.array(sorted(target), dtype=np.int64),
    )
    if told == _WRONG_BOND:
        raise BundlebookError("an odds ratio is not above 0", where="candidates")
    if told == _TARGET_GONE:
        raise _Gone("the set cannot be grown", where="candidates")
    if len(set(sizes)) < max(sizes) - 1:
        wanted = np.isin(size, sizes)
        members, size, raw, independent, source = (a[wanted] for a in (members, size, raw, independent, source))
    if not len(size):
        raise BundlebookError(
            "no set passes the filters", where="candidates", remedy="widen the filters or the sources"
        )
    final = raw if calibration is None else calibration(raw, size)
    return Candidates(items, members, size, p, final, raw, independent, source)
