"""Exercises of chapter 06: probabilities from few purchases, and from two of them at once."""

import numpy as np
from scipy.stats import beta, betabinom, binom

from bundlebook.exercises.engine import Exercise

# 06.1 Four months are few


def smoothed(bought, periods, share, strength):
    return (bought + strength * share) / (periods + strength)


def _draw_smoothed(rng):
    periods = int(rng.integers(3, 12))
    return int(rng.integers(0, periods + 1)), periods, float(rng.uniform(0.05, 0.4)), float(rng.integers(2, 7))


# 06.2 The odds ratio


def odds_ratio(p, q, both):
    return both * (1 - p - q + both) / ((p - both) * (q - both))


def _draw_pair(rng):
    p, q = rng.uniform(0.2, 0.6, 2)
    return float(p), float(q), float(rng.uniform(max(0, p + q - 1) + 0.02, min(p, q) - 0.02))


# 06.3 The chance of both


def chance_of_both(p, q, psi):
    S = 1 + (p + q) * (psi - 1)
    return 2 * psi * p * q / (S + np.sqrt(S**2 - 4 * psi * (psi - 1) * p * q))


def _both(product=1.0, sign=1.0, shift=1.0, psi_above=True):
    def wrong(p, q, psi):
        S = 1 + (p + q) * (psi - shift)
        root = np.sqrt(np.abs(S**2 - 4 * psi * (psi - 1) * p * q * product))
        return 2 * (psi if psi_above else 1) * p * q / (S + sign * root)

    return wrong


def _draw_both(rng):
    return *(float(chance) for chance in rng.uniform(0.05, 0.6, 2)), float(rng.choice([0.3, 2.0, 6.0, 12.0]))


# 06.4 Within households


def pooled_odds_ratio(tables):
    above = below = 0.0
    for (a, b), (c, d) in tables:
        n = a + b + c + d
        above += a * d / n
        below += b * c / n
    return above / below


def _ratio(table):
    (a, b), (c, d) = table
    return a * d / (b * c)


def _pooled(weight=lambda table: 1 / table.sum(), turned=False):
    def wrong(tables):
        sums = np.sum([weight(t) * np.array([t[0, 0] * t[1, 1], t[0, 1] * t[1, 0]]) for t in tables], axis=0)
        return sums[1] / sums[0] if turned else sums[0] / sums[1]

    return wrong


def _draw_tables(rng):
    # Households that shop much buy both more often, so that the crude ratio is larger.
    much = rng.uniform(0.1, 0.8, 6)
    n = rng.integers(8, 40, 6)
    shares = [[m * m, m * (1 - m), m * (1 - m), (1 - m) ** 2] for m in much]
    return (np.array([rng.multinomial(k, s) + 1 for k, s in zip(n, shares, strict=True)]).reshape(-1, 2, 2),)


# 06.5 Four of 486


def exact_interval(bought, n):
    low = beta.ppf(0.025, bought, n - bought + 1) if bought > 0 else 0.0
    high = beta.ppf(0.975, bought + 1, n - bought) if bought < n else 1.0
    return low, high


def _interval(low=0.025, high=0.975, a=(0, 1), b=(1, 0)):
    def wrong(bought, n):
        return (
            float(beta.ppf(low, bought + a[0], n - bought + a[1])),
            float(beta.ppf(high, bought + b[0], n - bought + b[1])),
        )

    return wrong


def _wald(bought, n):
    p = bought / n
    return p - 1.96 * (p * (1 - p) / n) ** 0.5, p + 1.96 * (p * (1 - p) / n) ** 0.5


