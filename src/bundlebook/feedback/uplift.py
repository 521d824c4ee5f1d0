r"""What offers changed: users who were offered bundles against users who were drawn to get none.

Everybody of a group counts, whether he or she answered or not: only then are the two groups alike but for the offer. A
response is a bundle all of whose items the user bought within the period. The users of the hold-out group have bundles
on paper, so that both groups are asked the same question.

With s_u responses to the n_u bundles of user u, and w_u one over the chance of the user's group, a group has the rate

.. math:: r = \frac{\sum_u w_u s_u}{\sum_u w_u n_u}, \qquad
          \operatorname{var}(r) = \frac{G}{G-1} \frac{\sum_u w_u^2 (s_u - r n_u)^2}{\bigl(\sum_u w_u n_u\bigr)^2}

with G users. Users are the clusters: the bundles of one user hang together. The uplift is the difference of two rates,
its variance the sum of theirs, and its interval that of a t distribution with Welch's degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bundlebook.errors import BundlebookError
from bundlebook.shop import Baskets, Shop, clean, group_baskets, pseudonym

_LEAST_USERS = 30
#: Power and level of the sample sizes.
_POWER, _ALPHA = 0.8, 0.05
#: Chance below which the sizes of the groups are not those of the draw.
_MISMATCH = 1e-3
#: The uplift that a sample size is given for, as a part of the rate without an offer.
_WORTHWHILE = 0.1
_BINS = 5
_ONE_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Uplift:
    """What was measured.

    Attributes
    ----------
    first_day, last_day : datetime64[D]
        The period of the offers.
    overall : DataFrame
        One row per measure: ``measure``, ``offered``, ``held_out``, ``difference``, ``low``, ``high`` (95 %),
        ``users_offered``, ``users_held_out``. Measures are the share of bundles bought whole, and in a shop that knows
        prices the money per user spent on the bundles' items and in all.
    before : DataFrame
        The same in as many days before the offers, when nothing had been offered: a difference beyond its interval
        would say that the groups were not alike. Empty where the log does not reach so far back.
    by_kind, by_segment : DataFrame
        The first measure by ``group``: kind of bundle, segment of users.
    calibration : DataFrame
        Offered bundles by predicted probability: ``bundles``, ``predicted`` (mean P), ``came_true``, ``low``, ``high``.
    detectable : float
        Smallest uplift that these groups find in four of five cases, in the unit of the first measure.
    needed : int
        Users in all, held out in the same proportion, that an uplift of a tenth of the rate without an offer needs.
    notes : tuple of str
    """

    first_day: np.datetime64
    last_day: np.datetime64
    overall: pd.DataFrame
    before: pd.DataFrame
    by_kind: pd.DataFrame
    by_segment: pd.DataFrame
    calibration: pd.DataFrame
    detectable: float
    needed: int
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether the interval of the first measure leaves 0 out."""
        first = self.overall.iloc[0]
        return bool(first["low"] > 0 or first["high"] < 0)

    def __str__(self) -> str:
        lines = [f"offers of {self.first_day} to {self.last_day}"]
        for row in self.overall.itertuples():
            lines.append(
                f"{row.measure}: {row.offered:.4g} offered ({row.users_offered:,} users), {row.held_out:.4g} held out "
                f"({row.users_held_out:,}); difference {row.difference:+.4g} [{row.low:+.4g}, {row.high:+.4g}]"
            )
        lines.append(
            "The interval leaves 0 out: the offers changed what was bought."
            if self.found
            else "The interval holds 0: no effect can be told from chance. "
            f"These groups find an uplift of {self.detectable:.4g} or more."
        )
        lines.append(
            f"To find an uplift of a tenth of the rate without an offer in four of five cases: {self.needed:,} users."
        )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def measure(shop: Shop, offers: pd.DataFrame) -> Uplift:
    """Compare what offered and held-out users bought in the period of the offers.

    Parameters
    ----------
    shop : Shop
        As loaded, with the purchases of the whole period.
    offers : DataFrame
        From :func:`~bundlebook.feedback.read_offers`.

    Returns
    -------
    Uplift

    Raises
    ------
    BundlebookError
        If nothing can be measured: nobody was held out, the period is not over, the groups are not those that were
        drawn, or too few users are left.
    """
    _check(offers)
    first, last = (np.datetime64(offers[name].iloc[0], "D") for name in ("first_day", "last_day"))
    shop, _ = clean(shop)
    baskets = group_baskets(shop)
    if baskets.day.max() < last:
        raise BundlebookError(
            f"the period of the offers ends on {last}, and the log on {baskets.day.max()}",
            where="measure",
            remedy="wait until the period is over, take the purchases in with `bundlebook update`, and measure then",
        )
    offers, notes = _readable(offers, baskets, shop)
    money = _money(shop)
    exposures = _with_outcomes(offers, baskets.between(first, last + _ONE_DAY))
    overall = [_compared(exposures, "bought").assign(measure="bundles bought whole, share")]
    if money is not None:
        overall += _money_rows(exposures, money, baskets.items, shop, first, last)
    length = last + _ONE_DAY - first
    before = pd.DataFrame()
    if baskets.day.min() <= first - length:
        earlier = _with_outcomes(offers, baskets.between(first - length, first))
        before = _compared(earlier, "bought").assign(measure="bundles bought whole, share")
        if before["low"].item() > 0 or before["high"].item() < 0:
            notes.append("the groups differed before the offers already: read the uplift with care")
    else:
        notes.append("the log does not reach far enough back to compare the groups before the offers")
    table = pd.concat(overall, ignore_index=True)
    detectable, needed = _sizes(exposures)
    by_kind, by_segment = (_by(exposures, name) for name in ("kind", "segment"))
    compared = len(by_kind) + len(by_segment)
    if compared:
        notes.append(
            f"of {compared} groups, {0.05 * compared:.1f} are expected to leave 0 out by chance alone: a group that "
            "does is a question for the next offer, not an answer"
        )
    if not shop.real:
        notes.append("the shop is simulated: these figures say nothing about real people")
    columns = ["measure", "offered", "held_out", "difference", "low", "high", "users_offered", "users_held_out"]
    return Uplift(
        first,
        last,
        table[columns],
        before[columns] if len(before) else before,
        by_kind,
        by_segment,
        _calibration(exposures),
        detectable,
        needed,
        tuple(notes),
    )


