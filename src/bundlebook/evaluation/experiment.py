"""How large an experiment must be to see an effect: sample sizes for two shares, with clustered customers."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from bundlebook.errors import BundlebookError


def sample_size(base: float, lift: float, power: float = 0.8, alpha: float = 0.05, design: float = 1.0) -> int:
    r"""Exposures needed in *each* of two groups to tell their response rates apart (样本量).

    .. math:: n = D\,\frac{\bigl(z_{1-\alpha/2}\sqrt{2 \bar p (1 - \bar p)} + z_{\text{power}}
              \sqrt{p_1 (1 - p_1) + p_2 (1 - p_2)}\bigr)^2}{(p_2 - p_1)^2}, \qquad p_2 = (1 + \text{lift})\, p_1

    Parameters
    ----------
    base : float
        Response rate p₁ without the change, in (0, 1).
    lift : float
        Relative change to be found, not 0; .15 means +15 %.
    power : float
        Wanted chance of finding it.
    alpha : float
        Allowed chance of a false alarm, two-sided.
    design : float
        Design effect D ≥ 1, see :func:`design_effect`.

    Returns
    -------
    int

    References
    ----------
    J. L. Fleiss, B. Levin, M. C. Paik: Statistical Methods for Rates and Proportions. Wiley 2003, chapter 4.

    Examples
    --------
    From 10 % to 15 %, the textbook's case:

    >>> sample_size(0.10, 0.5)
    686
    """
    changed = base * (1 + lift)
    if not (0 < base < 1 and 0 < changed < 1 and lift != 0):
        raise BundlebookError(f"from {base} to {changed:.3g}", where="sample_size", remedy="give rates in (0, 1)")
    mean = (base + changed) / 2
    noise = norm.ppf(1 - alpha / 2) * np.sqrt(2 * mean * (1 - mean))
    noise += norm.ppf(power) * np.sqrt(base * (1 - base) + changed * (1 - changed))
    return int(np.ceil(design * (noise / (changed - base)) ** 2))


def detectable_lift(base: float, n: int, power: float = 0.8, alpha: float = 0.05, design: float = 1.0) -> float:
    """Return the smallest relative increase that *n* exposures a group find with the wanted power.

    >>> round(detectable_lift(0.10, 686), 3)
    0.5
    """
    low, high = 1e-4, (1 - base) / base * (1 - 1e-9)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sample_size(base, middle, power, alpha, design) > n else (low, middle)
    return high


def design_effect(responded: np.ndarray, user: np.ndarray) -> float:
    r"""By which factor exposures of the same customers are worth less than independent ones (设计效应).

    .. math:: D = \frac{\sum_u \bigl(\sum_{e \in u} (y_e - \bar y)\bigr)^2}{\sum_e (y_e - \bar y)^2}

    Parameters
    ----------
    responded : ndarray of bool, shape (n_exposures,)
    user : ndarray, shape (n_exposures,)

    Returns
    -------
    float
        1 for customers whose responses have nothing in common.
    """
    deviation = np.asarray(responded, dtype=np.float64) - np.mean(responded)
    square = float((deviation**2).sum())
    if square == 0:
        raise BundlebookError("everybody responded, or nobody", where="design_effect")
    sums = np.bincount(pd.factorize(user)[0], deviation)
    return float((sums**2).sum() / square)
