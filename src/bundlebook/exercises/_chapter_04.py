"""Exercises of chapter 04: gradients by hand, as one would write them on a blackboard."""

import numpy as np
from scipy.special import expit

from bundlebook.exercises.engine import Exercise

# 04.1 Back through tanh


def tanh_backward(h, arriving, U):
    return U.T @ (arriving * (1 - h**2))


def _draw_tanh(rng):
    return np.tanh(rng.normal(size=3)), rng.normal(size=3), rng.normal(size=(3, 3))


# 04.2 Clipping


def clip(gradient, kappa):
    length = np.sqrt((gradient**2).sum())
    if length <= kappa:
        return gradient.copy()
    return gradient * kappa / length


def _draw_clip(rng):
    kappa = rng.uniform(0.5, 2)
    gradient = rng.normal(size=4)
    length = kappa * rng.choice([0.6, 3.0])  # shorter and longer than allowed
    return gradient * length / np.linalg.norm(gradient), kappa


def _both(rng):
    """A long gradient with one entry below the limit, which clipping must shorten too."""
    return np.array([5.0, 0.1, -3.0]), rng.uniform(1, 2)


# 04.3 The gradient of softmax cross entropy


def softmax_gradient(o, bought):
    shifted = np.exp(o - o.max(axis=1, keepdims=True))
    P = shifted / shifted.sum(axis=1, keepdims=True)
    P[np.arange(len(o)), bought] -= 1
    return P / len(o)


