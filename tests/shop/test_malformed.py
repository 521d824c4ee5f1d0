"""Malformed folders: each ends in one message with file, row, value and remedy, and leaves nothing behind."""

import io
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bundlebook.errors import BundlebookError
from bundlebook.shop import load_shop
from bundlebook.shop._intake import rawfile
from tests.shop.folders import BUNDLE_EVENTS, BUNDLES, PRODUCT_DATA, USER_DATA, write_folder


class Case(NamedTuple):
    """What is changed in a sound folder, and what the message must name."""

    name: str
    changes: dict
    where: str
    value: str
    remedy: str
    strict: bool = False


def parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def log(**columns) -> bytes:
    """The sound log as parquet with some columns replaced."""
    frame = pd.read_csv(io.StringIO(USER_DATA), dtype={"user_id": str}).assign(**columns)
    return parquet(frame.assign(time=columns.get("time", pd.to_datetime(frame["time"]))))


def at_times(cells: pa.Array) -> bytes:
    """The sound log as parquet, at times that pandas cannot hold."""
    table = pq.read_table(io.BytesIO(log()))
    return parquet(table.set_column(table.column_names.index("time"), "time", cells))


def rows(*lines: str, header: str = "user_id,item_id,time,event,quantity,price") -> str:
    return "\n".join([header, *lines]) + "\n"


def named(case_name: str, where: str, value: str, remedy: str, strict: bool = False, **changes) -> Case:
    endings = {"shop": "shop.yaml"}
    files = {endings.get(key, key.replace("__", ".")): content for key, content in changes.items()}
    return Case(case_name, files, where, value, remedy, strict)


GOOD = PRODUCT_DATA.encode()
LONG = b"user_id,item_id,time\n"
U, P, Y = "user_data.csv", "product_data.csv", "shop.yaml"
NO_CSV = {"user_data__csv": None}
#: A sound log in which one row cannot be used, for strict loading.
ONE_BAD = USER_DATA + "{}\n"

