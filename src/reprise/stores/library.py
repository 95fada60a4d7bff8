"""Milvus and LevelDB as one store: a video is in both whole, or in neither.

A write is noted in LevelDB first; then go the frames, the matrix and, last, the row in `videos`, which makes
the video count. What a killed process left noted is finished or taken back by the next one that writes.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import LibraryError, LibraryNotFoundError, SettingsError, StoreError, printable
from reprise.running import run
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

    def __init__(self, place: Place, *, create: LibraryFacts | None = None) -> None:
        """Opens the library at `place`; with `create` makes it, of these facts, where there is none.

        Raises LibraryNotFoundError, LibraryInUseError, LibraryError or StoreError.
        """
        self.place = place
        self._lock: FolderLock | None = None
        self._chain: Any = None
        self._unflushed: list[str] = []
        self._unflushed_frames = 0
        if place.embedded:
            _check_folder(place, create is not None)
        else:
            # Before anything is made on this machine: the address may be mistyped.
            connect(place.milvus_uri)
        self._make_folder(create is not None)
        try:
            self._lock = FolderLock(place.locked)
            self._open(create)
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

    def _open(self, create: LibraryFacts | None) -> None:
        self._milvus = connect(self.place.milvus_uri)
        self.frames = FrameStore(self._milvus)
        self.videos = VideoStore(self._milvus)
        if create is not None:
            self.frames.create(create)
            self.videos.create(create.dimension)
        elif not (self.frames.exists() and self.videos.exists()):
            raise LibraryNotFoundError(f"{self.place.shown}: no library there; `reprise ingest` makes one")
        self.frames.load()
        self.videos.load()
        self.notes = NoteStore(self._milvus)
        self.matrices: LevelDb = open_leveldb(self.place.matrices)

    def add(self, row: VideoRow, video: EmbeddedVideo) -> None:
        """Stores a video; one that was there under the same id is replaced."""
        self.matrices.mark_pending(row.id)
        if self.videos.get([row.id]):
            self._erase(row.id)
        run(self._store_chain(), row.id, video.times_s, video.matrix)
        self.videos.put(row, video.pooled)
        self._unflushed.append(row.id)
        self._unflushed_frames += row.frame_count
        if self._unflushed_frames >= FLUSH_EVERY_FRAMES:
            self.flush()

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
        self._erase(video_id)
        self.matrices.clear_pending([video_id])

    def flush(self) -> None:
        """Brings all that was added into its final form; from then on it needs no recovery."""
        self.frames.flush()
        self.videos.flush()
        self.matrices.clear_pending(self._unflushed)
        self._unflushed, self._unflushed_frames = [], 0

    def recover(self) -> list[str]:
        """Finishes or takes back what a killed process left; returns the ids of the videos taken back."""
        pending = self.matrices.pending()
        if not pending:
            return []
        rows = self.videos.get(pending)
        taken_back = [video_id for video_id in pending if not self._is_whole(rows.get(video_id))]
        for video_id in taken_back:
            self._erase(video_id)
        self.matrices.clear_pending(pending)
        return taken_back

    def problems(self) -> list[str]:
        """One line for everything in which the stores disagree; empty for a sound library."""
        found: list[str] = []
        counts = self.frames.counts()
        rows = {row.id: row for row in self.videos.all()}
        keys = set(self.matrices.keys())
        for row in sorted(rows.values(), key=lambda row: row.path):
            found += self._row_problems(row, counts.get(row.id, 0))
        for video_id in sorted(set(counts) - set(rows)):
            found.append(f"{video_id}: {counts[video_id]} frames in Milvus belong to no video")
        found += [f"{key}: a matrix in LevelDB belongs to no video" for key in sorted(keys - set(rows))]
        return found

    def _row_problems(self, row: VideoRow, frames: int) -> list[str]:
        found: list[str] = []
        again = "remove it and ingest it again"
        if frames != row.frame_count:
            found.append(f"{row.path}: {frames} of its {row.frame_count} frames are in Milvus; {again}")
        try:
            matrix = self.matrices.get_array(row.id)
        except StoreError as error:
            return [*found, f"{row.path}: {error}; {again}"]
        if matrix is None:
            # On a server's library another machine may hold it; queries then read the rows from Milvus.
            if self.place.embedded:
                found.append(f"{row.path}: its matrix is missing from LevelDB; {again}")
        elif len(matrix) != row.frame_count:
            found.append(f"{row.path}: {len(matrix)} of its {row.frame_count} frames are in LevelDB; {again}")
        return found

    def _is_whole(self, row: VideoRow | None) -> bool:
        if row is None or self.frames.count(row.id) != row.frame_count:
            return False
        try:
            matrix = self.matrices.get_array(row.id)
        except StoreError:
            return False
        return matrix is not None and len(matrix) == row.frame_count

    def _erase(self, video_id: str) -> None:
        # The row first: without it the video is not in the library, whatever else is still there.
        self.videos.delete(video_id)
        self.frames.delete(video_id)
        self.matrices.delete(video_id)

    def _store_chain(self) -> Any:
        if self._chain is None:
            from reprise.pipelines.ingest import store_pipeline  # and Towhee, which reading does not need

            self._chain = store_pipeline(milvus_uri=self.place.milvus_uri, matrices_path=str(self.place.matrices))
        return self._chain

    def close(self) -> None:
        """Gives everything back; once is enough, more does no harm."""
        self._chain = None
        close_leveldb(self.place.matrices)
        disconnect(self.place.milvus_uri)
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _check_folder(place: Place, create: bool) -> None:
    folder = place.locked
    if folder.exists() and not folder.is_dir():
        raise LibraryError(f"{place.shown}: is a file; a library is a folder, or the URI of a Milvus server")
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if MILVUS_NAME in names:
        return
    if not create:
        raise LibraryNotFoundError(f"{place.shown}: no library there; `reprise ingest` makes one")
    if names - OWN_NAMES:
        raise LibraryError(f"{place.shown}: the folder holds other files; give a new or empty folder for the library")
