"""An undirected graph: checked edges, degrees, the normalised matrix, and what smoothing does to a signal."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes and undirected edges, each edge once.

    Attributes
    ----------
    nodes : ndarray of str, shape (n_nodes,)
        Names, all different. A node may be isolated.
    first, second : ndarray of int32, shape (n_edges,)
        Ends of each edge, ``first < second``, sorted.
    """

    nodes: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of_edges(cls, edges: Iterable[tuple[str, str]], nodes: Iterable[str]) -> "Graph":
        """Build a graph from pairs of names.

        Parameters
        ----------
        edges : iterable of (str, str)
            In any order, each edge once: (a, b) and (b, a) are the same one.
        nodes : iterable of str
            All nodes, isolated ones too.

        Raises
        ------
        BundlebookError
            If there is no node, a name stands twice, or an edge is a self-loop, repeats an earlier one (in either
            direction) or names an unknown node. The message tells the edge's row, counted from 1.

        Examples
        --------
        >>> Graph.of_edges([("milk", "bread")], ["bread", "milk", "soap"]).degree.tolist()
        [1, 1, 0]
        """
        names = np.asarray(list(nodes), dtype=str)
        number = {name: place for place, name in enumerate(names.tolist())}
        if not len(names):
            raise BundlebookError("there is no node", where="graph", remedy="give at least one node")
        if len(number) < len(names):
            twice = next(name for place, name in enumerate(names.tolist()) if number[name] != place)
            raise BundlebookError(f"node {twice!r} stands twice", where="graph", remedy="give every node one name")
        seen: dict[tuple[int, int], int] = {}
        for row, (a, b) in enumerate(edges, start=1):
            where = f"edge {row}"
            for end in (a, b):
                if end not in number:
                    raise BundlebookError(f"unknown node {end!r}", where=where, remedy="add it to the nodes")
            if a == b:
                remedy = "leave self-loops out; layers add their own"
                raise BundlebookError(f"{a!r} is joined to itself", where=where, remedy=remedy)
            i, j = number[a], number[b]
            edge = min(i, j), max(i, j)
            if edge in seen:
                problem = f"{a!r}–{b!r} repeats edge {seen[edge]}"
                remedy = "give each edge once: an edge has no direction"
                raise BundlebookError(problem, where=where, remedy=remedy)
            seen[edge] = row
        pairs = np.array(sorted(seen), dtype=np.int32).reshape(-1, 2)
        return cls(names, pairs[:, 0], pairs[:, 1])

    @property
    def n_nodes(self) -> int:
        """Number of nodes, isolated ones included."""
        return len(self.nodes)

    @property
    def n_edges(self) -> int:
        """Number of undirected edges."""
        return len(self.first)

    @cached_property
    def adjacency(self) -> sparse.csr_matrix:
        """A, symmetric, 0 and 1, shape (n_nodes, n_nodes), float64."""
        rows, columns = np.append(self.first, self.second), np.append(self.second, self.first)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (self.n_nodes, self.n_nodes))

    @cached_property
    def degree(self) -> np.ndarray:
        """Neighbours of each node, shape (n_nodes,), int64."""
        both = np.append(self.first, self.second)
        return np.bincount(both, minlength=self.n_nodes)

    def messages(self, self_loops: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Return who sends to whom, and with which weight.

        .. math:: \hat A_{ij} = \frac{1}{\sqrt{\hat d_i \hat d_j}} \text{ on every edge, } \hat d = d + 1
                  \text{ with self-loops and } d \text{ without}

        Parameters
        ----------
        self_loops : bool
            Whether a node also sends to itself. Without, an isolated node gets nothing.

        Returns
        -------
        source, target : ndarray of int32, shape (n_messages,)
            Sorted by target, then source.
        weight : ndarray of float32, shape (n_messages,)
        """
        own = np.arange(self.n_nodes if self_loops else 0, dtype=np.int32)
        source = np.concatenate([self.first, self.second, own]).astype(np.int32)
        target = np.concatenate([self.second, self.first, own]).astype(np.int32)
        order = np.lexsort([source, target])
        source, target = source[order], target[order]
        size = self.degree + self_loops
        return source, target, (1 / np.sqrt(size[source] * size[target])).astype(np.float32)

    def normalised(self, self_loops: bool = True) -> sparse.csr_matrix:
        """Return the matrix of :meth:`messages`, shape (n_nodes, n_nodes), float64."""
        size = self.degree + self_loops
        scale = sparse.diags(1 / np.sqrt(np.maximum(size, 1)))
        loops = sparse.identity(self.n_nodes) if self_loops else sparse.csr_matrix(self.adjacency.shape)
        return (scale @ (self.adjacency + loops) @ scale).tocsr()

    def without(self, dropped: np.ndarray) -> "Graph":
        """Return the graph of the same nodes without the edges that *dropped*, shape (n_edges,), bool, marks."""
        return Graph(self.nodes, self.first[~dropped], self.second[~dropped])


def dirichlet_energy(graph: Graph, signal: np.ndarray) -> float:
    r"""How rough a signal is on a graph, in [0, 2]: 0 where neighbours agree up to the root of their degrees.

    .. math:: E(X) = \frac{\operatorname{tr}(X^\top (I - \hat A) X)}{\operatorname{tr}(X^\top X)}

    Parameters
    ----------
    graph : Graph
    signal : ndarray, shape (n_nodes, d)

    Returns
    -------
    float
    """
    signal = np.asarray(signal, dtype=np.float64)
    total = (signal**2).sum()
    if not total > 0 or not np.isfinite(total):
        raise BundlebookError(
            f"the signal's squares sum to {total}", where="dirichlet_energy", remedy="check it for NaN"
        )
    return float(((signal - graph.normalised() @ signal) * signal).sum() / total)
