"""A night that is taken in gives what a full fit over all nights would have given, and nothing is changed in place."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.feedback import RunningCounts, RunningEASE, gradient_step, rank_update
from bundlebook.recommenders import EASE, DecayedFrequency
from bundlebook.shop import Baskets


def made_baskets(seed, n_users=30, n_items=12, n_days=40, many=300):
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(0, n_users, many))
    day = np.datetime64("2021-01-04") + rng.integers(0, n_days, many)
    order = np.lexsort((day, user))
    bought = rng.random((many, n_items)) < 0.25
    bought[np.arange(many), rng.integers(0, n_items, many)] = True
    quantities = sparse.csr_matrix(bought * rng.integers(1, 5, bought.shape), dtype=np.float32)
    names = [np.array([f"{kind}{n:02d}" for n in range(size)]) for kind, size in (("u", n_users), ("i", n_items))]
    return Baskets(quantities, user, day[order], *names)


def by_night(baskets):
    return [baskets.between(day, day + 1) for day in np.unique(baskets.day)]


def decayed(baskets, at, half_life, units=False):
    """The sum over the whole history, in double precision."""
    rows = (baskets.quantities if units else baskets.incidence).toarray().astype(float)
    found = np.zeros((baskets.n_users, baskets.n_items))
    np.add.at(found, baskets.user, baskets.decay(at, half_life)[:, np.newaxis] * rows)
    return found


@pytest.mark.parametrize("half_life", [3.0, 90.0, np.inf])
@pytest.mark.parametrize("units", [False, True])
def test_running_counts_equal_the_sum_over_the_history(half_life, units):
    baskets = made_baskets(1)
    counts = RunningCounts(baskets.items, half_life, units)
    for night in by_night(baskets):
        counts = counts.updated(night)
    at = baskets.day.max() + np.timedelta64(10, "D")
    wanted = decayed(baskets, at, half_life, units)
    assert np.allclose(counts.at(at, baskets.user_ids).toarray(), wanted, rtol=1e-12, atol=1e-12)
    assert np.allclose(counts.shop_counts * counts._fading(at), wanted.sum(axis=0))


def test_the_order_in_which_baskets_arrive_does_not_matter():
    baskets = made_baskets(2)
    nights = by_night(baskets)
    in_order, shuffled = RunningCounts(baskets.items), RunningCounts(baskets.items)
    for night in nights:
        in_order = in_order.updated(night)
    for place in np.random.default_rng(0).permutation(len(nights)):
        shuffled = shuffled.updated(nights[place])
    at = in_order.day
    assert shuffled.day == at and np.array_equal(shuffled.user_ids, in_order.user_ids)
    assert np.allclose(shuffled.at(at).toarray(), in_order.at(at).toarray(), rtol=1e-12)
    assert shuffled.shop_baskets == pytest.approx(in_order.shop_baskets, rel=1e-12)


def test_an_update_leaves_the_old_state_as_it_was():
    baskets = made_baskets(3)
    first, *_, last = by_night(baskets)
    counts = RunningCounts(baskets.items).updated(first)
    held = counts.counts.data.tobytes(), counts.user_ids.tolist(), counts.shop_counts.tobytes(), counts.day
    counts.updated(last)
    assert held == (counts.counts.data.tobytes(), counts.user_ids.tolist(), counts.shop_counts.tobytes(), counts.day)
    model = RunningEASE().fit(baskets.between(end=last.day[0]), last.day[0])
    inverse = model.inverse_.copy()
    assert not np.array_equal(model.updated(last).inverse_, inverse) and np.array_equal(model.inverse_, inverse)


def test_a_forgotten_user_leaves_the_counts_of_a_shop_that_never_had_her():
    baskets = made_baskets(4)
    everybody = RunningCounts(baskets.items).updated(baskets)
    left = everybody.without("u07", baskets)
    others = baskets.where(baskets.user_ids[baskets.user] != "u07")
    never = RunningCounts(baskets.items).updated(others)
    assert "u07" not in left.user_ids and np.array_equal(left.user_ids, never.user_ids)
    assert np.allclose(left.at(left.day).toarray(), never.at(left.day).toarray(), rtol=1e-12)
    assert np.allclose(left.scores(never.user_ids, left.day), never.scores(never.user_ids, left.day), rtol=1e-6)
    with pytest.raises(BundlebookError, match="there is no user"):
        left.without("nobody", baskets)


def test_scores_order_what_a_user_bought_as_decayed_frequency_does():
    baskets = made_baskets(5)
    at = baskets.day.max() + np.timedelta64(1, "D")
    counts = RunningCounts(baskets.items).updated(baskets)
    wanted = DecayedFrequency(prior_baskets=0).fit(baskets, at).scores(baskets, at)
    assert np.allclose(counts.scores(baskets.user_ids, at, prior_baskets=0), wanted, rtol=1e-5)
    stranger = counts.scores(np.array(["nobody"]), at)[0]
    assert np.array_equal(np.argsort(-stranger, kind="stable"), np.argsort(-counts.shop_counts, kind="stable"))


def test_counts_refuse_the_past_and_other_items():
    baskets = made_baskets(6)
    counts = RunningCounts(baskets.items).updated(baskets)
    with pytest.raises(BundlebookError, match="have been taken in"):
        counts.at(baskets.day.max())
    with pytest.raises(BundlebookError, match="the model holds"):
        counts.updated(baskets.over(baskets.items[:5]))
    with pytest.raises(BundlebookError, match="half_life must be positive"):
        RunningCounts(baskets.items, half_life=0)
    assert counts.updated(baskets.where(slice(0))) is counts


@pytest.mark.parametrize("seed", range(5))
def test_rank_update_equals_a_new_inverse(seed):
    rng = np.random.default_rng(seed)
    m, k, gone = rng.integers(5, 40), rng.integers(1, 20), rng.integers(1, 20)
    start, came, left = (sparse.csr_matrix(rng.random((n, m)) < 0.3, dtype=float) for n in (50, k, gone))
    gram = (start.T @ start + left.T @ left).toarray() + 2 * np.eye(m)
    found = rank_update(np.linalg.inv(gram), added=came, removed=left)
    wanted = np.linalg.inv(gram + (came.T @ came - left.T @ left).toarray())
    assert np.abs(found - wanted).max() < 1e-12


def test_rows_that_were_never_in_it_cannot_be_removed():
    with pytest.raises(BundlebookError, match="never taken in"):
        rank_update(np.eye(3) / 2, removed=sparse.csr_matrix([[5.0, 0.0, 0.0]]))
    with pytest.raises(BundlebookError, match="4 items do not fit an inverse of 3"):
        rank_update(np.eye(3), added=sparse.csr_matrix(np.ones((1, 4))))
    with pytest.raises(BundlebookError, match="not finite"):
        rank_update(np.eye(3), added=sparse.csr_matrix([[np.nan, 0.0, 1.0]]))


def test_ease_after_many_nights_is_a_full_fit_and_the_recommenders_ease():
    baskets = made_baskets(7)
    start = baskets.day.min() + np.timedelta64(10, "D")
    at = baskets.day.max() + np.timedelta64(1, "D")
    model = RunningEASE(l2=5.0).fit(baskets, start)
    for night in by_night(baskets.between(start)):
        model = model.updated(night)
    refit, other = RunningEASE(l2=5.0).fit(baskets, at), EASE(5.0, rows="baskets").fit(baskets, at)
    assert np.abs(model.weights_ - refit.weights_).max() < 1e-12
    assert np.allclose(model.weights_, other.weights_, atol=1e-6)
    assert np.allclose(model.scores(baskets, at), other.scores(baskets, at), atol=1e-5)


def test_ease_forgets_a_user_and_slides_a_window():
    baskets = made_baskets(8)
    at = baskets.day.max() + np.timedelta64(1, "D")
    model = RunningEASE(l2=5.0).fit(baskets, at)
    others = baskets.where(baskets.user_ids[baskets.user] != "u03")
    gone = model.updated(removed=baskets.one("u03"))
    assert np.abs(gone.weights_ - RunningEASE(l2=5.0).fit(others, at).weights_).max() < 1e-12
    with pytest.raises(BundlebookError, match="has not been fitted"):
        RunningEASE().updated(baskets)
    with pytest.raises(BundlebookError, match="l2 must be positive"):
        RunningEASE(l2=-1)


def test_a_gradient_step_follows_the_slope_and_keeps_the_diagonal():
    rng = np.random.default_rng(9)
    A, B = sparse.csr_matrix(rng.random((8, 5)) < 0.4, dtype=float), rng.normal(size=(5, 5))
    np.fill_diagonal(B, 0)

    def loss(weights):
        return 0.5 * np.square(A.toarray() - A @ weights).sum() / 8 + 0.5 * 3 / 8 * np.square(weights).sum()

    stepped, rate, nudge = gradient_step(B, A, 1e-3, l2=3.0), 1e-3, 1e-6
    for i, j in ((0, 1), (3, 2), (4, 0)):
        up, down = B.copy(), B.copy()
        up[i, j], down[i, j] = B[i, j] + nudge, B[i, j] - nudge
        assert (B - stepped)[i, j] / rate == pytest.approx((loss(up) - loss(down)) / (2 * nudge), rel=1e-5)
    assert not np.diag(stepped).any() and loss(stepped) < loss(B)
    assert np.array_equal(gradient_step(B, A[:0], 0.1), B)
    with pytest.raises(BundlebookError, match="rate must be positive"):
        gradient_step(B, A, 0)


def test_one_item_of_ease_is_the_ridge_regression_of_river():
    """river takes in one row at a time: Sherman and Morrison's formula."""
    linear = pytest.importorskip("river.linear_model")
    baskets = made_baskets(10, n_items=5, many=60)
    rows = baskets.incidence.toarray().astype(float)
    others, target = rows[:, 1:], rows[:, 0]
    theirs = linear.BayesianLinearRegression(alpha=5.0, beta=1.0)
    for x, y in zip(others, target, strict=True):
        theirs.learn_one(dict(enumerate(x)), y)
    model = RunningEASE(l2=5.0).fit(baskets.where(slice(0)), baskets.day.min())
    model = model.updated(baskets)
    found = [theirs.predict_one({other: float(other == i) for other in range(4)}) for i in range(4)]
    assert found == pytest.approx(model.weights_[1:, 0].tolist(), abs=1e-10)
