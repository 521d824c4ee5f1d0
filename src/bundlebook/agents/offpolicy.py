"""What another policy would have earned, estimated from the episodes of the policy that wrote the log."""

from dataclasses import dataclass

import numpy as np

from bundlebook.agents.exact import as_probabilities, occupancy
from bundlebook.agents.rollout import by_table, play
from bundlebook.agents.worlds import TableWorld
from bundlebook.errors import BundlebookError

#: 97.5 % quantile of the normal distribution.
_Z = 1.959964


@dataclass(frozen=True, eq=False)
class Log:
    """Episodes of a known policy on a :class:`TableWorld`.

    Attributes
    ----------
    state, action : ndarray of int, shape (n, T)
    reward, propensity : ndarray, shape (n, T)
        Reward, and the probability with which the logging policy took the action. 0 and 1 after the end.
    live : ndarray of bool, shape (n, T)
    """

    state: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    propensity: np.ndarray
    live: np.ndarray


def write_log(world: TableWorld, logging: np.ndarray, n: int, *, seed: int) -> Log:
    """Let a policy act in *n* episodes and write down what happened, propensities included.

    Parameters
    ----------
    world : TableWorld
    logging : ndarray, shape (n_states, n_items + 1)
        P(action | state).
    n, seed : int
    """
    chance = as_probabilities(world, logging)
    episodes = play(world, by_table(chance), n, seed=seed)
    known = {row.tobytes(): number for number, row in enumerate(world.members)}
    seen = episodes.seen.reshape(-1, world.n_items) > 0
    state = np.array([known[row.tobytes()] for row in seen]).reshape(episodes.action.shape)
    propensity = np.where(episodes.live, chance[state, episodes.action], 1.0)
    return Log(state, episodes.action, episodes.reward, propensity, episodes.live)


@dataclass(frozen=True)
class Estimate:
    """An estimated value with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
    effective : float
        Effective sample size, in episodes.
    largest : float
        Share of the largest weight in the sum of all.
    """

    value: float
    low: float
    high: float
    effective: float
    largest: float

    def covers(self, truth: float) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= truth <= self.high


#: Names of the estimators, in the order of :func:`estimate`.
ESTIMATORS = ("direct", "IPS", "SNIPS", "doubly robust", "independent slots")


def estimate(world: TableWorld, log: Log, target: np.ndarray) -> dict[str, Estimate]:
    r"""Estimate the value of *target* from a log in five ways.

    With :math:`w_t = \prod_{l \le t} \pi(a_l \mid s_l) / \mu(a_l \mid s_l)` and G the return of an episode:

    =====================  ==========================================================================================
    ``direct``             the target's expected return if P(buy) depended on the item alone, :math:`\hat P_i`
    ``IPS``                mean of :math:`w_T G`
    ``SNIPS``              :math:`\sum w_T G / \sum w_T`
    ``doubly robust``      mean of :math:`\hat V(s_1) + \sum_t w_t (r_t + \hat V(s_{t+1}) - \hat Q(s_t, a_t))`
    ``independent slots``  mean of :math:`\sum_t r_t\, \pi_t(a_t) / \mu_t(a_t)`, with the shares of item a in slot t
    =====================  ==========================================================================================

    The model behind the doubly robust estimate is fitted on one half of the episodes and used on the other, and the
    halves change places. Of the world, only its sets and masks are used, never its probabilities.

    Parameters
    ----------
    world : TableWorld
    log : Log
    target : ndarray
        Policy to be valued: an action per state, or P(action | state).

    Returns
    -------
    dict of str to Estimate

    Raises
    ------
    BundlebookError
        If a propensity is not in (0, 1], or a reward is not finite.

    References
    ----------
    N. Jiang, L. Li: Doubly robust off-policy value evaluation for reinforcement learning. ICML 2016. · A. Swaminathan
    et al.: Off-policy evaluation for slate recommendation. NeurIPS 2017.
    """
    if not ((log.propensity > 0) & (log.propensity <= 1)).all():
        raise BundlebookError(
            "a propensity is not in (0, 1]",
            where="estimate",
            remedy="log the probability of each action that was taken",
        )
    if not np.isfinite(log.reward).all():
        raise BundlebookError("a reward is not finite", where="estimate", remedy="drop the episode, or mend the log")
    pi = as_probabilities(world, target)
    ratio = np.where(log.live, pi[log.state, log.action] / log.propensity, 1.0)
    weight, returns = ratio.cumprod(axis=1), log.reward.sum(axis=1)
    last, n = weight[:, -1], len(returns)
    found = {"direct": _direct(world, log, pi)}
    found["IPS"] = _mean(last * returns, last)
    centre = float((last * returns).sum() / max(last.sum(), 1e-12))
    found["SNIPS"] = _mean(centre + last * (returns - centre) / max(last.mean(), 1e-12), last)
    robust, half = np.zeros(n), np.arange(n) % 2
    for part in (0, 1):
        own = half == part
        q, v = _model(world, _some(log, ~own), pi)
        later = np.where(log.live[own, 1:], v[log.state[own, 1:]], 0.0)
        later = np.concatenate([later, np.zeros((own.sum(), 1))], axis=1)
        error = log.reward[own] + later - q[log.state[own], log.action[own]]
        robust[own] = v[0] + np.where(log.live[own], weight[own] * error, 0.0).sum(axis=1)
    found["doubly robust"] = _mean(robust, last)
    found["independent slots"] = _slots(world, log, pi)
    return {name: found[name] for name in ESTIMATORS}