def _check(offers: pd.DataFrame) -> None:
    def refuse(problem: str, remedy: str) -> BundlebookError:
        return BundlebookError(problem, where="measure", remedy=remedy)

    if offers.empty:
        raise refuse("the file holds no offer", "give the file that `offer` wrote")
    periods = offers[["first_day", "last_day"]].drop_duplicates()
    if len(periods) > 1:
        raise refuse(
            f"the file holds {len(periods)} periods, from {periods['first_day'].min()} on", "measure one at a time"
        )
    groups = offers.groupby("user_id")["group"].nunique()
    if (groups > 1).any():
        raise refuse(
            f"{int((groups > 1).sum()):,} users are in both groups, for example {groups[groups > 1].index[0]!r}",
            "give one file, as `offer` wrote it",
        )
    known = offers["group"].isin(["offer", "hold-out"])
    if not known.all():
        raise refuse(f"a group {offers['group'][~known].iloc[0]!r}", "the groups are offer and hold-out")
    users = offers.drop_duplicates("user_id")
    count = users["group"].value_counts()
    held, offered = int(count.get("hold-out", 0)), int(count.get("offer", 0))
    if not held or not offered:
        missing = "was held out" if not held else "was offered anything"
        raise refuse(
            f"nobody {missing}, so there is nothing to compare with",
            "make the next offer with --holdout 0.1; what this one changed cannot be told",
        )
    share = users["propensity"].to_numpy(float)
    if not ((share > 0) & (share < 1)).all():
        raise refuse("a propensity outside of (0, 1)", "give the file as `offer` wrote it")
    chance = np.where(users["group"] == "hold-out", share, 1 - share)  # everybody's chance to be held out
    expected, spread = chance.sum(), np.sqrt((chance * (1 - chance)).sum())
    p = 2 * stats.norm.sf(max(abs(held - expected) - 0.5, 0) / spread)
    if p < _MISMATCH:
        raise refuse(
            f"{held:,} of {len(users):,} users are in the hold-out group, and the draw would give {expected:,.0f}: "
            "users have left the file, and those who are left are not alike",
            "give the whole file as `offer` wrote it, users included who could not be reached",
        )
    if min(held, offered) < _LEAST_USERS:
        raise refuse(
            f"{min(held, offered)} users in the smaller group; below {_LEAST_USERS} no interval can be trusted",
            "offer to more users, or hold more of them out",
        )


