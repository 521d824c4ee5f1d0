"""The figures of cleaning show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import sparse

from bundlebook.plots import cleaning as plots
from bundlebook.shop import Baskets, time_split


def test_hours_are_shares_of_each_clock():
    stored = pd.Series(pd.to_datetime(["2021-01-01 00:10", "2021-01-01 00:50", "2021-01-01 23:00", "2021-01-02 05:00"]))
    plots.hours(stored, stored - pd.Timedelta(hours=5), "UTC", "door")
    left, right = plt.gcf().axes
    heights = [[patch.get_height() for patch in axis.containers[0]] for axis in (left, right)]
    assert heights[0][0] == 50 and heights[0][23] == 25 and heights[0][5] == 25
    assert heights[1][19] == 50 and heights[1][18] == 25 and heights[1][0] == 25
    assert (left.get_title("left"), right.get_title("left")) == ("UTC", "door")


def test_quantities_leave_out_nothing_but_zeros():
    plots.quantities({"food": np.array([0, 1, 1, 2]), "fuel": np.array([9000])})
    axis = plt.gca()
    assert sum(patch.get_height() for patch in axis.containers[0]) == 3
    assert sum(patch.get_height() for patch in axis.containers[1]) == 1
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")


def test_weeks_that_miss_a_day_have_another_colour():
    days = pd.Series(1000, index=pd.date_range("2021-01-04", periods=20, freq="D"))
    days.iloc[8] = 0
    plots.weeks(days)
    axis = plt.gca()
    assert [[bar.get_height() for bar in bars] for bars in axis.containers] == [[7000], [6000, 6000]]
    assert [text.get_text() for text in axis.texts] == ["6", "6"]


def test_fills_stand_at_the_gaps_and_known_points_stay():
    value = np.array([1.0, np.nan, 3.0])
    plots.fills(np.arange(3.0), value, {"mean": np.array([1.0, 2.5, 3.0])}, lambda t: t + 1)
    lines = {line.get_label(): line.get_ydata() for line in plt.gca().lines}
    assert lines["mean"].tolist() == [2.5]
    assert lines["known"].tolist() == [1.0, 3.0]
    assert lines["Lagrange polynomial"][[0, -1]].tolist() == [1.0, 3.0]


def test_runge_draws_every_curve_and_error():
    errors = pd.DataFrame({"even": [0.4, 1.0], "bent": [0.4, 0.2]}, index=[5, 9])
    plots.runge(np.cos, {"5 points": np.sin}, errors)
    left, right = plt.gcf().axes
    assert [line.get_label() for line in left.lines] == ["the curve itself", "5 points"]
    assert right.lines[0].get_ydata().tolist() == [0.4, 1.0]


def test_a_shop_that_closes_on_sundays_misses_no_day():
    days = pd.Series(9, index=pd.date_range("2021-01-04", periods=28, freq="D"))
    days[days.index.day_of_week == 6] = 0
    days.iloc[9] = 0
    plots.weeks(days)
    axis = plt.gca()
    assert [len(bars) for bars in axis.containers] == [3, 1]
    assert [text.get_text() for text in axis.texts] == ["5"]
    assert axis.get_legend().texts[0].get_text() == "6 days"


def test_the_split_counts_each_basket_once():
    day = np.datetime64("2021-01-04") + np.arange(70).astype("timedelta64[D]")
    ones = sparse.csr_matrix(np.ones((70, 2), dtype=np.float32))
    b = Baskets(ones, np.zeros(70, dtype=int), day, np.array(["u"]), np.array(["i", "j"]))
    plots.weeks(pd.Series(1, pd.DatetimeIndex(day)), time_split(b, 2, 1, min_users=1), label="baskets")
    axis = plt.gca()
    heights = [[bar.get_height() for bar in container] for container in axis.containers]
    assert heights == [[7] * 7, [7] * 2, [7]]
    assert [text.get_text() for text in axis.get_legend().texts] == [
        "training (7 weeks)",
        "validation (2 weeks)",
        "test (1 week)",
    ]
