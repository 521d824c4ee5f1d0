"""Figures of bundles: what they draw agrees with what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.bundles import Bundle, Demand, Said
from bundlebook.plots import bundles as plots


def test_demand_shows_the_largest_categories_and_what_would_be_needed():
    table = pd.DataFrame(
        {"elasticity": [1.0, 2.0, 3.0], "low": [0.5, 1.5, 2.5], "high": [1.5, 2.5, 3.5], "weeks": [9, 1, 5]},
        index=["A", "B", "C"],
    )
    curve = pd.DataFrame({"depth": [0.0, 0.3], "uplift": [1.0, 1.8], "low": [1.0, 1.6], "high": [1.0, 2.0]})
    pooled = pd.Series({"elasticity": 1.7, "low": 1.6, "high": 1.8})
    plots.demand_curves(Demand(table, pooled, pooled), curve.assign(reading="median line"), margin=0.25, most=2)
    left, right = plt.gcf().axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["C", "A"]
    x, y = left.lines[1].get_data()
    assert y == pytest.approx(0.25 / (0.25 - x))


def test_pareto_names_equal_points_once():
    pages = pd.DataFrame(
        {"revenue": [3.0, 3.0, 1.0], "margin": [1.0, 1.0, 0.5], "satisfaction": [1.0, 1.0, 0.2], "efficient": [1, 1, 0]}
    ).astype({"efficient": bool})
    plots.pareto(pages, {"equal": 0, "revenue only": 1})
    assert [text.get_text() for text in plt.gcf().axes[0].texts] == ["equal, revenue only"]


@pytest.mark.parametrize("price", [4.5, 5.0])
def test_card_tells_price_and_reasons_as_they_are(price):
    reasons = (Said("You buy tea every week."), Said("Together $4.50 instead of $5.00: you save $0.50."))
    bundle = Bundle(("tea", "milk"), 5.0, price, 0.2, 1.0, 0.3, 0.5, 1.0, (1.4, np.inf), reasons, ("likely",))
    plots.bundle_card(bundle, ["tea", "milk"], "$")
    plt.gcf().canvas.draw()  # a "$" read as a formula would fail or vanish here
    said = " ".join(text.get_text() for text in plt.gca().texts).replace(r"\$", "$")
    assert f"${price:.2f}" in said and "+ milk" in said and "You buy tea every week." in said
    assert ("instead of $5.00" in said.replace(reasons[1], "")) == (price < 5)
    assert ("must raise P by 40% to more than can be" in said) == (price < 5)
    assert ("you save $0.50" in said.replace(reasons[1], "")) == (price < 5)


def test_exposures_draw_every_rate():
    lifts = np.array([0.1, 0.2])
    plots.exposures(lifts, {"a": np.array([100.0, 30.0]), "b": np.array([50.0, 10.0])}, 40.0, 0.15)
    assert [len(line.get_xdata()) for line in plt.gca().lines[:2]] == [2, 2]
    assert [tick.get_text() for tick in plt.gca().get_xticklabels()] == ["+10%", "+20%"]
