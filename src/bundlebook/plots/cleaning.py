"""Figures of cleaning: clocks, quantities, weeks, runaway polynomials, the split by time."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bundlebook.plots.style import PALETTE, Panels, figure, get_ax, get_axes, plain
from bundlebook.shop import Split

_BLUE, _ORANGE, _GREEN, _RED = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[3]


@figure
def hours(
    before: pd.Series, after: pd.Series, before_name: str, after_name: str, *, axes: Panels | None = None
) -> Panels:
    """Share of lines in each hour of the day, on the clock of the file and on that of the shop's door.

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
    return axes


@figure
def quantities(groups: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> Axes:
    """Histogram of units in a line on two logarithmic axes, one colour a group.

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
    ax.set(xscale="log", yscale="log", xlabel="units in one line", ylabel="lines")
    ax.legend(loc="upper right")
    return ax


@figure
def weeks(days: pd.Series, *, ax: Axes | None = None) -> Axes:
    """Lines in each week from Monday to Sunday; weeks that miss a day are marked.

    Parameters
    ----------
    days : Series of int
        Lines by calendar day (a DatetimeIndex with every day of the range, 0 where there is none).
    """
    monday = days.index - pd.to_timedelta(days.index.day_of_week, unit="D")
    lines, open_days = days.groupby(monday).sum(), (days > 0).groupby(monday).sum()
    ax = get_ax(ax, (8.5, 2.6))
    colours = [_BLUE if n == 7 else _ORANGE for n in open_days]
    ax.bar(lines.index, lines / 1000, width=5.5, color=colours, align="edge")
    for start in lines.index[open_days < 7]:
        middle, above = start + pd.Timedelta(days=2.75), 1.04 * lines.max() / 1000
        ax.text(middle, above, f"{open_days[start]} d", ha="center", fontsize=9)
    ax.set(ylabel="lines (thousands)", xlabel="week beginning on", ylim=(0, 1.3 * lines.max() / 1000))
    ax.grid(axis="x", visible=False)
    ax.legend(handles=[Patch(color=_BLUE, label="seven days"), Patch(color=_ORANGE, label="days missing")], ncols=2)
    return ax


@figure
def fills(
    time: np.ndarray, value: np.ndarray, fills: Mapping[str, np.ndarray], curve: Callable, *, ax: Axes | None = None
) -> Axes:
    """A short series with gaps and what each policy puts into them.

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
    ax.set(xlabel="week", ylabel="price")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


@figure
def runge(
    function: Callable, curves: Mapping[str, Callable], errors: pd.DataFrame, *, axes: Panels | None = None
) -> Panels:
    """A harmless bump, the polynomials through points of it, and how far they miss as points are added.

    Parameters
    ----------
    function : callable
        The curve the points are taken from, on [-1, 1].
    curves : mapping of str to callable
        Interpolants by name.
    errors : DataFrame
        Largest error by number of points (index) and way of interpolating (columns).
    """
    left, right = axes = get_axes(axes, 1, 2, figsize=(8.5, 3.2), width_ratios=[1.1, 1])
    fine = np.linspace(-1, 1, 600)
    left.plot(fine, function(fine), color="black", linewidth=2.5, label="the curve itself")
    styles = zip(curves.items(), (_GREEN, _BLUE, _ORANGE), (":", "--", "-"), strict=False)
    for (name, curve), colour, line in styles:
        left.plot(fine, curve(fine), color=colour, linestyle=line, label=plain(name))
    left.set(ylim=(-1.2, 1.6), xlabel="$t$", ylabel="value")
    left.legend(loc="lower center", fontsize=9)
    for name, colour, marker in zip(errors.columns, (_ORANGE, _BLUE, _GREEN), "osD", strict=False):
        right.semilogy(errors.index, errors[name], marker=marker, color=colour, label=plain(name))
    right.set(xlabel="points known", ylabel="largest error", xticks=list(errors.index))
    right.legend(fontsize=9)
    return axes


@figure
def errors(results: Mapping[str, pd.DataFrame], unit: str, *, axes: Panels | None = None) -> Panels:
    """Mean error of each policy with the spread over repetitions, best on top, one panel a table of series.

    Parameters
    ----------
    results : mapping of str to DataFrame, shape (n_repetitions, n_policies)
        A bar beyond twice the median policy is cut and says so.
    unit : str
        Label of the axis.
    """
    axes = get_axes(axes, 1, len(results), figsize=(8.5, 2.8))
    for axis, (name, table) in zip(axes, results.items(), strict=True):
        order = table.mean().sort_values(ascending=False, kind="stable").index
        mean, spread = table[order].mean(), table[order].std()
        limit = 2 * mean.median()
        cut = (mean > limit).to_numpy()
        y = np.arange(len(order))
        axis.barh(y, mean.clip(upper=limit), color=[_ORANGE if c else _BLUE for c in cut])
        axis.errorbar(mean[~cut], y[~cut], xerr=spread[~cut], fmt="none", ecolor="black", capsize=3)
        axis.set_yticks(y, [plain(policy) for policy in order])
        for row in y[cut]:
            axis.text(limit * 0.97, row, "off the scale →", ha="right", va="center")
        axis.set(title=plain(name), xlim=(0, limit))
        axis.grid(axis="y", visible=False)
    axes[0].figure.supxlabel(plain(unit), fontsize=11)
    return axes


@figure
def split(split: Split, time_name: str = "week beginning on", *, ax: Axes | None = None) -> Axes:
    """Baskets in each week, coloured by the part of the split they belong to."""
    week = split.baskets.day.astype("datetime64[D]").astype(int)
    monday = (week - (week + 3) % 7).astype("datetime64[D]")
    counts = pd.Series(monday).value_counts().sort_index()
    parts = [
        ("training", split.start, split.train_end, _BLUE),
        ("validation", split.train_end, split.validation_end, _ORANGE),
        ("test", split.validation_end, split.test_end, _GREEN),
    ]
    ax = get_ax(ax, (8.5, 2.5))
    for name, start, end, colour in parts:
        inside = counts[(counts.index >= start) & (counts.index < end)]
        weeks = f"{len(inside)} week" + "s" * (len(inside) != 1)
        ax.bar(inside.index, inside, width=5.5, align="edge", color=colour, label=f"{name} ({weeks})")
    ax.set(ylabel="baskets", xlabel=plain(time_name), ylim=(0, 1.3 * counts.max()))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=3)
    return ax
