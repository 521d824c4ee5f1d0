"""Drawings of recurrent networks: the cell, the network unrolled in time with its gradient, the whole recommender."""

from collections.abc import Iterable, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from bundlebook.errors import BundlebookError
from bundlebook.plots._style import GREY, PALETTE, figure, get_ax, plain

#: What the colours of the boxes mean in every drawing.
_INPUT, _LAYER, _STATE, _BACK = PALETTE[2], PALETTE[1], PALETTE[0], PALETTE[3]
_INK = "0.2"


@figure
def cell(kind: Literal["RNN", "LSTM", "GRU"], *, ax: Axes | None = None) -> None:
    r"""Draw one step of a recurrent cell: boxes are layers, circles work entry by entry.

    ======  ===========================================================================================================
    RNN     h_t = σ(U h_{t−1} + V x_t + b_h)
    LSTM    c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t and h_t = o_t ⊙ tanh(c_t) (Hochreiter and Schmidhuber 1997, with the forget
            gate of Gers, Schmidhuber and Cummins 2000)
    GRU     h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ tanh(W x_t + b + r_t ⊙ (U h_{t−1} + b′)) (Cho and others 2014; the order
            of r and U is that of cuDNN and Keras)
    ======  ===========================================================================================================

    Parameters
    ----------
    kind : {"RNN", "LSTM", "GRU"}

    Raises
    ------
    BundlebookError
        If *kind* is none of the three.
    """
    drawings = {"RNN": (_rnn, (5.6, 3.6)), "LSTM": (_lstm, (7.2, 4.4)), "GRU": (_gru, (6.8, 5.4))}
    if kind not in drawings:
        raise BundlebookError(f"no drawing of {kind!r}", where="kind", remedy=f"choose one of {', '.join(drawings)}")
    draw, size = drawings[kind]
    ax = _canvas(ax, size)
    draw(ax)


@figure
def unrolled(
    inputs: Sequence[str] = ("", "", "", ""), gradient: Sequence[float] | None = None, *, ax: Axes | None = None
) -> None:
    """Draw the network unrolled in time: forward from left to right, the gradient back from right to left.

    The same U, V and a stand at every step. Solid arrows carry numbers forward; dashed ones carry the gradient back,
    ∂L/∂h_t = a e_t + Uᵀ δ_{t+1} with δ_t = ∂L/∂h_t ⊙ h_t ⊙ (1 − h_t) (Werbos 1990).

    Parameters
    ----------
    inputs : sequence of str
        What is read at each step, written under x_t; its length is the number of steps.
    gradient : sequence of float, optional
        What is left of the last step's gradient at each state, written under it and drawn as the width of the arrows.
    """
    steps = len(inputs)
    if gradient is not None and len(gradient) != steps:
        raise BundlebookError(
            f"{len(gradient)} gradients were given for {steps} steps", where="gradient", remedy="give one for each step"
        )
    ax = _canvas(ax, (1.45 * steps + 1.6, 4.6))
    wide = 2.0
    _box(ax, 0, 2, r"$h_0=0$", _STATE, width=1.1)
    for t in range(1, steps + 1):
        x = wide * t
        _box(ax, x, 2, f"$h_{{{t}}}$", _STATE, width=0.8)
        _box(ax, x, 0, f"$x_{{{t}}}$", _INPUT, width=0.8)
        _box(ax, x, 4, f"$P_{{{t}}}$", _LAYER, width=0.8)
        if inputs[t - 1]:
            ax.text(x, -0.5, plain(inputs[t - 1]), ha="center", va="top", fontsize=11, color=_INK)
        _arrow(ax, (x, 0.4), (x, 1.6))
        _label(ax, x + 0.12, 0.75, "$V$")
        _arrow(ax, (x - wide + (0.55 if t == 1 else 0.4), 2.12), (x - 0.4, 2.12))
        _label(ax, x - wide / 2, 2.34, "$U$", ha="center")
        _arrow(ax, (x - 0.14, 2.4), (x - 0.14, 3.6))
        _label(ax, x - 0.24, 3.0, r"$a^\top$", ha="right")
        _arrow(ax, (x + 0.14, 3.6), (x + 0.14, 2.4), back=True)
        _label(ax, x + 0.24, 3.0, f"$a\\,e_{{{t}}}$", color=_BACK)
        ax.text(x, 4.52, f"$e_{{{t}}}=P_{{{t}}}-y_{{{t}}}$", ha="center", va="bottom", fontsize=11, color=_BACK)
        if t > 1:
            width = 1.6 if gradient is None else 0.8 + 3.2 * max(gradient[t - 2], 0) / max(*gradient, 1e-12)
            _arrow(ax, (x - 0.4, 1.86), (x - wide + 0.4, 1.86), back=True, lw=width)
            _label(ax, x - wide / 2, 1.62, f"$U^\\top\\delta_{{{t}}}$", ha="center", color=_BACK)
        if gradient is not None:
            _label(ax, x - 0.12, 1.34, f"{gradient[t - 1]:.2g}", ha="right", color=_BACK, fontsize=10)
    ax.set(xlim=(-0.7, wide * steps + 0.95), ylim=(-1.0 if any(inputs) else -0.5, 5.0))


