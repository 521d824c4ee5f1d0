"""Exercises of chapter 15: privacy and explanation."""

import hashlib

import numpy as np
from scipy.stats import beta

from bundlebook.exercises.engine import Exercise

# 15.1 Reverse a hash without a key


def reverse(codes, users):
    names = {hashlib.sha256(user.encode()).hexdigest()[:12]: user for user in users}
    return [names.get(code) for code in codes]


def _draw_codes(rng):
    users = [f"{number}" for number in rng.choice(5000, 60, replace=False)]
    known, others = users[:50], users[50:]
    codes = [hashlib.sha256(user.encode()).hexdigest()[:12] for user in rng.permutation([*known[:8], *others[:2]])]
    return codes, known


def _whole_digest(codes, users):
    names = {hashlib.sha256(user.encode()).hexdigest(): user for user in users}
    return [names.get(code) for code in codes]


def _only_found(codes, users):
    return [user for user in reverse(codes, users) if user is not None]


def _in_order_of_users(codes, users):
    return [user for user in users if hashlib.sha256(user.encode()).hexdigest()[:12] in set(codes)]


# 15.2 Clip


def clip(rows, norm):
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows * (norm / np.maximum(length, norm))


def _draw_rows(rng):
    rows = rng.integers(0, 4, (6, 5)).astype(float)
    rows[0], rows[1] = 0, [1, 0, 0, 0, 0]
    return rows, float(rng.uniform(2, 4))


def _to_length(rows, norm):
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows * norm / np.where(length > 0, length, 1)


def _by_sum(rows, norm):
    total = np.abs(rows).sum(axis=1, keepdims=True)
    return rows * np.minimum(1, norm / np.maximum(total, norm))


# 15.3 The noise of a sum


def deviation(norm, rhos):
    return norm / np.sqrt(2 * rhos)


def _draw_rhos(rng):
    return float(rng.uniform(1, 9)), rng.uniform(0.01, 0.5, 4)


# 15.4 Who is alone


def share_alone(facts, picks):
    return np.mean([facts[:, picks[u]].all(axis=1).sum() == 1 for u in range(len(facts))])


def _draw_facts(rng):
    facts = rng.random((12, 8)) < rng.uniform(0.2, 0.4)
    facts[:, 0] = True
    facts[:3] = facts[0]
    facts[:, 1:3] |= facts.sum(axis=1, keepdims=True) < 3
    # The fact that is true of everybody is never picked, so that some users are alone.
    picks = np.array([rng.choice(np.flatnonzero(row)[1:], 2, replace=False) for row in facts])
    return facts, picks


def _any_fact(facts, picks):
    return float(np.mean([facts[:, picks[u]].any(axis=1).sum() == 1 for u in range(len(facts))]))


def _whole_history(facts, picks):
    return float(np.mean([(facts == facts[u]).all(axis=1).sum() == 1 for u in range(len(facts))]))


# 15.5 What the attack proves


def at_least(hits, inside, alarms, outside, delta):
    low = beta.ppf(0.025, hits, inside - hits + 1)
    high = beta.ppf(0.975, alarms + 1, outside - alarms)
    return float(np.log((low - delta) / high))


def _draw_attack(rng):
    inside, outside = (int(n) for n in rng.integers(300, 900, 2))
    return (
        int(rng.uniform(0.6, 0.9) * inside),
        inside,
        int(rng.uniform(0.05, 0.2) * outside),
        outside,
        float(rng.choice([0.001, 0.02, 0.1])),
    )


def _from_rates(hits, inside, alarms, outside, delta):
    return float(np.log((hits / inside - delta) / (alarms / outside)))


def _wrong_ends(hits, inside, alarms, outside, delta):
    high = beta.ppf(0.975, hits + 1, inside - hits)
    low = beta.ppf(0.025, alarms, outside - alarms + 1)
    return float(np.log((high - delta) / low))


def _without_delta(hits, inside, alarms, outside, delta):
    return at_least(hits, inside, alarms, outside, 0.0)


# 15.6 A counterfactual by hand


def smallest(history, weights, item, rival):
    parts = history * (weights[:, item] - weights[:, rival])
    order = np.argsort(-parts, kind="stable")
    lead = parts.sum() - np.cumsum(parts[order])
    return order[: np.argmax(lead <= 0) + 1]


def _draw_purchases(rng):
    while True:
        history = (rng.random(9) < 0.7).astype(float)
        history[:4] = 1
        # Quarters, so that a lead of exactly 0 happens.
        weights = rng.integers(-2, 3, (9, 4)) / 4
        weights[:3, 1] += 1.5
        weights[:2, 3] += 0.5
        weights[3, 3] += 1
        if history @ (weights[:, 1] - weights[:, 3]) > 0:
            columns = rng.permutation(4).tolist()
            return history, weights[:, columns], columns.index(1), columns.index(3)


def _largest_score(history, weights, item, rival):
    order = np.argsort(-history * weights[:, item], kind="stable")
    parts = history * (weights[:, item] - weights[:, rival])
    lead = parts.sum() - np.cumsum(parts[order])
    return order[: np.argmax(lead <= 0) + 1]


def _not_bought(history, weights, item, rival):
    return smallest(np.ones_like(history), weights, item, rival)


