"""MathML as MathML Core: what browsers dropped is replaced by what all of them draw.

Letters in bold, double-struck or script become the Unicode characters of their own that stand for them, column
attributes become styles, and :mod:`bundlebook.reports.spacing` sets the spaces of printed mathematics.
"""

import re
from xml.etree.ElementTree import Element

from bundlebook.reports.spacing import set_primes, set_spaces

#: First code points of the alphabets of Unicode's block "Mathematical Alphanumeric Symbols": A, a, 0, Α, α.
_ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE, 0x1D6A8, 0x1D6C2),
    "italic": (0x1D434, 0x1D44E, None, 0x1D6E2, 0x1D6FC),
    "bold-italic": (0x1D468, 0x1D482, 0x1D7CE, 0x1D71C, 0x1D736),
    "double-struck": (0x1D538, 0x1D552, 0x1D7D8, None, None),
    "sans-serif": (0x1D5A0, 0x1D5BA, 0x1D7E2, None, None),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6, None, None),
}
#: Characters that had a code point before that block was made.
_OLDER = {"ℂ": "C", "ℍ": "H", "ℕ": "N", "ℙ": "P", "ℚ": "Q", "ℝ": "R", "ℤ": "Z"}
_OLDER_DOUBLE_STRUCK = {plain: struck for struck, plain in _OLDER.items()}
_ODD_ITALICS = {"h": "ℎ", **{c: chr(0x1D715 + n) for n, c in enumerate("∂ϵϑϰϕϱϖ")}}
_STARTS = (("A", "Z"), ("a", "z"), ("0", "9"), ("Α", "Ω"), ("α", "ω"))
#: Operators whose subscript stands below them when displayed.
_UNDER = {"lim", "max", "min", "sup", "inf", "limsup", "liminf", "lim sup", "lim inf", "arg max", "arg min", "det"}
_BIG = set("∑∏∐⋃⋂⋁⋀⨁⨂")
_FUNCTIONS = _UNDER | {"arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "dim", "exp", "gcd", "ker"}
_FUNCTIONS |= {"lg", "ln", "log", "sin", "sinh", "tan", "tanh", "Pr"}
_UPRIGHT = re.compile("[Α-Ω∇∞]")
#: How many parts an element must have.
ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_UNDER_TAG = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}


def to_core(root: Element) -> None:
    """Change a tree of presentation MathML in place."""
    for parent in list(root.iter()):
        _unwrap(parent)
    for parent in root.iter():
        _join_upright(parent)
        for child in parent:
            _letters(child)
            _big(child)
            _limits(child)
            _accent(child)
            if child.tag == "mtable":
                _columns(child)
            if child.tag == "menclose":
                child.tag = "mrow"
                _style(child, "border:1px solid;padding:.3em" if child.attrib.pop("notation", "") == "box" else "")
    for parent in list(root.iter()):
        set_primes(parent)
    set_spaces(root)


def styled(character: str, variant: str) -> str:
    """Return the character that Unicode has for a letter in a mathematical alphabet, or the letter itself.

    Examples
    --------
    >>> styled("h", "bold"), styled("R", "double-struck"), styled("h", "italic")
    ('𝐡', 'ℝ', 'ℎ')
    """
    if variant == "double-struck" and character in _OLDER_DOUBLE_STRUCK:
        return _OLDER_DOUBLE_STRUCK[character]
    if variant == "italic" and character in _ODD_ITALICS:
        return _ODD_ITALICS[character]
    for (first, last), start in zip(_STARTS, _ALPHABETS[variant], strict=True):
        if start is not None and first <= character <= last:
            return chr(start + ord(character) - ord(first))
    return character


def _letters(element: Element) -> None:
    variant = element.attrib.pop("mathvariant", None)
    text = element.text or ""
    if variant in _ALPHABETS:
        element.text = "".join(styled(c, variant) for c in text)
    elif variant == "normal" and len(text) == 1:
        element.set("mathvariant", "normal")  # the one value that Core keeps: a single upright letter
    elif element.tag == "mi" and _UPRIGHT.fullmatch(text):
        element.set("mathvariant", "normal")  # capital Greek is upright in print
    if element.tag == "mi" and text in (":", ";", "≕", *_FUNCTIONS):
        element.tag = "mo"
    if element.tag == "mo" and len(text) == 2 and text[0] == "\\":  # a big brace keeps its escape
        element.text = text[1]


def _big(element: Element) -> None:
    r"""Set the brackets of ``\big`` as larger text: stretched a little, they would get the bearings of tall ones."""
    if element.tag == "mo" and element.get("minsize") == "1.2em":
        element.attrib = {"stretchy": "false", "style": "font-size:1.25em"}


def _join_upright(parent: Element) -> None:
    r"""Make one identifier of ``\mathrm{softmax}``, which arrives as seven."""
    run: list[Element] = []
    for child in [*parent, None]:
        upright = child is not None and child.tag == "mi" and child.get("mathvariant") == "normal"
        if upright and len(child.text or "") == 1:
            run.append(child)
            continue
        if len(run) > 1:
            run[0].text = "".join(e.text for e in run)
            run[0].attrib.pop("mathvariant")
            for extra in run[1:]:
                parent.remove(extra)
        run = []


def _unwrap(parent: Element) -> None:
    """Drop groups of one element: an operator inside one would lose its limits and spaces."""
    for number, child in enumerate(list(parent)):
        while child.tag == "mrow" and len(child) == 1 and not child.attrib:
            inner = child[0]
            if inner.tag == "mo" and inner.text == ",":
                inner.set("rspace", "0")  # {,} is a separator of thousands
            parent[number] = child = inner


def _limits(element: Element) -> None:
    if element.tag in _UNDER_TAG and len(element):
        base = element[0]
        if base.tag == "mo" and ((base.text or "") in _UNDER or (base.text or "") in _BIG):
            element.tag = _UNDER_TAG[element.tag]
            base.set("movablelimits", "true")


def _accent(element: Element) -> None:
    """Set bars close above their letters, as long as a letter or, drawn over a group, as the group."""
    if element.tag == "mover" and len(element) == 2 and element[1].text in ("¯", "―"):
        over = element[1]
        element.set("accent", "true")
        over.attrib = {"stretchy": "true" if over.text == "―" else "false"}
        over.text = "‾" if over.text == "―" else "¯"


def _columns(table: Element) -> None:
    equations = table.attrib.pop("displaystyle", "") == "true"
    if equations:
        table.set("displaystyle", "true")
    table.attrib.pop("columnspacing", None)
    table.attrib.pop("rowspacing", None)
    upright, level = table.attrib.pop("columnlines", "").split(), table.attrib.pop("rowlines", "").split()
    for r, row in enumerate(table):
        for c, cell in enumerate(row):
            side = cell.attrib.pop("columnalign", None)
            # Blocks inside a cell follow only the prefixed value, plain text follows the standard one.
            _style(cell, f"text-align:{side};text-align:-webkit-{side}" if side else "")
            if equations:  # the halves of an equation touch, pairs of columns stand apart
                _style(cell, "padding-left:0" if c % 2 else "padding-right:0" + (";padding-left:2em" if c else ""))
            if c < len(row) - 1 and upright and upright[min(c, len(upright) - 1)] == "solid":
                _style(cell, "border-right:1px solid")
            if r < len(table) - 1 and level and level[min(r, len(level) - 1)] == "solid":
                _style(cell, "border-bottom:1px solid")


def _style(element: Element, rule: str) -> None:
    if rule:
        element.set("style", ";".join(filter(None, [element.get("style"), rule])))
