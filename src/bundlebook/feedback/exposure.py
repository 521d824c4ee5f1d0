"""A simulated loop (``sim_``): what a recommender shows decides what it can learn, round after round.

No log of this project knows who saw what, so everything here is drawn from assumed tastes, and no figure of it may
stand beside a real one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError

#: Policies of :func:`exposure_loop`.
POLICIES = ("greedy", "epsilon", "thompson")


@dataclass(frozen=True)
class ExposureRuns:
    """Curves of one policy, one row per round and one column per seed.

    Attributes
    ----------
    sim_items_shown : DataFrame
        Share of the catalogue that anybody was shown in the round.
    sim_clicks : DataFrame
        Expected clicks per item shown, by the true tastes.
    sim_knowledge : DataFrame
        Expected clicks per item shown, if from this round on every user were shown the largest means: what was
        learned so far is worth that much.
    """

    sim_items_shown: pd.DataFrame
    sim_clicks: pd.DataFrame
    sim_knowledge: pd.DataFrame


def tastes(counts: np.ndarray, most: float = 0.4) -> np.ndarray:
    r"""Turn purchases into assumed click probabilities, for the simulation only.

    .. math:: p_{ui} = p_{\max}\, \frac{\ln(1 + c_{ui} + \bar c_i)}{\max_{v,j} \ln(1 + c_{vj} + \bar c_j)}

    Parameters
    ----------
    counts : ndarray, shape (n_users, n_items)
        c, how often each user bought each item; :math:`\bar c_i` is the mean over users.
    most : float
        :math:`p_{\max}` in (0, 1], the largest probability.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.size == 0 or (counts < 0).any() or not counts.any():
        raise BundlebookError("tastes need counts from 0 on, one of them above 0", where="tastes")
    appeal = np.log1p(counts + counts.mean(axis=0))
    return most * appeal / appeal.max()


def exposure_loop(
    sim_p: np.ndarray,
    policy: str,
    *,
    rounds: int = 50,
    k: int = 10,
    epsilon: float = 0.1,
    memory: float = 5.0,
    seeds: int = 5,
    seed: int,
) -> ExposureRuns:
    r"""Show k items to every user, learn from the clicks, and show the next k.

    The model is a Beta for each pair of user and item, whose prior is the item's own rate among all users, worth
    `memory` looks:

    .. math:: \theta_{ui} \sim \operatorname{Beta}\bigl(\kappa r_i + s_{ui},\; \kappa (1 - r_i) + n_{ui} - s_{ui}\bigr),
              \qquad r_i = \frac{1 + \sum_u s_{ui}}{2 + \sum_u n_{ui}}

    with n looks and s clicks. In the first round every user sees k items at random, under all policies.

    Parameters
    ----------
    sim_p : ndarray, shape (n_users, n_items)
        True probability of a click, which the policy does not know.
    policy : {"greedy", "epsilon", "thompson"}
        Show the k largest means; the same, but each place is given to a random item with probability ε; or the k
        largest of one draw from each Beta, with the item's rate drawn as well.
    rounds, k : int
    epsilon : float
    memory : float
        κ > 0.
    seeds : int
        Repetitions with other draws.
    seed : int

    Returns
    -------
    ExposureRuns
    """
    sim_p = np.asarray(sim_p, dtype=np.float64)
    if sim_p.ndim != 2 or not ((sim_p >= 0) & (sim_p <= 1)).all():
        raise BundlebookError("sim_p must be a table of probabilities", where="exposure_loop")
    if policy not in POLICIES:
        known = ", ".join(POLICIES)
        raise BundlebookError(f"unknown policy {policy!r}", where="exposure_loop", remedy=f"use one of {known}")
    if not 1 <= k <= sim_p.shape[1] or min(rounds, seeds) < 1 or not memory > 0 or not 0 <= epsilon <= 1:
        problem = f"k {k}, rounds {rounds}, seeds {seeds}, memory {memory}, epsilon {epsilon}"
        raise BundlebookError(problem, where="exposure_loop", remedy=f"k up to {sim_p.shape[1]}, the others above 0")
    curves = [
        _one_loop(sim_p, policy, rounds, k, epsilon, memory, np.random.default_rng([seed, number]))
        for number in range(seeds)
    ]
    index = pd.RangeIndex(1, rounds + 1, name="round")
    columns = pd.RangeIndex(1, seeds + 1, name="seed")
    return ExposureRuns(*(pd.DataFrame(np.column_stack(part), index, columns) for part in zip(*curves, strict=True)))


def _one_loop(
    sim_p: np.ndarray, policy: str, rounds: int, k: int, epsilon: float, memory: float, rng: np.random.Generator
) -> tuple[list[float], list[float], list[float]]:
    n_users, n_items = sim_p.shape
    clicks, looks, rows = np.zeros_like(sim_p), np.zeros_like(sim_p), np.arange(n_users)[:, np.newaxis]
    shares, rates, worth = [], [], []
    for t in range(rounds):
        if t == 0:
            value = rng.random(sim_p.shape)
        else:
            seen, hit = looks.sum(axis=0), clicks.sum(axis=0)
            drawn = rng.beta(1 + hit, 1 + seen - hit) if policy == "thompson" else (1 + hit) / (2 + seen)
            a, b = memory * drawn + clicks, memory * (1 - drawn) + looks - clicks
            # A Beta with both numbers near 0 is a coin; the smallest float keeps the draw defined.
            value = rng.beta(np.maximum(a, 1e-9), np.maximum(b, 1e-9)) if policy == "thompson" else a / (a + b)
            value += 1e-9 * rng.random(value.shape)  # ties are broken at random
            if policy == "epsilon":
                # A place that is drawn gets an item that stands above all others by chance.
                places = np.argsort(-value, axis=1)[:, :k]
                given = rng.random((n_users, k)) < epsilon
                value[np.broadcast_to(rows, given.shape)[given], places[given]] = -1
                lucky = rng.random(value.shape)
                extra = given.sum(axis=1)
                rank = np.argsort(np.argsort(-lucky, axis=1), axis=1)
                value = np.where(rank < extra[:, np.newaxis], 2 + lucky, value)
        chosen = np.argpartition(-value, k - 1, axis=1)[:, :k]
        clicked = rng.random((n_users, k)) < sim_p[rows, chosen]
        looks[rows, chosen] += 1
        clicks[rows, chosen] += clicked
        now = np.zeros(n_items, dtype=bool)
        now[chosen.ravel()] = True
        shares.append(float(now.mean()))
        rates.append(float(sim_p[rows, chosen].mean()))
        known = _mean(clicks, looks, memory) + 1e-9 * rng.random(sim_p.shape)
        worth.append(float(sim_p[rows, np.argpartition(-known, k - 1, axis=1)[:, :k]].mean()))
    return shares, rates, worth


def _mean(clicks: np.ndarray, looks: np.ndarray, memory: float) -> np.ndarray:
    """Mean of each pair's Beta."""
    rate = (1 + clicks.sum(axis=0)) / (2 + looks.sum(axis=0))
    return (memory * rate + clicks) / (memory + looks)
