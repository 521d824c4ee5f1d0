"""Figures of a shop show the numbers they are given, with units on both axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import shop as plots, use_style


@pytest.fixture(autouse=True)
def _styled():
    use_style()
    yield
    plt.close("all")


RNG = np.random.default_rng(3)
LIST = RNG.lognormal(1, 0.6, 4000)
CASES = {
    "users": lambda: plots.users(RNG.poisson(12, 200)),
    "items": lambda: plots.items(np.sort(RNG.zipf(1.6, 300))),
    "times": lambda: plots.times(pd.Series(pd.date_range("2020-01-06", periods=3000, freq="3h"))),
    "prices": lambda: plots.prices(LIST * RNG.choice([1.0, 0.8], 4000), LIST, "¥"),
    "basket_sizes": lambda: plots.basket_sizes(RNG.poisson(4, 500) + 1),
    "responses": lambda: plots.responses_by_slot(
        pd.DataFrame({"position": [1, 1, 2, 2, 1], "event": ["shown", "click", "shown", "purchase", "shown"]}),
        "simulated",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_axis_is_labelled(name):
    CASES[name]()
    axes = [a for a in plt.gcf().axes if a.get_label() != "<colorbar>"]
    assert all(a.get_xlabel() and a.get_ylabel() and a.get_title(loc="left") for a in axes)


def test_lorenz_curve_of_a_known_case():
    units, share, gini = plots.lorenz(np.array([3, 1]))
    assert units.tolist() == [0, 0.5, 1] and share.tolist() == [0, 0.25, 1]
    assert gini == pytest.approx(0.25)


def test_large_baskets_share_the_last_bar():
    plots.basket_sizes(np.array([1, 2, 40, 50]), most=10)
    heights = [bar.get_height() for bar in plt.gca().patches]
    assert len(heights) == 10 and heights[-1] == 0.5 and sum(heights) == 1


def test_the_slot_figure_shows_rates():
    events = pd.DataFrame(
        {"position": [1] * 10 + [1] * 4 + [1], "event": ["shown"] * 10 + ["click"] * 4 + ["purchase"]}
    )
    plots.responses_by_slot(events, "simulated")
    assert [bar.get_height() for bar in plt.gca().patches] == [0.4, 0.1]


def test_the_discount_title_counts_discounts():
    plots.prices(np.array([1.0, 1.0, 0.5, 2.0]), np.array([1.0, 1.0, 1.0, 2.0]), "$")
    assert any(a.get_title(loc="left") == "25% of purchases have a discount" for a in plt.gcf().axes)
