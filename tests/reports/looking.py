"""What a reader's browser would do with a page, and what the reader would see."""

import re

from bs4 import BeautifulSoup


def loads(html: str) -> list[str]:
    """Everything in a page that would make a browser fetch something."""
    soup = BeautifulSoup(html, "html.parser")
    found = [str(tag)[:80] for tag in soup.find_all(["script", "iframe", "link", "object", "embed", "base"])]
    found += [tag["src"][:80] for tag in soup.find_all(src=True) if not tag["src"].startswith("data:")]
    found += [tag["srcset"] for tag in soup.find_all(srcset=True)]
    styles = [tag.get_text() for tag in soup.find_all("style")] + [tag["style"] for tag in soup.find_all(style=True)]
    for style in styles:
        found += [a for a in re.findall(r"url\(\s*['\"]?([^)'\"]+)", style) if not a.startswith(("data:", "#"))]
        found += re.findall(r"@import[^;]+", style)
    found += [tag["xlink:href"] for tag in soup.find_all(attrs={"xlink:href": re.compile("^(https?:)?//")})]
    return found


def latex(html: str) -> list[str]:
    """Traces of LaTeX in what a reader sees outside of code."""
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(["pre", "code", "style", "svg"]):
        tag.decompose()
    text = soup.get_text()
    return re.findall(r"\\(?:frac|begin|mathbf|text|sum|left|sigma|in|cdot)\b.{0,20}|\$\$|\$\\.{0,20}", text)
