"""Markdown cells as HTML: formulas become MathML, Mermaid fences drawings, links point to what was rendered."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import unquote, urlsplit

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from bundlebook.reports._drawings import DiagramError, to_svg
from bundlebook.reports._maths import FormulaError, to_mathml

#: What stands for a formula or a drawing until the page is cleaned, which would take both apart.
_MARK = "\ue000{}\ue001"
MARK = re.compile("\ue000(\\d+)\ue001")
#: A formula and the stop behind it: browsers would begin a line with the stop.
_STOP = re.compile(f"({MARK.pattern})([.,;:!?)\\]”’]+)")
#: Where the address of a picture stands in raw HTML.
_PICTURE = re.compile(r"""(<img\b[^>]*?\bsrc\s*=\s*["'])([^"']*)""", re.IGNORECASE)


@dataclass
class PageNotes:
    """What the cells of one page leave behind for the page around them.

    Attributes
    ----------
    headings : list of (int, str, str)
        Level, identifier and HTML, as the notebook has it, of each heading, in order.
    warnings : list of str
        Formulas, diagrams and pictures that could not be shown as meant.
    formulas, drawings : list of str
        MathML and SVG, for the fonts they need.
    inserts : list of str
        Both together, kept apart from the page until it is cleaned.
    """

    headings: list[tuple[int, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)
    inserts: list[str] = field(default_factory=list)

    def keep(self, made: str) -> str:
        """Keep a formula or a drawing; return what stands for it meanwhile."""
        self.inserts.append(made)
        return _MARK.format(len(self.inserts) - 1)

    def restored(self, html: str) -> str:
        """A cleaned piece of the page with its formulas and drawings in their places."""
        count = len(self.inserts)
        return MARK.sub(lambda mark: self.inserts[int(mark[1])] if int(mark[1]) < count else "", html)


class PageRenderer(IPythonRenderer):
    """Renders the Markdown of one page.

    Parameters
    ----------
    notes : PageNotes
        Filled while cells are rendered.
    pages : mapping of str to str
        Notebook path, relative to the page's own notebook, to the address of its page.
    options
        As for nbconvert's renderer.
    """

    def __init__(self, notes: PageNotes, pages: Mapping[str, str], **options) -> None:
        super().__init__(escape=False, embed_images=True, exclude_anchor_links=True, **options)
        self.notes, self.pages = notes, pages

    def block_html(self, html: str) -> str:
        return self._with_pictures(html) + "\n"

    def inline_html(self, html: str) -> str:
        return self._with_pictures(html)

    def inline_math(self, body: str) -> str:
        return self._formula(body, block=False)

    def block_math(self, body: str) -> str:
        return self._formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._formula(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)

    def block_mermaidjs(self, code: str) -> str:
        try:
            drawing = to_svg(code.strip(), f"diagram-{len(self.notes.drawings) + 1}")
        except DiagramError as error:
            self.notes.warnings.append(f"diagram shown as its source: {error}")
            return f'<pre class="source">{escape(code.strip())}</pre>'
        self.notes.drawings.append(drawing)
        return f'<figure class="diagram">{self.notes.keep(drawing)}</figure>'

    def heading(self, text: str, level: int, **attrs) -> str:
        plain = MARK.sub("", re.sub(r"<[^>]+>", "", text))
        identifier = base = re.sub(r"[^\w.-]+", "-", plain).strip("-").lower() or "section"
        taken = {name for _, name, _ in self.notes.headings}
        number = 2
        while identifier in taken:
            identifier, number = f"{base}-{number}", number + 1
        self.notes.headings.append((level, identifier, text))
        return f'<h{level} id="{escape(identifier)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "mailto"):
            return f'<a href="{escape(url)}" rel="noreferrer">{text}</a>'
        if not parts.path:
            return f'<a href="#{escape(unquote(parts.fragment).lower())}">{text}</a>'
        page = self.pages.get(posixpath.normpath(unquote(parts.path)))
        if page:
            anchor = f"#{unquote(parts.fragment).lower()}" if parts.fragment else ""
            return f'<a href="{escape(page + anchor)}">{text}</a>'
        # The file stays behind in the project; a link to it would be dead wherever the page is sent.
        return f'<span class="elsewhere" title="in the project: {escape(unquote(parts.path))}">{text}</span>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        html = super().image(text, url, title)
        if 'src="data:' in html:
            return html
        self.notes.warnings.append(f"picture left out, it is not part of the notebook: {url}")
        return f'<span class="elsewhere" title="picture left out">{text or escape(url)}</span>'

    def _with_pictures(self, html: str) -> str:
        # A piece may open an element that a later piece closes, so it is no document that a parser could mend.
        return _PICTURE.sub(lambda m: m[1] + escape(self._embed_image_or_attachment(unescape(m[2]))), html)

    def _formula(self, body: str, block: bool) -> str:
        try:
            formula = to_mathml(body, block)
            self.notes.formulas.append(formula)
            formula = self.notes.keep(formula)
        except FormulaError as error:
            self.notes.warnings.append(f"formula shown as its source: {error}")
            formula = f'<code class="source">{escape(body.strip())}</code>'
        return f'<span class="formula">{formula}</span>' if block else formula


def render(source: str, notes: PageNotes, pages: Mapping[str, str], **options) -> str:
    """Return the HTML of one Markdown cell."""
    html = MarkdownWithMath(renderer=PageRenderer(notes, pages, **options)).render(source)
    return _STOP.sub(r'<span class="unbroken">\1\3</span>', html)
