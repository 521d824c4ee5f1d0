"""Loading folders: what is read, what is assumed, and that no row is lost on the way."""

import csv
import io
import re
import unicodedata
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.shop import MarginPolicy, clean, group_baskets, load_shop
from bundlebook.shop.schema import TABLES
from tests.shop.folders import BUNDLE_EVENTS, BUNDLES, PRODUCT_DATA, USER_DATA, USERS, write_folder

#: One row for every fault that can be set aside, behind the six lines of the sound log.
BAD_ROWS = {
    "9,A1,2021-02-30,view,1,1": ("time", "2021-02-30", "not a time, year first"),
    "9,A1,,view,1,1": ("time", "", "missing"),
    "9,A1,0021-02-03,view,1,1": ("time", "0021-02-03", "a time outside 1900 to 2099"),
    "9,A1,2021-02-03,view,1,-0.5": ("price", "-0.5", "negative"),
    "9,A1,2021-02-03,view,1,1e999": ("price", "1e999", "not a finite number"),
    "9,A1,2021-02-03,view,-1,1": ("quantity", "-1", "negative"),
    "9,A1,2021-02-03,view,two,1": ("quantity", "two", "not a number"),
    ",A1,2021-02-03,view,1,1": ("user_id", "", "missing"),
    "9,NULL,2021-02-03,purchase,1,1": ("item_id", "NULL", "missing"),
    "9,A1,2021-02-03,klick,1,1": ("event", "klick", "none of view, search, cart, purchase"),
    "9,A1,2021-02-03,,1,1": ("event", "", "missing"),
    "9,A1,2021-02-03,view,1,1,7": ("", "9,A1,2021-02-03,view,1,1,7", "7 fields instead of 6"),
    "9": ("", "9", "1 field instead of 6"),
}


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    """Every test has its own folder of outputs."""
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))
    return tmp_path / "out"


def load(folder, changes=None, **options):
    return load_shop(write_folder(folder, changes), **options)


def add_up(shop) -> bool:
    """Rows found = rows kept + rows set aside, in each file and against the tables themselves."""
    kept = {"user_data": shop.events, "product_data": shop.products, "users": shop.users, "bundles": shop.bundles}
    kept["bundle_events"] = shop.bundle_events
    counted = shop.quarantine["file"].value_counts()
    return all(
        file.rows == file.kept + file.set_aside
        and file.kept == len(kept[file.name.split(".")[0]])
        and file.set_aside == counted.get(file.name, 0)
        for file in shop.files
        if file.name != "shop.yaml"
    )


def test_a_folder_of_all_tables(tmp_path):
    changes = {"users.csv": USERS, "bundles.csv": BUNDLES, "bundle_events.csv": BUNDLE_EVENTS}
    shop = load(tmp_path / "corner_shop", changes, strict=True)
    assert shop.name == "corner_shop"
    assert shop.real
    assert shop.events["user_id"].tolist() == ["007", "007", "008", "008", "009"]
    assert shop.events["time"].iloc[2] == pd.Timestamp("2021-02-11 18:30")
    assert shop.events["quantity"].dtype == np.int64
    assert shop.events["price"].tolist() == [2.5, 2.5, 4.0, 1.25, 2.4]
    assert (shop.events.dtypes[["user_id", "item_id", "event"]] == "str").all()
    assert [len(shop.users), len(shop.bundles), len(shop.bundle_events)] == [2, 3, 2]
    assert shop.intake["rows"].tolist() == [5, 3, 2, 3, 2]
    assert add_up(shop)
    assert shop.notes == ()
    assert len(shop.checksum.split("-")) == 5


