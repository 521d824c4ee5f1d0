"""A plan is checked as a whole before any kernel starts."""

import itertools
import os
import subprocess
import sys

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.reports import PlanError, declared_parameters, find_batch, load_batch, report
from bundlebook.reports._batch import Parameter


def faults(file, **options) -> list[str]:
    with pytest.raises(PlanError) as caught:
        load_batch(file, **options)
    return caught.value.faults


def test_a_grid_and_a_list_make_one_job_a_point(workshop):
    workshop.notebook("sales", parameters='REGION = "north"  # part of the country\nMONTH = 1\nK = 5')
    batch = load_batch(
        workshop.batch(
            {
                "template": "sales.ipynb",
                "parameters": {"K": 7},
                "each": [{"REGION": "north"}, {"REGION": "华东"}],
                "grid": {"MONTH": [1, 2]},
            }
        )
    )
    assert [job.name for job in batch.jobs] == ["sales-north-1", "sales-north-2", "sales-华东-1", "sales-华东-2"]
    assert batch.jobs[3].parameters == {"REGION": "华东", "MONTH": 2, "K": 7}
    assert batch.jobs[0].title == "sales"
    assert batch.jobs[0].declared["REGION"].help == "part of the country"


def test_names_can_be_given(workshop):
    workshop.notebook("sales")
    batch = load_batch(workshop.batch({"template": "sales.ipynb", "name": "{template}, top {K}", "grid": {"K": [3]}}))
    assert [job.name for job in batch.jobs] == ["sales-top-3"]


def test_every_fault_is_listed_at_once(workshop):
    workshop.notebook("good", parameters='K = 1\nRATE = 0.5\nSHOP = "sample"\nMONTH = ...  # must be given')
    workshop.notebook("odd", kernelspec={"name": "cobol", "display_name": "Cobol", "language": "cobol"})
    (workshop.folder / "broken.ipynb").write_text("{")
    file = workshop.batch(
        {"template": "good.ipynb", "parameters": {"K": "many", "TYPO": 1, "RATE": 1}, "files": ["prices.csv"]},
        {"template": "good.ipynb", "parameters": {"MONTH": 1, "SHOP": "/no/such/folder"}, "name": "good"},
        {"template": "absent.ipynb"},
        {"template": "broken.ipynb"},
        {"template": "odd.ipynb", "timeout": -1, "colour": "red"},
        retries=3,
    )
    text = "\n".join(faults(file))
    for expected in (
        "K = 'many' is not a whole number",
        "unknown parameter TYPO",
        "file prices.csv is missing",
        "parameter MONTH needs a value",
        "'/no/such/folder' is neither a known shop nor a folder with tables",
        "good: two jobs would write the same output",
        "absent.ipynb: no such template",
        "broken.ipynb: not a readable notebook",
        "kernel 'cobol' is not installed",
        "timeout is -1",
        "unknown key 'colour'",
        "unknown key 'retries'",
    ):
        assert expected in text, f"{expected!r} is missing from\n{text}"
    assert "RATE =" not in text  # a whole number is a fine rate


@pytest.mark.parametrize(
    "text", ["jobs: 3", "[]", "jobs: [{name: x}]", "jobs: [", "\ud800".encode("utf-16", "surrogatepass")]
)
def test_a_malformed_batch_file_is_one_clear_error(workshop, text):
    file = workshop.folder / "bad.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert faults(file)


