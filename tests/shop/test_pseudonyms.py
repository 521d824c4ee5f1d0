"""Pseudonyms: keyed, the same for one key, and no identifier in them."""

import hashlib
import hmac
import os
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import load_shop, pseudonym, with_pseudonyms
from bundlebook.shop.pseudonyms import PUBLIC_KEY, key_file, machine_key
from tests.shop.folders import write_folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BUNDLEBOOK_KEY", raising=False)


@pytest.fixture
def shop(tmp_path):
    return load_shop(write_folder(tmp_path / "shop"))


def test_it_is_the_hmac_of_the_identifier(shop, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", "0123456789abcdef")
    expected = hmac.new(b"0123456789abcdef", b"007", hashlib.sha256).hexdigest()[:12]
    assert pseudonym("007", shop) == f"user-{expected}"


def test_another_key_gives_other_pseudonyms(shop, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", "a" * 16)
    first = pseudonym("007", shop)
    monkeypatch.setenv("BUNDLEBOOK_KEY", "b" * 16)
    assert pseudonym("007", shop) != first


def test_the_key_is_made_once_and_for_its_owner_alone(shop):
    first = pseudonym("007", shop)
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert len(machine_key()) == 64
    assert pseudonym("007", shop) == first
    assert sorted(path.name for path in key_file().parent.iterdir()) == ["key"]


def test_two_at_once_make_one_key():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: machine_key(), range(8)))) == 1


def test_shops_that_come_with_the_project_need_no_key(monkeypatch):
    sample = load_shop("sample")
    expected = hmac.new(PUBLIC_KEY.encode(), b"U001", hashlib.sha256).hexdigest()[:12]
    assert pseudonym("U001", sample) == f"user-{expected}"
    assert not key_file().exists()


def test_a_folder_is_not_published_whatever_it_is_called(tmp_path):
    folder = write_folder(tmp_path / "sample", {"shop.yaml": "name: sample\n"})
    assert not load_shop(folder).published


def test_a_table_holds_no_identifier_and_still_tells_users_apart(shop):
    table = with_pseudonyms(shop.events, shop)
    assert not table["user_id"].isin(["007", "008", "009"]).any()
    assert table["user_id"].nunique() == 3
    missing = with_pseudonyms(pd.DataFrame({"user_id": ["007", None]}), shop)
    assert missing["user_id"].isna().tolist() == [False, True]


def test_a_key_that_others_can_read_is_refused():
    machine_key()
    key_file().chmod(0o644)
    with pytest.raises(BundlebookError, match="others can read the key"):
        machine_key()


@pytest.mark.parametrize("key", ["", "short"])
def test_a_short_key_is_refused(monkeypatch, key):
    monkeypatch.setenv("BUNDLEBOOK_KEY", key)
    with pytest.raises(BundlebookError, match=f"has {len(key)} characters"):
        machine_key()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_home_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "config").mkdir(mode=0o500)
    with pytest.raises(BundlebookError, match="cannot be read or made"):
        machine_key()


def test_a_home_that_is_a_file_is_said(tmp_path):
    (tmp_path / "config").write_text("")
    with pytest.raises(BundlebookError, match="cannot be read or made"):
        machine_key()