def test_rows_that_cannot_be_used_are_set_aside_with_their_reason(tmp_path, out):
    sound = USER_DATA.splitlines()
    lines = sound + sound[1:] * 4 + list(BAD_ROWS)
    shop = load(tmp_path / "corner_shop", {"user_data.csv": "\n".join(lines)})
    first = len(sound) * 5 - 4 + 1
    assert shop.quarantine["row"].tolist() == list(range(first, first + len(BAD_ROWS)))
    assert list(zip(*(shop.quarantine[c] for c in ("column", "value", "reason")), strict=True)) == list(
        BAD_ROWS.values()
    )
    assert (shop.quarantine["file"] == "user_data.csv").all()
    assert len(shop.events) == 25
    assert add_up(shop)
    written = sorted(out.rglob("*"))
    assert [path.name for path in written if path.is_file()] == [f"corner_shop-{shop.checksum[:8]}.csv"]
    stored = pd.read_csv(written[-1], keep_default_na=False)
    stored["revenue"] = pd.to_numeric(stored["revenue"])
    pd.testing.assert_frame_equal(stored, shop.quarantine, check_dtype=False)
    assert written[-1].name in shop.notes[-1] and "13 of 41 rows" in shop.notes[-1]


def test_nothing_is_written_when_nothing_is_set_aside(tmp_path, out):
    load(tmp_path / "corner_shop")
    assert not out.exists()


def test_the_quarantine_goes_where_the_reader_says(tmp_path, out):
    folder = write_folder(tmp_path / "corner_shop", {"user_data.csv": USER_DATA + next(iter(BAD_ROWS))})
    load_shop(folder, quarantine=tmp_path / "aside")
    assert [path.name for path in (tmp_path / "aside").iterdir()] == ["quarantine.csv"]
    assert not out.exists()
    write_folder(folder)
    load_shop(folder, quarantine=tmp_path / "aside")
    assert not list((tmp_path / "aside").iterdir()), "a quarantine of an earlier load would speak of rows that are used"


def test_the_readers_folder_is_left_alone(tmp_path):
    folder = write_folder(tmp_path / "corner_shop", {"user_data.csv": USER_DATA + "\n".join(BAD_ROWS).split("\n")[0]})
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    load_shop(folder)
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before


def test_a_quarantine_is_written_whole_or_not_at_all(tmp_path, out, monkeypatch):
    folder = write_folder(tmp_path / "corner_shop", {"user_data.csv": USER_DATA + next(iter(BAD_ROWS))})

    def fail(self, path, **options):
        path.write_text("file,row,col")
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(OSError, match="no space"):
        load_shop(folder)
    assert not [path for path in out.rglob("*") if path.is_file()]


def test_strict_loads_what_is_sound_and_refuses_the_first_bad_row(tmp_path):
    folder = write_folder(tmp_path, {"user_data.csv": USER_DATA + next(iter(BAD_ROWS))})
    assert len(load_shop(folder).events) == 5
    with pytest.raises(BundlebookError, match=r"row 7, column 'time'.*2021-02-30"):
        load_shop(folder, strict=True)


def test_rows_are_numbered_as_an_editor_does(tmp_path):
    catalogue = (
        'item_id,name,price\n\nA1,"Tea\n in two lines",1\n\n\nA2,Coffee,-4\nA3,Sugar,2\nA4\nA5,Salt,x\nA6,Pepper,1\n'
    )
    shop = load(tmp_path, {"product_data.csv": catalogue})
    assert list(zip(shop.quarantine["row"], shop.quarantine["value"], strict=True)) == [(7, "-4"), (9, "A4"), (10, "x")]
    lines = catalogue.splitlines()
    assert [lines[row - 1][:2] for row in shop.quarantine["row"]] == ["A2", "A4", "A5"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=repr)
def test_every_line_end_is_read_and_counted(tmp_path, line_end):
    lines = [*USER_DATA.splitlines(), "9,A1,never,view,1,1", "9,A1"]
    shop = load(tmp_path, {"user_data.csv": line_end.join(lines).encode()})
    assert len(shop.events) == 5
    assert shop.quarantine["row"].tolist() == [7, 8]


def test_a_bundle_s_item_listed_twice_is_set_aside(tmp_path):
    shop = load(tmp_path, {"bundles.csv": BUNDLES + "B1,A1\nB3,ZZ\n"})
    assert shop.quarantine["reason"].tolist() == ["a duplicate of an earlier row", "not in product_data.csv"]
    assert len(shop.bundles) == 3
    assert add_up(shop)


