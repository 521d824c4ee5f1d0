r"""A one-dimensional convolutional network (卷积神经网络) over the periods of a history.

.. math:: \mathbf g_t = \tanh(W \mathbf c_t), \qquad
          \mathbf u_t = \mathrm{ReLU}\Bigl(\sum_{k=0}^{K-1} F_k \mathbf g_{t-k} + \mathbf f\Bigr), \qquad
          P_i = \sigma(\mathbf o_i \cdot \mathbf u_T + b_i + s_i x_i + a_i v)

c_t ∈ R^{n_items} holds log(1 + baskets with the item) of period t, and F_k ∈ R^{d×d} is the filter at age k. It
slides over time: a pattern means the same whenever it happened. Unlike a recurrent network it sees the last K periods
only, all at once. The last two terms are those of :mod:`~bundlebook.recommenders.mlp`.
"""

from typing import Any, ClassVar

import numpy as np

from bundlebook.recommenders._dense import DenseRecommender
from bundlebook.recommenders._dense_inputs import decayed_rates, over_items
from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders.periods import PeriodPanel
from bundlebook.recommenders.training import Examples

#: Periods a filter covers, K.
KERNEL = 5


class HistoryCNN(DenseRecommender):
    """Convolution over the history's periods, and a sigmoid an item; see the module's text.

    No user is held: a new customer is another history, preceded by empty periods.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`~bundlebook.recommenders._dense.Settings`.
    """

    label: ClassVar[str] = "convolution over periods"

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return c of the last ``periods + K - 1`` periods, (B, …, n_items), and x and v of the last ``periods``."""
        length = periods + KERNEL - 1
        counts = over_items(panel, users, lambda pair: np.log1p(panel.baskets[pair])[:, -length:])
        before = np.zeros((len(users), length - counts.shape[1], panel.n_items), dtype=np.float32)
        return {"c": np.concatenate([before, counts], axis=1), **decayed_rates(panel, users, periods)}

    def compose(self, examples: Examples) -> Any:
        """Return c (B, T + K - 1, I) → g (B, T + K - 1, d) → u (B, T, d); with x and v → logits (B, T, I)."""
        keras = import_keras()
        from bundlebook.recommenders._dense_layers import InterestLogits

        n_items, width = examples.inputs.n_items, self.settings.width
        c, x = keras.Input((None, n_items), name="c"), keras.Input((None, n_items), name="x")
        v = keras.Input((None, 1), name="v")
        g = keras.layers.Dense(width, activation="tanh", use_bias=False, name="g")(c)
        u = keras.layers.Conv1D(width, KERNEL, activation="relu", name="u")(g)  # "valid": T + K - 1 → T
        head = InterestLogits(n_items, self.settings.repeat, name="head")
        network = keras.Model({"c": c, "x": x, "v": v}, head(u, x, v), name="history_cnn")
        head.bias.assign(examples.item_log_odds())
        return network
