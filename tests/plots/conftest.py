"""One style for all figures of these tests, no layout where nobody looks, and no figure left behind."""

import matplotlib.pyplot as plt
import pytest

from bundlebook.plots import use_style


@pytest.fixture(scope="session", autouse=True)
def _styled():
    use_style()
    plt.rcParams["figure.constrained_layout.use"] = False


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")