@figure
def recurrent_recommender(*, ax: Axes | None = None) -> None:
    """Draw :class:`~bundlebook.recommenders.RecurrentRecommender`: GRU, product with the item, repeat-aware head.

    logit P_{t,i} = b_i + a_iᵀ h_t + g trend_{t,i} + r(counts_{t,i}, i, h_t), for a user u after period t
    """
    ax = _canvas(ax, (7.0, 5.6))
    left, middle, right = 1.6, 4.9, 8.2
    for x, text in ((left, "baskets of user $u$,\nby period"), (middle, "item $i$"),
                    (right, "when $u$ bought $i$")):  # fmt: skip
        _box(ax, x, 0, text, _INPUT, width=2.9, height=0.95)
    _box(ax, left, 1.8, "GRU", _LAYER, width=2.6, height=0.7)
    _box(ax, left, 3.3, r"state $h_t\in\mathbb{R}^d$", _STATE, width=2.6, height=0.7)
    _box(ax, middle, 1.8, "vector $a_i\\in\\mathbb{R}^d$\nand bias $b_i$", _LAYER, width=2.6, height=0.95)
    _box(ax, right, 1.8, "counts of $i$ that\nfade at several rates", _LAYER, width=3.3, height=0.95)
    _box(ax, right, 3.3, "small network $r$", _LAYER, width=3.0, height=0.7)
    _circle(ax, middle, 4.7, r"$\cdot$")
    _circle(ax, middle, 5.9, "+")
    _circle(ax, middle, 7.1, r"$\sigma$")
    _dot(ax, middle, 2.75)
    _arrows(ax, [
        [(left, 0.475), (left, 1.45)], [(left, 2.15), (left, 2.95)], [(left, 3.65), (left, 4.7), (middle - 0.3, 4.7)],
        [(middle, 0.475), (middle, 1.325)], [(middle, 2.275), (middle, 4.4)],
        [(right, 0.475), (right, 1.325)], [(right, 2.275), (right, 2.95)],
        [(middle, 2.75), (right - 0.9, 2.75), (right - 0.9, 2.95)], [(middle, 5.0), (middle, 5.6)],
        [(right, 3.65), (right, 5.9), (middle + 0.3, 5.9)], [(middle - 1.3, 5.9), (middle - 0.3, 5.9)],
        [(middle, 6.2), (middle, 6.8)], [(middle, 7.4), (middle, 7.95)], [(left + 1.3, 3.3), (right - 1.5, 3.3)],
    ])  # fmt: skip
    _label(ax, left + 1.65, 4.92, r"$a_i^\top h_t$", ha="center")
    _label(ax, right - 1.5, 6.12, "zero without\na past of $u$ with $i$", ha="center", va="bottom", fontsize=11)
    _label(ax, middle - 1.4, 5.9, r"$b_i + g\,\mathrm{trend}_{t,i}$", ha="right")
    _label(ax, middle, 8.2, r"$P_{t,i}$: $u$ buys $i$ in the next period", ha="center", va="bottom")
    ax.set(xlim=(0, 9.9), ylim=(-0.6, 8.8))


