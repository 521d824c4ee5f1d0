"""A panel in which 张三's history can be edited while the network's answer is watched."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.plots.zhangsan import history_and_answer

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
