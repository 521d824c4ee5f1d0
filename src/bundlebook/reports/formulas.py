"""LaTeX formulas as MathML, so that a page needs neither JavaScript nor a network to show them.

The conversion is latex2mathml's. Around it, notebook LaTeX is brought into the dialect that library reads; its
output is brought into MathML Core by :mod:`bundlebook.reports.mathml`.
"""

import re
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

from bundlebook.reports.mathml import ARITY, to_core

#: Environments latex2mathml does not know, and one of the same shape that it does.
_SAME_SHAPE = {
    "aligned": "align*",
    "alignedat": "align*",
    "align": "align*",
    "split": "align*",
    "eqnarray": "align*",
    "eqnarray*": "align*",
    "gathered": "matrix",
    "gather": "matrix",
    "gather*": "matrix",
    "multline": "matrix",
    "multline*": "matrix",
    "dcases": "cases",
    "smallmatrix": "matrix",
}
_GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
_REWRITES = [
    (re.compile(r"(?<!\\)%[^\n]*|\\(?:nonumber|notag)\b|\\label\{[^}]*\}"), ""),
    (re.compile(r"\\(begin|end)\{alignedat\}(?:\{\d+\})?"), r"\\\1{aligned}"),
    (re.compile(r"\\(?:begin|end)\{(?:equation|displaymath|math)\*?\}"), ""),
    (re.compile(r"\\tag\{([^}]*)\}"), r"\\qquad\\text{(\1)}"),
    (re.compile(r"\\math(?:bbm|ds)\b"), r"\\mathbb"),
    (re.compile(r"\\mathscr\b"), r"\\mathcal"),
    (re.compile(r"\\(math(?:cal|bb|bf|rm|sf|tt|frak)|bm|boldsymbol)\s+(\w)"), r"\\\1{\2}"),
    (re.compile(r"\\mathrm\{(\w)\}"), r"\\text{\1}"),
    (re.compile(r"\\not\s*="), r"\\neq "),
    (re.compile(r"\\not\s*\\in\b"), r"\\notin "),
    (re.compile(r":="), r"\\coloneqq "),
    (re.compile(r"=:"), "≕"),
    (re.compile(rf"\\operatorname\*\s*({_GROUP})\s*_\s*({_GROUP}|\\?\w)"), r"\\underset{\2}{\\operatorname\1}"),
    (re.compile(r"\\operatorname\*"), r"\\operatorname"),
]
_OPERATOR_NAME = re.compile(rf"\\operatorname\s*({_GROUP})")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-zA-Z]+\*?)\}")
_ENTITY = re.compile(r"&(?!#?\w+;)")


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
    '<math display="inline"><msup><mi>ℝ</mi><mi>d</mi></msup></math>'
    """
    try:
        text = convert(_prepare(latex), display="block" if block else "inline")
        root = ElementTree.fromstring(_ENTITY.sub("&amp;", text).replace(" xmlns=", " namespace=", 1))
    except Exception as error:  # the library raises a dozen unrelated types
        raise FormulaError(f"{type(error).__name__}: {error}") from error
    root.attrib = {"display": "block" if block else "inline"}
    to_core(root)
    for element in root.iter():
        if len(element) != ARITY.get(element.tag, len(element)):
            raise FormulaError(f"a part is missing in {latex.strip()[:60]}")
        unread = re.search(r"\\\w+|[&\\]" if element.tag != "mtext" else r"\\[a-zA-Z]+", element.text or "")
        if unread:
            raise FormulaError(f"{unread.group()} in {latex.strip()[:60]}")
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _prepare(latex: str) -> str:
    for pattern, replacement in _REWRITES:
        latex = pattern.sub(replacement, latex)
    latex = _OPERATOR_NAME.sub(lambda m: r"\operatorname" + re.sub(r"\\[,; :]", " ", m.group(1)), latex)
    return _ENVIRONMENT.sub(lambda m: rf"\{m[1]}{{{_SAME_SHAPE.get(m[2], m[2])}}}", latex).strip()