FILES = [
    named("no log", "", "product_data.csv", "user_data.csv", user_data__csv=None),
    named("no products", "", "user_data.csv", "product_data.csv", product_data__csv=None),
    named(
        "misnamed products",
        "",
        "Products_data.csv",
        "product_data.csv",
        product_data__csv=None,
        Products_data__csv=GOOD,
    ),
    named("nothing at all", "", "nothing", "user_data.csv", user_data__csv=None, product_data__csv=None),
    named("both formats", "", "user_data.parquet", "keep one", user_data__parquet=log()),
    named(
        "bundles shown but not described",
        "bundle_events.csv",
        "bundles.csv",
        "write bundles.csv",
        bundle_events__csv=BUNDLE_EVENTS,
    ),
    named("empty file", U, "empty", "header line", user_data__csv=""),
    named("only line ends", U, "empty", "header line", user_data__csv="\n\r\n\n"),
    named("header without rows", U, "no rows", "at least one row", user_data__csv=USER_DATA.splitlines()[0]),
    named("optional table without rows", "users.csv", "no rows", "at least one row", users__csv="user_id,city\n"),
    named("byte order mark and nothing else", f"{U}, row 1", "blank", "header", user_data__csv=b"\xff\xfe"),
    named("note to Excel", f"{U}, row 1", "'sep=;'", "delete", user_data__csv="sep=;\n" + USER_DATA.replace(",", ";")),
    named(
        "header of one long field",
        f"{U}, row 1",
        "'item_id'",
        "shop.yaml",
        user_data__csv="user_id," + "x" * 200_000 + "\n7,1\n",
    ),
    named("blank first line", f"{U}, row 1", "''", "header", user_data__csv="\n" + USER_DATA),
    named("Excel", U, "Excel", "CSV", user_data__csv=b"PK\x03\x04\x14\x00\x06\x00" + bytes(99)),
    named("old Excel", P, "Excel", "CSV", product_data__csv=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)),
    named("web page", U, "<!DOCTYP", "file itself", user_data__csv="<!DOCTYPE html><html>Log in first</html>\n"),
    named("JSON", U, "JSON", "CSV", user_data__csv='[{"user_id": 7}]\n'),
    named("gzip", U, "gzip", "unpack", user_data__csv=b"\x1f\x8b\x08\x00" + bytes(50)),
    named("parquet named csv", U, "PAR1", ".parquet", user_data__csv=log()),
    named("binary", f"{U}, row 1", "\\x00", "CSV", user_data__csv=b"\x01\x02\x00\x7f" * 50),
    named(
        "zero byte in a row",
        f"{U}, row 7",
        "\\x00",
        "CSV",
        user_data__csv=USER_DATA.encode() + b"7,A\x001,2021-01,view,1,1\n",
    ),
    named(
        "quotation mark never closed",
        f"{U}, row 3",
        "A1,2021",
        "close every quotation mark",
        user_data__csv=USER_DATA.replace("007,A1,2021-01-04 10:05", '007,"A1,2021-01-04 10:05'),
    ),
    named(
        "quotation marks that swallow rows",
        f"{P}, row 3",
        "Coffee",
        "close every quotation mark",
        product_data__csv=PRODUCT_DATA.replace("A2,Coffee", 'A2,"Coffee').replace("A3,Sugar", 'A3,"Sugar'),
    ),
]
ENCODINGS = [
    named(
        "Latin-1",
        f"{P}, row 3",
        "Caf\\xe9",
        "encoding",
        product_data__csv=PRODUCT_DATA.replace("Coffee", "Café").encode("latin-1"),
    ),
    named(
        "German in Latin-1, which GB 18030 could read too",
        f"{P}, row 3",
        "Gr\\xf6\\xdfe",
        "`encoding: cp1252`",
        product_data__csv=PRODUCT_DATA.replace("Coffee", "Größe").encode("latin-1"),
    ),
    named(
        "Chinese that names no encoding",
        f"{P}, row 5",
        "is not UTF-8",
        "`encoding: gb18030`",
        product_data__csv=PRODUCT_DATA.encode() + "A4,茶叶,饮料,,2\n".encode("gb18030"),
    ),
    named(
        "Chinese header that names no encoding",
        f"{P}, row 1",
        "is not UTF-8",
        "`encoding: gb18030`",
        product_data__csv=PRODUCT_DATA.replace("name", "名称").encode("gb18030"),
    ),
    named(
        "mixed encodings",
        f"{P}, row 5",
        "Th\\xe9",
        "UTF-8",
        product_data__csv=PRODUCT_DATA.replace("Coffee", "Café").encode() + "A4,Thé,Drinks,Leaf,2\n".encode("cp1252"),
    ),
    named(
        "mixed Chinese encodings",
        f"{P}, row 5",
        "mixed encodings",
        "UTF-8",
        product_data__csv=PRODUCT_DATA.encode() + "A4,茶叶,饮料,,2\n".encode("gbk") + "A5,咖啡,饮料,,2\n".encode(),
    ),
    named(
        "other than declared",
        f"{P}, row 3",
        "utf-8",
        "encoding",
        product_data__csv=PRODUCT_DATA.replace("Coffee", "咖啡").encode("gbk"),
        shop="encoding: utf-8\n",
    ),
    *(
        named(f"no encoding of text: {name}", Y, f"'{name}'", "'cp1252'", shop=f"encoding: {name}\n")
        for name in ("base64", "hex", "idna", "rot13", "undefined", "zlib")
    ),
    named("unknown encoding", Y, "'utf-9'", "'gbk'", shop="encoding: utf-9\n"),
]
COLUMNS = [
    named(
        "required column missing",
        f"{U}, row 1",
        "'item_id'",
        "shop.yaml",
        user_data__csv=USER_DATA.replace("item_id", "article"),
    ),
    named("no header", f"{U}, row 1", "'007'", "shop.yaml", user_data__csv="\n".join(USER_DATA.splitlines()[1:])),
    named(
        "misspelt column",
        f"{U}, row 1",
        "'quantitty'",
        "quantity",
        user_data__csv=USER_DATA.replace("quantity", "quantitty"),
    ),
    named(
        "column in other case",
        f"{P}, row 1",
        "'Category'",
        "category",
        product_data__csv=PRODUCT_DATA.replace("category", "Category"),
    ),
    named(
        "column named alike",
        f"{U}, row 1",
        "'event_type'",
        "event",
        user_data__csv=USER_DATA.replace("event", "event_type"),
    ),
    named("event under another name", U, "'cart'", "event", user_data__csv=USER_DATA.replace("event", "behaviour")),
    named(
        "column twice",
        f"{U}, row 1",
        "2 columns 'price'",
        "remove",
        user_data__csv=USER_DATA.replace("quantity", "price"),
    ),
    named(
        "column without name",
        f"{U}, row 1",
        "column 1",
        "index=False",
        user_data__csv=USER_DATA.replace("user_id", "", 1),
    ),
    named(
        "mapping of a column that is not there",
        f"{U}, row 1",
        "'client'",
        "'user_id'",
        shop="columns: {user_data: {client: user_id}}\n",
    ),
    named(
        "mapping onto an unknown name", Y, "'customer'", "'user_id'", shop="columns: {user_data: {user_id: customer}}\n"
    ),
    named(
        "two columns mapped onto one",
        Y,
        "'user_id'",
        "one of them",
        shop="columns: {user_data: {a: user_id, b: user_id}}\n",
    ),
    named(
        "mapping onto a column that is there",
        f"{U}, row 1",
        "2 columns 'price'",
        "rename",
        shop="columns: {user_data: {quantity: price}}\n",
    ),
    named(
        "more columns than a table has",
        f"{U}, row 1",
        "20,003 columns",
        "not a column for each item",
        user_data__csv=rows("7,A1,2021-01" + ",1" * 20_000, header=LONG.decode().strip() + ",x" * 20_000),
    ),
    named(
        "more columns in parquet than a table has",
        "user_data.parquet",
        "2,001 columns",
        "not a column for each item",
        **NO_CSV,
        user_data__parquet=parquet(pa.table({f"x{i}": [1] for i in range(2_001)})),
    ),
    named("mapping for an absent file", Y, "'columns: users'", "remove", shop="columns: {users: {id: user_id}}\n"),
    named("mapping for an unknown file", Y, "'userdata'", "'user_data'", shop="columns: {userdata: {id: user_id}}\n"),
]
SETTINGS = [
    named(
        "not YAML that can be used",
        f"{Y}, row 2",
        "not YAML that can be used",
        "name: value",
        shop="name: tea\n\tcurrency: x\n",
    ),
    named(
        "setting twice",
        f"{Y}, row 3",
        "'name' is there twice",
        "name: value",
        shop="name: tea\ncurrency: x\nname: coffee\n",
    ),
    named("date that is none", Y, "month must be in 1..12", "name: value", shop="name: 2021-13-01\n"),
    named("YAML that is a list", Y, "['a', 'b']", "name: value", shop="- a\n- b\n"),
    named("settings not in UTF-8", f"{Y}, row 2", "\\xe9", "UTF-8", shop="currency: x\nname: café\n".encode("latin-1")),
    named("unknown setting", Y, "'currncy'", "'currency'", shop="currncy: €\n"),
    named("unknown time zone", Y, "'Mars/Olympus'", "Asia/Shanghai", shop="timezone: Mars/Olympus\n"),
    named("simulated is no truth value", Y, "'perhaps'", "true or false", shop="simulated: perhaps\n"),
    named("name is a number", Y, "42", "quotes", shop="name: 42\n"),
    named("margin in per cent", Y, "8", "0.05", shop="margins: {own_brand: 8}\n"),
    named("own brand without a list", Y, "'Ours'", "[theirs]", shop="margins: {own_brands: Ours}\n"),
    named("unknown entry of the margins", Y, "'brands'", "'own_brands'", shop="margins: {brands: [Ours]}\n"),
    named("delimiter of two letters", Y, "'::'", "';'", shop='delimiter: "::"\n'),
    named("time format without fields", Y, "'day first'", "%d", shop="time_format: day first\n"),
    named("time format with a field twice", Y, "'%Y-%Y'", "%d", shop='time_format: "%Y-%Y"\n'),
    named("nested without end", Y, "too deeply", "name: value", shop="{" * 1000),
    named("alias", f"{Y}, row 2", "alias", "name: value", shop="events: &a {b: view}\ncolumns: *a\n"),
    named("time format with an unknown field", Y, "'%Y-%Q'", "%d", shop='time_format: "%Y-%Q"\n'),
    named("event word onto an unknown one", Y, "'sold'", "'purchase'", shop="events: {buy: sold}\n"),
    named("settings under another ending", "shop.yml", "ignored", "shop.yaml", shop__yml="name: tea\n"),
]
ROWS = [
    named(
        "item twice",
        f"{P}, row 5, column 'item_id'",
        "'A1' is in row 2",
        "one row for each item_id",
        product_data__csv=PRODUCT_DATA + "A1,Tea again,Drinks,Leaf,2\n",
    ),
    named(
        "user twice",
        "users.csv, row 4, column 'user_id'",
        "'007' is in row 2",
        "one row for each user_id",
        users__csv="user_id,city\n007,Lyon\n008,Paris\n007,Nice\n",
    ),
    named(
        "other identifiers in the catalogue",
        f"{U}, column 'item_id'",
        "'A1'",
        "alike",
        product_data__csv=PRODUCT_DATA.replace("\nA", "\n0"),
    ),
    named(
        "times day first",
        f"{U}, row 2, column 'time'",
        "'31.01.2021'",
        "time_format",
        user_data__csv=rows("7,A1,31.01.2021,view,1,1", "8,A1,30.01.2021,view,1,1"),
    ),
    named(
        "days counted by a spreadsheet",
        f"{U}, row 2, column 'time'",
        "'44197'",
        "as a date",
        user_data__csv=rows("7,A1,44197,view,1,1", "8,A1,44198.5,view,1,1"),
    ),
    named(
        "identifiers shortened by a spreadsheet",
        f"{U}, row 2, column 'user_id'",
        "'8.80014E+11'",
        "as text",
        user_data__csv=rows("8.80014E+11,A1,2021-01-01,view,1,1"),
    ),
    named(
        "most items in another spelling",
        f"{U}, column 'item_id'",
        "nor are the items of 2 of 3 rows; the catalogue has identifiers such as '1001'",
        "alike",
        user_data__csv=rows("7,1001.5,2021-01-01,view,1,1", "7,1001.5,2021-01-02,view,1,1", "7,A1,2021-01-02,view,1,1"),
        product_data__csv=PRODUCT_DATA + "1001,Salt,Pantry,Sweet,1\n",
    ),
    named(
        "most purchases in another spelling",
        f"{U}, column 'item_id'",
        "nor are the items of 1 of 1 purchases; the catalogue has identifiers such as 'A1'",
        "alike",
        user_data__csv=rows("7,A1,2021-01-01,view,1,1", "7,A1,2021-01-02,view,1,1", "7,A1.0,2021-01-02,purchase,1,1"),
    ),
    named(
        "times counted",
        f"{U}, row 2, column 'time'",
        "'1609459200'",
        "epoch_ms",
        user_data__csv=rows("7,A1,1609459200,view,1,1"),
    ),
    named(
        "wrong time format",
        f"{U}, row 2, column 'time'",
        "'2021-01-04 10:00'",
        "time_format",
        shop="time_format: '%d.%m.%Y'\n",
    ),
    named(
        "decimal comma",
        f"{U}, row 2, column 'price'",
        "'1,5'",
        "decimal",
        user_data__csv=rows("7;A1;2021-01-01;view;1;1,5", header="user_id;item_id;time;event;quantity;price"),
    ),
    named(
        "unquoted decimal comma",
        f"{U}, row 2",
        "7 fields instead of 6",
        "quotes",
        user_data__csv=rows("7,A1,2021-01-01,view,1,1,5"),
    ),
    named(
        "currency signs",
        f"{U}, row 2, column 'price'",
        "'$1.50'",
        "without units",
        user_data__csv=rows("7,A1,2021-01-01,view,1,$1.50"),
    ),
    named(
        "unknown events",
        f"{U}, row 2, column 'event'",
        "'bought'",
        "events:",
        user_data__csv=rows("7,A1,2021-01-01,bought,1,1"),
    ),
    named(
        "nothing but returns",
        f"{U}, row 2, column 'quantity'",
        "'-1'",
        "correct the sign",
        user_data__csv=rows("7,A1,2021-01-01,purchase,-1,1"),
    ),
    named(
        "nobody named",
        f"{U}, row 2, column 'user_id'",
        "missing",
        "fill",
        user_data__csv=rows(",A1,2021-01-01,view,1,1"),
    ),
    named(
        "bundles of other items",
        "bundles.csv, row 2, column 'item_id'",
        "'X1'",
        "alike",
        bundles__csv="bundle_id,item_id\nB1,X1\n",
    ),
    named(
        "events of other bundles",
        "bundle_events.csv, row 2, column 'bundle_id'",
        "'B1'",
        "alike",
        bundles__csv=BUNDLES.replace("B", "C"),
        bundle_events__csv=BUNDLE_EVENTS,
    ),
    named(
        "times with offset in one table only",
        f"{U}, column 'time'",
        "no offset",
        "timezone",
        bundles__csv=BUNDLES,
        bundle_events__csv=BUNDLE_EVENTS.replace("2021-01-04", "2021-01-04T10:00:00Z"),
    ),
]
STRICT = [
    named(f"strict: {name}", where, value, "strict=False", strict=True, user_data__csv=ONE_BAD.format(line))
    for name, where, value, line in (
        ("time that is none", f"{U}, row 7, column 'time'", "'2021-02-30'", "9,A1,2021-02-30,view,1,1"),
        ("time long ago", f"{U}, row 7, column 'time'", "'1021-02-03'", "9,A1,1021-02-03,view,1,1"),
        ("negative price", f"{U}, row 7, column 'price'", "'-0.01'", "9,A1,2021-02-03,view,1,-0.01"),
        ("price without end", f"{U}, row 7, column 'price'", "'1e999'", "9,A1,2021-02-03,view,1,1e999"),
        ("quantity in words", f"{U}, row 7, column 'quantity'", "'two'", "9,A1,2021-02-03,view,two,1"),
        ("item missing", f"{U}, row 7, column 'item_id'", "missing", "9,,2021-02-03,view,1,1"),
        ("unknown event", f"{U}, row 7, column 'event'", "'klick'", "9,A1,2021-02-03,klick,1,1"),
        ("too many fields", f"{U}, row 7", "'9,A1,2021-02-03,view,1,1,0'", "9,A1,2021-02-03,view,1,1,0"),
        ("too few fields", f"{U}, row 7", "'9,A1'", "9,A1"),
        (
            "line break inside an identifier",
            f"{U}, row 7, column 'item_id'",
            "line break",
            '9,"A1\nA2",2021-02-03,view,1,1',
        ),
    )
]
PARQUET = [
    named(
        "parquet that is none",
        "user_data.parquet",
        "b'user'",
        "write the file again",
        **NO_CSV,
        user_data__parquet=USER_DATA,
    ),
    named(
        "parquet cut short",
        "user_data.parquet",
        "not a whole parquet file",
        "write the file again",
        **NO_CSV,
        user_data__parquet=log()[:-200],
    ),
    named(
        "parquet damaged inside",
        "user_data.parquet",
        "not a whole parquet file",
        "write the file again",
        **NO_CSV,
        user_data__parquet=b"PAR1" + b"\xff" * 60 + log()[64:],
    ),
    named(
        "parquet without rows",
        "user_data.parquet",
        "no rows",
        "one row",
        **NO_CSV,
        user_data__parquet=parquet(pd.read_parquet(io.BytesIO(log())).head(0)),
    ),
    named(
        "identifiers as fractions",
        "user_data.parquet, column 'user_id'",
        "double",
        "text",
        **NO_CSV,
        user_data__parquet=log(user_id=[7.0, None, 8.0, 8.0, 9.0]),
    ),
    named(
        "times as counts",
        "user_data.parquet, column 'time'",
        "int64",
        "time_format",
        **NO_CSV,
        user_data__parquet=log(time=[1, 2, 3, 4, 5]),
    ),
    *(
        named(
            f"{name} that overflow",
            "user_data.parquet, row 1, column 'time'",
            "outside 1900 to 2099",
            "time_format",
            **NO_CSV,
            user_data__parquet=at_times(pa.array([at] * 5, raw).cast(kind)),
        )
        for name, at, raw, kind in (
            ("dates", 2**31 - 1, pa.int32(), pa.date32()),
            ("negative times", -(2**63), pa.int64(), pa.timestamp("ms")),
            ("nanoseconds called milliseconds", 1_609_459_200 * 10**9, pa.int64(), pa.timestamp("ms")),
        )
    ),
    named(
        "prices as truth values",
        "user_data.parquet, column 'price'",
        "bool",
        "numbers",
        **NO_CSV,
        user_data__parquet=log(price=[True, False, True, True, True]),
    ),
    named(
        "events as numbers",
        "user_data.parquet, column 'event'",
        "int64",
        "text",
        **NO_CSV,
        user_data__parquet=log(event=1),
    ),
    named(
        "parquet without a column",
        "user_data.parquet",
        "'item_id'",
        "shop.yaml",
        **NO_CSV,
        user_data__parquet=parquet(pd.read_parquet(io.BytesIO(log())).drop(columns="item_id")),
    ),
    named(
        "negative prices in parquet",
        "user_data.parquet, row 1, column 'price'",
        "'-1.0'",
        "correct the sign",
        **NO_CSV,
        user_data__parquet=log(price=-1.0),
    ),
]
CASES = FILES + ENCODINGS + COLUMNS + SETTINGS + ROWS + STRICT + PARQUET


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_one_clear_error(case, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(out))
    folder = write_folder(tmp_path / "corner_shop", case.changes)
    before = snapshot(folder)
    with pytest.raises(BundlebookError) as caught:
        load_shop(folder, strict=case.strict)
    error = caught.value
    assert error.where.startswith(case.where or "corner_shop")
    assert case.value in error.problem
    assert case.remedy in error.remedy
    assert str(tmp_path) not in str(error), "a message must not tell where on a disk the folder lies"
    assert error.problem[0] not in " :" and "\n" not in error.problem
    assert snapshot(folder) == before
    assert not out.exists(), "a refused folder leaves nothing behind"


