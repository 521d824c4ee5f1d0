"""Bundlebook: from raw purchases to personalised product bundles, one chapter at a time."""

import os
from importlib.metadata import version

# Idle threads of OpenMP sleep instead of spinning. Two notebooks side by side, each with as many threads as there are
# cores, otherwise keep each other waiting: small boosted trees took eight times as long. Kernels inherit this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = version("bundlebook")
