"""The answer to a request for access: complete, about one user only, with reasons that hold."""

import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.shop import load_shop, pseudonym
from bundlebook.trust import AccessLog, describe_user

USER = "U001"


@pytest.fixture(scope="module")
def found():
    return describe_user(load_shop("sample"), USER)


def test_every_row_of_the_user_is_there_and_of_nobody_else(found):
    shop = load_shop("sample")
    for name, table in {"events": shop.events, "users": shop.users, "bundle_events": shop.bundle_events}.items():
        wanted = table[table["user_id"] == USER]
        pd.testing.assert_frame_equal(found.tables[name], wanted)
    assert found.called == pseudonym(USER, shop)
    others = set(shop.users["user_id"]) - {USER}
    assert not [user for user in others if user in str(found).split()]


def test_the_list_is_new_to_the_user_and_reasons_name_what_was_bought(found):
    shop = load_shop("sample")
    types = shop.products.set_index("item_id")["product_type"]
    bought = set(shop.purchases.loc[shop.purchases["user_id"] == USER, "item_id"].map(types))
    assert list(found.shown["place"]) == list(range(1, 11))
    assert not set(found.shown["item"]) & bought
    given = [text for text in found.shown["reason"] if text]
    assert given and all(any(item in text for item in bought) for text in given)
    assert all(len(text.split()) <= 25 for text in given)


def test_a_stranger_is_refused():
    with pytest.raises(BundlebookError, match="nothing is stored about a user 'U999999'"):
        describe_user(load_shop("sample"), "U999999")


def test_a_user_without_a_purchase_gets_what_is_stored():
    shop = load_shop("sample")
    silent = shop.with_tables(events=shop.events[shop.events["user_id"] != USER])
    found = describe_user(silent, USER)
    assert list(found.tables) == ["users", "bundle_events"] and not len(found.shown)
    assert "no list can be made" in str(found)


def test_the_command_is_logged_before_it_shows_anything(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", "a secret of the tests that is long")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    run = CliRunner().invoke(main, ["about", USER, "--data", "sample", "--who", "ann"])
    assert run.exit_code == 0, run.output
    assert "events: " in run.output and USER in run.output
    table = AccessLog().table()
    assert table[["who", "what"]].to_numpy().tolist() == [["ann", f"about {pseudonym(USER, load_shop('sample'))}"]]
    listed = CliRunner().invoke(main, ["access-log"])
    assert "ann" in listed.output and "code of the last line" in listed.output
    file = tmp_path / "bundlebook" / "access.jsonl"
    file.write_text(file.read_text("utf-8").replace("ann", "eve"), "utf-8")
    refused = CliRunner().invoke(main, ["about", USER, "--data", "sample", "--who", "ann"])
    assert refused.exit_code == 1 and "line 1" in refused.output and "events: " not in refused.output
