"""Examples a second in training, on whatever device and Keras backend this machine has.

    python benchmarks/train_speed.py
    KERAS_BACKEND=jax python benchmarks/train_speed.py

Prints a table and writes it into ``train_speed.json`` beside this file, under the backend and the device. Nothing is
estimated: a device that is not there has no row.

Every network is timed as the package trains it. The largest one is timed in two more ways: with mixed precision
(sixteen-bit floats of the "brain" kind; on a GPU also of the common kind), and, on TensorFlow, without its promise of
equal results in every run, once interpreted and once compiled with XLA. JAX always compiles with XLA.
"""

import json
import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Examples,
    LiteralRNN,
    RecurrentRecommender,
    device_report,
    devices,
    import_keras,
    seed_everything,
    shuffled_batches,
)
from bundlebook.shop import clean, group_baskets, load_shop, time_split

RESULTS = Path(__file__).with_suffix(".json")
#: Ways to feed a network: arrays given batch by batch; a TensorFlow pipeline that prepares batches ahead. (Keras' own
#: ``PyDataset`` takes the widths of the first batches for those of all, and fails on the first wider one.)
PIPELINES = ("arrays", "tf.data")
#: Kinds of arithmetic: Keras' names of its policies. Mixed ones multiply in sixteen bits and add up in thirty-two.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


class Speed(NamedTuple):
    """What a measurement found.

    Attributes
    ----------
    examples_per_second : float
        Of wall time, once all is compiled. An example is a household in a period, judged on all items in the next.
    first_pass : float
        Seconds of the first pass, in which every shape of batch is traced or compiled.
    """

    examples_per_second: float
    first_pass: float


