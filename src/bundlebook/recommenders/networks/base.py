"""What every network shares: its settings, fitting, scoring, saving and loading, and the cache.

A network is a :class:`NetworkRecommender` that defines four things: what it learns from
(:meth:`~NetworkRecommender.examples`), how it is composed (:meth:`~NetworkRecommender.compose`), what it reads of a
history when it scores (:meth:`~NetworkRecommender.reader`), and its name.

==================================  ============================================================================
``fit_cached(model, visible, at)``  ``model.fit(visible, at)``, or the same model from disk if it was fitted before
``FromCache(model)``                the same as a recommender, for the evaluation
``model.save(folder)``              write it; ``type(model).load(folder)`` reads it back
==================================  ============================================================================
"""

import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from scipy.special import expit

from bundlebook.cache import cached, source_digest
from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import SEED, as_day, before, require
from bundlebook.recommenders.networks.backend import import_keras, seed_everything
from bundlebook.recommenders.networks.training import train
from bundlebook.shop import Baskets

#: The file that is written last and names the others; a file that it does not name does not belong to the model.
STATE = "recommender.json"

#: From some users to what a network reads of them.
_Reader = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that the fit of any network depends on besides the data.

    Attributes
    ----------
    width : int
        d, size of the vector of a user and of an item.
    epochs, batch : int
        Passes over all users, and users per step.
    rate : float
        Adam's first step size; it falls to 0 along a cosine.
    thinning : float
        Share of the users who are made to look newer than they are in an epoch, in [0, 1].
    seed : int
        Seed for the first weights and all draws.
    """

    width: int = 64
    epochs: int = 5
    batch: int = 16
    rate: float = 5e-3
    thinning: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        require("be a whole number from 1 on", width=self.width, epochs=self.epochs, batch=self.batch)
        require("be positive", rate=self.rate)
        require("lie in [0, 1]", thinning=self.thinning)
        require(SEED, seed=self.seed)


class NetworkRecommender:
    """A network from a history to P(bought), for every item at once; the module's text says what a new kind defines.

    Parameters
    ----------
    name : str, optional
        Name in tables and figures; a name after its kind if None.
    **settings
        Fields of its settings to set.

    Attributes
    ----------
    name : str
    settings : NetworkSettings
    items : ndarray of str, shape (n_items,)
        Items of the fit.
    n_periods : int
        Steps that are read of a history.
    losses : list of float
        Mean cross entropy per cell in every epoch, in nats, measured while the network was trained.
    fit_seconds_ : float
        Processor time of the training, in seconds over all cores; kept with a saved model.
    """

    defaults: ClassVar[NetworkSettings] = NetworkSettings()
    #: Users scored at once.
    scoring_batch: ClassVar[int] = 64
    #: Whether the network knows users by number. If not, a new customer is a history like any other.
    holds_users: ClassVar[bool] = False

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        self.settings = replace(self.defaults, **settings)
        self.name = name or self._own_name()
        self.items: np.ndarray = np.array([], dtype=str)
        self.user_ids: np.ndarray = np.array([], dtype=str)
        self.n_periods = 0
        self.losses: list[float] = []
        self.fit_seconds_ = 0.0
        self.network: Any = None
        self._asked: Any = None
        self._snapshots: list[list[np.ndarray]] = []
        self._trained_on = ""

    def _own_name(self) -> str:
        raise NotImplementedError

    def examples(self, visible: Baskets, at: np.datetime64) -> Any:
        """Make the examples of a training from everything before *at*."""
        raise NotImplementedError

    def drawn(self, examples: Any, rng: np.random.Generator) -> Any:
        """Draw what one epoch shows of the examples."""
        return examples.thinned(self.settings.thinning, rng)

    def compose(self, examples: Any, keras: Any, layers: Any) -> Any:
        """Return the ``keras.Model`` that turns the inputs of a batch into logits (B, T, n_items).

        Parameters
        ----------
        examples : Examples or another with the same attributes
        keras, layers : module
            Keras and this project's layers, which are imported late.
        """
        raise NotImplementedError

    def reader(self, histories: Baskets, at: np.datetime64) -> tuple[np.ndarray, _Reader]:
        """Return the users in the order in which they are scored, and what turns some of them into inputs."""
        raise NotImplementedError

    def answering(self) -> Any:
        """Return the network that scores: one that computes the last step only, where that saves time."""
        return self.network

    def settle(self, visible: Baskets, at: np.datetime64) -> None:
        """Bring what the network holds besides its weights up to the day of the fit; nothing by default."""

    def untrained(self, examples: Any) -> Any:
        """Return the network as training starts it: composed, with the items' log-odds as its bias, and compiled."""
        keras, settings = import_keras(), self.settings
        from bundlebook.recommenders.networks import _layers

        network = self.compose(examples, keras, _layers)
        for layer in network.layers:
            if hasattr(layer, "start"):
                layer.start(examples)
        steps = settings.epochs * -(-len(examples.sizes) // settings.batch)
        rate = keras.optimizers.schedules.CosineDecay(settings.rate, steps)
        network.compile(keras.optimizers.Adam(rate), loss=_layers.FullVocabularyLoss(), jit_compile=_xla())
        # Made inside the first step, the optimizer's variables would have that step traced twice: seconds per fit.
        network.optimizer.build(network.trainable_variables)
        return network

    def fit(self, visible: Baskets, at: np.datetime64, checkpoint: Path | None = None, progress: bool = False) -> Self:
        """Train on everything before *at*, each step predicted from the steps before it.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        checkpoint : Path, optional
            Folder in which the state is kept after every epoch. If it holds one, training goes on from there.
        progress : bool
            Show a progress bar in a terminal or an open notebook: see :func:`~bundlebook.recommenders.train`.
        """
        settings, began = self.settings, time.process_time()
        examples = self.examples(visible, at)
        self.items, self.n_periods = visible.items, examples.n_steps
        self.user_ids = visible.user_ids if self.holds_users else self.user_ids
        self._trained_on, self._asked = f"{as_day(at)} {examples.visible.digest}", None
        seed_everything(settings.seed)
        if checkpoint is None or not self._resume(checkpoint):
            self.losses, self._snapshots, self.fit_seconds_ = [], [], 0.0
            self.network = self.untrained(examples)

        def after_epoch(epoch: int, loss: float) -> None:
            self.losses.append(loss)
            self._snapshots.append([weight.numpy() for weight in self.network.trainable_weights])
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
        self.settle(visible, at)
        self.fit_seconds_ += time.process_time() - began
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return the logit of P for all items; shape (n_users, n_items), float32."""
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        if not np.array_equal(histories.items, self.items):
            raise BundlebookError(
                f"the histories count {len(histories.items)} items, the model was fitted on {len(self.items)} others",
                remedy="bring them to the model's items with histories.over(model.items)",
            )
        if self._asked is None:
            self._asked = self.answering()
            self._asked.jit_compile = _xla()
        order, read = self.reader(histories, at)
        scores = np.empty((histories.n_users, histories.n_items), dtype=np.float32)
        for start in range(0, len(order), self.scoring_batch):
            users = order[start : start + self.scoring_batch]
            scores[users] = self._asked.predict_on_batch(read(users))[:, 0]
        return scores

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P(bought within the period that begins at *at*); shape (n_users, n_items), float32."""
        return expit(self.scores(histories, at))

    def probability_by_epoch(self, histories: Baskets, at: np.datetime64) -> Iterator[np.ndarray]:
        """P as :meth:`probability` would have given it after each epoch; one array (n_users, n_items) per epoch."""
        earlier = type(self)(self.name, **asdict(self.settings))
        earlier.items, earlier.user_ids, earlier.n_periods = self.items, self.user_ids, self.n_periods
        earlier.network = import_keras().models.clone_model(self.network)
        earlier.network.set_weights(self.network.get_weights())
        for snapshot in self._snapshots:
            for weight, value in zip(earlier.network.trainable_weights, snapshot, strict=True):
                weight.assign(value)
            yield earlier.probability(histories, at)

    def save(self, folder: Path) -> None:
        """Write the fitted model into *folder* (made if need be): ``.keras``, ``.npz`` and ``.json``, no pickle.

        An interruption at any moment leaves what the folder held before readable.
        """
        folder, epochs = Path(folder), len(self._snapshots)
        folder.mkdir(parents=True, exist_ok=True)
        files = {"network": f"network-{epochs:03d}.keras", "snapshots": f"epochs-{epochs:03d}.npz"}
        self.network.save(folder / files["network"])
        arrays: dict[str, Any] = {
            f"{n}/{i}": weight for n, weights in enumerate(self._snapshots) for i, weight in enumerate(weights)
        }
        np.savez(folder / files["snapshots"], **arrays)
        state = {
            "name": self.name,
            "settings": asdict(self.settings),
            "items": self.items.tolist(),
            "user_ids": self.user_ids.tolist(),
            "n_periods": self.n_periods,
            "losses": self.losses,
            "fit_seconds": self.fit_seconds_,
            "trained_on": self._trained_on,
            "files": files,
        }
        draft = folder / f"{STATE}.draft"
        draft.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        draft.replace(folder / STATE)
        for old in [*folder.glob("network-*.keras"), *folder.glob("epochs-*.npz")]:
            if old.name not in files.values():
                old.unlink()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        BundlebookError
            If the folder holds no recommender, or a damaged one.
        """
        keras, folder = import_keras(), Path(folder)
        from bundlebook.recommenders.networks import _layers  # noqa: F401  (registers the layers)

        try:
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
            model = cls(state["name"], **state["settings"])
            model.network = keras.saving.load_model(folder / state["files"]["network"])
            model.items, model.user_ids = (np.array(state[key], dtype=str) for key in ("items", "user_ids"))
            model.n_periods, model.losses = state["n_periods"], state["losses"]
            model.fit_seconds_, model._trained_on = state["fit_seconds"], state["trained_on"]
            model._snapshots = [[] for _ in model.losses]
            with np.load(folder / state["files"]["snapshots"], allow_pickle=False) as arrays:
                for name in arrays.files:
                    model._snapshots[int(name.split("/")[0])].append(arrays[name])
        except (OSError, ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile) as error:
            raise BundlebookError(
                f"no saved recommender could be read ({type(error).__name__})",
                where=folder.name,
                remedy="give a folder that save(folder) wrote, or fit again",
            ) from error
        return model

    def _resume(self, checkpoint: Path) -> bool:
        """Go on from a checkpoint; False if there is none."""
        if not (Path(checkpoint) / STATE).exists():
            return False
        earlier = type(self).load(checkpoint)
        if (earlier.settings, earlier._trained_on) != (self.settings, self._trained_on):
            raise BundlebookError(
                "the checkpoint belongs to other settings or other data",
                where=Path(checkpoint).name,
                remedy="use an empty folder, or fit with the settings and data of the checkpoint",
            )
        self.network, self.losses = earlier.network, earlier.losses
        self._snapshots, self.fit_seconds_ = earlier._snapshots, earlier.fit_seconds_
        return True


def _xla() -> bool:
    """Whether XLA compiles a network: only on JAX, which always does.

    It costs seconds per shape, batches come in several widths, and on TensorFlow it excludes determinism.
    """
    return import_keras().backend.backend() == "jax"


Network = TypeVar("Network", bound=NetworkRecommender)


def fit_cached(model: Network, visible: Baskets, at: np.datetime64, progress: bool = False) -> Network:
    """Fit *model*, or load it if the same settings were fitted on the same baskets before.

    Parameters
    ----------
    model : NetworkRecommender
        Not fitted.
    visible : Baskets
        Baskets on or after *at* are not looked at.
    at : datetime64[D]
    progress : bool
        Show a progress bar in a terminal or an open notebook.

    Returns
    -------
    NetworkRecommender
        Fitted; the one that was given, or one read from the cache, under the name of the one that was given.
    """
    visible, kind = before(visible, at), type(model)
    inputs = {
        "kind": kind.__name__,
        "source": source_digest(kind.__module__),
        "settings": asdict(model.settings),
        "visible": visible.digest,
        "at": str(as_day(at)),
        "backend": import_keras().backend.backend(),
    }
    fitted = cached(
        kind.__name__.lower(),
        inputs,
        build=lambda: model.fit(visible, at, progress=progress),
        save=lambda trained, folder: trained.save(folder),
        load=kind.load,
    )
    fitted.name = model.name
    return fitted


class FromCache:
    """A network as a recommender for the evaluation, whose `fit` reads the cache.

    Parameters
    ----------
    model : NetworkRecommender
        Not fitted; its settings and seed name the artefact.
    name : str, optional
        Name in tables and figures; the model's own name if None.

    Attributes
    ----------
    fit_seconds_ : float
        Processor time of the training in seconds, whenever that took place.
    """

    def __init__(self, model: NetworkRecommender, name: str | None = None) -> None:
        self.model, self.name = model, name or model.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Train on *visible*, or read the model that was trained on the same baskets with the same settings."""
        self.model = fit_cached(self.model, visible, at)
        self.fit_seconds_ = self.model.fit_seconds_
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return logits, shape (n_users, n_items)."""
        return self.model.scores(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Return P(bought in the period that begins at *at*), shape (n_users, n_items)."""
        return self.model.probability(histories, at)
