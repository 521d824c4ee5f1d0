"""The fonts of a page: subsets of just the glyphs it shows, inside the page itself.

Latin text uses the reader's system fonts. What many systems lack travels along: Chinese glyphs, a font with the
measures that formulas need, and the one font diagrams were laid out with.
"""

import base64
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from bundlebook import paths
from bundlebook.reports.mathml import styled

CHINESE, MATHS, DIAGRAM = "Bundlebook Chinese", "Bundlebook Maths", "Bundlebook Diagram"
_NOT_LATIN = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")


def font_file(family: str) -> Path:
    """Where the whole font of a family lies."""
    if family == DIAGRAM:
        import matplotlib

        return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return paths.assets() / "fonts" / {CHINESE: "DroidSansFallback-GB2312.ttf", MATHS: "STIXMath-Regular.otf"}[family]


def chinese(text: str) -> set[str]:
    """The characters of a text that no Latin font has (ideographs, kana, their punctuation).

    Examples
    --------
    >>> sorted(chinese("bundle (商品组合)"))
    ['合', '品', '商', '组']
    """
    return set(_NOT_LATIN.findall(text))


def maths(text: str) -> set[str]:
    """The characters a formula may draw: its own, and the italic letters that a browser puts for single ones."""
    characters = {c for c in text if not c.isspace()} - chinese(text)
    return characters | {styled(c, "italic") for c in characters} | {"√"} if characters else set()


@lru_cache(maxsize=8)
def coverage(family: str) -> frozenset[str]:
    """Every character a family's font has a glyph for."""
    with TTFont(font_file(family), lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def advances(family: str) -> dict[str, float]:
    """Width of each character of a family's font, in em."""
    with TTFont(font_file(family), lazy=True) as font:
        units, widths = font["head"].unitsPerEm, font["hmtx"]
        return {chr(code): widths[glyph][0] / units for code, glyph in font.getBestCmap().items()}


def face(family: str, characters: Iterable[str]) -> str:
    """Return an ``@font-face`` rule holding a family's glyphs for some characters, or nothing if it has none.

    Parameters
    ----------
    family : str
        :data:`CHINESE`, :data:`MATHS` or :data:`DIAGRAM`.
    characters : iterable of str
        Characters without a glyph in the font are left to the reader's system.

    Returns
    -------
    str
        CSS with the font as WOFF in a data address.
    """
    wanted = "".join(sorted(set(characters) & coverage(family)))
    return _face(family, wanted) if wanted else ""


@lru_cache(maxsize=32)
def _face(family: str, characters: str) -> str:
    # Names are dropped: the licences of both fonts reserve them for the whole font.
    options = subset.Options(
        flavor="woff", hinting=False, name_IDs=[], notdef_outline=True, layout_features=["*"], desubroutinize=True
    )
    options.drop_tables += ["FFTM"]
    font = subset.load_font(str(font_file(family)), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    buffer = io.BytesIO()
    font.flavor = "woff"
    font.save(buffer)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'@font-face{{font-family:"{family}";src:url(data:font/woff;base64,{data}) format("woff")}}'
