"""The graph auto-encoder: two rounds of smoothing, a decoder, and edges hidden from it while it learns."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.graphs.graph import Graph

_Decoder = Literal["inner", "signed"]
#: All pairs are scored at once: so many nodes take some 200 MB.
_MOST_NODES = 5000


@dataclass(eq=False)
class GraphAutoEncoder:
    r"""Vectors of nodes from which their edges can be told (图自编码器).

    .. math:: H = \operatorname{ReLU}(\hat A X W_1 + b_1), \quad Z = X W_0 + \hat A H W_2 + b_2, \qquad
              \ell_{ij} = z_i^\top \operatorname{diag}(r)\, z_j / \sqrt d + c_i + c_j

    In each step a share of the edges carries no messages. Those are the positive labels, and the pairs without an edge
    the negative ones: an edge that carries messages is never a label. The loss is the mean cross entropy.

    Parameters
    ----------
    width, hidden : int
        d, and columns of H.
    decoder : {"signed", "inner"}
        Whether r is learned, or 1 everywhere, as in the original.
    messages : bool
        False cuts all edges out of Â: what do the features say alone?
    steps : int
    rate : float
        Learning rate of Adam.
    dropped : float
        Share of the edges that is hidden in a step.
    dropout : float
        Share of the features and of H that is set to 0 in a step.
    every : int
        Keep the logits after so many steps as checkpoints; 0 keeps none.

    References
    ----------
    T. Kipf, M. Welling: Variational graph auto-encoders. 2016.
    """

    width: int = 64
    hidden: int = 64
    decoder: _Decoder = "signed"
    messages: bool = True
    steps: int = 200
    rate: float = 0.01
    dropped: float = 0.3
    dropout: float = 0.2
    every: int = 0

    def __post_init__(self) -> None:
        if self.decoder not in get_args(_Decoder):
            remedy = f"use one of {', '.join(get_args(_Decoder))}"
            raise BundlebookError(f"unknown decoder {self.decoder!r}", where="GraphAutoEncoder", remedy=remedy)
        if not (min(self.width, self.hidden, self.steps) >= 1 and self.rate > 0 and 0 < self.dropped < 1):
            raise BundlebookError(f"{self}", where="GraphAutoEncoder", remedy="sizes from 1 on, 0 < dropped < 1")

    def fit(self, graph: Graph, features: np.ndarray, *, seed: int) -> Self:
        """Learn from the edges of a graph.

        Parameters
        ----------
        graph : Graph
        features : ndarray, shape (n_nodes, f)
            What is known of the nodes. They are scaled by their standard deviation.
        seed : int

        Returns
        -------
        GraphAutoEncoder
            With ``z_``, shape (n_nodes, width); ``logits_``, shape (n_nodes, n_nodes); ``losses_``, shape (steps,);
            ``checkpoints_``, logits by step.

        Raises
        ------
        BundlebookError
            If there is no edge to learn from, the features do not fit the nodes, or there are too many nodes.
        """
        features = np.asarray(features, dtype=np.float32)
        n = graph.n_nodes
        where = "GraphAutoEncoder"
        if features.ndim != 2 or len(features) != n or not np.isfinite(features).all():
            problem = f"features of shape {features.shape} for {n} nodes, or not finite"
            raise BundlebookError(problem, where=where, remedy="give one finite row per node")
        if graph.n_edges < 2:
            remedy = "use more baskets, or a larger alpha"
            raise BundlebookError(f"{graph.n_edges} edges, nothing can be learned", where=where, remedy=remedy)
        if n > _MOST_NODES:
            remedy = f"keep the {_MOST_NODES:,} most popular items"
            raise BundlebookError(f"{n:,} nodes, all pairs do not fit", where=where, remedy=remedy)
        from bundlebook.recommenders import seed_everything

        seed_everything(seed)
        from bundlebook.graphs._networks import AutoEncoder

        rng = np.random.default_rng(seed)
        source, target, _ = graph.messages()
        network = AutoEncoder(features / max(float(features.std()), 1e-12), source, target, self)
        loops = source == target
        edge = np.full((n, n), -1)
        edge[graph.first, graph.second] = edge[graph.second, graph.first] = np.arange(graph.n_edges)
        number = edge[source, target]  # of the edge that each message runs along; −1 for a self-loop
        labels = (edge >= 0).astype(np.float32)
        np.fill_diagonal(labels, -1.0)  # −1: no label

        def weights(kept: np.ndarray) -> np.ndarray:
            runs = loops | (kept[number] & self.messages)
            size = np.bincount(target[runs], minlength=n)
            return np.where(runs, 1 / np.sqrt(size[source] * size[target]), 0).astype(np.float32)

        self.losses_, self.checkpoints_ = np.zeros(self.steps), {}
        everything = weights(np.ones(graph.n_edges, dtype=bool))[None]
        for step in range(self.steps):
            kept = rng.random(graph.n_edges) >= self.dropped
            asked = labels.copy()
            i, j = graph.first[kept], graph.second[kept]
            asked[i, j] = asked[j, i] = -1.0
            self.losses_[step] = network.train_on_batch(weights(kept)[None], asked[None])
            if self.every and (step + 1) % self.every == 0:
                self.checkpoints_[step + 1] = np.asarray(network.predict_on_batch(everything))[0]
        self.z_ = network.encoded(everything)
        self.logits_ = np.asarray(network.predict_on_batch(everything))[0]
        return self

    def scores(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Logits of pairs of nodes, shape (n_pairs,)."""
        return self.logits_[first, second]
