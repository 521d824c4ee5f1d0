"""The networks in Keras 3: ``keras.ops`` only, so that one file trains on TensorFlow, JAX and PyTorch.

Imported by functions only (it needs Keras). Shapes in comments: B users, K (user, item) pairs a user, T periods,
I items, d width of the state, F features of a pair.
"""

from bundlebook.recommenders._keras import import_keras
from bundlebook.shop import PERIOD_DAYS

keras = import_keras()
layers, ops = keras.layers, keras.ops
_register = keras.saving.register_keras_serializable("bundlebook")

#: Weights per period of age in the decayed rates: 1 counts everything alike, 0 sees the last period only.
DECAYS = (1.0, 0.9, 0.7, 0.4, 0.0)
#: Inputs that the repeat-aware head counts.
COUNTED = ("baskets", "units", "recency", "trips", "seen")


def table_rows(table, index):
    """Rows of a table of weights, shape (*index.shape, d).

    ``layers.Embedding`` gives sparse gradients on TensorFlow, which Adam treats lazily, and dense ones elsewhere;
    the product with one makes them dense everywhere, so the backends train alike.
    """
    return ops.take(table * 1.0, index, axis=0)


@_register
class BasketEmbedding(layers.Layer):
    """x_t = tanh(Σ_i log(1 + units_ti) e_i + W_c c_t): what was bought in a period, and how much, as one vector.

    c_t holds log(1 + trips), log(1 + distinct items), the days since the last trip (in periods, 1 without a trip) and
    whether the user was known. Output (B, T, d).
    """

    def __init__(self, n_items: int, width: int, **options):
        super().__init__(**options)
        self.n_items, self.width = n_items, width

    def build(self, *_shapes, **_named):
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.table = self.add_weight(shape=(self.n_items, self.width), initializer=small, name="items")
        self.context = self.add_weight(shape=(4, self.width), initializer="glorot_uniform", name="context")
        self.built = True

    def call(self, item, units, recency, trips, seen):
        amount = ops.log1p(units)  # (B, K, T)
        goods = ops.einsum("bkt,bkd->btd", amount, table_rows(self.table, item))
        bought = recency > 0
        distinct = ops.sum(ops.cast(bought, "float32"), axis=1)  # (B, T)
        days = ops.min(ops.where(bought, recency, float(PERIOD_DAYS)), axis=1) / PERIOD_DAYS
        context = ops.stack([ops.log1p(trips), ops.log1p(distinct), days, seen], axis=-1)  # (B, T, 4)
        return ops.tanh(goods + ops.matmul(context, self.context))

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items, "width": self.width}


class _Head(layers.Layer):
    """A layer behind the recurrent one. It takes the mask in and hands none on: the loss has its own weights."""

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True

    def compute_mask(self, *_inputs, **_masks):
        return None

    def get_config(self):
        return super().get_config()  # said explicitly, because Keras' default forgets the name of such a layer


@_register
class ItemLogits(_Head):
    """logit_ti = h_t · o_i + b_i + g · trend_ti over all items, with b_i started at the item's log-odds.

    trend_ti says how much more the whole shop sold of the item in period t than on average so far; it is the same for
    all users, is set before training, and its last row is the state of the shop at the day of the fit. Output
    (B, T, I).
    """

    def __init__(self, n_items: int, n_periods: int, **options):
        super().__init__(**options)
        self.n_items, self.n_periods = n_items, n_periods

    def build(self, state):
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.table = self.add_weight(shape=(self.n_items, state[-1]), initializer=small, name="items")
        exact = {"initializer": "zeros", "autocast": False}  # a log-odds of -7.6 has two digits in sixteen bits
        self.bias = self.add_weight(shape=(self.n_items,), name="bias", **exact)
        self.gain = self.add_weight(shape=(), name="gain", **exact)
        rows = (self.n_periods, self.n_items)
        self.trend = self.add_weight(shape=rows, trainable=False, name="trend", **exact)
        self.built = True

    def call(self, state, last: bool = False):
        n_periods = ops.shape(state)[1]
        trend = self.trend[-1:] if last else self.trend[:n_periods]
        product = ops.cast(ops.matmul(state, ops.transpose(self.table)), "float32")
        return product + self.bias + self.gain * trend

    def compute_output_shape(self, state_shape):
        return (*state_shape[:-1], self.n_items)  # said, because JAX infers shapes with lengths longer than the trend

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items, "n_periods": self.n_periods}


