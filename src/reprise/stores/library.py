"""Milvus and LevelDB as one store: a video is in both whole, or in neither.

A write goes into LevelDB first, whole and marked as unfinished: matrix, row and frame times. Then go the frames into
Milvus and, last, the row in `videos`, which makes the video count. What a killed process left marked is finished or
taken back by the next one that opens the library (see `reprise.stores.recovery`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import (
    LibraryError,
    LibraryLostError,
    LibraryNotFoundError,
    SettingsError,
    StoreAwayError,
    StoreError,
    printable,
)
from reprise.running import run
from reprise.stores import copies, recovery, verifying
from reprise.stores.copies import VideoCopy
from reprise.stores.frames import FrameStore, LibraryFacts
from reprise.stores.leveldb import LevelDb, close_leveldb, open_leveldb
from reprise.stores.lock import LOCK_NAME, FolderLock
from reprise.stores.milvus import connect, disconnect
from reprise.stores.notes import NoteStore
from reprise.stores.videos import VideoRow, VideoStore

if TYPE_CHECKING:
    from reprise.embedding import EmbeddedVideo

MILVUS_NAME = "milvus.db"
MATRICES_NAME = "matrices"
OWN_NAMES = frozenset({LOCK_NAME, MILVUS_NAME, MATRICES_NAME})

# Frames between two flushes of a long ingest: what is not flushed is slow to search and is looked through again
# after a crash.
FLUSH_EVERY_FRAMES = 50_000
# How often a video is written anew because the server went away within it; between two tries it is waited for.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a library is: its Milvus, its LevelDB folder, and the folder that is locked."""

    milvus_uri: str
    matrices: Path
    locked: Path
    shown: str
    embedded: bool

    @classmethod
    def of(cls, library: str | os.PathLike[str]) -> Place:
        """The place of a library that is a folder, or the URI of a Milvus server.

        A server's matrices lie on this machine, under $REPRISE_MATRICES or ~/.local/share/reprise.
        Raises SettingsError for an empty name.
        """
        where = os.fspath(library)
        if not where:
            raise SettingsError("the library's name is empty; give a folder, or the URI of a Milvus server")
        if "://" not in where:
            folder = Path(where).expanduser()
            return cls(str(folder.resolve() / MILVUS_NAME), folder / MATRICES_NAME, folder, printable(where), True)
        base = Path(
            os.environ.get("REPRISE_MATRICES")
            or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "reprise"
        )
        host = re.sub(r"[^A-Za-z0-9.]+", "-", where.partition("://")[2]).strip("-")
        folder = base / f"{host}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"
        return cls(where, folder / MATRICES_NAME, folder, printable(where), False)


