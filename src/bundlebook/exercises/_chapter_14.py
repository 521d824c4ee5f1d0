"""Exercises of chapter 14: feedback and online learning."""

import numpy as np
from scipy import stats

from bundlebook.exercises.engine import Exercise

# 14.1 A count without a history


def counts_today(count, days, half_life, bought):
    return count * 2 ** (-days / half_life) + bought


def _draw_count(rng):
    n = int(rng.integers(4, 8))
    count = np.round(rng.uniform(0.5, 6, n), 2)
    return count, int(rng.integers(2, 120)), float(rng.integers(20, 60)), rng.integers(0, 2, n).astype(float)


# 14.2 What made it better


def shares(frozen, fresh, refit):
    return np.array([fresh.mean() / frozen.mean() - 1, refit.mean() / fresh.mean() - 1])


def _draw_regimes(rng):
    frozen = rng.uniform(0.05, 0.9, int(rng.integers(20, 40)))
    fresh = np.clip(frozen * rng.uniform(0.7, 1.8, len(frozen)), 0, 1)
    return frozen, fresh, np.clip(fresh * rng.uniform(0.9, 1.15, len(frozen)), 0, 1)


# 14.3 Regret


def regret(rates, arms):
    return np.cumsum(rates.max() - rates[arms])


def _draw_arms(rng):
    n_arms = int(rng.integers(3, 6))
    rates, arms = np.round(rng.uniform(0.02, 0.5, n_arms), 3), rng.integers(0, n_arms, int(rng.integers(20, 40)))
    if rng.random() < 0.5:  # the best arm is never shown
        arms = np.where(arms == rates.argmax(), rates.argmin(), arms)
    return rates, arms


# 14.4 One row more


def add_row(P, a):
    seen = P @ a
    return P - np.outer(seen, seen) / (1 + a @ seen)


def _draw_row(rng):
    m = int(rng.integers(4, 7))
    A = rng.integers(0, 2, (3 * m, m)).astype(float)
    a = np.zeros(m)
    a[rng.permutation(m)[: int(rng.integers(2, m))]] = 1
    return np.linalg.inv(A.T @ A + 2 * np.eye(m)), a


# 14.5 Clicks that come late


def beliefs(arms, clicks, delay, n_arms):
    known = max(len(arms) - delay, 0)
    shown = np.bincount(arms[:known], minlength=n_arms)
    hits = np.bincount(arms[:known], weights=clicks[:known], minlength=n_arms)
    return (1 + hits) / (2 + shown)


def _draw_clicks(rng):
    n_arms, rounds = int(rng.integers(3, 6)), int(rng.integers(40, 80))
    arms = rng.integers(0, n_arms - 1, rounds)  # the last arm is never shown
    return arms, (rng.random(rounds) < 0.4).astype(int), int(rng.integers(5, 20)), n_arms


def _counted(arms, clicks, n_arms, prior=True):
    shown = np.bincount(arms, minlength=n_arms)
    hits = np.bincount(arms, weights=clicks, minlength=n_arms)
    return (1 + hits) / (2 + shown) if prior else hits / np.maximum(shown, 1)


# 14.6 An alarm


def p_value(before, x):
    n = len(before)
    z = abs(x - before.mean()) / (before.std(ddof=1) * np.sqrt(1 + 1 / n))
    return 2 * stats.t.sf(z, n - 1)


def _draw_weeks(rng):
    before = np.round(rng.normal(3, 0.5, int(rng.integers(4, 9))), 3)
    return before, float(np.round(before.mean() + rng.choice([-1, 1]) * rng.uniform(0.6, 1.5), 3))


def _z(before, x, ddof=1, new=True):
    return abs(x - before.mean()) / (before.std(ddof=ddof) * (np.sqrt(1 + 1 / len(before)) if new else 1))


