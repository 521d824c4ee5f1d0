"""Small shops drawn at random, with every dirt that cleaning knows."""

import numpy as np
import pandas as pd

from bundlebook.shop import Shop


def random_shop(seed: int, n_events: int = 60, days: int = 30) -> Shop:
    """A shop whose events hold twins, zeros, blanks, unknown items, searches without an item and huge quantities."""
    rng = np.random.default_rng(seed)
    items = np.array([f"i{k}" for k in range(8)], dtype=object)
    events = pd.DataFrame(
        {
            "user_id": rng.choice(["u1", "u2", "u3"], n_events),
            "item_id": rng.choice([*items, "nowhere"], n_events),
            "time": np.datetime64("2021-01-04", "ns")
            + rng.integers(0, days * 24, n_events).astype("timedelta64[h]").astype("timedelta64[ns]"),
            "event": rng.choice(["purchase", "purchase", "purchase", "view", "search"], n_events),
            "quantity": rng.choice([np.nan, 0.0, 1.0, 2.0, 3.0, 5000.0], n_events, p=[0.1, 0.1, 0.5, 0.1, 0.1, 0.1]),
            "price": rng.choice([np.nan, 0.0, 1.5, 2.0], n_events, p=[0.1, 0.1, 0.4, 0.4]),
            "basket_id": rng.choice(["b1", "b2", None], n_events),
        }
    )
    events["list_price"] = (events["price"] + 0.5).where(rng.random(n_events) < 0.7)
    events.loc[events["event"] == "search", "item_id"] = None
    events = pd.concat([events, events.sample(n_events // 4, random_state=seed)])  # its index repeats on purpose
    products = pd.DataFrame(
        {
            "item_id": items,
            "name": items,
            "category": rng.choice(["fuel", "food", None], len(items)),
            "brand": "b",
            "price": rng.choice([np.nan, 0.0, 4.0], len(items)),
        }
    )
    return Shop("random", events, products, timezone="UTC", local_timezone="America/New_York")
