"""Transition counts against a loop over consecutive baskets, and against the model they extend."""

import numpy as np
import pytest

from bundlebook.recommenders import DecayedFrequency, TransitionCounts
from bundlebook.recommenders.counting import _transitions

AT = np.datetime64("2021-06-01")


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


def test_weights_are_per_basket(panel):
    base = TransitionCounts(transition_baskets=0).fit(panel, AT).scores(panel, AT)
    once = TransitionCounts(transition_baskets=1).fit(panel, AT).scores(panel, AT) - base
    thrice = TransitionCounts(transition_baskets=3).fit(panel, AT).scores(panel, AT) - base
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-5)
    assert (once <= 1).all() and once.max() > 0.1
