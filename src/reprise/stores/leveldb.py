"""LevelDB folders, opened once a process and shared: LevelDB gives a folder to one handle at a time."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import plyvel
from numpy.typing import NDArray

from reprise.errors import DamagedStoreError, LibraryInUseError, StoreError, printable, with_remedy
from reprise.stores.record import pack, unpack

MENDED = "`reprise verify --repair` keeps what can be read of it, and makes the rest anew from Milvus"
FILES = ("CURRENT", "[0-9]*.ldb", "[0-9]*.sst", "[0-9]*.log")

# Keys of our own are "\0kind/name"; no video id or path starts with a zero byte.
_PENDING = b"\x00pending/"  # names of unfinished writes
_LIBRARY = b"\x00library/"  # facts of the whole library
_MOVING = b"\x00moving/"  # ids of videos that are to be stored under another, which is the value
COPIED_AT_ONCE = 64  # records of any kind; a matrix has a megabyte for a quarter of an hour
# A table that is cut short is mapped into memory and read beyond its end.
CUT_SHORT, FAULT = ".ldb: Invalid argument", "Input/output error"
_ALONE = frozenset({_PENDING, _LIBRARY, _MOVING})  # all other kinds are companions of the value under their name


class LevelDb:
    """One open LevelDB folder: texts, bytes and arrays by key, and the names of unfinished writes."""

    def __init__(self, folder: str) -> None:
        """Opens or makes `folder`; use `open_leveldb`, which shares handles."""
        self.shown = printable(folder)
        try:
            Path(folder).parent.mkdir(parents=True, exist_ok=True)
            if is_leveldb(folder) and not Path(folder, "CURRENT").exists():
                # LevelDB would begin anew, and remove the tables that are there.
                raise plyvel.CorruptionError(b"Corruption: its file CURRENT is missing")
            self._db = plyvel.DB(folder, create_if_missing=True)
        except (plyvel.Error, OSError) as error:
            if _said(error).startswith("IO error: lock "):
                raise LibraryInUseError(
                    f"{self.shown}: another process has this LevelDB folder open; wait until it ends"
                ) from error
            raise self._error("cannot open the folder", error) from error

    def put(self, key: str, value: NDArray[np.generic] | bytes | str) -> None:
        """Stores `value` under `key`, over what was there; on disk when it returns."""
        if isinstance(value, np.ndarray):
            value = pack(value)
        elif isinstance(value, str):
            value = value.encode()
        self._write(key.encode(), value)

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`; None where there is nothing."""
        return self._read(key.encode())

    def get_array(self, key: str) -> NDArray[np.generic] | None:
        """The array under `key`, read-only; None where there is nothing. Raises StoreError if it is damaged."""
        record = self.get(key)
        if record is None:
            return None
        try:
            return unpack(record)
        except ValueError as error:
            raise StoreError(f"{self.shown}: the matrix of {key!r} is damaged: {error}") from error

    def delete(self, key: str) -> None:
        """Removes `key` with its companions; nothing happens where it is not there."""
        with self._batch() as batch:
            self._delete(batch, key)

    def keys(self) -> Iterator[str]:
        """All keys but our own, in byte order."""
        for key in self._read_keys(start=b"\x00\xff"):
            yield key.decode()

    def store(
        self, key: str, value: bytes | None, companions: Mapping[str, bytes], *, mark: bytes | None = None
    ) -> None:
        """Puts a value and its companions by kind, in place of all that was there, at once: all is there or nothing.

        Without a value, it and its other companions stay. With `mark` the write is pending from the same moment on.
        """
        with self._batch() as batch:
            if value is not None:
                self._delete(batch, key)
                batch.put(key.encode(), value)
            for kind, companion in companions.items():
                batch.put(_own(kind, key), companion)
            if mark is not None:
                batch.put(_PENDING + key.encode(), mark)

    def companion(self, kind: str, key: str) -> bytes | None:
        """What is kept beside the value under `key` as `kind`; None where there is nothing."""
        return self._read(_own(kind, key))

    def companions(self, key: str) -> dict[str, bytes]:
        """All that is kept beside the value under `key`, by kind."""
        found = {kind: self.companion(kind, key) for kind in self.companion_kinds()}
        return {kind: value for kind, value in found.items() if value is not None}

    def companion_kinds(self) -> list[str]:
        """The kinds of companions that there are of any key."""
        kinds: list[str] = []
        start = b"\x00"
        while (key := next(self._read_keys(b"\x00", start), None)) and key < b"\x00\xff":
            prefix = key[: key.find(b"/") + 1]
            if prefix not in _ALONE:
                kinds.append(prefix[1:-1].decode())
            start = prefix + b"\xff"
        return kinds

    def companion_keys(self, kind: str) -> Iterator[str]:
        """The keys that have a companion of this kind, in byte order."""
        prefix = _own(kind, "")
        for key in self._read_keys(prefix=prefix):
            yield key[len(prefix) :].decode()

    def fact(self, name: str) -> bytes | None:
        """A fact of the whole library; None where there is none."""
        return self._read(_LIBRARY + name.encode())

    def facts(self, prefix: str) -> dict[str, bytes]:
        """The facts of the whole library whose names start with `prefix`, by the rest of the name."""
        start = _LIBRARY + prefix.encode()
        return {key[len(start) :].decode(): value for key, value in self._read_all(prefix=start)}

    def put_fact(self, name: str, value: bytes) -> None:
        """Keeps a fact of the whole library."""
        self._write(_LIBRARY + name.encode(), value)

    def remove_fact(self, name: str) -> None:
        """Forgets a fact of the whole library."""
        with self._batch() as batch:
            batch.delete(_LIBRARY + name.encode())

    def under(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """(rest of the key, bytes) of all keys that start with `prefix`, in byte order."""
        for key, value in self._read_all(prefix=prefix.encode()):
            yield key[len(prefix.encode()) :].decode(), value

    def mark_pending(self, name: str, mark: bytes = b"") -> None:
        """Notes that a write under `name` has begun, or how far it is."""
        self._write(_PENDING + name.encode(), mark)

    def clear_pending(self, names: Sequence[str]) -> None:
        """Notes that the writes under `names` are whole."""
        with self._batch() as batch:
            for name in names:
                batch.delete(_PENDING + name.encode())

    def pending(self) -> list[str]:
        """Names of the writes that began and were never seen to end."""
        return list(self.marks())

    def marks(self) -> dict[str, bytes]:
        """The writes that began and were never seen to end, each with what it was marked with."""
        return {key[len(_PENDING) :].decode(): mark for key, mark in self._read_all(prefix=_PENDING)}

    def mark_moving(self, old: str, new: str) -> None:
        """Notes that what is under `old` is being stored under `new` and then removed."""
        self._write(_MOVING + old.encode(), new.encode())

    def clear_moving(self, old: str) -> None:
        """Notes that a move is over."""
        with self._batch() as batch:
            batch.delete(_MOVING + old.encode())

    def moving(self) -> dict[str, str]:
        """Where each move that began and was never seen to end leads, by the old name."""
        return {key[len(_MOVING) :].decode(): new.decode() for key, new in self._read_all(prefix=_MOVING)}

    def close(self) -> None:
        """Gives the folder back; the handle is of no use after."""
        self._db.close()

    def read_through(self) -> None:
        """Reads all there is. Raises StoreError where that cannot be done."""
        for _ in self._walk(b"", b""):
            pass

    def copy_to(self, other: LevelDb) -> None:
        """Puts all that can be read into another one, as it is. Raises StoreError."""
        entries = self._readable()
        while group := list(islice(entries, COPIED_AT_ONCE)):
            with other._batch() as batch:
                for key, value in group:
                    batch.put(key, value)

    def _error(self, what: str, error: Exception) -> StoreError:
        said = f"{self.shown}: LevelDB {what} ({reason(error)})"
        return DamagedStoreError(f"{said}; {MENDED}") if _is_damage(error) else StoreError(said)

    def _read(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except plyvel.Error as error:
            name = key.rpartition(b"/")[2].decode(errors="replace")
            raise self._error(f"cannot read {name!r}", error) from error
        return value

    def _read_all(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of the keys that begin with `prefix`, in byte order."""
        return (at.item() for at in self._walk(prefix, prefix))

    def _read_keys(self, prefix: bytes = b"", start: bytes = b"") -> Iterator[bytes]:
        """The keys that begin with `prefix`, from `start` on, in byte order."""
        return (at.key() for at in self._walk(prefix, max(prefix, start)))

    def _walk(self, prefix: bytes, start: bytes) -> Iterator[Any]:
        """plyvel's raw iterator at each of these keys."""
        try:
            # The other iterator of plyvel ends without a word at a last block that cannot be read.
            with self._db.raw_iterator(verify_checksums=True) as at:
                at.seek(start)
                while at.valid() and at.key().startswith(prefix):
                    yield at
                    at.next()
        except plyvel.Error as error:
            raise self._error("cannot read it", error) from error

    def _readable(self) -> Iterator[tuple[bytes, bytes]]:
        # LevelDB passes over what it cannot read, and has plyvel raise at every step from then on.
        with self._db.raw_iterator(verify_checksums=True) as at:
            with suppress(plyvel.Error):
                at.seek_to_first()
            last: bytes | None = None
            while at.valid() and (last is None or at.key() > last):
                last = at.key()
                yield at.item()
                with suppress(plyvel.Error):
                    at.next()

    def _delete(self, batch: plyvel.WriteBatch, key: str) -> None:
        batch.delete(key.encode())
        for kind in self.companion_kinds():
            batch.delete(_own(kind, key))

    def _write(self, key: bytes, value: bytes) -> None:
        with self._batch() as batch:
            batch.put(key, value)

    @contextmanager
    def _batch(self) -> Iterator[plyvel.WriteBatch]:
        # A batch is one record of LevelDB's log: after a crash all of it is there or nothing.
        try:
            with self._db.write_batch(transaction=True, sync=True) as batch:
                yield batch
        except (plyvel.Error, OSError) as error:
            raise self._error("cannot write", error) from error


def is_leveldb(folder: str | Path) -> bool:
    """Whether there are files of LevelDB in the folder."""
    return any(next(Path(folder).glob(name), None) is not None for name in FILES)


def _is_damage(error: Exception) -> bool:
    return isinstance(error, plyvel.CorruptionError) or any(sign in _said(error) for sign in (CUT_SHORT, FAULT))


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(error)


def reason(error: Exception) -> str:
    """What LevelDB says, less the name of the file and Python's marks of bytes."""
    said = _said(error)
    return "a file of it is cut short" if CUT_SHORT in said else with_remedy(said.rpartition(": ")[2])


def _own(kind: str, name: str) -> bytes:
    return b"\x00" + f"{kind}/{name}".encode()


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
