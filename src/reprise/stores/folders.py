"""Whether a library can be in a folder, or was there and has lost a part."""

from __future__ import annotations

from pathlib import Path

from reprise.errors import LibraryError, LibraryLostError, LibraryNotFoundError, printable
from reprise.stores import copies
from reprise.stores.leveldb import LevelDb, is_leveldb, open_leveldb
from reprise.stores.lock import LOCK_NAME
from reprise.stores.place import MATRICES_NAME, MILVUS_NAME, Place
from reprise.stores.slots import opened_slots

OWN_NAMES = frozenset({LOCK_NAME, MILVUS_NAME, MATRICES_NAME})


def keeper(place: Place, *, are_there: bool, first: Path | None = None) -> str | None:
    """The LevelDB folder on this machine that has videos which Milvus has lost, or is just being filled with, as
    messages name it; None where there is none.

    Looked for at `place` and, where Milvus has no library, in the other slots that no process has; `first` is slot 1.
    """
    if is_leveldb(place.matrices):
        matrices = open_leveldb(place.matrices)
        if _has_videos(matrices) and (not are_there or matrices.fact(copies.REBUILDING) is not None):
            return printable(place.matrices)
    if are_there or first is None:
        return None
    with opened_slots([first], place.matrices) as others:
        return next((matrices.shown for matrices in others if _has_videos(matrices)), None)


def _has_videos(matrices: LevelDb) -> bool:
    return next(matrices.keys(), None) is not None


def lost(place: Place, kept: str) -> LibraryLostError:
    """Says that Milvus lost the library at `place`, of which `kept` is the LevelDB folder, and what to do."""
    return LibraryLostError(
        f"{place.shown}: {'its Milvus folder' if place.embedded else 'the library on this server'} is gone or not "
        f"whole, but {kept} still has its videos; `reprise verify --repair` puts them back, or "
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
    kept = keeper(place, are_there=False)
    if kept is not None:
        raise lost(place, kept)
    if not create:
        raise LibraryNotFoundError(f"{place.shown}: no library there; `reprise ingest` makes one")
    if names - OWN_NAMES:
        raise LibraryError(f"{place.shown}: the folder holds other files; give a new or empty folder for the library")
