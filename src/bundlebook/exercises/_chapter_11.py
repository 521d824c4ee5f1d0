"""Exercises of chapter 11: attention, its slope, its masks, and what it tells."""

import numpy as np

from bundlebook.exercises.engine import Exercise


def _softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# 11.1 How many numbers


def block_parameters(d, hidden):
    return 4 * (d * d + d) + 2 * d * hidden + hidden + d + 4 * d


def _draw_widths(rng):
    return 4 * int(rng.integers(1, 30)), int(rng.integers(3, 300))


# 11.2 Attention


def attention(Q, K, V):
    return _softmax(Q @ K.T / np.sqrt(K.shape[1])) @ V


def _draw_tokens(rng):
    n, m, d = rng.integers(2, 7, 3)
    return rng.normal(size=(n, d)) * 2, rng.normal(size=(m, d)) * 2, rng.normal(size=(m, d + 1))


# 11.3 A mask for carts


def cart_attention(S, size):
    there = np.arange(S.shape[1]) < size[:, None]
    e = np.where(there, np.exp(S), 0.0)
    total = e.sum(axis=1, keepdims=True)
    return e / np.where(total > 0, total, 1.0)


def _draw_carts(rng):
    return rng.normal(size=(6, 5)), np.array([5, 3, 1, 4, 2, 0])[rng.permutation(6)]


# 11.4 Back through the softmax


def softmax_back(a, g):
    return a * (g - (a * g).sum(axis=1, keepdims=True))


def _draw_slopes(rng):
    return _softmax(rng.normal(size=(4, 6))), rng.normal(size=(4, 6))


# 11.5 The hidden item


def hidden_loss(score, cart, hidden):
    free = np.where(cart > 0, -np.inf, score)
    top = free.max(axis=1, keepdims=True)
    log_q = free - top - np.log(np.exp(free - top).sum(axis=1, keepdims=True))
    return float(-log_q[np.arange(len(hidden)), hidden].mean())


def _draw_hidden(rng):
    cart = (rng.random((5, 8)) < 0.4).astype(int)
    hidden = rng.integers(0, 8, 5)
    cart[np.arange(5), hidden] = 0
    cart[np.arange(5), (hidden + 1) % 8] = 1
    return rng.normal(size=(5, 8)) * 2, cart, hidden


def _log_softmax(score):
    return (
        score
        - score.max(axis=1, keepdims=True)
        - np.log(np.exp(score - score.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    )


def _chosen(score, hidden):
    return _log_softmax(score)[np.arange(len(hidden)), hidden]


def _mean_loss(score, where):
    return float(-_log_softmax(score)[where].mean())


def _over_the_table(score, hidden):
    return float(-_log_softmax(score.reshape(1, -1)).reshape(score.shape)[np.arange(len(hidden)), hidden].mean())


# 11.6 Back through attention


def attention_back(Q, K, V, G):
    root = np.sqrt(K.shape[1])
    A = _softmax(Q @ K.T / root)
    delta = softmax_back(A, G @ V.T)
    return delta @ K / root, delta.T @ Q / root, A.T @ G


def _draw_gradient(rng):
    n, m, d = rng.integers(2, 6, 3) + np.array([0, 4, 1])
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)), rng.normal(size=(m, d)), rng.normal(size=(n, d))


def _without_root(Q, K, V, G):
    A = _softmax(Q @ K.T / np.sqrt(K.shape[1]))
    delta = softmax_back(A, G @ V.T)
    return delta @ K, delta.T @ Q, A.T @ G


def _plain_slope(Q, K, V, G):
    root = np.sqrt(K.shape[1])
    A = _softmax(Q @ K.T / root)
    delta = A * (1 - A) * (G @ V.T)
    return delta @ K / root, delta.T @ Q / root, A.T @ G


def _no_softmax(Q, K, V, G):
    root = np.sqrt(K.shape[1])
    A = _softmax(Q @ K.T / root)
    delta = G @ V.T
    return delta @ K / root, delta.T @ Q / root, A.T @ G


def _product_alone(Q, K, V, G):
    root = np.sqrt(K.shape[1])
    A = _softmax(Q @ K.T / root)
    delta = A * (G @ V.T)
    return delta @ K / root, delta.T @ Q / root, A.T @ G


