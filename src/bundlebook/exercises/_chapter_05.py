"""Exercises of chapter 05: from purchases to a trained network, and when to stop."""

import numpy as np
from scipy.special import expit

from bundlebook.exercises.engine import Exercise

# 05.1 Counted back


def periods_back(days, at, length):
    return (at - 1 - days) // length


def _draw_days(rng):
    at, length = int(rng.integers(200, 300)), int(rng.choice([7, 28, 30]))
    # The last day of a period and the first day of the next one are among them.
    return (
        rng.permutation(np.concatenate([at - 1 - rng.integers(0, 150, 8), [at - 1, at - length, at - length - 1]])),
        (at),
        length,
    )


# 05.2 The loss from logits


def loss_from_logits(o, y):
    return (np.logaddexp(0, o) - y * o).mean()


def _draw_logits(rng):
    o = rng.normal(0, 3, (4, 5))
    o[0, 0], o[1, 1] = 900.0, -900.0  # where a probability is 0 or 1 in every precision
    return o, rng.integers(0, 2, (4, 5)).astype(float)


def _stable(part):
    return lambda o, y: float(part(np.logaddexp(0, o), o, y))


# 05.3 Unknown is not empty


def masked_loss(loss, seen):
    return loss[seen > 0].sum() / seen.sum()


def _draw_masked(rng):
    n, T = int(rng.integers(3, 6)), int(rng.integers(4, 7))
    first = rng.integers(0, T, n)
    first[0] = 0
    seen = (np.arange(T) >= first[:, None]).astype(float)
    return rng.uniform(0.1, 3, (n, T)), seen


# 05.4 Folds in time


def folds(periods, first, gap):
    found = []
    for judged in range(first + gap, periods):
        found.append((list(range(judged - gap)), judged))
    return found


def _folds(train, start=lambda first, gap: first + gap, end=lambda periods: periods):
    def wrong(periods, first, gap):
        return [(train(t, periods, first, gap), t) for t in range(start(first, gap), end(periods))]

    return wrong


def _draw_folds(rng):
    return int(rng.integers(8, 12)), int(rng.integers(3, 5)), int(rng.integers(1, 3))


# 05.5 Early stopping


def early_stop(losses, patience):
    kept = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[kept]:
            kept = epoch
        elif epoch - kept == patience:
            return kept, epoch
    return kept, len(losses) - 1


def _stops(extra=0, give_last=False, previous=False, ties=False):
    def wrong(losses, patience):
        best, chosen, waited = np.inf, 0, 0
        for epoch, loss in enumerate(losses):
            if loss < best or (ties and loss == best):
                best, chosen, waited = loss, epoch, 0
            else:
                waited += 1
                if waited >= patience + extra:
                    return (epoch if give_last else chosen), epoch
            if previous:
                best = loss
        return (len(losses) - 1 if give_last else chosen), len(losses) - 1

    return wrong


def _draw_losses(rng):
    epoch = np.arange(14)
    losses = 1 / (epoch + 1) + 0.02 * epoch + rng.uniform(0, 0.12, 14)
    losses[5] = losses[:5].min()  # as good as the best so far, but no better
    losses[12] = 0.01  # a late best that who stops in time never sees
    return np.round(losses, 3), int(rng.integers(2, 5))


# 05.6 Back through a GRU


def gru_backward(h, x, arriving, W_z, W_r, W_n):
    d = len(h)
    both = np.concatenate([h, x])
    z, r = expit(W_z @ both), expit(W_r @ both)
    n = np.tanh(W_n @ np.concatenate([r * h, x]))
    to_z = arriving * (h - n) * z * (1 - z)
    to_n = arriving * (1 - z) * (1 - n**2)
    to_product = W_n[:, :d].T @ to_n
    to_r = to_product * h * r * (1 - r)
    return arriving * z + to_product * r + W_z[:, :d].T @ to_z + W_r[:, :d].T @ to_r


def _gru(*drop, turned=True, bend=True, gate=True, sign=1.0):
    """The right gradient without some of its ways, or with a usual slip in one of them."""

    def wrong(h, x, arriving, W_z, W_r, W_n):
        d, both = len(h), np.concatenate([h, x])
        Z, R, N = (W[:, :d].T if turned else W[:, :d] for W in (W_z, W_r, W_n))
        z, r = expit(W_z @ both), expit(W_r @ both)
        n = np.tanh(W_n @ np.concatenate([r * h, x]))
        product = N @ (arriving * (1 - z) * (1 - n**2 if bend else 1))
        ways = {
            "itself": arriving * z,
            "update": sign * Z @ (arriving * (h - n) * z * (1 - z)),
            "reset": R @ (product * h * r * (1 - r)),
            "new": product * (r if gate else 1),
        }
        return sum(way for name, way in ways.items() if name not in drop)

    return wrong


