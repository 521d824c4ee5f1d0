"""Recurrent recommenders: from a history of periods to P(bought in the next period), for every item at once.

==============================  ===============================================================================
``LiteralRNN()``                the articles' formulas as they stand, h_t = σ(W_h[h_{t−1}; x_t] + b_h) and
                                P_i = σ(W_p·[h_t; x_i]); additive, so everybody gets the same order of items
``RecurrentRecommender()``      a GRU, the product of state and item, and a head that knows what the user repeats
``fit_cached(model, ...)``      ``model.fit(...)``, or the same model from disk if it was fitted before
``model.save(folder)``          write it; ``RecurrentRecommender.load(folder)`` reads it back
==============================  ===============================================================================

>>> from bundlebook.recommenders.recurrent import RecurrentRecommender, fit_cached
>>> model = fit_cached(RecurrentRecommender(seed=2021), task.visible, task.at)      # doctest: +SKIP
>>> model.probability(task.histories, task.at)   # (n_users, n_items), float32      # doctest: +SKIP

No model holds a user: a new customer is a history like any other, and is answered without training.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from bundlebook.cache import cached, source_digest
from bundlebook.errors import BundlebookError
from bundlebook.recommenders._keras import import_keras, seed_everything
from bundlebook.recommenders._storage import STATE, read, write
from bundlebook.recommenders.periods import period_panel
from bundlebook.recommenders.training import WAYS, Drawn, Examples, train
from bundlebook.shop import Baskets

#: Users scored at once.
SCORING_BATCH = 64


@dataclass(frozen=True)
class Settings:
    """Everything a fit depends on besides the data.

    Attributes
    ----------
    width : int
        d, size of the state and of the item vectors.
    cell : {"literal", "elman", "gru", "lstm"}
    repeat : int
        Width of the repeat-aware head; 0 leaves it out.
    epochs, batch : int
        Passes over all households, and households a step.
    rate : float
        Adam's first step size; it falls to 0 along a cosine.
    thinning : float
        Share of the households whose history is thinned in an epoch, in [0, 1].
    ways : {"mixed", "late", "lost"}
        How it is thinned: see :func:`~bundlebook.recommenders.training.thinned`.
    seed : int
    """

    width: int = 64
    cell: str = "gru"
    repeat: int = 32
    epochs: int = 6
    batch: int = 16
    rate: float = 5e-3
    thinning: float = 0.2
    ways: str = "mixed"
    seed: int = 0

    def __post_init__(self) -> None:
        cells = ("literal", "elman", "gru", "lstm")
        for name, known in (("cell", cells), ("ways", tuple(WAYS))):
            if getattr(self, name) not in known:
                problem = f"unknown {name} {getattr(self, name)!r}"
                raise BundlebookError(problem, remedy=f"use one of {', '.join(known)}")
        for name, least in (("width", 1), ("repeat", 0), ("epochs", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise BundlebookError(f"{name} is {getattr(self, name)}", remedy=f"use at least {least}")
        if not 0 <= self.thinning <= 1:
            raise BundlebookError(f"thinning is {self.thinning}", remedy="use a share between 0 and 1")


class RecurrentRecommender:
    """A recurrent network over periods that says what each user buys in the next one.

    logit P_{u,i} = b_i + o_i · h_u + r(what u bought of i before, i, h_u)

    with b_i started at the item's log-odds, h_u ∈ R^d the last state of a recurrent cell over the periods, o_i ∈ R^d
    a vector of the item, and r a small network over personal frequencies at several rates of forgetting (the
    repeat-aware head), trained together on the cross entropy of *every* item, bought or not.

    Parameters
    ----------
    **settings
        Fields of :class:`Settings` to set.

    Attributes
    ----------
    name : str
    settings : Settings
    items : ndarray of str, shape (n_items,)
        Items of the fit.
    losses : list of float
        Mean cross entropy a cell of every epoch, in nats, as the network met the examples.
    fit_seconds_ : float
        Processor time of the training, in seconds over all cores; kept with a saved model.
    """

    defaults: ClassVar[Settings] = Settings()

    def __init__(self, **settings: Any) -> None:
        self.settings = replace(self.defaults, **settings)
        self.items: np.ndarray = np.array([], dtype=str)
        self.n_periods = 0
        self.losses: list[float] = []
        self.fit_seconds_ = 0.0
        self.network = None
        self._last_step = None
        self._snapshots: list[list[np.ndarray]] = []
        self._trained_on = ""

    @property
    def name(self) -> str:
        cell = {"literal": "literal RNN", "elman": "Elman", "gru": "GRU", "lstm": "LSTM"}[self.settings.cell]
        return f"{cell} + repeat-aware head" if self.settings.repeat else cell

    def fit(
        self,
        visible: Baskets,
        at: np.datetime64,
        checkpoint: Path | None = None,
        progress: bool = False,
    ) -> Self:
        """Train on every period that is complete before *at*, predicted from the periods before it.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        checkpoint : Path, optional
            Folder in which the state is kept after every epoch. If it holds one, training goes on from there.
        progress : bool
            Show a progress bar.

        Returns
        -------
        self
        """
        settings, began = self.settings, time.process_time()
        examples = self.examples(visible, at)
        self.items, self.n_periods = visible.items, examples.n_steps
        self._trained_on = f"{at} {examples.visible.digest}"
        seed_everything(settings.seed)
        if checkpoint is None or not self._resume(checkpoint):
            self.losses, self._snapshots = [], []
            self.network, self._last_step, self.fit_seconds_ = self.untrained(examples), None, 0.0

        def after_epoch(epoch: int, loss: float) -> None:
            self.losses.append(loss)
            self._snapshots.append(self.network.get_weights())
            if checkpoint is not None:
                self.save(checkpoint)

        train(
            self.network,
            lambda rng: self.drawn(examples, rng),
            settings.epochs,
            settings.batch,
            settings.seed,
            first_epoch=len(self.losses),
            after_epoch=after_epoch,
            progress=progress,
        )
        self.fit_seconds_ += time.process_time() - began
        return self

    def examples(self, visible: Baskets, at: np.datetime64) -> Examples:
        """Make the examples of every period that is complete before *at*."""
        examples = Examples.before(visible, at)
        if not examples.weights.any():
            raise BundlebookError(
                f"no user has a basket that is followed by a complete period before {at}",
                remedy="fit on a log of at least two periods of four weeks",
            )
        return examples

    def drawn(self, examples: Examples, rng: np.random.Generator) -> Drawn:
        """Draw what one epoch shows of the examples."""
        return examples.thinned(self.settings.thinning, rng, self.settings.ways)

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Logit of P for all items; shape (n_users, n_items), float32."""
        self._check(histories)
        panel = period_panel(histories, at, self.n_periods)
        scores = np.empty((panel.n_users, panel.n_items), dtype=np.float32)
        order = np.argsort(panel.pairs_by_user(), kind="stable")
        for start in range(0, len(order), SCORING_BATCH):
            users = order[start : start + SCORING_BATCH]
            scores[users] = self._last_step.predict_on_batch(panel.batch(users))[:, 0]
        return scores

    def _check(self, histories: Baskets) -> None:
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        if not np.array_equal(histories.items, self.items):
            raise BundlebookError(
                f"the histories count {len(histories.items)} items, the model was fitted on {len(self.items)} others",
                remedy="bring them to the model's items with histories.over(model.items)",
            )
        if self._last_step is None:
            self._last_step = self._networks().last_step(self.network)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """P(bought within the period that begins at *at*); shape (n_users, n_items), float32."""
        return expit(self.scores(histories, at))

    def probability_by_epoch(self, histories: Baskets, at: np.datetime64) -> Iterator[np.ndarray]:
        """P as :meth:`probability` would have given it after each epoch; one array (n_users, n_items) an epoch."""
        earlier = type(self)(**asdict(self.settings))
        earlier.items, earlier.n_periods = self.items, self.n_periods
        earlier.network = import_keras().models.clone_model(self.network)
        for weights in self._snapshots:
            earlier.network.set_weights(weights)
            yield earlier.probability(histories, at)

    def save(self, folder: Path) -> None:
        """Write the fitted model into *folder* (made if need be): ``.keras``, ``.npz`` and ``.json``, no pickle."""
        state = {
            "settings": asdict(self.settings),
            "items": self.items.tolist(),
            "n_periods": self.n_periods,
            "losses": self.losses,
            "fit_seconds": self.fit_seconds_,
            "trained_on": self._trained_on,
        }
        write(folder, self.network, state, self._snapshots)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        cls._networks()  # registers the layers that are read back
        network, state, snapshots = read(folder)
        model = cls(**state["settings"])
        model.network, model._snapshots, model.losses = network, snapshots, state["losses"]
        model.items, model.n_periods = np.array(state["items"], dtype=str), state["n_periods"]
        model.fit_seconds_, model._trained_on = state["fit_seconds"], state["trained_on"]
        return model

    def untrained(self, examples: Examples) -> Any:
        """Return the network as training starts it: composed, its bias at the items' log-odds, compiled."""
        networks, settings = self._networks(), self.settings
        network = networks.build(
            examples.inputs.n_items, examples.targets.n_periods, settings.width, settings.cell, settings.repeat
        )
        networks.start_at(network, examples.item_log_odds(), examples.trend())
        return self._compiled(network, examples)

    def _compiled(self, network: Any, examples: Examples) -> Any:
        keras, settings = import_keras(), self.settings
        steps = settings.epochs * -(-len(examples.sizes) // settings.batch)
        rate = keras.optimizers.schedules.CosineDecay(settings.rate, steps)
        # XLA costs seconds a shape, batches come in several widths, and on TensorFlow it excludes determinism. JAX
        # compiles in any case.
        jit = keras.backend.backend() == "jax"
        loss = self._networks().FullVocabularyLoss()
        network.compile(keras.optimizers.Adam(rate), loss=loss, jit_compile=jit)
        return network

    @staticmethod
    def _networks() -> Any:
        from bundlebook.recommenders import _networks

        return _networks

    def _resume(self, checkpoint: Path) -> bool:
        if not (Path(checkpoint) / STATE).exists():
            return False
        earlier = type(self).load(checkpoint)
        if (earlier.settings, earlier._trained_on) != (self.settings, self._trained_on):
            raise BundlebookError(
                "the checkpoint belongs to other settings or other data",
                where=Path(checkpoint).name,
                remedy="use an empty folder, or fit with the settings and data of the checkpoint",
            )
        self.network, self._last_step, self.losses = earlier.network, None, earlier.losses
        self._snapshots, self.fit_seconds_ = earlier._snapshots, earlier.fit_seconds_
        return True


class LiteralRNN(RecurrentRecommender):
    """The articles' network as it stands: h_t = σ(W_h[h_{t−1}; x_t] + b_h), P_i = σ(W_p·[h_t; x_i]).

    One linear W_p over the pair [h_t; x_i] is a sum w_h·h_t + w_x·x_i. The first part is the same for all items and
    the second the same for all users, so every user gets the same order of items. It is trained on the full cross
    entropy (the articles' loss leaves out the items that were not bought, and is smallest at P ≡ 1).
    """

    defaults: ClassVar[Settings] = Settings(cell="literal", repeat=0, epochs=3, thinning=0.0)


def fit_cached(
    model: RecurrentRecommender, visible: Baskets, at: np.datetime64, progress: bool = False
) -> RecurrentRecommender:
    """Fit *model*, or load it if the same settings were fitted on the same baskets before.

    Returns
    -------
    RecurrentRecommender
        Fitted; the one that was given, or one read from the cache.
    """
    visible = visible.between(end=at)
    inputs = {
        "kind": type(model).__name__,
        "source": source_digest(type(model).__module__),
        "settings": asdict(model.settings),
        "visible": visible.digest,
        "at": str(np.datetime64(at, "D")),
        "backend": import_keras().backend.backend(),
    }
    return cached(
        "recurrent",
        inputs,
        build=lambda: model.fit(visible, at, progress=progress),
        save=lambda fitted, folder: fitted.save(folder),
        load=type(model).load,
    )
