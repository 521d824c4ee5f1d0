"""An artefact is made once, found again by its content, and never half written."""

import errno
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bundlebook import cache, paths


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path))


def save(value, folder):
    (folder / "value.txt").write_text(str(value))


def load(folder):
    return int((folder / "value.txt").read_text())


def counted(value, calls):
    def build():
        calls.append(value)
        return value

    return build


def test_the_second_call_reads_from_disk():
    calls = []
    for _ in range(2):
        assert cache.cached("answer", {"seed": 1}, counted(42, calls), save, load) == 42
    assert calls == [42]


def test_other_inputs_make_another_artefact():
    calls = []
    for seed in (1, 2):
        assert cache.cached("answer", {"seed": seed}, counted(seed, calls), save, load) == seed
    assert calls == [1, 2]


def test_changed_source_makes_another_artefact(monkeypatch):
    calls = []
    cache.cached("answer", {}, counted(1, calls), save, load)
    monkeypatch.setattr(cache, "source_digest", lambda module: "another source")
    cache.cached("answer", {}, counted(2, calls), save, load)
    assert calls == [1, 2]


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package whose ``makes`` imports ``used`` and, inside a function, ``late``; ``used`` imports ``deep``."""
    sources = {
        "__init__.py": "",
        "makes.py": "from mini.room import used\nimport os\n\ndef f():\n    from mini.late import g\n",
        "room/__init__.py": "from mini.room.aside import h\n",
        "room/used.py": "import mini.deep\n",
        "room/aside.py": "h = 1\n",
        "late.py": "g = 1\n",
        "deep.py": "from mini.room import used\n",
        "unused.py": "",
    }
    root = tmp_path / "mini"
    for name, text in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(cache, "_PACKAGE", root)
    cache.source_digest.cache_clear()
    yield root
    cache.source_digest.cache_clear()


@pytest.mark.parametrize(
    "module, edited, changes",
    [
        ("mini.makes", "makes.py", True),
        ("mini.makes", "room/used.py", True),
        ("mini.makes", "late.py", True),
        ("mini.makes", "deep.py", True),
        ("mini.makes", "unused.py", False),
        ("mini.makes", "room/aside.py", False),
        ("mini.room", "room/aside.py", True),
        ("__main__", "unused.py", True),
    ],
)
def test_only_the_source_that_makes_an_artefact_counts(package, module, edited, changes):
    before = cache.source_digest(module)
    (package / edited).write_text((package / edited).read_text() + "new = 1\n")
    cache.source_digest.cache_clear()
    assert (cache.source_digest(module) != before) == changes


def test_a_failed_build_or_save_leaves_nothing_behind():
    def broken_save(value, folder):
        save(value, folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.cached("answer", {}, lambda: 1, broken_save, load)
    assert [p for p in paths.cache().iterdir() if not p.name.endswith(".lock")] == []
    assert cache.cached("answer", {}, lambda: 2, save, load) == 2


def test_two_at_once_build_once():
    calls = []
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(cache.cached, "answer", {}, counted(7, calls), save, load) for _ in range(8)]
        assert {job.result() for job in jobs} == {7}
    assert calls == [7]


def kept() -> Path:
    """The one artefact in the cache."""
    (found,) = (p for p in paths.cache().iterdir() if p.name.startswith("answer") and not p.suffix)
    return found


def damages():
    def truncate(target):
        (target / "value.txt").write_text("")

    def empty(target):
        (target / "value.txt").unlink()

    def no_folder(target):
        shutil.rmtree(target)
        target.write_text("42")

    def dangling(target):
        shutil.rmtree(target)
        target.symlink_to("nowhere")

    return truncate, empty, no_folder, dangling


@pytest.mark.parametrize("damage", damages())
def test_a_damaged_artefact_is_set_aside_and_made_again(damage):
    calls = []
    cache.cached("answer", {}, counted(42, calls), save, load)
    damage(kept())
    for _ in range(2):  # damaged again: the one set aside before gives way
        with pytest.warns(UserWarning, match="damaged"):
            assert cache.cached("answer", {}, counted(42, calls), save, load) == 42
        aside = [p for p in paths.cache().iterdir() if p.name.endswith(".damaged")]
        assert len(aside) == 1
        assert cache.cached("answer", {}, counted(42, calls), save, load) == 42
        damage(kept())
    assert calls == [42, 42, 42]


@pytest.fixture
def read_only(monkeypatch):
    """Let every way of writing into the cache fail as on a read-only file system."""

    def refuse(*_args, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    def make():
        monkeypatch.setattr(cache, "FileLock", refuse)
        monkeypatch.setattr(cache.tempfile, "TemporaryDirectory", refuse)

    return make


def test_a_read_only_cache_is_read(read_only):
    calls = []
    cache.cached("answer", {}, counted(42, calls), save, load)
    read_only()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cached("answer", {}, counted(42, calls), save, load) == 42
    assert calls == [42]


def test_where_nothing_can_be_written_the_artefact_is_made_and_one_warning_says_so(read_only):
    read_only()
    with pytest.warns(UserWarning, match="cannot be written") as said:
        assert cache.cached("answer", {}, lambda: 42, save, load) == 42
    assert len(said) == 1


def test_a_cache_that_is_a_file_stops_nobody(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BUNDLEBOOK_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be written"):
        assert cache.cached("answer", {}, lambda: 42, save, load) == 42


def test_a_disk_that_is_full_keeps_nothing_half_written():
    def full(value, folder):
        save(value, folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.warns(UserWarning, match="cannot be written"):
        assert cache.cached("answer", {}, lambda: 42, full, load) == 42
    assert [p for p in paths.cache().iterdir() if not p.name.endswith(".lock")] == []
