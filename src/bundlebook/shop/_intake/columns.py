"""What the columns of an export mean: by their names in seven languages, checked against what they hold."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
import yaml

from bundlebook import paths
from bundlebook.shop._intake.values import TimeStyle, is_numeric, time_style

_SPOKEN = yaml.safe_load((paths.assets() / "export_words.yaml").read_text("utf-8"))
#: For each meaning the names it goes by, most telling first.
NAMES: dict[str, list[str]] = _SPOKEN["columns"]
#: The reader's word for an event → the contract's.
EVENT_WORDS = {word: ours for ours, words in _SPOKEN["events"].items() for word in words}
#: Items that are a fee, an adjustment or a payment.
FEES = frozenset(_SPOKEN["fees"])
#: Words of a status that mean that nothing was sold in the end.
CANCELLED = re.compile(
    r"(?i)cancel|void|refund|return|fail|declin|storn|retour|annul|rembours|devuel|cancelad|rimbors|取消|退款|退货|关闭|作废|關閉|退貨|已退"
)
_STATUS = re.compile(
    r"(?i)paid|complete|done|ship|deliver|fulfil|process|pending|new|open|ok|success|bezahlt|versandt|paye|livr|pagad|envi|"
    r"成功|完成|已发货|待发货|已付款|已签收|正常"
)
#: Numbers and names of tests; a "pregnancy test" is merchandise.
TEST = re.compile(r"(?i)(?:^|[^a-z])(?:test|testing|dummy)(?:[^a-z]|$)|测试|測試")
TEST_NAME = re.compile(
    r"(?i)^(?:this is a )?(?:test|testing|dummy)(?: ?(?:product|item|order|artikel|article|produit|produkt))?[ .!\d]*$|"
    r"测试(?:商品|产品|订单)?$"
)

_ACCOUNTING = {"quantity", "price", "total", "list_price", "cost"}


@dataclass(frozen=True)
class Facts:
    """What a sample of one column shows."""

    filled: float
    distinct: int
    rows: int
    numeric: bool
    time: TimeStyle | None
    texts: pd.Series


def examine(cells: pd.DataFrame, order: str | None = None) -> dict[str, Facts]:
    """Return the facts about every column of a sample."""
    result = {}
    for name in cells:
        texts = cells[name]
        filled = texts[texts != ""]
        numeric = is_numeric(filled)
        time = time_style(filled[:200_000], str(name), order)
        result[str(name)] = Facts(len(filled) / max(len(texts), 1), filled.nunique(), len(texts), numeric, time, filled)
    return result


@lru_cache(maxsize=10_000)
def plain_name(name: str) -> str:
    """A column's name as it is compared: small letters, no accents, one blank between words, no unit in brackets."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"[(\[【（].*?[)\]】）]", "", text) or text
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text).lower().replace("ß", "ss")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", text).strip()


#: Names that mean something only by themselves: an "age group" is no group of products.
_WHOLE = {
    "type",
    "group",
    "name",
    "nom",
    "nome",
    "nombre",
    "data",
    "item",
    "state",
    "time",
    "hour",
    "user",
    "client",
    "code",
}


_PARTS = {
    role: [(known, known.replace(" ", ""), frozenset(known.split()), known.isascii()) for known in names]
    for role, names in NAMES.items()
}


@lru_cache(maxsize=100_000)
def score(name: str, role: str) -> float:
    """How well a column's name fits a meaning: 3 to 4 for one of its names, 1 to 3 if it contains one, 0 if neither."""
    plain = plain_name(name)
    names = _PARTS[role]
    tight, words, best = plain.replace(" ", ""), set(plain.split()), 0.0
    for place, (known, joined, parts, ascii_) in enumerate(names):
        if tight == joined:
            return 4 - place / len(names)
        if (parts <= words if ascii_ else known in plain) and len(known) > 1 and known not in _WHOLE:
            share = len(known) / max(len(plain), 1)
            best = max(best, 1 + 1.5 * share - 0.3 * place / len(names))
    return best


def fits(role: str, facts: Facts) -> bool:
    """Whether what a column holds agrees with a meaning."""
    if not facts.distinct:
        return False
    if role == "time":
        return facts.time is not None
    if role == "clock":
        return bool(facts.texts.str.match(r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$").mean() > 0.9)
    if role in _ACCOUNTING:
        return facts.numeric and facts.filled > (0.5 if role in ("quantity", "price", "total") else 0.02)
    written = facts.time is not None and not facts.time.shape.startswith(("epoch", "serial", "compact"))
    if role in ("user_id", "basket_id", "item_id", "session_id", "store_id"):
        marked = facts.numeric and bool(facts.texts.head(1000).str.contains(r"[.,]\d*[1-9]", regex=True).mean() > 0.2)
        return not written and not marked and (facts.distinct > 1 or facts.rows < 3)
    if role == "name":
        return (
            not facts.numeric
            and not written
            and bool(facts.texts.str.contains(r"[^\W\d_]{2}", regex=True).mean() > 0.5)
        )
    if role == "event":
        words = facts.texts.drop_duplicates()[:50].str.lower()
        return facts.distinct <= 20 and bool(words.isin(EVENT_WORDS).any())
    if role == "status":
        words = facts.texts.drop_duplicates()
        told = words.str.contains(CANCELLED) | words.str.contains(_STATUS)
        return facts.distinct <= 40 and not facts.numeric and bool(told.mean() > 0.5)
    if role == "currency":
        return facts.distinct <= 20 and bool(facts.texts.str.len().max() <= 10)
    if role == "cancelled":
        return facts.filled < 0.9
    return not written and facts.filled > 0.01
