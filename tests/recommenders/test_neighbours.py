"""Neighbours against scikit-learn's cosine, implicit's item neighbours and sums written as loops."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.recommenders import ItemKNN, UserKNN
from bundlebook.recommenders._interest import interest
from bundlebook.recommenders.neighbours import _shrunk_cosine

AT = np.datetime64("2021-06-01")


def test_shrunk_cosine_is_scikit_learns_times_the_shrinkage(panel):
    rows = interest(panel, AT, 60, 0.5)
    common = (rows.toarray() > 0).astype(float) @ (rows.toarray() > 0).T
    np.testing.assert_allclose(_shrunk_cosine(rows, rows, 0), cosine_similarity(rows), atol=1e-12)
    np.testing.assert_allclose(_shrunk_cosine(rows, rows, 7), cosine_similarity(rows) * common / (common + 7))


def test_item_similarity_is_implicits(panel):
    nearest = pytest.importorskip("implicit.nearest_neighbours", reason="implicit has no wheel for this Python")
    rows = interest(panel, AT, 60, 1.0)
    ours = ItemKNN(neighbours=6, shrinkage=0, half_life=60).fit(panel, AT).similarity_.toarray()
    reference = nearest.CosineRecommender(K=7, num_threads=1)  # K counts the item itself
    reference.fit(rows, show_progress=False)
    theirs = reference.similarity.toarray()
    np.fill_diagonal(theirs, 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert ((ours > 0).sum(axis=1) == 6).all()


def test_item_scores_by_loops(panel):
    model = ItemKNN(neighbours=4, shrinkage=3, half_life=60, own_weight=0.25).fit(panel, AT)
    r, scores = interest(panel, AT, 60).toarray(), model.scores(panel, AT)
    c = r.T
    for user in (0, 5):
        expected = 0.25 * r[user] + 1e-6 * model.share_
        for j in np.flatnonzero(r[user]):
            both = ((c > 0) & (c[j] > 0)).sum(axis=1)
            w = c @ c[j] / np.linalg.norm(c, axis=1) / np.linalg.norm(c[j]) * both / (both + 3)
            w[j] = 0
            nearest = np.argsort(-w, kind="stable")[:4]
            expected[nearest] += 0.75 * r[user, j] * w[nearest] / w[nearest].sum()
        np.testing.assert_allclose(scores[user], expected, rtol=1e-5)


def test_user_scores_by_loops_and_nobody_is_his_own_neighbour(panel):
    model = UserKNN(neighbours=5, shrinkage=2, half_life=60, own_weight=0.3).fit(panel, AT)
    r, scores = interest(panel, AT, 60).toarray(), model.scores(panel, AT)
    for user in range(panel.n_users):
        both = ((r > 0) & (r[user] > 0)).sum(axis=1)
        w = cosine_similarity(r, r[[user]])[:, 0] * both / (both + 2)
        w[user] = 0
        nearest = np.argsort(-w, kind="stable")[:5]
        others = w[nearest] @ r[nearest] / w[nearest].sum()
        np.testing.assert_allclose(scores[user], 0.3 * r[user] + 0.7 * others + 1e-6 * model.share_, rtol=1e-5)


def test_equal_neighbours_go_to_the_earlier(panel):
    twins = panel.of_users([0, 1, 2, 3])
    copies = type(panel)(
        twins.quantities[twins.user == 3][[0, 0, 0, 0]],
        np.arange(4),
        np.repeat(AT - 3, 4),
        twins.user_ids,
        twins.items,
    )
    chosen = UserKNN(neighbours=2).fit(copies, AT).similarities(copies, AT)
    assert chosen.indices.tolist() == [1, 2, 0, 2, 0, 1, 0, 1]
