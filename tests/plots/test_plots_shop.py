"""Figures of a shop show the numbers they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import shop as plots


def test_lorenz_curve_of_a_known_case():
    units, share, gini = plots.lorenz(np.array([3, 1]))
    assert units.tolist() == [0, 0.5, 1] and share.tolist() == [0, 0.25, 1]
    assert gini == pytest.approx(0.25)


def test_large_sizes_share_the_last_bar():
    plots.sizes(np.array([1, 2, 40, 50]), most=10)
    ax = plt.gca()
    heights = [bar.get_height() for bar in ax.patches]
    assert len(heights) == 10 and heights[-1] == 0.5 and sum(heights) == 1
    assert "10 or more" in ax.get_xlabel() and ax.texts[0].get_text() == "median 21"


def test_wide_bars_count_everybody_and_mark_one():
    plots.sizes(np.array([0, 3, 4, 50, 80]), "Items", "distinct items", "users", most=49, width=5, marked={"张三:": 4})
    ax = plt.gca()
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[0] == pytest.approx(0.6) and sum(heights) == pytest.approx(1) and len(heights) == 10
    assert ax.texts[0].get_text() == "张三: 4"


def test_the_discount_title_counts_discounts():
    plots.prices(np.array([1.0, 1.0, 0.5, 2.0]), np.array([1.0, 1.0, 1.0, 2.0]), "$")
    assert any(a.get_title(loc="left") == "Discounted: 25%" for a in plt.gcf().axes)


def test_hours_are_drawn_where_there_are_any():
    """Dates without a time of day drew one bar of 100 % at midnight."""
    days = pd.Series(pd.date_range("2021-01-01", periods=60))
    for times, panels in ((days, 2), (days + pd.Timedelta(hours=9), 3)):
        plots.times(times)
        assert len(plt.gcf().axes) == panels
        plt.close("all")
