"""Figures of the evaluation: the protocol in time, intervals, calibration, growing histories, accuracy against cost."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bundlebook.evaluation import Stored
from bundlebook.plots._style import (
    GREY,
    MARKERS,
    PALETTE,
    STYLES,
    Panels,
    figure,
    get_ax,
    get_axes,
    name_rows,
    plain,
    spread_boxes,
)
from bundlebook.shop import PERIOD_DAYS, Split

#: A table, or one per series that shares the panel.
_Series: TypeAlias = pd.DataFrame | Mapping[str, pd.DataFrame]


@figure
def timeline(split: Split, *, ax: Axes | None = None) -> None:
    """Draw what each judgement may read and what it is judged on: one row per judgement, time to the right.

    Parameters
    ----------
    split : Split
    """
    rows = {
        "tuning:\nchoose settings": (split.train_end, split.validation_end),
        "test:\nread once": (split.validation_end, split.test_end),
    }
    ax = get_ax(ax, (8.5, 3.2))
    day = np.timedelta64(1, "D")
    for y, (at, until) in enumerate(rows.values()):
        replay = at - PERIOD_DAYS * day
        spans = [(split.start, replay, PALETTE[0], ""), (replay, at, PALETTE[0], "////"), (at, until, PALETTE[1], "")]
        for start, end, colour, hatch in spans:
            ax.barh(1.5 * y, (end - start) / day, left=mdates.date2num(start), height=0.5, color=colour, hatch=hatch,
                    edgecolor="white", lw=1.5)  # fmt: skip
        x = mdates.date2num(at)
        ax.annotate("the prediction\nis made here", (x, 1.5 * y + 0.27), (x - 4, 1.5 * y + 0.72), ha="right",
                    va="center", fontsize=9, arrowprops={"arrowstyle": "->", "color": GREY})  # fmt: skip
    ax.set_yticks([1.5 * y for y in range(len(rows))], rows, fontsize=10)
    ax.set_ylim(2.5, -0.45)
    ax.xaxis_date()
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.set(title="What may be read, and what is judged", xlabel="day of purchase")
    ax.grid(axis="y", visible=False)
    ax.legend(
        handles=[
            Patch(fc=PALETTE[0], label="visible"),
            Patch(fc=PALETTE[0], hatch="////", ec="white", label="visible; replayed to calibrate"),
            Patch(fc=PALETTE[1], label="truth"),
        ],
        loc="upper left", bbox_to_anchor=(0, -0.24), ncols=3, fontsize=9,
    )  # fmt: skip


@figure
def intervals(
    panels: Mapping[str, _Series],
    label: str = "",
    *,
    reference: str = "",
    cut: bool = False,
    ordered: bool = True,
    axes: Panels | None = None,
) -> None:
    """Draw values as dots with their intervals: one panel per metric, one row per name, one colour per series.

    Where a table has ``p_holm``, dots that could be chance after Holm's correction (5 %) are hollow.

    Parameters
    ----------
    panels : mapping of str to DataFrame, or to mapping of str to DataFrame
        Title of the panel to a table with ``mean`` (or ``difference``, if there is a *reference*), ``low``, ``high``
        and the names as index; several tables share a panel as series. A table without ``low`` is dots alone.
    label : str
        Label of the horizontal axis.
    reference : str
        What stands at 0; a line is drawn there.
    cut : bool
        Whether each panel ends at twice its median value; what lies beyond is named and not drawn.
    ordered : bool
        Whether the largest value of the first panel stands on top; if not, the order is that of the table.
    """
    value = "difference" if reference else "mean"
    label = label or f"{'difference' if reference else 'mean over users'}, 95 % interval"
    axes = _intervals(panels, label, value, ordered, axes)
    tables = [table for series in map(_named, panels.values()) for table in series.values()]
    notes = [f"0 = {plain(reference)}"] if reference else []
    if any("p_holm" in table for table in tables):
        notes.append("hollow: could be chance (Holm, 5 %)")
    for ax, series in zip(axes, panels.values(), strict=True):
        if reference:
            ax.axvline(0, color="0.2", lw=1)
        ax.locator_params(axis="x", nbins=5)
        if cut:
            limit = 2 * pd.concat([table[value] for table in _named(series).values()]).median()
            ax.set_xlim(0, limit)
            for x, y in np.hstack([np.asarray(line.get_data(), dtype=float) for line in ax.lines]).T:
                if x > limit:
                    ax.text(limit, y, "off the scale →", ha="right", va="center", fontsize=9)
    if notes:
        axes[0].figure.supxlabel("; ".join(notes), fontsize=10)


@figure
def by_group(tables: Mapping[str, Mapping[str, pd.DataFrame]], *, axes: Panels | None = None) -> None:
    """Draw predicted over bought: one panel per grouping, one row per group, one colour per method or correction.

    Parameters
    ----------
    tables : mapping of str to (mapping of str to DataFrame)
        Title of a panel to tables of :func:`~bundlebook.evaluation.calibration_by_group`: ``ratio`` and, where they
        are known, ``low`` and ``high``, and ``bought``, whose shares are written beside the groups; the row ``"all"``
        is set apart.
    """
    panels = {}
    for title, series in tables.items():
        first = next(iter(series.values()))
        names = list(map(str, first.index))
        if "bought" in first:
            shares = first["bought"] / first.loc["all", "bought"]
            names = [name if name == "all" else f"{name}  ({part:.0%})" for name, part in shares.items()]
        panels[title] = {name: table.set_axis(names) for name, table in series.items()}
    axes = _intervals(panels, "predicted / bought (log scale)", "ratio", False, axes)
    for ax in axes:
        ax.axvline(1, color="0.2", lw=1)
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        ax.set_xlim(min(low, 0.8), max(high, 1.25))
        narrow, wide = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3], [0.1, 0.3, 0.5, 1, 2, 3, 5, 10, 20]
        ax.xaxis.set_major_locator(FixedLocator(narrow if high < 2 * low else wide))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if any("bought" in table for series in tables.values() for table in series.values()):
        note = "lines: 95 % intervals over users; in brackets: share of all that was bought"
        axes[0].figure.supxlabel(note, fontsize=10)


def _named(series: _Series) -> Mapping[str, pd.DataFrame]:
    return {"": series} if isinstance(series, pd.DataFrame) else series


def _intervals(
    panels: Mapping[str, _Series], label: str, value: str, ordered: bool, axes: Panels | None
) -> Sequence[Axes]:
    """Draw the panels of :func:`intervals` and :func:`by_group`, and one legend if there are several series."""
    named = {title: _named(series) for title, series in panels.items()}
    rows = {title: next(iter(series.values())).index for title, series in named.items()}
    if ordered:
        leading = next(iter(next(iter(named.values())).values()))
        order = leading[value].sort_values(ascending=False, kind="stable").index
        rows = dict.fromkeys(named, order)
    shared = len({tuple(index) for index in rows.values()}) == 1
    most, series = max(map(len, rows.values())), max(map(len, named.values()))
    height = 1.4 + 0.3 * most * (1 + 0.15 * (series - 1)) + 0.3 * (series > 1)
    axes = get_axes(axes, 1, len(named), figsize=(9, height), sharey=shared)
    for ax, (title, tables) in zip(axes, named.items(), strict=True):
        y = np.arange(len(rows[title]), dtype=float)
        y[(rows[title] == "all") & (y > 0)] += 0.5  # "all" is no group among the others
        for number, (name, table) in enumerate(tables.items()):
            table = table.reindex(rows[title])
            at = y + 0.22 * (number - (len(tables) - 1) / 2)
            colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
            if "low" in table:
                ax.hlines(at, table["low"], table["high"], color=colour, lw=2)
            ax.plot(table[value], at, marker, color=colour, ms=7, label=plain(name))
            if "p_holm" in table:
                chance = (table["p_holm"] > 0.05).to_numpy()
                ax.plot(table[value][chance], at[chance], marker, color="white", mec=colour, mew=1.5, ms=7)
        name_rows(ax, rows[title], y.tolist(), fontsize=10)
        ax.set(title=plain(title), xlabel=plain(label))
        if shared and ax is not axes[0]:
            ax.tick_params(labelleft=False)
    if series > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 3), fontsize=10)
    return axes


@figure
def reliability(
    curves: Mapping[str, _Series],
    title: str = "Do the shown items keep their promise?",
    labels: tuple[str, str] = ("mean predicted probability", "share bought in the window"),
    *,
    axes: Panels | None = None,
) -> None:
    """Draw reliability curves: below the diagonal a probability promises too much.

    Parameters
    ----------
    curves : mapping of str to DataFrame, or to mapping of str to DataFrame
        Method to a table of :func:`~bundlebook.evaluation.reliability_curve`; or, for several panels, title of the
        panel to such a mapping.
    title : str
        Title of a single panel.
    labels : (str, str)
        Labels of the two axes.
    """
    nested = not isinstance(next(iter(curves.values())), pd.DataFrame)
    panels: dict[str, Any] = dict(curves) if nested else {title: curves}
    size = (4.1 * len(panels), 4.1) if nested else (6, 4.8)
    axes = get_axes(axes, 1, len(panels), figsize=size, sharey=True)
    for ax, (name, tables) in zip(axes, panels.items(), strict=True):
        top = 1.05 * max(table[["predicted", "observed"]].max(axis=None) for table in tables.values())
        ax.plot([0, top], [0, top], color=GREY, lw=1, ls="--")
        for (method, table), colour, marker in zip(tables.items(), PALETTE, MARKERS, strict=False):
            ax.plot(table["predicted"], table["observed"], marker=marker, color=colour, lw=1.5, ms=6,
                    label=plain(method))  # fmt: skip
        ax.text(0.97, 0.05, "promises too much", ha="right", color=GREY, transform=ax.transAxes)
        ax.set(title=plain(name), xlabel=labels[0], xlim=(0, top), ylim=(0, None))
    axes[0].set_ylabel(labels[1])
    axes[0].legend(loc="upper left", fontsize=9)


@figure
def by_step(
    curves: _Series,
    label: str,
    step: str,
    title: str,
    *,
    legend: str = "",
    marks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw a measure over ordered steps, one line per method, with intervals where they are known.

    Parameters
    ----------
    curves : DataFrame, or mapping of str to DataFrame
        One column per method, or method to a table with ``mean``, ``low``, ``high``; index: the steps in order, such
        as baskets known.
    label, step : str
        What the measure and the steps are called, on the two axes.
    title, legend : str
    marks : mapping of str to float, optional
        Values to compare with, drawn as horizontal lines with their names.
    """
    sure = not isinstance(curves, pd.DataFrame)
    tables = curves if sure else {name: pd.DataFrame({"mean": column}) for name, column in curves.items()}
    ax = get_ax(ax, (8.5, 4))
    shift = 0.06 * (np.arange(len(tables)) - (len(tables) - 1) / 2) if sure else np.zeros(len(tables))
    for number, (name, table) in enumerate(tables.items()):
        x, colour = np.arange(len(table)) + shift[number], PALETTE[number % len(PALETTE)]
        if sure:
            ax.vlines(x, table["low"], table["high"], color=colour, lw=2)
        ax.plot(x, table["mean"], marker=MARKERS[number % len(MARKERS)], ls=STYLES[0 if sure else number % len(STYLES)],
                color=colour, lw=1 if sure else 2, ms=7, label=plain(name))  # fmt: skip
    for name, value in (marks or {}).items():
        ax.axhline(value, color="0.35", lw=1)
        ax.text(0, value, plain(name), va="bottom", color="0.25", fontsize=10)
    steps = next(iter(tables.values())).index
    ax.set_xticks(range(len(steps)), [plain(name) for name in steps])
    ax.set(title=plain(title), xlabel=step, ylabel=plain(label) + ", 95 % interval" * sure, ylim=(0, None))
    ax.legend(title=legend or None, loc="center left", bbox_to_anchor=(1, 0.5))


