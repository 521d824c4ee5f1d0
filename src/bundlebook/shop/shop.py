"""The noun everything else takes: one shop's tables with their provenance."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.policy import CleaningPolicy, MarginPolicy

if TYPE_CHECKING:
    from bundlebook.shop.campaigns import Campaigns


@dataclass(frozen=True)
class SourceFile:
    """One file that was read.

    Attributes
    ----------
    name : str
        File name without its folder (no path of a machine is ever kept).
    rows : int
        Data rows found in it.
    md5 : str
        Checksum of its bytes.
    set_aside : int
        Rows that went to the quarantine.
    """

    name: str
    rows: int
    md5: str
    set_aside: int = 0

    @property
    def kept(self) -> int:
        """Rows that became rows of the shop: ``rows - set_aside``."""
        return self.rows - self.set_aside


@dataclass(frozen=True)
class Shop:
    """The tables of one shop, in the contract of :mod:`bundlebook.shop.schema`.

    Attributes
    ----------
    name : str
        ``"completejourney"``, ``"sample"`` or the name of the reader's folder.
    events : DataFrame
        One row per event: ``user_id``, ``item_id`` (str), ``time`` (naive datetime in `timezone`), ``event``
        (view | search | cart | purchase), ``quantity`` (units), ``price`` (money paid per unit); optional
        ``list_price``, ``basket_id``, ``session_id``, ``store_id``.
    products : DataFrame
        One row per item: ``item_id``, ``name``, ``category``, ``brand``, ``price``; optional ``department``,
        ``product_type``, ``cost``, ``text``.
    users : DataFrame or None
        One row per user: ``user_id`` and any attributes.
    bundles, bundle_events : DataFrame or None
        ``bundle_id, item_id`` and ``user_id, bundle_id, time, event`` (shown | click | purchase).
    quarantine : DataFrame
        Rows set aside at loading: ``file``, ``row`` (line of a CSV file as an editor counts it, header included;
        record of a parquet file, counted from 1), ``column``, ``value``, ``reason``, and ``revenue``: the money that
        the row would have brought as far as it can be read, 0 where it is not a purchase, NaN where nobody can tell.
    losses : DataFrame
        What does not reach an analysis, the most expensive first: ``what``, ``rows``, and ``revenue``, the share of all
        revenue, kept or lost, that these rows would have brought. It counts the quarantine and the events whose item is
        not in the catalogue.
    files : tuple of SourceFile
        What was read.
    timezone, local_timezone : str or None
        Zone in which ``time`` is expressed now, and the zone of the shop's doors. None: unknown, taken as equal.
    currency : str
        Symbol or code of the money columns.
    user_word : str
        What a page calls one user of this shop, for example ``"customer"`` or ``"household"``.
    real : bool
        False for a simulated shop; its figures must never share a table with real ones.
    notes : tuple of str
        What was assumed or noticed at loading, for example that a log without ``event`` was taken as purchases.
    policy : CleaningPolicy
        How :func:`bundlebook.shop.clean` treats this shop unless it is told otherwise; the loader knows its catalogue.
    margins : MarginPolicy
        Its own brands, and how the margin differs between items; nothing is assumed by default.
    published : bool
        True for the shops that come with the project: everybody can read their identifiers, so their pseudonyms have a
        public key, see :func:`bundlebook.shop.pseudonym`.
    read_campaigns : callable or None
        Reads the coupon campaigns; None for a shop without any. Use :attr:`campaigns`.
    """

    name: str
    events: pd.DataFrame
    products: pd.DataFrame
    users: pd.DataFrame | None = None
    bundles: pd.DataFrame | None = None
    bundle_events: pd.DataFrame | None = None
    quarantine: pd.DataFrame = field(default_factory=lambda: _empty_quarantine())
    losses: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"what": [], "rows": [], "revenue": []}))
    files: tuple[SourceFile, ...] = ()
    timezone: str | None = None
    local_timezone: str | None = None
    currency: str = ""
    user_word: str = "user"
    real: bool = True
    notes: tuple[str, ...] = ()
    policy: CleaningPolicy = field(default_factory=CleaningPolicy)
    margins: MarginPolicy = field(default_factory=MarginPolicy)
    published: bool = False
    read_campaigns: "Callable[[], Campaigns] | None" = None

    @cached_property
    def campaigns(self) -> "Campaigns | None":
        """The coupon campaigns, read from disk when they are first asked for; None for a shop without any."""
        return None if self.read_campaigns is None else self.read_campaigns()

    @property
    def checksum(self) -> str:
        """Checksum of the files it came from: the identity of the data in every cache key and footer."""
        return "-".join(file.md5 for file in self.files)

    @property
    def user_words(self) -> str:
        """The plural of `user_word`, by the usual rules of English; a word of another script stays as it is."""
        word = self.user_word
        if not word.isascii():
            return word
        if re.search("[^aeiou]y$", word):
            return f"{word[:-1]}ies"
        return f"{word}es" if re.search("(s|x|z|ch|sh)$", word) else f"{word}s"

    def in_own_words(self, text: str) -> str:
        """Put the shop's own word for a user into a message that was written for any shop."""
        return re.sub(r"\busers?\b", lambda found: self.user_words if found[0] == "users" else self.user_word, text)

    @property
    def worth(self) -> str:
        """What a share of a loss is a share of: ``"the revenue"``, or ``"the purchases"`` where no price is known."""
        return "the revenue" if (self.purchases["price"] > 0).any() else "the purchases"

    def money(self, amount: float, decimals: int = 2) -> str:
        """Write an amount in the shop's currency: a symbol stands close before it, a code with a no-break space.

        Examples
        --------
        >>> shop = Shop("tiny", pd.DataFrame(), pd.DataFrame(), currency="EUR")
        >>> print(shop.money(1234.5), "or", shop.money(-3, decimals=0))
        EUR 1,234.50 or -EUR 3
        """
        space = "\N{NO-BREAK SPACE}" if self.currency[-1:].isalpha() else ""
        return f"{'-' if round(amount, decimals) < 0 else ''}{self.currency}{space}{abs(amount):,.{decimals}f}"

    def called(self, label: str, level: str = "item_id") -> str:
        """What a person calls an item: its name where the catalogue has one; a group of items is called as it is."""
        return str(self._names.get(label, label)) if level == "item_id" else str(label)

    @cached_property
    def _names(self) -> dict[str, str]:
        return self.products.set_index("item_id")["name"].dropna().to_dict() if "name" in self.products else {}

    @property
    def intake(self) -> pd.DataFrame:
        """Rows found, kept and set aside in each file; ``rows == kept + set_aside`` on every line."""
        return pd.DataFrame(
            [(file.name, file.rows, file.kept, file.set_aside) for file in self.files],
            columns=["file", "rows", "kept", "set_aside"],
        )

    @property
    def purchases(self) -> pd.DataFrame:
        """The events that are purchases."""
        return self.events[self.events["event"] == "purchase"]

    @property
    def levels(self) -> list[str]:
        """Names of the granularities an item can be counted at, finest first; columns without any value are none."""
        levels = [level for level in ("item_id", "product_type", "category", "department") if level in self.products]
        return [level for level in levels if self.products[level].notna().any()]

    def level(self, name: str = "auto") -> str:
        """Return a checked level; ``"auto"`` takes product types where the catalogue has two or more, else items.

        Raises
        ------
        BundlebookError
            If the catalogue has no column of that name.
        """
        if name == "auto":
            types = self.products["product_type"].dropna().unique() if "product_type" in self.products else []
            return "product_type" if len(types) > 1 else "item_id"
        if name not in self.levels:
            raise BundlebookError(
                f"unknown level {name!r}",
                where=f"shop {self.name!r}",
                remedy=f"use one of {self.levels} or 'auto'",
            )
        return name

    def with_tables(self, **tables: Any) -> "Shop":
        """Return a copy with some tables replaced."""
        return replace(self, **tables)


def _empty_quarantine() -> pd.DataFrame:
    """A quarantine table without rows."""
    dtypes = {"file": "str", "row": "int64", "column": "str", "value": "str", "reason": "str", "revenue": "float64"}
    return pd.DataFrame({name: [] for name in dtypes}).astype(dtypes)
