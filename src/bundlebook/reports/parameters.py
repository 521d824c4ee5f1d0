"""Parameters of a template notebook: what it declares, and whether a value fits the declaration."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bundlebook.errors import BundlebookError


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's cell tagged ``parameters``.

    Attributes
    ----------
    name : str
    default : object
        Its literal; ``...`` means that a value must be given.
    help : str
        The comment behind it.
    """

    name: str
    default: Any
    help: str = ""

    @property
    def required(self) -> bool:
        return self.default is ...

    def fits(self, value: Any) -> bool:
        """Whether a value has the type of the default. A whole number fits a float; nothing but a bool fits a bool.

        Examples
        --------
        >>> Parameter("ALPHA", 0.5).fits(1), Parameter("K", 10).fits(True), Parameter("SHOP", "sample").fits(7)
        (True, False, False)
        """
        if self.required or self.default is None or value is None:
            return value is not None or self.default is None
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(self.default, bool) and isinstance(value, bool)
        if isinstance(self.default, float):
            return isinstance(value, int | float)
        if isinstance(self.default, list | tuple):
            return isinstance(value, list | tuple)
        return isinstance(value, type(self.default))

    def parse(self, text: str) -> Any:
        """Read a value typed on the command line. Text stays text, so ``007`` and ``1e3`` keep their spelling.

        Examples
        --------
        >>> Parameter("ITEM", "1001").parse("007"), Parameter("K", 10).parse("20"), Parameter("RATE", 0.1).parse("1e-3")
        ('007', 20, 0.001)
        """
        if isinstance(self.default, str):
            return text
        if isinstance(self.default, float):
            try:
                return float(text)
            except ValueError:
                return text
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return text

    @property
    def kind(self) -> str:
        """Name of the type a value must have, for messages."""
        plain = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a mapping"}
        return plain.get(type(self.default), "a list" if isinstance(self.default, list | tuple) else "a value")


def declared(template: Path) -> dict[str, Parameter]:
    """Read the parameters a notebook declares, as papermill sees them.

    Raises
    ------
    BundlebookError
        If the file is not a notebook, or a default is not a literal.
    """
    import papermill

    try:
        found = papermill.inspect_notebook(str(template))
    except Exception as error:  # nbformat, json and papermill each raise their own
        raise BundlebookError(f"not a readable notebook ({type(error).__name__}: {error})") from error
    result = {}
    for name, entry in found.items():
        try:
            default = ast.literal_eval(entry["default"])
        except (ValueError, SyntaxError) as error:
            raise BundlebookError(
                f"the default of parameter {name} is not a literal: {entry['default']}",
                remedy="write a plain value into the cell tagged 'parameters'",
            ) from error
        result[name] = Parameter(name, default, (entry["help"] or "").strip())
    return result
