"""The recurrent recommender over baskets: from the visits of a user to P(item in the next basket).

>>> from bundlebook.recommenders.next_basket import NextBasketRecommender
>>> from bundlebook.recommenders.recurrent import fit_cached
>>> model = fit_cached(NextBasketRecommender(seed=2021), task.visible, task.at)     # doctest: +SKIP
>>> model.probability(task.histories, task.at)   # (n_users, n_items), float32      # doctest: +SKIP

Its P is about another event than that of :class:`~.recurrent.RecurrentRecommender`: not "within the next four weeks",
but "when this customer comes next".
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.basket_steps import BasketSteps
from bundlebook.recommenders.recurrent import RecurrentRecommender
from bundlebook.shop import Baskets

#: Users scored at once.
SCORING_BATCH = 32


@dataclass(frozen=True)
class Settings:
    """Everything a fit depends on besides the data.

    Attributes
    ----------
    width : int
        d, size of the state and of the item vectors.
    repeat : int
        Width of the repeat-aware head; 0 leaves it out.
    steps : int
        Latest baskets of a user that are read one by one and predicted, T; earlier ones are counted.
    epochs, batch : int
        Passes over all households, and households a step.
    rate : float
        Adam's first step size; it falls to 0 along a cosine.
    thinning : float
        Share of the households that look newer than they are in an epoch, in [0, 1].
    seed : int
    """

    width: int = 64
    repeat: int = 32
    steps: int = 24
    epochs: int = 4
    batch: int = 16
    rate: float = 5e-3
    thinning: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("repeat", 0), ("steps", 1), ("epochs", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise BundlebookError(f"{name} is {getattr(self, name)}", remedy=f"use at least {least}")
        if not 0 <= self.thinning <= 1:
            raise BundlebookError(f"thinning is {self.thinning}", remedy="use a share between 0 and 1")


class NextBasketRecommender(RecurrentRecommender):
    """A GRU over baskets that says what the next one holds.

    logit P_{u,i} = b_i + g · trend_i + o_i · [h_u; w] + r(what u bought of i before, i, h_u, w)

    with h_u ∈ R^d the state after the user's last basket, w the logarithm of the days that have passed since, trend_i
    how much better than usual the item sells lately, and r the repeat-aware head over sixteen counts of the pair. It is
    trained on the cross entropy of every item in every next basket.

    Parameters
    ----------
    **settings
        Fields of :class:`Settings` to set.
    """

    defaults: ClassVar[Settings] = Settings()

    @property
    def name(self) -> str:
        return "GRU over baskets" + (" + repeat-aware head" if self.settings.repeat else "")

    def examples(self, visible: Baskets, at: np.datetime64) -> BasketSteps:
        """Every basket before *at* that follows another of the same user, as far back as `steps`."""
        return BasketSteps.before(visible, at, self.settings.steps)

    def drawn(self, examples: BasketSteps, rng: np.random.Generator) -> BasketSteps:
        """Draw the days asked about, and late starts."""
        return examples.drawn(self.settings.thinning, rng)

    def untrained(self, examples: BasketSteps) -> Any:
        """Return the network as training starts it: composed, its bias at the items' log-odds, compiled."""
        networks = self._networks()
        network = networks.build(examples.n_items, self.settings.width, self.settings.repeat)
        networks.start_at(network, examples.item_log_odds(), examples.trend())
        return self._compiled(network, examples)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Logit of P for all items; shape (n_users, n_items), float32."""
        self._check(histories)
        steps = BasketSteps.up_to(histories, at, self.settings.steps)
        scores = np.empty((histories.n_users, histories.n_items), dtype=np.float32)
        order = np.argsort(steps.sizes, kind="stable")
        for start in range(0, len(order), SCORING_BATCH):
            users = order[start : start + SCORING_BATCH]
            scores[users] = self._last_step.predict_on_batch(steps.inputs(users, answers=1))[:, 0]
        return scores

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """P(the next basket holds the item | the user comes again), asked on *at*; (n_users, n_items), float32."""
        return super().probability(histories, at)

    @staticmethod
    def _networks() -> Any:
        from bundlebook.recommenders import _next_basket_layers

        return _next_basket_layers
