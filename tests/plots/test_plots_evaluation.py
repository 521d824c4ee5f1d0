"""The figures of the evaluation show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook import paths
from bundlebook.evaluation import Stored
from bundlebook.plots import evaluation as plots

MEANS = {"popularity": 0.2, "memory": 0.5, "network": 0.4}


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
    ax = figure.axes[0]
    points = [tuple(float(c[0]) for c in line.get_data()) for line in ax.lines if line.get_marker() != "None"]
    assert sorted(points) == [(0.5, 0.2), (2.0, 0.5), (60.0, 0.4)]
    assert {text.get_text() for text in ax.texts} == {"popularity", "memory"}, "the network is dearer and worse"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["counting", "network"]
    assert ax.get_xscale() == "log" and ax.get_ylim()[0] == 0


def test_names_on_the_front_overlap_neither_dots_nor_each_other():
    rng = np.random.default_rng(3)
    metrics = {"NDCG@10": {f"method number {n}": [0.3 + n / 400, 0.29, 0.41, None] for n in range(6)}}
    costs = {"fit, MB": 1, "p50, ms": 1, "p99, ms": 2, "seeds": 1, "settings": {}, "family": "all"}
    methods = {name: costs | {"fit, CPU s": float(rng.uniform(1, 1.2) + n / 9)} for n, name in
               enumerate(metrics["NDCG@10"])}  # fmt: skip
    content = {"level": "types", "methods": methods, "tasks": {"window": {"tracks": {"all": {"metrics": metrics}}}}}
    plots.accuracy_against_cost({"types": Stored(content)}, tracks=["all"])
    ax = plt.gcf().axes[0]
    boxes = [text.get_window_extent() for text in ax.texts]
    dots = ax.transData.transform([[c[0] for c in line.get_data()] for line in ax.lines if line.get_marker() != "None"])
    assert len(boxes) >= 4
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
        assert not any(box.contains(*dot) for dot in dots)


def test_names_of_the_stored_leaderboard_do_not_overlap():
    file = paths.root() / "benchmarks" / "leaderboard.json"
    plots.accuracy_against_cost({level: Stored.read(file, level) for level in ("product_type", "item_id")})
    for ax in plt.gcf().axes:
        boxes, inside = [text.get_window_extent() for text in ax.texts], ax.get_window_extent()
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[number + 1 :]), ax.get_title()
            assert inside.y0 <= box.y0 and box.y1 <= inside.y1, ax.get_title()


def test_steps_are_drawn_by_what_is_known():
    table = pd.DataFrame({"mean": [0.1, 0.2], "low": [0.05, 0.15], "high": [0.15, 0.25]}, index=["0", "all"])
    plots.by_step({"one": table, "two": table * 2}, "Recall@10", "baskets", "A new customer")
    ax = plt.gca()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "all"]
    heights = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert heights == {"one": [0.1, 0.2], "two": [0.2, 0.4]} and "Recall@10" in ax.get_ylabel()
    assert ax.collections[0].get_segments()[0][:, 1].tolist() == [0.05, 0.15]


def test_steps_without_intervals_are_one_line_per_column_beside_a_mark():
    steps = pd.DataFrame({1001: [0.1, 0.3], 1002: [0.2, 0.1]}, index=["nothing", "to 2021-01"])
    plots.by_step(steps, "P(bought)", "his history", "by month", legend="item", marks={"claimed": 0.8})
    ax = plt.gca()
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.1, 0.3], [0.2, 0.1]] and not ax.collections
    assert ax.lines[2].get_ydata()[0] == 0.8 and ax.texts[0].get_text() == "claimed"
    assert ax.get_ylim()[1] > 0.8 and ax.get_ylabel() == "P(bought)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1001", "1002"]


def test_differences_stand_in_order_and_are_hollow_where_they_could_be_chance():
    table = pd.DataFrame(
        {"difference": [0.1, 0.3], "low": [-0.1, 0.2], "high": [0.3, 0.4], "p_holm": [0.5, 0.01]},
        index=["weak", "strong"],
    )
    plots.intervals({"NDCG@10": table, "Recall@10": table.iloc[::-1]}, reference="popularity")
    left, right = plt.gcf().axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["strong", "weak"]
    for ax in (left, right):
        dots, hollow, zero = ax.lines
        assert dots.get_xdata().tolist() == [0.3, 0.1] and hollow.get_xdata().tolist() == [0.1]
        assert [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()] == [[0.2, 0.4], [-0.1, 0.3]]
        assert zero.get_xdata() == [0, 0]
    assert "0 = popularity" in plt.gcf().get_supxlabel() and "hollow" in plt.gcf().get_supxlabel()


def test_series_share_a_row_in_colours_of_their_own():
    types = pd.DataFrame({"difference": [-2.0, 4.0], "low": [-3.0, 3.0], "high": [-1.0, 5.0]}, index=["net", "mean"])
    products = types.iloc[:1] + 3
    plots.intervals({"NDCG@10": {"types": types, "products": products}}, reference="the best", ordered=False)
    ax = plt.gca()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["net", "mean"]
    first, second = ax.lines[:2]
    assert first.get_xdata().tolist() == [-2.0, 4.0] and second.get_xdata()[0] == 1.0
    assert first.get_ydata()[0] < second.get_ydata()[0] < first.get_ydata()[1]
    assert first.get_color() != second.get_color()
    assert [text.get_text() for text in plt.gcf().legends[0].get_texts()] == ["types", "products"]


def test_runaway_errors_are_named_and_do_not_squeeze_the_others():
    table = pd.DataFrame({"mean": [1e9, 2.0, 3.0], "low": [1e8, 1, 2], "high": [1e10, 3, 4]}, index=["wild", "a", "b"])
    plots.intervals({"units": table}, "error (%)", cut=True)
    ax = plt.gca()
    assert ax.get_xlim() == (0, 6) and ax.get_xlabel() == "error (%)"
    assert [(text.get_text(), text.get_position()[1]) for text in ax.texts] == [("off the scale →", 0)]


def test_reliability_has_one_panel_per_title_and_one_line_per_method():
    table = pd.DataFrame({"count": [5, 5], "predicted": [0.1, 0.4], "observed": [0.2, 0.5]})
    plots.reliability({"product": {"2 items": table, "3 items": table}, "ours": {"2 items": table}})
    assert [len(ax.lines) for ax in plt.gcf().axes] == [3, 2]
    plots.reliability({"network": table}, "One panel")
    ax = plt.gca()
    assert ax.lines[1].get_ydata().tolist() == [0.2, 0.5] and ax.get_title("left") == "One panel"


def test_groups_stand_at_their_ratio_and_say_what_they_weigh():
    table = pd.DataFrame(
        {"bought": [30, 10, 40], "ratio": [1.1, 0.8, 1.02], "low": [1.0, 0.5, 0.9], "high": [1.2, 1.3, 1.1]},
        index=["1–4", "5 and more", "all"],
    )
    plots.by_group({"by length": {"network": table, "counter": table * 2}})
    ax = plt.gcf().axes[0]
    assert ax.lines[0].get_xdata().tolist() == [1.1, 0.8, 1.02] and ax.lines[1].get_xdata().tolist() == [2.2, 1.6, 2.04]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1–4  (75%)", "5 and more  (25%)", "all"]
    ends = ax.collections[0].get_segments()
    assert ends[0][:, 0].tolist() == [1.0, 1.2]
    assert [text.get_text() for text in plt.gcf().legends[0].get_texts()] == ["network", "counter"]


def test_a_correction_stands_beside_what_was_trained():
    ratios = pd.DataFrame({"as trained": [1.0, 6.0], "Platt": [0.9, 1.1]}, index=["everything", "a tenth"])
    plots.by_group({"all households": {state: ratios[[state]].set_axis(["ratio"], axis=1) for state in ratios}})
    ax = plt.gca()
    assert {line.get_label(): line.get_xdata().tolist() for line in ax.lines[:2]} == ratios.to_dict("list")
    assert ax.get_xlim()[0] < 0.9 and ax.get_xlim()[1] > 6
    assert [label.get_text() for label in ax.get_yticklabels()] == ["everything", "a tenth"]
