"""Figures of the recurrent network's derivation: the sigmoid, the two losses, households' scores, gradient flow."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from bundlebook.plots.style import PALETTE

#: Line styles beside the colours, so that a figure survives grey print.
_STYLES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def sigmoid_and_slope(limit: float = 8.0) -> None:
    """Draw the sigmoid and its slope side by side.

    Parameters
    ----------
    limit : float
        The horizontal axis runs from ``-limit`` to ``limit``.
    """
    z = np.linspace(-limit, limit, 401)
    value = 1 / (1 + np.exp(-z))
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.7), layout="constrained")
    fig.get_layout_engine().set(wspace=0.06)
    left.plot(z, value, color=PALETTE[0], lw=2)
    left.set(title="σ squeezes any number into (0, 1)", xlabel="input z", ylabel="σ(z)", ylim=(-0.03, 1.03))
    right.plot(z, value * (1 - value), color=PALETTE[1], lw=2)
    right.axhline(0.25, color="0.4", lw=1, ls="--")
    right.text(limit, 0.257, "largest slope: 1/4", ha="right", va="bottom", color="0.3")
    right.set(title="and is flat far from 0", xlabel="input z", ylabel="slope σ'(z)", ylim=(-0.008, 0.29))


def two_losses(rate: float, label: str) -> None:
    """Draw both losses of one item as functions of a constant prediction P.

    Parameters
    ----------
    rate : float
        Share of household-periods in which the item was bought, in (0, 1).
    label : str
        Name of the item.
    """
    p = np.linspace(0.002, 0.998, 500)
    half, full = -rate * np.log(p), -rate * np.log(p) - (1 - rate) * np.log(1 - p)
    _, ax = plt.subplots(figsize=(7, 3.4))
    ax.plot(p, half, color=PALETTE[1], lw=2, ls="--", label="the articles' loss: −y log P")
    ax.plot(p, full, color=PALETTE[0], lw=2, label="both halves: −y log P − (1−y) log(1−P)")
    lowest = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    ax.plot(rate, lowest, "o", color=PALETTE[0], ms=8)
    ax.annotate(f"lowest at P = {rate:.2f},\nthe share who buy", (rate, lowest), (rate + 0.06, lowest + 0.55),
                arrowprops={"arrowstyle": "->", "color": "0.3"})  # fmt: skip
    ax.plot(1, 0, "s", color=PALETTE[1], ms=8, clip_on=False)
    ax.annotate("lowest at P = 1,\nwhatever they buy", (1, 0), (0.72, 0.42),
                arrowprops={"arrowstyle": "->", "color": "0.3"})  # fmt: skip
    ax.set(title=f"One number P for every household: {label}", xlabel="predicted probability P",
           ylabel="mean loss (nats)", xlim=(0, 1), ylim=(0, 2.2))  # fmt: skip
    ax.legend(loc="upper center")


def household_scores(panels: Mapping[str, np.ndarray], items: Sequence[str]) -> None:
    """Draw the scores of some households over the items, a panel a model.

    A household's ranking is the order of its points from top to bottom, so parallel lines mean one ranking for all.

    Parameters
    ----------
    panels : mapping of str to ndarray, shape (n_households, n_items)
        Scores (log-odds) by the name of the model; the same households in every panel.
    items : sequence
        Short labels of the items.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(8, 3.2), sharey=True, layout="constrained")
    fig.get_layout_engine().set(wspace=0.06)
    for ax, (title, scores) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for row, line in enumerate(scores):
            ax.plot(line, color=PALETTE[row], ls=_STYLES[row % 4], marker=_MARKERS[row % len(_MARKERS)], ms=5, lw=1.8)
        ax.set(title=title, xticks=range(len(items)), xticklabels=items, xlabel="item")
    np.atleast_1d(axes)[0].set_ylabel("score: log-odds of a purchase")


def gradient_flow(norms: Mapping[str, np.ndarray]) -> None:
    """Draw how much of a change k steps ago still reaches the state of today.

    Parameters
    ----------
    norms : mapping of str to ndarray, shape (n_steps,)
        Norm of ∂h_T / ∂s_{T−k} for k = 1, 2, …, by the name of the cell. ``"GRU, open"`` is drawn as a variant of
        ``"GRU"``: same colour, dashed.
    """
    _, ax = plt.subplots(figsize=(7.5, 4))
    cells = list(dict.fromkeys(name.split(",")[0] for name in norms))
    colours = [*PALETTE[:3], *PALETTE[4:]]  # the fourth is too near the second for crossing lines
    for number, (name, norm) in enumerate(norms.items()):
        cell, variant = name.split(",")[0], "," in name
        steps = np.arange(1, len(norm) + 1)
        ax.semilogy(steps, norm, color=colours[cells.index(cell)], ls="--" if variant else "-", lw=2, label=name,
                    marker=_MARKERS[number % len(_MARKERS)], ms=6, mfc="white" if variant else None,
                    markevery=(number % 5, 5))  # fmt: skip
    ax.set(title="What is left of a gradient after k steps back", xlabel="steps back k",
           ylabel="norm of ∂h(T) / ∂state(T−k)", ylim=(1e-7, 3), xlim=(0.5, 20.5),
           xticks=[1, 5, 10, 15, 20])  # fmt: skip
    ax.legend(loc="lower right", ncols=2)
