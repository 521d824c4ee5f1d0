"""The measure of speed counts what it says it counts."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import speed
from bundlebook.recommenders.recurrent import RecurrentRecommender
from bundlebook.recommenders.speed import examples_per_second
from bundlebook.recommenders.training import Examples
from bundlebook.shop.baskets import Baskets

AT = np.datetime64("2021-06-21")


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Six users, each with one basket in each of three periods: twelve examples."""
    user, period = np.divmod(np.arange(18), 3)
    day = AT - 28 * (3 - period)
    quantities = sparse.csr_matrix(np.eye(18, 5, dtype=np.float32) + 1)
    return Examples.before(Baskets(quantities, user, day, np.arange(6).astype(str), np.arange(5).astype(str)), AT)


def test_examples_over_the_seconds_of_the_fastest_pass(examples, monkeypatch):
    clock = iter([0.0, 4.0, 10.0, 12.0])
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    model = RecurrentRecommender(width=4, repeat=4, batch=3)
    assert examples_per_second(model, examples, "arrays", batches=2, passes=2, seed=1) == 12 / 2


def test_the_pipeline_of_tensorflow_trains_too(examples):
    pytest.importorskip("tensorflow", reason="needs TensorFlow's tf.data")
    assert examples_per_second(RecurrentRecommender(width=4, repeat=4), examples, "tf.data", batches=2, seed=1) > 0


def test_an_unknown_pipeline_is_refused(examples):
    with pytest.raises(BundlebookError, match="pigeon"):
        examples_per_second(RecurrentRecommender(width=4), examples, "pigeon", seed=1)
