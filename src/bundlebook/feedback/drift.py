"""Has the shop changed? Facts of each night or week against those before it, and alarms that keep their level.

===========================  ==============================================================================
:func:`stream_facts`         a few numbers of every week or night, each against what was usual before it
:func:`surprises`            how improbable each fact is, if nothing has changed
:func:`page_hinkley`         a slow change of one number, added up until it is beyond chance
===========================  ==============================================================================
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from bundlebook.errors import BundlebookError

#: Weeks from which the usual prices and the usual mix are taken.
USUAL_WEEKS = 4
#: Weeks (or same weekdays) that a new one is compared with.
REFERENCE = 8
#: Smallest standard deviation of a fact: a change below one per cent is never news.
_LEAST_SPREAD = 0.01
_WEEK = np.timedelta64(7, "D")

#: The facts: name, and what a person reads when one is refused.
FACTS = {
    "lines": "number of lines",
    "users": "number of users",
    "units per line": "units per line",
    "price level": "prices against the same items' usual ones",
    "unknown items": "share of lines with an item that is not in the catalogue",
    "other mix": "distance of the mix of categories from the usual one",
}


def stream_facts(
    lines: pd.DataFrame, category: pd.Series, every: str = "week", *, first=None, until=None
) -> pd.DataFrame:
    r"""Describe every week or night of a log by facts whose changes can be compared.

    Parameters
    ----------
    lines : DataFrame
        Purchases: ``user_id``, ``item_id``, ``time``, ``quantity``, ``price``.
    category : Series
        Category of each item of the catalogue, indexed by ``item_id``.
    every : {"week", "day"}
        Weeks begin on Monday.
    first, until : str or datetime64, optional
        Days from which on and before which facts are wanted; the usual is always taken from what lies before.

    Returns
    -------
    DataFrame
        One row per period with a line, but for the first :data:`USUAL_WEEKS` weeks, which have nothing to be compared
        with; one column per fact of :data:`FACTS`. Counts, ratios and distances are logarithms, shares are
        :math:`\arcsin\sqrt{x}`, so that equal steps mean equal changes.

    Notes
    -----
    With :math:`p_{i}` the median price of an item over the usual weeks, the price level is the mean over lines of
    :math:`\ln(\text{price}/p_i)`. The mix is the share of lines per category, and its distance from the usual one half
    the sum of absolute differences, which is the share of lines that would have to change.
    """
    need = {"user_id", "item_id", "time", "quantity", "price"} - set(lines.columns)
    if need:
        raise BundlebookError(f"the lines lack {', '.join(sorted(need))}", where="stream_facts")
    if every not in ("week", "day"):
        raise BundlebookError(f"facts of every {every!r}", where="stream_facts", remedy="use 'week' or 'day'")
    day = lines["time"].to_numpy().astype("datetime64[D]")
    week = day - ((day.astype(np.int64) + 3) % 7).astype("timedelta64[D]")
    item, labels = pd.factorize(lines["item_id"].to_numpy(object))
    table = pd.DataFrame(
        {
            "user": pd.factorize(lines["user_id"])[0],
            "item": item,
            "kind": pd.factorize(pd.Series(labels).map(category))[0][item],  # −1 where it has none
            "known": np.isin(labels.astype(str), category.index.to_numpy(str))[item],
            "units": lines["quantity"].to_numpy(float),
            "price": lines["price"].to_numpy(float),
            "week": week,
            "period": week if every == "week" else day,
        }
    )
    low, high = (None if bound is None else np.datetime64(bound, "D") for bound in (first, until))
    found = {}
    for start in np.unique(week)[USUAL_WEEKS:]:
        if (low is not None and start + 7 <= low) or (high is not None and start >= high):
            continue
        usual = table[(table["week"] < start) & (table["week"] >= start - USUAL_WEEKS * _WEEK)]
        if not len(usual):
            continue
        median = usual.groupby("item")["price"].median().reindex(range(len(labels))).to_numpy()
        mix = _shares(usual["kind"], table["kind"].max())
        for period, rows in table[table["week"] == start].groupby("period"):
            found[period] = _facts_of(rows, median, mix)
    facts = pd.DataFrame.from_dict(found, orient="index", columns=list(FACTS)).rename_axis(every)
    facts = facts[(facts.index >= low) if low is not None else slice(None)]
    return facts[(facts.index < high) if high is not None else slice(None)]


def _shares(kind: pd.Series, last: int) -> np.ndarray:
    """Share of the lines in each category, those without one in front, shape (last + 2,)."""
    return np.bincount(kind + 1, minlength=last + 2) / len(kind)


def _facts_of(rows: pd.DataFrame, median: np.ndarray, mix: np.ndarray) -> list[float]:
    with np.errstate(divide="ignore", invalid="ignore"):  # an item that was free, or was not sold, has no usual price
        ratio = rows["price"].to_numpy() / median[rows["item"]]
    ratio = np.log(ratio[np.isfinite(ratio) & (ratio > 0)])
    apart = float(np.abs(_shares(rows["kind"], len(mix) - 2) - mix).sum()) / 2
    unknown = 1 - rows["known"].mean()
    tiny = 1e-6
    return [
        float(np.log(len(rows))),
        float(np.log(rows["user"].nunique())),
        float(np.log(max(rows["units"].mean(), tiny))),
        float(ratio.mean()) if len(ratio) else 0.0,
        float(np.arcsin(np.sqrt(unknown))),
        float(np.log(max(apart, tiny))),
    ]


def surprises(facts: pd.DataFrame, reference: int = REFERENCE, *, skip: Iterable | None = None) -> pd.DataFrame:
    r"""Say how improbable each period is, given those before it.

    A new value x after n calm ones with mean m and standard deviation s is, if nothing has changed,

    .. math:: \frac{x - m}{s \sqrt{1 + 1/n}} \sim t_{n-1}

    Parameters
    ----------
    facts : DataFrame
        From :func:`stream_facts`. Days are compared with the same weekday, weeks with the weeks before.
    reference : int
        n ≥ 3.
    skip : iterable, optional
        Periods that are known to be unusual; they are tested, but serve nobody as a reference.

    Returns
    -------
    DataFrame
        One row per period that has n before it: p of every fact, two-sided, and ``p``, the smallest of them times their
        number (Bonferroni), at most 1. An alarm at level α is ``p <= α``; on calm periods it is wrong in a share α of
        them, as far as facts are normally distributed.
    """
    if reference < 3:
        raise BundlebookError(f"{reference} earlier periods tell no spread", where="surprises", remedy="use 3 or more")
    days = facts.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    daily = facts.index.name == "day"
    calm = ~facts.index.isin(list(skip or ()))
    found = {}
    for place in range(len(facts)):
        alike = ((days[:place] - days[place]) % 7 == 0) | (not daily)
        before = np.flatnonzero(calm[:place] & alike)[-reference:]
        if len(before) == reference:
            found[facts.index[place]] = _p_values(facts.iloc[before], facts.iloc[place])
    table = pd.DataFrame.from_dict(found, orient="index", columns=facts.columns).rename_axis(facts.index.name)
    table["p"] = np.minimum(table.min(axis=1) * len(facts.columns), 1.0)
    return table


def _p_values(before: pd.DataFrame, now: pd.Series) -> np.ndarray:
    n = len(before)
    spread = np.maximum(before.std(ddof=1).to_numpy(), _LEAST_SPREAD) * np.sqrt(1 + 1 / n)
    return 2 * stats.t.sf(np.abs(now.to_numpy() - before.mean().to_numpy()) / spread, n - 1)


def page_hinkley(values, tolerance: float, threshold: float, *, least: int = 3) -> np.ndarray:
    r"""Places at which a slow change of the mean has added up to more than a threshold (Page–Hinkley test).

    .. math:: U_t = U_{t-1} + (x_t - \bar x_t - \tau), \quad \text{alarm if } U_t - \min_{s \le t} U_s > h

    for a rise, and the same downwards with +τ; :math:`\bar x_t` is the mean so far. After an alarm all begins anew.

    Parameters
    ----------
    values : array_like, shape (n,)
        In the order of time.
    tolerance : float
        τ ≥ 0: changes up to this size are no change.
    threshold : float
        h > 0, in the unit of the values. A larger one alarms later and less often without reason.
    least : int
        Values that have to be seen before the first alarm.

    Returns
    -------
    ndarray of int
        Places, from 0.

    References
    ----------
    E. S. Page: Continuous inspection schemes. Biometrika 41, 1954.

    Examples
    --------
    >>> page_hinkley([0, 0, 0, 0, 1, 1, 1, 0, 0], tolerance=0.05, threshold=1.5).tolist()
    [6]
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise BundlebookError("values must be finite numbers in one row", where="page_hinkley")
    if tolerance < 0 or not threshold > 0 or least < 1:
        problem = f"tolerance {tolerance}, threshold {threshold}, least {least}"
        raise BundlebookError(problem, where="page_hinkley", remedy="tolerance from 0, threshold above 0, least from 1")
    found, n, mean, up, down, lowest, highest = [], 0, 0.0, 0.0, 0.0, np.inf, -np.inf
    for place, x in enumerate(values):
        n += 1
        mean += (x - mean) / n
        up, down = up + x - mean - tolerance, down + x - mean + tolerance
        lowest, highest = min(lowest, up), max(highest, down)
        if n >= least and max(up - lowest, highest - down) > threshold:
            found.append(place)
            n, mean, up, down, lowest, highest = 0, 0.0, 0.0, 0.0, np.inf, -np.inf
    return np.array(found, dtype=np.int64)
