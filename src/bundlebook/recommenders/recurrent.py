"""Recurrent recommenders: from a history of periods to P(bought in the next period), for every item at once.

==============================  ===============================================================================
``LiteralRNN()``                the articles' formulas as they stand, h_t = σ(W_h[h_{t−1}; x_t] + b_h) and
                                P_i = σ(W_p·[h_t; x_i]); additive, so everybody gets the same order of items
``RecurrentRecommender()``      a GRU, the product of state and item, and a head that knows what the user repeats
``fit_cached(model, ...)``      ``model.fit(...)``, or the same model from disk if it was fitted before
``load_recommender(folder)``    what ``model.save(folder)`` wrote
==============================  ===============================================================================

>>> from bundlebook.recommenders.recurrent import RecurrentRecommender, fit_cached
>>> model = fit_cached(RecurrentRecommender(seed=2021), task.visible, task.at)      # doctest: +SKIP
>>> model.probability(task.histories, task.at)   # (n_users, n_items), float32      # doctest: +SKIP

No model holds a user: a new customer is a history like any other, and is answered without training.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from bundlebook.cache import cached
from bundlebook.errors import BundlebookError
from bundlebook.recommenders._keras import import_keras, seed_everything
from bundlebook.recommenders.periods import period_panel
from bundlebook.recommenders.training import Examples, train
from bundlebook.shop.baskets import Baskets
from bundlebook.shop.splits import Task

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
    seed : int
    """

    width: int = 64
    cell: str = "gru"
    repeat: int = 32
    epochs: int = 6
    batch: int = 16
    rate: float = 5e-3
    thinning: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        cells = ("literal", "elman", "gru", "lstm")
        if self.cell not in cells:
            raise BundlebookError(f"unknown cell {self.cell!r}", remedy=f"use one of {', '.join(cells)}")
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
    epochs_done : list of dict
        For every epoch ``epoch``, ``loss`` (mean cross entropy a cell, nats) and, with a monitor, ``monitor_loss``.
    fit_seconds_ : float
        Processor time of the training, in seconds over all cores; kept with a saved model.
    """

    defaults: ClassVar[Settings] = Settings()

    def __init__(self, **settings: Any) -> None:
        self.settings = replace(self.defaults, **settings)
        self.items: np.ndarray = np.array([], dtype=str)
        self.n_periods = 0
        self.epochs_done: list[dict[str, float]] = []
        self.fit_seconds_ = 0.0
        self.network = None
        self._last_step = None

    @property
    def name(self) -> str:
        cell = {"literal": "literal RNN", "elman": "Elman", "gru": "GRU", "lstm": "LSTM"}[self.settings.cell]
        return f"{cell} + repeat-aware head" if self.settings.repeat else cell

    def fit(
        self,
        visible: Baskets,
        at: np.datetime64,
        monitor: Task | None = None,
        checkpoint: Path | None = None,
        progress: bool = False,
    ) -> Self:
        """Train on every period that is complete before *at*, predicted from the periods before it.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        monitor : Task, optional
            Its log loss is noted after every epoch; nothing is learned from it.
        checkpoint : Path, optional
            Folder in which the state is kept after every epoch. If it holds one, training goes on from there.
        progress : bool
            Show a progress bar.

        Returns
        -------
        self
        """
        settings, began = self.settings, time.process_time()
        examples = Examples.before(visible, at)
        if not examples.weights.any():
            raise BundlebookError(
                f"no user has a basket that is followed by a complete period before {at}",
                remedy="fit on a log of at least two periods of four weeks",
            )
        self.items, self.n_periods = visible.items, examples.targets.n_periods
        seed_everything(settings.seed)
        if checkpoint is None or not self._resume(checkpoint):
            self.epochs_done = []
            self.network = self._build(examples)

        def after_epoch(epoch: int, loss: float) -> None:
            self._prepare()
            done = {"epoch": epoch, "loss": loss}
            if monitor is not None:
                done["monitor_loss"] = mean_log_loss(self.probability(monitor.histories, monitor.at), monitor)
            self.epochs_done.append(done)
            if checkpoint is not None:
                self.save(checkpoint)

        train(
            self.network,
            examples,
            settings.epochs,
            settings.batch,
            settings.seed,
            settings.thinning,
            first_epoch=len(self.epochs_done),
            after_epoch=after_epoch,
            progress=progress,
        )
        self._prepare()
        self.fit_seconds_ = time.process_time() - began
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Logit of P for all items; shape (n_users, n_items), float32."""
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        if not np.array_equal(histories.items, self.items):
            raise BundlebookError(
                f"the histories count {len(histories.items)} items, the model was fitted on {len(self.items)} others",
                remedy="bring them to the model's items with histories.with_items(model.items)",
            )
        panel = period_panel(histories, at, self.n_periods)
        scores = np.empty((panel.n_users, panel.n_items), dtype=np.float32)
        order = np.argsort(panel.pairs_by_user(), kind="stable")
        for start in range(0, len(order), SCORING_BATCH):
            users = order[start : start + SCORING_BATCH]
            scores[users] = self._last_step.predict_on_batch(panel.batch(users))[:, 0]
        return scores

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """P(bought within the period that begins at *at*); shape (n_users, n_items), float32."""
        return 1 / (1 + np.exp(-self.scores(histories, at)))

    def save(self, folder: Path) -> None:
        """Write ``network.keras`` and ``recommender.json`` into *folder* (made if need be); nothing is pickled."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "settings": asdict(self.settings),
            "items": self.items.tolist(),
            "n_periods": self.n_periods,
            "epochs_done": self.epochs_done,
            "fit_seconds": self.fit_seconds_,
        }
        draft = folder / "draft.keras"
        self.network.save(draft)
        draft.replace(folder / "network.keras")
        (folder / "recommender.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        keras = import_keras()
        from bundlebook.recommenders import _networks  # registers the layers  # noqa: F401

        folder = Path(folder)
        try:
            state = json.loads((folder / "recommender.json").read_text(encoding="utf-8"))
            network = keras.saving.load_model(folder / "network.keras")
        except (OSError, ValueError) as error:
            raise BundlebookError(
                f"no saved recommender could be read ({type(error).__name__})",
                where=folder.name,
                remedy="give a folder that save(folder) wrote, or fit again",
            ) from error
        model = cls(**state["settings"])
        model.items, model.n_periods = np.array(state["items"], dtype=str), state["n_periods"]
        model.epochs_done, model.network = state["epochs_done"], network
        model.fit_seconds_ = state.get("fit_seconds", 0.0)
        model._prepare()
        return model

    def _build(self, examples: Examples):
        keras = import_keras()
        from bundlebook.recommenders import _networks

        settings = self.settings
        network = _networks.build(
            examples.inputs.n_items, examples.targets.n_periods, settings.width, settings.cell, settings.repeat
        )
        _networks.start_at(network, examples.item_log_odds(), examples.trend())
        steps = settings.epochs * -(-examples.inputs.n_users // settings.batch)
        rate = keras.optimizers.schedules.CosineDecay(settings.rate, steps)
        # Compiling for XLA costs seconds a shape, and batches come in several widths.
        network.compile(keras.optimizers.Adam(rate), loss=_networks.FullVocabularyLoss(), jit_compile=False)
        return network

    def _prepare(self) -> None:
        """Make the network that computes the last step only: one period's logits instead of all."""
        from bundlebook.recommenders import _networks

        if self._last_step is None:
            self._last_step = _networks.last_step(self.network)

    def _resume(self, checkpoint: Path) -> bool:
        if not (Path(checkpoint) / "recommender.json").exists():
            return False
        earlier = type(self).load(checkpoint)
        if earlier.settings != self.settings or not np.array_equal(earlier.items, self.items):
            raise BundlebookError(
                "the checkpoint belongs to other settings or items",
                where=Path(checkpoint).name,
                remedy="use an empty folder, or fit with the settings of the checkpoint",
            )
        self.network, self._last_step, self.epochs_done = earlier.network, earlier._last_step, earlier.epochs_done
        return True


