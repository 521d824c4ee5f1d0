"""A folder in one encrypted file, and back: streamed, and refused whole if a single byte was changed.

The file is a tar archive in pieces of 1 MiB, each sealed with AES-256-GCM. A piece's nonce holds its number and
whether it is the last, so pieces can be neither swapped, repeated, nor cut off unseen (the STREAM construction).

The key never lies in the project. It is derived from the secret of :func:`bundlebook.shop.machine_key` and a salt of
its own for each file. Whoever loses that secret loses the files.
"""

import hashlib
import hmac
import io
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bundlebook.errors import BundlebookError
from bundlebook.paths import check_writable, shown
from bundlebook.shop import machine_key

#: Ending of an encrypted folder's name.
ENDING = ".protected"
_MAGIC = b"bundlebook protected 1\n"
_SALT, _PREFIX, _MARK, _TAG = 16, 7, 8, 16
_HEADER = len(_MAGIC) + _SALT + _PREFIX + _MARK
_PIECE = 1 << 20


def protect(folder: Path, target: Path | None = None, key: str | None = None) -> Path:
    """Encrypt a folder with everything in it into one file; the folder itself stays as it is.

    Parameters
    ----------
    folder : Path
        Holds regular files and folders only.
    target : Path, optional
        The file to write; beside the folder, with the ending ``.protected``, if not given.
    key : str, optional
        The secret; that of this machine's user by default, see :func:`bundlebook.shop.machine_key`.

    Returns
    -------
    Path
        The file. It was read back and found whole.

    Raises
    ------
    BundlebookError
        If the folder is none, holds links or special files, or the file exists or cannot be written.
    """
    folder = Path(folder)
    target = folder.with_name(folder.name + ENDING) if target is None else Path(target)
    if not folder.is_dir():
        raise BundlebookError("this is no folder", where=shown(folder), remedy="name a folder that exists")
    if target.resolve().is_relative_to(folder.resolve()):
        raise BundlebookError("it would lie inside the folder", where=shown(target), remedy="write it elsewhere")
    if target.exists():
        raise BundlebookError("the file exists", where=shown(target), remedy="move it away, or name another")
    for entry in sorted(folder.rglob("*")):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise BundlebookError(
                "a link or a special file cannot be protected", where=shown(entry), remedy="replace it by what it means"
            )
    check_writable(target, file=True)
    secret = machine_key() if key is None else key
    salt, prefix = secrets.token_bytes(_SALT), secrets.token_bytes(_PREFIX)
    header = _MAGIC + salt + prefix + _mark(secret, salt)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as out:
            out.write(header)
            sealing = _Sealing(out, _cipher(secret, salt), prefix, header)
            with tarfile.open(fileobj=sealing, mode="w|") as archive:
                archive.add(folder, arcname=".", filter=_anonymous)
            sealing.finish()
        _verify(draft, secret)
        draft.replace(target)
    except OSError as error:
        raise BundlebookError(f"cannot be written: {error.strerror or error}", where=shown(target)) from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def unprotect(file: Path, folder: Path, key: str | None = None) -> Path:
    """Decrypt a file of :func:`protect` into a new folder.

    The whole file is checked before anything is written. What is then written lies in a folder of its own with rights
    for its owner only, which is renamed at the end, or removed if anything fails.

    Parameters
    ----------
    file, folder : Path
    key : str, optional

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    BundlebookError
        If the key is another, the file was changed or cut short, or the folder exists.
    """
    file, folder = Path(file), Path(folder)
    if not file.is_file():
        raise BundlebookError("there is no such file", where=shown(file), remedy=f"name a file that ends in {ENDING}")
    if folder.exists():
        raise BundlebookError("the folder exists", where=shown(folder), remedy="name a new one")
    check_writable(folder.parent)
    secret = machine_key() if key is None else key
    _verify(file, secret)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with (
            file.open("rb") as source,
            tarfile.open(fileobj=_Opened(_pieces(source, file, secret)), mode="r|") as archive,
        ):
            archive.extractall(draft, filter="data")
        draft.rename(folder)
    except (OSError, tarfile.TarError) as error:
        raise BundlebookError(
            f"cannot be unpacked: {error}", where=shown(file), remedy="make room, then again"
        ) from error
    finally:
        if draft.exists():
            shutil.rmtree(draft)
    return folder


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose files these were on this machine is nobody's business."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _cipher(secret: str, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"bundlebook: encryption of files").derive(secret.encode()))


def _mark(secret: str, salt: bytes) -> bytes:
    """Tells a wrong key from a damaged file, and nothing about the key."""
    name = HKDF(SHA256(), 32, salt, b"bundlebook: which key").derive(secret.encode())
    return hmac.new(name, salt, hashlib.sha256).digest()[:_MARK]


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


class _Sealing(io.RawIOBase):
    """What is written here goes out in sealed pieces."""

    def __init__(self, out: BinaryIO, cipher: AESGCM, prefix: bytes, header: bytes) -> None:
        self._out, self._cipher, self._prefix, self._header = out, cipher, prefix, header
        self._waiting, self._number = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._waiting += data
        while len(self._waiting) > _PIECE:  # one piece is kept back, for it may be the last
            self._seal(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(data)

    def finish(self) -> None:
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, piece: bytes, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last), piece, self._header))
        self._number += 1


class _Opened(io.RawIOBase):
    """Pieces as one stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._left:
            try:
                self._left = next(self._pieces)
            except StopIteration:
                return 0
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n


def _pieces(source: BinaryIO, file: Path, secret: str) -> Iterator[bytes]:
    """Open one piece after the other; the first that was changed ends it."""
    header = source.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise BundlebookError(
            "this file was not made by `bundlebook protect`, or its beginning is gone", where=shown(file)
        )
    salt, rest = header[len(_MAGIC) :][:_SALT], header[len(_MAGIC) + _SALT :]
    prefix, mark = rest[:_PREFIX], rest[_PREFIX:]
    if not hmac.compare_digest(mark, _mark(secret, salt)):
        raise BundlebookError(
            "it was protected with another key, or its beginning was changed",
            where=shown(file),
            remedy="set BUNDLEBOOK_KEY to the key it was made with",
        )
    cipher, number = _cipher(secret, salt), 0
    sealed = source.read(_PIECE + _TAG)
    while True:
        following = source.read(_PIECE + _TAG)
        try:
            piece = cipher.decrypt(_nonce(prefix, number, not following), sealed, header)
        except (InvalidTag, ValueError):
            raise BundlebookError(
                f"the file was changed or cut short near byte {_HEADER + number * (_PIECE + _TAG):,}",
                where=shown(file),
                remedy="take a copy that is whole; nothing was decrypted",
            ) from None
        yield piece
        if not following:
            return
        sealed, number = following, number + 1


def _verify(file: Path, secret: str) -> None:
    with file.open("rb") as source:
        for _ in _pieces(source, file, secret):
            pass
