"""An executed notebook as one HTML file that needs no network: figures, formulas, diagrams and fonts inside."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from bundlebook import paths
from bundlebook.notebook import METRIC_MIME
from bundlebook.reports import fonts, metrics
from bundlebook.reports.markdown import PageNotes, drawing_mark, render

_NUMBER = re.compile(r"^[-+−]?[\d,. ]*\d(?:\.\d*)?(?:e[-+]?\d+)?\s*%?$|^(?:NaN|nan|inf|-inf|—|–|)$", re.IGNORECASE)
#: What lies between two columns of printed text.
_GAP = re.compile(r"\S {2,}\S")
#: Dates, ranges and codes, which browsers would break at a hyphen.
_WHOLE = re.compile(r"(?=\S*[-–/])(?=\S*\d)\S{3,19}")
_LOADS = re.compile(r"url\(\s*['\"]?\s*(?:https?:)?//[^)]*\)|@import[^;]*;", re.IGNORECASE)
#: Kinds of output a page can show, best first. Scripts and widgets need a kernel or a network: their text is shown.
_KINDS = ["text/html", "text/markdown", "image/svg+xml", "text/vnd.mermaid", "text/latex", "image/png", "image/jpeg"]
_KINDS += ["text/plain"]
_LOADING_TAGS = ("script", "iframe", "object", "embed", "link", "base", "audio", "video", "source", "form")


@dataclass
class Page:
    """A finished page.

    Attributes
    ----------
    html : str
    warnings : list of str
        What could not be shown as meant.
    """

    html: str
    warnings: list[str] = field(default_factory=list)


class PageExporter(HTMLExporter):
    """nbconvert's exporter with this package's cell template and Markdown."""

    def __init__(self, notes: PageNotes, pages: Mapping[str, str], code: str) -> None:
        self.notes, self.pages = notes, pages
        # Missing alternative texts are filled in later; the exporter would complain about them on stderr.
        quiet = logging.getLogger("bundlebook.reports.html")
        quiet.setLevel(logging.CRITICAL)
        super().__init__(
            config=Config(
                {
                    "HTMLExporter": {
                        "template_name": "report",
                        "extra_template_basedirs": [str(paths.assets())],
                        "exclude_input": code == "hidden",
                        "exclude_input_prompt": True,
                        "exclude_output_prompt": True,
                    }
                }
            ),
            log=quiet,
        )

    def from_notebook_node(self, nb, resources=None, **options):
        # HTMLExporter's own method parses and prints the whole page once more; page() does that anyway.
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3", parent=self))
        self.register_filter("filter_data_type", self._data_types)
        return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources), **options)

    def _data_types(self, output) -> list[str]:
        """The first kind of an output that a page can show."""
        return [kind for kind in _KINDS if kind in output][:1]

    @jinja2.pass_context
    def markdown2html(self, context, source):
        cell = context.get("cell", {})
        folder = context.get("resources", {}).get("metadata", {}).get("path", "")
        return render(source, self.notes, self.pages, attachments=cell.get("attachments", {}), path=folder)


def page(
    notebook: nbformat.NotebookNode,
    status: Mapping[str, Any],
    *,
    code: str = "shown",
    folder: str = "",
    pages: Mapping[str, str] | None = None,
    neighbours: tuple[tuple[str, str] | None, tuple[str, str] | None] = (None, None),
    batch: str = "",
) -> Page:
    """Render an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Scrubbed of the machine's paths; it is changed.
    status : mapping
        The job's ``status.json``: how it ended and where it comes from.
    code : {"shown", "folded", "hidden"}
    folder : str
        Where pictures named in Markdown are looked for.
    pages : mapping of str to str, optional
        Other notebooks, by path relative to this one, and the addresses of their pages.
    neighbours : pair
        Address and title of the page before and after, or None.
    batch : str
        Title of the batch, for the way back.

    Returns
    -------
    Page
    """
    notes = PageNotes()
    _mark(notebook, status)
    exporter = PageExporter(notes, pages or {}, code)
    resources = {
        "metadata": {"path": folder},
        "metric_mime": METRIC_MIME,
        "shown": metrics.shown,
        "code": code,
    }
    body, _ = exporter.from_notebook_node(notebook, resources)
    soup = BeautifulSoup(body, "html.parser")
    _keep_offline(soup, notes)
    _describe_figures(soup)
    _lay_out_text(soup)
    _lay_out_tables(soup)
    faces = _faces(soup, notes)
    text = str(soup)
    for number, drawing in enumerate(notes.drawings, 1):
        text = text.replace(drawing_mark(number), drawing)
    html = (
        environment()
        .get_template("report.html.j2")
        .render(
            body=text,
            fonts=faces,
            headings=[(name, heading) for level, name, heading in notes.headings if level == 2],
            status=status,
            origin=status["provenance"],
            neighbours=neighbours,
            batch=batch,
            warnings=notes.warnings,
        )
    )
    return Page(html, notes.warnings)


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The templates of whole pages."""
    loader = jinja2.FileSystemLoader(paths.assets() / "pages")
    found = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"shown": metrics.shown, "duration": metrics.seconds}
    found.globals["code_style"] = lambda: HtmlFormatter(style="default").get_style_defs(".highlight")
    return found


