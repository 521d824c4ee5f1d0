"""A small seeded shop with tastes: enough weeks for a time split, small enough for a test."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.shop import Baskets, Split, time_split


@pytest.fixture(scope="session")
def split() -> Split:
    rng = np.random.default_rng(7)
    n_users, n_items, n_days = 60, 40, 7 * 20
    taste = rng.dirichlet(np.full(n_items, 0.1), size=n_users)
    popular = np.arange(n_items, 0, -1) / sum(range(1, n_items + 1))
    rows, users, days = [], [], []
    for user in range(n_users):
        for day in np.flatnonzero(rng.random(n_days) < 0.2):
            chance = 0.8 * taste[user] + 0.2 * popular
            rows.append(np.bincount(rng.choice(n_items, size=rng.integers(1, 6), p=chance), minlength=n_items))
            users.append(user)
            days.append(np.datetime64("2021-01-04") + int(day))
    labels = np.array([f"i{i:02d}" for i in range(n_items)])
    user_ids = np.array([f"u{u:02d}" for u in range(n_users)])
    quantities = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    return time_split(Baskets(quantities, np.array(users), np.array(days), user_ids, labels), min_users=3)


@pytest.fixture(scope="session")
def task(split):
    return split.task("validation")
