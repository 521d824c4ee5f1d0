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
        :func:`~bundlebook.evaluation.calibration_groups.calibration_by_group`; the row ``"all"`` is set apart.
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
        ax.set(title=title, xlabel="predicted / bought, 95 % interval")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)


def shifts(table: pd.DataFrame) -> None:
    """Draw predicted over bought before and after a correction, an arrow from the one to the other.

    Parameters
    ----------
    table : DataFrame
        One row a training: ``as trained`` and ``corrected``, NaN where nothing is to be corrected; and ``by``, the
        correction in a few words.
    """
    _, ax = plt.subplots(figsize=(8, 1.3 + 0.5 * len(table)))
    for y, row in enumerate(table.itertuples(index=False)):
        before, after, by = row
        ax.plot(before, y, "s", color=PALETTE[1], ms=8, label="as trained" if not y else None)
        if np.isfinite(after):
            ax.annotate("", (after, y), (before, y), arrowprops={"arrowstyle": "->", "color": _GREY, "shrinkA": 7,
                                                                 "shrinkB": 7})  # fmt: skip
            ax.plot(after, y, "o", color=PALETTE[0], ms=8)
            ax.text(np.sqrt(before * after), y - 0.16, by, ha="center", va="bottom", fontsize=9, color=_GREY)
    ax.plot([], [], "o", color=PALETTE[0], ms=8, label="corrected")
    ax.axvline(1, color="0.2", lw=1)
    ticks = [0.5, 0.7, 1, 1.4, 2, 3, 5, 7, 10]
    ax.set(xscale="log", title="Predicted over bought: 1 is right", xlabel="predicted / bought (log scale)")
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    seen = table[["as trained", "corrected"]].to_numpy()
    ax.set_xlim(min(0.65, 0.8 * np.nanmin(seen)), max(1.6, 1.3 * np.nanmax(seen)))
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.5, -0.7)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