EXERCISES = (
    Exercise(
        "14.1",
        "A count without a history",
        stars=1,
        minutes=10,
        reference=counts_today,
        draw=_draw_count,
        misconceptions=(
            (
                lambda count, days, half_life, bought: (count + bought) * 2 ** (-days / half_life),
                "You fade today's purchase too. It is zero days old and counts in full.",
            ),
            (
                lambda count, days, half_life, bought: count * np.exp(-days / half_life) + bought,
                "With e a count loses more than half in one half-life. Which base halves it?",
            ),
            (
                lambda count, days, half_life, bought: count * 0.5 * days / half_life + bought,
                "Your weight grows with the days. After more days less should be left.",
            ),
            (
                lambda count, days, half_life, bought: count * np.maximum(1 - days / (2 * half_life), 0) + bought,
                "Your count falls along a straight line. Halving again and again is a power of one half.",
            ),
            (
                lambda count, days, half_life, bought: count * (1 - days / (2 * half_life)) + bought,
                "Your count falls along a straight line, in the end below zero. Halve it again and again.",
            ),
            (lambda count, days, half_life, bought: count + bought, "You never forget. What has become of the old?"),
            (
                lambda count, days, half_life, bought: count * 0.5 ** (days // half_life) + bought,
                "You halve only when a whole half-life is over. Forgetting goes on every day.",
            ),
            (
                lambda count, days, half_life, bought: count * 2 ** (days / half_life) + bought,
                "The old count grows. After one half-life half of it should be left.",
            ),
            (
                lambda count, days, half_life, bought: np.where(bought > 0, 1, count * 2 ** (-days / half_life)),
                "Where something was bought today, the old count is lost. Today's purchase comes on top of it.",
            ),
            (
                lambda count, days, half_life, bought: count * 2 ** (-days / half_life),
                "Today's purchases are missing.",
            ),
        ),
        look="Let a count be 4, with one half-life gone and nothing bought today. What should be left?",
        hints=(
            "After H days half is left, after 2H a quarter. What is left after `days` days?",
            "The weight is 2 to the power of minus days over half-life. Only the old count gets it.",
            "Multiply the count by 2 ** (-days / half_life), then add what was bought today.",
        ),
    ),
    Exercise(
        "14.2",
        "What made it better",
        stars=1,
        minutes=10,
        reference=shares,
        draw=_draw_regimes,
        misconceptions=(
            (
                lambda frozen, fresh, refit: np.array(
                    [fresh.mean() / frozen.mean() - 1, refit.mean() / frozen.mean() - 1]
                ),
                "Your second number compares with the frozen model, so it contains the first. What did fitting add?",
            ),
            (
                lambda frozen, fresh, refit: np.array([(fresh / frozen).mean() - 1, (refit / fresh).mean() - 1]),
                "You average ratios of single users, and users near 0 rule them. Divide the means.",
            ),
            (
                lambda frozen, fresh, refit: np.array([fresh.mean() - frozen.mean(), refit.mean() - fresh.mean()]),
                "You return differences. A relative change is asked for.",
            ),
            (
                lambda frozen, fresh, refit: np.array(
                    [fresh.mean() / frozen.mean() - 1, (refit.mean() - fresh.mean()) / frozen.mean()]
                ),
                "You divide the second step by the frozen mean. The refit is compared with the fresh history.",
            ),
            (
                lambda frozen, fresh, refit: (
                    np.array([fresh.mean() - frozen.mean(), refit.mean() - fresh.mean()])
                    / (refit.mean() - frozen.mean())
                ),
                "You return shares of the whole gain. Each step is a change relative to the regime before it.",
            ),
            (
                lambda frozen, fresh, refit: np.array([fresh.mean() / frozen.mean(), refit.mean() / fresh.mean()]),
                "You return ratios: no change is 1. A change of nothing should be 0.",
            ),
            (
                lambda frozen, fresh, refit: np.array(
                    [1 - frozen.mean() / fresh.mean(), 1 - fresh.mean() / refit.mean()]
                ),
                "You divide by the later figure. A change is measured against what was before.",
            ),
        ),
        look="Let the three means be 0.2, 0.3 and 0.36. The changes are then 0.5 and 0.2. What are yours?",
        hints=(
            "Two steps lie between frozen and refit. Which figure stands between them?",
            "First fresh against frozen, then refit against fresh, each as a relative change.",
            "Mean of fresh over mean of frozen, minus 1; mean of refit over mean of fresh, minus 1; both in one array.",
        ),
    ),
    Exercise(
        "14.3",
        "Regret",
        stars=1,
        minutes=10,
        reference=regret,
        draw=_draw_arms,
        misconceptions=(
            (
                lambda rates, arms: rates.max() - rates[arms],
                "That is the regret of each round. Add up what went before.",
            ),
            (
                lambda rates, arms: np.cumsum(rates[arms]),
                "You add up expected clicks. Regret is what the best arm would have earned beyond them.",
            ),
            (
                lambda rates, arms: np.cumsum(rates[arms].max() - rates[arms]),
                "You compare with the best arm that was shown. The best of all arms may never have been.",
            ),
            (
                lambda rates, arms: np.cumsum(rates[arms] - rates.max()),
                "Your sign is turned round: regret never falls.",
            ),
            (
                lambda rates, arms: np.cumsum(rates.max() - rates[arms]) / np.arange(1, len(arms) + 1),
                "You return the mean so far. The sum is asked for.",
            ),
            (
                lambda rates, arms: np.cumsum(rates[0] - rates[arms]),
                "You compare with the first arm. The best one may stand at any place.",
            ),
            (
                lambda rates, arms: np.cumsum(np.maximum.accumulate(rates[arms]) - rates[arms]),
                "You compare with the best arm shown so far. The best of all is the measure, from the first round on.",
            ),
            (
                lambda rates, arms: np.cumsum(rates.max() - rates[arms]) - (rates.max() - rates[arms]),
                "You leave out the round itself. The regret up to and including it is asked for.",
            ),
            (
                lambda rates, arms: np.cumsum(arms != rates.argmax()),
                "You count rounds. What one of them costs is a difference of two rates.",
            ),
        ),
        look="Let the rates be .2 and .5. Showing the first arm three times costs .3, .6, .9. What is yours?",
        hints=(
            "What would the best arm have earned in this round, and what does the shown one earn?",
            "Take the difference per round, and sum it up to each round.",
            "Use np.cumsum on the largest rate minus the rates of the arms shown.",
        ),
        edges=(
            (
                lambda rng: (np.array([0.1, 0.2, 0.9]), np.array([0, 1, 0, 1])),
                "The best arm counts, also when it was never shown.",
            ),
        ),
    ),
    Exercise(
        "14.4",
        "One row more",
        stars=2,
        minutes=20,
        reference=add_row,
        draw=_draw_row,
        misconceptions=(
            (
                lambda P, a: P + np.outer(P @ a, P @ a) / (1 + a @ P @ a),
                "Your sign is wrong: more data make the inverse smaller.",
            ),
            (
                lambda P, a: P - np.outer(P @ a, P @ a) / (1 - a @ P @ a),
                "With 1 minus aᵀPa you take half of a removal. A row that comes needs 1 plus.",
            ),
            (lambda P, a: P - np.outer(P @ a, P @ a), "You forgot the denominator."),
            (
                lambda P, a: P - np.outer(P @ a, P @ a) / (a @ P @ a),
                "The 1 in the denominator is missing.",
            ),
            (
                lambda P, a: P - np.outer(P @ a, P @ a) / (1 + a @ a),
                "Your denominator holds aᵀa. P stands between the two.",
            ),
            (
                lambda P, a: P - np.outer(P @ a, a) / (1 + a @ P @ a),
                "P stands on one side of aaᵀ only, so the result is not symmetric. It stands on both.",
            ),
            (
                lambda P, a: P + np.outer(a, a),
                "You add the row to the inverse. It is the matrix before the inversion that grows by aaᵀ.",
            ),
            (
                lambda P, a: P - (P @ a) @ (P @ a) / (1 + a @ P @ a),
                "Your correction is one number. It should be a matrix: an outer product.",
            ),
        ),
        look="Take P = ½ I and a = (1, 0). G = 2 I becomes diag(3, 2). What is its inverse, and what is yours?",
        hints=(
            "Call Pa what the inverse sees of the row. The correction is an outer product of it with itself.",
            "It is P − (Pa)(Pa)ᵀ / (1 + aᵀPa), because P is symmetric.",
            "Take P times a, its np.outer with itself, divide by 1 plus a times it, and subtract that from P.",
        ),
    ),
    Exercise(
        "14.5",
        "Clicks that come late",
        stars=2,
        minutes=20,
        reference=beliefs,
        draw=_draw_clicks,
        misconceptions=(
            (
                lambda arms, clicks, delay, n_arms: _counted(arms, clicks, n_arms),
                "You use the clicks of the last rounds. They have not arrived yet.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(
                    arms, np.where(np.arange(len(arms)) < len(arms) - delay, clicks, 0), n_arms
                ),
                "You count rounds without an answer as refusals. They are unknown: leave the looks out as well.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(
                    arms[: len(arms) - delay], clicks[: len(arms) - delay], n_arms, prior=False
                ),
                "The prior is missing. Beta(1, 1) says ½ of an arm that was never shown.",
            ),
            (
                lambda arms, clicks, delay, n_arms: (
                    _counted(arms[: len(arms) - delay], clicks[: len(arms) - delay], n_arms)
                    * (1 + 1 / (1 + np.bincount(arms[: len(arms) - delay], minlength=n_arms)))
                ),
                "Your denominator counts one too few. Beta(1, 1) adds one click and one refusal: two looks.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(arms[delay:], clicks[delay:], n_arms),
                "You leave out the first rounds. It is the latest whose clicks are still to come.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(
                    arms[: len(arms) - delay - 1], clicks[: len(arms) - delay - 1], n_arms
                ),
                "You wait one round too long: exactly the last `delay` rounds are open.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(
                    arms[: len(arms) - delay + 1], clicks[: len(arms) - delay + 1], n_arms
                ),
                "You use one round too many: exactly the last `delay` rounds are open.",
            ),
            (
                lambda arms, clicks, delay, n_arms: _counted(arms[: len(arms) - delay], clicks[delay:], n_arms),
                "You pair an arm with the click of another round. `clicks[t]` belongs to `arms[t]`.",
            ),
        ),
        look="Take five rounds and a delay of two: three are answered. One click in three looks has the mean ⅖.",
        hints=(
            "Of which rounds is the click known? Both looks and clicks count only there.",
            "The last `delay` rounds are left out. Then (1 + clicks) / (2 + looks), arm by arm.",
            "Cut both arrays after len(arms) − delay; np.bincount with minlength=n_arms, once with weights.",
        ),
        edges=(
            (
                lambda rng: (np.array([0, 1, 0]), np.array([1, 0, 1]), 5, 2),
                "Where the delay is longer than the log, nothing is known yet: every mean is ½.",
            ),
            (
                lambda rng: (np.array([0, 1, 0]), np.array([1, 0, 1]), 0, 2),
                "Where the delay is 0, every click is known. What does a slice up to −0 hold?",
            ),
        ),
    ),
    Exercise(
        "14.6",
        "An alarm that keeps its promise",
        stars=3,
        minutes=30,
        reference=p_value,
        draw=_draw_weeks,
        misconceptions=(
            (
                lambda before, x: 2 * stats.norm.sf(_z(before, x)),
                "You use the normal distribution. With a spread from a few weeks, t has heavier tails.",
            ),
            (
                lambda before, x: 2 * stats.t.sf(_z(before, x, new=False), len(before) - 1),
                "The mean of the weeks before is uncertain as well: 1 + 1/n belongs under the root.",
            ),
            (
                lambda before, x: 2 * stats.t.sf(_z(before, x, ddof=0), len(before) - 1),
                "Your standard deviation divides by n. It was estimated: divide by n − 1.",
            ),
            (
                lambda before, x: stats.t.sf(_z(before, x), len(before) - 1),
                "You look at one side. A fall is as much of a surprise as a rise.",
            ),
            (
                lambda before, x: 2 * stats.t.sf(_z(before, x), len(before)),
                "One degree of freedom too many: the mean took one.",
            ),
            (
                lambda before, x: (
                    2
                    * stats.t.sf(abs(x - before.mean()) / (before.std(ddof=1) / np.sqrt(len(before))), len(before) - 1)
                ),
                "That tests a mean. Here one new week is judged, which varies as much as any week.",
            ),
            (
                lambda before, x: 2 * stats.t.sf(_z(before, x) * np.sign(x - before.mean()), len(before) - 1),
                "Below the mean you leave the smaller tail: p comes out above 1. Take the absolute value of t.",
            ),
            (
                lambda before, x: 2 * stats.t.sf(_z(before, x, ddof=0, new=False), len(before) - 1),
                "Two things are missing: the standard deviation divides by n − 1, and 1 + 1/n belongs under the root.",
            ),
            (
                lambda before, x: np.minimum(6 * p_value(before, x), 1),
                "You multiply by the number of facts. Here only one fact is tested.",
            ),
        ),
        look="Let before be 1, 2, 3 and x be 4. Then t is √3, with 2 degrees of freedom, and p is 0.225. Are yours?",
        hints=(
            "By how much may a new week differ from the mean of n others, if nothing has changed?",
            "Its variance is s²(1 + 1/n), with s of n − 1. Compare with t of n − 1 degrees of freedom, two-sided.",
            "Divide |x − mean| by the std (ddof=1) times √(1 + 1/n); then twice stats.t.sf of it at n − 1.",
        ),
    ),
)
