"""The replay of the last visible period, and what isotonic regression and Platt's scaling learn from it."""

import numpy as np
import pytest
from scipy.special import expit, logit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Calibrated,
    DecayedFrequency,
    PersonalFrequency,
    PlattScaled,
    Popularity,
    ProbabilisticRecommender,
    Stacked,
    platt,
)
from bundlebook.recommenders.calibrated import _Replay
from tests.evaluation import conftest
from tests.recommenders.conftest import made

AT = np.datetime64("2021-06-01")
THEN = AT - np.timedelta64(28, "D")

split, task = conftest.split, conftest.task  # the small shop with tastes


def labels_of(baskets) -> set[str]:
    return set(baskets.user_ids[np.unique(baskets.user)])


def test_the_window_counts_everybody_who_was_known_then(panel):
    replay = _Replay.of(panel, AT, where="test")
    past, came = panel.between(end=THEN), panel.between(THEN, AT)
    enough = past.counts_by_user() >= 3
    assert replay.then == THEN
    assert set(replay.histories.user_ids) == set(panel.user_ids[enough])
    assert labels_of(replay.past) == labels_of(past) == set(replay.past.user_ids)
    expected = came.of_users(np.flatnonzero(enough)).user_item()
    assert (replay.bought != expected).nnz == 0
    assert (np.diff(replay.bought.indptr) == 0).any()  # some of them stayed away, and are told so


def test_the_next_basket_is_the_first_one_of_those_who_came(panel):
    replay = _Replay.of(panel, AT, where="test", target="next_basket")
    assert (np.diff(replay.bought.indptr) > 0).all()
    assert (replay.came.counts_by_user() <= 1).all()
    for row, label in enumerate(replay.histories.user_ids):
        user = list(panel.user_ids).index(label)
        first = np.flatnonzero((panel.user == user) & (panel.day >= THEN))[0]
        assert set(replay.bought[row].indices) == set(panel.quantities[first].indices)


def test_nothing_on_or_after_the_day_matters(panel):
    one, other = (_Replay.of(b, THEN, where="test") for b in (panel, panel.between(end=THEN)))
    assert (one.bought != other.bought).nnz == 0
    assert np.array_equal(one.histories.user_ids, other.histories.user_ids)


def test_some_of_many_are_drawn_in_their_order(panel):
    replay = _Replay.of(panel, AT, where="test")
    few = replay.some(5, seed=3)
    rows = [list(replay.histories.user_ids).index(label) for label in few.histories.user_ids]
    assert len(rows) == 5
    assert rows == sorted(rows)
    assert (few.bought != replay.bought[rows]).nnz == 0
    assert replay.some(10_000, seed=3) is replay


def test_everybody_takes_part_if_no_history_is_asked_for(panel):
    replay = _Replay.of(panel, AT, where="test", min_history=0)
    assert np.array_equal(replay.histories.user_ids, panel.user_ids)
    assert (replay.came.user_item() != replay.bought).nnz == 0
    assert replay.came.digest == panel.between(THEN, AT).digest


def test_an_empty_replay_and_an_unknown_target_are_refused(panel):
    with pytest.raises(BundlebookError, match="no user with 3 or more baskets before 2020"):
        _Replay.of(panel, np.datetime64("2020-06-01"), where="test")
    with pytest.raises(BundlebookError, match="unknown target 'basket'"):
        _Replay.of(panel, AT, where="test", target="basket")


@pytest.mark.parametrize(
    "made",
    [
        lambda target: Calibrated(PersonalFrequency(), target=target),
        lambda target: PlattScaled(Calibrated(DecayedFrequency()), target=target),
        lambda target: Stacked([Popularity(), PersonalFrequency()], target=target),
    ],
)
def test_p_is_right_in_the_mean_whatever_it_means(panel, made):
    for target in ("window", "next_basket"):
        replay = _Replay.of(panel, AT, where="test", target=target)
        p = made(target).fit(panel, AT).probability(replay.histories, replay.then)
        assert p.mean() == pytest.approx((replay.bought > 0).mean(), rel=0.15), target


@pytest.fixture(scope="module")
def regulars():
    """200 users with a weekly chance of their own for each of 12 items, over 40 weeks."""
    rng = np.random.default_rng(3)
    chance = rng.beta(0.3, 2, size=(200, 12))
    rows, users, ages = [], [], []
    for user in range(200):
        for week in range(40, 0, -1):
            bought = rng.random(12) < chance[user]
            if bought.any():
                rows.append(bought)
                users.append(user)
                ages.append(7 * week)
    return made(rows, users, ages)


def test_calibrated_probability_comes_true(regulars):
    """Stand four weeks before the end: the mean probability is the share bought, overall and where it is high."""
    at = AT - np.timedelta64(28, "D")
    past, window = regulars.between(end=at), regulars.between(at, AT)
    bought = window.user_item().toarray() > 0
    p = Calibrated(DecayedFrequency()).fit(past, at).probability(past, at)
    assert p.shape == bought.shape and p.dtype == np.float32
    assert (p > 0).all() and (p < 1).all()
    assert p.mean() == pytest.approx(bought.mean(), abs=0.03)
    assert p[p > 0.7].mean() == pytest.approx(bought[p > 0.7].mean(), abs=0.05)
    assert (p > 0.7).sum() > 100


