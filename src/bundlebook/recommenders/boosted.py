"""Boosted trees (提升树) on counting features: what the user, the item and the pair of both did so far.

:func:`counting_features` turns histories into one row per user and item that he or she bought before.
:class:`BoostedTrees` stands at several past days, learns from such rows what came true after each, and gives P for
every item.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, as_day, before, one_of, past_of, require
from bundlebook.recommenders._interest import basket_share, interest, unit_rows, with_popularity
from bundlebook.recommenders.calibrated import Target, _Replay
from bundlebook.recommenders.neighbours import ItemKNN, UserKNN
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Half-lives of the decayed rates and of the decayed counts, in days.
HALF_LIVES, COUNTED = (14, 45, 150), (45, 150)
#: Features by what they tell. Those of the first two groups belong to a pair and are missing for a new item.
FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    "how often": (
        *("share", *(f"rate {h}" for h in HALF_LIVES), "visit rate", "size-scaled rate", "units"),
        *(f"count {h}" for h in COUNTED),
    ),
    "how long ago": ("days since", "baskets since", "gap", "overdue", "since / longest", "known for"),
    "items like it": (
        "like share",
        "like count 45",
        "like count 150",
        "like days since",
        "like overdue",
        "part lately",
    ),
    "user": (
        *("baskets", "size", "last size", "explored", "spacing", "away", "member for", "visits lately"),
        *("items lately", "repeats lately"),
    ),
    "item": ("popularity lately", "popularity", "trend", "repeat rate", "last sold", "again in a period"),
    "neighbours": ("user neighbours", "new-item logit", "user-neighbour score", "item neighbours"),
}
_NAMES = tuple(name for names in FEATURE_GROUPS.values() for name in names)
_PAIR_NAMES = FEATURE_GROUPS["how often"] + FEATURE_GROUPS["how long ago"]
_PAIR = len(_PAIR_NAMES)
#: What is counted of a whole group of items as well, see "items like it".
_OF_GROUP = [_PAIR_NAMES.index(name) for name in ("share", "count 45", "count 150", "days since", "overdue")]
#: Half-life of "visits lately", in days.
_LATELY = 45.0
#: Days that "repeats lately" and "part lately" look back.
_LOOK_BACK = 2 * PERIOD_DAYS
#: Weights per basket of age, of "visit rate" and of "size-scaled rate"; power of the basket's size in the latter.
_VISIT, _SCALED, _SIZE_POWER = 0.85, 0.95, 0.25
#: Days added to the time between an item's first and last purchase: one purchase alone has a gap, too.
_GAP = 28.0
#: Added before the logarithm of a neighbours' count, and of a share of baskets.
_FLOORS = 1e-3, 1e-4
#: Cells of the dense scores that are held at once, users × items.
_CELLS_AT_ONCE = 4_000_000
#: Non-purchases of new items that the logistic regression learns from.
_NEW_PAIRS = 300_000


def counting_features(histories: Baskets, at: np.datetime64) -> pd.DataFrame:
    r"""Count what each user did so far with each item that he or she bought before *at*.

    With n the baskets that held the item, N all baskets of the user, d(b) the days and v(b) the baskets from basket b
    to the day *at*, |b| its items, and sums over the user's baskets, with [i] = 1 where a basket holds the item:

    ====================  ============================================================================
    ``share``             n / (1 + N)
    ``rate H``            Σ 2^(−d/H) [i] / Σ 2^(−d/H), for half-lives of 14, 45 and 150 days
    ``visit rate``        Σ .85^v [i] / Σ .85^v
    ``size-scaled rate``  Σ .95^v \|b\|^−¼ [i] / Σ .95^v
    ``units``             units per purchase
    ``count H``           Σ 2^(−d/H) [i], for half-lives of 45 and 150 days
    ``days since``        since the last purchase
    ``baskets since``     since the last purchase
    ``gap``               mean days between purchases, (last − first + 28) / n
    ``overdue``           days since the last purchase / gap
    ``since / longest``   days since the last purchase / longest time between two of them (at least a day)
    ``known for``         days since the first purchase
    ====================  ============================================================================

    Parameters
    ----------
    histories : Baskets
        Baskets on or after *at* are not looked at.
    at : datetime64[D]

    Returns
    -------
    DataFrame, float32
        One row per pair, indexed by ``user`` and ``item`` (positions in the histories), ascending.

    Examples
    --------
    One user bought item a ten and two days ago, and item b two days ago:

    >>> from scipy import sparse
    >>> lines = sparse.csr_matrix(np.array([[1, 0], [1, 1]], dtype=np.float32))
    >>> day = np.array(["2021-05-22", "2021-05-30"], dtype="datetime64[D]")
    >>> b = Baskets(lines, np.zeros(2, dtype=int), day, np.array(["u"]), np.array(["a", "b"]))
    >>> counting_features(b, np.datetime64("2021-06-01"))["gap"].tolist()
    [18.0, 28.0]
    """
    past = before(histories, at)
    keys, values = _pair_history(past, at)
    index = pd.MultiIndex.from_arrays(np.divmod(keys, max(past.n_items, 1)), names=["user", "item"])
    return pd.DataFrame(values, index, list(_NAMES[:_PAIR]))


def _since(past: Baskets) -> np.ndarray:
    """Baskets of the same user that followed each basket, (n_baskets,)."""
    return np.cumsum(past.counts_by_user())[past.user] - 1 - np.arange(past.n_baskets)


def _pair_history(past: Baskets, at: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
    """Features of :func:`counting_features`, and the keys user · n_items + item of their rows, ascending."""
    lines, size = past.quantities, past.sizes()
    basket = np.repeat(np.arange(past.n_baskets), size)
    key = past.user[basket] * past.n_items + lines.indices.astype(np.int64)
    order = np.argsort(key, kind="stable")  # within a pair the oldest purchase stands first
    keys, start = np.unique(key[order], return_index=True)
    if not len(keys):
        return keys, np.zeros((0, _PAIR), dtype=np.float32)
    basket, stop = basket[order], np.append(start[1:], len(order)) - 1
    age, since = (as_day(at) - past.day).astype(np.int64), _since(past)
    owner = past.user[basket[start]]

    def rate(weight: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        every = np.bincount(past.user, weight, past.n_users)
        return np.add.reduceat((weight * scale)[basket], start) / np.maximum(every[owner], 1e-12)

    n = np.diff(np.append(start, len(order)))
    first, last = age[basket[start]], age[basket[stop]]
    gap = (first - last + _GAP) / n
    apart = np.append(0, -np.diff(age[basket]))
    apart[start] = 0  # the first purchase of a pair follows none
    longest = np.where(n > 1, np.maximum(np.maximum.reduceat(apart, start), 1), np.nan)
    columns = [
        n / (1 + past.counts_by_user()[owner]),
        *(rate(past.decay(at, h)) for h in HALF_LIVES),
        rate(_VISIT**since),
        rate(_SCALED**since, np.maximum(size, 1) ** -_SIZE_POWER),
        np.add.reduceat(lines.data[order].astype(np.float64), start) / n,
        *(np.add.reduceat(past.decay(at, h)[basket], start) for h in COUNTED),
        last,
        since[basket[stop]],
        gap,
        last / gap,
        last / longest,
        first,
    ]
    return keys, np.stack(columns, axis=1).astype(np.float32)


def _user_history(past: Baskets, at: np.datetime64) -> np.ndarray:
    """Return the user features, shape (n_users, 10); NaN where a user has too few baskets to tell."""
    count, size = past.counts_by_user(), past.sizes()
    age = (as_day(at) - past.day).astype(np.float64)
    stop, some = np.cumsum(count), count > 0
    first, last, latest = (np.full(past.n_users, np.nan) for _ in range(3))
    first[some], last[some] = age[(stop - count)[some]], age[stop[some] - 1]
    latest[some] = size[stop[some] - 1]
    known = np.diff(past.user_item().indptr)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_size, explored = np.bincount(past.user, size, past.n_users) / count, known / count
        spacing = np.where(count > 1, (first - last) / (count - 1), np.nan)
    lately = np.bincount(past.user, past.decay(at, _LATELY), past.n_users)
    items_lately = np.bincount(past.user, np.where(age <= PERIOD_DAYS, size, 0), past.n_users)
    columns = [count, mean_size, latest, explored, spacing, last, first, lately, items_lately, _repeats(past, age)]
    return np.stack(columns, axis=1).astype(np.float32)


def _repeats(past: Baskets, age: np.ndarray) -> np.ndarray:
    """Share of the items in a user's baskets of the last eight weeks that he or she had bought before; NaN if none."""
    basket = np.repeat(np.arange(past.n_baskets), past.sizes())
    key = past.user[basket] * past.n_items + past.quantities.indices.astype(np.int64)
    again = np.ones(len(key), dtype=bool)
    again[np.unique(key, return_index=True)[1]] = False  # a user's baskets stand in the order of time
    lately = age[basket] <= _LOOK_BACK
    every = np.bincount(past.user[basket[lately]], minlength=past.n_users)
    with np.errstate(invalid="ignore"):
        return np.bincount(past.user[basket[lately & again]], minlength=past.n_users) / every


