"""Neighbours against scikit-learn's cosine, implicit's item neighbours, and the papers' sums written as loops."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import UPCF, ItemKNN, TifuKNN, UserKNN
from bundlebook.recommenders._interest import dense_product, interest, largest
from bundlebook.recommenders.neighbours import _group_weights, _ShrunkCosine, _user_wise_popularity
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")


def test_shrunk_cosine_is_scikit_learns_times_the_shrinkage(panel):
    rows = interest(panel, AT, 60, 0.5)
    common = (rows.toarray() > 0).astype(float) @ (rows.toarray() > 0).T
    np.testing.assert_allclose(_ShrunkCosine(rows, 0)(rows), cosine_similarity(rows), atol=1e-12)
    np.testing.assert_allclose(_ShrunkCosine(rows, 7)(rows), cosine_similarity(rows) * common / (common + 7))


@pytest.mark.parametrize("above", [-np.inf, 0.0])
def test_the_largest_of_each_row_are_those_of_a_stable_sort(above):
    values = np.random.default_rng(4).integers(-3, 4, size=(40, 30)) / 2  # full of ties
    row, column = largest(values, 7, above)
    for i, entries in enumerate(values):
        order = np.argsort(-entries, kind="stable")[:7]
        assert column[row == i].tolist() == order[entries[order] > above].tolist()
    assert len(largest(values[:0], 7)[0]) == 0


def test_a_dense_product_is_the_sparse_one_to_the_last_bit():
    left, right = (sparse.random(*shape, 0.3, "csr", random_state=1) for shape in ((12, 9), (9, 14)))
    assert (dense_product(left, right) == (left @ right).toarray()).all()
    with pytest.raises(ValueError, match="shapes"):
        dense_product(left, left)


@pytest.mark.crosscheck
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


@pytest.fixture(scope="module")
def few():
    rng = np.random.default_rng(0)
    counts = [1, 2, 3, 5, 7, 8, 13, 20]
    user = np.repeat(np.arange(len(counts)), counts)
    rows = (rng.random((len(user), 15)) < 0.3).astype(np.float32)
    rows[:, 0] = 1
    day = AT - np.concatenate([np.arange(n, 0, -1) for n in counts])
    users = np.array([f"u{u}" for u in range(len(counts))])
    return Baskets(sparse.csr_matrix(rows), user, day, users, np.arange(15).astype(str))


def by_the_paper(rows, m, basket_decay, group_decay, size_power):
    """Mean of decayed baskets in each group, then mean of decayed groups; later groups take the odd baskets."""
    m = min(m, len(rows))
    bounds = [len(rows) * 0]
    for group in range(m):
        bounds.append(bounds[-1] + len(rows) // m + (group >= m - len(rows) % m))
    total = np.zeros(rows.shape[1])
    for group in range(m):
        members = rows[bounds[group] : bounds[group + 1]]
        mean = np.zeros(rows.shape[1])
        for place, basket in enumerate(members):
            mean += basket_decay ** (len(members) - 1 - place) * basket * basket.sum() ** -size_power / len(members)
        total += group_decay ** (m - 1 - group) * mean / m
    return total


@pytest.mark.parametrize("size_power", [0, 0.25])
@pytest.mark.parametrize("m", [1, 3, 7, 50])
def test_user_vectors_are_the_papers(few, m, size_power):
    found = TifuKNN(groups=m, basket_decay=0.9, group_decay=0.7, size_power=size_power).vectors(few)
    for user in range(few.n_users):
        rows = few.quantities[few.user == user].toarray()
        assert found[user] == pytest.approx(by_the_paper(rows, m, 0.9, 0.7, size_power), rel=1e-5)


def test_tifu_mixes_own_and_neighbours(few):
    model = TifuKNN(neighbours=3, own_weight=0.6).fit(few, AT)
    vectors, scores = model.vectors(few), model.scores(few, AT)
    for user in range(few.n_users):
        distance = ((vectors - vectors[user]) ** 2).sum(axis=1)
        distance[user] = np.inf
        nearest = np.argsort(distance)[:3]
        assert scores[user] == pytest.approx(0.6 * vectors[user] + 0.4 * vectors[nearest].mean(axis=0), rel=1e-5)


def test_tifu_of_one_user_at_a_time_is_the_same(few):
    model = TifuKNN(neighbours=4).fit(few, AT)
    together = model.scores(few, AT)
    for user in range(few.n_users):
        assert model.scores(few.of_users([user]), AT)[0] == pytest.approx(together[user], rel=1e-6)


def test_a_new_user_may_have_any_neighbour_and_no_basket(few):
    model = TifuKNN(neighbours=2).fit(few, AT)
    stranger = few.empty("zz")
    scores = model.scores(stranger, AT)
    assert scores.shape == (1, few.n_items) and np.isfinite(scores).all() and scores.any()


def test_fewer_users_than_neighbours(few):
    two = few.of_users([3, 4])
    model = TifuKNN(neighbours=300, own_weight=0).fit(two, AT)
    assert model.scores(two, AT)[0] == pytest.approx(model.vectors(two)[1], rel=1e-6)
    alone = few.of_users([3])
    assert (TifuKNN().fit(alone, AT).scores(alone, AT) == TifuKNN().vectors(alone)).all()


def test_tifu_reads_no_later_baskets(few):
    at = AT - np.timedelta64(4, "D")
    model, blind = TifuKNN(neighbours=3).fit(few, at), TifuKNN(neighbours=3).fit(few.between(end=at), at)
    assert (model.scores(few, at) == blind.scores(few.between(end=at), at)).all()


def test_weights_of_undecayed_baskets_average_them(few):
    weights = _group_weights(few, 1, 1.0, 1.0)
    assert np.bincount(few.user, weights) == pytest.approx(np.ones(few.n_users))


@pytest.mark.parametrize(
    "settings", [{"neighbours": 0}, {"groups": 0}, {"basket_decay": 0}, {"group_decay": 1.1}, {"own_weight": 2}]
)
def test_bad_parameters_of_tifu_are_refused(settings):
    with pytest.raises(BundlebookError):
        TifuKNN(**settings)


def test_the_size_scaled_variant_has_its_own_name():
    assert TifuKNN().name != TifuKNN(size_power=0.25).name
    assert TifuKNN(name="x").name == "x"


def baskets_of(panel, user):
    return panel.incidence[panel.user == user].toarray()


@pytest.mark.parametrize("recency", [1, 3, 100, None])
def test_user_wise_popularity_is_the_share_of_the_last_baskets(panel, recency):
    found = _user_wise_popularity(panel, recency).toarray()
    for user in range(panel.n_users):
        last = baskets_of(panel, user)[-recency if recency else 0 :]
        assert found[user] == pytest.approx(last.mean(axis=0), rel=1e-6)


def test_upcf_scores_by_loops(panel):
    model = UPCF(recency=4, neighbours=6, asymmetry=0.3, locality=2).fit(panel, AT)
    scores = model.scores(panel, AT)
    own = np.array([baskets_of(panel, u)[-4:].mean(axis=0) for u in range(panel.n_users)])
    sets = np.array([baskets_of(panel, u).any(axis=0) for u in range(panel.n_users)])
    for user in (0, 11, 39):
        w = (sets & sets[user]).sum(axis=1) / sets[user].sum() ** 0.3 / sets.sum(axis=1) ** 0.7
        w[user] = 0
        nearest = np.argsort(-np.round(w, 12), kind="stable")[:6]
        expected = own[user] + w[nearest] ** 2 @ own[nearest] + 1e-6 * model.share_
        assert scores[user] == pytest.approx(expected, rel=1e-5)


def test_locality_leaves_the_user_alone(panel):
    """w < 1 for almost everybody else, so a huge power keeps only the user's own popularity."""
    model = UPCF(recency=None, asymmetry=0.5, locality=2000).fit(panel, AT)
    distinct = (model.similarities(panel, AT) > 0.98).sum(axis=1).A1 == 0
    own = _user_wise_popularity(panel, None).toarray()
    assert distinct.sum() > 10
    np.testing.assert_allclose(model.scores(panel, AT)[distinct], own[distinct], atol=2e-6)
