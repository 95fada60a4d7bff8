"""A LevelDB folder that can no longer be read, as after a fault of the disk: set aside, and made anew from Milvus."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from reprise.errors import DamagedStoreError, StoreError, printable
from reprise.stores.leveldb import close_leveldb, open_leveldb


def set_aside(folder: Path, names: list[Path]) -> None:
    """Renames a LevelDB folder in which anything cannot be read, and adds its new name to `names`; removes nothing.

    For who has the folder alone, and no handle on it. Raises StoreError.
    """
    try:
        open_leveldb(folder).read_through()
    except DamagedStoreError:
        close_leveldb(folder)
        aside = next(name for number in count(1) if not (name := _named(folder, number)).exists())
        try:
            folder.rename(aside)
        except OSError as error:
            raise StoreError(f"{printable(folder)}: cannot be renamed ({error.strerror or error})") from error
        names.append(aside)


def _named(folder: Path, number: int) -> Path:
    return folder.with_name(f"{folder.name}-damaged-{number}")
