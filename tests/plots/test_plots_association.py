"""Figures of associations: they count what they draw, and labels never overlap."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bundlebook import association as assoc
from bundlebook.plots import association as plots
from bundlebook.plots._style import short, spread_boxes
from tests.association.random_baskets import random_baskets

LISTS = random_baskets(seed=2, n_baskets=600, n_items=25)


@pytest.fixture(scope="module")
def rules() -> pd.DataFrame:
    return assoc.association_rules(assoc.frequent_itemsets(LISTS, 0.01, max_len=3), max_consequent=1)


def random_pairs(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = [f"A RATHER LONG LABEL {number} {'X' * int(rng.integers(0, 25))}" for number in range(30)]
    pairs = sorted({tuple(sorted(rng.choice(names, 2, replace=False).tolist())) for _ in range(n)})
    return pd.DataFrame({"itemset": pairs, "adjusted_lift": np.sort(rng.uniform(1.5, 30, len(pairs)))[::-1]})


@pytest.mark.parametrize(("seed", "n"), [(0, 2), (1, 14), (2, 14), (3, 60), (4, 60)])
def test_labels_of_the_network_do_not_overlap(seed, n):
    assert plots.rule_network(random_pairs(seed, n)) is None
    ax = plt.gcf().axes[0]
    ax.figure.canvas.draw()
    boxes = [text.get_bbox_patch().get_window_extent() for text in ax.texts]
    assert 2 <= len(boxes) <= 28
    frame = ax.figure.bbox
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_the_network_shows_the_strongest_pairs_and_all_strong_ones_among_its_items():
    pairs = random_pairs(1, 60)
    plots.rule_network(pairs, nodes=10, least=5)
    ax = plt.gcf().axes[0]
    assert len(ax.texts) <= 10
    shown = set()
    for pair in pairs["itemset"]:
        if len(shown | set(pair)) > 10:
            break
        shown |= set(pair)
    inside = pairs[pairs["itemset"].map(lambda pair: set(pair) <= shown)]
    top = next(k for k, pair in enumerate(pairs["itemset"]) if not set(pair) <= shown)
    assert len(ax.lines) == ((inside["adjusted_lift"] >= 5) | (inside.index < top)).sum()


def test_a_network_of_no_pair_says_so():
    plots.rule_network(random_pairs(1, 60).head(0))
    ax = plt.gcf().axes[0]
    assert "No two items are linked" in (ax.get_title(), ax.get_title("left"))


def test_boxes_are_spread_within_the_frame():
    rng = np.random.default_rng(0)
    sizes = rng.uniform(20, 90, (25, 2)) * (1, 0.4)
    placed = spread_boxes(rng.uniform(0, 50, (25, 2)), sizes, (500, 400))
    for i in range(25):
        assert (placed[i] - sizes[i] / 2 >= -1e-6).all() and (
            placed[i] + sizes[i] / 2 <= (500 + 1e-6, 400 + 1e-6)
        ).all()
        for j in range(i):
            assert (np.abs(placed[i] - placed[j]) >= (sizes[i] + sizes[j]) / 2 - 1e-3).any()


def test_grouped_matrix_counts_what_it_draws(rules):
    table = rules
    plots.grouped_matrix(table, groups=4, consequents=6)
    groups = plots.rule_groups(table, groups=4, consequents=6)
    shown = table["consequent"].str[0].value_counts()
    top = sorted(shown.index, key=lambda item: (-shown[item], item))[:6]
    kept = table[table["consequent"].str[0].isin(top)]
    assert groups["rules"].sum() == len(kept)
    assert groups["antecedents"].sum() == kept["antecedent"].nunique()
    ax = plt.gcf().axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == [short(item, 26) for item in top]
    ticks = [f"{plots._joined(row.example, 18)}\n({row.antecedents} antecedents)" for row in groups.itertuples()]
    assert [label.get_text() for label in ax.get_xticklabels()] == ticks


def test_heat_map_writes_the_lift_into_its_cells():
    ratio = pd.DataFrame(
        [[np.nan, 2, 0], [2, np.nan, np.nan], [0, np.nan, np.nan]], index=list("abc"), columns=list("abc")
    )
    plots.departments(ratio)
    assert sorted(text.get_text() for text in plt.gcf().axes[0].texts) == ["0.1", "2.0"]


def test_short_labels():
    assert short("FLUID MILK WHITE ONLY") == "Fluid milk white only"
    assert short("牛奶") == "牛奶"
    assert short("CANDY BARS (SINGLES)(INCLUDING", 18) == "Candy bars (singl…"
    assert plots._joined(["TEA", "GREEN TEA"]) == "Tea + Green tea"
