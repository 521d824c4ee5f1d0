"""Where a probability is right: calibration by popularity of the item and by how well the user is known.

A mean over all pairs hides a lot: promising twice too much of rare items and a little too little of best-sellers can
add up to the right total. So the same measures are taken group by group, with intervals over users.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation.arena import SHOWN
from bundlebook.evaluation.calibration import bin_of, brier_skill, ece, pair_losses
from bundlebook.evaluation.ranking import top
from bundlebook.evaluation.significance import resampled_means

#: Upper ends of the bands of history, in baskets: 1–4, 5–9, 10–19 …; the last band is open.
HISTORY_ENDS = (4, 9, 19, 39, 79)


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


def history_bands(n_baskets: np.ndarray, ends: Sequence[int] = HISTORY_ENDS) -> pd.Categorical:
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
    shown: int = SHOWN,
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
    np.put_along_axis(likeliest, top(p, min(shown, p.shape[1])), True, axis=1)
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
    cell = np.arange(len(p)).repeat(p.shape[1]) * bins + bin_of(p, bins)
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
    label = bin_of(p, bins)
    gaps = [np.bincount(label, p - (rng.random(len(p)) < p)) for _ in range(draws)]
    return float(np.abs(gaps).sum(axis=1).mean() / len(p))
