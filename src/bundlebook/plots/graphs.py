"""Figures of graphs: what smoothing keeps, how negatives flatter, depth, quality against processor seconds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.plots._style import GREY, MARKERS, PALETTE, Panels, figure, get_ax, get_axes


@figure
def smoothing(values: np.ndarray, before: np.ndarray, after: dict[str, np.ndarray], *, ax: Axes | None = None) -> None:
    """Draw what is left of a signal, by eigenvalue of the normalised adjacency: smooth parts stand on the right.

    Parameters
    ----------
    values : ndarray, shape (n_nodes,)
        Eigenvalues.
    before : ndarray, shape (n_nodes,)
        Size of each part of the signal.
    after : dict of str to ndarray
        The same after some rounds of smoothing.
    """
    ax = get_ax(ax, (7.5, 3.8))
    ax.plot(values, before, "o", color=GREY, label="before")
    for number, (name, sizes) in enumerate(after.items()):
        ax.plot(values, sizes, MARKERS[number + 1], color=PALETTE[number], label=name)
    ax.set(title="Smoothing keeps what neighbours share", xlabel="eigenvalue λ (1: smooth)", ylabel="size of the part")
    ax.set_ylim(bottom=-0.04 * ax.get_ylim()[1])  # a marker at 0 is shown whole
    ax.legend(loc="upper left")


@figure
def negatives(table: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw the AUC of each method with uniform and with degree-matched negatives.

    Parameters
    ----------
    table : DataFrame
        Index: methods. Columns ``AUC, uniform`` and ``AUC, matched``.
    """
    ax = get_ax(ax, (8, 0.5 * len(table) + 1.5))
    place = np.arange(len(table))
    for number, (column, shift) in enumerate((("AUC, uniform", -0.19), ("AUC, matched", 0.19))):
        bars = ax.barh(place + shift, table[column], 0.36, color=PALETTE[number], label=column.removeprefix("AUC, "))
        ax.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
    ax.axvline(0.5, color=GREY, lw=1)
    ax.set_yticks(place, table.index)
    ax.invert_yaxis()
    ax.set(title="The same scores, two kinds of negatives", xlabel="AUC; the line is chance", xlim=(0.4, 1.0))
    ax.grid(axis="y", visible=False)
    ax.legend(title="negatives", loc="upper left", bbox_to_anchor=(1, 1))


@figure
def depth(table: pd.DataFrame, *, axes: Panels | None = None) -> None:
    """Draw what happens with more rounds of smoothing: how rough the vectors are, and what they are worth.

    Parameters
    ----------
    table : DataFrame
        Index: rounds. Columns ``energy`` and ``AUC, matched``.
    """
    panels, titles = get_axes(axes, 1, 2, figsize=(9, 3.4)), ("Neighbours become alike", "What the vectors tell")
    for number, (column, title, panel) in enumerate(zip(table.columns[:2], titles, panels, strict=True)):
        panel.plot(table.index, table[column], marker="o", color=PALETTE[number])
        panel.set(title=title, xlabel="rounds of smoothing", ylabel=column)


@figure
def quality_and_cost(table: pd.DataFrame, metric: str, half: float, *, ax: Axes | None = None) -> None:
    """Draw quality against processor seconds, on a logarithmic axis.

    Parameters
    ----------
    table : DataFrame
        Index: methods. Columns ``CPU seconds`` and *metric*.
    metric : str
    half : float
        Half-width of a 95 % interval, drawn at each point.
    """
    ax = get_ax(ax, (8.5, 4.6))
    for number, (name, row) in enumerate(table.iterrows()):
        seconds = max(row["CPU seconds"], 0.1)
        marker = MARKERS[number % len(MARKERS)]
        ax.errorbar(seconds, row[metric], yerr=half, fmt=marker, color=PALETTE[number], capsize=3,
                    ms=8, label=name)  # fmt: skip
    ax.set(title="Quality against processor time", xlabel="processor seconds", ylabel=metric, xscale="log")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
