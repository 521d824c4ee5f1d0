"""ALS against its own loss, against the full normal equations, and against the library implicit."""

import numpy as np
import pytest

from bundlebook.recommenders import ImplicitALS
from bundlebook.recommenders._interest import interest
from bundlebook.recommenders.factors import _first_factors, _solve_factors

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
    theirs.item_factors = _first_factors(panel.n_items, 6, 5)
    theirs.fit(rows, show_progress=False)
    np.testing.assert_allclose(ours.user_factors_, theirs.user_factors, atol=1e-5)
    np.testing.assert_allclose(ours.item_factors_, theirs.item_factors, atol=1e-5)