def _draw_trials(rng):
    n = int(rng.integers(20, 300))
    return int(rng.integers(2, n // 3)), n


# 06.6 How many imaginary months?


def strength_fit(bought, periods, share, strengths):
    fits = []
    for strength in strengths:
        fits.append(betabinom.logpmf(bought, periods, strength * share, strength * (1 - share)).sum())
    return np.array(fits)


def _fit(score, gather=np.sum):
    """A score for each strength, gathered over customers."""
    return lambda bought, periods, share, strengths: np.array(
        [gather(score(bought, periods, share, s)) for s in strengths]
    )


def _own_chance(bought, periods, share, s):
    return binom.logpmf(bought, periods, smoothed(bought, periods, share, s))


def _draw_customers(rng):
    strengths = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    share, strength = float(rng.choice([0.1, 0.3])), float(rng.choice([2.0, 4.0, 8.0]))
    periods = rng.integers(3, 13, 200)
    habits = rng.beta(strength * share, strength * (1 - share), 200)
    return rng.binomial(periods, habits), periods, share, rng.permutation(strengths)


EXERCISES = (
    Exercise(
        "06.1",
        "Four months are few",
        stars=1,
        minutes=5,
        reference=smoothed,
        draw=_draw_smoothed,
        misconceptions=(
            (
                lambda bought, periods, share, strength: bought / periods,
                "This is the plain share. It says 0 or 1 after a single month.",
            ),
            (
                lambda bought, periods, share, strength: (bought + 1) / (periods + 2),
                "You add one purchase and one miss. Here the imaginary periods have the shop's share.",
            ),
            (
                lambda bought, periods, share, strength: (bought / periods + share) / 2,
                "You take the middle of the two. Who has been seen for longer should be believed more.",
            ),
            (
                lambda bought, periods, share, strength: (bought + strength * share) / periods,
                "You add imaginary purchases, but not the periods they were made in.",
            ),
            (
                lambda bought, periods, share, strength: (bought + share) / (periods + strength),
                "In every imaginary period the share is bought. How much is that in all of them?",
            ),
        ),
        look="The chapter does it for 张三: 0 of 4, pulled by two imaginary months.",
        hints=(
            "Imagine some more periods, in which the customer buys as the average customer does.",
            "Add their purchases to those that you saw, and their number to the periods that you saw.",
            "In strength periods, share of them with a purchase: strength × share purchases more.",
        ),
    ),
    Exercise(
        "06.2",
        "The odds ratio",
        stars=1,
        minutes=10,
        reference=odds_ratio,
        draw=_draw_pair,
        misconceptions=(
            (lambda p, q, both: both / (p * q), "This is the lift: it compares with the product, not with the odds."),
            (
                lambda p, q, both: (p - both) * (q - both) / (both * (1 - p - q + both)),
                "Yours is turned upside down: items that go together get less than 1.",
            ),
            (
                lambda p, q, both: both * (1 - p) * (1 - q) / ((p - both) * (q - both)),
                "The chance of neither is not the product of two chances. All four cells add up to 1.",
            ),
            (
                lambda p, q, both: both * (1 - both) / (p * q),
                "You take p for the cell of A without B. Part of p is in the cell of both.",
            ),
            (
                lambda p, q, both: np.log(both * (1 - p - q + both) / ((p - both) * (q - both))),
                "This is its logarithm: 0 for unrelated items, where the ratio is 1.",
            ),
            (
                lambda p, q, both: both / ((p - both) * (q - both)),
                "One cell of the table is missing: that of neither.",
            ),
        ),
        look="Fill the table of four cells for p = 0.4, q = 0.5 and both 0.3. The chapter's ratio is 6.",
        hints=(
            "Write the four cells: both, only A, only B, neither.",
            "Neither is what is left of 1 after p and q, but both was taken away twice.",
            "Multiply along the two diagonals, and divide.",
        ),
    ),
    Exercise(
        "06.3",
        "The chance of both",
        stars=2,
        minutes=15,
        reference=chance_of_both,
        draw=_draw_both,
        misconceptions=(
            (lambda p, q, psi: p * q, "This is the product: it holds for unrelated items only."),
            (lambda p, q, psi: p * q * psi, "You multiply by the ratio. With common items this can exceed 1."),
            (_both(sign=-1.0), "You took the other root of the quadratic equation, which is no probability."),
            (_both(shift=0.0), "Your S is too large: the ratio less one enters it."),
            (_both(psi_above=False), "The ratio is missing above the line."),
            (
                lambda p, q, psi: 2 * psi * p * q / (1 + (p + q) * (psi - 1)),
                "The root is missing below the line.",
            ),
        ),
        checks=(
            (
                lambda result, p, q, psi: 0 <= result <= min(p, q),
                "Both cannot be likelier than one of the two, nor less likely than 0.",
            ),
        ),
        look="The chapter computes p = 0.4, q = 0.5, a ratio of 6: S is 5.5, the root 2.5, the answer 0.3.",
        hints=(
            "It is Plackett's formula. Compute S first.",
            "Below the line stand S and a root. Test both parts with the chapter's example.",
            "Put your answer into 06.2: the ratio must come back.",
        ),
        edges=((lambda rng: (0.3, 0.2, 1.0), "With a ratio of 1 the product must come out."),),
    ),
    Exercise(
        "06.4",
        "Within households",
        stars=2,
        minutes=20,
        reference=pooled_odds_ratio,
        draw=_draw_tables,
        misconceptions=(
            (
                lambda tables: _ratio(tables.sum(axis=0)),
                "You add up the tables first. This is the crude ratio: it mixes households that buy much and little.",
            ),
            (
                lambda tables: float(np.mean([_ratio(table) for table in tables])),
                "You take the mean of the ratios. One small household with a huge ratio then decides.",
            ),
            (
                lambda tables: float(np.exp(np.mean([np.log(_ratio(table)) for table in tables]))),
                "You take the mean of the logarithms. Mantel and Haenszel divide one sum by another.",
            ),
            (
                _pooled(weight=lambda table: 1.0),
                "You did not divide by the size of each table. Large households then count with their square.",
            ),
            (_pooled(turned=True), "Yours is turned upside down: both and neither belong above the line."),
            (_pooled(weight=lambda table: 1 / table.sum() ** 2), "You divide by the size of each table twice."),
        ),
        look="With one household its own odds ratio must come out. Then put in the same household twice.",
        hints=(
            "Two sums over households: one for the diagonal both–neither, one for the other diagonal.",
            "Each household adds the product of its diagonal, over the number of its periods.",
            "With cells a, b, c, d and n in all: the sum of ad/n, over the sum of bc/n.",
        ),
    ),
    Exercise(
        "06.5",
        "Four of 486",
        stars=2,
        minutes=20,
        reference=exact_interval,
        draw=_draw_trials,
        misconceptions=(
            (_wald, "This is the normal interval. With few purchases it is too narrow, and it can begin below 0."),
            (
                _interval(0.05, 0.95),
                "Yours leaves out 5 % at each end. A 95 % interval leaves out 5 % in all.",
            ),
            (
                _interval(a=(0, 0), b=(0, 0)),
                "Both beta distributions have an additional 1, each at another place.",
            ),
            (
                _interval(a=(1, 1), b=(1, 1)),
                "You use one beta distribution, that of a Bayesian. The exact interval needs two.",
            ),
            (
                _interval(a=(0.5, 0.5), b=(0.5, 0.5)),
                "This is Jeffreys' interval. The exact one uses two beta distributions.",
            ),
            (
                lambda bought, n: tuple(float(k) for k in binom.ppf([0.025, 0.975], n, bought / n)),
                "These are numbers of purchases. Asked for are bounds of the probability.",
            ),
        ),
        look="Nearly the chapter's numbers: 4 of 486 give 0.2 to 2.1 %.",
        hints=(
            "The lower bound is the p at which as many purchases or more have a chance of 2.5 %.",
            "The quantile of a beta distribution solves it: scipy.stats.beta.ppf. Its two parameters are in the task.",
            "Treat 0 of n and n of n first: one bound is then 0 or 1.",
        ),
        edges=(
            (lambda rng: (0, 40), "Without a purchase the interval begins at exactly 0."),
            (lambda rng: (25, 25), "Where all have bought, the interval ends at exactly 1."),
        ),
    ),
    Exercise(
        "06.6",
        "How many imaginary months",
        stars=3,
        minutes=40,
        reference=strength_fit,
        draw=_draw_customers,
        misconceptions=(
            (
                _fit(_own_chance),
                "You judge each smoothed chance by the purchases it was made of. The weakest pull then always wins.",
            ),
            (
                _fit(lambda bought, periods, share, s: binom.logpmf(bought, periods, share)),
                "Every strength fits alike in yours. Where does it enter the likelihood?",
            ),
            (
                _fit(lambda k, n, share, s: betabinom.logpmf(k, n, s * share, s * (1 - share)), np.mean),
                "This is the mean. The log likelihood of all customers is the sum.",
            ),
            (
                _fit(lambda k, n, share, s: betabinom.pmf(k, n, s * share, s * (1 - share))),
                "You add probabilities. Those of independent customers are multiplied, so their logarithms are added.",
            ),
            (
                _fit(lambda k, n, share, s: betabinom.logpmf(k, n, s, s)),
                "Your habits have a mean of one half. Their mean should be the share.",
            ),
            (
                _fit(lambda k, n, share, s: betabinom.logpmf(k, n, s * (1 - share), s * share)),
                "The two parameters have changed places: yours have the mean 1 − share.",
            ),
            (
                _fit(lambda k, n, share, s: betabinom.logpmf(k, n, share, s)),
                "Strength is the sum of both parameters. The share says how it is divided.",
            ),
            (
                lambda bought, periods, share, strengths: float(
                    strengths[strength_fit(bought, periods, share, strengths).argmax()]
                ),
                "This is the strength that fits best. Give the log likelihood of every strength.",
            ),
        ),
        look="Draw habits from a beta distribution with a strength that you choose, then purchases. Is it found again?",
        hints=(
            "Each customer has a hidden habit, a probability. Habits follow a beta distribution.",
            "Its parameters are strength × share and strength × (1 − share). Purchases then follow a beta-binomial.",
            "Add up scipy.stats.betabinom.logpmf over customers for each strength; one sum per strength.",
        ),
    ),
)
