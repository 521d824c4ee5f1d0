"""Encodings are told apart by evidence; Western text is never read as Chinese, nor the other way round."""

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop._intake.encodings import detect_encoding

HEAD = "order,item,time\n"
CASES = [
    ("Décora", "cp1252"),
    ("Decoração,\nAlimentação,\nPão de açúcar", "cp1252"),
    ("Größe XL,\nGießkanne grün,\nÄPFEL", "cp1252"),
    ("a,2 €", "cp1252"),
    ("绿茶,\n不锈钢保温杯,\n儿童运动鞋", "gb18030"),
    ("绿茶abc,\nA4纸,\nUSB线", "gb18030"),
    ("绿茶", "gb18030"),
    ("Чай зелёный,\nКофе молотый,\nСахар белый кусковой", "cp1251"),
    ("Zażółć gęślą jaźń,\nŁosoś wędzony,\nŚliwki,\nKsiążka", "cp1250"),
    ("녹차 세트,\n커피 원두,\n설탕 봉지 운동화", "cp949"),
    ("緑茶,\nカップ,\n急須", "shift_jis"),
    ("It’s a mum’s mug – ‘new’", "cp1252"),
    ("Décora 绿茶", "utf-8"),
    ("tea", "utf-8"),
]


@pytest.mark.parametrize(("text", "encoding"), CASES)
def test_the_encoding_is_found(tmp_path, text, encoding):
    file = tmp_path / "log.csv"
    file.write_bytes((HEAD + text + "\n").encode(encoding))
    assert detect_encoding(file)[0] == encoding


@pytest.mark.parametrize(("encoding", "found"), [("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")])
def test_the_byte_order_mark_decides(tmp_path, encoding, found):
    (tmp_path / "log.csv").write_bytes(f"{HEAD}Größe\n".encode(encoding))
    assert detect_encoding(tmp_path / "log.csv") == (found, "its byte order mark says so")


def test_a_header_in_long_characters(tmp_path):
    (tmp_path / "log.csv").write_bytes("訂單編號,會員編號,商品名稱,數量\n1,2,綠茶,3\n".encode("big5"))
    assert detect_encoding(tmp_path / "log.csv")[0] == "big5"


def test_evidence_deep_in_a_large_file_is_found(tmp_path):
    rows = b"1,tea,2021-01-01\n" * 200_000
    (tmp_path / "log.csv").write_bytes(HEAD.encode() + rows + "2,Décora,2021\n".encode("cp1252"))
    assert detect_encoding(tmp_path / "log.csv")[0] == "cp1252"


def test_mixed_encodings_are_refused_with_their_row(tmp_path):
    mixed = [text.encode(name) for text, name in (("Café\n", "utf-8"), ("Décora\n", "cp1252"), ("Thé\n", "utf-8"))]
    (tmp_path / "log.csv").write_bytes(HEAD.encode() + b"".join(mixed))
    with pytest.raises(BundlebookError, match=r"log.csv, row 3: .*mixed"):
        detect_encoding(tmp_path / "log.csv")


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "log.csv").write_bytes(b"a,b\n1,\0\n")
    with pytest.raises(BundlebookError, match="row 2"):
        detect_encoding(tmp_path / "log.csv")
