"""Boosted trees (提升树) on counting features: what the user, the item and the pair of both did so far.

:func:`counting_features` turns histories into one row per user and item that he or she bought before.
:class:`BoostedTrees` stands at several past days, learns from such rows what came true after each, and gives P for
every item.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, as_day, before, one_of, past_of, require
from bundlebook.recommenders._interest import basket_share, unit_rows
from bundlebook.recommenders.calibrated import Target, _Replay
from bundlebook.recommenders.neighbours import UserKNN
from bundlebook.shop import PERIOD_DAYS, Baskets

#: Half-lives of the decayed rates, in days.
HALF_LIVES = (14, 45, 150)
#: Features by what they tell. Those of the first two groups belong to a pair and are missing for a new item.
FEATURE_GROUPS: dict[str, tuple[str, ...]] = {
    "how often": ("share", *(f"rate {h}" for h in HALF_LIVES), "visit rate", "size-scaled rate", "units"),
    "how long ago": ("days since", "baskets since", "gap", "overdue", "known for"),
    "user": ("baskets", "size", "last size", "explored", "spacing", "away", "member for", "visits lately"),
    "item": ("popularity lately", "popularity", "trend", "repeat rate"),
    "neighbours": ("user neighbours", "new-item logit"),
}
_NAMES = tuple(name for names in FEATURE_GROUPS.values() for name in names)
_PAIR, _USER = (len(FEATURE_GROUPS["how often"] + FEATURE_GROUPS["how long ago"]), len(FEATURE_GROUPS["user"]))
#: Half-life of "visits lately", in days.
_LATELY = 45.0
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
    ``days since``        since the last purchase
    ``baskets since``     since the last purchase
    ``gap``               mean days between purchases, (last − first + 28) / n
    ``overdue``           days since the last purchase / gap
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
    columns = [
        n / (1 + past.counts_by_user()[owner]),
        *(rate(past.decay(at, h)) for h in HALF_LIVES),
        rate(_VISIT**since),
        rate(_SCALED**since, np.maximum(size, 1) ** -_SIZE_POWER),
        np.add.reduceat(lines.data[order].astype(np.float64), start) / n,
        last,
        since[basket[stop]],
        gap,
        last / gap,
        first,
    ]
    return keys, np.stack(columns, axis=1).astype(np.float32)


def _user_history(past: Baskets, at: np.datetime64) -> np.ndarray:
    """Return the user features, shape (n_users, 8); NaN where a user has too few baskets to tell."""
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
    return np.stack([count, mean_size, latest, explored, spacing, last, first, lately], axis=1).astype(np.float32)


def _item_history(past: Baskets, at: np.datetime64) -> np.ndarray:
    """Return the item features, shape (n_items, 4)."""
    lately = basket_share(past, at, PERIOD_DAYS)
    ever = np.bincount(past.quantities.indices, minlength=past.n_items) / max(past.n_baskets, 1)
    times = past.user_item()
    buyers = np.bincount(times.indices, minlength=past.n_items)
    again = np.bincount(times.indices[times.data > 1], minlength=past.n_items)
    trend = np.log((lately + _FLOORS[1]) / (ever + _FLOORS[1]))
    return np.stack([lately, ever, trend, again / (buyers + 1)], axis=1).astype(np.float32)


@dataclass(frozen=True)
class _Known:
    """What the shop knew on the day `at`, besides the history of the user in question."""

    at: np.datetime64
    items: np.ndarray
    users: UserKNN

    @classmethod
    def on(cls, past: Baskets, at: np.datetime64) -> Self:
        return cls(at, _item_history(past, at), UserKNN().fit(past, at))

    def dense(self, histories: Baskets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return user features, what the neighbours buy, and the inputs of the regression for new items.

        Returns
        -------
        user : ndarray, shape (n_users, 8)
        others : ndarray, shape (n_users, n_items)
        inputs : ndarray, shape (n_users · n_items, 5)
        """
        user = _user_history(histories, self.at)
        others = (unit_rows(self.users.similarities(histories, self.at), 1) @ self.users.rows_).toarray()
        near, share = _FLOORS
        columns = [
            np.log(others + near),
            *np.log(self.items[:, :2].T[:, np.newaxis] + share),
            np.log1p(np.nan_to_num(user[:, 1:2])),
            np.log1p(user[:, -1:]),
        ]
        flat = [np.broadcast_to(column, others.shape).astype(np.float32).ravel() for column in columns]
        return user, others.astype(np.float32), np.stack(flat, axis=1)


@dataclass(eq=False)
class BoostedTrees:
    r"""Gradient boosted trees (梯度提升树) over counting features of user, item and pair.

    .. math:: \operatorname{logit} P_{ui} = \ln\rho + F_0 + \nu \sum_{m=1}^{M} f_m(\mathbf{x}_{ui}),
              \qquad \mathbf{x}_{ui} \in \mathbb{R}^{26}

    Every f_m is a small regression tree that is fitted to the gradient of the cross entropy, ν the learning rate.
    Training rows stand at several past days: features from what was visible then, outcomes from the period after it.
    All purchases are kept and a share ρ of the non-purchases; ln ρ undoes it.

    The trees look at what the user bought before and at the `others` likeliest of the rest. Which these are, and P of
    all that remain, is said by a logistic regression on five numbers: what the neighbours buy, the item's popularity
    lately and ever, the user's basket size and visits.

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
        left_out = {name for group in self.without for name in FEATURE_GROUPS[group]}
        self._columns = [n for n, name in enumerate(_NAMES) if name not in left_out]
        if not self._columns:
            raise BundlebookError("every feature is left out", where=self.name, remedy="leave at least one group")

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn from the periods that end before *at*, and keep what the shop knows on that day."""
        past, day = past_of(visible, at, self.name), as_day(at)
        made_of, began = f"{day} {replace(self, name='')} {past.digest}", time.process_time()
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
            known = _Known.on(replay.past, replay.then)
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
        self.now_ = _Known.on(past, day)
        self.made_of_, self.fit_seconds_ = made_of, time.process_time() - began
        return self

    def _replay(self, past: Baskets, end: np.datetime64) -> _Replay:
        return _Replay.of(past, end, where=f"training of {self.name}", min_history=1, target=self.target)

    def _learn_new(self, known: _Known, replay: _Replay, rng: np.random.Generator) -> None:
        """Fit the regression for items that are new to the user, on the latest period."""
        most = max(1, 4 * _CELLS_AT_ONCE // replay.histories.n_items)
        replay = replay.some(most, self.seed)
        inputs = known.dense(replay.histories)[2]
        new = replay.histories.user_item().toarray().ravel() == 0
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
        x = np.full((len(pairs), len(_NAMES)), np.nan, dtype=np.float32)
        x[: len(keys), :_PAIR] = history
        x[:, _PAIR : _PAIR + _USER] = user[row]
        x[:, _PAIR + _USER : -2] = known.items[item]
        x[:, -2:] = np.stack([others.ravel()[pairs], base.ravel()[pairs]], axis=1)
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
