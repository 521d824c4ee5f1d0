"""Whether a probability means what it says: log loss, Brier score, calibration error, reliability; also by group.

The measures of the first half take arrays of any equal shape; a pair (user, item) is one observation. A mean over all
pairs hides a lot: promising twice too much of rare items and a little too little of best-sellers can add up to the
right total. So :func:`calibration_by_group` takes the same measures by popularity of the item or by how well the user
is known, with intervals over users.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.ranking import _top
from bundlebook.evaluation.statistics import resampled_means

#: Probabilities are kept this far from 0 and 1 in the log loss: being surely wrong costs 16 nats, not infinitely many.
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
    return float(pair_squares(p, y).mean())


def pair_squares(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared error of every pair, flat: its mean is the Brier score."""
    p, y = _flat(p, y)
    return (p - y) ** 2


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
    frame = pd.DataFrame({"bin": _bin_of(p, bins), "p": p, "y": y.astype(float)})
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
    users: np.ndarray | None = None,
    shown: int = _SHOWN,
    bins: int = 10,
    resamples: int = 1000,
    seed: int,
) -> pd.DataFrame:
    """Judge the probabilities of every group of items, users or pairs, and of all together.

    Parameters
    ----------
    p : ndarray, shape (n_rows, n_items)
        Probabilities; a row is a user at a moment (a period, a basket to come).
    y : ndarray, shape (n_rows, n_items)
        What was bought, 0 is no.
    groups : Categorical or sequence
        Group of every item, row or pair; rows of the table follow the categories, or are sorted.
    of : {"items", "rows", "pairs"}
        What `groups` groups.
    users : ndarray, shape (n_rows,), optional
        Whom a row belongs to; each row is a user of its own if None. Intervals resample users.
    shown : int
        Likeliest items of every row that count as shown.
    bins : int
        Of the calibration error.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        One row a group, the last one ``"all"``: ``pairs``; ``bought`` (how many of them); ``predicted`` and
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
    sizes = {"items": p.shape[1], "rows": p.shape[0], "pairs": p.size}
    if of not in sizes or len(groups) != sizes[of]:
        wanted = f"a group for each of {sizes[of]} {of}" if of in sizes else f"of= one of {', '.join(sizes)}"
        raise BundlebookError(f"{len(groups)} groups of {of!r}", where="calibration_by_group", remedy=f"pass {wanted}")
    shape = {"items": (1, -1), "rows": (-1, 1), "pairs": p.shape}[of]
    code = np.broadcast_to(np.asarray(groups.codes).reshape(shape), p.shape)
    if (code < 0).any():
        raise BundlebookError("some have no group", where="groups", remedy="leave them out, or name their group")
    user = np.arange(len(p)) if users is None else np.unique(users, return_inverse=True)[1]
    likeliest = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(likeliest, _top(p, min(shown, p.shape[1])), True, axis=1)
    sums = _sums_by_user(p, y, code, user, len(groups.categories))
    draws = resampled_means(sums.reshape(len(sums), -1), resamples, seed=seed).reshape(resamples, 2, -1)
    rows = {}
    for number, name in enumerate([*groups.categories, "all"]):
        inside = code == number if name != "all" or number < len(groups.categories) else np.ones(p.shape, dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = draws[:, 0, number] / draws[:, 1, number]
        rows[name] = _row(p[inside], y[inside], ratio) | _shown(p, y, inside & likeliest, bins)
    return pd.DataFrame(rows).T.astype({"pairs": int, "bought": int, "shown": int})


def _sums_by_user(p: np.ndarray, y: np.ndarray, code: np.ndarray, user: np.ndarray, n_groups: int) -> np.ndarray:
    """Expected and actual purchases, shape (n_users, 2, n_groups + 1); the last group is everything."""
    cell, shape = (user[:, np.newaxis] * n_groups + code).ravel(), (user.max() + 1, n_groups)
    sums = np.stack([np.bincount(cell, values.ravel(), np.prod(shape)).reshape(shape) for values in (p, y)], axis=1)
    return np.concatenate([sums, sums.sum(axis=2, keepdims=True)], axis=2)


def _row(p: np.ndarray, y: np.ndarray, ratio: np.ndarray) -> dict[str, float]:
    bought = int(y.sum())
    row = {"pairs": len(p), "bought": bought, "predicted": p.mean(dtype=float) if len(p) else np.nan}
    row["observed"] = bought / len(p) if len(p) else np.nan
    row["ratio"] = row["predicted"] / row["observed"] if bought else np.nan
    row["low"], row["high"] = np.quantile(ratio, [0.025, 0.975]) if np.isfinite(ratio).all() else (np.nan, np.nan)
    row["log loss"] = float(pair_losses(p, y).mean()) if len(p) else np.nan
    row["Brier skill"] = brier_skill(p, y) if 0 < bought < len(p) else np.nan
    return row


def _shown(p: np.ndarray, y: np.ndarray, inside: np.ndarray, bins: int) -> dict[str, float]:
    count = int(inside.sum())
    return {"shown": count, "ECE shown": ece(p[inside], y[inside], bins) if count else np.nan}


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
    """Mean calibration error of probabilities that are exactly right: what a finite sample costs, and no fault of p.

    Outcomes are drawn from p itself, independently of each other. Real purchases of a user hang together, so that
    chance adds rather more than this.

    >>> round(ece_by_chance(np.full(100, 0.5), bins=1, draws=2000, seed=0), 2)  # √(.25 / 100) · √(2 / π)
    0.04
    """
    p, rng = np.asarray(p, dtype=np.float64).ravel(), np.random.default_rng(seed)
    label = _bin_of(p, bins)
    gaps = [np.bincount(label, p - (rng.random(len(p)) < p)) for _ in range(draws)]
    return float(np.abs(gaps).sum(axis=1).mean() / len(p))
