"""Figures of feedback draw what they are given."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from bundlebook.plots import feedback as plots


def test_a_line_for_each_regime_and_a_panel_for_each_model():
    columns = pd.MultiIndex.from_product([["EASE", "KNN"], ["frozen", "refit"]])
    table = pd.DataFrame(
        [[0.1, 0.2, 0.3, 0.4]] * 3, columns=columns, index=pd.date_range("2021-01-04", periods=3, freq="7D")
    )
    axes = plots.regimes_over_time(table, axes=plt.figure().subplots(1, 2))
    assert [ax.get_title(loc="left") for ax in axes] == ["EASE", "KNN"]
    assert [list(line.get_ydata()) for line in axes[1].get_lines()] == [[0.3] * 3, [0.4] * 3]


def test_regret_is_drawn_as_a_mean_with_the_bound():
    ax = plots.regret_curves({"greedy": np.array([[0.0, 1.0], [0.0, 3.0]])}, slope=2.0, ax=plt.figure().subplots())
    drawn = [list(line.get_ydata()) for line in ax.get_lines()]
    assert drawn == [[0.0, 2.0], [0.0, 2.0 * np.log(2)]]


def test_both_curves_of_a_loop_say_that_they_are_simulated():
    table = pd.DataFrame({1: [1.0, 0.5], 2: [0.8, 0.3]}, index=[1, 2])
    run = SimpleNamespace(sim_items_shown=table, sim_clicks=table / 10)
    axes = plots.exposure_curves({"greedy": run}, axes=plt.figure().subplots(1, 2))
    assert all(ax.get_title(loc="left").startswith("simulated") for ax in axes)
    assert np.allclose(axes[1].get_lines()[-1].get_ydata(), [0.09, 0.04])


def test_alarms_are_ringed_where_p_is_small():
    weeks = pd.date_range("2021-01-04", periods=3, freq="7D")
    facts = pd.DataFrame({"lines": [1.0, 2.0, 5.0], "users": [1.0, 1.1, 1.2]}, index=weeks)
    p = pd.DataFrame({"lines": [0.5, 0.001], "users": [0.5, 0.4]}, index=weeks[1:])
    axes = plots.alarm_weeks(facts, p, 0.01, axes=plt.figure().subplots(1, 2))
    assert list(axes[0].get_lines()[1].get_ydata()) == [5.0] and not len(axes[1].get_lines()[1].get_ydata())


def test_the_lowest_panel_of_each_column_shows_its_dates():
    weeks = pd.date_range("2021-01-04", periods=3, freq="7D")
    facts = pd.DataFrame({name: [1.0, 2.0, 5.0] for name in ("lines", "users", "price level")}, index=weeks)
    axes = plt.figure().subplots(2, 2, sharex=True).ravel()
    plots.alarm_weeks(facts, facts.iloc[1:], 0.01, axes=axes)
    shown = [ax.xaxis.get_tick_params()["labelbottom"] for ax in axes]
    assert shown == [False, True, True, True] and [ax.get_visible() for ax in axes] == [True, True, True, False]
