"""How sure a difference is: bootstrap over users, paired, and corrected for many comparisons.

Users are the sampling unit, not (user, item) pairs: the purchases of one household hang together.
"""

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError

_RESAMPLES_AT_ONCE = 256


def resampled_means(values: np.ndarray, resamples: int = 2000, *, seed: int) -> np.ndarray:
    """Means over users drawn with replacement, shape (resamples, n_columns).

    Parameters
    ----------
    values : ndarray, shape (n_users,) or (n_users, n_columns)
        One row a user. All columns see the same draws, so their differences are paired.
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
        One row a column: ``mean``, ``low``, ``high``.

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
        As in :func:`bootstrap_interval`.

    Returns
    -------
    DataFrame
        One row a method: ``difference`` (method − reference), ``low``, ``high``, ``p`` (two-sided) and ``p_holm``.

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
    return compared(draws, values.mean(), reference, level)


def compared(draws: pd.DataFrame, means: pd.Series, reference: str, level: float = 0.95) -> pd.DataFrame:
    """What :func:`paired_differences` returns, from means that were resampled already.

    Parameters
    ----------
    draws : DataFrame, shape (resamples, n_methods)
        From :func:`resampled_means`: all columns saw the same users, so that their differences are paired.
    means : Series, shape (n_methods,)
    reference : str
    level : float
    """
    # Rounded, because sums of equal values can differ in the last binary digit, which is no difference.
    away = draws.drop(columns=reference).sub(draws[reference], axis=0).round(12)
    low, high = np.quantile(away, [(1 - level) / 2, (1 + level) / 2], axis=0)
    beyond = np.minimum((away <= 0).sum(axis=0), (away >= 0).sum(axis=0)).to_numpy() + 1
    p = np.minimum(2 * beyond / (len(away) + 1), 1)
    difference = (means[away.columns] - means[reference]).to_numpy()
    columns = {"difference": difference, "low": low, "high": high, "p": p, "p_holm": holm(p)}
    return pd.DataFrame(columns, index=away.columns)


def holm(p: np.ndarray) -> np.ndarray:
    r"""Holm's correction for m tests at once: :math:`\tilde p_{(j)} = \max_{l \le j} \min(1, (m - l + 1)\, p_{(l)})`.

    Rejecting where :math:`\tilde p \le \alpha` keeps the chance of any false alarm at most α, however the tests
    depend on one another.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()  # 3 × .01, then 2 × .03 twice
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected


def leaders(values: pd.DataFrame, alpha: float = 0.05, resamples: int = 2000, *, seed: int) -> list[str]:
    """Methods that cannot be told from the best: higher is better, Holm-corrected paired bootstrap.

    A list of one is a winner beyond doubt; only then may a table print it in bold.

    Parameters
    ----------
    values : DataFrame, shape (n_users, n_methods)
    alpha : float
    resamples, seed
        As in :func:`bootstrap_interval`.

    Returns
    -------
    list of str
        The best mean first.
    """
    draws = pd.DataFrame(resampled_means(values.to_numpy(), resamples, seed=seed), columns=values.columns)
    return level_with_best(draws, values.mean(), alpha)


def level_with_best(draws: pd.DataFrame, means: pd.Series, alpha: float = 0.05) -> list[str]:
    """What :func:`leaders` returns, from means that were resampled already."""
    means = means.sort_values(ascending=False, kind="stable")
    best = means.index[0]
    if len(means) == 1:
        return [best]
    behind = compared(draws, means, best)
    tied = behind.index[behind["p_holm"] > alpha]
    return [best, *[name for name in means.index if name in tied]]
