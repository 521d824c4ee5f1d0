"""Counting recommenders against sums done by hand, and transitions against a loop over consecutive baskets."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    DecayedFrequency,
    PersonalFrequency,
    Popularity,
    ProbabilisticRecommender,
    Recommender,
    TransitionCounts,
)
from bundlebook.recommenders.counting import _transitions
from tests.recommenders.conftest import made

AT = np.datetime64("2021-06-01")


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
    ],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(BundlebookError):
        make()


def test_protocol_is_met():
    assert isinstance(Popularity(), Recommender) and not isinstance(Popularity(), ProbabilisticRecommender)


@pytest.mark.parametrize("shrinkage", [0, 5])
def test_transitions_by_loops(panel, shrinkage):
    together, holding = np.zeros((15, 15)), np.zeros(15)
    rows = panel.incidence.toarray()
    for here in range(panel.n_baskets - 1):
        if panel.user[here] == panel.user[here + 1]:
            holding += rows[here]
            together += np.outer(rows[here], rows[here + 1])
    expected = together / (holding + shrinkage)[:, np.newaxis]
    np.testing.assert_allclose(_transitions(panel, shrinkage).toarray(), expected, rtol=1e-12)


def test_without_transitions_it_is_decayed_frequency(panel):
    ours = TransitionCounts(60, 3, transition_baskets=0).fit(panel, AT).scores(panel, AT)
    theirs = DecayedFrequency(60, 3).fit(panel, AT).scores(panel, AT)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_what_follows_the_last_basket_comes_up(panel):
    """Everybody buys 0 then 1, in turns; whoever bought 0 last is shown 1, new to him or her."""
    rows = np.zeros((40, 15), dtype=np.float32)
    rows[np.arange(40), np.arange(40) % 2] = 1
    turns = type(panel)(
        type(panel.quantities)(rows), np.repeat([0, 1], 20), AT - np.tile(np.arange(40, 20, -1), 2),
        np.array(["a", "b"]), panel.items,
    )  # fmt: skip
    model = TransitionCounts(prior_baskets=0, shrinkage=0).fit(turns, AT)
    newcomer = type(panel)(turns.quantities[:1], np.zeros(1, int), turns.day[-1:], np.array(["c"]), panel.items)
    one = model.transition_baskets
    assert model.scores(newcomer, AT)[0, 1] == pytest.approx(one, rel=1e-5), "all of γ: 1 always follows 0"


def test_transition_weights_are_per_basket(panel):
    base = TransitionCounts(transition_baskets=0).fit(panel, AT).scores(panel, AT)
    once = TransitionCounts(transition_baskets=1).fit(panel, AT).scores(panel, AT) - base
    thrice = TransitionCounts(transition_baskets=3).fit(panel, AT).scores(panel, AT) - base
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-5)
    assert (once <= 1).all() and once.max() > 0.1
