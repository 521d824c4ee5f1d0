from math import comb

import numpy as np
import pytest
from scipy.stats import false_discovery_control, fisher_exact
from statsmodels.stats.multitest import multipletests

from bundlebook.association import association_rules, frequent_itemsets, significance
from bundlebook.association.testing import _adjust, _fisher
from bundlebook.errors import BundlebookError


@pytest.fixture(scope="module")
def rules(lists):
    return association_rules(frequent_itemsets(lists, 0.04))


def test_fisher_equals_scipy(rules):
    got = significance(rules)["p_fisher"].to_numpy()
    n = rules.attrs["n_baskets"]
    for row, p in zip(rules.itertuples(index=False), got, strict=True):
        both, a, c = row[2:5]
        table = [[both, a - both], [c - both, n - a - c + both]]
        assert p == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-8)


def test_fisher_keeps_the_digits_of_tiny_p_values():
    p = _fisher(np.array([900, 400]), np.array([1000, 1000]), np.array([1000, 1000]), 100_000)
    exact = [fisher_exact([[b, 1000 - b], [1000 - b, 98_000 + b]], alternative="greater").pvalue for b in (900, 400)]
    assert p == pytest.approx(exact, rel=1e-6)
    assert 0 < p[1] < 1e-300 or p[1] == exact[1]


def test_corrections_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    assert _adjust(p, "bonferroni") == pytest.approx([0.04, 0.16, 0.12, 1.0])
    assert _adjust(p, "holm") == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert _adjust(p, "fdr_bh") == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


def test_benjamini_hochberg_equals_scipy(rules):
    p = significance(rules)
    assert p["p_fdr_bh"].to_numpy() == pytest.approx(false_discovery_control(p["p_fisher"]))


def test_corrections_are_ordered(rules):
    p = significance(rules)
    assert (p["p_fisher"] <= p["p_fdr_bh"] + 1e-15).all()
    assert (p["p_fdr_bh"] <= p["p_holm"] + 1e-15).all()
    assert (p["p_holm"] <= p["p_bonferroni"] + 1e-15).all()


@pytest.mark.parametrize("method", ["bonferroni", "holm", "fdr_bh"])
def test_corrections_equal_statsmodels(method):
    rng = np.random.default_rng(2)
    for n in (1, 2, 50):
        p = rng.random(n) ** 4
        p[rng.random(n) < 0.2] = 0.01  # ties
        assert _adjust(p, method) == pytest.approx(multipletests(p, method=method)[1])
        padded = multipletests(np.concatenate([p, np.ones(30)]), method=method)[1][:n]
        assert _adjust(p, method, n_tests=n + 30) == pytest.approx(padded)


def test_tests_that_are_not_listed_take_no_memory():
    # All triples of 3,000 frequent items: a list of them would take 36 GB.
    p = np.array([1e-12, 1e-9, 0.5])
    assert _adjust(p, "fdr_bh", n_tests=comb(3000, 3)) == pytest.approx([comb(3000, 3) * 1e-12, 1.0, 1.0])
    assert _adjust(p, "holm", n_tests=comb(3000, 3)) == pytest.approx([comb(3000, 3) * 1e-12, 1.0, 1.0])


def test_missing_p_values_stay_missing_and_unknown_corrections_are_refused():
    adjusted = _adjust(np.array([0.01, np.nan, 0.02]), "bonferroni")
    assert np.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])
    with pytest.raises(BundlebookError, match="unknown correction 'sidak'"):
        _adjust(np.array([0.1]), "sidak")
    with pytest.raises(BundlebookError, match="2 tests cannot have given 3"):
        _adjust(np.array([0.1, 0.2, 0.3]), n_tests=2)
