"""Layers of the feed-forward networks in Keras 3: ``keras.ops`` only, so one file trains on every backend.

Imported by functions only (it needs Keras). Shapes in comments: B users, T periods, I items, d width.
"""

from bundlebook.recommenders._keras import import_keras
from bundlebook.recommenders._networks import table_rows

keras = import_keras()
layers, ops = keras.layers, keras.ops
_register = keras.saving.register_keras_serializable("bundlebook")


class _ItemLogits(layers.Layer):
    """b_i (+ s_i x_i + a_i v): what every network adds to its own number of an item. (B, T, I).

    s_i says how much a customer's own purchases of i speak for another one, and a_i how much frequent visits do.
    """

    def __init__(self, n_items: int, repeat: bool, **options):
        super().__init__(**options)
        self.n_items, self.repeat = n_items, repeat

    def build_counted(self):
        self.bias = self.add_weight(shape=(self.n_items,), initializer="zeros", name="bias")
        if self.repeat:
            self.slope = self.add_weight(shape=(self.n_items,), initializer="ones", name="slope")
            self.of_visits = self.add_weight(shape=(self.n_items,), initializer="zeros", name="of_visits")

    def counted(self, history, visits):
        return self.bias + self.slope * history + self.of_visits * visits if self.repeat else self.bias

    def get_config(self):
        return super().get_config() | {"n_items": self.n_items, "repeat": self.repeat}


@_register
class InterestLogits(_ItemLogits):
    """logit_i = o_i · u + b_i (+ s_i x_i + a_i v): (B, T, d), x (B, T, I) and v (B, T, 1) → (B, T, I)."""

    def build(self, interest_shape, history_shape, visits_shape):
        small = keras.initializers.RandomNormal(stddev=0.05)
        self.table = self.add_weight(shape=(self.n_items, interest_shape[-1]), initializer=small, name="items")
        self.build_counted()
        self.built = True

    def call(self, interest, history, visits):
        return ops.matmul(interest, ops.transpose(self.table)) + self.counted(history, visits)


@_register
class CosineLogits(_ItemLogits):
    """logit_i = γ cos(p, q_i) + b_i (+ s_i x_i + a_i v), q_i = g(column i): p (B, T, d), x (B, T, I), v → (B, T, I).

    The columns, (I, users), are a constant that is set before training and again after it.
    """

    def __init__(self, n_items: int, n_users: int, width: int, repeat: bool, **options):
        super().__init__(n_items, repeat, **options)
        self.n_users, self.width = n_users, width
        self.hidden = layers.Dense(width, activation="relu", name="column")
        self.last = layers.Dense(width, name="q")

    def build(self, row_shape, history_shape, visits_shape):
        shape = (self.n_items, self.n_users)
        self.columns = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="columns")
        self.hidden.build(shape)
        self.last.build((self.n_items, self.width))
        self.gamma = self.add_weight(shape=(), initializer=keras.initializers.Constant(8.0), name="gamma")
        self.build_counted()
        self.built = True

    def call(self, row, history, visits):
        column = self.last(self.hidden(self.columns))  # (I, d)
        cosine = ops.matmul(_unit(row), ops.transpose(_unit(column)))
        return self.gamma * cosine + self.counted(history, visits)

    def get_config(self):
        return super().get_config() | {"n_users": self.n_users, "width": self.width}


def _unit(vectors):
    """Vectors of length 1 along the last axis; a zero vector stays one."""
    return vectors * ops.rsqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True) + 1e-12)


@_register
class HideNumber(layers.Layer):
    """Replace a share of the numbers by 0 in training, and none otherwise: (B,) → (B,)."""

    def __init__(self, share: float, seed: int, **options):
        super().__init__(**options)
        self.share, self.seed = share, seed
        self.draws = keras.random.SeedGenerator(seed)

    def call(self, number, training=False):
        if not training:
            return number
        shown = keras.random.uniform(ops.shape(number), seed=self.draws) >= self.share
        return number * ops.cast(shown, number.dtype)

    def get_config(self):
        return super().get_config() | {"share": self.share, "seed": self.seed}


@_register
class PairLogits(layers.Layer):
    """logit_ui = w · ReLU(W [p_u; q_i] + b) + b_i for all items: (B,) → (B, 1, I).

    W [p_u; q_i] = W_p p_u + W_q q_i, so each half is multiplied once a user and once an item instead of once a pair.
    """

    def __init__(self, n_users: int, n_items: int, width: int, **options):
        super().__init__(**options)
        self.n_users, self.n_items, self.width = n_users, n_items, width

    def build(self, number_shape):
        small, square = keras.initializers.RandomNormal(stddev=0.1), (self.width, self.width)
        self.users = self.add_weight(shape=(self.n_users, self.width), initializer=small, name="users")
        self.items = self.add_weight(shape=(self.n_items, self.width), initializer=small, name="items")
        self.of_user = self.add_weight(shape=square, initializer="glorot_uniform", name="of_user")
        self.of_item = self.add_weight(shape=square, initializer="glorot_uniform", name="of_item")
        self.hidden_bias = self.add_weight(shape=(self.width,), initializer="zeros", name="hidden_bias")
        self.last = self.add_weight(shape=(self.width,), initializer=small, name="last")
        self.bias = self.add_weight(shape=(self.n_items,), initializer="zeros", name="bias")
        self.built = True

    def call(self, number):
        user = ops.matmul(table_rows(self.users, number), self.of_user)  # (B, d)
        item = ops.matmul(self.items, self.of_item) + self.hidden_bias  # (I, d)
        hidden = ops.relu(user[:, None, :] + item)  # (B, I, d)
        return (ops.matmul(hidden, self.last) + self.bias)[:, None, :]

    def compute_output_shape(self, number_shape):
        return (number_shape[0], 1, self.n_items)

    def get_config(self):
        return super().get_config() | {"n_users": self.n_users, "n_items": self.n_items, "width": self.width}
