from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import EASE, ItemCosine, Recommender
from bundlebook.shop import Baskets

LATER = np.datetime64("2021-06-01")


@pytest.fixture(scope="module")
def log() -> Baskets:
    rng = np.random.default_rng(4)
    dense = (rng.random((60, 7)) < rng.random(7)).astype(np.float32)
    dense[:, 6] = dense[:, 0] * (rng.random(60) < 0.9)  # item 6 follows item 0
    dense[dense.sum(axis=1) == 0, 1] = 3
    user = np.repeat(np.arange(20), 3)
    day = np.datetime64("2021-01-01") + np.tile(np.arange(3), 20).astype("timedelta64[D]")
    return Baskets(
        sparse.csr_matrix(dense), user, day, np.array([f"u{n:02d}" for n in range(20)]), np.array(list("abcdefg"))
    )


@pytest.mark.parametrize(("rows", "log_counts"), [("users", False), ("baskets", False), ("users", True)])
def test_ease_minimises_its_loss(log, rows, log_counts):
    counts = log.user_item().toarray().astype(float) if rows == "users" else log.incidence.toarray().astype(float)
    x = np.log1p(counts) if log_counts else (counts > 0).astype(float)
    weights = EASE(l2=5.0, rows=rows, log_counts=log_counts).fit(log, LATER).weights_
    off = ~np.eye(7, dtype=bool)

    def loss(flat):
        b = np.zeros((7, 7))
        b[off] = flat
        return ((x - x @ b) ** 2).sum() + 5.0 * (b**2).sum()

    best = minimize(loss, np.zeros(42), method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 5000}).x
    assert weights[off] == pytest.approx(best, abs=2e-4)
    assert (np.diag(weights) == 0).all()


@pytest.mark.parametrize("rows", ["users", "baskets"])
def test_item_cosine_is_scikit_learns(log, rows):
    x = (log.user_item() > 0).toarray().astype(float) if rows == "users" else log.incidence.toarray().astype(float)
    expected = cosine_similarity(x.T)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(ItemCosine(rows=rows).fit(log, LATER).weights_, expected, atol=1e-6)


@pytest.mark.parametrize("model", [EASE(rows="baskets"), ItemCosine(), EASE(), EASE(log_counts=True)])
def test_scores_are_history_times_weights_and_see_no_future(log, model):
    at = np.datetime64("2021-01-03")
    model.fit(log, at)
    past = log.where(log.day < at)
    counts = past.user_item().toarray()
    history = np.log1p(counts) if getattr(model, "log_counts", False) else counts > 0
    np.testing.assert_allclose(model.scores(log, at), history @ model.weights_, rtol=1e-5)
    again = deepcopy(model).fit(past, at)
    assert (again.weights_ == model.weights_).all()
    assert isinstance(model, Recommender)


def test_the_follower_is_found(log):
    scores = EASE(l2=1.0, rows="baskets").fit(log, LATER).weights_[0]
    assert scores.argmax() == 6


def test_a_user_without_history_gets_zeros(log):
    scores = ItemCosine().fit(log, LATER).scores(log, np.datetime64("2020-01-01"))
    assert scores.shape == (20, 7)
    assert (scores == 0).all()


def test_bad_arguments(log):
    with pytest.raises(BundlebookError, match="l2 must be positive"):
        EASE(l2=0)
    with pytest.raises(BundlebookError, match="unknown rows 'items'"):
        ItemCosine(rows="items")
    with pytest.raises(BundlebookError, match="no basket lies before"):
        EASE().fit(log, np.datetime64("2020-01-01"))
