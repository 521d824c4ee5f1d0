"""Every method that recommends, in one registry: its family, its settings for a level, and what it would need.

A new method is one entry of :data:`METHODS`. :func:`plan` leaves out what would not fit into memory or take too long
on a shop of some size; its estimates are rough on purpose: they tell one gigabyte from a hundred, and seconds from
hours.

Settings were chosen on the validation window of the Complete Journey, at product-type level and at product level
apart; the test window had no say. A reader's shop gets those of the level it is counted at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bundlebook.profiles import ProfileMatch, item_vectors, people
from bundlebook.recommenders import (
    BPR,
    EASE,
    UPCF,
    BoostedTrees,
    Calibrated,
    ContentBased,
    DecayedFrequency,
    DeepMF,
    EmbeddingNetwork,
    FromCache,
    HistoryCNN,
    ImplicitALS,
    InterestMLP,
    ItemKNN,
    LiteralRNN,
    PersonalFrequency,
    Popularity,
    ProbabilisticRecommender,
    Recommender,
    RecurrentRecommender,
    Stacked,
    Switching,
    TifuKNN,
    TransformerCompleter,
    TransitionCounts,
    UserKNN,
    Weighted,
)
from bundlebook.shop import Shop, Split, item_groups

#: Operations per second that times are estimated by.
_PER_SECOND = 20e9
#: Order in which families stand in tables.
_FAMILIES = ("counting", "neighbours", "content", "linear", "factors", "trees", "network", "hybrid")


@dataclass(frozen=True)
class MethodInputs:
    """The shop and the split that methods are made from, besides their settings.

    Attributes
    ----------
    shop : Shop
    split : Split
    """

    shop: Shop
    split: Split

    @cached_property
    def vectors(self) -> pd.DataFrame:
        """Attributes of every item, for content-based methods."""
        return item_vectors(self.shop, self.split)

    @cached_property
    def groups(self) -> pd.Series | None:
        """The next coarser label of every product; None at coarser levels, where it was not tried."""
        level = self.split.baskets.level
        return item_groups(self.shop, level) if level == "item_id" else None


@dataclass(frozen=True)
class Size:
    """Size of a shop, as far as memory and time depend on it.

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
        """Measure the baskets of a split."""
        b = split.baskets
        return cls(b.n_users, b.n_items, b.user_item().nnz, b.n_baskets)


def _sparse(size: Size) -> float:
    """The log in a few copies, and one block of scores."""
    return 100.0 * size.pairs + 5e8


def _dense(size: Size) -> float:
    return 8.0 * size.users * size.items + _sparse(size)


def _items_squared(size: Size) -> float:
    return 32.0 * size.items**2 + _sparse(size)


def _similar_users(size: Size) -> float:
    """Similarities of a block of users with all others, in three arrays."""
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


def _training(microseconds: float) -> Callable[[Size], float]:
    """Operations of a training of so many microseconds for each user and item, as measured on a year's log.

    A shorter log is hardly faster: most of a step of a small batch is spent outside its sums.
    """
    return lambda size: _PER_SECOND * 1e-6 * microseconds * size.users * size.items


def _boosting(size: Size) -> float:
    """Boosted trees: their rows are bounded, the neighbours of every cut are not."""
    return 9e11 + 250.0 * (_user_pairs(size) + _item_pairs(size))


