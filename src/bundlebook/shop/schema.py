"""The one contract: which tables a shop has, which columns, in which units, and what their values may be.

The declaration in :data:`TABLES` is the only one. Loading a folder converts by it, :func:`validate` checks by it
(with pandera), and :func:`contract` prints it for people.

Three rules hold for every table:

- A **column** that is not there is taken as its `default`: a log without ``event`` holds purchases, one without
  ``quantity`` one unit per row, one without ``price`` the catalogue's price (or nothing where that is unknown too).
  ``Shop.notes`` says when this was done.
- A **cell** that is blank stays missing, because filling it is a decision of the cleaning step. Only identifiers,
  times and event words may not be blank.
- Columns beyond the contract are kept as they are, behind those of the contract.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from bundlebook.errors import BundlebookError

if TYPE_CHECKING:
    from pandera.errors import SchemaError
    from pandera.pandas import DataFrameSchema

    from bundlebook.shop.shop import Shop

#: What a user may do with an item, and with a bundle that was shown.
EVENTS = ("view", "search", "cart", "purchase")
BUNDLE_EVENTS = ("shown", "click", "purchase")

_DTYPES = {"id": "str", "text": "str", "word": "str", "time": "datetime64", "number": "float64"}


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Attributes
    ----------
    name : str
    kind : {"id", "text", "word", "time", "number"}
        Identifiers, text and words are ``str``; a time is a naive ``datetime64``; a number is finite and not negative.
    meaning : str
        What it holds, with its unit.
    required : bool
        True: the table cannot be read without it.
    default : str
        Value that an absent column is taken to have; empty: the table simply has no such column.
    blank : bool
        True: single cells may be missing.
    words : tuple of str
        Allowed values of a word.
    whole : bool
        True: a number that is stored as ``int64`` where every value is whole.
    """

    name: str
    kind: str
    meaning: str
    required: bool = False
    default: str = ""
    blank: bool = True
    words: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    Attributes
    ----------
    name : str
        Attribute of :class:`bundlebook.shop.Shop` that holds it.
    file : str
        Name of its file in a folder, without ``.csv`` or ``.parquet``.
    columns : tuple of Column
    key : tuple of str
        Columns whose values together occur once; empty: rows may repeat.
    required : bool
    """

    name: str
    file: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    required: bool = False

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> list[str]:
        """Names of the contract's columns, in order."""
        return [column.name for column in self.columns]


def _id(name: str, meaning: str, blank: bool = False, required: bool = True) -> Column:
    return Column(name, "id", meaning, required=required, blank=blank)


def _key(name: str, meaning: str) -> Column:
    return _id(name, meaning, blank=True, required=False)


TABLES = {
    table.name: table
    for table in (
        Table(
            "events",
            "user_data",
            (
                _id("user_id", "who acted"),
                _id("item_id", "on which item; blank only for a search", blank=True),
                Column("time", "time", "when, on the clock of `timezone`", required=True, blank=False),
                Column("event", "word", "what happened", default="purchase", blank=False, words=EVENTS),
                Column("quantity", "number", "units", default="1", whole=True),
                Column("price", "number", "money paid for one unit", default="the catalogue's price"),
                Column("list_price", "number", "shelf price of one unit, money"),
                _key("basket_id", "which basket (one purchase of several items)"),
                _key("session_id", "which visit"),
                _key("store_id", "which store"),
            ),
            required=True,
        ),
        Table(
            "products",
            "product_data",
            (
                _id("item_id", "which item"),
                Column("name", "text", "what people call it", default="item_id"),
                Column("category", "text", "which shelf", default="missing"),
                Column("brand", "text", "whose make", default="missing"),
                Column("price", "number", "price of one unit, money", default="missing"),
                Column("department", "text", "group of categories"),
                Column("product_type", "text", "finer than category"),
                Column("cost", "number", "what one unit costs the shop, money"),
                Column("text", "text", "description"),
            ),
            key=("item_id",),
            required=True,
        ),
        Table("users", "users", (_id("user_id", "which user"),), key=("user_id",)),
        Table(
            "bundles",
            "bundles",
            (_id("bundle_id", "which bundle"), _id("item_id", "an item in it")),
            key=("bundle_id", "item_id"),
        ),
        Table(
            "bundle_events",
            "bundle_events",
            (
                _id("user_id", "to whom"),
                _id("bundle_id", "which bundle"),
                Column("time", "time", "when, on the clock of `timezone`", required=True, blank=False),
                Column("event", "word", "what happened", required=True, blank=False, words=BUNDLE_EVENTS),
            ),
        ),
    )
}


