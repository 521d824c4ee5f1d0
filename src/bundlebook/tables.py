"""Tables on their way out of the workbook."""

import pandas as pd

#: How a cell begins that a spreadsheet program would run; a negative number is none.
_FORMULA = r"[=@+\t\r]|-(?![\d.])"


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Make text of every cell and heading that a spreadsheet program would run as a formula, by a quotation mark.

    Parameters
    ----------
    table : DataFrame
        Columns of any type; only text is changed.

    Returns
    -------
    DataFrame
        To be written as CSV.

    Examples
    --------
    >>> without_formulas(pd.DataFrame({"name": ["=1+1", "tea"], "price": [-1.5, 2.0]}))["name"].tolist()
    ["'=1+1", 'tea']
    """
    changed = {}
    for name in table.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]]:
        text = table[name].map(lambda value: isinstance(value, str)) & table[name].astype(str).str.match(_FORMULA)
        changed[name] = table[name].mask(text, "'" + table[name].astype(str))
    heads = table.columns.astype(str)
    return table.assign(**changed).set_axis(heads.where(~heads.str.match(_FORMULA), "'" + heads), axis=1)
