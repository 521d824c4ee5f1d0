"""A network as the evaluation meets it: fitted on demand, from disk if it was fitted before."""

from typing import Self

import numpy as np

from bundlebook.recommenders import _dense, recurrent
from bundlebook.recommenders._dense import DenseRecommender
from bundlebook.recommenders.recurrent import RecurrentRecommender
from bundlebook.shop import Baskets


class FromCache:
    """Follow the protocol of a recommender, and train a network once only, whoever asks for it.

    Parameters
    ----------
    model : RecurrentRecommender or DenseRecommender
        Not fitted; its settings and seed name the artefact.
    name : str, optional
        How tables call it; the model's own name if None.

    Attributes
    ----------
    fit_seconds_ : float
        Processor seconds of the training, whenever that was.
    """

    def __init__(self, model: RecurrentRecommender | DenseRecommender, name: str | None = None) -> None:
        self.model, self.name = model, name or model.name

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Train on *visible*, or read the model that was trained on the same baskets with the same settings."""
        family = recurrent if isinstance(self.model, RecurrentRecommender) else _dense
        self.model = family.fit_cached(self.model, visible, at)
        self.fit_seconds_ = self.model.fit_seconds_
        return self

    def scores(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """Logits, shape (n_users, n_items)."""
        return self.model.scores(histories, at)

    def probability(self, histories: Baskets, at: np.datetime64) -> np.ndarray:
        """P(bought in the period that begins at *at*), shape (n_users, n_items)."""
        return self.model.probability(histories, at)
