"""Figures of feedback: three regimes over the weeks, what learning costs, and what is shown in a simulated loop."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter, MonthLocator

from bundlebook.plots._style import GREY, MARKERS, PALETTE, STYLES, Panels, figure, get_ax, get_axes, percent_ticks


@figure
def regimes_over_time(table: pd.DataFrame, *, metric: str = "NDCG@10", axes: Panels | None = None) -> None:
    """Draw the quality of each regime at every update, one panel per model.

    Parameters
    ----------
    table : DataFrame
        From ``Prequential.by_update``: rows are days, columns are models and regimes.
    metric : str
        What the numbers are.
    """
    models = list(dict.fromkeys(table.columns.get_level_values(0)))
    panels = get_axes(axes, 1, len(models), figsize=(5.2 * len(models), 3.9), sharey=True)
    days = pd.to_datetime(table.index)
    for panel, model in zip(panels, models, strict=True):
        for number, regime in enumerate(table[model].columns):
            panel.plot(days, table[model][regime], color=PALETTE[number], marker=MARKERS[number], ls=STYLES[number],
                       ms=8 - 2 * number, label=regime)  # fmt: skip
        panel.xaxis.set_major_locator(MonthLocator())
        panel.xaxis.set_major_formatter(ConciseDateFormatter(MonthLocator()))
        panel.set(title=model, xlabel="day of the update")
    panels[0].set_ylabel(f"{metric} of the next week")
    panels[0].legend(loc="lower left")


@figure
def regret_curves(
    runs: Mapping[str, np.ndarray], *, slope: float | None = None, title: str = "", ax: Axes | None = None
) -> None:
    """Draw the regret of each rule, the mean of all runs and the range that holds eight of ten.

    Parameters
    ----------
    runs : mapping of str to ndarray, shape (runs, rounds)
        Cumulative regret per rule, from :func:`bundlebook.feedback.play_bandit`.
    slope : float, optional
        Smallest regret per ln t in the long run, drawn as a line from the first round.
    title : str
    """
    ax = get_ax(ax, (8.4, 4.2))
    for number, (name, regret) in enumerate(runs.items()):
        rounds = np.arange(1, regret.shape[1] + 1)
        low, high = np.quantile(regret, [0.1, 0.9], axis=0)
        ax.fill_between(rounds, low, high, color=PALETTE[number], alpha=0.15, lw=0)
        ax.plot(rounds, regret.mean(axis=0), color=PALETTE[number], ls=STYLES[number], label=name)
    if slope is not None:
        ax.plot(rounds, slope * np.log(rounds), color=GREY, ls="-", lw=1, label="Lai–Robbins slope")
    ax.set(title=title or "What learning costs", xlabel="round", ylabel="regret, in clicks")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))


@figure
def exposure_curves(runs: Mapping[str, object], *, axes: Panels | None = None) -> None:
    """Draw what a simulated loop shows and what it earns, round by round, one thin line per seed.

    Parameters
    ----------
    runs : mapping of str to ExposureRuns
        Per policy, from :func:`bundlebook.feedback.exposure_loop`.
    """
    panels = get_axes(axes, 1, 2, figsize=(11.0, 3.9))
    drawn = (("sim_items_shown", "share of the catalogue shown"), ("sim_clicks", "expected clicks per item shown"))
    for panel, (name, label) in zip(panels, drawn, strict=True):
        for number, (policy, run) in enumerate(runs.items()):
            table = getattr(run, name)
            panel.plot(table.index, table, color=PALETTE[number], lw=0.6, alpha=0.5)
            panel.plot(table.index, table.mean(axis=1), color=PALETTE[number], ls=STYLES[number], lw=2.2, label=policy)
        panel.set(title=f"simulated: {label}", xlabel="round", ylabel=label)
        panel.set_ylim(bottom=0)
    percent_ticks(panels[0].yaxis)
    panels[1].legend(loc="lower right")


@figure
def alarm_weeks(facts: pd.DataFrame, p: pd.DataFrame, level: float, *, axes: Panels | None = None) -> None:
    """Draw each fact of the weeks, and mark the weeks on which it raises an alarm.

    Parameters
    ----------
    facts : DataFrame
        From :func:`bundlebook.feedback.stream_facts`.
    p : DataFrame
        From :func:`bundlebook.feedback.surprises` of the same facts.
    level : float
        Alarm where p times the number of facts is at most this.
    """
    kept = [name for name in facts if facts[name].std() > 0]
    rows = -(-len(kept) // 2)
    panels = get_axes(axes, rows, 2, figsize=(11.0, 2.1 * rows), sharex=True)
    for panel, name in zip(panels, kept, strict=False):
        days = pd.to_datetime(facts.index)
        panel.plot(days, facts[name], color=PALETTE[0], marker=MARKERS[0], ms=4)
        loud = p.index[p[name] * len(facts.columns) <= level]
        panel.plot(pd.to_datetime(loud), facts.loc[loud, name], color=PALETTE[1], marker="o", ms=12, mfc="none", ls="")
        panel.set_title(name)
        panel.xaxis.set_major_formatter(ConciseDateFormatter(panel.xaxis.get_major_locator()))
    for panel in panels[len(kept) :]:
        panel.set_visible(False)
    for panel in panels[max(len(kept) - 2, 0) : len(kept)]:  # the lowest that is seen in each column
        panel.tick_params(labelbottom=True)
