r"""Deep matrix factorisation (深度矩阵分解): a tower over the user's row, a tower over the item's column, their cosine.

.. math:: \mathbf p_u = f(\mathbf x_u), \qquad \mathbf q_i = g(\mathbf y_i), \qquad
          P_{ui} = \sigma(\gamma \cos(\mathbf p_u, \mathbf q_i) + b_i + s_i x_{ui} + a_i v_u)

x_u ∈ R^{n_items} is the user's row of the interaction matrix, y_i ∈ R^{n_users} the item's column, and f, g are small
networks (Xue, Dai, Zhang, Huang and Chen, "Deep matrix factorization models for recommender systems", IJCAI 2017).
Because f reads a history and no number of a user, somebody new has a vector p as well. γ, b_i and the last two terms,
which are those of :mod:`~bundlebook.recommenders.mlp`, make a probability of the cosine.

The paper feeds the very entry that is to be predicted into both towers. Here the rows end where the predicted period
begins, the columns before the first of them, and for the day of the fit they are moved up to it.
"""

from typing import Any, ClassVar

import numpy as np

from bundlebook.recommenders._dense import DenseRecommender, Settings
from bundlebook.recommenders._dense_inputs import decayed_rates
from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders.periods import PeriodPanel
from bundlebook.recommenders.training import Examples


class DeepMF(DenseRecommender):
    """Two towers and their cosine; see the module's text.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`~bundlebook.recommenders._dense.Settings`.
    """

    label: ClassVar[str] = "deep matrix factorisation"
    defaults: ClassVar[Settings] = Settings(epochs=3)

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return the rows x, shape (B, periods, n_items), and v, shape (B, periods, 1)."""
        return decayed_rates(panel, users, periods)

    def compose(self, examples: Examples) -> Any:
        """Return x (B, T, I) → p (B, T, d) → logits (B, T, I); the columns are a constant inside."""
        keras = import_keras()
        from bundlebook.recommenders._dense_layers import CosineLogits

        n_items, settings = examples.inputs.n_items, self.settings
        x, v = keras.Input((None, n_items), name="x"), keras.Input((None, 1), name="v")
        hidden = keras.layers.Dense(settings.width, activation="relu", name="row")(x)
        p = keras.layers.Dense(settings.width, name="p")(hidden)
        head = CosineLogits(n_items, examples.inputs.n_users, settings.width, settings.repeat, name="head")
        network = keras.Model({"x": x, "v": v}, head(p, x, v), name="deep_factorization")
        head.bias.assign(examples.item_log_odds())
        head.columns.assign(columns(examples.inputs, max(1, examples.inputs.n_periods - settings.periods + 1)))
        return network

    def settle(self, panel: PeriodPanel) -> None:
        """Let the columns end on the day of the fit."""
        self.network.get_layer("head").columns.assign(columns(panel, panel.n_periods))


def columns(panel: PeriodPanel, periods: int) -> np.ndarray:
    """Columns of the interaction matrix after the first *periods* of a panel, each of length 1.

    Returns
    -------
    ndarray, shape (n_items, n_users), float32
        Share of the baskets' weight; an item that nobody bought has a column of zeros.
    """
    rows = np.zeros((panel.n_users, panel.n_items), dtype=np.float32)
    user = np.repeat(np.arange(panel.n_users), panel.pairs_by_user())
    rows[user, panel.item] = np.log1p(panel.baskets[:, :periods].sum(axis=1))
    return (rows / np.maximum(np.linalg.norm(rows, axis=0), 1e-6)).T
