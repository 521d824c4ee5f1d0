r"""Feed-forward networks (前馈网络): from a history, or from two numbers, to P(bought in the next period).

The articles' interest model is a multilayer perceptron (多层感知机) from a history to a vector of interests:

.. math:: \mathbf u = \sigma(W \mathbf x), \qquad
          P_i = \sigma(\mathbf o_i \cdot \mathbf u + b_i + s_i x_i + a_i v)

x ∈ R^{n_items} holds the decayed frequency of every item, u ∈ (0, 1)^d is the articles' user interest vector
(用户兴趣向量), o_i ∈ R^d the vector of an item. The articles stop at u; the output is one sigmoid per item. The last
two terms are not theirs. s_i x_i lets a purchase speak for the same item without passing through u, like the wide part
of Wide & Deep (Cheng et al., "Wide & Deep learning for recommender systems", DLRS 2016), and a_i v, with v the
logarithm of how often the customer comes, sets the level. ``repeat=False`` leaves both out.

The other networks of the family replace u, or what is read; each one's text has its formula.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._checks import require
from bundlebook.recommenders.networks.base import NetworkRecommender, NetworkSettings, _Reader
from bundlebook.recommenders.networks.periods import PeriodPanel, period_panel
from bundlebook.recommenders.networks.training import Examples
from bundlebook.shop import Baskets

#: Weight of a period against the one after it.
DECAY = 0.8
#: Factor c of a rate, in baskets per period, before its logarithm is taken.
STEEPNESS = 50.0
#: Periods a filter of the convolution covers, K.
KERNEL = 5


@dataclass(frozen=True)
class FeedforwardSettings(NetworkSettings):
    """Settings of :class:`NetworkSettings`, and two more.

    Thinning raises the probabilities of newcomers, which are too low without it. It also raises those of rare
    visitors, because so simple a network cannot tell them from newcomers. By default there is none.

    Attributes
    ----------
    repeat : bool
        Let an item's own history and the number of visits enter its logit directly; without it the network sees the
        history through d numbers only.
    periods : int
        Latest periods that are predicted in training; the histories before them are read whole.
    """

    repeat: bool = True
    periods: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        require("be a whole number from 1 on", periods=self.periods)


class FeedforwardRecommender(NetworkRecommender):
    """A feed-forward network from a history to P(bought in the next period), for every item at once.

    A network of this family differs from the others in what it reads (:meth:`read`) and how it is composed.

    Parameters
    ----------
    name : str, optional
        Name in tables and figures; a name after its kind if None.
    **settings
        Fields of :class:`FeedforwardSettings` to set.
    """

    label: ClassVar[str]
    defaults: ClassVar[FeedforwardSettings] = FeedforwardSettings()
    scoring_batch: ClassVar[int] = 256
    settings: FeedforwardSettings

    def _own_name(self) -> str:
        return self.label

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return what the network reads of some users, at the end of each of the last *periods* of a panel.

        Parameters
        ----------
        panel : PeriodPanel
        users : ndarray of int, shape (B,)
            Rows of the panel.
        ids : ndarray of int, shape (B,)
            Place of each user among those of the fit, from 1; 0 for a user who is not among them, and for all users
            if the network holds none.
        periods : int

        Returns
        -------
        dict of str to ndarray, float32
            The decayed frequencies ``x`` (B, periods, n_items) and ``v`` (B, periods, 1), if not said otherwise.
        """
        return _decayed_rates(panel, users, periods)

    def examples(self, visible: Baskets, at: np.datetime64) -> "_Latest":
        """Make the examples of the latest periods that are complete before *at*, each predicted from all before it."""
        return _Latest.of(Examples.before(visible, at), self.settings.periods, self.read)

    def reader(self, histories: Baskets, at: np.datetime64) -> tuple[np.ndarray, _Reader]:
        """Return the users in their order, and what turns some of them into inputs."""
        panel = period_panel(histories, at, self.n_periods)
        ids = pd.Index(self.user_ids).get_indexer(histories.user_ids) + 1
        return np.arange(panel.n_users), lambda users: self.read(panel, users, ids[users], 1)


class InterestMLP(FeedforwardRecommender):
    """u = σ(Wx) over the decayed item frequencies, and one sigmoid per item; see the module's text.

    No user is held: a new customer is another x.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`FeedforwardSettings`.
    """

    label: ClassVar[str] = "interest MLP"

    def compose(self, examples: Examples, keras: Any, layers: Any) -> Any:
        """Return x (B, T, I) → u (B, T, d); with x and v (B, T, 1) → logits (B, T, I)."""
        n_items, settings = examples.n_items, self.settings
        x, v = keras.Input((None, n_items), name="x"), keras.Input((None, 1), name="v")
        u = keras.layers.Dense(settings.width, activation="sigmoid", use_bias=False, name="u")(x)
        head = layers.InterestLogits(n_items, settings.repeat, name="head")
        return keras.Model({"x": x, "v": v}, head(u, x, v), name="interest_mlp")


