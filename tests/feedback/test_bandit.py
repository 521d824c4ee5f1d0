"""Rules against what is known of them: regret, the price of late clicks, Thompson's choice."""

import numpy as np
import pytest
from scipy import stats

from bundlebook.errors import BundlebookError
from bundlebook.feedback import play_bandit, regret_bound

RATES = [0.5, 0.35, 0.2]


def test_regret_is_the_sum_of_gaps_and_every_round_shows_one_arm():
    runs = play_bandit(RATES, 200, "epsilon", runs=7, seed=1)
    assert (runs.shown.sum(axis=1) == 200).all()
    assert np.allclose(runs.regret[:, -1], runs.shown @ (0.5 - np.array(RATES)))
    assert (np.diff(runs.regret, axis=1) >= 0).all()


def test_thompson_shows_an_arm_as_often_as_it_is_probably_the_best():
    """After one refusal of arm 0, the second round draws Beta(1, 2) against Beta(1, 1): 1/3 to 2/3."""
    runs = play_bandit([0.0, 0.0], 2, "thompson", runs=20_000, seed=2)
    again = (runs.shown.max(axis=1) == 2).mean()
    assert again == pytest.approx(1 / 3, abs=0.015)
    grid = np.linspace(0, 1, 20_001)
    assert np.trapezoid(stats.beta(1, 2).pdf(grid) * stats.uniform.cdf(grid), grid) == pytest.approx(1 / 3, abs=1e-4)


def test_a_rule_that_explores_grows_slowly_and_greedy_does_not():
    thompson, greedy = (
        play_bandit(RATES, 3000, rule, runs=60, seed=3).regret.mean(axis=0) for rule in ("thompson", "greedy")
    )
    assert thompson[-1] - thompson[1500] < 0.35 * thompson[1500]
    assert greedy[-1] > 1.5 * thompson[-1]


def test_clicks_that_never_arrive_leave_a_rule_without_an_opinion():
    late = play_bandit(RATES, 300, "greedy", delay=300, runs=40, seed=4)
    assert np.abs(late.shown.mean(axis=0) / 300 - 1 / 3).max() < 0.05
    assert (
        play_bandit(RATES, 300, delay=50, seed=4).regret[:, -1].mean()
        > play_bandit(RATES, 300, seed=4).regret[:, -1].mean()
    )


def test_the_bound_is_lai_and_robbins():
    gap, divergence = 0.1, 0.4 * np.log(0.4 / 0.5) + 0.6 * np.log(0.6 / 0.5)
    assert regret_bound([0.5, 0.4]) == pytest.approx(gap / divergence)
    with pytest.raises(BundlebookError, match=r"rates in \(0, 1\)"):
        regret_bound([0.0, 0.5])


@pytest.mark.parametrize(
    ("rates", "given", "message"),
    [
        ([0.5], {}, "two or more rates"),
        ([0.5, 1.5], {}, "two or more rates"),
        (RATES, {"rule": "softmax"}, "unknown rule"),
        (RATES, {"delay": -1}, "delay -1"),
        (RATES, {"epsilon": 2}, "epsilon 2"),
    ],
)
def test_what_makes_no_bandit_is_refused(rates, given, message):
    with pytest.raises(BundlebookError, match=message):
        play_bandit(rates, 10, seed=0, **given)
