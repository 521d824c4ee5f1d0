"""Pages of bundles against what was bought: which bundles came true, and what baselines would have put on the page."""

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.association import association_rules, encode, frequent_itemsets
from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


def page_results(
    pages: list[list[tuple[int, ...]]], inside: Baskets, unit_price: np.ndarray, category: np.ndarray
) -> pd.DataFrame:
    """Compare every user's page with the user's baskets of the window.

    Parameters
    ----------
    pages : list of lists of tuples of int
        Per user the bundles shown, each the positions of its items; a page may be short or empty.
    inside : Baskets
        The window's baskets; user u is page u.
    unit_price : ndarray, shape (n_items,)
        Usual price in money.
    category : ndarray, shape (n_items,)

    Returns
    -------
    DataFrame
        One row per user: ``hit`` (a bundle was bought completely within the window), ``one basket`` (… in one basket),
        ``bought`` (share of the page's bundles bought completely), ``sales`` (their usual price, money),
        ``shown`` (mean usual price of the bundles shown), ``categories`` (distinct ones on the page).

    Notes
    -----
    Nobody was shown these pages. A hit says that the page had foreseen what the user wanted, not that it caused it.
    """
    if len(pages) != inside.n_users:
        raise BundlebookError(f"{len(pages)} pages for {inside.n_users} users", where="page_results")
    start = np.searchsorted(inside.user, np.arange(len(pages) + 1))
    rows = []
    for user, page in enumerate(pages):
        baskets = inside.incidence[start[user] : start[user + 1]].toarray() > 0
        came = [bool(baskets[:, list(bundle)].any(axis=0).all()) for bundle in page]
        together = [bool(baskets[:, list(bundle)].all(axis=1).any()) for bundle in page]
        price = [float(unit_price[list(bundle)].sum()) for bundle in page]
        shown = sorted({item for bundle in page for item in bundle})
        rows.append(
            {
                "hit": float(any(came)),
                "one basket": float(any(together)),
                "bought": float(np.mean(came)) if page else 0.0,
                "sales": float(np.dot(price, came)),
                "shown": float(np.mean(price)) if page else np.nan,
                "categories": float(len(set(category[shown].tolist()))),
            }
        )
    return pd.DataFrame(rows)


def pairs_by_score(scores: np.ndarray, k: int, new: np.ndarray | None = None) -> list[list[tuple[int, int]]]:
    """Make pages from scores of single items: the first item with the second, the third with the fourth, and so on.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
    k : int
        Pairs per page.
    new : ndarray of bool, shape (n_users, n_items), optional
        If given, every pair joins the best item the user knows and the best one that is new, the second ones and so on.
        Users that know fewer than k items get a shorter page.

    Returns
    -------
    list of lists of pairs
    """
    pages = []
    for user in range(len(scores)):
        if new is None:
            order = np.argsort(-scores[user], kind="stable")[: 2 * k].tolist()
            pages.append(list(zip(order[::2], order[1::2], strict=False)))
            continue
        sides = [np.flatnonzero(side) for side in (~new[user], new[user])]
        best = [side[np.argsort(-scores[user, side], kind="stable")[:k]].tolist() for side in sides]
        pages.append(list(zip(*best, strict=False)))
    return pages


def pairs_by_link(
    frequency: sparse.csr_matrix,
    strength: sparse.csr_matrix | np.ndarray,
    k: int,
    new: np.ndarray | None = None,
    starts: int = 15,
) -> list[list[tuple[int, int]]]:
    r"""Make pages from links between items: the largest frequency of one item times the strength of its link.

    .. math:: s_u(i \to j) = f_{ui} \cdot a_{ij}

    With the confidence of rules as a this is the share of the user's baskets that held i and are expected to hold j.

    Parameters
    ----------
    frequency : csr_matrix, shape (n_users, n_items)
        Share of the user's baskets with the item.
    strength : csr_matrix or ndarray, shape (n_items, n_items)
        For example confidences of rules, or cosines.
    k : int
        Pairs per page; no item stands in two.
    new : ndarray of bool, shape (n_users, n_items), optional
        If given, j must be new to the user.
    starts : int
        So many of the user's most frequent items are tried as i.
    """
    pages, strength = [], sparse.csr_matrix(strength)
    for user in range(frequency.shape[0]):
        row = slice(frequency.indptr[user], frequency.indptr[user + 1])
        ids, value = frequency.indices[row], frequency.data[row]
        first = np.argsort(-value, kind="stable")[:starts]
        scored = []
        for i, f in zip(ids[first].tolist(), value[first].tolist(), strict=True):
            link = slice(strength.indptr[i], strength.indptr[i + 1])
            partners, a = strength.indices[link], strength.data[link]
            if new is not None:
                partners, a = partners[new[user, partners]], a[new[user, partners]]
            best = np.argsort(-a, kind="stable")[: 2 * k]
            scored += [(-f * strong, i, j) for j, strong in zip(partners[best].tolist(), a[best].tolist(), strict=True)]
        page: list[tuple[int, int]] = []
        used: set[int] = set()
        for _, i, j in sorted(scored):
            if len(page) == k:
                break
            if not {i, j} & used:
                page.append((i, j))
                used |= {i, j}
        pages.append(page)
    return pages


def share_of_baskets(histories: Baskets) -> sparse.csr_matrix:
    """Share of each user's baskets that held each item, shape (n_users, n_items)."""
    baskets = np.maximum(histories.counts_by_user(), 1)
    return (sparse.diags(1 / baskets) @ histories.user_item()).tocsr()


def rule_confidences(visible: Baskets, min_support: float = 0.001) -> sparse.csr_matrix:
    """Confidence of every mined rule i ⇒ j, shape (n_items, n_items)."""
    rules = association_rules(frequent_itemsets(encode(visible), min_support, max_len=2))
    number = pd.Index(visible.items)
    sides = [number.get_indexer([side for (side,) in rules[name]]) for name in ("antecedent", "consequent")]
    return sparse.csr_matrix((rules["confidence"].to_numpy(), tuple(sides)), shape=(visible.n_items,) * 2)
