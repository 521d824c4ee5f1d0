"""Random baskets in which items differ in popularity and baskets in size, as in a shop."""

import numpy as np


def random_baskets(seed: int, n_baskets: int, n_items: int) -> list[set[str]]:
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, n_items + 1)
    sizes = np.clip(rng.geometric(0.4, n_baskets), 1, n_items)
    return [
        {f"item{number:02d}" for number in rng.choice(n_items, size, replace=False, p=weight / weight.sum())}
        for size in sizes
    ]
