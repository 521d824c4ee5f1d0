"""Figures of the evaluation: the protocol in time, intervals, tracks, calibration, accuracy against cost."""

from collections.abc import Mapping, Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from bundlebook.evaluation import Stored
from bundlebook.plots.style import GREY, MARKERS, PALETTE, Panels, figure, get_ax, get_axes, plain
from bundlebook.shop import PERIOD_DAYS, Split


@figure
def timeline(split: Split, *, ax: Axes | None = None) -> Axes:
    """Draw what each judgement may read and what it is judged on: one row a judgement, time to the right.

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
    return ax


@figure
def intervals(
    tables: Mapping[str, pd.DataFrame],
    ceilings: Mapping[str, float] | None = None,
    *,
    axes: Panels | None = None,
) -> Panels:
    """Draw means with intervals, one panel a metric and one row a method, the best of the first metric on top.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Metric to a table with ``mean``, ``low``, ``high`` and methods as index.
    ceilings : mapping of str to float, optional
        What a perfect list would reach; named below the panel, since it would squeeze the axis.
    """
    order = next(iter(tables.values()))["mean"].sort_values(kind="stable").index
    height = 1.3 + 0.36 * len(order)
    axes = get_axes(axes, 1, len(tables), figsize=(9, height), sharey=True)
    for ax, (metric, table) in zip(axes, tables.items(), strict=True):
        _rows(ax, table.loc[order].rename(columns={"mean": "middle"}))
        note = f"\n(a perfect list: {ceilings[metric]:.2f})" if ceilings and metric in ceilings else ""
        ax.set(title=plain(metric), xlabel=f"mean over users, 95 % interval{note}")
    axes[0].set_yticks(range(len(order)), [plain(name) for name in order])
    return axes


@figure
def differences(tables: Mapping[str, pd.DataFrame], reference: str, *, axes: Panels | None = None) -> Panels:
    """Draw paired differences to one method with intervals; filled where they hold after Holm's correction.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Metric to a table of :func:`~bundlebook.evaluation.paired_differences`.
    reference : str
        The method at 0.
    """
    order = next(iter(tables.values()))["difference"].sort_values(kind="stable").index
    axes = get_axes(axes, 1, len(tables), figsize=(9, 1.4 + 0.36 * len(order)), sharey=True)
    for ax, (metric, table) in zip(axes, tables.items(), strict=True):
        table = table.loc[order].rename(columns={"difference": "middle"})
        _rows(ax, table, hollow=(table["p_holm"] > 0.05).to_numpy())
        ax.axvline(0, color="0.2", lw=1)
        ax.set(title=plain(metric), xlabel="difference, 95 % interval")
    axes[0].set_yticks(range(len(order)), [plain(name) for name in order])
    axes[0].figure.supxlabel(f"0 = {plain(reference)}; hollow: could be chance (Holm, 5 %)", fontsize=10)
    return axes


@figure
def relative(tables: Mapping[str, pd.DataFrame], reference: str, *, axes: Panels | None = None) -> Panels:
    """Draw relative differences to a reference with intervals, one panel a metric, one colour and row a level.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Title of the panel to a table with columns ``method``, ``level``, ``middle``, ``low``, ``high`` (in per cent);
        the order of the rows is kept, from the top.
    reference : str
        What stands at 0.
    """
    methods = list(dict.fromkeys(method for table in tables.values() for method in table["method"]))
    levels = list(dict.fromkeys(level for table in tables.values() for level in table["level"]))
    axes = get_axes(axes, 1, len(tables), figsize=(9, 1.5 + 0.5 * len(methods)), sharey=True)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        for row in table.itertuples():
            level = levels.index(row.level)
            y = -methods.index(row.method) + 0.16 - 0.32 * level / max(len(levels) - 1, 1)
            ax.hlines(y, row.low, row.high, color=PALETTE[level], lw=2)
            ax.plot(row.middle, y, "os"[level % 2], ms=6, color=PALETTE[level])
        ax.axvline(0, color="0.2", lw=1)
        ax.set(title=plain(title), xlabel="difference in %, 95 % interval")
        ax.set_yticks([-n for n in range(len(methods))], [plain(name) for name in methods])
        ax.margins(y=0.12)
    marks = [Line2D([], [], color=PALETTE[n], marker="os"[n % 2], label=plain(level)) for n, level in enumerate(levels)]
    whole = axes[0].figure
    whole.legend(handles=marks, loc="outside upper left", ncols=len(levels), frameon=False)
    whole.supxlabel(f"0 = {plain(reference)}", fontsize=10)
    return axes


def _rows(ax: Axes, table: pd.DataFrame, hollow: np.ndarray | None = None) -> None:
    hollow = np.zeros(len(table), dtype=bool) if hollow is None else hollow
    for y, row in enumerate(table.itertuples()):
        ax.hlines(y, row.low, row.high, color=PALETTE[0], lw=2)
        ax.plot(row.middle, y, "o", ms=7, mec=PALETTE[0], mew=1.5, color="white" if hollow[y] else PALETTE[0])
    ax.margins(y=0.15)
    ax.locator_params(axis="x", nbins=5)


@figure
def by_track(tables: Mapping[str, pd.DataFrame], metric: str, *, axes: Panels | None = None) -> Panels:
    """Draw one metric of all methods on several tracks, side by side, each panel from 0.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Title of the panel to a table with ``mean``, ``low``, ``high``.
    metric : str
        Label of the axis.
    """
    order = next(iter(tables.values()))["mean"].sort_values(kind="stable").index
    axes = get_axes(axes, 1, len(tables), figsize=(9, 1.3 + 0.36 * len(order)), sharey=True)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        table = table.loc[order]
        ax.barh(range(len(order)), table["mean"], color=PALETTE[0], height=0.65, alpha=0.75)
        for y, row in enumerate(table.itertuples()):
            ax.hlines(y, row.low, row.high, color="0.15", lw=2)
        ax.set(title=plain(title), xlabel=plain(metric), xlim=(0, None))
        ax.grid(axis="y", visible=False)
        ax.locator_params(axis="x", nbins=4)
    axes[0].set_yticks(range(len(order)), [plain(name) for name in order])
    return axes


@figure
def reliability(curves: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw reliability curves: below the diagonal a probability promises too much.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Method to a table of :func:`~bundlebook.evaluation.reliability_curve`.
    """
    ax = get_ax(ax, (6, 4.8))
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    for (name, table), colour, marker in zip(curves.items(), PALETTE, MARKERS, strict=False):
        ax.plot(table["predicted"], table["observed"], marker=marker, color=colour, lw=1.5, ms=6, label=plain(name))
    ax.text(0.8, 0.45, "promises\ntoo much", ha="center", color=GREY)
    ax.text(0.2, 0.5, "promises\ntoo little", ha="center", color=GREY)
    ax.set(title="Do the shown items keep their promise?", xlabel="mean predicted probability",
           ylabel="share bought in the window", xlim=(0, 1), ylim=(0, 1))  # fmt: skip
    ax.legend(loc="upper left", fontsize=9)
    return ax