@_register
class AdditiveLogits(_Head):
    """The articles' W_p·[h_t; x_i] as it stands: w_h · h_t + w_x · x_i, one linear W_p for both. Output (B, T, I)."""

    def __init__(self, n_items: int, width: int, **options):
        super().__init__(**options)
        self.n_items, self.width = n_items, width

    def build(self, state):
        self.items = self.add_weight(shape=(self.n_items, self.width), initializer="zeros", name="items")
        self.weights_items = self.add_weight(shape=(self.width,), initializer="ones", name="w_x")
        self.weights_state = self.add_weight(shape=(state[-1],), initializer="glorot_uniform", name="w_h")
        self.built = True

    def call(self, state, last: bool = False):
        per_user = ops.einsum("btd,d->bt", state, self.weights_state)
        per_item = ops.matmul(self.items, self.weights_items)
        return per_user[:, :, None] + per_item

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items, "width": self.width}


@_register
class RepeatFeatures(layers.Layer):
    """What counting knows of each (user, item) pair after each period, from decay matrices. No weights.

    With z_s = 1 if the item was bought in period s, n_s its baskets and N_s the user's baskets, for each decay λ:
    Σ_{s≤t} λ^{t-s} z_s / (1 + Σ λ^{t-s} seen_s), plain and as a logarithm, and the logarithm of
    Σ_{s≤t} λ^{t-s} n_s / (1 + Σ λ^{t-s} N_s); then log units, log days since the last and since the first purchase, log
    periods with a purchase, and the days since the last one over the mean gap. Output (B, K, T, F), F = 3 · 5 + 5.
    """

    #: Added to a count before its logarithm is taken.
    FLOOR = 0.05
    #: Days since a purchase that never was.
    NEVER = 1e4

    def call(self, baskets, units, recency, trips, seen):
        n_periods = ops.shape(trips)[-1]
        step = ops.arange(n_periods, dtype="float32")
        age = step[None, :] - step[:, None]  # (T, T): [s, t] = t - s
        past = ops.cast(age >= 0, "float32")
        bought = ops.minimum(baskets, 1.0)
        features = []
        for decay in DECAYS:
            weight = past * ops.power(decay, ops.maximum(age, 0.0)) if decay else ops.cast(age == 0, "float32")
            periods = 1.0 + ops.matmul(seen, weight)  # (B, T)
            shopping = 1.0 + ops.matmul(trips, weight)
            times = ops.matmul(bought, weight)  # (B, K, T)
            features.append(times / periods[:, None, :])
            features.append(ops.log(self.FLOOR + times) - ops.log(periods)[:, None, :])
            features.append(ops.log(self.FLOOR + ops.matmul(baskets, weight)) - ops.log(shopping)[:, None, :])
        features.append(ops.log1p(units))
        days = recency[..., :, None] + PERIOD_DAYS * age  # (B, K, T, T): at the end of t, since the purchase in s
        counts = (bought[..., :, None] * past) > 0
        since_last = ops.min(ops.where(counts, days, self.NEVER), axis=-2)
        since_first = ops.max(ops.where(counts, days, 0.0), axis=-2)
        times = ops.matmul(bought, past)
        gap = (since_first - since_last + PERIOD_DAYS) / ops.maximum(times, 1.0)
        features.append(ops.log(since_last))
        features.append(ops.log1p(since_first))
        features.append(ops.log1p(times))
        features.append(ops.minimum(since_last / gap, 10.0))
        known = ops.cast(times > 0, "float32")
        return ops.stack(features, axis=-1) * known[..., None]


@_register
class RepeatLogits(_Head):
    """r_{u,t,i}: a small network over the features of each pair, its item and the user's state. Output (B, K, T).

    Exactly 0 until the user has bought the item once, so that a padded pair changes nothing.
    """

    def __init__(self, n_items: int, hidden: int, **options):
        super().__init__(**options)
        self.n_items, self.hidden = n_items, hidden
        self.of_features = layers.Dense(hidden, name="features")
        self.of_state = layers.Dense(hidden, use_bias=False, name="state")
        self.second = layers.Dense(hidden, activation="relu", name="second")
        self.last = layers.Dense(1, name="last")

    def build(self, features_shape, item_shape, state_shape):
        self.table = self.add_weight(shape=(self.n_items, self.hidden), initializer="zeros", name="items")
        column = (self.n_items, 1)
        self.log_odds = self.add_weight(shape=column, initializer="zeros", trainable=False, name="log_odds")
        self.of_log_odds = self.add_weight(shape=(1, self.hidden), initializer="glorot_uniform", name="of_log_odds")
        inner = (*features_shape[:-1], self.hidden)
        self.of_features.build(features_shape)
        self.of_state.build(state_shape)
        self.second.build(inner)
        self.last.build(inner)
        self.built = True

    def call(self, features, item, state):
        sellers = ops.matmul(
            self.log_odds / 3.0, self.of_log_odds
        )  # log-odds run from -8 to 0; the other inputs do not
        of_item = table_rows(self.table + sellers, item)[:, :, None, :]  # (B, K, 1, H)
        of_state = self.of_state(state)[:, None, :, :]  # (B, 1, T, H)
        hidden = ops.relu(self.of_features(features) + of_item + of_state)
        correction = ops.cast(self.last(self.second(hidden))[..., 0], "float32")
        known = ops.cast(features[..., 0] > 0, "float32")  # decay 1: bought at least once so far
        return correction * known

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items, "hidden": self.hidden}


