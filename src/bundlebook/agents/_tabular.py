"""The loops of tabular learning, compiled by numba; they take NumPy's generator, so plain Python draws the same."""

import numpy as np
from numba import njit


@njit(cache=True)
def best_of(q, follows, state):
    """Best allowed action of a state; the first of equals, -1 if none is allowed."""
    best = -1
    for action in range(q.shape[1]):
        if follows[state, action] != -2 and (best < 0 or q[state, action] > q[state, best]):
            best = action
    return best


@njit(cache=True)
def any_of(follows, state, rng):
    """An allowed action, drawn uniformly."""
    many = 0
    for action in range(follows.shape[1]):
        many += follows[state, action] != -2
    wanted = int(rng.random() * many)
    for action in range(follows.shape[1]):
        if follows[state, action] != -2:
            if wanted == 0:
                return action
            wanted -= 1
    return -1


@njit(cache=True)
def learn(follows, p, win, lose, reward, episodes, first, last, power, start, kind, seen_at, rng):
    """Learn Q from episodes.

    kind 0 is Q-learning, 1 SARSA, 2 double Q; exploration falls from *first* to *last* in a straight line. Returns Q
    after each number of episodes in *seen_at*, and the expected reward that each episode earned by its actions.
    """
    n_states, n_actions = follows.shape
    stop = n_actions - 1
    q = np.full((2, n_states, n_actions), start)
    q[:, :, stop] = 0.0
    visits = np.zeros((2, n_states, n_actions))
    kept = np.zeros((len(seen_at), n_states, n_actions))
    earned = np.zeros(episodes)
    both = q[0].copy()
    mark = 0
    for episode in range(episodes):
        epsilon = first + (last - first) * episode / episodes
        state = 0
        action = any_of(follows, state, rng) if rng.random() < epsilon else best_of(both, follows, state)
        while True:
            after = follows[state, action]
            earned[episode] += reward[state, action]
            gain = 0.0
            if action != stop:
                gain = win[state, action] if rng.random() < p[state, action] else lose[state, action]
            over = after == -1 or follows[after, stop] == -2
            following = -1
            if not over:
                following = any_of(follows, after, rng) if rng.random() < epsilon else best_of(both, follows, after)
            mine = int(rng.random() < 0.5) if kind == 2 else 0
            target = gain
            if not over:
                if kind == 1:
                    target += q[0, after, following]
                elif kind == 2:
                    target += q[1 - mine, after, best_of(q[mine], follows, after)]
                else:
                    target += q[0, after, best_of(q[0], follows, after)]
            visits[mine, state, action] += 1
            q[mine, state, action] += (target - q[mine, state, action]) / visits[mine, state, action] ** power
            both[state, action] = (q[0, state, action] + q[1, state, action]) / 2 if kind == 2 else q[0, state, action]
            if over:
                break
            state, action = after, following
        if mark < len(seen_at) and episode + 1 == seen_at[mark]:
            kept[mark] = both
            mark += 1
    return kept, earned
