"""Whether a library can be in a folder, or was there and has lost a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.errors import LibraryError, LibraryLostError, LibraryNotFoundError, printable
from reprise.stores import copies
from reprise.stores.leveldb import open_leveldb
from reprise.stores.lock import LOCK_NAME

if TYPE_CHECKING:  # a library looks at its folder with this module
    from reprise.stores.library import Place

MILVUS_NAME = "milvus.db"
MATRICES_NAME = "matrices"
OWN_NAMES = frozenset({LOCK_NAME, MILVUS_NAME, MATRICES_NAME})


def has_more(place: Place, *, are_there: bool) -> bool:
    """Whether LevelDB on this machine has videos that Milvus has lost, or is just being filled with."""
    if not (place.matrices / "CURRENT").exists():
        return False
    matrices = open_leveldb(place.matrices)
    has_videos = next(matrices.keys(), None) is not None
    return has_videos and (not are_there or matrices.fact(copies.REBUILDING) is not None)


def lost(place: Place) -> str:
    """The line that says that Milvus lost the library at `place`, and what to do."""
    return (
        f"{place.shown}: {'its Milvus folder' if place.embedded else 'the library on this server'} is gone or not "
        f"whole, but {printable(place.matrices)} still has its videos; `reprise verify --repair` puts them back, or "
        "remove that folder to begin anew"
    )


def check_folder(place: Place, create: bool, *, rebuild: bool) -> None:
    """Raises a LibraryError where no library is, or with `create` can be, in the folder of `place`."""
    folder = place.locked
    if folder.exists() and not folder.is_dir():
        raise LibraryError(f"{place.shown}: is a file; a library is a folder, or the URI of a Milvus server")
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if MILVUS_NAME in names or (rebuild and MATRICES_NAME in names):
        return
    if has_more(place, are_there=False):
        raise LibraryLostError(lost(place))
    if not create:
        raise LibraryNotFoundError(f"{place.shown}: no library there; `reprise ingest` makes one")
    if names - OWN_NAMES:
        raise LibraryError(f"{place.shown}: the folder holds other files; give a new or empty folder for the library")
