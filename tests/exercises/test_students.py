"""Answers that students have given, and the words in the message that tell them what to look at."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, softmax

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


def from_the_dearest(p, price, size):
    bundle = [int(np.argmax(price))]
    while len(bundle) < size:
        rest = [i for i in range(len(p)) if i not in bundle]
        values = [np.prod(p[[*bundle, i]]) * price[[*bundle, i]].sum() for i in rest]
        if max(values) <= np.prod(p[bundle]) * price[bundle].sum():
            break
        bundle.append(rest[int(np.argmax(values))])
    return bundle


def items_outside(table, p, rounds):
    table = table.copy()
    for i in range(3):
        for _ in range(rounds):
            view = np.moveaxis(table, i, 0)
            view[1] *= p[i] / view[1].sum()
            view[0] *= (1 - p[i]) / view[0].sum()
    return table


def divides_by_the_total(table, p, rounds):
    table = table.copy()
    for _ in range(rounds):
        for i in range(3):
            view, total = np.moveaxis(table, i, 0), table.sum()
            view[1] *= p[i] / total
            view[0] *= (1 - p[i]) / total
    return table


def page_of(t, items, given, k, budget, pairs=pairwise, last=1, shown=list):
    best, chosen = 0.0, []
    for size in range(1, k + last):
        for page in combinations(range(len(t)), size):
            if any(items[a] & items[b] for a, b in pairs(page)) or sum(given[list(page)]) > budget:
                continue
            if t[list(page)].sum() > best:
                best, chosen = t[list(page)].sum(), shown(page)
    return chosen


def pages(**kind):
    return lambda t, items, given, k, budget: page_of(t, items, given, k, budget, **kind)


def every_pair(page):
    return combinations(page, 2)


def returns_items(t, items, given, k, budget):
    return [items[place] for place in page_of(t, items, given, k, budget, every_pair)]


def eclat(baskets, min_count, longest=6, key=tuple):
    items = sorted(set().union(*baskets))
    sets = [s for k in range(1, longest + 1) for s in combinations(items, k)]
    counts = {s: sum(set(s) <= basket for basket in baskets) for s in sets}
    return {key(s): count for s, count in counts.items() if count >= min_count}


def attends_and_tells(Q, K, V):
    A = softmax(Q @ K.T / np.sqrt(K.shape[1]), axis=1)
    return A @ V, A


def reads(allowed):
    def answer(S, size):
        there = allowed(np.arange(S.shape[1]), size[:, None], S.shape[1])
        return softmax(np.where(there, S, -1e9), axis=1) * there

    return answer


def first_places(S, size):
    return np.arange(S.shape[1]) < size[:, None]


def barely_masks(S, size):
    return softmax(np.where(first_places(S, size), S, -10), axis=1) * (size[:, None] > 0)


def masks_scores_and_weights(S, size):
    return softmax(S * first_places(S, size), axis=1) * first_places(S, size)


def shares(score, cart, axis=1):
    return softmax(np.where(cart == 1, -1e9, score), axis=axis)


def smooths_columns(A):
    linked = A + np.eye(len(A))
    return linked / linked.sum(axis=0)


def fills_a_matrix(x, source, target, weight):
    matrix = np.zeros((len(x), len(x)))
    matrix[target, source] = weight
    return matrix @ x


def shares_below(score, target, n, most):
    e = np.exp(score - most(score, target, n))
    return e / np.bincount(target, weights=e, minlength=n)[target]


def largest_from_zero(score, target, n):
    most = np.zeros(n)
    np.maximum.at(most, target, score)
    return most[target]


def adamic_adar(A, left=False):
    d = A.sum(axis=1)
    weight = np.divide(1, np.log(np.maximum(d, 1)), out=np.zeros(len(d)), where=d > 1)
    table = A @ A * weight if left else A @ (weight[:, None] * A)
    np.fill_diagonal(table, 0)
    return table


def ease_of_users(X, T, l2, kernel):
    Y = np.linalg.solve(kernel(X, T) + l2 * np.eye(len(X)), X)
    return X - l2 * Y / (1 - (X * Y).sum(axis=0))


def goes_back(Q, K, V, G, mean=1, forward=1, back=1):
    root = np.sqrt(K.shape[1])
    A = softmax(Q @ K.T / root**forward, axis=1)
    dA = G @ V.T
    delta = A * (dA - mean * (A * dA).sum(axis=1, keepdims=True))
    return delta @ K / root**back, delta.T @ Q / root**back, A.T @ G


def mean_rates(arms, clicks, n_arms, looks=2):
    shown = np.array([(arms == arm).sum() for arm in range(n_arms)])
    return (1 + np.array([clicks[arms == arm].sum() for arm in range(n_arms)])) / (looks + shown)


def spread(before):
    return before.std(ddof=1) * np.sqrt(1 + 1 / len(before))


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
    "09.1": [
        (lambda M, D: M / (M - D) if D <= M / 2 or M > D else 1.0, "as large as the margin or larger"),
        (lambda M, D: float("inf"), "A factor exists here"),
        (lambda M, D: M / (M - M * D) if D < 1 else float("inf"), "D is money"),
    ],
    "09.2": [
        (lambda P, d, epsilon: min(1, P * (1 - d) ** -epsilon), "cut it off at 1"),
        (lambda P, d, epsilon: 1 - (1 - P) ** ((1 - d / 100) ** -epsilon), "a share already"),
        (lambda P, d, epsilon: 1 - (1 - P) * (1 - d) ** -epsilon, "as a power"),
    ],
    "09.3": [
        (from_the_dearest, "earns most alone"),
        (lambda p, price, size: (from_the_dearest(p, price, size), 1.0), "Return only the list"),
    ],
    "09.4": [(items_outside, "rounds outside, items inside"), (divides_by_the_total, "its own sum")],
    "09.5": [
        (lambda v: np.array([not (v >= one).all(axis=1).any() for one in v]), "it beats itself"),
        (lambda v: [0, 2, 3], "one True or False for each"),
    ],
    "09.6": [
        (pages(), "not neighbours"),
        (pages(pairs=every_pair, last=0), "one bundle short"),
        (pages(pairs=every_pair, shown=lambda page: list(page)[::-1]), "not sorted"),
        (returns_items, "Return the places"),
        (lambda t, items, given, k, budget: page_of(t, items, given, min(k, 2), budget, every_pair), "more than two"),
        (lambda t, items, given, k, budget: page_of(t, items, given, min(k, 3), budget, every_pair), "four bundles"),
        (lambda t, items, given, k, budget: page_of(t, items, given, len(t), budget, every_pair), "at most k"),
    ],
    "11.1": [
        (lambda d, hidden: 4 * d * d + 2 * d * hidden + hidden + d + 4 * d, "biases of the four square matrices"),
        (lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden + hidden + d, "shift of each of two layer norms"),
        (lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden + 4 * d, "inner layer has two biases"),
        (lambda d, hidden: 4 * d * d + 2 * d * hidden + 4 * d, "Some biases or the layer norms"),
    ],
    "11.2": [
        (lambda Q, K, V: softmax(Q @ K.T / np.sqrt(len(K)), axis=1) @ V, "number of keys"),
        (lambda Q, K, V: softmax(Q @ K.T / np.sqrt(K.shape[1])) @ V, "over the whole table"),
        (lambda Q, K, V: softmax(Q @ K.T, axis=1) / np.sqrt(K.shape[1]) @ V, "before the softmax"),
        (attends_and_tells, "Only the outputs"),
    ],
    "11.3": [
        (reads(lambda place, size, n: place >= size), "turned round"),
        (reads(lambda place, size, n: place >= n - size), "first size[b] places"),
        (barely_masks, "exactly 0"),
        (masks_scores_and_weights, "should sum to 1"),
    ],
    "11.4": [(lambda a, g: a * ((a * g).sum(axis=1, keepdims=True) - g), "sign is turned round")],
    "11.5": [
        (lambda score, cart, hidden: -np.log(shares(score, cart)[:, hidden]).mean(), "one row, one column"),
        (lambda score, cart, hidden: -np.log(shares(score, cart)[range(5), hidden].mean()), "logarithm of the mean"),
        (lambda score, cart, hidden: -np.log(shares(score, cart, None)[range(5), hidden]).mean(), "softmax of its own"),
        (lambda score, cart, hidden: -np.log2(shares(score, cart)[range(5), hidden]).mean(), "base 2"),
        (lambda score, cart, hidden: -score[range(5), hidden].mean(), "Those are scores"),
    ],
    "11.6": [
        (lambda Q, K, V, G: goes_back(Q, K, V, G, mean=0), "lacks the weighted mean"),
        (lambda Q, K, V, G: goes_back(Q, K, V, G, forward=0, back=0), "neither on the way forward"),
        (lambda Q, K, V, G: goes_back(Q, K, V, G, back=2), "by the root once"),
    ],
    "12.1": [(smooths_columns, "column's own sum")],
    "12.2": [(fills_a_matrix, "same source and target")],
    "12.3": [
        (lambda score, target, n: shares_below(score, target, n, lambda *given: score.max()), "own largest score"),
        (lambda score, target, n: shares_below(score, target, n, largest_from_zero), "own largest score"),
        (lambda score, target, n: shares_below(score, target, n, lambda *given: 0), "overflow"),
    ],
    "12.4": [
        (lambda A: adamic_adar(A) * (1 - A), "without an edge"),
        (lambda A: np.triu(adamic_adar(A)), "one half"),
        (lambda A: adamic_adar(A, left=True), "1 / ln 3"),
        (lambda A: adamic_adar(A) * np.log(2), "1 / ln 3"),
    ],
    "12.5": [
        (lambda X, T, l2: ease_of_users(X, T, l2, lambda X, T: X @ X.T), "leave T out"),
        (lambda X, T, l2: ease_of_users(np.hstack([X, T]), T, l2, lambda X, T: X @ X.T), "(7, 13)"),
        (lambda X, T, l2: ease_of_users(X, T, l2, lambda X, T: X @ X.T * (T @ T.T)), "usual way"),
    ],
    "14.1": [
        (lambda count, days, half, bought: count * 0.5 ** (days // half) + bought, "whole half-life"),
        (lambda count, days, half, bought: count * 2 ** (days / half) + bought, "The old count grows"),
        (lambda count, days, half, bought: np.where(bought, 1, count * 2 ** (-days / half)), "the old count is lost"),
        (lambda count, days, half, bought: count * (1 - days / (2 * half)) + bought, "straight line"),
    ],
    "14.2": [
        (lambda a, b, c: [b.mean() / a.mean() - 1, (c.mean() - b.mean()) / a.mean()], "by the frozen mean"),
        (lambda a, b, c: np.diff([a.mean(), b.mean(), c.mean()]) / (c.mean() - a.mean()), "shares of the whole gain"),
        (lambda a, b, c: np.diff(np.median([a, b, c], axis=1)) / np.median([a, b], axis=1), "0.2, 0.3 and 0.36"),
    ],
    "14.3": [
        (lambda rates, arms: np.cumsum(rates[0] - rates[arms]), "with the first arm"),
        (lambda rates, arms: np.cumsum(np.maximum.accumulate(rates[arms]) - rates[arms]), "shown so far"),
        (lambda rates, arms: np.r_[0, np.cumsum(rates.max() - rates[arms])[:-1]], "leave out the round itself"),
        (lambda rates, arms: np.cumsum(rates[arms] < rates.max()), "You count rounds"),
    ],
    "14.4": [
        (lambda P, a: P - np.outer(P @ a, a @ P) / (1 + a @ a), "denominator holds aᵀa"),
        (lambda P, a: P - P @ np.outer(a, a) / (1 + a @ P @ a), "one side of aaᵀ"),
    ],
    "14.5": [
        (lambda arms, clicks, late, n: mean_rates(arms[:-late], clicks[:-late], n), "up to −0"),
        (lambda arms, clicks, late, n: mean_rates(arms[: 1 - late], clicks[: 1 - late], n), "one round too many"),
        (lambda arms, clicks, late, n: mean_rates(arms[:-late], clicks[late:], n), "click of another round"),
        (lambda arms, clicks, late, n: mean_rates(arms[:-late], clicks[:-late], n, looks=1), "one too few"),
    ],
    "14.6": [
        (lambda before, x: 2 * stats.t.sf((x - before.mean()) / spread(before), len(before) - 1), "absolute value"),
        (
            lambda before, x: 2 * stats.t.sf(abs(x - before.mean()) / before.std(), len(before) - 1),
            "Two things are missing",
        ),
        (lambda before, x: 2 * stats.t.sf(abs(x - before.mean()) / spread(before), len(before) - 2), "p is 0.225"),
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
