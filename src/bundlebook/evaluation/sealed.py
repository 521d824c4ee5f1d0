"""The test window under seal: settings first, then one look, and every look is on record."""

import hashlib
from collections.abc import Mapping
from typing import Any

from bundlebook.errors import BundlebookError
from bundlebook.shop import Split, Task


class Sealed:
    """Hand out the test window only after the settings are final, and refuse other settings afterwards.

    A figure on the test window is an honest forecast only if nothing was chosen by it. So the settings are settled
    first; their digest goes into the record with every reading. Reading again with the *same* settings repeats a
    figure and does no harm. Changing them after a look would be tuning on the test window, and is refused.

    Parameters
    ----------
    split : Split

    Attributes
    ----------
    readings : list of str
        One line a reading: target and digest of the settings.

    Examples
    --------
    >>> sealed = Sealed(split)                                # doctest: +SKIP
    >>> sealed.settle({"half-life": 90})                      # doctest: +SKIP
    >>> task = sealed.open("window")                          # doctest: +SKIP
    >>> sealed.settle({"half-life": 60})                      # doctest: +SKIP
    BundlebookError: the test window was read with other settings ...
    """

    def __init__(self, split: Split) -> None:
        self._split, self._settled = split, ""
        self.readings: list[str] = []

    def settle(self, settings: Mapping[str, Any]) -> str:
        """Declare the settings final; returns their digest.

        Raises
        ------
        BundlebookError
            If the window was read with other settings.
        """
        digest = hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:12]
        if self.readings and digest != self._settled:
            raise BundlebookError(
                f"the test window was read with other settings ({self._settled}) and is spent",
                where="Sealed",
                remedy="choose settings on the validation window, or report the figure as a validation figure",
            )
        self._settled = digest
        return digest

    def open(self, target: str = "window") -> Task:
        """Return the test task and put the reading on record."""
        if not self._settled:
            raise BundlebookError(
                "the test window is sealed", where="Sealed", remedy="call settle(settings) when nothing will change"
            )
        task = self._split.task("test", target)
        self.readings.append(f"{target}, settings {self._settled}")
        return task
