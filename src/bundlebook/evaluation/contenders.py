"""Everything that recommends, in one list: its family, its settings for a level, and what it would need on a shop.

Settings were chosen on the validation window of the Complete Journey, at product-type level and at product level
apart; the test window had no say. A reader's shop gets those of the level it is counted at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.als import ImplicitALS
from bundlebook.recommenders.base import ProbabilisticRecommender, Recommender
from bundlebook.recommenders.calibrated import Calibrated
from bundlebook.recommenders.cnn import HistoryCNN
from bundlebook.recommenders.content import ContentBased
from bundlebook.recommenders.deep_factorization import DeepMF
from bundlebook.recommenders.embedding import EmbeddingNetwork
from bundlebook.recommenders.from_cache import FromCache
from bundlebook.recommenders.hybrid import Stacked, Switching, Weighted
from bundlebook.recommenders.linear import EASE
from bundlebook.recommenders.mlp import InterestMLP
from bundlebook.recommenders.neighbours import ItemKNN, UserKNN
from bundlebook.recommenders.popularity import DecayedFrequency, PersonalFrequency, Popularity
from bundlebook.recommenders.recurrent import LiteralRNN, RecurrentRecommender
from bundlebook.recommenders.tifu import TifuKNN
from bundlebook.recommenders.transitions import TransitionCounts
from bundlebook.recommenders.upcf import UPCF
from bundlebook.shop import Shop, Split

#: Order in which families stand in tables.
FAMILIES = ("counting", "neighbours", "content", "linear", "factors", "network", "hybrid")


@dataclass(frozen=True)
class Size:
    """How large a shop is, as far as memory and time depend on it.

    Attributes
    ----------
    users, items : int
    pairs : int
        Different (user, item) pairs in the log.
    baskets : int
    """

    users: int
    items: int
    pairs: int
    baskets: int

    @classmethod
    def of(cls, split: Split) -> "Size":
        """Measure a split."""
        b = split.baskets
        return cls(b.n_users, b.n_items, b.user_item().nnz, b.n_baskets)


@dataclass(frozen=True)
class Ground:
    """What contenders are made from besides their settings.

    Attributes
    ----------
    shop : Shop
    split : Split
    """

    shop: Shop
    split: Split

    @property
    def fine(self) -> bool:
        """Whether items are single products rather than product types or categories."""
        return self.split.baskets.level == "item_id"

    @cached_property
    def vectors(self) -> pd.DataFrame:
        """Attributes of every item, for content-based methods."""
        from bundlebook.profiles import item_vectors

        try:
            return item_vectors(self.shop, self.split)
        except ValueError as error:
            raise BundlebookError("the catalogue tells no item from another", where="product_data") from error


@dataclass(frozen=True)
class Contender:
    """One entry of the leaderboard.

    Attributes
    ----------
    name : str
    family : str
        One of :data:`FAMILIES`.
    make : callable
        Takes a :class:`Ground` and a seed, returns the recommender, not fitted.
    learned : bool
        Whether the seed matters; the leaderboard then averages several.
    memory : callable
        Takes a :class:`Size`, returns the bytes that fitting and scoring would take at their peak, roughly.
    flops : callable
        Takes a :class:`Size`, returns the operations of the fit, roughly; 0 where it is a matter of seconds.
    """

    name: str
    family: str
    make: Callable[[Ground, int], Recommender]
    learned: bool = False
    memory: Callable[[Size], float] = lambda size: _sparse(size)
    flops: Callable[[Size], float] = lambda size: 0.0

    def recommender(self, ground: Ground, seed: int) -> Recommender:
        """Make it; one that estimates no probability is calibrated on the last visible period."""
        made = self.make(ground, seed)
        return made if isinstance(made, ProbabilisticRecommender) else Calibrated(made)


def _sparse(size: Size) -> float:
    """The log in a few copies, and one block of scores."""
    return 100.0 * size.pairs + 5e8


def _dense(size: Size) -> float:
    return 8.0 * size.users * size.items + _sparse(size)


def _items_squared(size: Size) -> float:
    return 32.0 * size.items**2 + _sparse(size)


def _all_neighbours(size: Size) -> float:
    return 2 * _dense(size) + 8.0 * min(size.users, 20_000) * size.users


def _similar_users(size: Size) -> float:
    """Similarities of a block of 512 users with all others, in three arrays."""
    return 24.0 * 512 * size.users + _sparse(size)


def _similar_items(size: Size) -> float:
    return 24.0 * 512 * size.items + _sparse(size)


def _user_pairs(size: Size) -> float:
    """Sparse products of all users with all others: a pair meets the users who bought the same item."""
    return 40.0 * size.pairs**2 / size.items


def _item_pairs(size: Size) -> float:
    return 40.0 * size.pairs**2 / size.users


def _panel(size: Size) -> float:
    return 13 * 4 * 3.0 * size.pairs + 13 * 4.0 * 16 * size.items * 40 + 1e9


def _training(size: Size) -> float:
    """Six passes over 13 periods of every user, forward and back, all items through a layer of 64."""
    return 6 * 13 * 64 * 6.0 * size.users * size.items


def _network(name: str, model: Callable[[int], Any]) -> Contender:
    return Contender(
        name, "network", lambda ground, seed: FromCache(model(seed), name), True, memory=_panel, flops=_training
    )


CONTENDERS: tuple[Contender, ...] = (
    Contender("popularity", "counting", lambda ground, seed: Popularity()),
    Contender("personal frequency", "counting", lambda ground, seed: PersonalFrequency()),
    Contender("decayed frequency + popularity", "counting", lambda ground, seed: DecayedFrequency()),
    Contender(
        "user neighbours", "neighbours", lambda ground, seed: UserKNN(), memory=_similar_users, flops=_user_pairs
    ),
    Contender(
        "item neighbours", "neighbours", lambda ground, seed: ItemKNN(), memory=_similar_items, flops=_item_pairs
    ),
    Contender(
        "TIFU-KNN",
        "neighbours",
        lambda ground, seed: Calibrated(TifuKNN(), per="basket"),
        memory=_all_neighbours,
    ),
    Contender(
        "TIFU-KNN, size-scaled",
        "neighbours",
        lambda ground, seed: Calibrated(TifuKNN(size_power=0.25), per="basket"),
        memory=_all_neighbours,
    ),
    Contender(
        "UP-CF",
        "neighbours",
        lambda ground, seed: Calibrated(UPCF(), per="basket"),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Contender(
        "transition counts",
        "neighbours",
        lambda ground, seed: TransitionCounts(),
        memory=_items_squared,
        flops=_item_pairs,
    ),
    Contender("content-based", "content", lambda ground, seed: ContentBased(ground.vectors), memory=_dense),
    Contender(
        "EASE, bought or not",
        "linear",
        lambda ground, seed: EASE(),
        memory=_items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Contender(
        "EASE",
        "linear",
        lambda ground, seed: EASE(l2=50 if ground.fine else 10, log_counts=True),
        memory=_items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Contender(
        "matrix factorisation (ALS)",
        "factors",
        lambda ground, seed: ImplicitALS(seed=seed),
        True,
        memory=lambda size: 3 * 8 * 64.0 * (size.users + size.items) + _sparse(size),
        flops=lambda size: 10 * 2 * 64.0**2 * (2 * size.pairs + 64 * (size.users + size.items)),
    ),
    _network("deep matrix factorisation", lambda seed: DeepMF(seed=seed)),
    _network("embedding network", lambda seed: EmbeddingNetwork(seed=seed)),
    _network("interest MLP", lambda seed: InterestMLP(seed=seed)),
    _network("convolution over periods", lambda seed: HistoryCNN(seed=seed)),
    _network("recurrent network, literal", lambda seed: LiteralRNN(seed=seed)),
    _network("GRU + repeat-aware head", lambda seed: RecurrentRecommender(seed=seed)),
    Contender(
        "weighted hybrid",
        "hybrid",
        lambda ground, seed: Weighted([UserKNN(), ItemKNN()], [1, 0.5]),
        memory=lambda size: max(_similar_users(size), _similar_items(size)),
        flops=lambda size: _user_pairs(size) + _item_pairs(size),
    ),
    Contender(
        "switching hybrid",
        "hybrid",
        lambda ground, seed: Switching(DecayedFrequency(), UserKNN(), 10),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Contender(
        "stacked hybrid",
        "hybrid",
        lambda ground, seed: Stacked([DecayedFrequency(), UserKNN(), ItemKNN()]),
        memory=lambda size: 24.0 * size.users * size.items + _similar_users(size),
        flops=lambda size: 2 * (_user_pairs(size) + _item_pairs(size)),
    ),
)


@dataclass(frozen=True)
class Plan:
    """Who takes part on a shop, and why the others do not.

    Attributes
    ----------
    chosen : tuple of Contender
    left_out : dict of str to str
        Name to reason.
    """

    chosen: tuple[Contender, ...]
    left_out: dict[str, str]


def plan(
    size: Size, memory_gb: float, minutes: float, contenders: Sequence[Contender] = CONTENDERS, networks: bool = True
) -> Plan:
    """Leave out what would not fit into memory or take too long, before anything is computed.

    Parameters
    ----------
    size : Size
    memory_gb : float
        Gigabytes (10⁹ bytes) a contender may take.
    minutes : float
        Minutes its fit may take, at 20 · 10⁹ operations a second.
    contenders : sequence of Contender
    networks : bool
        Whether networks take part.

    Examples
    --------
    >>> big = Size(users=1_000_000, items=100_000, pairs=20_000_000, baskets=10_000_000)
    >>> [contender.name for contender in plan(big, memory_gb=16, minutes=10).chosen][:2]
    ['popularity', 'personal frequency']
    >>> plan(big, memory_gb=16, minutes=10).left_out["EASE"]
    'needs about 322 GB of memory, 16 GB allowed'
    """
    chosen, left_out = [], {}
    for contender in contenders:
        gigabytes, takes = contender.memory(size) / 1e9, contender.flops(size) / 20e9 / 60
        if contender.family == "network" and not networks:
            left_out[contender.name] = "networks were switched off"
        elif gigabytes > memory_gb:
            left_out[contender.name] = f"needs about {gigabytes:,.0f} GB of memory, {memory_gb:.2g} GB allowed"
        elif takes > minutes:
            left_out[contender.name] = f"needs about {takes:,.0f} minutes to fit, {minutes:.2g} allowed"
        else:
            chosen.append(contender)
    return Plan(tuple(chosen), left_out)


def min_users(n_users: int, level: str) -> int:
    """How many users must have bought an item for it to be in the vocabulary: fewer on a shop of few users.

    30 for products and 20 for coarser levels on a shop of 2,400 users or more, in proportion below, at least 3.

    >>> min_users(2469, "item_id"), min_users(2469, "product_type"), min_users(200, "item_id")
    (30, 20, 3)
    """
    least = 30 if level == "item_id" else 20
    return int(np.clip(round(least * n_users / 2400), 3, least))
