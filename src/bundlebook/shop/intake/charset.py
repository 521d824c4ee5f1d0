"""From bytes to UTF-8, or one clear refusal: text read in the wrong encoding is worse than text not read."""

import codecs

from bundlebook.errors import BundlebookError

_STEP = 1 << 24
_REMEDY = "save the file as UTF-8, or name its encoding in shop.yaml, for example `encoding: gbk` or `encoding: cp1252`"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def to_utf8(content: bytes, file: str, declared: str | None = None) -> tuple[bytes, str]:
    """Bring the bytes of a text file to UTF-8 without a byte order mark.

    Parameters
    ----------
    content : bytes
    file : str
        Name for messages.
    declared : str, optional
        Encoding that the reader named; then nothing is guessed.

    Returns
    -------
    (bytes, str)
        The text in UTF-8, and a note where the encoding was guessed (else empty).

    Raises
    ------
    BundlebookError
        With the row and the bytes that do not fit.

    Notes
    -----
    A byte order mark decides. Without one the text must be valid UTF-8, or every line of it must be GB 18030 of which
    nine characters in ten are everyday Chinese (GB 2312): Western text taken for Chinese gives rare characters, so
    "café" is refused and "咖啡" is read.
    """
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _recode(content[len(bom) :], encoding, file), ""
    if declared is not None:
        return _recode(content, declared, file), ""
    wrong = _first_invalid(content)
    if wrong is None:
        return content, ""
    utf8_lines = [line for line in content.splitlines() if not line.isascii() and _first_invalid(line) is None]
    # A few Chinese words in GB 18030 happen to be valid UTF-8 too; they are no sign of a second encoding.
    if _is_chinese(content) and all(map(_is_chinese, utf8_lines)):
        note = f"{file} is not UTF-8 and was read as Chinese (GB 18030); if its characters look wrong, {_REMEDY}"
        return content.decode("gb18030").encode(), note
    if utf8_lines:
        problem = f"mixed encodings: other rows are UTF-8, but {_around(content, wrong)!r} is not"
        remedy = "bring every row to one encoding: save the whole file as UTF-8"
    else:
        problem, remedy = f"{_around(content, wrong)!r} is not UTF-8", _REMEDY
    raise BundlebookError(problem, where=f"{file}, row {_row(content, wrong)}", remedy=remedy)


def _recode(content: bytes, encoding: str, file: str) -> bytes:
    if codecs.lookup(encoding).name == "utf-8":
        wrong = _first_invalid(content)
        if wrong is None:
            return content
    else:
        try:
            return content.decode(encoding).removeprefix("\ufeff").encode()
        except UnicodeError as error:
            wrong = getattr(error, "start", 0)
    raise BundlebookError(
        f"{_around(content, wrong)!r} is not {encoding}",
        where=f"{file}, row {_row(content, wrong)}",
        remedy="correct `encoding` in shop.yaml, or save the file as UTF-8",
    )


def _first_invalid(content: bytes) -> int | None:
    """Position of the first byte that is not UTF-8; read in steps, for the decoded text would be held in memory."""
    if content.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _STEP):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(content[start : start + _STEP], final=start + _STEP >= len(content))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def _is_chinese(content: bytes) -> bool:
    try:
        letters = [letter for letter in content.decode("gb18030") if ord(letter) > 127]
    except UnicodeDecodeError:
        return False
    everyday = len("".join(letters).encode("gb2312", errors="ignore")) // 2
    return everyday >= 0.9 * len(letters)


def _around(content: bytes, position: int) -> bytes:
    start = max(content.rfind(b"\n", 0, position) + 1, position - 8)
    return content[start : position + 8].splitlines()[0]


def _row(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
