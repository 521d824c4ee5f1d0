"""Mermaid diagrams as drawings inside the page, without a browser, Node.js or a network."""

import re
import unicodedata
from functools import lru_cache

from bundlebook.reports import fonts

_CONFIG = {
    "theme": "base",
    "fontFamily": f"'{fonts.DIAGRAM}', '{fonts.CHINESE}', sans-serif",
    "themeVariables": {
        "fontFamily": f"'{fonts.DIAGRAM}', '{fonts.CHINESE}', sans-serif",
        "fontSize": "14px",
        "primaryColor": "#eaf2f9",
        "primaryBorderColor": "#0173b2",
        "primaryTextColor": "#1b1f24",
        "secondaryColor": "#fdf0dd",
        "tertiaryColor": "#f4f6f8",
        "tertiaryBorderColor": "#9aa5b1",
        "lineColor": "#4a5560",
        "edgeLabelBackground": "#ffffff",
    },
}


class DiagramError(ValueError):
    """A diagram that Mermaid could not draw."""


@lru_cache(maxsize=256)
def to_svg(source: str, name: str) -> str:
    """Draw a Mermaid diagram.

    Parameters
    ----------
    source : str
        What stands between the fences.
    name : str
        Identifier of the drawing, unique within its page.

    Returns
    -------
    str
        One ``<svg>`` element that shrinks to the width it is given but does not grow beyond its own.

    Raises
    ------
    DiagramError
        If Mermaid does not accept the source.

    Notes
    -----
    The layout measures text with a font that has no Chinese glyphs, so every ideograph would count as the narrow
    box of a missing one and labels would be cut. Each is therefore laid out as a letter of that font which is as
    wide as an ideograph (one em), and put back into the finished drawing.
    """
    import mermaidx

    stand_in = _stand_ins(source)
    text = "".join(stand_in.get(character, character) for character in source)
    try:
        svg = mermaidx.render(text, config=_CONFIG).svg()
    except Exception as error:  # the engine raises its own types, and JavaScript's through them
        raise DiagramError(str(error).splitlines()[0][:200]) from error
    for character, letter in stand_in.items():
        svg = svg.replace(letter, character)
    # Below two thirds of its size a diagram can no longer be read: it scrolls instead.
    width = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+)', svg)
    least = f'style="min-width:{float(width[1]) * 0.67:.0f}px;' if width else 'style="'
    return svg.replace("my-svg", name).replace('style="', least, 1)


def _stand_ins(source: str) -> dict[str, str]:
    characters = sorted(fonts.chinese(source))
    letters = [letter for letter in _wide_letters() if letter not in source]
    return dict(zip(characters, letters, strict=False))


@lru_cache(maxsize=1)
def _wide_letters() -> tuple[str, ...]:
    """Characters of the diagram font from one em to one and a half wide: letters before signs, narrowest first."""
    plain = {("Lo", "L"): 0, ("So", "L"): 1, ("So", "ON"): 1}
    found = [
        (plain[unicodedata.category(c), unicodedata.bidirectional(c)], width, c)
        for c, width in fonts.advances(fonts.DIAGRAM).items()
        if 1 <= width <= 1.5 and (unicodedata.category(c), unicodedata.bidirectional(c)) in plain
    ]
    return tuple(c for _, _, c in sorted(found))
