"""How many examples a second a network trains on: with each way of feeding it, each arithmetic, each compiler."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._keras import import_keras, seed_everything
from bundlebook.recommenders.recurrent import RecurrentRecommender
from bundlebook.recommenders.training import Examples, shuffled_batches

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


def examples_per_second(model: RecurrentRecommender, examples: Examples, *args: Any, **options: Any) -> float:
    """Return the first of what :func:`measure` finds."""
    return measure(model, examples, *args, **options).examples_per_second


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
