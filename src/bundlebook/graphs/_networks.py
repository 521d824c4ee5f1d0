"""The trained networks of the room, in Keras 3. Only functions import this module, because it needs Keras."""

import numpy as np

from bundlebook.recommenders import import_keras

import_keras()  # first: it chooses the backend, and the plain import is noisy
import keras  # noqa: E402
from keras import ops  # noqa: E402

from bundlebook.graphs import layers  # noqa: E402
from bundlebook.graphs.closed_form import idf_rows  # noqa: E402


def _labelled_cross_entropy(labels, logits):
    """Mean cross entropy over the pairs whose label is not −1."""
    asked = ops.cast(labels >= 0, logits.dtype)
    loss = ops.maximum(logits, 0) - logits * ops.maximum(labels, 0) + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.sum(loss * asked) / ops.maximum(ops.sum(asked), 1)


class AutoEncoder(keras.Model):
    """The network of ``GraphAutoEncoder``: weights of all messages, (1, m), to logits of all pairs, (1, n, n)."""

    def __init__(self, features: np.ndarray, source: np.ndarray, target: np.ndarray, settings):
        super().__init__()
        self.features = ops.convert_to_tensor(features)
        self.source, self.target = ops.convert_to_tensor(source), ops.convert_to_tensor(target)
        self.first = layers.GraphConvolution(settings.hidden, "relu", name="first")
        self.second = layers.GraphConvolution(settings.width, name="second")
        self.beside = keras.layers.Dense(settings.width, use_bias=False, name="beside")
        self.drop = keras.layers.Dropout(settings.dropout), keras.layers.Dropout(settings.dropout)
        learned = settings.decoder == "signed"
        n = len(features)
        self.sign = self.add_weight(shape=(settings.width,), initializer="ones", trainable=learned, name="sign")
        self.own = self.add_weight(shape=(n,), initializer="zeros", name="own")
        self.level = self.add_weight(shape=(), initializer=keras.initializers.Constant(-4.0), name="level")
        self.scale = settings.width**-0.5
        self.compile(optimizer=keras.optimizers.Adam(settings.rate), loss=_labelled_cross_entropy)

    def _encode(self, weight, training):
        x = self.drop[0](self.features, training=training)  # (n, f)
        h = self.drop[1](self.first(x, self.source, self.target, weight), training=training)  # (n, h)
        return self.beside(x) + self.second(h, self.source, self.target, weight)  # (n, d)

    def call(self, weight, training=False):
        z = self._encode(weight[0], training)
        logits = ops.matmul(z * self.sign, ops.transpose(z)) * self.scale
        return (logits + self.own[:, None] + self.own[None] + self.level)[None]

    def encoded(self, weight) -> np.ndarray:
        return ops.convert_to_numpy(self._encode(ops.convert_to_tensor(weight[0]), False))


class Completer(keras.Model):
    """The network of ``BasketGraph``: carts (B, I) and edges (B, I) to logits (B, I)."""

    def __init__(self, messages: tuple[np.ndarray, ...], share: np.ndarray, settings):
        super().__init__()
        self.messages = tuple(ops.convert_to_tensor(part) for part in messages)
        self.depth, self.history = settings.depth, settings.history
        small = keras.initializers.RandomNormal(stddev=0.1)
        shape = (len(share), settings.width)
        self.items = self.add_weight(shape=shape, initializer=small, name="items")
        self.answers = self.add_weight(shape=shape, initializer=small, name="answers")
        self.level = self.add_weight(shape=(len(share),), initializer="zeros", name="level")
        self.of_user = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.1), name="of_user")
        self.of_edge = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.5), name="of_edge")
        self.level.assign(np.log(share) * (0.5 if settings.history else 1.0))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.compile(optimizer=keras.optimizers.Adam(settings.rate), loss=loss)

    def call(self, inputs, training=False):
        carts, edges = inputs
        source, target, weight = self.messages
        items = layers.light_propagation(self.items, source, target, weight, self.depth)  # (I, d)
        z = ops.matmul(carts, items) / ops.sqrt(ops.maximum(ops.sum(carts, axis=-1, keepdims=True), 1.0))
        logits = self.level
        if self.history:
            z = z + self.of_user * ops.matmul(edges, items)
            logits = logits + self.of_edge * ops.log(edges)
        return logits + ops.matmul(z, ops.transpose(self.answers)) - 1e9 * carts  # what lies in it is no answer


def _cross_entropy_of_rows(labels, scores):
    """Mean over all positive labels of −ln softmax, both (1, B, n_bundles)."""
    share = scores - ops.logsumexp(scores, axis=-1, keepdims=True)
    return -ops.sum(labels * share) / ops.maximum(ops.sum(labels), 1)


