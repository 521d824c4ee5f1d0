"""What every chapter calls: :func:`setup` first, :func:`record` for headline figures, :func:`footer` last.

A report for an analyst also tells what it found in sentences (:func:`tell`) and hands over a table (:func:`attach`).
:func:`explore` puts sliders under a figure where somebody can move them.
"""

import html
import os
import platform
import random
import textwrap
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import display

from bundlebook.shop import WORTH_TELLING, Shop, check_losses
from bundlebook.tables import without_formulas

#: MIME type under which a headline figure is stored in a notebook's outputs; reports collect it from there.
METRIC_MIME = "application/vnd.bundlebook.metric+json"
#: MIME type under which a file is stored in a notebook's outputs; reports lay it beside the page.
FILE_MIME = "application/vnd.bundlebook.file+json"


def setup() -> None:
    """Prepare a chapter's kernel: figure style, display precision, seeds, quiet and deterministic TensorFlow.

    TensorFlow is not imported here: it costs seconds, and only the chapters that train need it. The seeds are those of
    the global generators; the workbook's own functions take theirs as an argument.
    """
    # Read by TensorFlow when it is first imported. oneDNN reorders sums, so two runs would differ in the last digits.
    os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", TF_DETERMINISTIC_OPS="1")
    warnings.filterwarnings("ignore", message="IProgress not found")
    random.seed(0)
    np.random.seed(0)
    pd.set_option("display.precision", 4, "display.max_rows", 20, "display.max_columns", 12, "display.width", 110)
    np.set_printoptions(precision=4, suppress=True, linewidth=100)
    _show_figures()
    _show_names_as_they_are()
    from bundlebook.plots import use_style

    use_style()


def _show_figures() -> None:
    """Show figures below their cells, also where a variable MPLBACKEND, set for scripts, names another place."""
    shell = get_ipython()
    if hasattr(shell, "kernel") and "inline" not in os.environ.get("MPLBACKEND", "inline"):
        shell.run_line_magic("matplotlib", "inline")


def _show_names_as_they_are() -> None:
    """Keep JupyterLab from setting as mathematics what stands between two dollars in a table."""
    formatter = getattr(get_ipython(), "display_formatter", None)
    if formatter is not None:
        for kind in (pd.DataFrame, "pandas.io.formats.style.Styler"):
            formatter.formatters["text/html"].for_type(kind, _html_of)


def _html_of(table: Any) -> str | None:
    html_of = table._repr_html_()
    if html_of is None or not {"$", "\\"} & set(html_of):  # stored tables without either stay as they are
        return html_of
    with pd.option_context("display.html.use_mathjax", False, "styler.html.mathjax", False):
        return table._repr_html_()


def record(name: str, value: float | int | str | bool, unit: str = "", digits: int = 4) -> None:
    """Show a headline figure and store it where a report's index finds it.

    Parameters
    ----------
    name : str
        Short noun phrase, unique within the chapter, for example ``"Recall@10, GRU"``.
    value : float, int, str or bool
    unit : str
        Unit behind the value, for example ``"s"`` or ``"baskets"``.
    digits : int
        Decimals shown of a float. Four is what two processors agree on.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        value = round(value, digits)
    text = f"{name}: {value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{name}: {value}"
    metric = {"name": name, "value": value, "unit": unit}
    display({"text/plain": f"{text} {unit}".rstrip(), METRIC_MIME: metric}, raw=True)


def tell(*sentences: str, lead: str = "") -> None:
    """Show sentences as one paragraph, as they are: a dollar sign starts no formula, and < no HTML.

    Parameters
    ----------
    *sentences : str
        Empty ones are left out; without any, nothing is shown.
    lead : str
        Set in bold before them.
    """
    text = " ".join(filter(None, sentences))
    if not text and not lead:
        return
    # Jupyter reads mathematics in every output but in elements of these classes.
    opening = '<p class="tex2jax_ignore mathjax_ignore">' + (f"<b>{html.escape(lead)}</b> " if lead else "")
    display({"text/plain": f"{lead} {text}".strip(), "text/html": f"{opening}{html.escape(text)}</p>"}, raw=True)


def tell_losses(shop: Shop) -> None:
    """Say what was lost at loading, where it is more than 1 % of the revenue: the first sentence of a report's page."""
    lost = shop.losses["revenue"].sum()
    if lost > WORTH_TELLING:
        tell(
            f"{shop.losses['rows'].sum():,} rows of the files could not be used, which is {lost:.1%} of {shop.worth}.",
            "Every number below comes from the other rows; `bundlebook report --data` says what is wrong with these.",
            lead="Mend the files before you trust this page.",
        )


def attach(name: str, table: pd.DataFrame) -> None:
    """Store a table in the notebook as a CSV file; a report lays it beside its page and links to it.

    Parameters
    ----------
    name : str
        Name of the file, for example ``"offers.csv"``.
    table : DataFrame
        Without its index. Cells that a spreadsheet would run as a formula become text.
    """
    file = {"name": name, "text": without_formulas(table).to_csv(index=False, lineterminator="\n")}
    display({"text/plain": f"{name}: {len(table):,} rows", FILE_MIME: file}, raw=True)


def explore(draw: Callable[..., object], **sliders: tuple[float, float, float]) -> None:
    """Draw a figure with a slider for each argument in an open notebook, and once where nobody can move them.

    Parameters
    ----------
    draw : callable
        Takes the arguments by name and draws with matplotlib.
    **sliders : tuple of (smallest, largest, first value)
        Whole numbers make a slider of whole numbers. Where a notebook is executed for a page, a report or a test, the
        figure of the first values is all that is shown.
    """
    if not _watched():
        draw(**{name: first for name, (_, _, first) in sliders.items()})
        return
    import ipywidgets
    import matplotlib.pyplot as plt

    def slider(low: float, high: float, first: float) -> ipywidgets.Widget:
        whole = all(isinstance(value, int) for value in (low, high, first))
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        return kind(first, min=low, max=high, continuous_update=False)

    def redraw(**values: float) -> None:
        draw(**values)
        plt.show()

    ipywidgets.interact(redraw, **{name: slider(*values) for name, values in sliders.items()})


def _watched() -> bool:
    """Whether somebody sits before the notebook: who executes one says that nobody can be asked for input."""
    return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", False))


def footer(seed: int, shop: Shop | None = None) -> None:
    """Print what made this run: versions, seed, the data's checksums, and what was lost (the chapter's last cell)."""
    names = ["bundlebook", "numpy", "pandas", "scikit-learn", "mlxtend", "keras", "matplotlib"]
    # No-break spaces keep a name and its version on one line.
    parts = [f"Python\N{NO-BREAK SPACE}{platform.python_version()}"]
    parts += [f"{name}\N{NO-BREAK SPACE}{version(name)}" for name in names]
    print(textwrap.fill(" · ".join(parts), width=100, break_long_words=False).replace("\N{NO-BREAK SPACE}", " "))
    print("seed", seed)
    for file in shop.files if shop else ():
        print(f"data {file.name}: {file.rows:,} rows, md5 {file.md5}")
    if shop is not None:
        for line in check_losses(shop, accept=True):
            print(line)