class HistoryCNN(FeedforwardRecommender):
    r"""A one-dimensional convolutional network (卷积神经网络) over the periods of a history.

    .. math:: \mathbf g_t = \tanh(W \mathbf c_t), \qquad
              \mathbf u_t = \mathrm{ReLU}\Bigl(\sum_{k=0}^{K-1} F_k \mathbf g_{t-k} + \mathbf f\Bigr), \qquad
              P_i = \sigma(\mathbf o_i \cdot \mathbf u_T + b_i + s_i x_i + a_i v)

    c_t ∈ R^{n_items} holds log(1 + baskets with the item) of period t, and F_k ∈ R^{d×d} is the filter at age k. The
    same filter is used at every t, so a pattern means the same whenever it happened. Unlike a recurrent network it sees
    the last K periods only, all at once. The last two terms are those of :class:`InterestMLP`.

    No user is held: a new customer is another history, preceded by empty periods.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`FeedforwardSettings`.
    """

    label: ClassVar[str] = "convolution over periods"

    def read(self, panel: PeriodPanel, users: np.ndarray, ids: np.ndarray, periods: int) -> dict[str, np.ndarray]:
        """Return c of the last ``periods + K - 1`` periods, (B, …, n_items), and x and v of the last ``periods``."""
        length = periods + KERNEL - 1
        counts = panel.over_items(users, lambda pair: np.log1p(panel.baskets[pair])[:, -length:])
        before = np.zeros((len(users), length - counts.shape[1], panel.n_items), dtype=np.float32)
        return {"c": np.concatenate([before, counts], axis=1), **_decayed_rates(panel, users, periods)}

    def compose(self, examples: Examples, keras: Any, layers: Any) -> Any:
        """Return c (B, T + K - 1, I) → g (B, T + K - 1, d) → u (B, T, d); with x and v → logits (B, T, I)."""
        n_items, width = examples.n_items, self.settings.width
        c, x = keras.Input((None, n_items), name="c"), keras.Input((None, n_items), name="x")
        v = keras.Input((None, 1), name="v")
        g = keras.layers.Dense(width, activation="tanh", use_bias=False, name="g")(c)
        u = keras.layers.Conv1D(width, KERNEL, activation="relu", name="u")(g)  # "valid": T + K - 1 → T
        head = layers.InterestLogits(n_items, self.settings.repeat, name="head")
        return keras.Model({"c": c, "x": x, "v": v}, head(u, x, v), name="history_cnn")


class DeepMF(FeedforwardRecommender):
    r"""Deep matrix factorisation (深度矩阵分解): a tower over the user's row, one over the item's column, their cosine.

    .. math:: \mathbf p_u = f(\mathbf x_u), \qquad \mathbf q_i = g(\mathbf y_i), \qquad
              P_{ui} = \sigma(\gamma \cos(\mathbf p_u, \mathbf q_i) + b_i + s_i x_{ui} + a_i v_u)

    x_u ∈ R^{n_items} is the user's row of the interaction matrix, y_i ∈ R^{n_users} the item's column, and f, g are
    small networks (Xue, Dai, Zhang, Huang and Chen, "Deep matrix factorization models for recommender systems", IJCAI
    2017). Because f reads a history and not the number of a user, a new user has a vector p as well. γ, b_i and the
    last two terms, which are those of :class:`InterestMLP`, make a probability of the cosine.

    The paper feeds the very entry that is to be predicted into both towers. Here the rows end where the predicted
    period begins, and the columns before the first predicted period. After the training the columns are computed
    again up to the day of the fit.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`FeedforwardSettings`.
    """

    label: ClassVar[str] = "deep matrix factorisation"
    defaults: ClassVar[FeedforwardSettings] = FeedforwardSettings(epochs=3)

    def compose(self, examples: Examples, keras: Any, layers: Any) -> Any:
        """Return x (B, T, I) → p (B, T, d) → logits (B, T, I); the columns are a constant inside."""
        n_items, panel, settings = examples.n_items, examples.inputs, self.settings
        x, v = keras.Input((None, n_items), name="x"), keras.Input((None, 1), name="v")
        hidden = keras.layers.Dense(settings.width, activation="relu", name="row")(x)
        p = keras.layers.Dense(settings.width, name="p")(hidden)
        head = layers.CosineLogits(n_items, panel.n_users, settings.width, settings.repeat, name="head")
        network = keras.Model({"x": x, "v": v}, head(p, x, v), name="deep_factorization")
        head.columns.assign(_columns(panel, max(1, panel.n_periods - settings.periods + 1)))
        return network

    def settle(self, visible: Baskets, at: np.datetime64) -> None:
        """Let the columns end on the day of the fit."""
        panel = period_panel(visible, at, self.n_periods)
        self.network.get_layer("head").columns.assign(_columns(panel, panel.n_periods))