class TwoViews(keras.Model):
    """The network of ``CrossView``: users (1, B), bundles (1, B) and edge weights to scores, (1, B, n_bundles).

    Every input has a first axis of length 1, as a batch is one graph.
    """

    def __init__(self, data, users: np.ndarray, settings):
        super().__init__()
        taken = data.user_bundle["train"][users]
        bought, content = idf_rows(data.user_item)[users].tocoo(), idf_rows(data.bundle_item).tocoo()
        self.users_bundles = self._pair(taken.tocoo())
        self.users_items, self.bought = self._pair(bought), self._float(bought.data)
        self.content, self.inside = self._pair(content), self._float(content.data)
        self.sizes, self.settings = (len(users), *data.shape[1:]), settings
        small = keras.initializers.RandomNormal(stddev=0.1)
        many = dict(zip(("bundles", "items"), self.sizes[1:], strict=True))
        if settings.own:
            many |= {"users_b": len(users), "users_i": len(users)}
        self.tables = {
            name: self.add_weight(shape=(size, settings.width), initializer=small, name=name)
            for name, size in many.items()
        }
        self.level = self.add_weight(shape=(data.shape[1],), initializer="zeros", name="level")
        n = np.asarray(taken.sum(axis=0)).ravel()
        self.level.assign(np.log((n + 0.5) / (n + 0.5).sum()))  # popularity need not be learned
        self.drop = keras.layers.Dropout(settings.dropped)
        steps = settings.epochs * -(-len(users) // settings.batch)
        rate = keras.optimizers.schedules.CosineDecay(settings.rate, steps)
        self.compile(optimizer=keras.optimizers.Adam(rate), loss=_cross_entropy_of_rows)

    @staticmethod
    def _pair(matrix):
        return tuple(ops.convert_to_tensor(part.astype(np.int32)) for part in (matrix.row, matrix.col))

    @staticmethod
    def _float(values):
        return ops.convert_to_tensor(np.asarray(values, dtype=np.float32))

    def _round(self, edges, weight, rows, columns, own, other):
        """One round of LightGCN between two kinds of nodes: what each gets, plus what it is."""
        row, column = edges
        to_rows = layers.send(self.tables[other], column, row, weight, rows)
        to_columns = self.tables[other]
        if own in self.tables:
            to_rows = to_rows + self.tables[own]
            to_columns = to_columns + layers.send(self.tables[own], row, column, weight, columns)
        return to_rows, to_columns

    def views(self, weight, training):
        """Users and bundles in both views: (U, d), (B, d), (U, d), (B, d)."""
        n_users, n_bundles, n_items = self.sizes
        user_b, bundle_b = self._round(self.users_bundles, weight, n_users, n_bundles, "users_b", "bundles")
        bought = self.drop(self.bought, training=training)
        user_i, item = self._round(self.users_items, bought, n_users, n_items, "users_i", "items")
        bundle, inside = self.content
        bundle_i = layers.send(item, inside, bundle, self.drop(self.inside, training=training), n_bundles)
        return user_b, bundle_b, user_i, bundle_i

    def call(self, inputs, training=False):
        rows, some, weight = (part[0] for part in inputs)
        user_b, bundle_b, user_i, bundle_i = self.views(weight, training)
        mine_b, mine_i = ops.take(user_b, rows, axis=0), ops.take(user_i, rows, axis=0)
        if training:
            pairs = (mine_b, mine_i), (ops.take(bundle_b, some, axis=0), ops.take(bundle_i, some, axis=0))
            agree = sum(self._agree(*pair) for pair in pairs)
            squares = sum(ops.sum(ops.square(table)) for table in self.tables.values())
            self.add_loss(self.settings.agree * agree + self.settings.l2 * squares)
        scores = ops.matmul(mine_b, ops.transpose(bundle_b)) + ops.matmul(mine_i, ops.transpose(bundle_i))
        return (scores + self.level)[None]

    def _agree(self, one, two):
        one, two = keras.utils.normalize(one, order=2), keras.utils.normalize(two, order=2)
        cosine = ops.matmul(one, ops.transpose(two)) / self.settings.temperature
        return ops.mean(ops.logsumexp(cosine, axis=1) - ops.sum(one * two, axis=1) / self.settings.temperature)

    def all_scores(self, weight: np.ndarray) -> np.ndarray:
        user_b, bundle_b, user_i, bundle_i = map(ops.convert_to_numpy, self.views(self._float(weight), False))
        return user_b @ bundle_b.T + user_i @ bundle_i.T + ops.convert_to_numpy(self.level)
