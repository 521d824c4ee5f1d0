"""Histories as baskets: what the counts count, what a step may know, and how the questions are drawn."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders.networks._baskets import DECAYS, FLOOR, GAP, HALF_LIVES, MOST_GAPS, N_FEATURES, BasketSteps
from bundlebook.shop import Baskets

AT = np.datetime64("2021-06-01")


def asked_on(steps: BasketSteps) -> np.ndarray:
    return steps.asked - steps.visible.day.astype(np.int64)


def counted(baskets: Baskets, user: int, last: int, item: int, asked: int, begin: int = 0) -> list[float]:
    """The sixteen features, by their definitions, from the user's baskets *begin* to *last*."""
    mine = np.flatnonzero(baskets.user == user)[begin : last + 1]
    day, units = baskets.day[mine].astype(int), baskets.quantities[mine][:, [item]].toarray().ravel()
    holds = units > 0
    if not holds.any():
        return [0.0] * N_FEATURES
    n, total, back = holds.sum(), len(mine), np.arange(len(mine))[::-1]
    by_day = [
        np.log(FLOOR + (2.0 ** (-(asked - day) / h) * holds).sum()) - np.log(1 + (2.0 ** (-(day[-1] - day) / h)).sum())
        for h in HALF_LIVES
    ]
    by_visit = [np.log(FLOOR + (g**back * holds).sum()) - np.log(1 + (g**back).sum()) for g in DECAYS]
    first, latest = day[holds][0], day[holds][-1]
    gap = (latest - first + GAP) / n
    return [
        n / (1 + total),
        np.log(0.05 + n) - np.log(1 + total),
        *by_day,
        *by_visit,
        np.log1p(asked - latest),
        np.log1p(back[holds][-1]),
        np.log(gap),
        min((asked - latest) / gap, MOST_GAPS),
        np.log1p(n),
        np.log(units.sum() / n),
        np.log1p(asked - first),
        float(holds[-1]),
    ]


@pytest.fixture(scope="module")
def units(panel) -> Baskets:
    """The panel with more than one unit here and there."""
    lines = panel.quantities.copy()
    lines.data = np.random.default_rng(1).integers(1, 4, lines.nnz).astype(np.float32)
    return replace(panel, quantities=lines)


def test_every_feature_is_what_its_definition_says(units):
    steps = BasketSteps.before(units, AT, n_steps=5).drawn(0.5, np.random.default_rng(2))
    users = np.arange(units.n_users)
    inputs = steps.inputs(users)
    for user in (0, 7, 23, 39):
        first = np.flatnonzero(units.user == user)[0]
        begin, stop = steps.begin[user] - first, steps.stop[user] - first
        for step in range(5):
            last = stop - 5 + step
            if last < begin:
                assert not inputs["features"][user, :, step].any()
                continue
            for place in range(int((inputs["features"][user, :, -1, 0] > 0).sum())):
                expected = counted(
                    units, user, last, inputs["item"][user, place], steps.asked[first + last], int(begin)
                )
                assert inputs["features"][user, place, step] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_items_of_a_user_are_all_there_once(units):
    steps = BasketSteps.up_to(units, AT, 4)
    inputs = steps.inputs(np.arange(units.n_users))
    for user in range(units.n_users):
        known = inputs["features"][user, :, -1, 0] > 0
        assert sorted(inputs["item"][user, known]) == sorted(units.user_item()[user].indices)
        assert not inputs["features"][user, ~known].any()


def test_steps_stand_at_the_end_and_targets_are_the_baskets_after_them(units):
    steps = BasketSteps.before(units, AT, 4)
    users = np.arange(units.n_users)
    inputs, bought, weight = steps.batch(users)
    dense = units.quantities.toarray()
    for user in users:
        mine = np.flatnonzero(units.user == user)
        read = mine[:-1][-4:]
        empty = 4 - len(read)
        assert weight[user].tolist() == [0.0] * empty + [1.0] * len(read)
        assert inputs["units"][user, empty:] == pytest.approx(np.log1p(dense[read]))
        assert np.array_equal(bought[user, empty:], dense[read + 1] > 0)
        assert not inputs["units"][user, :empty].any()
        assert not bought[user, :empty].any()