def test_absent_columns_are_taken_as_documented_and_said(tmp_path):
    shop = load(
        tmp_path,
        {
            "user_data.csv": "user_id,item_id,time\n1,1001,2021-01\n1,1002,2021-02\n1,1009,2021-03\n",
            "product_data.csv": "item_id,price\n1001,5\n1002,\n",
        },
    )
    assert shop.events["event"].tolist() == ["purchase"] * 3
    assert shop.events["quantity"].tolist() == [1, 1, 1]
    assert shop.events["price"].fillna(-1).tolist() == [5, -1, -1]
    assert shop.products["name"].tolist() == ["1001", "1002"]
    assert shop.products[["category", "brand"]].isna().all(axis=None)
    assert shop.levels == ["item_id"]
    assert len(shop.notes) == 7
    text = "\n".join(shop.notes)
    for said in (
        "every row was taken as a purchase",
        "one unit",
        "(1 of 3 rows)",
        "1 row names 1 item that is not in",
        "no column brand",
    ):
        assert said in text


def test_blank_cells_stay_missing_where_they_may(tmp_path):
    log = USER_DATA + "010,,2021-03-02,search,,\n010,A1,2021-03-02,purchase,NA,nan\n"
    shop = load(tmp_path, {"user_data.csv": log}, strict=True)
    assert shop.events["quantity"].isna().tolist() == [False] * 5 + [True] * 2
    assert shop.events["price"].isna().sum() == 2
    assert shop.events["item_id"].isna().sum() == 1


def test_the_log_of_the_article_with_chinese_columns_and_months(tmp_path):
    settings_file = """
name: 张三
currency: ¥
columns:
  user_data: {用户: user_id, 时间: time, 商品ID: item_id, 购买数量: quantity}
  product_data.csv: {商品ID: item_id, 名称: name, 类别: category}
"""
    log = "用户,时间,商品ID,购买数量\n"
    log += "张三,2021-01,1001,1\n张三,2021-02,1002,2\n张三,2021-03,1003,1\n张三,2021-04,1004,3\n"
    catalogue = "商品ID,名称,类别\n1001,手机,数码\n1002,耳机,数码\n1003,茶叶,食品\n1004,咖啡,食品\n"
    for number, encoding in enumerate(["utf-8", "utf-8-sig", "gb18030", "utf-16"]):
        files = {"user_data.csv": log.encode(encoding), "product_data.csv": catalogue.encode(encoding)}
        declared = "encoding: gb18030\n" if encoding == "gb18030" else ""
        shop = load(tmp_path / str(number), {**files, "shop.yaml": settings_file + declared}, strict=True)
        assert shop.name == "张三"
        assert shop.events["user_id"].unique().tolist() == ["张三"]
        assert shop.events["item_id"].tolist() == ["1001", "1002", "1003", "1004"]
        assert shop.events["quantity"].tolist() == [1, 2, 1, 3]
        assert shop.events["time"].dt.strftime("%Y-%m-%d").tolist() == [f"2021-0{month}-01" for month in (1, 2, 3, 4)]
        assert shop.products["name"].tolist() == ["手机", "耳机", "茶叶", "咖啡"]
        assert shop.files[-1].name == "shop.yaml"
        assert group_baskets(shop).n_baskets == 4


def test_a_shop_says_what_its_margins_are_like(tmp_path):
    told = load(
        tmp_path / "told", {"shop.yaml": "margins: {own_brands: [Ours], own_brand: 0.08, departments: {茶: -0.02}}\n"}
    )
    assert told.margins == MarginPolicy(("Ours",), 0.08, {"茶": -0.02})
    assert load(tmp_path / "silent", {}).margins == MarginPolicy(), "nothing is assumed of a shop that says nothing"


