"""Exercises of chapter 10: forgetting by hand, features without a leak, and probabilities that hold."""

import numpy as np

from bundlebook.exercises.engine import Exercise

# 10.1 Undo the sampling


def corrected(p, rho):
    odds = p / (1 - p) * rho
    return odds / (1 + odds)


def _draw_sampled(rng):
    return rng.uniform(0.05, 0.95, 5), float(rng.uniform(0.05, 0.6))


# 10.2 A feature that knows no future


def days_since(day, holds, at):
    past = day[holds & (day < at)]
    if len(past) == 0:
        return np.nan
    return at - past.max()


def _draw_days(rng):
    day = np.sort(rng.choice(60, 8, replace=False))
    at = int(day[5])  # a basket on the very day of the question, and two after it
    holds = np.array([True, *(rng.random(4) < 0.5), True, True, True])
    return day, holds, at


def _never(rng):
    day, holds, at = _draw_days(rng)
    return day, holds & (day >= at), at


# 10.3 TIFU-KNN's vector


def tifu_vector(X, groups, r_b, r_g, gamma):
    n = len(X)
    size = n // groups
    total = np.zeros(X.shape[1])
    for b in range(n):
        g = groups - b // size
        a = size - b % size
        weight = r_g ** (g - 1) / groups * r_b ** (a - 1) / size
        total += weight * X[b].sum() ** -gamma * X[b]
    return total


def _tifu(oldest_first=False, mean=True, scaled=True, within=True, between=True, sign=-1):
    """The right vector with a usual slip in it."""

    def wrong(X, groups, r_b, r_g, gamma):
        X = X[::-1] if oldest_first else X
        r_b, r_g = (r_b if within else 1), (r_g if between else 1)
        if not scaled or sign > 0:
            X = X * (X.sum(axis=1, keepdims=True) ** (gamma if scaled else 0.0))
            gamma = 0.0
        found = tifu_vector(X, groups, r_b, r_g, gamma) if gamma else _plain(X, groups, r_b, r_g)
        return found if mean else found * len(X)

    return wrong


def _plain(X, groups, r_b, r_g):
    return tifu_vector(X, groups, r_b, r_g, 0.0)


def _draw_tifu(rng):
    groups, size = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    X = (rng.random((groups * size, 5)) < 0.5).astype(float)
    X[:, 0] = 1  # no basket is empty
    X[0, 1:] = 1  # and they differ in size
    X[-1, 1:] = 0
    return X, groups, float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.2, 0.6))


# 10.4 The calibration error


def calibration_error(p, y, bins):
    order = np.argsort(p)
    total = 0.0
    for part in np.array_split(order, bins):
        total += len(part) / len(p) * abs(p[part].mean() - y[part].mean())
    return total


def _equal_width(p, y, bins):
    label, total = np.minimum((p * bins).astype(int), bins - 1), 0.0
    for b in np.unique(label):
        total += (label == b).mean() * abs(p[label == b].mean() - y[label == b].mean())
    return total


def _squared(p, y, bins):
    order, total = np.argsort(p), 0.0
    for part in np.array_split(order, bins):
        total += len(part) / len(p) * (p[part].mean() - y[part].mean()) ** 2
    return total


def _signed(p, y, bins):
    return abs(p.mean() - y.mean())


def _unsorted(p, y, bins):
    parts = np.array_split(np.arange(len(p)), bins)
    return sum(len(part) / len(p) * abs(p[part].mean() - y[part].mean()) for part in parts)


def _sum_of_bins(p, y, bins):
    return bins * calibration_error(p, y, bins)


def _draw_forecasts(rng):
    bins = int(rng.integers(3, 6))
    n = bins * int(rng.integers(8, 13))
    p = rng.beta(1, 3, n)
    return p, (rng.random(n) < p**1.5).astype(float), bins


# 10.5 A paired bootstrap


def paired_interval(a, b, draws):
    relative = a[draws].mean(axis=1) / b[draws].mean(axis=1) - 1
    low, high = np.quantile(relative, [0.025, 0.975])
    return np.array([a.mean() / b.mean() - 1, low, high])


def _unpaired(a, b, draws):
    relative = a[draws].mean(axis=1) / b[draws[::-1]].mean(axis=1) - 1
    return np.array([a.mean() / b.mean() - 1, *np.quantile(relative, [0.025, 0.975])])


def _absolute(a, b, draws):
    gaps = (a - b)[draws].mean(axis=1)
    return np.array([(a - b).mean(), *np.quantile(gaps, [0.025, 0.975])])


def _households_apart(a, b, draws):
    ratios = (a / b)[draws].mean(axis=1) - 1
    return np.array([(a / b).mean() - 1, *np.quantile(ratios, [0.025, 0.975])])


