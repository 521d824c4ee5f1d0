"""The figures of 张三's case show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook.plots import zhangsan as plots
from bundlebook.shop.zhangsan import check


def test_place_among_all_marks_items_where_they_rank():
    plots.place_among_all(np.array([0.1, 0.4, 0.2, 0.3]), {"first": 1, "last": 0}, claimed=0.8)
    curve, first, last = plt.gca().lines[:3]
    assert curve.get_ydata().tolist() == [0.4, 0.3, 0.2, 0.1]
    assert (first.get_xdata()[0], first.get_ydata()[0]) == (1, 0.4)
    assert (last.get_xdata()[0], last.get_ydata()[0]) == (4, 0.1)
    labels = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert labels == ["first: place 1, P = 0.400", "last: place 4, P = 0.100"]


def test_answers_show_every_method_every_fit_its_mean_and_the_interval():
    given = {"claim": 0.8, "network": 0.03, "retrained": [0.02, 0.02, 0.01, 0.04]}
    plots.answers(given, "One question", claimed="claim", interval=(0.005, 0.045))
    ax = plt.gca()
    claim, network, runs, mean = ax.lines
    assert [line.get_xdata().tolist() for line in (claim, network, runs)] == [[0.8], [0.03], given["retrained"]]
    assert mean.get_xdata()[0] == pytest.approx(0.0225)
    assert claim.get_markerfacecolor() == "white" != network.get_markerfacecolor()
    twice = runs.get_ydata()[:2]
    assert twice[0] != twice[1], "equal answers do not hide each other"
    assert ax.patches[0].get_x() == 0.005 and ax.patches[0].get_width() == pytest.approx(0.04)
    assert ax.get_xlim()[1] > 0.8
    assert [text.get_text() for text in ax.get_yticklabels()] == ["claim", "network", "retrained (4)"]
    assert {"0.800", "0.030", "mean 0.0225"} <= {text.get_text() for text in ax.texts}
    plots.answers({"seeds": [0.01]}, "without an interval")
    assert not plt.gca().patches


MONTHS = ["2021-01", "2021-02"]
HISTORY = pd.DataFrame({"time": MONTHS, "item_id": [1001, 1002], "quantity": [1, 2]})


def answer(table: pd.DataFrame) -> pd.Series:
    checked = check(table)
    bought = checked.groupby("item_id")["quantity"].sum()
    return (bought / 10).reindex([1001, 1002, 1005], fill_value=0.0)


def test_stored_it_is_one_figure_with_the_history_and_the_answer():
    assert plots.history_panel(answer, HISTORY, MONTHS, asked=1005, claimed=0.8) is None
    left, right = plt.gcf().axes
    assert [text.get_text() for text in left.texts] == ["1", "2"]
    assert [bar.get_width() for bar in right.patches] == [0.1, 0.2, 0.0]
    assert [text.get_text() for text in right.texts[:3]] == ["0.100", "0.200", "0.000"]
    assert right.patches[2].get_facecolor() != right.patches[0].get_facecolor()


def test_live_it_answers_every_change_and_goes_back():
    asked = []
    panel = plots.history_panel(
        lambda t: asked.append(t) or answer(t), HISTORY, MONTHS, asked=1005, claimed=0.8, live=True
    )
    grid, reset, _, image = panel.children
    cells = [child for child in grid.children if hasattr(child, "max")]
    assert [cell.value for cell in cells] == [1, 0, 0, 2, 0, 0]
    first = bytes(image.value)
    assert first.startswith(b"\x89PNG")
    cells[4].value = 3  # 1005 in January
    assert asked[-1].query("item_id == 1005")[["time", "quantity"]].to_numpy().tolist() == [["2021-01", 3]]
    assert bytes(image.value) != first
    reset.click()
    assert [cell.value for cell in cells] == [1, 0, 0, 2, 0, 0]
    assert bytes(image.value) == first
    assert plt.get_fignums() == []


def test_live_an_empty_history_is_a_message_and_no_crash():
    panel = plots.history_panel(answer, HISTORY, MONTHS, asked=1005, claimed=0.8, live=True)
    grid, _, message, _ = panel.children
    for cell in grid.children:
        if hasattr(cell, "max"):
            cell.value = 0
    assert "no purchase" in message.value
    next(cell for cell in grid.children if hasattr(cell, "max")).value = 1
    assert message.value == ""
