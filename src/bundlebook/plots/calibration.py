"""Figures of what a probability is worth: where it is right, and how a training can shift it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bundlebook.plots.style import PALETTE

_MARKERS = ("o", "s", "^", "D", "v")
_GREY = "0.45"


def by_group(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> None:
    """Draw predicted over observed purchases of every group, one panel a grouping and one colour a method.

    Parameters
    ----------
    tables : mapping of str to (mapping of str to DataFrame)
        Title of a panel to the methods' tables of
        :func:`~bundlebook.evaluation.calibration.calibration_by_group`; the row ``"all"`` is set apart.
    """
    rows = max(len(next(iter(methods.values()))) for methods in tables.values())
    figure, axes = plt.subplots(1, len(tables), figsize=(9, 1.6 + 0.34 * rows), squeeze=False)
    for ax, (title, methods) in zip(axes[0], tables.items(), strict=True):
        first = next(iter(methods.values()))
        y = np.arange(len(first), dtype=float)
        y[-1] += 0.5  # "all" is no group among the others
        for number, (name, table) in enumerate(methods.items()):
            away = y + 0.22 * (number - (len(methods) - 1) / 2)
            colour = PALETTE[number % len(PALETTE)]
            ax.hlines(away, table["low"], table["high"], color=colour, lw=2)
            ax.plot(table["ratio"], away, _MARKERS[number % len(_MARKERS)], color=colour, ms=6, label=name)
        ax.axvline(1, color="0.2", lw=1)
        share = first["bought"] / first.loc["all", "bought"]
        names = [f"{name}  ({part:.0%})" if name != "all" else name for name, part in share.items()]
        ax.set_yticks(y, names, fontsize=9)
        ax.set_ylim(y[-1] + 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.set(title=title, xlabel="predicted / bought (log scale)")
        _log_axis(ax)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    title = "lines: 95 % intervals over users; in brackets: share of all that was bought"
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, title=title,
                  title_fontsize=9)  # fmt: skip


def shifts(table: pd.DataFrame) -> None:
    """Draw predicted over bought of several trainings, as trained and after corrections.

    Parameters
    ----------
    table : DataFrame
        One row a training, one column a state: the first as trained, the others corrected; a correction that moves
        nothing is not drawn.
    """
    _, ax = plt.subplots(figsize=(8.5, 1.4 + 0.5 * len(table)))
    first, colours = table.columns[0], [PALETTE[1], PALETTE[0], PALETTE[2]]
    y = np.arange(len(table))
    for number, (state, values) in enumerate(table.items()):
        moved = np.ones(len(table), dtype=bool) if state == first else ~np.isclose(values, table[first], rtol=1e-3)
        for row in y[moved & (state != first)]:
            ax.plot([table[first].iloc[row], values.iloc[row]], [row, row], color=_GREY, lw=1, ls=":", zorder=1)
        ax.plot(values[moved], y[moved], "sov^"[number % 4], ls="", ms=8, color=colours[number % 3], label=state)
    ax.axvline(1, color="0.2", lw=1)
    ax.set(title="Purchases of all households together", xlabel="predicted / bought (log scale)")
    _log_axis(ax)
    ax.set_xlim(min(0.65, 0.8 * table.min(axis=None)), max(1.6, 1.3 * table.max(axis=None)))
    ax.set_yticks(y, table.index)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)


def _log_axis(ax: plt.Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    narrow, wide = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3], [0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10]
    ax.xaxis.set_major_locator(FixedLocator(narrow if high < 2 * low else wide))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
