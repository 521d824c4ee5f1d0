"""Each check is silent on clean data and catches the leak that was planted."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import composition_leak, truth_in_features


def test_features_counted_on_everything_are_caught(split, task):
    users = np.isin(split.baskets.user_ids, task.histories.user_ids)
    honest = task.histories.user_item()
    everything = split.baskets.of_users(np.flatnonzero(users)).between(end=task.until).user_item()
    clean, leaky = truth_in_features(honest, task), truth_in_features(everything, task)
    assert not clean["leak"] and clean["filled, bought"] == 0
    assert leaky["leak"] and leaky["filled, bought"] == 1 and leaky["filled, not bought"] == 0


def test_features_filled_at_random_are_no_leak(task):
    noise = sparse.random(*task.truth.shape, density=0.4, random_state=0)
    found = truth_in_features(noise, task)
    assert not found["leak"] and found["filled, not bought"] == pytest.approx(0.4, abs=0.05)
    with pytest.raises(BundlebookError, match="features have shape"):
        truth_in_features(noise.tocsr()[:, :-1], task)


@pytest.fixture(scope="module")
def bundles():
    rng = np.random.default_rng(0)
    content = sparse.csr_matrix(np.argsort(rng.random((200, 300))) < 5, dtype=float)
    own = sparse.csr_matrix(rng.random((150, 300)) < 0.05, dtype=float)
    held_out = sparse.csr_matrix((np.ones(150), (np.arange(150), rng.integers(200, size=150))), shape=(150, 200))
    return own, content, held_out


def test_bundles_written_into_the_histories_are_caught(bundles):
    own, content, held_out = bundles
    clean = composition_leak(own, content, held_out)
    assert not clean["leak"] and clean["complete"] == 0 and clean["Recall@20"] < 0.2
    leaky = composition_leak(own + held_out @ content, content, held_out)
    assert leaky["leak"] and leaky["complete"] == 1 and leaky["Recall@20"] == 1
    half = held_out.copy()
    half.data[::3] = 0
    half.eliminate_zeros()
    assert composition_leak(own + half @ content, content, held_out)["complete"] == pytest.approx(2 / 3, abs=0.01)


def test_matrices_that_do_not_fit_are_refused(bundles):
    own, content, held_out = bundles
    with pytest.raises(BundlebookError, match="do not fit together"):
        composition_leak(own, content, held_out.T)
    with pytest.raises(BundlebookError, match="no bundle is held out"):
        composition_leak(own, content, sparse.csr_matrix(held_out.shape))
