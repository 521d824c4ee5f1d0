"""Alarms keep their level on calm weeks, see what was planted, and agree with river."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bundlebook.errors import BundlebookError
from bundlebook.feedback import page_hinkley, stream_facts, surprises
from bundlebook.feedback.drift import FACTS, USUAL_WEEKS

CATEGORY = pd.Series({f"i{n}": f"c{n % 4}" for n in range(20)})


def made_lines(seed, weeks=16, per_day=60):
    rng = np.random.default_rng(seed)
    n = weeks * 7 * per_day
    day = pd.Timestamp("2021-01-04") + pd.to_timedelta(rng.integers(0, weeks * 7, n), unit="D")
    item = rng.integers(0, 20, n)
    lines = pd.DataFrame(
        {
            "user_id": [f"u{u}" for u in rng.integers(0, 80, n)],
            "item_id": [f"i{i}" for i in item],
            "time": day + pd.Timedelta("10h"),
            "quantity": rng.poisson(0.4, n) + 1,
            "price": np.round((1 + item) * rng.choice([1.0, 1.0, 0.8], n), 2),
        }
    )
    return lines.sort_values("time").reset_index(drop=True)


def test_facts_of_a_week_are_what_they_say():
    lines = made_lines(1)
    facts = stream_facts(lines, CATEGORY)
    assert list(facts.columns) == list(FACTS) and len(facts) == 16 - USUAL_WEEKS
    monday = pd.Timestamp("2021-03-01")
    week = lines[(lines["time"] >= monday) & (lines["time"] < monday + pd.Timedelta("7D"))]
    usual = lines[(lines["time"] >= monday - pd.Timedelta("28D")) & (lines["time"] < monday)]
    row = facts.loc[monday]
    assert np.exp(row["lines"]) == pytest.approx(len(week))
    assert np.exp(row["users"]) == pytest.approx(week["user_id"].nunique())
    assert np.exp(row["units per line"]) == pytest.approx(week["quantity"].mean())
    median = usual.groupby("item_id")["price"].median()
    assert row["price level"] == pytest.approx(np.log(week["price"] / week["item_id"].map(median)).mean())
    now, then = (part["item_id"].map(CATEGORY).value_counts(normalize=True) for part in (week, usual))
    assert np.exp(row["other mix"]) == pytest.approx(now.sub(then, fill_value=0).abs().sum() / 2)
    assert row["unknown items"] == 0


def test_only_the_past_decides_what_is_usual():
    lines = made_lines(2)
    until = pd.Timestamp("2021-03-29")
    whole, cut = stream_facts(lines, CATEGORY), stream_facts(lines[lines["time"] < until], CATEGORY)
    assert np.allclose(cut, whole.loc[cut.index])
    assert stream_facts(lines, CATEGORY, first="2021-03-01", until="2021-03-15").index.tolist() == [
        pd.Timestamp("2021-03-01"),
        pd.Timestamp("2021-03-08"),
    ]


def test_p_is_that_of_the_prediction_interval():
    facts = pd.DataFrame({"a": [1.0, 1.2, 0.9, 1.1, 1.9], "b": [0.0, 0.3, 0.1, 0.2, 0.1]})
    facts.index = pd.date_range("2021-01-04", periods=5, freq="7D", name="week")
    found = surprises(facts, 4).iloc[0]
    before = facts["a"].iloc[:4]
    t = abs(1.9 - before.mean()) / (before.std() * np.sqrt(1 + 1 / 4))
    assert found["a"] == pytest.approx(2 * stats.t.sf(t, 3))
    assert found["p"] == pytest.approx(min(1, 2 * min(found["a"], found["b"])))


def test_calm_periods_raise_as_many_alarms_as_promised():
    rng = np.random.default_rng(3)
    alarms = tested = 0
    for _ in range(60):
        facts = pd.DataFrame(rng.normal(0, 0.2, (40, 6)), columns=list(FACTS))
        facts.index = pd.date_range("2021-01-04", periods=40, freq="7D", name="week")
        p = surprises(facts)["p"]
        alarms, tested = alarms + int((p <= 0.05).sum()), tested + len(p)
    # Windows overlap, so the alarms of a series hang together; the mean does not mind.
    assert 0.025 < alarms / tested < 0.065


def test_days_are_compared_with_their_weekday():
    days = pd.date_range("2021-01-04", periods=70, freq="D", name="day")
    facts = pd.DataFrame({"lines": np.where(days.dayofweek == 6, 3.0, 7.0)}, index=days)
    facts["lines"] += np.random.default_rng(4).normal(0, 0.05, 70)
    assert (surprises(facts)["p"] > 1e-4).all()
    facts.loc[days[69], "lines"] = 7.0  # a Sunday like a weekday
    assert surprises(facts)["p"].iloc[-1] < 1e-6


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda week: week.assign(quantity=week["quantity"] * 3), "units per line"),
        (lambda week: week.assign(price=week["price"] * 2), "price level"),
        (lambda week: week.assign(item_id="new" + week["item_id"]), "unknown items"),
        (lambda week: week[week["item_id"].map(CATEGORY) != "c1"], "other mix"),
        (lambda week: week.iloc[: len(week) // 2], "lines"),
    ],
)
def test_a_planted_change_is_seen_in_its_own_fact(change, fact):
    lines = made_lines(5)
    start = lines["time"].max().normalize() - pd.Timedelta("6D")
    late = lines["time"] >= start
    found = surprises(stream_facts(pd.concat([lines[~late], change(lines[late])]), CATEGORY)).iloc[-1]
    assert found["p"] <= 0.01 and found[fact] * len(FACTS) <= 0.01
    assert surprises(stream_facts(lines, CATEGORY))["p"].iloc[-1] > 0.01


def test_skipped_periods_serve_nobody_as_a_reference():
    facts = pd.DataFrame({"lines": [1, 1.1, 0.9, 9.0, 1.0, 1.05]})
    facts.index = pd.date_range("2021-01-04", periods=6, freq="7D", name="week")
    facts = facts.astype(float)
    with_it, without = surprises(facts, 3), surprises(facts, 3, skip=[facts.index[3]])
    assert without["p"].iloc[0] < 0.01  # still tested
    last = facts.index[-1]
    before = facts["lines"].iloc[[1, 2, 4]]
    t = abs(1.05 - before.mean()) / (before.std() * np.sqrt(4 / 3))
    assert without.loc[last, "lines"] == pytest.approx(2 * stats.t.sf(t, 2)) != with_it.loc[last, "lines"]


def test_page_hinkley_by_hand_and_begins_anew():
    rising = np.r_[np.zeros(10), np.ones(10)]
    # After the step: .909 − .1, .833 − .1, .769 − .1 add up to 2.21 at the third 1.
    assert page_hinkley(rising, 0.1, 2.0).tolist()[0] == 12
    assert page_hinkley(-rising, 0.1, 2.0).tolist() == page_hinkley(rising, 0.1, 2.0).tolist()
    assert page_hinkley(np.zeros(50), 0.0, 0.1).tolist() == []


@pytest.mark.parametrize("seed", range(6))
def test_page_hinkley_is_that_of_river(seed):
    drift = pytest.importorskip("river.drift")
    rng = np.random.default_rng(seed)
    values = np.r_[rng.normal(0, 1, 80), rng.normal(1.5, 1, 80), rng.normal(-1, 1, 80)]
    theirs = drift.PageHinkley(min_instances=5, delta=0.1, threshold=8.0, alpha=1.0, mode="both")
    found = []
    for place, value in enumerate(values):
        theirs.update(value)
        if theirs.drift_detected:
            found.append(place)
    assert page_hinkley(values, 0.1, 8.0, least=5).tolist() == found and found


def test_bad_input_is_refused():
    lines = made_lines(6, weeks=6)
    with pytest.raises(BundlebookError, match="lack price"):
        stream_facts(lines.drop(columns="price"), CATEGORY)
    with pytest.raises(BundlebookError, match="every 'month'"):
        stream_facts(lines, CATEGORY, "month")
    with pytest.raises(BundlebookError, match="2 earlier periods"):
        surprises(stream_facts(lines, CATEGORY), 2)
    with pytest.raises(BundlebookError, match="finite numbers"):
        page_hinkley([1.0, np.nan], 0.1, 1.0)
    with pytest.raises(BundlebookError, match="threshold 0"):
        page_hinkley([1.0], 0.1, 0)
