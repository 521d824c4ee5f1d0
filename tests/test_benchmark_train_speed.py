"""The plan of the speed measurement: what is timed where, and in which order."""

import importlib.util
import json

import pytest

from bundlebook import paths
from bundlebook.recommenders import Speed


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("train_speed", paths.root() / "benchmarks" / "train_speed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    row = benchmark.row(model, way, Speed(1234.4, 5.67), "tensorflow")
    assert (row["deterministic"], row["XLA"], row["precision"]) == (False, False, "float32")
    assert (row["households a batch"], row["examples/s"], row["first pass in s"]) == (16, 1234, 5.7)
    assert benchmark.row(model, {}, Speed(1.0, 1.0), "jax")["XLA"]


def test_all_stored_rows_say_how_they_were_measured(benchmark):
    stored = json.loads(benchmark.RESULTS.read_text(encoding="utf-8"))
    wanted = {"model", "households a batch", "pipeline", "precision", "XLA", "deterministic", "examples/s"}
    assert all(wanted <= set(row) for found in stored.values() for row in found["rows"])
