"""Counting recommenders against sums done by hand, and their calibration against the period it replays."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Calibrated,
    DecayedFrequency,
    PersonalFrequency,
    Popularity,
    ProbabilisticRecommender,
    Recommender,
)
from bundlebook.shop import Baskets

AT = np.datetime64("2021-03-01")


def made(rows, users, ages):
    """Baskets from rows of quantities, each so many days before AT, in the order in which they are given."""
    n_users = max(users) + 1
    return Baskets(
        sparse.csr_matrix(np.array(rows, dtype=np.float32)),
        np.array(users),
        AT - np.array(ages),
        np.array([f"u{u}" for u in range(n_users)]),
        np.array([f"i{i}" for i in range(len(rows[0]))]),
    )


@pytest.fixture
def small():
    """u0: item 0 90 days ago, items 0 and 1 today − 30; u1: item 2 (five units) 10 days ago, item 2 one day ago."""
    return made([[1, 0, 0], [1, 1, 0], [0, 0, 5], [0, 0, 1]], [0, 0, 1, 1], [90, 30, 10, 1])


def test_popularity_counts_users_not_units_or_trips(small):
    assert Popularity(days=28).fit(small, AT).share_.tolist() == [0, 0, 1], "one buyer in 28 days, and she took item 2"
    assert Popularity(days=60).fit(small, AT).share_.tolist() == [0.5, 0.5, 0.5]
    assert Popularity(days=60).fit(small, AT).scores(small, AT).shape == (2, 3)


def test_popularity_falls_back_on_all_there_is(small):
    late = AT + np.timedelta64(300, "D")
    assert Popularity(days=28).fit(small, late).share_.tolist() == [0.5, 0.5, 0.5]
    with pytest.raises(BundlebookError, match="no basket lies before"):
        Popularity().fit(small, np.datetime64("2000-01-01"))


def test_personal_frequency_counts_baskets(small):
    assert PersonalFrequency().fit(small, AT).scores(small, AT).tolist() == [[2, 1, 0], [0, 0, 2]]


def test_decayed_frequency_by_hand(small):
    recommender = DecayedFrequency(half_life=30, prior_baskets=2, days=60).fit(small, AT)
    share = np.array([1, 1, 2]) / 3  # three baskets in sixty days
    own = np.array([[2**-3 + 2**-1, 2**-1, 0], [0, 0, 2 ** (-10 / 30) + 2 ** (-1 / 30)]])
    assert recommender.scores(small, AT) == pytest.approx(own + 2 * share, rel=1e-6)


def test_without_forgetting_or_prior_it_is_personal_frequency(small):
    plain = DecayedFrequency(half_life=np.inf, prior_baskets=0).fit(small, AT).scores(small, AT)
    assert (plain == PersonalFrequency().scores(small, AT)).all()


def test_what_lies_after_the_day_is_not_counted(small):
    at = AT - np.timedelta64(5, "D")
    for recommender in (PersonalFrequency(), DecayedFrequency(prior_baskets=0)):
        assert recommender.fit(small, at).scores(small, at)[1, 2] <= 1


def test_an_empty_history_gets_popularity(small):
    nobody = small.empty("new")
    scores = DecayedFrequency(days=60).fit(small, AT).scores(nobody, AT)
    assert np.argmax(scores[0]) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Popularity(days=0),
        lambda: DecayedFrequency(half_life=0),
        lambda: DecayedFrequency(half_life=float("nan")),
        lambda: DecayedFrequency(prior_baskets=-1),
        lambda: Calibrated(PersonalFrequency(), per="month"),
    ],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(BundlebookError):
        make()


@pytest.fixture(scope="module")
def panel():
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


def test_calibrated_probability_comes_true(panel):
    """Stand four weeks before the end: the mean probability is the share bought, overall and where it is high."""
    at = AT - np.timedelta64(28, "D")
    past, window = panel.between(end=at), panel.between(at, AT)
    bought = window.user_item().toarray() > 0
    p = Calibrated(DecayedFrequency()).fit(past, at).probability(past, at)
    assert p.shape == bought.shape and p.dtype == np.float32
    assert (p > 0).all() and (p < 1).all()
    assert p.mean() == pytest.approx(bought.mean(), abs=0.03)
    assert p[p > 0.7].mean() == pytest.approx(bought[p > 0.7].mean(), abs=0.05)
    assert (p > 0.7).sum() > 100


def test_calibration_keeps_the_order_and_reads_nothing_later(panel):
    at = AT - np.timedelta64(28, "D")
    past = panel.between(end=at)
    inner = DecayedFrequency()
    fitted, blind = Calibrated(inner).fit(panel, at), Calibrated(DecayedFrequency()).fit(past, at)
    assert (fitted.probability(past, at) == blind.probability(past, at)).all()
    scores, p = fitted.scores(past, at), fitted.probability(past, at)
    order = np.argsort(scores.ravel(), kind="stable")
    assert (np.diff(p.ravel()[order]) >= 0).all()
    assert fitted.name == inner.name


def test_shares_of_baskets_need_the_number_of_baskets(panel):
    """Two users with the same share but ten times the baskets are not equally likely to buy within a month."""

    class Share(PersonalFrequency):
        def scores(self, histories, at):
            return super().scores(histories, at) / np.maximum(histories.counts_by_user(), 1)[:, np.newaxis]

    rare = made([[1] + [0] * 11] * 1 + [[1] + [0] * 11] * 20, [0] + [1] * 20, [100, *range(140, 0, -7)])
    p = Calibrated(Share(), per="basket").fit(panel, AT).probability(rare, AT)
    assert p[1, 0] > p[0, 0]
    p = Calibrated(Share(), per="period").fit(panel, AT).probability(rare, AT)
    assert p[1, 0] == p[0, 0]


def test_calibration_without_a_period_to_replay_is_refused(small):
    with pytest.raises(BundlebookError, match="calibration of personal frequency"):
        Calibrated(PersonalFrequency()).fit(small, AT)


def test_protocol_is_met():
    assert isinstance(Popularity(), Recommender) and not isinstance(Popularity(), ProbabilisticRecommender)
    assert isinstance(Calibrated(Popularity()), ProbabilisticRecommender)