@dataclass(frozen=True)
class Method:
    """One entry of the leaderboard.

    Attributes
    ----------
    name : str
    family : str
        One of counting, neighbours, content, linear, factors, trees, network and hybrid. A stack that holds trees costs
        like trees and counts as one of them.
    make : callable
        Takes a :class:`MethodInputs` and a seed, returns the recommender, not fitted.
    learned : bool
        Whether the seed matters; the leaderboard then averages several.
    memory : callable
        Takes a :class:`Size`, returns the bytes that fitting and scoring would take at their peak, roughly.
    flops : callable
        Takes a :class:`Size`, returns the operations of the fit, roughly; 0 where it is a matter of seconds.
    """

    name: str
    family: str
    make: Callable[[MethodInputs, int], Recommender]
    learned: bool = False
    memory: Callable[[Size], float] = _sparse
    flops: Callable[[Size], float] = lambda size: 0.0

    def seconds(self, size: Size) -> float:
        """Seconds that a fit takes, roughly, at 20 · 10⁹ operations per second."""
        return self.flops(size) / _PER_SECOND

    def recommender(self, inputs: MethodInputs, seed: int) -> Recommender:
        """Make it under this name; one that estimates no probability is calibrated on the last visible period."""
        made = self.make(inputs, seed)
        made = made if isinstance(made, ProbabilisticRecommender) else Calibrated(made)
        made.name = self.name
        return made


def _network(name: str, model: Callable[[int], Any], microseconds: float) -> Method:
    def make(inputs: MethodInputs, seed: int) -> Recommender:
        return FromCache(model(seed), name)

    return Method(name, "network", make, True, memory=_panel, flops=_training(microseconds))


