"""Loops over all pairs of items and over all cells of many tables, compiled by numba (imported when first used)."""

import numpy as np
from numba import njit


@njit(cache=True)
def count_pairs(first_pair, item, bought, n_periods, together, agree, differ):
    """Add every household's 2×2 tables to the upper triangles of three matrices, in place.

    Parameters
    ----------
    first_pair : ndarray of int64, shape (n_users + 1,)
    item : ndarray of int32, shape (n_pairs,)
        Ascending within a user.
    bought : ndarray of bool, shape (n_pairs, n_all_periods)
    n_periods : ndarray of int64, shape (n_users,)
        Periods in which the household shopped.
    together : ndarray of int64, agree, differ : ndarray of float64, all of shape (n_items, n_items)
        Cell a; a·d/T and b·c/T, each summed over households.
    """
    for user in range(len(n_periods)):
        start, stop, total = first_pair[user], first_pair[user + 1], n_periods[user]
        if total == 0:
            continue
        times = np.array([bought[pair].sum() for pair in range(start, stop)])
        for i in range(start, stop):
            n_i = times[i - start]
            for j in range(i + 1, stop):
                n_j, both = times[j - start], 0
                for t in range(bought.shape[1]):
                    both += bought[i, t] & bought[j, t]
                together[item[i], item[j]] += both
                agree[item[i], item[j]] += both * (total - n_i - n_j + both) / total
                differ[item[i], item[j]] += (n_i - both) * (n_j - both) / total


@njit(cache=True)
def fit_tables(p, psi):
    """P(all bought) of the log-linear model without interactions of three, by iterative proportional fitting.

    Parameters
    ----------
    p : ndarray of float64, shape (n_sets, k)
        Strictly between 0 and 1.
    psi : ndarray of float64, shape (n_sets, k, k)

    Returns
    -------
    ndarray of float64, shape (n_sets,)
    """
    n, k = p.shape
    cells = 1 << k
    out, cell = np.empty(n), np.empty(cells)
    for s in range(n):
        for c in range(cells):  # bit i of c says whether item i is bought
            cell[c] = 1.0
            for i in range(k):
                if (c >> i) & 1:
                    cell[c] *= p[s, i] / (1 - p[s, i])
                    for j in range(i + 1, k):
                        if (c >> j) & 1:
                            cell[c] *= psi[s, i, j]
        for _ in range(200):
            moved = 0.0
            for i in range(k):
                bought, total = 0.0, 0.0
                for c in range(cells):
                    total += cell[c]
                    if (c >> i) & 1:
                        bought += cell[c]
                factor = p[s, i] * (total - bought) / ((1 - p[s, i]) * bought)
                moved = max(moved, abs(factor - 1))
                for c in range(cells):
                    if (c >> i) & 1:
                        cell[c] *= factor
            if moved < 1e-7:
                break
        out[s] = cell[cells - 1] / cell.sum()
    return out
