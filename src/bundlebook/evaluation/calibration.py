"""Whether a probability means what it says: log loss, Brier score, calibration error, reliability; also by group.

The measures of the first half take arrays of any equal shape; a pair (user, item) is one observation. A mean over all
pairs can hide errors: predicting twice too much for rare items and slightly too little for best-sellers can add up to
the right total. So :func:`calibration_by_group` takes the same measures by popularity of the item or by how well the
user is known, with intervals over users.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.ranking import _top
from bundlebook.evaluation.statistics import resampled_means

#: Probabilities are kept this far from 0 and 1 in the log loss: a certain, wrong P costs 16 nats, not infinity.
_EPSILON = 1e-7
#: Likeliest items of a user that count as shown, and whose probabilities are kept.
_SHOWN = 20
#: Upper ends of the bands of history, in baskets: 1–4, 5–9, 10–19 …; the last band is open.
_HISTORY_ENDS = (4, 9, 19, 39, 79)


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
    return -np.log(np.clip(np.where(y, p, 1 - p), _EPSILON, None))


def brier(p: np.ndarray, y: np.ndarray) -> float:
    r"""Brier score, the mean squared error of a probability: :math:`\overline{(p - y)^2}`.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(brier(p, y), 4)  # (.04 + .16 + .01) / 3
    0.07
    """
    return float(_pair_squares(p, y).mean())


def _pair_squares(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared error of every pair, flat: its mean is the Brier score."""
    p, y = _flat(p, y)
    return (p - y) ** 2


def brier_skill(p: np.ndarray, y: np.ndarray) -> float:
    r"""Improvement on the Brier score of the constant :math:`\bar y`, as a share of it: 1 is perfect, 0 no better.

    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> round(brier_skill(p, y), 4)  # 1 − .07 / (2/9)
    0.685
    """
    p, y = _flat(p, y)
    if y.all() or not y.any():
        raise BundlebookError("all outcomes are equal, so no skill can be measured", where="y")
    return 1 - brier(p, y) / float(y.mean() * (1 - y.mean()))


