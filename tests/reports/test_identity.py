"""A job's key is its content, and nothing but its content."""

import os

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from bundlebook import paths
from bundlebook.reports import _identity, find_batch, load_batch


@pytest.fixture(autouse=True)
def still_package(monkeypatch):
    monkeypatch.setattr(_identity, "execution_source", lambda: "fixed")


def key(workshop, **options) -> str:
    return _identity.job_key(load_batch(workshop.batch({"template": "job.ipynb"}), **options).jobs[0])


def test_stored_outputs_and_times_do_not_change_it(workshop):
    file = workshop.notebook("job", "print(K)")
    before = key(workshop)
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    notebook.cells[-1].execution_count = 3
    nbformat.write(notebook, file)
    os.utime(file, (1, 1))
    assert key(workshop) == before
    assert key(workshop, settings={"K": "1"}) == before  # the default, said aloud


def test_code_parameters_package_libraries_and_data_change_it(workshop, monkeypatch):
    shop = workshop.folder / "mine"
    shop.mkdir()
    (shop / "user_data.csv").write_text("user_id\n1\n")
    parameters = f'K = 1\nSHOP = "{shop}"'
    workshop.notebook("job", "print(K)", parameters=parameters)
    keys = [key(workshop), key(workshop, settings={"K": "2"})]
    (shop / "user_data.csv").write_text("user_id\n2\n")
    keys.append(key(workshop))
    workshop.notebook("job", "print(K + 1)", parameters=parameters)
    keys.append(key(workshop))
    (workshop.folder / "helper.py").write_text("K = 1")
    keys.append(key(workshop))
    (workshop.folder / "helper.py").write_text("K = 2")
    keys.append(key(workshop))
    (workshop.folder / "more" / "deep").mkdir(parents=True)
    (workshop.folder / "more" / "__init__.py").touch()
    (workshop.folder / "more" / "deep" / "x.py").touch()
    keys.append(key(workshop))
    workshop.notebook("job", "print(K + 1)", parameters=parameters, kernelspec={"name": "ir", "display_name": "R"})
    monkeypatch.setattr(KernelSpecManager, "find_kernel_specs", lambda self: {"python3": "", "ir": ""})
    keys.append(key(workshop))
    monkeypatch.setattr(_identity, "execution_source", lambda: "edited")
    keys.append(key(workshop))
    monkeypatch.setattr(_identity, "installed", lambda: {"pandas": "99"})
    keys.append(key(workshop))
    assert len(set(keys)) == len(keys)


def test_data_of_each_kind_of_shop_is_found(tmp_path):
    names = [file.name for file in _identity.data_sources("completejourney")]
    assert "transactions.parquet" in names
    assert _identity.data_sources("no such shop") == []
    assert _identity.data_sources(str(tmp_path)) == []
    (tmp_path / "user_data.csv").write_text('a,b\n1,"two\nlines"\n3,4\n')
    (tmp_path / "notes.txt").write_text("x")
    (found,) = _identity.data_sources(str(tmp_path))
    assert (found.name, _identity.rows(found)) == ("user_data.csv", 2)


def test_the_real_shops_checksums_are_the_ones_shops_tell():
    from bundlebook.shop import TRANSACTIONS_MD5

    (file,) = [f for f in _identity.data_sources("completejourney") if f.name == "transactions.parquet"]
    assert _identity.checksum(file) == TRANSACTIONS_MD5
    assert _identity.rows(file) > 1_000_000


def test_looks_and_execution_are_told_apart(monkeypatch):
    monkeypatch.undo()
    _identity.forget()
    assert _identity.execution_source() != _identity.page_source()
    _identity.forget()


def test_commit_is_told_only_inside_a_repository(tmp_path, monkeypatch):
    _identity.commit.cache_clear()
    monkeypatch.setenv("BUNDLEBOOK_ROOT", str(tmp_path))
    assert paths.root() == tmp_path.resolve()
    assert _identity.commit() == ""
    _identity.commit.cache_clear()


def test_a_chapter_on_another_shop_says_so():
    on = {shop: load_batch(find_batch("chapters"), shop=shop, only=["01"]) for shop in ("completejourney", "sample")}
    told = {shop: _identity.describe(batch.jobs[0])["other_shop"] for shop, batch in on.items()}
    assert told == {"completejourney": "", "sample": "sample"}
    report = load_batch(find_batch("segments"), shop="sample", only=["lapsed"]).jobs[0]
    assert _identity.describe(report)["other_shop"] == ""
