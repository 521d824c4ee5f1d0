"""Order of the tests, what kernels inherit, the cases that Hypothesis draws, and what follows a cell that fails."""

import os
import tempfile

import pytest
from hypothesis import settings

import bundlebook  # noqa: F401  (settings that the kernels inherit)

# Two workers, each with as many threads of linear algebra as there are cores, spin while they wait for each other: on
# two busy cores the eigenvectors of 900 items took 28 times the processor seconds. Kernels inherit this.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A bare profile: what somebody's own IPython does at its start, such as showing every warning, is no chapter's output.
_profile = tempfile.TemporaryDirectory(prefix="ipython-")
os.environ["IPYTHONDIR"] = _profile.name

# Drawn anew, a rare case would fail a run that changed nothing. Look for new ones with `--hypothesis-profile=search`.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("same")


def pytest_collection_modifyitems(items):
    """Long files first, so that no worker still runs a chapter when the other has nothing left to do."""
    items.sort(key=_place)


def _place(item):
    folder = item.path.parent.name
    if item.path.suffix == ".ipynb":
        # Later chapters take longer. Side by side with its chapter, the solutions would wait for the networks that the
        # chapter trains, so they come when all chapters are through. The sort is stable: cells keep their order.
        return (1 if folder == "solutions" else 0), -int(item.path.name[:2])
    return (2 if folder == "reports" else 3), 0


def pytest_runtest_makereport(item, call):
    failed = call.when == "call" and call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    if failed and type(item).__name__ == "IPyNbCell":
        item.parent.first_failure = item.name


# What follows the first failing cell would only repeat the same failure.
def pytest_runtest_setup(item):
    failed = getattr(item.parent, "first_failure", None)
    if failed is not None:
        pytest.skip(f"{failed} of this notebook failed")
