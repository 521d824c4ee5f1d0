"""The user–basket–item graph: a basket's neighbours are its items and its user, and a new one needs no training."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.graphs.graph import Graph
from bundlebook.recommenders import decayed_shares, item_shares, seed_everything
from bundlebook.shop import PERIOD_DAYS, Baskets


@dataclass(eq=False)
class BasketGraph:
    r"""Completes a basket by what its neighbours in the user–basket–item graph send.

    .. math:: z_b = \frac{1}{\sqrt{|b|}} \sum_{j \in b} \tilde e_j + \kappa \sum_j f_{uj}\, \tilde e_j, \qquad
              \ell_{bi} = z_b^\top o_i + c_i + \gamma \ln f_{ui}

    e are vectors of the items, smoothed over the item graph (ẽ, LightGCN without weights), o those of the items as
    answers, f the edges from a user to items (:func:`~bundlebook.recommenders.decayed_shares`). Nothing belongs to a
    user or a basket alone, so a new user is scored without training. The loss is the cross entropy of one hidden item
    per basket.

    Parameters
    ----------
    graph : Graph
        Over the items of the baskets; items that it does not know are isolated.
    depth : int
        Rounds of smoothing; 0 cuts the item graph out.
    width : int
        Length of the vectors.
    history : bool
        Whether f takes part. Without it, z is the sum over the cart alone.
    half_life : float
        Half-life of f in days.
    periods : int
        Periods of 28 days before *at* whose baskets are learned from; f is that of each period's first day.
    epochs, batch : int
    rate : float
        Learning rate of Adam.
    seed : int
    name : str
        Name in tables and figures.
    """

    graph: Graph
    depth: int = 1
    width: int = 64
    history: bool = True
    half_life: float = 60.0
    periods: int = 2
    epochs: int = 6
    batch: int = 512
    rate: float = 0.02
    seed: int = 0
    name: str = "graph network"

    def fit(self, visible: Baskets, at: np.datetime64) -> Self:
        """Learn the vectors from baskets of two or more items before *at*."""
        if not (min(self.width, self.periods, self.epochs, self.batch) >= 1 and self.depth >= 0 and self.rate > 0):
            raise BundlebookError(f"{self}", where="BasketGraph", remedy="sizes from 1 on, depth from 0 on")
        past = visible.between(end=at)
        self.share_ = item_shares(past)
        self.items_ = past.items
        carts, rows, edges, offset = [], [], [], 0
        for period in range(self.periods):
            start = at - np.timedelta64((period + 1) * PERIOD_DAYS, "D")
            now = past.between(start, start + np.timedelta64(PERIOD_DAYS, "D"))
            now = now.where(now.sizes() >= 2)
            if not now.n_baskets:
                continue
            carts.append(now.incidence)
            rows.append(now.user + offset)
            edges.append(self._edges(past, start))
            offset += past.n_users
        if not carts:
            problem = f"no basket of two in {self.periods} periods before {at}"
            raise BundlebookError(problem, where="BasketGraph", remedy="use a longer log")
        seed_everything(self.seed)
        from bundlebook.graphs._networks import Completer

        self.network_ = Completer(self._messages(), self.share_, self)
        held_in, user, known = sparse.vstack(carts).tocsr(), np.concatenate(rows), np.concatenate(edges)
        rng = np.random.default_rng(self.seed)
        self.losses_ = []
        for _ in range(self.epochs):
            order, losses = rng.permutation(held_in.shape[0]), []
            for low in range(0, len(order), self.batch):
                part = order[low : low + self.batch]
                held = held_in[part].toarray().astype(np.float32)
                hidden = (held * rng.random(held.shape)).argmax(axis=1)
                held[np.arange(len(part)), hidden] = 0
                losses.append(self.network_.train_on_batch([held, known[user[part]]], hidden))
            self.losses_.append(float(np.mean(losses)))
        return self

    def _edges(self, past: Baskets, at: np.datetime64) -> np.ndarray:
        if not self.history:
            return np.ones((past.n_users, past.n_items), dtype=np.float32)  # not looked at
        return decayed_shares(past, at, self.half_life, self.share_).astype(np.float32)

    def _messages(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Messages of the item graph over the items of the baskets."""
        place = {item: number for number, item in enumerate(self.items_.tolist())}
        unknown = [item for item in self.graph.nodes.tolist() if item not in place]
        if unknown:
            remedy = "build the graph from the same baskets"
            raise BundlebookError(f"the baskets do not know {unknown[:3]}", where="BasketGraph", remedy=remedy)
        number = np.array([place[item] for item in self.graph.nodes.tolist()], dtype=np.int32)
        ends = np.sort(np.column_stack([number[self.graph.first], number[self.graph.second]]), axis=1)
        return Graph(self.items_, ends[:, 0], ends[:, 1]).messages()

    def scores(self, carts: sparse.csr_matrix, histories: Baskets, rows: np.ndarray, at: np.datetime64) -> np.ndarray:
        """Return logits of every item; parameters and shape are those of ``BasketCompleter.scores``."""
        edges = self._edges(histories, at)
        held = carts.toarray().astype(np.float32)
        parts = [slice(low, low + 1024) for low in range(0, len(held), 1024)]
        return np.concatenate(
            [np.asarray(self.network_.predict_on_batch([held[part], edges[rows[part]]])) for part in parts]
        )