EXERCISES = (
    Exercise(
        "15.1",
        "Reverse a hash without a key",
        stars=1,
        minutes=10,
        reference=reverse,
        draw=_draw_codes,
        misconceptions=(
            (
                _whole_digest,
                "You compare whole digests. The codes are the first 12 hexadecimal digits only.",
            ),
            (
                _only_found,
                "A code that belongs to nobody on the list is missing from your answer. Put None in its place.",
            ),
            (
                _in_order_of_users,
                "You return the users in the order of the list. Return them in the order of the codes.",
            ),
        ),
        look="Make the code of every user on the list yourself. Which of yours equals the first code given?",
        hints=(
            "A hash cannot be turned round, but you can compute it forwards for everybody.",
            "Build a dictionary from code to user, then look up each code.",
            "A code is hashlib.sha256(user.encode()).hexdigest()[:12]; get of a dictionary may return None.",
        ),
    ),
    Exercise(
        "15.2",
        "Clip each user",
        stars=1,
        minutes=10,
        reference=clip,
        draw=_draw_rows,
        misconceptions=(
            (
                _to_length,
                "You stretch short rows to the norm. Clipping only shortens; a row within the norm stays as it is.",
            ),
            (
                lambda rows, norm: np.minimum(rows, norm),
                "You cut each entry. A row of many small entries can still be long; shorten the whole row.",
            ),
            (
                _by_sum,
                "You measured the row by the sum of its entries. Gaussian noise needs the Euclidean length.",
            ),
        ),
        look="Take the row (3, 4), whose length is 5, and norm 2.5. Every entry should halve. And with norm 10?",
        hints=(
            "Each row is multiplied by one number of its own, at most 1.",
            "That number is norm / length where the row is longer than norm, else 1.",
            "Make length a column; then rows * norm / np.maximum(length, norm) needs no case for short rows.",
        ),
    ),
    Exercise(
        "15.3",
        "Share a budget",
        stars=2,
        minutes=15,
        reference=deviation,
        draw=_draw_rhos,
        misconceptions=(
            (
                lambda norm, rhos: norm / np.sqrt(2 * rhos.sum()) * np.ones(len(rhos)),
                "You gave every release the whole budget. Each of them may only spend its own ρ.",
            ),
            (
                lambda norm, rhos: norm**2 / (2 * rhos),
                "That is the variance. The standard deviation is its square root.",
            ),
            (
                lambda norm, rhos: norm / (2 * rhos),
                "Here ρ stands under a root: ρ = norm² / (2σ²). Solve that for σ.",
            ),
        ),
        look="With norm 1 and ρ = 1/2 the deviation should be 1. What does yours say, and with ρ = 1/8?",
        hints=(
            "A release with noise σ costs ρ = norm² / (2σ²).",
            "Solve for σ, one release at a time.",
            "Return norm / np.sqrt(2 * rhos), one deviation per release.",
        ),
    ),
    Exercise(
        "15.4",
        "Count who is alone",
        stars=2,
        minutes=15,
        reference=share_alone,
        draw=_draw_facts,
        misconceptions=(
            (
                _any_fact,
                "Nobody is alone in yours. Do you ask for one of the known facts? Both must be true.",
            ),
            (
                _whole_history,
                "You compare whole histories. The observer knows only the facts in `picks`.",
            ),
            (
                lambda facts, picks: share_alone(facts, picks) * len(facts),
                "That is the number of users who are alone. Divide by the number of users.",
            ),
        ),
        look="For the first user alone: how many rows hold True in both picked columns?",
        hints=(
            "Work on one user at a time: which users share the two known facts?",
            "The rows of facts[:, picks[u]] that are all True mark them; the user is among them.",
            "The user is alone if exactly one is marked. Return the mean over all users.",
        ),
    ),
    Exercise(
        "15.5",
        "What the attack proves",
        stars=2,
        minutes=20,
        reference=at_least,
        draw=_draw_attack,
        misconceptions=(
            (
                _from_rates,
                "You used the rates as they came out. A lucky attacker would prove too much: use the bounds.",
            ),
            (
                _wrong_ends,
                "You took the ends that favour the attacker. A safe bound has the low end above, the high end below.",
            ),
            (
                _without_delta,
                "You left δ out. It is taken from the rate of hits before dividing.",
            ),
            (
                lambda hits, inside, alarms, outside, delta: at_least(hits, inside, alarms, outside, 1e-5),
                "Your δ is a number of your own. Use the delta that is given.",
            ),
        ),
        look="Write TPR ≤ e^ε FPR + δ, and solve for ε. Which end of each interval makes the result smallest?",
        hints=(
            "Two Clopper–Pearson bounds: the low one for hits out of inside, the high one for alarms out of outside.",
            "Take beta.ppf(0.025, hits, inside - hits + 1) and beta.ppf(0.975, alarms + 1, outside - alarms).",
            "Return the logarithm of (low - delta) / high.",
        ),
    ),
    Exercise(
        "15.6",
        "A counterfactual by hand",
        stars=3,
        minutes=30,
        reference=smallest,
        draw=_draw_purchases,
        misconceptions=(
            (
                _largest_score,
                "You take what supports the item most. If it supports the rival too, the lead hardly shrinks.",
            ),
            (
                lambda history, weights, item, rival: smallest(history, weights, item, rival)[:1],
                "You stop after one purchase. Go on until the item no longer leads.",
            ),
            (
                _not_bought,
                "You take away things that were never bought. Only the purchases in `history` count.",
            ),
            (
                lambda history, weights, item, rival: smallest(history, weights, rival, item),
                "You turned the lead round. It is the score of the item minus the score of the rival.",
            ),
        ),
        look="Write the lead of the item over the rival as a sum over purchases. Which term is largest?",
        hints=(
            "The lead is a sum of x_j (B_ji - B_jr); taking purchase j away removes its term.",
            "Sort the terms, largest first, and subtract until the lead is 0 or less.",
            "The running lead is the sum of all terms minus np.cumsum of the sorted ones; stop at 0.",
        ),
    ),
)
