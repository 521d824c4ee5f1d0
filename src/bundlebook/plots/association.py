"""Figures of itemsets and rules: scatter, grouped matrix, network, null model, hold-out, time, departments."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from bundlebook.plots._style import (
    GREY,
    PALETTE,
    Panels,
    figure,
    get_ax,
    get_axes,
    log_ticks,
    plain,
    short,
    spread_boxes,
)

#: Colour maps: one of growing lightness, one with two ends, both readable under every common colour deficiency.
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def _joined(labels: Sequence[str], width: int = 22) -> str:
    """Name an itemset: its shortened labels with a plus between them."""
    return " + ".join(short(label, width) for label in labels)


@figure
def rule_scatter(rules: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw support against confidence of every rule, coloured by lift, the highest lift on top.

    Parameters
    ----------
    rules : DataFrame
        What :func:`bundlebook.association.association_rules` returned.
    """
    ax = get_ax(ax, (7.6, 4))
    ordered = rules.sort_values("lift", kind="stable")
    dots = ax.scatter(
        ordered["support"], ordered["confidence"], c=ordered["lift"], s=9, cmap=SEQUENTIAL, norm=LogNorm(), lw=0,
        rasterized=True,
    )  # fmt: skip
    ax.set(xscale="log", xlabel="support (share of baskets)", ylabel="confidence", title="Every rule is a dot")
    log_ticks(ax.xaxis)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bar = ax.figure.colorbar(dots, ax=ax, pad=0.01, label="lift")
    log_ticks(bar.ax.yaxis)


@figure
def grouped_matrix(
    rules: pd.DataFrame, groups: int = 10, consequents: int = 12, measure: str = "lift", *, ax: Axes | None = None
) -> None:
    """Draw antecedents in groups against consequents: size of a circle is support, colour the measure.

    Antecedents that promote the same consequents are grouped by Ward's method on their rows of log measures, the way of
    Hahsler and Karpienko (2017), so that hundreds of rules fit into one picture.

    Parameters
    ----------
    rules : DataFrame
        With one item on the right.
    groups, consequents : int
        How many of each are shown; consequents with the most rules first.
    measure : str
        Column that groups and colours, larger is more.
    """
    kept, shown, summary = _grouped(rules, groups, consequents, measure)
    cells = kept.groupby(["group", "item"]).agg(value=(measure, "median"), support=("support", "sum")).reset_index()
    order = summary.index
    place = {group: x for x, group in enumerate(order)}
    ax = get_ax(ax, (9, 0.34 * len(shown) + 2.6))
    dots = ax.scatter(
        cells["group"].map(place), cells["item"].map({item: y for y, item in enumerate(shown)}),
        s=20 + 260 * cells["support"] / cells["support"].max(), c=cells["value"], cmap=SEQUENTIAL,
        norm=LogNorm(),
    )  # fmt: skip
    ticks = [f"{_joined(row.example, 18)}\n({row.antecedents} antecedents)" for row in summary.itertuples()]
    ax.set_xticks(range(len(order)), ticks, rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    ax.set_yticks(range(len(shown)), [short(item, 26) for item in shown], fontsize=9)
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlim=(-0.6, len(order) - 0.4), title="Groups of antecedents → consequent")
    bar = ax.figure.colorbar(dots, ax=ax, pad=0.01, label=f"{measure.replace('_', ' ')}, median")
    log_ticks(bar.ax.yaxis)


def rule_groups(rules: pd.DataFrame, groups: int = 10, consequents: int = 12, measure: str = "lift") -> pd.DataFrame:
    """List the groups of antecedents that :func:`grouped_matrix` draws, in the same order; the same parameters.

    Returns
    -------
    DataFrame
        ``antecedents`` (count), ``example`` (the one with the largest support) and ``rules`` (count).
    """
    return _grouped(rules, groups, consequents, measure)[2].reset_index(drop=True)


