"""The figures of the derivation show the numbers they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bundlebook.plots import training, use_style


@pytest.fixture(autouse=True)
def closed_figures():
    use_style()
    yield
    plt.close("all")


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
