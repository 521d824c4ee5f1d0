"""Probability metrics agree with scikit-learn; calibration error is 0 when it should be."""

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import calibration


@pytest.fixture(params=range(3), ids=lambda seed: f"seed{seed}")
def pairs(request):
    rng = np.random.default_rng(request.param)
    p = rng.integers(1, 40, size=3000) / 40  # many ties
    return p, rng.random(3000) < p


def test_agrees_with_scikit_learn(pairs):
    p, y = pairs
    assert calibration.log_loss(p, y) == pytest.approx(sk.log_loss(y, p), abs=1e-12)
    assert calibration.brier(p, y) == pytest.approx(sk.brier_score_loss(y, p), abs=1e-12)
    assert calibration.brier_skill(p, y) == pytest.approx(1 - sk.brier_score_loss(y, p) / y.var(), abs=1e-12)


def test_reliability_curve_is_scikit_learns_where_no_p_is_shared():
    rng = np.random.default_rng(5)
    p = rng.permutation(np.linspace(0.001, 0.999, 1000))
    y = rng.random(1000) < p
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    table = calibration.reliability_curve(p, y, bins=10)
    assert table["predicted"].to_numpy() == pytest.approx(predicted)
    assert table["observed"].to_numpy() == pytest.approx(observed)
    assert table["count"].tolist() == [100] * 10


def test_order_of_observations_does_not_matter(pairs):
    p, y = pairs
    order = np.random.default_rng(9).permutation(len(p))
    first, second = calibration.reliability_curve(p, y), calibration.reliability_curve(p[order], y[order])
    assert first.to_numpy() == pytest.approx(second.to_numpy())


def test_honest_probabilities_have_small_error_and_boasts_a_large_one(pairs):
    p, y = pairs
    assert calibration.ece(p, y) < 0.04
    assert calibration.ece(np.sqrt(p), y) > 0.1


def test_a_constant_passes_ece_but_has_no_skill(pairs):
    _, y = pairs
    constant = np.full(len(y), y.mean())
    assert calibration.ece(constant, y) == pytest.approx(0)
    assert calibration.brier_skill(constant, y) == pytest.approx(0)


def test_being_surely_wrong_costs_much_but_not_everything():
    assert calibration.log_loss(np.array([0.0]), np.array([1])) == pytest.approx(-np.log(calibration._EPSILON))


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 1.5], [0, 1], "outside"),
        ([0.5, np.nan], [0, 1], "NaN"),
        ([0.5], [0, 1], "1 probabilities for 2 outcomes"),
        ([], [], "0 probabilities"),
    ],
)
def test_bad_input_is_one_clear_error(p, y, message):
    with pytest.raises(BundlebookError, match=message):
        calibration.log_loss(np.array(p), np.array(y))


def test_one_outcome_has_no_skill():
    with pytest.raises(BundlebookError):
        calibration.brier_skill(np.array([0.2, 0.3]), np.array([0, 0]))