class LibraryStores:
    """The opened stores of one library."""

    def __init__(self, place: Place, *, create: LibraryFacts | None = None, rebuild: bool = False) -> None:
        """Opens the library at `place`; with `create` makes it, of these facts, where there is none.

        With `rebuild` also where LevelDB still has the videos of one whose Milvus was lost.
        Raises LibraryNotFoundError, LibraryLostError, LibraryInUseError, LibraryError or StoreError.
        """
        self.place = place
        self._lock: FolderLock | None = None
        self._chain: Any = None
        self._unflushed: list[str] = []
        self._unflushed_frames = 0
        self._is_doubtful = False  # whether Milvus may lack what was written to it
        if place.embedded:
            _check_folder(place, create is not None, rebuild=rebuild)
        else:
            # Before anything is made on this machine: the address may be mistyped.
            connect(place.milvus_uri)
        self._make_folder(create is not None)
        try:
            self._lock = FolderLock(place.locked)
            self._open(create, rebuild=rebuild)
        except BaseException:  # raised again: whatever it is, the lock must not stay behind
            self.close()
            raise

    def _make_folder(self, create: bool) -> None:
        # A server's local folder is only a copy: reading from a new machine makes it too.
        if create or not self.place.embedded:
            try:
                self.place.locked.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LibraryError(
                    f"{self.place.shown}: the folder cannot be made ({(error.strerror or str(error)).lower()})"
                ) from error

    def _open(self, create: LibraryFacts | None, *, rebuild: bool) -> None:
        self._milvus = connect(self.place.milvus_uri)
        self.frames = FrameStore(self._milvus)
        self.videos = VideoStore(self._milvus, self._keep_row)
        are_there = self.frames.exists() and self.videos.exists()
        if not rebuild and _has_more(self.place, are_there=are_there):
            raise LibraryLostError(_lost(self.place))
        if not are_there:
            if create is None:
                raise LibraryNotFoundError(f"{self.place.shown}: no library there; `reprise ingest` makes one")
            self.frames.create(create)
            self.videos.create(create.dimension)
        self.frames.load()
        self.videos.load()
        self.notes = NoteStore(self._milvus)
        self.matrices: LevelDb = open_leveldb(self.place.matrices)
        if create is not None:
            copies.keep_facts(self.matrices, self.frames.facts())
        with suppress(StoreError):  # on a full disk queries still go: half a video has no row, and is not seen
            self.recover()

    def add(self, row: VideoRow, video: EmbeddedVideo, companions: Mapping[str, bytes] | None = None) -> None:
        """Stores a video; one that was there under the same id is replaced, by all of the new one or not at all.

        `companions` by kind are kept beside the matrix in LevelDB, from the same moment on.
        """
        copy = VideoCopy.of(row, video)
        copies.write(self.matrices, copy, mark=copies.TO_FINISH, companions=companions)
        self.fill(copy, replace=bool(self.videos.get([row.id])))
        self.note_unflushed(row)

    def note_unflushed(self, row: VideoRow) -> None:
        """Notes that a video was written, and flushes when there were many."""
        self._unflushed.append(row.id)
        self._unflushed_frames += row.frame_count
        if self._unflushed_frames >= FLUSH_EVERY_FRAMES:
            self.flush()

    def fill(self, copy: VideoCopy, *, replace: bool = True) -> None:
        """Puts into Milvus what LevelDB has of a video, with `replace` in place of whatever is there."""
        for tries_left in reversed(range(TRIES)):
            try:
                if replace:
                    self.erase_in_milvus(copy.row.id)
                run(self._store_chain(), copy.row.id, copy.times_s, copy.matrix)
                self.videos.put(copy.row, copy.pooled)
            except StoreAwayError:
                if not tries_left:
                    raise
                replace = True  # whatever came through
            else:
                return

    def matrix(self, video_id: str) -> NDArray[np.float32] | None:
        """The matrix of a video [frames, dim], from this machine or else from Milvus; None where there is none."""
        try:
            matrix = self.matrices.get_array(video_id)
        except StoreError:
            matrix = None
        return self.frames.matrix(video_id) if matrix is None else np.asarray(matrix, np.float32)

    def remove(self, video_id: str) -> None:
        """Takes a video out of both stores."""
        self.matrices.mark_pending(video_id)
        self.erase(video_id)
        self.matrices.clear_pending([video_id])

    def flush(self) -> None:
        """Brings all that was added into its final form; from then on it needs no recovery."""
        try:
            self.frames.flush()
            self.videos.flush()
        except StoreError:
            # Milvus Lite forgets what it could not flush, e.g. on a full disk: the marks stay, and the next one that
            # opens the library fills in what is missing.
            self._is_doubtful = self.place.embedded
            raise
        if not self._is_doubtful:
            self.matrices.clear_pending(self._unflushed)
        self._unflushed, self._unflushed_frames = [], 0

    def recover(self) -> list[str]:
        """Finishes or takes back what a killed process left; returns the ids of the videos taken back."""
        return recovery.recover(self, self.matrices)

    def problems(self) -> list[str]:
        """One line for everything in which the stores disagree; empty for a sound library."""
        return [line for finding in verifying.findings(self) for line in finding.problems]

    def erase(self, video_id: str) -> None:
        """Takes a video out of both stores, unmarked: for what was marked before."""
        self.erase_in_milvus(video_id)
        self.matrices.delete(video_id)

    def erase_in_milvus(self, video_id: str) -> None:
        """Takes a video out of Milvus alone, unmarked."""
        # The row first: without it the video is not in the library, whatever else is still there.
        self.videos.delete(video_id)
        self.frames.delete(video_id)

    def _keep_row(self, row: VideoRow) -> None:
        if copies.rewrite_row(self.matrices, row):
            self._unflushed.append(row.id)

    def _store_chain(self) -> Any:
        if self._chain is None:
            from reprise.pipelines.ingest import store_pipeline  # and Towhee, which reading does not need

            self._chain = store_pipeline(milvus_uri=self.place.milvus_uri)
        return self._chain

    def close(self) -> None:
        """Gives everything back; once is enough, more does no harm."""
        self._chain = None
        close_leveldb(self.place.matrices)
        disconnect(self.place.milvus_uri)
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _has_more(place: Place, *, are_there: bool) -> bool:
    """Whether LevelDB on this machine has videos that Milvus has lost, or is just being filled with."""
    if not (place.matrices / "CURRENT").exists():
        return False
    matrices = open_leveldb(place.matrices)
    has_videos = next(matrices.keys(), None) is not None
    return has_videos and (not are_there or matrices.fact(copies.REBUILDING) is not None)


def _lost(place: Place) -> str:
    return (
        f"{place.shown}: {'its Milvus folder' if place.embedded else 'the library on this server'} is gone or not "
        f"whole, but {printable(place.matrices)} still has its videos; `reprise verify --repair` puts them back, or "
        "remove that folder to begin anew"
    )


def _check_folder(place: Place, create: bool, *, rebuild: bool) -> None:
    folder = place.locked
    if folder.exists() and not folder.is_dir():
        raise LibraryError(f"{place.shown}: is a file; a library is a folder, or the URI of a Milvus server")
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if MILVUS_NAME in names or (rebuild and MATRICES_NAME in names):
        return
    if _has_more(place, are_there=False):
        raise LibraryLostError(_lost(place))
    if not create:
        raise LibraryNotFoundError(f"{place.shown}: no library there; `reprise ingest` makes one")
    if names - OWN_NAMES:
        raise LibraryError(f"{place.shown}: the folder holds other files; give a new or empty folder for the library")
