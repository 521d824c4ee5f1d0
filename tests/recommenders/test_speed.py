"""The measure of speed counts what it says it counts."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Examples,
    RecurrentRecommender,
    examples_per_second,
    import_keras,
    measure,
    seed_everything,
    speed,
)
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-21")


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Six users, each with one basket in each of three periods: twelve examples."""
    user, period = np.divmod(np.arange(18), 3)
    day = AT - 28 * (3 - period)
    quantities = sparse.csr_matrix(np.eye(18, 5, dtype=np.float32) + 1)
    return Examples.before(Baskets(quantities, user, day, np.arange(6).astype(str), np.arange(5).astype(str)), AT)


def test_examples_over_the_seconds_of_the_fastest_pass(examples, monkeypatch):
    clock = iter([0.0, 9.0, 20.0, 24.0, 30.0, 32.0])
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    model = RecurrentRecommender(width=4, repeat=4, batch=3)
    assert measure(model, examples, "arrays", batches=2, passes=2, seed=1) == (12 / 2, 9.0)


def test_the_pipeline_of_tensorflow_trains_too(examples):
    pytest.importorskip("tensorflow", reason="needs TensorFlow's tf.data")
    assert examples_per_second(RecurrentRecommender(width=4, repeat=4), examples, "tf.data", batches=2, seed=1) > 0


def test_an_unknown_pipeline_is_refused(examples):
    with pytest.raises(BundlebookError, match="pigeon"):
        examples_per_second(RecurrentRecommender(width=4), examples, "pigeon", seed=1)


def test_mixed_precision_computes_nearly_the_same_and_is_gone_afterwards(examples):
    keras = import_keras()
    model = RecurrentRecommender(width=4, repeat=4, seed=3)
    batch = examples.inputs.batch(np.arange(6))
    exact, mixed = (
        speed._network(model, examples, precision, True, None) for precision in ("float32", "mixed_bfloat16")
    )
    assert keras.config.dtype_policy().name == "float32"
    assert [mixed.get_layer(name).compute_dtype for name in ("h", "repeat")] == ["bfloat16"] * 2
    assert [mixed.get_layer(name).compute_dtype for name in ("x", "features", "sum")] == ["float32"] * 3
    for network in (exact, mixed):  # so that there is something to round
        state, repeat = network.get_layer("product").table, network.get_layer("repeat")
        state.assign(np.random.default_rng(0).normal(size=state.shape))
        repeat.table.assign(np.random.default_rng(1).normal(size=repeat.table.shape))
    logits, rounded = (network.predict_on_batch(batch) for network in (exact, mixed))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(logits - rounded).max() < 0.05
    assert speed._network(model, examples, "float32", True, None).get_layer("h").compute_dtype == "float32"


def test_a_network_is_compiled_anew_only_where_the_package_would_not(examples, monkeypatch):
    asked = []

    def compiled(**options):
        asked.append(options["jit_compile"])

    def untrained(_examples):
        return SimpleNamespace(
            jit_compile=False, optimizer="adam", loss="loss", compile=lambda *_, **options: compiled(**options)
        )

    monkeypatch.setattr(speed, "_refuse_what_tensorflow_cannot", lambda *_: None)
    model = SimpleNamespace(settings=SimpleNamespace(seed=1), untrained=untrained)
    for xla in (None, False, True):
        speed._network(model, examples, "float32", False, xla)
    assert asked == [True]


def test_xla_and_determinism_exclude_each_other_on_tensorflow(examples):
    pytest.importorskip("tensorflow", reason="about TensorFlow's determinism")
    model = RecurrentRecommender(width=4, repeat=4)
    with pytest.raises(BundlebookError, match="cannot be compiled with XLA"):
        measure(model, examples, xla=True, seed=1)
    seed_everything(1)
    with pytest.raises(BundlebookError, match="cannot go back"):
        measure(model, examples, deterministic=False, seed=1)


def test_an_unknown_precision_is_refused(examples):
    with pytest.raises(BundlebookError, match="float8"):
        measure(RecurrentRecommender(width=4), examples, precision="float8", seed=1)
