"""The figures of the training show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bundlebook.plots import training
from bundlebook.recommenders import period_panel
from bundlebook.shop import Baskets


def test_a_household_shows_its_counts_and_hatches_what_was_unknown():
    at = np.datetime64("2021-05-01")
    quantities = sparse.csr_matrix(np.array([[1, 0, 0], [2, 0, 1], [1, 0, 0]], dtype=np.float32))
    day = at - np.array([40, 3, 2])
    histories = Baskets(quantities, np.zeros(3, dtype=int), day, np.array(["u"]), np.array(["tea", "salt", "rice"]))
    training.household(period_panel(histories, at, 3), 0, histories.items)
    ax = plt.gca()
    cells = {text.get_position(): text.get_text() for text in ax.texts if text.get_text().isdigit()}
    assert cells == {(1, 0): "1", (2, 0): "2", (2, 1): "1"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tea", "rice"]
    assert any(patch.get_hatch() and patch.get_width() == pytest.approx(1) for patch in ax.patches)


def test_curves_are_the_losses_by_epoch():
    table = pd.DataFrame({"training": [3.0, 2.0], "validation": [4.0, 5.0]}, index=[1, 2])
    training.curves({"GRU": table}, {"counting": 4.5})
    left, right = plt.gcf().axes
    assert left.lines[0].get_ydata().tolist() == [3.0, 2.0]
    assert right.lines[0].get_ydata().tolist() == [4.0, 5.0]
    assert right.lines[1].get_ydata() == pytest.approx([4.5, 4.5])


def test_the_map_of_repeats_leaves_missing_patterns_empty():
    training.repeats(pd.DataFrame({"0": [0.1, 0.4], "1": [0.05, np.nan]}, index=[1, 5]), "times")
    cells = {text.get_position(): text.get_text() for text in plt.gca().texts}
    assert cells == {(0, 0): "0.10", (1, 0): "0.05", (0, 1): "0.40"}


def test_a_search_shows_every_trial_and_the_best_complete_one_so_far():
    states = ["complete", "pruned", "complete", "complete"]
    table = pd.DataFrame({"state": states, "log loss": [0.5, 0.1, 0.6, 0.4]}).rename_axis("trial")
    training.trials(table, "log loss")
    ax = plt.gca()
    assert ax.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.4]
    complete, pruned, present = (points.get_offsets().tolist() for points in ax.collections)
    assert complete == [[0, 0.5], [2, 0.6], [3, 0.4]]
    assert pruned == [[1, 0.1]]
    assert present == [[0, 0.5]]


def test_sigmoid_and_its_slope_are_those_of_the_formula():
    training.sigmoid_and_slope()
    value, slope = (ax.lines[0].get_ydata() for ax in plt.gcf().axes)
    z = plt.gcf().axes[0].lines[0].get_xdata()
    assert value == pytest.approx(1 / (1 + np.exp(-z)))
    assert slope.max() == pytest.approx(0.25)


def test_the_two_losses_have_their_minima_where_they_are_marked():
    training.two_losses(0.3, "tea")
    half, full, valley, end = plt.gca().lines
    p = full.get_xdata()
    assert p[np.argmin(full.get_ydata())] == pytest.approx(0.3, abs=0.002)
    assert valley.get_xdata()[0] == 0.3
    assert p[np.argmin(half.get_ydata())] == p[-1] and end.get_xdata()[0] == 1
    assert "tea" in plt.gca().get_title(loc="left")


def test_every_household_is_one_line_in_every_panel():
    scores = {"a": np.arange(12.0).reshape(4, 3), "b": -np.arange(12.0).reshape(4, 3)}
    training.household_scores(scores, [1001, 1002, 1003])
    for ax, expected in zip(plt.gcf().axes, scores.values(), strict=True):
        assert np.array([line.get_ydata() for line in ax.lines]).tolist() == expected.tolist()


def test_gradient_flow_draws_every_cell_on_a_log_axis():
    training.gradient_flow({"fast": 0.1 ** np.arange(1, 21), "slow": 0.9 ** np.arange(1, 21)})
    ax = plt.gca()
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["fast", "slow"]
    assert ax.lines[0].get_xdata().tolist() == list(range(1, 21))


def test_a_variant_has_its_cells_colour_but_another_line():
    training.gradient_flow({"GRU": 0.5 ** np.arange(1, 21), "GRU, open": 0.9 ** np.arange(1, 9), "σ": np.ones(20)})
    plain, variant, other = plt.gca().lines
    assert plain.get_color() == variant.get_color() != other.get_color()
    assert plain.get_linestyle() != variant.get_linestyle()
    assert variant.get_xdata().tolist() == list(range(1, 9))


def test_one_step_shows_its_parts_their_sum_and_where_it_lands():
    training.one_step(1.0, 0.5, 1.0, 2.0, 0.0)
    left, right = plt.gcf().axes
    assert [bar.get_height() for bar in left.patches] == [0.5, 2.0, 0.0, 2.5]
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["slope 0.070", "h = σ(2.50) = 0.924"]