def test_the_sound_folder_loads(tmp_path):
    shop = load_shop(write_folder(tmp_path / "corner_shop"), strict=True)
    assert len(shop.events) == 5
    assert shop.quarantine.empty


def test_at_least_thirty_malformed_folders():
    print(f"\n{len(CASES)} malformed folders")
    assert len({case.name for case in CASES}) == len(CASES) >= 30


@pytest.mark.parametrize("source", ["", "no_such_shop", 7, None], ids=repr)
def test_a_source_that_is_no_shop(source):
    with pytest.raises(BundlebookError, match="completejourney"):
        load_shop(source)


def test_a_file_is_no_folder(tmp_path):
    folder = write_folder(tmp_path)
    with pytest.raises(BundlebookError, match=r"user_data\.csv.*file, not a folder"):
        load_shop(folder / "user_data.csv")


def test_a_folder_in_place_of_a_file(tmp_path):
    folder = write_folder(tmp_path, {"user_data.csv": None})
    (folder / "user_data.csv").mkdir()
    with pytest.raises(BundlebookError, match=r"user_data\.csv: this is no file"):
        load_shop(folder)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"user_id\n" + b"7\n" * (1 << 20), "no column 'item_id'"),
        (b"7" * (2 << 20), "longer than"),
    ],
    ids=["one column", "one line"],
)
def test_two_gigabytes_of_one_column_are_refused_unread(tmp_path, monkeypatch, head, problem):
    folder = write_folder(tmp_path)
    path = folder / "user_data.csv"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(2 << 30)
    read = []
    monkeypatch.setattr(type(path), "read_bytes", lambda self: read.append(self.name) or b"")
    with pytest.raises(BundlebookError, match=problem) as caught:
        load_shop(folder)
    assert caught.value.where == "user_data.csv, row 1"
    assert path.name not in read


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_that_does_not_fit_is_refused_unread(tmp_path, monkeypatch, ending):
    changes = {"user_data.csv": None, "user_data.parquet": log()} if ending == "parquet" else {}
    folder = write_folder(tmp_path, changes)
    monkeypatch.setattr(rawfile, "available_memory", lambda: 500)
    with pytest.raises(BundlebookError, match=r"needs about .* GB of memory") as caught:
        load_shop(folder)
    assert caught.value.where == f"user_data.{ending}"
    assert "larger machine" in caught.value.remedy


