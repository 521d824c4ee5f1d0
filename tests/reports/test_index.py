"""The index compares what can be compared."""

from bs4 import BeautifulSoup

from bundlebook.reports.index import write_index
from bundlebook.reports.store import Store


def entry(name, **figures):
    found = [{"name": figure, "value": value, "unit": ""} for figure, value in figures.items()]
    same = {"title": name, "status": "passed", "seconds": 1.0, "parameters": {}, "given": [], "page": f"{name}.html"}
    return {"name": name, "metrics": found, **same}


def test_only_reports_that_share_a_figure_stand_side_by_side(tmp_path):
    entries = [entry("one", loss=0.5), entry("two", loss=0.25), entry("three", other=1.0)]
    write_index(Store(tmp_path), "A batch", entries, seconds=1.0, slots=1)
    soup = BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser")
    rows = soup.select("table.bars tbody tr")
    assert [row.find("a").get_text() for row in rows] == ["one", "two"]
    assert [row.find("i")["style"] for row in rows] == ["width:100.0%", "width:50.0%"]
