"""How a simulated customer meets a list: assumptions, position bias, and panels with known propensities."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Assumptions:
    """What purchases cannot tell. None of these is measured; change them and see what a conclusion rests on.

    Attributes
    ----------
    position_exponent : float
        P(a place in a list is looked at) = place^-exponent.
    extra_items : float
        Items offered in a session beside those bought, Poisson mean.
    own_taste, matching : float
        Share of those that come from the user's own purchases, and from what goes with the basket; the rest follows
        popularity.
    searched : float
        P(an item was opened from a search).
    carted : float
        P(an item that is viewed at list price, and not bought, was put into the cart).
    panel_share : float
        Share of the sessions with a panel of bundles, drawn at random.
    slots : int
    policy_taste : float
        The logging policy draws a bundle with weight exp(policy_taste · taste).
    click, buy : float
        Log-odds of a click, and of a purchase after it, for a bundle of mean taste, lift 1 and no discount.
    taste_weight, lift_weight : float
        Added to both per unit of taste and of log lift.
    """

    position_exponent: float = 0.7
    extra_items: float = 6.0
    own_taste: float = 0.55
    matching: float = 0.25
    searched: float = 0.25
    carted: float = 0.1
    panel_share: float = 0.3
    slots: int = 3
    policy_taste: float = 1.0
    click: float = -3.0
    buy: float = -2.0
    taste_weight: float = 0.6
    lift_weight: float = 0.5


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logit)), element by element."""
    return 1.0 / (1.0 + np.exp(-np.asarray(logit, dtype=float)))


def examination(n_positions: int, exponent: float = 0.7) -> np.ndarray:
    """P(a position is looked at): position⁻ᵉˣᵖᵒⁿᵉⁿᵗ, 1 for the first.

    Parameters
    ----------
    n_positions : int
    exponent : float
        0 means no position bias; 1 halves the attention from the first to the second place.

    Returns
    -------
    ndarray, shape (n_positions,), float64

    References
    ----------
    Joachims, Swaminathan, Schnabel (2017), Unbiased learning-to-rank with biased feedback, WSDM: the
    position-based click model P(click) = P(examined | position) · P(attractive | user, item).

    Examples
    --------
    >>> examination(3, exponent=1.0).round(2).tolist()
    [1.0, 0.5, 0.33]
    """
    return np.arange(1, n_positions + 1, dtype=float) ** -exponent


def draw_slates(logits: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fill the slots of a panel one after another, without putting anything in twice.

    Each slot is drawn with probability exp(logit) / Σ exp(logit of what is left), the Plackett–Luce model, so the
    probability of every draw is known: what an estimator of another policy's value needs.

    Parameters
    ----------
    logits : ndarray, shape (n_panels, n_candidates), float
    size : int
        Slots of a panel, at most n_candidates.
    rng : Generator

    Returns
    -------
    chosen : ndarray, shape (n_panels, size), int64
        Candidates in the order of the slots.
    propensity : ndarray, shape (n_panels, size), float64
        P(this candidate in this slot | what stands before it); the product of a row is that of the whole panel.

    Notes
    -----
    Adding independent Gumbel noise and sorting draws from exactly this model (Yellott, 1977).
    """
    noisy = logits + rng.gumbel(size=logits.shape)
    chosen = np.argsort(-noisy, axis=1, kind="stable")[:, :size]
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    taken = np.take_along_axis(weight, chosen, axis=1)
    left = weight.sum(axis=1, keepdims=True) - np.cumsum(taken, axis=1) + taken
    return chosen, taken / left
