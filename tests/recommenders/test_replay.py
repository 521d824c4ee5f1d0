"""The last visible period, replayed: who takes part, and what counts as having come true."""

import numpy as np
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.recommenders import (
    Calibrated,
    DecayedFrequency,
    PersonalFrequency,
    PlattScaled,
    Popularity,
    Replay,
    Stacked,
)

AT = np.datetime64("2021-06-01")
THEN = AT - np.timedelta64(28, "D")


def labels_of(baskets) -> set[str]:
    return set(baskets.user_ids[np.unique(baskets.user)])


def test_the_window_counts_everybody_who_was_known_then(panel):
    replay = Replay.of(panel, AT, where="test")
    past, came = panel.between(end=THEN), panel.between(THEN, AT)
    enough = past.counts_by_user() >= 3
    assert replay.then == THEN
    assert set(replay.histories.user_ids) == set(panel.user_ids[enough])
    assert labels_of(replay.past) == labels_of(past) == set(replay.past.user_ids)
    expected = came.of_users(np.flatnonzero(enough)).user_item()
    assert (replay.bought != expected).nnz == 0
    assert (np.diff(replay.bought.indptr) == 0).any()  # some of them stayed away, and are told so


def test_the_next_basket_is_the_first_one_of_those_who_came(panel):
    replay = Replay.of(panel, AT, where="test", target="next_basket")
    assert (np.diff(replay.bought.indptr) > 0).all()
    assert (replay.came.counts_by_user() <= 1).all()
    for row, label in enumerate(replay.histories.user_ids):
        user = list(panel.user_ids).index(label)
        first = np.flatnonzero((panel.user == user) & (panel.day >= THEN))[0]
        assert set(replay.bought[row].indices) == set(panel.quantities[first].indices)


def test_nothing_on_or_after_the_day_matters(panel):
    one, other = (Replay.of(b, THEN, where="test") for b in (panel, panel.between(end=THEN)))
    assert (one.bought != other.bought).nnz == 0
    assert np.array_equal(one.histories.user_ids, other.histories.user_ids)


def test_some_of_many_are_drawn_in_their_order(panel):
    replay = Replay.of(panel, AT, where="test")
    few = replay.some(5, seed=3)
    rows = [list(replay.histories.user_ids).index(label) for label in few.histories.user_ids]
    assert len(rows) == 5
    assert rows == sorted(rows)
    assert (few.bought != replay.bought[rows]).nnz == 0
    assert replay.some(10_000, seed=3) is replay


def test_an_empty_replay_and_an_unknown_target_are_refused(panel):
    with pytest.raises(BundlebookError, match="no user has 3 baskets before 2020"):
        Replay.of(panel, np.datetime64("2020-06-01"), where="test")
    with pytest.raises(BundlebookError, match="unknown target 'basket'"):
        Replay.of(panel, AT, where="test", target="basket")


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
        replay = Replay.of(panel, AT, where="test", target=target)
        p = made(target).fit(panel, AT).probability(replay.histories, replay.then)
        assert p.mean() == pytest.approx((replay.bought > 0).mean(), rel=0.15), target