@figure
def newcomers(board: Stored, methods: Sequence[str], metric: str = "NDCG@10", *, ax: Axes | None = None) -> Axes:
    """Draw how well new households are served by the number of baskets they are known by, with intervals.

    Parameters
    ----------
    board : Stored
        With tasks ``"new, n"``.
    methods : sequence of str
    metric : str
    """
    known = [task for task in board.content["tasks"] if task.startswith("new, ")]
    tables = [board.intervals(metric, task) for task in known]
    ax = get_ax(ax, (8, 4.2))
    for number, (name, marker) in enumerate(zip(methods, MARKERS * len(methods), strict=False)):
        rows = pd.DataFrame([table.loc[name] for table in tables])
        x = np.arange(len(known)) + 0.06 * (number - (len(methods) - 1) / 2)
        around = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
        colour = PALETTE[number % len(PALETTE)]
        ax.errorbar(
            x, rows["mean"], yerr=around, fmt=marker, ls="-", color=colour, lw=1.2, capsize=2, ms=6, label=plain(name)
        )
    ax.set_xticks(range(len(known)), [task.removeprefix("new, ") for task in known])
    ax.set(title="Households nobody has met before", xlabel="baskets known of the household",
           ylabel=f"{metric}, 95 % interval", ylim=(0, None))  # fmt: skip
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    return ax


