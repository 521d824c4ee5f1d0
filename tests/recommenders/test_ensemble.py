"""The mean of probabilities."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import log_loss
from bundlebook.recommenders import Calibrated, DecayedFrequency, Ensemble, PersonalFrequency, Popularity

AT = np.datetime64("2021-06-01")


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
    each = [log_loss(member.probability(panel, AT), outcome) for member in fitted.members]
    assert log_loss(fitted.probability(panel, AT), outcome) < np.mean(each)


def test_training_times_add_up(panel):
    one, other = members()[:2]
    one.fit_seconds_, other.fit_seconds_ = 2.0, 3.0
    assert Ensemble([one, other]).fit(panel, AT).fit_seconds_ == 5.0


@pytest.mark.parametrize("wrong", [[], [PersonalFrequency()]])
def test_without_probabilities_there_is_no_mean(wrong):
    with pytest.raises(BundlebookError, match="averages probabilities"):
        Ensemble(wrong)