class LiteralRNN(RecurrentRecommender):
    """The articles' network as it stands: h_t = σ(W_h[h_{t−1}; x_t] + b_h), P_i = σ(W_p·[h_t; x_i]).

    One linear W_p over the pair [h_t; x_i] is a sum w_h·h_t + w_x·x_i. The first part is the same for all items and
    the second the same for all users, so every user gets the same order of items. It is trained on the full cross
    entropy (the articles' loss leaves out the items that were not bought, and is smallest at P ≡ 1).
    """

    defaults: ClassVar[Settings] = Settings(cell="literal", repeat=0, epochs=3, thinning=0.0)


def mean_log_loss(probability: np.ndarray, task: Task) -> float:
    """Mean over users and items of −log of the probability given to what happened, in nats."""
    probability = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    bought = task.truth.toarray() > 0
    return float(-np.log(np.where(bought, probability, 1 - probability)).mean())


def digest(baskets: Baskets) -> str:
    """SHA-256 of what the baskets hold: the identity of a training set."""
    content = hashlib.sha256()
    for array in (
        baskets.quantities.indptr.astype(np.int64),
        baskets.quantities.indices.astype(np.int64),
        baskets.quantities.data,
        baskets.user.astype(np.int64),
        baskets.day.astype("datetime64[D]").astype(np.int64),
    ):
        content.update(np.ascontiguousarray(array).tobytes() + b"\0")
    content.update("\0".join([*baskets.user_ids, "", *baskets.items]).encode())
    return content.hexdigest()


def fit_cached(
    model: RecurrentRecommender, visible: Baskets, at: np.datetime64, monitor: Task | None = None, progress=False
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
        "settings": asdict(model.settings),
        "visible": digest(visible),
        "at": str(np.datetime64(at, "D")),
        "monitor": digest(monitor.histories) if monitor is not None else None,
        "backend": import_keras().backend.backend(),
    }
    return cached(
        "recurrent",
        inputs,
        build=lambda: model.fit(visible, at, monitor=monitor, progress=progress),
        save=lambda fitted, folder: fitted.save(folder),
        load=type(model).load,
    )
