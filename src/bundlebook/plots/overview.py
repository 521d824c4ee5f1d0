"""The picture on the README's first screen: the workbook's four stages, drawn from the real shop.

Remade with ``python -m bundlebook.plots.overview``.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.association import adjusted_lift, encode, fit_configuration, frequent_itemsets
from bundlebook.evaluation.leaderboard import Evaluation
from bundlebook.evaluation.protocol import evaluate
from bundlebook.plots.association import short
from bundlebook.plots.style import PALETTE, use_style
from bundlebook.recommenders.popularity import DecayedFrequency, PersonalFrequency, Popularity
from bundlebook.recommenders.recurrent import RecurrentRecommender, fit_cached
from bundlebook.shop import Split, baskets, clean, load_shop, time_split, zhangsan

#: What the articles state as the answer for item 1005.
CLAIMED = 0.8


def overview(split: Split, answer: pd.Series, board: Evaluation, seed: int) -> plt.Figure:
    """Draw the four panels.

    Parameters
    ----------
    split : Split
    answer : Series of float
        P of the items 1001 to 1005 for 张三, by item number.
    board : Evaluation
        Of the methods to compare, on the test weeks.
    seed : int
        Of the sampled households and of the bootstrap.
    """
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.2), width_ratios=(1.05, 1, 0.9, 1.05))
    _households(axes[0], split, seed)
    _pairs(axes[1], split)
    _answer(axes[2], answer)
    _leaderboard(axes[3], board, seed)
    return figure


def _households(ax: plt.Axes, split: Split, seed: int, n: int = 300) -> None:
    """Baskets per household and week, most frequent shoppers on top."""
    chosen = np.random.default_rng(seed).permutation(split.baskets.n_users)[:n]
    sample = split.baskets.of_users(chosen)
    week = (sample.day - split.start).astype(int) // 7
    grid = np.zeros((n, week.max() + 1))
    np.add.at(grid, (sample.user, week), 1)
    grid = grid[np.argsort(-grid.sum(axis=1), kind="stable")]
    image = ax.imshow(grid, aspect="auto", cmap="viridis", vmax=4, interpolation="nearest")
    ax.set(title="1  Baskets (购物篮)", xlabel="week", ylabel=f"{n} households")
    ax.grid(visible=False)
    bar = ax.figure.colorbar(image, ax=ax, ticks=[0, 2, 4], shrink=0.7, pad=0.02)
    bar.set_ticklabels(["0", "2", "4 +"])
    bar.set_label("baskets in the week")


def _pairs(ax: plt.Axes, split: Split, most: int = 7) -> None:
    """The pairs bought together most often beyond what popularity and basket size explain."""
    encoded = encode(split.training)
    itemsets = frequent_itemsets(encoded, 0.002, max_len=2)
    pairs = adjusted_lift(itemsets, fit_configuration(encoded), lengths=(2,)).head(most).iloc[::-1]
    place = np.arange(len(pairs))
    ax.barh(place - 0.2, pairs["adjusted_lift"], color=PALETTE[0], height=0.28)
    for height, (first, second) in zip(place, pairs["itemset"], strict=True):
        text = f"{short(first.lower(), 18)} + {short(second.lower(), 18)}"
        ax.text(0, height + 0.18, text, va="center", fontsize=9.5)
    ax.set(title="2  Associations (关联分析)", xlabel="times more often than chance\n(size-adjusted lift)", yticks=[])
    ax.set_ylim(-0.6, most - 0.5)
    ax.grid(visible=False, axis="y")


def _answer(ax: plt.Axes, answer: pd.Series) -> None:
    """What the network answers for 张三, beside what the articles state."""
    names = [str(number) for number in answer.index]
    asked = answer.index[-1]
    ax.bar(names, answer, color=[PALETTE[1] if number == asked else PALETTE[0] for number in answer.index])
    ax.plot([names[-1]], [CLAIMED], marker="X", markersize=10, color="black", linestyle="none")
    ax.annotate("stated in\nthe articles", (len(names) - 1.25, CLAIMED), va="center", ha="right", fontsize=10)
    above = (len(names) - 0.6, answer.max() / 2 + 0.08)
    ax.annotate(f"computed: {answer[asked]:.2f}", above, va="bottom", ha="right", fontsize=10)
    ax.set(title="3  Will 张三 buy 1005?", xlabel="item", ylabel="P(bought in the next 4 weeks)", ylim=(0, 0.9))
    ax.grid(visible=False, axis="x")


def _leaderboard(ax: plt.Axes, board: Evaluation, seed: int) -> None:
    """NDCG@10 of new items on the test weeks, with intervals."""
    table = board.intervals("NDCG@10", "explore", seed=seed).sort_values("mean")
    place = np.arange(len(table))
    error = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
    ax.errorbar(table["mean"], place, xerr=error, fmt="o", color=PALETTE[0], capsize=4, markersize=7)
    ax.set(title="4  Evaluation (评估)", xlabel="NDCG@10, items new to the household\n(test weeks, 95 % interval)")
    ax.set_yticks(place, [name.replace(" + ", " +\n") for name in table.index])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(left=0)


def main(seed: int = 2021) -> None:
    """Draw the picture from the real shop and store it for the README."""
    use_style()
    shop, _ = clean(load_shop("completejourney"))
    split = time_split(baskets(shop))
    validation, test = split.task("validation"), split.task("test")
    mapped = zhangsan.mapping(split, shop)
    network = fit_cached(RecurrentRecommender(seed=seed), validation.visible, validation.at)
    p = network.probability(zhangsan.history(split, mapped, validation.at), validation.at)[0]
    answer = pd.Series(p[pd.Index(split.baskets.items).get_indexer(mapped["item"])], index=mapped.index)
    later = fit_cached(RecurrentRecommender(seed=seed), test.visible, test.at)
    board = evaluate([Popularity(), PersonalFrequency(), DecayedFrequency(), later], test, requests=0, seed=seed)
    overview(split, answer, board, seed).savefig(paths.notebooks() / "images" / "overview.png", dpi=75)


if __name__ == "__main__":
    main()
