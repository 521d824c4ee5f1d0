"""TIFU-KNN against the paper's definition, written as loops over one user's baskets."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import TifuKNN
from bundlebook.recommenders.neighbours import _group_weights
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")


@pytest.fixture(scope="module")
def panel():
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
def test_user_vectors_are_the_papers(panel, m, size_power):
    found = TifuKNN(groups=m, basket_decay=0.9, group_decay=0.7, size_power=size_power).vectors(panel)
    for user in range(panel.n_users):
        rows = panel.quantities[panel.user == user].toarray()
        assert found[user] == pytest.approx(by_the_paper(rows, m, 0.9, 0.7, size_power), rel=1e-5)


def test_scores_mix_own_and_neighbours(panel):
    model = TifuKNN(neighbours=3, own_weight=0.6).fit(panel, AT)
    vectors, scores = model.vectors(panel), model.scores(panel, AT)
    for user in range(panel.n_users):
        distance = ((vectors - vectors[user]) ** 2).sum(axis=1)
        distance[user] = np.inf
        nearest = np.argsort(distance)[:3]
        assert scores[user] == pytest.approx(0.6 * vectors[user] + 0.4 * vectors[nearest].mean(axis=0), rel=1e-5)


def test_one_user_at_a_time_gets_the_same(panel):
    model = TifuKNN(neighbours=4).fit(panel, AT)
    together = model.scores(panel, AT)
    for user in range(panel.n_users):
        assert model.scores(panel.of_users([user]), AT)[0] == pytest.approx(together[user], rel=1e-6)


def test_a_new_user_may_have_any_neighbour_and_no_basket(panel):
    model = TifuKNN(neighbours=2).fit(panel, AT)
    stranger = panel.empty("zz")
    scores = model.scores(stranger, AT)
    assert scores.shape == (1, panel.n_items) and np.isfinite(scores).all() and scores.any()


def test_fewer_users_than_neighbours(panel):
    two = panel.of_users([3, 4])
    model = TifuKNN(neighbours=300, own_weight=0).fit(two, AT)
    assert model.scores(two, AT)[0] == pytest.approx(model.vectors(two)[1], rel=1e-6)
    alone = panel.of_users([3])
    assert (TifuKNN().fit(alone, AT).scores(alone, AT) == TifuKNN().vectors(alone)).all()


def test_later_baskets_are_not_read(panel):
    at = AT - np.timedelta64(4, "D")
    model, blind = TifuKNN(neighbours=3).fit(panel, at), TifuKNN(neighbours=3).fit(panel.between(end=at), at)
    assert (model.scores(panel, at) == blind.scores(panel.between(end=at), at)).all()


def test_weights_of_undecayed_baskets_average_them(panel):
    weights = _group_weights(panel, 1, 1.0, 1.0)
    assert np.bincount(panel.user, weights) == pytest.approx(np.ones(panel.n_users))


@pytest.mark.parametrize(
    "settings", [{"neighbours": 0}, {"groups": 0}, {"basket_decay": 0}, {"group_decay": 1.1}, {"own_weight": 2}]
)
def test_bad_parameters_are_refused(settings):
    with pytest.raises(BundlebookError):
        TifuKNN(**settings)


def test_the_size_scaled_variant_has_its_own_name():
    assert TifuKNN().name != TifuKNN(size_power=0.25).name
    assert TifuKNN(name="x").name == "x"
