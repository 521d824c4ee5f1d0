"""A bad night is refused with a sentence, or rolled back; the state stays the same object."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.feedback import Guard, RunningCounts, take_in
from tests.feedback.test_drift import CATEGORY, made_lines
from tests.feedback.test_online import made_baskets

LINES = made_lines(21, weeks=18)
TONIGHT = LINES["time"].max().normalize()
NIGHT, BEFORE = LINES[LINES["time"] >= TONIGHT], LINES[LINES["time"] < TONIGHT]
GUARD = Guard(CATEGORY)


def test_an_ordinary_night_is_accepted():
    assert GUARD.refusals(NIGHT, BEFORE) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: n.assign(quantity=n["quantity"] * np.where(np.arange(len(n)) == 3, 20_000, 1)), "units per line: "),
        (lambda n: n.assign(price=n["price"] * 7), "prices against the same items' usual ones: 6."),
        (lambda n: n.assign(item_id="x" + n["item_id"]), "not in the catalogue: 100.0 %"),
        (
            lambda n: n.assign(price=np.where(np.arange(len(n)) == 4, -2.5, n["price"])),
            "row 5: a price of -2.5; 1 such row",
        ),
        (lambda n: n.assign(price=-n["price"]), " such rows"),
        (
            lambda n: n.assign(quantity=np.where(np.arange(len(n)) == 0, np.nan, n["quantity"])),
            "row 1: the quantity is",
        ),
        (lambda n: n.assign(time=pd.NaT), "row 1: the time is missing"),
        (lambda n: n.assign(time=n["time"] - pd.Timedelta("1D")), "have been learned from"),
        (lambda n: n.assign(time=pd.Timestamp("1999-05-03")), "1999-05-03 is over"),
        (lambda n: pd.concat([n, n.assign(time=n["time"] + pd.Timedelta("400D"))]), "lie on 2 days"),
        (lambda n: n.iloc[:5], f"number of lines: 5; on the 8 {TONIGHT.day_name()}s before: "),
        (lambda n: n.assign(time=n["time"] + pd.Timedelta("1D")), "lies 2 days after"),
        (lambda n: n.assign(time=n["time"] + pd.Timedelta("7D")), "lies 8 days after"),
        (lambda n: n.assign(time=n["time"] + pd.Timedelta("4000D")), "is the date wrong, or are nights missing?"),
        (lambda n: n.iloc[:0], "there is no line"),
    ],
)
def test_what_is_wrong_with_a_night_is_said(change, words):
    found = GUARD.refusals(change(NIGHT), BEFORE)
    assert any(words in sentence for sentence in found), found


def test_a_night_may_be_as_far_ahead_as_a_step_that_was_seen():
    no_sundays = LINES[LINES["time"].dt.dayofweek != 6]
    monday = no_sundays["time"].max().normalize() - pd.Timedelta(days=5)
    assert monday.day_name() == "Monday"
    night = no_sundays[no_sundays["time"].dt.normalize() == monday]
    before = no_sundays[no_sundays["time"] < monday]
    assert GUARD.refusals(night, before) == []  # two days after Saturday, as on every Monday
    tuesday = night.assign(time=night["time"] + pd.Timedelta("1D"))
    assert "lies 3 days after" in GUARD.refusals(tuesday, before)[0]
    assert "the longest step allowed is 2:" in GUARD.refusals(tuesday, before)[0]
    # A step that was seen long ago counts, and so does one that a person allows.
    old = night.assign(time=before["time"].min() - pd.Timedelta("3D"))
    assert not any("lies" in why for why in GUARD.refusals(tuesday, pd.concat([old, before])))
    assert not any("lies" in why for why in Guard(CATEGORY, longest_step=3).refusals(tuesday, before))
    assert "the longest step allowed is 1:" in Guard(CATEGORY, longest_step=1).refusals(night, before)[0]


def test_too_little_to_compare_with_is_an_error_and_not_an_answer():
    with pytest.raises(BundlebookError, match="fewer than 8"):
        GUARD.refusals(NIGHT, BEFORE[BEFORE["time"] >= TONIGHT - pd.Timedelta("40D")])
    with pytest.raises(BundlebookError, match="nothing to compare"):
        GUARD.refusals(NIGHT, BEFORE.iloc[:0])
    with pytest.raises(BundlebookError, match="alpha"):
        Guard(CATEGORY, alpha=0.0)
    with pytest.raises(BundlebookError, match="longest_step"):
        Guard(CATEGORY, longest_step=0)


def test_a_refused_night_leaves_the_state_itself():
    baskets = made_baskets(22)
    state = RunningCounts(baskets.items).updated(baskets)
    held = state.counts.data.tobytes()
    night = made_baskets(23)
    learn = RunningCounts.updated
    refused = take_in(state, night, learn, refusals=lambda _: ["no"], score=lambda _: 1 / 0)
    assert refused.state is state and not refused.learned and refused.reasons == ["no"]
    worse = take_in(state, night, learn, score=lambda s: 0.5 if s is state else 0.4)
    assert worse.state is state and not worse.learned and "from 0.5000 to 0.4000" in worse.reasons[0]
    broken = take_in(state, night, learn, score=lambda s: 0.5 if s is state else float("nan"))
    assert broken.state is state
    assert state.counts.data.tobytes() == held
    better = take_in(state, night, learn, score=lambda s: 0.5 if s is state else 0.495)
    assert better.learned and better.state is not state and better.reasons == []
