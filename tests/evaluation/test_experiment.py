"""Sample sizes against the formula and against simulated experiments."""

import numpy as np
import pytest
from scipy.stats import norm

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import design_effect, detectable_lift, sample_size


@pytest.mark.parametrize(("base", "lift"), [(0.12, 0.15), (0.05, 0.5), (0.3, -0.2)])
def test_the_size_is_that_of_the_formula(base, lift):
    p1, p2 = base, base * (1 + lift)
    mean = (p1 + p2) / 2
    noise = norm.ppf(0.975) * np.sqrt(2 * mean * (1 - mean)) + norm.ppf(0.8) * np.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
    assert sample_size(base, lift) == np.ceil((noise / (p2 - p1)) ** 2)
    assert sample_size(base, lift, design=1.7) == np.ceil(1.7 * (noise / (p2 - p1)) ** 2)


def test_an_experiment_of_that_size_finds_it_four_times_in_five():
    rng, base, lift = np.random.default_rng(0), 0.2, 0.25
    n = sample_size(base, lift)
    a, b = rng.binomial(n, base, 20_000) / n, rng.binomial(n, base * (1 + lift), 20_000) / n
    pooled = (a + b) / 2
    found = np.abs(b - a) / np.sqrt(2 * pooled * (1 - pooled) / n) > 1.96
    assert found.mean() == pytest.approx(0.8, abs=0.012)
    assert detectable_lift(base, n) == pytest.approx(lift, rel=0.01)


def test_design_effect_counts_equal_answers_once():
    rng = np.random.default_rng(1)
    answer = rng.random(3000) < 0.2
    assert design_effect(answer, np.arange(3000)) == pytest.approx(1)
    assert design_effect(np.repeat(answer, 4), np.repeat(np.arange(3000), 4)) == pytest.approx(4)
    assert design_effect(rng.random(12_000) < 0.2, np.repeat(np.arange(3000), 4)) == pytest.approx(1, abs=0.06)
    assert sample_size(0.2, 0.25, design=2) == pytest.approx(2 * sample_size(0.2, 0.25), abs=1)


def test_impossible_rates_are_refused():
    for base, lift in ((0.0, 0.1), (0.9, 0.2), (0.2, 0.0)):
        with pytest.raises(BundlebookError):
            sample_size(base, lift)
    with pytest.raises(BundlebookError):
        design_effect(np.zeros(5, bool), np.arange(5))
