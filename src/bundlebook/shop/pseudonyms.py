"""What a user is called on a page: a keyed pseudonym, which nobody can turn back into an identifier without the key.

A plain hash would not do: whoever has a list of possible identifiers hashes them all and compares. With a key that is
kept outside of the project the same list is of no use.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import pandas as pd

from bundlebook.errors import BundlebookError
from bundlebook.shop.shop import Shop

#: Key of the shops whose identifiers everybody can read anyway, so that committed chapters are the same everywhere.
PUBLIC_KEY = "bundlebook: these identifiers are public"
#: Environment variable that holds the key of a reader's own shop.
VARIABLE = "BUNDLEBOOK_KEY"
_LEAST = 16


def pseudonym(user_id: str, shop: Shop) -> str:
    """Return what a user is called on a page and in a chapter's output.

    .. math:: \\text{HMAC-SHA256}(\\text{key}, \\text{user\\_id})

    of which the first 48 bits are shown: among a million users two share them with a chance of 0.2 %.

    Parameters
    ----------
    user_id : str
    shop : Shop
        A shop that is :attr:`~bundlebook.shop.Shop.published` has a fixed public key, so its pseudonyms protect
        nobody and are the same on every machine. Any other shop has the key of this machine, see :func:`machine_key`.

    Returns
    -------
    str
        ``"user-"`` and 12 hexadecimal digits: the same for the same identifier and key.

    Raises
    ------
    BundlebookError
        If the key cannot be read or made.

    References
    ----------
    Krawczyk, H., Bellare, M., Canetti, R. (1997). HMAC: Keyed-Hashing for Message Authentication. RFC 2104.

    Examples
    --------
    >>> from bundlebook.shop import load_shop
    >>> pseudonym("U001", load_shop("sample"))
    'user-5bcccd700d9d'
    """
    key = PUBLIC_KEY if shop.published else machine_key()
    return "user-" + hmac.new(key.encode(), str(user_id).encode(), hashlib.sha256).hexdigest()[:12]


def with_pseudonyms(table: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """Return a table as a page may show it: a copy whose column ``user_id`` holds pseudonyms.

    Parameters
    ----------
    table : DataFrame
        With a column ``user_id``; missing identifiers stay missing.
    shop : Shop

    Returns
    -------
    DataFrame
    """
    called = {user: pseudonym(user, shop) for user in table["user_id"].dropna().unique()}
    return table.assign(user_id=table["user_id"].map(called))


def key_file() -> Path:
    """Where the key of this machine lies: ``~/.config/bundlebook/key``, outside of the project."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "bundlebook" / "key"


def machine_key() -> str:
    """Return the secret key of this machine's user, made at first need.

    The environment variable ``BUNDLEBOOK_KEY`` wins; else it is the text of :func:`key_file`, which only its owner can
    read. Two machines with the same key give the same pseudonyms; without the key an old page can no longer be traced.

    Raises
    ------
    BundlebookError
        If the key is shorter than 16 characters, others can read its file, or it cannot be read or made.
    """
    if VARIABLE in os.environ:
        return _checked(os.environ[VARIABLE], f"the environment variable {VARIABLE}")
    file = key_file()
    try:
        if not file.exists():
            _make(file)
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise BundlebookError(
                "others can read the key of the pseudonyms", where=_shown(file), remedy=f"chmod 600 {_shown(file)}"
            )
        return _checked(file.read_text("utf-8"), _shown(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BundlebookError(
            f"the key of the pseudonyms cannot be read or made: {getattr(error, 'strerror', None) or error}",
            where=_shown(file),
            remedy=f"make the folder writable, or put a key into the environment variable {VARIABLE}",
        ) from error


def _make(file: Path) -> None:
    """Write a new key; of two processes at once one wins, and both read the winner's."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".key.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as text:  # noqa: PTH123
            text.write(secrets.token_hex(32) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _checked(key: str, where: str) -> str:
    key = key.strip()
    if len(key) < _LEAST:
        raise BundlebookError(
            f"the key of the pseudonyms has {len(key)} characters",
            where=where,
            remedy=f"give at least {_LEAST}, for example the output of `openssl rand -hex 32`",
        )
    return key


def _shown(file: Path) -> str:
    """The file as a message shows it: the home folder's name is nobody's business."""
    try:
        return f"~/{file.relative_to(Path.home()).as_posix()}"
    except ValueError:
        return file.name
