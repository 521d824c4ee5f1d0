"""Small logs for the recommenders' tests."""

import os

import numpy as np
import pytest
from scipy import sparse

from bundlebook.recommenders import fit_cached
from bundlebook.recommenders.networks import base
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")


@pytest.fixture(scope="session")
def panel() -> Baskets:
    """40 users of two tastes, 15 items, 2 to 12 baskets each in the half year before AT."""
    rng = np.random.default_rng(8)
    counts = rng.integers(2, 13, size=40)
    user = np.repeat(np.arange(40), counts)
    taste = np.where(np.arange(40)[:, np.newaxis] % 2 == np.arange(15) % 2, 0.4, 0.08)
    rows = rng.random((len(user), 15)) < taste[user]
    rows[np.arange(len(user)), user % 15] = True
    days = np.concatenate([np.sort(rng.choice(180, n, replace=False))[::-1] + 1 for n in counts])
    users, items = np.array([f"u{n:02d}" for n in range(40)]), np.array([f"i{n:02d}" for n in range(15)])
    return Baskets(sparse.csr_matrix(rows, dtype=np.float32), user, AT - days, users, items)


def made(rows, users, ages):
    """Baskets from rows of quantities, each so many days before AT, in the order in which they are given."""
    n_users = max(users) + 1
    return Baskets(
        sparse.csr_matrix(np.array(rows, dtype=np.float32)),
        np.array(users),
        AT - np.array(ages),
        np.array([f"u{u}" for u in range(n_users)]),
        np.array([f"i{i}" for i in range(len(rows[0]))]),
    )


@pytest.fixture
def without_training(monkeypatch):
    """Let a fit do everything but train: networks are compared as they start, which takes a tenth of the time."""
    monkeypatch.setattr(base, "train", lambda *_args, **_options: None)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Fit a network, or read it if another test, or another process of this run, has fitted the same one."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def fit(model, visible, at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BUNDLEBOOK_CACHE", str(folder / "networks"))
            return fit_cached(model, visible, at)

    return fit
