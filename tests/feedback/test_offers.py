"""The file of offers: a random group is held out, a run that was ended goes on, parts do not change what is written."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
from click.testing import CliRunner

import bundlebook.feedback.offers as offers
from bundlebook import paths
from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.feedback import (
    EventStore,
    held_out,
    offers_by_bundle,
    read_offers,
    state_folder,
    update,
    write_offers,
)
from bundlebook.shop import load_shop, pseudonym

AT = "2021-03-01"


@pytest.fixture(scope="module")
def shop():
    return load_shop("sample")


@pytest.fixture(scope="module")
def users(shop):
    return sorted(shop.purchases["user_id"].unique())[:24]


@pytest.fixture(scope="module")
def written(shop, users, tmp_path_factory):
    file = tmp_path_factory.mktemp("offers") / "offers.parquet"
    told = write_offers(shop, file, [*users, "somebody new"], at=AT, k=2, holdout=0.25, seed=1)
    return told, file


def test_a_random_part_is_held_out_whoever_else_is_in_the_list():
    people = [f"u{n}" for n in range(20_000)]
    held = held_out(people, 0.1, seed=3)
    assert abs(held.mean() - 0.1) < 4 * np.sqrt(0.09 / len(people))
    assert held_out(people[::-1][:500], 0.1, seed=3).tolist() == held[::-1][:500].tolist()
    both = held_out(people, 0.1, seed=4) & held
    assert abs(both.mean() - 0.01) < 4 * np.sqrt(0.0099 / len(people))  # another seed is another draw
    assert not held_out(people, 0.0, seed=3).any()
    with pytest.raises(BundlebookError, match="share from 0"):
        held_out(people, 1.0, seed=3)


def test_an_offer_says_everything_that_a_mail_and_a_measurement_need(written, shop, users):
    told, file = written
    table = read_offers(file)
    assert (
        list(table) == list(offers.COLUMNS)
        and told.bundles == len(table)
        and not file.with_name("offers.parquet.parts").exists()
    )
    assert set(table["user_id"]) == {*users, "somebody new"} and table.groupby("user_id").size().max() <= 2
    group = table.drop_duplicates("user_id").set_index("user_id")["group"]
    assert (group == "hold-out").tolist() == held_out(group.index, 0.25, 1).tolist()
    assert np.allclose(table["propensity"], np.where(table["group"] == "hold-out", 0.25, 0.75))
    assert (table["first_day"] == AT).all() and (table["last_day"] == "2021-03-28").all()
    assert np.allclose(table["revenue"], table["probability"] * table["price"])
    assert table.loc[table["user_id"] == "somebody new", "kind"].eq("all new").all()
    assert table.loc[table["user_id"] == "somebody new", "segment"].eq("new").all()
    assert set(table["margin_is"]) <= {"ASSUMED", "catalogue"} and (table["reasons"] != "").all()
    bought = shop.purchases[shop.purchases["time"] < AT].groupby("user_id")["item_id"].agg(set)
    kinds = shop.products.set_index("item_id")[shop.level("auto")] if shop.level("auto") != "item_id" else None
    for row in table[table["user_id"] != "somebody new"].itertuples():
        own = bought.get(row.user_id, set())
        own = own if kinds is None else set(kinds.reindex(list(own)))
        new = [item not in own for item in row.items.split(" + ")]
        assert row.kind == ("all new" if all(new) else "partly new" if any(new) else "bought before")


def test_the_size_of_a_part_and_an_ended_run_change_nothing(written, shop, users, tmp_path, monkeypatch):
    told, file = written
    monkeypatch.setattr(offers, "_USERS_AT_ONCE", 7)
    out, tables, calls = tmp_path / "offers.parquet", offers._Writer.table, []

    def ended(writer, piece, events):
        calls.append(len(piece))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return tables(writer, piece, events)

    monkeypatch.setattr(offers._Writer, "table", ended)
    wanted = [*users, "somebody new"]
    with pytest.raises(KeyboardInterrupt):
        write_offers(shop, out, wanted, at=AT, k=2, holdout=0.25, seed=1)
    assert not out.exists() and len(list((tmp_path / "offers.parquet.parts").glob("*.parquet"))) == 2
    monkeypatch.setattr(offers._Writer, "table", tables)
    again = write_offers(shop, out, wanted, at=AT, k=2, holdout=0.25, seed=1)
    assert again.resumed == 14 and again.users == told.users
    pd.testing.assert_frame_equal(read_offers(out), read_offers(file))


def test_two_processes_write_the_same_file_and_end_with_their_parent(written, shop, users, tmp_path, monkeypatch):
    _, file = written
    monkeypatch.setattr(offers, "_USERS_AT_ONCE", 7)
    out, wanted = tmp_path / "offers.parquet", [*users, "somebody new"]
    settings = {"at": AT, "k": 2, "holdout": 0.25, "seed": 1}
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, time\n"
        "from bundlebook.feedback import offers\n"
        "from bundlebook.shop import load_shop\n"
        "if __name__ == '__main__':\n"
        "    offers._USERS_AT_ONCE = 7\n"
        "    kept = offers._Plan._jobs\n"
        "    def slow(plan, todo):\n"
        "        for number, job in enumerate(kept(plan, todo)):\n"
        "            while number == 2 and not todo[0][0].exists():\n"
        "                time.sleep(0.05)\n"
        "            if number == 2:\n"
        "                print('a part is there', flush=True)\n"
        "                time.sleep(600)\n"
        "            yield job\n"
        "    offers._Plan._jobs = slow\n"
        f"    offers.write_offers(load_shop('sample'), sys.argv[1], {wanted!r}, processes=2, **{settings!r})\n"
    )
    run = subprocess.Popen([sys.executable, script, out], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None and run.stdout.readline().startswith("a part is there")
    workers = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.communicate()
    assert len(workers) >= 2 and not psutil.wait_procs(workers, timeout=30)[1], "a process outlived its parent"
    again = write_offers(shop, out, wanted, processes=2, **settings)
    assert again.resumed >= 7
    pd.testing.assert_frame_equal(read_offers(out), read_offers(file))
    with pytest.raises(BundlebookError, match="processes=0"):
        write_offers(shop, out, wanted, processes=0)


def test_parts_of_other_settings_are_not_used(shop, users, tmp_path):
    out = tmp_path / "offers.csv"
    parts = tmp_path / "offers.csv.parts"
    parts.mkdir()
    (parts / "settings").write_text("of another run")
    (parts / "000000.parquet").write_bytes(b"nothing that could be read")
    assert write_offers(shop, out, users[:3], at=AT, k=1).resumed == 0
    assert read_offers(out)["user_id"].nunique() == 3


def test_another_model_of_p_makes_other_offers_and_no_part_of_the_first(shop, users, tmp_path, monkeypatch):
    out, joined = tmp_path / "offers.parquet", offers._Plan._joined
    monkeypatch.setattr(offers._Plan, "_joined", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_offers(shop, out, users[:4], at=AT, k=1, holdout=0)
    monkeypatch.setattr(offers._Plan, "_joined", joined)
    assert write_offers(shop, out, users[:4], at=AT, k=1, holdout=0, model="trees").resumed == 0
    trees = read_offers(out)
    write_offers(shop, out, users[:4], at=AT, k=1, holdout=0)
    assert (trees["probability"] != read_offers(out)["probability"]).any()


def test_a_budget_of_nothing_gives_no_discount_and_pseudonyms_hide(shop, users, tmp_path):
    write_offers(shop, tmp_path / "o.csv", users[:5], at=AT, budget=0.0, pseudonyms=True)
    table = read_offers(tmp_path / "o.csv")
    assert table["discount"].max() == pytest.approx(0) and (table["break_even_low"] <= table["break_even_high"]).all()
    assert sorted(table["user_id"].unique()) == sorted(pseudonym(user, shop) for user in users[:5])


def test_a_shop_with_a_store_is_read_from_it_in_parts(folder, tmp_path):
    place, weeks = folder
    update(place)
    update(place, weeks, accept=True)
    (place / "user_data.csv").write_text("no log is read any more")
    told = write_offers(place, tmp_path / "o.parquet", k=1, learn_from=80)
    with EventStore(state_folder(place)) as store:
        everybody = store.users().tolist()
    assert told.learned_from == 80 and "learned from 80 of" in told.notes[0]
    table = read_offers(tmp_path / "o.parquet")
    assert sorted(table["user_id"].unique()) == everybody and table["first_day"].iloc[0] >= "2021-03-25"


def test_a_shop_that_knows_ids_alone_gets_bundles_without_money(shop, tmp_path):
    few = shop.events[shop.events["user_id"].isin(sorted(shop.events["user_id"].unique())[:60])].assign(price=np.nan)
    few = few.drop(columns=["list_price", "coupon_discount"], errors="ignore")
    products = shop.products[["item_id"]].assign(
        name=shop.products["name"], category=np.nan, brand=np.nan, price=np.nan
    )
    products.loc[products["item_id"] != products["item_id"].iloc[0], "name"] = np.nan
    bare = shop.with_tables(events=few, products=products)
    write_offers(bare, tmp_path / "o.parquet", sorted(few["user_id"].unique())[:3])
    table = read_offers(tmp_path / "o.parquet")
    assert len(table) and table[["usual_price", "price", "revenue"]].isna().all(axis=None)
    assert (table["discount"] == 0).all()
    rows = zip(table["items"], table["names"], strict=True)
    assert all(names.split(" + ") == [bare.called(item) for item in items.split(" + ")] for items, names in rows)
    items = {item for row in table["items"] for item in row.split(" + ")} - {products["item_id"].iloc[0]}
    assert any(item in " ".join(table["reasons"]) for item in items), "a number keeps its letters"


def test_an_offer_says_for_each_bundle_whom_it_goes_to():
    rows = [("a", "offer", "x + y", 0.1, 0.2, "rare"), ("b", "offer", "x + y", 0.1, 0.4, "often")]
    rows += [("c", "hold-out", "x + y", 0.1, 0.9, "rare"), ("a", "offer", "v + w", 0.0, 0.3, "rare")]
    table = pd.DataFrame(rows, columns=["user_id", "group", "items", "discount", "probability", "segment"])
    table = table.assign(names=table["items"].str.upper(), break_even_low=1.5, break_even_high=np.inf)
    summed = offers_by_bundle(table)
    assert summed["items"].tolist() == ["x + y", "v + w"] and summed["users"].tolist() == [2, 1]
    assert summed["segment"].tolist() == ["often", "rare"] and summed["of_segment"].tolist() == [0.5, 1.0]
    assert summed.loc[0, ["p_least", "p_mean", "discount"]].tolist() == pytest.approx([0.2, 0.3, 0.1])
    assert summed["names"].tolist() == ["X + Y", "V + W"] and offers_by_bundle(table[:0]).empty


def test_the_command_writes_an_offer(tmp_path):
    mine = shutil.copytree(paths.data() / "sample_shop", tmp_path / "mine")
    with (mine / "shop.yaml").open("a", encoding="utf-8") as settings:
        settings.write("\nuser_word: patron\n")
    (tmp_path / "list.csv").write_text("user_id,mail\nU001,a\nU002,b\n=1+1,c\n")
    words = ["offer", "--data", str(mine), "--at", AT, "--user", "U003", "--users", str(tmp_path / "list.csv")]
    file = tmp_path / "offers.csv"
    told = CliRunner().invoke(main, [*words, "--hold-out", "0", "--bundles", "2", "--out", str(file)])
    assert told.exit_code == 0, told.output
    assert "4 patrons in group offer" in told.output and "the real ones" in told.output and "; P 0." in told.output
    table = pd.read_csv(file)
    assert table["user_id"].unique().tolist() == ["U003", "U001", "U002", "'=1+1"], "no cell runs as a formula"
    told = CliRunner().invoke(main, ["offer", "--data", "sample", "--segment", "nobody", "--out", str(file)])
    assert told.exit_code and "nobody to offer" in told.output


def test_an_offer_is_not_computed_where_it_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("bundlebook.shop.load_shop", lambda *_: pytest.fail("work was done in vain"))
    (tmp_path / "file").touch()
    told = CliRunner().invoke(main, ["offer", "--data", "sample", "--out", str(tmp_path / "file" / "offers.csv")])
    assert told.exit_code and "cannot be written" in told.output + str(told.exception)
    told = CliRunner().invoke(main, ["update", "--data", "sample", "--state", str(tmp_path / "s"), "--today", "soon"])
    assert told.exit_code == 1 and "today: 'soon' is no date" in told.output
    with pytest.raises(BundlebookError, match=r"a \.parquet or a \.csv"):
        write_offers("sample", tmp_path / "offers.xlsx")
