"""LaTeX formulas as MathML, so that a page needs neither JavaScript nor a network to show them.

Temml 0.13.5 (MIT licence, 168 kB, in ``assets/temml``) converts them inside QuickJS. Of the 688 formulas of the
chapters, solutions and templates it converted all, among them four with norms (‖B‖²) that latex2mathml and 409 lines
of own rules drew with unequal bars; KaTeX drew none of the bold and double-struck letters, which its MathML only names.
"""

import unicodedata
from functools import lru_cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bundlebook import paths

#: A comma between digits would make one number of "0,1", as is written in Europe.
_CONVERT = r"""
function convert(latex, block) {
    const options = {displayMode: block, throwOnError: true, trust: false};
    const text = temml.renderToString(latex.replace(/(\d),(?=\d)/g, "$1,{}"), options);
    return text.split("<").join("<");  // QuickJS hands over flat strings only
}
"""
_SCRIPTED = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}


class FormulaError(ValueError):
    """A formula that could not be turned into MathML completely."""


@lru_cache(maxsize=4096)
def to_mathml(latex: str, block: bool = False) -> str:
    r"""Convert one formula, given without its dollar signs.

    Parameters
    ----------
    latex : str
        For example ``r"\frac{a}{b}"``; a whole environment such as ``aligned``, ``cases`` or ``bmatrix`` works too.
    block : bool
        Displayed on lines of its own (``$$``) or within the text (``$``).

    Returns
    -------
    str
        One ``<math>`` element.

    Raises
    ------
    FormulaError
        If any command of the formula is unknown: half a formula is worse than its source.

    Examples
    --------
    >>> to_mathml(r"\mathbb{R}^d")
    '<math><msup><mi>ℝ</mi><mi>d</mi></msup></math>'
    """
    import quickjs

    try:
        math = ElementTree.fromstring(_engine()(latex.strip(), block))
    except (quickjs.JSException, ElementTree.ParseError) as error:
        raise FormulaError(str(error).splitlines()[0].removeprefix("ParseError: ").strip()) from error
    _set_scripts(math)
    return ElementTree.tostring(math, encoding="unicode", short_empty_elements=False)


@lru_cache(maxsize=1)
def _engine():
    import quickjs

    context = quickjs.Context()
    context.eval((paths.assets() / "temml" / "temml.min.js").read_text(encoding="utf-8") + _CONVERT)
    return context.get("convert")


def _set_scripts(math: Element) -> None:
    """Set what Temml leaves to style sheets: no spaces in scripts and beside sized brackets, primes at full size."""
    for element in list(math.iter()):
        inside = [sign for part in element[1:] for sign in part.iter("mo")] if element.tag in _SCRIPTED else []
        for sign in [*inside, *([element] if element.get("minsize") else [])]:
            sign.attrib.update(lspace="0em", rspace="0em")
        if element.tag in ("msup", "msubsup") and all("tml-prime" in e.get("class", "") for e in _leaves(element[-1])):
            # Its glyph is small and raised already.
            if element.tag == "msup":
                element.tag = "mrow"
            else:
                base, _, prime = element
                primed = Element("mrow")
                primed.extend([base, prime])
                element.tag, element[0] = "msub", primed
                element.remove(prime)


def _leaves(element: Element) -> list[Element]:
    return [part for part in element.iter() if not len(part)]


@lru_cache(maxsize=1)
def _italics() -> dict[str, str]:
    """The slanted character a browser draws for a letter that is an identifier by itself."""
    named = ((unicodedata.name(chr(code), ""), chr(code)) for code in range(0x1D434, 0x1D71C))
    slanted = (sign for name, sign in named if name.startswith("MATHEMATICAL ITALIC"))
    # "<font> 03B8" is the decomposition of 𝜃.
    return {"h": "ℎ"} | {chr(int(unicodedata.decomposition(sign).split()[1], 16)): sign for sign in slanted}


def glyphs(text: str) -> set[str]:
    """The characters a formula may draw: its own, and the italic letters that a browser puts for single ones.

    Examples
    --------
    >>> sorted(glyphs("h x"))
    ['h', 'x', 'ℎ', '√', '𝑥']
    """
    characters = {character for character in text if not character.isspace()}
    return characters | {_italics().get(character, character) for character in characters} | {"√"}