def test_odd_values_of_a_job_are_faults(workshop):
    workshop.notebook("good", parameters='K = "a"\nDAY = ...')
    file = workshop.folder / "odd.yaml"
    for entry, expected in {
        "name: 5": "name is 5, not text",
        "name: '{K.foo}', parameters: {K: x}": "cannot be filled in",
        "files: 5": "'files' is a list",
        f"parameters: {{K: {'x' * 300}}}, name: '{{K}}'": "too long for the name of a file",
        f"parameters: {{K: {'字' * 120}}}, name: '{{K}}'": "too long for the name of a file",  # 360 bytes
        "parameters: {DAY: 2021-01-01}": "write a date in quotes",
        "parameters: {K: 2021-01-01, DAY: 1}": "is not text; write a date in quotes",
        "parameters: {DAY: {1: a, b: c}}": "write keys in quotes",
        r'parameters: {DAY: "\ud800"}': "is not plain text",
    }.items():
        file.write_text(f"jobs: [{{template: good.ipynb, {entry}}}]", encoding="utf-8")
        assert expected in "\n".join(faults(file))
    for entry, expected in {
        "template: ''": "no such template",
        "template: 'a**b'": "no such template",
        "template: good.ipynb, name: '{K:>3000000000}'": "cannot be filled in",
        "template: good.ipynb, parameters: {DAY: {1: a, b: c}}": "is not plain",
        "template: good.ipynb, parameters: {DAY: &a [*a]}": "is not plain",
        "template: good.ipynb, parameters: {DAY: !!set {x, y}}": "is not plain",
        "template: good.ipynb, parameters: {DAY: 2021-99-99}": "not readable",
        "template: good.ipynb, parameters: {DAY: 1, DAY: 2}": "'DAY' is given twice",
        f"template: good.ipynb, parameters: {{DAY: {'[' * 3000}": "nested too deeply",
        f"template: good.ipynb, grid: {{{', '.join(f'{c}: {[*range(10)]}' for c in 'abcdefghi')}}}": "1,000,000,000",
    }.items():
        file.write_text(f"jobs: [{{{entry}}}]")
        assert expected in "\n".join(faults(file)), entry
    file.write_text("first: [absent]\njobs: [{template: good.ipynb, files: , parameters: {DAY: 1}}]")
    assert faults(file) == ["'first' names no job: 'absent'"]


