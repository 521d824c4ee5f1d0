"""Which encoding an export is written in, decided by evidence and never in silence."""

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from bundlebook.errors import BundlebookError

_BLOCK = 1 << 20
#: Bytes of lines with other than ASCII characters that are enough to judge by.
_EVIDENCE = 200_000
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Parts of a Chinese export's header, in short and in long characters.
_CHINESE_WORDS = (
    "订单",
    "用户",
    "商品",
    "名称",
    "时间",
    "数量",
    "单价",
    "金额",
    "类目",
    "分类",
    "会员",
    "客户",
    "编号",
    "日期",
    "品牌",
    "價格",
    "訂單",
    "商品",
    "名稱",
    "時間",
    "數量",
    "單價",
    "金額",
    "類別",
    "分類",
    "會員",
    "客戶",
    "編號",
    "日期",
    "品牌",
)
#: Characters from which on Korean is told from Chinese: eight of them fall among the syllables by chance in 2 %.
_ENOUGH = 12
_CHINESE = ("gb18030", "big5")
#: Encodings of one byte, tried where it is no Chinese; charset-normalizer chooses among them and the others of Asia.
_OTHERS = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "gb18030", "big5", "shift_jis", "euc_jp", "cp949"]


def detect_encoding(path: Path) -> tuple[str, str]:
    """Return the encoding of a text file, and the evidence for it in words.

    The byte order mark decides, then whether the whole file is UTF-8. Else Chinese text and Western text are told apart
    by what no reading of the other kind shows: in GB 18030, characters are pairs of high bytes among the 3,755 most
    common ones; in Western text single high bytes stand between plain letters ("Décora").

    Parameters
    ----------
    path : Path
        Read in blocks of 1 MB.

    Returns
    -------
    (str, str)

    Raises
    ------
    BundlebookError
        If the evidence does not decide.
    """
    with path.open("rb") as file:
        head = file.read(4)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name, "its byte order mark says so"
        file.seek(0)
        lines, whole = _telling_lines(file)
    if not lines:
        return "utf-8", "every byte is ASCII" if whole is None else "the whole file is UTF-8"
    return _judge(lines, path.name, whole or 1)


