"""Recurrent networks (循环神经网络): from the steps of a history to P(bought), for every item at once.

===========================  ==================================================================================
``LiteralRNN()``             the articles' formulas as printed, h_t = σ(W_h[h_{t−1}; x_t] + b_h) and
                             P_i = σ(W_p·[h_t; x_i]); additive, so everybody gets the same order of items
``RecurrentRecommender()``   a GRU, the product of state and item, and a head that knows what the user repeats
``NextBasketRecommender()``  the same over visits instead of periods: what the next basket holds
===========================  ==================================================================================

>>> from bundlebook.recommenders import RecurrentRecommender, fit_cached
>>> model = fit_cached(RecurrentRecommender(seed=2021), task.visible, task.at)      # doctest: +SKIP
>>> model.probability(task.histories, task.at)   # (n_users, n_items), float32      # doctest: +SKIP

No model holds a user: a new customer is a history like any other, and is answered without training.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bundlebook.recommenders._checks import one_of, require
from bundlebook.recommenders.networks._baskets import N_FEATURES, TREND_WEEKS, BasketSteps
from bundlebook.recommenders.networks.backend import import_keras
from bundlebook.recommenders.networks.base import NetworkRecommender, NetworkSettings, _Reader
from bundlebook.recommenders.networks.periods import period_panel
from bundlebook.recommenders.networks.training import WAYS, Examples
from bundlebook.shop import Baskets

#: Cells of the recurrent layer, and how a table calls them.
CELLS = {"literal": "literal RNN", "elman": "Elman", "gru": "GRU", "lstm": "LSTM"}


@dataclass(frozen=True)
class RecurrentSettings(NetworkSettings):
    """Settings of :class:`NetworkSettings`, and three more.

    Attributes
    ----------
    cell : {"literal", "elman", "gru", "lstm"}
        ``"literal"`` takes the articles' two formulas as printed.
    repeat : int
        Width of the repeat-aware head; 0 leaves it out.
    ways : {"mixed", "late", "lost"}
        How histories are thinned: see :meth:`Examples.thinned`.
    """

    epochs: int = 6
    thinning: float = 0.2
    cell: str = "gru"
    repeat: int = 32
    ways: str = "mixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        require("not be negative", repeat=self.repeat)
        one_of(CELLS, cell=self.cell)
        one_of(WAYS, ways=self.ways)


class RecurrentRecommender(NetworkRecommender):
    """A recurrent network over periods that says what each user buys in the next one.

    logit P_{u,i} = b_i + o_i · h_u + r(what u bought of i before, i, h_u)

    with b_i started at the item's log-odds, h_u ∈ R^d the last state of a recurrent cell over the periods, o_i ∈ R^d
    a vector of the item, and r a small network over personal frequencies at several rates of forgetting (the
    repeat-aware head), trained together on the cross entropy of *every* item, bought or not.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`RecurrentSettings` to set.
    """

    defaults: ClassVar[RecurrentSettings] = RecurrentSettings()
    settings: RecurrentSettings

    def _own_name(self) -> str:
        return CELLS[self.settings.cell] + (" + repeat-aware head" if self._repeats else "")

    @property
    def _repeats(self) -> bool:
        return self.settings.repeat > 0 and self.settings.cell != "literal"

    def examples(self, visible: Baskets, at: np.datetime64) -> Examples:
        """Make the examples of every period that is complete before *at*."""
        return Examples.before(visible, at)

    def drawn(self, examples: Examples, rng: np.random.Generator) -> Examples:
        """Draw thinned histories of the examples."""
        return examples.thinned(self.settings.thinning, rng, self.settings.ways)

    def compose(self, examples: Examples, keras: Any, layers: Any) -> Any:
        """Return a batch of a :class:`PeriodPanel` → state h (B, T, d) → logits (B, T, I)."""
        n_items, settings = examples.n_items, self.settings
        # Under a policy of mixed precision the products of the state and of the head take fewer bits; counting, adding
        # and the logits themselves keep all of them.
        exact = {"dtype": "float32"}
        pairs = {name: keras.Input((None, None), name=name) for name in ("baskets", "units", "recency")}
        periods = {name: keras.Input((None,), name=name) for name in ("trips", "seen")}
        x = {"item": keras.Input((None,), dtype="int32", name="item"), **pairs, **periods}
        goods = layers.BasketEmbedding(n_items, settings.width, name="x", **exact)(
            *(x[name] for name in ("item", "units", "recency", "trips", "seen"))
        )
        options = {"return_sequences": True, "name": "h"}
        if settings.cell == "literal":
            cell = keras.layers.SimpleRNN(settings.width, activation="sigmoid", **options)
        elif settings.cell == "elman":
            cell = keras.layers.SimpleRNN(settings.width, **options)
        else:
            # cuDNN wants the padding behind the sequence; here the unknown periods come before it.
            kind = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[settings.cell]
            cell = kind(settings.width, use_cudnn=False, **options)
        state = cell(goods, mask=x["seen"] > 0)
        if settings.cell == "literal":
            logits = layers.AdditiveLogits(n_items, settings.width, name="product", **exact)(state)
        else:
            logits = layers.ItemLogits(n_items, examples.n_steps, 0.05, name="product")(state)
        if self._repeats:
            features = layers.RepeatFeatures(name="features", **exact)(*pairs.values(), *periods.values())
            correction = layers.RepeatLogits(n_items, settings.repeat, name="repeat")(features, x["item"], state)
            logits = layers.AddToItems(name="sum", **exact)(logits, correction, x["item"])
        return keras.Model(x, logits, name=settings.cell)

    def answering(self) -> Any:
        """Return a network of the same layers that computes the logits after the last period only, (B, 1, I)."""
        network = self.network
        state = network.get_layer("h").output[:, -1:]
        logits = network.get_layer("product")(state, last=True)
        if self._repeats:
            features, item = network.get_layer("features").output[:, :, -1:], network.input["item"]
            correction = network.get_layer("repeat")(features, item, state)
            logits = network.get_layer("sum")(logits, correction, item)
        return import_keras().Model(network.input, logits, name="last_step")

    def reader(self, histories: Baskets, at: np.datetime64) -> tuple[np.ndarray, _Reader]:
        """Return the users ordered by how many items they know, so that little is padded, and what makes batches."""
        panel = period_panel(histories, at, self.n_periods)
        return np.argsort(panel.pairs_by_user(), kind="stable"), panel.batch


class LiteralRNN(RecurrentRecommender):
    """The articles' network as printed: h_t = σ(W_h[h_{t−1}; x_t] + b_h), P_i = σ(W_p·[h_t; x_i]).

    One linear W_p over the pair [h_t; x_i] is a sum w_h·h_t + w_x·x_i. The first part is the same for all items and
    the second the same for all users, so every user gets the same order of items. It is trained on the full cross
    entropy (the articles' loss leaves out the items that were not bought, and is smallest at P ≡ 1).
    """

    defaults: ClassVar[RecurrentSettings] = RecurrentSettings(cell="literal", repeat=0)


@dataclass(frozen=True)
class NextBasketSettings(NetworkSettings):
    """Settings of :class:`NetworkSettings`, and two more.

    Attributes
    ----------
    repeat : int
        Width of the repeat-aware head; 0 leaves it out.
    steps : int
        Latest baskets of a user that are read one by one and predicted, T; earlier ones are only counted.
    """

    epochs: int = 4
    thinning: float = 0.2
    repeat: int = 32
    steps: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        require("not be negative", repeat=self.repeat)
        require("be a whole number from 1 on", steps=self.steps)


class NextBasketRecommender(NetworkRecommender):
    """A GRU over baskets that says what the next one holds.

    logit P_{u,i} = b_i + g · trend_i + o_i · [h_u; w] + r(what u bought of i before, i, h_u, w)

    with h_u ∈ R^d the state after the user's last basket, w the logarithm of the days that have passed since, trend_i
    how much better than usual the item sells lately, and r the repeat-aware head over sixteen counts of the pair. It is
    trained on the cross entropy of every item in every next basket.

    Its P is about another event than that of :class:`RecurrentRecommender`: not a purchase within the next four weeks,
    but P(the next basket holds the item | the user comes), asked on the day of the prediction.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`NextBasketSettings` to set.
    """

    defaults: ClassVar[NextBasketSettings] = NextBasketSettings()
    scoring_batch: ClassVar[int] = 32
    settings: NextBasketSettings

    def _own_name(self) -> str:
        return "GRU over baskets" + (" + repeat-aware head" if self.settings.repeat else "")

    def examples(self, visible: Baskets, at: np.datetime64) -> BasketSteps:
        """Every basket before *at* that follows another of the same user, as far back as `steps`."""
        return BasketSteps.before(visible, at, self.settings.steps)

    def drawn(self, examples: BasketSteps, rng: np.random.Generator) -> BasketSteps:
        """Draw the days asked about, and late starts."""
        return examples.drawn(self.settings.thinning, rng)

    def compose(self, examples: BasketSteps, keras: Any, layers: Any) -> Any:
        """Return units (B, T, I) and facts (B, T, 4) → state h (B, T, d) → logits (B, T, I)."""
        n_items, settings = examples.n_items, self.settings
        x = {
            "units": keras.Input((None, n_items), name="units"),
            "facts": keras.Input((None, 4), name="facts"),
            "seen": keras.Input((None,), name="seen"),
            "wait": keras.Input((None,), name="wait"),
            "weeks_ago": keras.Input((None,), dtype="int32", name="weeks_ago"),
            "item": keras.Input((None,), dtype="int32", name="item"),
            "features": keras.Input((None, None, N_FEATURES), name="features"),
        }
        visits = layers.VisitEmbedding(settings.width, name="x")(x["units"], x["facts"])
        # cuDNN wants the padding behind the sequence; here it comes before it.
        cell = keras.layers.GRU(settings.width, return_sequences=True, use_cudnn=False, name="h")
        waited = layers.Waited(name="waited")(cell(visits, mask=x["seen"] > 0), x["wait"])
        logits = layers.ItemLogits(n_items, TREND_WEEKS, 0.02, name="product")(waited, x["weeks_ago"])
        if settings.repeat:
            correction = layers.RepeatLogits(n_items, settings.repeat, name="repeat")(x["features"], x["item"], waited)
            logits = layers.AddToItems(name="sum")(logits, correction, x["item"])
        return keras.Model(x, logits, name="next_basket")

    def answering(self) -> Any:
        """Return a network of the same layers that computes the logits after the last basket only, (B, 1, I)."""
        network = self.network
        x = network.input
        waited = network.get_layer("waited")(network.get_layer("h").output[:, -1:], x["wait"][:, -1:])
        logits = network.get_layer("product")(waited, x["weeks_ago"][:, -1:])
        if self.settings.repeat:
            correction = network.get_layer("repeat")(x["features"], x["item"], waited)
            logits = network.get_layer("sum")(logits, correction, x["item"])
        return import_keras().Model(x, logits, name="last_step")

    def reader(self, histories: Baskets, at: np.datetime64) -> tuple[np.ndarray, _Reader]:
        """Return the users ordered by how many items they know, so that little is padded, and what makes batches."""
        steps = BasketSteps.up_to(histories, at, self.settings.steps)
        return np.argsort(steps.sizes, kind="stable"), lambda users: steps.inputs(users, answers=1)