def _grouped(
    rules: pd.DataFrame, groups: int, consequents: int, measure: str
) -> tuple[pd.DataFrame, list[str], pd.DataFrame]:
    """Return the rules shown, with their ``group``, the consequents from top to bottom, and the groups in order."""
    from scipy.cluster.hierarchy import fcluster, linkage

    names = rules["consequent"].str[0]
    most = names.value_counts().rename_axis("item").reset_index(name="n")
    shown = most.sort_values(["n", "item"], ascending=[False, True])["item"].head(consequents).tolist()
    kept = rules[names.isin(shown)].assign(item=names, left=rules["antecedent"])
    table = kept.pivot_table(index="left", columns="item", values=measure).reindex(columns=shown)
    rows = np.log(table.fillna(1.0).clip(lower=1e-3))
    label = fcluster(linkage(rows, "ward"), min(groups, len(table)), "maxclust") if len(table) > 1 else [1]
    kept = kept.assign(group=kept["left"].map(dict(zip(table.index, label, strict=True))))
    by_support = kept.sort_values(["support", "left"], ascending=[False, True], kind="stable").groupby("group")
    summary = by_support.agg(antecedents=("left", "nunique"), example=("left", "first"), rules=("left", "size"))
    largest = kept.groupby(["group", "item"])[measure].median().groupby("group").max()
    return kept, shown, summary.loc[largest.sort_values(ascending=False, kind="stable").index]


@figure
def rule_network(
    pairs: pd.DataFrame,
    measure: str = "adjusted_lift",
    nodes: int = 28,
    least: float = 2.0,
    *,
    ax: Axes | None = None,
) -> None:
    """Draw the strongest pairs as a network whose labels never overlap.

    Every node *is* its label, a box of text. A force layout places the centres; then boxes that overlap are pushed
    apart until none do.

    Parameters
    ----------
    pairs : DataFrame
        With ``itemset`` (pairs) and *measure*, strongest first. Items are taken from the top until there are *nodes*.
    measure : str
        Strength of an edge; it sets width and colour.
    nodes : int
        Most items shown.
    least : float
        Every pair of shown items at least this strong gets an edge.

    Notes
    -----
    The boxes are the texts of the axes, placed for their present size.
    """
    import networkx as nx

    graph, edges = nx.Graph(), list(zip(pairs["itemset"], pairs[measure].astype(float), strict=True))
    for pair, strength in edges:
        if len({*graph, *pair}) > nodes:
            break
        graph.add_edge(*pair, strength=strength)
    graph.add_edges_from(
        (*pair, {"strength": strength}) for pair, strength in edges if strength >= least and {*pair} <= {*graph}
    )
    strengths = nx.get_edge_attributes(graph, "strength")
    if not strengths:
        ax = get_ax(ax, (9.5, 1.2))
        ax.set_axis_off()
        ax.set_title("No two items are linked")
        return
    norm = LogNorm(min(strengths.values()), max(strengths.values()))
    # Without the palest part of the map, which a thin line would lose.
    colours = mpl.colors.ListedColormap(mpl.colormaps[SEQUENTIAL](np.linspace(0.8, 0, 256)))
    ax = get_ax(ax, (9.5, 7.2))
    ax.set_axis_off()
    ax.set_title(f"What goes with what: {len(graph)} items, {len(strengths)} pairs")
    bar = ax.figure.colorbar(
        mpl.cm.ScalarMappable(norm, colours), ax=ax, orientation="horizontal", shrink=0.4, aspect=25, pad=0.02,
        label=measure.replace("_", " "),
    )  # fmt: skip
    log_ticks(bar.ax.xaxis)
    names = sorted(graph)
    box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": GREY, "lw": 0.8}
    labels = [fill(short(name, 30), 16, break_long_words=False) for name in names]
    texts = [ax.text(0, 0, label, ha="center", va="center", fontsize=8.5, bbox=box) for label in labels]
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    ax.set(xlim=(0, frame.width), ylim=(0, frame.height))
    extents = [patch.get_window_extent() for patch in map(Text.get_bbox_patch, texts) if patch is not None]
    sizes = np.array([(extent.width + 8, extent.height + 7) for extent in extents])
    size = (frame.width, frame.height)
    place = dict(zip(names, spread_boxes(_layout(graph, names) * size, sizes, size).tolist(), strict=True))
    for text, name in zip(texts, names, strict=True):
        text.set_position(place[name])
    for pair, strength in sorted(strengths.items(), key=lambda edge: edge[1]):
        x, y = zip(*(place[name] for name in pair), strict=True)
        ax.plot(x, y, color=colours(norm(strength)), lw=1 + 3 * norm(strength), zorder=0, solid_capstyle="round")


def _layout(graph, names: Sequence[str]) -> np.ndarray:
    """Centres in the unit square whose distances are the steps between items; parts without a path lie apart."""
    import networkx as nx

    steps = dict(nx.all_pairs_shortest_path_length(graph))
    apart = 2 + max(max(reached.values()) for reached in steps.values()) / 2
    distance = {a: {b: steps[a].get(b, apart) for b in names} for a in names}
    place = nx.kamada_kawai_layout(graph, dist=distance, pos=nx.circular_layout(names))
    centre = np.array([place[name] for name in names])
    return (centre - centre.min(axis=0)) / np.maximum(np.ptp(centre, axis=0), 1e-9)


