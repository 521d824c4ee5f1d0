"""``shop.yaml``: the few things about a folder that its tables cannot say themselves."""

import difflib
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from bundlebook.errors import BundlebookError
from bundlebook.shop.policy import MarginPolicy
from bundlebook.shop.schema import BUNDLE_EVENTS, EVENTS, TABLES

FILE = "shop.yaml"
#: Values of ``time_format`` for times that are counted and not written as a date.
EPOCHS = {"epoch_s": "s", "epoch_ms": "ms"}
DELIMITERS = (",", ";", "\t", "|")
_TEXTS = {"name", "currency", "user_word", "timezone", "local_timezone", "delimiter", "encoding", "decimal"}
_TEXTS |= {"time_format"}
_MAPPINGS = {"columns", "events", "margins"}


@dataclass(frozen=True)
class Settings:
    """What ``shop.yaml`` may say; every entry is optional.

    Attributes
    ----------
    name, currency : str
        Name of the shop (the folder's where none is given) and its currency.
    user_word : str
        What the pages call one user, in the singular; empty: ``"user"``.
    timezone, local_timezone : str or None
        Zone in which the times are written, and the zone of the shop's doors (the same where it is not given).
    simulated : bool
        True: the figures of this shop must never stand in a table with real ones.
    delimiter : str or None
        Delimiter of the CSV files; None: the one that finds most columns in their headers.
    encoding : str or None
        Encoding of the CSV files without a byte order mark; None: UTF-8.
    decimal : {".", ","}
        Decimal mark of the CSV files.
    time_format : str or None
        ``strptime`` format of the times, ``"epoch_s"`` or ``"epoch_ms"``; None: year first (ISO 8601).
    columns : dict of str to dict
        For each file, the reader's column name → the contract's. A name mapped onto itself is kept as an extra column.
    events : dict
        The reader's event word → the contract's.
    margins : MarginPolicy
        The shop's own brands, and how its margin differs between items.
    md5 : str
        Checksum of the file; empty where there is none.
    """

    name: str = ""
    currency: str = ""
    user_word: str = ""
    timezone: str | None = None
    local_timezone: str | None = None
    simulated: bool = False
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str = "."
    time_format: str | None = None
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    margins: MarginPolicy = field(default_factory=MarginPolicy)
    md5: str = ""


def read_settings(folder: Path) -> Settings:
    """Read the ``shop.yaml`` of a folder; a folder without one has the defaults.

    Raises
    ------
    BundlebookError
        If it cannot be read, or says something that has no meaning.
    """
    path = folder / FILE
    if not path.exists():
        if (folder / "shop.yml").exists():
            raise BundlebookError("the settings would be ignored", where="shop.yml", remedy=f"rename it to {FILE}")
        return Settings()
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a device or a pipe"
        raise _error(f"this is {kind}, not a file", f"write the settings into a text file {FILE}")
    content = path.read_bytes()
    entries = _parse(content)
    _check_names(entries, _TEXTS | _MAPPINGS | {"simulated"}, "setting")
    for key, value in sorted(entries.items()):
        if key in _TEXTS and not isinstance(value, str):
            raise _error(f"{key!r} is {value!r}, not text", "put the value in quotes")
        if key in _MAPPINGS and not isinstance(value, dict):
            raise _error(f"{key!r} is {value!r}, not a mapping", "write lines of the form `theirs: ours` below")
    if not isinstance(entries.get("simulated", False), bool):
        raise _error(f"'simulated' is {entries['simulated']!r}", "write true or false")
    _check_format(entries)
    if "columns" in entries:
        entries["columns"] = _columns(entries["columns"])
    if "events" in entries:
        _check_mapping(entries["events"], "events", sorted({*EVENTS, *BUNDLE_EVENTS}))
        entries["events"] = {word.strip().lower(): ours for word, ours in entries["events"].items()}
    if "margins" in entries:
        entries["margins"] = _margins(entries["margins"])
    return Settings(**entries, md5=hashlib.md5(content, usedforsecurity=False).hexdigest())