def test_a_long_text_that_is_stored_once_and_stands_in_every_row_is_counted(tmp_path, monkeypatch):
    """A file of 10 kB held 2 GB: a dictionary page stores a value once, however often it occurs."""
    table = pq.read_table(io.BytesIO(log()))
    note = pa.array(["y" * 200_000] * len(table)).dictionary_encode()
    folder = write_folder(
        tmp_path, {"user_data.csv": None, "user_data.parquet": parquet(table.append_column("note", note))}
    )
    written_out = 200_000 * len(table)
    assert (folder / "user_data.parquet").stat().st_size < written_out / 4
    monkeypatch.setattr(rawfile, "available_memory", lambda: 2 * written_out)
    with pytest.raises(BundlebookError, match=r"needs about .* GB of memory"):
        load_shop(folder)
    monkeypatch.setattr(rawfile, "available_memory", lambda: 4 * written_out)
    assert load_shop(folder).events["note"].str.len().eq(200_000).all()


def test_parquet_that_unpacks_into_more_memory_than_there_is(tmp_path, monkeypatch):
    folder = write_folder(tmp_path, {"user_data.csv": None, "user_data.parquet": log()})

    def fail(source):
        raise pa.ArrowMemoryError("realloc of size 8589934592 failed")

    monkeypatch.setattr(pq, "read_table", fail)
    with pytest.raises(BundlebookError, match="more memory than is free") as caught:
        load_shop(folder)
    assert "larger machine" in caught.value.remedy


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a thing of Unix")
def test_settings_that_are_a_pipe(tmp_path):
    folder = write_folder(tmp_path)
    os.mkfifo(folder / "shop.yaml")
    with pytest.raises(BundlebookError, match=r"shop\.yaml: this is a device or a pipe"):
        load_shop(folder)


