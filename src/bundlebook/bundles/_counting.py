"""Loops over all pairs of items and over all cells of many tables, compiled by numba (imported when first used)."""

import numpy as np
from numba import njit


@njit(cache=True)
def count_pairs(first_pair, item, bought, n_periods, together, agree, differ):
    """Add every user's 2×2 tables to the upper triangles of three matrices, in place.

    Parameters
    ----------
    first_pair : ndarray of int64, shape (n_users + 1,)
    item : ndarray of int32, shape (n_pairs,)
        Ascending within a user.
    bought : ndarray of bool, shape (n_pairs, n_all_periods)
    n_periods : ndarray of int64, shape (n_users,)
        Periods in which the user shopped.
    together : ndarray of int64, agree, differ : ndarray of float64, all of shape (n_items, n_items)
        Cell a; a·d/T and b·c/T, each summed over users.
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
def fit_tables(p, psi, both, by_pairs):
    """P(all bought) of a log-linear model without interactions of three, by iterative proportional fitting.

    Parameters
    ----------
    p : ndarray of float64, shape (n_sets, k)
        Strictly between 0 and 1.
    psi : ndarray of float64, shape (n_sets, k, k)
        Odds ratios of the table that the fitting starts with.
    both : ndarray of float64, shape (n_sets, k, k)
        P(both) of each pair.
    by_pairs : bool
        Scale the cells to the four probabilities of each pair in turn; otherwise to p of each item, which keeps *psi*.

    Returns
    -------
    ndarray of float64, shape (n_sets,)
    """
    n, k = p.shape
    cells = 1 << k
    out, cell = np.empty(n), np.empty(cells)
    wanted, factor = np.empty(4), np.empty(4)
    for s in range(n):
        for c in range(cells):  # bit i of c says whether item i is bought
            cell[c] = 1.0
            for i in range(k):
                cell[c] *= p[s, i] if (c >> i) & 1 else 1 - p[s, i]
                for j in range(i + 1, k):
                    if (c >> i) & 1 and (c >> j) & 1:
                        cell[c] *= psi[s, i, j]
        for _ in range(200):
            moved = 0.0
            for i in range(k):
                for j in range(i + 1 if by_pairs else i, k if by_pairs else i + 1):
                    # i == j: an item alone, whose two mixed cells are empty
                    wanted[3] = both[s, i, j] if i != j else p[s, i]
                    wanted[1], wanted[2] = p[s, i] - wanted[3], p[s, j] - wanted[3]
                    wanted[0] = max(0.0, 1 - wanted[1] - wanted[2] - wanted[3])
                    factor[:] = 0.0
                    for c in range(cells):
                        factor[((c >> i) & 1) + 2 * ((c >> j) & 1)] += cell[c]
                    for q in range(4):
                        factor[q] = wanted[q] / factor[q] if factor[q] > 0 else 1.0
                        if wanted[q] > 0:
                            moved = max(moved, abs(factor[q] - 1))
                    for c in range(cells):
                        cell[c] *= factor[((c >> i) & 1) + 2 * ((c >> j) & 1)]
            if moved < 1e-6:
                break
        out[s] = cell[cells - 1]
    return out