METHODS: tuple[Method, ...] = (
    Method("popularity", "counting", lambda inputs, seed: Popularity()),
    Method("personal frequency", "counting", lambda inputs, seed: PersonalFrequency()),
    Method("decayed frequency + popularity", "counting", lambda inputs, seed: DecayedFrequency()),
    Method("user neighbours", "neighbours", lambda inputs, seed: UserKNN(), memory=_similar_users, flops=_user_pairs),
    Method("item neighbours", "neighbours", lambda inputs, seed: ItemKNN(), memory=_similar_items, flops=_item_pairs),
    Method(
        "TIFU-KNN",
        "neighbours",
        lambda inputs, seed: Calibrated(TifuKNN(), per="basket"),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Method(
        "TIFU-KNN, size-scaled",
        "neighbours",
        lambda inputs, seed: Calibrated(TifuKNN(size_power=0.25), per="basket"),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Method(
        "UP-CF",
        "neighbours",
        lambda inputs, seed: Calibrated(UPCF(), per="basket"),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Method(
        "transition counts",
        "neighbours",
        lambda inputs, seed: TransitionCounts(),
        memory=_items_squared,
        flops=_item_pairs,
    ),
    Method("content-based", "content", lambda inputs, seed: ContentBased(inputs.vectors), memory=_dense),
    Method(
        "portrait match",
        "content",
        lambda inputs, seed: ProfileMatch(inputs.vectors, people(inputs.shop.users)),
        memory=_dense,
    ),
    Method(
        "EASE (bought or not)",
        "linear",
        lambda inputs, seed: EASE(),
        memory=_items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Method(
        "EASE (counts)",
        "linear",
        lambda inputs, seed: EASE(l2=50 if inputs.split.baskets.level == "item_id" else 10, log_counts=True),
        memory=_items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Method(
        "matrix factorisation (ALS)",
        "factors",
        lambda inputs, seed: ImplicitALS(seed=seed),
        True,
        memory=lambda size: 3 * 8 * 64.0 * (size.users + size.items) + _sparse(size),
        flops=lambda size: 10 * 2 * 64.0**2 * (2 * size.pairs + 64 * (size.users + size.items)),
    ),
    Method(
        "matrix factorisation (BPR)",
        "factors",
        lambda inputs, seed: BPR(seed=seed),
        True,
        memory=lambda size: 3 * 8 * 32.0 * (size.users + size.items) + _sparse(size),
        flops=lambda size: 2 * 30 * 64 * 230.0 * size.pairs,
    ),
    Method(
        "boosted trees",
        "trees",
        lambda inputs, seed: BoostedTrees(groups=inputs.groups, seed=seed),
        True,
        memory=lambda size: 6e8 + _similar_users(size),
        flops=_boosting,
    ),
    Method(
        "stacked counting, neighbours + trees",
        "trees",
        lambda inputs, seed: Stacked(
            [DecayedFrequency(), UserKNN(), ItemKNN(), BoostedTrees(groups=inputs.groups, seed=seed)], seed=seed
        ),
        True,
        memory=lambda size: 6e8 + 24.0 * size.users * size.items + _similar_users(size),
        flops=lambda size: 2 * (_boosting(size) + _user_pairs(size) + _item_pairs(size)),
    ),
    _network("deep matrix factorisation", lambda seed: DeepMF(seed=seed), 3.9),
    _network("embedding network", lambda seed: EmbeddingNetwork(seed=seed), 3.5),
    _network("interest MLP", lambda seed: InterestMLP(seed=seed), 2.1),
    _network("convolution over periods", lambda seed: HistoryCNN(seed=seed), 2.5),
    _network("recurrent network, literal", lambda seed: LiteralRNN(seed=seed), 7.1),
    _network("GRU + repeat-aware head", lambda seed: RecurrentRecommender(seed=seed), 12.0),
    # It speaks of the next basket, and is calibrated for the period: hence two trainings.
    Method(
        "Transformer",
        "network",
        lambda inputs, seed: Calibrated(FromCache(TransformerCompleter(seed=seed)), per="basket"),
        True,
        memory=lambda size: 3 * 4.0 * 64 * 24 * size.items + 32.0 * size.items**2 + _panel(size),
        flops=_training(40.0),
    ),
    Method(
        "weighted user + item neighbours",
        "hybrid",
        lambda inputs, seed: Weighted([UserKNN(), ItemKNN()], [1, 0.5]),
        memory=lambda size: max(_similar_users(size), _similar_items(size)),
        flops=lambda size: _user_pairs(size) + _item_pairs(size),
    ),
    Method(
        "switching to user neighbours",
        "hybrid",
        lambda inputs, seed: Switching(DecayedFrequency(), UserKNN(), 10),
        memory=_similar_users,
        flops=_user_pairs,
    ),
    Method(
        "stacked counting + neighbours",
        "hybrid",
        lambda inputs, seed: Stacked([DecayedFrequency(), UserKNN(), ItemKNN()]),
        memory=lambda size: 24.0 * size.users * size.items + _similar_users(size),
        flops=lambda size: 2 * (_user_pairs(size) + _item_pairs(size)),
    ),
)


def plan(
    size: Size, memory_gb: float, minutes: float, methods: Sequence[Method] = METHODS, networks: bool = True
) -> tuple[tuple[Method, ...], dict[str, str]]:
    """Choose the methods that fit into memory and time before anything is computed; give the reason for the others.

    Parameters
    ----------
    size : Size
    memory_gb : float
        Gigabytes (10⁹ bytes) a method may take.
    minutes : float
        Minutes its fit may take, see :meth:`Method.seconds`.
    methods : sequence of Method
    networks : bool
        Whether networks take part.

    Returns
    -------
    chosen : tuple of Method
    left_out : dict of str to str
        Name to reason.

    Examples
    --------
    >>> big = Size(users=1_000_000, items=100_000, pairs=20_000_000, baskets=10_000_000)
    >>> chosen, left_out = plan(big, memory_gb=16, minutes=10)
    >>> [method.name for method in chosen][:2]
    ['popularity', 'personal frequency']
    >>> left_out["EASE (counts)"]
    'needs about 322 GB of memory, 16 GB allowed'
    """
    chosen, left_out = [], {}
    for method in methods:
        gigabytes, takes = method.memory(size) / 1e9, method.seconds(size) / 60
        if method.family == "network" and not networks:
            left_out[method.name] = "networks were switched off"
        elif gigabytes > memory_gb:
            left_out[method.name] = f"needs about {gigabytes:,.0f} GB of memory, {memory_gb:.2g} GB allowed"
        elif takes > minutes:
            left_out[method.name] = f"needs about {takes:,.0f} minutes to fit, {minutes:.2g} allowed"
        else:
            chosen.append(method)
    return tuple(chosen), left_out
