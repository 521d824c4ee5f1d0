"""Figures of the batch reports: a segment beside all customers, uplift beside what it must be, campaigns."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.plots._style import MARKERS, PALETTE, Panels, figure, get_ax, get_axes, name_rows, plain

_ALL = "0.6"


@figure
def segment_profile(
    customers: pd.DataFrame, segment: str, shelves: pd.DataFrame, money: str, *, axes: Panels | None = None
) -> None:
    """Draw a segment's customers beside all customers: visits, spend per visit, and where they spend more or less.

    Parameters
    ----------
    customers : DataFrame
        What :func:`bundlebook.shop.customer_segments` returned.
    segment : str
    shelves : DataFrame
        Index: names of shelves; ``segment`` and ``all``: share of the spend, in [0, 1]. Drawn from top to bottom.
    money : str
        Currency, for the axis.
    """
    if axes is None:
        grid = plt.subplot_mosaic([["visits", "shelves"], ["visit", "shelves"]], figsize=(10, 5.2))[1]
        axes = [grid[name] for name in ("visits", "visit", "shelves")]
    visits, visit, ax = get_axes(axes, 1, 3)
    labels = {"visits": "visits in the training weeks", "spend_per_visit": f"{plain(money)} per visit"}
    inside = customers["segment"] == segment
    whole = {"color": _ALL, "histtype": "stepfilled", "alpha": 0.5, "label": "all customers"}
    part = {"color": PALETTE[0], "histtype": "step", "lw": 2, "label": plain(segment)}
    for axis, (column, label) in zip((visits, visit), labels.items(), strict=True):
        edges = np.linspace(0, max(customers[column].quantile(0.98), 1e-9), 31).tolist()
        shown = customers[column].clip(upper=edges[-1])
        for values, look in ((shown, whole), (shown[inside], part)):
            axis.hist(values, edges, weights=np.full(len(values), 100 / max(len(values), 1)), **look)
        axis.set(xlabel=label, ylabel="share of customers, %")
    visits.legend()
    visits.set_title("How often, and how much")
    beyond = 100 * (shelves["segment"] / shelves["all"] - 1)
    colours = np.where(beyond >= 0, "C0", "C1")
    ax.barh(range(len(shelves)), beyond, left=100, height=0.6, color=colours)
    ax.axvline(100, color="0.3", lw=1)
    name_rows(ax, shelves.index, width=26)
    ax.set(xlabel="share of the spend, all customers = 100", title="Where they spend more or less")


@figure
def uplift_beside_need(bundles: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw each bundle's measured uplift with its interval, beside the uplift at which it begins to pay.

    Parameters
    ----------
    bundles : DataFrame
        ``bundle`` (label), ``uplift``, ``low``, ``high`` and ``needed``: change of P(both), as shares; NaN where the
        response could not be measured.
    """
    at = np.arange(len(bundles))
    ax = get_ax(ax, (9, 1.3 + 0.5 * len(bundles)))
    ax.axvline(0, color="0.4", lw=1)
    ax.hlines(at, 100 * bundles["low"], 100 * bundles["high"], color=PALETTE[0], lw=3)
    ax.scatter(100 * bundles["uplift"], at, color=PALETTE[0], s=55, zorder=3, label="measured answer, 95 % interval")
    ax.scatter(100 * bundles["needed"], at, color=PALETTE[3], s=70, marker="|", lw=3, zorder=3, label="needed to pay")
    name_rows(ax, bundles["bundle"], width=44)
    ax.set(xlabel="change of the chance that both are bought, %", title="What the discount may bring, and must bring")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.28 - 0.12 / len(bundles)), ncols=2)


@figure
def side_by_side(table: pd.DataFrame, title: str, label: str, *, ax: Axes | None = None) -> None:
    """Draw bars of two or more numbers of the same unit for each row, from top to bottom.

    Parameters
    ----------
    table : DataFrame
        Index: names of the rows; the names of the columns stand in the legend.
    title, label : str
        Title of the figure, and label of the horizontal axis.
    """
    ax = get_ax(ax, (9, 1.3 + 0.5 * len(table)))
    height = 0.8 / table.shape[1]
    for number, column in enumerate(table.columns):
        at = np.arange(len(table)) + height * (number - (table.shape[1] - 1) / 2)
        bars = ax.barh(at, table[column], height=0.95 * height, color=PALETTE[number], label=plain(column))
        ax.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=9)
    name_rows(ax, table.index, width=46, lines=2)
    ax.set(title=plain(title), xlabel=plain(label), xlim=(0, 1.1 * max(float(table.max(axis=None)), 1e-9)))
    below = -0.6 / (0.3 + 0.5 * len(table))  # as far under the axis whatever the number of rows
    ax.legend(loc="upper left", bbox_to_anchor=(0, below), ncols=table.shape[1])


@figure
def campaign_responses(responses: pd.DataFrame, campaign: int, *, ax: Axes | None = None) -> None:
    """Draw the response rate of every campaign with its interval, one of them marked.

    Parameters
    ----------
    responses : DataFrame
        What :meth:`bundlebook.shop.campaigns.Campaigns.responses` returned.
    campaign : int
    """
    ordered = responses.sort_values(["kind", "rate"], ascending=[True, False], kind="stable")
    percent = 100 * ordered[["rate", "low", "high"]]
    ax = get_ax(ax, (10, 3.8))
    for number, (kind, group) in enumerate(percent.groupby(ordered["kind"])):
        at, colour = ordered.index.get_indexer(group.index), PALETTE[number % len(PALETTE)]
        ax.vlines(at, group["low"], group["high"], color=colour, lw=2.5)
        ax.plot(at, group["rate"], MARKERS[number % len(MARKERS)], color=colour, ms=7, label=plain(kind))
    place = ordered.index.get_loc(campaign)
    ax.axvspan(place - 0.5, place + 0.5, color="0.5", alpha=0.25, lw=0, label="this campaign")
    ax.set_xticks(range(len(ordered)), [plain(name) for name in ordered.index])
    ax.set(xlabel="campaign", ylabel="used a coupon, %", title="Response of all campaigns")
    ax.set_ylim(0, min(100, 105 * min(ordered["high"].max(), 2.5 * ordered["rate"].max())))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)


@figure
def spend_around(weekly: pd.DataFrame, length: float, money: str, *, ax: Axes | None = None) -> None:
    """Draw the mean weekly spend of groups of customers around the start of a campaign.

    Parameters
    ----------
    weekly : DataFrame
        Index: week, 0 is the first of the campaign; one column per group, money per customer and week.
    length : float
        Weeks the campaign lasted.
    money : str
    """
    ax = get_ax(ax, (9, 4))
    ax.axvspan(-0.5, min(length, weekly.index.max() + 1) - 0.5, color="0.85", alpha=0.6, lw=0, label="campaign")
    for number, group in enumerate(weekly.columns):
        ax.plot(weekly.index, weekly[group], ("-", "--", "-.")[number % 3], marker="os^"[number % 3], ms=5,
                color=PALETTE[number], label=plain(group))  # fmt: skip
    ax.set(xlabel="week, counted from the start of the campaign", ylabel=f"{plain(money)} per customer and week",
           title="Spend before and after", ylim=(0, None))  # fmt: skip
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