def _item_history(past: Baskets, at: np.datetime64) -> np.ndarray:
    """Return the item features, shape (n_items, 6); NaN for the last sale of what was never sold."""
    lately = basket_share(past, at, PERIOD_DAYS)
    ever = np.bincount(past.quantities.indices, minlength=past.n_items) / max(past.n_baskets, 1)
    times = past.user_item()
    buyers = np.bincount(times.indices, minlength=past.n_items)
    again = np.bincount(times.indices[times.data > 1], minlength=past.n_items)
    trend = np.log((lately + _FLOORS[1]) / (ever + _FLOORS[1]))
    sold = np.full(past.n_items, np.nan)
    age = (as_day(at) - past.day).astype(np.float64)
    np.fmin.at(sold, past.quantities.indices, np.repeat(age, past.sizes()))
    soon = _again_in_a_period(past, at)
    return np.stack([lately, ever, trend, again / (buyers + 1), sold, soon], axis=1).astype(np.float32)


def _again_in_a_period(past: Baskets, at: np.datetime64) -> np.ndarray:
    """Share of an item's purchases that the same user followed by another within a period, (m + .2) / (n + 2).

    Counted are purchases at least one period old, so that each had the time to be followed, and at most six.
    """
    basket = np.repeat(np.arange(past.n_baskets), past.sizes())
    item = past.quantities.indices.astype(np.int64)
    key = past.user[basket] * past.n_items + item
    order = np.argsort(key, kind="stable")
    key, age = key[order], (as_day(at) - past.day).astype(np.int64)[basket[order]]
    followed = np.zeros(len(key), dtype=bool)
    followed[:-1] = (key[1:] == key[:-1]) & (age[:-1] - age[1:] <= PERIOD_DAYS)
    counted = (age > PERIOD_DAYS) & (age <= 6 * PERIOD_DAYS)
    many = [np.bincount(item[order][chosen], minlength=past.n_items) for chosen in (counted & followed, counted)]
    return (many[0] + 0.2) / (many[1] + 2)


