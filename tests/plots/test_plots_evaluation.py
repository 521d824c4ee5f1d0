"""The figures of the evaluation show the numbers they were given."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from bundlebook.evaluation import Stored
from bundlebook.plots import evaluation as plots, use_style

MEANS = {"popularity": 0.2, "memory": 0.5, "network": 0.4}


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


@pytest.fixture
def board():
    def task(shift):
        metrics = {
            "NDCG@10": {name: [m + shift, m + shift - 0.05, m + shift + 0.02, None] for name, m in MEANS.items()}
        }
        return {"tracks": {track: {"metrics": metrics} for track in ("all", "explore")}}

    costs = {"fit, MB": 1, "p50, ms": 1, "p99, ms": 2, "seeds": 1, "settings": {}}
    methods = {
        name: costs | {"family": family, "fit, CPU s": seconds}
        for name, family, seconds in (
            ("popularity", "counting", 0.5),
            ("memory", "counting", 2),
            ("network", "network", 60),
        )
    }
    tasks = {"window": task(0), "new, 1": task(-0.1), "new, 4": task(0.1)}
    return Stored({"level": "product_type", "methods": methods, "tasks": tasks})


def test_every_method_stands_at_its_cost_and_accuracy(board):
    plots.accuracy_against_cost({"product_type": board})
    figure = plt.gcf()
    assert len(figure.axes) == 2
    points = [tuple(float(c[0]) for c in line.get_data()) for line in figure.axes[0].lines]
    assert sorted(points) == [(0.5, 0.2), (2.0, 0.5), (60.0, 0.4)]
    assert {text.get_text() for text in figure.axes[0].texts} == {"1", "2", "3"}
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["popularity  (counting)", "memory  (counting)", "network  (network)"]
    assert figure.axes[0].get_xscale() == "log" and figure.axes[0].get_ylim()[0] == 0


def test_new_households_are_drawn_by_what_is_known_of_them(board):
    plots.newcomers(board, ["memory", "popularity"])
    ax = plt.gca()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "4"]
    heights = {c.get_label(): c.lines[0].get_ydata().astype(float).round(3).tolist() for c in ax.containers}
    assert heights == {"memory": [0.4, 0.6], "popularity": [0.1, 0.3]}


def test_relative_differences_stand_in_their_row_and_in_the_colour_of_their_level():
    rows = [
        ("network", "types", -2.0, -3.0, -1.0),
        ("network", "products", 1.0, 0.5, 1.5),
        ("mean", "types", 4.0, 3.0, 5.0),
    ]
    table = pd.DataFrame(rows, columns=["method", "level", "middle", "low", "high"])
    plots.relative({"NDCG@10": table}, "best of the others")
    ax = plt.gca()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["network", "mean"]
    middles = [line.get_xdata()[0] for line in ax.lines if line.get_marker() in "os"]
    assert middles == [-2.0, 1.0, 4.0]
    spans = [tuple(segment[:, 0]) for part in ax.collections for segment in part.get_segments()]
    assert spans == [(-3.0, -1.0), (0.5, 1.5), (3.0, 5.0)]
    heights = [line.get_ydata()[0] for line in ax.lines if line.get_marker() in "os"]
    assert heights[0] > heights[1] > heights[2]
    assert {text.get_text() for text in plt.gcf().legends[0].get_texts()} == {"types", "products"}
