"""An executed notebook as one HTML file that needs no network, and the index of a batch as another.

What a notebook shows is cleaned by bleach, which reads HTML as browsers do, after everything else has been done to it;
formulas and diagrams, which are our own, are put in afterwards. A Content-Security-Policy in every page forbids scripts
and requests a second time.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jinja2
import nbformat
from bleach import Cleaner
from bleach.css_sanitizer import CSSSanitizer
from bs4 import BeautifulSoup, Tag
from bs4.element import AttributeValueList
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from bundlebook import __version__, paths
from bundlebook.notebook import FILE_MIME, METRIC_MIME
from bundlebook.reports import _drawings, _executed, _identity, _maths
from bundlebook.reports._markdown import PageNotes, render
from bundlebook.reports._results import Store, write, write_json
from bundlebook.tables import without_formulas

_NUMBER = re.compile(r"^[-+−]?[\d,. ]*\d(?:\.\d*)?(?:e[-+]?\d+)?\s*%?$|^(?:NaN|nan|inf|-inf|—|–|)$", re.IGNORECASE)
#: What lies between two columns of printed text.
_GAP = re.compile(r"\S {2,}\S")
#: Dates, ranges and codes, which browsers would break at a hyphen.
_WHOLE = re.compile(r"(?=\S*[-–/])(?=\S*\d)\S{3,19}")
#: Kinds of output a page can show, best first. Scripts and widgets need a kernel or a network: their text is shown.
_KINDS = ["text/html", "text/markdown", "image/svg+xml", "text/vnd.mermaid", "text/latex", "image/png", "image/jpeg"]
_KINDS += ["text/plain"]
#: Spaces at which no line may end: before a per cent sign, and inside an interval and around ±.
_TIED = re.compile(r"(?<=\d) (?=%)|(?<=\d) (?=± ?\d)|(?<=±) (?=\d)|(?<=,) (?=[-+−]?[\d.]+(?: ?%)?\])")
#: Elements that go with all they hold: what is inside is a program, a style sheet or a document of its own.
_WHOLE_TAGS = {"script", "style", "iframe", "object", "embed", "audio", "video", "form", "svg", "math", "template"}
_WHOLE_TAGS |= {"noscript", "title", "textarea", "select"}
#: Elements, attributes and styles a notebook may use, and the elements in a line of the table of contents.
_TAGS = (
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th "
    "thead tr tt u ul var"
)
_ATTRIBUTES = (
    "align alt aria-label class colspan dir height id lang open rel role rowspan scope start style tabindex title width"
)
_STYLES = (
    "background-color border border-left border-collapse color display font-family font-size font-style font-weight "
    "height margin max-width min-width padding text-align text-decoration vertical-align white-space width"
)
_INLINE = "b code em i s span strong sub sup"
#: Addresses a link may lead to: the web, mail, and neighbours of the page.
_ADDRESS = re.compile(r"https?:|mailto:|[^:]*$|[^:/?#]*[/?#]", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
#: Failures first, then what is still to come, then what is done.
_STATES = ("died", "failed", "timed out", "not written", "not started", "interrupted", "running", "waiting")
_ORDER = {state: place for place, state in enumerate(_STATES)}
#: Figures compared side by side at most, and jobs below which a line through their values shows nothing.
_SIDE_BY_SIDE, _LINE = 8, 4


class PageExporter(HTMLExporter):
    """nbconvert's exporter with this package's cell template and Markdown."""

    def __init__(self, notes: PageNotes, pages: Mapping[str, str], code: str) -> None:
        self.notes, self.pages = notes, pages
        # Missing alternative texts are filled in later; the exporter would complain about them on stderr.
        quiet = logging.getLogger(__name__)
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
) -> tuple[str, list[str]]:
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
    html : str
    warnings : list of str
        What could not be shown as meant.
    """
    notes = PageNotes()
    _executed.settle_streams(notebook)
    _mark(notebook, status)
    exporter = PageExporter(notes, pages or {}, code)
    resources = {
        "metadata": {"path": folder},
        "metric_mime": METRIC_MIME,
        "file_mime": FILE_MIME,
        "job": status.get("name", ""),
        "file_name": _executed.file_name,
        "shown": _executed.shown,
        "code": code,
    }
    body, _ = exporter.from_notebook_node(notebook, resources)
    soup = BeautifulSoup(body, "html.parser")
    _leave_out(soup, notes)
    _describe_figures(soup)
    _lay_out_text(soup)
    _lay_out_tables(soup)
    faces = _faces(soup, notes)
    text = notes.restored(_cleaner(_TAGS).clean(str(soup)))
    inline = _cleaner(_INLINE)
    html = (
        environment()
        .get_template("report.html.j2")
        .render(
            body=text,
            fonts=faces,
            headings=[(name, notes.restored(inline.clean(h))) for level, name, h in notes.headings if level == 2],
            status=status,
            origin=status["provenance"],
            neighbours=neighbours,
            batch=batch,
            warnings=notes.warnings,
        )
    )
    return html, notes.warnings


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The templates of whole pages."""
    loader = jinja2.FileSystemLoader(paths.assets() / "pages")
    found = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"shown": _executed.shown, "duration": _executed.seconds}
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


def _leave_out(soup: BeautifulSoup, notes: PageNotes) -> None:
    """Leave out what would load something or runs by itself, and tell the reader where that was more than a style."""
    for tag in soup.find_all(list(_WHOLE_TAGS)):
        if tag.name not in ("script", "style", "title"):
            notes.warnings.append(f"<{tag.name}> left out: a page holds no programs and loads nothing")
        tag.decompose()
    for tag in soup.find_all("img"):
        if not _PICTURE.match(str(tag.get("src", ""))):
            notes.warnings.append(f"picture left out, it is not part of the notebook: {tag.get('src')}")
            tag.decompose()


@lru_cache(maxsize=2)
def _cleaner(tags: str) -> Cleaner:
    """What lets through these elements, harmless attributes, and nothing that a browser would fetch or run."""
    return Cleaner(
        tags=set(tags.split()),
        attributes=_is_harmless,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES.split(), allowed_svg_properties=()),
    )


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("a", "href"):
        return bool(_ADDRESS.match(value))
    if (tag, name) == ("img", "src"):
        return bool(_PICTURE.match(value))
    return name in _ATTRIBUTES.split()


def _describe_figures(soup: BeautifulSoup) -> None:
    """Give every figure an alternative text: the section it stands in."""
    section = ""
    for tag in soup.find_all(["h1", "h2", "h3", "img"]):
        if tag.name != "img":
            section = tag.get_text(" ", strip=True)
        elif (text := str(tag.get("alt") or "")).startswith("No description") or not text:
            tag["alt"] = f"Figure in the section “{section}”" if section else "Figure"


def _add_class(tag: Tag, name: str) -> None:
    tag["class"] = AttributeValueList([*tag.get_attribute_list("class"), name])


def _lay_out_text(soup: BeautifulSoup) -> None:
    """Let printed lines wrap, but keep columns aligned: what has gaps in several lines scrolls by itself.

    Outside of code and prints, numbers stay with their per cent sign and an interval in one line.
    """
    for text in soup.find_all(string=_TIED):
        if text.find_parent(("pre", "code")) is None:
            text.replace_with(_TIED.sub("\u00a0", text))
    for said in soup.find_all("pre", class_="said"):
        if sum(bool(_GAP.search(line)) for line in said.get_text().splitlines()) > 1:
            _add_class(said, "columns")
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
        table.select("thead > tr")[-1].decompose()


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
                    _add_class(cell, "number")
                cell.attrs.pop("style", None) if place in numeric else None
        for cell in table.select("tbody th, tbody td"):
            if _WHOLE.fullmatch(cell.get_text(strip=True)):
                _add_class(cell, "unbroken")
        table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0"}))


def _faces(soup: BeautifulSoup, notes: PageNotes) -> str:
    """The font subsets a page needs."""
    formulas = re.sub(r"<[^>]+>", " ", " ".join(notes.formulas))
    drawings = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style.*?</style>", " ", " ".join(notes.drawings)))
    chinese = _drawings.chinese(soup.get_text() + drawings + formulas)
    lost = chinese - _drawings.coverage(_drawings.CHINESE)
    if lost:
        notes.warnings.append(f"left to the reader's own fonts: {''.join(sorted(lost))}")
    return (
        _drawings.face(_drawings.CHINESE, chinese)
        + _drawings.face(_drawings.MATHS, _maths.glyphs(formulas) - chinese if formulas else ())
        + _drawings.face(_drawings.DIAGRAM, set(drawings) if drawings.strip() else ())
    )


def write_index(store: Store, title: str, entries: Sequence[Mapping[str, Any]], *, seconds: float, slots: int) -> None:
    """Write ``index.html`` and ``index.json`` of a batch, each in one step.

    Parameters
    ----------
    store : Store
    title : str
    entries : sequence of mapping
        One a job, in the order of the plan: ``name``, ``title``, ``status``, ``reused``, ``seconds``, ``parameters``,
        ``given`` (the names of those that were set), ``metrics``, ``page``, ``pdf``, ``notebook`` (addresses or None)
        and, where it went wrong, ``problem`` and ``number``.
    seconds : float
        Time since the batch began.
    slots : int
        Jobs that run at a time.
    """
    ranked = sorted(entries, key=lambda entry: _ORDER.get(entry["status"], len(_ORDER)))
    counts: dict[str, int] = {}
    for entry in ranked:
        state = "reused" if entry.get("reused") else entry["status"]
        counts[state] = counts.get(state, 0) + 1
    content = {
        "title": title,
        "finished": all(entry["status"] not in ("running", "waiting") for entry in entries),
        "counts": counts,
        "seconds": round(seconds, 1),
        "jobs_at_a_time": slots,
        "bundlebook": __version__,
        "commit": _identity.commit(),
        "versions": _identity.versions(),
        "jobs": list(ranked),
    }
    write_json(store.folder / "index.json", content)
    side_by_side = _shared_figures(entries)
    html = (
        environment()
        .get_template("index.html.j2")
        .render(
            **content,
            columns=_varying(entries),
            longest=max((entry.get("seconds") or 0 for entry in entries), default=0),
            side_by_side=side_by_side,
            compared={name for shared in side_by_side for name in shared["values"]},
            alike={shared["name"] for shared in side_by_side},
            titles=[entry["title"] for entry in entries],
        )
    )
    write(store.folder / "index.html", with_chinese(html))


def with_chinese(html: str) -> str:
    """A page that also holds the Chinese glyphs it shows."""
    return html.replace("/*fonts*/", _drawings.face(_drawings.CHINESE, _drawings.chinese(html)), 1)


def write_metrics(store: Store, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write every headline figure of a batch as ``metrics.csv`` and ``metrics.parquet``: one row per figure."""
    import pandas as pd  # takes a second, and the first kernels are to start before that

    names = sorted({name for entry in entries for name in entry["parameters"]})
    ours = ("figure", "value", "text", "unit")
    columns = {name: f"parameter {name}" if name in ("job", *ours) else name for name in names}
    rows = [
        {
            "job": entry["name"],
            **{columns[name]: None if value is None else str(value) for name, value in entry["parameters"].items()},
            "figure": metric["name"],
            "value": float(metric["value"]) if isinstance(metric["value"], int | float) else None,
            "text": str(metric["value"]),
            "unit": metric["unit"],
        }
        for entry in entries
        for metric in entry.get("metrics", [])
    ]
    table = pd.DataFrame(rows, columns=["job", *columns.values(), *ours]).astype({"value": float})
    write(store.folder / "metrics.csv", without_formulas(table).to_csv(index=False, lineterminator="\n"))
    draft = store.folder / ".metrics.parquet"
    table.to_parquet(draft, index=False)
    draft.replace(store.folder / "metrics.parquet")


