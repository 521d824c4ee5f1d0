"""`bundlebook new`: exports of well-known shop systems become a folder with the right values."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bundlebook.cli import main
from bundlebook.errors import BundlebookError
from bundlebook.shop import Wishes, load_shop, propose_shop, write_shop
from tests.shop import exports

TRUTH = exports.lines().frame


def made(tmp_path, make, **wishes):
    """The shop that an export becomes, what was written, and what was proposed."""
    proposal = propose_shop([make(tmp_path)], Wishes(**wishes))
    written = write_shop(proposal, tmp_path / "my_shop")
    return load_shop(tmp_path / "my_shop"), written, proposal


def truth(keep=None, names=None, item=str):
    """The true lines as events, sorted; `keep` leaves some out."""
    frame = TRUTH if keep is None else TRUTH[keep]
    return pd.DataFrame(
        {
            "user_id": frame["user"].astype(str).to_numpy(),
            "item_id": [item(i) for i in frame["item"]],
            "time": frame["time"].to_numpy().astype("datetime64[us]"),
            "quantity": frame["quantity"].to_numpy(),
            "price": frame["price"].to_numpy(),
        }
    )


def assert_same(events, expected):
    order = ["time", "item_id", "user_id"]
    left = events[expected.columns].sort_values(order, ignore_index=True)
    right = expected.sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(left, right, check_dtype=False, atol=1e-4)


def reasons(written):
    return dict(zip(written.aside["reason"], written.aside["rows"], strict=True))


def test_a_wholesaler_with_cancellations(tmp_path):
    shop, written, proposal = made(tmp_path, exports.wholesaler)
    assert_same(shop.purchases, truth(item=lambda i: f"8512{i}A"))
    assert reasons(written) == {
        "no customer is named": 20,
        "a cancellation: the order begins with C": 10,
        "a fee or a payment, no merchandise": 1,
        "a test row": 1,
    }
    assert proposal.logs[0].time.shape == "mdy" and not proposal.logs[0].time.open
    assert proposal.logs[0].export.encoding == "cp1252"
    assert shop.products.set_index("item_id")["name"]["85120A"] == "DÉCORA VASE"
    back = (TRUTH["quantity"] * TRUTH["price"])[10:20].sum()
    lost = (TRUTH["quantity"] * TRUTH["price"])[30:50].sum()
    rest = TRUTH["price"][4] * TRUTH["quantity"][4] + 18.0
    total = exports.lines().revenue + lost + rest
    assert written.returned == pytest.approx(back / total)
    shares = written.aside.set_index("reason")["revenue"]
    assert shares["no customer is named"] == pytest.approx(lost / total)
    assert shop.losses["revenue"].sum() == pytest.approx((lost + rest) / total, rel=1e-3)
    assert shop.losses["rows"].sum() == 32


def test_rows_without_a_customer_may_be_users_of_their_own(tmp_path):
    shop, written, _ = made(tmp_path, exports.wholesaler, guests="receipt")
    assert "no customer is named" not in reasons(written)
    assert shop.events["user_id"].str.startswith("receipt ").sum() == 20


def test_a_chinese_export(tmp_path):
    shop, written, proposal = made(tmp_path, exports.chinese)
    called_off = TRUTH["order"] % 20 == 0
    assert_same(shop.purchases, truth(~called_off, item=lambda i: f"P{i}"))
    assert reasons(written) == {"a cancelled order": called_off.sum()}
    assert proposal.logs[0].export.encoding == "gb18030"
    assert shop.currency == "¥"
    products = shop.products.set_index("item_id")
    assert products["name"]["P6"] == "不锈钢锅" and products["category"]["P1"] == "厨具"


def test_a_european_export(tmp_path):
    shop, written, proposal = made(tmp_path, exports.european)
    assert_same(shop.purchases, truth(item=lambda i: f"A-{i}"))
    assert written.kept == written.rows == len(TRUTH)
    reading = proposal.logs[0]
    assert (reading.export.encoding, reading.export.delimiter, reading.numbers.decimal) == ("cp1252", ";", ",")
    assert reading.time.shape == "dmy"
    assert shop.currency == "€"
    assert shop.products.set_index("item_id")["name"]["A-2"] == "Tea größe"
    assert shop.products["price"].max() == 1234.5


def test_a_parquet_export_with_epochs_and_line_prices(tmp_path):
    shop, _, proposal = made(tmp_path, exports.parquet, timezone="America/New_York")
    assert_same(shop.purchases, truth(item=str))
    assert (shop.events["event"] == "view").sum() == len(TRUTH)
    assert proposal.logs[0].per_line
    assert (shop.timezone, shop.local_timezone) == ("UTC", "America/New_York")


def test_receipts_without_customers(tmp_path):
    shop, _, proposal = made(tmp_path, exports.receipts)
    expected = truth(item=lambda i: exports.NAMES[i]).assign(
        user_id=("receipt " + TRUTH["order"].astype(str)).to_numpy()
    )
    assert_same(shop.purchases, expected)
    assert "each receipt is a user of its own" in str(proposal)


def test_a_shopify_export(tmp_path):
    shop, written, proposal = made(tmp_path, exports.shopify)
    voided = TRUTH["order"] % 25 == 0
    expected = truth(~voided, item=lambda i: "Honey" if i == 3 else f"SKU-{i}")
    expected["user_id"] = "user" + expected["user_id"] + "@example.org"
    assert_same(shop.purchases, expected)
    assert reasons(written) == {"a cancelled order": voided.sum()}
    assert shop.currency == "$"
    assert "personal data" in str(proposal)
    text = (tmp_path / "my_shop" / "user_data.csv").read_text() + (
        tmp_path / "my_shop" / "product_data.csv"
    ).read_text()
    assert "Jane Doe" not in text and "Main St" not in text


def test_a_workbook_of_two_sheets(tmp_path):
    shop, written, _ = made(tmp_path, exports.workbook)
    assert written.rows == len(TRUTH)
    expected = truth(item=lambda i: f"S{i}")
    assert_same(shop.purchases, expected)


def test_a_sheet_without_a_table_is_told(tmp_path):
    rows = [["customer", "item", "date"], *([f"u{day}", f"x{day % 3}", f"2021-01-{day:02}"] for day in range(6, 30))]
    exports.write_xlsx(tmp_path / "log.xlsx", {"log": rows, "read me": [["made by version 4.2"]]})
    assert "not read, for there is no table: sheet 'read me'" in str(propose_shop([tmp_path / "log.xlsx"]))


def test_a_row_of_a_workbook_is_named_as_the_spreadsheet_names_it(tmp_path):
    rows = [["customer", "item", "date"], ["a", "x", "2021-01-04"], ["b", "y", "2021-01-05"], ["c", "y", "soon"]]
    rows += [[f"u{day}", "x", f"2021-01-{day:02}"] for day in range(6, 30)]
    exports.write_xlsx(tmp_path / "log.xlsx", {"log": [[], [], *rows]})
    write_shop(propose_shop([tmp_path / "log.xlsx"]), tmp_path / "my_shop")
    aside = pd.read_csv(tmp_path / "my_shop" / "set_aside.csv")
    assert aside[["row", "value", "reason"]].to_numpy().tolist() == [[6, "soon", "not a time"]]


def test_a_damaged_workbook_is_refused(tmp_path):
    whole = exports.workbook(tmp_path).read_bytes()
    for place in range(200, len(whole), len(whole) // 12):
        (tmp_path / "cut.xlsx").write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        try:
            write_shop(propose_shop([tmp_path / "cut.xlsx"]), tmp_path / f"shop {place}")
        except BundlebookError as error:
            assert "cut.xlsx" in str(error) and error.remedy


def test_lines_orders_and_catalogue_in_three_files(tmp_path):
    lines = pd.DataFrame({"order_id": TRUTH["order"], "sku": TRUTH["item"], "qty": TRUTH["quantity"]})
    orders = TRUTH.drop_duplicates("order")
    orders = pd.DataFrame({"order_id": orders["order"], "customer_id": orders["user"], "created_at": orders["time"]})
    items = pd.DataFrame(
        {
            "sku": range(7),
            "title": exports.NAMES[:7],
            "product_category": exports.LEVELS[:7],
            "price": exports.PRICES[:7],
        }
    )
    files = []
    for name, table in (("lines", lines), ("orders", orders), ("products", items)):
        files.append(tmp_path / f"{name}.csv")
        table.to_csv(files[-1], index=False)
    proposal = propose_shop(files)
    assert [reading.kind for reading in proposal.readings] == ["log", "orders", "catalogue"]
    written = write_shop(proposal, tmp_path / "my_shop")
    shop = load_shop(tmp_path / "my_shop")
    assert len(shop.events) == len(TRUTH)
    expected = truth().assign(price=lambda t: t["price"].where(t["item_id"] != "7"))
    assert_same(shop.purchases, expected)
    assert len(shop.products) == 8
    assert any("1 items sold are not in it" in str(note) for note in written.notes)


def test_months_of_one_form_share_the_date_order(tmp_path):
    """January's days 1 to 12 alone fit both orders; February's file tells."""
    first = TRUTH[TRUTH["time"] < "2021-01-12"]
    files = []
    for name, part in (("a", first), ("b", TRUTH[TRUTH["time"] >= "2021-01-12"])):
        files.append(tmp_path / f"{name}.csv")
        table = pd.DataFrame(
            {"customer": part["user"], "item": part["item"], "date": part["time"].dt.strftime("%m/%d/%Y")}
        )
        table.sample(frac=1, random_state=0).to_csv(files[-1], index=False)
    proposal = propose_shop(files)
    assert [reading.time.shape for reading in proposal.logs] == ["mdy", "mdy"]
    write_shop(proposal, tmp_path / "my_shop")
    assert load_shop(tmp_path / "my_shop").events["time"].max() == TRUTH["time"].max().normalize()


def test_both_orders_fit_is_said(tmp_path):
    table = pd.DataFrame({"customer": ["a", "b"], "item": ["x", "y"], "date": ["01/02/2021", "02/01/2021"]})
    table.to_csv(tmp_path / "log.csv", index=False)
    proposal = propose_shop([tmp_path / "log.csv"])
    assert "both fit every cell" in str(proposal)
    said = propose_shop([tmp_path / "log.csv"], Wishes(dates="month-first"))
    assert said.logs[0].time.shape == "mdy" and not said.logs[0].time.open


@pytest.mark.parametrize("discount", [0.0, 0.2])
def test_a_line_total_beside_the_unit_price(tmp_path, discount):
    total = TRUTH["price"] * TRUTH["quantity"] * (1 - discount * (TRUTH["item"] % 2))
    table = pd.DataFrame(
        {
            "order": TRUTH["order"],
            "customer": TRUTH["user"],
            "sku": TRUTH["item"],
            "date": TRUTH["time"],
            "qty": TRUTH["quantity"],
            "unit price": TRUTH["price"],
            "line total": total.round(4),
        }
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    write_shop(propose_shop([tmp_path / "log.csv"]), tmp_path / "my_shop")
    shop = load_shop(tmp_path / "my_shop")
    paid = (shop.events["price"] * shop.events["quantity"]).sum()
    assert paid == pytest.approx(total.sum(), rel=1e-5)
    if discount:
        assert (shop.events["list_price"] >= shop.events["price"]).all()


def test_a_category_path_is_cut(tmp_path):
    table = pd.DataFrame(
        {
            "customer": TRUTH["user"],
            "sku": TRUTH["item"],
            "date": TRUTH["time"],
            "category": [f"Shop > {exports.LEVELS[i]} > {exports.NAMES[i]}" for i in TRUTH["item"]],
        }
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    write_shop(propose_shop([tmp_path / "log.csv"]), tmp_path / "my_shop")
    products = load_shop(tmp_path / "my_shop").products.set_index("item_id")
    assert products.loc["4", ["department", "category", "product_type"]].tolist() == ["Shop", "Kitchen", "Sugar bowl"]


def test_batches_give_what_one_batch_gives(tmp_path, monkeypatch):
    _, whole, _ = made(tmp_path, exports.shopify)
    (tmp_path / "again").mkdir()
    monkeypatch.setattr("bundlebook.shop._intake.exports.BATCH", 97)
    proposal = propose_shop([exports.shopify(tmp_path / "again")])
    parts = write_shop(proposal, tmp_path / "again" / "my_shop")
    for file in ("user_data.csv", "product_data.csv", "set_aside.csv"):
        assert (whole.folder / file).read_bytes() == (parts.folder / file).read_bytes()


def test_every_row_is_an_event_or_set_aside_with_its_place(tmp_path):
    file = exports.wholesaler(tmp_path)
    written = write_shop(propose_shop([file]), tmp_path / "my_shop")
    aside = pd.read_csv(tmp_path / "my_shop" / "set_aside.csv", keep_default_na=False)
    assert len(aside) + written.kept == written.rows
    lines = file.read_text("cp1252").splitlines()
    for row, value in aside[["row", "value"]].itertuples(index=False):
        assert str(value) in lines[row - 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (",".join(f"c{n}" for n in range(600)) + "\n" + ",".join(["x"] * 600) + "\n", "it has 600 columns"),
        (",".join(f"c{n}" for n in range(20_000)) + "\n" + ",".join(["x"] * 20_000) + "\n", "it has 20,000 columns"),
        ("customer," + "x" * 2_000_000 + "\na,b\n", "the first line is longer than 1,048,576 bytes"),
        ("customer,item,date\n", "no rows below the header"),
        ("a,b,c\n1,2,3\n", "no column holds the item"),
        ("customer,item,when\nx,y,soon\n", "no column holds the time"),
        ("item,date\nx,2021-01-01\nx,2021-01-02\n", "no column holds the customer or the receipt"),
        (
            "customer,item,date\n,x,2021-01-01\n,y,2021-01-02\nz,,2021-01-02\nw,,2021-01-03\n",
            "none of 4 rows can be used",
        ),
        (
            'customer,item,date\na,"x,2021-01-01\nb,y,2021-01-02\n',
            "row 2: a quotation mark is out of place or never closed",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_message(tmp_path, content, message):
    (tmp_path / "log.csv").write_text(content)
    with pytest.raises(BundlebookError, match=message) as caught:
        write_shop(propose_shop([tmp_path / "log.csv"]), tmp_path / "my_shop")
    assert caught.value.remedy
    assert not (tmp_path / "my_shop").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_an_existing_folder_is_never_written_to(tmp_path):
    (tmp_path / "my_shop").mkdir()
    with pytest.raises(BundlebookError, match="already"):
        write_shop(propose_shop([exports.receipts(tmp_path)]), tmp_path / "my_shop")


def run(*arguments, yes=True, **options):
    return CliRunner().invoke(main, ["new", *map(str, arguments), *(["--yes"] if yes else [])], **options)


def test_the_command_tells_everything_and_names_the_next_step(tmp_path):
    result = run(tmp_path / "my_shop", "--from", exports.wholesaler(tmp_path))
    assert result.exit_code == 0, result.output
    for told in (
        "column 'CustomerID'",
        "first rows as they are",
        "as user_data.csv",
        "1,073 of 1,105 rows became events",
        "set aside: 20 rows, ",
        "Next: bundlebook report --data",
    ):
        assert told in result.output
    settings = (tmp_path / "my_shop" / "shop.yaml").read_text()
    assert (
        "user_word: customer" in settings
        and 'name: "my_shop"' in settings
        and "# " in settings
        and "CustomerID" in settings
    )


def test_the_next_step_can_be_copied_where_the_command_is_not_on_the_search_path(tmp_path):
    """A new user types `.venv/bin/bundlebook`, as the README does, and has no `bundlebook`."""
    command = Path(sys.executable).parent / "bundlebook"
    file = exports.receipts(tmp_path)
    ran = subprocess.run(
        [command, "new", "my_shop", "--from", file, "--yes"],
        cwd=tmp_path, env=os.environ | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"Next: {command} report --data my_shop" in ran.stdout


def test_the_command_asks_in_a_terminal_alone(tmp_path, monkeypatch):
    file = exports.receipts(tmp_path)
    monkeypatch.setattr("bundlebook.cli._is_terminal", lambda: True)
    refused = run(tmp_path / "a", "--from", file, yes=False, input="n\n")
    assert refused.exit_code == 1 and "nothing was written" in refused.output and not (tmp_path / "a").exists()
    assert run(tmp_path / "a", "--from", file, yes=False, input="y\n").exit_code == 0
    assert run(tmp_path / "b", "--from", file, input="").exit_code == 0


def test_without_a_terminal_nothing_is_written_unless_it_was_said(tmp_path):
    refused = run(tmp_path / "a", "--from", exports.receipts(tmp_path), yes=False, input="y\n")
    assert refused.exit_code == 1 and not (tmp_path / "a").exists()
    assert "first rows as they are" in refused.output, "what would be written is shown all the same"
    assert refused.output.splitlines()[-1].startswith("Error: nothing was written") and "--yes" in refused.output


def test_the_command_refuses_before_any_work(tmp_path):
    (tmp_path / "there").mkdir()
    result = run(tmp_path / "there", "--from", tmp_path / "no.csv")
    assert result.exit_code == 1 and "already" in result.output
    result = run(tmp_path / "here", "--from", tmp_path / "no.csv")
    assert result.exit_code == 1 and "no.csv: there is no such file" in result.output
    result = run(tmp_path / "here", "--from", exports.receipts(tmp_path), "--column", "kunde=Date")
    assert result.exit_code == 1 and "'kunde' is no column of the contract" in result.output


def test_a_column_can_be_named(tmp_path):
    table = pd.DataFrame({"who": TRUTH["user"], "what": TRUTH["item"], "when": TRUTH["time"]})
    table.to_csv(tmp_path / "log.csv", index=False)
    result = run(tmp_path / "s", "--from", tmp_path / "log.csv", "--column", "user_id=who", "--column", "item_id=what")
    assert result.exit_code == 0, result.output
    assert len(load_shop(tmp_path / "s").events) == len(TRUTH)


def test_a_large_loss_is_told_by_the_next_commands_too(tmp_path):
    table = pd.DataFrame(
        {
            "order": TRUTH["order"],
            "customer": TRUTH["user"].where(np.arange(len(TRUTH)) % 3 > 0),
            "item": TRUTH["item"],
            "date": TRUTH["time"],
        }
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    # A customer who is missing on one line of an order is that of its other lines.
    table["customer"] = table["customer"].where(table["order"] % 3 > 0)
    table.to_csv(tmp_path / "log.csv", index=False)
    result = run(tmp_path / "s", "--from", tmp_path / "log.csv")
    assert result.exit_code == 0, result.output
    assert "--accept-loss" in result.output and "run the same command with --guests receipt" in result.output
    assert load_shop(tmp_path / "s").losses["revenue"].sum() > 0.2
    result = run(tmp_path / "t", "--from", tmp_path / "log.csv", "--guests", "receipt")
    assert result.exit_code == 0 and "--guests" not in result.output


def test_lines_without_a_price_weigh_as_much_whether_kept_or_set_aside(tmp_path):
    """A third of the prices missing made 26 % of the revenue of one line in five, beside 21 % at the next command."""
    table = pd.DataFrame(
        {
            "Rechnung": TRUTH["order"],
            "Kunde": TRUTH["user"].where(TRUTH["order"] % 5 > 0),
            "Artikel": TRUTH["item"],
            "Datum": TRUTH["time"],
            "Preis": pd.Series(10.0, TRUTH.index).where(np.arange(len(TRUTH)) % 3 > 0),
        }
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    written = write_shop(propose_shop([tmp_path / "log.csv"]), tmp_path / "s")
    share = table["Kunde"].isna().mean()
    assert written.aside["revenue"].sum() == pytest.approx(share) == written.aside["rows"].sum() / written.rows
    shop = load_shop(tmp_path / "s")
    assert shop.losses["revenue"].sum() == pytest.approx(share, rel=0.01)
    assert "basket_id" in shop.events
