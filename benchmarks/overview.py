"""The picture on the README's first screen: the workbook's four stages, drawn from the real shop.

Remade with ``python benchmarks/overview.py``.
"""

from dataclasses import replace
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bundlebook import paths
from bundlebook.association import adjusted_lift, encode, fit_configuration, frequent_itemsets
from bundlebook.bundles import Bundle, BundleRecommender
from bundlebook.evaluation import Evaluation, evaluate
from bundlebook.plots import PALETTE, plain, short, use_style
from bundlebook.recommenders import DecayedFrequency, PersonalFrequency, Popularity, RecurrentRecommender, fit_cached
from bundlebook.shop import Split, clean, group_baskets, load_shop, time_split, zhangsan

#: What the articles state as the answer for item 1005.
CLAIMED = 0.8
#: Whose bundle is drawn, by place among the test households.
HOUSEHOLD = 7


def draw(split: Split, answer: pd.Series, board: Evaluation, bundle: Bundle, seed: int) -> plt.Figure:
    """Draw the four panels.

    Parameters
    ----------
    split : Split
    answer : Series of float
        P of the items 1001 to 1005 for 张三, by item number.
    board : Evaluation
        Of the methods to compare, on the test weeks.
    bundle : Bundle
        For one household, with readable names as items.
    seed : int
        Of the bootstrap.
    """
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.2), width_ratios=(1.1, 0.9, 1, 1.1))
    _pairs(axes[0], split)
    _answer(axes[1], answer)
    _leaderboard(axes[2], board, seed)
    _card(axes[3], bundle)
    return figure


def _pairs(ax: plt.Axes, split: Split, most: int = 7) -> None:
    """The pairs bought together most often beyond what popularity and basket size explain."""
    encoded = encode(split.training)
    itemsets = frequent_itemsets(encoded, 0.002, max_len=2)
    pairs = adjusted_lift(itemsets, fit_configuration(encoded), lengths=(2,)).head(most).iloc[::-1]
    place = np.arange(len(pairs))
    ax.barh(place - 0.2, pairs["adjusted_lift"], color=PALETTE[0], height=0.28)
    for height, (first, second) in zip(place, pairs["itemset"], strict=True):
        text = f"{short(first.lower(), 17)} + {short(second.lower(), 17)}"
        ax.text(0, height + 0.18, text, va="center", fontsize=9.5)
    ax.set(
        title="1  What goes together (关联分析)", xlabel="times more often than chance\n(size-adjusted lift)", yticks=[]
    )
    ax.set_ylim(-0.6, most - 0.3)
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
    ax.set(title="2  Will 张三 buy 1005?", xlabel="item", ylabel="P(bought in the next 4 weeks)", ylim=(0, 0.9))
    ax.grid(visible=False, axis="x")


def _leaderboard(ax: plt.Axes, board: Evaluation, seed: int) -> None:
    """NDCG@10 of new items on the test weeks, with intervals."""
    table = board.intervals("NDCG@10", "explore", seed=seed).sort_values("mean")
    place = np.arange(len(table))
    error = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
    ax.errorbar(table["mean"], place, xerr=error, fmt="o", color=PALETTE[0], capsize=4, markersize=7)
    ax.set(title="3  How good is it? (评估)", xlabel="NDCG@10, items new to the household\n(test weeks, 95 % interval)")
    ax.set_yticks(place, [plain(name).replace(" + ", " +\n") for name in table.index])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(left=0)


def _card(ax: plt.Axes, bundle: Bundle) -> None:
    """The bundle as its household would see it."""
    ax.set(title="4  What to offer (商品组合)", xlim=(0, 1), ylim=(0, 1))
    ax.axis("off")
    ax.add_patch(plt.Rectangle((0, 0.02), 1, 0.94, facecolor="0.98", edgecolor=PALETTE[0], lw=2))
    y = 0.86
    ax.text(0.95, y, rf"\${bundle.price:.2f}", weight="bold", fontsize=15, ha="right", va="center", color=PALETTE[2])
    for item in bundle.items:
        ax.text(0.05, y, f"+ {short(item.lower(), 26)}", fontsize=12, va="center")
        y -= 0.1
    y -= 0.03
    for line in (line for reason in bundle.reasons for line in wrap(plain(reason), 42)):
        ax.text(0.05, y, line, fontsize=10.5, va="center", style="italic", color="0.25")
        y -= 0.085
    ax.text(0.05, 0.09, f"P(all, in 4 weeks) = {bundle.probability:.2f}", fontsize=10.5, va="center", color="0.35")


def main(seed: int = 2021) -> None:
    """Draw the picture from the real shop and store it for the README."""
    use_style()
    shop, _ = clean(load_shop("completejourney"))
    split = time_split(group_baskets(shop))
    validation, test = split.task("validation"), split.task("test")
    mapped = zhangsan.mapping(split, shop)
    network = fit_cached(RecurrentRecommender(seed=seed), validation.visible, validation.at)
    p = network.probability(zhangsan.history(split, mapped, validation.at), validation.at)[0]
    answer = pd.Series(p[pd.Index(split.baskets.items).get_indexer(mapped["item"])], index=mapped.index)
    later = fit_cached(RecurrentRecommender(seed=seed), test.visible, test.at)
    board = evaluate([Popularity(), PersonalFrequency(), DecayedFrequency(), later], test, requests=0, seed=seed)
    offers = BundleRecommender().fit(shop, test.visible, test.at, seed=seed)
    household = test.histories.of_users(np.array([HOUSEHOLD]))
    bundle = max(offers.recommend(household), key=lambda bundle: (len(bundle.items) == 3, bundle.objective))
    names = dict(zip(offers.items_.tolist(), offers.names_.tolist(), strict=True))
    bundle = replace(bundle, items=tuple(names[item] for item in bundle.items))
    draw(split, answer, board, bundle, seed).savefig(paths.notebooks() / "images" / "overview.png", dpi=75)


if __name__ == "__main__":
    main()
