"""Notebooks that run side by side do not keep each other waiting."""

import os
import subprocess
import sys


def test_idle_threads_sleep_in_every_kernel():
    bare = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    code = "import bundlebook, os; print(os.environ['OMP_WAIT_POLICY'])"
    assert subprocess.check_output([sys.executable, "-c", code], env=bare, text=True).strip() == "PASSIVE"
    chosen = subprocess.check_output([sys.executable, "-c", code], env={**bare, "OMP_WAIT_POLICY": "ACTIVE"}, text=True)
    assert chosen.strip() == "ACTIVE"
    assert {"OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"} <= set(os.environ)  # set before any test starts a kernel