def test_a_chinese_word_that_is_valid_utf8_too_is_read_as_declared(tmp_path):
    catalogue = PRODUCT_DATA + "A4,模,饮料,,2\nA5,茶叶,饮料,,2\nA6,模,,,2\n"
    assert "模".encode("gbk").decode("utf-8") == "ģ"
    changes = {"product_data.csv": catalogue.encode("gbk"), "shop.yaml": "encoding: gbk\n"}
    shop = load(tmp_path, changes, strict=True)
    assert shop.products["name"].tolist()[-3:] == ["模", "茶叶", "模"]


def test_a_declared_encoding_decimal_comma_and_delimiter(tmp_path):
    catalogue = "item_id;name;price\nA1;Café;2,50\nA2;Thé;0,9\nA3;Miel;\n".encode("cp1252")
    shop = load(
        tmp_path,
        {
            "product_data.csv": catalogue,
            "user_data.csv": USER_DATA.replace(",", "\t").replace(".", ","),
            "shop.yaml": 'encoding: cp1252\ndecimal: ","\n',
        },
    )
    assert shop.products["name"].tolist() == ["Café", "Thé", "Miel"]
    assert shop.products["price"].fillna(0).tolist() == [2.5, 0.9, 0]


def test_events_are_mapped_and_read_in_any_case(tmp_path):
    log = "who,what,time,kind\n1,A1,2021-01-01,购买\n1,A2,2021-01-01,PV\n2,A3,2021-01-01, Purchase \n"
    settings_file = (
        "columns: {user_data: {who: user_id, what: item_id, kind: event}}\nevents: {购买: purchase, pv: view}\n"
    )
    shop = load(tmp_path, {"user_data.csv": log, "shop.yaml": settings_file}, strict=True)
    assert shop.events["event"].tolist() == ["purchase", "view", "purchase"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2021-01", "2021-01-01"),
        ("2021-1", "2021-01-01"),
        ("2021/1/5", "2021-01-05"),
        ("20210105", "2021-01-05"),
        ("2021年1月5日", "2021-01-05"),
        ("2021年1月", "2021-01-01"),
        ("2021-01-05 8:06", "2021-01-05 08:06"),
        ("2021-01-05T23:59:59.5", "2021-01-05 23:59:59.5"),
        ("2021-01-05 10:00:00 UTC", "2021-01-05 10:00"),
        ("2021-01-05T10:00:00+08:00", "2021-01-05 10:00"),
        ("2021-01-05T10:00:00-0330", "2021-01-05 10:00"),
        ("2021-01-05T10:00:00Z", "2021-01-05 10:00"),
    ],
)
def test_times_year_first(tmp_path, written, read):
    shop = load(tmp_path, {"user_data.csv": f"user_id,item_id,time\n1,A1,{written}\n"}, strict=True)
    assert shop.events["time"].tolist() == [pd.Timestamp(read)]
    zones = {"UTC": "UTC", "0Z": "UTC", "+08:00": "UTC+08:00", "-0330": "UTC-03:30"}
    assert shop.timezone == next((zone for ending, zone in zones.items() if written.endswith(ending)), None)


@pytest.mark.parametrize("written", ["2021", "01/02/2021", "1609459200", "2021-13", "2021-01-05 25:00", "soon"])
def test_times_that_could_mean_anything_are_not_guessed(tmp_path, written):
    folder = write_folder(tmp_path, {"user_data.csv": f"user_id,item_id,time\n1,A1,{written}\n"})
    with pytest.raises(BundlebookError, match="not a time"):
        load_shop(folder)


@pytest.mark.parametrize(
    ("time_format", "written", "timezone", "read"),
    [
        ("%d.%m.%Y %H:%M", "05.01.2021 8:30", None, "2021-01-05 08:30"),
        ("epoch_s", "1609841400", None, "2021-01-05 10:10"),
        ("epoch_ms", "1609841400000", "Asia/Shanghai", "2021-01-05 18:10"),
        ("%Y-%m-%d %H:%M %z", "2021-01-05 18:10 +0800", "Asia/Shanghai", "2021-01-05 18:10"),
    ],
)
def test_times_in_a_named_format(tmp_path, time_format, written, timezone, read):
    zone = f"timezone: {timezone}\n" if timezone else ""
    shop = load(
        tmp_path,
        {
            "user_data.csv": f"user_id,item_id,time\n1,A1,{written}\n",
            "shop.yaml": f'time_format: "{time_format}"\n{zone}',
        },
        strict=True,
    )
    assert shop.events["time"].tolist() == [pd.Timestamp(read)]
    assert shop.timezone == shop.local_timezone == (timezone or (None if "%d" in time_format[:2] else "UTC"))