def _softmax(o, axis=1):
    shifted = np.exp(o - o.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def _bought(o, bought):
    return np.eye(o.shape[1])[bought]


def _draw_softmax(rng):
    n, m = rng.permutation([2, 3, 4, 5])[:2]  # never as many customers as items
    return rng.normal(size=(n, m)), rng.integers(0, m, n)


# 04.4 A gradient check


def measured_gradient(loss, theta, epsilon):
    slopes = np.empty(len(theta))
    for k in range(len(theta)):
        nudge = np.zeros(len(theta))
        nudge[k] = epsilon
        slopes[k] = (loss(theta + nudge) - loss(theta - nudge)) / (2 * epsilon)
    return slopes


def _draw_measured(rng):
    # A loss with bends, so that one-sided slopes differ from central ones, and with mixed terms.
    A, n = rng.normal(size=(3, 3)), rng.normal(size=3)
    return (
        lambda theta: float(np.sum((A @ theta) ** 3 + n * theta**2)),
        rng.normal(size=3),
        10.0 ** -rng.integers(1, 4),
    )


# 04.5 Back through a GRU


def gru_slope(h, x_z, x_r, x_n, u_z, u_r, u_n):
    z, r = expit(x_z + u_z * h), expit(x_r + u_r * h)
    n = np.tanh(x_n + r * u_n * h)
    through_z = (h - n) * z * (1 - z) * u_z
    through_n = (1 - z) * (1 - n**2) * u_n * (r + h * r * (1 - r) * u_r)
    return z + through_z + through_n


def _gru(*drop, sign=1.0, chain=True, weighs_new=True, weighs_old=True, product=True):
    """The right slope without some of its parts, or with a usual slip in one of them."""

    def slope(h, x_z, x_r, x_n, u_z, u_r, u_n):
        z, r = expit(x_z + u_z * h), expit(x_r + u_r * h)
        n = np.tanh(x_n + r * u_n * h)
        reset = 0 if "reset" in drop else (h if product else 1) * r * (1 - r) * u_r
        parts = {
            "itself": z,
            "update": sign * (h * weighs_old - n * weighs_new) * z * (1 - z) * (u_z if chain else 1),
            "new": (1 - z) * (1 if "tanh" in drop else 1 - n**2) * u_n * (r + reset),
        }
        return sum(value for name, value in parts.items() if name not in drop)

    return slope


def _gru_itself(h, x_z, x_r, x_n, u_z, u_r, u_n):
    z, r = expit(x_z + u_z * h), expit(x_r + u_r * h)
    return z * h + (1 - z) * np.tanh(x_n + r * u_n * h)


def _draw_gru(rng):
    return tuple(float(number) for number in rng.uniform(-1.5, 1.5, 7))


# 04.6 Truncated back-propagation


def truncated_gradient(H, X, E, U, a, k):
    total = np.zeros((len(a), len(a) + X.shape[1]))
    for t in range(len(X)):
        stream = a * E[t].sum()
        for s in range(t, max(t - k, -1), -1):
            delta = stream * H[s + 1] * (1 - H[s + 1])
            total += np.outer(delta, np.concatenate([H[s], X[s]]))
            stream = U.T @ delta
    return total


def _last_periods(H, X, E, U, a, k):
    """One stream with all errors, which is followed through the last k periods only."""
    total, later = np.zeros((len(a), len(a) + X.shape[1])), np.zeros(len(a))
    for t in range(len(X) - 1, max(len(X) - 1 - k, -1), -1):
        delta = (a * E[t].sum() + later) * H[t + 1] * (1 - H[t + 1])
        total += np.outer(delta, np.concatenate([H[t], X[t]]))
        later = U.T @ delta
    return total


def _only_last_error(H, X, E, U, a, k):
    alone = np.zeros_like(E)
    alone[-1] = E[-1]
    return truncated_gradient(H, X, alone, U, a, k)


def _streams(new=0, slope=1, memory_first=True):
    """The right gradient with another row of H where δ meets the memory, or where it takes its slope."""

    def wrong(H, X, E, U, a, k):
        total = np.zeros((len(a), len(a) + X.shape[1]))
        for t in range(len(X)):
            stream = a * E[t].sum()
            for s in range(t, max(t - k, -1), -1):
                delta = stream * H[s + slope] * (1 - H[s + slope])
                parts = [H[s + new], X[s]]
                total += np.outer(delta, np.concatenate(parts if memory_first else parts[::-1]))
                stream = U.T @ delta
        return total

    return wrong


def _blocks(H, X, E, U, a, k, from_end=False):
    """One stream with all errors, which is cut every k periods."""
    total, later = np.zeros((len(a), len(a) + X.shape[1])), np.zeros(len(a))
    for passed, t in enumerate(range(len(X) - 1, -1, -1)):
        if (passed if from_end else t + 1) % k == 0:
            later = np.zeros(len(a))
        delta = (a * E[t].sum() + later) * H[t + 1] * (1 - H[t + 1])
        total += np.outer(delta, np.concatenate([H[t], X[t]]))
        later = U.T @ delta
    return total


def _streamed(slope=lambda h: h * (1 - h), error=np.sum, factor=1, end_only=False, first=0):
    """The right streams with another slope, another error at their start, or collected at their end only."""

    def wrong(H, X, E, U, a, k):
        total = np.zeros((len(a), len(a) + X.shape[1]))
        for t in range(len(X)):
            stream, last = a * error(E[t]), max(t - k + 1, first)
            for s in range(t, last - 1, -1):
                delta = stream * slope(H[s + 1])
                if s == last or not end_only:
                    total += np.outer(delta, np.concatenate([H[s], X[s]]))
                stream = U.T @ delta
        return factor * total

    return wrong


def _draw_truncated(rng):
    T, d, m = 6, 3, 2
    U, V, X = rng.normal(size=(d, d)), rng.normal(size=(d, m)), rng.poisson(1.0, (T, m)).astype(float)
    H = np.zeros((T + 1, d))
    H[0] = rng.uniform(0.1, 0.9, d)  # a first memory of 0 would hide what is collected before the first period
    for t in range(T):
        H[t + 1] = expit(U @ H[t] + V @ X[t])
    return H, X, rng.uniform(-1, 1, (T, m)), U, rng.normal(size=d), int(rng.integers(1, T))


def _draw_long(rng):
    *given, _ = _draw_truncated(rng)
    return *given, 20


EXERCISES = (
    Exercise(
        "04.1",
        "Back through tanh",
        stars=1,
        minutes=5,
        reference=tanh_backward,
        draw=_draw_tanh,
        misconceptions=(
            (
                lambda h, arriving, U: U.T @ (arriving * h * (1 - h)),
                "You used h(1 − h), the slope of the sigmoid. Derive the slope of tanh, written with its own value.",
            ),
            (
                lambda h, arriving, U: U.T @ (arriving * (1 - np.tanh(h) ** 2)),
                "You squeezed h once more. h is already the output of tanh: write the slope with h itself.",
            ),
            (
                lambda h, arriving, U: -U.T @ (arriving * (1 - h**2)),
                "Every sign is turned. The slope of tanh is positive, and U enters as it is: nothing turns the sign.",
            ),
            (
                lambda h, arriving, U: U @ (arriving * (1 - h**2)),
                "Your U is not transposed. Forward, U takes old memory to new; which way does the gradient go?",
            ),
            (
                lambda h, arriving, U: (U.T @ arriving) * (1 - h**2),
                "You went through U before the slope. Undo the forward pass from the outside in: which step came last?",
            ),
            (
                lambda h, arriving, U: (1 - h**2) * (U @ arriving),
                "This carries a change forward, from old memory to new. The gradient takes the same road backward.",
            ),
            (
                lambda h, arriving, U: U.T @ (arriving * (1 - h) ** 2),
                "Mind the brackets of the slope: what is squared?",
            ),
            (
                lambda h, arriving, U: U.T @ arriving,
                "The slope of tanh is missing. The gradient passes through the squeezing before it meets U.",
            ),
            (
                lambda h, arriving, U: arriving * (1 - h**2),
                "This is the gradient at the sum inside tanh. One step is missing to the memory of the month before.",
            ),
        ),
        look="Write z = U h + V x, then h = tanh(z). Check each of the two steps on its own with finite differences.",
        hints=(
            "Two steps lie between the old memory and the new one: a product with U, then tanh. Go back through both.",
            "The slope of tanh is 1 − tanh², so the output alone is enough, as for the sigmoid.",
            "Multiply what arrives with 1 − h², entry by entry. Then send it through U the other way: transposed.",
        ),
    ),
    Exercise(
        "04.2",
        "Clipping",
        stars=1,
        minutes=10,
        reference=clip,
        draw=_draw_clip,
        misconceptions=(
            (
                lambda gradient, kappa: np.clip(gradient, -kappa, kappa),
                "You cut each entry by itself, which turns the arrow. Clipping keeps the direction, and shortens.",
            ),
            (
                lambda gradient, kappa: gradient * kappa / np.linalg.norm(gradient),
                "You stretch gradients that were short enough. Only those longer than κ may change.",
            ),
            (
                lambda gradient, kappa: gradient * min(1, kappa / (gradient**2).sum()),
                "You divide by the squared length. Which function takes a sum of squares back to a length?",
            ),
            (
                lambda gradient, kappa: gradient * min(1, kappa / abs(gradient).max()),
                "You measure the largest entry. The length of an arrow counts all its entries.",
            ),
            (
                lambda gradient, kappa: gradient * min(1, kappa / abs(gradient).sum()),
                "You add up the sizes of the entries. The length of an arrow comes from Pythagoras.",
            ),
            (
                lambda gradient, kappa: gradient / max(1, np.linalg.norm(gradient)),
                "Your limit is 1, whatever κ is. Where does κ enter?",
            ),
        ),
        checks=(
            (
                lambda result, gradient, kappa: np.linalg.norm(result) <= kappa * (1 + 1e-9),
                "A result of yours is longer than κ. Print its length beside κ.",
            ),
        ),
        look="Try a gradient (3, 4) with κ = 1 and with κ = 10. Which length should come out of each?",
        hints=(
            "Compare the length of the gradient with κ. What happens to a gradient that is short enough?",
            "The length is the root of the sum of the squares. The factor of the formula is never larger than 1.",
            "Multiply the gradient with the smaller of 1 and κ divided by the length; think of a length of zero.",
        ),
        edges=(
            (_both, "A small entry beside large ones goes wrong. All entries are shortened by the same factor."),
            (
                lambda rng: (np.zeros(3), 1.0),
                "A gradient of zeros goes wrong: its length is 0, and dividing by it is no number.",
            ),
            (
                lambda rng: (np.array([0.3, -0.4]), 0.5),
                "A gradient exactly as long as κ goes wrong. It stays as it is.",
            ),
        ),
    ),
    Exercise(
        "04.3",
        "The gradient of softmax cross entropy",
        stars=2,
        minutes=15,
        reference=softmax_gradient,
        draw=_draw_softmax,
        misconceptions=(
            (
                lambda o, bought: _softmax(o) - _bought(o, bought),
                "This is the gradient of the sum over the customers. The loss is their mean.",
            ),
            (
                lambda o, bought: (_bought(o, bought) - _softmax(o)) / len(o),
                "Every sign is turned. If an item was bought, should a higher score raise or lower the loss?",
            ),
            (
                lambda o, bought: (expit(o) - _bought(o, bought)) / len(o),
                "You squeezed each score by itself, as the sigmoid does. Softmax gives probabilities that add up to 1.",
            ),
            (
                lambda o, bought: (_softmax(o, 0) - _bought(o, bought)) / len(o),
                "Your probabilities add up to 1 over the customers. They should do so over the items of each customer.",
            ),
            (
                lambda o, bought: (_softmax(o) - _bought(o, bought).max(axis=0)) / len(o),
                "You subtract 1 in every row and every column that anybody bought. Each customer bought one.",
            ),
            (
                lambda o, bought: _softmax(o) / len(o),
                "Your gradient does not know what was bought. Only −log P of the item that was bought is in the loss.",
            ),
            (
                lambda o, bought: (_softmax(o) - _bought(o, bought)) * _bought(o, bought) / len(o),
                "Only the bought item's score has a slope. The scores of the others stand in the denominator of P too.",
            ),
            (
                lambda o, bought: (_softmax(o) - _bought(o, bought)) / o.size,
                "You divided by customers times items. The loss is a mean over customers only.",
            ),
            (
                lambda o, bought: (_softmax(o) - _bought(o, bought)).mean(axis=0),
                "You averaged over the customers. Every score of every customer has a slope of its own: keep the rows.",
            ),
        ),
        checks=(
            (
                lambda result, o, bought: np.allclose(np.sum(result, axis=1), 0, atol=1e-9),
                "A row should add up to 0: raising all scores of a customer changes no probability. Yours does not.",
            ),
        ),
        look="Compare one customer and one score with finite differences of the loss. Which entry is off?",
        hints=(
            "Write one customer's loss with scores: minus the bought item's score, plus the log of a sum. Derive it.",
            "The derivative of the log of the sum is the softmax. The bought item has one more term.",
            "Take P, subtract 1 where the item was bought, divide by the number of customers.",
        ),
        edges=(
            (
                lambda rng: (np.array([[1000.0, 999, -1000], [-1000, -999, -998], [0, 0, 1000]]), np.array([1, 0, 2])),
                "Scores of ±1,000 go wrong: exp overflows or vanishes. What may be subtracted from a row of scores?",
            ),
        ),
    ),
    Exercise(
        "04.4",
        "A gradient check",
        stars=2,
        minutes=15,
        reference=measured_gradient,
        draw=_draw_measured,
        misconceptions=(
            (
                lambda loss, theta, epsilon: (
                    np.array([loss(theta + epsilon * row) - loss(theta) for row in np.eye(len(theta))]) / epsilon
                ),
                "You looked to one side only. Its error shrinks like ε; measured on both sides it shrinks like ε².",
            ),
            (
                lambda loss, theta, epsilon: (
                    np.array([loss(theta) - loss(theta - epsilon * row) for row in np.eye(len(theta))]) / epsilon
                ),
                "You looked backwards only. Measure on both sides: the error then shrinks like ε² and no more like ε.",
            ),
            (
                lambda loss, theta, epsilon: measured_gradient(loss, theta, epsilon) * 2,
                "All your slopes are twice too large. How far apart are the two points at which you measure?",
            ),
            (
                lambda loss, theta, epsilon: measured_gradient(loss, theta, epsilon) / 2,
                "All your slopes are half as large as they should be. Which distance lies between your two points?",
            ),
            (
                lambda loss, theta, epsilon: measured_gradient(loss, theta, epsilon) * 2 * epsilon,
                "You returned differences of the loss. A slope is a difference divided by a distance.",
            ),
            (
                lambda loss, theta, epsilon: np.array(
                    [
                        loss(theta + epsilon * row) - loss(theta - epsilon * row) / (2 * epsilon)
                        for row in np.eye(len(theta))
                    ]
                ),
                "Mind the brackets: only your second loss is divided by the distance.",
            ),
            (
                lambda loss, theta, epsilon: -measured_gradient(loss, theta, epsilon),
                "Every sign is turned. Which of the two points comes first in the difference?",
            ),
            (
                lambda loss, theta, epsilon: np.full(
                    len(theta), (loss(theta + epsilon) - loss(theta - epsilon)) / (2 * epsilon)
                ),
                "You nudged all weights at once. A partial derivative moves one weight and leaves the others.",
            ),
            (
                lambda loss, theta, epsilon: measured_gradient(loss, theta, 1e-6),
                "Your step is not ε. The caller chooses the step, because the best one depends on the loss.",
            ),
            (
                lambda loss, theta, epsilon: np.zeros(len(theta)),
                "All your slopes are 0. Are up and down the same array? up = theta does not copy it: use theta.copy().",
            ),
        ),
        look="Try the loss θ₁² + 3θ₂ at (1, 1), whose gradient you know. Which entry is off, and by what factor?",
        hints=(
            "One weight at a time: nudge it up, nudge it down, and leave all others where they are.",
            "The formula has two losses above and a distance of 2ε below. Make a vector that is ε in one place.",
            "For each k: nudge = zeros with ε at k, then the losses at theta + nudge and theta − nudge.",
        ),
        edges=(
            (
                lambda rng: (lambda theta: float(theta[0] ** 3), np.array([0.7]), 0.1),
                "A loss of a single weight goes wrong. Does your loop depend on how many weights there are?",
            ),
        ),
    ),
    Exercise(
        "04.5",
        "Back through a GRU",
        stars=2,
        minutes=30,
        reference=gru_slope,
        draw=_draw_gru,
        misconceptions=(
            (
                lambda h, x_z, x_r, x_n, u_z, u_r, u_n: expit(x_z + u_z * h),
                "This is the direct path alone. The old memory also enters both gates and the new content.",
            ),
            (_gru("update"), "The path through the update gate is missing: z depends on h too."),
            (_gru("reset"), "The path through the reset gate is missing: r depends on h too, inside the new content."),
            (_gru("itself"), "The plain path is missing: z times h contains h itself, with the slope z."),
            (_gru("new"), "The path through the new content is missing: h stands inside tanh as well."),
            (_gru("tanh"), "The slope of tanh is missing on the path through the new content."),
            (_gru("update", "reset"), "Both gates depend on h, too. Two paths are missing."),
            (
                _gru(weighs_new=False),
                "The update gate weighs two things: h with z, and the new content with 1 − z. The second is missing.",
            ),
            (
                _gru(weighs_old=False),
                "The update gate weighs two things: h with z, and the new content with 1 − z. The first is missing.",
            ),
            (_gru(chain=False), "The inner derivative is missing on the update gate's path: h enters z with a factor."),
            (
                _gru(product=False),
                "On the reset gate's path a factor is missing: what r multiplies stays when r is derived.",
            ),
            (_gru_itself, "This is the new memory itself. Asked for is its slope in the old one."),
            (_gru(sign=-1), "The update gate's path has the wrong sign. Which of h and n gains weight when z grows?"),
        ),
        tolerance=1e-12,  # so that measuring the slope is not enough
        look="Set u_z = u_r = 0, so that both gates are constant, and compare with finite differences. Then free one.",
        hints=(
            "Mark each h in the formula of the step. Each is a path of its own; the chain rule adds them up.",
            "There are four: h itself, h inside z, h inside r, h inside tanh. Only z multiplies two things.",
            "Through z: (h − n) times the slope of z. Through n: (1 − z)(1 − n²) times u_n times the slope of r h.",
        ),
    ),
    Exercise(
        "04.6",
        "Truncated back-propagation",
        stars=3,
        minutes=45,
        reference=truncated_gradient,
        draw=_draw_truncated,
        misconceptions=(
            (
                _last_periods,
                "You follow one stream through the last k periods. Each period's error needs a stream of its own.",
            ),
            (_only_last_error, "You use the error of the last period only. Every period has an error that flows back."),
            (
                lambda H, X, E, U, a, k: truncated_gradient(H, X, E, U, a, len(X)),
                "This is the full gradient, never cut. Where does k enter?",
            ),
            (
                lambda H, X, E, U, a, k: truncated_gradient(H, X, E, U, a, k + 1),
                "Your streams are one period too long. With k = 1 an error reaches its own period only.",
            ),
            (
                lambda H, X, E, U, a, k: truncated_gradient(H, X, E, U, a, k - 1),
                "Your streams are one period too short. With k = 1 an error still reaches its own period.",
            ),
            (
                lambda H, X, E, U, a, k: truncated_gradient(H, X, E, U.T, a, k),
                "Your U is transposed the wrong way: forward is U h, so back is the transpose.",
            ),
            (_streams(new=1), "You paired δ with the new memory. The weights met the memory of the period before."),
            (_streams(slope=0), "Your slope is one period too early. Which memory did this period's squeezing make?"),
            (
                _streams(memory_first=False),
                "Your columns stand in the wrong order. W_h is [U V]: the memory first, then the purchases.",
            ),
            (
                _blocks,
                "You cut into blocks. Every error has its own k periods, wherever it starts. Try T = 3 and k = 2.",
            ),
            (
                lambda H, X, E, U, a, k: _blocks(H, X, E, U, a, k, from_end=True),
                "You cut into blocks from the end. Every error has its own k periods. Try T = 3 and k = 2.",
            ),
            (
                _streamed(first=-20),
                "Your streams go on before the first period: H[−1] is the last memory. Stop at period 0.",
            ),
            (
                _streamed(factor=-1),
                "Every sign is turned. E = P − y is the slope of the loss already.",
            ),
            (
                lambda H, X, E, U, a, k: truncated_gradient(H, X, E, U, a, k) / len(X),
                "You divided by the number of periods. The loss is a sum over the periods.",
            ),
            (
                _streamed(error=np.mean),
                "You took the mean of a period's errors. The loss is a sum over the products.",
            ),
            (
                _streamed(slope=np.ones_like),
                "The slope of the squeezing is missing: at each period the stream is multiplied by H(1 − H).",
            ),
            (
                _streamed(slope=lambda h: 1 - h**2),
                "You used the slope of tanh. The articles' network squeezes with the sigmoid.",
            ),
            (
                _streamed(end_only=True),
                "You collect at the end of each stream only. Every period that a stream passes adds a term.",
            ),
        ),
        checks=(
            (
                lambda result, H, X, E, U, a, k: abs(np.asarray(result)[:, : len(a)]).max() > 0,
                "The columns that belong to U are all zero. The matrix is [U V]: memory first, then purchases.",
            ),
        ),
        look="Write the sum for T = 3 and k = 2 by hand: five terms. Which error starts each, and how far has it come?",
        hints=(
            "Two loops: over the period t whose error starts a stream, and over the periods s that the stream passes.",
            "Start with a times the sum of the period's errors. Then at each period: slope, collect, on through U.",
            "Let s run from t down to t − k + 1, never below 0. H[s + 1] gives δ its slope; it meets H[s] and X[s].",
        ),
        edges=((_draw_long, "A k larger than the number of periods goes wrong. A stream ends at the first period."),),
    ),
)
