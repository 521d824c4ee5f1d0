"""Exercises of chapter 09: what a set is worth, and which sets to show."""

from itertools import combinations, pairwise

import numpy as np

from bundlebook.exercises.engine import Exercise

# 09.1 Break even


def break_even(M, D):
    return M / (M - D) if M > D else np.inf


def _draw_margin(rng):
    M = float(rng.uniform(0.5, 2))
    return M, M * float(rng.uniform(0.1, 0.9))


# 09.2 What a discount moves


def discounted(P, d, epsilon):
    return 1 - (1 - P) ** ((1 - d) ** -epsilon)


def _draw_discount(rng):
    return float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.5, 3))


# 09.3 A greedy bundle


def greedy_bundle(p, price, size):
    bundle: list[int] = []
    worth = 0.0
    while len(bundle) < size:
        rest = [i for i in range(len(p)) if i not in bundle]
        values = [np.prod(p[[*bundle, i]]) * price[[*bundle, i]].sum() for i in rest]
        if max(values) <= worth:
            break
        worth = max(values)
        bundle.append(rest[values.index(worth)])
    return bundle


def _revenue(p, price, bundle):
    return np.prod(p[bundle]) * price[bundle].sum()


def _grow(value, stop=True):
    def wrong(p, price, size):
        bundle: list[int] = []
        while len(bundle) < size:
            rest = [i for i in range(len(p)) if i not in bundle]
            best = max(rest, key=lambda i: value(p, price, [*bundle, i]))
            if stop and bundle and value(p, price, [*bundle, best]) <= value(p, price, bundle):
                break
            bundle.append(best)
        return bundle

    return wrong


def _first_by(key):
    return lambda p, price, size: [int(i) for i in np.argsort(-key(p, price), kind="stable")[:size]]


def _best_of_all(p, price, size):
    sets = [list(c) for k in range(1, size + 1) for c in combinations(range(len(p)), k)]
    return max(sets, key=lambda bundle: _revenue(p, price, bundle))


def _first_improvement(p, price, size):
    bundle: list[int] = []
    for i in range(len(p)):
        if len(bundle) < size and _revenue(p, price, [*bundle, i]) > (_revenue(p, price, bundle) if bundle else 0):
            bundle.append(i)
    return bundle


def _in_order_of(key):
    """Go through the items once, in one order, and take each that makes the bundle worth more."""

    def wrong(p, price, size):
        order = np.argsort(-key(p, price), kind="stable")
        return [int(order[i]) for i in _first_improvement(p[order], price[order], size)]

    return wrong


def _from(first):
    """The right growth from a first item chosen otherwise."""

    def wrong(p, price, size):
        bundle = [int(first(p, price))]
        while len(bundle) < size:
            rest = [i for i in range(len(p)) if i not in bundle]
            best = max(rest, key=lambda i: _revenue(p, price, [*bundle, i]))
            if _revenue(p, price, [*bundle, best]) <= _revenue(p, price, bundle):
                break
            bundle.append(best)
        return bundle

    return wrong


def _draw_greedy(rng):
    # The first item is the best alone, but spoils the sets to come; two others go well together. In some inputs it is
    # the dearest, in others a dearer one is hardly ever bought.
    p = np.concatenate([[0.5, 0.9, 0.92], rng.uniform(0.3, 0.95, 2), rng.uniform(0.6, 0.97, 2)])
    price = np.concatenate([[8.0, 4.0, 3.9], rng.uniform(0.5, 4, 4)]) * rng.choice([0.1, 1])
    if rng.random() < 0.6:
        p[3], price[3] = 0.01, 1.5 * price[0]
    order = rng.permutation(7)
    return p[order], price[order], int(rng.integers(2, 6))


# 09.4 Iterative proportional fitting


def fitted(table, p, rounds):
    table = table.copy()
    for _ in range(rounds):
        for i in range(3):
            with_i = np.moveaxis(table, i, 0)
            with_i[1] *= p[i] / with_i[1].sum()
            with_i[0] *= (1 - p[i]) / with_i[0].sum()
    return table


