"""Exercises of chapter 07: metrics, and how sure they are."""

import numpy as np

from bundlebook.exercises.engine import Exercise


def _draw_ranking(rng):
    ranked = [str(item) for item in rng.permutation(list("abcdefghij"))[:8]]
    bought = {str(item) for item in rng.choice(list("abcdefghij"), int(rng.integers(3, 7)), replace=False)}
    k = int(rng.integers(3, 6))
    if rng.random() < 0.3:  # a list without a hit: its hit rate is 0, too
        bought = (bought | set("abcdefghij") - set(ranked)) - set(ranked[:k])
    return ranked, bought, k


# 07.1 Recall


def recall(ranked, bought, k):
    return len(set(ranked[:k]) & bought) / len(bought)


# 07.2 The first hit


def reciprocal_rank(ranked, bought, k):
    for place, item in enumerate(ranked[:k], start=1):
        if item in bought:
            return 1 / place
    return 0.0


def _rank(first=1, last=False, summed=False, cut=True):
    def wrong(ranked, bought, k):
        shown = ranked[:k] if cut else ranked
        places = [place for place, item in enumerate(shown, start=first) if item in bought]
        if not places:
            return 0.0
        return sum(1 / place for place in places) if summed else 1 / places[-1 if last else 0]

    return wrong


# 07.3 NDCG


def ndcg(ranked, bought, k):
    gain = sum(1 / np.log2(place + 1) for place, item in enumerate(ranked[:k], start=1) if item in bought)
    best = sum(1 / np.log2(place + 1) for place in range(1, min(k, len(bought)) + 1))
    return gain / best


def _ndcg(ranked, bought, k, best=None, discount=lambda place: 1 / np.log2(place + 1)):
    gain = sum(discount(place) for place, item in enumerate(ranked[:k], start=1) if item in bought)
    best = min(k, len(bought)) if best is None else best
    return float(gain / sum(discount(place) for place in range(1, best + 1)))


# 07.4 The calibration error


def calibration_error(p, y, bins):
    place = np.minimum((p * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            error += inside.mean() * abs(p[inside].mean() - y[inside].mean())
    return error


def _calibration(weigh=None, distance=abs, gather=sum):
    def wrong(p, y, bins):
        place = np.minimum((p * bins).astype(int), bins - 1)
        groups = [place == b for b in range(bins) if (place == b).any()]
        weights = [weigh(group, len(groups)) for group in groups]
        return float(gather(w * distance(p[g].mean() - y[g].mean()) for w, g in zip(weights, groups, strict=True)))

    return wrong


def _share(group, groups):
    return group.mean()


def _draw_calibration(rng):
    p = rng.uniform(0, 1, 30) ** 2
    return p, (rng.random(30) < p**0.5).astype(float), int(rng.integers(3, 7))


# 07.5 A paired interval


def paired_interval(a, b, draws):
    means = (a - b)[draws].mean(axis=1)
    return np.quantile(means, 0.025), np.quantile(means, 0.975)


def _interval(means, low=0.025, high=0.975):
    return float(np.quantile(means, low)), float(np.quantile(means, high))


def _draw_paired(rng):
    ease = rng.uniform(size=20)  # easy customers are easy for both methods
    a, b = ease + rng.normal(0.05, 0.1, 20), ease + rng.normal(0, 0.1, 20)
    return a, b, rng.integers(0, 20, (200, 20))


# 07.6 Many comparisons


def holm(p):
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    largest = -np.inf
    for place, k in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - place) * p[k]))
        corrected[k] = largest
    return corrected


def _holm(p, running=True, cap=True, back=True):
    order = np.argsort(p, kind="stable")
    values = (len(p) - np.arange(len(p))) * p[order]
    values = np.maximum.accumulate(values) if running else values
    values = np.minimum(values, 1) if cap else values
    if not back:
        return values
    corrected = np.empty(len(p))
    corrected[order] = values
    return corrected


def _benjamini(p):
    order = np.argsort(p, kind="stable")
    values = np.minimum.accumulate((len(p) / np.arange(1, len(p) + 1) * p[order])[::-1])[::-1]
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(values, 1)
    return corrected


def _draw_p(rng):
    p = rng.uniform(0, 0.05, int(rng.integers(5, 9)))
    p[:4] = 0.7, 0.6, 0.02, 0.021  # 0.6 exceeds 1, and the last two change places without the running maximum
    return (rng.permutation(p),)