def _rnn(ax: Axes) -> None:
    _frame(ax, 0.9, 0.2, 6.1, 4.2)
    _dot(ax, 5.5, 2.6)
    _arrows(ax, [
        [(0.2, 2.6), (1.3, 2.6)], [(2.1, 2.6), (2.7, 2.6)], [(3.3, 2.6), (4.0, 2.6)], [(4.8, 2.6), (6.9, 2.6)],
        [(5.5, 2.6), (5.5, 4.8)], [(3.0, -0.5), (3.0, 0.7)], [(3.0, 1.5), (3.0, 2.3)], [(3.0, 3.45), (3.0, 2.9)],
    ])  # fmt: skip
    _box(ax, 1.7, 2.6, "$U$", _LAYER)
    _box(ax, 3.0, 1.1, "$V$", _LAYER)
    _circle(ax, 3.0, 2.6, "+")
    _box(ax, 4.4, 2.6, r"$\sigma$", _LAYER)
    _label(ax, 3.0, 3.5, "$b_h$", ha="center", va="bottom")
    _ends(ax, {(0.1, 2.6): "$h_{t-1}$"}, {(7.0, 2.6): "$h_t$"}, {(3.0, -0.6): "$x_t$"})
    _label(ax, 5.5, 4.9, "to $P$", ha="center", va="bottom")
    ax.set(xlim=(-0.8, 7.6), ylim=(-1.2, 5.4))


def _lstm(ax: Axes) -> None:
    _frame(ax, 0.7, -0.1, 8.6, 5.0)
    _line(ax, (0.1, 0.5), (6.7, 0.5))
    _line(ax, (1.3, -0.7), (1.3, 0.5))
    _dot(ax, 1.3, 0.5)
    _dot(ax, 7.8, 4.3)
    _arrows(ax, [
        [(0.1, 4.3), (2.0, 4.3)], [(2.6, 4.3), (4.9, 4.3)], [(5.5, 4.3), (9.3, 4.3)], [(2.3, 1.9), (2.3, 4.0)],
        [(3.7, 1.9), (3.7, 3.0), (4.9, 3.0)], [(5.2, 1.9), (5.2, 2.7)], [(5.2, 3.3), (5.2, 4.0)],
        [(6.7, 1.9), (6.7, 2.4), (7.5, 2.4)], [(7.8, 4.3), (7.8, 3.75)], [(7.8, 2.95), (7.8, 2.7)],
        [(7.8, 2.1), (7.8, 0.5), (9.3, 0.5)],
    ])  # fmt: skip
    for x, name, function in ((2.3, "f", r"$\sigma$"), (3.7, "i", r"$\sigma$"), (5.2, "g", r"$\tanh$"),
                              (6.7, "o", r"$\sigma$")):  # fmt: skip
        _arrow(ax, (x, 0.5), (x, 1.1))
        _box(ax, x, 1.5, function, _LAYER, width=0.95)
        _label(ax, x + 0.12, 2.12, f"$\\mathbf{{{name}}}_t$")
    for x, y, sign in ((2.3, 4.3, r"$\times$"), (5.2, 4.3, "+"), (5.2, 3.0, r"$\times$"), (7.8, 2.4, r"$\times$")):
        _circle(ax, x, y, sign)
    _box(ax, 7.8, 3.35, r"$\tanh$", _STATE, width=0.95)
    _ends(ax, {(0.0, 4.3): "$c_{t-1}$", (0.0, 0.5): "$h_{t-1}$"}, {(9.4, 4.3): "$c_t$", (9.4, 0.5): "$h_t$"},
          {(1.3, -0.8): "$x_t$"})  # fmt: skip
    ax.set(xlim=(-0.95, 10.0), ylim=(-1.4, 5.2))