def _fitting(zeros=True, share=True, rounds=None, items=3, at_once=False, swapped=False, end=False):
    def wrong(table, p, given_rounds):
        now = table.copy()
        for _ in range(given_rounds if rounds is None else rounds):
            seen = now.copy()
            for i in range(items):
                part, old = np.moveaxis(now, i, 0), np.moveaxis(seen if at_once else now, i, 0)
                ones, none = old[1].sum(), old[0].sum()
                target = 1 - p[i] if swapped else p[i]
                part[1] *= target / (ones if share else 1)
                if zeros:
                    part[0] *= (1 - target) / (none if share else 1)
        return now / now.sum() if end else now

    return wrong


def _draw_table(rng):
    table = np.ones((2, 2, 2))
    for pair in (table[1, 1], table[1, :, 1], table[:, 1, 1]):
        pair *= rng.uniform(1, 6)
    return table / table.sum(), rng.uniform(0.1, 0.7, 3), int(rng.integers(2, 4))


# 09.5 The Pareto front


def efficient(values):
    found = []
    for one in values:
        as_good = (values >= one).all(axis=1)
        better = (values > one).any(axis=1)
        found.append(not (as_good & better).any())
    return np.array(found)


def _front(beaten):
    return lambda values: np.array([not beaten(values, one) for one in values])


def _draw_pages(rng):
    values = rng.integers(0, 5, (9, 3)).astype(float)
    values[1], values[2] = values[0], values[0] + [0, 1, 0]  # two alike, and one better in a single term
    values[3] = values[4] = [4, 4, 1]
    if rng.random() < 0.25:
        values[5] = [4, 4, 4]  # best in every term: alone, or with its like, on the front
    return (rng.permutation(values),)


# 09.6 The best page


def best_page(t, items, given, k, budget):
    best, chosen = 0.0, []
    for size in range(1, k + 1):
        for page in combinations(range(len(t)), size):
            members = [item for bundle in page for item in items[bundle]]
            if len(members) == len(set(members)) and sum(given[bundle] for bundle in page) <= budget:
                worth = sum(t[bundle] for bundle in page)
                if worth > best:
                    best, chosen = worth, list(page)
    return chosen


def _page(once=True, paid=True, exact=False, strict=False, neighbours=False):
    def wrong(t, items, given, k, budget):
        best, chosen = -np.inf if exact else 0.0, []
        for size in (k,) if exact else range(1, k + 1):
            for page in combinations(range(len(t)), size):
                members = [item for bundle in page for item in items[bundle]]
                cost = sum(given[bundle] for bundle in page)
                if neighbours:
                    shared = any(items[a] & items[b] for a, b in pairwise(page))
                else:
                    shared = len(members) > len(set(members))
                if once and shared:
                    continue
                if paid and (cost >= budget if strict else cost > budget):
                    continue
                if (worth := sum(t[bundle] for bundle in page)) > best:
                    best, chosen = worth, list(page)
        return chosen

    return wrong


def _greedy_page(t, items, given, k, budget):
    page: list[int] = []
    for bundle in np.argsort(-t, kind="stable"):
        used = {item for shown in page for item in items[shown]}
        cost = sum(given[shown] for shown in page) + given[bundle]
        if t[bundle] > 0 and len(page) < k and not used & items[bundle] and cost <= budget:
            page.append(int(bundle))
    return sorted(page)


def _draw_page(rng):
    # The first bundle is the best alone and shuts out two that are worth more together. The last shares an item with
    # the second, never with its neighbour.
    sets = [{"a", "b", "c"}, {"a", "d"}, {"b", "e"}]
    sets += [set(rng.choice(list("adefghijkl"), 2, replace=False).tolist()) for _ in range(4)] + [{"d", "m"}]
    t = np.concatenate([[1.0, 0.8, 0.7], rng.uniform(-0.3, 0.6, 4), [0.6]]) + rng.uniform(0, 0.05, 8)
    t, k = t * rng.choice([0.4, 1]), int(rng.integers(2, 4))
    given = rng.integers(1, 9, 8)
    free = _page(paid=False)(t, sets, given, k, 0)
    budget = int(given[free].sum()) - int(rng.integers(0, 2)) * int(rng.integers(1, 4))
    return t, sets, given, k, budget