@st.composite
def damages(draw):
    """A file of the folder, and bytes that are overwritten, cut out or put in somewhere."""
    name = draw(st.sampled_from(["user_data.csv", "user_data.parquet", "product_data.csv", "bundles.csv", "shop.yaml"]))
    odd = st.sampled_from([b'"', b",", b"\n", b"\r", b"\xff", b"\xe5\x95\x86", b"-", b"\0", b"&a *a", b"{{", b"9" * 30])
    edit = st.tuples(st.floats(0, 1), st.integers(0, 30), odd | st.binary(max_size=3))
    return name, draw(st.lists(edit, min_size=1, max_size=6))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=damages())
def test_any_damage_ends_in_a_whole_shop_or_one_clear_error(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))
    name, edits = damage
    files = {
        "bundles.csv": BUNDLES,
        "shop.yaml": "name: tea\ncolumns: {user_data: {user_id: user_id}}\nsimulated: true\n",
    }
    if name == "user_data.parquet":
        files |= {"user_data.csv": None, name: log()}
    sound = {"user_data.csv": USER_DATA, "product_data.csv": PRODUCT_DATA, **files}[name]
    content = sound.encode() if isinstance(sound, str) else sound
    for place, cut, put in edits:
        start = int(place * len(content))
        content = content[:start] + put + content[start + cut :]
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), files | {name: content})
        try:
            shop = load_shop(folder)
        except BundlebookError as error:
            assert error.remedy
        else:
            assert (shop.intake["rows"] == shop.intake["kept"] + shop.intake["set_aside"]).all()
            assert shop.intake["set_aside"].sum() == len(shop.quarantine)
