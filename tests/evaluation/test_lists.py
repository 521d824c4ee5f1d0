"""What lists are like, against definitions written as loops."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import metrics


def test_gini_at_its_ends():
    everybody_the_same = np.tile([0], (10, 1))
    assert metrics.gini(everybody_the_same, 5) == pytest.approx(1 - 1 / 5)
    assert metrics.gini(np.arange(20).reshape(-1, 2), 20) == pytest.approx(0)


def test_gini_is_the_mean_absolute_difference():
    items = np.random.default_rng(0).integers(0, 12, size=(30, 4))
    e = metrics._exposure(items, 12)
    assert metrics.gini(items, 12) == pytest.approx(np.abs(e[:, None] - e).mean() / (2 * e.mean()))


@pytest.mark.parametrize("most", [5000, 0])  # with the cosines of all items, and by the sum of unit vectors
def test_diversity_is_the_mean_over_pairs_also_of_short_lists(monkeypatch, most):
    monkeypatch.setattr(metrics, "_MOST_COSINES", most)
    rng = np.random.default_rng(1)
    vectors = sparse.random(15, 30, density=0.3, random_state=1, format="csr")
    items = np.array([rng.permutation(15)[:5] for _ in range(8)])
    items[0, 3:] = -1
    for row, found in zip(items, metrics._Diversity(vectors)(items), strict=True):
        chosen = row[row >= 0]
        cosines = cosine_similarity(vectors[chosen])
        assert found == pytest.approx(1 - cosines[np.triu_indices(len(chosen), 1)].mean())


def test_padding_is_no_item():
    padded = np.array([[0, 1], [2, -1]])
    assert metrics.coverage(padded, 4) == 0.75
    assert metrics.novelty(padded, np.array([0.5, 0.5, 0.25, 1])) == pytest.approx(4 / 3)


def test_empty_lists_and_pairs_are_refused():
    with pytest.raises(BundlebookError, match="empty"):
        metrics.coverage(np.full((3, 2), -1), 4)
    with pytest.raises(BundlebookError, match="two items"):
        metrics._Diversity(sparse.identity(3, format="csr"))(np.array([[1, -1]]))


def test_item_popularity_is_never_zero(task):
    p = metrics._item_popularity(task.visible)
    assert p.shape == (task.visible.n_items,) and (p > 0).all() and (p < 1).all()
    expected = ((task.visible.user_item() > 0).sum(axis=0).A1 + 0.5) / (task.visible.n_users + 1)
    assert p == pytest.approx(expected)
