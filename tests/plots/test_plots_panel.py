"""The panel asks again whenever a number is changed, and the stored chapter holds a figure instead."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from bundlebook.plots import use_style
from bundlebook.plots.zhangsan import history_panel
from bundlebook.shop import zhangsan

MONTHS = ["2021-01", "2021-02"]
HISTORY = pd.DataFrame({"time": MONTHS, "item_id": [1001, 1002], "quantity": [1, 2]})


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


def answer(table: pd.DataFrame) -> pd.Series:
    checked = zhangsan.check(table)
    bought = checked.groupby("item_id")["quantity"].sum()
    return (bought / 10).reindex([1001, 1002, 1005], fill_value=0.0)


def test_stored_it_is_one_figure_with_the_history_and_the_answer():
    assert history_panel(answer, HISTORY, MONTHS, asked=1005, claimed=0.8) is None
    left, right = plt.gcf().axes
    assert [text.get_text() for text in left.texts] == ["1", "2"]
    assert [bar.get_width() for bar in right.patches] == [0.1, 0.2, 0.0]
    assert [text.get_text() for text in right.texts[:3]] == ["0.100", "0.200", "0.000"]
    assert right.patches[2].get_facecolor() != right.patches[0].get_facecolor()


def test_live_it_answers_every_change_and_goes_back():
    asked = []
    panel = history_panel(lambda t: asked.append(t) or answer(t), HISTORY, MONTHS, asked=1005, claimed=0.8, live=True)
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
    panel = history_panel(answer, HISTORY, MONTHS, asked=1005, claimed=0.8, live=True)
    grid, _, message, _ = panel.children
    for cell in grid.children:
        if hasattr(cell, "max"):
            cell.value = 0
    assert "no purchase" in message.value
    next(cell for cell in grid.children if hasattr(cell, "max")).value = 1
    assert message.value == ""
