"""Everything that recommends, in one list: its family, its settings for a level, and what it would need on a shop.

Settings were chosen on the validation window of the Complete Journey, at product-type level and at product level
apart; the test window had no say. A reader's shop gets those of the level it is counted at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import needs
from bundlebook.evaluation.needs import Size
from bundlebook.profiles import ProfileMatch, people
from bundlebook.recommenders import (
    BPR,
    EASE,
    UPCF,
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
    TransitionCounts,
    UserKNN,
    Weighted,
)
from bundlebook.shop import Shop, Split

#: Order in which families stand in tables.
FAMILIES = ("counting", "neighbours", "content", "linear", "factors", "network", "hybrid")


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
    memory: Callable[[Size], float] = needs.sparse
    flops: Callable[[Size], float] = lambda size: 0.0

    def recommender(self, ground: Ground, seed: int) -> Recommender:
        """Make it; one that estimates no probability is calibrated on the last visible period."""
        made = self.make(ground, seed)
        return made if isinstance(made, ProbabilisticRecommender) else Calibrated(made)


def _network(name: str, model: Callable[[int], Any]) -> Contender:
    return Contender(
        name,
        "network",
        lambda ground, seed: FromCache(model(seed), name),
        True,
        memory=needs.panel,
        flops=needs.training,
    )


CONTENDERS: tuple[Contender, ...] = (
    Contender("popularity", "counting", lambda ground, seed: Popularity()),
    Contender("personal frequency", "counting", lambda ground, seed: PersonalFrequency()),
    Contender("decayed frequency + popularity", "counting", lambda ground, seed: DecayedFrequency()),
    Contender(
        "user neighbours",
        "neighbours",
        lambda ground, seed: UserKNN(),
        memory=needs.similar_users,
        flops=needs.user_pairs,
    ),
    Contender(
        "item neighbours",
        "neighbours",
        lambda ground, seed: ItemKNN(),
        memory=needs.similar_items,
        flops=needs.item_pairs,
    ),
    Contender(
        "TIFU-KNN",
        "neighbours",
        lambda ground, seed: Calibrated(TifuKNN(), per="basket"),
        memory=needs.all_neighbours,
    ),
    Contender(
        "TIFU-KNN, size-scaled",
        "neighbours",
        lambda ground, seed: Calibrated(TifuKNN(size_power=0.25), per="basket"),
        memory=needs.all_neighbours,
    ),
    Contender(
        "UP-CF",
        "neighbours",
        lambda ground, seed: Calibrated(UPCF(), per="basket"),
        memory=needs.similar_users,
        flops=needs.user_pairs,
    ),
    Contender(
        "transition counts",
        "neighbours",
        lambda ground, seed: TransitionCounts(),
        memory=needs.items_squared,
        flops=needs.item_pairs,
    ),
    Contender("content-based", "content", lambda ground, seed: ContentBased(ground.vectors), memory=needs.dense),
    Contender(
        "portrait match",
        "content",
        lambda ground, seed: ProfileMatch(ground.vectors, people(ground.shop.users)),
        memory=needs.dense,
    ),
    Contender(
        "EASE, bought or not",
        "linear",
        lambda ground, seed: EASE(),
        memory=needs.items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Contender(
        "EASE",
        "linear",
        lambda ground, seed: EASE(l2=50 if ground.fine else 10, log_counts=True),
        memory=needs.items_squared,
        flops=lambda size: 4.0 * size.items**3,
    ),
    Contender(
        "matrix factorisation (ALS)",
        "factors",
        lambda ground, seed: ImplicitALS(seed=seed),
        True,
        memory=lambda size: 3 * 8 * 64.0 * (size.users + size.items) + needs.sparse(size),
        flops=lambda size: 10 * 2 * 64.0**2 * (2 * size.pairs + 64 * (size.users + size.items)),
    ),
    Contender(
        "matrix factorisation (BPR)",
        "factors",
        lambda ground, seed: BPR(seed=seed),
        True,
        memory=lambda size: 3 * 8 * 32.0 * (size.users + size.items) + needs.sparse(size),
        flops=lambda size: 2 * 30 * 20 * 32.0 * size.pairs,
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
        memory=lambda size: max(needs.similar_users(size), needs.similar_items(size)),
        flops=lambda size: needs.user_pairs(size) + needs.item_pairs(size),
    ),
    Contender(
        "switching hybrid",
        "hybrid",
        lambda ground, seed: Switching(DecayedFrequency(), UserKNN(), 10),
        memory=needs.similar_users,
        flops=needs.user_pairs,
    ),
    Contender(
        "stacked hybrid",
        "hybrid",
        lambda ground, seed: Stacked([DecayedFrequency(), UserKNN(), ItemKNN()]),
        memory=lambda size: 24.0 * size.users * size.items + needs.similar_users(size),
        flops=lambda size: 2 * (needs.user_pairs(size) + needs.item_pairs(size)),
    ),
)
