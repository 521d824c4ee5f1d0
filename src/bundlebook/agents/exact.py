"""What the best policy earns, and what any policy earns: exactly, by going through all sets from the largest down."""

import numpy as np

from bundlebook.agents.worlds import TableWorld
from bundlebook.errors import BundlebookError


def backward_induction(
    world: TableWorld, gamma: float = 1.0, epsilon: float = 0.0, reward: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Solve Bellman's equation from the full bundles back to the empty one.

    .. math:: Q^*(s, a) = R(s, a) + \gamma V^*(s \cup a), \qquad
              V^*(s) = (1 - \varepsilon) \max_a Q^*(s, a) + \frac{\varepsilon}{|A(s)|} \sum_{a \in A(s)} Q^*(s, a)

    Every action adds an item or ends the episode, so one pass over the sets by falling size is enough.

    Parameters
    ----------
    world : TableWorld
    gamma : float
        Discount γ in [0, 1].
    epsilon : float
        Share ε of the steps at which the policy acts at random. 0 gives the optimum; above 0, the best policy among
        those that explore, which is what SARSA learns.
    reward : ndarray, shape (n_states, n_items + 1), optional
        Takes the place of ``world.reward``, for example a shaped one.

    Returns
    -------
    values : ndarray, shape (n_states,)
        V; 0 for full bundles.
    action_values : ndarray, shape (n_states, n_items + 1)
        Q; -inf where an action is not allowed.

    References
    ----------
    R. Sutton, A. Barto: Reinforcement Learning, 2nd edition 2018, chapters 3 and 4.
    """
    if not (0 <= gamma <= 1 and 0 <= epsilon <= 1):
        raise BundlebookError(
            f"gamma {gamma}, epsilon {epsilon}", where="backward_induction", remedy="let both lie in [0, 1]"
        )
    reward = world.reward if reward is None else np.asarray(reward, dtype=np.float64)
    if not np.isfinite(reward[world.allowed]).all():
        raise BundlebookError("a reward is not finite", where="backward_induction", remedy="give a finite number")
    values = np.zeros(world.n_states)
    action_values = np.full(world.next.shape, -np.inf)
    size = world.members.sum(axis=1)
    for items in range(world.most - 1, -1, -1):
        rows = np.flatnonzero(size == items)
        allowed = world.allowed[rows]
        later = np.where(world.next[rows] >= 0, values[world.next[rows]], 0.0)
        q = np.where(allowed, reward[rows] + gamma * later, -np.inf)
        mean = np.where(allowed, q, 0.0).sum(axis=1) / allowed.sum(axis=1)
        values[rows] = (1 - epsilon) * q.max(axis=1) + epsilon * mean
        action_values[rows] = q
    return values, action_values


def greedy_policy(action_values: np.ndarray) -> np.ndarray:
    """Return the best action of each state, shape (n_states,); the first of equals. Full bundles get action 0."""
    return np.where(np.isfinite(action_values), action_values, -np.inf).argmax(axis=1)


def as_probabilities(world: TableWorld, policy: np.ndarray, epsilon: float = 0.0) -> np.ndarray:
    """Write a policy as P(action | state), shape (n_states, n_items + 1), 0 where not allowed.

    Parameters
    ----------
    world : TableWorld
    policy : ndarray
        An action per state, or probabilities.
    epsilon : float
        Share of the steps that are drawn from all allowed actions.

    Raises
    ------
    BundlebookError
        If the policy takes an action outside of the mask, or does not add up to 1.
    """
    policy, allowed = np.asarray(policy), world.allowed
    open_ = np.asarray(allowed.any(axis=1))
    if policy.ndim == 1:
        policy = np.eye(world.n_items + 1)[policy]
    policy = np.where(open_[:, None], policy, 0.0)
    outside = (policy > 1e-12) & ~allowed
    if outside.any():
        state, action = np.argwhere(outside)[0]
        bundle = " + ".join(world.bundle(state)) or "the empty bundle"
        raise BundlebookError(f"action {action} is not allowed", where=bundle, remedy="apply the mask to the policy")
    if not np.allclose(policy.sum(axis=1), open_):
        raise BundlebookError(
            "the probabilities of a state do not add up to 1", where="policy", remedy="divide by the sum"
        )
    uniform = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
    return (1 - epsilon) * policy + epsilon * uniform


def policy_values(world: TableWorld, policy: np.ndarray, gamma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    r"""Expected return of a policy from every set on.

    .. math:: V^\pi(s) = \sum_a \pi(a \mid s) \bigl(R(s, a) + \gamma V^\pi(s \cup a)\bigr)

    Parameters
    ----------
    world : TableWorld
    policy : ndarray
        An action per state (n_states,), or P(action | state).
    gamma : float

    Returns
    -------
    values, action_values
        V of shape (n_states,), and Q with -inf where an action is not allowed.
    """
    chance, reward = as_probabilities(world, policy), world.reward
    values, action_values = np.zeros(world.n_states), np.full(world.next.shape, -np.inf)
    size = world.members.sum(axis=1)
    for items in range(world.most - 1, -1, -1):
        rows = np.flatnonzero(size == items)
        later = np.where(world.next[rows] >= 0, values[world.next[rows]], 0.0)
        q = np.where(world.allowed[rows], reward[rows] + gamma * later, -np.inf)
        values[rows] = (chance[rows] * np.where(world.allowed[rows], q, 0.0)).sum(axis=1)
        action_values[rows] = q
    return values, action_values


def occupancy(world: TableWorld, policy: np.ndarray) -> np.ndarray:
    """P(an episode passes through a state and takes an action there), shape (n_states, n_items + 1)."""
    chance = as_probabilities(world, policy)
    reached = np.zeros(world.n_states)
    reached[0] = 1.0
    visits = np.zeros(chance.shape)
    for state in range(world.n_states):  # by size, so that what leads here was passed before
        visits[state] = reached[state] * chance[state]
        grows = world.next[state] >= 0
        np.add.at(reached, world.next[state][grows], visits[state][grows])
    return visits


def myopic_policy(world: TableWorld) -> np.ndarray:
    """Greedy with STOP: add the item with the largest expected reward now, stop where none is above 0.

    Returns
    -------
    ndarray of int, shape (n_states,)
    """
    reward = np.where(world.allowed, world.reward, -np.inf)
    best = reward[:, : world.n_items].argmax(axis=1)
    return np.where(reward[np.arange(world.n_states), best] > 0, best, world.n_items)


def fixed_size_policy(world: TableWorld, size: int) -> np.ndarray:
    """Always offer *size* items, each time the one with the largest expected reward now.

    Returns
    -------
    ndarray of int, shape (n_states,)
    """
    if not 0 <= size <= world.most:
        raise BundlebookError(
            f"bundles of {size} items in a world of at most {world.most}", where="fixed_size_policy", remedy="lower it"
        )
    reward = np.where(world.allowed, world.reward, -np.inf)[:, : world.n_items]
    return np.where(world.members.sum(axis=1) < size, reward.argmax(axis=1), world.n_items)


def shaped(world: TableWorld, potential: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    r"""Add the differences of a potential to the rewards.

    .. math:: R'(s, a) = R(s, a) + \gamma\,\Phi(s \cup a) - \Phi(s), \qquad \Phi = 0 \text{ at the end}

    On the way to the end the potentials cancel, all but Φ(∅); so every policy changes by the same amount, and the
    best stays the best.

    Parameters
    ----------
    world : TableWorld
    potential : ndarray, shape (n_states,)
        Φ of each set. A full bundle is an end, so its Φ does not count.
    gamma : float

    Returns
    -------
    ndarray, shape (n_states, n_items + 1)

    References
    ----------
    A. Ng, D. Harada, S. Russell: Policy invariance under reward transformations. ICML 1999.
    """
    phi = np.where(world.full, 0.0, np.asarray(potential, dtype=np.float64))
    return world.reward + gamma * np.where(world.next >= 0, phi[world.next], 0.0) - phi[:, None]