def test_calibration_keeps_the_order_and_reads_nothing_later(regulars):
    at = AT - np.timedelta64(28, "D")
    past = regulars.between(end=at)
    inner = DecayedFrequency()
    fitted, blind = Calibrated(inner).fit(regulars, at), Calibrated(DecayedFrequency()).fit(past, at)
    assert (fitted.probability(past, at) == blind.probability(past, at)).all()
    scores, p = fitted.scores(past, at), fitted.probability(past, at)
    order = np.argsort(scores.ravel(), kind="stable")
    assert (np.diff(p.ravel()[order]) >= 0).all()
    assert fitted.name == inner.name and isinstance(fitted, ProbabilisticRecommender)


def test_shares_of_baskets_need_the_number_of_baskets(regulars):
    """Two users with the same share but ten times the baskets are not equally likely to buy within a month."""

    class Share(PersonalFrequency):
        def scores(self, histories, at):
            return super().scores(histories, at) / np.maximum(histories.counts_by_user(), 1)[:, np.newaxis]

    rare = made([[1] + [0] * 11] * 1 + [[1] + [0] * 11] * 20, [0] + [1] * 20, [100, *range(140, 0, -7)])
    p = Calibrated(Share(), per="basket").fit(regulars, AT).probability(rare, AT)
    assert p[1, 0] > p[0, 0]
    p = Calibrated(Share(), per="period").fit(regulars, AT).probability(rare, AT)
    assert p[1, 0] == p[0, 0]


def test_calibration_without_a_period_to_replay_or_of_an_unknown_kind_is_refused(regulars):
    with pytest.raises(BundlebookError, match="replay for personal frequency"):
        Calibrated(PersonalFrequency()).fit(regulars, regulars.day.min() + 7)
    with pytest.raises(BundlebookError, match="unknown per 'month'"):
        Calibrated(PersonalFrequency(), per="month")


def bent(a, b, n=200_000):
    rng = np.random.default_rng(3)
    right = rng.beta(1, 8, size=n)
    return expit(a + b * logit(right)), rng.random(n) < right


def test_it_undoes_what_was_done():
    p, y = bent(np.log(4), 1.0)
    a, b = platt(p, y)
    assert a == pytest.approx(-np.log(4), abs=0.06) and b == pytest.approx(1, abs=0.03)
    assert expit(a + b * logit(p)).mean() == pytest.approx(y.mean(), rel=1e-6)


def test_nothing_is_left_to_gain_along_the_logit():
    p, y = bent(-0.5, 0.7, 5_000)
    a, b = platt(p, y)
    left = y - expit(a + b * logit(p))  # both slopes of the likelihood are 0 at its top
    assert np.array([left.mean(), (left * logit(p)).mean()]) == pytest.approx([0, 0], abs=1e-5)


def test_one_probability_for_all_is_moved_to_the_share_that_was_bought():
    a, b = platt(np.full(8, 0.2), np.arange(8) < 3)
    assert b == 1 and expit(a + logit(0.2)) == pytest.approx(3 / 8)


@pytest.mark.parametrize("y", [[0, 0], [1, 1], [1]])
def test_outcomes_of_one_kind_teach_nothing(y):
    with pytest.raises(BundlebookError, match="purchases among"):
        platt(np.array([0.2, 0.3]), np.array(y))


class Boastful:
    """Decayed counts as odds, ten times too high."""

    name = "boastful"

    def __init__(self):
        self.inner, self.fits = DecayedFrequency(), []

    def fit(self, visible, at):
        self.fits.append((visible.day.max(), at))
        self.inner.fit(visible, at)
        return self

    def scores(self, histories, at):
        return self.inner.scores(histories, at)

    def probability(self, histories, at):
        odds = 10 * np.maximum(self.scores(histories, at), 1e-3)
        return odds / (1 + odds)


def test_a_boast_is_brought_down_and_the_order_stays(task):
    boastful = Boastful()
    model = PlattScaled(boastful, days=28).fit(task.visible, task.at)
    (last_day, then), (_, at) = boastful.fits
    assert last_day < then and at == task.at and then == task.at - 28, "the replay sees nothing of its period"
    p, bought = model.probability(task.histories, task.at), task.truth.toarray() > 0
    assert boastful.probability(task.histories, task.at).mean() > 1.5 * bought.mean()
    assert p.mean() == pytest.approx(bought.mean(), rel=0.25)
    scores = model.scores(task.histories, task.at)
    assert (np.argsort(-p, axis=1, kind="stable")[:, 0] == np.argsort(-scores, axis=1, kind="stable")[:, 0]).all()


def test_users_known_by_little_have_a_scale_of_their_own(task):
    model = PlattScaled(Boastful(), known=(1, 4)).fit(task.visible, task.at)
    assert list(model.scales_) == [1, 4, None]
    bought = task.truth.toarray() > 0
    plain = PlattScaled(Boastful()).fit(task.visible, task.at)
    for n in (1, 4):
        short = task.histories.last(n)
        of_its_own = model.probability(short, task.at).sum() / bought.sum()
        of_all = plain.probability(short, task.at).sum() / bought.sum()
        assert abs(of_its_own - 1) < abs(of_all - 1), "a short history would be taken for a light shopper"
    whole = task.histories
    assert model.probability(whole, task.at) == pytest.approx(plain.probability(whole, task.at), abs=1e-5)


def test_bad_arguments_of_platts_scaling_are_refused(task):
    with pytest.raises(BundlebookError, match="known"):
        PlattScaled(Boastful(), known=(4, 1))
    with pytest.raises(BundlebookError, match="no user with 3 or more"):
        PlattScaled(Boastful()).fit(task.visible, task.visible.day.min() + 28)
