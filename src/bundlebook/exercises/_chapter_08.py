"""Exercises of chapter 08: cosines, weights, factors, pairs, EASE."""

import numpy as np
from scipy.special import expit

from bundlebook.exercises.engine import Exercise


def _counts(rng, n, m):
    return rng.poisson(1.0, (n, m)).astype(float)


# 08.1 Alike in direction


def cosine(r_u, r_v):
    lengths = np.sqrt((r_u**2).sum() * (r_v**2).sum())
    return r_u @ r_v / lengths if lengths else 0.0


def _draw_cosine(rng):
    return _counts(rng, 2, 6)[0] + rng.integers(0, 2, 6), 1.0 + _counts(rng, 1, 6)[0]


# 08.2 Who is written to: the match of a user and an item


def match(w, v, s):
    return w @ s @ v


def _draw_match(rng):
    return rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4)), rng.uniform(size=(3, 4))


# 08.3 Ridge regression


def ridge(D, F, lam):
    return np.linalg.solve(D.T @ D + lam * np.eye(D.shape[1]), D.T @ F)


def _draw_ridge(rng):
    return rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), float(rng.uniform(0.5, 2))


# 08.4 Half a step of alternating least squares


def user_factors(Y, c, p, lam):
    return np.linalg.solve(Y.T @ (c[:, None] * Y) + lam * np.eye(Y.shape[1]), Y.T @ (c * p))


def _half_step(left, right):
    def wrong(Y, c, p, lam):
        return np.linalg.solve(Y.T @ (left(c)[:, None] * Y) + lam * np.eye(Y.shape[1]), Y.T @ (right(c) * p))

    return wrong


def _draw_factors(rng):
    p = rng.integers(0, 2, 7).astype(float)
    return rng.normal(size=(7, 3)), 1.0 + 5 * p * rng.integers(1, 4, 7), p, float(rng.uniform(0.5, 2))


# 08.5 The pull of one pair


def pair_gradient(x, y_i, y_j, lam):
    pull = expit(-x @ (y_i - y_j))
    return pull * (y_i - y_j) - lam * x, pull * x - lam * y_i, -pull * x - lam * y_j


def _pairs(sign=-1.0, decay=1.0, other=-1.0, turned=1.0):
    def wrong(x, y_i, y_j, lam):
        pull = turned * expit(sign * x @ (y_i - y_j))
        lam = turned * decay * lam
        return pull * (y_i - y_j) - lam * x, pull * x - lam * y_i, other * pull * x - lam * y_j

    return wrong


def _draw_pairs(rng):
    return (*rng.normal(size=(3, 3)), float(rng.uniform(0.1, 0.5)))


# 08.6 EASE with weights


