"""Slots for the matrices of a server's library: LevelDB gives a folder to one process, a machine may have several.

The first process has `matrices` with `lock`, the next `matrices-2` with `lock-2`, and so on; whoever ends frees its
slot for the next. A slot is no more than a copy near the processor of what the server has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reprise.errors import LibraryInUseError
from reprise.stores.leveldb import LevelDb, close_leveldb, open_leveldb
from reprise.stores.lock import LOCK_NAME, FolderLock

MOST = 64


@dataclass(frozen=True, slots=True)
class Slot:
    """A LevelDB folder that this process may open, as long as it has the lock."""

    matrices: Path
    lock: FolderLock


def free_slot(first: Path) -> Slot:
    """The first slot that no process has; `first` is the folder of slot 1.

    Raises LibraryInUseError if all are held, LibraryError if the folder above them cannot be written.
    """
    for number in range(1, MOST + 1):
        with suppress(LibraryInUseError):
            return _locked(first, number)
    raise LibraryInUseError(
        f"{first.parent}: {MOST} processes on this machine use this library already; wait until one ends"
    )


@contextmanager
def left_slots(first: Path, own: Path | None) -> Iterator[list[Slot]]:
    """The slots but `own` that no process has, held so that none takes them meanwhile."""
    held: list[Slot] = []
    try:
        for number in range(1, MOST + 1):
            if _folder(first, number).is_dir() and _folder(first, number) != own:
                with suppress(LibraryInUseError):
                    held.append(_locked(first, number))
        yield held
    finally:
        for slot in held:
            slot.lock.release()


@contextmanager
def opened_slots(firsts: Iterable[Path], own: Path | None) -> Iterator[list[LevelDb]]:
    """The LevelDBs of the left slots but `own`, of each of `firsts`; open as long as it lasts."""
    with ExitStack() as stack:
        opened: list[LevelDb] = []
        for first in firsts:
            for slot in stack.enter_context(left_slots(first, own)):
                stack.callback(close_leveldb, slot.matrices)
                opened.append(open_leveldb(slot.matrices))
        yield opened


def _locked(first: Path, number: int) -> Slot:
    name = LOCK_NAME if number == 1 else f"{LOCK_NAME}-{number}"
    return Slot(_folder(first, number), FolderLock(first.parent, name=name))


def _folder(first: Path, number: int) -> Path:
    return first if number == 1 else first.with_name(f"{first.name}-{number}")
