"""Stochastic gradient descent of the pairwise ranking loss, compiled for :class:`~bundlebook.recommenders.BPR`."""

import numpy as np
from numba import njit


@njit(cache=True)
def _bought(item, indices, start, end):
    place = start + np.searchsorted(indices[start:end], item)
    return place < end and indices[place] == item


@njit(cache=True)
def descend(users, items, others, indptr, indices, x, y, bias, rate, l2):
    """Make one step per triple (u, i, j), in order and in place; leave out triples whose j the user bought."""
    for t in range(len(users)):
        u, i, j = users[t], items[t], others[t]
        if _bought(j, indices, indptr[u], indptr[u + 1]):
            continue
        difference = bias[i] - bias[j]
        for f in range(x.shape[1]):
            difference += x[u, f] * (y[i, f] - y[j, f])
        g = 1 / (1 + np.exp(difference))
        for f in range(x.shape[1]):
            xu, yi, yj = x[u, f], y[i, f], y[j, f]
            x[u, f] += rate * (g * (yi - yj) - l2 * xu)
            y[i, f] += rate * (g * xu - l2 * yi)
            y[j, f] += rate * (-g * xu - l2 * yj)
        bias[i] += rate * (g - l2 * bias[i])
        bias[j] += rate * (-g - l2 * bias[j])


@njit(cache=True)
def fold_in(indptr, indices, weight, draws, y, bias, rate, l2):
    """Learn users' vectors while the items' are fixed: the mean over the second half of the steps, (n_users, f)."""
    n_users, n_items = len(indptr) - 1, y.shape[0]
    x = np.zeros((n_users, y.shape[1]))
    for u in range(n_users):
        start, end = indptr[u], indptr[u + 1]
        if start == end or end - start == n_items:
            continue
        bounds = np.cumsum(weight[start:end])
        own, taken = np.zeros(y.shape[1]), 0
        for t in range(len(draws)):
            place = min(np.searchsorted(bounds, draws[t, 0] * bounds[-1], side="right"), end - start - 1)
            i, j = indices[start + place], int(draws[t, 1] * n_items)
            if _bought(j, indices, start, end):
                continue
            difference = bias[i] - bias[j]
            for f in range(y.shape[1]):
                difference += own[f] * (y[i, f] - y[j, f])
            g = 1 / (1 + np.exp(difference))
            for f in range(y.shape[1]):
                own[f] += rate * (g * (y[i, f] - y[j, f]) - l2 * own[f])
            if 2 * t >= len(draws):
                x[u] += own
                taken += 1
        x[u] /= max(taken, 1)
    return x