def ease(X, c, lam):
    P = np.linalg.inv(X.T @ (c[:, None] * X) + lam * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B


def _ease(lam_factor=1.0, by_row=False, clear=True, sign=-1.0, weight=lambda c: c):
    def wrong(X, c, lam):
        P = np.linalg.inv(X.T @ (weight(c)[:, None] * X) + lam_factor * lam * np.eye(X.shape[1]))
        B = sign * P / (np.diag(P)[:, None] if by_row else np.diag(P))
        if clear:
            np.fill_diagonal(B, 0)
        return B

    return wrong


def _ridge_of_itself(X, c, lam):
    gram = X.T @ (c[:, None] * X)
    return np.linalg.solve(gram + lam * np.eye(X.shape[1]), gram)


def _cleared_ridge(X, c, lam):
    B = _ridge_of_itself(X, c, lam)
    np.fill_diagonal(B, 0)
    return B


def _draw_ease(rng):
    X = rng.integers(0, 2, (9, 4)).astype(float) + np.eye(9, 4)
    return X, rng.uniform(0.2, 3, 9), float(rng.uniform(1, 3))


EXERCISES = (
    Exercise(
        "08.1",
        "Alike in direction",
        stars=1,
        minutes=5,
        reference=cosine,
        draw=_draw_cosine,
        misconceptions=(
            (lambda r_u, r_v: float(r_u @ r_v), "This grows with what people buy. A cosine knows no lengths."),
            (
                lambda r_u, r_v: float(r_u @ r_v / (r_u.sum() * r_v.sum())),
                "You divide by sums of purchases. The length of a vector comes from its squares.",
            ),
            (
                lambda r_u, r_v: float(r_u @ r_v / ((r_u**2).sum() * (r_v**2).sum())),
                "You divide by squared lengths. A root is missing.",
            ),
            (
                lambda r_u, r_v: float(np.linalg.norm(r_u - r_v)),
                "This is a distance: large where people differ. Asked for is how alike they are.",
            ),
            (
                lambda r_u, r_v: float(np.corrcoef(r_u, r_v)[0, 1]),
                "This is a correlation: it subtracts each user's mean first. A cosine does not.",
            ),
            (
                lambda r_u, r_v: 1 - cosine(r_u, r_v),
                "You subtracted from 1, which measures how different they are.",
            ),
        ),
        look="Try (1, 0) beside (3, 0), and beside (0, 2). What should come out of each?",
        hints=(
            "A sum of products, divided so that doubling one user's purchases changes nothing.",
            "Divide by the length of each of the two vectors. Each length is the root of a sum of squares.",
            "The product r_u @ r_v over the product of both lengths; and think of a user who has bought nothing.",
        ),
        edges=(
            (
                lambda rng: (np.zeros(3), np.ones(3)),
                "A user without purchases goes wrong. Such a user is like nobody: 0.",
            ),
        ),
    ),
    Exercise(
        "08.2",
        "How well they match",
        stars=1,
        minutes=10,
        reference=match,
        draw=_draw_match,
        misconceptions=(
            (lambda w, v, s: float((w @ s).sum()), "You weigh the sources, but not the blocks. Where does v enter?"),
            (lambda w, v, s: float((s @ v).sum()), "You weigh the blocks, but not the sources. Where does w enter?"),
            (lambda w, v, s: float(s.sum()), "You add all similarities alike. Each is weighed twice: by w and by v."),
            (
                lambda w, v, s: float(s.mean()),
                "You take a plain mean. Each similarity is weighed twice: by w and by v.",
            ),
            (
                lambda w, v, s: float(w @ s @ v / s.size),
                "You divide once more. The weights add up to 1 already, so the sum is a mean.",
            ),
            (lambda w, v, s: s @ v, "One sum is missing: the one over the sources, with w."),
            (lambda w, v, s: w @ s, "One sum is missing: the one over the blocks, with v."),
        ),
        look="Put all weight on one source and one block. Which entry of s must come out?",
        hints=(
            "Two sums: over the sources i with w, and over the blocks j with v.",
            "The entry s_ij is multiplied by w_i and by v_j. NumPy's @ does one sum.",
            "From the left w, from the right v: a product of three things.",
        ),
    ),
    Exercise(
        "08.3",
        "Ridge regression",
        stars=2,
        minutes=15,
        reference=ridge,
        draw=_draw_ridge,
        misconceptions=(
            (lambda D, F, lam: np.linalg.lstsq(D, F)[0], "This is least squares without a penalty. Where is λ?"),
            (
                lambda D, F, lam: np.linalg.solve(D.T @ D + lam, D.T @ F),
                "You add λ to every entry. Derive λ‖B‖² again: on which entries does it stand?",
            ),
            (
                lambda D, F, lam: np.linalg.solve(D.T @ D - lam * np.eye(D.shape[1]), D.T @ F),
                "Your λ has the wrong sign: a penalty should make B smaller, not larger.",
            ),
            (
                lambda D, F, lam: np.linalg.solve(D.T @ D + lam * len(D) * np.eye(D.shape[1]), D.T @ F),
                "You multiplied λ by the number of users. The loss is a sum over users, not their mean.",
            ),
            (
                lambda D, F, lam: np.linalg.solve(D.T @ D + lam / 2 * np.eye(D.shape[1]), D.T @ F),
                "Your λ is halved: both terms of the loss bring a factor of 2 when they are derived.",
            ),
            (
                lambda D, F, lam: D.T @ F / (np.diag(D.T @ D) + lam)[:, None],
                "You fit each attribute by itself. Attributes that occur together share their effect: solve for all.",
            ),
        ),
        look="Set the derivative of the loss to zero with one attribute. What does λ = 0 give, and a huge λ?",
        hints=(
            "Derive the sum of squares and the penalty in B, and set the sum to zero.",
            "The result is a system of linear equations. On the left stand DᵀD and something with λ.",
            "Use np.linalg.solve; λ stands on the diagonal alone: np.eye.",
        ),
    ),
    Exercise(
        "08.4",
        "Half a step of matrix factorisation",
        stars=2,
        minutes=20,
        reference=user_factors,
        draw=_draw_factors,
        misconceptions=(
            (
                _half_step(np.ones_like, np.ones_like),
                "You trust every entry alike. Where does the confidence c weigh in?",
            ),
            (_half_step(lambda c: c, np.ones_like), "The confidence is missing on the right-hand side."),
            (_half_step(np.ones_like, lambda c: c), "The confidence is missing in the matrix on the left-hand side."),
            (
                _half_step(np.square, np.square),
                "Your confidences are squared. The loss weighs each squared error once by c.",
            ),
            (
                _half_step(np.sqrt, np.sqrt),
                "You weigh by the root of c. Each squared error is weighed by c itself.",
            ),
            (
                lambda Y, c, p, lam: np.linalg.solve(Y.T @ (c[:, None] * Y), Y.T @ (c * p)),
                "The penalty is missing: without λ a user with few purchases gets huge factors.",
            ),
            (
                lambda Y, c, p, lam: user_factors(Y[p > 0], c[p > 0], p[p > 0], lam),
                "You use the bought items only. The others say something too, with a low confidence.",
            ),
        ),
        look="Take one factor: x = Σ c y p / (Σ c y² + λ). Does your function give this?",
        hints=(
            "All but x_u is fixed, so this is ridge regression with a weight c for each item.",
            "Write the weighted loss of one user, derive it in x_u, and set it to zero.",
            "The matrix is Yᵀ C Y plus λ on the diagonal, the right-hand side Yᵀ C p, with C = diag(c).",
        ),
    ),
    Exercise(
        "08.5",
        "The pull of one pair",
        stars=2,
        minutes=20,
        reference=pair_gradient,
        draw=_draw_pairs,
        misconceptions=(
            (
                _pairs(sign=1.0),
                "Your pull is strong where the order is right already. It should be strong where the pair is wrong.",
            ),
            (_pairs(decay=0.0), "The penalty is missing: λ draws every vector towards zero."),
            (_pairs(decay=-1.0), "Your penalty makes vectors longer. Which sign has the derivative of −λ/2 ‖x‖²?"),
            (
                _pairs(other=1.0),
                "Both items are pulled the same way. The one that was not bought should be pushed off.",
            ),
            (_pairs(turned=-1.0), "Every sign is turned: this is the slope of a loss. Asked for is the way uphill."),
            (_pairs(decay=2.0), "Your penalty is twice too large: the objective has λ/2."),
        ),
        look="Nudge one entry of x_u and measure the objective. Which of your three slopes is off?",
        hints=(
            "The objective of a triple is ln σ(d) with d = x·(y_i − y_j), minus λ/2 times three squared lengths.",
            "The slope of ln σ(z) is σ(−z). Then the chain rule: the derivative of d in each vector.",
            "In x_u: σ(−d)(y_i − y_j) − λ x_u. The other two follow the same way, with their own sign.",
        ),
    ),
    Exercise(
        "08.6",
        "EASE with weights",
        stars=3,
        minutes=45,
        reference=ease,
        draw=_draw_ease,
        misconceptions=(
            (
                _ridge_of_itself,
                "This is ridge regression of X on itself. An item explains itself best; the constraint forbids it.",
            ),
            (
                _cleared_ridge,
                "You solved without the constraint, then cleared the diagonal. The others are not the best then.",
            ),
            (
                _ease(by_row=True),
                "You divide by the row's diagonal entry. Which index has the denominator of the formula?",
            ),
            (_ease(clear=False), "Your diagonal is not zero, so every item recommends itself."),
            (_ease(sign=1.0), "Every sign is turned. Should two items bought together have a positive weight?"),
            (_ease(lam_factor=0.0), "Your λ is missing before the matrix is inverted."),
            (_ease(weight=np.ones_like), "Every user counts alike for you. Where do the weights c enter?"),
            (_ease(weight=np.square), "Your weights are squared. Each squared error is weighed once by c."),
            (_ease(weight=np.sqrt), "You weigh by the root of c. Each squared error is weighed by c itself."),
        ),
        checks=(
            (
                lambda result, X, c, lam: np.allclose(np.diag(result), 0),
                "The diagonal is not zero. Nothing may recommend itself.",
            ),
        ),
        look="Measure the loss of your B, and of your B with one entry nudged off the diagonal. Is yours the smallest?",
        hints=(
            "Follow the chapter's derivation with C = diag(c) in the loss. At which places does C stay?",
            "C enters through XᵀCX alone, in place of XᵀX. The multipliers still follow from B_jj = 0.",
            "Invert XᵀCX + λI; divide each column by its own diagonal entry, turn the sign, clear the diagonal.",
        ),
    ),
)
