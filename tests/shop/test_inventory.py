"""What a shop can tell is found in its tables, and what it lost is said in rows and in revenue."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook import paths
from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.shop import (
    Shop,
    capabilities,
    check_losses,
    clean,
    complete_weeks,
    group_baskets,
    load_shop,
    time_split,
)
from tests.shop.folders import write_folder


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(tmp_path / "out"))


@pytest.fixture(scope="module")
def sample():
    return load_shop("sample")


def kept(sample: Shop, mask: pd.Series) -> Shop:
    return sample.with_tables(events=sample.events[mask].reset_index(drop=True))


def test_the_sample_shop_has_everything(sample):
    found = capabilities(sample)
    assert found.has_prices and found.has_discounts and found.has_names and found.has_repeat_customers
    assert (found.priced, found.users, found.described, found.weeks, found.gaps) == (1, 300, 1, 60, 0)
    assert found.weekdays == ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    assert found.levels == ("item_id", "product_type", "category", "department")
    assert found.browsing == (sample.events["event"] != "purchase").sum()
    assert (
        "weeks            60  complete weeks\nweekdays             weekdays on which it usually opens: Mon, Tue"
        in str(found)
    )


def test_a_wholesaler_closed_on_saturdays_and_for_a_holiday_is_cut_by_time(sample):
    time = sample.events["time"]
    shop = kept(sample, (time.dt.day_name() != "Saturday") & ~time.between("2020-10-01", "2020-10-09"))
    found = capabilities(shop)
    assert found.weekdays == ("Mon", "Tue", "Wed", "Thu", "Fri", "Sun")
    assert (found.weeks, found.gaps) == (60, 7)
    split = time_split(group_baskets(clean(shop)[0]))
    assert (split.train_end, split.test_end) == (np.datetime64("2021-03-08"), np.datetime64("2021-05-03"))


def test_seventeen_weeks_without_prices_are_cut_by_time(sample):
    shop = kept(sample, sample.events["time"] < "2020-07-06")
    events = shop.events.drop(columns="list_price").assign(price=np.nan)
    products = shop.products[["item_id"]].assign(name=shop.products["item_id"], category=None, brand=None, price=np.nan)
    shop = shop.with_tables(events=events, products=products)
    found = capabilities(shop)
    assert not (found.has_prices or found.has_discounts or found.has_names)
    assert np.isnan(found.discounted)
    assert "discounted  unknown" in str(found)  # 0.0% would say that nothing was ever discounted
    assert (found.weeks, found.levels) == (17, ("item_id",))
    split = time_split(group_baskets(clean(shop)[0]))
    ends = (split.start, split.train_end, split.validation_end, split.test_end)
    assert (np.diff(np.array(ends)).astype(int) // 7).tolist() == [13, 2, 2]
    assert split.task("validation").truth.nnz > 0


def test_receipts_without_customers_have_nobody_who_returns(sample):
    bought = sample.purchases
    shop = sample.with_tables(events=bought.assign(user_id=bought["basket_id"]).reset_index(drop=True), users=None)
    found = capabilities(shop)
    assert not found.has_repeat_customers and found.returning == 0
    split = time_split(group_baskets(clean(shop)[0]))
    with pytest.raises(BundlebookError, match="no user has 3 earlier baskets"):
        split.task("validation")


def test_rare_baskets_make_no_weekday_usual():
    days = np.datetime64("2021-01-04") + np.array([0, 3, 9, 16, 25, 31, 37, 44, 47, 58])
    assert complete_weeks(days) == (np.datetime64("2021-01-11"), np.datetime64("2021-02-22"))
    with pytest.raises(BundlebookError, match="no complete week"):
        complete_weeks(days[:1])


def test_a_shop_without_purchases_has_nothing():
    events = pd.DataFrame({"user_id": [], "item_id": [], "time": pd.to_datetime([]), "event": [], "quantity": []})
    found = capabilities(Shop("none", events.assign(price=1.0), pd.DataFrame({"item_id": [], "name": []})))
    assert (found.users, found.weeks, found.weekdays, found.priced, found.gaps) == (0, 0, (), 0, 0)


LOG = "user_id,item_id,time,event,quantity,price\n"


def test_what_is_set_aside_is_told_in_rows_and_revenue(tmp_path):
    lines = [
        "1,A1,2021-01-04,purchase,2,30",  # kept: 60
        "1,A2,2021-01-04,view,0,4",  # no purchase
        "2,A2,2021-01-05,purchase,1,20",  # kept: 20
        "2,A9,2021-01-05,purchase,1,10",  # no such product: 10
        "2,A1,2021-02-30,purchase,1,5",  # no such day: 5
        '2,A1,2021-02-03,purchase,1,"1,234.50"',  # price unreadable: as the mean kept line, 30
        "2,A1,2021-02-30,view,0,5",  # no such day, no purchase: 0
    ]
    shop = load_shop(write_folder(tmp_path / "shop", {"user_data.csv": LOG + "\n".join(lines) + "\n"}))
    assert shop.losses["rows"].tolist() == [1, 1, 2]
    assert shop.losses["revenue"].tolist() == pytest.approx([30 / 125, 10 / 125, 5 / 125])
    assert shop.losses["what"].tolist() == [
        "user_data.csv: not a number (price)",
        "the item is not in the catalogue",
        "user_data.csv: not a time, year first (time)",
    ]
    with pytest.raises(BundlebookError, match=r"36\.0% of the revenue is lost: 1 row, 24\.0%.*\n.*--accept-loss"):
        check_losses(shop)
    said = check_losses(clean(shop)[0], accept=True)
    assert said[0] == "LOST 36.0% of the revenue of shop 'shop'"
    assert said[1] == "  1 row, 24.0% of the revenue: user_data.csv: not a number (price)"
    assert len(said) == 4


def test_where_no_price_is_known_a_loss_is_a_share_of_the_purchases(tmp_path):
    lines = ["user_id,item_id,time", *["1,A1,2021-01-04"] * 8, "2,A9,2021-01-05", "2,A1,2021-02-30"]
    files = {"user_data.csv": "\n".join(lines) + "\n", "product_data.csv": "item_id,name\nA1,tea\n"}
    assert check_losses(load_shop(write_folder(tmp_path / "shop", files)), accept=True)[:2] == [
        "LOST 20.0% of the purchases of shop 'shop'",
        "  1 row, 10.0% of the purchases: the item is not in the catalogue",
    ]


def test_a_small_loss_is_one_line_and_none_is_none(tmp_path):
    lines = [f"1,A1,2021-01-04 10:{minute:02d},purchase,1,10" for minute in range(60)]
    folder = write_folder(tmp_path / "shop", {"user_data.csv": LOG + "\n".join([*lines, "2,A1,soon,purchase,1,0.5"])})
    assert check_losses(load_shop(folder)) == [
        "shop 'shop': set aside or without a product: 1 row, 0.08% of the revenue"
    ]
    assert check_losses(load_shop("sample")) == []


def test_without_prices_a_loss_is_a_share_of_the_purchase_lines(tmp_path):
    log = "user_id,item_id,time\n1,A1,2021-01-04\n1,A2,2021-01-05\n2,A2,2021-01-05\n2,A2,soon\n"
    changes = {"user_data.csv": log, "product_data.csv": "item_id\nA1\nA2\n"}
    assert load_shop(write_folder(tmp_path / "shop", changes)).losses["revenue"].tolist() == [0.25]


def test_commands_say_first_what_a_folder_lost_and_stop_where_it_is_too_much(tmp_path, monkeypatch):
    sample = paths.data() / "sample_shop"
    products = pd.read_csv(sample / "product_data.csv", dtype=str)
    for column in ("price", "cost"):
        products[column] = products[column].astype(float).map("{:,.2f}".format)
    changes = {
        "product_data.csv": products.to_csv(index=False),
        "user_data.csv": (sample / "user_data.csv").read_bytes(),
    }
    folder = str(write_folder(tmp_path / "thousands", changes))
    for command in (
        ["evaluate"],
        ["report"],
        ["ask", "--history", "1001:1@2021-01", "--item", "1001", "--at", "2021-02"],
    ):
        stopped = CliRunner().invoke(main, [*command, "--data", folder])
        assert stopped.exit_code == (2 if command == ["report"] else 1)
        assert "46.6% of the revenue is lost: 1,244 rows, 46.6% of the revenue" in stopped.output
        assert "accept the loss with --accept-loss" in stopped.output
    monkeypatch.setattr("bundlebook.reports.evaluate_shop", lambda *args, say, **options: say("went on"))
    told = CliRunner().invoke(main, ["evaluate", "--data", folder, "--accept-loss"])
    assert told.exit_code == 0 and told.output.startswith("LOST 46.6% of the revenue of shop 'thousands'")
    assert told.output.index("note: ") < told.output.index("went on")


@pytest.mark.parametrize(
    "options",
    [["sample", "--out", "x", "--seed", "-1"], ["evaluate", "--data", "sample", "--minutes", "-1"]],
)
def test_numbers_that_make_no_sense_are_a_usage_error(options):
    assert CliRunner().invoke(main, options).exit_code == 2
