"""Panels are drawn with the probabilities they are logged with."""

import numpy as np
import pytest

from bundlebook.simulator.behaviour import _draw_slates, _examination


def test_attention_falls_from_place_to_place_and_exponent_zero_means_no_bias():
    assert (np.diff(_examination(10)) < 0).all()
    assert _examination(4, exponent=0.0).tolist() == [1, 1, 1, 1]


def test_a_panel_holds_nothing_twice():
    chosen, _ = _draw_slates(np.zeros((500, 6)), 4, np.random.default_rng(1))
    assert all(len(set(row)) == 4 for row in chosen.tolist())


def test_the_first_slot_follows_the_softmax():
    logits = np.array([0.0, 0.5, 1.5, -1.0])
    chosen, _ = _draw_slates(np.tile(logits, (40_000, 1)), 2, np.random.default_rng(2))
    share = np.bincount(chosen[:, 0], minlength=4) / 40_000
    np.testing.assert_allclose(share, np.exp(logits) / np.exp(logits).sum(), atol=0.01)


def test_propensities_are_conditional_probabilities():
    logits = np.array([[0.0, np.log(2), np.log(3)]])
    chosen, propensity = _draw_slates(logits, 3, np.random.default_rng(3))
    weight = np.exp(logits[0])
    left = weight.sum()
    for item, probability in zip(chosen[0], propensity[0], strict=True):
        assert probability == pytest.approx(weight[item] / left)
        left -= weight[item]
    assert propensity[0, -1] == pytest.approx(1)


def test_inverse_propensities_count_the_candidates():
    """E[Σ over the first slot of 1 / propensity · 1{candidate}] = number of panels, for every candidate."""
    logits = np.random.default_rng(4).normal(size=5)
    chosen, propensity = _draw_slates(np.tile(logits, (60_000, 1)), 1, np.random.default_rng(5))
    total = np.bincount(chosen[:, 0], weights=1 / propensity[:, 0], minlength=5)
    np.testing.assert_allclose(total / 60_000, 1, atol=0.05)
