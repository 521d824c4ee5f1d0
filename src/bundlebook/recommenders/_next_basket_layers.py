"""The network over baskets in Keras 3 (``keras.ops`` only). Shapes as in :mod:`._networks`, with T baskets as steps."""

from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders._networks import AddToItems, FullVocabularyLoss, RepeatLogits, _Head
from bundlebook.recommenders._repeat_counts import N_FEATURES
from bundlebook.recommenders.basket_steps import TREND_WEEKS

keras = import_keras()
layers, ops = keras.layers, keras.ops
_register = keras.saving.register_keras_serializable("bundlebook")

__all__ = ["FullVocabularyLoss", "build", "last_step", "start_at"]


@_register
class VisitEmbedding(layers.Layer):
    """x_t = tanh(Σ_i log(1 + units_ti) e_i + W_c facts_t): one basket as one vector. Output (B, T, d)."""

    def __init__(self, width: int, **options):
        super().__init__(**options)
        self.width = width

    def build(self, units_shape, facts_shape):
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.table = self.add_weight(shape=(units_shape[-1], self.width), initializer=small, name="items")
        self.of_facts = self.add_weight(shape=(facts_shape[-1], self.width), initializer="glorot_uniform", name="facts")
        self.built = True

    def call(self, units, facts):
        return ops.tanh(ops.matmul(units, self.table) + ops.matmul(facts, self.of_facts))

    def compute_output_shape(self, units_shape, facts_shape):
        return (*units_shape[:-1], self.width)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@_register
class Waited(_Head):
    """[h_t; w_t]: the state, and how long ago the visit was when the question is asked. Output (B, T, d + 1)."""

    def call(self, state, wait):
        return ops.concatenate([state, wait[..., None]], axis=-1)


@_register
class TrendingLogits(_Head):
    """logit_ti = s_t · o_i + b_i + g · trend_i(week of the question), b_i started at the log-odds. (B, T, I)."""

    def __init__(self, n_items: int, **options):
        super().__init__(**options)
        self.n_items = n_items

    def build(self, state_shape, weeks_ago_shape):
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.table = self.add_weight(shape=(self.n_items, state_shape[-1]), initializer=small, name="items")
        self.bias = self.add_weight(shape=(self.n_items,), initializer="zeros", name="bias")
        self.gain = self.add_weight(shape=(), initializer="zeros", name="gain")
        rows = (TREND_WEEKS, self.n_items)
        self.trend = self.add_weight(shape=rows, initializer="zeros", trainable=False, name="trend")
        self.built = True

    def call(self, state, weeks_ago):
        trend = ops.take(self.trend, weeks_ago, axis=0)
        return ops.matmul(state, ops.transpose(self.table)) + self.bias + self.gain * trend

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items}


def build(n_items: int, width: int, repeat: int):
    """Compose the network: logits of all items after every basket, (B, T, I).

    Parameters
    ----------
    n_items, width : int
        I and d.
    repeat : int
        Width of the repeat-aware head, 0 for none.
    """
    x = {
        "units": keras.Input((None, n_items), name="units"),
        "facts": keras.Input((None, 4), name="facts"),
        "seen": keras.Input((None,), name="seen"),
        "wait": keras.Input((None,), name="wait"),
        "weeks_ago": keras.Input((None,), dtype="int32", name="weeks_ago"),
        "item": keras.Input((None,), dtype="int32", name="item"),
        "features": keras.Input((None, None, N_FEATURES), name="features"),
    }
    visits = VisitEmbedding(width, name="x")(x["units"], x["facts"])
    # cuDNN wants the padding behind the sequence; here it comes before it.
    state = layers.GRU(width, return_sequences=True, use_cudnn=False, name="h")(visits, mask=x["seen"] > 0)
    return keras.Model(x, _logits(x, state, n_items, repeat), name="next_basket")


def _logits(x, state, n_items: int, repeat: int, network=None):
    """Everything behind the state, made anew or with the layers of a network."""

    def layer(name, make):
        return network.get_layer(name) if network else make()

    waited = layer("waited", lambda: Waited(name="waited"))(state, x["wait"])
    logits = layer("product", lambda: TrendingLogits(n_items, name="product"))(waited, x["weeks_ago"])
    if repeat:
        head = layer("repeat", lambda: RepeatLogits(n_items, repeat, name="repeat"))
        correction = head(x["features"], x["item"], waited)
        logits = layer("sum", lambda: AddToItems(name="sum"))(logits, correction, x["item"])
    return logits


def last_step(network):
    """Share the network's layers in one that answers after the last basket only, (B, 1, I)."""
    x = network.input
    latest = x | {name: x[name][:, -1:] for name in ("wait", "weeks_ago")}
    repeat = "repeat" in [layer.name for layer in network.layers]
    state = network.get_layer("h").output[:, -1:]
    n_items = network.get_layer("product").n_items
    return keras.Model(x, _logits(latest, state, n_items, repeat, network), name="last_step")


def start_at(network, log_odds, trend) -> None:
    """Start the items' bias at their log-odds, and tell the network the trends of the shop."""
    head = network.get_layer("product")
    head.bias.assign(log_odds)
    head.trend.assign(trend)
    if "repeat" in [layer.name for layer in network.layers]:
        network.get_layer("repeat").log_odds.assign(log_odds[:, None])