@click.command()
@click.option("--shop", default="completejourney", show_default=True, help="Name or folder of the shop.")
@click.option("--sizes", default="16,64", show_default=True, help="Households a batch, separated by commas.")
@click.option("--examples", "wanted", default=6000, show_default=True, help="Examples timed a row, at least.")
@click.option("--seed", default=2021, show_default=True)
def main(shop: str, sizes: str, wanted: int, seed: int) -> None:
    """Measure examples a second of the literal, the plain and the repeat-aware network."""
    split = time_split(group_baskets(clean(load_shop(shop))[0]))
    task = split.task("validation")
    examples = Examples.before(task.visible, task.at)
    backend, device = import_keras().backend.backend(), devices()[0].split(":")[0]
    print(device_report())
    rows = []
    for model, way in plan([int(size) for size in sizes.split(",")], backend, device):
        batches = max(1, -(-wanted // (model.settings.batch * examples.inputs.n_periods)))
        speed = measure(model, examples, batches=batches, passes=3, seed=seed, **way)
        rows.append(row(model, way, speed, backend))
        print(rows[-1], flush=True)
    print(pd.DataFrame(rows).to_string(index=False))
    result = {
        "processor cores": os.cpu_count(),
        "architecture": platform.machine(),
        "versions": {name: version(name) for name in ("keras", "numpy", backend, f"{backend}-cpu") if _installed(name)},
        "shop": {"name": shop, "users": examples.inputs.n_users, "items": examples.inputs.n_items},
        "periods": examples.inputs.n_periods,
        "rows": rows,
    }
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known[f"{backend}, {device}"] = result
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written: {RESULTS.name}")


def plan(sizes: list[int], backend: str, device: str) -> Iterator[tuple[RecurrentRecommender, dict[str, Any]]]:
    """Networks and ways to train them; those without determinism first, since TensorFlow cannot go back to them."""
    tensorflow = backend == "tensorflow"
    for size in sizes if tensorflow else []:
        for xla in (False, True):
            yield RecurrentRecommender(batch=size), {"deterministic": False, "xla": xla}
    for size in sizes:
        for model in (
            LiteralRNN(batch=size),
            RecurrentRecommender(repeat=0, batch=size),
            RecurrentRecommender(batch=size),
        ):
            for pipeline in PIPELINES if tensorflow else ["arrays"]:
                yield model, {"pipeline": pipeline}
        for precision in ["mixed_bfloat16"] + ["mixed_float16"] * (device != "cpu"):
            yield RecurrentRecommender(batch=size), {"precision": precision}


def row(model: RecurrentRecommender, way: dict[str, Any], speed: Speed, backend: str) -> dict[str, Any]:
    """One line of the table. Determinism is a question for TensorFlow only."""
    return {
        "model": model.name,
        "households a batch": model.settings.batch,
        "pipeline": way.get("pipeline", "arrays"),
        "precision": way.get("precision", "float32"),
        "XLA": bool(way.get("xla")) or backend == "jax",
        "deterministic": way.get("deterministic", True) if backend == "tensorflow" else None,
        "examples/s": round(speed.examples_per_second),
        "first pass in s": round(speed.first_pass, 1),
    }


def measure(
    model: RecurrentRecommender,
    examples: Examples,
    pipeline: str = "arrays",
    batches: int = 30,
    passes: int = 1,
    *,
    precision: str = "float32",
    deterministic: bool = True,
    xla: bool | None = None,
    seed: int,
) -> Speed:
    """Train on some batches once, so that every shape is compiled, and time the passes after that.

    Parameters
    ----------
    model : RecurrentRecommender
        Its settings are used; it is not fitted and not changed.
    examples : Examples
    pipeline : {"arrays", "tf.data"}
    batches : int
        Batches of a pass.
    passes : int
        Timed passes; the fastest counts, since whatever else the machine does can only slow one down.
    precision : {"float32", "mixed_bfloat16", "mixed_float16"}
        Policy under which this network is built; the global one is left as it was.
    deterministic : bool
        On TensorFlow: only operations that give the same sums in every run, as in every fit of this package. A
        process that once asked for them cannot go back, so time the others first.
    xla : bool, optional
        Compile with XLA; if None as the package does by itself, which is on JAX only: Keras switches XLA off where
        TensorFlow is to be deterministic.
    seed : int
        Of the choice of batches: the same seed times the same ones.

    Returns
    -------
    Speed

    Raises
    ------
    BundlebookError
        If an argument is unknown, or TensorFlow cannot do both or can no longer do either of what is asked.
    """
    if pipeline not in PIPELINES:
        raise BundlebookError(f"unknown pipeline {pipeline!r}", remedy=f"use one of {', '.join(PIPELINES)}")
    network = _network(model, examples, precision, deterministic, xla)
    rng = np.random.default_rng(seed)
    chosen = shuffled_batches(examples.sizes, model.settings.batch, rng)[:batches]
    if pipeline == "arrays":

        def one_pass() -> None:
            for users in chosen:
                inputs, bought, weight = examples.batch(users)
                network.train_on_batch(inputs, bought, sample_weight=weight)

    else:
        import tensorflow as tf

        def generate() -> Iterator:
            yield from (examples.batch(users) for users in chosen)

        def signature(array: np.ndarray):
            return tf.TensorSpec([None] * array.ndim, array.dtype)

        shapes = tf.nest.map_structure(signature, examples.batch(chosen[0]))
        dataset = tf.data.Dataset.from_generator(generate, output_signature=shapes).repeat().prefetch(2)

        def one_pass() -> None:
            network.fit(dataset, epochs=1, steps_per_epoch=len(chosen), shuffle=False, verbose=0)

    seconds = []
    for _ in range(1 + passes):
        began = time.perf_counter()
        one_pass()
        seconds.append(time.perf_counter() - began)
    return Speed(float(sum(examples.weights[users].sum() for users in chosen) / min(seconds[1:])), seconds[0])


def _network(
    model: RecurrentRecommender, examples: Examples, precision: str, deterministic: bool, xla: bool | None
) -> Any:
    """Compose and compile the network to be timed."""
    if precision not in PRECISIONS:
        raise BundlebookError(f"unknown precision {precision!r}", remedy=f"use one of {', '.join(PRECISIONS)}")
    keras = import_keras()
    if keras.backend.backend() == "tensorflow":
        _refuse_what_tensorflow_cannot(deterministic, xla)
    if deterministic:
        seed_everything(model.settings.seed)
    else:
        keras.utils.set_random_seed(model.settings.seed)
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = model.untrained(examples)
    finally:
        keras.config.set_dtype_policy(usual)
    if xla is not None and xla != network.jit_compile:
        network.compile(network.optimizer, loss=network.loss, jit_compile=xla)
    return network


def _refuse_what_tensorflow_cannot(deterministic: bool, xla: bool | None) -> None:
    from tensorflow.python.framework.config import is_op_determinism_enabled  # Keras asks there too

    problem = ""
    if xla and deterministic:
        problem = "TensorFlow's deterministic operations cannot be compiled with XLA"
    elif not deterministic and is_op_determinism_enabled():
        problem = "this process has asked TensorFlow for deterministic operations and cannot go back"
    if problem:
        remedy = "time it with deterministic=False, in a process that has trained nothing yet"
        raise BundlebookError(problem, where="speed", remedy=remedy)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
