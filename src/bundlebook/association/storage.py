"""Rules and itemsets on disk, as others can read them: label lists, not Python's frozensets."""

import json
from pathlib import Path

import pandas as pd

from bundlebook.errors import BundlebookError

#: Columns that hold tuples of labels.
LABEL_COLUMNS = ("itemset", "antecedent", "consequent", "parents")


def save(table: pd.DataFrame, path: str | Path) -> None:
    """Write rules or itemsets to CSV or parquet, by the file's ending.

    Parameters
    ----------
    table : DataFrame
        Columns of :data:`LABEL_COLUMNS` become JSON lists in CSV and lists of strings in parquet.
    path : str or Path
        ``.csv`` or ``.parquet``. Parquet keeps ``attrs``; CSV has no place for it.
    """
    path = Path(path)
    columns = [column for column in LABEL_COLUMNS if column in table]
    if path.suffix == ".csv":
        text = {column: [json.dumps(labels, ensure_ascii=False) for labels in table[column]] for column in columns}
        table.assign(**text).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.assign(**{column: table[column].map(list) for column in columns}).to_parquet(path, index=False)
    else:
        raise _unknown(path)


def load(path: str | Path) -> pd.DataFrame:
    """Read what :func:`save` wrote: the same values, types and order.

    Raises
    ------
    BundlebookError
        For another ending, or a file that is not there.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise _unknown(path)
    if not path.exists():
        raise BundlebookError("there is no such file", where=path.name)
    csv = path.suffix == ".csv"
    table = pd.read_csv(path) if csv else pd.read_parquet(path)
    for column in LABEL_COLUMNS:
        if column in table:
            values = [tuple(json.loads(labels) if csv else labels) for labels in table[column]]
            table[column] = pd.Series(values, index=table.index, dtype=object)
    return table


def _unknown(path: Path) -> BundlebookError:
    return BundlebookError(f"unknown kind of file {path.suffix!r}", where=path.name, remedy="use .csv or .parquet")
