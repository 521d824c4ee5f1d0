"""Exercises of chapter 03: what is bought together, counted by hand, and whether it is more than chance."""

from itertools import combinations

import numpy as np

from bundlebook.exercises.engine import Exercise

_ITEMS = ("bread", "butter", "jam", "milk", "rice", "tea")


def _baskets(rng, n, p=0.45):
    """Baskets with two of the items more popular than the others; none is empty."""
    drawn = rng.random((n, len(_ITEMS))) < np.array([p + 0.3, p + 0.2, p, p, p - 0.1, p - 0.1])
    drawn[np.arange(n), rng.integers(0, len(_ITEMS), n)] = True
    return [{item for item, inside in zip(_ITEMS, row, strict=True) if inside} for row in drawn]


def _count(baskets, itemset):
    return sum(itemset <= basket for basket in baskets)


# 03.1 Confidence


def confidence(baskets, A, C):
    both = sum(basket >= A | C for basket in baskets)
    return both / sum(basket >= A for basket in baskets)


def _draw_rule(rng):
    drawn = [str(item) for item in rng.permutation(_ITEMS)]
    A, C = set(drawn[: rng.integers(2, 4)]), set(drawn[-rng.integers(1, 3) :])
    # Baskets with all of A and a part of C tell "all items of C" from "any of them".
    return [*_baskets(rng, 12), A, A | C, C, {*drawn}, *(A | {item} for item in sorted(C))], A, C


# 03.2 Lift


def lift(n, n_A, n_C, n_AC):
    return n_AC * n / (n_A * n_C)


def _draw_counts(rng):
    both = int(rng.integers(5, 20))
    n_A, n_C = both + int(rng.integers(5, 30)), both + int(rng.integers(40, 80))
    return n_A + n_C + int(rng.integers(50, 200)), n_A, n_C, both


# 03.3 Apriori's pruning


def next_level(frequent):
    found = set()
    for a in frequent:
        for b in frequent:
            joined = a | b
            if len(joined) == len(a) + 1 and all(joined - {item} in frequent for item in joined):
                found.add(joined)
    return found


def _joined(frequent, longer=(1,), keep=lambda joined, frequent: True):
    size = len(next(iter(frequent)))
    joined = {a | b for a in frequent for b in frequent if len(a | b) - size in longer}
    return {candidate for candidate in joined if keep(candidate, frequent)}


def _parts(candidate):
    return [candidate - {item} for item in candidate]


def _joined_by_prefix(frequent, order=tuple, prune=True):
    """Join itemsets that agree in all but the last item, as the order of their items makes it the last."""
    ordered = [(a, order(a)) for a in frequent]
    joined = {a | b for a, one in ordered for b, other in ordered if a != b and one[:-1] == other[:-1]}
    return {c for c in joined if not prune or all(part in frequent for part in _parts(c))}


def _whole_in(frequent):
    return {c for c in _joined(frequent) if all(frozenset(pair) in frequent for pair in combinations(c, 2))}


# The remainder by 8 is the place in a small set: with multiples of 8 the order of a set is that of its making.
_PRODUCTS = (8, 16, 24, 32, 40, 48)


def _draw_level(rng):
    k = int(rng.integers(2, 4))
    items = [int(item) for item in rng.permutation(_PRODUCTS)[: k + 3]]
    level = [frozenset(rng.permutation(itemset).tolist()) for itemset in combinations(items, k)]
    # k + 1 items have all of their parts, and one more item misses a few.
    return ({itemset for itemset in level if itemset <= set(items[: k + 1]) or rng.random() < 0.6},)


# 03.4 Eclat


def eclat(baskets, min_count):
    found: dict = {}
    items = {item for basket in baskets for item in basket}
    level: dict = {(item,): {number for number, basket in enumerate(baskets) if item in basket} for item in items}
    while level:
        level = {itemset: numbers for itemset, numbers in level.items() if len(numbers) >= min_count}
        found |= {itemset: len(numbers) for itemset, numbers in level.items()}
        pairs = [(a, b) for a in level for b in level if a[:-1] == b[:-1] and a[-1] < b[-1]]
        level = {a + b[-1:]: level[a] & level[b] for a, b in pairs}
    return found