def _telling_lines(file: BinaryIO) -> tuple[list[bytes], int | None]:
    """Lines with high bytes if the file is not UTF-8 (else none), and the row of the first that is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    plain, utf8, row, first = True, True, 1, None
    lines, size, rest = [], 0, b""
    while block := file.read(_BLOCK):
        if b"\0" in block:
            at = row + block.count(b"\n", 0, block.index(b"\0"))
            raise BundlebookError(
                "this is not text: there is a byte b'\\x00'",
                where=f"{Path(file.name).name}, row {at}",
                remedy="export the table as CSV in UTF-8",
            )
        if block.isascii() and not rest:
            row += block.count(b"\n")
            continue
        plain = False
        if utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                utf8 = False
        block, rest = rest + block, b""
        if size < _EVIDENCE:
            head, end, rest = block.rpartition(b"\n")
            for line in (head + end).splitlines():
                if not line.isascii():
                    if first is None and not is_utf8(line):
                        first = row
                    lines.append(line)
                    size += len(line)
                row += 1
    if rest and not rest.isascii():
        first = first or (row if not is_utf8(rest) else None)
        lines.append(rest)
    if utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            utf8 = False
    return ([], None if plain else 0) if utf8 else (lines, first)


def is_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _judge(lines: list[bytes], file: str, row: int) -> tuple[str, str]:
    others = [line for line in lines if not is_utf8(line)]
    sample = b"\n".join(lines)
    for encoding in _CHINESE:
        text = _decoded(lines[0], encoding)
        words = sorted({word for word in _CHINESE_WORDS if word in text}, key=text.index) if text else []
        if len(words) >= 2 and _decoded(sample, encoding):
            return encoding, f"read so, its first lines hold {', '.join(words[:3])}"
    common = _common_hanzi(sample)
    lonely, odd = _lonely_letters(sample), _odd_runs(sample)
    if common >= 0.9 and odd < 0.2 and not _korean(sample):
        return "gb18030", f"{common:.0%} of its characters are common Chinese ones when read so"
    if lonely >= 0.5 and others and len(others) < 0.9 * len(lines):
        raise BundlebookError(
            f"{_excerpt(others[0])!r} is not UTF-8, while other rows are: these are mixed encodings",
            where=f"{file}, row {row}",
            remedy="export it again in one encoding, UTF-8 if there is a choice",
        )
    if _japanese(sample):  # second bytes are plain letters here, so that it looks like Western text below
        return "shift_jis", "read so, it holds kana between common kanji"
    from charset_normalizer import from_bytes

    choice = _OTHERS if lonely < 0.5 else [name for name in _OTHERS if name.startswith("cp12")]
    best = from_bytes(sample, cp_isolation=choice, threshold=0.3).best()
    if lonely >= 0.5 and common < 0.5:
        # Only Western text has single high bytes between plain letters: cp1252 unless another reads clearly better.
        encoding = best.encoding if best is not None and _decoded(sample, best.encoding) else "cp1252"
        if _decoded(sample, "cp1252") and _western(sample):
            encoding = "cp1252"
        if _decoded(sample, encoding):
            example = next(iter(re.findall(r"\w*[^\W\d_a-zA-Z]\w*", _decoded(sample, encoding) or "")), "")
            return encoding, f"accents stand alone between plain letters, as in {example!r}"
    elif common < 0.5 and _decoded(sample, "cp1252") and _western(sample):
        return "cp1252", "every sign beyond ASCII is one that Western text has"
    elif best is not None and (common < 0.5 or _korean(sample)):
        return best.encoding, f"charset-normalizer reads {str(best)[:20].split(chr(10))[0]!r}"
    raise BundlebookError(
        f"{_excerpt(others[0] if others else lines[0])!r} is not UTF-8, and its encoding cannot be told",
        where=f"{file}, row {row}",
        remedy="name it, for example --encoding gb18030 or --encoding cp1252",
    )


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _common_hanzi(sample: bytes) -> float:
    """Share of the characters beyond ASCII that are common hanzi (GB 2312, level 1) or Chinese punctuation."""
    text = _decoded(sample, "gb18030")
    if text is None:
        return 0.0
    high = [character for character in text if ord(character) > 127]
    codes = [character.encode("gb18030") for character in high]
    good = [
        len(code) == 2 and (code[0] in range(0xB0, 0xD8) or code[0] in (0xA1, 0xA3)) and code[1] > 0xA0
        for code in codes
    ]
    return sum(good) / max(len(good), 1)


def _korean(sample: bytes) -> bool:
    """Whether nearly all pairs of bytes are Korean syllables; as Chinese they would be of 25 lead bytes only."""
    text = _decoded(sample, "cp949")
    high = [character for character in text or "" if ord(character) > 127]
    return len(high) >= _ENOUGH and sum("\uac00" <= character <= "\ud7a3" for character in high) >= 0.9 * len(high)


def _japanese(sample: bytes) -> bool:
    """Whether in Shift JIS nearly all is kana and common kanji (level 1), with kana among them."""
    text = _decoded(sample, "shift_jis")
    high = [character for character in text or "" if ord(character) > 127]
    kana = sum("\u3041" <= character <= "\u30fe" for character in high)
    common = sum(0x81 <= character.encode("shift_jis")[0] <= 0x98 for character in high)
    return bool(high) and kana >= 0.1 * len(high) and common >= 0.95 * len(high)


def _lonely_letters(sample: bytes) -> float:
    """Share of the runs of high bytes that are one or two bytes long and touch a plain letter."""
    runs = list(re.finditer(rb"[\x80-\xff]+", sample))
    letter = re.compile(rb"[A-Za-z]")
    alone = sum(
        len(run.group()) <= 2
        and bool(letter.match(sample[run.end() : run.end() + 1]) or letter.match(sample[max(run.start() - 1, 0) :][:1]))
        for run in runs
    )
    return alone / max(len(runs), 1)


def _odd_runs(sample: bytes) -> float:
    """Share of the runs of high bytes that have an odd length: pairs leave none."""
    runs = re.findall(rb"[\x80-\xff]+", sample)
    return sum(len(run) % 2 for run in runs) / max(len(runs), 1)


def _western(sample: bytes) -> bool:
    """Whether every high byte is a letter or a sign that Western European text has."""
    text = sample.decode("cp1252", "replace")
    usual = set("äöüÄÖÜßéèêëàâáãåçñíìîïóòôõúùûýÿøæœÉÈÊËÀÂÁÃÅÇÑÍÌÎÏÓÒÔÕÚÙÛØÆŒ€£¥°©®™–—'’‘“”«»…·½¼¾²³´`\u00a0ºª¿¡§µ•")
    high = [character for character in text if ord(character) > 127]
    return sum(character in usual for character in high) >= 0.97 * len(high)


def _excerpt(line: bytes) -> bytes:
    start = next(place for place, byte in enumerate(line) if byte > 127)
    return line[max(start - 8, 0) : start + 8]
