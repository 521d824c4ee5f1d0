"""What chapters call shows text that a strict comparison can trust."""

import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from bundlebook import notebook
from bundlebook.shop import Shop, SourceFile


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(notebook, "display", lambda data, raw: bundles.append(data))
    return bundles


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.123456, "", "x: 0.1235"),
        (np.float32(0.5), "s", "x: 0.5 s"),
        (140929, "baskets", "x: 140,929 baskets"),
        (True, "", "x: True"),
        ("GRU", "", "x: GRU"),
    ],
)
def test_record_shows_and_stores(shown, value, unit, text):
    notebook.record("x", value, unit)
    assert shown[0]["text/plain"] == text
    metric = shown[0][notebook.METRIC_MIME]
    assert metric["name"] == "x" and metric["unit"] == unit
    assert not isinstance(metric["value"], np.generic)


def test_footer_names_versions_seed_and_data(capsys):
    shop = Shop("s", None, None, files=(SourceFile("user_data.csv", 1234, "abc"),))
    notebook.footer(7, shop)
    text = capsys.readouterr().out
    assert "seed 7" in text and "pandas" in text and "user_data.csv: 1,234 rows, md5 abc" in text
    assert "/" not in text.replace("·", "")


def test_explore_draws_once_where_nobody_watches_and_offers_sliders_where_somebody_does(monkeypatch):
    drawn = []

    def draw(**values):
        drawn.append(values)

    notebook.explore(draw, u=(-1.0, 1.0, 0.5), x=(0, 5, 2))
    assert drawn == [{"u": 0.5, "x": 2}]
    made = {}
    monkeypatch.setattr(notebook, "_watched", lambda: True)
    monkeypatch.setattr("ipywidgets.interact", lambda redraw, **sliders: made.update(sliders) or redraw(u=0.1, x=3))
    notebook.explore(draw, u=(-1.0, 1.0, 0.5), x=(0, 5, 2))
    assert drawn[-1] == {"u": 0.1, "x": 3}
    assert (type(made["u"]).__name__, type(made["x"]).__name__) == ("FloatSlider", "IntSlider")
    assert (made["u"].min, made["u"].max, made["u"].value, made["x"].value) == (-1.0, 1.0, 0.5, 2)


def test_figures_are_shown_whatever_the_environment_says(monkeypatch):
    """MPLBACKEND=agg, set for scripts, would leave a chapter without figures and without a word."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    made = new_notebook(
        cells=[
            new_code_cell("from bundlebook import notebook\nnotebook.setup()\nimport matplotlib.pyplot as plt"),
            new_code_cell("_ = plt.plot([1, 2])"),
        ]
    )
    NotebookClient(made, kernel_name="python3").execute()
    assert "image/png" in made.cells[1].outputs[0].data


def test_names_in_tables_are_not_set_as_mathematics():
    """JupyterLab made `($5, 10% off $50)` of a name a formula and lost half of it."""
    shows = "import pandas as pd\npd.DataFrame({'name': [NAME]})"
    names = ["'Card ($5, 10% off $50)'", r"r'\(x^2\)'", "'plain'"]
    cells = [f"NAME = {name}\n{shows}{style}" for name in names for style in ("", ".style")]
    made = new_notebook(
        cells=[new_code_cell("from bundlebook import notebook\nnotebook.setup()"), *map(new_code_cell, cells)]
    )
    NotebookClient(made, kernel_name="python3").execute()
    shown = [cell.outputs[0].data["text/html"] for cell in made.cells[1:]]
    assert ["mathjax_ignore" in html for html in shown] == [True] * 4 + [False] * 2
