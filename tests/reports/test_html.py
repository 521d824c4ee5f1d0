"""A page is one file that loads nothing, shows no LaTeX, and tells how it was made."""

import re
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from bleach._vendor import html5lib
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bundlebook.chapters import chapter_files, solution_files
from bundlebook.notebook import METRIC_MIME
from bundlebook.reports._executed import scrub
from bundlebook.reports._pages import page
from tests.reports.looking import latex, loads

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
STATUS = {
    "title": "A page",
    "status": "passed",
    "started": "2021-05-01T08:00:00+00:00",
    "seconds": 61.0,
    "cells": 2,
    "done": 2,
    "peak_mb": 300,
    "cell": None,
    "problem": "",
    "provenance": {
        "template": "notebooks/01_x.ipynb",
        "parameters": [
            {"name": "K", "value": 3, "default": 5, "changed": True, "help": "items, count"},
            {"name": "SEED", "value": 2021, "default": 2021, "changed": False, "help": ""},
        ],
        "data": [{"name": "user_data.csv", "rows": 1234, "md5": "0123456789abcdef"}],
        "versions": {"Python": "3.12.0"},
        "commit": "abcdef123456",
        "seed": 2021,
    },
}


def render(*cells, **options) -> SimpleNamespace:
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    status = STATUS | options.pop("status", {})
    html, warnings = page(new_notebook(cells=list(cells), metadata=metadata), status, **options)
    return SimpleNamespace(html=html, warnings=warnings)


def test_a_number_stays_with_its_per_cent_sign_and_an_interval_in_one_line():
    prose = "A gain of 9 % [8 %, 10 %], or .007 [−.001, .013], against 52 ± 10 and [two, 3] in `[1, 2] %` and `5 %`."
    text = BeautifulSoup(render(new_markdown_cell(prose)).html, "html.parser").get_text().replace("\u00a0", "~")
    assert "A gain of 9~% [8~%,~10~%], or .007 [−.001,~.013], against 52~±~10 and [two,~3] in [1, 2] % and 5 %." in text


def test_a_page_holds_formulas_diagrams_chinese_figures_and_tables():
    result = render(
        new_markdown_cell("# A page (页面)\n\nInline $x_t \\in \\mathbb{R}$ and\n\n$$\n\\frac{a}{b}\n$$\n\n## Part"),
        new_markdown_cell("```mermaid\nflowchart LR\n  A[数据] --> B\n```"),
        new_code_cell(
            "table",
            outputs=[
                new_output("display_data", data={"image/png": "aGk=", "text/plain": "<Figure>"}),
                new_output(
                    "display_data",
                    data={
                        "text/html": '<style scoped>x{}</style><table border="1" class="dataframe"><thead><tr><th></th>'
                        "<th>item</th><th>lift</th></tr></thead><tbody><tr><th>0</th><td>milk</td><td>1.25</td></tr>"
                        "<tr><th>1</th><td>bread</td><td>NaN</td></tr></tbody></table>"
                    },
                ),
                new_output(
                    "display_data", data={"text/plain": "x", METRIC_MIME: {"name": "Lift", "value": 3.0, "unit": "×"}}
                ),
            ],
        ),
    )
    soup = BeautifulSoup(result.html, "html.parser")
    assert result.warnings == []
    assert loads(result.html) == []
    assert latex(result.html) == []
    assert len(soup.find_all("math")) == 2
    assert soup.find("svg") and "数据" in soup.find("svg").get_text()
    assert soup.find("img")["alt"] == "Figure in the section “Part”"
    table = soup.find("table", class_="dataframe")
    assert table.parent["class"] == ["scroll"]
    assert [bool(c.get("class")) for c in table.find_all("th")[:3]] == [False, False, True]
    assert soup.find(class_="figure-of-merit").get_text(" ", strip=True) == "Lift 3 ×"
    assert result.html.count("@font-face") == 3
    assert soup.find("a", href="index.html")


