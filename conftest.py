"""Stop a notebook after its first failing cell: what follows would only repeat the same failure."""

import pytest


def pytest_runtest_makereport(item, call):
    failed = call.when == "call" and call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    if failed and type(item).__name__ == "IPyNbCell":
        item.parent.first_failure = item.name


def pytest_runtest_setup(item):
    failed = getattr(item.parent, "first_failure", None)
    if failed is not None:
        pytest.skip(f"{failed} of this notebook failed")