def _draw_gru(rng):
    d, m = 3, 2
    return (
        *(np.tanh(rng.normal(size=d)), rng.normal(size=m), rng.normal(size=d)),
        *rng.normal(size=(3, d, d + m)),
    )


EXERCISES = (
    Exercise(
        "05.1",
        "Counted back",
        stars=1,
        minutes=5,
        reference=periods_back,
        draw=_draw_days,
        misconceptions=(
            (
                lambda days, at, length: (at - days) // length,
                "The last day of a period falls into the one before. The day just before the prediction is day 0.",
            ),
            (
                lambda days, at, length: days // length,
                "You count from the beginning of the log. Then the last period is cut off somewhere.",
            ),
            (
                lambda days, at, length: (at - 1 - days) / length,
                "Your periods have fractions. A day belongs to one whole period.",
            ),
            (
                lambda days, at, length: 1 + (at - 1 - days) // length,
                "You count from 1. The latest period has the number 0.",
            ),
            (
                lambda days, at, length: (days - days.min()) // length,
                "You count from the first purchase, which is another day for every household.",
            ),
            (
                lambda days, at, length: np.round((at - 1 - days) / length),
                "You round to the nearest period. A day in the second half goes to the wrong one.",
            ),
        ),
        look="With at = 100 and a length of 28, days 72 to 99 are period 0. Where is day 71?",
        hints=(
            "How many days lie between a purchase and the day before the prediction?",
            "The day before the prediction has a distance of 0, the last day of that period one of length − 1.",
            "Divide the distance by the length and keep the whole part: //.",
        ),
    ),
    Exercise(
        "05.2",
        "The loss from logits",
        stars=1,
        minutes=10,
        reference=loss_from_logits,
        draw=_draw_logits,
        misconceptions=(
            (
                _stable(lambda soft, o, y: (soft - y * o).sum()),
                "This is the sum over all items and households. Asked for is the mean.",
            ),
            (
                _stable(lambda soft, o, y: (soft - y * o).sum(axis=1).mean()),
                "You add up the items of each household. Here the mean goes over all entries.",
            ),
            (
                _stable(lambda soft, o, y: (y * (soft - o)).mean()),
                "Nothing speaks for the items that were not bought. This is the articles' loss.",
            ),
            (
                _stable(lambda soft, o, y: (y * o - soft).mean()),
                "Your sign is turned: a better answer should have a smaller loss.",
            ),
            (
                _stable(lambda soft, o, y: (soft + y * o).mean()),
                "A high logit of an item that was bought makes your loss larger. Look at the second term.",
            ),
            (
                _stable(lambda soft, o, y: (soft - y * expit(o)).mean()),
                "The second term holds the logit, not the probability.",
            ),
        ),
        look="Take o = 0: whatever was bought, the loss is ln 2. Then try 900 and −900.",
        hints=(
            "It is the chapter's second form: softplus of the logit, less the logit where it was bought.",
            "For a large logit exp overflows. softplus(o) is the logarithm of exp(0) + exp(o).",
            "Use np.logaddexp(0, o) for softplus, and the mean over everything.",
        ),
    ),
    Exercise(
        "05.3",
        "Unknown is not empty",
        stars=2,
        minutes=10,
        reference=masked_loss,
        draw=_draw_masked,
        misconceptions=(
            (lambda loss, seen: float(loss.mean()), "You count the periods in which the household was not known yet."),
            (
                lambda loss, seen: float((loss * seen).mean()),
                "You divide by all periods. Divide by those that were known.",
            ),
            (
                lambda loss, seen: float(((loss * seen).sum(axis=1) / seen.sum(axis=1)).mean()),
                "You take a mean for each household first. A late household then has too much to say.",
            ),
            (lambda loss, seen: float((loss * seen).sum()), "This is a sum. It grows with the number of periods."),
            (
                lambda loss, seen: float((loss * (1 - seen)).sum() / (1 - seen).sum()),
                "You took the unknown periods instead of the known ones.",
            ),
            (
                lambda loss, seen: float((loss * seen).sum() / len(seen)),
                "You divide by the number of households. How many periods were added up?",
            ),
        ),
        look="Take two households, one with four known periods, one with one. Which five numbers have a say?",
        hints=(
            "Some entries must not count, neither above nor below the line.",
            "Multiply by the mask, add up, and divide by what the mask adds up to.",
            "Only entries with seen = 1: their sum, over their number.",
        ),
    ),
    Exercise(
        "05.4",
        "Folds in time",
        stars=2,
        minutes=15,
        reference=folds,
        draw=_draw_folds,
        misconceptions=(
            (
                _folds(lambda t, periods, first, gap: [p for p in range(periods) if p != t]),
                "You train on what comes after the period that is judged. The shop will not have it.",
            ),
            (
                _folds(lambda t, periods, first, gap: list(range(t))),
                "You left no gap. The periods just before the judged one must stay out of the training.",
            ),
            (
                _folds(lambda t, periods, first, gap: list(range(t - gap + 1))),
                "Your gap is one period too short.",
            ),
            (
                _folds(lambda t, periods, first, gap: list(range(t - gap - first, t - gap))),
                "Your window slides and forgets the beginning. Train on all that lies before.",
            ),
            (
                _folds(lambda t, periods, first, gap: list(range(t - gap)), end=lambda periods: periods - 1),
                "The last period is never judged.",
            ),
            (
                _folds(lambda t, periods, first, gap: list(range(t - gap)), start=lambda first, gap: first + gap + 1),
                "The first fold is missing: training on the first periods alone.",
            ),
            (
                lambda periods, first, gap: [(t, list(range(t - gap))) for t in range(first + gap, periods)],
                "The two parts have changed places: first the training, then the judged period.",
            ),
        ),
        look="With 6 periods, 3 to begin with and a gap of 1, write down both folds.",
        hints=(
            "Which period is the first that can be judged, if the training has some and then comes a gap?",
            "Let the judged period run up to the last one. The training ends a gap before it.",
            "For a judged period t the training is 0 to t − gap − 1. The first t is first + gap.",
        ),
    ),
    Exercise(
        "05.5",
        "Early stopping",
        stars=2,
        minutes=20,
        reference=early_stop,
        draw=_draw_losses,
        misconceptions=(
            (
                lambda losses, patience: (int(np.argmin(losses)), len(losses) - 1),
                "You look at all epochs and choose afterwards. Who stops early never sees the late ones.",
            ),
            (_stops(extra=1), "You wait one epoch too long."),
            (_stops(extra=-1), "You do not wait long enough."),
            (_stops(give_last=True), "You keep the last epoch. The best one so far is what you want to keep."),
            (
                _stops(previous=True),
                "You compare with the epoch before. Compare with the best so far.",
            ),
            (_stops(ties=True), "An epoch that is only as good as the best is no improvement."),
            (
                lambda losses, patience: early_stop(losses, patience)[::-1],
                "The two numbers have changed places: first the epoch that is kept.",
            ),
        ),
        look="Losses 5, 3, 4, 4, 2 and a patience of 2: after which epoch do you stop, and which one is kept?",
        hints=(
            "Go through the epochs and remember the best loss so far, and where it was.",
            "How many epochs have gone by since the best one? Compare that with the patience.",
            "If patience epochs in a row brought nothing better, stop there. Without a stop the last epoch is the end.",
        ),
        edges=(
            (lambda rng: (np.array([3.0, 2.0, 1.0]), 2), "If every epoch is better, training goes on to the end."),
            (lambda rng: (np.array([1.0, 2.0, 3.0, 2.0]), 2), "If nothing is better than the first epoch, keep it."),
            (lambda rng: (np.array([2.0, 1.0, 3.0, 2.0, 2.0]), 3), "The second epoch may be the best."),
        ),
    ),
    Exercise(
        "05.6",
        "Back through a layer of gates",
        stars=3,
        minutes=45,
        reference=gru_backward,
        draw=_draw_gru,
        misconceptions=(
            (_gru("itself"), "The straight way is missing: a part of the old memory is kept as it is."),
            (_gru("update"), "The gate z depends on the old memory, too. That way is missing."),
            (_gru("reset"), "The gate r depends on the old memory, too. That way is missing."),
            (_gru("new"), "The candidate n sees the old memory through r times h. That way is missing."),
            (
                _gru("update", "reset"),
                "You treat both gates as numbers that do not change. They depend on the old memory.",
            ),
            (_gru(turned=False), "Backward through a matrix means times its transpose."),
            (_gru(bend=False), "The slope of tanh is missing on the way to the candidate."),
            (_gru(gate=False), "The candidate sees r times h, so the way back to h meets r."),
            (_gru(sign=-1.0), "The way through z has the wrong sign. Does a larger z bring more of h or of n?"),
        ),
        look="Nudge one entry of h and measure the change of arriving · h'. Which of four ways is off?",
        hints=(
            "Draw the step. From h there are four ways to h': straight, through z, through r, and through r times h.",
            "Compute z, r and n again. First the gradients at the sums inside σ and tanh, then back through matrices.",
            "At r·h arrives the gradient inside tanh, times W_n's h-columns, transposed. Go on times r and times h.",
        ),
    ),
)
