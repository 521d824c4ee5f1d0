"""Exports of well-known shop systems and public logs: their columns are recognised, and their money is right."""

import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.shop import Wishes, load_shop, propose_shop, write_shop
from tests.shop.exports import LEVELS, NAMES, lines

F = lines().frame
TOTAL = F["price"] * F["quantity"]
DAY, MINUTE = F["time"].dt, F["time"].dt.strftime("%Y-%m-%d %H:%M")
NAME, LEVEL = [NAMES[i] for i in F["item"]], [LEVELS[i] for i in F["item"]]
EMAIL = "a" + F["user"].astype(str) + "@example.org"
SECONDS = F["time"].astype("int64") // 10**6
ORDERS = F.drop_duplicates("order")

SYSTEMS = {
    "woocommerce": [
        {
            "Order Number": F["order"],
            "Order Status": "completed",
            "Order Date": MINUTE,
            "Customer Email": EMAIL,
            "First Name (Billing)": "Jo",
            "SKU": F["item"],
            "Item Name": NAME,
            "Quantity": F["quantity"],
            "Item Cost": F["price"],
            "Order Total Amount": TOTAL.groupby(F["order"]).transform("sum"),
        }
    ],
    "amazon": [
        {
            "amazon-order-id": "111-" + F["order"].astype(str),
            "purchase-date": DAY.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "payments-date": DAY.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "buyer-email": EMAIL,
            "buyer-name": "Jo X",
            "sku": F["item"],
            "product-name": NAME,
            "quantity-purchased": F["quantity"],
            "currency": "USD",
            "item-price": TOTAL,
            "item-tax": 0.1,
        }
    ],
    "ta-feng": [
        {
            "TRANSACTION_DT": DAY.strftime("%m/%d/%Y"),
            "CUSTOMER_ID": F["user"].map("{:08d}".format),
            "AGE_GROUP": "45-49",
            "PIN_CODE": "115",
            "PRODUCT_SUBCLASS": F["item"] // 2 + 110411,
            "PRODUCT_ID": F["item"] + 4710199010372,
            "AMOUNT": F["quantity"],
            "ASSET": 24,
            "SALES_PRICE": TOTAL,
        }
    ],
    "superstore": [
        {
            "Row ID": F.index,
            "Order ID": "CA-" + F["order"].astype(str),
            "Order Date": DAY.strftime("%m/%d/%Y"),
            "Ship Date": DAY.strftime("%m/%d/%Y"),
            "Customer ID": "CG-" + F["user"].astype(str),
            "Customer Name": "Jo",
            "State": "Kentucky",
            "Product ID": F["item"],
            "Category": "All",
            "Sub-Category": LEVEL,
            "Product Name": NAME,
            "Sales": TOTAL,
            "Quantity": F["quantity"],
            "Discount": 0,
            "Profit": 1.5,
        }
    ],
    "a Chinese till": [
        {
            "小票号": F["order"],
            "会员卡号": F["user"],
            "销售日期": DAY.strftime("%Y/%m/%d"),
            "时间": DAY.strftime("%H:%M:%S"),
            "商品条码": F["item"] + 6901234567890,
            "品名": NAME,
            "大类": LEVEL,
            "件数": F["quantity"],
            "实付金额": TOTAL,
            "原价": F["price"],
        }
    ],
    "a French ERP": [
        {
            "N° Commande": F["order"],
            "Code client": F["user"],
            "Date commande": DAY.strftime("%d/%m/%Y"),
            "Référence": F["item"],
            "Désignation": NAME,
            "Qté": F["quantity"],
            "Prix unitaire HT": F["price"],
            "Famille": LEVEL,
        }
    ],
    "olist": [
        {
            "order_id": F["order"],
            "product_id": F["item"],
            "shipping_limit_date": F["time"] + pd.Timedelta(days=7),
            "qty": F["quantity"],
            "price": F["price"],
            "freight_value": 3.2,
        },
        {
            "order_id": ORDERS["order"],
            "customer_id": ORDERS["user"],
            "order_status": "delivered",
            "order_purchase_timestamp": ORDERS["time"],
            "order_estimated_delivery_date": ORDERS["time"],
        },
        {"product_id": range(8), "product_category_name": LEVELS, "product_weight_g": 100},
    ],
}


def shop_of(tmp_path, tables, **wishes):
    files = []
    for place, columns in enumerate(tables):
        files.append(tmp_path / f"{place}.csv")
        pd.DataFrame(columns).to_csv(files[-1], index=False)
    written = write_shop(propose_shop(files, Wishes(**wishes)), tmp_path / "my_shop")
    assert written.kept == written.rows == len(F)
    return load_shop(tmp_path / "my_shop")


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_is_recognised(tmp_path, system):
    bought = shop_of(tmp_path, SYSTEMS[system]).purchases
    assert bought["user_id"].nunique() == F["user"].nunique()
    assert bought["item_id"].nunique() == F["item"].nunique()
    assert (bought["price"] * bought["quantity"]).sum() == pytest.approx(TOTAL.sum(), rel=1e-5)
    assert bought["time"].min().normalize() == F["time"].min().normalize()
    assert bought["time"].max().normalize() == F["time"].max().normalize()


def test_a_public_log_with_dotted_categories(tmp_path):
    table = {
        "event_time": DAY.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "event_type": ["view", "purchase"] * (len(F) // 2) + ["cart"],
        "product_id": F["item"],
        "category_id": 1,
        "category_code": ["shop." + name.lower() for name in LEVEL],
        "brand": "leaf",
        "price": F["price"],
        "user_id": F["user"],
        "user_session": F["order"],
    }
    shop = shop_of(tmp_path, [table])
    assert shop.timezone == "UTC"
    assert shop.events["event"].value_counts().to_dict() == {"view": 536, "purchase": 536, "cart": 1}
    assert shop.products["product_type"].isin(["home", "food", "kitchen", "garden"]).all()
    assert "session_id" in shop.events


def test_a_log_without_a_header_needs_the_readers_word(tmp_path):
    table = pd.DataFrame({"u": F["user"], "i": F["item"] + 100, "b": "buy", "t": SECONDS})
    table.to_csv(tmp_path / "log.csv", index=False, header=False)
    with pytest.raises(BundlebookError, match=r"'column 1' \(12369\), 'column 2' \(106\)"):
        propose_shop([tmp_path / "log.csv"])
    said = {"user_id": "column 1", "item_id": "column 2", "event": "column 3", "time": "column 4"}
    write_shop(propose_shop([tmp_path / "log.csv"], Wishes(said)), tmp_path / "my_shop")
    events = load_shop(tmp_path / "my_shop").events
    assert len(events) == len(F) and events["time"].min() == F["time"].min()


def test_merchandise_that_is_called_a_test_stays(tmp_path):
    table = pd.DataFrame(
        {
            "order": F["order"],
            "customer": F["user"],
            "sku": F["item"],
            "date": MINUTE,
            "product name": ["Pregnancy test kit" if i else "Test product" for i in F["item"]],
        }
    )
    table.to_csv(tmp_path / "log.csv", index=False)
    written = write_shop(propose_shop([tmp_path / "log.csv"]), tmp_path / "my_shop")
    assert written.aside["rows"].tolist() == [(F["item"] == 0).sum()]