def test_a_time_without_offset_among_others_is_set_aside_unless_the_zone_is_known(tmp_path):
    log = "user_id,item_id,time\n1,A1,2021-01-05T10:00Z\n1,A2,2021-01-06 10:00\n1,A2,2021-01-06 10:00+01:00\n"
    folder = write_folder(tmp_path, {"user_data.csv": log})
    assert load_shop(folder).quarantine["reason"].tolist() == ["a time without offset among times with one"]
    write_folder(folder, {"user_data.csv": log, "shop.yaml": "timezone: Europe/Paris\n"})
    times = load_shop(folder, strict=True).events["time"]
    assert times.dt.strftime("%d %H:%M").tolist() == ["05 11:00", "06 10:00", "06 10:00"]


def test_an_offset_that_all_times_share_is_the_clock_of_the_shop(tmp_path):
    log = "user_id,item_id,time\nu,A1,2021-01-02T07:30+08:00\nu,A2,2021-01-02T08:30+08:00\n"
    log += "v,A1,2021-01-02T23:00+08:00\nv,A2,2021-01-03T07:00+08:00\n"
    shop = load(tmp_path / "one", {"user_data.csv": log})
    assert group_baskets(shop).sizes().tolist() == [2, 1, 1]
    assert any("clock UTC+08:00" in note for note in shop.notes)
    shown = BUNDLE_EVENTS.replace("2021-01-04", "2021-01-04T20:00Z")
    two = load(tmp_path / "two", {"user_data.csv": log, "bundles.csv": BUNDLES, "bundle_events.csv": shown})
    assert two.bundle_events["time"].dt.strftime("%d %H:%M").tolist() == ["05 04:00"] * 2
    frame = pd.read_csv(io.StringIO(log), dtype=str)
    write_folder(tmp_path / "three", {"user_data.csv": None})
    times = pd.to_datetime(frame["time"]).dt.tz_convert("Asia/Shanghai")
    frame.assign(time=times).to_parquet(tmp_path / "three" / "user_data.parquet", index=False)
    three = load_shop(tmp_path / "three")
    assert three.events["time"].tolist() == shop.events["time"].tolist()
    assert three.timezone == "Asia/Shanghai"


def test_times_of_several_offsets_are_brought_to_utc_and_keep_the_hour_that_autumn_repeats(tmp_path):
    log = "user_id,item_id,time\nu,A1,2021-03-28T00:30+01:00\nu,A2,2021-03-28T03:30+02:00\n"
    log += "v,A1,2021-10-31T02:30+02:00\nv,A2,2021-10-31T02:30+01:00\n"
    shop = load(tmp_path, {"user_data.csv": log})
    assert shop.events["time"].dt.strftime("%d %H:%M").tolist() == ["27 23:30", "28 01:30", "31 00:30", "31 01:30"]
    assert any("UTC days" in note for note in shop.notes)
    write_folder(tmp_path, {"user_data.csv": log, "shop.yaml": "local_timezone: Europe/Berlin\n"})
    local = clean(load_shop(tmp_path))[0].events["time"]
    assert local.dt.strftime("%d %H:%M").tolist() == ["28 00:30", "28 03:30", "31 02:30", "31 02:30"]