def reliability_curve(p: np.ndarray, y: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Predicted against observed frequency in bins that hold equally many observations.

    Parameters
    ----------
    p : ndarray
    y : ndarray
        Outcomes, or their chances where ties leave them open (see :func:`bundlebook.evaluation.rank`).
    bins : int
        At most; observations with equal p share one bin, so that the result does not depend on their order.

    Returns
    -------
    DataFrame
        One row per bin: ``count``, ``predicted`` (mean p), ``observed`` (mean y).

    Examples
    --------
    >>> p, y = np.array([0.8, 0.4, 0.1]), np.array([1, 0, 0])
    >>> reliability_curve(p, y, bins=3)
       count  predicted  observed
    0      1        0.1       0.0
    1      1        0.4       0.0
    2      1        0.8       1.0
    """
    p, chance = _flat(p, y)[0], np.clip(np.asarray(y, dtype=float).ravel(), 0, 1)
    frame = pd.DataFrame({"bin": _bin_of(p, bins), "p": p, "y": chance})
    table = frame.groupby("bin").agg(count=("p", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    return table.reset_index(drop=True)


def _bin_of(p: np.ndarray, bins: int) -> np.ndarray:
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


def popularity_bands(buyers: np.ndarray, bands: int = 10) -> pd.Categorical:
    """Cut the catalogue into bands of equal shares of the purchases, best-sellers first.

    Parameters
    ----------
    buyers : ndarray, shape (n_items,)
        How often each item was bought before the day of the prediction (or by how many users); at least 0.
    bands : int
        Wanted; fewer come out where one item alone fills several.

    Returns
    -------
    Categorical, shape (n_items,)
        Band of each item, ordered; ``"1 (best-sellers)"`` holds the first 1 / `bands` of the purchases.

    Examples
    --------
    >>> list(popularity_bands(np.array([1, 6, 2, 1]), bands=2))
    ['2 (rarest)', '1 (best-sellers)', '2 (rarest)', '2 (rarest)']
    """
    buyers = np.asarray(buyers, dtype=np.float64)
    if bands < 1 or not len(buyers) or (buyers < 0).any() or not buyers.sum() > 0:
        raise BundlebookError(f"{bands} bands of {len(buyers)} items", remedy="use at least one band and one purchase")
    order = np.argsort(-buyers, kind="stable")
    share = np.cumsum(buyers[order]) / buyers.sum()
    # The band of an item is where the middle of its own purchases lies; rounded, since sums differ in the last digit.
    middle = np.round(share - buyers[order] / (2 * buyers.sum()), 12)
    band = np.empty(len(buyers), dtype=np.int64)
    band[order] = np.minimum((bands * middle).astype(int), bands - 1)
    used, code = np.unique(band, return_inverse=True)
    names = [str(number + 1) for number in range(len(used))]
    if len(names) > 1:
        names[0], names[-1] = f"{names[0]} (best-sellers)", f"{names[-1]} (rarest)"
    return pd.Categorical.from_codes(code, names, ordered=True)


def history_bands(n_baskets: np.ndarray, ends: Sequence[int] = _HISTORY_ENDS) -> pd.Categorical:
    """Cut users by the number of baskets they are known by.

    Parameters
    ----------
    n_baskets : ndarray of int, shape (n_users,)
        ``histories.counts_by_user()``.
    ends : sequence of int
        Last number of each band, ascending; the last band is open.

    Returns
    -------
    Categorical, shape (n_users,)
        Band of each user, ordered; bands without a user are left out.

    Examples
    --------
    >>> list(history_bands(np.array([0, 3, 4, 25]), ends=(4, 9)))
    ['0–4', '0–4', '0–4', '10 and more']
    """
    n_baskets, ends = np.asarray(n_baskets), list(ends)
    if not ends or ends != sorted(set(ends)) or ends[0] < 0:
        raise BundlebookError(f"ends {ends} do not ascend", where="history_bands", remedy="use ends like (4, 9, 19)")
    lows = [int(min(ends[0], n_baskets.min(initial=ends[0]))), *(end + 1 for end in ends)]
    names = [f"{low}–{high}" if low < high else f"{low}" for low, high in zip(lows, ends, strict=False)]
    bands = pd.Categorical.from_codes(np.searchsorted(ends, n_baskets), [*names, f"{lows[-1]} and more"], ordered=True)
    return bands.remove_unused_categories()


def calibration_by_group(
    p: np.ndarray,
    y: np.ndarray,
    groups: pd.Categorical | Sequence,
    of: str,
    *,
    shown: int = _SHOWN,
    bins: int = 10,
    resamples: int = 1000,
    seed: int,
) -> pd.DataFrame:
    """Judge the probabilities of every group of items or users, and of all together.

    Parameters
    ----------
    p : ndarray, shape (n_rows, n_items)
        Probabilities; a row is a user.
    y : ndarray, shape (n_rows, n_items)
        What was bought, 0 is no.
    groups : Categorical or sequence
        Group of every item or row; rows of the table follow the categories, or are sorted.
    of : {"items", "rows"}
        What `groups` groups.
    shown : int
        Likeliest items of every row that count as shown.
    bins : int
        Number of bins of the calibration error.
    resamples, seed : int
        The same as in :func:`~bundlebook.evaluation.bootstrap_interval`.

    Returns
    -------
    DataFrame
        One row per group, the last one ``"all"``: ``pairs``; ``bought`` (how many of them); ``predicted`` and
        ``observed`` (mean p, mean y); ``ratio`` = predicted over observed with its 95 % interval ``low``, ``high``;
        ``log loss`` in nats; ``Brier skill`` against the constant that knows the group's own mean; ``shown`` (how many
        pairs of the group were shown) and ``ECE shown``. NaN where nothing was bought or shown.

    Notes
    -----
    The ratio is one of sums, so users who buy much weigh much, as they do in what a shop sells. The calibration error
    of few pairs is large by chance alone: see :func:`ece_by_chance`.
    """
    p, y = np.asarray(p), np.asarray(y) != 0
    if p.ndim != 2 or p.shape != y.shape:
        raise BundlebookError(f"p has shape {p.shape}, y {y.shape}", remedy="pass two tables of rows × items")
    groups = groups if isinstance(groups, pd.Categorical) else pd.Categorical(np.asarray(groups).ravel())
    sizes = {"items": p.shape[1], "rows": p.shape[0]}
    if of not in sizes or len(groups) != sizes[of]:
        wanted = f"a group for each of {sizes[of]} {of}" if of in sizes else f"of= one of {', '.join(sizes)}"
        raise BundlebookError(f"{len(groups)} groups of {of!r}", where="calibration_by_group", remedy=f"pass {wanted}")
    code = np.broadcast_to(groups.codes if of == "items" else groups.codes[:, np.newaxis], p.shape)
    if (code < 0).any():
        raise BundlebookError("some have no group", where="groups", remedy="leave them out, or name their group")
    likeliest = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(likeliest, _top(p, y, min(shown, p.shape[1]))[0], True, axis=1)
    found = {name: code == number for number, name in enumerate(groups.categories)} | {"all": code >= 0}
    rows = {}
    for name, inside in found.items():
        mine, came, seen = p[inside], y[inside], inside & likeliest
        sums = [(values * inside).sum(axis=1, dtype=float) for values in (p, y)]
        expected, bought = resampled_means(np.column_stack(sums), resamples, seed=seed).T
        sure = len(mine) > 0 and bought.all()
        rows[name] = {
            "pairs": len(mine),
            "bought": came.sum(),
            "predicted": mine.mean(dtype=float) if len(mine) else np.nan,
            "observed": came.mean() if len(mine) else np.nan,
            "ratio": mine.mean(dtype=float) / came.mean() if came.any() else np.nan,
            "low": np.quantile(expected / bought, 0.025) if sure else np.nan,
            "high": np.quantile(expected / bought, 0.975) if sure else np.nan,
            "log loss": log_loss(mine, came) if len(mine) else np.nan,
            "Brier skill": brier_skill(mine, came) if came.any() and not came.all() else np.nan,
            "shown": seen.sum(),
            "ECE shown": ece(p[seen], y[seen], bins) if seen.any() else np.nan,
        }
    return pd.DataFrame(rows).T.astype({"pairs": int, "bought": int, "shown": int})


def ece_interval(
    p: np.ndarray, y: np.ndarray, bins: int = 10, resamples: int = 1000, *, seed: int
) -> tuple[float, float, float]:
    """Calibration error of what is shown, with a 95 % bootstrap interval over users.

    Parameters
    ----------
    p, y : ndarray, shape (n_users, k)
        Probability of what is shown to each user, and whether it was bought.
    bins : int
        Kept as they are in all resamples.
    resamples, seed : int

    Returns
    -------
    error, low, high : float
        A resample adds chance to chance, so the interval lies rather too high than too low.
    """
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.float64)
    cell = np.arange(len(p)).repeat(p.shape[1]) * bins + _bin_of(p, bins)
    gaps = np.bincount(cell, (p - y).ravel() / p.shape[1], len(p) * bins).reshape(len(p), bins)
    errors = np.abs(resampled_means(gaps, resamples, seed=seed)).sum(axis=1)
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(np.abs(gaps.mean(axis=0)).sum()), float(low), float(high)


def ece_by_chance(p: np.ndarray, bins: int = 10, draws: int = 100, *, seed: int) -> float:
    """Mean calibration error of probabilities that are exactly right: the part that a finite sample alone explains.

    Outcomes are drawn from p itself, independently of each other. Real purchases of a user hang together, so that
    chance adds rather more than this.

    >>> round(ece_by_chance(np.full(100, 0.5), bins=1, draws=2000, seed=0), 2)  # √(.25 / 100) · √(2 / π)
    0.04
    """
    p, rng = np.asarray(p, dtype=np.float64).ravel(), np.random.default_rng(seed)
    label = _bin_of(p, bins)
    gaps = [np.bincount(label, p - (rng.random(len(p)) < p)) for _ in range(draws)]
    return float(np.abs(gaps).sum(axis=1).mean() / len(p))
