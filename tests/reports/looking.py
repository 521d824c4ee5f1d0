"""What a reader's browser would do with a page, and what the reader would see."""

import re
from functools import lru_cache

from bs4 import BeautifulSoup, Tag

_FETCHING = {"script", "iframe", "link", "object", "embed", "base"}
_NO_PROSE = {"pre", "code", "style", "svg"}


@lru_cache(maxsize=1)
def _soup(html: str) -> BeautifulSoup:
    """The page, parsed once for both questions about it; nobody changes it."""
    return BeautifulSoup(html, "html.parser")


def loads(html: str) -> list[str]:
    """Everything in a page that would make a browser fetch something."""
    found = []
    for tag in _soup(html).find_all(True):
        if tag.name in _FETCHING:
            found.append(str(tag)[:80])
        if not tag.get("src", "data:").startswith("data:"):
            found.append(tag["src"][:80])
        if "srcset" in tag.attrs:
            found.append(tag["srcset"])
        if re.match("(https?:)?//", tag.get("xlink:href", "")):
            found.append(tag["xlink:href"])
        for style in (tag.get_text() if tag.name == "style" else "", tag.get("style", "")):
            found += [a for a in re.findall(r"url\(\s*['\"]?([^)'\"]+)", style) if not a.startswith(("data:", "#"))]
            found += re.findall(r"@import[^;]+", style)
    return found


def latex(html: str) -> list[str]:
    """Traces of LaTeX in what a reader sees outside of code."""
    text = "".join(_prose(_soup(html)))
    return re.findall(r"\\(?:frac|begin|mathbf|text|sum|left|sigma|in|cdot)\b.{0,20}|\$\$|\$\\.{0,20}", text)


def _prose(tag: Tag):
    for part in tag.children:
        if isinstance(part, Tag):
            if part.name not in _NO_PROSE:
                yield from _prose(part)
        elif type(part) in tag.interesting_string_types:  # no comments, and the text of scripts only within them
            yield str(part)
