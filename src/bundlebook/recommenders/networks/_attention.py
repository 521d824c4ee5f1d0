"""Layers of the Transformer in Keras 3: ``keras.ops`` only, so that one file trains on TensorFlow, JAX and PyTorch.

Only functions import this module, because it needs Keras. Shapes in comments: B users, T baskets, C items of a cart, S
tokens, I items, d width. A mask is True where a token may be read.
"""

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.networks._layers import _Layer, _register, table_rows
from bundlebook.recommenders.networks.backend import import_keras

import_keras()  # first: it chooses the backend
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

#: Added to the logit of an item that lies in the cart.
OUT = -1e9


@_register
class PreNormBlock(_Layer):
    """x ← x + attention(LN(x)), then x ← x + W₂ GELU(W₁ LN(x)): a Transformer block with its norms in front.

    No token has a place, so a permutation of the tokens permutes the output. With `first`, only the first token asks,
    which saves the rest of the last block.
    """

    arguments = ("heads", "hidden", "first")

    def build(self, x_shape, mask_shape=None):
        shape, width = x_shape, x_shape[-1]
        self.norm, self.norm_2 = (layers.LayerNormalization(epsilon=1e-5, name=f"norm_{n}") for n in (1, 2))
        self.attention = layers.MultiHeadAttention(self.heads, width // self.heads, name="attention")
        self.up = layers.Dense(self.hidden, activation="gelu", name="up")
        self.down = layers.Dense(width, name="down")
        for norm in (self.norm, self.norm_2):
            norm.build(shape)
        self.attention.build(shape, shape)
        self.up.build(shape)
        self.down.build((*shape[:-1], self.hidden))

    def call(self, x, mask):
        x = (x[:, :1] if self.first else x) + self.read(x, mask)
        return x + self.down(self.up(self.norm_2(x)))

    def read(self, x, mask, weights=False):
        """Return what attention adds, (N, S, d), and with `weights` also the weights, (N, heads, S, S)."""
        kind = keras.backend.standardize_dtype(mask.dtype)
        if kind != "bool":
            raise BundlebookError(
                f"a mask of {kind}", where="PreNormBlock", remedy="give bool: True where a token may be read"
            )
        normed = self.norm(x)  # (N, S, d)
        asks = normed[:, :1] if self.first else normed  # (N, 1 or S, d)
        return self.attention(asks, normed, attention_mask=mask, return_attention_scores=weights)

    def compute_output_shape(self, x_shape, mask_shape=None):
        return (x_shape[0], 1, x_shape[2]) if self.first else x_shape


@_register
class BasketTokens(_Layer):
    """x_t = tanh(Σ_i log(1 + units_ti) e_i + W facts_t) + p_{T−t}: (B, T, I), (B, T, 4) → (B, T, d).

    One token and one place per basket: the order of baskets is real, the order within a basket is not.
    """

    arguments = ("width", "n_steps")

    def build(self, units_shape, facts_shape, table_shape):
        self.of_facts = self.add_weight(shape=(facts_shape[-1], self.width), initializer="glorot_uniform", name="facts")
        self.place = self.vectors("place", self.n_steps, self.width)

    def call(self, units, facts, table):
        tokens = ops.tanh(ops.matmul(units, table) + ops.matmul(facts, self.of_facts))
        return tokens + self.place[self.n_steps - ops.shape(units)[1] :]

    def compute_output_shape(self, units_shape, facts_shape, table_shape):
        return (*units_shape[:-1], self.width)


@_register
class ItemTable(_Layer):
    """The vectors e_i of all items, (I, d); the input only tells the backend."""

    arguments = ("n_items", "width")

    def build(self, anything_shape):
        self.table = self.vectors("items", self.n_items, self.width)

    def call(self, anything):
        return self.table * 1.0

    def compute_output_shape(self, anything_shape):
        return (self.n_items, self.width)


@_register
class CartTokens(_Layer):
    """[ask + W state; e_i of the cart]: table (I, d), cart (B, T, C), state (B, T, s) → (B·T, 1 + C, d).

    A place of the cart that holds −1 is empty. The first token stands for the item that is missing.
    """

    def build(self, table_shape, cart_shape, state_shape=None):
        self.ask = self.vectors("ask", 1, table_shape[-1])
        if state_shape is not None:
            self.of_state = self.add_weight(
                shape=(state_shape[-1], table_shape[-1]), initializer="glorot_uniform", name="of_state"
            )

    def call(self, table, cart, state=None):
        rows, most, width = ops.shape(cart)[0] * ops.shape(cart)[1], ops.shape(cart)[2], table.shape[-1]
        items = table_rows(table, ops.reshape(ops.maximum(cart, 0), (rows, most)))  # (B·T, C, d)
        ask = ops.broadcast_to(self.ask, (rows, width))
        if state is not None:
            ask = ask + ops.reshape(ops.matmul(state, self.of_state), (rows, width))
        return ops.concatenate([ask[:, None], items], axis=1)

    def compute_output_shape(self, table_shape, cart_shape, state_shape=None):
        return (None, None if cart_shape[2] is None else cart_shape[2] + 1, table_shape[-1])


@_register
class CartMask(_Layer):
    """(B, T, C) → (B·T, 1, 1 + C): every token may read the first one and each place of the cart that is not empty."""

    def call(self, cart):
        flat = ops.reshape(cart, (-1, 1, ops.shape(cart)[2])) >= 0
        return ops.concatenate([ops.ones_like(flat[:, :, :1]), flat], axis=-1)

    def compute_output_spec(self, cart):
        return keras.KerasTensor((None, 1, None if cart.shape[2] is None else cart.shape[2] + 1), dtype="bool")


@_register
class CausalMask(_Layer):
    """(B, T) → (B, T, T): basket t may read the baskets s ≤ t that are there."""

    def call(self, seen):
        step = ops.arange(ops.shape(seen)[1])
        return ops.logical_and(step[None, :] <= step[:, None], (seen > 0)[:, None, :])

    def compute_output_spec(self, seen):
        return keras.KerasTensor((seen.shape[0], seen.shape[1], seen.shape[1]), dtype="bool")


@_register
class FirstToken(_Layer):
    """The first token of each set, as (B, T, d)."""

    def call(self, tokens, cart):
        return ops.reshape(tokens[:, 0], (ops.shape(cart)[0], ops.shape(cart)[1], tokens.shape[-1]))

    def compute_output_shape(self, tokens_shape, cart_shape):
        return (*cart_shape[:2], tokens_shape[-1])


@_register
class Habits(_Layer):
    """Share of the user's decayed baskets that held each item known: features (B, K, T, F) → (B, K, T)."""

    arguments = ("column",)

    def call(self, features):
        known = ops.cast(features[..., 0] > 0, "float32")
        return known * ops.exp(features[..., self.column])

    def compute_output_shape(self, features_shape):
        return features_shape[:-1]


@_register
class NoLogits(_Layer):
    """Zeros for every item, to which others are added: (B, T, I) → (B, T, I)."""

    def call(self, held):
        return held * 0.0

    def compute_output_shape(self, held_shape):
        return held_shape


@_register
class KnownTerms(_Layer):
    r"""β · (e, ln e, ln f, ln(e + f), ln π) of every item: e (B, T, I) and f (B, T, I) → (B, T, I).

    e is the score of a linear model for the cart, f the user's habit with a share a of π added, π the share of baskets.
    Without a habit only e, ln e and ln π are there. Holds the linear model's weights W (I, I) for whoever makes e, and
    the mean size of a basket.
    """

    arguments = ("n_items", "links")

    #: Smallest e, so that it has a logarithm.
    FLOOR = 1e-3

    def build(self, link_shape, habit_shape=None):
        self.log_share = self.zeros("log_share", self.n_items, trainable=False)
        self.size = self.zeros("size", trainable=False)
        rows = self.n_items if self.links else 0
        self.weights_of_links = self.zeros("links", rows, self.n_items, trainable=False)
        self.beta = self.zeros("beta", 5)
        if habit_shape is not None:
            self.log_part = self.add_weight(shape=(), initializer=keras.initializers.Constant(-1.5), name="part")

    def start(self, examples):
        self.log_share.assign(examples.log_share())
        self.size.assign(examples.visible.sizes().mean())
        first = ops.convert_to_numpy(self.beta).copy()
        first[3 if examples.history else 1] = 1.0 if self.links or examples.history else 0.0
        self.beta.assign(first)

    def call(self, link, habit=None):
        e = ops.maximum(link, self.FLOOR)
        terms = self.beta[0] * e + self.beta[1] * ops.log(e) + self.beta[4] * self.log_share
        if habit is None:
            return terms
        f = habit + ops.exp(self.log_part + self.log_share)
        return terms + self.beta[2] * ops.log(f) + self.beta[3] * ops.log(e + f)

    def compute_output_shape(self, link_shape, habit_shape=None):
        return link_shape


@_register
class WithoutCart(_Layer):
    """Take what lies in the cart out of the choice: (B, T, I), held (B, T, I) → (B, T, I)."""

    def call(self, logits, held):
        return logits + OUT * held

    def compute_output_shape(self, logits_shape, held_shape):
        return logits_shape


@_register
class HiddenItemsLoss(keras.losses.Loss):
    """−mean over the hidden items of ln softmax(logits), over the full vocabulary, for each step; 0 if none."""

    def call(self, hidden, logits):
        log_q = ops.log_softmax(logits, axis=-1)
        return -ops.sum(hidden * log_q, axis=-1) / ops.maximum(ops.sum(hidden, axis=-1), 1.0)
