"""What offers changed: a planted uplift is found again, and what cannot be measured is refused."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.feedback import held_out, measure, read_offers, uplift, write_offers
from bundlebook.reports import write_uplift_page
from bundlebook.shop import load_shop, with_pseudonyms
from bundlebook.simulator import simulate_responses

SEEDS = range(20)


@pytest.fixture(scope="module")
def shop():
    return load_shop("sample")


@pytest.fixture(scope="module")
def offered(shop, tmp_path_factory):
    """Offers to all users of the sample shop; the probabilities are raised, so that 300 users can tell something."""
    file = tmp_path_factory.mktemp("offers") / "offers.parquet"
    write_offers(shop, file)
    offers = read_offers(file)
    return offers.assign(probability=0.1 + 0.5 * offers["probability"])


def drawn(offers, seed, share=0.5):
    held = held_out(offers["user_id"].tolist(), share, seed)
    group = np.where(held, "hold-out", "offer")
    return offers.assign(group=group, propensity=np.where(held, share, 1 - share))


def simulated(shop, offers, lift, seed):
    bought, planted = simulate_responses(shop, offers, lift, seed=seed)
    lately = bought.purchases[bought.purchases["time"] >= "2021-04-20"]  # enough to compare, and quick
    return bought.with_tables(events=lately), planted


@pytest.mark.parametrize("lift", [0.0, 0.5])
def test_a_planted_uplift_is_covered_and_a_planted_zero_is_zero(shop, offered, lift):
    covered = called_zero = 0
    for seed in SEEDS:
        offers = drawn(offered, seed)
        bought, planted = simulated(shop, offers, lift, seed)
        row = measure(bought, offers).overall.iloc[0]
        covered += row["low"] <= planted <= row["high"]
        called_zero += row["low"] <= 0 <= row["high"]
    assert covered >= 18
    assert (planted == 0) == (lift == 0) and (lift or called_zero >= 18)


def test_intervals_cover_as_often_as_they_say(offered):
    """A hundred draws of the outcome alone, users clustered and the groups of unequal size."""
    rng, covered = np.random.default_rng(0), 0
    users = offered["user_id"].drop_duplicates().to_numpy()
    for seed in range(100):
        offers = drawn(offered, seed, 0.2)
        care = dict(zip(users, rng.gamma(2, 0.5, len(users)), strict=True))
        chance = np.minimum(0.25 * offers["user_id"].map(care).to_numpy(), 1)
        bought = (rng.random(len(offers)) < chance).astype(float)
        row = uplift._compared(offers.assign(bought=bought, weight=1 / offers["propensity"]), "bought").iloc[0]
        covered += row["low"] <= 0 <= row["high"]
    assert stats.binomtest(covered, 100, 0.95).pvalue > 0.001


def test_clusters_make_the_interval_as_wide_as_it_must_be(offered):
    offers = drawn(offered, 0).assign(weight=2.0)
    same = held_out(offers["user_id"], 0.3, seed=9).astype(float)  # all bundles of a user, or none
    row = uplift._compared(offers.assign(bought=same), "bought").iloc[0]
    by_hand = []
    for name in ("offer", "hold-out"):
        part = offers.assign(bought=same)[offers["group"] == name].groupby("user_id")["bought"].agg(["sum", "size"])
        rate = part["sum"].sum() / part["size"].sum()
        spread = ((part["sum"] - rate * part["size"]) ** 2).sum() / part["size"].sum() ** 2
        by_hand.append((rate, spread * len(part) / (len(part) - 1)))
    assert row["difference"] == pytest.approx(by_hand[0][0] - by_hand[1][0])
    half = 1.96 * np.sqrt(by_hand[0][1] + by_hand[1][1])
    assert row["high"] - row["difference"] == pytest.approx(half, rel=0.01)


def test_a_measurement_tells_everything_and_its_page_loads_nothing(shop, offered, tmp_path):
    offers = drawn(offered, 1)
    bought, _ = simulate_responses(shop, offers, 1.0, seed=1)
    found = measure(bought, offers)
    assert found.found and "changed what was bought" in str(found)
    assert found.overall["measure"].str.startswith("spent").sum() == 2 and len(found.before) == 1
    assert found.before["low"].item() < 0 < found.before["high"].item()
    assert {"bought before"} <= set(found.by_kind["group"]) and len(found.by_segment)
    calibration = found.calibration
    assert (
        calibration["bundles"].iloc[:-1].sum() == calibration["bundles"].iloc[-1] == (offers["group"] == "offer").sum()
    )
    assert calibration["came_true"].iloc[-1] > calibration["predicted"].iloc[-1], "offers doubled what P said"
    assert found.needed > 0 and found.detectable > 0 and any("simulated" in note for note in found.notes)
    write_uplift_page(bought, found, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "What the offers changed: sample (simulated)" in page and "percentage points more" in page
    assert "http" not in page.replace("http-equiv", "").split("<body")[1]
    assert not set(offers["user_id"]) & set(page.split()), "no user is named"
    hidden = measure(bought, with_pseudonyms(offers, bought))
    pd.testing.assert_frame_equal(hidden.overall, found.overall)


def test_a_large_part_of_the_sample_size_is_the_smaller_group(shop, offered):
    equal, small = (
        measure(*(lambda offers: (simulated(shop, offers, 0.0, 3)[0], offers))(drawn(offered, 3, share)))
        for share in (0.5, 0.15)
    )
    assert small.needed > 1.2 * equal.needed and small.detectable > equal.detectable


REFUSED = {
    "nobody held out": (lambda o: o[o["group"] == "offer"], "nobody was held out"),
    "hold-out rows lost": (lambda o: o[(o["group"] == "offer") | (o["user_id"] < "U060")], "users have left"),
    "two periods": (lambda o: pd.concat([o, o.assign(first_day="2021-01-01")]), "2 periods"),
    "both groups": (lambda o: pd.concat([o, *(o[:1].assign(group=g) for g in ("hold-out", "offer"))]), "in both"),
    "another group": (lambda o: o.assign(group="test"), "a group 'test'"),
    "few users": (lambda o: o[o["user_id"] < "U020"], "in the smaller group"),
    "no offer": (lambda o: o[:0], "holds no offer"),
    "a propensity": (lambda o: o.assign(propensity=1.0), "propensity outside"),
    "other users": (lambda o: o.assign(user_id="X" + o["user_id"]), "are not in the log"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_measured_is_refused(shop, offered, name):
    change, message = REFUSED[name]
    offers = drawn(offered, 0)
    bought, _ = simulated(shop, offers, 0.0, 0)
    with pytest.raises(BundlebookError, match=message):
        measure(bought, change(offers))


def test_the_command_waits_for_the_end_of_the_period(offered, tmp_path):
    file = tmp_path / "offers.csv"
    drawn(offered, 0).to_csv(file, index=False)
    told = CliRunner().invoke(main, ["measure", "--data", "sample", "--offers", str(file)])
    assert told.exit_code == 1 and "wait until the period is over" in told.output
    earlier = drawn(offered, 0).assign(first_day="2021-03-29", last_day="2021-04-25")
    earlier.to_csv(file, index=False)
    told = CliRunner().invoke(main, ["measure", "--data", "sample", "--offers", str(file)])
    assert told.exit_code == 0 and "The interval holds 0" in told.output and file.with_suffix(".html").exists()
    file.write_text("user_id,group\na,offer\n")
    told = CliRunner().invoke(main, ["measure", "--data", "sample", "--offers", str(file)])
    assert told.exit_code == 1 and "the column 'items' is missing" in told.output
