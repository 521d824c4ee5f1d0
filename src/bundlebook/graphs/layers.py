r"""Graph layers in Keras 3: ``keras.ops`` only, so that one file trains on TensorFlow, JAX and PyTorch.

Two operations are enough. :func:`send` takes the row of each message's source and adds up what arrives at each target;
:func:`attend` turns a score per message into shares that add up to 1 at each target. Every layer is called with a
table of nodes, shape (n_nodes, d), and the messages of :meth:`Graph.messages`.

Import the module, ``from bundlebook.graphs import layers``: it needs Keras, so it is loaded when it is asked for.
"""

from bundlebook.recommenders import import_keras

import_keras()  # first: it chooses the backend, and the plain import is noisy
import keras  # noqa: E402
from keras import ops  # noqa: E402

from bundlebook.errors import BundlebookError  # noqa: E402


def send(values, source, target, weight=None, n_nodes=None):
    r"""Add up what arrives: :math:`h_i = \sum_{j \to i} w_{ij} x_j`, shape (n_nodes, d).

    Parameters
    ----------
    values : tensor, shape (n_sources, d)
    source, target : int tensors, shape (n_messages,)
    weight : tensor, shape (n_messages,), optional
        1 if not given.
    n_nodes : int, optional
        Number of targets; that of the sources if not given. A target without messages gets zeros.
    """
    messages = ops.take(values * 1.0, source, axis=0)  # times one: dense gradients on every backend
    if weight is not None:
        messages = messages * weight[:, None]
    return ops.segment_sum(messages, target, num_segments=n_nodes or values.shape[0])


def attend(score, target, n_nodes):
    r"""Softmax over the messages of each target, shape (n_messages,): :math:`e^{s_m} / \sum_{m' \to i} e^{s_{m'}}`.

    A target without messages has nothing to share out; its maximum would be −3·10³⁸ and is set to 0.
    """
    most = ops.segment_max(score, target, num_segments=n_nodes)
    most = ops.where(most > -1e30, most, 0.0)
    share = ops.exp(score - ops.take(most, target))
    total = ops.segment_sum(share, target, num_segments=n_nodes)
    return share / ops.take(total, target)


class GraphConvolution(keras.layers.Layer):
    r"""Smooth, then mix (图卷积): :math:`H = \phi(\hat A X W + b)`.

    Parameters
    ----------
    width : int
        Columns of H.
    activation : str, optional
        φ; none if not given.

    References
    ----------
    T. Kipf, M. Welling: Semi-supervised classification with graph convolutional networks. ICLR 2017.
    """

    def __init__(self, width: int, activation: str | None = None, **options):
        super().__init__(**options)
        self.width, self.activation = width, keras.activations.get(activation)

    def build(self, nodes_shape, *_messages):
        self.kernel = self.add_weight(shape=(nodes_shape[-1], self.width), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.width,), initializer="zeros", name="bias")

    def call(self, nodes, source, target, weight):
        mixed = ops.matmul(nodes, self.kernel)  # mixing first: fewer columns are sent
        return self.activation(send(mixed, source, target, weight) + self.bias)


class GraphAttention(keras.layers.Layer):
    r"""Attention over neighbours (图注意力): :math:`h_i = \sum_{j \to i} \alpha_{ij} W x_j`.

    .. math:: \text{GAT: } s_{ij} = \operatorname{LeakyReLU}(a^\top [W x_j; U x_i]), \qquad
              \text{GATv2: } s_{ij} = a^\top \operatorname{LeakyReLU}(W x_j + U x_i)

    with :math:`U = W` in GAT, one a of twice the width, and α the softmax of s over the messages of i.

    Parameters
    ----------
    width : int
        Columns per head.
    heads : int
        Heads, whose results stand beside each other.
    dynamic : bool
        GATv2 instead of GAT.
    slope : float
        Slope of LeakyReLU below 0.

    References
    ----------
    P. Veličković and others: Graph attention networks. ICLR 2018.
    S. Brody, U. Alon, E. Yahav: How attentive are graph attention networks? ICLR 2022.
    """

    def __init__(self, width: int, heads: int = 1, dynamic: bool = False, slope: float = 0.2, **options):
        super().__init__(**options)
        self.width, self.heads, self.dynamic, self.slope = width, heads, dynamic, slope

    def build(self, nodes_shape, *_messages):
        shape, glorot = (self.heads, nodes_shape[-1], self.width), "glorot_uniform"
        self.of_source = self.add_weight(shape=shape, initializer=glorot, name="source")
        if self.dynamic:
            self.of_target = self.add_weight(shape=shape, initializer=glorot, name="target")
        width = self.width if self.dynamic else 2 * self.width
        self.score = self.add_weight(shape=(self.heads, width), initializer=glorot, name="score")

    def shares(self, nodes, source, target, head=0):
        """Return α of every message, shape (n_messages,), and the values that are sent, shape (n_nodes, width)."""
        sent = ops.matmul(nodes, self.of_source[head])
        a = self.score[head]
        if self.dynamic:
            got = ops.matmul(nodes, self.of_target[head])
            both = ops.take(sent, source, axis=0) + ops.take(got, target, axis=0)
            score = ops.matmul(ops.leaky_relu(both, self.slope), a)
        else:  # the product with a splits into one number of the source and one of the target
            of_source, of_target = ops.matmul(sent, a[: self.width]), ops.matmul(sent, a[self.width :])
            score = ops.leaky_relu(ops.take(of_source, source) + ops.take(of_target, target), self.slope)
        return attend(score, target, nodes.shape[0]), sent

    def call(self, nodes, source, target, weight=None):
        heads = []
        for head in range(self.heads):
            share, sent = self.shares(nodes, source, target, head)
            heads.append(send(sent, source, target, share))
        return ops.concatenate(heads, axis=-1)


def light_propagation(nodes, source, target, weight, depth: int):
    r"""LightGCN: the mean of the table and its smoothed copies, without weights: :math:`\frac1{K+1}\sum_k \hat A^k X`.

    References
    ----------
    X. He and others: LightGCN: Simplifying and powering graph convolution network for recommendation. SIGIR 2020.
    """
    if depth < 0:
        raise BundlebookError(f"depth {depth}", where="light_propagation", remedy="use 0 or more")
    total = nodes
    for _ in range(depth):
        nodes = send(nodes, source, target, weight)
        total = total + nodes
    return total / (depth + 1)


def inner_product(nodes, first, second):
    """Decoder of the graph auto-encoder (图自编码器): one logit per pair, shape (n_pairs,)."""
    return ops.sum(ops.take(nodes, first, axis=0) * ops.take(nodes, second, axis=0), axis=-1)