def _some(log: Log, chosen: np.ndarray) -> Log:
    return Log(*(part[chosen] for part in (log.state, log.action, log.reward, log.propensity, log.live)))


def _mean(values: np.ndarray, weight: np.ndarray) -> Estimate:
    middle, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    total = max(float(weight.sum()), 1e-12)
    effective = total**2 / max(float((weight**2).sum()), 1e-12)
    return Estimate(middle, middle - _Z * error, middle + _Z * error, effective, float(weight.max()) / total)


def _item_means(world: TableWorld, log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Mean reward of each item whatever the bundle held, and its variance; one offer of each pays 0 beforehand."""
    added = log.live & (log.action < world.n_items)
    item, reward = log.action[added], log.reward[added]
    many = np.bincount(item, minlength=world.n_items) + 1.0
    mean = np.bincount(item, weights=reward, minlength=world.n_items) / many
    square = np.bincount(item, weights=reward**2, minlength=world.n_items) / many
    return mean, np.maximum(square - mean**2, 0.0) / many


def _model(world: TableWorld, log: Log, pi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Q and V of the policy if the reward of an item did not depend on the bundle."""
    mean, _ = _item_means(world, log)
    reward = np.broadcast_to(np.append(mean, 0.0), pi.shape)
    q, v = np.zeros(pi.shape), np.zeros(world.n_states)
    size = world.members.sum(axis=1)
    for items in range(world.most - 1, -1, -1):
        rows = np.flatnonzero(size == items)
        later = np.where(world.next[rows] >= 0, v[world.next[rows]], 0.0)
        q[rows] = reward[rows] + later
        v[rows] = (pi[rows] * q[rows]).sum(axis=1)
    return q, v


def _direct(world: TableWorld, log: Log, pi: np.ndarray) -> Estimate:
    mean, variance = _item_means(world, log)
    share = occupancy(world, pi).sum(axis=0)[: world.n_items]  # how often the target offers each item
    value, error = float(share @ mean), float(np.sqrt(share**2 @ variance))
    return Estimate(value, value - _Z * error, value + _Z * error, float(len(log.reward)), 1.0 / len(log.reward))


def _slots(world: TableWorld, log: Log, pi: np.ndarray) -> Estimate:
    size = world.members.sum(axis=1)
    visits = occupancy(world, pi)
    values = np.zeros(len(log.reward))
    weight = np.ones(len(log.reward))
    for slot in range(log.action.shape[1]):
        wanted = visits[size == slot].sum(axis=0)
        shown = np.bincount(log.action[log.live[:, slot], slot], minlength=world.n_items + 1) / len(log.reward)
        ratio = np.where(
            log.live[:, slot], wanted[log.action[:, slot]] / np.maximum(shown[log.action[:, slot]], 1e-12), 0.0
        )
        values += ratio * log.reward[:, slot]
        weight = np.maximum(weight, ratio)
    return _mean(values, weight)