def test_identifiers_are_spelt_alike_however_they_were_exported(tmp_path):
    catalogue = "item_id,name\n1001,Salt\ncaf\u00e9,Coffee\n"
    lines = ["1.0,1001.0", "1,1001", "2.0,1001.0", "3,cafe\u0301", "3,\u200bcaf\u00e9\ufeff", "3,ca\u200bf\u00e9"]
    log = "user_id,item_id,time\n" + "".join(f"{line},2021-01-0{day}\n" for day, line in enumerate(lines, 1))
    shop = load(tmp_path / "a", {"user_data.csv": log, "product_data.csv": catalogue}, strict=True)
    assert shop.events["item_id"].tolist() == ["1001"] * 3 + ["caf\u00e9"] * 3
    assert shop.events["user_id"].tolist() == ["1", "1", "2", "3", "3", "3"]
    assert not shop.losses["rows"].sum()


def test_identifiers_that_a_spreadsheet_shortened_are_set_aside(tmp_path):
    ids = ["8.80014E+11", "8,8E+11", "9e+12", "1E5", "A1E+10", "7", "8", "9"]
    log = "user_id;item_id;time\n" + "".join(f"{user};A1;2021-01-04\n" for user in ids)
    shop = load(tmp_path, {"user_data.csv": log, "shop.yaml": "delimiter: ';'\n", "product_data.csv": "item_id\nA1\n"})
    assert shop.quarantine["value"].tolist() == ids[:3]
    assert shop.events["user_id"].tolist() == ids[3:]


def test_cells_that_stand_for_nothing_are_no_identifiers(tmp_path):
    log = USER_DATA + "nan,A1,2021-01-04,view,1,1\n9,None,2021-01-04,view,1,1\n9,N/A,2021-01-04,view,1,1\n"
    shop = load(tmp_path, {"user_data.csv": log})
    assert shop.quarantine["reason"].tolist() == ["missing"] * 3
    assert shop.losses["rows"].tolist() == [2, 1]


def test_a_folder_called_like_the_real_shop_is_not_taken_for_it(tmp_path):
    for name in ("completejourney", "sample"):
        folder = write_folder(tmp_path / name, {"product_data.csv": PRODUCT_DATA.replace("Drinks", "COUPON")})
        shop = load_shop(folder)
        assert shop.name == f"folder {name}" and shop.campaigns is None
        assert len(clean(shop)[0].events) == 5


def test_a_zone_in_the_settings_is_the_clock(tmp_path):
    log = "user_id,item_id,time\n1,A1,2021-01-02T07:30+08:00\n1,A2,2021-01-02T08:30+08:00\n"
    shop = load(tmp_path / "b", {"user_data.csv": log, "shop.yaml": "timezone: Asia/Shanghai\n"})
    assert shop.events["time"].dt.strftime("%d %H:%M").tolist() == ["02 07:30", "02 08:30"]
    assert not any("UTC" in note for note in shop.notes)


def test_invisible_blanks_around_a_column_s_name_do_not_count(tmp_path):
    log = "\u200b user_id\xa0,item_id ,\ufeff\u200btime\n1,A1,2021-01-02\n"
    assert load(tmp_path, {"user_data.csv": log}, strict=True).events["user_id"].tolist() == ["1"]


def test_a_log_of_many_columns_is_put_together_at_once(tmp_path):
    """Columns added one by one take time with the square of their number."""
    names = [f"x{i}" for i in range(300)]
    log = ",".join(["user_id", "item_id", "time", *names]) + "\n1,A1,2021-01-02" + ",1" * len(names) + "\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        shop = load(tmp_path, {"user_data.csv": log}, strict=True)
    assert shop.events[names].eq(1).all(axis=None)


def test_the_written_quarantine_runs_no_formula(tmp_path):
    cells = ["=1+1", "@SUM(A1)", "+1", "-1", "-A1"]
    log = USER_DATA + "".join(f"9,A1,2021-01-01,view,{cell},1\n" for cell in cells)
    shop = load(tmp_path / "shop", {"user_data.csv": log}, quarantine=tmp_path / "aside")
    assert shop.quarantine["value"].tolist() == cells
    stored = pd.read_csv(tmp_path / "aside" / "quarantine.csv", dtype=str)
    assert stored["value"].tolist() == ["'=1+1", "'@SUM(A1)", "'+1", "-1", "'-A1"]


