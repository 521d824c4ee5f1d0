"""Figures of bundles: demand curves, the Pareto front, a page and its weights, the card of a bundle, exposures."""

from collections.abc import Mapping
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from bundlebook.bundles import Bundle, Demand, Weights
from bundlebook.plots._style import MARKERS, PALETTE, Panels, figure, get_ax, get_axes, name_rows, plain


@figure
def demand_curves(
    response: Demand, curve: pd.DataFrame, margin: float, most: int = 12, *, axes: Panels | None = None
) -> None:
    """Draw the measured uplift by depth of discount beside the fitted curve, and the elasticities by category.

    Parameters
    ----------
    response : Demand
    curve : DataFrame
        What :func:`~bundlebook.bundles.uplift_by_depth` returned.
    margin : float
        ASSUMED share of the price; the purchases needed to keep the margin's money are drawn as a dotted line.
    most : int
        Categories shown, those with most item-weeks.
    """
    table = response.table.sort_values(["weeks"], ascending=False).head(most).sort_values("elasticity", ascending=False)
    left, right = get_axes(axes, 1, 2, figsize=(10, 4.3), width_ratios=(1, 1.1))
    depth = np.linspace(0, float(curve["depth"].max()) * 1.05, 100)
    left.plot(depth, (1 - depth) ** -response.pooled["elasticity"], color=PALETTE[0], lw=2,
              label=f"whole items, ε = {response.pooled['elasticity']:.2f}")  # fmt: skip
    dear = depth[depth < 0.95 * margin]
    left.plot(dear, margin / (margin - dear), color="0.4", lw=1.5, ls=":", label=f"needed at a margin of {margin:.1%}")
    for number, (reading, rows) in enumerate(curve.groupby("reading", sort=False), start=1):
        error = [rows["uplift"] - rows["low"], rows["high"] - rows["uplift"]]
        left.errorbar(rows["depth"], rows["uplift"], yerr=error, fmt=MARKERS[number], color=PALETTE[number], ms=5,
                      capsize=2, label=f"products, {reading}")  # fmt: skip
    left.set(title="All products", xlabel="discount, share of the shelf price", ylabel="buying days, factor",
             ylim=(0.8, 1.15 * float(curve["high"].max())))  # fmt: skip
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9)
    place = np.arange(len(table))
    error = [table["elasticity"] - table["low"], table["high"] - table["elasticity"]]
    right.errorbar(table["elasticity"], place, xerr=error, fmt="o", color=PALETTE[0], capsize=3)
    right.axvline(response.pooled["elasticity"], color=PALETTE[0], lw=1)
    right.axvline(1 / margin, color="0.4", lw=1.5, ls=":")
    name_rows(right, table.index, width=26, fontsize=9)
    right.set(title="The largest categories", xlabel="elasticity of buying", xlim=(0, None))


@figure
def pareto(pages: pd.DataFrame, marked: Mapping[str, int], *, ax: Axes | None = None) -> None:
    """Draw what every weighting yields: revenue against satisfaction, with the margin as colour.

    Parameters
    ----------
    pages : DataFrame
        One row per weighting: ``revenue``, ``margin`` (money), ``satisfaction`` (items), ``efficient`` (bool).
    marked : mapping of str to int
        Rows of *pages* to be named.
    """
    ax = get_ax(ax, (8, 4.6))
    good = pages[pages["efficient"]]
    limits = {"vmin": pages["margin"].min(), "vmax": pages["margin"].max()}
    others = pages[~pages["efficient"]]
    ax.scatter(others["satisfaction"], others["revenue"], s=40, marker="x", color="0.6",
               label="pages at random")  # fmt: skip
    dots = ax.scatter(good["satisfaction"], good["revenue"], c=good["margin"], cmap="viridis", s=60, edgecolor="0.2",
                      label="the best page by each weighting", **limits)  # fmt: skip
    seen: dict[tuple[float, float], list[str]] = {}
    for name, row in marked.items():
        point = pages.loc[row, ["satisfaction", "revenue"]].to_numpy(float)
        seen.setdefault(tuple(point.round(4)), []).append(name)
    middle = float(pages["satisfaction"].mean())
    for (x, y), names in seen.items():
        ax.annotate(plain(", ".join(names)), (x, y), (8 if x < middle else -8, -13), textcoords="offset points",
                    fontsize=10, ha="left" if x < middle else "right")  # fmt: skip
    ax.margins(0.12)
    ax.set(title="What each weighting buys", xlabel="satisfaction D per page, in items wanted",
           ylabel="expected revenue S per page, money")  # fmt: skip
    ax.figure.colorbar(dots, ax=ax, label="expected margin R per page, money (ASSUMED cost)")
    ax.legend(loc="lower center")