def _ninety(a, b, draws):
    relative = a[draws].mean(axis=1) / b[draws].mean(axis=1) - 1
    return np.array([a.mean() / b.mean() - 1, *np.quantile(relative, [0.05, 0.95])])


def _middle_of_draws(a, b, draws):
    relative = a[draws].mean(axis=1) / b[draws].mean(axis=1) - 1
    return np.array([np.median(relative), *np.quantile(relative, [0.025, 0.975])])


def _draw_pairs(rng):
    n = 30
    b = rng.uniform(0.1, 0.9, n)
    return np.clip(b + rng.normal(0.03, 0.05, n), 0, 1), b, rng.integers(0, n, (200, n))


# 10.6 Isotonic regression


def isotonic(y):
    values, counts = [y[0]], [1]
    for outcome in y[1:]:
        values.append(outcome)
        counts.append(1)
        while len(values) > 1 and values[-2] > values[-1]:
            weight = counts[-2] + counts[-1]
            pooled = (values[-2] * counts[-2] + values[-1] * counts[-1]) / weight
            values[-2:], counts[-2:] = [pooled], [weight]
    return np.repeat(values, counts)


def _once(y):
    """Neighbours are pooled in one pass, without a look back."""
    values: list[float] = []
    counts: list[int] = []
    for outcome in y:
        if values and values[-1] > outcome:
            values[-1] = (values[-1] * counts[-1] + outcome) / (counts[-1] + 1)
            counts[-1] += 1
        else:
            values.append(float(outcome))
            counts.append(1)
    return np.repeat(values, counts)


def _unweighted(y):
    values: list[float] = []
    counts: list[int] = []
    for outcome in y:
        values.append(float(outcome))
        counts.append(1)
        while len(values) > 1 and values[-2] > values[-1]:
            values[-2:], counts[-2:] = [(values[-2] + values[-1]) / 2], [counts[-2] + counts[-1]]
    return np.repeat(values, counts)


def _draw_outcomes(rng):
    n = 14
    y = (rng.random(n) < np.linspace(0.15, 0.85, n)).astype(float)
    first = int(rng.integers(0, 3))  # where the first fall begins
    y[:first], y[first : first + 4], y[8:12] = 0, [1, 0, 0, 0], [1, 1, 0, 0]
    return (y,)


