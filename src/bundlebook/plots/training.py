"""Figures of the training: a history as periods, curves by epoch, and what the repeat-aware head has learned."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bundlebook.plots.style import PALETTE
from bundlebook.recommenders import PeriodPanel

_MARKERS = ("o", "s", "^", "D")


def household(panel: PeriodPanel, user: int, labels: np.ndarray, most: int = 14) -> None:
    """Draw one user's panel: a row an item, a column a period, darker the more baskets held the item.

    Parameters
    ----------
    panel : PeriodPanel
    user : int
    labels : ndarray of str, shape (n_items,)
    most : int
        Rows shown: the items of most baskets.
    """
    own = slice(panel.first_pair[user], panel.first_pair[user + 1])
    order = np.argsort(-panel.baskets[own].sum(axis=1), kind="stable")[:most]
    counts, items = panel.baskets[own][order], panel.item[own][order]
    _, ax = plt.subplots(figsize=(8, 1.2 + 0.3 * len(items)))
    ax.imshow(np.ma.masked_equal(counts, 0), cmap="cividis_r", vmin=0, vmax=max(counts.max(), 1), aspect="auto")
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if counts[row, column] > counts.max() / 2 else "black"
        ax.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=9, color=colour)
    unknown = int((~panel.seen[user]).sum())
    if unknown:
        ax.axvspan(-0.5, unknown - 0.5, fc="0.93", hatch="///", ec="0.6", lw=0)
    ax.set_yticks(range(len(items)), [str(labels[item])[:28].capitalize() for item in items])
    ax.set_xticks(range(panel.n_periods), [str(day)[5:] for day in panel.starts])
    ax.set(title="One household's periods", xlabel="first day of the period (month-day)")
    ax.text(1, 1.02, "number: baskets of the period that hold the item", transform=ax.transAxes, ha="right", fontsize=9)
    ax.grid(visible=False)


def curves(losses: Mapping[str, pd.DataFrame], bars: Mapping[str, float]) -> None:
    """Draw the cross entropy by epoch, training beside validation.

    Parameters
    ----------
    losses : mapping of str to DataFrame
        Model to a table with the columns ``training`` and ``validation`` and the epoch as index.
    bars : mapping of str to float
        Validation losses of methods without epochs, drawn as horizontal lines.
    """
    _, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharex=True)
    for ax, kind in zip(axes, ("training", "validation"), strict=True):
        for (name, table), colour, marker in zip(losses.items(), PALETTE, _MARKERS, strict=False):
            ax.plot(table.index, table[kind], marker=marker, color=colour, label=name)
        ax.set(title=f"{kind.capitalize()}", xlabel="epoch", ylabel="cross entropy a cell, nats")
        ax.xaxis.get_major_locator().set_params(integer=True)
    for (name, value), dashes in zip(bars.items(), ("--", ":", "-."), strict=False):
        axes[1].axhline(value, color="0.35", lw=1.2, ls=dashes, label=name)
    handles, labels = axes[1].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)


def repeats(table: pd.DataFrame, count: str) -> None:
    """Draw P as a map: a row for how often an item was bought, a column for how long ago the last time was.

    Parameters
    ----------
    table : DataFrame
        Probabilities; missing where a pattern does not exist.
    count : str
        Label of the rows.
    """
    _, ax = plt.subplots(figsize=(8, 0.9 + 0.5 * len(table)))
    values = table.to_numpy(float)
    ax.imshow(values, cmap="cividis_r", vmin=0, vmax=max(np.nanmax(values), 0.01), aspect="auto")
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        colour = "white" if values[row, column] > np.nanmax(values) / 2 else "black"
        ax.text(column, row, f"{values[row, column]:.2f}", ha="center", va="center", fontsize=10, color=colour)
    ax.set_xticks(range(table.shape[1]), table.columns)
    ax.set_yticks(range(len(table)), table.index)
    ax.set(title="What the head has learned about repeats", xlabel="periods since the last purchase", ylabel=count)
    ax.grid(visible=False)


def trials(table: pd.DataFrame, loss: str) -> None:
    """Draw a search for settings: the loss of every trial, and the best one so far.

    Parameters
    ----------
    table : DataFrame
        From :func:`~bundlebook.recommenders.search`; the trial of number 0 has the present settings.
    loss : str
        Column to be drawn.
    """
    _, ax = plt.subplots(figsize=(8, 3.6))
    complete, pruned = (table[table["state"] == state] for state in ("complete", "pruned"))
    so_far = complete[loss].cummin()
    ax.step(so_far.index, so_far, where="post", color="0.35", lw=1.2, label="best so far")
    ax.scatter(complete.index, complete[loss], color=PALETTE[0], zorder=3, label="complete: mean of all folds")
    ax.scatter(
        pruned.index, pruned[loss], ec=PALETTE[1], fc="none", marker="s", zorder=3, label="given up: first folds only"
    )
    ax.scatter(
        complete.index[:1], complete[loss].iloc[:1], color=PALETTE[3], marker="D", s=70, zorder=4, label="present"
    )
    ax.set(title="A search for settings", xlabel="trial", ylabel="log loss a cell, nats")
    ax.figure.legend(loc="outside lower center", ncols=4, fontsize=9)
