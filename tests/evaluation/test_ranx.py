"""The ranking metrics agree with ranx on random rankings, ties broken by a grain of noise."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.evaluation import metrics, rank

# ranx compiles itself for a minute, too long for every run; test_metrics.py compares with scikit-learn each time.
pytestmark = pytest.mark.crosscheck
ranx = pytest.importorskip("ranx", reason="ranx is not locked, since it compiles for a minute: `pip install ranx`")


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_ranxs(seed):
    rng = np.random.default_rng(seed)
    n_users, n_items, k = 40, 30, 10
    scores = rng.integers(0, 6, size=(n_users, n_items)) + rng.random((n_users, n_items)) / 100
    bought = np.argsort(rng.random((n_users, n_items))) < rng.integers(1, 25, size=(n_users, 1))
    ranking = rank(scores, sparse.csr_matrix(bought), depth=n_items)
    truth = {f"u{u:02d}": {f"i{i}": 1 for i in np.flatnonzero(row)} for u, row in enumerate(bought)}
    lists = {
        f"u{u:02d}": {f"i{item}": float(n_items - place) for place, item in enumerate(row)}
        for u, row in enumerate(ranking.items)
    }
    names = [f"recall@{k}", f"precision@{k}", f"ndcg@{k}", f"mrr@{k}", f"hit_rate@{k}", f"map@{n_items}"]
    theirs = ranx.evaluate(ranx.Qrels(truth), ranx.Run(lists), names, return_mean=False)
    ours = {
        f"recall@{k}": metrics.recall(ranking, k),
        f"precision@{k}": metrics.precision(ranking, k),
        f"ndcg@{k}": metrics.ndcg(ranking, k),
        f"mrr@{k}": metrics.reciprocal_rank(ranking, k),
        f"hit_rate@{k}": metrics.hit_rate(ranking, k),
        # With k below |T_u| conventions differ: ours divides by min(k, |T_u|), theirs by |T_u|.
        f"map@{n_items}": metrics.average_precision(ranking, n_items),
    }
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name], abs=1e-9), name
