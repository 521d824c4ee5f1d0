"""Formulas become MathML that browsers draw, or are refused as a whole."""

from xml.etree import ElementTree

import pytest

from bundlebook.reports.formulas import FormulaError, to_mathml

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
@pytest.mark.parametrize("block", [True, False])
def test_a_formula_becomes_well_formed_mathml_without_latex(latex, block):
    root = ElementTree.fromstring(to_mathml(latex, block))
    assert root.tag == "math"
    text = "".join(root.itertext())
    assert "\\" not in text
    assert "&" not in text
    assert all(e.get("mathvariant") in (None, "normal") for e in root.iter())
    assert not {"columnalign", "columnspacing", "rowlines", "notation"} & {k for e in root.iter() for k in e.attrib}


@pytest.mark.parametrize("latex", [r"\nosuchcommand{x}", r"\frac{a}", r"\begin{cases} 1", r"a & b"])
def test_what_cannot_be_read_is_refused_as_a_whole(latex):
    with pytest.raises(FormulaError):
        to_mathml(latex)


def test_aligned_equations_keep_their_columns():
    root = ElementTree.fromstring(to_mathml(FORMULAS[3], block=True))
    rows = root.findall(".//mtr")
    assert [len(row) for row in rows] == [2, 4]
    assert "text-align:right" in rows[0][0].get("style")
    assert "text-align:left" in rows[0][1].get("style")


def test_letters_of_an_alphabet_are_characters_of_their_own():
    text = "".join(ElementTree.fromstring(to_mathml(r"\mathbf{W}\boldsymbol{\theta}\mathbb{1}\mathbb{E}")).itertext())
    assert text == "𝐖𝜽𝟙𝔼"


def test_an_upright_word_is_one_identifier():
    root = ElementTree.fromstring(to_mathml(r"\mathrm{NDCG}"))
    assert [e.text for e in root.iter("mi")] == ["NDCG"]


def test_limits_stand_below_a_displayed_operator():
    root = ElementTree.fromstring(to_mathml(r"\max_{a'} Q(s', a')", block=True))
    assert root.find(".//munder/mo").text == "max"
    assert root.find(".//munder/mo").get("movablelimits") == "true"


def test_a_named_operator_is_set_apart_from_letters_but_not_from_brackets():
    root = ElementTree.fromstring(to_mathml(r"x \log y \exp(z)"))
    spaces = {e.text: (e.get("lspace"), e.get("rspace")) for e in root.iter("mo") if e.text in ("log", "exp")}
    assert spaces == {"log": ("0.167em", "0.167em"), "exp": ("0.167em", "0")}


def spaces(latex, block=False):
    """Each operator of a formula with the spaces before and after it, in hundredths of an em."""
    root = ElementTree.fromstring(to_mathml(latex, block))
    width = {"0": 0, "0.167em": 17, "0.222em": 22, "0.278em": 28}
    return [(e.text, width[e.get("lspace")], width[e.get("rspace")]) for e in root.iter("mo") if e.get("lspace")]


@pytest.mark.parametrize("latex", ["-x", "(-x)", "a = -x", "(a, -x)", r"a \cdot -x", r"\sum -x", r"\|-x\|", "e^{-x}"])
def test_a_minus_that_begins_something_is_a_sign(latex):
    root = ElementTree.fromstring(to_mathml(latex))
    (minus,) = [e for e in root.iter("mo") if e.text == "−"]
    assert (minus.get("form"), minus.get("lspace"), minus.get("rspace")) == ("prefix", "0", "0")


@pytest.mark.parametrize("latex", ["a - x", "(a) - x", r"|a| - x", "f' - x", "a_i^2 - x", r"\frac{a}{b} - x"])
def test_a_minus_between_two_things_is_a_difference(latex):
    (minus,) = [e for e in ElementTree.fromstring(to_mathml(latex)).iter("mo") if e.text == "−"]
    assert minus.get("form") is None
    assert ("−", 22, 22) in spaces(latex) or ("−", 0, 22) in spaces(latex)  # or the bracket before it holds the space


def test_spaces_are_those_of_the_texbook():
    assert spaces(r"\partial L/\partial h") == [("∂", 0, 0), ("/", 0, 0), ("∂", 0, 0)]
    assert spaces("a = b") == [("=", 28, 28)]
    assert spaces(r"x \in (0, 1)") == [("∈", 28, 28), ("(", 0, 0), (",", 0, 17), (")", 0, 0)]
    assert spaces(r"x_1, \dots, x_m") == [(",", 0, 17), ("…", 0, 17), (",", 0, 17)]
    assert spaces(r"X \sim \operatorname{Poisson}(n)")[:2] == [("∼", 28, 28), ("Poisson", 0, 0)]
    assert spaces("1{,}000") == [(",", 0, 0)]


def test_a_bracket_does_not_touch_a_slanted_capital():
    formulas = ("P(x)", "p(x)", "P_i(x)")
    before = {f: ElementTree.fromstring(to_mathml(f)).find(".//mo").get("lspace") for f in formulas}
    assert before == {"P(x)": "0.06em", "p(x)": "0", "P_i(x)": "0"}


def test_scripts_are_set_without_spaces():
    assert spaces("h_{t-1}") == [("−", 0, 0)]
    assert spaces(r"\frac{a - b}{c}") == [("−", 0, 0)]
    assert spaces(r"\frac{a - b}{c}", block=True) == [("−", 22, 22)]


@pytest.mark.parametrize("latex", [r"\sigma'(z)", "h'_t", "f''"])
def test_a_prime_is_not_made_smaller_than_it_is(latex):
    root = ElementTree.fromstring(to_mathml(latex))
    assert root.find(".//msup") is None and root.find(".//msubsup") is None
    assert [e.text for e in root.iter("mo") if e.text in "′″"]


def test_a_single_upright_letter_stays_upright():
    assert [e.text for e in ElementTree.fromstring(to_mathml(r"\mathrm{d}x")).iter("mtext")] == ["d"]


def test_a_slightly_larger_bracket_is_not_stretched():
    root = ElementTree.fromstring(to_mathml(r"\bigl(x\bigr)"))
    assert [(e.get("stretchy"), e.get("style")) for e in root.iter("mo")] == [("false", "font-size:1.25em")] * 2


def test_a_bar_lies_on_its_letter():
    (over,) = ElementTree.fromstring(to_mathml(r"\bar{x}")).iter("mover")
    assert (over.get("accent"), over[1].get("stretchy")) == ("true", "false")
    (over,) = ElementTree.fromstring(to_mathml(r"\overline{ab}")).iter("mover")
    assert (over.get("accent"), over[1].get("stretchy")) == ("true", "true")
