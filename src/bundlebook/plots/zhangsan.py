"""Figures of 张三: the place of his items among all, the answers, and a panel to edit his history."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.errors import BundlebookError
from bundlebook.plots._style import MARKERS, PALETTE, figure, get_ax, get_axes, heat_map, name_rows, plain


@figure
def place_among_all(
    probability: np.ndarray, marked: Mapping[str, int], claimed: float, *, ax: Axes | None = None
) -> None:
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


@figure
def answers(
    given: Mapping[str, float | Sequence[float]],
    title: str,
    *,
    claimed: str = "",
    interval: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw the answers to one question, one row per method; a method that answered several times with its mean.

    Parameters
    ----------
    given : mapping of str to float or sequence of float
        P of the item by method, from top to bottom; a sequence for fits that were repeated.
    title : str
    claimed : str, optional
        The row that is a claim and no measurement; drawn hollow.
    interval : (float, float), optional
        Ends of the 95 % interval, drawn as a band behind the dots.
    """
    ax = get_ax(ax, (8.5, 0.6 * len(given) + 1.2))
    rows = {name: np.atleast_1d(values).astype(float) for name, values in given.items()}
    if interval is not None:
        ax.axvspan(*interval, color=PALETTE[0], alpha=0.15, lw=0)
        ax.text(sum(interval) / 2, 0.03, f"95 %: {interval[0]:.3f} to {interval[1]:.3f}", ha="center", color="0.25",
                transform=ax.get_xaxis_transform())  # fmt: skip
    for row, (name, values) in enumerate(rows.items()):
        colour = PALETTE[1] if name == claimed else PALETTE[0]
        # Spread out by rank, so that equal answers do not hide each other.
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        height = row + 0.22 * (ranks % 3 - 1) if len(values) > 3 else np.full(len(values), float(row))
        ax.plot(values, height, "o", color="white" if name == claimed else colour, mec=colour, alpha=0.8,
                ms=10 if len(values) == 1 else 6)  # fmt: skip
        if len(values) > 1:
            ax.plot([values.mean()] * 2, [row - 0.36, row + 0.36], color="0.2", lw=2)
        said = f"{values.mean():.3f}" if len(values) == 1 else f"mean {values.mean():.4f}"
        ax.annotate(said, (values.max(), row), (10, 0), textcoords="offset points", va="center")
    top = max(1.2 * max(values.max() for values in rows.values()), *(interval or (0,)))
    ax.set(title=title, xlabel="P(1005 in the next period)", xlim=(0, top))
    name_rows(ax, [name if len(values) == 1 else f"{name} ({len(values)})" for name, values in rows.items()])
    ax.set_ylim(len(rows) - 0.2, -0.6)


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
        Takes a table of purchases and returns P of each item in the month to come, indexed by item number.
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
        _history_and_answer(_units(history, items, months), answer(history), asked, claimed)
        return None
    import ipywidgets

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
            p = answer(table[table["quantity"] > 0])
            image.value = _png(_history_and_answer(_units(table, items, months), p, asked, claimed))
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


def _history_and_answer(history: pd.DataFrame, answer: pd.Series, asked: int, claimed: float) -> Any:
    """Draw units as a table, one row per item and one column per month, and beside it P of each item."""
    left, right = get_axes(None, 1, 2, figsize=(9, 3.2), width_ratios=[1.2, 1])
    units = history.to_numpy(float)
    heat_map(left, np.where(units > 0, units, np.nan), "g", "Blues", most=10, fontsize=12)
    left.set_title("His history: units")
    left.set_xticks(range(history.shape[1]), [plain(name) for name in history.columns], fontsize=9)
    name_rows(left, history.index)
    right.barh(range(len(answer)), answer, color=[PALETTE[1] if item == asked else PALETTE[0] for item in answer.index])
    for row, p in enumerate(answer):
        right.annotate(f"{p:.3f}", (p, row), (4, 0), textcoords="offset points", va="center", fontsize=10)
    right.axvline(claimed, color="0.35", lw=1)
    right.text(claimed, -0.5, "claimed", ha="center", va="bottom", fontsize=9, color="0.25")
    right.set(title="The month to come", xlabel="P(bought)", xlim=(0, 1), yticks=[], ylim=(len(answer) - 0.4, -0.6))
    return left.figure


def _units(history: pd.DataFrame, items: Sequence[int], months: Sequence[str]) -> pd.DataFrame:
    """Return units as a table, one row per item, one column per month."""
    table = history.pivot_table(index="item_id", columns="time", values="quantity", aggfunc="sum", fill_value=0)
    return table.reindex(index=items, columns=list(months), fill_value=0)


def _png(drawn: Any) -> bytes:
    picture = BytesIO()
    drawn.savefig(picture, format="png")
    plt.close(drawn)
    return picture.getvalue()