def _of_groups(baskets: Baskets, code: np.ndarray) -> Baskets:
    """The same baskets, counted by groups of items: *code* is the group of each column."""
    n = int(code.max(initial=-1)) + 1
    gather = sparse.csr_matrix((np.ones(len(code), np.float32), (np.arange(len(code)), code)), (len(code), n))
    quantities = (baskets.quantities @ gather).tocsr()
    quantities.sort_indices()
    return replace(baskets, quantities=quantities, items=np.arange(n).astype(str))


@dataclass(frozen=True)
class _Known:
    """What the shop knew on the day `at`, besides the history of the user in question."""

    at: np.datetime64
    items: np.ndarray
    users: UserKNN
    like: ItemKNN
    group: np.ndarray | None
    part: np.ndarray

    @classmethod
    def on(cls, past: Baskets, at: np.datetime64, group: np.ndarray | None) -> Self:
        part = np.full(past.n_items, np.nan)
        if group is not None:
            sold = np.bincount(past.between(as_day(at) - _LOOK_BACK).quantities.indices, minlength=past.n_items)
            part = sold / np.maximum(np.bincount(group, sold)[group], 1)
        return cls(at, _item_history(past, at), UserKNN().fit(past, at), ItemKNN().fit(past, at), group, part)

    def dense(self, histories: Baskets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return user features, what the neighbours buy, and the inputs of the regression for new items.

        Returns
        -------
        user : ndarray, shape (n_users, 10)
        others : ndarray, shape (n_users, n_items)
        inputs : ndarray, shape (n_users · n_items, 6)
        """
        user = _user_history(histories, self.at)
        others = (unit_rows(self.users.similarities(histories, self.at), 1) @ self.users.rows_).toarray()
        near, share = _FLOORS
        known = {name: np.nan_to_num(user[:, n : n + 1]) for n, name in enumerate(FEATURE_GROUPS["user"])}
        columns = [
            np.log(others + near),
            *np.log(self.items[:, :2].T[:, np.newaxis] + share),
            *(np.log1p(known[name]) for name in ("size", "visits lately", "member for")),
        ]
        flat = [np.broadcast_to(column, others.shape).astype(np.float32).ravel() for column in columns]
        return user, others.astype(np.float32), np.stack(flat, axis=1)

    def mixed(self, histories: Baskets, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of user neighbours, and what the items say that are like a user's: (n_users, n_items)."""
        own = interest(before(histories, self.at), self.at, self.users.half_life)
        weight = self.users.own_weight
        scores = with_popularity(weight * own.toarray() + (1 - weight) * others, self.users.share_)
        return scores, (own @ self.like._spread).toarray().astype(np.float32)

    def of_groups(self, histories: Baskets, row: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Return the features "items like it" of pairs, (n_pairs, 6); NaN where the user bought none like it."""
        found = np.full((len(row), len(FEATURE_GROUPS["items like it"])), np.nan, dtype=np.float32)
        if self.group is None:
            return found
        by_group = _of_groups(histories, self.group)
        keys, history = _pair_history(by_group, self.at)
        wanted = row * by_group.n_items + self.group[item]
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if len(keys):
            known = keys[place] == wanted
            found[known, :-1] = history[place[known]][:, _OF_GROUP]
        found[:, -1] = self.part[item]
        return found


@dataclass(eq=False)
class BoostedTrees:
    r"""Gradient boosted trees (梯度提升树) over counting features of user, item and pair.

    .. math:: \operatorname{logit} P_{ui} = \ln\rho + F_0 + \nu \sum_{m=1}^{M} f_m(\mathbf{x}_{ui}),
              \qquad \mathbf{x}_{ui} \in \mathbb{R}^{41}

    Every f_m is a small regression tree that is fitted to the gradient of the cross entropy, ν the learning rate.
    Training rows stand at several past days: features from what was visible then, outcomes from the period after it.
    All purchases are kept and a share ρ of the non-purchases; ln ρ undoes it.

    The trees look at what the user bought before and at the `others` likeliest of the rest. Which these are, and P of
    all that remain, is said by a logistic regression on six numbers: what the neighbours buy, the item's popularity
    lately and ever, the user's basket size, visits and days since joining.

    Besides the features of :func:`counting_features`, :data:`FEATURE_GROUPS` names these; "lately" means in the last
    period, or as it says:

    ========================  ====================================================================================
    ``like share`` …          ``share``, ``count H``, ``days since`` and ``overdue`` of all items of the same group
    ``part lately``           the item's part of what the shop sold of its group in eight weeks
    ``explored``              different items / baskets
    ``member for``, ``away``  days since the first and the last basket
    ``visits lately``         Σ 2^(−d/45)
    ``items lately``          Σ \|b\| over the last period
    ``repeats lately``        share of the items in the baskets of eight weeks that the user had bought before
    ``trend``                 ln of the item's share of the baskets lately / ever
    ``repeat rate``           share of the item's buyers who bought it twice
    ``last sold``             days since anybody bought it
    ``again in a period``     share of its purchases that the same user followed by another within a period
    ``user neighbours``       mean of the decayed counts of the user's neighbours
    ``user-neighbour score``  that of :class:`~bundlebook.recommenders.UserKNN`, which mixes in the user's own
    ``item neighbours``       the user's decayed counts, spread over similar items: :class:`~.neighbours.ItemKNN`
    ``new-item logit``        of the regression
    ========================  ====================================================================================

    Features of the same group are there if `groups` are given: who bought another milk yesterday needs none today. They
    are known of new items, too. Without `groups` x has 35 entries.

    Parameters
    ----------
    target : {"window", "next_basket"}
        The event: bought within the period, or held by the first basket of it, given that the user came.
    cuts : int
        Past days to learn from; fewer where the log is too short.
    every : int
        Days from one of them to the next.
    others : int
        Items new to the user that the trees look at.
    rounds, leaves : int
        M, and the leaves of a tree, at least 2.
    rate : float
        ν.
    keep : float
        ρ in (0, 1].
    thinning : float
        Share of the users in a training period who are made to look new: of their n baskets the last n^U stay, with U
        uniform in [0, 1].
    most_pairs : int
        Training rows, roughly; where there are more, some of the users are drawn. It bounds the cost on a large shop.
    groups : Series of str or mapping, optional
        A coarser label of each item, such as :func:`~bundlebook.shop.item_groups` gives. An item that is not in it is a
        group of its own; None leaves the features "items like it" out.
    without : sequence of str
        Groups of :data:`FEATURE_GROUPS` to leave out, to see what they are worth.
    seed : int
        Seed for all draws.
    name : str
        Name in tables and figures.

    Attributes
    ----------
    n_rows_ : int
        Training rows.
    fit_seconds_ : float
        Processor time of the fit in seconds. A second fit on the same log is not made again.

    Notes
    -----
    A user without a basket is given the share of all users that bought the item in the last period (or of all their
    first baskets of it that held the item).

    References
    ----------
    J. Friedman: Greedy Function Approximation: A Gradient Boosting Machine. Annals of Statistics 29(5), 2001. With
    histograms as in G. Ke et al.: LightGBM: A Highly Efficient Gradient Boosting Decision Tree. NeurIPS 2017.
    """

    target: Target = "window"
    cuts: int = 6
    every: int = PERIOD_DAYS
    others: int = 100
    rounds: int = 120
    leaves: int = 31
    rate: float = 0.08
    keep: float = 0.3
    thinning: float = 0.2
    most_pairs: int = 1_000_000
    groups: pd.Series | Mapping[str, str] | None = field(default=None, repr=False)
    without: Sequence[str] = ()
    seed: int = 0
    name: str = "boosted trees"

    def __post_init__(self) -> None:
        one_of(get_args(Target), target=self.target)
        whole = ("cuts", "every", "others", "rounds", "leaves", "most_pairs")
        require("be a whole number from 1 on", **{name: getattr(self, name) for name in whole})
        require("be positive", rate=self.rate)
        require("lie in (0, 1]", keep=self.keep)
        require("lie in [0, 1]", thinning=self.thinning)
        require(SEED, seed=self.seed)
        for group in self.without:
            one_of(FEATURE_GROUPS, without=group)
        self.groups = None if self.groups is None else pd.Series(self.groups, dtype=object)
        without = [*self.without, *(["items like it"] if self.groups is None else [])]
        left_out = {name for group in without for name in FEATURE_GROUPS[group]}
        self._columns = [n for n, name in enumerate(_NAMES) if name not in left_out]
        if not self._columns:
            raise BundlebookError("every feature is left out", where=self.name, remedy="leave at least one group")

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn from the periods that end before *at*, and keep what the shop knows on that day."""
        past, day = past_of(visible, at, self.name), as_day(at)
        group, began = self._group(past), time.process_time()
        grouped = "" if group is None else hashlib.sha256(group.astype("<i8").tobytes()).hexdigest()
        made_of = f"{day} {replace(self, name='')} {past.digest} {grouped}"
        if made_of == getattr(self, "made_of_", ""):
            return self  # several rows of a benchmark share one fit
        rng, rows, came = np.random.default_rng(self.seed), [], []
        for cut in range(self.cuts):
            try:
                replay = self._replay(past, day - self.every * cut)
            except BundlebookError:
                if cut == 0:
                    raise
                break  # the log begins here
            known = _Known.on(replay.past, replay.then, group)
            if cut == 0:
                self._learn_new(known, replay, rng)
            for x, y in self._examples(known, replay, rng):
                rows.append(x)
                came.append(y)
        x, y = np.concatenate(rows)[:, self._columns], np.concatenate(came)
        self.n_rows_ = len(y)
        trees = HistGradientBoostingClassifier(
            learning_rate=self.rate,
            max_iter=self.rounds,
            max_leaf_nodes=max(2, self.leaves),
            min_samples_leaf=50,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        self.trees_ = _decision(trees, x, y, np.log(self.keep))
        self.now_ = _Known.on(past, day, group)
        self.made_of_, self.fit_seconds_ = made_of, time.process_time() - began
        return self

    def _group(self, past: Baskets) -> np.ndarray | None:
        """Number of the group of each item, (n_items,); what has no label is a group of its own."""
        if self.groups is None:
            return None
        label = pd.Series(self.groups).reindex(past.items)
        alone = label.isna().to_numpy()
        code = np.asarray(pd.factorize(label, sort=True)[0], dtype=np.int64)
        code[alone] = code.max(initial=-1) + 1 + np.arange(alone.sum())
        return code

    def _replay(self, past: Baskets, end: np.datetime64) -> _Replay:
        return _Replay.of(past, end, where=f"training of {self.name}", min_history=1, target=self.target)

    def _learn_new(self, known: _Known, replay: _Replay, rng: np.random.Generator) -> None:
        """Fit the regression for items that are new to the user, on the latest period."""
        most = max(1, 4 * _CELLS_AT_ONCE // replay.histories.n_items)
        replay = replay.some(most, self.seed)
        # Newcomers have nearly the whole catalogue before them, so the regression has to meet some.
        histories = _thinned(replay.histories, self.thinning, rng)
        inputs = known.dense(histories)[2]
        new = histories.user_item().toarray().ravel() == 0
        bought = replay.bought.toarray().ravel() > 0
        yes, no = np.flatnonzero(bought & new), np.flatnonzero(~bought & new)
        drawn = rng.choice(no, min(len(no), _NEW_PAIRS), replace=False)
        pairs = np.sort(np.concatenate([yes, drawn]))
        regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        shift = np.log(max(len(drawn), 1) / max(len(no), 1))
        self.new_ = _decision(regression, inputs[pairs], bought[pairs], shift)
        chances = replay.past.n_users if self.target == "window" else replay.came.n_baskets
        share = np.bincount(replay.came.user_item().indices, minlength=replay.came.n_items) / chances
        self.stranger_ = logit(np.clip(share, 1 / (chances + 2), 1 - 1 / (chances + 2))).astype(np.float32)

    def _examples(self, known: _Known, replay: _Replay, rng: np.random.Generator) -> list[tuple]:
        """Features and outcomes of some of the users of a period, some of them thinned."""
        histories, found, total = _thinned(replay.histories, self.thinning, rng), [], 0
        order = rng.permutation(histories.n_users)
        step = max(1, _CELLS_AT_ONCE // (4 * histories.n_items))
        for low in range(0, len(order), step):
            users = np.sort(order[low : low + step])
            _, pairs, x = self._rows(known, histories.of_users(users))
            y = replay.bought[users].toarray().ravel()[pairs] > 0
            kept = y | (rng.random(len(y)) < self.keep)
            found.append((x[kept], y[kept]))
            total += kept.sum()
            if total >= self.most_pairs / self.cuts:
                break
        return found

    def _rows(self, known: _Known, histories: Baskets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits of new items for all pairs, (n_users, n_items); the pairs of the trees, flat; their features."""
        user, others, inputs = known.dense(histories)
        base = self.new_(inputs).astype(np.float32).reshape(others.shape)
        keys, history = _pair_history(histories, known.at)
        fresh = base.copy()
        fresh.ravel()[keys] = -np.inf
        k = min(self.others, histories.n_items)
        best = np.argpartition(-fresh, k - 1, axis=1)[:, :k]
        added = (np.arange(histories.n_users)[:, np.newaxis] * histories.n_items + best).ravel()
        added = added[fresh.ravel()[added] > -np.inf]
        pairs = np.concatenate([keys, added])
        row, item = np.divmod(pairs, histories.n_items)
        history = np.concatenate([history, np.full((len(added), _PAIR), np.nan, dtype=np.float32)])
        near = [table.ravel()[pairs] for table in (others, base, *known.mixed(histories, others))]
        parts = [history, known.of_groups(histories, row, item), user[row], known.items[item], np.stack(near, axis=1)]
        x = np.concatenate(parts, axis=1, dtype=np.float32)
        return base, pairs, x

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the logit of P for all items, shape (n_users, n_items), float32."""
        past, day = before(histories, at), as_day(at)
        known = replace(self.now_, at=day)
        logits = np.empty((past.n_users, past.n_items), dtype=np.float32)
        step = max(1, _CELLS_AT_ONCE // past.n_items)
        for low in range(0, past.n_users, step):
            users = np.arange(low, min(low + step, past.n_users))
            base, pairs, x = self._rows(known, past.of_users(users))
            base.ravel()[pairs] = self.trees_(x[:, self._columns])
            logits[users] = base
        logits[past.counts_by_user() == 0] = self.stranger_
        return logits

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P of the target, standing at *at*, shape (n_users, n_items), float32."""
        return expit(self.scores(histories, at))


def _thinned(histories: Baskets, share: float, rng: np.random.Generator) -> Baskets:
    """Let a share of the users look as if they had joined late."""
    count = histories.counts_by_user()
    late = rng.random(len(count)) < share
    kept = np.where(late, np.ceil(np.maximum(count, 1) ** rng.random(len(count))), count)
    return histories.where(_since(histories) < kept[histories.user])


@dataclass(frozen=True)
class _LogOdds:
    """Log-odds of a fitted classifier plus a shift; without a classifier the shift alone."""

    model: Any
    shift: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        if self.model is None or not len(rows):
            return np.full(len(rows), self.shift)
        return self.model.decision_function(rows) + self.shift


def _decision(model: Any, x: np.ndarray, y: np.ndarray, shift: float) -> _LogOdds:
    """Fit a classifier and return its log-odds plus *shift*; those of the share alone where all outcomes are equal."""
    if y.all() or not y.any():
        return _LogOdds(None, np.log((y.sum() + 0.5) / ((~y).sum() + 0.5)) + shift)
    return _LogOdds(model.fit(x, y), shift)
