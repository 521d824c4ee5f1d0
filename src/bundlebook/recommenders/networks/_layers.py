"""Layers of all networks in Keras 3: ``keras.ops`` only, so that one file trains on TensorFlow, JAX and PyTorch.

Only functions import this module, because it needs Keras. Shapes in comments: B users, K (user, item) pairs per user,
T periods or baskets, I items, d width, F features of a pair. ``start(examples)``, where a layer has it, sets what is
known before training: without the log-odds the first epochs would go into learning what sells.
"""

from bundlebook.recommenders.networks.backend import import_keras
from bundlebook.shop import PERIOD_DAYS

import_keras()  # first: it chooses the backend, and the plain import is noisy
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

_register = keras.saving.register_keras_serializable("bundlebook")

#: Weights per period of age in the decayed rates: 1 counts everything alike, 0 sees the last period only.
DECAYS = (1.0, 0.9, 0.7, 0.4, 0.0)


def table_rows(table, index):
    """Take rows of a table of weights, shape (*index.shape, d).

    ``layers.Embedding`` gives sparse gradients on TensorFlow, which Adam treats lazily, and dense ones elsewhere;
    the product with one makes them dense everywhere, so the backends train alike.
    """
    return ops.take(table * 1.0, index, axis=0)


class _Layer(layers.Layer):
    """A layer that saves the arguments it was made with.

    It accepts a mask and passes none on, because the loss has its own weights.
    """

    #: Names of the arguments, in order.
    arguments: tuple[str, ...] = ()

    def __init__(self, *values, **options):
        given = dict(zip(self.arguments, values, strict=False))
        given |= {name: options.pop(name) for name in self.arguments if name in options}
        super().__init__(**options)
        self.supports_masking = True
        for name in self.arguments:
            setattr(self, name, given[name])

    def compute_mask(self, *_inputs, **_masks):
        return None

    def get_config(self):
        return super().get_config() | {name: getattr(self, name) for name in self.arguments}

    def vectors(self, name, n, width, spread=0.05):
        """Make a table of n small random vectors, shape (n, width)."""
        small = keras.initializers.RandomNormal(stddev=spread)
        return self.add_weight(shape=(n, width), initializer=small, name=name)

    def zeros(self, name, *shape, **options):
        """Make a weight that starts at 0."""
        return self.add_weight(shape=shape, initializer="zeros", name=name, **options)


@_register
class BasketEmbedding(_Layer):
    """x_t = tanh(Σ_i log(1 + units_ti) e_i + W_c c_t): what was bought in a period, and how much, as one vector.

    c_t holds log(1 + trips), log(1 + distinct items), the days since the last trip (in periods, 1 without a trip) and
    whether the user was known. Output (B, T, d).
    """

    arguments = ("n_items", "width")

    def build(self, *_shapes, **_named):
        self.table = self.vectors("items", self.n_items, self.width)
        self.context = self.add_weight(shape=(4, self.width), initializer="glorot_uniform", name="context")

    def call(self, item, units, recency, trips, seen):
        amount = ops.log1p(units)  # (B, K, T)
        goods = ops.einsum("bkt,bkd->btd", amount, table_rows(self.table, item))
        bought = recency > 0
        distinct = ops.sum(ops.cast(bought, "float32"), axis=1)  # (B, T)
        days = ops.min(ops.where(bought, recency, float(PERIOD_DAYS)), axis=1) / PERIOD_DAYS
        context = ops.stack([ops.log1p(trips), ops.log1p(distinct), days, seen], axis=-1)  # (B, T, 4)
        return ops.tanh(goods + ops.matmul(context, self.context))


@_register
class ItemLogits(_Layer):
    """logit_ti = h_t · o_i + b_i + g · trend_ti over all items, with b_i started at the item's log-odds; (B, T, I).

    trend_ti says how much more the whole shop sold of the item lately than on average so far. It is the same for all
    users and is set before training. Step t reads row t of the trends, or the rows that are given, (B, T); with `last`
    it reads the last row, which is the state of the shop at the day of the fit.
    """

    arguments = ("n_items", "n_rows", "spread")

    def build(self, state_shape, row_shape=None):
        self.table = self.vectors("items", self.n_items, state_shape[-1], self.spread)
        exact = {"autocast": False}  # a log-odds of -7.6 has two digits in sixteen bits
        self.bias = self.zeros("bias", self.n_items, **exact)
        self.gain = self.zeros("gain", **exact)
        self.trend = self.zeros("trend", self.n_rows, self.n_items, trainable=False, **exact)

    def start(self, examples):
        self.bias.assign(examples.item_log_odds())
        self.trend.assign(examples.trend())

    def call(self, state, row=None, last: bool = False):
        if row is None:
            trend = self.trend[-1:] if last else self.trend[: ops.shape(state)[1]]
        else:
            trend = ops.take(self.trend, row, axis=0)
        product = ops.cast(ops.matmul(state, ops.transpose(self.table)), "float32")
        return product + self.bias + self.gain * trend

    def compute_output_shape(self, state_shape, row_shape=None):
        return (*state_shape[:-1], self.n_items)  # given, because JAX infers shapes with lengths longer than the trend


