"""Figures of privacy and explanation: unicity, what noise costs, which reasons hold, where models fail."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.plots._style import (
    GREY,
    MARKERS,
    PALETTE,
    STYLES,
    Panels,
    figure,
    get_ax,
    get_axes,
    log_ticks,
    percent_ticks,
    plain,
)


@figure
def unicity_curves(tables: Mapping[str, pd.DataFrame], *, line: float = 0.9, ax: Axes | None = None) -> None:
    """Draw the share of users that some known purchases point to, with 95 % intervals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Per kind of knowledge, from :func:`bundlebook.trust.unicity`.
    line : float
        Share at which a horizontal line is drawn.
    """
    ax = get_ax(ax, (9.0, 4.4))
    for number, (name, table) in enumerate(tables.items()):
        ax.fill_between(table.index, table["low"], table["high"], color=PALETTE[number], alpha=0.2, lw=0)
        ax.plot(
            table.index, table["unique"], color=PALETTE[number], marker=MARKERS[number], ls=STYLES[number], label=name
        )
    ax.axhline(line, color=GREY, lw=1, ls="--")
    ax.annotate(f"{line:.0%}", (ax.get_xlim()[1], line), ha="right", va="bottom", color=GREY, fontsize=10)
    ax.set(
        title="How few purchases point to one user",
        xlabel="purchases known",
        ylabel="users singled out",
        ylim=(-0.02, 1.03),
    )
    ax.set_xticks(sorted({k for table in tables.values() for k in table.index}))
    percent_ticks(ax.yaxis)
    ax.legend(title="what is known of each", loc="upper left", bbox_to_anchor=(1.01, 0.9))


@figure
def privacy_cost(draws: Mapping[str, pd.DataFrame], exact: Mapping[str, float], *, axes: Panels | None = None) -> None:
    """Draw what a privacy budget costs: one panel per measure, the mean and the range of the draws at each ε.

    Parameters
    ----------
    draws : mapping of str to DataFrame
        Per measure, one column per ε and one row per draw of the noise.
    exact : mapping of str to float
        The same measures without noise.
    """
    panels = get_axes(axes, 1, len(draws), figsize=(5.2 * len(draws), 3.8))
    for panel, (name, table) in zip(panels, draws.items(), strict=True):
        epsilon = np.asarray(table.columns, dtype=float)
        panel.fill_between(epsilon, table.min(), table.max(), color=PALETTE[0], alpha=0.2, lw=0, label="all draws")
        panel.plot(epsilon, table.mean(), color=PALETTE[0], marker=MARKERS[0], label="with noise, mean")
        panel.axhline(exact[name], color=PALETTE[1], ls="--", label="without noise")
        panel.set_xscale("log")
        log_ticks(panel.xaxis)
        most = max(exact[name], table.max().max())
        panel.set(title=name, xlabel="privacy budget ε (less is stronger)", ylim=(0, 1.1 * most))
    panels[0].legend(loc="lower right")


@figure
def deletions(tables: Mapping[str, pd.DataFrame], *, axes: Panels | None = None) -> None:
    """Draw how often an item leaves the list when purchases are taken away, by its place in the list.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Per model, from :meth:`bundlebook.trust.DeletionTest.by_place`.
    """
    panels = get_axes(axes, 1, len(tables), figsize=(4.2 * len(tables), 3.6), sharey=True)
    for panel, (name, table) in zip(panels, tables.items(), strict=True):
        for number, column in enumerate(("cited", "random")):
            panel.plot(table.index, table[column], color=PALETTE[number], marker=MARKERS[number], ls=STYLES[number],
                       label=f"{column} purchases")  # fmt: skip
        panel.set(title=name, xlabel="place in the list", ylim=(-0.03, 1.03))
        panel.set_xticks(table.index[:: max(1, len(table) // 5)])
        percent_ticks(panel.yaxis)
    panels[0].set_ylabel("leaves the list")
    panels[0].legend(title="taken away", loc="best")


@figure
def shares_by_group(table: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw a share for each model and group as a table of coloured numbers.

    Parameters
    ----------
    table : DataFrame of float
        Models as rows, groups as columns: ``(by, group)``. NaN stays empty.
    """
    ax = get_ax(ax, (2.6 + 0.62 * table.shape[1], 1.9 + 0.3 * len(table)))
    values = table.to_numpy(dtype=float)
    most = np.nanmax(values, initial=1e-9)
    ax.imshow(np.where(np.isnan(values), 0, values), cmap="Blues", vmin=0, vmax=most, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        if not np.isnan(values[row, column]):
            ax.text(column, row, f"{100 * values[row, column]:.0f}", ha="center", va="center", fontsize=9,
                    color="white" if values[row, column] > 0.6 * most else "black")  # fmt: skip
    ax.set_yticks(range(len(table)), [plain(str(name)) for name in table.index], fontsize=9)
    labels = [plain(" ".join((by, group) if by != "users" else ("all", by))) for by, group in table.columns]
    ax.set_xticks(range(table.shape[1]), labels, rotation=40, ha="right", fontsize=9)
    ax.set(title="Share of the purchases that each model's lists find, %")
    ax.grid(visible=False)
