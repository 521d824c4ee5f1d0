"""Figures of cleaning: clocks, quantities, weeks and the parts of a split, filled gaps, runaway polynomials."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from bundlebook.plots._style import PALETTE, Panels, figure, get_ax, get_axes, plain
from bundlebook.shop import Split

_BLUE, _ORANGE, _GREEN, _RED = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[3]


@figure
def hours(
    before: pd.Series, after: pd.Series, before_name: str, after_name: str, *, axes: Panels | None = None
) -> None:
    """Draw the share of lines in each hour of the day, on the clock of the file and on that of the shop's door.

    Parameters
    ----------
    before, after : Series of datetime64
        The same moments on the two clocks.
    before_name, after_name : str
        What to call the clocks.
    """
    axes = get_axes(axes, 1, 2, figsize=(8.5, 2.8), sharey=True)
    for axis, times, name, colour in zip(
        axes, (before, after), (before_name, after_name), (_ORANGE, _BLUE), strict=True
    ):
        share = times.dt.hour.value_counts(normalize=True).reindex(range(24), fill_value=0.0)
        axis.bar(share.index, 100 * share, color=colour)
        axis.axvspan(-0.5, 5.5, color="0.85", zorder=0)
        axis.set(title=plain(name), xlabel="hour of the day", xticks=range(0, 24, 3), xlim=(-0.5, 23.5))
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("lines (%)")
    axes[1].text(2.5, axes[1].get_ylim()[1] * 0.92, "night", ha="center", color="0.35")


@figure
def quantities(groups: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> None:
    """Draw a histogram of units per line on two logarithmic axes, one colour per group.

    Parameters
    ----------
    groups : mapping of str to ndarray
        Quantities of each group; values below 1 are left out, because a logarithmic axis has no room for them.
    """
    ax = get_ax(ax, (7.5, 2.9))
    top = max((values.max() for values in groups.values() if len(values)), default=10)
    bins = np.logspace(0, np.ceil(np.log10(max(top, 10))), 61).tolist()
    for (name, values), colour in zip(groups.items(), (_BLUE, _ORANGE, _GREEN), strict=False):
        ax.hist(
            values[values >= 1], bins=bins, color=colour, alpha=0.75, label=f"{plain(name)} ({len(values):,} lines)"
        )
    ax.set(xscale="log", yscale="log", xlabel="units in one line", ylabel="lines", title="Units per line")
    ax.legend(loc="upper right")


@figure
def weeks(days: pd.Series, split: Split | None = None, *, label: str = "lines", ax: Axes | None = None) -> None:
    """Draw the sums of the weeks from Monday to Sunday, coloured by the part of a split, or by missing days.

    Parameters
    ----------
    days : Series of int
        Lines or baskets by calendar day (a DatetimeIndex with every day of the range, 0 where there is none).
    split : Split, optional
        The split whose parts are coloured. Without one, the weeks that miss a day are coloured; a day counts if the
        shop is open on that weekday in half of the weeks or more.
    label : str
        What is counted.
    """
    monday = days.index - pd.to_timedelta(days.index.day_of_week, unit="D")
    total, open_days = days.groupby(monday).sum(), (days > 0).groupby(monday).sum()
    usual = int(((days > 0).groupby(days.index.day_of_week).mean() >= 0.5).sum())
    if split is None:
        parts = {
            f"{usual} days": (open_days >= usual).to_numpy(),
            "days missing; the number: days there": (open_days < usual).to_numpy(),
        }
    else:
        edges = [split.start, split.train_end, split.validation_end, split.test_end]
        inside = [(total.index >= start) & (total.index < end) for start, end in pairwise(edges)]
        parts = {
            f"{name} ({mask.sum()} week{'s' * int(mask.sum() != 1)})": mask
            for name, mask in zip(("training", "validation", "test"), inside, strict=True)
        }
    ax = get_ax(ax, (8.5, 2.6))
    for (name, mask), colour in zip(parts.items(), PALETTE, strict=False):
        ax.bar(total.index[mask], total[mask], width=5.5, color=colour, align="edge", label=name)
    for start in total.index[open_days < usual] if split is None else ():
        middle, above = start + pd.Timedelta(days=2.75), 1.04 * total.max()
        ax.text(middle, above, f"{open_days[start]}", ha="center", fontsize=9)
    ax.set(ylabel=plain(label), xlabel="week beginning on", ylim=(0, 1.3 * total.max()))
    ax.yaxis.set_major_formatter(EngFormatter(sep=" "))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=3)


@figure
def fills(
    time: np.ndarray, value: np.ndarray, fills: Mapping[str, np.ndarray], curve: Callable, *, ax: Axes | None = None
) -> None:
    """Draw a short series with gaps, and what each policy puts into them.

    Parameters
    ----------
    time, value : ndarray of float, shape (n,)
        NaN where the value is missing.
    fills : mapping of str to ndarray, shape (n,)
        Completed series by policy.
    curve : callable
        The interpolating polynomial, drawn through all points.
    """
    ax = get_ax(ax, (7, 3.1))
    fine = np.linspace(time[0], time[-1], 200)
    ax.plot(fine, curve(fine), color="0.6", linestyle="--", label="Lagrange polynomial")
    gap = np.isnan(value)
    shift = np.linspace(-0.16, 0.16, len(fills))
    for (name, filled), dx, colour, marker in zip(fills.items(), shift, PALETTE, "sD^vPX*", strict=False):
        ax.plot(time[gap] + dx, filled[gap], marker, color=colour, label=plain(name), markersize=8)
    ax.plot(time[~gap], value[~gap], "o", color="black", markersize=9, label="known")
    ax.set(xlabel="week", ylabel="price", title="What each policy fills in")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


@figure
def runge(
    function: Callable, curves: Mapping[str, Callable], errors: pd.DataFrame, *, axes: Panels | None = None
) -> None:
    """Draw a smooth bump, the polynomials through points of it, and how far they miss it as points are added.

    Parameters
    ----------
    function : callable
        The curve the points are taken from, on [-1, 1].
    curves : mapping of str to callable
        Interpolants by name.
    errors : DataFrame
        Largest error by number of points (index) and way of interpolating (columns).
    """
    left, right = get_axes(axes, 1, 2, figsize=(8.5, 3.2), width_ratios=[1.1, 1])
    fine = np.linspace(-1, 1, 600)
    left.plot(fine, function(fine), color="black", linewidth=2.5, label="the curve itself")
    styles = zip(curves.items(), (_GREEN, _BLUE, _ORANGE), (":", "--", "-"), strict=False)
    for (name, curve), colour, line in styles:
        left.plot(fine, curve(fine), color=colour, linestyle=line, label=plain(name))
    left.set(ylim=(-1.2, 1.6), xlabel="$t$", ylabel="value", title="Polynomials through even points")
    left.legend(loc="lower center", fontsize=9)
    for name, colour, marker in zip(errors.columns, (_ORANGE, _BLUE, _GREEN), "osD", strict=False):
        right.semilogy(errors.index, errors[name], marker=marker, color=colour, label=plain(name))
    right.set(xlabel="points known", ylabel="largest error", xticks=list(errors.index), title="How far they miss")
    right.legend(fontsize=9)
