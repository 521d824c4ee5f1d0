"""The figures of the training show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bundlebook.plots import training, use_style
from bundlebook.recommenders import period_panel
from bundlebook.shop import Baskets


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


def test_a_household_shows_its_counts_and_hatches_what_was_unknown():
    at = np.datetime64("2021-05-01")
    quantities = sparse.csr_matrix(np.array([[1, 0, 0], [2, 0, 1], [1, 0, 0]], dtype=np.float32))
    day = at - np.array([40, 3, 2])
    histories = Baskets(quantities, np.zeros(3, dtype=int), day, np.array(["u"]), np.array(["tea", "salt", "rice"]))
    training.household(period_panel(histories, at, 3), 0, histories.items)
    ax = plt.gca()
    cells = {text.get_position(): text.get_text() for text in ax.texts if text.get_text().isdigit()}
    assert cells == {(1, 0): "1", (2, 0): "2", (2, 1): "1"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Tea", "Rice"]
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
