"""A LevelDB folder that can no longer be read whole, as after a fault of the disk.

What can be read of it is copied into a new one, which takes its place; the damaged one is kept under another name.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import plyvel

from reprise.errors import DamagedStoreError, StoreError, printable
from reprise.stores.leveldb import close_leveldb, is_leveldb, open_leveldb, reason
from reprise.stores.lock import FolderLock
from reprise.stores.place import Place
from reprise.stores.slots import left_slots

_log = logging.getLogger(__name__)


def set_aside_damaged(place: Place, wait_s: float) -> Iterator[Path]:
    """Does so with each damaged LevelDB of a library on this machine that no process has; gives the new names.

    Reads all that there is. For an embedded library waits up to `wait_s` seconds for the process that has it. Raises
    LibraryInUseError, LibraryError or StoreError.
    """
    if place.embedded:
        if is_leveldb(place.matrices):
            lock = FolderLock(place.locked, wait_s=wait_s)
            try:
                yield from _set_aside(place.matrices)
            finally:
                lock.release()
        return
    for first in place.first_slots:
        with left_slots(first, None) as slots:
            for slot in slots:
                yield from _set_aside(slot.matrices)


def _set_aside(folder: Path) -> Iterator[Path]:
    """For who has the folder alone, and no handle on it. Stopped at any moment, all is still on the disk."""
    if not is_leveldb(folder) or _is_whole(folder):
        return
    new = folder.with_name(f"{folder.name}-new")
    aside = next(name for number in count(1) if not (name := _aside(folder, number)).exists())
    shutil.rmtree(new, ignore_errors=True)  # of an earlier try
    try:
        _copy_readable(folder, new)
        folder.rename(aside)
        new.rename(folder)
    except OSError as error:
        raise StoreError(f"{printable(folder)}: cannot be set aside ({error.strerror or error})") from error
    finally:
        if folder.exists():  # else it was stopped between the two, and this is all that takes its place
            shutil.rmtree(new, ignore_errors=True)
    _log.warning(
        "%s: LevelDB was damaged; what could be read of it was kept, and the whole is now %s, for you to remove",
        printable(folder),
        printable(aside),
    )
    yield aside


def _is_whole(folder: Path) -> bool:
    try:
        open_leveldb(folder).read_through()
    except DamagedStoreError:
        return False
    finally:
        close_leveldb(folder)
    return True


def _copy_readable(folder: Path, new: Path) -> None:
    try:
        copied = open_leveldb(new)
        try:
            open_leveldb(folder).copy_to(copied)
        except DamagedStoreError:
            # It does not even open. LevelDB makes its list of tables anew from those that it can read; the others it
            # moves into a folder `lost`.
            _list_tables_anew(folder)
            open_leveldb(folder).copy_to(copied)
    finally:
        close_leveldb(folder)
        close_leveldb(new)


def _list_tables_anew(folder: Path) -> None:
    try:
        plyvel.repair_db(str(folder), paranoid_checks=True)
    except plyvel.Error as error:
        raise StoreError(
            f"{printable(folder)}: LevelDB cannot mend it ({reason(error)}); move the folder away, then run the same "
            "command again"
        ) from error


def _aside(folder: Path, number: int) -> Path:
    return folder.with_name(f"{folder.name}-damaged-{number}")