def test_simulated_folders_say_so(tmp_path):
    shop = load(tmp_path, {"shop.yaml": "simulated: true\ntimezone: UTC\nlocal_timezone: Asia/Shanghai\ncurrency: ¥\n"})
    assert (shop.real, shop.timezone, shop.local_timezone, shop.currency) == (False, "UTC", "Asia/Shanghai", "¥")


def test_settings_belong_to_the_identity_of_the_data(tmp_path):
    plain = load(tmp_path / "a").checksum
    assert load(tmp_path / "b").checksum == plain
    assert load(tmp_path / "c", {"shop.yaml": "name: tea\n"}).checksum.startswith(plain + "-")


def test_extra_columns_are_kept_and_typed(tmp_path):
    users = "user_id,age,postcode,card_id,vip\n007,31,01234,12,yes\n008,,75001,13,\n"
    shop = load(tmp_path, {"users.csv": users})
    assert shop.users["age"].tolist()[0] == 31.0
    assert shop.users["postcode"].tolist() == ["01234", "75001"]
    assert shop.users["card_id"].tolist() == ["12", "13"]
    assert shop.users["vip"].isna().tolist() == [False, True]


def test_a_name_mapped_onto_itself_is_an_extra_column(tmp_path):
    log = USER_DATA.replace("quantity", "event_quantity")
    shop = load(
        tmp_path, {"user_data.csv": log, "shop.yaml": "columns: {user_data: {event_quantity: event_quantity}}\n"}
    )
    assert shop.events["event_quantity"].tolist() == [1, 2, 1, 1, 3]
    assert (shop.events["quantity"] == 1).all()


def test_files_beside_the_contract_are_named(tmp_path):
    assert load(tmp_path, {"orders.csv": "a\n1\n"}).notes == (
        "not read, for its name is not in the contract: orders.csv",
    )


