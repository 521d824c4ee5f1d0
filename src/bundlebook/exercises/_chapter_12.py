"""Exercises of chapter 12: smoothing over a graph, messages, attention, links, and EASE among the users."""

import numpy as np

from bundlebook.exercises.engine import Exercise

# 12.1 The normalised matrix


def normalise(A):
    linked = A + np.eye(len(A))
    d = linked @ np.ones(len(A))
    return linked / np.sqrt(np.outer(d, d))


def _draw_graph(rng):
    n = int(rng.integers(6, 9))
    upper = np.triu(rng.random((n, n)) < 0.45, 1)
    upper[0, 1:3] = True
    upper[:, -1] = False  # the last node is isolated
    return ((upper | upper.T).astype(float),)


def _rows(A):
    linked = A + np.eye(len(A))
    return linked / linked.sum(axis=1, keepdims=True)


def _quiet(numerator, denominator):
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


# 12.2 Messages


def send(x, source, target, weight):
    out = np.zeros_like(x)
    np.add.at(out, target, weight[:, None] * x[source])
    return out


def _draw_messages(rng, m=14):
    n = int(rng.integers(5, 8))
    x = np.round(rng.normal(0, 1, (n, 3)), 2)
    source, target = rng.integers(0, n, m), rng.integers(0, n - 1, m)  # the last node gets nothing
    target[:2] = target[2]  # one node gets several,
    source[0] = source[1]  # two of them from the same node
    return x, source, target, np.round(rng.uniform(0.2, 1.5, m), 2)


def _overwritten(x, source, target, weight):
    out = np.zeros_like(x)
    out[target] += weight[:, None] * x[source]
    return out


def _matrix_overwritten(x, source, target, weight):
    matrix = np.zeros((len(x), len(x)))
    matrix[target, source] = weight
    return matrix @ x


def _mean_of_messages(x, source, target, weight):
    many = np.bincount(target, minlength=len(x))[:, None]
    return send(x, source, target, weight) / np.maximum(many, 1)


# 12.3 Shares per node


def shares(score, target, n):
    most = np.full(n, -np.inf)
    np.maximum.at(most, target, score)
    e = np.exp(score - most[target])
    return e / np.bincount(target, weights=e, minlength=n)[target]


def _draw_scores(rng, m=12):
    n = int(rng.integers(4, 6))
    target = np.concatenate([np.arange(n - 1), rng.integers(0, n - 1, m - n + 1)])
    return np.round(rng.normal(0, 1.5, m), 2), rng.permutation(target), n


def _sums(values, target, n):
    return np.bincount(target, weights=values, minlength=n)[target]


def _large_scores(rng):
    score, target, n = _draw_scores(rng)
    return score + 1000, target, n


def _distant_scores(rng):
    score, target, n = _draw_scores(rng)
    return score + np.where(target == target[0], -1000, 1000), target, n


# 12.4 Adamic–Adar


def adamic_adar(A):
    d = A @ np.ones(len(A))
    weight = 1 / np.log(np.maximum(d, 2))  # whoever has one neighbour is shared by nobody
    scores = A @ (weight[:, None] * A)
    np.fill_diagonal(scores, 0)
    return scores


def _without_diagonal(scores):
    scores = np.array(scores, dtype=float)
    np.fill_diagonal(scores, 0)
    return scores


def _weighted(A, weight):
    return _without_diagonal(A @ (weight[:, None] * A))


# 12.5 EASE among the users, with a second view


def user_side_ease(X, T, l2):
    Y = np.linalg.solve(X @ X.T + T @ T.T + l2 * np.eye(len(X)), X)
    return X - l2 * Y / (1 - (X * Y).sum(axis=0))


def _draw_taken(rng):
    users = int(rng.integers(5, 8))
    X = (rng.random((users, 9)) < 0.4).astype(float)
    X[0, 0] = X[1, 0] = 1.0
    T = np.round(rng.uniform(0, 1, (users, 4)), 2)
    return X, T, float(np.round(rng.uniform(0.5, 3), 1))


def _solved(X, T, l2):
    return np.linalg.solve(X @ X.T + T @ T.T + l2 * np.eye(len(X)), X)


