"""Keras, imported late and quietly.

TensorFlow takes seconds to import, and writes to the *file descriptor* of stderr from C++, past ``sys.stderr``, which
a notebook would store. So the modules that train call :func:`import_keras` inside their functions.
"""

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, require

#: Backends in the order in which an installed one is taken when ``KERAS_BACKEND`` is not set.
BACKENDS = ("tensorflow", "jax", "torch")


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Discard what is written to file descriptor 2 within the block."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def import_keras() -> ModuleType:
    """Import Keras on the backend named by ``KERAS_BACKEND`` (default: the first one installed) without noise.

    The environment variables that TensorFlow and JAX read once, at their import, are set here: no oneDNN (it
    reorders sums, so two runs would differ in the last digits), errors only, and memory of a GPU taken as needed
    rather than all at once.

    Returns
    -------
    module
        ``keras``.

    Raises
    ------
    BundlebookError
        If the backend is unknown or not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    installed = (name for name in BACKENDS if importlib.util.find_spec(name) is not None)
    os.environ.setdefault("KERAS_BACKEND", next(installed, BACKENDS[0]))
    backend = os.environ["KERAS_BACKEND"]
    if backend not in BACKENDS or importlib.util.find_spec(backend) is None:
        raise BundlebookError(
            f"the Keras backend {backend!r} is {'not installed' if backend in BACKENDS else 'unknown'}",
            where="environment variable KERAS_BACKEND",
            remedy=f"install it, or set KERAS_BACKEND to one of {', '.join(BACKENDS)}",
        )
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with _silent_stderr():
        import keras

        devices()  # the drivers write their messages when the devices are first listed
    # In a notebook TensorFlow's logger writes to stdout, where its advice on retracing would be stored as a result.
    # TensorFlow sets the level of its logger when it is imported, so this stands after the import.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return keras


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and the backend, and make TensorFlow's operations deterministic.

    Parameters
    ----------
    seed : int
        A whole number from 0 to 2³² − 1.
    """
    require(SEED, seed=seed)
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def devices() -> list[str]:
    """Return the devices the backend can compute on, best first, for example ``["gpu:0", "cpu:0"]``."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        found = [f"gpu:{number}" for number in range(torch.cuda.device_count())] + ["cpu:0"]
    else:
        found = [name.lower() for name in keras.distribution.list_devices()]
    return sorted(found, key=lambda name: (name.startswith("cpu"), name))


def device_report() -> str:
    """Say in plain words which device trains, with which backend.

    Returns
    -------
    str
        One sentence. It describes the machine, so a chapter shows it in a cell whose output is not compared.
    """
    keras = import_keras()
    backend = keras.backend.backend()
    found = devices()
    accelerators = [name for name in found if not name.startswith("cpu")]
    using = f"Keras {keras.__version__} on {backend}"
    if accelerators:
        return f"{using} trains on {accelerators[0]} ({len(accelerators)} accelerator(s) found)."
    return f"{using} trains on the processor ({os.cpu_count()} cores): no GPU was found, and none is needed."