@figure
def accuracy_against_cost(
    boards: Mapping[str, Stored],
    metric: str = "NDCG@10",
    tracks: Sequence[str] = ("all", "explore"),
    *,
    axes: Panels | None = None,
) -> Panels:
    """Draw a stored leaderboard: accuracy with intervals against processor seconds of fitting.

    One row of panels a level, one column a track; numbers stand for methods, and the legend names them by family.

    Parameters
    ----------
    boards : mapping of str to Stored
        By level.
    metric : str
    tracks : sequence of {"all", "repeat", "explore"}
    """
    titles = {"all": "all items", "repeat": "items bought before", "explore": "new items only"}
    methods = next(iter(boards.values())).methods
    families = list(dict.fromkeys(methods["family"]))
    colours = {family: PALETTE[n % len(PALETTE)] for n, family in enumerate(families)}
    numbers = {name: str(n + 1) for n, name in enumerate(methods.index)}
    height = max(3.6 * len(boards), 0.24 * len(methods) + 1)
    axes = get_axes(axes, len(boards), len(tracks), figsize=(11, height))
    rows = [axes[n : n + len(tracks)] for n in range(0, len(axes), len(tracks))]
    for row, (level, board) in zip(rows, boards.items(), strict=True):
        for ax, track in zip(row, tracks, strict=True):
            table = board.intervals(metric, "window", track)
            for name, value in table.iterrows():
                seconds, colour = max(board.methods.loc[name, "fit, CPU s"], 1e-2), colours[methods.loc[name, "family"]]
                ax.vlines(seconds, value.low, value.high, color=colour, lw=1.2, alpha=0.7)
                ax.plot(seconds, value["mean"], "o", color="white", mec=colour, mew=1.4, ms=12)
                ax.text(seconds, value["mean"], numbers[name], ha="center", va="center", fontsize=7.5)
            ax.set(xscale="log", xlabel="processor seconds to fit (log scale)", ylabel=f"{metric}, 95 % interval")
            ax.set(title=f"{plain(level)}: {titles[track]}", ylim=(0, None))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
            low, high = ax.get_xlim()
            ax.set_xlim(min(0.8 * low, 10 ** np.floor(np.log10(low))), max(high, 10 ** np.ceil(np.log10(high))))
    handles = [
        Line2D(
            [], [], marker=f"${numbers[name]}$", color=colours[family], ls="", ms=8, label=plain(f"{name}  ({family})")
        )
        for name, family in methods["family"].items()
    ]
    axes[0].figure.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8.5)
    return axes


@figure
def by_group(tables: Mapping[str, Mapping[str, pd.DataFrame]], *, axes: Panels | None = None) -> Panels:
    """Draw predicted over observed purchases of every group, one panel a grouping and one colour a method.

    Parameters
    ----------
    tables : mapping of str to (mapping of str to DataFrame)
        Title of a panel to the methods' tables of
        :func:`~bundlebook.evaluation.calibration_by_group`; the row ``"all"`` is set apart.
    """
    rows = max(len(next(iter(methods.values()))) for methods in tables.values())
    axes = get_axes(axes, 1, len(tables), figsize=(9, 1.6 + 0.34 * rows))
    for ax, (title, methods) in zip(axes, tables.items(), strict=True):
        first = next(iter(methods.values()))
        y = np.arange(len(first), dtype=float)
        y[-1] += 0.5  # "all" is no group among the others
        for number, (name, table) in enumerate(methods.items()):
            away = y + 0.22 * (number - (len(methods) - 1) / 2)
            colour = PALETTE[number % len(PALETTE)]
            ax.hlines(away, table["low"], table["high"], color=colour, lw=2)
            ax.plot(table["ratio"], away, MARKERS[number % len(MARKERS)], color=colour, ms=6, label=plain(name))
        ax.axvline(1, color="0.2", lw=1)
        share = first["bought"] / first.loc["all", "bought"]
        names = [f"{plain(name)}  ({part:.0%})" if name != "all" else name for name, part in share.items()]
        ax.set_yticks(y, names, fontsize=9)
        ax.set_ylim(y[-1] + 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.set(title=plain(title), xlabel="predicted / bought (log scale)")
        _log_axis(ax)
    handles, labels = axes[0].get_legend_handles_labels()
    title = "lines: 95 % intervals over users; in brackets: share of all that was bought"
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9,
                          title=title, title_fontsize=9)  # fmt: skip
    return axes


@figure
def shifts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw predicted over bought of several trainings, as trained and after corrections.

    Parameters
    ----------
    table : DataFrame
        One row a training, one column a state: the first as trained, the others corrected; a correction that moves
        nothing is not drawn.
    """
    ax = get_ax(ax, (8.5, 1.4 + 0.5 * len(table)))
    first, colours = table.columns[0], [PALETTE[1], PALETTE[0], PALETTE[2]]
    y = np.arange(len(table))
    for number, (state, values) in enumerate(table.items()):
        moved = np.ones(len(table), dtype=bool) if state == first else ~np.isclose(values, table[first], rtol=1e-3)
        for row in y[moved & (state != first)]:
            ax.plot([table[first].iloc[row], values.iloc[row]], [row, row], color=GREY, lw=1, ls=":", zorder=1)
        ax.plot(values[moved], y[moved], "sov^"[number % 4], ls="", ms=8, color=colours[number % 3], label=plain(state))
    ax.axvline(1, color="0.2", lw=1)
    ax.set(title="Purchases of all households together", xlabel="predicted / bought (log scale)")
    _log_axis(ax)
    ax.set_xlim(min(0.65, 0.8 * table.min(axis=None)), max(1.6, 1.3 * table.max(axis=None)))
    ax.set_yticks(y, [plain(name) for name in table.index])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    return ax


def _log_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    narrow, wide = [0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3], [0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10]
    ax.xaxis.set_major_locator(FixedLocator(narrow if high < 2 * low else wide))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
