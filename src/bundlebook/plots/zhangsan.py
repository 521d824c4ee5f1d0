"""Figures of 张三: his probabilities, their place among all items, the answers, and a panel to edit his history."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.errors import BundlebookError
from bundlebook.plots.style import MARKERS, PALETTE, STYLES, Panels, figure, get_ax, get_axes, plain


@figure
def month_by_month(steps: pd.DataFrame, claimed: float, *, ax: Axes | None = None) -> Axes:
    """Draw how the probability of each item grows with every month of history.

    Parameters
    ----------
    steps : DataFrame
        One row a month of history, one column an item; P in [0, 1].
    claimed : float
        The articles' answer, drawn as a line.
    """
    ax = get_ax(ax, (8, 4))
    for number, item in enumerate(steps.columns):
        ax.plot(range(len(steps)), steps[item], color=PALETTE[number], ls=STYLES[number], marker=MARKERS[number],
                ms=7, lw=2, label=plain(item))  # fmt: skip
    ax.axhline(claimed, color="0.35", lw=1)
    ax.text(0, claimed - 0.012, f"the articles' answer for 1005: {claimed}", va="top", color="0.25", fontsize=10)
    ax.set(title="What the network expects of the month to come", xlabel="his history so far",
           ylabel="P(bought in the next period)", ylim=(0, claimed + 0.07), xticks=range(len(steps)))  # fmt: skip
    ax.set_xticklabels([plain(name) for name in steps.index])
    ax.legend(title="item", ncols=len(steps.columns), loc="center", bbox_to_anchor=(0.5, 0.7))
    return ax


@figure
def place_among_all(
    probability: np.ndarray, marked: Mapping[str, int], claimed: float, *, ax: Axes | None = None
) -> Axes:
    """Draw all items' probabilities from the highest to the lowest, and mark some of them.

    Parameters
    ----------
    probability : ndarray, shape (n_items,)
    marked : mapping of str to int
        Position in *probability* of each marked item, by its label.
    claimed : float
        The articles' answer, drawn as a line.
    """
    order = np.argsort(-probability, kind="stable")
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(1, len(order) + 1)
    ax = get_ax(ax, (8, 4))
    ax.loglog(np.arange(1, len(order) + 1), probability[order], color="0.6", lw=2)
    for number, (label, position) in enumerate(marked.items()):
        ax.plot(place[position], probability[position], MARKERS[number % 5], color=PALETTE[number], ms=9,
                label=f"{plain(label)}: place {place[position]:,}, P = {probability[position]:.3f}")  # fmt: skip
    ax.axhline(claimed, color="0.35", lw=1)
    ax.text(len(order), claimed * 0.9, f"claimed: {claimed}", ha="right", va="top", color="0.25")
    ax.set(title="His five items among all", xlabel="place among all items",
           ylabel="P(bought in the next period)", ylim=(None, 1.15))  # fmt: skip
    ax.legend(loc="lower left")
    return ax


@figure
def spread(
    answers: Mapping[str, Sequence[float]], interval: tuple[float, float] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the answers of repeated fits as dots, one row a way of repeating, over the interval they support.

    Parameters
    ----------
    answers : mapping of str to sequence of float
        P of the item by every fit, by how the fits differ; from top to bottom.
    interval : (float, float), optional
        Ends of the 95 % interval, drawn as a band behind the dots.
    """
    ax = get_ax(ax, (8, 0.75 * len(answers) + 1.2))
    if interval is not None:
        ax.axvspan(*interval, color=PALETTE[0], alpha=0.15, lw=0)
        ax.text(sum(interval) / 2, 0.03, f"95 %: {interval[0]:.3f} to {interval[1]:.3f}", ha="center", color="0.25",
                transform=ax.get_xaxis_transform())  # fmt: skip
    for row, values in enumerate(answers.values()):
        # Spread out by rank, so that equal answers do not hide each other.
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        height = row + 0.22 * (ranks % 3 - 1) if len(values) > 3 else np.full(len(values), row)
        ax.plot(values, height, MARKERS[row % 5], color=PALETTE[row], ms=6, alpha=0.75, mec="white", mew=0.5)
        ax.plot([np.mean(values)] * 2, [row - 0.36, row + 0.36], color="0.2", lw=2)
        ax.annotate(f"mean {np.mean(values):.4f}", (1, row), (6, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    rows = np.arange(len(answers))
    ax.set(title="The same question to networks trained again", xlabel="P(1005 in the next period)", yticks=rows)
    ax.set_yticklabels([f"{plain(label)} ({len(values)})" for label, values in answers.items()])
    ax.set_xlim(0, 1.15 * max(*(max(values) for values in answers.values()), *(interval or (0,))))
    ax.set_ylim(len(answers) - 0.25, -0.6)
    return ax


@figure
def answers(table: pd.Series, runs: Sequence[float], claimed: str, *, ax: Axes | None = None) -> Axes:
    """Draw one probability a method as dots on a line, the reruns of the last one around it.

    Parameters
    ----------
    table : Series
        P of the item by method, in the order from top to bottom.
    runs : sequence of float
        Answers of the retrained networks, drawn small in the row of the last method.
    claimed : str
        The entry of *table* that is a claim and no measurement; drawn hollow.
    """
    ax = get_ax(ax, (8, 0.5 * len(table) + 1.2))
    rows = np.arange(len(table))
    for row, (method, value) in zip(rows, table.items(), strict=True):
        hollow = method == claimed
        ax.plot(value, row, "o", ms=10, mfc="white" if hollow else PALETTE[0], mec=PALETTE[1 if hollow else 0], mew=2)
        ax.annotate(f"{value:.3f}", (value, row), (10, 0), textcoords="offset points", va="center")
    ax.plot(runs, np.full(len(runs), rows[-1] + 0.28), "|", color=PALETTE[3], ms=12, mew=2)
    ax.annotate("retrained", (max(runs), rows[-1] + 0.28), (8, 0), textcoords="offset points", va="center",
                color=PALETTE[3], fontsize=9)  # fmt: skip
    ax.set(title="One question, several answers", xlabel="P(1005 in the next period)", xlim=(-0.02, 1), yticks=rows)
    ax.set_yticklabels([plain(name) for name in table.index])
    ax.set_ylim(len(table) - 0.4, -0.6)
    return ax


@figure
def thinness(distinct: np.ndarray, his: int, *, ax: Axes | None = None) -> Axes:
    """Draw how many distinct items the households bought in four periods, and where 张三 stands.

    Parameters
    ----------
    distinct : ndarray of int, shape (n_households,)
    his : int
    """
    ax = get_ax(ax, (8, 3.4))
    edges = np.arange(0, distinct.max() + 10, 5) - 0.5
    ax.hist(distinct, bins=edges.tolist(), color=PALETTE[0], edgecolor="white", lw=0.4)
    ax.axvline(his, color=PALETTE[1], lw=2)
    ax.annotate(f"张三: {his}", (his, 0.92 * ax.get_ylim()[1]), (10, 0), textcoords="offset points", color="0.2",
                fontsize=11)  # fmt: skip
    ax.set(title="How much households buy in four periods", xlabel="distinct items bought in four periods",
           ylabel="households", xlim=(-5, np.percentile(distinct, 99.5)))  # fmt: skip
    return ax


@figure
def earning(table: pd.DataFrame, claimed: float, *, ax: Axes | None = None) -> Axes:
    """Draw P after each number of periods with the item, one line for each number of baskets a period.

    Parameters
    ----------
    table : DataFrame
        One row a number of periods, one column a number of baskets with the item in each of them; P in [0, 1].
    claimed : float
        The articles' answer, drawn as a line.
    """
    ax = get_ax(ax, (8, 4))
    for number, times in enumerate(table.columns):
        ax.plot(table.index, table[times], color=PALETTE[number], ls=STYLES[number], marker=MARKERS[number], ms=7,
                lw=2, label=plain(times))  # fmt: skip
    ax.axhline(claimed, color="0.35", lw=1)
    ax.text(table.index[0], claimed + 0.015, f"claimed: {claimed}", va="bottom", color="0.25")
    ax.set(title="What it takes to be told 0.8", xlabel="latest periods in which he bought 1005",
           ylabel="P(1005 in the next period)", ylim=(0, 1), xticks=table.index)  # fmt: skip
    ax.legend(title="baskets with it a period", ncols=len(table.columns), loc="lower right")
    return ax


@figure
def history_and_answer(
    history: pd.DataFrame, answer: pd.Series, asked: int, claimed: float, *, axes: Panels | None = None
) -> Panels:
    """Draw a history as a table of units, and beside it what the network expects of each item.

    Parameters
    ----------
    history : DataFrame
        One row an item, one column a month; units, 0 where nothing was bought.
    answer : Series
        P of each item in the month to come, by the same index.
    asked : int
        The item asked for; its bar is drawn in another colour.
    claimed : float
        The articles' answer, drawn as a line.
    """
    left, right = axes = get_axes(axes, 1, 2, figsize=(9, 3.2), width_ratios=[1.2, 1])
    left.imshow(np.log1p(history.to_numpy(float)), cmap="Blues", aspect="auto", vmin=0, vmax=np.log(30))
    for row, col in zip(*np.nonzero(history.to_numpy()), strict=True):
        units = history.to_numpy()[row, col]
        left.text(col, row, f"{units:g}", ha="center", va="center", color="white" if units > 4 else "0.15")
    rows = np.arange(len(history))
    left.set(title="His history: units", xticks=range(history.shape[1]), yticks=rows)
    left.set_xticklabels([plain(name) for name in history.columns], fontsize=9)
    left.set_yticklabels([plain(name) for name in history.index])
    left.grid(False)
    colours = [PALETTE[1] if item == asked else PALETTE[0] for item in answer.index]
    right.barh(rows, answer, color=colours)
    for row, p in enumerate(answer):
        right.annotate(f"{p:.3f}", (p, row), (4, 0), textcoords="offset points", va="center", fontsize=10)
    right.axvline(claimed, color="0.35", lw=1)
    right.text(claimed, -0.5, "claimed", ha="center", va="bottom", fontsize=9, color="0.25")
    right.set(title="The month to come", xlabel="P(bought)", xlim=(0, 1), yticks=[])
    right.set_ylim(len(rows) - 0.5, -0.5)
    return axes


#: Most units of an item in a month that the panel offers.
MOST_UNITS = 20


def history_panel(
    answer: Callable[[pd.DataFrame], pd.Series],
    history: pd.DataFrame,
    months: Sequence[str],
    asked: int,
    claimed: float,
    live: bool = False,
) -> Any:
    """Show a history beside the network's answer; *live*, let the reader change the one and watch the other.

    Parameters
    ----------
    answer : callable
        From a table of purchases to P of each item in the month to come, indexed by item number.
    history : DataFrame
        Columns ``time``, ``item_id``, ``quantity``: where the panel starts.
    months : sequence of str
        Months that can be edited, in order.
    asked : int
        The item whose bar stands out.
    claimed : float
        The articles' answer.
    live : bool
        True makes a widget, which needs a running notebook. False draws one figure, which a stored notebook, a report
        and a printed page can hold.

    Returns
    -------
    ipywidgets.VBox or None
    """
    items = list(answer(history).index)
    if not live:
        history_and_answer(_units(history, items, months), answer(history), asked, claimed)
        return None
    import ipywidgets  # type: ignore[import-untyped]  # ships no types

    start = _units(history, items, months)
    narrow = ipywidgets.Layout(width="72px")
    cells = {
        (item, month): ipywidgets.BoundedIntText(int(start.loc[item, month]), min=0, max=MOST_UNITS, layout=narrow)
        for item in items
        for month in months
    }
    image, message = ipywidgets.Image(format="png"), ipywidgets.Label()
    reset = ipywidgets.Button(description="his own history")

    def redraw(_change: Any = None) -> None:
        rows = [(month, item, cells[item, month].value) for month in months for item in items]
        table = pd.DataFrame(rows, columns=["time", "item_id", "quantity"])
        try:
            image.value = _png(_units(table, items, months), answer(table[table["quantity"] > 0]), asked, claimed)
            message.value = ""
        except BundlebookError as error:
            message.value = f"{error.problem}: {error.remedy}"

    def restore(_button: Any) -> None:
        for (item, month), cell in cells.items():
            cell.value = int(start.loc[item, month])

    for cell in cells.values():
        cell.observe(redraw, "value")
    reset.on_click(restore)
    redraw()
    head = [ipywidgets.Label("units of"), *[ipywidgets.Label(month) for month in months]]
    body = [w for item in items for w in (ipywidgets.Label(str(item)), *[cells[item, month] for month in months])]
    columns = ipywidgets.Layout(grid_template_columns=f"72px repeat({len(months)}, 80px)")
    return ipywidgets.VBox([ipywidgets.GridBox([*head, *body], layout=columns), reset, message, image])


def _units(history: pd.DataFrame, items: Sequence[int], months: Sequence[str]) -> pd.DataFrame:
    """Units as a table, one row an item, one column a month."""
    table = history.pivot_table(index="item_id", columns="time", values="quantity", aggfunc="sum", fill_value=0)
    return table.reindex(index=items, columns=list(months), fill_value=0)


def _png(history: pd.DataFrame, answer: pd.Series, asked: int, claimed: float) -> bytes:
    history_and_answer(history, answer, asked, claimed)
    picture, figure = BytesIO(), plt.gcf()
    figure.savefig(picture, format="png")
    plt.close(figure)
    return picture.getvalue()