class _Loader(yaml.SafeLoader):
    """Refuses a key that occurs twice (YAML itself would silently take the last) and aliases (they can be endless)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "an alias (*) has no use here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        entries = yaml.load(content.decode("utf-8-sig"), _Loader)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise _error(f"byte {content[error.start : error.start + 1]!r} is not UTF-8", "save it as UTF-8", row) from None
    except RecursionError:
        raise _error("its brackets are nested too deeply", "write lines of the form `name: value`") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "write lines of the form `name: value`, with spaces and no tabs before them"
        raise _error(f"not YAML that can be used: {problem}", remedy, mark.line + 1 if mark else None) from None
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise _error(f"expected settings, found {entries!r:.60}", "write lines of the form `name: value`")
    return entries


def _check_format(entries: dict[str, Any]) -> None:
    """How times, numbers and text are written: each of these settings must mean something to Python."""
    for key in ("timezone", "local_timezone"):
        try:
            ZoneInfo(entries.get(key, "UTC"))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _error(
                f"{key!r} is {entries[key]!r}, which is no time zone", "use a name such as 'UTC' or 'Asia/Shanghai'"
            ) from None
    if entries.get("delimiter", ",") not in DELIMITERS:
        raise _error(f"'delimiter' is {entries['delimiter']!r}", f"use one of {[*DELIMITERS]}")
    if entries.get("decimal", ".") not in (".", ","):
        raise _error(f"'decimal' is {entries['decimal']!r}", "use '.' or ','")
    try:
        # Python also has codecs that are none of text, such as base64, and one that always fails.
        b"user_id".decode(entries.get("encoding", "utf-8"), "replace")
    except (LookupError, ValueError):
        raise _error(
            f"'encoding' is {entries['encoding']!r}, which is no encoding",
            "use a name such as 'utf-8', 'gb18030', 'gbk', 'cp1252'",
        ) from None
    time_format = entries.get("time_format", "%Y")
    if time_format not in EPOCHS and not _is_time_format(time_format):
        raise _error(f"'time_format' is {time_format!r}", f"use {[*EPOCHS]} or a format such as '%d.%m.%Y %H:%M'")


def _is_time_format(text: str) -> bool:
    try:
        datetime.strptime("", text)
    except ValueError as error:
        return "%" in text and "does not match" in str(error)
    except re.error:  # a field that is there twice
        return False
    return False


def _columns(mappings: dict[str, Any]) -> dict[str, dict[str, str]]:
    files = {table.file: table for table in TABLES.values()}
    named = {str(file).removesuffix(".csv").removesuffix(".parquet"): mapping for file, mapping in mappings.items()}
    _check_names(named, set(files), "file under 'columns'")
    for file, mapping in named.items():
        if not isinstance(mapping, dict):
            raise _error(f"'columns: {file}' is {mapping!r}, not a mapping", "write lines `theirs: ours` below it")
        _check_mapping(mapping, f"columns: {file}", files[file].names)
        for ours, count in Counter(mapping.values()).items():
            if count > 1:
                raise _error(f"'columns: {file}' maps {count} columns onto {ours!r}", "map one of them only")
    return named


def _margins(entries: dict[str, Any]) -> MarginPolicy:
    _check_names(entries, {"own_brands", "own_brand", "departments"}, "entry under 'margins'")
    brands, departments = entries.get("own_brands", []), entries.get("departments", {})
    if not isinstance(brands, list) or not all(isinstance(brand, str) for brand in brands):
        raise _error(f"'margins: own_brands' is {brands!r}, not a list of brands", "write `own_brands: [theirs]`")
    if not isinstance(departments, dict) or not all(isinstance(name, str) for name in departments):
        raise _error(f"'margins: departments' is {departments!r}, not a mapping", "write lines `department: 0.05`")
    points = {"own_brand": entries.get("own_brand", 0.0), **departments}
    for name, value in points.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1 < value < 1:
            raise _error(f"'margins: {name}' is {value!r}", "use a share of the price, such as 0.05")
    return MarginPolicy(tuple(brands), float(points["own_brand"]), {n: float(v) for n, v in departments.items()})


def _check_mapping(mapping: dict[Any, Any], key: str, allowed: list[str]) -> None:
    for theirs, ours in mapping.items():
        if not isinstance(theirs, str) or not isinstance(ours, str):
            raise _error(f"{key!r} holds {theirs!r}: {ours!r}, which is not text", "put both names in quotes")
        if ours not in allowed and ours != theirs:
            raise _error(f"{key!r} maps {theirs!r} onto the unknown name {ours!r}", f"use one of {allowed}")


def _check_names(entries: dict[Any, Any], known: set[str], noun: str) -> None:
    for name in entries:
        if name not in known:
            close = difflib.get_close_matches(str(name), sorted(known), 1)
            remedy = f"did you mean {close[0]!r}?" if close else f"use one of {sorted(known)}"
            raise _error(f"unknown {noun} {name!r}", remedy)


def _error(problem: str, remedy: str, row: int | None = None) -> BundlebookError:
    return BundlebookError(problem, where=FILE if row is None else f"{FILE}, row {row}", remedy=remedy)
