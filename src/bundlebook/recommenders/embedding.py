r"""The articles' embedding network (嵌入网络): a vector a user, a vector an item, a dense layer, a sigmoid.

.. math:: P_{ui} = \sigma\bigl(\mathbf w \cdot \mathrm{ReLU}(W [\mathbf p_u; \mathbf q_i] + \mathbf b) + b_i\bigr)

p_u, q_i ∈ R^d are looked up by number. Two things are added so that it can be compared at all: b_i, started at the
item's log-odds, and *every* item, bought or not, in the loss (the articles leave open where their negatives come from).

What it cannot do follows from its input, which is two numbers and nothing else. It knows no order of events, so its P
is the average over the periods it was trained on; a purchase of yesterday changes nothing before the next training;
and a new customer has no number. For him there is number 0, "somebody": in training the number of a share of the
households is hidden behind it, so its answers are those for an average customer, the same for all strangers.
"""

from typing import Any, ClassVar

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._dense import DenseRecommender, Settings
from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders.periods import PeriodPanel
from bundlebook.recommenders.training import Examples


class EmbeddingNetwork(DenseRecommender):
    """Numbers of user and item in, probability out; see the module's text.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`~bundlebook.recommenders._dense.Settings`. ``thinning`` is the share of households whose
        number is hidden; ``repeat`` has no meaning here and must stay False.
    """

    label: ClassVar[str] = "embedding network"
    defaults: ClassVar[Settings] = Settings(width=32, repeat=False, epochs=10, rate=1e-2, thinning=0.05)

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        super().__init__(name, **settings)
        if self.settings.repeat:
            raise BundlebookError(
                "repeat=True asks for a term that reads the history",
                where=self.name,
                remedy="leave repeat out; the embedding network reads two numbers only",
            )

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return each user's number, shape (B,), int32. What they bought is not read."""
        return {"user": ids}

    def compose(self, examples: Examples) -> Any:
        """Return user (B,) → logits (B, 1, I)."""
        keras = import_keras()
        from bundlebook.recommenders._dense_layers import HideNumber, PairLogits

        n_users, n_items, settings = examples.inputs.n_users, examples.inputs.n_items, self.settings
        user = keras.Input((), dtype="int32", name="user")
        shown = HideNumber(settings.thinning, settings.seed, name="hide")(user)
        head = PairLogits(n_users + 1, n_items, settings.width, name="head")
        network = keras.Model({"user": user}, head(shown), name="embedding_network")
        head.bias.assign(examples.item_log_odds())
        return network