def test_relative_folders_are_found_from_the_project(tmp_path, monkeypatch):
    write_folder(tmp_path / "mine" / "corner_shop")
    monkeypatch.setenv("BUNDLEBOOK_ROOT", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_shop("mine/corner_shop").name == "corner_shop"


def to_parquet(folder, target):
    """The same folder with every table as parquet, typed as pandas would write it."""
    shop = load_shop(folder, strict=True)
    target.mkdir()
    for name, table in TABLES.items():
        if getattr(shop, name) is not None:
            getattr(shop, name).to_parquet(target / f"{table.file}.parquet", index=False)
    if (folder / "shop.yaml").exists():
        (target / "shop.yaml").write_bytes((folder / "shop.yaml").read_bytes())
    return shop


@pytest.mark.parametrize("source", ["corner_shop", "sample"])
def test_csv_and_parquet_give_the_same_tables(tmp_path, source):
    folder = write_folder(tmp_path / "corner_shop", {"users.csv": USERS})
    if source == "sample":
        folder = paths.data() / "sample_shop"
    from_csv = to_parquet(folder, tmp_path / "parquet")
    from_parquet = load_shop(tmp_path / "parquet", strict=True)
    for name in ("events", "products", "users", "bundles", "bundle_events"):
        if getattr(from_csv, name) is not None:
            pd.testing.assert_frame_equal(getattr(from_csv, name), getattr(from_parquet, name))
    assert from_csv.intake["rows"].tolist() == from_parquet.intake["rows"].tolist()


def test_parquet_types_of_other_programs(tmp_path):
    log = pd.DataFrame(
        {
            "user_id": [7, 8],
            "item_id": pd.Categorical(["A1", "A2"]),
            "time": pd.to_datetime(["2021-01-05 10:00", "2021-01-06 00:00"]).tz_localize("Asia/Shanghai"),
            "event": pd.Categorical(["view", "purchase"]),
            "price": np.array([1, 2], dtype=np.float32),
        }
    )
    folder = write_folder(tmp_path, {"user_data.csv": None})
    log.to_parquet(folder / "user_data.parquet", index=False)
    shop = load_shop(folder, strict=True)
    assert shop.events["user_id"].tolist() == ["7", "8"]
    assert shop.events["time"].tolist() == [pd.Timestamp("2021-01-05 10:00"), pd.Timestamp("2021-01-06 00:00")]
    assert shop.timezone == "Asia/Shanghai"


CELLS = {
    "user_id": (st.sampled_from(["007", "a b", "7"]), st.sampled_from(["", "NULL", " "])),
    "item_id": (st.sampled_from(["A1", "A2", "Z9"]), st.sampled_from(["", "nan"])),
    "time": (
        st.sampled_from(["2021-01", "2021-01-31 10:00", "2021/2/3"]),
        st.sampled_from(["", "31.01.2021", "2021-02-30"]),
    ),
    "event": (st.sampled_from(["view", "cart", "purchase"]), st.sampled_from(["", "klick"])),
    "quantity": (st.sampled_from(["1", "2.5", ""]), st.sampled_from(["-1", "two", "inf", "1 000"])),
    "price": (st.sampled_from(["0", "1e2", ".5", "NA"]), st.sampled_from(["-0.1", "$1", "1,5"])),
}


@st.composite
def log_rows(draw):
    """One row, and whether it can be used."""
    sound = draw(st.booleans()) or draw(st.booleans())
    bad = set() if sound else set(draw(st.lists(st.sampled_from([*CELLS, "width"]), min_size=1, max_size=3)))
    row = [draw(cells[name in bad]) for name, cells in CELLS.items()]
    if "width" in bad:
        row = draw(st.sampled_from([row[:-1], [*row, "1"]]))
    return row, sound


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(log_rows(), min_size=1, max_size=30))
def test_no_row_is_lost_and_exactly_the_bad_ones_are_set_aside(tmp_path, rows):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([[*CELLS], *(row for row, _ in rows)])
    folder = write_folder(tmp_path / "shop", {"user_data.csv": text.getvalue()})
    bad = [number for number, (_, sound) in enumerate(rows, start=2) if not sound]
    named = [row for row, sound in rows if sound]
    judged = [row for row in named if row[3] == "purchase"] or named
    known = [row[1] in ("A1", "A2") for row in judged]
    if len(bad) > len(rows) / 2 or sum(known) < len(known) / 2:
        with pytest.raises(BundlebookError, match=r"rows cannot be used|nor are the items"):
            load_shop(folder)
        return
    shop = load_shop(folder)
    assert shop.quarantine["row"].tolist() == bad
    assert shop.events["user_id"].tolist() == [row[0] for row, sound in rows if sound]
    assert add_up(shop)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n\r",;\t'), min_size=1, max_size=12)


def _as_kept(name):
    blank = r"[\s\u200b-\u200d\u2060\ufeff]+"
    return re.sub(rf"^{blank}|{blank}\Z", "", unicodedata.normalize("NFC", name))


@pytest.mark.parametrize("name", ["豈", "e\u0301", "\u200b x\ufeff", "\u3000a"])
def test_names_are_composed_and_trimmed_of_what_nobody_sees(tmp_path, name):
    text = f"item_id,name,price\nA1,{name},1\n".encode()
    assert load(tmp_path / "shop", {"product_data.csv": text}).products["name"].tolist() == [_as_kept(name)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(TEXTS, min_size=1, max_size=8), delimiter=st.sampled_from(",;\t|"))
def test_whatever_text_a_csv_writer_quotes_is_read_back(tmp_path, names, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows(
        [["item_id", "name", "price"], *([f"A{i}", name, -(i % 3 == 2)] for i, name in enumerate(names, 1))]
    )
    shop = load(tmp_path / "shop", {"product_data.csv": text.getvalue().encode()})
    kept = [_as_kept(name) for i, name in enumerate(names, 1) if i % 3 != 2]
    missing = {"", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N"}
    assert [None if pd.isna(name) else name for name in shop.products["name"]] == [
        None if name in missing else name for name in kept
    ]
    lines = text.getvalue()
    for row in shop.quarantine["row"]:
        assert io.StringIO(lines, newline="").readlines()[row - 1].startswith("A")
