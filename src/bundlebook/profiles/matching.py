"""The match C = U·P (匹配度): a user portrait and an item vector in one space, and their inner product."""

from typing import Self

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.profiles.vectors import _blocks as blocks_of
from bundlebook.profiles.weights import SocialProfile, Weights, _learn_product, _normal_equations
from bundlebook.shop import PERIOD_DAYS, Baskets

#: What a user portrait is mixed from.
SOURCES = ("purchases", "recent", "social", "everyone")
#: Lengths of history, in baskets, for which source weights are learned one by one; the last: whole histories.
LENGTHS = (0, 1, 2, 4, 8, 16, 32)
#: Half-life of the source "recent" and look-back of "everyone", in days.
RECENT_DAYS, EVERYONE_DAYS = PERIOD_DAYS, 2 * PERIOD_DAYS
_PAIRS_AT_ONCE = 100_000


class ProfileMatch:
    r"""Match of user portraits with item vectors, as a recommender.

    Item p has a vector in every block j (category, price, words, ...), scaled to length 1, and one that is all its
    own, e_p ∈ R^n_items. Source i says how often user u would buy each item, f_i(u) ∈ R^n_items: in all baskets so
    far, lately, going by people with the same social attributes, and in everybody's baskets. With weights that sum to 1

    .. math:: P_p = \bigoplus_j v_j \, \frac{\mathbf{x}_{pj}}{b_j}, \qquad
              U_u = \sum_i w_i X_i(u), \quad X_i(u) = \sum_q f_{iq}(u) \bigoplus_j \mathbf{x}_{qj}, \qquad
              C_{up} = U_u \cdot P_p

    b_j makes the blocks comparable: the typical deviation (within a user, over the items) of the block's match with
    the source "purchases".

    Parameters
    ----------
    vectors : DataFrame, shape (n_items, n_features)
        What :func:`~bundlebook.profiles.vectors.item_vectors` returned, for the items of the baskets.
    people : DataFrame, optional
        What :func:`~bundlebook.profiles.weights.people` returned. Without it, and for users it does not name, the
        source ``"social"`` is what everyone buys.
    weights : Weights or None
        Set by hand; None learns them by ridge regression on the last period before the fit's day.
    identity : bool
        Include the block ``"item"``, which matches an item with itself only. Without it the score knows attributes
        alone, and can rank an item nobody has bought.
    sample : int
        Largest number of users, drawn by *seed*, from whom the weights are learned.
    l2 : float
        Ridge of the weights, relative to the features' variance.
    seed : int
    name : str, optional

    Attributes
    ----------
    weights_ : Weights
    scale_ : Series
        b_j of every block.
    """

    def __init__(
        self,
        vectors: pd.DataFrame,
        people: pd.DataFrame | None = None,
        weights: Weights | None = None,
        identity: bool = True,
        sample: int = 200,
        l2: float = 0.01,
        seed: int = 2021,
        name: str | None = None,
    ) -> None:
        self.vectors, self.people, self.weights, self.identity = vectors, people, weights, identity
        self.sample, self.l2, self.seed = sample, l2, seed
        self.name = name or ("profile match, " + ("learned" if weights is None else "by hand"))
        self._units = {
            block: _unit(vectors.iloc[:, places].to_numpy(np.float32)) for block, places in blocks_of(vectors).items()
        }
        self.blocks = (["item"] if identity else []) + list(self._units)
        if weights is not None and set(weights.blocks.index) - set(self.blocks):
            raise BundlebookError(
                f"weights for unknown blocks {sorted(set(weights.blocks.index) - set(self.blocks))}",
                where=self.name,
                remedy=f"the blocks are {self.blocks}",
            )

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn what everyone and each social group buys and, unless they were given, the weights."""
        if visible.items.tolist() != self.vectors.index.tolist():
            raise BundlebookError(
                f"{visible.n_items} items of the baskets are not the {len(self.vectors)} of the vectors",
                where=self.name,
                remedy="make the vectors with item_vectors(shop, split) of the same split",
            )
        past = visible.between(end=at)
        if not past.n_baskets:
            raise BundlebookError(f"no basket lies before {at}", where=self.name, remedy="predict a later window")
        before = at - np.timedelta64(PERIOD_DAYS, "D")
        earlier = past.between(end=before)
        self._learn(earlier if earlier.n_baskets else past, past.between(start=before), before)
        self._know(past, at)
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """C = U·P of every user and item, shape (n_users, n_items), float32."""
        return self._combined(self.mixture(histories, at), self._kernel(self._block_weights()))

    def mixture(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Σ_i w_i f_i: how often each user is expected to buy each item, before attributes; (n_users, n_items)."""
        past = histories.between(end=at)
        w = self.weights_.of_length(past.counts_by_user())
        f = self.sources(past, at)
        return sum(w[:, [i]] * f[source] for i, source in enumerate(self.weights_.sources))

    def sources(self, histories: Baskets, at: np.datetime64) -> dict[str, np.ndarray]:
        """Return f_i of every source, each (n_users, n_items), float32: baskets with the item per basket."""
        crowd = np.tile(self._crowd, (histories.n_users, 1))
        social = crowd if self._social is None else np.maximum(crowd + self._social.deviation(histories.user_ids), 0)
        return {
            "purchases": _frequency(histories, at),
            "recent": _frequency(histories, at, RECENT_DAYS),
            "social": social,
            "everyone": crowd,
        }

    def portrait_vector(self, histories: Baskets, at: np.datetime64) -> pd.DataFrame:
        """U in the space of the attributes, shape (n_users, n_features): the user as a mixture of what is bought."""
        U = self.mixture(histories, at)
        table = np.hstack([U @ unit for unit in self._units.values()])
        columns = [self.vectors.columns[i] for places in blocks_of(self.vectors).values() for i in places]
        return pd.DataFrame(table, index=histories.user_ids, columns=columns)

    def parts(self, histories: Baskets, at: np.datetime64) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Take the score apart by source and by block; either sums to :meth:`scores`. For a few users at a time."""
        past = histories.between(end=at)
        w, f, v = self.weights_.of_length(past.counts_by_user()), self.sources(past, at), self._block_weights()
        cell = {
            (source, block): w[:, [i]] * np.float32(v[block]) * self._match(f[source], block)
            for i, source in enumerate(self.weights_.sources)
            for block in v
        }
        by_source = {s: sum(part for (source, _), part in cell.items() if source == s) for s in self.weights_.sources}
        return by_source, {b: sum(part for (_, block), part in cell.items() if block == b) for b in v}

    def _match(self, f: np.ndarray, block: str) -> np.ndarray:
        if block == "item":
            return f
        unit = self._units[block]
        return (f @ unit) @ unit.T

    def _kernel(self, weights: dict[str, float]) -> tuple[np.float32, np.ndarray]:
        """Weight of the item itself, and all other blocks side by side, each times the root of its weight."""
        roots = [unit * np.float32(np.sqrt(weights[block])) for block, unit in self._units.items()]
        return np.float32(weights.get("item", 0.0)), np.hstack(roots)

    @staticmethod
    def _combined(f: np.ndarray, kernel: tuple[np.float32, np.ndarray]) -> np.ndarray:
        """Σ_j weight_j f X_j X_jᵀ with one product for all blocks but the item's own."""
        own, stacked = kernel
        return own * f + (f @ stacked) @ stacked.T

    def _block_weights(self) -> dict[str, float]:
        """v_j / b_j, in the order of the blocks."""
        return {block: self.weights_.blocks.get(block, 0.0) / self.scale_[block] for block in self.blocks}

    def _know(self, past: Baskets, at: np.datetime64, without: np.ndarray | None = None) -> None:
        """Count what everyone buys, and learn what social groups buy from all users but those in rows *without*."""
        recent = past.between(start=at - np.timedelta64(EVERYONE_DAYS, "D"))
        recent = recent if recent.n_baskets else past
        self._crowd = np.asarray(recent.incidence.mean(axis=0), dtype=np.float32).ravel()
        self._social = None
        teachers = past if without is None else past.of_users(np.setdiff1d(np.arange(past.n_users), without))
        if self.people is not None and np.isin(teachers.user_ids, self.people.index).sum() > 1:
            self._social = SocialProfile(self.people).fit(teachers.user_ids, _frequency(teachers, at))

    def _learn(self, earlier: Baskets, later: Baskets, at: np.datetime64) -> None:
        """Scale the blocks and learn the weights from who bought what in the period that begins at *at*."""
        bought = later.user_item()
        rows = np.flatnonzero((earlier.counts_by_user() > 0) & (np.diff(bought.indptr) > 0))
        rows = np.sort(np.random.default_rng(self.seed).permutation(rows)[: self.sample])
        if not len(rows):
            raise BundlebookError(
                f"nobody bought before {at} and again in the {PERIOD_DAYS} days after",
                where=self.name,
                remedy="use a longer log, or give weights and a longer history",
            )
        histories, y = earlier.of_users(rows), bought[rows].toarray() > 0
        own = _frequency(histories, at)
        scale = {block: float(self._match(own, block).std(axis=1).mean()) or 1.0 for block in self.blocks}
        self.scale_ = pd.Series(scale)
        if self.weights is not None:
            self.weights_ = self.weights
            return
        # A social profile that had learned from a user's own purchases would look better than it is.
        self._know(earlier, at, without=rows)
        f = self.sources(histories, at)
        _, v = _learn_product(*self._equations(f, y), self.l2)
        kernel = self._kernel(dict(zip(self.blocks, v / self.scale_.to_numpy(), strict=True)))
        groups = [self._combined(f[source], kernel) for source in ("social", "everyone")]
        w = []
        for n in LENGTHS:
            cut = histories if n == LENGTHS[-1] else histories.last(n)
            mine = [self._combined(_frequency(cut, at, days), kernel) for days in (np.inf, RECENT_DAYS)]
            gram, right = _normal_equations(np.array([*mine, *groups])[:, np.newaxis], y)
            w.append(_learn_product(gram / y.size, right / y.size, self.l2)[0])
        index = pd.Index(LENGTHS, name="baskets")
        self.weights_ = Weights(
            pd.DataFrame(w, index=index, columns=list(SOURCES)), pd.Series(v, index=self.blocks, name="weight")
        )

    def _equations(self, f: dict[str, np.ndarray], bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normal equations of the weights of all sources and blocks, a few users at a time."""
        s, b = len(SOURCES), len(self.blocks)
        gram, right = np.zeros((s, b, s, b)), np.zeros((s, b))
        for rows in np.array_split(np.arange(len(bought)), -(-bought.size // _PAIRS_AT_ONCE)):
            features = [[self._match(f[s][rows], b) / np.float32(self.scale_[b]) for b in self.blocks] for s in f]
            part = _normal_equations(np.array(features), bought[rows])
            gram += part[0]
            right += part[1]
        return gram / bought.size, right / bought.size


def _frequency(histories: Baskets, at: np.datetime64, half_life: float = np.inf) -> np.ndarray:
    """Share of a user's baskets that hold each item, each basket weighing 2^(−age / half-life); float32."""
    weight = histories.decay(at, half_life)
    total = np.bincount(histories.user, weights=weight, minlength=histories.n_users)
    sums = histories.user_item(weight).toarray()
    return sums / np.maximum(total, np.finfo(np.float32).tiny)[:, np.newaxis].astype(np.float32)


def _unit(block: np.ndarray) -> np.ndarray:
    return block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), np.finfo(np.float32).tiny)