@figure
def accuracy_against_cost(
    boards: Mapping[str, Stored],
    metric: str = "NDCG@10",
    tracks: Sequence[str] = ("all", "explore"),
    *,
    axes: Panels | None = None,
) -> None:
    """Draw a stored leaderboard: accuracy with intervals against processor seconds of fitting.

    One row of panels per level, one column per track. The names are those of the methods that no cheaper one equals;
    the colours are the families of all.

    Parameters
    ----------
    boards : mapping of str to Stored
        By level.
    metric : str
    tracks : sequence of {"all", "repeat", "explore"}
    """
    titles = {"all": "all items", "repeat": "items bought before", "explore": "new items only"}
    families = list(dict.fromkeys(family for board in boards.values() for family in board.methods["family"]))
    looks = {f: (PALETTE[n % len(PALETTE)], MARKERS[n % len(MARKERS)]) for n, f in enumerate(families)}
    axes = get_axes(axes, len(boards), len(tracks), figsize=(11, 4 * len(boards) + 0.6))
    cells = [(level, track) for level in boards for track in tracks]
    for ax, (level, track) in zip(axes, cells, strict=True):
        board = boards[level]
        table = board.intervals(metric, "window", track).join(board.methods[["family", "fit, CPU s"]])
        table["seconds"] = table["fit, CPU s"].clip(lower=1e-2)
        for row in table.itertuples():
            colour, marker = looks[row.family]
            ax.vlines(row.seconds, row.low, row.high, color=colour, lw=1.2, alpha=0.6)
            ax.plot(row.seconds, row.mean, marker, color=colour, mec="white", mew=0.6, ms=7, alpha=0.9)
        ax.set(xscale="log", xlabel="processor seconds to fit (log scale)", ylabel=f"{metric}, 95 % interval")
        ax.set(title=f"{plain(level)}: {titles[track]}")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        low, high = ax.get_xlim()
        ax.set_xlim(min(0.8 * low, 10 ** np.floor(np.log10(low))), max(high, 10 ** np.ceil(np.log10(high))))
        _name_front(ax, table)
    handles = [Line2D([], [], color=looks[f][0], marker=looks[f][1], ls="", label=plain(f)) for f in families]
    axes[0].figure.legend(handles=handles, loc="outside lower center", ncols=min(len(families), 5), fontsize=10)