@_register
class AdditiveLogits(_Layer):
    """The articles' W_p·[h_t; x_i] as printed: w_h · h_t + w_x · x_i, one linear W_p for both. Output (B, T, I)."""

    arguments = ("n_items", "width")

    def build(self, state):
        self.items = self.zeros("items", self.n_items, self.width)
        self.weights_items = self.add_weight(shape=(self.width,), initializer="ones", name="w_x")
        self.weights_state = self.add_weight(shape=(state[-1],), initializer="glorot_uniform", name="w_h")

    def start(self, examples):
        start = ops.convert_to_numpy(self.items).copy()
        start[:, 0] = examples.item_log_odds()
        self.items.assign(start)

    def call(self, state, last: bool = False):
        per_user = ops.einsum("btd,d->bt", state, self.weights_state)
        per_item = ops.matmul(self.items, self.weights_items)
        return per_user[:, :, None] + per_item


@_register
class RepeatFeatures(_Layer):
    """Counts of each (user, item) pair after each period, from matrices of decay; a layer without weights.

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
class RepeatLogits(_Layer):
    """r_{u,t,i}: a small network over the features of each pair, its item and the user's state. Output (B, K, T).

    Exactly 0 until the user has bought the item once, so that a padded pair changes nothing.
    """

    arguments = ("n_items", "hidden")

    def __init__(self, *values, **options):
        super().__init__(*values, **options)
        self.of_features = layers.Dense(self.hidden, name="features")
        self.of_state = layers.Dense(self.hidden, use_bias=False, name="state")
        self.second = layers.Dense(self.hidden, activation="relu", name="second")
        self.last = layers.Dense(1, name="last")

    def build(self, features_shape, item_shape, state_shape):
        self.table = self.zeros("items", self.n_items, self.hidden)
        self.log_odds = self.zeros("log_odds", self.n_items, 1, trainable=False)
        self.of_log_odds = self.add_weight(shape=(1, self.hidden), initializer="glorot_uniform", name="of_log_odds")
        inner = (*features_shape[:-1], self.hidden)
        self.of_features.build(features_shape)
        self.of_state.build(state_shape)
        self.second.build(inner)
        self.last.build(inner)

    def start(self, examples):
        self.log_odds.assign(examples.item_log_odds()[:, None])

    def call(self, features, item, state):
        # Log-odds run from -8 to 0; a third of them is about as large as the other inputs.
        sellers = ops.matmul(self.log_odds / 3.0, self.of_log_odds)
        of_item = table_rows(self.table + sellers, item)[:, :, None, :]  # (B, K, 1, H)
        of_state = self.of_state(state)[:, None, :, :]  # (B, 1, T, H)
        hidden = ops.relu(self.of_features(features) + of_item + of_state)
        correction = ops.cast(self.last(self.second(hidden))[..., 0], "float32")
        known = ops.cast(features[..., 0] > 0, "float32")  # decay 1: bought at least once so far
        return correction * known


@_register
class AddToItems(_Layer):
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


@_register
class VisitEmbedding(_Layer):
    """x_t = tanh(Σ_i log(1 + units_ti) e_i + W_c facts_t): one basket as one vector. Output (B, T, d)."""

    arguments = ("width",)

    def build(self, units_shape, facts_shape):
        self.table = self.vectors("items", units_shape[-1], self.width)
        self.of_facts = self.add_weight(shape=(facts_shape[-1], self.width), initializer="glorot_uniform", name="facts")

    def call(self, units, facts):
        return ops.tanh(ops.matmul(units, self.table) + ops.matmul(facts, self.of_facts))

    def compute_output_shape(self, units_shape, facts_shape):
        return (*units_shape[:-1], self.width)


@_register
class Waited(_Layer):
    """[h_t; w_t]: the state, and how long ago the visit was when the question is asked. Output (B, T, d + 1)."""

    def call(self, state, wait):
        return ops.concatenate([state, wait[..., None]], axis=-1)


class _CountedLogits(_Layer):
    """b_i (+ s_i x_i + a_i v), which a network of the family adds to its own number of an item. (B, T, I).

    s_i says how much a user's own purchases of i speak for another one, and a_i how much frequent visits do.
    """

    arguments: tuple[str, ...] = ("n_items", "repeat")

    def build_counted(self):
        self.bias = self.zeros("bias", self.n_items)
        if self.repeat:
            self.slope = self.add_weight(shape=(self.n_items,), initializer="ones", name="slope")
            self.of_visits = self.zeros("of_visits", self.n_items)

    def start(self, examples):
        self.bias.assign(examples.item_log_odds())

    def counted(self, history, visits):
        return self.bias + self.slope * history + self.of_visits * visits if self.repeat else self.bias


@_register
class InterestLogits(_CountedLogits):
    """logit_i = o_i · u + b_i (+ s_i x_i + a_i v): (B, T, d), x (B, T, I) and v (B, T, 1) → (B, T, I)."""

    def build(self, interest_shape, history_shape, visits_shape):
        self.table = self.vectors("items", self.n_items, interest_shape[-1])
        self.build_counted()

    def call(self, interest, history, visits):
        return ops.matmul(interest, ops.transpose(self.table)) + self.counted(history, visits)


@_register
class CosineLogits(_CountedLogits):
    """logit_i = γ cos(p, q_i) + b_i (+ s_i x_i + a_i v), q_i = g(column i): p (B, T, d), x (B, T, I), v → (B, T, I).

    The columns, (I, users), are constants that are set before training and again after it.
    """

    arguments = ("n_items", "n_users", "width", "repeat")

    def __init__(self, *values, **options):
        super().__init__(*values, **options)
        self.hidden = layers.Dense(self.width, activation="relu", name="column")
        self.last = layers.Dense(self.width, name="q")

    def build(self, row_shape, history_shape, visits_shape):
        self.columns = self.zeros("columns", self.n_items, self.n_users, trainable=False)
        self.hidden.build((self.n_items, self.n_users))
        self.last.build((self.n_items, self.width))
        self.gamma = self.add_weight(shape=(), initializer=keras.initializers.Constant(8.0), name="gamma")
        self.build_counted()

    def call(self, row, history, visits):
        column = self.last(self.hidden(self.columns))  # (I, d)
        cosine = ops.matmul(_unit(row), ops.transpose(_unit(column)))
        return self.gamma * cosine + self.counted(history, visits)


def _unit(vectors):
    """Vectors of length 1 along the last axis; a zero vector stays one."""
    return vectors * ops.rsqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True) + 1e-12)


@_register
class HideNumber(_Layer):
    """Replace a share of the numbers by 0 in training, and none otherwise: (B,) → (B,)."""

    arguments = ("share", "seed")

    def __init__(self, *values, **options):
        super().__init__(*values, **options)
        self.draws = keras.random.SeedGenerator(self.seed)

    def call(self, number, training=False):
        if not training:
            return number
        shown = keras.random.uniform(ops.shape(number), seed=self.draws) >= self.share
        return number * ops.cast(shown, number.dtype)


@_register
class PairLogits(_Layer):
    """logit_ui = w · ReLU(W [p_u; q_i] + b) + b_i for all items: (B,) → (B, 1, I).

    W [p_u; q_i] = W_p p_u + W_q q_i, so the halves are multiplied once per user and once per item, not once per pair.
    """

    arguments = ("n_users", "n_items", "width")

    def build(self, number_shape):
        small, square = keras.initializers.RandomNormal(stddev=0.1), (self.width, self.width)
        self.users = self.add_weight(shape=(self.n_users, self.width), initializer=small, name="users")
        self.items = self.add_weight(shape=(self.n_items, self.width), initializer=small, name="items")
        self.of_user = self.add_weight(shape=square, initializer="glorot_uniform", name="of_user")
        self.of_item = self.add_weight(shape=square, initializer="glorot_uniform", name="of_item")
        self.hidden_bias = self.zeros("hidden_bias", self.width)
        self.last = self.add_weight(shape=(self.width,), initializer=small, name="last")
        self.bias = self.zeros("bias", self.n_items)

    def start(self, examples):
        self.bias.assign(examples.item_log_odds())

    def call(self, number):
        user = ops.matmul(table_rows(self.users, number), self.of_user)  # (B, d)
        item = ops.matmul(self.items, self.of_item) + self.hidden_bias  # (I, d)
        hidden = ops.relu(user[:, None, :] + item)  # (B, I, d)
        return (ops.matmul(hidden, self.last) + self.bias)[:, None, :]

    def compute_output_shape(self, number_shape):
        return (number_shape[0], 1, self.n_items)
