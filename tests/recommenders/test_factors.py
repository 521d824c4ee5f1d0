"""ALS and BPR against their losses and gradients, against known answers and against the library implicit."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from bundlebook.recommenders import BPR, ImplicitALS
from bundlebook.recommenders._descent import descend
from bundlebook.recommenders._interest import interest
from bundlebook.recommenders.factors import _solve_factors, initial_factors
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")


def loss(c, p, x, y, l2):
    return (c * (p - x @ y.T) ** 2).sum() + l2 * ((x**2).sum() + (y**2).sum())


def test_half_step_solves_the_full_equations(panel):
    """Without the trick: (Yᵀ C_u Y + λI) x = Yᵀ C_u p over all items."""
    rows = interest(panel, AT, 90)
    rows.data = 1 + 3 * rows.data
    c, p = np.where(rows.toarray() > 0, rows.toarray(), 1), rows.toarray() > 0
    y = np.random.default_rng(0).normal(size=(panel.n_items, 5))
    found = _solve_factors(rows, y, 0.7)
    for user in range(panel.n_users):
        full = np.linalg.solve(y.T * c[user] @ y + 0.7 * np.eye(5), y.T * c[user] @ p[user])
        assert found[user] == pytest.approx(full, rel=1e-9)


def test_every_iteration_lowers_the_loss(panel):
    c = 1 + 2 * interest(panel, AT, 90).toarray()
    losses = []
    for n in (1, 2, 4, 8):
        model = ImplicitALS(factors=3, l2=0.5, confidence=2, iterations=n).fit(panel, AT)
        losses.append(loss(c, c > 1, model.user_factors_, model.item_factors_, 0.5))
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1]


@pytest.mark.crosscheck
@pytest.mark.parametrize("iterations", [1, 3])
def test_factors_are_implicits(panel, iterations):
    als = pytest.importorskip("implicit.cpu.als", reason="implicit has no wheel for this Python")
    ours = ImplicitALS(factors=6, l2=0.5, confidence=2, iterations=iterations, seed=5).fit(panel, AT)
    rows = interest(panel, AT, ours.half_life)
    rows.data = 1 + 2 * rows.data  # implicit takes the confidence itself
    theirs = als.AlternatingLeastSquares(
        factors=6, regularization=0.5, iterations=iterations, use_cg=False, dtype=np.float64, num_threads=1
    )
    theirs.user_factors = np.zeros((panel.n_users, 6))
    theirs.item_factors = initial_factors(panel.n_items, 6, 5)
    theirs.fit(rows, show_progress=False)
    np.testing.assert_allclose(ours.user_factors_, theirs.user_factors, atol=1e-5)
    np.testing.assert_allclose(ours.item_factors_, theirs.item_factors, atol=1e-5)


@pytest.fixture(scope="module")
def low_rank():
    """300 users, 80 items, tastes of rank 4; a quarter of the purchases is hidden."""
    rng = np.random.default_rng(5)
    liking = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 80)) - 2.5
    bought = rng.random(liking.shape) < 1 / (1 + np.exp(-2 * liking))
    hidden = bought & (rng.random(bought.shape) < 0.25)
    left = (bought & ~hidden).any(axis=1)
    shown, n = sparse.csr_matrix((bought & ~hidden)[left], dtype=np.float32), left.sum()
    users, day = np.array([f"u{u:03d}" for u in range(n)]), np.full(n, AT - 1)
    return Baskets(shown, np.arange(n), day, users, np.array([f"i{i:02d}" for i in range(80)])), hidden[left]


def hidden_auc(scores, hidden, shown):
    """Mean over users: how often a hidden purchase ranks above an item that was not bought."""
    users = np.flatnonzero(hidden.any(axis=1))
    return np.mean([roc_auc_score(hidden[u][~shown[u]], scores[u][~shown[u]]) for u in users])


@pytest.fixture(scope="module")
def fitted(low_rank):
    return BPR(factors=8, epochs=80, seed=3).fit(low_rank[0], AT)


@pytest.mark.crosscheck
def test_hidden_purchases_rank_above_the_rest_as_with_implicit(low_rank, fitted):
    log, hidden = low_rank
    shown = log.quantities.toarray() > 0
    trained = fitted.user_factors_ @ fitted.item_factors_.T + fitted.bias_
    ours = hidden_auc(trained, hidden, shown)
    assert ours > 0.85
    assert hidden_auc(fitted.scores(log, AT), hidden, shown) == pytest.approx(ours, abs=0.02), "folding in costs"
    bpr = pytest.importorskip("implicit.cpu.bpr", reason="implicit has no wheel for this Python")
    theirs = bpr.BayesianPersonalizedRanking(
        factors=8, learning_rate=0.05, regularization=0.01, iterations=80, num_threads=1, random_state=3
    )
    theirs.fit(log.quantities, show_progress=False)
    reference = hidden_auc(theirs.user_factors @ theirs.item_factors.T, hidden, shown)
    # implicit draws the other item in proportion to its purchases, we draw all alike, as the AUC does.
    assert 0.8 < reference < ours + 0.02 < reference + 0.07


def test_one_step_follows_the_gradient():
    """Against finite differences of the loss of one triple."""
    rng = np.random.default_rng(0)
    x, y, b = rng.normal(size=(1, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    rate, l2 = 1e-3, 0.2

    def loss(x, y, b):
        gap = x[0] @ (y[1] - y[2]) + b[1] - b[2]
        penalty = (x**2).sum() + (y[1:3] ** 2).sum() + (b[1:3] ** 2).sum()
        return np.log1p(np.exp(-gap)) + l2 / 2 * penalty

    moved = [x.copy(), y.copy(), b.copy()]
    bought = sparse.csr_matrix([[0, 1, 0, 0]])
    descend(np.array([0]), np.array([1]), np.array([2]), bought.indptr, bought.indices, *moved, rate, l2)
    for which, array in enumerate((x, y, b)):
        for place in np.ndindex(array.shape):
            up, down = [[a.copy() for a in (x, y, b)] for _ in range(2)]
            up[which][place] += 1e-5
            down[which][place] -= 1e-5
            slope = (loss(*up) - loss(*down)) / 2e-5
            assert moved[which][place] - array[place] == pytest.approx(-rate * slope, abs=1e-9)


def test_a_triple_whose_second_item_was_bought_changes_nothing():
    x, y, b = np.ones((1, 2)), np.ones((3, 2)), np.zeros(3)
    bought = sparse.csr_matrix([[1, 1, 0]])
    descend(np.array([0]), np.array([0]), np.array([1]), bought.indptr, bought.indices, x, y, b, 0.1, 0.1)
    assert (x == 1).all() and (y == 1).all() and (b == 0).all()


def test_seeds_decide(low_rank):
    log = low_rank[0].of_users(np.arange(50))
    first, again, other = (BPR(factors=3, epochs=2, seed=s).fit(log, AT).item_factors_ for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_biases_are_popularity(low_rank, fitted):
    log, _ = low_rank
    assert np.corrcoef(fitted.bias_, np.log1p(log.quantities.sum(axis=0).A1))[0, 1] > 0.5
