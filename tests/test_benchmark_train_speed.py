"""The speed measurement: what is timed where, in which order, and that it counts what it says it counts."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import Examples, RecurrentRecommender, import_keras, seed_everything
from bundlebook.shop import Baskets
from tests.scripts import benchmark_script

AT = np.datetime64("2021-06-21")


@pytest.fixture(scope="module")
def benchmark():
    return benchmark_script("train_speed")


def test_what_tensorflow_can_only_do_without_determinism_is_timed_first(benchmark):
    ways = [way for _, way in benchmark.plan([16, 64], "tensorflow", "cpu")]
    free = [way.get("deterministic") is False for way in ways]
    assert free == sorted(free, reverse=True)
    assert [way["xla"] for way in ways[:4]] == [False, True, False, True]
    assert not any("xla" in way for way in ways[4:])


@pytest.mark.parametrize(
    ("backend", "device", "precisions", "rows"),
    [
        ("tensorflow", "cpu", {"mixed_bfloat16"}, 9),
        ("tensorflow", "gpu", {"mixed_bfloat16", "mixed_float16"}, 10),
        ("jax", "cpu", {"mixed_bfloat16"}, 4),
    ],
)
def test_fewer_bits_are_timed_for_the_largest_network_only(benchmark, backend, device, precisions, rows):
    plan = list(benchmark.plan([16], backend, device))
    assert len(plan) == rows
    mixed = [(model, way["precision"]) for model, way in plan if "precision" in way]
    assert {precision for _, precision in mixed} == precisions
    assert all(model.settings.repeat for model, _ in mixed)
    assert ({way.get("pipeline") for _, way in plan} >= {"arrays", "tf.data"}) == (backend == "tensorflow")


def test_a_row_says_how_it_was_measured(benchmark):
    model, way = next(benchmark.plan([16], "tensorflow", "cpu"))
    row = benchmark.row(model, way, benchmark.Speed(1234.4, 5.67), "tensorflow")
    assert (row["deterministic"], row["XLA"], row["precision"]) == (False, False, "float32")
    assert (row["households a batch"], row["examples/s"], row["first pass in s"]) == (16, 1234, 5.7)
    assert benchmark.row(model, {}, benchmark.Speed(1.0, 1.0), "jax")["XLA"]


def test_all_stored_rows_say_how_they_were_measured(benchmark):
    stored = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    wanted = {"model", "households a batch", "pipeline", "precision", "XLA", "deterministic", "examples/s"}
    assert all(wanted <= set(row) for found in stored.values() for row in found["rows"])


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Six users, each with one basket in each of three periods: twelve examples."""
    user, period = np.divmod(np.arange(18), 3)
    day = AT - 28 * (3 - period)
    quantities = sparse.csr_matrix(np.eye(18, 5, dtype=np.float32) + 1)
    return Examples.before(Baskets(quantities, user, day, np.arange(6).astype(str), np.arange(5).astype(str)), AT)


def test_examples_over_the_seconds_of_the_fastest_pass(benchmark, examples, monkeypatch):
    clock = iter([0.0, 9.0, 20.0, 24.0, 30.0, 32.0])
    monkeypatch.setattr(benchmark, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    model = RecurrentRecommender(width=4, repeat=4, batch=3)
    assert benchmark.measure(model, examples, "arrays", batches=2, passes=2, seed=1) == (12 / 2, 9.0)


def test_the_pipeline_of_tensorflow_trains_too(benchmark, examples):
    pytest.importorskip("tensorflow", reason="needs TensorFlow's tf.data")
    model = RecurrentRecommender(width=4, repeat=4)
    assert benchmark.measure(model, examples, "tf.data", batches=2, seed=1).examples_per_second > 0


def test_an_unknown_pipeline_is_refused(benchmark, examples):
    with pytest.raises(BundlebookError, match="pigeon"):
        benchmark.measure(RecurrentRecommender(width=4), examples, "pigeon", seed=1)


def test_mixed_precision_computes_nearly_the_same_and_is_gone_afterwards(benchmark, examples):
    keras = import_keras()
    model = RecurrentRecommender(width=4, repeat=4, seed=3)
    batch = examples.inputs.batch(np.arange(6))
    exact, mixed = (
        benchmark._network(model, examples, precision, True, None) for precision in ("float32", "mixed_bfloat16")
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
    assert benchmark._network(model, examples, "float32", True, None).get_layer("h").compute_dtype == "float32"


def test_a_network_is_compiled_anew_only_where_the_package_would_not(benchmark, examples, monkeypatch):
    asked = []

    def compiled(**options):
        asked.append(options["jit_compile"])

    def untrained(_examples):
        return SimpleNamespace(
            jit_compile=False, optimizer="adam", loss="loss", compile=lambda *_, **options: compiled(**options)
        )

    monkeypatch.setattr(benchmark, "_refuse_what_tensorflow_cannot", lambda *_: None)
    model = SimpleNamespace(settings=SimpleNamespace(seed=1), untrained=untrained)
    for xla in (None, False, True):
        benchmark._network(model, examples, "float32", False, xla)
    assert asked == [True]


def test_xla_and_determinism_exclude_each_other_on_tensorflow(benchmark, examples):
    pytest.importorskip("tensorflow", reason="about TensorFlow's determinism")
    model = RecurrentRecommender(width=4, repeat=4)
    with pytest.raises(BundlebookError, match="cannot be compiled with XLA"):
        benchmark.measure(model, examples, xla=True, seed=1)
    seed_everything(1)
    with pytest.raises(BundlebookError, match="cannot go back"):
        benchmark.measure(model, examples, deterministic=False, seed=1)


def test_an_unknown_precision_is_refused(benchmark, examples):
    with pytest.raises(BundlebookError, match="float8"):
        benchmark.measure(RecurrentRecommender(width=4), examples, precision="float8", seed=1)
