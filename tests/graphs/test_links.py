"""The item graph holds planted pairs and little else; matched negatives take popularity away."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from bundlebook.errors import BundlebookError
from bundlebook.graphs import GraphAutoEncoder, ItemPairs, LinkTask, item_pairs, simple_links
from bundlebook.shop import Baskets

N = 24


def shop(seed, pairs, n_baskets=3000):
    """Random baskets in which the partners of some pairs come along."""
    rng = np.random.default_rng(seed)
    held = rng.random((n_baskets, N)) < np.linspace(0.03, 0.3, N)
    for i, j in pairs:
        held[:, j] |= held[:, i] & (rng.random(n_baskets) < 0.5)
    matrix = sparse.csr_matrix(held.astype(np.float64))
    day = np.datetime64("2020-01-01") + np.arange(n_baskets) // 30
    rows = np.arange(n_baskets)
    return Baskets(matrix, rows, day, rows.astype(str), np.array([f"i{k:02d}" for k in range(N)]), "item")


PLANTED = [(0, 1), (2, 3), (4, 5), (6, 7), (10, 20)]


def test_significant_pairs_are_the_planted_ones():
    baskets = shop(0, PLANTED)
    pairs = item_pairs(baskets, baskets.items)
    assert len(pairs.first) == N * (N - 1) // 2 and (pairs.first < pairs.second).all()
    graph = pairs.graph()
    found = set(zip(graph.first.tolist(), graph.second.tolist(), strict=True))
    assert set(PLANTED) <= found and len(found) <= len(PLANTED) + 3
    surprise = pairs.surprise()
    np.testing.assert_array_equal(surprise, surprise.T)
    assert surprise[0, 1] > 1 and not np.diag(surprise).any()
    assert item_pairs(shop(1, []), baskets.items).significant.sum() <= 2


def test_pairs_need_items_that_exist():
    baskets = shop(0, [], 50)
    for items, message in ((["i00", "zz"], "unknown item 'zz'"), (["i00"], "1 items"), (["i00", "i00"], "2 items")):
        with pytest.raises(BundlebookError, match=message):
            item_pairs(baskets, np.array(items))
    with pytest.raises(BundlebookError, match="no basket"):
        item_pairs(baskets.between(end=np.datetime64("2019-01-01")), baskets.items)


def drawn(seed=0, n=90):
    """Edges that depend on the popularity of both ends alone, early and late."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(n, 1)
    p = rng.pareto(2, n)
    chance = np.minimum(p[first] * p[second], 0.8)
    names = np.array([f"n{k:02d}" for k in range(n)])
    halves = [rng.random(len(first)) < chance for _ in range(2)]
    return [ItemPairs(names, first, second, half * 5, np.ones(len(first)), half) for half in halves]


def test_popularity_wins_against_uniform_negatives_and_not_against_matched_ones():
    task = LinkTask.of(*drawn())
    assert not task.graph.adjacency.toarray()[task.first, task.second].any()  # no early edge is a candidate
    judged = task.judge(simple_links(task, 8, seed=0)["preferential attachment"], seed=0)
    assert judged["AUC, uniform"] > 0.75 and abs(judged["AUC, matched"] - 0.5) < 0.06
    positive, negative = task.matched(seed=1)
    assert task.new[positive].all() and not task.new[negative].any()
    perfect = task.judge(task.new.astype(float), seed=0)
    assert min(perfect.values()) == 1