EXERCISES = (
    Exercise(
        "07.1",
        "Recall",
        stars=1,
        minutes=5,
        reference=recall,
        draw=_draw_ranking,
        misconceptions=(
            (
                lambda ranked, bought, k: len(set(ranked[:k]) & bought) / k,
                "You divided by the length of the list, which is precision. Recall divides by something else.",
            ),
            (
                lambda ranked, bought, k: len(set(ranked) & bought) / len(bought),
                "You looked at the whole ranking. Only the first k are shown.",
            ),
            (
                lambda ranked, bought, k: len(set(ranked[:k]) & bought) / min(k, len(bought)),
                "You divided by what a perfect list could reach. That is a useful figure, but not recall.",
            ),
            (
                lambda ranked, bought, k: len(set(ranked[:k]) & bought),
                "You counted hits. Recall is a share of what was bought.",
            ),
            (
                lambda ranked, bought, k: float(bool(set(ranked[:k]) & bought)),
                "This is the hit rate: is there any hit? Recall counts them.",
            ),
        ),
        look="Rank a, b, c, d; bought are b, d and e; k is 3. Count by hand.",
        hints=(
            "Which of the items that were bought stand on the list that was shown?",
            "The first k of the ranking, and the set of what was bought: & finds what is in both.",
            "Divide the number of hits by the number of items bought.",
        ),
    ),
    Exercise(
        "07.2",
        "The first hit",
        stars=1,
        minutes=10,
        reference=reciprocal_rank,
        draw=_draw_ranking,
        misconceptions=(
            (_rank(last=True), "You took the last hit. The first one counts."),
            (_rank(summed=True), "You added up over all hits. Only the first one counts."),
            (_rank(first=2), "Your places begin at 2. The top of the list is place 1."),
            (
                lambda ranked, bought, k: 1 / _rank()(ranked, bought, k) if set(ranked[:k]) & bought else 0,
                "This is the place itself. Its reciprocal is asked for, so that a higher hit is worth more.",
            ),
            (
                lambda ranked, bought, k: float(ranked[0] in bought),
                "You looked at the top place only. A hit further down is worth something too.",
            ),
        ),
        look="Rank a, b, c, d; bought is c. What comes out with k = 4, and what with k = 2?",
        hints=(
            "Go down the list and stop at the first hit.",
            "Count the places from 1, for example with enumerate(…, start=1).",
            "Return 1 / place at the first hit; and what if there is none among the first k?",
        ),
        edges=(
            (lambda rng: (["a", "b", "c"], {"c"}, 2), "The only hit stands below place k. Nobody was shown it."),
            (lambda rng: (["a", "b"], {"z"}, 2), "A list without a hit goes wrong. It is worth 0."),
        ),
    ),
    Exercise(
        "07.3",
        "NDCG",
        stars=2,
        minutes=15,
        reference=ndcg,
        draw=_draw_ranking,
        misconceptions=(
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, best=k),
                "Your best list has k hits. Nobody who bought fewer items can reach it.",
            ),
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, best=len(bought)),
                "Your best list is longer than k. Nothing below place k is shown.",
            ),
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, best=1),
                "You did not divide by the best list. The figure then depends on how much somebody bought.",
            ),
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, discount=lambda place: 1 / place),
                "You discount by the place itself. NDCG discounts by a logarithm.",
            ),
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, discount=lambda place: 1 / np.log2(place + 2)),
                "Your places are one too high, or your logarithm is of place + 2.",
            ),
            (
                lambda ranked, bought, k: _ndcg(ranked, bought, k, discount=lambda place: 1.0),
                "You do not discount. A hit further down is worth less.",
            ),
        ),
        look="Rank a, b; bought is b; k is 2. The gain is 1/log₂ 3, the best gain 1. What do you get?",
        hints=(
            "Two sums: the gain of this list, and the gain of the best list that could be shown.",
            "A hit at place j is worth 1/log₂(j + 1). The best list has its hits at the top.",
            "The best list has as many hits as k and the number of items bought allow.",
        ),
    ),
    Exercise(
        "07.4",
        "The calibration error",
        stars=2,
        minutes=20,
        reference=calibration_error,
        draw=_draw_calibration,
        misconceptions=(
            (
                _calibration(weigh=lambda group, groups: 1 / groups),
                "Each bin counts alike for you. A bin counts as much as it holds predictions.",
            ),
            (
                _calibration(weigh=_share, distance=lambda gap: gap),
                "Your bins cancel out: too high in one, too low in another. Take each distance without its sign.",
            ),
            (
                _calibration(weigh=_share, distance=lambda gap: gap**2),
                "You squared the distances. The error is a mean of plain distances.",
            ),
            (
                _calibration(weigh=lambda group, groups: 1.0, gather=max),
                "You took the worst bin. The error is a mean over all predictions.",
            ),
            (
                lambda p, y, bins: float(abs(p - y).mean()),
                "You compared single predictions with what came true. A probability is judged by a group.",
            ),
            (
                lambda p, y, bins: float(abs(p.mean() - y.mean())),
                "You used one bin for all. A constant would look perfect.",
            ),
            (
                _calibration(weigh=lambda group, groups: float(group.sum())),
                "You weigh by numbers of predictions. Their shares add up to 1.",
            ),
        ),
        look="Take one bin by hand: the mean of its probabilities beside the share that came true.",
        hints=(
            "Sort the predictions into bins of equal width. In each, compare what was said with what came true.",
            "The bin of p is the whole part of p times bins; a p of 1 belongs to the last bin.",
            "Per bin: the share of predictions in it times the distance of two means. Add up; leave out empty bins.",
        ),
        edges=(
            (
                lambda rng: (np.array([0.0, 1.0, 0.9]), np.array([0.0, 0.0, 1.0]), 4),
                "A probability of exactly 1 goes wrong. It belongs to the last bin.",
            ),
        ),
    ),
    Exercise(
        "07.5",
        "A paired interval",
        stars=2,
        minutes=20,
        reference=paired_interval,
        draw=_draw_paired,
        misconceptions=(
            (
                lambda a, b, draws: _interval(a[draws].mean(axis=1) - b[draws[::-1]].mean(axis=1)),
                "You drew the customers of the two methods apart. Both judge the same customers: keep the pairs.",
            ),
            (lambda a, b, draws: _interval((b - a)[draws].mean(axis=1)), "You took b minus a. It should be a minus b."),
            (
                lambda a, b, draws: _interval((a - b)[draws].mean(axis=1), 0.05, 0.95),
                "Your interval leaves out 5 % at each end. One of 95 % leaves out 5 % in all.",
            ),
            (
                lambda a, b, draws: _interval((a - b)[draws].ravel()),
                "These are quantiles of single customers. An interval of the mean needs the mean of every draw.",
            ),
            (lambda a, b, draws: _interval(a[draws].mean(axis=1)), "This is an interval for a alone. Where is b?"),
            (
                lambda a, b, draws: _interval((a - b)[draws].mean(axis=0)),
                "You took means over the draws. Each draw is a row, and its mean is over customers.",
            ),
        ),
        look="Take one row of draws: which customers are in it, and what is their mean difference?",
        hints=(
            "First the difference per customer. Then each row of draws is a sample of customers.",
            "Index the differences with draws; the mean of each row is one possible mean difference.",
            "Take the two quantiles that leave 2.5 % on either side.",
        ),
    ),
    Exercise(
        "07.6",
        "Many comparisons",
        stars=3,
        minutes=40,
        reference=holm,
        draw=_draw_p,
        misconceptions=(
            (
                lambda p: np.minimum(p * len(p), 1),
                "This is Bonferroni: every p by the number of tests. Holm multiplies the second smallest by one less.",
            ),
            (
                lambda p: _holm(p, running=False),
                "A larger p becomes smaller than one before it. Carry the largest corrected p so far along.",
            ),
            (lambda p: _holm(p, cap=False), "A p-value above 1 makes no sense."),
            (lambda p: _holm(p, back=False), "Your results are sorted. Each belongs at the place of its own p."),
            (
                _benjamini,
                "This is the correction of Benjamini and Hochberg. Holm begins at the smallest p with all tests.",
            ),
        ),
        checks=((lambda result, p: np.all(np.asarray(result) >= p), "A corrected p is smaller than the plain one."),),
        look="Take p = 0.01, 0.04, 0.03 by hand: three factors, then the running maximum, then back to their places.",
        hints=(
            "Sort the p-values. The smallest meets the hardest correction, the largest none.",
            "The factors are n, n − 1, …, 1. A corrected p is never smaller than one before it, nor larger than 1.",
            "Use np.argsort for the order and np.maximum.accumulate for the maximum; then put each back at its place.",
        ),
    ),
)