@figure
def null_model(real: pd.DataFrame, shuffled: pd.DataFrame, *, axes: Panels | None = None) -> None:
    """Draw the plain and the size-adjusted lift of pairs, in the shop and in shuffled baskets.

    Parameters
    ----------
    real, shuffled : DataFrame
        What :func:`bundlebook.association.adjusted_lift` returned, pairs only.
    """
    axes = get_axes(axes, 1, 2, figsize=(9.5, 3.8), sharey=True)
    low = min(table[column].min() for table in (real, shuffled) for column in ("lift", "adjusted_lift"))
    edges = np.geomspace(max(low, 0.3), 20, 61).tolist()
    for ax, column in zip(axes, ("lift", "adjusted_lift"), strict=True):
        for table, name, colour in ((real, "the shop", PALETTE[0]), (shuffled, "items shuffled", PALETTE[1])):
            weights = np.full(len(table), 1 / len(table))
            ax.hist(
                table[column].clip(edges[0], edges[-1]), edges, weights=weights, color=colour, alpha=0.65, label=name
            )
        ax.axvline(1, color=GREY, ls="--", lw=1)
        ax.set(xscale="log", xlabel=column.replace("_", " ") + " of a pair")
        log_ticks(ax.xaxis)
    axes[0].set(title="Plain lift: above 1 without any cause", ylabel="share of pairs")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[1].set_title("Size-adjusted: the null stays at 1")
    axes[1].legend(loc="upper right")


@figure
def lift_over_time(lifts: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> None:
    """Draw how the lift of fixed pairs moves from period to period: median, and the middle half.

    Parameters
    ----------
    lifts : mapping of str to DataFrame
        One line per entry: rows are periods in time order (their first days as index), columns pairs.
    """
    ax = get_ax(ax, (8.5, 4))
    for (name, table), colour, marker in zip(lifts.items(), PALETTE, "os^D", strict=False):
        low, middle, high = (table.quantile(q, axis=1) for q in (0.25, 0.5, 0.75))
        x = np.arange(1, len(table) + 1)
        ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
        ax.plot(x, middle, marker=marker, color=colour, label=plain(name))
    ax.axhline(1, color=GREY, ls="--", lw=1)
    ax.set(
        xlabel="four-week period (pairs were chosen in period 1)", ylabel="adjusted lift in that period", yscale="log"
    )
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_major_formatter(_PLAIN)
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(x)
    ax.set_title("Do strong pairs stay strong?")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


@figure
def departments(ratio: pd.DataFrame, *, ax: Axes | None = None) -> None:
    """Draw a heat map of observed over expected meetings of departments.

    Parameters
    ----------
    ratio : DataFrame, square and symmetric
        Size-adjusted lift, 1 where sizes and popularity alone explain it; NaN on the diagonal and where too few
        baskets are expected.
    """
    n = len(ratio)
    ax = get_ax(ax, (9, 0.36 * n + 2.2))
    values = np.log2(ratio.clip(lower=1 / 8).to_numpy(dtype=float))  # a pair that never meets has no logarithm
    values[np.triu_indices(n)] = np.nan
    limit = min(max(np.nanmax(np.abs(values)), 0.5), 2.0)
    image = ax.imshow(values, cmap=DIVERGING, norm=TwoSlopeNorm(0, -limit, limit), aspect="auto")
    names = [short(label, 24) for label in ratio.index]
    ax.set_xticks(range(n - 1), names[:-1], rotation=50, ha="right", rotation_mode="anchor", fontsize=9)
    ax.set_yticks(range(1, n), names[1:], fontsize=9)
    ax.set(ylim=(n - 0.5, 0.5), xlim=(-0.5, n - 1.5), title="Departments that meet more (orange) or less (purple)")
    ax.grid(visible=False)
    for i, j in np.argwhere(np.isfinite(values)):
        colour = "white" if abs(values[i, j]) > 0.45 * limit else "0.15"
        ax.text(j, i, f"{2 ** values[i, j]:.1f}", ha="center", va="center", fontsize=8, color=colour)
    ticks = np.arange(-np.floor(2 * limit), np.floor(2 * limit) + 1) / 2
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, ticks=ticks, label="size-adjusted lift")
    bar.ax.set_yticklabels([f"{2.0**tick:.2g}" for tick in ticks])
