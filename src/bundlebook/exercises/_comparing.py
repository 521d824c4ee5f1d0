"""Say in plain words how a student's answer differs from the right one, without telling the right one."""

import inspect
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pandas as pd

_NAMES = (
    (bool, "True or False"),
    ((int, float), "a number"),
    (str, "a text"),
    (np.ndarray, "an array"),
    (pd.Series, "a Series"),
    (pd.DataFrame, "a table (DataFrame)"),
    (Mapping, "a dictionary"),
    (Set, "a set"),
    (list, "a list"),
    (tuple, "several values (a tuple)"),
)


def kind(value: object) -> str:
    """Say what *value* is, for example ``"a number"``.

    Examples
    --------
    >>> kind(np.float64(2)), kind([1, 2]), kind(range(3))
    ('a number', 'a list', 'a value of type range')
    """
    value = _plain(value)
    if value is None:
        return "nothing"
    if inspect.isroutine(value):
        return "a function"
    return next((name for type_, name in _NAMES if isinstance(value, type_)), f"a value of type {type(value).__name__}")


def difference(found: object, wanted: object, tolerance: float = 1e-6) -> str | None:
    """Compare an answer with the right one.

    Numbers agree within a relative *tolerance*; where the right answer is missing (NaN), the answer must be missing
    too. A list of numbers may stand for an array, and an array for a Series. The index of a table does not count.

    Parameters
    ----------
    found : object
        The answer.
    wanted : object
        A number, text, array, Series, table, list, tuple, set or dictionary.
    tolerance : float

    Returns
    -------
    str or None
        None if they agree. A sentence about kind, shape or missing values if these differ, else an empty text.

    Examples
    --------
    >>> difference([1.0, 2.0], np.array([1.0, 2.0])) is None
    True
    >>> difference(np.zeros(2), np.zeros((2, 3)))
    'It returns the shape (2,); it should be (2, 3).'
    """
    found, wanted = _plain(found), _plain(wanted)
    if isinstance(wanted, np.ndarray | pd.Series):
        return _array_difference(found, np.asarray(wanted), kind(wanted), tolerance)
    if isinstance(wanted, bool | str):
        return _of_kind(found, wanted, type(wanted)) or _when(found != wanted)
    if isinstance(wanted, int | float):
        if isinstance(found, bool) or not isinstance(found, int | float):
            return f"It returns {kind(found)}; it should return a number."
        return _array_difference(np.float64(found), np.asarray(wanted, float), "a number", tolerance)
    if isinstance(wanted, pd.DataFrame):
        return _of_kind(found, wanted, pd.DataFrame) or _table_difference(found, wanted, tolerance)
    if isinstance(wanted, Mapping):
        if complaint := _of_kind(found, wanted, Mapping):
            return complaint
        if complaint := _other_kind("keys", found, wanted):
            return complaint
        if set(found) != set(wanted):  # type: ignore[call-overload]
            return f"Its dictionary has {len(found)} keys; {_other_keys(found, wanted)}"  # type: ignore[arg-type]
        return _first(difference(found[key], wanted[key], tolerance) for key in wanted)  # type: ignore[index]
    if isinstance(wanted, Set):
        return _of_kind(found, wanted, Set) or _other_kind("entries", found, wanted) or _when(found != wanted)
    if isinstance(wanted, list | tuple):
        if isinstance(found, np.ndarray | pd.Series | pd.Index):
            found = list(found)
            if any(isinstance(part, np.ndarray) for part in wanted) and not isinstance(
                next(iter(found), None), np.ndarray
            ):
                return f"It returns one array; it should return {kind(wanted)}."
        if complaint := _of_kind(found, wanted, list | tuple):
            return complaint
        if isinstance(found, tuple) and any(isinstance(one, list | np.ndarray) for one in found):
            if isinstance(wanted, list):
                return "It returns several values (a tuple). Return only the list."
        elif complaint := _other_kind("entries", found, wanted):
            return complaint
        if len(found) != len(wanted):  # type: ignore[arg-type]
            return ""
        return _first(difference(a, b, tolerance) for a, b in zip(found, wanted, strict=True))  # type: ignore[call-overload]
    return _when(not (found is wanted or found == wanted))


def _plain(value: Any) -> Any:
    """A NumPy scalar, or an array without dimensions, as the Python value it holds."""
    return (
        value.item() if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim) else value
    )


def _when(differs: Any) -> str | None:
    return "" if differs else None


def _first(complaints: Any) -> str | None:
    """The most telling of several: a sentence, else "differs", else None."""
    found = [complaint for complaint in complaints if complaint is not None]
    return next(filter(None, found), "") if found else None


def _of_kind(found: object, wanted: object, type_: Any) -> str | None:
    return None if isinstance(found, type_) else f"It returns {kind(found)}; it should return {kind(wanted)}."


def _other_kind(what: str, found: Any, wanted: Any) -> str | None:
    ours, theirs = ({kind(one) for one in side} for side in (found, wanted))
    strange = sorted(ours - theirs)
    return f"Its {what} are of another kind: {strange[0]}, not {min(theirs)}." if strange and theirs else None


def _other_keys(found: Mapping, wanted: Mapping) -> str:
    strange = next((key for key in found if key not in wanted), None)
    return "some are missing." if strange is None else f"{strange!r} should not be one of them."


def _array_difference(found: Any, wanted: np.ndarray, name: str, tolerance: float) -> str | None:
    if not isinstance(found, np.ndarray | np.generic | pd.Series | pd.Index | list | tuple):
        return f"It returns {kind(found)}; it should return {name}."
    try:
        array = np.asarray(found)
    except ValueError:
        return "Its rows have different lengths, so they make no array."
    if array.shape != wanted.shape:
        each = ": one True or False for each" if wanted.dtype.kind == "b" else ""
        return f"It returns the shape {array.shape}; it should be {wanted.shape}{each}."
    numeric = wanted.dtype.kind in "iuf"
    if numeric and array.dtype.kind == "O":
        array = pd.to_numeric(pd.Series(array.ravel()), errors="coerce").to_numpy(float).reshape(array.shape)
    if array.dtype.kind not in ("iuf" if numeric else {"b": "b"}.get(wanted.dtype.kind, "OUSMmT")):
        return f"Its entries are of type {array.dtype}; they should be of type {wanted.dtype}."
    if not numeric:
        ours, theirs = (pd.Series(side.ravel().astype(object)) for side in (array, wanted))
        return _when(not (np.array_equal(array, wanted) or ours.equals(theirs)))  # equals: missing is missing
    if np.isfinite(wanted).all() and not np.isfinite(array).all():
        return (
            "It contains missing or infinite values. Look for a division by zero, a logarithm of zero, or an overflow."
        )
    return _when(not np.allclose(array, wanted, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True))


def _table_difference(found: Any, wanted: pd.DataFrame, tolerance: float) -> str | None:
    if set(found.columns) != set(wanted.columns):
        return f"Its table has the columns {', '.join(map(str, found.columns))[:80]}: read again which are asked for."
    if len(found) != len(wanted):
        return f"Its table has {len(found)} rows; that is the wrong number of them."
    return _first(difference(found[name].to_numpy(), wanted[name].to_numpy(), tolerance) for name in wanted.columns)