def test_provenance_is_told():
    text = BeautifulSoup(render(new_markdown_cell("# A")).html, "html.parser").find(id="made").get_text(" ", strip=True)
    for part in ("notebooks/01_x.ipynb", "abcdef123456", "1 min 1 s", "K 3 5 items, count", "SEED 2021 the same"):
        assert part in text
    for part in ("user_data.csv 1,234 0123456789abcdef", "Python 3.12.0", "Seed 2021", "300 MB"):
        assert part in text


def test_whatever_would_load_or_run_is_left_out():
    hostile = (
        '<script src="https://x.org/a.js"></script><iframe src="https://x.org"></iframe>'
        '<img src="https://x.org/a.png"><p onclick="go()" style="background:url(https://x.org/b.png)">text</p>'
    )
    result = render(
        new_markdown_cell("![far](https://x.org/c.png) and ![near](no_such.png)\n\n" + hostile),
        new_code_cell(
            "x",
            outputs=[
                new_output("display_data", data={"text/html": hostile}),
                new_output("display_data", data={"application/javascript": "alert(1)", "text/plain": "js"}),
            ],
        ),
    )
    assert loads(result.html) == []
    assert "onclick" not in result.html
    assert "alert(1)" not in result.html
    assert any("c.png" in warning for warning in result.warnings)


ATTACKS = [
    "<!--><img src=x onerror=go()>-->",
    "<!---><img src=x onerror=go()>-->",
    "<!--a--!><img src=x onerror=go()>-->",
    "<![CDATA[><img src=x onerror=go()>]]>",
    "<svg onload=go()><a xlink:href='javascript:go()'>a</a><image href='https://x.org/a'/></svg>",
    "<area href='javascript:go()'>",
    "<a href='javascript:go()'>a</a><a href=' java\tscript:go()'>a</a><a href='data:text/html,x'>a</a>",
    "<meta http-equiv=refresh content='0;url=https://x.org'>",
    "<input type=image src='https://x.org/a'><image src='https://x.org/a'>",
    "<img srcset='https://x.org/a 2x' src='data:image/png;base64,aGk='>",
    "<body background='https://x.org/a'><table background='https://x.org/a'><tr><td>a</td></tr></table>",
    "<p style='background:u\\72l(https://x.org/a)'>a</p><p style='background-image:image-set(\"https://x.org/a\")'>a</p>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=go()&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=go()>'></noscript>",
]


