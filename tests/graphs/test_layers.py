"""Layers made of take and segment_sum equal a dense version, on every backend that is installed."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from bundlebook.graphs import Graph

COMPARED = textwrap.dedent("""
    import numpy as np
    from bundlebook.graphs import Graph, layers

    rng = np.random.default_rng(3)
    n = 12
    upper = np.triu(rng.random((n, n)) < 0.25, 1)
    upper[:, -1] = False  # the last node is isolated
    names = [f"n{i:02d}" for i in range(n)]
    graph = Graph.of_edges([(names[i], names[j]) for i, j in np.argwhere(upper)], names)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    source, target, weight = graph.messages()
    linked = graph.adjacency.toarray() + np.eye(n)
    numpy = layers.ops.convert_to_numpy


    def softmax(score, linked):
        e = np.where(linked > 0, np.exp(score - score.max(axis=1, keepdims=True)), 0)
        return e / np.maximum(e.sum(axis=1, keepdims=True), 1e-30)


    def leaky(x):
        return np.where(x > 0, x, 0.2 * x)


    gcn = layers.GraphConvolution(4, "relu")
    out = numpy(gcn(X, source, target, weight))
    W, b = (numpy(w).astype(np.float64) for w in gcn.weights)
    worst = [np.abs(out - np.maximum(graph.normalised() @ X @ W + b, 0)).max()]
    for dynamic in (False, True):
        gat = layers.GraphAttention(4, heads=2, dynamic=dynamic)
        out = numpy(gat(X, source, target))
        dense = []
        for head in range(2):
            W, a = numpy(gat.of_source)[head].astype(np.float64), numpy(gat.score)[head].astype(np.float64)
            if dynamic:
                U = numpy(gat.of_target)[head].astype(np.float64)
                score = leaky((X @ U)[:, None] + (X @ W)[None]) @ a
            else:
                score = leaky((X @ W @ a[4:])[:, None] + (X @ W @ a[:4])[None])
            dense.append(softmax(score, linked) @ X @ W)
        worst.append(np.abs(out - np.hstack(dense)).max())
    A = graph.normalised(self_loops=False).toarray()
    light = numpy(layers.light_propagation(layers.ops.convert_to_tensor(X), *graph.messages(self_loops=False), 3))
    worst.append(np.abs(light - (X + A @ X + A @ A @ X + A @ A @ A @ X) / 4).max())
    logit = numpy(layers.inner_product(layers.ops.convert_to_tensor(X), graph.first, graph.second))
    worst.append(np.abs(logit - (X @ X.T)[graph.first, graph.second]).max())
    assert max(worst) <= 1e-6, worst

    # A target without any message: no share, a zero vector, no NaN.
    own = graph.messages(self_loops=False)
    out = numpy(layers.GraphAttention(4)(X, *own))
    assert np.isfinite(out).all() and not out[-1].any()
    print("equal")
""")


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_every_layer_equals_its_dense_version(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; `make crosscheck` installs it")
    run = subprocess.run(
        [sys.executable, "-c", COMPARED],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == "equal"


@pytest.mark.crosscheck
def test_every_layer_equals_its_dense_version_on_jax():
    test_every_layer_equals_its_dense_version("jax")


def test_static_attention_ranks_neighbours_alike_for_every_node_and_dynamic_need_not():
    from bundlebook.graphs import layers

    names = [f"n{i}" for i in range(6)]
    graph = Graph.of_edges([(a, b) for i, a in enumerate(names) for b in names[:i]], names)
    X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    source, target, _ = graph.messages()
    favourites = {}
    for dynamic in (False, True):
        layers.keras.utils.set_random_seed(3)
        layer = layers.GraphAttention(16, dynamic=dynamic)
        layer(X, source, target)
        share = layers.ops.convert_to_numpy(layer.shares(layers.ops.convert_to_tensor(X), source, target)[0])
        table = np.zeros((6, 6))
        table[target, source] = share
        np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-6)
        favourites[dynamic] = {tuple(row) for row in np.argsort(-table, axis=1)}
    assert len(favourites[False]) == 1 and len(favourites[True]) > 1