def _frequent(baskets, least, lengths=range(1, 7), count=_count, key=lambda itemset: itemset):
    sets = (c for k in lengths for c in combinations(_ITEMS, k))
    counts = {key(itemset): count(baskets, set(itemset)) for itemset in sets}
    return {itemset: number for itemset, number in counts.items() if number >= least}


def _any(baskets, itemset):
    return sum(bool(itemset & basket) for basket in baskets)


def _numbers(baskets, itemset):
    return {number for number, basket in enumerate(baskets) if itemset <= basket}


def _draw_baskets(rng):
    return _baskets(rng, 14), int(rng.integers(4, 6))


# 03.5 Benjamini–Hochberg


def discoveries(p, alpha):
    n = len(p)
    ordered = np.sort(p)
    below = np.flatnonzero(ordered <= alpha * np.arange(1, n + 1) / n)
    if len(below) == 0:
        return np.zeros(n, dtype=bool)
    return p <= ordered[below[-1]]


def _stepwise(limits, below=np.less_equal, first_fault=False, own=False):
    """A correction with limits of its own for the sorted p, and a rule for where the discoveries end."""

    def wrong(p, alpha):
        order = np.argsort(p, kind="stable")
        passed = below(p[order], limits(alpha, np.arange(1, len(p) + 1), len(p)))
        if first_fault:
            passed = np.logical_and.accumulate(passed)
        elif not own and passed.any():
            passed = np.arange(len(p)) <= np.flatnonzero(passed)[-1]
        found = np.empty(len(p), dtype=bool)
        found[order] = passed
        return found

    return wrong


def _hochberg(alpha, rank, n):
    return alpha * rank / n


def _draw_p(rng):
    # In units of alpha / n the limit of rank k is k. With powers of two every formula meets the limits exactly.
    n, alpha = int(rng.choice([8, 16])), float(rng.choice([0.125, 0.25]))
    last = int(rng.integers(0, n - 2))  # the discoveries; none in some inputs
    sorted_p, fails = np.arange(1, n + 1) + 0.5, False
    for k in range(1, last + 1):
        # 1.1 is below the limit of rank k - 1 as well, and a second p just above 1 passes Holm's limit only.
        below = 0.4 if k == 1 or fails or rng.random() < 0.5 else min(1.1, 0.45 * k)
        fails = 1 < k < last and rng.random() < 0.4
        sorted_p[k - 1] = k + 0.3 if fails else k - below
    if last:
        sorted_p[last - 1] = last - rng.choice([0, 0.25])
    sorted_p[-2:] += rng.uniform(0, 3 * n, 2)
    return rng.permutation(sorted_p) * alpha / n, alpha


# 03.6 Deal the baskets anew


def dealt(M, swaps):
    M = M.copy()
    for a, b, i, j in swaps:
        if M[a, i] and M[b, j] and not M[a, j] and not M[b, i]:
            M[a, i] = M[b, j] = 0
            M[a, j] = M[b, i] = 1
    return M


def _deal(allowed, fresh=True, stop=False, one_sided=False):
    def wrong(M, swaps):
        now = M.copy()
        for a, b, i, j in swaps:
            seen = now if fresh else M
            if allowed(bool(seen[a, i]), bool(seen[b, j]), bool(seen[a, j]), bool(seen[b, i])):
                for basket, gone, come in ((a, i, j),) if one_sided else ((a, i, j), (b, j, i)):
                    now[basket, gone], now[basket, come] = now[basket, come], now[basket, gone]
            elif stop:
                break
        return now

    return wrong


def _possible(a_i, b_j, a_j, b_i):
    return a_i and b_j and not a_j and not b_i