@pytest.mark.parametrize("hostile", ATTACKS)
def test_nothing_a_notebook_shows_can_run_or_fetch(hostile):
    """As html5lib reads it, which reads as browsers do; in output, in Markdown, and in a heading."""
    output = new_output("display_data", data={"text/html": hostile})
    text = f"# A\n\n{hostile}\n\n## One {hostile}\n\n## Two [a](javascript:go()) $x$"
    html = render(new_markdown_cell(text), new_code_cell("x", outputs=[output])).html
    tree = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    policies = [e for e in tree.iter("meta") if e.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policies[0].get("content")
    for element in tree.iter():
        assert element.tag not in ("script", "area", "input", "image", "base", "form", "link"), element.tag
        assert element.get("http-equiv") in (None, "Content-Security-Policy")
        for name, value in element.attrib.items():
            assert not str(name).startswith("on"), (element.tag, name)
            assert name not in ("srcset", "background", "action", "formaction")
            if name in ("href", "src", "style") or "href" in str(name):
                assert not re.match(r"\s*(java\s*script|data:(?!image/)|vbscript)", value), value
                assert "x.org" not in value, value


def test_a_heading_shows_its_formula_and_its_code_in_the_contents():
    html = render(new_markdown_cell("# A\n\n## Of $x^2$\n\n## The `code` <b>bold</b>")).html
    lines = BeautifulSoup(html, "html.parser").select(".beside li a")
    assert [line["href"] for line in lines] == ["#of", "#the-code-bold"]
    assert lines[0].find("msup") and lines[1].find("code") and lines[1].find("b")


def test_progress_leaves_no_trace_and_pieces_are_joined():
    ticks = ["\rfit:   0%|          | 0/3 [00:00<?, ?it/s]", "\rfit: 100%|██████████| 3/3 [00:01<00:00,  2.50it/s]"]
    ticks += ["\n", "\r  7it [00:01,  5.91it/s]", "\n"]
    outputs = [new_output("stream", name="stderr", text=tick) for tick in ticks]
    printed = [new_output("stream", name="stdout", text=text) for text in ("one ", "line\n")]
    soup = BeautifulSoup(render(new_code_cell("x", outputs=[*outputs, *printed])).html, "html.parser")
    assert not soup.find(class_="stderr")
    assert [said.get_text().strip() for said in soup.find_all(class_="said")] == ["one line"]
    warning = new_output("stream", name="stderr", text="UserWarning: mind the 5% | 6% gap\n")
    soup = BeautifulSoup(render(new_code_cell("x", outputs=[*outputs, warning])).html, "html.parser")
    assert soup.find(class_="stderr").find("pre").get_text().strip() == "UserWarning: mind the 5% | 6% gap"


def test_a_failed_cell_is_marked_and_the_rest_shown_as_not_run():
    error = new_output("error", ename="KeyError", evalue="'x'", traceback=["\x1b[31mKeyError\x1b[0m: 'x'"])
    cells = [new_code_cell("a = 1"), new_code_cell("d['x']", outputs=[error]), new_code_cell("never()")]
    status = {"status": "failed", "cell": 1, "done": 1, "cells": 3, "problem": "KeyError: 'x'", "log": ""}
    html = render(new_markdown_cell("# A"), *cells, status=status | {"cell": 2}).html
    soup = BeautifulSoup(html, "html.parser")
    assert soup.find(class_="alarm").get_text(" ", strip=True).startswith("KeyError: 'x'")
    assert "d['x']" in soup.find(id="stopped").get_text()
    assert "KeyError: 'x'" in soup.find(class_="traceback").get_text()
    assert ["never()" in tag.get_text() for tag in soup.find_all(class_="skipped")] == [True]


def test_code_can_be_hidden_or_folded():
    cells = [new_markdown_cell("# A"), new_code_cell("secret_code()", outputs=[new_output("stream", text="shown")])]
    assert "secret_code" in render(*cells).html
    hidden = render(*cells, code="hidden").html
    assert "secret_code" not in hidden
    assert "shown" in hidden
    assert BeautifulSoup(render(*cells, code="folded").html, "html.parser").find("details", class_="fold")


def test_answers_are_folded_with_their_lists_and_formulas():
    text = "## Check\n\n<details><summary>Answers</summary>\n\n1. $x = -1$\n2. *no*\n\n</details>\n\nAfter."
    soup = BeautifulSoup(render(new_markdown_cell(text)).html, "html.parser")
    answers = soup.select_one(".cell details")
    assert not answers.has_attr("open")
    assert answers.find("summary").get_text() == "Answers"
    assert len(answers.select("ol > li")) == 2
    assert answers.find("math") and answers.find("em")
    assert "After." not in answers.get_text()
    assert "After." in soup.select_one(".cell").get_text()


def test_pictures_in_raw_html_travel_along(tmp_path):
    (tmp_path / "a.png").write_bytes(b"hi")
    source = '<p>\n<img alt="one" src="a.png">\n</p>\n\nand <img src="a.png" alt="two">'
    result = render(new_markdown_cell(source), folder=str(tmp_path))
    images = BeautifulSoup(result.html, "html.parser").find_all("img")
    assert [(tag["alt"], tag["src"]) for tag in images] == [(n, "data:image/png;base64,aGk=") for n in ("one", "two")]


def said(text):
    html = render(new_code_cell("x", outputs=[new_output("stream", text=text)])).html
    return BeautifulSoup(html, "html.parser").find("pre", class_="said")["class"]


def test_printed_columns_scroll_and_printed_lines_wrap():
    assert said("   item  quantity\n0  milk         1\n1  kite         2\n") == ["said", "columns"]
    assert said("Python 3.12 · numpy 2 · a very long line\nseed 2021\n") == ["said"]
    assert said("with:  one gap only\n") == ["said"]


def head(frame):
    html = render(new_code_cell("x", outputs=[new_output("display_data", data={"text/html": frame.to_html()})])).html
    rows = BeautifulSoup(html, "html.parser").select(".outputs thead tr")
    return [[cell.get_text() for cell in row.find_all("th")] for row in rows]


def test_the_name_of_an_index_stands_beside_those_of_the_columns():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=pd.Index(["x", "y"], name="item"))
    assert head(frame) == [["item", "a", "b"]]
    assert head(frame.set_index("a", append=True)) == [["item", "a", "b"]]
    assert head(frame.rename_axis(columns="kind")) == [["kind", "a", "b"], ["item", "", ""]]
    assert head(frame.rename_axis(index=None)) == [["", "a", "b"]]
    deep = pd.concat({"one": frame, "two": frame}, axis=1)
    assert head(deep) == [["", "one", "two"], ["item", "a", "b", "a", "b"]]


