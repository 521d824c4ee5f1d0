"""Whether a prediction used what nobody could know yet: four checks to run on data and code of one's own.

==========================  ===================================================================================
:func:`future_influence`    time travel: rewrite the future and see if the past's prediction moves
:func:`truth_in_features`   items of the window in the features of a user
:func:`composition_leak`    bundles whose items were written into the histories when the bundle was bought
:func:`benchmark_leaks`     the same for every part of a data set of bundles
==========================  ===================================================================================
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import fisher_exact

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.metrics import recall
from bundlebook.evaluation.ranking import rank
from bundlebook.graphs import BundleData
from bundlebook.shop import Baskets, Task

_USERS_AT_ONCE = 1000


def _rewrite_future(baskets: Baskets, at: np.datetime64, *, seed: int) -> Baskets:
    """Return a world with the same past in which the baskets from *at* on have changed hands.

    Users and days of the later baskets stay; their contents are shuffled among them and the items renamed by a random
    permutation, so that neither who buys what nor what sells well survives.
    """
    rng = np.random.default_rng(seed)
    later = np.flatnonzero(baskets.day >= np.asarray(at, dtype="datetime64[D]"))
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
    truly, rewritten = predict(baskets), predict(_rewrite_future(baskets, at, seed=seed))
    if truly.shape != rewritten.shape:
        return float("inf")
    return float(np.abs(truly.astype(np.float64) - rewritten).max())


def truth_in_features(features: np.ndarray | sparse.spmatrix, task: Task) -> pd.Series:
    """Whether a table of user features over items knows purchases that the visible histories do not hold.

    Looked at are the pairs of a user and an item that he or she had not bought before. A feature counted from the past
    is 0 on all of them. One that was counted on the complete data is not: it is filled where the item was bought in
    the window, and empty where it was not.

    Parameters
    ----------
    features : array or sparse matrix, shape (n_users, n_items)
        Rows as ``task.histories.user_ids``, columns as its items; any weights (counts, shares, times since ...).
    task : Task

    Returns
    -------
    Series
        ``filled, bought``: share of the new items bought in the window whose feature is not 0; ``filled, not bought``:
        the same of all other new items; ``leak``: whether the first exceeds the second by more than chance (one-sided
        Fisher test, p < .001). Features that are dense by nature (factors, smoothed rates) need
        :func:`future_influence`, which asks the code that makes them.
    """
    features = sparse.csr_matrix(features)
    if features.shape != task.truth.shape:
        raise BundlebookError(f"features have shape {features.shape}, the truth {task.truth.shape}")
    before, filled = task.histories.user_item() > 0, features != 0
    fresh = sparse.csr_matrix(task.truth > 0) - sparse.csr_matrix((task.truth > 0).multiply(before))
    in_truth = int(fresh.multiply(filled).sum())
    outside = int(filled.sum() - filled.multiply(before).sum()) - in_truth
    n_truth = int(fresh.sum())
    n_outside = int(np.prod(task.truth.shape) - before.nnz - n_truth)
    table = [[in_truth, n_truth - in_truth], [outside, n_outside - outside]]
    p = fisher_exact(table, alternative="greater").pvalue
    shares = {"filled, bought": in_truth / max(n_truth, 1), "filled, not bought": outside / max(n_outside, 1)}
    return pd.Series(shares | {"leak": bool(p < 0.001)}, dtype=object)


def composition_leak(
    user_item: sparse.spmatrix, bundle_item: sparse.spmatrix, held_out: sparse.spmatrix, k: int = 20
) -> pd.Series:
    r"""Whether a benchmark of bundles gives its answers away through the users' item histories.

    If a bundle's items were written into the history when the bundle was bought, then "which share of this bundle has
    the user bought already" finds the held-out bundles without learning anything. That one line is the test:

    .. math:: s_{ub} = |I_u \cap I_b| \,/\, |I_b|

    Parameters
    ----------
    user_item : sparse matrix, shape (n_users, n_items)
        Item histories as given to the recommender.
    bundle_item : sparse matrix, shape (n_bundles, n_items)
    held_out : sparse matrix, shape (n_users, n_bundles)
        Bundles to be found, for example those of the test.
    k : int
        Length of the list.

    Returns
    -------
    Series
        ``complete``: share of the held-out (user, bundle) pairs of which the user's history holds every item;
        ``by chance``: the same of all pairs of such a user and any bundle; ``Recall@k`` of the one-line score and of
        ``a random order``; ``leak``: whether more than half of the pairs are complete and ten times as many as by
        chance.

    Examples
    --------
    Ann bought items 0 and 1; bundle 0 holds these two, bundle 1 items 1 and 2. Bundle 0 is to be found:

    >>> ann, content = sparse.csr_matrix([[1, 1, 0]]), sparse.csr_matrix([[1, 1, 0], [0, 1, 1]])
    >>> composition_leak(ann, content, sparse.csr_matrix([[1, 0]]), k=1)[["complete", "Recall@1"]].tolist()
    [1.0, 1.0]
    """
    own, content, truth = (_ones(matrix) for matrix in (user_item, bundle_item, held_out))
    if own.shape[1] != content.shape[1] or truth.shape != (own.shape[0], content.shape[0]):
        raise BundlebookError(
            f"shapes {own.shape}, {content.shape} and {truth.shape} do not fit together",
            where="composition_leak",
            remedy="pass users × items, bundles × items and users × bundles",
        )
    users = np.flatnonzero(np.diff(truth.indptr))
    size = np.diff(content.indptr)
    if not len(users) or not (size > 0).any():
        raise BundlebookError("no bundle is held out, or all are empty", where="composition_leak")
    k, complete, chance, found = min(k, truth.shape[1]), 0, 0, []
    for low in range(0, len(users), _USERS_AT_ONCE):
        rows = users[low : low + _USERS_AT_ONCE]
        share = (own[rows] @ content.T).toarray() / np.maximum(size, 1)
        wanted = truth[rows]
        complete += int((share[wanted.nonzero()] >= 1).sum())
        chance += int((share >= 1).sum())
        found.append(recall(rank(share, wanted, k, np.ones(share.shape, dtype=bool)), k))
    complete, chance = complete / truth.nnz, chance / (len(users) * truth.shape[1])
    values = {"complete": complete, "by chance": chance, f"Recall@{k}": float(np.concatenate(found).mean())}
    return pd.Series(
        values | {"a random order": k / truth.shape[1], "leak": bool(complete > 0.5 and complete > 10 * chance)},
        dtype=object,
    )


def benchmark_leaks(data: BundleData, k: int = 20) -> pd.DataFrame:
    """Ask :func:`composition_leak` of every part of a bundle data set.

    A data set that is honest gives about the same for all parts. One whose test bundles stand in the item histories,
    or whose training bundles do and the test ones do not, is no test of a recommender.

    Parameters
    ----------
    data : BundleData
        From :func:`bundlebook.graphs.load_bundle_data`, which takes a folder.
    k : int
        Length of the list.

    Returns
    -------
    DataFrame
        One row per part (train, tune, test), columns as in :func:`composition_leak`.
    """
    rows = {
        part: composition_leak(data.user_item, data.bundle_item, held, k) for part, held in data.user_bundle.items()
    }
    return pd.DataFrame(rows).T


def _ones(matrix: sparse.spmatrix) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(matrix, dtype=np.float32, copy=True)
    matrix.eliminate_zeros()
    matrix.data[:] = 1
    return matrix