def _gives_only(M, swaps):
    now = M.copy()
    for a, b, i, j in swaps:
        if now[a, i] and now[b, j]:
            now[a, i] = now[b, j] = 0
            now[a, j] = now[b, i] = 1
    return now


def _tests_the_old(M, swaps):
    now = M.copy()
    for a, b, i, j in swaps:
        if _possible(M[a, i], M[b, j], M[a, j], M[b, i]):
            now[a, i] = now[b, j] = 0
            now[a, j] = now[b, i] = 1
    return now


def _draw_swaps(rng):
    M = (rng.random((5, 4)) < 0.5).astype(int)
    M[0], M[1] = (1, 0, 1, 0), (0, 1, 1, 0)
    pairs = [[*rng.permutation(5)[:2], *rng.permutation(4)[:2]] for _ in range(24)]
    # The first and the last swap can be carried out; of those between, some can.
    swaps = np.array([[0, 1, 0, 1], [1, 0, 0, int(rng.integers(1, 4))], [1, 0, 0, 1], *pairs])
    now = dealt(M, swaps)
    left = [
        (a, b, i, j) for a, b, i, j in np.ndindex(5, 5, 4, 4) if _possible(now[a, i], now[b, j], now[a, j], now[b, i])
    ]
    return M, np.array([*swaps, rng.choice(left)]) if left else swaps


