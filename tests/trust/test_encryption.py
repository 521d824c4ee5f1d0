"""Files at rest: what goes in comes out, and a file that was touched gives nothing."""

import os
import stat

import pytest
from click.testing import CliRunner

from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.trust import protect, unprotect
from bundlebook.trust.encryption import _HEADER, _PIECE, _TAG

KEY = "a secret of the tests that is long"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "shop"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "user_data.csv").write_text("user_id,item_id\n张三,1001\n", encoding="utf-8")
    (made / "deep" / "large.bin").write_bytes(os.urandom(2 * _PIECE + 12345))
    (made / "deep" / "er" / "empty").touch()
    return made


def content(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def left_beside(tmp_path):
    return sorted(entry.name for entry in tmp_path.iterdir())


def test_a_folder_comes_back_as_it_was(folder, tmp_path):
    file = protect(folder, key=KEY)
    assert file.name == "shop.protected"
    assert "张三".encode() not in file.read_bytes() and b"user_data" not in file.read_bytes()
    back = unprotect(file, tmp_path / "back", key=KEY)
    assert content(back) == content(folder)
    assert left_beside(tmp_path) == ["back", "shop", "shop.protected"]
    assert stat.S_IMODE(back.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("size", [0, 1, _PIECE - 1536, _PIECE - 1024, _PIECE, 3 * _PIECE])
def test_any_size_comes_back(tmp_path, size):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "f").write_bytes(os.urandom(size))
    file = protect(tmp_path / "in", key=KEY)
    assert content(unprotect(file, tmp_path / "out", key=KEY)) == content(tmp_path / "in")


def test_the_same_folder_never_looks_the_same(folder, tmp_path):
    first, second = (protect(folder, tmp_path / name, key=KEY).read_bytes() for name in ("a", "b"))
    assert first[_HEADER : _HEADER + 64] != second[_HEADER : _HEADER + 64]


def changes(raw):
    piece = _PIECE + _TAG
    flipped = [0, 30, _HEADER - 1, _HEADER, _HEADER + 500, _HEADER + piece + 7, len(raw) - 1]
    for place in flipped:
        yield f"byte {place}", raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
    body = raw[_HEADER:]
    yield "swapped pieces", raw[:_HEADER] + body[piece : 2 * piece] + body[:piece] + body[2 * piece :]
    yield "a piece twice", raw[: _HEADER + piece] + body[:piece] + body[piece:]
    for length in (0, 10, _HEADER, _HEADER + 8, _HEADER + piece, _HEADER + 2 * piece, len(raw) - 1):
        yield f"cut to {length}", raw[:length]
    yield "something behind", raw + b"x"


def test_whatever_is_changed_nothing_is_decrypted(folder, tmp_path):
    file = protect(folder, key=KEY)
    raw, tried = file.read_bytes(), 0
    for what, changed in changes(raw):
        file.write_bytes(changed)
        with pytest.raises(BundlebookError, match=r"shop\.protected"):
            unprotect(file, tmp_path / "back", key=KEY)
        assert left_beside(tmp_path) == ["shop", "shop.protected"], what
        tried += 1
    assert tried == 17


def test_a_wrong_key_is_told_from_damage(folder, tmp_path):
    file = protect(folder, key=KEY)
    with pytest.raises(BundlebookError, match="another key"):
        unprotect(file, tmp_path / "back", key=KEY + "!")


def test_a_full_disk_leaves_nothing(folder, tmp_path, monkeypatch):
    file = protect(folder, key=KEY)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tarfile.TarFile.extractall", full)
    with pytest.raises(BundlebookError, match="No space left"):
        unprotect(file, tmp_path / "back", key=KEY)
    assert left_beside(tmp_path) == ["shop", "shop.protected"]


def test_the_key_of_the_machine_is_used(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", KEY)
    file = protect(folder)
    assert content(unprotect(file, tmp_path / "back", key=KEY)) == content(folder)
    monkeypatch.setenv("BUNDLEBOOK_KEY", "short")
    with pytest.raises(BundlebookError, match="5 characters"):
        unprotect(file, tmp_path / "again")


def test_bad_targets_are_refused(folder, tmp_path):
    with pytest.raises(BundlebookError, match="no folder"):
        protect(tmp_path / "nothing", key=KEY)
    with pytest.raises(BundlebookError, match="inside the folder"):
        protect(folder, folder / "x", key=KEY)
    file = protect(folder, key=KEY)
    with pytest.raises(BundlebookError, match="the file exists"):
        protect(folder, key=KEY)
    with pytest.raises(BundlebookError, match="the folder exists"):
        unprotect(file, folder, key=KEY)
    with pytest.raises(BundlebookError, match="no such file"):
        unprotect(tmp_path / "none", tmp_path / "back", key=KEY)
    (folder / "link").symlink_to(folder / "user_data.csv")
    with pytest.raises(BundlebookError, match="a link"):
        protect(folder, tmp_path / "other", key=KEY)


def test_the_commands_tell_what_they_did_and_what_is_wrong(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_KEY", KEY)
    made = CliRunner().invoke(main, ["protect", str(folder)])
    assert made.exit_code == 0 and "wrote shop.protected and read it back" in made.output
    file, back = str(tmp_path / "shop.protected"), str(tmp_path / "back")
    assert "wrote back" in CliRunner().invoke(main, ["unprotect", file, "--out", back]).output
    assert content(tmp_path / "back") == content(folder)
    monkeypatch.setenv("BUNDLEBOOK_KEY", KEY + "!")
    refused = CliRunner().invoke(main, ["unprotect", file, "--out", str(tmp_path / "other")])
    assert refused.exit_code == 1 and "another key" in refused.output and "Remedy" in refused.output
    assert not (tmp_path / "other").exists()
