"""Counts that the R package arules publishes for its Groceries data; needs the reader's own copy of the file."""

import os
from pathlib import Path

import pytest

from bundlebook.association import association_rules, encode, frequent_itemsets, significance

FILE = os.environ.get("BUNDLEBOOK_GROCERIES", "")

pytestmark = pytest.mark.skipif(
    not FILE or not Path(FILE).exists(),
    reason="set BUNDLEBOOK_GROCERIES to a copy of groceries.csv (9,835 lines, items separated by commas)",
)


@pytest.fixture(scope="module")
def itemsets():
    lines = Path(FILE).read_text(encoding="utf-8").splitlines()
    lists = [[item.strip() for item in line.split(",") if item.strip()] for line in lines if line.strip()]
    baskets = encode(lists, duplicates="merge")
    assert (baskets.n_baskets, baskets.n_items) == (9835, 169)
    return frequent_itemsets(baskets, 0.001)


def test_number_of_rules_at_confidence_point_8(itemsets):
    """The standard example of the package: support .001, confidence .8, one item on the right."""
    assert len(association_rules(itemsets, min_confidence=0.8, max_consequent=1)) == 410


def test_significant_rules_under_each_correction(itemsets):
    """796 rules pass Fisher's test uncorrected, 795 by Benjamini–Hochberg, 706 by Holm, 666 by Bonferroni.

    The source names the support, not the confidence nor the level; one setting must give all four counts at once.
    """
    expected = (796, 666, 706, 795)
    counts = set()
    for percent in range(20, 95, 5):
        p = significance(association_rules(itemsets, min_confidence=percent / 100, max_consequent=1))
        columns = ("p_fisher", "p_bonferroni", "p_holm", "p_fdr_bh")
        counts |= {tuple(int((p[column] <= alpha).sum()) for column in columns) for alpha in (0.01, 0.05)}
    assert expected in counts