def _varying(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters worth a column: set by the batch for some job, and not alike in all that have them."""
    given = dict.fromkeys(name for entry in entries for name in entry["given"])
    return [n for n in given if len({repr(e["parameters"][n]) for e in entries if n in e["parameters"]}) > 1]


def _shared_figures(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Numbers that several jobs recorded under one name, to be compared as bars and as a line."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for metric in entry.get("metrics", []):
            if isinstance(metric["value"], int | float) and not isinstance(metric["value"], bool):
                shared = found.setdefault(
                    metric["name"], {"name": metric["name"], "unit": metric["unit"], "values": {}}
                )
                shared["values"][entry["name"]] = metric["value"]
    several = [shared for shared in found.values() if len(shared["values"]) > 1][:_SIDE_BY_SIDE]
    for shared in several:
        shared["largest"] = max(abs(value) for value in shared["values"].values()) or 1
        shared["line"] = sparkline(list(shared["values"].values())) if len(shared["values"]) >= _LINE else ""
    return several


def sparkline(values: Sequence[float], width: int = 96, height: int = 22) -> Markup:
    """Numbers as a small line without axes, from the first job of the plan to the last; the dot marks the last.

    Examples
    --------
    >>> str(sparkline([1, 3, 2], width=20, height=10)).split('points="')[1].split('"')[0]
    '2.0,8.0 10.0,2.0 18.0,5.0'
    """
    low, high = min(values), max(values)
    step = (width - 4) / max(len(values) - 1, 1)
    scale = (height - 4) / ((high - low) or 1)
    points = [(2 + place * step, height - 2 - (value - low) * scale) for place, value in enumerate(values)]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = f"from {_executed.shown(min(values))} to {_executed.shown(max(values))}, last {_executed.shown(values[-1])}"
    return Markup(
        f'<svg class="line" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{told}"><title>{told}</title><polyline points="{drawn}" fill="none" stroke="#0173b2" '
        f'stroke-width="1.5"/><circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2" fill="#0173b2"/></svg>'
    )
