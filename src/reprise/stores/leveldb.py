"""LevelDB folders, opened once a process and shared: LevelDB gives a folder to one handle at a time."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plyvel
from numpy.typing import NDArray

from reprise.errors import LibraryInUseError, StoreError, printable
from reprise.stores.record import pack, unpack

# Names of unfinished writes; no video id or path starts with a zero byte.
_PENDING = b"\x00pending/"


class LevelDb:
    """One open LevelDB folder: texts, bytes and arrays by key, and the names of unfinished writes."""

    def __init__(self, folder: str) -> None:
        """Opens or makes `folder`; use `open_leveldb`, which shares handles."""
        self._shown = printable(folder)
        try:
            Path(folder).parent.mkdir(parents=True, exist_ok=True)
            self._db = plyvel.DB(folder, create_if_missing=True)
        except (plyvel.Error, OSError) as error:
            if "lock" in str(error).lower():
                raise LibraryInUseError(
                    f"{self._shown}: another process has this LevelDB folder open; wait until it ends"
                ) from error
            raise StoreError(f"{self._shown}: LevelDB cannot open the folder ({error})") from error

    def put(self, key: str, value: NDArray[np.generic] | bytes | str) -> None:
        """Stores `value` under `key`, over what was there; on disk when it returns."""
        if isinstance(value, np.ndarray):
            value = pack(value)
        elif isinstance(value, str):
            value = value.encode()
        self._write(key.encode(), value)

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`; None where there is nothing."""
        try:
            value: bytes | None = self._db.get(key.encode())
        except plyvel.Error as error:
            raise StoreError(f"{self._shown}: LevelDB cannot read {key!r} ({error})") from error
        return value

    def get_array(self, key: str) -> NDArray[np.generic] | None:
        """The array under `key`, read-only; None where there is nothing. Raises StoreError if it is damaged."""
        record = self.get(key)
        if record is None:
            return None
        try:
            return unpack(record)
        except ValueError as error:
            raise StoreError(f"{self._shown}: the matrix of {key!r} is damaged: {error}") from error

    def delete(self, key: str) -> None:
        """Removes `key`; nothing happens where it is not there."""
        self._db.delete(key.encode(), sync=True)

    def keys(self) -> Iterator[str]:
        """All keys but the names of unfinished writes, in byte order."""
        for key in self._db.iterator(include_value=False, start=_PENDING[:1] + b"\xff"):
            yield key.decode()

    def under(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """(rest of the key, bytes) of all keys that start with `prefix`, in byte order."""
        for key, value in self._db.iterator(prefix=prefix.encode()):
            yield key[len(prefix.encode()) :].decode(), value

    def mark_pending(self, name: str) -> None:
        """Notes that a write under `name` has begun."""
        self._write(_PENDING + name.encode(), b"")

    def clear_pending(self, names: list[str]) -> None:
        """Notes that the writes under `names` are whole."""
        with self._db.write_batch(sync=True) as batch:
            for name in names:
                batch.delete(_PENDING + name.encode())

    def pending(self) -> list[str]:
        """Names of the writes that began and were never seen to end."""
        keys = self._db.iterator(prefix=_PENDING, include_value=False)
        return [key[len(_PENDING) :].decode() for key in keys]

    def close(self) -> None:
        """Gives the folder back; the handle is of no use after."""
        self._db.close()

    def _write(self, key: bytes, value: bytes) -> None:
        try:
            self._db.put(key, value, sync=True)
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"{self._shown}: LevelDB cannot write ({error}); is the disk full?") from error


# Towhee builds operators from plain arguments, so an insert and a lookup operator on one folder can share a
# handle only through a table of the process. Weak: the last operator or store that goes closes the folder.
_open: weakref.WeakValueDictionary[str, LevelDb] = weakref.WeakValueDictionary()
_opening = threading.Lock()


def open_leveldb(folder: str | Path) -> LevelDb:
    """The process's handle on `folder`, which is made if it is not there.

    Raises LibraryInUseError if another process has it open, StoreError if it cannot be opened.
    """
    key = str(Path(folder).resolve())
    with _opening:
        handle = _open.get(key)
        if handle is None:
            handle = _open[key] = LevelDb(key)
        return handle


def close_leveldb(folder: str | Path) -> None:
    """Closes the process's handle on `folder`, if there is one, also for operators that still hold it."""
    with _opening:
        handle = _open.pop(str(Path(folder).resolve()), None)
    if handle is not None:
        handle.close()
