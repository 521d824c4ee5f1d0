"""Figures of profiles: the portrait of a user, the card of an item, learned weights."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.plots._style import PALETTE, figure, get_ax, name_rows, plain

_GROUP_COLOURS = {
    "when": PALETTE[0],
    "how much": PALETTE[1],
    "at what price": PALETTE[2],
    "what": PALETTE[4],
    "who makes it": PALETTE[1],
    "who buys it": PALETTE[4],
}


@figure
def portrait(table: pd.DataFrame, title: str, notes: Sequence[str] = (), *, ax: Axes | None = None) -> None:
    """Draw one user or item against all others: a bar from the middle to its percentile, one row per attribute.

    Parameters
    ----------
    table : DataFrame
        What :func:`bundlebook.profiles.portrait` returned.
    title : str
    notes : sequence of str
        Lines written under the axis, for example social attributes or similar items.
    """
    shown = table.dropna(subset=["percentile"])
    colours = [_GROUP_COLOURS[group] for group in shown["group"]]
    ax = get_ax(ax, (8.5, 1.5 + 0.27 * len(shown) + 0.2 * len(notes)))
    y = np.arange(len(shown))
    ax.barh(y, shown["percentile"] - 50, left=50, color=colours, height=0.7)
    ax.axvline(50, color="0.3", lw=1)
    for place, (value, percentile) in enumerate(zip(shown["value"], shown["percentile"], strict=True)):
        right = percentile >= 50
        ax.text(percentile + (1 if right else -1), place, _number(value), va="center", fontsize=9,
                ha="left" if right else "right")  # fmt: skip
    name_rows(ax, shown.index, fontsize=9)
    ax.set(title=plain(title), xlim=(-9, 109), xticks=[0, 25, 50, 75, 100])
    ax.axvspan(25, 75, color="0.5", alpha=0.08, lw=0, zorder=0)
    below = "percentile among all (shaded: the middle half); the number is the value itself"
    ax.set_xlabel("\n".join([below, *map(plain, notes)]), fontsize=9)
    edges = np.flatnonzero(shown["group"].to_numpy()[1:] != shown["group"].to_numpy()[:-1]) + 0.5
    for edge in edges:
        ax.axhline(edge, color="0.75", lw=0.8)
    for start, stop in zip([-0.5, *edges], [*edges, len(shown) - 0.5], strict=True):
        group = shown["group"].iloc[int(start + 0.5)]
        ax.text(1.01, (start + stop) / 2, "\n".join(group.rsplit(" ", 1)), transform=ax.get_yaxis_transform(),
                va="center", ha="left", fontsize=9, color=_GROUP_COLOURS[group], fontweight="bold")  # fmt: skip


@figure
def source_weights(weights: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw how the weights of a portrait's sources move as the history grows: stacked to 1.

    Parameters
    ----------
    weights : DataFrame
        ``Weights.sources``: index baskets, one column per source.
    """
    ax = get_ax(ax, (7.5, 3.6))
    x, base = np.arange(len(weights)), np.zeros(len(weights))
    for source, colour, hatch in zip(weights, PALETTE, ("", "//", "..", "xx"), strict=False):
        ax.bar(x, weights[source], bottom=base, color=colour, hatch=hatch, edgecolor="white", label=plain(source))
        base = base + weights[source].to_numpy()
    labels = [str(n) for n in weights.index[:-1]] + [f"{weights.index[-1]}+"] * (len(weights) > 1)
    ax.set_xticks(x, labels or weights.index.astype(str))
    ax.set(title="What a portrait is mixed from", xlabel="baskets in the history", ylabel="weight", ylim=(0, 1))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
