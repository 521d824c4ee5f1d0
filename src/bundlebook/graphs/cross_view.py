"""A network with two views of users and bundles: who took which bundle, and which items are in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.graphs.bundle_data import BundleData
from bundlebook.graphs.closed_form import two_sided


@dataclass(eq=False)
class CrossView:
    r"""Two graphs, one score, and a loss that makes the two agree: the idea of CrossCBR, with a full softmax.

    .. math:: S_{ub} = {z_u^{B}}^\top z_b^{B} + {z_u^{I}}^\top z_b^{I} + c_b, \qquad
              L = -\frac{1}{|E|} \sum_{(u, b) \in E} \ln \frac{e^{S_{ub}}}{\sum_{b'} e^{S_{ub'}}}
              + \beta\, (L_{\text{users}} + L_{\text{bundles}})

    In the bundle view one round of LightGCN runs over the user–bundle graph. In the item view users and bundles are
    sums of their items: an item that n_i of n rows hold weighs :math:`\ln(n / n_i)`, as rare items tell more, and the
    weights of a user or of a bundle have length 1. :math:`L_{\text{users}}` is the cross entropy of finding a user's
    other view among those of the batch, by cosine over a temperature. In each step a share of the user–bundle edges
    carries no messages, and those alone are the positive labels. The numbers c start at the log of the bundles'
    popularity, and the learning rate falls to 0 along a cosine.

    Parameters
    ----------
    width : int
        Length of a vector in each view.
    own : bool
        Whether users have vectors of their own, or are what their neighbours send.
    hidden, dropped : float
        Share of the user–bundle edges that are hidden in a step, and of the edges to items that are dropped.
    agree, temperature : float
        β and the temperature.
    l2 : float
        Weight of the sum of squares.
    rate : float
        First learning rate of Adam.
    epochs, batch : int
        Passes over the users, and users per step.
    every : int
        Epochs between two looks at the tune part.
    seed : int

    References
    ----------
    Y. Ma and others: CrossCBR: Cross-view contrastive learning for bundle recommendation. KDD 2022.
    """

    width: int = 64
    own: bool = True
    hidden: float = 0.5
    dropped: float = 0.3
    agree: float = 0.05
    temperature: float = 0.2
    l2: float = 1e-5
    rate: float = 0.005
    epochs: int = 30
    batch: int = 592
    every: int = 3
    seed: int = 0

    def fit(
        self,
        data: BundleData,
        users: np.ndarray,
        judge: Callable[[np.ndarray], float],
        tell: Callable[[int, float], None] | None = None,
    ) -> Self:
        """Train on the training part, and keep the epoch that *judge* likes best.

        Parameters
        ----------
        data : BundleData
        users : ndarray of int
            Users with a training pair. The others count only for the weights of the items.
        judge : callable
            Takes scores, shape (len(users), n_bundles), and returns what is to be large, measured on the tune part.
        tell : callable, optional
            Is given the epoch and what *judge* said.

        Returns
        -------
        CrossView
            With ``scores_``, float32, of the best epoch, ``epoch_`` and ``curve_``, all that *judge* said.
        """
        if not (min(self.width, self.epochs, self.batch, self.every) >= 1 and 0 < self.hidden < 1 and self.rate > 0):
            raise BundlebookError(f"{self}", where="CrossView", remedy="sizes from 1 on, 0 < hidden < 1")
        taken = data.user_bundle["train"][users].tocoo()
        nothing = np.flatnonzero(np.bincount(taken.row, minlength=len(users)) == 0)
        if len(nothing):
            problem = f"user {users[nothing[0]]} has no training pair"
            raise BundlebookError(problem, where="CrossView", remedy="give the users that have one")
        from bundlebook.recommenders import seed_everything

        seed_everything(self.seed)
        from bundlebook.graphs._networks import TwoViews

        network = TwoViews(data, users, self)
        rng, shape = np.random.default_rng(self.seed), (len(users), data.shape[1])

        def weights(kept: np.ndarray) -> np.ndarray:
            scaled = two_sided(sparse.csr_matrix((kept, (taken.row, taken.col)), shape))
            return np.asarray(scaled[taken.row, taken.col], dtype=np.float32).ravel()

        self.curve_: dict[int, float] = {}
        everything = weights(np.ones(taken.nnz))
        for epoch in range(1, self.epochs + 1):
            order = rng.permutation(len(users))
            for low in range(0, len(order), self.batch):
                rows = order[low : low + self.batch]
                kept = (rng.random(taken.nnz) >= self.hidden).astype(np.float64)
                labels = sparse.csr_matrix((1 - kept, (taken.row, taken.col)), shape)[rows].toarray()
                some = rng.integers(0, shape[1], len(rows))
                inputs = [part[None] for part in (rows.astype(np.int32), some.astype(np.int32), weights(kept))]
                network.train_on_batch(inputs, labels[None].astype(np.float32))
            if epoch % self.every == 0 or epoch == self.epochs:
                found = network.all_scores(everything)
                self.curve_[epoch] = float(judge(found))
                if tell:
                    tell(epoch, self.curve_[epoch])
                if self.curve_[epoch] == max(self.curve_.values()):
                    self.scores_, self.epoch_ = found, epoch
        self.last_ = found
        return self
