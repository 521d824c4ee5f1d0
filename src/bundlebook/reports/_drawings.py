"""What a page carries inside itself, and its way to paper: font subsets, Mermaid diagrams, PDF.

Latin text uses the reader's system fonts. What many systems lack travels along: Chinese glyphs, a font with the
measures that formulas need, and the one font diagrams were laid out with.
"""

import base64
import io
import os
import re
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from bundlebook import paths
from bundlebook.errors import BundlebookError

CHINESE, MATHS, DIAGRAM = "Bundlebook Chinese", "Bundlebook Maths", "Bundlebook Diagram"
_NOT_LATIN = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
#: The same in CSS. It lets the Chinese font stand first in every stack: from a later place Chromium draws boxes for its
#: first ideographs on a page, because it has looked for another font before this one is unpacked.
_RANGE = "unicode-range:U+2e80-9fff,U+ac00-d7af,U+f900-faff,U+fe30-fe4f,U+ff00-ffef;"


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


@lru_cache(maxsize=8)
def coverage(family: str) -> frozenset[str]:
    """Every character a family's font has a glyph for."""
    with TTFont(font_file(family), lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


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
    only = _RANGE if family == CHINESE else ""
    return f'@font-face{{font-family:"{family}";{only}src:url(data:font/woff;base64,{data}) format("woff")}}'


_CONFIG = {
    "theme": "base",
    "fontFamily": f"'{CHINESE}', '{DIAGRAM}', sans-serif",
    "themeVariables": {
        "fontFamily": f"'{CHINESE}', '{DIAGRAM}', sans-serif",
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
    characters = sorted(chinese(source))
    letters = [letter for letter in _wide_letters() if letter not in source]
    return dict(zip(characters, letters, strict=False))


@lru_cache(maxsize=1)
def _wide_letters() -> tuple[str, ...]:
    """Characters of the diagram font from one em to one and a half wide: letters before signs, narrowest first."""
    with TTFont(font_file(DIAGRAM), lazy=True) as font:
        units, widths = font["head"].unitsPerEm, font["hmtx"]
        advances = {chr(code): widths[glyph][0] / units for code, glyph in font.getBestCmap().items()}
    plain = {("Lo", "L"): 0, ("So", "L"): 1, ("So", "ON"): 1}
    found = [
        (plain[unicodedata.category(c), unicodedata.bidirectional(c)], width, c)
        for c, width in advances.items()
        if 1 <= width <= 1.5 and (unicodedata.category(c), unicodedata.bidirectional(c)) in plain
    ]
    return tuple(c for _, _, c in sorted(found))


#: Names under which the browser is installed.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
#: Names the browser, where it is not on the PATH.
CHROMIUM_VARIABLE = "BUNDLEBOOK_CHROMIUM"
_TIMEOUT = 120
_NEIGHBOUR = re.compile(r'(<a\b[^>]*?)\shref="(?![a-z]+:|#)[^"]*"')
_QUIET = (
    *("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--no-first-run", "--hide-scrollbars"),
)


def find_chromium() -> Path:
    """The Chromium to print with.

    Raises
    ------
    BundlebookError
        If there is none.
    """
    named = os.environ.get(CHROMIUM_VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    if found:
        return Path(found)
    raise BundlebookError(
        f"{CHROMIUM_VARIABLE} names {named!r}, which cannot be run" if named else "there is no Chromium to print with",
        where="--pdf",
        remedy=f"install Chromium or Chrome, or set {CHROMIUM_VARIABLE} to its program; the HTML pages need none",
    )


def chromium_command(chromium: Path, profile: Path, *arguments: str) -> list[str]:
    """A headless run of Chromium that talks to no network and keeps its files in a folder of its own."""
    # Chromium refuses to run as root inside its sandbox, which is how containers run.
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    return [str(chromium), *_QUIET, *root, f"--user-data-dir={profile}", *arguments]


def write_pdf(page: Path, target: Path, chromium: Path) -> None:
    """Print a page.

    Parameters
    ----------
    page : Path
        An HTML file that loads nothing.
    target : Path
        The PDF; replaced in one step.
    chromium : Path
        From :func:`find_chromium`.

    Raises
    ------
    BundlebookError
        If Chromium fails, or writes nothing within two minutes.
    """
    # Beside the target: a browser confined to some folders may write nowhere else.
    with tempfile.TemporaryDirectory(prefix=".printing-", dir=target.parent) as folder:
        draft, printed = Path(folder) / "page.pdf", Path(folder) / "page.html"
        # A PDF knows no neighbours: links to them would hold the folder of this machine.
        printed.write_text(_NEIGHBOUR.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
        profile, address = Path(folder) / "profile", printed.resolve().as_uri()
        run = chromium_command(chromium, profile, "--no-pdf-header-footer", f"--print-to-pdf={draft}", address)
        try:
            # In a session of its own, so that Ctrl-C lets it finish the page at hand.
            done = subprocess.run(run, capture_output=True, text=True, timeout=_TIMEOUT, start_new_session=True)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BundlebookError(f"Chromium did not print it ({type(error).__name__})", where=page.name) from error
        if not draft.is_file() or draft.read_bytes()[:5] != b"%PDF-":
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise BundlebookError(f"Chromium did not print it: {said[0]}", where=page.name)
        draft.replace(target)
