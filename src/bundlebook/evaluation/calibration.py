"""Whether a probability means what it says: log loss, Brier score, calibration error, reliability.

All functions take arrays of any equal shape; a pair (user, item) is one observation.
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bundlebook.errors import BundlebookError

#: Probabilities are kept this far from 0 and 1 in the log loss: being surely wrong costs 16 nats, not infinitely many.
EPSILON = 1e-7


def _flat(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.asarray(p, dtype=np.float64).ravel(), np.asarray(y).ravel() != 0
    if p.shape != y.shape or not len(p):
        raise BundlebookError(f"{len(p)} probabilities for {len(y)} outcomes", remedy="pass arrays of equal shape")
    if not ((p >= 0) & (p <= 1)).all():
        raise BundlebookError("a probability lies outside [0, 1] or is NaN", where="p")
    return p, y


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    r"""Mean cross entropy (对数损失), in nats: :math:`-\overline{y \ln p + (1-y) \ln (1-p)}`.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(log_loss(p, y), 4)  # −(ln .8 + ln .6 + ln .9) / 3
    0.2798
    """
    return float(pair_losses(p, y).mean())


def pair_losses(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cross entropy of every pair in nats, flat: averaged by user it can be bootstrapped over users."""
    p, y = _flat(p, y)
    return -np.log(np.clip(np.where(y, p, 1 - p), EPSILON, None))


def brier(p: np.ndarray, y: np.ndarray) -> float:
    r"""Brier score, the mean squared error of a probability: :math:`\overline{(p - y)^2}`.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(brier(p, y), 4)  # (.04 + .16 + .01) / 3
    0.07
    """
    p, y = _flat(p, y)
    return float(((p - y) ** 2).mean())


def brier_skill(p: np.ndarray, y: np.ndarray) -> float:
    r"""Share of the Brier score of the constant :math:`\bar y` that was saved: 1 is perfect, 0 no better than it.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(brier_skill(p, y), 4)  # 1 − .07 / (2/9)
    0.685
    """
    p, y = _flat(p, y)
    if y.all() or not y.any():
        raise BundlebookError("all outcomes are equal, so there is nothing to be skilled at", where="y")
    return 1 - brier(p, y) / float(y.mean() * (1 - y.mean()))


def accuracy(p: np.ndarray, y: np.ndarray, threshold: float = 0.5) -> float:
    """Share of pairs on the right side of the threshold (准确率).

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> accuracy(p, y)
    1.0
    """
    p, y = _flat(p, y)
    return float(((p >= threshold) == y).mean())


def auc(p: np.ndarray, y: np.ndarray) -> float:
    """Chance that a purchase has a higher probability than a non-purchase, over all pairs; ties count one half.

    >>> auc(np.array([.8, .4, .1]), np.array([0, 1, 0]))
    0.5
    """
    p, y = _flat(p, y)
    if y.all() or not y.any():
        raise BundlebookError("AUC needs purchases and non-purchases", where="y")
    n = int(y.sum())
    return float((rankdata(p)[y].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))


def reliability_curve(p: np.ndarray, y: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed frequency in bins that hold equally many observations.

    Parameters
    ----------
    p, y : ndarray
    bins : int
        At most; observations with equal p share one bin, so that the result does not depend on their order.

    Returns
    -------
    DataFrame
        One row a bin: ``count``, ``predicted`` (mean p), ``observed`` (mean y).

    Examples
    --------
    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> reliability_curve(p, y, bins=3)
       count  predicted  observed
    0      1        0.1       0.0
    1      1        0.4       0.0
    2      1        0.8       1.0
    """
    p, y = _flat(p, y)
    frame = pd.DataFrame({"bin": bin_of(p, bins), "p": p, "y": y.astype(float)})
    table = frame.groupby("bin").agg(count=("p", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    return table.reset_index(drop=True)


def bin_of(p: np.ndarray, bins: int) -> np.ndarray:
    """Bin of every probability, flat, 0 … bins − 1: equally many in each, and equal p in one."""
    if bins < 1:
        raise BundlebookError(f"{bins} bins", where="bins", remedy="use at least 1")
    rank = rankdata(np.asarray(p).ravel(), method="min")  # equal p have equal rank
    return np.minimum((bins * (rank - 1)) // len(rank), bins - 1).astype(int)


def ece(p: np.ndarray, y: np.ndarray, bins: int = 10) -> float:
    r"""Expected calibration error (期望校准误差): :math:`\sum_b \frac{n_b}{n} |\bar p_b - \bar y_b|`, equal counts.

    Over a whole catalogue it says little: nearly all pairs are non-purchases, and the constant :math:`\bar y` reaches
    0. Ask for it over the items that would be shown.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(ece(p, y, bins=3), 4)  # (.2 + .4 + .1) / 3
    0.2333
    """
    table = reliability_curve(p, y, bins)
    return float((table["count"] * (table["predicted"] - table["observed"]).abs()).sum() / table["count"].sum())