EXERCISES = (
    Exercise(
        "09.1",
        "Break even",
        stars=1,
        minutes=5,
        reference=break_even,
        draw=_draw_margin,
        misconceptions=(
            (lambda M, D: (M - D) / M, "Yours falls below 1: a discount would pay with fewer buyers. Turn it round."),
            (lambda M, D: 1 + D / M, "You compare the discount with the old margin. The buyers bring the new one."),
            (lambda M, D: D / (M - D), "This is the part that must be added to 1: how many more, not how many times."),
            (lambda M, D: M / D, "What does each buyer bring after the discount? Divide by that."),
            (
                lambda M, D: np.inf,
                "A factor exists here: a part of the margin is left. Only if nothing is left, it is infinite.",
            ),
            (
                lambda M, D: M / (M - M * D) if D < 1 else np.inf,
                "You take D for a share. D is money, as M is: what is left of the margin is M − D.",
            ),
            (
                lambda M, D: 1 / (1 - D),
                "You take D for a share of the margin. D is money, as M is: what is left is M − D.",
            ),
            (lambda M, D: M - D, "This is what each buyer brings after the discount. By which factor must they grow?"),
        ),
        look="Take a margin of 2 and a discount of 1. Each buyer brings half as much. How many must there be?",
        hints=(
            "Write down the money before and after: buyers times margin.",
            "Before: P times M. After: factor times P, times what is left of M. Set them equal.",
            "Solve factor · (M − D) = M. And what if nothing is left?",
        ),
        edges=(
            (
                lambda rng: (1.0, 1.0),
                "Where the discount is as large as the margin or larger, no factor helps: infinite.",
            ),
            (
                lambda rng: (1.0, 1.5),
                "Where the discount is larger than the margin, each buyer costs money, and no factor helps: infinite.",
            ),
        ),
    ),
    Exercise(
        "09.2",
        "What a discount moves",
        stars=1,
        minutes=10,
        reference=discounted,
        draw=_draw_discount,
        misconceptions=(
            (
                lambda P, d, epsilon: P * (1 - d) ** -epsilon,
                "You multiply P itself, which can exceed 1. The formula moves the rate: look at 1 − P.",
            ),
            (
                lambda P, d, epsilon: 1 - (1 - P) ** ((1 - d) ** epsilon),
                "A discount lowers your P. Look at the sign of the elasticity.",
            ),
            (
                lambda P, d, epsilon: 1 - (1 - P) ** (d**-epsilon),
                "You take the discount for the price that is left.",
            ),
            (
                lambda P, d, epsilon: (1 - P) ** ((1 - d) ** -epsilon),
                "This is the chance that nothing is bought.",
            ),
            (
                lambda P, d, epsilon: P ** ((1 - d) ** -epsilon),
                "You raise P to a power; then it falls. The chance of not buying is what falls.",
            ),
            (
                lambda P, d, epsilon: P * (1 + epsilon * d),
                "You raise P along a straight line, which passes 1. The formula moves the rate: look at 1 − P.",
            ),
            (
                lambda P, d, epsilon: 1 - (1 - P) ** (1 + epsilon * d),
                "You use a straight line for the elasticity. The formula has a power of 1 − d.",
            ),
            (
                lambda P, d, epsilon: min(1, P * (1 - d) ** -epsilon),
                "You multiply P and cut it off at 1. The formula never passes 1: it raises 1 − P to a power.",
            ),
            (
                lambda P, d, epsilon: 1 - (1 - P) ** ((1 - d / 100) ** -epsilon),
                "You divide the discount by 100. It is a share already: 0.1 stands for 10 %.",
            ),
            (
                lambda P, d, epsilon: 1 - (1 - P) * (1 - d) ** -epsilon,
                "You multiply 1 − P by the factor. The formula raises 1 − P to it, as a power.",
            ),
        ),
        look="Print the chance of not buying, the exponent, and the power. Which of them differs by hand?",
        hints=(
            "Which probability is raised to a power, that of buying or that of not buying?",
            "The exponent is (1 − d) to the power of −ε. It is above 1.",
            "Raise the chance of not buying to the exponent; take that from one.",
        ),
    ),
    Exercise(
        "09.3",
        "A greedy bundle",
        stars=2,
        minutes=20,
        reference=greedy_bundle,
        draw=_draw_greedy,
        misconceptions=(
            (_first_by(lambda p, price: p), "You take the most likely items and forget the prices."),
            (_first_by(lambda p, price: price), "You take the dearest items and forget how likely they are."),
            (
                _first_by(lambda p, price: p * price),
                "You rank the items one by one. What an item adds depends on the bundle that is there.",
            ),
            (
                _grow(_revenue, stop=False),
                "You go on to the full size. Stop where the next item makes the bundle worth less.",
            ),
            (
                _best_of_all,
                "You tried all sets and found the best. Greedy never takes an item back; report its choice.",
            ),
            (
                lambda p, price, size: sorted(greedy_bundle(p, price, size)),
                "You sorted the bundle. Give the items in the order in which they were taken.",
            ),
            (
                _from(lambda p, price: np.argmax(price)),
                "You begin with the dearest item. Begin with the one that earns most alone, p times price.",
            ),
            (
                _from(lambda p, price: np.argmax(p)),
                "You begin with the most likely item. Begin with the one that earns most alone, p times price.",
            ),
            (
                _grow(lambda p, price, bundle: np.prod(p[bundle]) * np.prod(price[bundle])),
                "You multiply the prices. The price of a set is the sum of its prices.",
            ),
            (
                _in_order_of(lambda p, price: p * price),
                "You rank the items once. In each round, try all that are left; take the one that leads to the most.",
            ),
            (
                _first_improvement,
                "You take the first item that makes the bundle worth more. Try all that are left and take the best.",
            ),
        ),
        look="Take p = 0.9, 0.55, 0.9 and prices 1, 2, 2. Print the worth of each candidate in every round. Who wins?",
        hints=(
            "What is the expected revenue of a set? First find the best single item.",
            "In each round try every item that is left, with those that are there already, and keep the best.",
            "Stop at the given size, or when the best of the round is worth no more than the bundle before it.",
        ),
        edges=(
            (
                lambda rng: (np.array([0.5, 0.5]), np.array([1.0, 1.0]), 2),
                "Where the next item adds nothing, stop. Of items that are worth the same, take the first.",
            ),
        ),
    ),
    Exercise(
        "09.4",
        "Iterative proportional fitting",
        stars=2,
        minutes=25,
        reference=fitted,
        draw=_draw_table,
        misconceptions=(
            (
                _fitting(zeros=False),
                "You scale the cells with the item only. Those without it must add up to the rest.",
            ),
            (
                _fitting(zeros=False, end=True),
                "You divide by the total at the end. Scale the cells without the item as well, item after item.",
            ),
            (_fitting(at_once=True), "You use the sums from before the round. Each item sees what the last one did."),
            (
                _fitting(rounds=1),
                "This is one round. Let the items take turns in every round: rounds outside, items inside.",
            ),
            (_fitting(items=1), "You fit the first item only."),
            (_fitting(swapped=True), "You scale the wrong half: index 1 means that the item is bought."),
            (
                _fitting(share=False),
                "You multiply by p alone. Divide by the sum that the cells have now.",
            ),
        ),
        checks=(
            (
                lambda result, table, p, rounds: np.isclose(np.sum(result), 1),
                "The cells do not add up to 1. Divide each half by its own sum, as it is now.",
            ),
            (
                lambda result, table, p, rounds: np.isclose(np.asarray(result)[:, :, 1].sum(), p[2]),
                "After the last step the third item must have its probability.",
            ),
        ),
        look="Take one item. Which cells belong to it, what is their sum, and what should it be?",
        hints=(
            "For one item there are two halves of the table: bought and not bought. Each has a sum that you know.",
            "Multiply each half by (wanted sum) / (its sum now). Then the next item, and round again.",
            "For item 1 the halves are table[:, 1, :] and table[:, 0, :]. np.moveaxis helps with a loop.",
        ),
    ),
    Exercise(
        "09.5",
        "The Pareto front",
        stars=2,
        minutes=15,
        reference=efficient,
        draw=_draw_pages,
        misconceptions=(
            (
                _front(lambda values, one: (values > one).all(axis=1).any()),
                "You ask for a row that is better in every term. As good in all and better in one is enough.",
            ),
            (
                _front(lambda values, one: (values >= one).all(axis=1).sum() > 1),
                "Two rows with the same values push each other out. Neither is better.",
            ),
            (
                _front(lambda values, one: (values > one).any(axis=1).any()),
                "You throw out whatever is beaten in one term. Few rows are best in all.",
            ),
            (lambda values: ~efficient(values), "True should mark the front, not the rest."),
            (
                lambda values: (values == values.max(axis=0)).any(axis=1),
                "You keep the rows that are best in one term. A compromise can be on the front as well.",
            ),
            (
                lambda values: values.sum(axis=1) == values.sum(axis=1).max(),
                "You add up the terms, which is one weighting. The front belongs to all weightings.",
            ),
            (
                lambda values: np.zeros(len(values), dtype=bool),
                "Your front is empty. Each row is as good as itself, so with >= alone it beats itself.",
            ),
        ),
        look="Compare (1, 2, 0) with (1, 3, 0), with (2, 1, 0) and with itself. Which of these beats it?",
        hints=(
            "When does one row beat another? Write the condition for two rows.",
            "At least as good in all terms, and better in one: two comparisons of all rows with one row.",
            "With all(axis=1) and any(axis=1) you get the rows that beat it. On the front there is none.",
        ),
    ),
    Exercise(
        "09.6",
        "The best page",
        stars=3,
        minutes=45,
        reference=best_page,
        draw=_draw_page,
        misconceptions=(
            (
                _greedy_page,
                "This is the greedy page: the best bundle shuts out two that are worth more together. Try all pages.",
            ),
            (_page(once=False), "An item stands in two of your bundles."),
            (_page(paid=False), "Your page gives away more than the budget allows."),
            (_page(strict=True), "A page that uses up the budget exactly is allowed."),
            (_page(exact=True), "You always show k bundles. A smaller page can be worth more."),
            (
                lambda t, items, given, k, budget: best_page(t, items, given, 1, budget),
                "You show one bundle. Up to k are allowed.",
            ),
            (
                _page(neighbours=True),
                "An item stands in two bundles that are not neighbours on your page. Compare every pair of bundles.",
            ),
            (
                lambda t, items, given, k, budget: best_page(t, items, given, min(k, 2), budget),
                "You never show more than two bundles. Up to k are allowed, and k can be 3 or more.",
            ),
            (
                lambda t, items, given, k, budget: best_page(t, items, given, k - 1, budget),
                "You stop one bundle short of k. range(1, k) ends before k.",
            ),
            (
                lambda t, items, given, k, budget: best_page(t, items, given, len(t), budget),
                "You do not look at k. A page has at most k bundles.",
            ),
            (
                lambda t, items, given, k, budget: [set(items[i]) for i in best_page(t, items, given, k, budget)],
                "You return the sets of items. Return the places of the bundles in the list.",
            ),
        ),
        checks=(
            (
                lambda result, t, items, given, k, budget: list(result) == sorted(result),
                "Your page is not sorted. Return the places from the smallest to the largest.",
            ),
        ),
        look="Print your page, its items, cost and worth. Is an item in it twice? Is it paid? Is another better?",
        hints=(
            "With few bundles, all pages of one, two … k bundles can be tried.",
            "Let itertools.combinations list the pages of one length. Two conditions throw pages out.",
            "Put the items of a page into one list: does any stand in it twice? Keep the page of the largest sum of t.",
        ),
        edges=(
            (
                lambda rng: (np.array([-0.1, -0.2]), [{"a"}, {"b"}], np.array([0, 0]), 2, 5),
                "Where no bundle is worth anything, the best page is empty.",
            ),
            (
                lambda rng: (np.array([1.0, 2, 3, 4, 5]), [{item} for item in "abcde"], np.ones(5, dtype=int), 4, 9),
                "A page of four bundles goes wrong. It has up to k of them, whatever k is.",
            ),
        ),
    ),
)
