"""Platt's scaling finds the numbers that bent a probability, and knows short histories from long ones."""

import numpy as np
import pytest
from scipy.special import expit, logit

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import DecayedFrequency, PlattScaled, platt
from tests.evaluation import conftest

split, task = conftest.split, conftest.task  # the small shop with tastes


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


def test_bad_arguments_are_refused(task):
    with pytest.raises(BundlebookError, match="known"):
        PlattScaled(Boastful(), known=(4, 1))
    with pytest.raises(BundlebookError, match="no user has 3 baskets"):
        PlattScaled(Boastful()).fit(task.visible, task.visible.day.min() + 28)
