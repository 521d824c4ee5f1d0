"""Small seeded exports as well-known shop systems write them, and what is true of them."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

NAMES = ["Décora vase", "Green tea", "Tea pot", "Honey", "Sugar bowl", "Lamp shade", "Garden gnome", "Bird house"]
CHINESE = ["绿茶", "保温杯", "儿童运动鞋", "蜂蜜", "白砂糖", "台灯", "不锈钢锅", "雨伞"]
LEVELS = ["Home", "Food", "Kitchen", "Food", "Kitchen", "Home", "Garden", "Garden"]
CHINESE_LEVELS = ["食品", "厨具", "鞋靴", "食品", "食品", "家居", "厨具", "家居"]
PRICES = np.array([4.25, 2.5, 12.0, 3.1, 5.0, 1234.5, 7.95, 18.0])


@dataclass(frozen=True)
class Lines:
    """The truth: one row per line of an order."""

    frame: pd.DataFrame

    @property
    def revenue(self) -> float:
        return float((self.frame["quantity"] * self.frame["price"]).sum())


def lines(orders: int = 400, users: int = 40, weeks: int = 30, seed: int = 7) -> Lines:
    """Orders of users who come back; some items go together (0 with 1, 2 with 3)."""
    rng = np.random.default_rng(seed)
    rows = []
    minutes = np.sort(rng.choice(weeks * 7 * 24 * 60, orders, replace=False))
    for order, minute in enumerate(minutes):
        user = int(rng.integers(users))
        first = int(rng.integers(8))
        chosen = {first, *rng.choice(8, rng.integers(1, 3)).tolist()}
        chosen |= {first ^ 1} if first < 4 else set()
        time = pd.Timestamp("2021-01-04") + pd.Timedelta(minutes=int(minute))
        for item in sorted(chosen):
            rows.append((536365 + order, 12346 + user, item, time, int(rng.integers(1, 4)), PRICES[item]))
    return Lines(pd.DataFrame(rows, columns=["order", "user", "item", "time", "quantity", "price"]))


def wholesaler(folder: Path) -> Path:
    """Month first, cancellations with C, customers as 17850.0 and some missing, postage, a test row."""
    frame = lines().frame
    time = frame["time"].map(lambda t: f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02}")
    code = "8512" + frame["item"].astype(str) + "A"
    table = pd.DataFrame(
        {
            "InvoiceNo": frame["order"].astype(str),
            "StockCode": code,
            "Description": [NAMES[i].upper() for i in frame["item"]],
            "Quantity": frame["quantity"],
            "InvoiceDate": time,
            "UnitPrice": frame["price"],
            "CustomerID": frame["user"].astype(float),
            "Country": "United Kingdom",
        }
    )
    back = table.iloc[10:20].assign(InvoiceNo="C" + table["InvoiceNo"], Quantity=-table["Quantity"])
    post = table.iloc[[3]].assign(StockCode="POST", Description="POSTAGE", Quantity=1, UnitPrice=18.0)
    test = table.iloc[[4]].assign(StockCode="TEST001", Description="This is a test product.")
    nobody = table.iloc[30:50].assign(CustomerID=np.nan)
    file = folder / "online.csv"
    pd.concat([table, back, post, test, nobody]).to_csv(file, index=False, encoding="cp1252")
    return file


def chinese(folder: Path) -> Path:
    """GB 18030, Chinese headers, a status per order, prices with a sign."""
    frame = lines().frame
    status = np.where(frame["order"] % 20 == 0, "交易关闭", "交易成功")
    table = pd.DataFrame(
        {
            "订单号": frame["order"],
            "用户ID": frame["user"],
            "商品编号": "P" + frame["item"].astype(str),
            "商品名称": [CHINESE[i] for i in frame["item"]],
            "下单时间": frame["time"].dt.strftime("%Y年%m月%d日 %H:%M:%S"),
            "数量": frame["quantity"],
            "单价": [f"¥{p:,.2f}" for p in frame["price"]],
            "类目": [CHINESE_LEVELS[i] for i in frame["item"]],
            "订单状态": status,
        }
    )
    file = folder / "订单.csv"
    file.write_bytes(table.to_csv(index=False).encode("gb18030"))
    return file


def european(folder: Path) -> Path:
    """Semicolon, decimal comma, thousands point, cp1252, dd.mm.yyyy, a line total beside the price of one unit."""
    frame = lines().frame
    euro = [f"{p:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".") for p in frame["price"]]
    table = pd.DataFrame(
        {
            "Bestellnummer": frame["order"],
            "Kundennummer": frame["user"],
            "Artikelnummer": "A-" + frame["item"].astype(str),
            "Bezeichnung": [NAMES[i].replace("pot", "größe") for i in frame["item"]],
            "Warengruppe": [LEVELS[i] for i in frame["item"]],
            "Datum": frame["time"].dt.strftime("%d.%m.%Y"),
            "Uhrzeit": frame["time"].dt.strftime("%H:%M"),
            "Menge": frame["quantity"],
            "Einzelpreis (EUR)": euro,
        }
    )
    file = folder / "verkäufe.csv"
    file.write_bytes(table.to_csv(index=False, sep=";").encode("cp1252"))
    return file


def parquet(folder: Path) -> Path:
    """Events with epoch milliseconds, the price of the whole line, browsing."""
    frame = lines().frame
    bought = pd.DataFrame(
        {
            "visitorid": frame["user"],
            "itemid": frame["item"],
            "timestamp": frame["time"].astype("int64") // 1000,
            "event": "transaction",
            "transactionid": frame["order"].astype(float),
            "qty": frame["quantity"],
            "amount": frame["price"] * frame["quantity"],
        }
    )
    seen = bought.assign(event="view", transactionid=np.nan, timestamp=bought["timestamp"] - 60_000)
    file = folder / "events.parquet"
    pd.concat([seen, bought]).sort_values("timestamp", kind="stable").to_parquet(file, index=False)
    return file


def receipts(folder: Path) -> Path:
    """A till without customers."""
    frame = lines().frame
    table = pd.DataFrame(
        {
            "Receipt No": frame["order"],
            "Date": frame["time"].dt.strftime("%Y-%m-%d %H:%M"),
            "Product": [NAMES[i] for i in frame["item"]],
            "Qty": frame["quantity"],
            "Price": frame["price"],
        }
    )
    file = folder / "till.csv"
    table.to_csv(file, index=False)
    return file


def shopify(folder: Path) -> Path:
    """Orders as Shopify exports them: customer, status and totals in the first line of an order only."""
    frame = lines().frame
    first = ~frame["order"].duplicated()
    total = (frame["price"] * frame["quantity"]).groupby(frame["order"]).transform("sum")
    summer = frame["time"].dt.month.between(4, 10)
    time = frame["time"].dt.strftime("%Y-%m-%d %H:%M:%S ") + np.where(summer, "-0400", "-0500")
    voided = frame["order"] % 25 == 0
    table = pd.DataFrame(
        {
            "Name": "#" + frame["order"].astype(str),
            "Email": "user" + frame["user"].astype(str) + "@example.org",
            "Financial Status": np.where(voided, "voided", "paid"),
            "Paid at": time,
            "Fulfillment Status": "fulfilled",
            "Currency": "USD",
            "Subtotal": total,
            "Shipping": 5.0,
            "Taxes": 0.0,
            "Total": total + 5,
            "Discount Code": "",
            "Created at": time,
            "Lineitem quantity": frame["quantity"],
            "Lineitem name": [NAMES[i] for i in frame["item"]],
            "Lineitem price": frame["price"],
            "Lineitem compare at price": "",
            "Lineitem sku": "SKU-" + frame["item"].astype(str),
            "Lineitem requires shipping": "true",
            "Billing Name": "Jane Doe",
            "Billing Street": "1 Main St",
            "Vendor": "Acme",
        }
    )
    once = [
        "Email",
        "Financial Status",
        "Paid at",
        "Fulfillment Status",
        "Currency",
        "Subtotal",
        "Shipping",
        "Taxes",
        "Total",
        "Billing Name",
        "Billing Street",
    ]
    table[once] = table[once].astype(object).where(first, "")
    table.loc[table["Lineitem name"] == "Honey", "Lineitem sku"] = ""
    file = folder / "orders_export.csv"
    table.to_csv(file, index=False)
    return file


def workbook(folder: Path) -> Path:
    """Two sheets of one form, dates as numbers with a date format, and a title above the header."""
    frame = lines().frame
    days = (frame["time"] - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    head = ["Order ID", "Customer ID", "SKU", "Item name", "Category", "Order Date", "Quantity", "Unit Price"]
    rows = [
        [int(o), int(u), f"S{i}", NAMES[i], LEVELS[i], ("date", float(d)), int(q), float(p)]
        for o, u, i, d, q, p in zip(
            frame["order"], frame["user"], frame["item"], days, frame["quantity"], frame["price"], strict=True
        )
    ]
    half = len(rows) // 2
    file = folder / "sales.xlsx"
    write_xlsx(
        file,
        {"first half": [["Sales report"], head, *rows[:half]], "second half": [["Sales report"], head, *rows[half:]]},
    )
    return file


def write_xlsx(file: Path, sheets: dict[str, list[list]]) -> None:
    """The least that a workbook is: cells of text and numbers, and ``("date", days)``."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    docs = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kinds}.worksheet+xml"/>' for n in numbers
        )
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" '
            f'ContentType="{kinds}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{kinds}.styles+xml"/>{parts}</Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
            f'Type="{docs}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        names = "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, sheets, strict=True)
        )
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{docs}"><sheets>{names}</sheets></workbook>'
        )
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{docs}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        links += f'<Relationship Id="rId99" Type="{docs}/styles" Target="styles.xml"/>'
        book.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
        )
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        )
        for number, rows in zip(numbers, sheets.values(), strict=True):
            book.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(main, rows))


def _sheet(main: str, rows: list[list]) -> str:
    text = io.StringIO()
    text.write(f'<worksheet xmlns="{main}"><sheetData>')
    for number, row in enumerate(rows, start=1):
        text.write(f'<row r="{number}">')
        for place, value in enumerate(row):
            at = f'r="{chr(65 + place)}{number}"'
            if isinstance(value, str):
                text.write(f'<c {at} t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            elif isinstance(value, tuple):
                text.write(f'<c {at} s="1"><v>{value[1]!r}</v></c>')
            else:
                text.write(f"<c {at}><v>{value}</v></c>")
        text.write("</row>")
    text.write("</sheetData></worksheet>")
    return text.getvalue()
