"""Numbers and times as exports write them."""

import pandas as pd
import pytest

from bundlebook.shop._intake.columns import EVENT_WORDS, FEES, NAMES, plain_name, score
from bundlebook.shop._intake.values import currency_of, is_numeric, number_style, parse_numbers, parse_times, time_style


def texts(*values):
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize(
    ("cells", "decimal", "numbers"),
    [
        (("1,50", "12,00", "1.234,50"), ",", [1.5, 12, 1234.5]),
        (("1.50", "12", "1,234.50"), ".", [1.5, 12, 1234.5]),
        (("€ 12.50", "€3", "-4.5"), ".", [12.5, 3, -4.5]),
        (("(3)", "4-", "-5"), ".", [-3, -4, -5]),
        (("￥１２．５", "¥3"), ".", [12.5, 3]),
        (("1 234,5", "2"), ",", [1234.5, 2]),
        (("1'234.50", "2"), ".", [1234.5, 2]),
        (("12,34,567.5",), ".", [1234567.5]),
        ((".5", "1e3"), ".", [0.5, 1000]),
    ],
)
def test_numbers(cells, decimal, numbers):
    style = number_style([texts(*cells)])
    assert style.decimal == decimal
    assert parse_numbers(texts(*cells), style).tolist() == numbers


def test_a_comma_among_decimal_points_is_no_number():
    style = number_style([texts("1.5", "2.5", "3.25")])
    assert parse_numbers(texts("1,5", "", "x"), style).isna().all()


def test_what_fits_both_marks_is_said():
    assert number_style([texts("1,234", "2,500")]).open
    assert not number_style([texts("1,234", "2,500.5")]).open


@pytest.mark.parametrize(
    ("cells", "shape", "first"),
    [
        (("12/1/2010 8:26", "12/13/2010 9:02"), "mdy", "2010-12-01 08:26"),
        (("01.02.2021 10:15", "31.12.2021 10:15"), "dmy", "2021-02-01 10:15"),
        (("2021-01-04T20:01:05",), "ymd", "2021-01-04 20:01:05"),
        (("2021年1月4日 10:01",), "ymd", "2021-01-04 10:01"),
        (("2021/1/4",), "ymd", "2021-01-04"),
        (("20210104", "20210105"), "compact", "2021-01-04"),
        (("20210104101500",), "compact", "2021-01-04 10:15"),
        (("1609459200000",), "epoch_ms", "2021-01-01"),
        (("1609459200",), "epoch_s", "2021-01-01"),
        (("44197.5", "44198"), "serial", "2021-01-01 12:00"),
        (("Dec 1, 2010 08:26",), "name-d", "2010-12-01 08:26"),
        (("01-Mär-2021",), "d-name", "2021-03-01"),
        (("1/13/21 12:10 AM",), "mdy", "2021-01-13 00:10"),
        (("2021-01-04 23:00:00 +0800",), "ymd", "2021-01-04 23:00"),
        (("2021-01-04T10:00:00Z",), "ymd", "2021-01-04 10:00"),
    ],
)
def test_times(cells, shape, first):
    style = time_style(texts(*cells), "date")
    assert style.shape == shape and not style.open
    assert parse_times(texts(*cells), style).iloc[0] == pd.Timestamp(first)


def test_the_order_of_the_rows_tells_day_from_month():
    cells = texts(*(f"{month:02}/{day:02}/2021" for month in range(1, 6) for day in range(1, 12)))
    style = time_style(cells, "date")
    assert (style.shape, style.open) == ("mdy", False) and "from row to row" in style.why


def test_offsets_of_winter_and_summer_are_left_off_and_others_brought_to_utc():
    one_place = texts("2021-01-04 20:00:00 -0500", "2021-07-04 20:00:00 -0400")
    style = time_style(one_place)
    assert style.zone == "" and parse_times(one_place, style).dt.hour.tolist() == [20, 20]
    many = texts("2021-01-04 20:00:00 +0800", "2021-01-04 20:00:00 -0500", "2021-01-04 20:00:00Z")
    style = time_style(many)
    assert style.zone == "UTC" and parse_times(many, style).dt.hour.tolist() == [12, 1, 20]


@pytest.mark.parametrize("cells", [("536365", "536366"), ("12345", "22"), ("a",), ("17850.0",), ("8:30",)])
def test_what_is_no_time(cells):
    assert time_style(texts(*cells), "order number") is None


def test_currencies():
    assert currency_of(texts("¥12", "¥3.5")) == "¥"
    assert currency_of(texts("12 EUR", "3 EUR")) == "€"
    assert currency_of(texts("12", "3")) == ""
    assert is_numeric(texts("¥12", "1,5", "-3")) and not is_numeric(texts("tea", "3"))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("CustomerID", "user_id"),
        ("InvoiceNo", "basket_id"),
        ("StockCode", "item_id"),
        ("UnitPrice", "price"),
        ("单价(元)", "price"),
        ("下单时间", "time"),
        ("用户ID", "user_id"),
        ("Größe Artikelnummer", "item_id"),
        ("Einzelpreis (EUR)", "price"),
        ("类目", "category"),
    ],
)
def test_names_of_columns(name, role):
    assert max(NAMES, key=lambda other: score(name, other)) == role


def test_the_words_are_ours():
    assert set(EVENT_WORDS.values()) == {"view", "search", "cart", "purchase"}
    assert all(isinstance(name, str) for names in NAMES.values() for name in names)
    for role, names in NAMES.items():
        assert names == list(dict.fromkeys(names)), role
        assert all(plain_name(name) == name for name in names if name.isascii()), role
    assert "postage" in FEES