def test_a_name_that_no_file_can_have_here_is_a_fault(workshop):
    """In the C locale without UTF-8 mode Python writes names of files in ASCII only."""
    workshop.notebook("good")
    file = workshop.batch({"template": "good.ipynb", "name": "张三"})
    plain = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "BUNDLEBOOK_OUT": str(workshop.out)}
    command = [sys.executable, "-c", "from bundlebook.cli import main; main()", "report", str(file)]
    ran = subprocess.run(command, env=os.environ | plain, capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "set PYTHONUTF8=1" in ran.stderr and "Traceback" not in ran.stderr


def test_aliases_may_repeat_but_not_multiply(workshop):
    """Nine levels of nine aliases are 400 million values out of a file of 400 bytes: no memory would hold them."""
    workshop.notebook("good", parameters="DAYS = [1]")
    file = workshop.folder / "some.yaml"
    levels = "".join(f"  - &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in itertools.pairwise("abcdefghi"))
    one = "{template: good.ipynb, name: %s, parameters: {DAYS: %%s}}"
    job = f"jobs: [{one % 'a'}, {one % 'b'}]"
    file.write_text(f"title:\n  - &a [x, x, x, x, x, x, x, x, x]\n{levels}{job % ('*i', '*i')}")
    (fault,) = faults(file)
    assert "aliases (*) make" in fault
    file.write_text(job % ("&twice [1, 2]", "*twice"))
    assert [job.parameters["DAYS"] for job in load_batch(file).jobs] == [[1, 2], [1, 2]]


def test_a_batch_file_whose_name_says_nothing_is_refused(workshop):
    workshop.notebook("good")
    file = workshop.folder / "...yaml"  # its results would lie among those of all other batches
    file.write_text("jobs: [{template: good.ipynb}]")
    with pytest.raises(BundlebookError, match="its name has no letter or digit"):
        load_batch(file)


def test_a_folder_is_found_from_the_batch_and_from_where_the_command_runs(workshop, monkeypatch):
    """Kernels run in the template's folder, where a relative path would lead elsewhere."""
    (workshop.folder / "shops" / "mine").mkdir(parents=True)
    (workshop.folder / "shops" / "mine" / "user_data.csv").write_text("user_id\n1\n")
    workshop.notebook("good", parameters='SHOP = "sample"')
    found = str((workshop.folder / "shops" / "mine").resolve())
    (job,) = load_batch(workshop.batch({"template": "good.ipynb", "each": [{"SHOP": "shops/mine"}]})).jobs
    assert (job.parameters["SHOP"], job.name) == (found, "good-mine")
    monkeypatch.chdir(workshop.folder / "shops")
    file = workshop.batch({"template": "good.ipynb"})
    assert load_batch(file, settings={"SHOP": "mine"}).jobs[0].parameters["SHOP"] == found
    assert load_batch(file, shop="mine").jobs[0].parameters["SHOP"] == found


def test_jobs_that_others_wait_for_are_started_first(workshop):
    for name in ("01_a", "02_b", "03_c"):
        workshop.notebook(name)
    batch = load_batch(workshop.batch({"template": "*.ipynb"}, first=["03"]))
    assert [job.name for job in batch.jobs] == ["01_a", "02_b", "03_c"]  # on the index
    assert [job.name for job in batch.in_turn(batch.jobs)] == ["03_c", "01_a", "02_b"]


def test_a_batch_that_matches_nothing_is_a_fault(workshop):
    assert faults(workshop.batch({"template": "*.ipynb"})) == ["*.ipynb: no such template"]
    assert faults(workshop.batch()) == ["no job: no template matches"]


def test_settings_reach_the_templates_that_have_them(workshop):
    workshop.notebook("one", parameters='ITEM = "1001"\nRATE = 0.1')
    workshop.notebook("two", parameters="K = 1")
    file = workshop.batch({"template": "one.ipynb"}, {"template": "two.ipynb"})
    one, two = load_batch(file, settings={"ITEM": "007", "RATE": "1e-3"}).jobs
    assert one.parameters == {"ITEM": "007", "RATE": 0.001}
    assert two.given == {}
    assert faults(file, settings={"NOTHING": "1"}) == ["no template has a parameter NOTHING"]
    assert "K = 'x' is not a whole number" in faults(file, settings={"K": "x"})[0]


def test_only_takes_names_beginnings_and_patterns(workshop):
    for name in ("01_a", "02_b", "03_c"):
        workshop.notebook(name)
    file = workshop.batch({"template": "*.ipynb"})
    assert load_batch(file, only=["02"]).chosen == {"02_b"}
    assert load_batch(file, only=["*_[ac]"]).chosen == {"01_a", "03_c"}
    assert len(load_batch(file, only=["02"]).jobs) == 3  # the others stay on the index
    assert "no job is called '04'" in faults(file, only=["04"])[0]


def test_faults_of_jobs_not_asked_for_do_not_matter(workshop):
    workshop.notebook("good")
    workshop.notebook("odd", kernelspec={"name": "cobol", "display_name": "Cobol", "language": "cobol"})
    (workshop.folder / "broken.ipynb").write_text("{")
    file = workshop.batch({"template": "*.ipynb"})
    assert len(faults(file)) == 2
    assert load_batch(file, only=["good"]).chosen == {"good"}
    hasty = workshop.batch({"template": "*.ipynb"}, name="hasty", first=["broken"])
    assert load_batch(hasty, only=["good"]).chosen == {"good"}
    assert len(faults(file, only=["broken", "good"])) == 2  # unreadable, and so there is no such job


def test_a_bad_plan_runs_nothing_and_says_so(workshop, capsys, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(workshop.out))
    workshop.notebook("good")
    file = workshop.batch({"template": "good.ipynb", "parameters": {"TYPO": 1}})
    assert report(str(file)) == 2
    assert "nothing was run" in capsys.readouterr().err
    assert not workshop.out.exists()
    assert report("no_such_batch") == 2
    assert "chapters" in capsys.readouterr().err
    assert report(str(file), settings=["K"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_a_default_must_be_a_literal(workshop):
    file = workshop.notebook("computed", parameters="K = 2\nTWICE = K * 2")
    with pytest.raises(BundlebookError, match="TWICE is not a literal"):
        declared_parameters(file)


@pytest.mark.parametrize(
    ("default", "value", "fits"),
    [
        (1, 2, True),
        (1, 2.5, False),
        (1, True, False),
        (1.5, 2, True),
        (True, False, True),
        (True, 1, False),
        ("a", "b", True),
        ("a", None, False),
        (None, [1], True),
        ([1], (2,), True),
        ([1], "x", False),
        ({}, {"a": 1}, True),
        (..., 3, True),
        (..., None, False),
    ],
)
def test_types_follow_the_default(default, value, fits):
    assert Parameter("X", default).fits(value) is fits


def test_the_shipped_batch_names_every_chapter_and_the_cards():
    from bundlebook.chapters import chapter_files

    if not chapter_files():
        pytest.skip("no chapter is written yet")
    batch = load_batch(find_batch("chapters"))
    assert [job.name for job in batch.jobs] == [*(file.stem for file in chapter_files()), "data-card", "model-cards"]
