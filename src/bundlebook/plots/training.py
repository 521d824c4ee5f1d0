"""Figures of networks: losses, gradient flow and scores as derived; histories and curves as trained."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bundlebook.plots._style import (
    MARKERS,
    PALETTE,
    STYLES,
    Panels,
    figure,
    get_ax,
    get_axes,
    heat_map,
    name_rows,
    plain,
    short,
)
from bundlebook.recommenders import PeriodPanel


@figure
def household(panel: PeriodPanel, user: int, labels: np.ndarray, most: int = 14, *, ax: Axes | None = None) -> None:
    """Draw one user's panel: one row per item, one column per period, darker the more baskets held the item.

    Parameters
    ----------
    panel : PeriodPanel
    user : int
    labels : ndarray of str, shape (n_items,)
    most : int
        Rows shown: the items of most baskets.
    """
    own = slice(panel.first_pair[user], panel.first_pair[user + 1])
    order = np.argsort(-panel.baskets[own].sum(axis=1), kind="stable")[:most]
    counts, items = panel.baskets[own][order], panel.item[own][order]
    ax = get_ax(ax, (8, 1.2 + 0.3 * len(items)))
    heat_map(ax, np.where(counts > 0, counts, np.nan), ".0f", fontsize=9)
    unknown = int((~panel.seen[user]).sum())
    if unknown:
        ax.axvspan(-0.5, unknown - 0.5, fc="0.93", hatch="///", ec="0.6", lw=0)
    name_rows(ax, labels[items], width=28)
    ax.set_xticks(range(panel.n_periods), [str(day)[5:] for day in panel.starts])
    ax.set(title="One user's periods", xlabel="first day of the period (month-day)")
    ax.text(1, 1.02, "number: baskets of the period that hold the item", transform=ax.transAxes, ha="right", fontsize=9)


@figure
def curves(losses: Mapping[str, pd.DataFrame], bars: Mapping[str, float], *, axes: Panels | None = None) -> None:
    """Draw the cross entropy by epoch, training beside validation.

    Parameters
    ----------
    losses : mapping of str to DataFrame
        Model to a table with the columns ``training`` and ``validation`` and the epoch as index.
    bars : mapping of str to float
        Validation losses of methods without epochs, drawn as horizontal lines.
    """
    axes = get_axes(axes, 1, 2, figsize=(9, 3.8), sharex=True)
    for ax, kind in zip(axes, ("training", "validation"), strict=True):
        for (name, table), colour, marker in zip(losses.items(), PALETTE, MARKERS, strict=False):
            ax.plot(table.index, table[kind], marker=marker, color=colour, label=plain(name))
        ax.set(title=f"{kind.capitalize()}", xlabel="epoch", ylabel="cross entropy per cell, nats")
        ax.xaxis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    for (name, value), dashes in zip(bars.items(), ("--", ":", "-."), strict=False):
        axes[1].axhline(value, color="0.35", lw=1.2, ls=dashes, label=plain(name))
    handles, labels = axes[1].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)


@figure
def repeats(table: pd.DataFrame, count: str, *, ax: Axes | None = None) -> None:
    """Draw P as a map: one row for how often an item was bought, one column for how long ago the last time was.

    Parameters
    ----------
    table : DataFrame
        Probabilities; missing where a pattern does not exist.
    count : str
        Label of the rows.
    """
    ax = get_ax(ax, (8, 0.9 + 0.5 * len(table)))
    heat_map(ax, table.to_numpy(float), ".2f")
    ax.set_xticks(range(table.shape[1]), [plain(name) for name in table.columns])
    name_rows(ax, table.index)
    ax.set(
        title="What the head has learned about repeats", xlabel="periods since the last purchase", ylabel=plain(count)
    )


@figure
def trials(table: pd.DataFrame, loss: str, *, ax: Axes | None = None) -> None:
    """Draw a search for settings: the loss of every trial, and the best one so far.

    Parameters
    ----------
    table : DataFrame
        What :func:`~bundlebook.recommenders.search` returned; the trial of number 0 has the present settings.
    loss : str
        Column to be drawn.
    """
    ax = get_ax(ax, (8, 3.6))
    complete, pruned = (table[table["state"] == state] for state in ("complete", "pruned"))
    so_far = complete[loss].cummin()
    ax.step(so_far.index, so_far, where="post", color="0.35", lw=1.2, label="best so far")
    ax.scatter(complete.index, complete[loss], color=PALETTE[0], zorder=3, label="complete: mean of all folds")
    ax.scatter(
        pruned.index, pruned[loss], ec=PALETTE[1], fc="none", marker="s", zorder=3, label="given up: first folds only"
    )
    ax.scatter(
        complete.index[:1], complete[loss].iloc[:1], color=PALETTE[3], marker="D", s=70, zorder=4, label="present"
    )
    ax.set(title="A search for settings", xlabel="trial", ylabel="log loss per cell, nats")
    ax.figure.legend(loc="outside lower center", ncols=4, fontsize=9)


@figure
def sigmoid_and_slope(limit: float = 8.0, *, axes: Panels | None = None) -> None:
    """Draw the sigmoid and its slope side by side.

    Parameters
    ----------
    limit : float
        The horizontal axis runs from ``-limit`` to ``limit``.
    """
    z = np.linspace(-limit, limit, 401)
    value = 1 / (1 + np.exp(-z))
    left, right = get_axes(axes, 1, 2, figsize=(8, 2.7), layout="constrained", wspace=0.06)
    left.plot(z, value, color=PALETTE[0], lw=2)
    left.set(title="σ squeezes any number into (0, 1)", xlabel="input z", ylabel="σ(z)", ylim=(-0.03, 1.03))
    right.plot(z, value * (1 - value), color=PALETTE[1], lw=2)
    right.axhline(0.25, color="0.4", lw=1, ls="--")
    right.text(limit, 0.257, "largest slope: 1/4", ha="right", va="bottom", color="0.3")
    right.set(title="and is flat far from 0", xlabel="input z", ylabel="slope σ'(z)", ylim=(-0.008, 0.29))


@figure
def two_losses(rate: float, label: str, *, ax: Axes | None = None) -> None:
    """Draw both losses of one item as functions of a constant prediction P.

    Parameters
    ----------
    rate : float
        Share of periods of users in which the item was bought, in (0, 1).
    label : str
        Name of the item.
    """
    p = np.linspace(0.002, 0.998, 500)
    half, full = -rate * np.log(p), -rate * np.log(p) - (1 - rate) * np.log(1 - p)
    ax = get_ax(ax, (7, 3.4))
    ax.plot(p, half, color=PALETTE[1], lw=2, ls="--", label="the articles' loss: −y log P")
    ax.plot(p, full, color=PALETTE[0], lw=2, label="both halves: −y log P − (1−y) log(1−P)")
    lowest = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    ax.plot(rate, lowest, "o", color=PALETTE[0], ms=8)
    ax.annotate(f"lowest at P = {rate:.2f},\nthe share who buy", (rate, lowest), (rate + 0.06, lowest + 0.55),
                arrowprops={"arrowstyle": "->", "color": "0.3"})  # fmt: skip
    ax.plot(1, 0, "s", color=PALETTE[1], ms=8, clip_on=False)
    ax.annotate("lowest at P = 1,\nwhatever they buy", (1, 0), (0.72, 0.42),
                arrowprops={"arrowstyle": "->", "color": "0.3"})  # fmt: skip
    ax.set(title=f"One number P for every user: {short(label, 30)}", xlabel="predicted probability P",
           ylabel="mean loss (nats)", xlim=(0, 1), ylim=(0, 2.2))  # fmt: skip
    ax.legend(loc="upper center")


@figure
def household_scores(panels: Mapping[str, np.ndarray], items: Sequence[str], *, axes: Panels | None = None) -> None:
    """Draw the scores of some users over the items, one panel per model.

    A user's ranking is the order of its points from top to bottom, so parallel lines mean one ranking for all.

    Parameters
    ----------
    panels : mapping of str to ndarray, shape (n_users, n_items)
        Scores (log-odds) by the name of the model; the same users in every panel.
    items : sequence
        Short labels of the items.
    """
    axes = get_axes(axes, 1, len(panels), figsize=(8, 3.2), sharey=True, layout="constrained", wspace=0.06)
    for ax, (title, scores) in zip(axes, panels.items(), strict=True):
        for row, line in enumerate(scores):
            ax.plot(line, color=PALETTE[row], ls=STYLES[row % 4], marker=MARKERS[row % len(MARKERS)], ms=5, lw=1.8)
        ax.set(title=plain(title), xticks=range(len(items)), xticklabels=[plain(item) for item in items], xlabel="item")
    axes[0].set_ylabel("score: log-odds of a purchase")


@figure
def gradient_flow(norms: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> None:
    """Draw how much of a change k steps ago still reaches the state of today.

    Parameters
    ----------
    norms : mapping of str to ndarray, shape (n_steps,)
        Norm of ∂h_T / ∂s_{T−k} for k = 1, 2, …, by the name of the cell. ``"GRU, open"`` is drawn as a variant of
        ``"GRU"``: same colour, dashed.
    """
    ax = get_ax(ax, (7.5, 4))
    cells = list(dict.fromkeys(name.split(",")[0] for name in norms))
    colours = [*PALETTE[:3], *PALETTE[4:]]  # the fourth is too near the second for crossing lines
    for number, (name, norm) in enumerate(norms.items()):
        cell, variant = name.split(",")[0], "," in name
        steps = np.arange(1, len(norm) + 1)
        ax.semilogy(steps, norm, color=colours[cells.index(cell)], ls="--" if variant else "-", lw=2, label=plain(name),
                    marker=MARKERS[number % len(MARKERS)], ms=6, mfc="white" if variant else None,
                    markevery=(number % 5, 5))  # fmt: skip
    ax.set(title="What is left of a gradient after k steps back", xlabel="steps back k",
           ylabel="norm of ∂h(T) / ∂state(T−k)", ylim=(1e-7, 3), xlim=(0.5, 20.5),
           xticks=[1, 5, 10, 15, 20])  # fmt: skip
    ax.legend(loc="lower right", ncols=2)


@figure
def one_step(u: float, h_before: float, v: float, x: float, b: float, *, axes: Panels | None = None) -> None:
    """Draw one step of one recurrent unit: h = σ(u h₋ + v x + b).

    Parameters
    ----------
    u, v, b : float
        Weight of the memory, weight of the purchases, and bias.
    h_before, x : float
        Memory before the step, and units bought.
    """
    parts = pd.Series({"u h₋": u * h_before, "v x": v * x, "b": b})
    total, z = parts.sum(), np.linspace(-9, 9, 361)
    h = 1 / (1 + np.exp(-total))
    left, right = get_axes(axes, 1, 2, figsize=(8, 2.8), layout="constrained", wspace=0.06)
    left.bar([*parts.index, "sum z"], [*parts, total], color=[PALETTE[0]] * 3 + [PALETTE[1]])
    left.axhline(0, color="0.3", lw=1)
    left.set(title=f"{u:g} · {h_before:g} + {v:g} · {x:g} + {b:g} = {total:.2f}", ylim=(-9, 9))
    right.plot(z, 1 / (1 + np.exp(-z)), color=PALETTE[0], lw=2)
    near = np.clip(total, -9, 9) + np.array([-1.5, 1.5])
    right.plot(
        near, h + h * (1 - h) * (near - total), color=PALETTE[2], lw=2, ls="--", label=f"slope {h * (1 - h):.3f}"
    )
    right.plot(total, h, "o", color=PALETTE[1], ms=9, label=f"h = σ({total:.2f}) = {h:.3f}")
    right.set(title="where the sum lands on σ", xlabel="z", xlim=(-9.5, 9.5), ylim=(-0.08, 1.12))
    right.legend(loc="upper left", fontsize=9)
