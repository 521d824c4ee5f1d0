"""Formulas become MathML that browsers draw, or are refused as a whole."""

from xml.etree import ElementTree

import pytest

from bundlebook.reports._maths import FormulaError, to_mathml

FORMULAS = [
    r"\mathbf{h}_t = \sigma(\mathbf{W}_h[\mathbf{h}_{t-1}; \mathbf{x}_t] + \mathbf{b}_h)",
    r"P_i(t) = \sigma(W_p[h_t; x_i])",
    r"\operatorname{lift}(A \Rightarrow B) = \frac{P(A \cap B)}{P(A)\,P(B)}",
    r"\begin{aligned} a &= b + c \\ &= d, & e &= f \end{aligned}",
    r"\begin{align*} a &= b \\ c &= d \tag{2} \end{align*}",
    r"\begin{alignedat}{2} a &= b & c &= d \end{alignedat}",
    r"f(x) = \begin{cases} 1 & \text{if 用户 } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\begin{pmatrix} a_{11} & \cdots \\ \vdots & \ddots \end{pmatrix}",
    r"\left[\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}\right]",
    r"\begin{gathered} a \\ b \end{gathered}",
    r"\operatorname*{arg\,max}_{i \in \mathcal{I}} s_{ui}",
    r"\mathcal L(\theta) = -\sum_{u=1}^{U} \log \hat{y}_u",
    r"\bigl\{ x \in \mathbb{R}^d : \lVert x \rVert_2 \le 1 \bigr\}",
    r"\left.\frac{\partial f}{\partial x}\right|_{x=0}",
    r"\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right) V",
    r"\underbrace{w_S S}_{\text{revenue}} + w_R R",
    r"1{,}000 \times 5\,\% \approx \$50",
    r"x := y, \quad x \not= z, \quad \mathbb 1[x > 0], \quad \binom{n}{k}",
]


@pytest.mark.parametrize("latex", FORMULAS)
def test_a_formula_becomes_well_formed_mathml_without_latex(latex):
    root = ElementTree.fromstring(to_mathml(latex, block=True))
    assert root.tag == "math" and root.get("display") == "block"
    text = "".join(root.itertext())
    assert "\\" not in text
    assert "&" not in text
    # Browsers draw MathML Core alone, which knows no other variant.
    assert all(e.get("mathvariant") in (None, "normal") for e in root.iter())
    assert not {"href", "src"} & {name for e in root.iter() for name in e.attrib}


@pytest.mark.parametrize(
    "latex",
    [r"\nosuchcommand{x}", r"\frac{a}", r"\begin{cases} 1", r"a & b", r"\def\f{\f\f}\f", r"\href{javascript:go()}{x}"],
)
def test_what_cannot_be_read_is_refused_as_a_whole(latex):
    with pytest.raises(FormulaError):
        to_mathml(latex)


def test_the_same_formula_is_always_the_same_text():
    first = to_mathml(FORMULAS[0])
    to_mathml.cache_clear()
    assert to_mathml(FORMULAS[0]) == first


def test_a_formula_longer_than_a_line_arrives_whole():
    assert len(ElementTree.fromstring(to_mathml("+".join(["x"] * 2000))).findall(".//mi")) == 2000


def test_aligned_equations_keep_their_columns():
    root = ElementTree.fromstring(to_mathml(FORMULAS[3], block=True))
    rows = root.findall(".//mtr")
    assert [len(row) for row in rows] == [2, 4]
    assert [cell.get("class") for cell in rows[1]] == ["tml-right", "tml-left"] * 2


def test_letters_of_an_alphabet_are_characters_of_their_own():
    text = "".join(ElementTree.fromstring(to_mathml(r"\mathbf{W}\boldsymbol{\theta}\mathbb{1}\mathbb{E}")).itertext())
    assert text == "𝐖𝜽𝟙𝔼"


def test_upright_words_and_letters_stay_upright():
    root = ElementTree.fromstring(to_mathml(r"\mathrm{NDCG} + \mathrm{d}x"))
    assert [(e.text, e.get("mathvariant")) for e in root.iter("mi")] == [("NDCG", None), ("d", "normal"), ("x", None)]


def test_limits_stand_below_a_displayed_operator():
    root = ElementTree.fromstring(to_mathml(r"\max_{a'} Q(s', a')", block=True))
    assert root.find(".//munder/mi").text == "max"


def test_both_bars_of_a_norm_are_of_one_size():
    root = ElementTree.fromstring(to_mathml(r"\lVert x \rVert^2"))
    assert {e.get("stretchy") for e in root.iter("mo") if e.text == "‖"} == {"false"}


@pytest.mark.parametrize("latex", ["-x", "(-x)", "a = -x", "(a, -x)", r"a \cdot -x", r"\sum -x", "e^{-x}"])
def test_a_minus_that_begins_something_is_a_sign(latex):
    (minus,) = [e for e in ElementTree.fromstring(to_mathml(latex)).iter("mo") if e.text == "−"]
    assert minus.get("form") == "prefix"


@pytest.mark.parametrize("latex", ["a - x", "(a) - x", r"|a| - x", "f' - x", "a_i^2 - x", r"\frac{a}{b} - x"])
def test_a_minus_between_two_things_is_a_difference(latex):
    (minus,) = [e for e in ElementTree.fromstring(to_mathml(latex)).iter("mo") if e.text == "−"]
    assert minus.get("form") is None and minus.get("lspace") is None


def test_a_comma_parts_numbers_unless_it_is_told_to_join_them():
    assert [e.text for e in ElementTree.fromstring(to_mathml("(0,1)")).iter("mn")] == ["0", "1"]
    assert [e.text for e in ElementTree.fromstring(to_mathml("1{,}000")).iter("mn")] == ["1,000"]


@pytest.mark.parametrize("latex", ["h_{t-1}", r"\bigl(x\bigr)", r"\sum_{i=1}^n"])
def test_scripts_and_sized_brackets_are_set_without_spaces(latex):
    signs = [e for e in ElementTree.fromstring(to_mathml(latex)).iter("mo") if e.text in "−=()"]
    assert signs and all((e.get("lspace"), e.get("rspace")) == ("0em", "0em") for e in signs)


@pytest.mark.parametrize("latex", [r"\sigma'(z)", "h'_t", "f''"])
def test_a_prime_is_not_made_smaller_than_it_is(latex):
    root = ElementTree.fromstring(to_mathml(latex))
    assert root.find(".//msup") is None and root.find(".//msubsup") is None
    assert "′" in "".join(root.itertext())