def _mark(notebook: nbformat.NotebookNode, status: Mapping[str, Any]) -> None:
    """Tell the template which cell failed and which did not run."""
    last = status.get("cell")
    for index, cell in enumerate(notebook.cells):
        if status["status"] == "passed" or cell.cell_type != "code":
            state = ""
        elif last is None or index > last:
            state = "skipped"
        else:
            state = "failed" if index == last else ""
        cell.metadata["report"] = {"state": state, "problem": status.get("problem", "")}


def _keep_offline(soup: BeautifulSoup, notes: PageNotes) -> None:
    """Remove whatever would make a browser fetch something, or run a notebook's script."""
    for tag in soup.find_all(_LOADING_TAGS):
        if tag.name != "script":
            notes.warnings.append(f"<{tag.name}> left out: a page loads nothing")
        tag.decompose()
    for style in soup.find_all("style"):
        style.decompose()  # pandas repeats its own with every table
    for tag in soup.find_all(True):
        for name in [name for name in tag.attrs if name.startswith("on")]:
            del tag.attrs[name]
        if tag.name == "img" and not str(tag.get("src", "")).startswith("data:"):
            notes.warnings.append(f"picture left out, it is not part of the notebook: {tag.get('src')}")
            tag.decompose()
        elif _LOADS.search(str(tag.get("style", ""))):
            tag["style"] = _LOADS.sub("", tag["style"])


def _describe_figures(soup: BeautifulSoup) -> None:
    """Give every figure an alternative text: the section it stands in."""
    section = ""
    for tag in soup.find_all(["h1", "h2", "h3", "img"]):
        if tag.name != "img":
            section = tag.get_text(" ", strip=True)
        elif tag.get("alt", "").startswith("No description") or not tag.get("alt"):
            tag["alt"] = f"Figure in the section “{section}”" if section else "Figure"


def _lay_out_text(soup: BeautifulSoup) -> None:
    """Let printed lines wrap, but keep columns aligned: what has gaps in several lines scrolls by itself."""
    for said in soup.find_all("pre", class_="said"):
        if sum(bool(_GAP.search(line)) for line in said.get_text().splitlines()) > 1:
            said["class"] = [*said["class"], "columns"]
            said["tabindex"] = "0"


def _join_heads(table: Tag) -> None:
    """Write the names of a data frame's index beside those of its columns, where pandas gives them a row."""
    rows = [row.find_all("th", recursive=False) for row in table.select("thead > tr")]
    body = table.select_one("tbody > tr")
    if len(rows) < 2 or body is None or len(rows[-1]) != len(rows[-2]):
        return
    labels = len(body.find_all("th", recursive=False))
    above, below = ([cell.get_text(strip=True) for cell in row] for row in rows[-2:])
    if labels and not any(above[:labels]) and not any(below[labels:]):
        for cell, name in zip(rows[-2], below[:labels], strict=False):
            cell.string = name
        rows[-1][0].parent.decompose()


def _lay_out_tables(soup: BeautifulSoup) -> None:
    """Let wide tables scroll by themselves, and set columns of numbers flush right under their heads."""
    for table in soup.find_all("table"):
        for name in ("border", "style"):
            table.attrs.pop(name, None)
        _join_heads(table)
        body = [row for row in table.find_all("tr") if row.find("td")]
        columns: dict[int, list[bool]] = {}
        for row in body:
            cells = row.find_all(["th", "td"], recursive=False)
            for place, cell in enumerate(reversed(cells)):  # from the right: row labels may be merged
                if cell.name == "td":
                    columns.setdefault(place, []).append(bool(_NUMBER.match(cell.get_text(strip=True))))
        numeric = {place for place, numbers in columns.items() if all(numbers)}
        for row in table.find_all("tr"):
            for place, cell in enumerate(reversed(row.find_all(["th", "td"], recursive=False))):
                if place in numeric and not cell.get("colspan"):
                    cell["class"] = [*cell.get("class", []), "number"]
                cell.attrs.pop("style", None) if place in numeric else None
        for cell in table.select("tbody th, tbody td"):
            if _WHOLE.fullmatch(cell.get_text(strip=True)):
                cell["class"] = [*cell.get("class", []), "unbroken"]
        table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0"}))


def _faces(soup: BeautifulSoup, notes: PageNotes) -> str:
    """The font subsets a page needs."""
    formulas = "".join(tag.get_text() for tag in soup.find_all("math") if isinstance(tag, Tag))
    drawings = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style.*?</style>", " ", " ".join(notes.drawings)))
    chinese = fonts.chinese(soup.get_text() + drawings)
    lost = chinese - fonts.coverage(fonts.CHINESE)
    if lost:
        notes.warnings.append(f"left to the reader's own fonts: {''.join(sorted(lost))}")
    return (
        fonts.face(fonts.CHINESE, chinese)
        + fonts.face(fonts.MATHS, fonts.maths(formulas))
        + fonts.face(fonts.DIAGRAM, set(drawings) if drawings.strip() else ())
    )
