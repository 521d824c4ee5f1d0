"""Answers that students have given, and the words in the message that tell them what to look at."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit

from bundlebook.exercises import check


def sorted_order(p, alpha):
    n = len(p)
    return np.sort(p) <= alpha * np.arange(1, n + 1) / n


def joins_unsorted(frequent):
    found = set()
    for a in frequent:
        for b in frequent:
            if a != b and tuple(a)[:-1] == tuple(b)[:-1] and all((a | b) - {i} in frequent for i in a | b):
                found.add(a | b)
    return found


def does_not_prune(frequent):
    k = len(next(iter(frequent)))
    ordered = [tuple(sorted(a)) for a in frequent]
    return {frozenset(a + b[-1:]) for a in ordered for b in ordered if a[:-1] == b[:-1] and a[-1] < b[-1] and k}


def writes_to_a_copy(M, swaps):
    now = M.copy()
    for a, b, i, j in swaps:
        if M[a, i] == 1 and M[a, j] == 0 and M[b, j] == 1 and M[b, i] == 0:
            now[a, i], now[a, j], now[b, j], now[b, i] = 0, 1, 0, 1
    return now


def returns_early(M, swaps):
    now = M.copy()
    for a, b, i, j in swaps:
        if now[a, i] and not now[a, j] and now[b, j] and not now[b, i]:
            now[a, i], now[a, j], now[b, j], now[b, i] = 0, 1, 0, 1
        return now


def nudges_an_alias(loss, theta, epsilon):
    slopes = np.zeros(len(theta))
    for k in range(len(theta)):
        up = theta
        up[k] += epsilon
        down = theta
        down[k] -= epsilon
        slopes[k] = (loss(up) - loss(down)) / (2 * epsilon)
    return slopes


def nudges_there_and_back(loss, theta, epsilon):
    slopes = np.zeros(len(theta))
    for k in range(len(theta)):
        theta[k] += epsilon
        up = loss(theta)
        theta[k] -= 2 * epsilon
        slopes[k] = (up - loss(theta)) / (2 * epsilon)
        theta[k] += epsilon
    return slopes


def gru_memory(h, x_z, x_r, x_n, u_z, u_r, u_n):
    z, r = expit(x_z + u_z * h), expit(x_r + u_r * h)
    return z * h + (1 - z) * np.tanh(x_n + r * u_n * h)


def measures_the_gru(step):
    return lambda h, *weights: (gru_memory(h + step, *weights) - gru_memory(h - step, *weights)) / (2 * step)


def forgets_h(h, x_z, x_r, x_n, u_z, u_r, u_n):
    z, r = expit(x_z + u_z * h), expit(x_r + u_r * h)
    n = np.tanh(x_n + r * u_n * h)
    return z - n * z * (1 - z) * u_z + (1 - z) * (1 - n**2) * u_n * (r + h * r * (1 - r) * u_r)


def goes_below_the_first_period(H, X, E, U, a, k):
    total = np.zeros((len(a), len(a) + X.shape[1]))
    for t in range(len(X)):
        stream = a * E[t].sum()
        for s in range(t, t - k, -1):
            delta = stream * H[s + 1] * (1 - H[s + 1])
            total += np.outer(delta, np.concatenate([H[s], X[s]]))
            stream = U.T @ delta
    return total


def eclat(baskets, min_count, longest=6, key=tuple):
    items = sorted(set().union(*baskets))
    sets = [s for k in range(1, longest + 1) for s in combinations(items, k)]
    counts = {s: sum(set(s) <= basket for basket in baskets) for s in sets}
    return {key(s): count for s, count in counts.items() if count >= min_count}


ANSWERS = {
    "03.1": [
        (lambda B, A, C: sum(b >= A and bool(C & b) for b in B) / sum(b >= A for b in B), "All items of C"),
        (lambda B, A, C: sum(b == (A | C) for b in B) / sum(b >= A for b in B), "holds more, too"),
        (lambda B, A, C: sum(b == (A | C) for b in B) / sum(b == A for b in B), "holds more, too"),
        (lambda B, A, C: sum(b >= A & C for b in B) / sum(b >= A for b in B), "no item"),
        (lambda B, A, C: sum(bool(A & C & b) for b in B) / sum(b >= A for b in B), "A & C has no item"),
        (lambda B, A, C: sum(b == A & C for b in B) / len(B), "A & C has no item"),
    ],
    "03.3": [
        (
            lambda F: {
                a | b
                for a in F
                for b in F
                if len(a | b) == len(a) + 1 and all(frozenset(s) in F for s in combinations(a | b, 2))
            },
            "Right for pairs",
        ),
        (
            lambda F: {a | b for a in F for b in F if len(a | b) == len(a) + 1 and a ^ b in F},
            "Right for pairs",
        ),
        (joins_unsorted, "no order"),
        (does_not_prune, "do not prune"),
        (lambda F: {a | b for a in F for b in F if len(a & b) == len(a) - 1}, "do not prune"),
    ],
    "03.4": [
        (lambda baskets, least: eclat(baskets, least, key=lambda s: s[0] if len(s) == 1 else s), "(item,)"),
        (lambda baskets, least: eclat(baskets, least, longest=3), "beyond"),
    ],
    "03.5": [
        (sorted_order, "in the order of the sorted p"),
        (lambda p, alpha: np.flatnonzero(sorted_order(p, alpha)), "one True or False for each"),
        (lambda p, alpha: np.sort(p)[sorted_order(p, alpha)], "one True or False for each"),
    ],
    "03.6": [
        (writes_to_a_copy, "as the earlier swaps have left it"),
        (returns_early, "all swaps, in order"),
        (lambda M, swaps: deals(M, swaps[::-1]), "in the order given"),
    ],
    "04.1": [(lambda h, arriving, U: -U.T @ (arriving * (1 - h**2)), "sign is turned")],
    "04.4": [(nudges_an_alias, "does not copy"), (nudges_there_and_back, "does not restore the input exactly")],
    "04.5": [
        (measures_the_gru(1e-3), "measured a slope"),
        (measures_the_gru(1e-6), "measured a slope"),
        (forgets_h, "The first is missing"),
    ],
    "04.6": [(goes_below_the_first_period, "Stop at period 0")],
}


def deals(M, swaps):
    now = M.copy()
    for a, b, i, j in swaps:
        if now[a, i] and not now[a, j] and now[b, j] and not now[b, i]:
            now[a, i], now[a, j], now[b, j], now[b, i] = 0, 1, 0, 1
    return now


@pytest.mark.parametrize(
    ("id", "answer", "said"),
    [(id, answer, said) for id, answers in ANSWERS.items() for answer, said in answers],
)
def test_a_student_is_told_what_to_look_at(id, answer, said):
    verdict = check(id, answer)
    assert verdict.state == "not yet"
    assert said in verdict.message
