"""Figures of agents draw what they were given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from bundlebook.errors import BundlebookError
from bundlebook.plots import agents as plots


def intervals(mean):
    return pd.DataFrame({"mean": mean, "low": np.array(mean) - 0.1, "high": np.array(mean) + 0.1})


def test_a_learning_curve_is_a_mean_within_a_band():
    axes = plt.subplots(1, 2)[1]
    marks, values = np.array([10, 100, 1000]), np.array([[0.0, 0.4, 0.9], [0.2, 0.8, 1.1]])
    regret = {"ε = 0.1": np.arange(1, 1001) * 0.5}
    drawn = plots.learning_curves({"Q": (marks, values)}, 1.2, ("greedy", 0.3), regret, axes=axes)
    line = next(line for line in drawn[0].lines if line.get_label() == "Q")
    np.testing.assert_allclose(line.get_ydata(), [0.1, 0.6, 1.0])
    assert drawn[1].get_xscale() == "log" and drawn[1].lines[0].get_ydata()[-1] == 500
    with pytest.raises(BundlebookError, match="axes were given"):
        plots.learning_curves({"Q": (marks, values)}, 1.2, ("greedy", 0.3), axes=axes)


def test_fixed_sizes_are_a_line_and_rules_are_points():
    others = intervals([0.1, 0.2]).set_axis(["greedy", "DQN"]).assign(items=[0.6, 0.9])
    ax = plots.return_by_size(intervals([0.0, -0.1, -0.5]), others, 0.9, ax=plt.subplots()[1])
    assert {"greedy", "DQN", "always so many"} <= {text.get_text() for text in ax.get_legend().get_texts()}
    assert "+0.90" in ax.get_title(loc="left")


def test_a_crossing_is_marked_where_there_is_one():
    gains = {"300": intervals([-0.2, -0.1]), "3,000": intervals([-0.1, 0.3])}
    crossings = {"300": (np.nan, np.nan, np.nan), "3,000": (0.25, 0.1, 0.4)}
    ax = plots.when_learning_pays([0.0, 1.0], gains, crossings, ax=plt.subplots()[1])
    marked = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert marked == [0.25]


def test_estimates_have_a_row_each_and_the_truth():
    table = pd.DataFrame({"IPS": [0.1, 0.3], "direct": [0.5, 0.6]})
    ax = plots.estimates(table, 0.2, "two logs", ax=plt.subplots()[1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["IPS", "direct"]
    assert any(list(line.get_xdata()) == [0.2, 0.2] for line in ax.lines)