def test_resampled_figures_are_those_of_weighted_pairs():
    task = LinkTask.of(*drawn())
    rng = np.random.default_rng(3)
    scores = {"ties": rng.integers(0, 6, len(task.new)) + 2.0 * task.new, "noise": rng.random(len(task.new))}
    found = task.resampled(scores, 20, seed=5)
    draws = np.random.default_rng(5)
    positive, negative = task.matched(seed=5)
    both = np.concatenate([positive, negative])
    truth = np.arange(len(both)) < len(positive)
    for row in range(20):
        times = np.bincount(draws.integers(task.graph.n_nodes, size=task.graph.n_nodes), minlength=task.graph.n_nodes)
        weight = times[task.first] * times[task.second]
        for name, score in scores.items():
            wanted = {
                "AUC, uniform": roc_auc_score(task.new, score, sample_weight=weight),
                "AUC, matched": roc_auc_score(truth, score[both], sample_weight=weight[both]),
                "AP": average_precision_score(task.new, score, sample_weight=weight),
            }
            for metric, value in wanted.items():
                assert found[metric].loc[row, name] == pytest.approx(value, abs=1e-12)
    assert (found["AUC, uniform"]["ties"] > found["AUC, uniform"]["noise"]).all()


def test_simple_scores_are_the_formulas():
    task = LinkTask.of(*drawn())
    a = task.graph.adjacency.toarray()
    found = simple_links(task, 88, seed=0)
    np.testing.assert_allclose(found["common neighbours"], (a @ a)[task.first, task.second])
    degree = a.sum(axis=0)
    wanted = (a / np.log(np.maximum(degree, 2))) @ a
    np.testing.assert_allclose(found["Adamic–Adar"], wanted[task.first, task.second])
    normalised = task.graph.normalised(self_loops=False).toarray()  # nearly all eigenpairs: the matrix itself
    np.testing.assert_allclose(found["spectral"], normalised[task.first, task.second], atol=0.05)


def test_a_task_without_news_or_with_other_items_is_refused():
    early, late = drawn()
    with pytest.raises(BundlebookError, match=r"0 of .* candidates become an edge"):
        LinkTask.of(early, early)
    with pytest.raises(BundlebookError, match="know other items"):
        LinkTask.of(early, replace(late, items=late.items[::-1]))
    with pytest.raises(BundlebookError, match="not finite"):
        LinkTask.of(early, late).judge(np.full(3, np.nan), seed=0)


def test_the_auto_encoder_finds_hidden_edges_of_blocks():
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(4), 10)
    first, second = np.triu_indices(40, 1)
    same = block[first] == block[second]
    early = same & (rng.random(len(first)) < 0.5)
    names = np.array([f"n{k:02d}" for k in range(40)])
    ones = np.ones(len(first))
    task = LinkTask.of(
        ItemPairs(names, first, second, early * 5, ones, early), ItemPairs(names, first, second, same * 5, ones, same)
    )
    settings = {"width": 8, "hidden": 16, "steps": 80, "rate": 0.02, "every": 40}
    features = np.eye(40)
    fits = [GraphAutoEncoder(**settings).fit(task.graph, features, seed=1) for _ in range(2)]
    np.testing.assert_allclose(fits[0].logits_, fits[1].logits_)
    np.testing.assert_allclose(fits[0].logits_, fits[0].logits_.T, atol=1e-5)
    assert list(fits[0].checkpoints_) == [40, 80]
    np.testing.assert_array_equal(fits[0].checkpoints_[80], fits[0].logits_)
    seeing = task.judge(fits[0].scores(task.first, task.second), seed=0)["AUC, uniform"]
    blind = GraphAutoEncoder(**settings, messages=False).fit(task.graph, rng.normal(size=(40, 4)), seed=1)
    unseeing = task.judge(blind.scores(task.first, task.second), seed=0)["AUC, uniform"]
    assert seeing > 0.75 and seeing > unseeing + 0.1, (seeing, unseeing)


def test_the_auto_encoder_says_what_is_wrong():
    early, _ = drawn()
    graph = early.graph()
    with pytest.raises(BundlebookError, match="unknown decoder 'outer'"):
        GraphAutoEncoder(decoder="outer")
    with pytest.raises(BundlebookError, match=r"features of shape \(3, 2\) for 90 nodes"):
        GraphAutoEncoder().fit(graph, np.ones((3, 2)), seed=0)
    with pytest.raises(BundlebookError, match="0 edges, nothing can be learned"):
        GraphAutoEncoder().fit(graph.without(np.ones(graph.n_edges, dtype=bool)), np.ones((90, 2)), seed=0)
