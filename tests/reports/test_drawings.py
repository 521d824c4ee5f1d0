"""Diagrams and the fonts a page carries."""

import base64
import io
import re

import pytest
from fontTools.ttLib import TTFont

from bundlebook.reports import _drawings, _maths

FLOW = "flowchart LR\n  A[原始数据 raw data] --> B{清洗}\n  用户 -->|是 yes| B"


def box_width(svg: str, label: str) -> float:
    """Width of the box mermaid made for a label."""
    node = svg[: svg.index(label)].rsplit("<foreignObject", 1)[1]
    return float(re.search(r'width="([\d.]+)"', node)[1])


def test_labels_come_back_in_chinese_in_boxes_that_hold_them():
    svg = _drawings.to_svg(FLOW, "one")
    for label in ("原始数据 raw data", "清洗", "用户", "是 yes"):
        assert label in svg
    assert not set("".join(_drawings._wide_letters()[:40])) & set(svg)
    assert box_width(svg, "原始数据") >= 14 * 4  # four ideographs of one em, at 14 px
    assert box_width(svg, "清洗") >= 14 * 2


def test_drawings_on_one_page_do_not_share_names():
    first, second = _drawings.to_svg(FLOW, "one"), _drawings.to_svg(FLOW, "two")
    assert not set(re.findall(r' id="([^"]+)"', first)) & set(re.findall(r' id="([^"]+)"', second))
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", first)


def test_a_hundred_different_ideographs_keep_their_width():
    ideographs = [chr(0x4E00 + n) for n in range(100)]
    svg = _drawings.to_svg("flowchart TD\n" + "\n".join(f"  n{i}[{c}{c}{c}]" for i, c in enumerate(ideographs)), "x")
    assert all(box_width(svg, c * 3) >= 14 * 3 for c in ideographs)


def test_what_mermaid_cannot_read_is_an_error():
    with pytest.raises(_drawings.DiagramError, match="Parse error"):
        _drawings.to_svg("flowchart LR\n  A --", "x")


def glyphs(face: str) -> set[str]:
    data = re.search(r"base64,([^)]+)\)", face)[1]
    return {chr(code) for code in TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()}


def test_a_face_holds_the_glyphs_asked_for_and_little_else():
    face = _drawings.face(_drawings.CHINESE, "商品组合")
    assert glyphs(face) >= set("商品组合")
    assert len(face) < 10_000
    assert _drawings.face(_drawings.CHINESE, "\ue000") == ""


def test_the_font_of_formulas_keeps_its_measures_and_the_letters_browsers_put():
    face = _drawings.face(_drawings.MATHS, _maths.glyphs("h=∑x(θ)"))
    assert glyphs(face) >= set("ℎ𝑥∑θ𝜃√")
    font = TTFont(io.BytesIO(base64.b64decode(re.search(r"base64,([^)]+)\)", face)[1])))
    assert "MATH" in font
    assert not font["name"].names  # the whole font's name is reserved


def test_which_characters_count_as_chinese():
    assert _drawings.chinese("a 商品，（组合） é ∑ 😀") == set("商品，（组合）")