def _no_root_at_all(Q, K, V, G):
    A = _softmax(Q @ K.T)
    delta = softmax_back(A, G @ V.T)
    return delta @ K, delta.T @ Q, A.T @ G


def _root_twice(Q, K, V, G):
    dQ, dK, dV = attention_back(Q, K, V, G)
    return dQ / np.sqrt(K.shape[1]), dK / np.sqrt(K.shape[1]), dV


def _swapped(Q, K, V, G):
    dQ, dK, dV = attention_back(Q, K, V, G)
    return dK, dQ, dV


EXERCISES = (
    Exercise(
        "11.1",
        "How many numbers",
        stars=1,
        minutes=10,
        reference=block_parameters,
        draw=_draw_widths,
        misconceptions=(
            (
                lambda d, hidden: 4 * d * d + 2 * d * hidden,
                "You counted the matrices only. Each has a bias, and two layer norms have a scale and a shift.",
            ),
            (
                lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden + hidden + d,
                "You are short of 4·d numbers. Count the biases of the four square matrices, "
                "and the scale and the shift of each of two layer norms.",
            ),
            (
                lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden + 4 * d,
                "The inner layer has two biases: one as long as hidden on the way up, one of length d on the way down.",
            ),
            (
                lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden,
                "Some biases or the layer norms are missing. Each of the six matrices has a bias, "
                "and each of the two norms a scale and a shift.",
            ),
            (
                lambda d, hidden: 3 * (d * d + d) + 2 * d * hidden + hidden + d + 4 * d,
                "Query, key and value are three matrices. What mixes the heads afterwards is a fourth.",
            ),
            (
                lambda d, hidden: 4 * (d * d + d) + d * hidden + hidden + 4 * d,
                "The inner layer goes up to hidden and back down to d: two matrices, two biases.",
            ),
            (
                lambda d, hidden: 4 * (d * d + d) + 2 * d * hidden + hidden + d + 2 * d,
                "You are short of 2·d numbers. A block has two layer norms, and each has a scale and a shift.",
            ),
        ),
        look="Count for d = 2 and hidden = 3 on paper, matrix by matrix: the bias of each, then the norms.",
        hints=(
            "Which matrices does a block hold? Four are square.",
            "Each of the six matrices has a bias as long as its output. Two norms have a scale and a shift.",
            "It is 4(d² + d) for attention, 2·d·hidden + hidden + d for the inner layer, 4d for the norms.",
        ),
    ),
    Exercise(
        "11.2",
        "Attention",
        stars=1,
        minutes=10,
        reference=attention,
        draw=_draw_tokens,
        misconceptions=(
            (
                lambda Q, K, V: _softmax(Q @ K.T) @ V,
                "The scores are not divided by the root of the width, so they grow with it.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T / K.shape[1]) @ V,
                "You divide by d. The standard deviation of a sum of d products is its root.",
            ),
            (
                lambda Q, K, V: _softmax((Q @ K.T / np.sqrt(K.shape[1])).T).T @ V,
                "Your weights sum to 1 for each key. Each query distributes its own 1 over the keys.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T / np.sqrt(V.shape[1])) @ V,
                "You took the width of the values. The scores are sums over the width of the keys.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T / np.sqrt(len(K))) @ V,
                "You took the number of keys. The scores are sums over the width of a key, and that width counts.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T / np.sqrt(len(Q))) @ V,
                "You took the number of queries. The scores are sums over the width of a key, and that width counts.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T * np.sqrt(K.shape[1])) @ V,
                "You multiply by the root of the width. The scores have to become smaller.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T) / np.sqrt(K.shape[1]) @ V,
                "You divide the weights. Divide the scores, before the softmax, so that the weights still sum to 1.",
            ),
            (
                lambda Q, K, V: _softmax((Q @ K.T / np.sqrt(K.shape[1])).reshape(1, -1)).reshape(len(Q), -1) @ V,
                "Your weights sum to 1 over the whole table. Each row, that is each query, has its own 1.",
            ),
            (
                lambda Q, K, V: (attention(Q, K, V), _softmax(Q @ K.T / np.sqrt(K.shape[1]))),
                "You return the weights as well. Only the outputs are asked for.",
            ),
            (
                lambda Q, K, V: (Q @ K.T / np.sqrt(K.shape[1])) @ V,
                "The softmax is missing: scores are no weights.",
            ),
            (
                lambda Q, K, V: _softmax(Q @ K.T / np.sqrt(K.shape[1])),
                "Those are the weights. They still have to read the values.",
            ),
        ),
        look="Print scores and weights of the first query: one per key. The weights are positive and sum to 1.",
        hints=(
            "First a table of scores: one row per query, one column per key.",
            "Divide by the root of the width of a key, then take the softmax along each row.",
            "It is softmax(Q Kᵀ / √d) V; subtract the largest score of a row before the exponential.",
        ),
    ),
    Exercise(
        "11.3",
        "A mask for carts",
        stars=2,
        minutes=20,
        reference=cart_attention,
        draw=_draw_carts,
        misconceptions=(
            (lambda S, size: _softmax(S), "You read the padding, too. Only the first size[b] places hold items."),
            (
                lambda S, size: _softmax(S * (np.arange(S.shape[1]) < size[:, None])),
                "A score of 0 is no mask: exp(0) is 1. The weight has to be 0.",
            ),
            (
                lambda S, size: _softmax(S) * (np.arange(S.shape[1]) < size[:, None]),
                "Your weights of a row sum to less than 1: the padding took its part before you removed it.",
            ),
            (
                lambda S, size: _softmax(np.where(np.arange(S.shape[1]) < size[:, None], S, -1e9)),
                "An empty cart reads its padding, each place alike. It has nothing to read: zeros.",
            ),
            (
                lambda S, size: cart_attention(S, np.minimum(size + 1, S.shape[1])),
                "You read one place too many. With size 1 only place 0 is there.",
            ),
            (
                lambda S, size: cart_attention(S[:, ::-1], S.shape[1] - size)[:, ::-1],
                "Your mask is turned round: you read the padding and hide the items.",
            ),
            (
                lambda S, size: cart_attention(S[:, ::-1], size)[:, ::-1],
                "You read the last places of a row. The items stand in the first size[b] places.",
            ),
        ),
        look="Take one row with size 2 and one with size 0. What should the sums of the weights be?",
        hints=(
            "Let np.arange(places) < size[:, None] say where there is an item.",
            "The exponential of a masked score must be 0; divide by the sum of what is left.",
            "Use np.where(there, np.exp(S), 0), divided by its row sum, and by 1 where that sum is 0.",
        ),
        checks=(
            (
                lambda result, S, size: not np.asarray(result)[np.arange(S.shape[1]) >= size[:, None]].any(),
                "Some padding still gets a weight. Behind the first size[b] places every weight is exactly 0.",
            ),
            (
                lambda result, S, size: np.allclose(np.sum(result, axis=1), size > 0),
                "The weights of a cart with items should sum to 1, those of an empty cart to 0.",
            ),
        ),
    ),
    Exercise(
        "11.4",
        "Back through the softmax",
        stars=2,
        minutes=20,
        reference=softmax_back,
        draw=_draw_slopes,
        misconceptions=(
            (
                lambda a, g: a * (1 - a) * g,
                "That is the diagonal of the Jacobian alone. Each score moves the other weights of its row, too.",
            ),
            (lambda a, g: a * g, "The weighted mean of g is missing: what all weights share moves nothing."),
            (
                lambda a, g: a * (g - g.mean(axis=1, keepdims=True)),
                "You subtract the plain mean of g. The mean is weighted by a.",
            ),
            (
                lambda a, g: g - (a * g).sum(axis=1, keepdims=True),
                "The factor a in front is missing: a weight near 0 hardly moves.",
            ),
            (
                lambda a, g: a * (g - (a * g).sum()),
                "You sum over all rows. Each row has a softmax of its own.",
            ),
            (
                lambda a, g: a * ((a * g).sum(axis=1, keepdims=True) - g),
                "The sign is turned round. A weight whose gradient is above the weighted mean has a positive slope.",
            ),
        ),
        look="Let g be 1 everywhere in a row. The weights always sum to 1, so what must come back?",
        hints=(
            "One row at a time: the Jacobian is diag(a) − a aᵀ.",
            "Multiply it with g by hand. No matrix is needed.",
            "Multiply a by (g minus the sum of a·g over the row).",
        ),
        checks=(
            (
                lambda result, a, g: np.allclose(np.sum(result, axis=1), 0),
                "Each row should sum to 0, because adding the same to all scores changes no weight.",
            ),
        ),
    ),
    Exercise(
        "11.5",
        "The hidden item",
        stars=2,
        minutes=20,
        reference=hidden_loss,
        draw=_draw_hidden,
        misconceptions=(
            (
                lambda score, cart, hidden: float(-_log_softmax(score)[np.arange(len(hidden)), hidden].mean()),
                "What lies in the cart is still a candidate. It cannot be the missing item.",
            ),
            (
                lambda score, cart, hidden: float(
                    -_log_softmax(score * (cart == 0))[np.arange(len(hidden)), hidden].mean()
                ),
                "A score of 0 does not take an item out of the choice. Minus infinity does.",
            ),
            (
                lambda score, cart, hidden: -hidden_loss(score, cart, hidden),
                "The sign is turned round: a loss is small where q is large.",
            ),
            (
                lambda score, cart, hidden: hidden_loss(score, cart, hidden) * len(hidden),
                "You add up the carts. The mean over them is asked for.",
            ),
            (
                lambda score, cart, hidden: float(np.exp(-hidden_loss(score, cart, hidden))),
                "That is a share q. The loss is minus its logarithm.",
            ),
            (
                lambda score, cart, hidden: _mean_loss(np.where(cart > 0, -np.inf, score), np.s_[:, hidden]),
                "Look up one hidden item per cart: one row, one column. And mask what lies in the cart, not the rest.",
            ),
            (
                lambda score, cart, hidden: float(
                    -np.log(np.exp(_chosen(np.where(cart > 0, -np.inf, score), hidden)).mean())
                ),
                "You take the logarithm of the mean share. Take each cart's logarithm first, then the mean.",
            ),
            (
                lambda score, cart, hidden: _over_the_table(np.where(cart > 0, -np.inf, score), hidden),
                "Your shares sum to 1 over all carts together. Each cart has a softmax of its own.",
            ),
            (
                lambda score, cart, hidden: float(-score[np.arange(len(hidden)), hidden].mean()),
                "Those are scores. A share q needs the softmax over the candidates of its cart.",
            ),
            (
                lambda score, cart, hidden: float(
                    -_chosen(np.where(cart > 0, -np.inf, score), hidden).mean() / np.log(2)
                ),
                "You took the logarithm to the base 2. The task asks for the natural one.",
            ),
        ),
        look="Take one cart and three items, one of them in the cart. Over which two does the softmax run?",
        hints=(
            "Which items may be the missing one?",
            "Put minus infinity in place of the scores of what lies in the cart, then take the log of the softmax.",
            "Minus the log-softmax at the place of the hidden item, averaged over the carts.",
        ),
    ),
    Exercise(
        "11.6",
        "Back through attention",
        stars=3,
        minutes=40,
        reference=attention_back,
        draw=_draw_gradient,
        misconceptions=(
            (_without_root, "The scores were divided by √d, so their slopes in Q and K are, too."),
            (_plain_slope, "Your softmax has a diagonal Jacobian. Each score moves the other weights of its row, too."),
            (_no_softmax, "You skip the softmax on the way back."),
            (
                _product_alone,
                "Your softmax lacks the weighted mean: subtract the row sum of A times its gradient first.",
            ),
            (_no_root_at_all, "Your scores are not divided by √d: neither on the way forward nor on the way back."),
            (_root_twice, "You divide by d. Going back through S = Q Kᵀ / √d divides by the root once."),
            (_swapped, "The gradients of Q and K have changed places."),
            (
                lambda Q, K, V, G: (*attention_back(Q, K, V, G)[:2], G),
                "A value is read by all queries: its gradient sums what comes back from each, weighted.",
            ),
        ),
        look="Check one entry with a small step: change Q[0, 0] by 1e-6 and see what the sum of G · O does.",
        hints=(
            "Three steps back: through O = A V, through the softmax, through S = Q Kᵀ / √d.",
            "First dV = Aᵀ G and dA = G Vᵀ. Exercise 11.4 takes dA to dS.",
            "Then dQ = dS K / √d and dK = dSᵀ Q / √d.",
        ),
    ),
)
