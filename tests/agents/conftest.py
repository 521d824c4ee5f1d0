"""Small worlds whose best policy can be found by trying everything."""

import numpy as np
import pytest

from bundlebook.agents import choice_world


@pytest.fixture(scope="package")
def small():
    """Six candidates, at most three: 42 states, with complements and substitutes."""
    rng = np.random.default_rng(5)
    bond = rng.normal(0.3, 0.8, (6, 6))
    return choice_world(tuple("abcdef"), rng.uniform(0.2, 0.6, 6), np.exp((bond + bond.T) / 2), most=3)