EXERCISES = (
    Exercise(
        "10.1",
        "Undo the sampling",
        stars=1,
        minutes=10,
        reference=corrected,
        draw=_draw_sampled,
        misconceptions=(
            (lambda p, rho: p * rho, "You multiplied the probability. It is the odds that shrink by the factor ρ."),
            (
                lambda p, rho: p / rho / (1 - p + p / rho),
                "You went the wrong way. Dropping non-purchases made P too large, so the odds must fall.",
            ),
            (lambda p, rho: p / (1 - p) * rho, "These are the odds. Turn them back into a probability."),
            (lambda p, rho: p.copy(), "Nothing was corrected. What did the training see too few of?"),
        ),
        look="Take p = 0.5 and ρ = 0.1 by hand: odds 1, then odds 0.1. Which probability has odds of 0.1?",
        hints=(
            "Go to odds, correct them, and come back.",
            "Odds are p / (1 − p). The correction multiplies them by ρ.",
            "From odds o back to a probability: o / (1 + o).",
        ),
    ),
    Exercise(
        "10.2",
        "A feature that knows no future",
        stars=1,
        minutes=10,
        reference=days_since,
        draw=_draw_days,
        misconceptions=(
            (
                lambda day, holds, at: float(at - day[holds & (day <= at)].max()),
                "A basket on the day of the question itself is used. On the morning of that day nobody knows it.",
            ),
            (
                lambda day, holds, at: float(abs(at - day[holds].max())),
                "The last purchase of the whole log is used. It may lie in the future.",
            ),
            (
                lambda day, holds, at: float(at - day[day < at].max()),
                "These are the days since the last basket. Asked for is the last basket that holds the item.",
            ),
            (
                lambda day, holds, at: float(at - day[holds & (day < at)].min()),
                "These are the days since the first purchase. Look for the last one.",
            ),
        ),
        edges=((_never, "For an item that was never bought before the day, return NaN."),),
        look="Draw the days on a line and mark the day of the question. What lies strictly to its left?",
        hints=(
            "First throw away everything that is not in the past, then everything without the item.",
            "A mask does both: holds & (day < at).",
            "The largest day that is left is the last purchase. If none is left, return NaN.",
        ),
    ),
    Exercise(
        "10.3",
        "TIFU-KNN's vector by hand",
        stars=2,
        minutes=25,
        reference=tifu_vector,
        draw=_draw_tifu,
        misconceptions=(
            (
                _tifu(oldest_first=True),
                "The oldest baskets weigh most. The last basket of all must count most.",
            ),
            (_tifu(scaled=False), "Baskets are not scaled by their size. Where does γ enter?"),
            (_tifu(mean=False), "You summed. Each group takes the mean of its baskets, and the groups are averaged."),
            (_tifu(within=False), "Within a group nothing is forgotten. Where does r_b enter?"),
            (_tifu(between=False), "Between the groups nothing is forgotten. Where does r_g enter?"),
            (_tifu(sign=1), "Large baskets count more instead of less. Check the sign of γ."),
        ),
        look="Take two groups of two baskets and write the four weights down. The last must be 1 / (2 · 2).",
        hints=(
            "Number the groups from the end, and the baskets of a group from the end.",
            "The last basket of the last group has j = 1 and s = 1, so both powers are 0.",
            "Multiply r_g to the power j − 1, r_b to the power s − 1 and |b| to the power −γ; divide by both sizes.",
        ),
    ),
    Exercise(
        "10.4",
        "The calibration error",
        stars=2,
        minutes=20,
        reference=calibration_error,
        draw=_draw_forecasts,
        misconceptions=(
            (_equal_width, "Your bins have equal width. Here they hold equally many forecasts."),
            (_squared, "You squared the gaps. The calibration error takes absolute values."),
            (_signed, "Everything is in one bin: too high and too low cancel."),
            (_unsorted, "The forecasts were cut into bins before they were sorted by p."),
            (_sum_of_bins, "You added the gaps of the bins. Weigh each by the share of the forecasts that it holds."),
            (
                lambda p, y, bins: float(np.abs(p - y).mean()),
                "You compare each forecast with its own outcome. Only the means of a bin can be compared.",
            ),
        ),
        look="Take four forecasts and two bins, and compute the two means of each bin on paper.",
        hints=(
            "Sort the forecasts by p and cut them into `bins` parts of equal size.",
            "In each part compare the mean of p with the mean of y, without regard to the sign.",
            "The order comes from numpy.argsort, the parts from numpy.array_split. Weigh each gap by the part's share.",
        ),
    ),
    Exercise(
        "10.5",
        "A paired bootstrap",
        stars=2,
        minutes=20,
        reference=paired_interval,
        draw=_draw_pairs,
        misconceptions=(
            (_unpaired, "The two methods are judged on different households. Use the same draw for both."),
            (_absolute, "This is the plain difference. Asked for is the difference relative to b."),
            (_households_apart, "You averaged the households' ratios. Take the ratio of the two means."),
            (_ninety, "Your interval holds 90 %. For 95 % cut 2.5 % off at each end."),
            (_middle_of_draws, "The first number is what the households really gave, not the middle of the draws."),
        ),
        look="Take a = b. Every number must then be 0: does your interval collapse?",
        hints=(
            "Each row of `draws` is one resample of the households.",
            "With a[draws] you get one row per resample: its mean over axis 1 is the mean of that resample.",
            "Divide the two means of each resample, subtract 1, and take the quantiles 0.025 and 0.975.",
        ),
    ),
    Exercise(
        "10.6",
        "Isotonic regression by pooling",
        stars=3,
        minutes=35,
        reference=isotonic,
        draw=_draw_outcomes,
        misconceptions=(
            (_once, "You pool forwards only. A pooled value can be below the one before it: look back again."),
            (
                _unweighted,
                "You averaged two blocks as if equally large. Weigh each by its number of outcomes.",
            ),
            (
                lambda y: np.maximum.accumulate(y),
                "You raise every value to the highest so far. Neighbours that break the order must be averaged.",
            ),
            (lambda y: np.sort(y), "You sorted the outcomes. They must stay where they are; only means may change."),
        ),
        checks=(
            (
                lambda result, y: abs(np.asarray(result).mean() - y.mean()) < 1e-9,
                "The mean has changed. Pooling replaces values by their mean, so the total must stay.",
            ),
            (
                lambda result, y: (np.diff(np.asarray(result)) > -1e-9).all(),
                "The result falls somewhere. Pool as long as a block is below the block before it.",
            ),
        ),
        look="Do y = 1, 0, 0 by hand. The first pooling gives 1/2, 1/2, 0. Is that in order?",
        hints=(
            "Keep a list of blocks: the mean of each and the number of its outcomes.",
            "Add the outcomes one by one as blocks of size 1. While the last mean is below the one before, merge them.",
            "The mean of two merged blocks is weighted by their sizes. At the end repeat each mean by its size.",
        ),
    ),
)
