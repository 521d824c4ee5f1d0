"""Choosing under uncertainty: Beta–Bernoulli bandits, what learning costs, and feedback that comes late.

A bandit (多臂老虎机) has *arms*: bundles of which one is shown per round. Arm i is clicked with a probability that
nobody knows. Every round spent on a worse arm is regret; every round not spent on it leaves it unknown.
"""

from dataclasses import dataclass

import numpy as np

from bundlebook.errors import BundlebookError

#: Rules by which :func:`play_bandit` chooses.
RULES = ("thompson", "greedy", "epsilon", "ucb")


@dataclass(frozen=True)
class BanditRuns:
    """Several independent runs of one rule.

    Attributes
    ----------
    regret : ndarray, shape (runs, rounds)
        Cumulative regret, in expected clicks: the sum of (best rate − rate of the arm shown).
    shown : ndarray of int, shape (runs, n_arms)
        Rounds in which each arm was shown.
    """

    regret: np.ndarray
    shown: np.ndarray


def play_bandit(
    rates,
    rounds: int,
    rule: str = "thompson",
    *,
    delay: int = 0,
    epsilon: float = 0.1,
    runs: int = 100,
    seed: int,
) -> BanditRuns:
    r"""Let a rule choose among arms with known click rates, and count what it gave away.

    Every rule starts from the prior Beta(1, 1) and sees a click, 1 or 0, `delay` rounds after it was shown:

    .. math:: \theta_i \mid s_i, f_i \sim \operatorname{Beta}(1 + s_i,\, 1 + f_i)

    Parameters
    ----------
    rates : array_like, shape (n_arms,)
        True probability of a click, per arm.
    rounds : int
    rule : {"thompson", "greedy", "epsilon", "ucb"}
        ``"thompson"`` draws a rate for each arm from its Beta and shows the largest. ``"greedy"`` shows the largest
        mean, ``"epsilon"`` does so but for a share ε of the rounds, in which it shows any arm. ``"ucb"`` (UCB1) adds
        :math:`\sqrt{2 \ln t / n_i}` to the share of clicks. Ties are broken at random.
    delay : int
        Rounds until a click is known.
    epsilon : float
        ε in [0, 1], for ``"epsilon"``.
    runs : int
        Independent repetitions, played side by side.
    seed : int

    References
    ----------
    W. R. Thompson: On the likelihood that one unknown probability exceeds another. Biometrika 25, 1933.
    P. Auer, N. Cesa-Bianchi, P. Fischer: Finite-time analysis of the multiarmed bandit problem. 2002.
    """
    rates = np.asarray(rates, dtype=np.float64)
    if rates.ndim != 1 or len(rates) < 2 or not ((rates >= 0) & (rates <= 1)).all():
        raise BundlebookError("a bandit needs two or more rates in [0, 1]", where="play_bandit")
    if rule not in RULES:
        raise BundlebookError(f"unknown rule {rule!r}", where="play_bandit", remedy=f"use one of {', '.join(RULES)}")
    if min(rounds, runs) < 1 or delay < 0 or not 0 <= epsilon <= 1:
        problem = f"rounds {rounds}, runs {runs}, delay {delay}, epsilon {epsilon}"
        raise BundlebookError(problem, where="play_bandit", remedy="counts from 1, delay from 0, epsilon in [0, 1]")
    rng = np.random.default_rng(seed)
    n, every = len(rates), np.arange(runs)
    clicks, misses, shown = np.zeros((runs, n)), np.zeros((runs, n)), np.zeros((runs, n), dtype=np.int64)
    arms, clicked = np.empty((rounds, runs), dtype=np.int64), np.empty((rounds, runs), dtype=bool)
    for t in range(rounds):
        if t > delay:
            known = t - delay - 1
            clicks[every, arms[known]] += clicked[known]
            misses[every, arms[known]] += ~clicked[known]
        arms[t] = _chosen(rule, clicks, misses, epsilon, rng)
        clicked[t] = rng.random(runs) < rates[arms[t]]
        shown[every, arms[t]] += 1
    return BanditRuns(np.cumsum(rates.max() - rates[arms], axis=0).T, shown)


def _chosen(rule: str, clicks: np.ndarray, misses: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """The arm that each run shows next, shape (runs,)."""
    if rule == "thompson":
        return rng.beta(1 + clicks, 1 + misses).argmax(axis=1)
    seen = clicks + misses
    if rule == "ucb":
        # An arm that nobody has seen comes first.
        bonus = np.sqrt(2 * np.log(np.maximum(seen.sum(axis=1, keepdims=True), 1)) / np.maximum(seen, 1))
        value = np.where(seen > 0, clicks / np.maximum(seen, 1) + bonus, np.inf)
    else:
        value = (1 + clicks) / (2 + seen)
    best = np.where(value == value.max(axis=1, keepdims=True), rng.random(value.shape), -1).argmax(axis=1)
    if rule == "epsilon":
        anything = rng.random(len(best)) < epsilon
        best = np.where(anything, rng.integers(value.shape[1], size=len(best)), best)
    return best


def regret_bound(rates) -> float:
    r"""Smallest regret per :math:`\ln t` that any rule good for all rates can have in the long run.

    .. math:: \sum_{i:\, \theta_i < \theta^*} \frac{\theta^* - \theta_i}{\operatorname{KL}(\theta_i, \theta^*)}

    with KL the divergence of two coins.

    References
    ----------
    T. L. Lai, H. Robbins: Asymptotically efficient adaptive allocation rules. 1985.

    Examples
    --------
    >>> round(regret_bound([0.5, 0.4]), 2)
    4.97
    """
    rates = np.asarray(rates, dtype=np.float64)
    if not ((rates > 0) & (rates < 1)).all():
        raise BundlebookError("the bound needs rates in (0, 1)", where="regret_bound")
    best, worse = rates.max(), rates[rates < rates.max()]
    divergence = worse * np.log(worse / best) + (1 - worse) * np.log((1 - worse) / (1 - best))
    return float(((best - worse) / divergence).sum())