def _name_front(ax: Axes, table: pd.DataFrame) -> None:
    """Write the names of the methods that no cheaper one equals, clear of all dots and of each other."""
    cheapest = table.sort_values(["seconds", "mean"], ascending=[True, False], kind="stable")
    front = cheapest[cheapest["mean"] > cheapest["mean"].cummax().shift(fill_value=-np.inf)]
    ax.set_ylim(0, (1.1 + 0.07 * len(front)) * table["high"].max())  # room for a stair of names
    ax.figure.canvas.draw()
    corner = ax.get_window_extent()
    dots = ax.transData.transform(table[["seconds", "mean"]].to_numpy(float)) - corner.p0
    own = ax.transData.transform(front[["seconds", "mean"]].to_numpy(float)) - corner.p0
    texts = [ax.text(0, 0, plain(name), ha="center", va="center", fontsize=9) for name in front.index]
    extents = [text.get_window_extent() for text in texts]
    sizes = np.array([(extent.width + 18, extent.height + 4) for extent in extents])
    above = own + np.array([0, 16]) + np.array([0, 14]) * np.arange(len(own))[::-1, None]  # like stairs
    boxes = np.vstack([above, dots]), np.vstack([sizes, np.full_like(dots, 9)])
    fixed = np.arange(len(boxes[0])) >= len(own)
    places = spread_boxes(*boxes, (corner.width, corner.height), fixed)[: len(own)]
    for text, place, dot in zip(texts, places, own, strict=True):
        ends = ax.transAxes.inverted().transform(np.array([place, dot]) + corner.p0)
        text.set_transform(ax.transAxes)
        text.set_position((ends[0, 0], ends[0, 1]))
        ax.plot(*ends.T, color=GREY, lw=0.6, zorder=0, transform=ax.transAxes)
        text.set_bbox({"fc": "white", "ec": "none", "alpha": 0.7, "pad": 1})
