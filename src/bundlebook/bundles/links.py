"""Which items are linked, and by what: odds ratios, rules, similarity, the shop's own coupons and sets."""

from dataclasses import dataclass

import numpy as np

from bundlebook.association import adjusted_lift, encode, fit_sizes, frequent_itemsets, item_cosine
from bundlebook.bundles.joint import CoPurchase
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
        sizes would bring about by themselves. NaN where the pair is not frequent.
    """

    source: np.ndarray
    partners: np.ndarray
    lift: np.ndarray


def source_names(bits: int) -> tuple[str, ...]:
    """Name the sources of a sum of bits.

    >>> source_names(5)
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
) -> Links:
    """Look for the best partners of every item in four places.

    Parameters
    ----------
    visible : Baskets
        What may be learned from.
    together : CoPurchase
        Odds ratios within households, over the same items.
    offered : tuple of tuples of str
        Sets that the shop itself put under one coupon or into one bundle; see
        :func:`~bundlebook.bundles.coupons.offered_sets`.
    per_source : int
        Most partners an item gets from each source.
    min_support : float
        Smallest share of baskets of a mined pair.
    min_together : int
        Fewest household-periods behind an odds ratio.

    Returns
    -------
    Links
    """
    n = visible.n_items
    lift = _lifts(visible, min_support)
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
    return Links(source, _compact(in_turn), lift)


def _lifts(visible: Baskets, min_support: float) -> np.ndarray:
    """Adjusted lift of the significant frequent pairs, shape (n_items, n_items)."""
    encoded = encode(visible)
    pairs = adjusted_lift(frequent_itemsets(encoded, min_support, max_len=2), fit_sizes(encoded), lengths=(2,))
    pairs = pairs[(pairs["p_adjusted"] < 0.05) & (pairs["adjusted_lift"] > 1)]
    number = {label: place for place, label in enumerate(visible.items.tolist())}
    ids = np.array([[number[a], number[b]] for a, b in pairs["itemset"]], dtype=np.int64).reshape(-1, 2)
    lift = np.full((visible.n_items, visible.n_items), np.nan, dtype=np.float32)
    lift[ids[:, 0], ids[:, 1]] = lift[ids[:, 1], ids[:, 0]] = pairs["adjusted_lift"]
    return lift


def _compact(partners: np.ndarray) -> np.ndarray:
    """Drop what stands in a row a second time, and move the −1 to its end."""
    out = np.full(partners.shape, -1, dtype=np.int32)
    for row, items in enumerate(partners.tolist()):
        kept = list(dict.fromkeys(item for item in items if item >= 0))
        out[row, : len(kept)] = kept
    return out
