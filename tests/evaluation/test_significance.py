"""Intervals cover what they promise; pairing narrows them; Holm is statsmodels' Holm."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import bootstrap_interval, paired_differences, resampled_means
from bundlebook.evaluation.statistics import _leaders


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        table = bootstrap_interval(rng.exponential(size=80), resamples=400, seed=trial)
        covered += table.low[0] <= 1 <= table.high[0]
    assert 0.90 <= covered / 300 <= 0.98


def test_interval_is_scipys_percentile_interval():
    values = np.random.default_rng(1).normal(size=200)
    ours = bootstrap_interval(values, resamples=20_000, seed=0).iloc[0]
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_same_seed_same_numbers_and_blocks_do_not_show():
    values = np.random.default_rng(2).random((50, 3))
    a, b = (resampled_means(values, 600, seed=4) for _ in range(2))
    assert (a == b).all() and a.shape == (600, 3)
    assert np.unique(a[:, 0]).size > 500
    assert a.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=0.01)


def test_pairing_sees_what_separate_intervals_hide():
    rng = np.random.default_rng(3)
    user = rng.random(400)
    values = pd.DataFrame({"old": user, "new": user + 0.01 + rng.normal(0, 0.02, 400)})
    table = bootstrap_interval(values, seed=0)
    assert table.low["new"] < table.high["old"], "the two intervals overlap"
    paired = paired_differences(values, "old", seed=0).loc["new"]
    assert paired.low > 0 and paired.p < 0.01
    assert paired.difference == pytest.approx((values["new"] - values["old"]).mean())


def test_no_difference_is_rarely_called_one():
    rng = np.random.default_rng(4)
    p = [
        paired_differences(pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"]), "a", 400, seed=s).p["b"]
        for s in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.10


def test_p_is_corrected_as_statsmodels_does_it():
    rng = np.random.default_rng(8)
    values = pd.DataFrame(rng.normal([0, 0.2, 0.25, 0.3, 0.1], 1, size=(120, 5)), columns=list("abcde"))
    table = paired_differences(values, "a", 400, seed=0)
    assert table["p_holm"].to_numpy() == pytest.approx(multipletests(table["p"], method="holm")[1])


def test_leaders_are_all_that_cannot_be_told_from_the_best():
    rng = np.random.default_rng(5)
    user = rng.random(300)
    values = pd.DataFrame(
        {
            "far behind": user - 0.2,
            "best": user,
            "level": user + rng.normal(0, 0.02, 300) - 0.0005,
        }
    )
    draws, means = pd.DataFrame(resampled_means(values.to_numpy(), seed=0), columns=values.columns), values.mean()
    assert set(_leaders(draws, means)) == {"best", "level"}
    for names in (["far behind", "best"], ["best"]):
        assert _leaders(draws[names], means[names]) == ["best"]


def test_bad_input_is_one_clear_error():
    with pytest.raises(BundlebookError, match="NaN"):
        bootstrap_interval(np.array([1.0, np.nan]), seed=0)
    with pytest.raises(BundlebookError, match="1 users cannot"):
        bootstrap_interval(np.array([1.0]), seed=0)
    with pytest.raises(BundlebookError, match="level"):
        bootstrap_interval(np.arange(5.0), level=95, seed=0)
    with pytest.raises(BundlebookError, match="no method 'x'"):
        paired_differences(pd.DataFrame({"a": [1.0, 2]}), "x", seed=0)
    with pytest.raises(BundlebookError, match="nothing to compare"):
        paired_differences(pd.DataFrame({"a": [1.0, 2]}), "a", seed=0)
