"""Joint probabilities of whole sets, against tables solved in another way, and their calibration."""

import numpy as np
import pytest
from scipy.optimize import root

from bundlebook.bundles import SetCalibration, joint_probability, plackett
from bundlebook.errors import BundlebookError


def solved(p: np.ndarray, psi: np.ndarray, conditional: bool) -> float:
    """P(all) of the log-linear model, its free effects found by a general equation solver."""
    k = len(p)
    cells = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
    i, j = np.triu_indices(k, 1)
    pairs = cells[:, i] * cells[:, j]
    bond = pairs @ np.log(psi[i, j])
    features = cells if conditional else np.hstack([cells, pairs])
    wanted = p if conditional else np.concatenate([p, plackett(p[i], p[j], psi[i, j])])

    def table(a):
        weight = np.exp(features @ a + bond)
        return weight / weight.sum()

    begin = np.zeros(features.shape[1])
    begin[:k] = np.log(p / (1 - p))
    found = root(lambda a: features.T @ table(a) - wanted, begin, tol=1e-12)
    assert found.success
    return float(table(found.x)[-1])


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_agrees_with_a_general_solver(k, conditional):
    rng = np.random.default_rng(k)
    p = rng.uniform(0.05, 0.5, (20, k))
    psi = np.exp(rng.normal(0.4, 0.3, (20, k, k)))
    psi = np.sqrt(psi * psi.transpose(0, 2, 1))
    expected = [solved(p[row], psi[row], conditional) for row in range(20)]
    assert joint_probability(p, psi, not conditional) == pytest.approx(expected, abs=1e-5)


def test_a_measured_odds_ratio_is_not_one_given_the_other_items():
    """Three items of probability ½ with P(both) = ⅓ each: by symmetry P(all) is ¼, and given the third ψ is 3."""
    p, psi = np.full((1, 3), 0.5), np.full((1, 3, 3), 4.0)
    assert joint_probability(p, psi, pairwise=True) == pytest.approx([0.25], abs=1e-6)
    assert joint_probability(p, psi) == pytest.approx([2 / 7], abs=1e-6)


def test_two_items_are_placketts_formula_and_no_bond_is_the_product():
    rng = np.random.default_rng(0)
    p, psi = rng.uniform(0.01, 0.9, (50, 2)), np.exp(rng.normal(0, 1, 50))
    matrix = np.ones((50, 2, 2))
    matrix[:, 0, 1] = matrix[:, 1, 0] = psi
    assert joint_probability(p, matrix) == pytest.approx(plackett(p[:, 0], p[:, 1], psi), abs=1e-7)
    five = rng.uniform(0.01, 0.9, (50, 5))
    assert joint_probability(five, np.ones((50, 5, 5))) == pytest.approx(five.prod(axis=1), abs=1e-7)


def test_certain_and_impossible_items():
    psi = np.full((3, 2, 2), 5.0)
    joint = joint_probability(np.array([[0.0, 0.5], [1.0, 0.5], [0.3, 1.0]]), psi)
    assert joint == pytest.approx([0, 0.5, 0.3], abs=1e-4)


@pytest.mark.parametrize(
    ("p", "psi"),
    [
        (np.array([[0.5, 1.2]]), np.ones((1, 2, 2))),
        (np.array([[0.5, 0.5]]), np.zeros((1, 2, 2))),
        (np.array([[0.5, 0.5]]), np.ones((1, 3, 3))),
        (np.full((1, 9), 0.5), np.ones((1, 9, 9))),
    ],
)
def test_refuses_what_is_no_table(p, psi):
    with pytest.raises(BundlebookError, match="joint_probability"):
        joint_probability(p, psi)


def test_calibration_finds_the_curve_that_made_the_outcomes():
    rng = np.random.default_rng(1)
    raw, size = rng.uniform(0.02, 0.7, 40_000), rng.integers(2, 4, 40_000)
    logit = np.log(raw / (1 - raw))
    alpha, beta = np.where(size == 2, 0.5, -0.2), np.where(size == 2, 1.3, 0.8)
    came = rng.random(len(raw)) < 1 / (1 + np.exp(-alpha - beta * logit))
    fitted = SetCalibration.fit(raw, size, came)
    assert fitted.alpha == pytest.approx({2: 0.5, 3: -0.2}, abs=0.06)
    assert fitted.beta == pytest.approx({2: 1.3, 3: 0.8}, abs=0.06)
    corrected = fitted(raw, size)
    for k in (2, 3):
        assert corrected[size == k].mean() == pytest.approx(came[size == k].mean(), abs=1e-6)


def test_a_size_without_enough_outcomes_stays_as_it_is():
    raw, size = np.full(100, 0.2), np.full(100, 4)
    fitted = SetCalibration.fit(raw, size, np.zeros(100, bool))
    assert fitted.alpha == {}
    assert fitted(raw, size) == pytest.approx(raw)


def test_calibration_mends_probabilities_that_are_far_too_small():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.1, 0.6, 5000)
    tiny = truth**6
    came = rng.random(5000) < truth
    fitted = SetCalibration.fit(tiny, np.full(5000, 5), came)
    assert fitted(tiny, np.full(5000, 5)) == pytest.approx(truth, abs=0.08)
