"""The index compares what can be compared, and leads to everything a batch made."""

from bs4 import BeautifulSoup

from bundlebook.reports._pages import write_index
from bundlebook.reports._results import Store


def entry(name, title="", pdf=None, **figures):
    found = [{"name": figure, "value": value, "unit": ""} for figure, value in figures.items()]
    made = {"page": f"{name}.html", "pdf": pdf, "notebook": f"runs/{name}/executed.ipynb"}
    same = {"status": "passed", "seconds": 1.0, "parameters": {}, "given": []}
    return {"name": name, "title": title or name, "metrics": found, **made, **same}


def index(folder, *entries) -> BeautifulSoup:
    write_index(Store(folder), "A batch", entries, seconds=61.0, slots=1)
    return BeautifulSoup((folder / "index.html").read_text(encoding="utf-8"), "html.parser")


def test_only_reports_that_share_a_figure_stand_side_by_side(tmp_path):
    soup = index(tmp_path, entry("one", loss=0.5), entry("two", loss=0.25), entry("three", other=1.0))
    rows = soup.select("table.bars tbody tr")
    assert [row.find("a").get_text() for row in rows] == ["one", "two"]
    assert [row.find("i")["style"] for row in rows] == ["width:100.0%", "width:50.0%"]
    figures = [cell.get_text(" ", strip=True) for cell in soup.select(".jobs .figures")]
    assert figures == ["", "", "other 1"]  # what is compared below is not repeated
    assert not soup.find("polyline")  # a line through two points shows nothing
    assert "1 min 1 s in all" in soup.get_text()


def test_a_line_follows_the_plan_whatever_failed(tmp_path):
    entries = [entry(name, score=value) for name, value in zip("abcd", (1, 3, 2, -1), strict=True)]
    entries[2]["status"] = "failed"
    soup = index(tmp_path, *entries)
    (line,) = soup.find_all("polyline")
    heights = [float(point.split(",")[1]) for point in line["points"].split()]
    order = sorted(range(4), key=lambda place: -heights[place])  # svg counts from the top
    assert order == [3, 0, 2, 1]
    assert line.parent["aria-label"] == "from -1 to 3, last -1"
    assert soup.select(".jobs tbody tr")[0].find("a").get_text() == "c"
    assert soup.select_one(".bars i.below")


def test_reports_of_one_template_are_told_apart_by_name_and_lead_to_all_they_left(tmp_path):
    soup = index(tmp_path, entry("north", "Sales"), entry("south", "Sales", pdf="south.pdf"), entry("x", "Other"))
    cells = soup.select(".jobs .title")
    assert [cell.find("a").get_text() for cell in cells] == ["north", "south", "Other"]
    links = [[link["href"] for link in cell.find_all("a")] for cell in cells]
    assert links[0] == ["north.html", "runs/north/executed.ipynb"]
    assert links[1] == ["south.html", "runs/south/executed.ipynb", "south.pdf"]
