"""Every folder can be moved by one variable, and no output tells where the project lies."""

import pytest

from bundlebook import paths


@pytest.mark.parametrize("name", ["root", "data", "cache", "out", "notebooks"])
def test_one_variable_moves_a_folder(monkeypatch, tmp_path, name):
    monkeypatch.setenv(f"BUNDLEBOOK_{name.upper()}", str(tmp_path / "elsewhere"))
    assert getattr(paths, name)() == tmp_path / "elsewhere"


def test_root_holds_the_project():
    assert (paths.root() / "pyproject.toml").is_file()


def test_shown_paths_are_relative(tmp_path):
    assert paths.shown(paths.data() / "zhangsan") == "data/zhangsan"
    assert paths.shown(tmp_path / "private" / "user_data.csv") == "user_data.csv"
