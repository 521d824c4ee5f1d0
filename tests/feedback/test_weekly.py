"""The weekly run: what it takes in, refuses, judges, undoes and forgets; and that a kill leaves nothing half done."""

import os
import re
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.feedback import (
    Counts,
    EventStore,
    NotPromoted,
    baskets_of,
    forget,
    held_shop,
    rollback,
    state_folder,
    update,
)
from bundlebook.shop import load_shop, read_catalogue
from tests.feedback.conftest import CUT, WEEKS, write_shop
from tests.scripts import benchmark_script

loop = benchmark_script("weekly_loop")


@pytest.fixture
def begun(folder):
    update(folder[0])
    return folder


def test_weeks_one_by_one_equal_one_count_over_everything(begun, log, tmp_path):
    folder, weeks = begun
    for week in weeks:
        told = update(folder, [week])
        assert told.changed and not update(folder, [week]).changed
    assert told.judged["model"].tolist() == ["decayed frequency", "EASE"] * 2
    events, counts = loop.digests(folder)
    write_shop(tmp_path / "whole", log)
    log.sample(frac=1, random_state=0).to_csv(tmp_path / "whole" / "user_data.csv", index=False)
    update(tmp_path / "whole")
    assert loop.digests(tmp_path / "whole") == (events, counts)
    shop = held_shop(folder)
    assert Counts.of(baskets_of(shop, shop.events)).digest == counts


def test_the_shop_of_the_store_is_the_shop_of_the_files(begun, log):
    folder, weeks = begun
    update(folder, weeks)
    log.to_csv(folder / "user_data.csv", index=False)
    read, held = load_shop(folder), held_shop(folder)
    order = ["user_id", "time", "item_id", "basket_id", "quantity"]
    sorted_ = [table.sort_values(order, ignore_index=True) for table in (read.events, held.events)]
    pd.testing.assert_frame_equal(sorted_[0], sorted_[1][sorted_[0].columns], check_dtype=False)
    told = update(folder)  # the whole log again: all of it is known
    assert not told.changed and next(iter(told.intakes.values())).known == len(log)


def test_rolling_back_is_exact_and_ends_at_the_shops_own_log(begun):
    folder, weeks = begun
    states = [loop.digests(folder)]
    for week in weeks[:2]:
        update(folder, [week])
        states.append(loop.digests(folder))
    assert "week1.csv was rolled back" in rollback(folder) and loop.digests(folder) == states[1]
    update(folder, [weeks[1]])
    assert loop.digests(folder) == states[2]
    rollback(folder), rollback(folder)
    assert loop.digests(folder) == states[0]
    with pytest.raises(BundlebookError, match="nothing to roll back"):
        rollback(folder)


def test_a_forgotten_user_was_never_there(begun, log, tmp_path):
    folder, weeks = begun
    update(folder, weeks)
    user = str(log["user_id"].value_counts().index[0])
    told = str(forget(folder, user))
    assert f"removed from events: {(log['user_id'] == user).sum():,}" in told and "still there: user_data.csv" in told
    other = write_shop(tmp_path / "never", log[log["user_id"] != user])
    update(tmp_path / "never")
    update(tmp_path / "never", other)
    assert loop.digests(folder) == loop.digests(tmp_path / "never")
    with EventStore(state_folder(folder)) as one, EventStore(state_folder(tmp_path / "never")) as two:
        a, b = (Counts.from_bytes(store.array("counts")) for store in (one, two))
        assert np.abs(a.ease(a.items).weights_ - b.ease(b.items).weights_).max() <= 1e-10
    again = log[log["user_id"] == user].assign(time=lambda rows: rows["time"] + pd.Timedelta(days=1))
    again.to_csv(tmp_path / "again.csv", index=False)
    intake = update(folder, [tmp_path / "again.csv"], accept=True).intakes["again.csv"]
    assert intake.forgotten == len(again) and intake.new == 0
    with pytest.raises(BundlebookError, match="nothing is stored"):
        forget(folder, "nobody")


def spoilt(weeks, tmp_path, change):
    table = change(pd.read_csv(weeks[0], dtype={"user_id": str, "item_id": str, "basket_id": str}))
    table.to_csv(tmp_path / "spoilt.csv", index=False)
    return tmp_path / "spoilt.csv"