def _readable(offers: pd.DataFrame, baskets: Baskets, shop: Shop) -> tuple[pd.DataFrame, list[str]]:
    """Offers with a ``columns`` of item numbers and a ``row`` of users (−1: bought nothing at all); and notes."""
    notes: list[str] = []
    names, users = pd.Index(baskets.items), pd.Index(baskets.user_ids)
    row = users.get_indexer(offers["user_id"])
    if (row < 0).all() and offers["user_id"].str.match(r"^user-[0-9a-f]{12}$").all():
        row = pd.Index([pseudonym(user, shop) for user in users]).get_indexer(offers["user_id"])
        notes.append("the file holds pseudonyms; users were found by theirs")
    unknown = offers["user_id"][row < 0].nunique()
    if unknown > 0.5 * offers["user_id"].nunique():
        raise BundlebookError(
            f"{unknown:,} of {offers['user_id'].nunique():,} users of the file are not in the log, for example "
            f"{offers['user_id'][row < 0].iloc[0]!r}",
            where="measure",
            remedy="give the shop that the offers were made for",
        )
    parts = offers["items"].str.split(" + ", regex=False)
    columns = [names.get_indexer(items) for items in parts]
    catalogue = set(shop.products[baskets.level].dropna().astype(str))
    lost = np.array([any(item not in catalogue for item in items) for items in parts])
    if lost.any():
        notes.append(f"{int(lost.sum()):,} bundles hold an item that the catalogue does not know any more: left out")
    return offers.assign(row=row, columns=columns)[~lost], notes


def _with_outcomes(offers: pd.DataFrame, baskets: Baskets) -> pd.DataFrame:
    """Offers with ``bought``: whether the user bought every item of the bundle in some baskets."""
    matrix = baskets.user_item().tocoo()
    pairs = np.sort(matrix.row.astype(np.int64) * baskets.n_items + matrix.col)
    size = offers["columns"].map(len).to_numpy()
    row = np.repeat(offers["row"].to_numpy(), size)
    column = np.concatenate(offers["columns"].to_list())
    key = row.astype(np.int64) * baskets.n_items + column
    place = np.minimum(np.searchsorted(pairs, key), max(len(pairs) - 1, 0))
    held = (pairs[place] == key) & (row >= 0) & (column >= 0) if len(pairs) else np.zeros(len(key), dtype=bool)
    whole = np.minimum.reduceat(held, np.concatenate([[0], np.cumsum(size)[:-1]]))
    return offers.assign(bought=whole.astype(float), weight=1 / offers["propensity"].astype(float))


def _rate(table: pd.DataFrame, outcome: str) -> tuple[float, float, int]:
    """Rate of a group, its variance, and the number of its users."""
    sums = (
        table.assign(n=1.0).groupby("user_id", sort=True).agg(s=(outcome, "sum"), n=("n", "sum"), w=("weight", "first"))
    )
    total = float((sums["w"] * sums["n"]).sum())
    rate = float((sums["w"] * sums["s"]).sum()) / total
    users = len(sums)
    square = float((sums["w"] ** 2 * (sums["s"] - rate * sums["n"]) ** 2).sum())
    return rate, users / max(users - 1, 1) * square / total**2, users


def _compared(exposures: pd.DataFrame, outcome: str) -> pd.DataFrame:
    rates = [_rate(exposures[exposures["group"] == name], outcome) for name in ("offer", "hold-out")]
    (offered, v1, n1), (held, v2, n2) = rates
    low, high = _interval(offered - held, v1, n1, v2, n2)
    return pd.DataFrame(
        [(offered, held, offered - held, low, high, n1, n2)],
        columns=["offered", "held_out", "difference", "low", "high", "users_offered", "users_held_out"],
    )


def _interval(difference: float, v1: float, n1: int, v2: float, n2: int) -> tuple[float, float]:
    variance = v1 + v2
    if variance == 0:
        return difference, difference
    freedom = variance**2 / (v1**2 / max(n1 - 1, 1) + v2**2 / max(n2 - 1, 1))
    reach = stats.t.ppf(1 - _ALPHA / 2, freedom) * np.sqrt(variance)
    return difference - reach, difference + reach


