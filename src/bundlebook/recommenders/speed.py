"""How many examples a second a network trains on, with each way of feeding it."""

import time
from collections.abc import Iterator

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._keras import seed_everything
from bundlebook.recommenders.recurrent import RecurrentRecommender
from bundlebook.recommenders.training import Examples, shuffled_batches

#: Ways to feed a network: arrays given batch by batch; a TensorFlow pipeline that prepares batches ahead. (Keras' own
#: ``PyDataset`` takes the widths of the first batches for those of all, and fails on the first wider one.)
PIPELINES = ("arrays", "tf.data")


def examples_per_second(
    model: RecurrentRecommender,
    examples: Examples,
    pipeline: str = "arrays",
    batches: int = 30,
    passes: int = 1,
    *,
    seed: int,
) -> float:
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
    seed : int
        Of the choice of batches: the same seed times the same ones.

    Returns
    -------
    float
        Examples a second of wall time. An example is a household in a period, judged on all items in the next one.
    """
    seed_everything(model.settings.seed)
    network = model.untrained(examples)
    rng = np.random.default_rng(seed)
    chosen = shuffled_batches(examples.sizes, model.settings.batch, rng)[:batches]
    weights = examples.weights

    if pipeline == "arrays":

        def one_pass() -> None:
            for users in chosen:
                inputs, bought, weight = examples.batch(users)
                network.train_on_batch(inputs, bought, sample_weight=weight)

    elif pipeline == "tf.data":
        import tensorflow as tf

        def generate() -> Iterator:
            yield from (examples.batch(users) for users in chosen)

        def signature(array: np.ndarray):
            return tf.TensorSpec([None] * array.ndim, array.dtype)

        shapes = tf.nest.map_structure(signature, examples.batch(chosen[0]))
        dataset = tf.data.Dataset.from_generator(generate, output_signature=shapes).repeat().prefetch(2)

        def one_pass() -> None:
            network.fit(dataset, epochs=1, steps_per_epoch=len(chosen), shuffle=False, verbose=0)

    else:
        raise BundlebookError(f"unknown pipeline {pipeline!r}", remedy=f"use one of {', '.join(PIPELINES)}")

    one_pass()
    seconds = []
    for _ in range(passes):
        began = time.perf_counter()
        one_pass()
        seconds.append(time.perf_counter() - began)
    return float(sum(weights[users].sum() for users in chosen) / min(seconds))
