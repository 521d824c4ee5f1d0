r"""Measures of a rule A → C, all from four integers: n, count(A), count(C) and count(A ∪ C).

Write :math:`s_A, s_C, s_{AC}` for the supports and :math:`c = s_{AC}/s_A` for the confidence.
"""

import numpy as np

#: Measures in the order of the columns, with what they tell in one line and their range.
MEASURES = {
    "support": "share of baskets with A and C, [0, 1]",
    "confidence": "share of A's baskets that also hold C, [0, 1]",
    "lift": "confidence over C's support, [0, ∞), 1 if independent",
    "leverage": "support minus what independence gives, [−1, 1], 0 if independent",
    "conviction": "how much rarer A without C is than under independence, [0, ∞], 1 if independent",
    "zhang": "Zhang's metric, [−1, 1], 0 if independent",
    "jaccard": "baskets with both over baskets with either, [0, 1]",
    "certainty": "gain of confidence over C's support, as share of the possible gain, [−1, 1]",
    "kulczynski": "mean of the confidences of both directions, [0, 1]",
    "imbalance": "difference of the two supports over the support of either, [0, 1]",
    "cosine": "support over the geometric mean of both supports, [0, 1]",
}


def measure(count: np.ndarray, count_a: np.ndarray, count_c: np.ndarray, n_baskets: int) -> dict[str, np.ndarray]:
    r"""Compute every measure of :data:`MEASURES`.

    Parameters
    ----------
    count, count_a, count_c : ndarray of int, shape (n_rules,)
        Baskets with both sides, with the antecedent, with the consequent.
    n_baskets : int

    Returns
    -------
    dict of str to ndarray of float64, shape (n_rules,)

    Notes
    -----
    .. math::

        \text{lift} = \frac{c}{s_C} \quad
        \text{leverage} = s_{AC} - s_A s_C \quad
        \text{conviction} = \frac{1 - s_C}{1 - c} \quad
        \text{Zhang} = \frac{s_{AC} - s_A s_C}{\max(s_{AC}(1 - s_A),\; s_A(s_C - s_{AC}))} \\
        \text{Jaccard} = \frac{s_{AC}}{s_A + s_C - s_{AC}} \quad
        \text{certainty} = \frac{c - s_C}{1 - s_C} \text{ if } c \ge s_C \text{, else } \frac{c - s_C}{s_C} \\
        \text{Kulczynski} = \tfrac12\Big(\frac{s_{AC}}{s_A} + \frac{s_{AC}}{s_C}\Big) \quad
        \text{imbalance} = \frac{|s_A - s_C|}{s_A + s_C - s_{AC}} \quad
        \text{cosine} = \frac{s_{AC}}{\sqrt{s_A s_C}}

    Differences are taken between integers before any division, so independence gives exactly 0 or 1. The certainty
    factor is Shortliffe and Buchanan's (1975), which divides by what is possible in either direction; mlxtend's
    divides by 1 − s_C always and so differs for rules with a lift below 1. A rule that never fails has conviction ∞;
    one whose consequent is in every basket tells nothing, and has conviction 1, Zhang's metric 0 and certainty 0.
    A side that is in no basket gives NaN.
    """
    n = float(n_baskets)
    both, a, c = (np.asarray(x, dtype=np.float64) for x in (count, count_a, count_c))
    excess = n * both - a * c  # n² × leverage: whole numbers, exact up to 2**53
    either = a + c - both
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "support": both / n,
            "confidence": both / a,
            "lift": n * both / (a * c),
            "leverage": excess / n**2,
            "conviction": np.where(c == n, 1.0, a * (n - c) / (n * (a - both))),
            "zhang": np.where(excess == 0, 0.0, excess / np.maximum(both * (n - a), a * (c - both))),
            "jaccard": both / either,
            "certainty": np.where(c == n, 0.0, excess / np.where(excess >= 0, a * (n - c), a * c)),
            "kulczynski": (both / a + both / c) / 2,
            "imbalance": np.abs(a - c) / either,
            "cosine": both / np.sqrt(a * c),
        }
