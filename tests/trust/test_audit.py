"""Attacks on releases: honest ones pass, and two planted bugs are found."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binom, binomtest
from sklearn.metrics import roc_auc_score

from bundlebook.errors import BundlebookError
from bundlebook.trust import Ledger, audited, binomial_bounds, canary_scores, membership, noisy_sum, rho_of

EPSILON, DELTA, NORM = 1.0, 1e-5, 5.0
#: The noise has no seed. At 95 % an honest release would be called dishonest in one run of 1,500.
SURE = 0.9999
ROWS = sparse.random(300, 40, 0.1, format="csr", random_state=1, data_rvs=lambda n: np.ones(n))


def release(factor=1.0, clip=True):
    rho = rho_of(EPSILON, DELTA)
    return lambda rows: noisy_sum(rows, NORM, rho * factor, Ledger(1e9), "sums", clip=clip)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (1, 30), (17, 40), (500, 1000)])
def test_bounds_agree_with_scipy(successes, trials):
    wanted = binomtest(successes, trials).proportion_ci(0.95, "exact")
    assert binomial_bounds(successes, trials) == pytest.approx(wanted)


def test_bounds_cover_the_truth_at_least_as_often_as_they_say():
    n, p = 25, 0.3
    held = [low <= p <= high for low, high in (binomial_bounds(x, n) for x in range(n + 1))]
    assert binom.pmf(np.arange(n + 1), n, p)[held].sum() >= 0.95


def test_an_honest_release_passes():
    audit = audited(*canary_scores(release(), ROWS, 500, 10, seed=1), DELTA, SURE)
    assert 0 <= audit.epsilon < EPSILON
    assert audit.any_noise < EPSILON
    assert 2400 < audit.trials < 2600


def test_half_the_noise_is_caught():
    # σ/2 is four times the ρ; with 20,000 trials the bound lies six standard errors above the stated ε.
    audit = audited(*canary_scores(release(4.0), ROWS, 500, 40, seed=1), DELTA)
    assert audit.epsilon > EPSILON
    assert audit.true_positive > audit.false_positive


def test_a_forgotten_clip_is_caught():
    audit = audited(*canary_scores(release(clip=False), ROWS, 500, 1, seed=1), DELTA)
    assert audit.epsilon > 5 * EPSILON
    assert audit.any_noise > EPSILON


def test_noise_alone_shows_nothing():
    rng = np.random.default_rng(0)
    audit = audited(rng.normal(size=4000), rng.normal(size=4000), DELTA)
    assert audit.epsilon < 0.2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: audited(np.ones(3), np.ones(9), DELTA), "3 and 9 scores"),
        (lambda: audited(np.ones(9), np.ones(9), 0.0), "δ = 0.0"),
        (lambda: binomial_bounds(4, 3), "4 of 3"),
        (lambda: canary_scores(release(), ROWS, 1, seed=0), "1 canaries"),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(BundlebookError, match=says):
        call()


def test_the_area_agrees_with_scikit_learn_and_lies_in_its_interval():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(0, 1, 300).round(1), rng.normal(0.5, 1, 200).round(1)
    found = membership(inside, outside, seed=1)
    wanted = roc_auc_score(np.repeat([0, 1], [300, 200]), np.concatenate([inside, outside]))
    assert found["auc"] == pytest.approx(wanted)
    assert 0.5 < found["low"] < found["auc"] < found["high"] < 0.75


def test_one_user_is_no_group():
    with pytest.raises(BundlebookError, match="1 and 5 users"):
        membership(np.zeros(1), np.zeros(5), seed=0)
