import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import profiles as plots


def test_a_bar_runs_from_the_middle_to_the_percentile():
    table = pd.DataFrame(
        {"group": ["when", "when", "how much"], "value": [3.0, 0.25, 1200.0], "percentile": [10.0, 80.0, np.nan]},
        index=["days", "share", "spend"],
    )
    plots.portrait(table, "Somebody", ["a note"])
    ax = plt.gca()
    bars = [(p.get_x(), p.get_width()) for p in ax.patches if p.get_height() < 1 and p.get_width() != 50]
    assert sorted(bars) == [(50, -40), (50, 30)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["days", "share"]
    assert "a note" in ax.get_xlabel() and {"3.00", "0.25"} <= {text.get_text() for text in ax.texts}


def test_source_weights_are_stacked_to_one():
    weights = pd.DataFrame({"purchases": [0.0, 0.6], "everyone": [1.0, 0.4]}, index=[0, 8])
    plots.source_weights(weights)
    ax = plt.gca()
    top = [p.get_y() + p.get_height() for p in ax.containers[-1]]
    assert top == pytest.approx([1, 1])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "8+"]
