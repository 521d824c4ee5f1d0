"""How many known purchases point to one user, and what a release of counts hides."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Shop
from bundlebook.trust.audit import binomial_bounds

#: How exactly an observer knows when something was bought.
_SPANS = {"day": "D", "week": "W-SUN", "month": "M"}
#: Where the bands of basket sizes begin, beside the smallest.
_BANDS = (4, 6, 11)


def known_facts(shop: Shop, level: str = "item_id", when: str | None = None, until=None) -> sparse.csr_matrix:
    """Return what an observer can know of each user's purchases, one column per different fact.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    level : str
        A level of ``shop.levels``: what the observer sees of an item.
    when : {None, "day", "week", "month"}
        A fact is an item, or an item together with the time of its purchase.
    until : date-like, optional
        Only purchases before this day are counted.

    Returns
    -------
    csr_matrix of int8, shape (n_users, n_facts)
        1 where the fact is true of the user. Users in the order of their sorted identifiers.

    Raises
    ------
    BundlebookError
        For an unknown level or span of time, or if nothing was bought before *until*.
    """
    level = shop.level(level)
    if when is not None and when not in _SPANS:
        raise BundlebookError(f"when = {when!r}", where="known_facts", remedy=f"use None or one of {list(_SPANS)}")
    lines = shop.purchases if until is None else shop.purchases[shop.purchases["time"] < pd.Timestamp(until)]
    label = lines["item_id"]
    if level != "item_id":
        label = label.map(shop.products.set_index("item_id")[level])
    known = label.notna().to_numpy()
    if not known.any():
        raise BundlebookError(f"nothing was bought before {until}", where="known_facts", remedy="use a later day")
    user = pd.factorize(lines["user_id"][known], sort=True)[0]
    fact = pd.factorize(label[known], sort=True)[0].astype(np.int64)
    if when is not None:
        time = pd.factorize(lines["time"][known].dt.to_period(_SPANS[when]), sort=True)[0]
        fact = pd.factorize(fact * (time.max() + 1) + time, sort=True)[0]
    held = sparse.csr_matrix((np.ones(len(user), np.int32), (user, fact)))
    held.sum_duplicates()
    return sparse.csr_matrix((np.ones(held.nnz, np.int8), held.indices, held.indptr), shape=held.shape)


def unicity(
    facts: sparse.csr_matrix, known: Sequence[int] = (1, 2, 3, 4, 5, 6, 8), people: int = 1200, *, seed: int
) -> pd.DataFrame:
    r"""Estimate how often some known facts of a user are true of nobody else.

    .. math:: \text{unicity}(k) = P\bigl(|\{v : F \subseteq X_v\}| = 1\bigr), \qquad F \subseteq X_u,\ |F| = k

    with u drawn at random among the users with at least k facts, and F at random among the facts of u.

    Parameters
    ----------
    facts : csr_matrix, shape (n_users, n_facts)
        From :func:`known_facts`.
    known : sequence of int
        The k's, each at least 1.
    people : int
        Users drawn for each k; all of them if there are fewer.
    seed : int

    Returns
    -------
    DataFrame
        One row per k: ``unique`` (share), ``low``, ``high`` (95 %, Clopper–Pearson over the users drawn) and ``users``.

    References
    ----------
    Y.-A. de Montjoye, L. Radaelli, V. K. Singh, A. Pentland: Unique in the shopping mall. Science, 2015.

    Examples
    --------
    Three users; only the third holds fact 2, and all three hold fact 0:

    >>> facts = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]]))
    >>> round(float(unicity(facts, known=[2], seed=0).loc[2, "unique"]), 2)
    0.33
    """
    if min(known, default=0) < 1 or people < 1:
        raise BundlebookError(f"known = {list(known)}, people = {people}", where="unicity", remedy="use 1 or more")
    rng, holders, rows = np.random.default_rng(seed), facts.tocsc(), {}
    size = np.diff(facts.indptr)
    for k in known:
        able = rng.permutation(np.flatnonzero(size >= k))[:people]
        if not len(able):
            raise BundlebookError(f"no user has {k} facts", where="unicity", remedy="ask for fewer known facts")
        alone = sum(_is_alone(facts, holders, user, k, rng) for user in able)
        rows[k] = (alone / len(able), *binomial_bounds(alone, len(able)), len(able))
    return pd.DataFrame(rows, index=["unique", "low", "high", "users"]).T.rename_axis("known").astype({"users": int})


def basket_unicity(
    baskets: Baskets, least: int = 3, people: int = 1200, together: bool = False, *, seed: int
) -> pd.DataFrame:
    """Estimate how often the items of *one basket* point to one user: what anybody behind that user at the till saw.

    Parameters
    ----------
    baskets : Baskets
        Over items of the level that the observer sees.
    least : int
        Fewest different items of a basket.
    people : int
        Users drawn, each with one basket drawn at random; all who have such a basket if there are fewer.
    together : bool
        False: the published records tell what a user bought, and somebody fits who ever bought all of the items.
        True: they tell the baskets, and somebody fits who bought them all at once.
    seed : int

    Returns
    -------
    DataFrame
        A row for all of the baskets and one for each band of sizes that was drawn: ``unique`` (share), ``low``,
        ``high`` (95 %, Clopper–Pearson over the users drawn) and ``users``.

    Raises
    ------
    BundlebookError
        If nobody has such a basket.

    Examples
    --------
    Two users bought tea and milk, only the second both at once. His basket is found only where baskets are published:

    >>> from scipy import sparse
    >>> lines = sparse.csr_matrix(np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32))
    >>> day = np.array(["2021-05-01", "2021-05-02", "2021-05-01"], dtype="datetime64[D]")
    >>> b = Baskets(lines, np.array([0, 0, 1]), day, np.array(["u", "v"]), np.array(["milk", "tea"]))
    >>> [basket_unicity(b, 2, together=way, seed=0).loc["all", "unique"].item() for way in (False, True)]
    [0.0, 1.0]
    """
    if least < 1 or people < 1:
        raise BundlebookError(
            f"least = {least}, people = {people}", where="basket_unicity", remedy="use 1 or more of both"
        )
    size = baskets.sizes()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(size >= least))
    if not len(order):
        raise BundlebookError(f"no basket has {least} items", where="basket_unicity", remedy="ask for fewer items")
    drawn = order[np.sort(np.unique(baskets.user[order], return_index=True)[1])][:people]
    lines = baskets.quantities.tocsr()
    held = (lines if together else baskets.user_item()).tocsc()
    owner = baskets.user if together else np.arange(baskets.n_users)
    alone = np.array([_only_one(held, owner, lines.indices[lines.indptr[b] : lines.indptr[b + 1]]) for b in drawn])
    bands = {"all": (least, size.max())}
    edges = [least, *(edge for edge in _BANDS if edge > least)]
    for low, high in zip(edges, [*(edge - 1 for edge in edges[1:]), size.max()], strict=True):
        bands[f"{low}" if low == high else f"{low} to {high}"] = (low, high)
    rows = {}
    for name, (low, high) in bands.items():
        there = alone[(size[drawn] >= low) & (size[drawn] <= high)]
        if len(there):
            rows[name] = (there.mean(), *binomial_bounds(int(there.sum()), len(there)), len(there))
    found = pd.DataFrame(rows, index=["unique", "low", "high", "users"]).T.rename_axis("items in the basket")
    return found.astype({"users": int})


def _is_alone(
    facts: sparse.csr_matrix, holders: sparse.csc_matrix, user: int, k: int, rng: np.random.Generator
) -> bool:
    """Whether *k* random facts of a user are true of nobody else."""
    own = facts.indices[facts.indptr[user] : facts.indptr[user + 1]]
    return _only_one(holders, np.arange(facts.shape[0]), rng.choice(own, k, replace=False))


def _only_one(holders: sparse.csc_matrix, owner: np.ndarray, known: np.ndarray) -> bool:
    """Whether all rows that hold every one of the known columns belong to one user."""
    rarest_first = known[np.argsort(holders.indptr[known + 1] - holders.indptr[known], kind="stable")]
    left: np.ndarray | None = None
    for fact in rarest_first:
        having = holders.indices[holders.indptr[fact] : holders.indptr[fact + 1]]
        left = having if left is None else np.intersect1d(left, having, assume_unique=True)
        if len(left) == 1 or (owner[left] == owner[left[0]]).all():
            return True
    return False


def released(facts: sparse.csr_matrix, least: int = 5) -> pd.DataFrame:
    """Count the users behind each fact, and hide the counts of small groups.

    Parameters
    ----------
    facts : csr_matrix, shape (n_users, n_facts)
    least : int
        Counts of fewer users than this are not released.

    Returns
    -------
    DataFrame
        One row per fact: ``users`` (NaN where hidden) and ``hidden``.

    Raises
    ------
    BundlebookError
        If *least* is below 1.
    """
    if least < 1:
        raise BundlebookError(f"groups of at least {least}", where="released", remedy="use 1 or more; 5 is usual")
    users = np.asarray(facts.sum(axis=0, dtype=np.int64)).ravel()
    return pd.DataFrame({"users": np.where(users >= least, users, np.nan), "hidden": users < least})
