"""The batches that come with the workbook: their templates are well made, and they run."""

import json
import re

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from bundlebook import paths
from bundlebook.chapters import _normalise
from bundlebook.reports import BatchRun, declared_parameters, find_batch, load_batch, report
from tests.reports.looking import latex, loads

SAMPLE = paths.data() / "sample_shop"
TEMPLATES = sorted((paths.root() / "reports" / "templates").glob("*.ipynb"))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_a_template_is_stored_bare_and_can_be_understood(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(_normalise(nbformat.read(file, as_version=4))) == nbformat.writes(notebook)
    assert all(not c.outputs and c.execution_count is None for c in notebook.cells if c.cell_type == "code")
    assert len(notebook.cells) <= 25
    assert re.match(r"# \w", notebook.cells[0].source) and notebook.cells[0].cell_type == "markdown"
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    assert "What to distrust" in headings
    declared = declared_parameters(file)
    assert {"SHOP", "SEED"} <= set(declared)
    assert all(parameter.help for parameter in declared.values())
    assert "notebook.record(" in "".join(c.source for c in notebook.cells)


def test_the_batches_are_sound_plans():
    from bundlebook.shop import SEGMENTS, read_table

    assert [job.name for job in load_batch(find_batch("segments")).jobs] == list(SEGMENTS)
    known = read_table("campaign_descriptions")[0]["campaign_id"].tolist()
    assert [job.parameters["CAMPAIGN"] for job in load_batch(find_batch("campaigns")).jobs] == sorted(known)


def test_the_manual_names_every_option_and_every_batch():
    from bundlebook.cli import main

    manual = (paths.root() / "reports" / "README.md").read_text(encoding="utf-8")
    options = {name for option in main.commands["report"].params for name in option.opts if name.startswith("-")}
    assert [
        name for name in sorted(options - {"--parameter"}) if f"`{name}" not in manual and f"{name} " not in manual
    ] == []
    table = manual.split("| shipped batch |")[1].split("\n\n")[0]
    shipped = {file.stem for file in (paths.root() / "reports" / "batches").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == shipped


def test_campaigns_are_refused_where_there_are_none_before_anything_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path))
    assert report("campaigns", "sample") == 2
    said = capsys.readouterr().err
    assert "'sample'" in said and "['completejourney'] only" in said
    assert said.count("\n  - ") == 1  # one fault, not one a campaign
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Two segments of the sample shop: one with bundles, and the smallest, with none."""
    out = tmp_path_factory.mktemp("out")
    batch = load_batch(find_batch("segments"), shop="sample", only=["frequent-small", "lapsed"])
    assert BatchRun(batch, slots=2, out=out).run() == 0
    return out / "segments"


def figures(folder, name: str) -> dict:
    return {m["name"]: m["value"] for m in json.loads((folder / "runs" / name / "metrics.json").read_text())}


def test_a_segment_gets_bundles_and_a_verdict(segments):
    found = figures(segments, "frequent-small")
    assert found["Customers"] == 64
    assert " + " in found["First bundle"]
    low, high = map(float, found["Expected uplift, 95 % interval"].split(" to "))
    assert low <= found["Expected uplift of the first bundle"] <= high
    page = (segments / "frequent-small.html").read_text()
    assert loads(page) == [] and latex(page) == []
    text = BeautifulSoup(page, "html.parser").get_text(" ")
    for part in (
        "frequent-small",
        "ASSUMED",
        "What to distrust",
        "Many tests",
        "Later weeks",
        "complements",
        "per 1,000 customers",
    ):
        assert part in text
    assert "BundlebookError" not in text and "import numpy" not in text
    assert len(BeautifulSoup(page, "html.parser").find_all("img")) == 2


def test_a_segment_too_small_for_bundles_says_so_and_passes(segments):
    found = figures(segments, "lapsed")
    assert found["Customers"] == 19
    assert "First bundle" not in found
    assert "There is nothing to bundle" in (segments / "lapsed.html").read_text()


@pytest.mark.parametrize(
    ("catalogue", "log", "told"),
    [
        (["item_id", "name", "price"], None, "First bundle"),
        (["item_id", "name", "category", "product_type"], ["user_id", "item_id", "time"], "without a known price"),
    ],
    ids=["no label but the id", "no price"],
)
def test_a_segment_of_a_shop_that_lacks_labels_or_prices(tmp_path, catalogue, log, told):
    shop = tmp_path / "shop"
    shop.mkdir()
    read = {name: pd.read_csv(SAMPLE / f"{name}.csv", dtype=str) for name in ("product_data", "user_data")}
    read["product_data"][catalogue].to_csv(shop / "product_data.csv", index=False)
    events = read["user_data"]
    (events if log is None else events.loc[events["event"] == "purchase", log]).to_csv(
        shop / "user_data.csv", index=False
    )
    batch = load_batch(find_batch("segments"), shop=str(shop), only=["frequent-large"])
    assert BatchRun(batch, slots=1, out=tmp_path / "out").run() == 0
    found = figures(tmp_path / "out" / "segments", "frequent-large")
    assert ("First bundle" in found) == (told == "First bundle")
    assert told in BeautifulSoup((tmp_path / "out/segments/frequent-large.html").read_text(), "html.parser").get_text(
        " "
    )


def test_a_campaign_of_the_real_shop(tmp_path):
    batch = load_batch(find_batch("campaigns"), only=["campaign-18"])
    assert BatchRun(batch, slots=1, out=tmp_path).run() == 0
    found = figures(tmp_path / "campaigns", "campaign-18")
    assert (found["Exposed"], found["Responded"], found["Redemptions"]) == (1133, 214, 653)
    assert found["Response rate, 95 % interval"] == "16.7 to 21.3"
    text = BeautifulSoup((tmp_path / "campaigns" / "campaign-18.html").read_text(), "html.parser").get_text(" ")
    assert "not a measurement of what the campaign caused" in " ".join(text.split())
    assert "4,872" in text


def test_the_command_hands_every_option_on(monkeypatch):
    from click.testing import CliRunner

    from bundlebook import reports
    from bundlebook.cli import main

    asked = {}
    monkeypatch.setattr(reports, "report", lambda *given, **options: asked.update(options, given=given) or 0)
    words = "report segments --data sample --only lapsed --jobs 3 --force --timeout 9 -p SEED=7 --no-code --pdf"
    done = CliRunner().invoke(main, [*words.split(), "--engine", "dask", "--scheduler", "tcp://there:1"])
    assert done.exit_code == 0, done.output
    assert asked == {
        "given": ("segments", "sample", ("lapsed",)),
        "slots": 3,
        "force": True,
        "timeout": 9,
        "settings": ("SEED=7",),
        "code": "hidden",
        "pdf": True,
        "engine": "dask",
        "scheduler": "tcp://there:1",
    }
