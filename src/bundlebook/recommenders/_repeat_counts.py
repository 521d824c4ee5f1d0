"""What counting knows of every (user, item) pair after each basket: one walk through each user's baskets, compiled."""

import numpy as np
from numba import njit

#: Half-lives of the counts that fade with time, in days.
HALF_LIVES = np.array([14.0, 45.0, 150.0])
#: Weights per basket of age of the counts that fade from visit to visit.
DECAYS = np.array([0.6, 0.85, 0.95])
#: Features of a pair, F.
N_FEATURES = 10 + len(HALF_LIVES) + len(DECAYS)
#: Added to a count before its logarithm is taken.
FLOOR = 0.02
#: Added to the days between an item's first and last purchase: one purchase alone has a gap, too.
GAP = 28.0
#: Largest waiting time, in mean gaps.
MOST_GAPS = 10.0


@njit(cache=True)
def repeat_features(indptr, indices, units, day, begin, stop, asked, n_items, item, features):  # pragma: no cover
    r"""Write the features of every item a user has bought so far, after each of the user's latest baskets.

    With n the baskets that held the item, N all baskets so far, d(x) the days from x to the day asked about, the sums
    over the baskets so far, and [i] = 1 for a basket that holds the item:

    =========  ==================================================================================
    0          n / (1 + N), the share of baskets; above 0 says that the item is known
    1          log(0.05 + n) − log(1 + N)
    2 … 4      log(FLOOR + Σ 2^(−d/H) [i]) − log(1 + Σ 2^(−d/H)) per half-life H; the last sum as of the last basket
    5 … 7      the same with λ^(baskets since) in place of 2^(−d/H)
    8, 9       log(1 + days), log(1 + baskets) since the item was last bought
    10         log of the mean gap between two purchases of it, (last − first + GAP) / n days
    11         days since the last purchase over the mean gap, at most MOST_GAPS
    12, 13     log(1 + n); log of units a purchase
    14         log(1 + days since it was first bought)
    15         whether the last basket held it
    =========  ==================================================================================

    Parameters
    ----------
    indptr, indices : ndarray of int
    units : ndarray of float32
        The baskets as a CSR matrix (n_baskets, n_items), sorted by user and time.
    day : ndarray of int64, shape (n_baskets,)
    begin, stop : ndarray of int64, shape (B,)
        Baskets ``begin[b]:stop[b]`` of a user are read.
    asked : ndarray of int64, shape (n_baskets,)
        The day asked about after each basket.
    n_items : int
    item : ndarray of int32, shape (B, K), zeros
        Out: items in the order in which the user first bought them.
    features : ndarray of float32, shape (B, K, T, F), zeros
        Out: for the last T baskets; those of a user with fewer stand at the end. K has to suffice for every user.
    """
    places, n_steps = features.shape[1], features.shape[2]
    slot = np.full(n_items, -1, np.int64)
    for b in range(len(begin)):
        count = 0
        bought, amount = np.zeros(places), np.zeros(places)
        first_day, last_day = np.zeros(places, np.int64), np.zeros(places, np.int64)
        last_basket = np.zeros(places, np.int64)
        by_day, by_visit = np.zeros((len(HALF_LIVES), places)), np.zeros((len(DECAYS), places))
        all_by_day, all_by_visit = np.zeros(len(HALF_LIVES)), np.zeros(len(DECAYS))
        for t in range(begin[b], stop[b]):
            passed = day[t] - day[t - 1] if t > begin[b] else 0
            for h in range(len(HALF_LIVES)):
                all_by_day[h] = all_by_day[h] * 2.0 ** (-passed / HALF_LIVES[h]) + 1
            for g in range(len(DECAYS)):
                all_by_visit[g] = all_by_visit[g] * DECAYS[g] + 1
            for entry in range(indptr[t], indptr[t + 1]):
                k = slot[indices[entry]]
                if k < 0:
                    k = count
                    count += 1
                    slot[indices[entry]] = k
                    item[b, k] = indices[entry]
                    first_day[k], last_day[k], last_basket[k] = day[t], day[t], t
                for h in range(len(HALF_LIVES)):
                    by_day[h, k] = by_day[h, k] * 2.0 ** (-(day[t] - last_day[k]) / HALF_LIVES[h]) + 1
                for g in range(len(DECAYS)):
                    by_visit[g, k] = by_visit[g, k] * DECAYS[g] ** (t - last_basket[k]) + 1
                bought[k] += 1
                amount[k] += units[entry]
                last_day[k], last_basket[k] = day[t], t
            step = t - (stop[b] - n_steps)
            if step < 0:
                continue
            baskets = t - begin[b] + 1
            for k in range(count):
                since, of = asked[t] - last_day[k], features[b, k, step]
                of[0] = bought[k] / (1 + baskets)
                of[1] = np.log(0.05 + bought[k]) - np.log(1.0 + baskets)
                column = 2
                for h in range(len(HALF_LIVES)):
                    faded = by_day[h, k] * 2.0 ** (-since / HALF_LIVES[h])
                    of[column] = np.log(FLOOR + faded) - np.log(1 + all_by_day[h])
                    column += 1
                for g in range(len(DECAYS)):
                    faded = by_visit[g, k] * DECAYS[g] ** (t - last_basket[k])
                    of[column] = np.log(FLOOR + faded) - np.log(1 + all_by_visit[g])
                    column += 1
                gap = (last_day[k] - first_day[k] + GAP) / bought[k]
                of[column] = np.log1p(float(since))
                of[column + 1] = np.log1p(float(t - last_basket[k]))
                of[column + 2] = np.log(gap)
                of[column + 3] = min(since / gap, MOST_GAPS)
                of[column + 4] = np.log1p(bought[k])
                of[column + 5] = np.log(amount[k] / bought[k])
                of[column + 6] = np.log1p(float(asked[t] - first_day[k]))
                of[column + 7] = 1.0 if last_basket[k] == t else 0.0
        for k in range(count):
            slot[item[b, k]] = -1
