"""Every folder can be moved by one variable, and no output tells where the project lies."""

import errno
import os
import signal

import pytest

from bundlebook import paths
from bundlebook.errors import BundlebookError


@pytest.mark.parametrize("name", ["root", "data", "cache", "out", "notebooks"])
def test_one_variable_moves_a_folder(monkeypatch, tmp_path, name):
    monkeypatch.setenv(f"BUNDLEBOOK_{name.upper()}", str(tmp_path / "elsewhere"))
    assert getattr(paths, name)() == tmp_path / "elsewhere"


def test_root_holds_the_project():
    assert (paths.root() / "pyproject.toml").is_file()


def test_shown_paths_are_relative(tmp_path):
    assert paths.shown(paths.data() / "zhangsan") == "data/zhangsan"
    assert paths.shown(tmp_path / "private" / "user_data.csv") == "user_data.csv"


@pytest.mark.parametrize("file", [False, True])
def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path, file):
    paths.check_writable(tmp_path / "new" / "place", file=file)
    (tmp_path / "in_the_way").write_text("kept", encoding="utf-8")
    with pytest.raises(BundlebookError, match="cannot be written"):
        paths.check_writable(tmp_path / "in_the_way" / "place", file=file)
    if file:
        paths.check_writable(tmp_path / "in_the_way", file=True)
    assert (tmp_path / "in_the_way").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(("number", "remedy"), [(errno.EACCES, "ask its owner"), (errno.ENOSPC, "free some space")])
def test_the_remedy_is_one_for_what_stands_in_the_way(tmp_path, monkeypatch, number, remedy):
    """Who may not write into the folder of another user was told to free some space."""

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(paths.tempfile, "TemporaryFile", refuse)
    with pytest.raises(BundlebookError, match=f"{remedy}.*, or use `--state FOLDER`"):
        paths.check_writable(tmp_path, elsewhere="use `--state FOLDER`")


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of files are a thing of Unix")
@pytest.mark.parametrize("limit", [0, 1000])
def test_a_full_disk_is_said_before_the_work(tmp_path, limit):
    """On a full disk an empty file can be made, so only bytes tell. Here the limit of a process stands for the disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(BundlebookError, match="cannot be written"):
            paths.check_writable(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    paths.check_writable(tmp_path / "out")
