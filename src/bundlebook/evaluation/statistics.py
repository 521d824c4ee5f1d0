"""How sure a difference is, and how many users an experiment needs.

Bootstrap over users, paired, and corrected for many comparisons. Users are the sampling unit, not (user, item) pairs:
the purchases of one user hang together. The last three functions plan an experiment that compares two shares.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from bundlebook.errors import BundlebookError

_RESAMPLES_AT_ONCE = 256


def resampled_means(values: np.ndarray, resamples: int = 2000, *, seed: int) -> np.ndarray:
    """Means over users drawn with replacement, shape (resamples, n_columns).

    Parameters
    ----------
    values : ndarray, shape (n_users,) or (n_users, n_columns)
        One row per user. All columns see the same draws, so their differences are paired.
    resamples : int
    seed : int

    Notes
    -----
    A resample is a vector of counts, how often each user was drawn; a block of them times the values is one matrix
    product.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    n = len(values)
    if n < 2:
        raise BundlebookError(f"{n} users cannot be resampled", remedy="judge at least two users")
    if np.isnan(values).any():
        raise BundlebookError("a user's value is NaN", where="values", remedy="leave users without a value out")
    rng = np.random.default_rng(seed)
    blocks = []
    for low in range(0, resamples, _RESAMPLES_AT_ONCE):
        rows = min(_RESAMPLES_AT_ONCE, resamples - low)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        blocks.append(counts.astype(np.float64) @ values / n)
    return np.concatenate(blocks)