CHANGES = {
    "another currency": (lambda t: t.assign(price=t["price"] * 0.88), "'price': half of"),
    "cents": (lambda t: t.assign(price=t["price"] * 100), "cost 100 times as much"),
    "quantities of another kind": (lambda t: t.assign(quantity=t["quantity"] * 1000), "'quantity': a line holds"),
    "other users": (lambda t: t.assign(user_id="N" + t["user_id"]), "'user_id': 0% of the lines are of known users"),
    "a currency in the file": (lambda t: t.assign(currency=np.where(t.index < 9, "CNY", "EUR")), "amounts in 'EUR'"),
    "a column that is gone": (lambda t: t.drop(columns="list_price"), "'list_price' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_means_something_else_is_refused_and_changes_nothing(begun, tmp_path, name):
    folder, weeks = begun
    before = loop.digests(folder)
    change, message = CHANGES[name]
    with pytest.raises(BundlebookError, match=message):
        update(folder, [spoilt(weeks, tmp_path, change)])
    assert loop.digests(folder) == before
    assert not [intake for intake in update(folder, [weeks[0]]).intakes.values() if intake.aside]


def test_rows_of_no_time_are_set_aside_with_their_row(begun, tmp_path):
    folder, weeks = begun

    def change(table):
        table.loc[3, "time"] = "2019-01-01 10:00:00"
        table.loc[5, "time"] = "2199-01-01 10:00:00"
        table.loc[7, "time"] = "2031-01-01 10:00:00"
        return table.assign(price=table["price"].mask(table.index == 9, -1.0))

    told = update(folder, [spoilt(weeks, tmp_path, change)], today="2021-06-01")
    assert told.intakes["spoilt.csv"].aside == 4
    text = str(told)
    assert "before the shop began" in text and "row 5" in text
    assert "in the future (after 2021-06-01) (time): 1, row 9" in text and "outside" in text
    with EventStore(state_folder(folder)) as store:
        aside = store.aside()
        assert aside["row"].tolist() == [5, 7, 9, 11] and set(aside["file"]) == {"spoilt.csv"}
        assert aside.loc[aside["row"] == 11, ["column", "value"]].to_numpy().tolist() == [["price", "-1.0"]]


def test_half_a_file_and_another_currency_are_refused(begun, tmp_path):
    folder, weeks = begun
    before, content = loop.digests(folder), weeks[0].read_bytes()
    for cut in (content[: len(content) // 2], content.rstrip(b"\n")[:-1]):
        (tmp_path / "half.csv").write_bytes(cut)
        with pytest.raises(BundlebookError, match="cut short"):
            update(folder, [tmp_path / "half.csv"])
    settings = (folder / "shop.yaml").read_text("utf-8")
    (folder / "shop.yaml").write_text(settings.replace("¥", "$"), "utf-8")
    with pytest.raises(BundlebookError, match="the currency is"):
        update(folder, [weeks[0]])
    (folder / "shop.yaml").write_text(settings, "utf-8")
    assert loop.digests(folder) == before


def poisoned(weeks, tmp_path, catalogue):
    """A week in which every user seems to buy the items that nobody wants."""
    table = pd.read_csv(weeks[0], dtype={"user_id": str, "item_id": str, "basket_id": str})
    rare = catalogue.products["item_id"].tail(12).tolist()
    parts = [table.assign(item_id=item, basket_id=f"{item}-" + table["basket_id"], price=np.nan) for item in rare]
    file = tmp_path / "poison.csv"
    pd.concat([table, *parts * 1]).to_csv(file, index=False)
    return file


def test_events_that_spoil_what_was_known_are_not_promoted(begun, tmp_path):
    folder, weeks = begun
    before = loop.digests(folder)
    file = poisoned(weeks, tmp_path, read_catalogue(folder))
    with pytest.raises(NotPromoted, match="worse with the new events") as refused:
        update(folder, [file])
    assert loop.digests(folder) == before and len(refused.value.judged)
    with pytest.raises(BundlebookError, match="refused before"):
        update(folder, [file])
    result = CliRunner().invoke(main, ["update", "--data", str(folder), "--from", str(file), "--accept", "--quiet"])
    assert result.exit_code == 0 and result.output == "" and loop.digests(folder) != before
    rollback(folder)
    assert loop.digests(folder) == before


def thousandths(night):
    """The night of a till that counts fuel in thousandths, and fuel was never exported before."""
    rows = night.iloc[:4].assign(quantity=9000, price=0.003, list_price=0.003)
    return pd.concat([night, rows.assign(item_id="FUEL", basket_id="f" + rows["basket_id"])])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda night: night.assign(price=night["price"] * 7), "column 'price'.*cost 7 times as much"),
        (lambda night: night.assign(quantity=night["quantity"] * 1000), "column 'quantity'.*a line holds"),
        (thousandths, "column 'quantity'.*most of all for item 'FUEL'"),
    ],
    ids=["price times seven", "thousandths", "fuel is back"],
)
def test_the_command_refuses_a_poisoned_night_and_leaves_the_state_bit_for_bit(tmp_path, spoil, message):
    log = load_shop("sample").purchases  # all users: a night of few items says too little to refuse it
    log = log[(log["time"] >= "2020-12-01") & (log["time"] < CUT + pd.Timedelta(weeks=WEEKS))]
    folder, weeks = tmp_path / "shop", write_shop(tmp_path / "shop", log)
    catalogue = pd.read_csv(folder / "product_data.csv", dtype=str)
    pd.concat([catalogue, catalogue.iloc[:1].assign(item_id="FUEL", name="fuel")]).to_csv(
        folder / "product_data.csv", index=False
    )
    update(folder)
    week = pd.read_csv(weeks[0], dtype={"user_id": str, "item_id": str, "basket_id": str})
    day = week["time"].str[:10]
    night = week[day == day.value_counts().idxmax()]
    assert night["item_id"].nunique() >= 20
    spoil(night).to_csv(tmp_path / "poisoned.csv", index=False)
    night.to_csv(tmp_path / "night.csv", index=False)
    before = loop.digests(folder)
    words = ["update", "--data", str(folder), "--from"]
    told = CliRunner().invoke(main, [*words, str(tmp_path / "poisoned.csv")])
    text = " ".join(f"{told.output} {told.exception}".split())
    assert told.exit_code == 1 and re.search(message, text), text
    assert loop.digests(folder) == before
    told = CliRunner().invoke(main, [*words, str(tmp_path / "night.csv")])
    assert told.exit_code == 0 and f"{len(night):,} new" in told.output, told.output


def test_a_shop_of_days_alone_is_told_what_cannot_be_told_apart(log, tmp_path):
    days = log.assign(time=log["time"].dt.normalize()).drop(columns=["basket_id", "session_id"], errors="ignore")
    days = days.drop_duplicates(["user_id", "item_id", "time"])
    folder, weeks = tmp_path / "shop", write_shop(tmp_path / "shop", days)
    first = update(folder)
    assert "neither a basket id nor a time of day" in str(first)
    assert "second" not in str(update(folder, [weeks[0]]))
    week = pd.read_csv(weeks[0], dtype={"user_id": str, "item_id": str})
    evening = week[week["time"] == week["time"].min()].iloc[:3]
    evening.assign(quantity=evening["quantity"] + [0, 1, 1]).to_csv(tmp_path / "evening.csv", index=False)
    told = update(folder, [tmp_path / "evening.csv"])
    intake = told.intakes["evening.csv"]
    assert (intake.known, intake.corrected, intake.unclear) == (1, 2, 3)
    assert "3 rows name a user, item and day" in str(told) and "Export basket_id" in str(told)
    week.assign(quantity=week["quantity"] + 1).to_csv(tmp_path / "again.csv", index=False)
    assert update(folder, [tmp_path / "again.csv"]).intakes["again.csv"].unclear == 0  # all of these days again


def test_exit_codes_tell_cron_what_happened(begun, tmp_path):
    folder, weeks = begun

    def run(*more):
        return CliRunner().invoke(main, ["update", "--data", str(folder), *more])

    assert run("--from", str(weeks[0])).exit_code == 0
    again = run("--from", str(weeks[0]))
    assert again.exit_code == 0 and "taken in before: nothing changed" in again.output
    assert run("--from", str(tmp_path / "none.csv")).exit_code == 1
    assert run("--from", str(poisoned(weeks, tmp_path, read_catalogue(folder)))).exit_code == 3
    with EventStore(state_folder(folder)):
        assert run("--rollback").exit_code == 4
    assert run("--rollback", "--forget", "U001").exit_code == 2
    assert run("--rollback").exit_code == 0


@pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(begun, tmp_path):
    folder, weeks = begun
    clean, last = tmp_path / "clean", tmp_path / "last"
    shutil.copytree(folder, clean)
    before = loop.digests(clean)
    began = time.monotonic()
    update(clean, weeks[:1])
    took, after = time.monotonic() - began, loop.digests(clean)
    moments, hit = np.random.default_rng(0).uniform(0.05, 1, 5) * took, 0
    for number, moment in enumerate(moments):
        shutil.copytree(folder, last)
        hit += loop.killed(lambda: update(last, weeks[:1]), moment)[0]
        assert loop.digests(last) in (before, after), f"kill {number}"
        update(last, weeks[:1])
        assert loop.digests(last) == after, f"kill {number}"
        shutil.rmtree(last)
    assert hit, "some kills must have met the run at work"
