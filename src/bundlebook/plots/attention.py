"""Figures of attention: what is read in one basket, and what goes with or replaces an item."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from bundlebook.errors import BundlebookError
from bundlebook.plots._style import PALETTE, Panels, figure, get_ax, get_axes, short


@figure
def basket_matrix(values: np.ndarray, items: Sequence[str], title: str, *, ax: Axes | None = None) -> None:
    """Draw one number per pair of items of a basket as shades: row the hidden item, column the item that is read.

    Parameters
    ----------
    values : ndarray, shape (n, n)
        The diagonal is left blank. Blue is above 0, red below.
    items : sequence of str, length n
    title : str
    """
    values = np.array(values, dtype=float)
    if values.shape != (len(items), len(items)):
        raise BundlebookError(f"{values.shape} numbers for {len(items)} items", where="basket_matrix")
    np.fill_diagonal(values, np.nan)
    ax = get_ax(ax, (0.62 * len(items) + 3.2, 0.42 * len(items) + 2.3))
    largest = float(np.nanmax(np.abs(values))) or 1.0
    ax.imshow(values, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
    for row, column in np.argwhere(np.isfinite(values)):
        value = values[row, column]
        strong = abs(value) > 0.6 * largest
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color="w" if strong else "0.2")
    names = [short(item, 24) for item in items]
    ax.set_xticks(range(len(items)), names, rotation=40, ha="right")
    ax.set_yticks(range(len(items)), names)
    ax.set(xlabel="item in the basket", ylabel="hidden item", title=title)
    ax.grid(visible=False)


@figure
def neighbourhoods(
    item: str, panels: Mapping[str, tuple[Sequence[str], np.ndarray]], *, axes: Panels | None = None
) -> None:
    """Draw the nearest items of one item under several measures, a panel of bars each.

    Parameters
    ----------
    item : str
    panels : mapping of str to (names, values)
        Title of a panel to items, strongest first, and their values.
    """
    axes = get_axes(axes, 1, len(panels), wspace=0.1, figsize=(4.4 * len(panels), 3.2))
    for ax, (title, (names, values)), colour in zip(axes, panels.items(), PALETTE, strict=False):
        ax.barh(range(len(names)), values, color=colour)
        ax.set_yticks(range(len(names)), [short(name, 24) for name in names])
        ax.invert_yaxis()
        ax.set(title=title, xlabel=f"cosine with\n{short(item, 28)}")
