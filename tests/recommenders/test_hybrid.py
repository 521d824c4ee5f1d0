"""Hybrids: sums by hand, who is in charge of whom, a mean of probabilities, and a stacked one that comes true."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import log_loss

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Calibrated,
    DecayedFrequency,
    Ensemble,
    PersonalFrequency,
    Popularity,
    ProbabilisticRecommender,
    Recommender,
    Stacked,
    Switching,
    UserKNN,
    Weighted,
)

AT = np.datetime64("2021-06-01")


class Fixed:
    """Always the same row: a member whose scores are known."""

    def __init__(self, row, name="fixed"):
        self.row, self.name = np.array(row, dtype=np.float32), name

    def fit(self, visible, at):
        return self

    def scores(self, histories, at):
        return np.tile(self.row, (histories.n_users, 1))


def test_weighted_by_hand(panel):
    a, b = np.arange(15.0), np.where(np.arange(15) == 3, 5.0, 1.0)
    members = [Fixed(a, "a"), Fixed(b, "b")]
    z = 2 * (a - a.mean()) / a.std() + 3 * (b - b.mean()) / b.std()
    assert Weighted(members, [2, 3]).fit(panel, AT).scores(panel, AT)[7] == pytest.approx(z, rel=1e-5)
    fused = 1 / (60 + rankdata(-a)) + 1 / (60 + rankdata(-b))
    assert Weighted(members, scale="reciprocal").scores(panel, AT)[7] == pytest.approx(fused, rel=1e-5)
    rank = (a + 0.5) / 15 + np.where(b > 1, 14.5, 7) / 15
    assert Weighted(members, scale="rank").scores(panel, AT)[7] == pytest.approx(rank, rel=1e-5)


def test_units_do_not_matter(panel):
    alone = Weighted([PersonalFrequency("a"), Popularity(name="b")]).fit(panel, AT).scores(panel, AT)

    class Thousandfold(Popularity):
        def scores(self, histories, at):
            return 1000 * super().scores(histories, at) + 7

    blown_up = Weighted([PersonalFrequency("a"), Thousandfold(name="b")]).fit(panel, AT).scores(panel, AT)
    np.testing.assert_allclose(blown_up, alone, atol=1e-4)


def test_a_member_without_an_opinion_changes_nothing(panel):
    one, both = Weighted([Popularity()]), Weighted([Popularity(), Fixed(np.zeros(15))])
    assert (one.fit(panel, AT).scores(panel, AT) == both.fit(panel, AT).scores(panel, AT)).all()


def test_switching_goes_by_the_length_of_the_history(panel):
    model = Switching(Fixed(np.zeros(15), "short"), Fixed(np.ones(15), "long"), baskets=6).fit(panel, AT)
    chosen = model.scores(panel, AT)[:, 0]
    assert (chosen == (panel.counts_by_user() >= 6)).all() and 0 < chosen.mean() < 1
    early = AT - np.timedelta64(150, "D")
    assert model.scores(panel, early)[:, 0].sum() < chosen.sum(), "baskets after the day counted"


@pytest.fixture(scope="module")
def window(panel):
    at = AT - np.timedelta64(28, "D")
    return at, panel.between(end=at), panel.between(at, AT).user_item().toarray() > 0


def test_stacked_probability_comes_true_and_beats_a_constant(window):
    at, past, bought = window
    model = Stacked([DecayedFrequency(), UserKNN()], min_history=1).fit(past, at)
    assert isinstance(model, ProbabilisticRecommender) and not isinstance(Weighted([Popularity()]), type(model))
    p = model.probability(past, at)
    assert p.dtype == np.float32 and p.shape == bought.shape and (p > 0).all() and (p < 1).all()
    assert p.mean() == pytest.approx(bought.mean(), rel=0.3)
    assert log_loss(bought.ravel(), p.ravel()) < log_loss(bought.ravel(), np.full(bought.size, bought.mean()))
    odds = model.scores(past, at)
    assert np.log(p / (1 - p)) == pytest.approx(odds, abs=1e-3)


def test_drawn_negatives_stand_for_the_others(window):
    at, past, _ = window
    everything = Stacked([DecayedFrequency()], min_history=1).fit(past, at).probability(past, at)
    drawn = Stacked([DecayedFrequency()], min_history=1, negatives=250, seed=1).fit(past, at).probability(past, at)
    assert (drawn != everything).any()
    assert drawn.mean() == pytest.approx(everything.mean(), rel=0.1)


def test_stacking_prefers_the_member_that_knows(panel, window):
    """Beside one that scores at random, the informed member keeps its order."""
    at, past, _ = window
    noise = Fixed(np.random.default_rng(0).random(15), "noise")
    scores = Stacked([noise, PersonalFrequency()], min_history=1).fit(past, at).scores(past, at)
    alone = PersonalFrequency().scores(past, at)
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(scores, alone, strict=True)]) > 0.8


def test_bad_members_weights_and_scales_are_refused(panel):
    with pytest.raises(BundlebookError, match="not distinct"):
        Weighted([Popularity(), Popularity()])
    with pytest.raises(BundlebookError, match="not distinct"):
        Stacked([])
    for weights in ([1], [0, 0], [1, -1], [1, float("nan")]):
        with pytest.raises(BundlebookError, match="give one weight per member"):
            Weighted([Popularity(), PersonalFrequency()], weights)
    with pytest.raises(BundlebookError, match="unknown scale 'log'"):
        Weighted([Popularity()], scale="log")
    with pytest.raises(BundlebookError, match="no user with 500 or more"):
        Stacked([Popularity()], min_history=500).fit(panel, AT)
    assert isinstance(Switching(Popularity(), PersonalFrequency()), Recommender)


def members():
    return [Calibrated(inner()) for inner in (Popularity, PersonalFrequency, DecayedFrequency)]


def test_it_is_the_mean_of_the_members(panel):
    fitted = Ensemble(members()).fit(panel, AT)
    each = [member.fit(panel, AT).probability(panel, AT) for member in members()]
    assert fitted.probability(panel, AT) == pytest.approx(np.mean(each, axis=0), rel=1e-5)
    assert np.array_equal(fitted.scores(panel, AT), fitted.probability(panel, AT))


def test_its_cross_entropy_is_at_most_the_mean_of_the_members(panel):
    fitted = Ensemble(members()).fit(panel, AT)
    outcome = np.random.default_rng(0).random((panel.n_users, panel.n_items)) < 0.3
    each = [log_loss(outcome.ravel(), member.probability(panel, AT).ravel()) for member in fitted.members]
    assert log_loss(outcome.ravel(), fitted.probability(panel, AT).ravel()) < np.mean(each)


def test_training_times_add_up(panel):
    one, other = members()[:2]
    one.fit_seconds_, other.fit_seconds_ = 2.0, 3.0
    assert Ensemble([one, other]).fit(panel, AT).fit_seconds_ == 5.0


@pytest.mark.parametrize("wrong", [[], [PersonalFrequency()]])
def test_without_probabilities_there_is_no_mean(wrong):
    with pytest.raises(BundlebookError, match="averages probabilities"):
        Ensemble(wrong)
