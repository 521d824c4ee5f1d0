"""The figures of calibration show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import evaluation, use_style


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


def test_groups_stand_at_their_ratio_and_say_what_they_weigh():
    table = pd.DataFrame(
        {"bought": [30, 10, 40], "ratio": [1.1, 0.8, 1.02], "low": [1.0, 0.5, 0.9], "high": [1.2, 1.3, 1.1]},
        index=["1–4", "5 and more", "all"],
    )
    evaluation.by_group({"by length": {"network": table, "counter": table * 2}})
    ax = plt.gcf().axes[0]
    assert ax.lines[0].get_xdata().tolist() == [1.1, 0.8, 1.02] and ax.lines[1].get_xdata().tolist() == [2.2, 1.6, 2.04]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1–4  (75%)", "5 and more  (25%)", "all"]
    ends = ax.collections[0].get_segments()
    assert ends[0][:, 0].tolist() == [1.0, 1.2]
    assert [text.get_text() for text in plt.gcf().legends[0].get_texts()] == ["network", "counter"]


def test_a_correction_stands_beside_what_was_trained_where_it_moves_something():
    table = pd.DataFrame({"as trained": [1.0, 6.0], "log": [1.0, 0.95], "Platt": [0.9, 1.1]}, index=["all", "a tenth"])
    evaluation.shifts(table)
    ax = plt.gca()
    points = {
        line.get_label(): np.transpose(line.get_data()).tolist() for line in ax.lines if line.get_marker() != "None"
    }
    assert points == {"as trained": [[1.0, 0], [6.0, 1]], "log": [[0.95, 1]], "Platt": [[0.9, 0], [1.1, 1]]}
    low, high = ax.get_xlim()
    assert low < 0.9 and high > 6
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "a tenth"]