EXERCISES = (
    Exercise(
        "03.1",
        "Confidence",
        stars=1,
        minutes=5,
        reference=confidence,
        draw=_draw_rule,
        misconceptions=(
            (
                lambda baskets, A, C: _count(baskets, A | C) / len(baskets),
                "You divide by all baskets, which gives the support. Confidence asks only the baskets with A.",
            ),
            (
                lambda baskets, A, C: _count(baskets, A | C) / _count(baskets, C),
                "You divide by the baskets with C. That is the confidence of the rule the other way round.",
            ),
            (
                lambda baskets, A, C: _count(baskets, A | C) * len(baskets) / _count(baskets, A) / _count(baskets, C),
                "This is the lift. Confidence does not ask how popular C is.",
            ),
            (
                lambda baskets, A, C: sum(bool(A & b) and b >= C for b in baskets) / _any(baskets, A),
                "A basket with a part of A counts for you. All items of A must be in it.",
            ),
            (
                lambda baskets, A, C: _count(baskets, A | C) / _any(baskets, A),
                "Below the line you count baskets that hold only a part of A.",
            ),
            (
                lambda baskets, A, C: _count(baskets, C) / len(baskets),
                "You do not look at A. Which baskets does the rule speak of?",
            ),
            (
                lambda baskets, A, C: sum(b >= A and bool(C & b) for b in baskets) / _count(baskets, A),
                "All items of C must be in the basket. Yours counts a basket with one of them.",
            ),
            (
                lambda baskets, A, C: sum(b == A | C for b in baskets) / sum(b == A for b in baskets),
                "You count the baskets that equal the sets. A lies in a basket that holds more, too: <=, not ==.",
            ),
            (
                lambda baskets, A, C: sum(b == A | C for b in baskets) / _count(baskets, A),
                "Above the line you ask for a basket equal to A | C. It lies in a basket that holds more, too: <=.",
            ),
            (
                lambda baskets, A, C: _count(baskets, A & C) / _count(baskets, A),
                "A & C is what the two sets share: no item. A basket must hold all items of A and all of C: A | C.",
            ),
            (
                lambda baskets, A, C: 0.0,
                "It is 0 for every input: your condition never holds. A & C has no item; which set joins A and C?",
            ),
            (
                lambda baskets, A, C: _count(baskets, A | C),
                "You counted the baskets. Confidence is a share of some of them.",
            ),
        ),
        look="Print both counts for bread ⇒ butter in the chapter's baskets. Four hold bread, three of these butter.",
        hints=(
            "Of the baskets that hold A, which share holds C as well?",
            "A set A lies in a basket if A <= basket. Count two kinds of baskets.",
            "Count the baskets with A | C, and divide by the number of baskets with A.",
        ),
    ),
    Exercise(
        "03.2",
        "Lift from four counts",
        stars=1,
        minutes=10,
        reference=lift,
        draw=_draw_counts,
        misconceptions=(
            (
                lambda n, n_A, n_C, n_AC: n_AC / (n_A * n_C),
                "You use counts where the formula has shares. If every count doubles, lift should stay as it is.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_AC / n_A,
                "This is the confidence. Lift compares it with the share of C among all baskets.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_AC / n - n_A * n_C / n**2,
                "This is the leverage, a difference. Lift is a ratio.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_AC / (n_A * n_C) ** 0.5,
                "This is the cosine: it has a root and does not know n.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_A * n_C / (n_AC * n),
                "Yours is turned upside down: it falls when the two meet more often.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_AC / n * n_A / n * n_C / n,
                "You multiply everything. A / b * c is not A / (b * c): use brackets.",
            ),
            (
                lambda n, n_A, n_C, n_AC: n_AC / n_A * n_C / n,
                "You multiply by the share of C. Lift divides by it. Are your brackets right?",
            ),
        ),
        look="Take n = 5, counts 4 and 3, and 3 together. The chapter gets 1.25.",
        hints=(
            "Write the three supports as counts over n, put them into the formula, and cancel.",
            "Of three divisions by n, one cancels another. One n is left: where?",
            "The joint count times n, over the product of the two counts.",
        ),
    ),
    Exercise(
        "03.3",
        "Apriori's pruning",
        stars=2,
        minutes=20,
        reference=next_level,
        draw=_draw_level,
        misconceptions=(
            (
                lambda frequent: _joined(frequent),
                "You join but do not prune. A set with an infrequent part need not be counted.",
            ),
            (
                lambda frequent: _joined(frequent, keep=lambda c, f: sum(part in f for part in _parts(c)) > 2),
                "You are content with three frequent parts. Every part that is one item shorter has to be frequent.",
            ),
            (
                lambda frequent: _joined(
                    frequent, longer=(0, 1), keep=lambda c, f: c in f or all(part in f for part in _parts(c))
                ),
                "You list the frequent sets again. Candidates are one item longer.",
            ),
            (
                lambda frequent: _joined(frequent, longer=(1, 2, 3)),
                "Some of your candidates are too long. Join two sets only if they differ in one item each.",
            ),
            (
                lambda frequent: _joined(frequent, keep=lambda c, f: not all(part in f for part in _parts(c))),
                "These are the sets that are pruned. Return those that are left to be counted.",
            ),
            (
                lambda frequent: {
                    frozenset(c) for c in combinations(sorted(set().union(*frequent)), len(next(iter(frequent))) + 1)
                },
                "You list all sets of that length. Apriori is quick because it leaves most of them out.",
            ),
            (
                _whole_in,
                "Right for pairs. Of a longer candidate, each part that is one item shorter must be frequent.",
            ),
            (
                lambda frequent: {
                    c
                    for c in _joined(frequent, (0, 1, 2, 3))
                    if all(frozenset(s) in frequent for s in combinations(c, 2))
                },
                "Keep only unions that are one item longer. Then each part that is one item shorter must be frequent.",
            ),
            (
                _joined_by_prefix,
                "A frozenset has no order, so its first items may be any. Sort the items before you compare.",
            ),
            (
                lambda frequent: _joined_by_prefix(frequent, prune=False),
                "A frozenset has no order: sort its items before you compare. Then prune what you have joined.",
            ),
            (
                lambda frequent: _joined_by_prefix(frequent, lambda a: tuple(sorted(a)), prune=False),
                "You join by the first items, but do not prune. A set with an infrequent part need not be counted.",
            ),
        ),
        checks=(
            (
                lambda result, frequent: {len(c) for c in result} <= {len(next(iter(frequent))) + 1},
                "A candidate has the wrong length. It is one item longer than the frequent sets.",
            ),
            (
                lambda result, frequent: all(part in frequent for c in result for part in _parts(c)),
                "You keep a candidate with an infrequent part. Each part that is one item shorter must be frequent.",
            ),
            (
                lambda result, frequent: not result or next_level(frequent) <= result,
                "A candidate is missing: a set all of whose parts, one item shorter, are frequent.",
            ),
        ),
        look="Follow the chapter's five frequent pairs by hand, then three frequent triples. Print what you join.",
        hints=(
            "Two steps: join pairs of sets into sets one longer, then throw some away.",
            "The union of two sets is one item longer if they differ in one item. Then look at all its parts.",
            "Take each item out of the union in turn. Is what remains always among the frequent sets?",
        ),
    ),
    Exercise(
        "03.4",
        "Eclat",
        stars=2,
        minutes=30,
        reference=eclat,
        draw=_draw_baskets,
        misconceptions=(
            (
                lambda baskets, min_count: _frequent(baskets, min_count + 1),
                "A set in exactly min_count baskets is missing. It is frequent.",
            ),
            (lambda baskets, min_count: _frequent(baskets, min_count, (1,)), "You stop at single items."),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, (1, 2)),
                "You stop at pairs. Go on as long as anything is frequent.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, (1, 2, 3)),
                "You stop at triples. Go on beyond them, as long as anything is frequent.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, key=lambda s: s if len(s) > 1 else s[0]),
                "A single item's key is a tuple, too: (item,), with the comma.",
            ),
            (
                lambda baskets, min_count: _frequent(
                    baskets, min_count, (1, 2, 3), key=lambda s: s if len(s) > 1 else s[0]
                ),
                "A single item's key is (item,), with the comma. And go on beyond triples.",
            ),
            (
                lambda baskets, min_count: _frequent(
                    baskets, min_count, (1, 2), key=lambda s: s if len(s) > 1 else s[0]
                ),
                "A single item's key is (item,), with the comma. And go on beyond pairs.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, (1,), key=lambda s: s[0]),
                "A single item's key is (item,), with the comma. And go on to pairs and more.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, range(2, 7)),
                "The single items are missing. They are itemsets too.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, key=frozenset),
                "Your keys are sets. Make each key a tuple of sorted items.",
            ),
            (
                lambda baskets, min_count: _frequent(baskets, min_count, count=_any),
                "You count the baskets that hold any of the items. A basket must hold all of them.",
            ),
            (
                lambda baskets, min_count: {
                    itemset: _numbers(baskets, set(itemset)) for itemset in _frequent(baskets, min_count)
                },
                "Your values are the numbers of the baskets. How many are they?",
            ),
            (
                lambda baskets, min_count: {
                    itemset: count / len(baskets) for itemset, count in _frequent(baskets, min_count).items()
                },
                "Your values are shares. Return counts.",
            ),
        ),
        look="Run it on the chapter's five baskets with 2. Compare with the result of Apriori there: eleven itemsets.",
        hints=(
            "Keep for each item the set of the numbers of its baskets. How do you get that of a pair?",
            "Intersect the sets of two itemsets that agree in all but the last item. Too small: leave it out.",
            "For each frequent itemset, go on with the later items only, each intersected with it: a recursion.",
        ),
    ),
    Exercise(
        "03.5",
        "Benjamini–Hochberg",
        stars=2,
        minutes=20,
        reference=discoveries,
        draw=_draw_p,
        misconceptions=(
            (lambda p, alpha: p <= alpha, "You did not correct. Of many tests without effect some pass by luck."),
            (
                lambda p, alpha: p <= alpha / len(p),
                "This is Bonferroni: one limit for all. Here the limit grows with the rank of p.",
            ),
            (
                _stepwise(lambda alpha, rank, n: alpha / (n - rank + 1), first_fault=True),
                "This is Holm's method. Here the limit of rank k is alpha times k over n.",
            ),
            (
                _stepwise(_hochberg, first_fault=True),
                "You stop at the first p above its limit. A later one may be below its own: look for the last.",
            ),
            (
                _stepwise(lambda alpha, rank, n: alpha * (rank - 1) / n),
                "Your ranks begin at 0. The smallest p has the rank 1.",
            ),
            (
                _stepwise(_hochberg, own=True),
                "You keep only p below their own limit. All that are smaller than the last of these count as well.",
            ),
            (
                _stepwise(_hochberg, below=np.less),
                "A p that is exactly at its limit passes.",
            ),
            (
                lambda p, alpha: np.arange(len(p)) < discoveries(p, alpha).sum(),
                "Your answer is in the order of the sorted p. Put it back into the order of the input.",
            ),
            (
                lambda p, alpha: np.sort(p) <= _hochberg(alpha, np.arange(1, len(p) + 1), len(p)),
                "Your answer is in the order of the sorted p. And all up to the last that passes are discoveries.",
            ),
            (
                lambda p, alpha: p <= _hochberg(alpha, np.arange(1, len(p) + 1), len(p)),
                "You compare the p in the order given. The rank of a p is its place among the sorted ones.",
            ),
            (lambda p, alpha: np.zeros(len(p), dtype=bool), "Nothing passes in yours, whatever p is."),
        ),
        look="Take p = 0.03, 0.01, 0.5, 0.02 and alpha = 0.04. The limits are 0.01, 0.02, 0.03, 0.04. What passes?",
        hints=(
            "Sort the p-values. Each rank has its own limit.",
            "Find the last sorted p that is not above its limit. Everything up to it passes.",
            "With the value of that p, one comparison of all p gives the answer, in the right order.",
        ),
        edges=((lambda rng: (np.array([0.9, 0.4]), 0.1), "Where no p passes, all should be False."),),
    ),
    Exercise(
        "03.6",
        "Deal the baskets anew",
        stars=3,
        minutes=40,
        reference=dealt,
        draw=_draw_swaps,
        misconceptions=(
            (_gives_only, "A basket may get an item that it has already. Then it has lost one. Look at four cells."),
            (
                _deal(_possible, fresh=False),
                "You ask the baskets as they were at first. Each swap sees what the earlier ones have left.",
            ),
            (
                _deal(lambda *four: _possible(*four) or (four[2] and four[3] and not four[0] and not four[1])),
                "You also swap the other way round. Here basket a gives item i and basket b gives item j.",
            ),
            (
                _tests_the_old,
                "Test the table as the earlier swaps have left it. You test M as it was at first.",
            ),
            (
                lambda M, swaps: dealt(M, swaps[:1]),
                "You return after the first swap. Carry out all swaps, in order.",
            ),
            (
                lambda M, swaps: dealt(M, swaps[::-1]),
                "You go through the swaps from the last to the first. Carry them out in the order given.",
            ),
            (
                lambda M, swaps: dealt(M, swaps[:-1]),
                "You leave out the last swap. Carry out all of them.",
            ),
            (_deal(_possible, stop=True), "You stop at the first swap that is impossible. Leave it out and go on."),
            (
                _deal(_possible, one_sided=True),
                "Only one of the two baskets changes. What it gives away must arrive in the other.",
            ),
            (_deal(lambda *four: True), "You swap without asking who has what. Which four cells must be looked at?"),
        ),
        checks=(
            (
                lambda result, M, swaps: np.array_equal(np.sum(result, axis=1), M.sum(axis=1)),
                "A basket has changed its size. Do you look at all four cells, in the table as it is now?",
            ),
            (
                lambda result, M, swaps: np.array_equal(np.sum(result, axis=0), M.sum(axis=0)),
                "An item is in more or fewer baskets than before. What a basket gives away must arrive in the other.",
            ),
        ),
        look="Write down four cells before and after one swap. Then add a second swap, with what the first has left.",
        hints=(
            "A swap is possible if basket a has i and not j, and basket b has j and not i.",
            "Work on a copy, go through the swaps in order, and change four cells where the four conditions hold.",
            "Two cells become 0 and two become 1. Rows and columns then keep their sums.",
        ),
    ),
)
