"""The spaces of printed mathematics, written into every operator of a formula.

Browsers space an operator by a dictionary of their own, which takes most minus signs for differences and a slash for
a division sign. TeX looks at the neighbours instead; its table is D. E. Knuth, *The TeXbook* (1984), chapter 18.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree.ElementTree import Element

ORD, OP, BIN, REL, OPEN, CLOSE, PUNCT, INNER = range(8)
#: Thin (1), medium (2) or thick (3) space between an atom (row) and the next (column), in the order of the classes.
_TABLE = ["01230001", "11030001", "22002002", "33003003", "00000000", "01230001", "11011111", "11231011"]
_WIDTHS = ("0", "0.167em", "0.222em", "0.278em")
#: What an upright bracket keeps from a slanted capital: browsers leave out the italic correction.
_CORRECTION = "0.06em"
_BARS = {"|", "‖", "∥"}
_CLASS = (
    dict.fromkeys("+−±∓×·⋅∗*∘•÷∩∪⊎⊓⊔⊕⊖⊗⊘⊙∧∨∖⧵⋆", BIN)
    | dict.fromkeys("=<>≤≥≪≫≈≃≅≡≠∼∝∈∉∋⊂⊃⊆⊇⊢⊨∣⟂⊥→←↔⇒⇐⇔↦⟶⟵⟹⟸⟺:≔≕≐≜≺≻", REL)
    | dict.fromkeys("([{⟨⌊⌈", OPEN)
    | dict.fromkeys(")]}⟩⌋⌉!", CLOSE)
    | dict.fromkeys(",;", PUNCT)
    | dict.fromkeys("…⋯", INNER)
    | dict.fromkeys("∑∏∐⋃⋂⋁⋀⨁⨂∫∬∭∮", OP)
)
_NAME = re.compile(r"[A-Za-z][A-Za-z ]+")
_ROWS = {"math", "mrow", "mtd", "msqrt", "mstyle", "mpadded", "mphantom"}
_SCRIPTED = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
_PRIMES = {"′", "″", "‴"}


@dataclass
class _Atom:
    left: int
    right: int
    sign: Element | None  # the operator that can carry spaces
    slanted: bool = False


def set_spaces(math: Element) -> None:
    """Give every operator of a ``<math>`` element the spaces TeX would."""
    for element in math.iter():
        if element.tag == "mi" and element.text in ("~", *_CLASS):
            element.tag, element.text = "mo", element.text.replace("~", "∼")
            element.set("stretchy", "false")
    _walk(math, math.get("display") == "block", False)


def set_primes(parent: Element) -> None:
    """Take primes out of superscripts: their glyph is small and raised already."""
    for number, child in enumerate(parent):
        if child.tag not in ("msup", "msubsup") or child[-1].text not in _PRIMES:
            continue
        base, prime = child[0], child[-1]
        prime.tag = "mo"
        for side in ("lspace", "rspace"):
            prime.set(side, "0")
        primed = Element("mrow")
        primed.extend([base, prime])
        if child.tag == "msubsup":
            child.tag = "msub"
            child.remove(prime)
            child[0] = primed
        else:
            parent[number] = primed


def _walk(element: Element, display: bool, script: bool) -> None:
    if element.tag in _ROWS:
        _space(list(element), script)
    if element.tag in ("mstyle", "mtable") and "displaystyle" in element.attrib:
        display = element.get("displaystyle") == "true"
        script = script and element.get("scriptlevel") != "0"
    for number, child in enumerate(element):
        below = element.tag in _SCRIPTED or element.tag == "mroot"
        if element.tag == "mfrac":
            _walk(child, False, script or not display)
        elif below and number:
            _walk(child, False, True)
        else:
            _walk(child, display, script)


def _space(row: list[Element], script: bool) -> None:
    atoms = [atom for element in row if (atom := _atom(element))]
    _settle(atoms)
    for atom in atoms:
        if atom.sign is not None:
            atom.sign.attrib.update(lspace="0", rspace="0")
    for one, two in pairwise(atoms):
        width = int(_TABLE[one.right][two.left])
        if script and (width > 1 or OP not in (one.right, two.left) or one.right == PUNCT):
            width = 0
        if one.sign is not None:
            one.sign.set("rspace", _WIDTHS[width])
        elif two.sign is not None:
            two.sign.set("lspace", _CORRECTION if one.slanted and two.left == OPEN else _WIDTHS[width])


def _atom(element: Element) -> _Atom | None:
    """What an element of a row is to its neighbours; None for a space, which TeX looks through."""
    if element.tag == "mspace":
        return None
    if element.tag in _SCRIPTED and len(element):
        base = _atom(element[0])
        return base and replace(base, slanted=False)
    if element.tag == "mo":
        text = element.text or ""
        kind = OP if _NAME.fullmatch(text) else _CLASS.get(text, ORD)
        if text in _BARS:
            kind = {"prefix": OPEN, "postfix": CLOSE}.get(element.get("form", ""), ORD)
        kind = BIN if text == "mod" else kind
        if text == "," and element.get("rspace") == "0":  # a separator of thousands
            kind = ORD
        return _Atom(kind, kind, element)
    if element.tag == "mrow" and len(element) > 1:
        if element[-1].text in _PRIMES:
            return _atom(element[0])
        first, last = _atom(element[0]), _atom(element[-1])
        if first and last and (first.left, last.right) == (OPEN, CLOSE):
            return _Atom(OPEN, CLOSE, None)
    text = element.text or ""
    slanted = element.tag == "mi" and len(text) == 1 and "A" <= text <= "Z" and not element.get("mathvariant")
    return _Atom(ORD, ORD, None, slanted)


def _settle(atoms: list[_Atom]) -> None:
    """Tell signs from operations, and opening bars from closing ones."""
    before, opened = OPEN, 0
    for atom in atoms:
        waits = before in (OP, BIN, REL, OPEN, PUNCT)  # for something to stand here
        if atom.sign is not None and atom.sign.text in _BARS and atom.left == ORD:
            if waits or opened:
                atom.left = atom.right = OPEN if waits else CLOSE
                opened += 1 if waits else -1
        elif atom.left == BIN and waits:
            atom.left = atom.right = ORD
            atom.sign.set("form", "prefix")
        before = atom.right
    for one, two in pairwise([*atoms, _Atom(CLOSE, CLOSE, None)]):
        if one.right == BIN and two.left in (REL, CLOSE, PUNCT):
            one.left = one.right = ORD