def test_answers_after_the_last_step_only_are_those_of_all_steps(units):
    steps = BasketSteps.up_to(units, AT, 6)
    users = np.array([3, 11])
    every, last = steps.inputs(users), steps.inputs(users, answers=1)
    assert np.array_equal(every["features"][:, :, -1:], last["features"])
    assert np.array_equal(every["units"], last["units"])


def test_the_day_asked_about_lies_after_the_basket_and_not_after_the_next(units):
    drawn = BasketSteps.before(units, AT, 4).drawn(0.0, np.random.default_rng(0))
    inner = np.flatnonzero(np.diff(units.user) == 0)
    following = units.day[inner + 1].astype(int)
    assert (asked_on(drawn)[inner] >= 1).all()
    assert (drawn.asked[inner] <= following).all()
    assert (drawn.asked[inner] < following).any()
    assert (asked_on(BasketSteps.up_to(units, AT, 4)) == (AT - units.day).astype(int)).all()


def test_a_thinned_user_starts_late_and_ends_as_before(units):
    whole = BasketSteps.before(units, AT, 4)
    thinned = whole.drawn(1.0, np.random.default_rng(0))
    kept = thinned.stop - thinned.begin
    assert np.array_equal(thinned.stop, whole.stop)
    assert (kept >= 1).all()
    assert (kept < whole.stop - whole.begin).mean() > 0.5
    assert np.array_equal(whole.drawn(0.0, np.random.default_rng(0)).begin, whole.begin)


def test_nothing_on_or_after_the_day_is_read(units):
    earlier = AT - np.timedelta64(60, "D")
    cut, whole = BasketSteps.up_to(units.between(end=earlier), earlier, 4), BasketSteps.up_to(units, earlier, 4)
    users = np.arange(units.n_users)
    for name, array in whole.inputs(users).items():
        assert np.array_equal(array, cut.inputs(users)[name]), name
    assert np.array_equal(cut.trend(), whole.trend())
    assert np.array_equal(cut.item_log_odds(), whole.item_log_odds())


def test_the_trend_of_a_week_knows_no_later_basket(units):
    lines = units.quantities.tolil()
    lines[units.day >= AT - 14, 3] = 5
    changed = BasketSteps.up_to(replace(units, quantities=lines.tocsr()), AT, 4).trend()
    trend = BasketSteps.up_to(units, AT, 4).trend()
    assert changed[:2, 3].min() > trend[:2, 3].max()
    assert np.array_equal(changed[2:], trend[2:])


def test_the_trend_is_the_log_of_recent_over_usual(units):
    trend = BasketSteps.up_to(units, AT, 4).trend(weeks=4, prior=20.0)
    recent = units.day >= AT - 28
    held, n = units.incidence.toarray(), units.n_baskets
    share = (held.sum(axis=0) + 0.5) / (n + 1)
    lately = held[recent].sum(axis=0)
    expected = np.log((lately + 20 * share + 0.5) / ((recent.sum() + 20) * share + 0.5))
    assert trend[0] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_log_in_which_nobody_comes_back_is_refused():
    items = np.array(["a", "b"])
    once = Baskets(sparse.identity(2, format="csr"), np.arange(2), np.array([AT - 2, AT - 1]), items, items)
    with pytest.raises(BundlebookError, match="no user has two baskets"):
        BasketSteps.before(once, AT, 4)


def test_a_user_without_a_basket_has_no_steps(units):
    nobody = units.of_users([4]).where(np.zeros((units.user == 4).sum(), dtype=bool))
    inputs = BasketSteps.up_to(nobody, AT, 3).inputs(np.array([0]))
    assert not any(array.any() for array in inputs.values())
