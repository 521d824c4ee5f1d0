"""Who read what: a log that is only ever appended to, and in which no line can be changed unseen.

Every line holds a code over itself and the line before, made with a key that lies outside of the log. Whoever edits,
removes or reorders lines without that key breaks the chain at that place. Lines cut off at the end are found only by
comparing with a code that was noted elsewhere: see :meth:`AccessLog.verify`.
"""

import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock

from bundlebook.errors import BundlebookError
from bundlebook.paths import shown
from bundlebook.shop import key_file, machine_key

_FIELDS = ("time", "who", "what")
_START = "0" * 64


class AccessLog:
    """An append-only log of who read what.

    Parameters
    ----------
    file : Path, optional
        Beside the key of this machine's user by default.
    key : str, optional
        The secret; that of :func:`bundlebook.shop.machine_key` by default.
    """

    def __init__(self, file: Path | None = None, key: str | None = None) -> None:
        self.file = key_file().with_name("access.jsonl") if file is None else Path(file)
        self._key = hashlib.sha256(
            b"bundlebook: access log " + (machine_key() if key is None else key).encode()
        ).digest()

    def append(self, who: str, what: str, time: datetime | None = None) -> str:
        """Add one line, and return its code.

        Raises
        ------
        BundlebookError
            If the log cannot be written, or its last line was changed. Then nothing is added, and what was to be read
            should not be shown.
        """
        moment = (time or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(f"{self.file}.lock"):
                previous = self.verify()
                entry = {"time": moment, "who": str(who), "what": str(what)}
                code = self._code(entry, previous)
                handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    out.write(json.dumps({**entry, "code": code}, ensure_ascii=False) + "\n")
                    out.flush()
                    os.fsync(out.fileno())
        except OSError as error:
            raise BundlebookError(
                f"the access log cannot be written: {error.strerror or error}",
                where=shown(self.file),
                remedy="make its folder writable; without the log nothing personal is shown",
            ) from error
        return code

    def verify(self, noted: str | None = None) -> str:
        """Read the whole chain, and return the code of its last line.

        Parameters
        ----------
        noted : str, optional
            A code that was written down earlier. It must stand in the chain, or lines were cut off.

        Raises
        ------
        BundlebookError
            With the number of the first line that does not fit.
        """
        previous, seen = _START, {_START}
        for number, line in enumerate(self._lines(), start=1):
            try:
                entry = json.loads(line)
                code = entry.pop("code")
                right = set(entry) == set(_FIELDS) and hmac.compare_digest(code, self._code(entry, previous))
            except (ValueError, KeyError, TypeError, AttributeError):
                right = False
            if not right:
                raise BundlebookError(
                    "the access log was changed, or was written with another key",
                    where=f"{shown(self.file)}, line {number}",
                    remedy="keep the file as evidence, and go on with a new one",
                )
            previous = code
            seen.add(code)
        if noted is not None and noted not in seen:
            raise BundlebookError(
                "the noted code is not in the access log: lines were cut off",
                where=shown(self.file),
                remedy="compare with a backup",
            )
        return previous

    def table(self) -> pd.DataFrame:
        """One row per line, checked: ``time``, ``who``, ``what``."""
        self.verify()
        return pd.DataFrame([json.loads(line) for line in self._lines()], columns=list(_FIELDS))

    def _lines(self) -> list[str]:
        return self.file.read_text("utf-8").splitlines() if self.file.exists() else []

    def _code(self, entry: dict[str, str], previous: str) -> str:
        text = json.dumps([previous, *(entry[name] for name in _FIELDS)], ensure_ascii=False)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