def contract() -> pd.DataFrame:
    """The contract as a table for people: one row per column.

    Returns
    -------
    DataFrame
        ``file``, ``column``, ``dtype``, ``required``, ``if absent``, ``meaning``.

    Examples
    --------
    >>> contract().query("file == 'users'")["column"].tolist()
    ['user_id']
    """
    rows = [
        {
            "file": table.file,
            "column": column.name,
            "dtype": _DTYPES[column.kind],
            "required": "yes" if column.required else "",
            "if absent": "refused" if column.required else column.default,
            "meaning": column.meaning + (": " + " | ".join(column.words) if column.words else ""),
        }
        for table in TABLES.values()
        for column in table.columns
    ]
    return pd.DataFrame(rows)


@lru_cache
def _pandera_schema(table: str) -> "DataFrameSchema":
    """The pandera schema of one table of :data:`TABLES`; columns beyond the contract pass.

    pandera takes half a second to import, so it is imported here and not with the module.
    """
    import pandera.pandas as pa

    def checks(column: Column) -> list:
        if column.kind == "time":
            return [pa.Check(pd.api.types.is_datetime64_dtype, name="naive datetime64")]
        if column.kind == "number":
            return [
                pa.Check(pd.api.types.is_numeric_dtype, name="numeric dtype"),
                pa.Check.in_range(0, float("inf"), include_max=False, name="finite and not negative"),
            ]
        return [pa.Check.isin(column.words, name=f"one of {list(column.words)}")] if column.words else []

    declared = TABLES[table]
    columns = {
        column.name: pa.Column(
            "str" if _DTYPES[column.kind] == "str" else None,
            checks=checks(column),
            nullable=column.blank,
            required=column.required or bool(column.default),
        )
        for column in declared.columns
    }
    searches = pa.Check(
        lambda frame: frame["item_id"].notna() | (frame["event"] == "search"), name="item_id missing on a search only"
    )
    return pa.DataFrameSchema(
        columns,
        checks=searches if table == "events" else None,
        unique=list(declared.key) or None,
        report_duplicates="exclude_first",
        name=declared.file,
    )


def validate(shop: "Shop") -> "Shop":
    """Check every table of a shop against the contract and return the shop unchanged.

    Parameters
    ----------
    shop : Shop

    Returns
    -------
    Shop
        The same object.

    Raises
    ------
    BundlebookError
        Naming table, row (position counted from 1), column and value of the first violation.
    """
    from pandera.errors import SchemaError

    for name in TABLES:
        frame = getattr(shop, name)
        if frame is None:
            continue
        if not isinstance(frame.index, pd.RangeIndex):
            frame = frame.reset_index(drop=True)
        try:
            _pandera_schema(name).validate(frame)
        except SchemaError as error:
            raise _readable(TABLES[name], error) from error
    return shop


def _readable(table: Table, error: "SchemaError") -> BundlebookError:
    """One sentence out of a pandera error, with the first failing row."""
    where, cases = f"{table.name} of the shop", error.failure_cases
    check = getattr(error.check, "name", None) or str(error.check)
    if not isinstance(cases, pd.DataFrame) or cases.empty or cases["index"].isna().all():
        return BundlebookError(str(error).splitlines()[0], where=where, remedy=_REMEDY)
    columns = [error.column_name] if error.column_name in table.names else []
    if "unique" in check:
        check, columns = "occurs only once", list(table.key)
    first = cases.iloc[0]
    where += f", row {int(first['index']) + 1}"
    if columns:
        where += f", column{'s' * (len(columns) > 1)} {', '.join(map(repr, columns))}"
    return BundlebookError(f"{first['failure_case']!r} breaks the contract ({check})", where=where, remedy=_REMEDY)


_REMEDY = "see bundlebook.shop.contract() for what each column may hold"
