"""Keras comes late, quietly, and on the backend that was asked for."""

import os
import subprocess
import sys

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import import_keras, seed_everything


def run(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Run *code* in a fresh interpreter, as a chapter's kernel is one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS", "TF_"))}
    return subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_importing_the_recommenders_does_not_import_keras():
    code = """
import pkgutil, importlib, sys, bundlebook.recommenders as room
for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
    if not module.name.endswith(("._layers", "._attention")):  # need Keras; imported by functions only
        importlib.import_module(module.name)
print([name for name in ("keras", "tensorflow", "jax") if name in sys.modules])
"""
    answer = run(code)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]"


def test_import_and_first_use_write_nothing_to_stderr_even_from_native_code():
    code = """
import os
from bundlebook.recommenders import device_report, import_keras, seed_everything
keras = import_keras()
seed_everything(1)
keras.ops.matmul(keras.ops.ones((2, 2)), keras.ops.ones((2, 2)))
print(device_report())
os.write(2, b"stderr works again")
"""
    answer = run(code)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "stderr works again"
    assert answer.stdout.startswith("Keras 3")


@pytest.mark.parametrize("backend", ["abacus", "jax"])
def test_a_backend_that_cannot_be_used_is_one_clear_message(backend, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jax" else name)
    with pytest.raises(BundlebookError, match=rf"backend '{backend}' is .*\n  Remedy: install it, or set"):
        import_keras()
    assert "keras" not in sys.modules


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(BundlebookError, match="seed must be a whole number from 0 to 4294967295"):
        seed_everything(seed)
