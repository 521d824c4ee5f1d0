"""The drawings of networks name everything that enters, leaves and flows back."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from bundlebook.errors import BundlebookError
from bundlebook.plots import networks


def said(ax) -> list[str]:
    return [text.get_text() for text in ax.findobj(Text) if text.get_text()]


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("RNN", {"$U$": 1, "$V$": 1, r"$\sigma$": 1, "+": 1}),
        (
            "LSTM",
            {
                r"$\sigma$": 3,
                r"$\tanh$": 2,
                r"$\times$": 3,
                "+": 1,
                r"$\mathbf{f}_t$": 1,
                r"$\mathbf{i}_t$": 1,
                r"$\mathbf{g}_t$": 1,
            },
        ),
        (
            "GRU",
            {
                r"$\sigma$": 2,
                r"$\tanh$": 1,
                r"$\times$": 3,
                "+": 2,
                r"$\mathbf{z}_t$": 1,
                r"$\mathbf{r}_t$": 1,
                "$1-$": 1,
            },
        ),
    ],
)
def test_a_cell_has_the_parts_of_its_formula(kind, inside):
    ax = plt.figure().subplots()
    assert networks.cell(kind, ax=ax) is ax
    found = said(ax)
    assert {part: found.count(part) for part in inside} == inside
    assert {"$h_{t-1}$", "$x_t$", "$h_t$"} <= set(found)
    assert ("$c_t$" in found) == (kind == "LSTM")


def test_a_cell_without_a_drawing_is_named():
    with pytest.raises(BundlebookError, match="no drawing of 'CNN'"):
        networks.cell("CNN")


def test_the_gradient_flows_back_through_every_step():
    ax = plt.figure().subplots()
    networks.unrolled(["$5", "2", "3"], [0.01, 0.1, 1], ax=ax)
    found = said(ax)
    assert {r"\$5", "2", "3", "0.01", "0.1", "1", "$U^\\top\\delta_{2}$", "$U^\\top\\delta_{3}$"} <= set(found)
    assert [text for text in found if "delta_{1}" in text or "x_{4}" in text] == []
    back = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    widths = [patch.get_linewidth() for patch in back if patch.get_linestyle() != "-"]
    assert len(widths) == 3 + 2 and min(widths) < max(widths)
    with pytest.raises(BundlebookError, match="2 gradients were given for 3 steps"):
        networks.unrolled(["", "", ""], [1, 2])


def test_the_recommender_is_gru_product_and_repeats():
    ax = plt.figure().subplots()
    networks.recurrent_recommender(ax=ax)
    assert {"GRU", "small network $r$", r"$a_i^\top h_t$", r"$b_i + g\,\mathrm{trend}_{t,i}$"} <= set(said(ax))