class EmbeddingNetwork(FeedforwardRecommender):
    r"""The articles' embedding network (嵌入网络): a vector per user and per item, a dense layer, a sigmoid.

    .. math:: P_{ui} = \sigma\bigl(\mathbf w \cdot \mathrm{ReLU}(W [\mathbf p_u; \mathbf q_i] + \mathbf b) + b_i\bigr)

    p_u, q_i ∈ R^d are looked up by number. Two things are added so that it can be compared at all: b_i, started at the
    item's log-odds, and *every* item, bought or not, in the loss (the articles leave open where their negatives come
    from).

    Its input is two numbers, and its limits follow from that. It knows no order of events, so its P is the average over
    the periods it was trained on; a purchase of yesterday changes nothing before the next training; and a new user has
    no number. Number 0 stands for all users without one: in training the number of a share of the users is replaced by
    0, so every new user gets the answers for an average user.

    Parameters
    ----------
    name : str, optional
    **settings
        Fields of :class:`FeedforwardSettings`. ``thinning`` is the share of users whose number is hidden; ``repeat``
        has no meaning here and must stay False.
    """

    label: ClassVar[str] = "embedding network"
    defaults: ClassVar[FeedforwardSettings] = FeedforwardSettings(
        width=32, repeat=False, epochs=10, rate=1e-2, thinning=0.05
    )
    holds_users: ClassVar[bool] = True

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

    def compose(self, examples: Examples, keras: Any, layers: Any) -> Any:
        """Return user (B,) → logits (B, 1, I)."""
        n_users, settings = examples.inputs.n_users, self.settings
        user = keras.Input((), dtype="int32", name="user")
        shown = layers.HideNumber(settings.thinning, settings.seed, name="hide")(user)
        head = layers.PairLogits(n_users + 1, examples.n_items, settings.width, name="head")
        return keras.Model({"user": user}, head(shown), name="embedding_network")


@dataclass(frozen=True)
class _Latest(Examples):
    """Examples whose targets are the latest periods only, read in the way of one network."""

    read: Callable[..., dict[str, np.ndarray]]
    known: np.ndarray

    @classmethod
    def of(cls, examples: Examples, periods: int, read: Callable[..., dict[str, np.ndarray]]) -> "_Latest":
        visible, at = examples.visible, examples.targets.at
        periods = min(periods, examples.inputs.n_periods)
        known = examples.weights[:, -periods:]  # the targets alone do not know who was there before them
        return cls(examples.inputs, period_panel(visible, at, periods + 1), visible, read, known)

    @property
    def weights(self) -> np.ndarray:
        return self.known

    def batch(self, users: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Return the inputs that the network reads, what was bought one period later, and weights."""
        ids = np.asarray(users, dtype=np.int32) + 1
        inputs = self.read(self.inputs, users, ids, self.targets.n_periods - 1)
        return inputs, self.targets.bought(users)[:, 1:], self.weights[users]


def _decayed_rates(panel: PeriodPanel, users: np.ndarray, periods: int, decay: float = DECAY) -> dict[str, np.ndarray]:
    r"""Return decayed frequencies of every item and of visits at the end of each of the last periods, as logarithms.

    .. math:: x_{ui}(t) = \log\Bigl(1 + c \frac{\sum_{s \le t} \lambda^{t-s} n_{ui}(s)}{K_u(t)}\Bigr), \qquad
              v_u(t) = \log\frac{0.1 + \sum_{s \le t} \lambda^{t-s} n_u(s)}{K_u(t)}, \qquad
              K_u(t) = 1 + \sum_{s \le t} \lambda^{t-s} [u \text{ was known in } s]

    with n_u the baskets of u in period s, n_ui those that hold i, λ = `decay` and c = :data:`STEEPNESS`. One purchase
    more counts less than the one before, as it does for the odds of another.

    Returns
    -------
    dict of str to ndarray, float32
        ``x`` (B, periods, n_items) and ``v`` (B, periods, 1).
    """
    age = np.arange(panel.n_periods)[-periods:] - np.arange(panel.n_periods)[:, None]
    weight = np.where(age >= 0, decay ** np.maximum(age, 0), 0).astype(np.float32)  # (T, periods)
    known = (1 + panel.seen[users].astype(np.float32) @ weight)[:, :, None]
    counts = panel.over_items(users, lambda pair: panel.baskets[pair] @ weight)
    visits = np.log((0.1 + (panel.trips[users] @ weight)[:, :, None]) / known)
    return {"x": np.log1p(STEEPNESS * counts / known), "v": visits}


def _columns(panel: PeriodPanel, periods: int) -> np.ndarray:
    """Return the columns of the interaction matrix after the first *periods* of a panel, each of length 1.

    Returns
    -------
    ndarray, shape (n_items, n_users), float32
        Share of the baskets' weight; an item that nobody bought has a column of zeros.
    """
    rows = np.zeros((panel.n_users, panel.n_items), dtype=np.float32)
    user = np.repeat(np.arange(panel.n_users), panel.pairs_by_user())
    rows[user, panel.item] = np.log1p(panel.baskets[:, :periods].sum(axis=1))
    return (rows / np.maximum(np.linalg.norm(rows, axis=0), 1e-6)).T