def _gru(ax: Axes) -> None:
    _frame(ax, 0.6, 0.0, 7.6, 6.3)
    _line(ax, (1.1, 5.7), (1.1, 0.6), (4.4, 0.6))
    _line(ax, (1.1, -0.7), (1.1, 0.6))
    for x, y in ((1.1, 5.7), (1.1, 3.0), (1.1, 0.6), (4.4, 4.75)):
        _dot(ax, x, y)
    for x, name in ((2.9, "r"), (4.4, "z")):
        _arrow(ax, (x, 0.6), (x, 1.2))
        _box(ax, x, 1.6, r"$\sigma$", _LAYER)
        _label(ax, x + 0.12, 2.25, f"$\\mathbf{{{name}}}_t$")
    _arrows(ax, [
        [(0.1, 5.7), (4.1, 5.7)], [(4.7, 5.7), (6.2, 5.7)], [(6.8, 5.7), (8.3, 5.7)], [(1.1, 3.0), (1.5, 3.0)],
        [(2.3, 3.0), (2.6, 3.0)], [(2.9, 2.0), (2.9, 2.7)], [(4.4, 4.75), (5.0, 4.75)], [(5.8, 4.75), (6.2, 4.75)],
        [(6.5, -0.7), (6.5, 1.2)], [(6.5, 2.0), (6.5, 2.7)], [(6.5, 3.3), (6.5, 3.5)], [(6.5, 4.25), (6.5, 4.45)],
        [(6.5, 5.05), (6.5, 5.4)], [(3.2, 3.0), (6.2, 3.0)], [(4.4, 2.0), (4.4, 5.4)],
    ])  # fmt: skip
    _box(ax, 1.9, 3.0, "$U$", _LAYER)
    _box(ax, 6.5, 1.6, "$W$", _LAYER)
    _box(ax, 6.5, 3.88, r"$\tanh$", _STATE, width=0.95)
    _box(ax, 5.4, 4.75, "$1-$", _STATE)
    for x, y, sign in ((2.9, 3.0, r"$\times$"), (6.5, 3.0, "+"), (6.5, 4.75, r"$\times$"), (4.4, 5.7, r"$\times$"),
                       (6.5, 5.7, "+")):  # fmt: skip
        _circle(ax, x, y, sign)
    _ends(ax, {(0.0, 5.7): "$h_{t-1}$"}, {(8.4, 5.7): "$h_t$"}, {(1.1, -0.8): "$x_t$", (6.5, -0.8): "$x_t$"})
    ax.set(xlim=(-0.95, 9.0), ylim=(-1.4, 6.5))


def _canvas(ax: Axes | None, size: tuple[float, float]) -> Axes:
    ax = get_ax(ax, size)
    ax.set_axis_off()
    ax.set_aspect("equal")
    return ax


def _frame(ax: Axes, left: float, bottom: float, right: float, top: float) -> None:
    ax.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, boxstyle="round,pad=0,rounding_size=0.3",
                                fc="0.96", ec="0.75", lw=1.2, zorder=0))  # fmt: skip


def _box(ax: Axes, x: float, y: float, text: str, colour, width: float = 0.8, height: float = 0.8) -> None:
    """A layer or a state; its colour says which."""
    pale = tuple(0.72 + 0.28 * part for part in colour)
    ax.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, fc=pale, ec=colour, lw=1.5, zorder=3,
                                boxstyle="round,pad=0,rounding_size=0.12"))  # fmt: skip
    ax.text(x, y, text, ha="center", va="center", fontsize=12, color=_INK, zorder=4)


def _circle(ax: Axes, x: float, y: float, sign: str) -> None:
    """An operation entry by entry."""
    ax.add_patch(Circle((x, y), 0.3, fc="white", ec=_INK, lw=1.3, zorder=3))
    ax.text(x, y, sign, ha="center", va="center_baseline", fontsize=13, color=_INK, zorder=4)


def _line(ax: Axes, *points: tuple[float, float]) -> None:
    ax.plot(*zip(*points, strict=True), color=GREY, lw=1.6, zorder=1, solid_joinstyle="round")


def _arrow(ax: Axes, *points: tuple[float, float], back: bool = False, lw: float = 1.6) -> None:
    """A line through all points that ends in an arrow head; *back* marks the way of the gradient."""
    colour, style = (_BACK, (0, (4, 2))) if back else (GREY, "-")
    if len(points) > 2:
        _line(ax, *points[:-1])
    ax.annotate("", points[-1], points[-2], zorder=2,
                arrowprops={"arrowstyle": "-|>,head_width=0.25,head_length=0.5", "color": colour, "lw": lw,
                            "linestyle": style, "shrinkA": 0, "shrinkB": 0})  # fmt: skip


def _arrows(ax: Axes, paths: Iterable[Sequence[tuple[float, float]]]) -> None:
    for path in paths:
        _arrow(ax, *path)


def _dot(ax: Axes, x: float, y: float) -> None:
    """Where a line branches; lines that cross without a dot do not touch."""
    ax.plot(x, y, "o", ms=5, color=GREY, zorder=2)


def _label(ax: Axes, x: float, y: float, text: str, ha: str = "left", va: str = "center", color=_INK, fontsize=12):
    ax.text(x, y, text, ha=ha, va=va, fontsize=fontsize, color=color, zorder=4)


def _ends(ax: Axes, left: dict, right: dict, below: dict) -> None:
    """Names of what enters and leaves a cell, by the place of its arrow."""
    for places, ha, va in ((left, "right", "center"), (right, "left", "center"), (below, "center", "top")):
        for (x, y), text in places.items():
            _label(ax, x, y, text, ha=ha, va=va, fontsize=13)
