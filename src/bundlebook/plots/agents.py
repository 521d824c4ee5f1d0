"""Figures of agents: learning curves, the return by the number of items, when learning pays, estimators."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bundlebook.plots._style import GREY, MARKERS, PALETTE, STYLES, Panels, figure, get_ax, get_axes


@figure
def learning_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    optimum: float,
    simple: tuple[str, float],
    regret: Mapping[str, np.ndarray] | None = None,
    *,
    axes: Panels | None = None,
) -> None:
    """Draw what the greedy policy is worth after so many episodes, and beside it what learning has cost.

    Parameters
    ----------
    curves : mapping of str to (episodes, values)
        Episodes of shape (n_marks,), and true values of shape (n_seeds, n_marks). The line is the mean over seeds, the
        band reaches from the worst to the best.
    optimum : float
        V of the best policy.
    simple : (str, float)
        Name and value of the rule to beat.
    regret : mapping of str to ndarray, optional
        Cumulated regret per episode, shape (n_episodes,), for the right panel.
    """
    panels = get_axes(axes, 1, 2 if regret else 1, figsize=(10, 3.9) if regret else (7, 3.9))
    left = panels[0]
    for number, (name, (episodes, values)) in enumerate(curves.items()):
        left.fill_between(episodes, values.min(axis=0), values.max(axis=0), color=PALETTE[number], alpha=0.15, lw=0)
        left.plot(episodes, values.mean(axis=0), color=PALETTE[number], ls=STYLES[number], label=name)
    left.axhline(optimum, color=GREY, lw=1)
    left.annotate("optimum", (1, optimum), xycoords=("axes fraction", "data"), xytext=(0, 3), ha="right",
                  textcoords="offset points", color=GREY, fontsize=9)  # fmt: skip
    left.axhline(simple[1], color=GREY, lw=1, ls=":")
    left.annotate(simple[0], (1, simple[1]), xycoords=("axes fraction", "data"), xytext=(0, 3), ha="right",
                  textcoords="offset points", color=GREY, fontsize=9)  # fmt: skip
    left.set(xscale="log", title="What the policy is worth", xlabel="episodes", ylabel="expected return per bundle")
    left.margins(y=0.12)
    left.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=3)
    if regret:
        right = panels[1]
        for number, (name, total) in enumerate(regret.items()):
            shown = np.unique(np.geomspace(1, len(total), 200).astype(int)) - 1
            right.plot(shown + 1, total[shown], color=PALETTE[number], ls=STYLES[number], label=name)
        right.set(xscale="log", yscale="log", title="What learning has cost", xlabel="episodes",
                  ylabel="return given away so far")  # fmt: skip
        right.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=3)


@figure
def return_by_size(
    fixed: pd.DataFrame, others: pd.DataFrame, hindsight: float | None = None, *, ax: Axes | None = None
) -> None:
    """Draw the return against the number of items offered: fixed sizes as a line, rules that may stop as points.

    Parameters
    ----------
    fixed : DataFrame
        Index: items offered. Columns ``mean``, ``low``, ``high``.
    others : DataFrame
        Index: names. Columns ``items`` (mean number offered), ``mean``, ``low``, ``high``.
    hindsight : float, optional
        Return of whoever knows afterwards where to stop.
    """
    ax = get_ax(ax, (8, 4.4))
    ax.axhline(0, color=GREY, lw=1)
    ax.plot(fixed.index, fixed["mean"], color=PALETTE[0], marker="o", label="always so many")
    ax.fill_between(fixed.index, fixed["low"], fixed["high"], color=PALETTE[0], alpha=0.2, lw=0)
    for number, (name, row) in enumerate(others.iterrows(), start=1):
        error = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
        ax.errorbar(row["items"], row["mean"], yerr=error, fmt=MARKERS[number], color=PALETTE[number], capsize=3, ms=7,
                    label=name)  # fmt: skip
    title = "The more is offered, the less is earned"
    if hindsight is not None:
        title += f" (with hindsight: {hindsight:+.2f})"
    ax.set(title=title, xlabel="items offered per basket, mean", ylabel="return per basket")
    ax.legend(loc="lower left")


@figure
def when_learning_pays(
    strengths: Sequence[float],
    gains: Mapping[str, pd.DataFrame],
    crossings: Mapping[str, tuple],
    *,
    ax: Axes | None = None,
) -> None:
    """Draw what a policy earns more than greedy with STOP, against the strength of complementarity.

    Parameters
    ----------
    strengths : sequence of float
    gains : mapping of str to DataFrame
        Columns ``mean``, ``low``, ``high``, one row per strength.
    crossings : mapping of str to (point, low, high)
        Strength from which the gain stays above 0; NaN where there is none.
    """
    ax = get_ax(ax, (8, 4.4))
    ax.axhline(0, color=GREY, lw=1)
    for number, (name, rows) in enumerate(gains.items()):
        color = PALETTE[number]
        ax.fill_between(strengths, rows["low"], rows["high"], color=color, alpha=0.15, lw=0)
        ax.plot(strengths, rows["mean"], color=color, ls=STYLES[number], marker=MARKERS[number], ms=4, label=name)
        point = crossings.get(name, (np.nan,))[0]
        if np.isfinite(point):
            ax.plot([point], [0], marker="|", ms=16, mew=2, color=color)
    ax.set(title="When a learned policy pays", xlabel="strength of complementarity c (1: as the sample shop has it)",
           ylabel="sim_return minus greedy with STOP")  # fmt: skip
    ax.legend(loc="upper left")


@figure
def estimates(table: pd.DataFrame, truth: float, title: str, *, ax: Axes | None = None) -> None:
    """Draw the estimates of many logs, one row per estimator, beside the truth.

    Parameters
    ----------
    table : DataFrame, shape (n_logs, n_estimators)
    truth : float
    title : str
    """
    ax = get_ax(ax, (7.5, 0.5 * len(table.columns) + 1.4))
    for row, name in enumerate(table.columns):
        ax.plot(table[name], np.full(len(table), row), "|", ms=14, color=PALETTE[row])
        ax.plot([table[name].mean()], [row], "o", color=PALETTE[row])
    ax.axvline(truth, color=GREY, lw=1)
    ax.set_yticks(range(len(table.columns)), table.columns)
    ax.invert_yaxis()
    ax.set(title=title, xlabel="estimated value; the line is the truth")