def test_dates_in_tables_are_not_broken():
    frame = pd.DataFrame({"day": ["2021-05-01"], "words": ["well-known thing"]})
    html = render(new_code_cell("x", outputs=[new_output("display_data", data={"text/html": frame.to_html()})])).html
    cells = BeautifulSoup(html, "html.parser").select(".outputs tbody td")
    assert ["unbroken" in cell.get("class", []) for cell in cells] == [True, False]


def test_links_lead_to_rendered_pages_or_nowhere():
    text = "[next](02_b.ipynb#the-part) [solutions](solutions/01_a.ipynb) [web](https://x.org) [here](#Part)"
    result = render(new_markdown_cell("# A\n\n## Part\n\n" + text), pages={"02_b.ipynb": "02_b.html"})
    soup = BeautifulSoup(result.html, "html.parser")
    links = {tag.get_text(): tag["href"] for tag in soup.find("main").find_all("a")}
    assert links["next"] == "02_b.html#the-part"
    assert links["web"] == "https://x.org"
    assert links["here"] == "#part" and soup.find(id="part")
    assert "solutions" not in links


def test_what_cannot_be_drawn_is_shown_as_its_source_and_told():
    result = render(new_markdown_cell("$\\nosuch{x}$\n\n```mermaid\nnonsense\n```"))
    assert len(result.warnings) == 2
    assert "nonsense" in result.html
    assert "\\nosuch" in BeautifulSoup(result.html, "html.parser").find("code", class_="source").get_text()


def test_headings_that_repeat_get_names_of_their_own():
    soup = BeautifulSoup(render(new_markdown_cell("# A\n\n## Part\n\n## Part\n\n## 第二")).html, "html.parser")
    assert [tag["id"] for tag in soup.select(".cell h2")] == ["part", "part-2", "第二"]
    assert {tag["href"] for tag in soup.find(class_="contents").find_all("a")} == {"#part", "#part-2", "#第二"}


@pytest.mark.parametrize(
    "file", [*chapter_files(), *solution_files()], ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_every_chapter_renders_whole(file):
    notebook = scrub(nbformat.read(file, as_version=4))
    pages = {f"{p}{other.name}": "x.html" for other in chapter_files() for p in ("", "../")}
    html, warnings = page(notebook, STATUS, folder=str(file.parent), pages=pages)
    assert warnings == []
    assert loads(html) == []
    assert latex(html) == []
    assert len(html) < 1_500_000
