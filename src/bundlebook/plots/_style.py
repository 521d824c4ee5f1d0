"""One look for every figure, and what all figure functions share: where they draw, what they return, their labels."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import wraps
from inspect import cleandoc, signature
from textwrap import TextWrapper
from typing import Any, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from bundlebook import paths
from bundlebook.errors import BundlebookError

#: Okabe and Ito's palette as seaborn ships it: distinguishable under every common colour deficiency.
PALETTE = sns.color_palette("colorblind")
#: Beside the colours, so that a figure survives grey print.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
GREY = "0.45"
CJK_FONT = paths.assets() / "fonts" / "DroidSansFallback-GB2312.ttf"

#: The axes of a figure of several panels, row by row.
Panels = Sequence[Axes]
_P = ParamSpec("_P")
_WHERE = {
    "ax": "ax : Axes, optional\n    Where to draw; a new figure if not given.",
    "axes": "axes : sequence of Axes, optional\n    Where to draw, one per panel, row by row; a new figure if none.",
}


def use_style() -> None:
    """Apply the workbook's figure style to matplotlib's global settings.

    Chinese is drawn in a bundled font that holds the characters of GB 2312. A rarer character becomes a box, without
    matplotlib's warning, which would otherwise stand on the page of a report.
    """
    warnings.filterwarnings("ignore", r"Glyph \d+ \(.*\) missing from font", UserWarning)
    font_manager.fontManager.addfont(CJK_FONT)
    entries = font_manager.fontManager.ttflist
    if entries[-1].fname == str(CJK_FONT):
        # The font has one weight; without an entry for bold, every bold title warns on stderr.
        entries.append(replace(entries[-1], weight=700))
    sns.set_theme(context="notebook", style="whitegrid", palette=PALETTE)
    mpl.rcParams.update(
        {
            "font.family": ["DejaVu Sans", font_manager.FontProperties(fname=CJK_FONT).get_name()],
            "figure.figsize": (8.0, 4.5),
            "figure.dpi": 80,
            "figure.constrained_layout.use": True,
            "savefig.dpi": 80,
            "axes.titlesize": 13,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.alpha": 0.4,
        }
    )


def figure(draw: Callable[_P, None]) -> Callable[_P, Any]:
    """Make a drawing function return the axes that the caller gave.

    Given axes, a figure function is part of a larger drawing and returns them, so *draw* itself returns nothing. Called
    without, as the chapters do, it makes a figure, which the notebook shows by itself, and returns None: the axes as
    the last value of a cell would be printed below the figure. The parameter is described here once, at the end of
    every docstring.
    """
    name = "ax" if "ax" in signature(draw).parameters else "axes"
    returns = f"{'Axes' if name == 'ax' else 'sequence of Axes'} or None\n    What was given; None if nothing was."

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Any:
        draw(*args, **kwargs)
        return kwargs.get(name)

    drawn.__doc__ = (
        f"{cleandoc(draw.__doc__ or '')}\n\nOther Parameters\n----------------\n{_WHERE[name]}\n\n"
        f"Returns\n-------\n{returns}\n"
    )
    return drawn


def get_ax(ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """Return *ax*, or the axes of a new figure of that size in inches."""
    return plt.subplots(figsize=figsize)[1] if ax is None else ax


def get_axes(axes: Panels | None, rows: int, columns: int, *, wspace: float | None = None, **new: Any) -> Panels:
    """Return *axes* after counting them, or those of a new figure.

    Parameters
    ----------
    axes : sequence of Axes or None
    rows, columns : int
        How many panels are needed.
    wspace : float, optional
        Room between the columns of a new figure, as a share of their width.
    **new
        More arguments of :func:`matplotlib.pyplot.subplots` for a new figure.

    Returns
    -------
    sequence of Axes
        Row by row.
    """
    if axes is None:
        made, grid = plt.subplots(rows, columns, squeeze=False, **new)
        if wspace is not None:
            made.set_layout_engine("constrained", wspace=wspace)
        return grid.ravel().tolist()
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != rows * columns:
        raise BundlebookError(
            f"{len(given)} axes were given for {rows * columns} panels", where="axes", remedy="give one for each panel"
        )
    return given


def log_ticks(*axes: Axis) -> None:
    """Set logarithmic ticks at 1, 2 and 5, written as plain numbers."""
    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def percent_ticks(*axes: Axis) -> None:
    """Write shares as per cent."""
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1.0))


def name_rows(
    ax: Axes,
    names: Iterable[object],
    at: Sequence[float] | None = None,
    *,
    width: int = 0,
    lines: int = 1,
    **text: Any,
) -> None:
    """Name the rows of a chart from top to bottom.

    Parameters
    ----------
    ax : Axes
    names : iterable
        One name per row, drawn as written.
    at : sequence of float, optional
        Heights of the rows; 0, 1, 2, … if not given.
    width : int
        Names are cut to so many characters (see :func:`short`); 0 for whole names.
    lines : int
        Of a name that is longer than *width*; more than one keeps the case in which it is written.
    **text
        Arguments of the labels, such as ``fontsize``.
    """
    if lines > 1:
        wrap = TextWrapper(width, max_lines=lines, placeholder=" …", break_on_hyphens=False).fill
        labels = [plain(wrap(str(name))) for name in names]
    else:
        labels = [short(str(name), width) if width else plain(name) for name in names]
    places = range(len(labels)) if at is None else at
    ax.set_yticks(places, labels, **text)
    ax.set_ylim(max(places, default=0) + 0.6, -0.6)
    ax.grid(axis="y", visible=False)


def heat_map(
    ax: Axes, values: np.ndarray, form: str, cmap: str = "cividis_r", most: float | None = None, fontsize: float = 10
) -> None:
    """Draw a table as coloured cells with their numbers; cells that are not finite stay empty.

    Parameters
    ----------
    ax : Axes
    values : ndarray of float, shape (rows, columns)
        Numbers from 0 upwards; NaN for an empty cell.
    form : str
        How a number is written, such as ``".2f"``.
    cmap : str
        A map from light to dark.
    most : float, optional
        The value of the darkest colour; the largest one if not given.
    fontsize : float
        Size of the numbers, in points.
    """
    top = most or max(np.nanmax(values, initial=0), 0.01)
    ax.imshow(np.ma.masked_invalid(values), cmap=cmap, vmin=0, vmax=top, aspect="auto")
    for row, column in np.argwhere(np.isfinite(values)):
        value = values[row, column]
        ax.text(column, row, f"{value:{form}}", ha="center", va="center", fontsize=fontsize,
                color="white" if value > top / 2 else "0.1")  # fmt: skip
    ax.grid(visible=False)


def spread_boxes(
    centre: np.ndarray,
    sizes: np.ndarray,
    frame: tuple[float, float],
    fixed: np.ndarray | None = None,
    rounds: int = 3000,
) -> np.ndarray:
    """Push boxes apart until none overlap, keeping them inside the frame.

    Parameters
    ----------
    centre, sizes : ndarray, shape (n, 2)
        Centres, and widths and heights, in the same unit.
    frame : (float, float)
        Width and height of the frame, whose lower left corner is the origin.
    fixed : ndarray of bool, shape (n,), optional
        Boxes that stay where they are.
    rounds : int
        Most passes over all pairs.

    Returns
    -------
    ndarray, shape (n, 2)
        New centres.
    """
    centre, corner = centre.astype(float), np.asarray(frame, dtype=float)
    free = np.ones(len(centre)) if fixed is None else 1.0 - fixed
    for _ in range(rounds):
        inner = np.clip(centre, sizes / 2, corner - sizes / 2)
        centre = np.where(free[:, None] > 0, inner, centre)
        gap = centre[:, None, :] - centre[None, :, :]
        inside = (sizes[:, None, :] + sizes[None, :, :]) / 2 - np.abs(gap)
        overlap = (inside > 1e-6).all(axis=2) & (free[:, None] + free[None, :] > 0)
        pairs = np.argwhere(np.triu(overlap, 1))
        if not len(pairs):
            break
        for i, j in pairs:
            # Along the axis that needs less, as a share of the boxes' size: wide boxes slide over one another.
            axis = int(np.argmin(inside[i, j] / (sizes[i] + sizes[j])))
            sign = np.sign(gap[i, j, axis]) or (1.0 if i > j else -1.0)
            step = sign * (inside[i, j, axis] / 2 + 0.5) * 1.2 / (free[i] + free[j])
            centre[i, axis] += step * free[i]
            centre[j, axis] -= step * free[j]
    return centre


def plain(text: object) -> str:
    r"""Escape dollar signs, so that matplotlib draws a name as it is written and reads no formula into it.

    Every name that comes from the data passes through here before it is drawn.

    Examples
    --------
    >>> print(plain("gift card $25 to $50"))
    gift card \$25 to \$50
    """
    return str(text).replace("$", r"\$")


def short(label: str, width: int = 22) -> str:
    """Cut a catalogue label to *width* characters, in sentence case, ready to be drawn (see :func:`plain`).

    Examples
    --------
    >>> short("WHITE BREAD"), short("FLUID MILK WHITE ONLY", 12)
    ('White bread', 'Fluid milk…')
    """
    text = " ".join(label.split()).capitalize() if label.isupper() else " ".join(label.split())
    return plain(text if len(text) <= width else text[: width - 1].rstrip(" -/(&") + "…")