def bootstrap_interval(
    values: np.ndarray | pd.DataFrame, resamples: int = 2000, level: float = 0.95, *, seed: int
) -> pd.DataFrame:
    """Mean and percentile interval (自助法置信区间) of every column.

    Parameters
    ----------
    values : ndarray or DataFrame, shape (n_users, n_columns)
    resamples : int
        At least 1,000 for two stable digits of a 95 % interval.
    level : float
        In (0, 1).
    seed : int

    Returns
    -------
    DataFrame
        One row per column: ``mean``, ``low``, ``high``.

    Examples
    --------
    >>> bootstrap_interval(pd.DataFrame({"hit": [1., 0., 1., 1.]}), seed=0)
         mean  low  high
    hit  0.75 0.25   1.0
    """
    if not 0 < level < 1:
        raise BundlebookError(f"level {level} must lie between 0 and 1", where="bootstrap_interval")
    frame = pd.DataFrame(values)
    means = resampled_means(frame.to_numpy(), resamples, seed=seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame({"mean": frame.mean().to_numpy(), "low": low, "high": high}, index=frame.columns)


def paired_differences(
    values: pd.DataFrame, reference: str, resamples: int = 2000, level: float = 0.95, *, seed: int
) -> pd.DataFrame:
    r"""Compare every column with the reference column, user by user.

    Parameters
    ----------
    values : DataFrame, shape (n_users, n_methods)
        One metric of several methods on the same users.
    reference : str
        Column to compare with.
    resamples, level, seed
        The same as in :func:`bootstrap_interval`.

    Returns
    -------
    DataFrame
        One row per method: ``difference`` (method − reference), ``low``, ``high``, ``p`` (two-sided) and ``p_holm``.

    Notes
    -----
    :math:`p = 2 \min(\#\{\bar d^* \le 0\} + 1, \#\{\bar d^* \ge 0\} + 1) / (B + 1)`, at most 1: the smallest level at
    which the percentile interval excludes 0. With B resamples no p falls below 2 / (B + 1).
    """
    if reference not in values:
        raise BundlebookError(f"no method {reference!r}", remedy=f"use one of {list(values.columns)}")
    if len(values.columns) < 2:
        raise BundlebookError("there is nothing to compare the reference with", where="values")
    draws = pd.DataFrame(resampled_means(values.to_numpy(), resamples, seed=seed), columns=values.columns)
    return _compared(draws, values.mean(), reference, level)


def _compared(draws: pd.DataFrame, means: pd.Series, reference: str, level: float = 0.95) -> pd.DataFrame:
    """What :func:`paired_differences` returns, from resampled means of shape (resamples, n_methods)."""
    # Rounded, because sums of equal values can differ in the last binary digit, which is no difference.
    away = draws.drop(columns=reference).sub(draws[reference], axis=0).round(12)
    low, high = np.quantile(away, [(1 - level) / 2, (1 + level) / 2], axis=0)
    beyond = np.minimum((away <= 0).sum(axis=0), (away >= 0).sum(axis=0)).to_numpy() + 1
    p = np.minimum(2 * beyond / (len(away) + 1), 1)
    difference = (means[away.columns] - means[reference]).to_numpy()
    columns = {"difference": difference, "low": low, "high": high, "p": p, "p_holm": _holm(p)}
    return pd.DataFrame(columns, index=away.columns)


def _holm(p: np.ndarray) -> np.ndarray:
    r"""Holm's correction for m tests at once: :math:`\tilde p_{(j)} = \max_{l \le j} \min(1, (m - l + 1)\, p_{(l)})`.

    Rejecting where :math:`\tilde p \le \alpha` keeps the chance of any false alarm at most α, however the tests
    depend on one another.

    >>> _holm(np.array([0.01, 0.04, 0.03])).tolist()  # 3 × .01, then 2 × .03 twice
    [0.03, 0.06, 0.06]
    """
    # Not statsmodels' multipletests: it collects all garbage at every call, measured .2 to .4 s, and a leaderboard asks
    # a hundred times.
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected


def _leaders(draws: pd.DataFrame, means: pd.Series, alpha: float = 0.05) -> list[str]:
    """Methods that do not differ significantly from the best: higher is better, Holm-corrected paired bootstrap.

    Parameters
    ----------
    draws : DataFrame, shape (resamples, n_methods)
        What :func:`resampled_means` returns.
    means : Series, shape (n_methods,)
    alpha : float

    Returns
    -------
    list of str
        The best mean first. A list of one is a significant winner.
    """
    means = means.sort_values(ascending=False, kind="stable")
    best = means.index[0]
    if len(means) == 1:
        return [best]
    p = _compared(draws, means, best)["p_holm"]
    return [best, *[name for name in means.index if name != best and p[name] > alpha]]


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
    The textbook's case goes from 10 % to 15 %:

    >>> sample_size(0.10, 0.5)
    686
    """
    changed = base * (1 + lift)
    if not (0 < base < 1 and 0 < changed < 1 and lift != 0):
        raise BundlebookError(f"from {base} to {changed:.3g}", where="sample_size", remedy="give rates in (0, 1)")
    exposures = samplesize_proportions_2indep_onetail(changed - base, base, power, alpha=alpha)
    return int(np.ceil(design * exposures))


def detectable_lift(base: float, n: int, power: float = 0.8, alpha: float = 0.05, design: float = 1.0) -> float:
    """Smallest relative increase that *n* exposures per group find with the wanted power.

    >>> round(detectable_lift(0.10, 686), 3)
    0.5
    """
    low, high = 1e-4, (1 - base) / base * (1 - 1e-9)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sample_size(base, middle, power, alpha, design) > n else (low, middle)
    return high


def design_effect(responded: np.ndarray, user: np.ndarray) -> float:
    r"""Factor by which exposures of the same users are worth less than independent ones (设计效应).

    .. math:: D = \frac{\sum_u \bigl(\sum_{e \in u} (y_e - \bar y)\bigr)^2}{\sum_e (y_e - \bar y)^2}

    Parameters
    ----------
    responded : ndarray of bool, shape (n_exposures,)
    user : ndarray, shape (n_exposures,)

    Returns
    -------
    float
        1 for users whose responses have nothing in common.
    """
    deviation = np.asarray(responded, dtype=np.float64) - np.mean(responded)
    square = float((deviation**2).sum())
    if square == 0:
        raise BundlebookError("everybody responded, or nobody", where="design_effect")
    sums = np.bincount(pd.factorize(user)[0], deviation)
    return float((sums**2).sum() / square)
