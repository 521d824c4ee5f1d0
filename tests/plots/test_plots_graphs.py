"""Figures of graphs draw what they were given."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from bundlebook.plots import graphs as plots


def test_smoothing_shows_every_part_before_and_after():
    values, before = np.array([0.1, 0.5, 1.0]), np.array([1.0, 2.0, 0.5])
    ax = plots.smoothing(values, before, {"1 round": values * before}, ax=plt.subplots()[1])
    found = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert found == {"before": [1.0, 2.0, 0.5], "1 round": [0.1, 1.0, 0.5]}


def test_both_kinds_of_negatives_are_bars():
    table = pd.DataFrame({"AUC, uniform": [0.9, 0.8], "AUC, matched": [0.5, 0.7], "AP": [0.1, 0.2]}, ["a", "b"])
    ax = plots.negatives(table, ax=plt.subplots()[1])
    assert [bar.get_width() for bar in ax.patches] == [0.9, 0.8, 0.5, 0.7]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]


def test_depth_has_a_panel_for_roughness_and_one_for_worth():
    table = pd.DataFrame({"energy": [0.5, 0.1], "AUC, matched": [0.7, 0.6]}, [0, 4])
    axes = plots.depth(table, axes=plt.subplots(1, 2)[1])
    assert [panel.lines[0].get_ydata().tolist() for panel in axes] == [[0.5, 0.1], [0.7, 0.6]]


def test_cost_is_on_a_logarithmic_axis_and_nothing_is_free():
    table = pd.DataFrame({"CPU seconds": [0.0, 60.0], "Recall@20": [0.2, 0.3]}, ["popularity", "network"])
    ax = plots.quality_and_cost(table, "Recall@20", 0.01, ax=plt.subplots()[1])
    assert ax.get_xscale() == "log" and ax.get_legend_handles_labels()[1] == ["popularity", "network"]
    assert [handle.lines[0].get_xdata()[0] for handle in ax.containers] == [0.1, 60.0]
