"""Items the shop has never sold, made from items it has: the cold start of things, with a known answer."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.shop import Shop, Split


def hide_items(shop: Shop, split: Split, share: float = 0.2, *, seed: int) -> tuple[Shop, Split, np.ndarray]:
    """Erase every purchase of some items before the validation window; what they are stays known.

    Parameters
    ----------
    shop : Shop
        Cleaned.
    split : Split
        Of that shop.
    share : float
        Part of the items that is hidden, in (0, 1); at least one item.
    seed : int
        Of the choice.

    Returns
    -------
    shop : Shop
        Without those purchases.
    split : Split
        Likewise; baskets that held nothing else stay as empty ones, so that every user keeps the same visits.
    hidden : ndarray of bool, shape (n_items,)
    """
    if not 0 < share < 1:
        raise BundlebookError(f"share is {share}", where="hide_items", remedy="use a number between 0 and 1")
    b = split.baskets
    hidden = np.zeros(b.n_items, dtype=bool)
    hidden[np.random.default_rng(seed).permutation(b.n_items)[: max(1, round(share * b.n_items))]] = True
    products = shop.products["item_id"]
    members = products[shop.products[b.level].isin(b.items[hidden])]
    early = shop.events["time"].to_numpy() < np.datetime64(split.train_end)
    erased = early & shop.events["item_id"].isin(members).to_numpy()
    entries = b.quantities.tocoo()
    kept = ~(hidden[entries.col] & (b.day < split.train_end)[entries.row])
    left = sparse.csr_matrix((entries.data[kept], (entries.row[kept], entries.col[kept])), shape=entries.shape)
    return (
        shop.with_tables(events=shop.events[~erased]),
        replace(split, baskets=replace(b, quantities=left)),
        hidden,
    )