EXERCISES = (
    Exercise(
        "12.1",
        "The normalised matrix",
        stars=1,
        minutes=10,
        reference=normalise,
        draw=_draw_graph,
        misconceptions=(
            (
                lambda A: _quiet(A, np.sqrt(np.outer(A.sum(axis=1), A.sum(axis=1)))),
                "Your nodes have no edge to themselves. Add the identity first: without it a node forgets itself.",
            ),
            (
                _rows,
                "You divide by the row's own sum. Both ends count: divide by the root of both sums' product.",
            ),
            (
                lambda A: _rows(A).T,
                "You divide by the column's own sum. Both ends count: divide by the root of both sums' product.",
            ),
            (
                lambda A: (
                    (A + np.eye(len(A))) / np.sqrt(np.outer(np.maximum(A.sum(axis=1), 1), np.maximum(A.sum(axis=1), 1)))
                ),
                "You count the degrees before the edges to itself are added. Count them afterwards.",
            ),
            (
                lambda A: (A + np.eye(len(A))) / np.outer((A + np.eye(len(A))).sum(axis=1), A.sum(axis=1) + 1),
                "The root is missing. Divide by the root of the product of both degrees.",
            ),
            (
                lambda A: np.eye(len(A)) - normalise(A),
                "That is the Laplacian: it shows differences. The matrix that smooths is asked for.",
            ),
        ),
        look="Take three nodes in a row. With edges to themselves their degrees are 2, 3 and 2, and the first row "
        "should be 1/2, 1/√6, 0. Which step gives something else?",
        hints=(
            "Give every node an edge to itself, and count the edges of each node only then.",
            "Entry (i, j) is divided by the root of the degree of i times the degree of j.",
            "Let linked = A + np.eye(len(A)), d its row sums; divide linked by np.sqrt(np.outer(d, d)).",
        ),
    ),
    Exercise(
        "12.2",
        "Messages",
        stars=1,
        minutes=10,
        reference=send,
        draw=_draw_messages,
        misconceptions=(
            (
                _overwritten,
                "Of several messages to one node only the last counts: out[target] += adds once. Use np.add.at.",
            ),
            (
                _matrix_overwritten,
                "Two messages may have the same source and target. Your matrix keeps the last only: add them up.",
            ),
            (
                lambda x, source, target, weight: send(x, target, source, weight),
                "Your messages run backwards, from the target to the source.",
            ),
            (
                lambda x, source, target, weight: send(x, source, target, np.ones_like(weight)),
                "You leave the weights out. Multiply each message by its own.",
            ),
            (
                _mean_of_messages,
                "You take the mean of the messages. Their sum is asked for; weights do the scaling.",
            ),
            (
                lambda x, source, target, weight: x + send(x, source, target, weight),
                "You add the node's own row. A node sends to itself only if there is such a message.",
            ),
        ),
        look="Take two messages to the same node. Are both in its row?",
        hints=(
            "A message is a row of x, times a weight, added to the row of its target.",
            "With x[source] you have one row per message. Then add up the rows of the same target.",
            "Begin with zeros like x, and use np.add.at(out, target, weight[:, None] * x[source]).",
        ),
    ),
    Exercise(
        "12.3",
        "Shares per node",
        stars=2,
        minutes=15,
        reference=shares,
        draw=_draw_scores,
        misconceptions=(
            (
                lambda score, target, n: np.exp(score) / np.exp(score).sum(),
                "Your shares add up to 1 over all messages. They should at each target.",
            ),
            (
                lambda score, target, n: np.exp(score) / _sums(score, target, n),
                "You divide by the sum of the scores. Divide by the sum of their exponentials.",
            ),
            (
                lambda score, target, n: score / _sums(score, target, n),
                "You share out the scores themselves, and some are negative. Take the exponential first.",
            ),
            (
                lambda score, target, n: np.exp(score) / np.bincount(target, minlength=n)[target],
                "You divide by the number of messages. Divide by the sum of the exponentials at the target.",
            ),
            (
                lambda score, target, n: 1 / np.bincount(target, minlength=n)[target],
                "All messages of a node get the same share. Where do the scores come in?",
            ),
        ),
        look="Add up your shares at each target. Is it 1 everywhere?",
        hints=(
            "A softmax: exponentials over their sum. Which messages belong in the sum?",
            "Sum the exponentials by target, with np.bincount and its weights, and look the sum up for each message.",
            "Let e = np.exp(score − the target's largest); e / np.bincount(target, weights=e, minlength=n)[target].",
        ),
        edges=(
            (_large_scores, "Exponentials of large scores overflow. Subtract the target's largest score first."),
            (
                _distant_scores,
                "The scores of one target may lie far below 0 and far below those of the others. Subtract each "
                "target's own largest score.",
            ),
        ),
    ),
    Exercise(
        "12.4",
        "Adamic–Adar",
        stars=2,
        minutes=15,
        reference=adamic_adar,
        draw=_draw_graph,
        misconceptions=(
            (
                lambda A: _without_diagonal(A @ A),
                "You count shared neighbours alike. One with many neighbours says less: divide by ln of its degree.",
            ),
            (
                lambda A: _weighted(A, 1 / np.maximum(A.sum(axis=1), 1)),
                "You divide by the degree. Adamic and Adar divide by its logarithm.",
            ),
            (
                lambda A: _weighted(A, 1 / np.log1p(np.maximum(A.sum(axis=1), 1))),
                "You take ln(1 + d). Take ln d: a shared neighbour has two edges or more. The others never count.",
            ),
            (
                lambda A: _quiet(
                    _without_diagonal(A @ A), np.log(np.maximum(np.outer(A.sum(axis=1), A.sum(axis=1)), 2))
                ),
                "You divide by the degrees of the pair. The degree of the shared neighbour is meant.",
            ),
            (
                lambda A: A @ (np.where(A.sum(1) > 1, 1 / np.log(np.maximum(A.sum(1), 2)), 0)[:, None] * A),
                "Your diagonal is not 0: a node is no pair with itself.",
            ),
            (
                lambda A: adamic_adar(A) * (1 - A),
                "You score only the pairs without an edge. All pairs are asked for, joined ones too.",
            ),
            (
                lambda A: np.triu(adamic_adar(A)),
                "You fill one half of the table only. The score of (i, j) is that of (j, i) too.",
            ),
            (
                lambda A: _without_diagonal((A @ A) / np.log(np.maximum(A.sum(axis=1), 2))),
                "You use the degree of one of the two ends. Use that of the neighbour which both share.",
            ),
        ),
        look="Join three nodes to a fourth, and to nothing else. Every two of the three share it, so they score "
        "1 / ln 3. The fourth shares nothing with them and scores 0.",
        hints=(
            "A[i, k] A[k, j] is 1 where k is a neighbour of both. Give each k a weight.",
            "The weight of k is 1 / ln of its degree. With degree 1 it can be shared by nobody.",
            "Scale the rows of A by the weights, multiply A by the result, and set the diagonal to 0.",
        ),
    ),
    Exercise(
        "12.5",
        "EASE among the users, with a second view",
        stars=3,
        minutes=30,
        reference=user_side_ease,
        draw=_draw_taken,
        misconceptions=(
            (
                lambda X, T, l2: user_side_ease(X, 0 * T, l2),
                "You leave T out. Two users with like rows of T are alike too: add T Tᵀ to K.",
            ),
            (
                lambda X, T, l2: X - l2 * _solved(X, T, l2) / (1 - (X * _solved(X, 0 * T, l2)).sum(axis=0)),
                "Your two solutions differ: the Y in the denominator must come from the same K, with T in it.",
            ),
            (
                lambda X, T, l2: X - l2 * _solved(X, T, l2),
                "That is ridge regression: an item explains itself. EASE forbids it. Divide column j by 1 − xⱼ·yⱼ.",
            ),
            (
                lambda X, T, l2: -l2 * _solved(X, T, l2) / (1 - (X * _solved(X, T, l2)).sum(axis=0)),
                "You left out X itself. S = XB, and B is I minus something.",
            ),
            (
                lambda X, T, l2: X - _solved(X, T, l2) / (1 - (X * _solved(X, T, l2)).sum(axis=0)),
                "A factor λ is missing in front of Y: the diagonal of P is (1 − xⱼ·yⱼ) / λ.",
            ),
            (
                lambda X, T, l2: X - l2 * _solved(X, T, l2) / (1 - (X * _solved(X, T, l2)).sum(axis=1))[:, None],
                "You divide each row by a number of the user. The diagonal belongs to the items: one per column.",
            ),
        ),
        look="Compare with the usual way: Z = np.hstack([X, T]), P = inv(ZᵀZ + λI), B = I − P / diag(P). The first "
        "columns of ZB are your S.",
        hints=(
            "Let Z = [X, T], K = ZZᵀ = XXᵀ + TTᵀ and Y = (K + λI)⁻¹X. Woodbury's identity says that ZP begins with Y.",
            "The diagonal of P begins with (1 − xⱼ·yⱼ) / λ, with the columns xⱼ of X and yⱼ of Y.",
            "S = X − λ Y / (1 − column sums of X times Y), entry by entry. Use np.linalg.solve.",
        ),
    ),
)
