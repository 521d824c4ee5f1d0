"""Figures of a shop: its users, items, times, prices, and sizes of baskets."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import MONTHLY, AutoDateLocator
from matplotlib.ticker import EngFormatter, FuncFormatter, MultipleLocator, NullFormatter, PercentFormatter

from bundlebook.plots._style import PALETTE, Panels, figure, get_ax, get_axes, percent_ticks, plain

_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def lorenz(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Lorenz curve and Gini coefficient of non-negative counts.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        For example purchases of each user; not all zero.

    Returns
    -------
    share_of_units, share_of_total : ndarray, shape (n + 1,)
        Both from 0 to 1, smallest units first.
    gini : float
        1 − 2 · area under the curve: 0 if all are equal, towards 1 if one has everything.

    Examples
    --------
    >>> round(lorenz(np.array([0, 0, 0, 12]))[2], 3)
    0.75
    """
    counts = np.sort(np.asarray(counts, dtype=float))
    share = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    units = np.linspace(0, 1, len(share))
    return units, share, float(1 - np.sum(np.diff(units) * (share[1:] + share[:-1])))


@figure
def users(baskets_per_user: np.ndarray, name: str = "household", *, axes: Panels | None = None) -> None:
    """Draw how many baskets a user has, and how unequally baskets are spread over the users.

    Parameters
    ----------
    baskets_per_user : ndarray, shape (n_users,)
    name : str
        What a user is called, in the singular.
    """
    left, right = get_axes(axes, 1, 2, figsize=(9.5, 3.6), width_ratios=(1.35, 1))
    top = int(np.quantile(baskets_per_user, 0.99))
    _sizes(
        baskets_per_user,
        f"Baskets per {name}",
        "baskets in the whole log",
        f"{name}s",
        top,
        max(top // 40, 1),
        {},
        left,
    )
    units, share, gini = lorenz(baskets_per_user)
    right.plot(units, share, color=PALETTE[0], lw=2)
    right.plot([0, 1], [0, 1], color="0.5", ls=":", lw=1.2)
    right.fill_between(units, share, units, color=PALETTE[0], alpha=0.12)
    right.text(0.05, 0.88, f"Gini {gini:.2f}", transform=right.transAxes)
    right.set(title="Who has them", xlabel=f"share of {plain(name)}s, least active first", ylabel="share of baskets")
    percent_ticks(right.xaxis, right.yaxis)


@figure
def items(purchases_per_item: np.ndarray, *, axes: Panels | None = None) -> None:
    """Draw popularity against rank on two logarithmic axes, and the share of the head.

    Parameters
    ----------
    purchases_per_item : ndarray, shape (n_items,)
    """
    counts = np.sort(purchases_per_item)[::-1]
    rank = np.arange(1, len(counts) + 1)
    left, right = get_axes(axes, 1, 2, figsize=(9.5, 3.6), width_ratios=(1.35, 1))
    left.plot(rank, counts, color=PALETTE[2], lw=2)
    left.axhline(20, color="0.5", ls=":", lw=1.2)
    left.annotate(
        f"{(counts >= 20).sum():,} items have at least 20 purchases", (1, 20), xytext=(2, -13),
        textcoords="offset points", color="0.3", fontsize=9,
    )  # fmt: skip
    left.set(xscale="log", yscale="log", title="The long tail", xlabel="rank of the item", ylabel="purchases")
    left.xaxis.set_major_formatter(EngFormatter(sep=" "))
    left.yaxis.set_major_formatter(EngFormatter(sep=" "))
    right.plot(rank / len(counts), np.cumsum(counts) / counts.sum(), color=PALETTE[2], lw=2)
    head = int(np.ceil(0.2 * len(counts)))
    covered = counts[:head].sum() / counts.sum()
    right.plot([0.2, 0.2, 0], [0, covered, covered], color=PALETTE[3], ls="--", lw=1.2)
    right.text(0.23, covered - 0.1, f"20% of the items:\n{covered:.0%} of purchases", color=PALETTE[3], va="top")
    right.set(title="The head carries it", xlabel="share of items, best sellers first", ylabel="share of purchases")
    right.set(xlim=(0, 1), ylim=(0, 1.02))
    percent_ticks(right.xaxis, right.yaxis)


@figure
def times(time: pd.Series, *, axes: Panels | None = None) -> None:
    """Draw purchases by week, by weekday and, where any time of day is known, by hour, on the clock of the file.

    Parameters
    ----------
    time : Series of datetime64
        One entry per purchase.
    """
    has_hours = bool((time != time.dt.normalize()).any())
    ratios = (1.6, 0.9, 1.2) if has_hours else (1.6, 0.9)
    weeks, weekdays, *rest = get_axes(axes, 1, len(ratios), figsize=(11, 3.4), width_ratios=ratios)
    monday = time.dt.normalize() - pd.to_timedelta(time.dt.day_of_week, unit="D")
    by_week = monday.value_counts().sort_index()
    weeks.plot(by_week.index, by_week.to_numpy(), color=PALETTE[0], lw=1.8)
    weeks.set(title="By week", xlabel="week beginning", ylabel="purchases", ylim=(0, None))
    locator = AutoDateLocator(minticks=3, maxticks=5)
    locator.intervald[MONTHLY] = [1, 2, 3, 4, 6, 12]  # half a year is too short a step for 25 to 35 months
    weeks.xaxis.set_major_locator(locator)
    day = time.dt.day_of_week.value_counts().reindex(range(7), fill_value=0)
    weekdays.bar(_WEEKDAYS, day / day.sum(), color=PALETTE[1])
    weekdays.set(title="By weekday", xlabel="weekday", ylabel="share of purchases")
    weeks.yaxis.set_major_formatter(EngFormatter(sep=" "))
    shares = [(weekdays.yaxis, day.max() / day.sum())]
    if has_hours:
        (hours,) = rest
        hour = time.dt.hour.value_counts().reindex(range(24), fill_value=0)
        hours.bar(hour.index, hour / hour.sum(), color=PALETTE[2])
        hours.set(title="By hour, as recorded", xlabel="hour in the file", ylabel="share of purchases")
        hours.set_xticks(range(0, 24, 4))
        shares.append((hours.yaxis, hour.max() / hour.sum()))
    for axis, most in shares:
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.set_major_locator(MultipleLocator(0.05 if most < 0.3 else 0.2))


@figure
def prices(price: np.ndarray, list_price: np.ndarray, currency: str, *, axes: Panels | None = None) -> None:
    """Draw paid against list price, and how deep the discounts are.

    Parameters
    ----------
    price, list_price : ndarray, shape (n_lines,)
        Money per unit, both above 0.
    currency : str
    """
    left, right = get_axes(axes, 1, 2, figsize=(9.5, 3.8), width_ratios=(1.15, 1), wspace=0.06)
    currency = plain(currency)
    low, high = np.quantile(list_price, [0.001, 0.999])
    inside = (list_price >= low) & (list_price <= high) & (price >= low / 4)
    cells = left.hexbin(
        list_price[inside], price[inside], gridsize=45, bins="log", xscale="log", yscale="log", cmap="viridis", mincnt=1
    )
    left.plot([low, high], [low, high], color=PALETTE[3], lw=1.2, ls="--")
    left.set(title="Paid against list price", xlabel=f"list price ({currency} per unit)",
             ylabel=f"price paid ({currency} per unit)")  # fmt: skip
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_formatter(NullFormatter())
    left.figure.colorbar(cells, ax=left, label="purchases in a cell")
    depth = 1 - price / list_price
    cut = depth[depth > 0.005]
    right.hist(cut, bins=np.linspace(0, 1, 41).tolist(), color=PALETTE[1], edgecolor="white", linewidth=0.4)
    right.set(title=f"Discounted: {len(cut) / len(depth):.0%}", xlabel="discount, share of list price")
    right.set(ylabel="purchases")
    percent_ticks(right.xaxis)
    right.yaxis.set_major_formatter(EngFormatter(sep=" "))


@figure
def sizes(
    sizes: np.ndarray,
    title: str = "Items in a basket",
    label: str = "distinct items",
    of: str = "baskets",
    *,
    most: int = 30,
    width: int = 1,
    marked: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw how many distinct items a basket (or a user, or anything that is counted) holds.

    Parameters
    ----------
    sizes : ndarray of int, shape (n,)
    title, label : str
        Title of the figure, and label of the horizontal axis.
    of : str
        What is counted, in the plural.
    most : int
        Larger sizes share the last bar.
    width : int
        Sizes per bar.
    marked : mapping of str to float, optional
        Sizes to mark, by name; the median if not given.
    """
    _sizes(sizes, title, label, of, most, width, marked or {}, get_ax(ax, (8, 3.2)))


def _sizes(
    sizes: np.ndarray, title: str, label: str, of: str, most: int, width: int, marked: Mapping[str, float], ax: Axes
) -> None:
    edges = np.arange(min(int(sizes.min()), 1), most + width + 1, width)
    share = np.histogram(np.minimum(sizes, edges[-1] - 1), edges)[0] / len(sizes)
    ax.bar(edges[:-1] + (width - 1) / 2, share, width=0.8 * width, color=PALETTE[0])
    for name, size in (marked or {"median": float(np.median(sizes))}).items():
        ax.axvline(size, color=PALETTE[3], ls="--")
        ax.annotate(f"{plain(name)} {size:g}", (size, 0.92), (5, 0), ("data", "axes fraction"), "offset points",
                    color=PALETTE[3])  # fmt: skip
    ax.set(title=plain(title), ylabel=f"share of {plain(of)}",
           xlabel=f"{plain(label)} (last bar: {edges[-2]} or more)", ylim=(0, 1.15 * share.max()))  # fmt: skip
    percent_ticks(ax.yaxis)
    ax.grid(axis="x", visible=False)
