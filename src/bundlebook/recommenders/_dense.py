"""What the feed-forward networks share: fitting, asking, the disk.

A network of this family is one Keras model over a batch of households. It differs from the others only in what it
reads (:meth:`DenseRecommender.read`) and how it is composed (:meth:`DenseRecommender.compose`).
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from bundlebook.cache import cached, source_digest
from bundlebook.errors import BundlebookError
from bundlebook.recommenders._dense_inputs import Latest
from bundlebook.recommenders._keras import import_keras, seed_everything
from bundlebook.recommenders._storage import read, write
from bundlebook.recommenders.periods import PeriodPanel, period_panel
from bundlebook.recommenders.training import Examples, train
from bundlebook.shop import Baskets

#: Users scored at once.
SCORING_BATCH = 256


@dataclass(frozen=True)
class Settings:
    """Everything a fit depends on besides the data.

    Attributes
    ----------
    width : int
        d, size of the vector of a user and of an item.
    repeat : bool
        Let an item's own history, and the number of visits, speak for it directly; without it the network sees the
        history through d numbers only.
    periods : int
        Latest periods that are predicted in training; the histories before them are read whole.
    epochs, batch : int
        Passes over all households, and households a step.
    rate : float
        Adam's first step size; it falls to 0 along a cosine.
    thinning : float
        Share of the households that look newer than they are in an epoch, in [0, 1]. It raises the probabilities of
        newcomers, which are too low without it, and those of rare visitors, whom so simple a network cannot tell from
        them; none by default.
    seed : int
    """

    width: int = 64
    repeat: bool = True
    periods: int = 6
    epochs: int = 5
    batch: int = 16
    rate: float = 5e-3
    thinning: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "periods", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise BundlebookError(f"{name} is {getattr(self, name)}", remedy="use at least 1")
        if not 0 <= self.thinning <= 1:
            raise BundlebookError(f"thinning is {self.thinning}", remedy="use a share between 0 and 1")


class DenseRecommender:
    """A feed-forward network from a history to P(bought in the next period), for every item at once.

    Parameters
    ----------
    name : str, optional
        How tables call it; the class's own name for itself if None.
    **settings
        Fields of :class:`Settings` to set.

    Attributes
    ----------
    settings : Settings
    items : ndarray of str, shape (n_items,)
        Items of the fit.
    losses : list of float
        Mean cross entropy a cell of every epoch, in nats, as the network met the examples.
    fit_seconds_ : float
        Processor time of the training, in seconds over all cores; kept with a saved model.
    """

    label: ClassVar[str]
    defaults: ClassVar[Settings] = Settings()

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        self.name, self.settings = name or self.label, replace(self.defaults, **settings)
        self.items = self.user_ids = np.array([], dtype=str)
        self.n_periods, self.losses, self.fit_seconds_, self.network = 0, [], 0.0, None

    def compose(self, examples: Examples) -> Any:
        """Return the untrained ``keras.Model``: what :meth:`read` gives → logits (B, periods or 1, n_items)."""
        raise NotImplementedError

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return what the network reads of some users, at the end of each of the last *periods* of a panel.

        Parameters
        ----------
        panel : PeriodPanel
        users : ndarray of int, shape (B,)
            Rows of the panel.
        ids : ndarray of int, shape (B,)
            Place of each user among those of the fit, from 1; 0 for somebody else.
        periods : int
        """
        raise NotImplementedError

    def fit(self, visible: Baskets, at: np.datetime64, progress: bool = False) -> Self:
        """Train on the latest periods that are complete before *at*, each predicted from all periods before it.

        Parameters
        ----------
        visible : Baskets
            Baskets on or after *at* are not looked at.
        at : datetime64[D]
        progress : bool
            Show a progress bar (on stderr, which no chapter stores).
        """
        settings, began = self.settings, time.process_time()
        examples = Latest.of(Examples.before(visible, at), settings.periods, self.read)
        if not examples.weights.any():
            raise BundlebookError(
                f"no user has a basket that is followed by a complete period before {at}",
                remedy="fit on a log of at least two periods of four weeks",
            )
        self.items, self.user_ids = visible.items, visible.user_ids
        self.n_periods, self.losses = examples.inputs.n_periods + 1, []
        seed_everything(settings.seed)
        keras = import_keras()
        from bundlebook.recommenders._networks import FullVocabularyLoss

        self.network = self.compose(examples)
        steps = settings.epochs * -(-examples.inputs.n_users // settings.batch)
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.rate, steps))
        self.network.compile(optimizer, loss=FullVocabularyLoss(), jit_compile=keras.backend.backend() == "jax")
        train(
            self.network,
            lambda rng: examples.thinned(settings.thinning, rng),
            settings.epochs,
            settings.batch,
            settings.seed,
            after_epoch=lambda _epoch, loss: self.losses.append(loss),
            progress=progress,
        )
        self.settle(period_panel(visible, at, self.n_periods))
        self.fit_seconds_ = time.process_time() - began
        return self

    def settle(self, panel: PeriodPanel) -> None:
        """Bring what the network knows besides its weights up to the day of the fit; nothing by default."""

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Logit of P for all items; shape (n_users, n_items), float32."""
        if self.network is None:
            raise BundlebookError(f"{self.name} has not been fitted", remedy="call fit(visible, at) first")
        if not np.array_equal(histories.items, self.items):
            raise BundlebookError(
                f"the histories count {len(histories.items)} items, the model was fitted on {len(self.items)} others",
                remedy="bring them to the model's items with histories.over(model.items)",
            )
        panel = period_panel(histories, at, self.n_periods)
        ids = pd.Index(self.user_ids).get_indexer(histories.user_ids) + 1
        scores = np.empty((panel.n_users, panel.n_items), dtype=np.float32)
        for start in range(0, panel.n_users, SCORING_BATCH):
            users = np.arange(start, min(start + SCORING_BATCH, panel.n_users))
            scores[users] = self.network.predict_on_batch(self.read(panel, users, ids[users], 1))[:, 0]
        return scores

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """P(bought within the period that begins at *at*); shape (n_users, n_items), float32."""
        return expit(self.scores(histories, at))

    def save(self, folder: Path) -> None:
        """Write the fitted model into *folder* (made if need be): ``.keras``, ``.npz`` and ``.json``, no pickle."""
        state = {
            "name": self.name,
            "settings": asdict(self.settings),
            "items": self.items.tolist(),
            "user_ids": self.user_ids.tolist(),
            "n_periods": self.n_periods,
            "losses": self.losses,
            "fit_seconds": self.fit_seconds_,
        }
        write(folder, self.network, state, [])

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        import_keras()
        from bundlebook.recommenders import _dense_layers  # noqa: F401  (registers the layers)

        network, state, _ = read(folder)
        model = cls(state["name"], **state["settings"])
        model.network, model.losses, model.fit_seconds_ = network, state["losses"], state["fit_seconds"]
        model.items, model.user_ids = (np.array(state[key], dtype=str) for key in ("items", "user_ids"))
        model.n_periods = state["n_periods"]
        return model


def fit_cached(
    model: DenseRecommender, visible: Baskets, at: np.datetime64, progress: bool = False
) -> DenseRecommender:
    """Fit *model*, or load it if the same settings were fitted on the same baskets before."""
    visible, kind = visible.between(end=at), type(model)
    inputs = {
        "kind": kind.__name__,
        "source": source_digest(kind.__module__),
        "settings": asdict(model.settings),
        "visible": visible.digest,
        "at": str(np.datetime64(at, "D")),
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
