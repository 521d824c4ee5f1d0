"""A file's column names against the contract's: what is missing, twice, or misspelt is said before a row is read."""

import difflib

from bundlebook.errors import BundlebookError
from bundlebook.shop.schema import Column, Table


def match_header(file: str, found: list[str], table: Table, mapping: dict[str, str]) -> list[str]:
    """Bring a file's column names to the contract's.

    Parameters
    ----------
    file : str
        Name for messages.
    found : list of str
        Column names of the file.
    table : Table
    mapping : dict
        The reader's name → the contract's; a name mapped onto itself is an extra column.

    Returns
    -------
    list of str
        One name a column of the file, in its order.

    Raises
    ------
    BundlebookError
        If a column has no name, occurs twice, is missing, or looks like a misspelt one.
    """
    where = f"{file}, row 1" if file.endswith(".csv") else file
    if "" in found:
        raise BundlebookError(
            f"column {found.index('') + 1} has no name ''",
            where=where,
            remedy="name it; if pandas wrote its index there, write the file with index=False",
        )
    for theirs, ours in mapping.items():
        if theirs not in found:
            raise BundlebookError(
                f"shop.yaml maps {theirs!r} onto {ours!r}, but there is no column {theirs!r}",
                where=where,
                remedy=f"map one of {shown(found)}",
            )
    mapped = [mapping.get(name, name) for name in found]
    twice = [name for name in mapped if mapped.count(name) > 1]
    if twice:
        raise BundlebookError(
            f"there are {mapped.count(twice[0])} columns {twice[0]!r}",
            where=where,
            remedy="rename or remove all but one",
        )
    spare = [name for name in mapped if name not in table.names and name not in mapping]
    for column in table.columns:
        if column.name not in mapped:
            _check_absent(where, column, spare, table, found)
    return mapped


def _check_absent(where: str, column: Column, spare: list[str], table: Table, found: list[str]) -> None:
    """An absent column is fine if it has a default, unless another column looks as if it were meant."""
    meant = _lookalike(column, spare)
    mapping = f"columns: {{{table.file}: {{{meant or 'their name'}: {column.name}}}}}"
    remedy = f"rename the column, or write into shop.yaml `{mapping}`"
    if column.required:
        problem = f"no column {column.name!r}; its columns are {shown(found)}"
        raise BundlebookError(problem, where=where, remedy=remedy)
    if meant is not None:
        raise BundlebookError(
            f"unknown column {meant!r}, and no column {column.name!r}",
            where=where,
            remedy=f"{remedy}; `{meant}: {meant}` keeps it as an extra column",
        )


def _lookalike(column: Column, spare: list[str]) -> str | None:
    """A spare column that resembles the name, or (where taking the default would do harm) contains it as a word."""
    close = difflib.get_close_matches(column.name, [name.lower() for name in spare], 1, cutoff=0.8)
    for name in spare:
        words = name.lower().replace("-", "_").replace(" ", "_").split("_")
        if name.lower() in close or (column.default and column.name in words):
            return name
    return None


def shown(names: list[str], limit: int = 12) -> str:
    """Column names as a message shows them: quoted, and not more than anyone reads."""
    text = ", ".join(repr(name[:40]) for name in names[:limit])
    return text + (f" and {len(names) - limit} more" if len(names) > limit else "")