def _by(exposures: pd.DataFrame, name: str) -> pd.DataFrame:
    """The first measure within each group of bundles or users that has enough users on both sides."""
    rows = []
    for group, part in exposures.groupby(name, sort=True) if name in exposures else ():
        users = part.drop_duplicates("user_id")["group"].value_counts()
        if users.reindex(["offer", "hold-out"]).fillna(0).min() >= _LEAST_USERS:
            rows.append(_compared(part, "bought").assign(group=group))
    columns = ["group", "offered", "held_out", "difference", "low", "high", "users_offered", "users_held_out"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _calibration(exposures: pd.DataFrame) -> pd.DataFrame:
    sent = exposures[exposures["group"] == "offer"].assign(weight=1.0)
    edges = np.unique(np.quantile(sent["probability"], np.linspace(0, 1, _BINS + 1)))
    part = np.clip(np.searchsorted(edges, sent["probability"], side="right") - 1, 0, max(len(edges) - 2, 0))
    rows = []
    for number, bundles in [*sent.groupby(part, sort=True), ("all", sent)]:
        rate, variance, users = _rate(bundles, "bought")
        low, high = _interval(rate, variance, users, 0.0, users)
        rows.append((str(number), len(bundles), bundles["probability"].mean(), rate, max(low, 0.0), min(high, 1.0)))
    return pd.DataFrame(rows, columns=["part", "bundles", "predicted", "came_true", "low", "high"])


def _sizes(exposures: pd.DataFrame) -> tuple[float, int]:
    """Smallest uplift that is found with the wanted power, and the users that a worthwhile one needs."""
    (_, v1, n1), (held, v2, n2) = (
        _rate(exposures[exposures["group"] == name], "bought") for name in ("offer", "hold-out")
    )
    z = stats.norm.ppf(1 - _ALPHA / 2) + stats.norm.ppf(_POWER)
    per_user = (v1 * n1) / (n1 / (n1 + n2)) + (v2 * n2) / (n2 / (n1 + n2))
    wanted = _WORTHWHILE * held
    needed = int(np.ceil(z**2 * per_user / wanted**2)) if wanted > 0 else 0
    return float(z * np.sqrt(v1 + v2)), needed


def _money(shop: Shop) -> pd.DataFrame | None:
    """Purchase lines of a cleaned shop with what was paid; None in a shop without prices."""
    lines = shop.purchases
    if not (lines["price"] > 0).any():
        return None
    return lines.assign(paid=(lines["price"] * lines["quantity"]).fillna(0.0))


def _money_rows(
    exposures: pd.DataFrame,
    lines: pd.DataFrame,
    items: np.ndarray,
    shop: Shop,
    first: np.datetime64,
    last: np.datetime64,
) -> list[pd.DataFrame]:
    """Money per user: on the items of the user's bundles, and in all."""
    inside = lines[(lines["time"] >= pd.Timestamp(first)) & (lines["time"] < pd.Timestamp(last + _ONE_DAY))]
    level = shop.level("auto")
    label = (
        inside["item_id"] if level == "item_id" else inside["item_id"].map(shop.products.set_index("item_id")[level])
    )
    inside = inside.assign(label=label)
    users = exposures.drop_duplicates("user_id")[["user_id", "group", "weight", "row"]]
    wanted = exposures[["user_id", "columns"]].explode("columns").drop_duplicates()
    wanted = wanted[wanted["columns"] >= 0]
    wanted = wanted.assign(label=items[wanted["columns"].to_numpy(np.int64)])
    called = inside["user_id"]
    if not called.isin(users["user_id"]).any():  # the file holds pseudonyms
        names = {user: pseudonym(user, shop) for user in called.unique()}
        inside = inside.assign(user_id=called.map(names))
    on_items = inside.merge(wanted[["user_id", "label"]], on=["user_id", "label"]).groupby("user_id")["paid"].sum()
    in_all = inside.groupby("user_id")["paid"].sum()
    rows = []
    for what, paid in (("on the bundles' items", on_items), ("in all", in_all)):
        table = users.assign(paid=users["user_id"].map(paid).fillna(0.0).to_numpy(float))
        rows.append(_compared(table, "paid").assign(measure=f"spent {what}, {shop.currency or 'money'} per user"))
    return rows
