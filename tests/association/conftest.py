import numpy as np
import pytest

from bundlebook.shop import Baskets
from tests.association.random_baskets import random_baskets


@pytest.fixture(scope="session")
def lists() -> list[set[str]]:
    """300 random baskets of 1 to 12 out of 12 items, large ones and popular items more of a kind."""
    return random_baskets(seed=11, n_baskets=300, n_items=12)


@pytest.fixture(scope="session")
def shop_baskets(lists) -> Baskets:
    """The same as a Baskets object of 30 users over 100 days."""
    from bundlebook.association import encode

    encoded = encode(lists)
    n = encoded.n_baskets
    day = np.datetime64("2021-01-01") + (np.arange(n) % 100).astype("timedelta64[D]")
    user = np.arange(n) % 30
    order = np.lexsort([day, user])
    users = np.array([f"u{number:02d}" for number in range(30)])
    return Baskets(encoded.matrix.astype(np.float32)[order], user[order], day[order], users, encoded.items)