@figure
def bundle_card(
    bundle: Bundle,
    names: list[str],
    currency: str = "",
    title: str = "For you, these four weeks",
    *,
    ax: Axes | None = None,
) -> None:
    """Draw one bundle as a customer would see it, and below the line what the analyst sees.

    Parameters
    ----------
    bundle : Bundle
    names : list of str
        Readable names of its items.
    currency : str
    title : str
    """
    text = [line for reason in bundle.reasons for line in wrap(plain(reason), 66)]
    currency = plain(currency)
    height = 1.75 + 0.28 * (len(names) + len(text))
    ax = get_ax(ax, (6.6, height))
    ax.set(xlim=(0, 1), ylim=(0, height))
    ax.axis("off")
    ax.add_patch(FancyBboxPatch((0.02, 0.08), 0.96, height - 0.16, boxstyle="round,pad=0,rounding_size=0.03",
                                facecolor="0.98", edgecolor=PALETTE[0], lw=2, mutation_aspect=height))  # fmt: skip
    y = height - 0.45
    ax.text(0.06, y, plain(title), weight="bold", fontsize=13, va="center")
    price = f"{currency}{bundle.price:.2f}"
    ax.text(0.94, y, price, weight="bold", fontsize=15, ha="right", va="center", color=PALETTE[2])
    if bundle.discount > 0.001:
        off = bundle.usual_price - bundle.price
        saved = f"instead of {currency}{bundle.usual_price:.2f}: you save {currency}{off:.2f}"
        ax.text(0.94, y - 0.32, saved, ha="right", va="center", fontsize=9)
    for name in names:
        y -= 0.28
        ax.text(0.08, y, f"+ {plain(name)}", fontsize=11, va="center")
    y -= 0.12
    for line in text:
        y -= 0.28
        ax.text(0.06, y, line, fontsize=10, va="center", style="italic", color="0.25")
    y -= 0.3
    ax.plot([0.06, 0.94], [y, y], color="0.7", lw=1)
    money = f"revenue {currency}{bundle.revenue:.2f}   margin {currency}{bundle.margin:.2f} (ASSUMED)"
    effect = "no discount"
    if bundle.discount > 0.001:
        least, most = (
            f"{factor - 1:.0%}" if np.isfinite(factor) else "more than can be" for factor in bundle.break_even
        )
        effect = f"discount {bundle.discount:.0%}, must raise P by {least} to {most}"
    facts = [f"P(all) {bundle.probability:.3f}   {money}", f"{effect}   from: {plain(', '.join(bundle.source))}"]
    for line in facts:
        y -= 0.26
        ax.text(0.06, y, line, fontsize=8.5, va="center", color="0.35")


@figure
def page_of_bundles(
    page: list[Bundle], weights: Weights, names: Mapping[str, str] | None = None, *, ax: Axes | None = None
) -> None:
    """Draw what a page promises: a bar of expected revenue per bundle, the margin as its darker part.

    Parameters
    ----------
    page : list of Bundle
    weights : Weights
        The weights that chose the page; they stand in the title.
    names : mapping of str to str, optional
        What to call the items.
    """
    names = names or {}
    ax = get_ax(ax, (9, 1.2 + 0.75 * max(len(page), 1)))
    place = np.arange(len(page))[::-1]
    ax.barh(place, [bundle.revenue for bundle in page], 0.5, color=PALETTE[0], alpha=0.4, label="revenue S")
    ax.barh(place, [bundle.margin for bundle in page], 0.5, color=PALETTE[0], label="margin R (ASSUMED cost)")
    for y, bundle in zip(place, page, strict=True):
        told = f"  P {bundle.probability:.2f}, {bundle.discount:.0%} off, D {bundle.satisfaction:.2f}"
        ax.text(bundle.revenue, y, told, va="center", fontsize=9)
    said = [" + ".join(str(names.get(item, item)) for item in bundle.items) for bundle in page]
    ax.set_yticks(place, [plain("\n".join(wrap(text, 44)[:2])) for text in said], fontsize=9)
    share = weights.normalised()
    ax.set(title="Weights: S {:.2f}, R {:.2f}, D {:.2f}".format(*share), xlabel="expected money per bundle and period",
           xlim=(0, 1.45 * max([bundle.revenue for bundle in page], default=1)))  # fmt: skip
    ax.legend(loc="lower right", fontsize=9)


@figure
def exposures(
    lifts: np.ndarray, needed: Mapping[str, np.ndarray], at_hand: float, claimed: float, *, ax: Axes | None = None
) -> None:
    """Draw how many exposures each group of an experiment needs for each relative lift.

    Parameters
    ----------
    lifts : ndarray
        Relative lifts, such as .15.
    needed : mapping of str to ndarray
        Exposures per group, by base rate.
    at_hand : float
        Customers per group if each half of them is one.
    claimed : float
        The lift that was claimed.
    """
    ax = get_ax(ax, (8, 4))
    for place, (label, n) in enumerate(needed.items()):
        ax.loglog(lifts, n, color=PALETTE[place], marker=MARKERS[place], ms=5, label=plain(label))
    ax.axhline(at_hand, color="0.4", ls=":", lw=1.5, label=f"half of the customers: {at_hand:,.0f}")
    ax.axvline(claimed, color="0.4", lw=1, label=f"the claim: {claimed:+.0%}")
    ax.set(title="What it takes to see a lift", xlabel="relative lift of the response rate", xticks=lifts,
           ylabel="exposures in each group")  # fmt: skip
    ax.set_xticklabels([f"{lift:+.0%}" for lift in lifts])
    ax.minorticks_off()
    ax.legend(loc="upper right")
