r"""The articles' interest model: a multilayer perceptron (多层感知机) from a history to a vector of interests.

.. math:: \mathbf u = \sigma(W \mathbf x), \qquad
          P_i = \sigma(\mathbf o_i \cdot \mathbf u + b_i + s_i x_i + a_i v)

x ∈ R^{n_items} holds the decayed frequency of every item, u ∈ (0, 1)^d is the articles' user interest vector
(用户兴趣向量), o_i ∈ R^d the vector of an item. The articles stop at u; the output is one sigmoid an item. The last
two terms are not theirs. s_i x_i lets a purchase speak for the same item without passing through u, like the wide part
of Wide & Deep (Cheng et al., "Wide & Deep learning for recommender systems", DLRS 2016), and a_i v, with v the
logarithm of how often the customer comes, sets the level. ``repeat=False`` leaves both out.
"""

from typing import Any, ClassVar

import numpy as np

from bundlebook.recommenders._dense import DenseRecommender
from bundlebook.recommenders._dense_inputs import decayed_rates
from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders.periods import PeriodPanel
from bundlebook.recommenders.training import Examples


class InterestMLP(DenseRecommender):
    """u = σ(Wx) over the decayed item frequencies, and a sigmoid an item; see the module's text.

    No user is held: a new customer is another x.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`~bundlebook.recommenders._dense.Settings`.
    """

    label: ClassVar[str] = "interest MLP"

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return x, shape (B, periods, n_items), and v, shape (B, periods, 1)."""
        return decayed_rates(panel, users, periods)

    def compose(self, examples: Examples) -> Any:
        """Return x (B, T, I) → u (B, T, d); with x and v (B, T, 1) → logits (B, T, I)."""
        keras = import_keras()
        from bundlebook.recommenders._dense_layers import InterestLogits

        n_items, settings = examples.inputs.n_items, self.settings
        x, v = keras.Input((None, n_items), name="x"), keras.Input((None, 1), name="v")
        u = keras.layers.Dense(settings.width, activation="sigmoid", use_bias=False, name="u")(x)
        head = InterestLogits(n_items, settings.repeat, name="head")
        network = keras.Model({"x": x, "v": v}, head(u, x, v), name="interest_mlp")
        head.bias.assign(examples.item_log_odds())
        return network
