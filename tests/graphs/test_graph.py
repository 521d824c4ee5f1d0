"""A graph refuses what is no graph, and smooths as the dense formula says."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.graphs import Graph, dirichlet_energy


@pytest.fixture
def path():
    """a–b–c, and d without an edge."""
    return Graph.of_edges([("b", "a"), ("b", "c")], "abcd")


@pytest.mark.parametrize(
    ("edges", "nodes", "message"),
    [
        ([("a", "b"), ("a", "a")], "ab", "edge 2: 'a' is joined to itself"),
        ([("a", "b"), ("b", "a")], "ab", "edge 2: 'b'–'a' repeats edge 1"),
        ([("a", "b"), ("b", "z")], "ab", "edge 2: unknown node 'z'"),
        ([], "", "graph: there is no node"),
        ([("a", "b")], "aba", "graph: node 'a' stands twice"),
    ],
)
def test_what_is_no_graph_is_one_clear_message(edges, nodes, message):
    with pytest.raises(BundlebookError, match=message) as error:
        Graph.of_edges(edges, nodes)
    assert error.value.remedy


def test_messages_are_the_normalised_matrix(path):
    dense = path.adjacency.toarray() + np.eye(4)
    size = dense.sum(axis=1)
    wanted = dense / np.sqrt(np.outer(size, size))
    source, target, weight = path.messages()
    assert weight.dtype == np.float32 and source.dtype == target.dtype == np.int32
    found = np.zeros((4, 4))
    np.add.at(found, (target, source), weight)
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    np.testing.assert_allclose(path.normalised().toarray(), wanted)


def test_an_isolated_node_keeps_itself_or_gets_nothing(path):
    assert path.normalised().toarray()[3].tolist() == [0, 0, 0, 1]
    assert not path.normalised(self_loops=False).toarray()[3].any()
    assert 3 not in path.messages(self_loops=False)[1]


def test_smoothing_lowers_the_energy_to_nothing(path):
    signal = np.random.default_rng(0).normal(size=(4, 3))
    energies = []
    for _ in range(30):
        energies.append(dirichlet_energy(path, signal))
        signal = path.normalised() @ signal
    assert np.all(np.diff(energies) <= 1e-12) and energies[0] > 0.05 and energies[-1] < 1e-4
    with pytest.raises(BundlebookError, match="squares sum to 0"):
        dirichlet_energy(path, np.zeros((4, 1)))


def test_an_empty_graph_is_a_graph_of_isolated_nodes():
    empty = Graph.of_edges([], "ab")
    assert empty.n_edges == 0 and empty.degree.tolist() == [0, 0]
    np.testing.assert_array_equal(empty.normalised().toarray(), np.eye(2))


def test_edges_can_be_taken_out(path):
    assert path.without(np.array([True, False])).degree.tolist() == [0, 1, 1, 0]
