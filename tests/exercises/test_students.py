"""Answers that students have given, and the words in the message that tell them what to look at."""

from itertools import combinations

import numpy as np
import pytest

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