@_register
class AddToItems(_Head):
    """Add each pair's number to its item's logit: (B, T, I), (B, K, T), (B, K) → (B, T, I)."""

    def call(self, logits, correction, item):
        n_users, n_periods, n_items = ops.shape(logits)
        cell = ops.arange(n_users, dtype="int32")[:, None] * n_items + item  # (B, K)
        flat = ops.reshape(correction, (-1, n_periods))
        summed = ops.segment_sum(flat, ops.reshape(cell, (-1,)), num_segments=n_users * n_items)  # (B·I, T)
        return logits + ops.transpose(ops.reshape(summed, (n_users, n_items, n_periods)), (0, 2, 1))

    def compute_output_shape(self, logits_shape, correction_shape, item_shape):
        return logits_shape


@_register
class FullVocabularyLoss(keras.losses.Loss):
    """Cross entropy of every item, bought or not: Σ_i softplus(logit_i) − Σ_{i bought} logit_i, for each period."""

    def call(self, bought, logits):
        return ops.sum(ops.softplus(logits), axis=-1) - ops.sum(bought * logits, axis=-1)


def inputs() -> dict:
    """Symbolic inputs of every network: one batch of a :class:`~bundlebook.recommenders.periods.PeriodPanel`."""
    pairs = {name: keras.Input((None, None), name=name) for name in ("baskets", "units", "recency")}
    periods = {name: keras.Input((None,), name=name) for name in ("trips", "seen")}
    return {"item": keras.Input((None,), dtype="int32", name="item"), **pairs, **periods}


def build(n_items: int, n_periods: int, width: int, cell: str, repeat: int):
    """Compose a network: logits of all items after every period, (B, T, I).

    Parameters
    ----------
    n_items, width : int
        I and d.
    cell : {"literal", "elman", "gru", "lstm"}
        ``"literal"`` takes the articles' two formulas, nothing added.
    repeat : int
        Width of the repeat-aware head, 0 for none.
    """
    # Under a policy of mixed precision the products of the state and of the head take fewer bits; counting, adding and
    # the logits themselves keep all of them.
    exact = {"dtype": "float32"}
    x = inputs()
    goods = BasketEmbedding(n_items, width, name="x", **exact)(
        *(x[name] for name in ("item", "units", "recency", "trips", "seen"))
    )
    options = {"return_sequences": True, "name": "h"}
    if cell == "literal":
        recurrent = layers.SimpleRNN(width, activation="sigmoid", **options)
    elif cell == "elman":
        recurrent = layers.SimpleRNN(width, **options)
    else:
        # cuDNN wants the padding behind the sequence; here the unknown periods come before it.
        recurrent = {"gru": layers.GRU, "lstm": layers.LSTM}[cell](width, use_cudnn=False, **options)
    state = recurrent(goods, mask=x["seen"] > 0)
    if cell == "literal":
        return keras.Model(x, AdditiveLogits(n_items, width, name="product", **exact)(state), name=cell)
    logits = ItemLogits(n_items, n_periods, name="product")(state)
    if repeat:
        features = RepeatFeatures(name="features", **exact)(*(x[name] for name in COUNTED))
        correction = RepeatLogits(n_items, repeat, name="repeat")(features, x["item"], state)
        logits = AddToItems(name="sum", **exact)(logits, correction, x["item"])
    return keras.Model(x, logits, name=cell)


def last_step(network):
    """Share the network's layers in one that computes the logits after the last period only, (B, 1, I)."""
    x = network.input
    names = [layer.name for layer in network.layers]
    state = network.get_layer("h").output[:, -1:]
    logits = network.get_layer("product")(state, last=True)
    if "repeat" in names:
        features = network.get_layer("features").output[:, :, -1:]
        correction = network.get_layer("repeat")(features, x["item"], state)
        logits = network.get_layer("sum")(logits, correction, x["item"])
    return keras.Model(x, logits, name="last_step")


def start_at(network, log_odds, trend) -> None:
    """Start the items' bias at their log-odds: without it the first epochs go into learning what sells."""
    head = network.get_layer("product")
    if isinstance(head, AdditiveLogits):
        start = ops.convert_to_numpy(head.items).copy()
        start[:, 0] = log_odds
        head.items.assign(start)
        return
    head.bias.assign(log_odds)
    head.trend.assign(trend)
    if "repeat" in [layer.name for layer in network.layers]:
        network.get_layer("repeat").log_odds.assign(log_odds[:, None])
