"""Whether a prediction knew what it could not know: rewrite the future and see if the past's prediction moves."""

from collections.abc import Callable

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets


def rewrite_future(baskets: Baskets, at: np.datetime64, *, seed: int) -> Baskets:
    """Return a world with the same past in which the baskets from *at* on have changed hands.

    Users and days of the later baskets stay; their contents are shuffled among them and the items renamed by a random
    permutation, so that neither who buys what nor what sells well survives.
    """
    rng = np.random.default_rng(seed)
    later = np.flatnonzero(baskets.day >= np.datetime64(at, "D"))
    if not len(later):
        raise BundlebookError(
            f"no basket lies on or after {at}", where="rewrite_future", remedy="choose an earlier day"
        )
    order = np.arange(baskets.n_baskets)
    order[later] = rng.permutation(later)
    mixed = baskets.quantities[order].tocsr()
    is_later = np.repeat(np.isin(np.arange(baskets.n_baskets), later), np.diff(mixed.indptr))
    mixed.indices = np.where(is_later, rng.permutation(baskets.n_items)[mixed.indices], mixed.indices).astype(np.int32)
    mixed.sort_indices()
    return Baskets(mixed, baskets.user, baskets.day, baskets.user_ids, baskets.items, baskets.level)


def future_influence(
    predict: Callable[[Baskets], np.ndarray], baskets: Baskets, at: np.datetime64, *, seed: int
) -> float:
    """Largest change of a prediction made at *at* when only what came later is rewritten: 0, or there is a leak.

    Parameters
    ----------
    predict : callable
        The whole pipeline under suspicion: takes all baskets, past and future, cuts them itself and returns scores.
    baskets : Baskets
    at : datetime64[D]
        The day at which `predict` claims to stand.
    seed : int
        Two calls of `predict` must give equal results on equal baskets, so it has to fix its own seeds.

    Returns
    -------
    float
        Largest absolute difference of a score; infinite if even the shape changes (the users or items that are
        judged were chosen by the future).
    """
    truly, rewritten = predict(baskets), predict(rewrite_future(baskets, at, seed=seed))
    if truly.shape != rewritten.shape:
        return float("inf")
    return float(np.abs(truly.astype(np.float64) - rewritten).max())
