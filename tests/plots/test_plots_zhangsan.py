"""The figures of 张三's case show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import use_style, zhangsan as plots


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


def test_month_by_month_draws_a_line_an_item_and_the_claim():
    steps = pd.DataFrame({1001: [0.1, 0.3], 1002: [0.2, 0.1]}, index=["nothing", "to 2021-01"])
    plots.month_by_month(steps, claimed=0.8)
    ax = plt.gca()
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.1, 0.3], [0.2, 0.1]]
    assert ax.lines[2].get_ydata()[0] == 0.8
    assert [text.get_text() for text in ax.get_xticklabels()] == ["nothing", "to 2021-01"]


def test_place_among_all_marks_items_where_they_rank():
    plots.place_among_all(np.array([0.1, 0.4, 0.2, 0.3]), {"first": 1, "last": 0}, claimed=0.8)
    curve, first, last = plt.gca().lines[:3]
    assert curve.get_ydata().tolist() == [0.4, 0.3, 0.2, 0.1]
    assert (first.get_xdata()[0], first.get_ydata()[0]) == (1, 0.4)
    assert (last.get_xdata()[0], last.get_ydata()[0]) == (4, 0.1)
    labels = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert labels == ["first: place 1, P = 0.400", "last: place 4, P = 0.100"]


def test_answers_shows_every_method_and_every_run():
    plots.answers(pd.Series({"claim": 0.8, "network": 0.03}), [0.02, 0.04], claimed="claim")
    ax = plt.gca()
    assert [float(line.get_xdata()[0]) for line in ax.lines[:2]] == [0.8, 0.03]
    assert list(ax.lines[2].get_xdata()) == [0.02, 0.04]
    assert ax.lines[0].get_markerfacecolor() == "white"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["claim", "network"]


def test_spread_draws_every_fit_its_mean_and_the_interval():
    groups = {"seeds": [0.01, 0.03], "seeds and households": [0.02, 0.02, 0.01, 0.04]}
    plots.spread(groups, interval=(0.005, 0.045))
    ax = plt.gca()
    for (dots, mean), values in zip((ax.lines[:2], ax.lines[2:]), groups.values(), strict=True):
        assert list(dots.get_xdata()) == values and mean.get_xdata()[0] == pytest.approx(np.mean(values))
    twice = ax.lines[2].get_ydata()[:2]
    assert twice[0] != twice[1], "equal answers do not hide each other"
    assert ax.patches[0].get_x() == 0.005 and ax.patches[0].get_width() == pytest.approx(0.04)
    assert ax.get_xlim()[1] > 0.045
    assert [text.get_text() for text in ax.get_yticklabels()] == ["seeds (2)", "seeds and households (4)"]
    plots.spread({"seeds": [0.01]})
    assert not plt.gca().patches


def test_thinness_counts_every_household():
    distinct = np.array([0, 3, 4, 50, 80])
    plots.thinness(distinct, his=4)
    assert sum(bar.get_height() for bar in plt.gca().patches) == len(distinct)


def test_earning_draws_a_line_a_habit_and_the_claim():
    plots.earning(pd.DataFrame({1: [0.1, 0.2], 8: [0.3, 0.8]}, index=[1, 2]), claimed=0.75)
    ax = plt.gca()
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.1, 0.2], [0.3, 0.8]]
    assert ax.lines[2].get_ydata()[0] == 0.75
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1", "8"]
