"""Milvus and LevelDB as one store: a video is in both whole, or in neither.

A write goes into LevelDB first, whole and marked as unfinished: matrix, row and frame times. Then go the frames into
Milvus and, last, the row in `videos`, which makes the video count. What a killed process left marked is finished or
taken back by the next one that opens the library (see `reprise.stores.recovery`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import (
    LibraryError,
    LibraryNotFoundError,
    StoreAwayError,
    StoreError,
)
from reprise.running import run
from reprise.stores import copies, recovery, verifying
from reprise.stores.claims import Claims
from reprise.stores.connections import connect, keep, part
from reprise.stores.copies import VideoCopy
from reprise.stores.folders import check_folder, keeper, lost
from reprise.stores.frames import FrameStore, LibraryFacts
from reprise.stores.ignored import IgnoredStore
from reprise.stores.leveldb import LevelDb, close_leveldb, open_leveldb
from reprise.stores.lock import FolderLock
from reprise.stores.notes import NoteStore
from reprise.stores.place import Place
from reprise.stores.settling import renew_index, settle
from reprise.stores.sharing import in_turns
from reprise.stores.slots import free_slot
from reprise.stores.sounds import SoundStore, audio_of
from reprise.stores.unfinished import remove_finished
from reprise.stores.videos import VideoRow, VideoStore

if TYPE_CHECKING:
    from reprise.embedding import EmbeddedVideo

# Frames between two flushes of a long ingest: what is not flushed is slow to search and is looked through again
# after a crash.
FLUSH_EVERY_FRAMES = 50_000
# How often a video is written anew because the server went away within it; between two tries it is waited for.
TRIES = 3


class LibraryStores:
    """The opened stores of one library."""

    def __init__(
        self,
        place: Place,
        *,
        create: LibraryFacts | None = None,
        wait_s: float = 0.0,
        rebuild: bool = False,
    ) -> None:
        """Opens the library at `place`; with `create` makes it, of these facts, where there is none.

        Waits up to `wait_s` seconds for another process to end that has an embedded library open. On a server's
        library `place.matrices` becomes the slot that this process got. With `rebuild` also where LevelDB still has
        the videos of one whose Milvus was lost. Raises LibraryNotFoundError, LibraryLostError, LibraryInUseError,
        LibraryError or StoreError.
        """
        self.place = place
        self._first_slot = place.matrices
        self._is_kept = False  # the connection
        self.claims: Claims | None = None  # on a server alone: an embedded library has one process
        self._lock: FolderLock | None = None
        self._chain: Any = None
        self._unflushed: list[str] = []
        self._removed: list[str] = []  # since the last flush
        self._unflushed_frames = 0
        self._is_doubtful = False  # whether Milvus may lack what was written to it
        if place.embedded:
            check_folder(place, create is not None, rebuild=rebuild)
        try:
            if not place.embedded:
                # Before anything is made on this machine: the address may be mistyped.
                self._connect()
            self._make_folder(create is not None)
            if place.embedded:
                self._lock = FolderLock(place.locked, wait_s=wait_s)
            else:
                slot = free_slot(place.matrices)
                self._lock, self.place = slot.lock, replace(place, matrices=slot.matrices)
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

    def _connect(self) -> None:
        self._milvus = connect(self.place.milvus_uri)
        if not self._is_kept:
            keep(self.place.milvus_uri)
            self._is_kept = True

    def _open(self, create: LibraryFacts | None, *, rebuild: bool) -> None:
        self._connect()
        self.frames = FrameStore(self._milvus)
        self.videos = VideoStore(self._milvus, self._keeping)
        has_frames = self.frames.exists()
        are_there = has_frames and self.videos.exists()
        if rebuild:
            # Until all is done the library stays lost, so that a repair that is killed is gone on with.
            open_leveldb(self.place.matrices).put_fact(copies.REBUILDING, b"")
        else:
            first = None if self.place.embedded else self._first_slot
            kept = keeper(self.place, are_there=are_there, first=first)
            if kept is not None:
                raise lost(self.place, kept)
        if not are_there:
            if create is None:
                raise LibraryNotFoundError(f"{self.place.shown}: no library there; `reprise ingest` makes one")
            self.frames.create(create)
            if has_frames and rebuild:
                self.frames.renew_incarnation()
            self.videos.create(create.dimension)
        self.frames.load()
        self.videos.load()
        self.notes = NoteStore(self._milvus)
        if not self.place.embedded:
            self.claims = Claims(self.notes)
        self.ignored = IgnoredStore(self._milvus)
        self.matrices: LevelDb = open_leveldb(self.place.matrices)
        self.sounds = SoundStore(self.matrices, self._milvus)
        if create is not None:
            copies.keep_facts(self.matrices, self.frames.facts())
        if not self.place.embedded and next(self.matrices.keys(), None) is None:
            copies.keep_incarnation(self.matrices, self.frames.incarnation())
        with suppress(StoreError):  # on a full disk queries still go: half a video has no row, and is not seen
            self.recover()

    def add(
        self,
        row: VideoRow,
        video: EmbeddedVideo,
        companions: Mapping[str, bytes] | None = None,
        *,
        is_there: bool | None = None,
    ) -> None:
        """Stores a video; one that was there under the same id is replaced, by all of the new one or not at all.

        `companions` by kind are kept beside the matrix in LevelDB, from the same moment on. `is_there` says whether
        the library has the video, for who claimed it before looking; a server takes 0.4 s to say so.
        """
        copy = VideoCopy.of(row, video)
        if copy.sound is None and companions is not None:
            copy = replace(copy, sound=companions.get(copies.SOUND))
        # Before the claim, for which a server is needed: were it away, what was embedded would be lost.
        copies.write(self.matrices, copy, mark=copies.TO_FINISH, companions=companions)
        with self.alone_with(row.id) as is_alone:
            if is_there is None or not is_alone:
                is_there = bool(self.videos.get([row.id]))
            self.fill(copy, replacing=is_there)
            if self.claims is not None:
                self.matrices.mark_pending(row.id, copies.WRITTEN)
        self.note_unflushed(row)

    def note_unflushed(self, row: VideoRow) -> None:
        """Notes that a video was written, and flushes when there were many."""
        self._unflushed.append(row.id)
        self._unflushed_frames += row.frame_count
        if self._unflushed_frames >= FLUSH_EVERY_FRAMES:
            self.flush()

    def fill(self, copy: VideoCopy, *, replacing: bool = True) -> None:
        """Puts into Milvus what LevelDB has of a video; `replacing` where there may be anything of it already.

        For who has the video alone.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                self._fill(copy, replacing=replacing)
            except StoreAwayError:
                if not tries_left:
                    raise
                replacing = True  # whatever came through
            else:
                return

    def _fill(self, copy: VideoCopy, *, replacing: bool) -> None:
        video_id = copy.row.id
        known = self._known_frames(video_id) if replacing else 0
        if replacing:
            # On a server the new frames are written over the old ones: a query at this moment waits for the row, and
            # would miss a video with neither.
            self.erase_in_milvus(video_id) if self.place.embedded else self.videos.delete(video_id)
        run(self._store_chain(), video_id, copy.times_s, copy.matrix)
        if replacing and not self.place.embedded:
            self.frames.delete(video_id, start=copy.row.frame_count, known=known)  # of a longer version
        # Of a video that is new there is nothing to delete, unless a machine died for good while it wrote another
        # version of it: each flush looks after that, for many videos at a time.
        self.sounds.store(video_id, copy.sound, replacing=replacing)
        self.videos.put(copy.row, copy.pooled)

    def add_sound(self, video_id: str, codes: NDArray[np.uint32]) -> None:
        """Stores the fingerprint [codes] of the sound of a video that is there; no codes: it has no sound."""
        with self.alone_with(video_id):
            # The row first: a fingerprint that is missing is told by `verify` and made by the next such ingest.
            self.videos.update(video_id, audio=audio_of(codes))
            if len(codes):
                self.sounds.put(video_id, codes)

    def matrix(self, video_id: str) -> NDArray[np.float32] | None:
        """The matrix of a video [frames, dim], from this machine or else from Milvus; None where there is none."""
        try:
            matrix = self.matrices.get_array(video_id)
        except StoreError:
            matrix = None
        return self.frames.matrix(video_id) if matrix is None else np.asarray(matrix, np.float32)

    def matrix_of(self, row: VideoRow) -> NDArray[np.float32] | None:
        """As `matrix`, of a row that was just read: what this machine has may be of a version before that one."""
        kept = None if self.place.embedded else copies.kept_row(self.matrices, row.id)
        return (
            self.matrix(row.id)
            if kept is None or verifying.is_same_content(kept, row)
            else self.frames.matrix(row.id)
        )

    def remove(self, *video_ids: str, progress: Callable[[str], None] | None = None) -> None:
        """Takes videos out of both stores; `progress` hears of each when it is out."""
        for ids in in_turns(self.claims, video_ids):
            rows = None if self.place.embedded else self.videos.get(ids)
            for video_id in ids:
                self.matrices.mark_pending(video_id)
                self.erase(video_id, rows)
                self.matrices.clear_pending([video_id])
                if not self.place.embedded:
                    self._removed.append(video_id)
                if progress is not None:
                    progress(video_id)

    def flush(self) -> None:
        """Brings all that was added into its final form; from then on it needs no recovery."""
        try:
            self.frames.flush()
            renew_index(self)
            if self.claims is not None:
                settle(self, [*self._unflushed, *self._removed])
            self.videos.flush()
        except StoreError:
            # Milvus Lite forgets what it could not flush, e.g. on a full disk: the marks stay, and the next one that
            # opens the library fills in what is missing.
            self._is_doubtful = self.place.embedded
            raise
        if not self._is_doubtful:
            self.matrices.clear_pending(self._unflushed)
            if not self.place.keeps_matrices:
                for video_id in self._unflushed:
                    self.matrices.delete(video_id)
        self._unflushed, self._unflushed_frames, self._removed = [], 0, []

    def recover(self) -> list[str]:
        """Finishes or takes back what a killed process left; returns the ids of the videos taken back."""
        return recovery.recover_all(self)

    @property
    def first_slots(self) -> list[Path]:
        """Slot 1 of a server's library on this machine, and that of the same library kept the other way."""
        return [] if self.place.beside is None else [self._first_slot, self.place.beside]

    @contextmanager
    def alone_with(self, video_id: str) -> Iterator[bool]:
        """While it lasts no other process writes this video; on a server one that does so is waited for.

        Gives whether none could before, either.
        """
        with nullcontext(True) if self.claims is None else self.claims.during(video_id) as was_alone:
            yield was_alone

    def problems(self) -> list[str]:
        """One line for everything in which the stores disagree; empty for a sound library."""
        found = [line for finding in verifying.findings(self) for line in finding.problems]
        return found + self.sounds.problems(self.videos.all())

    def erase(self, video_id: str, rows: Mapping[str, VideoRow] | None = None) -> None:
        """Takes a video out of both stores, unmarked: for what was marked before. `rows`: where they were read."""
        self.erase_in_milvus(video_id, rows)
        self.matrices.delete(video_id)

    def erase_in_milvus(self, video_id: str, rows: Mapping[str, VideoRow] | None = None) -> None:
        """Takes a video out of Milvus alone, unmarked."""
        known = self._known_frames(video_id, rows)
        # The row first: without it the video is not in the library, whatever else is still there.
        self.videos.delete(video_id)
        self.frames.delete(video_id, known=known)
        self.sounds.delete_on_server(video_id)

    def _known_frames(self, video_id: str, rows: Mapping[str, VideoRow] | None = None) -> int:
        """At least as many frames as a server was given of the video, as far as is known; 0 where it is embedded."""
        if self.place.embedded:
            return 0
        row = (self.videos.get([video_id]) if rows is None else rows).get(video_id)
        try:
            matrix = self.matrices.get_array(video_id)
        except StoreError:
            matrix = None
        return max(0 if row is None else row.frame_count, 0 if matrix is None else len(matrix))

    @contextmanager
    def _keeping(self, row: VideoRow) -> Iterator[None]:
        """LevelDB has a changed row before Milvus has it."""
        mark = copies.TO_FINISH if self.place.embedded else copies.TO_FOLLOW
        is_kept = copies.rewrite_row(self.matrices, row, mark=mark)
        yield
        if is_kept and self.place.embedded:
            self._unflushed.append(row.id)
        elif is_kept:
            self.matrices.clear_pending([row.id])  # a server that has answered has it for good

    def _store_chain(self) -> Any:
        if self._chain is None:
            from reprise.pipelines.ingest import store_pipeline  # and Towhee, which reading does not need

            self._chain = store_pipeline(milvus_uri=self.place.milvus_uri)
        return self._chain

    def close(self) -> None:
        """Gives everything back; once is enough, more does no harm."""
        self._chain = None
        if self.claims is not None:
            self.claims.close()
        if self._lock is not None:  # else the folder may be open elsewhere in this process
            close_leveldb(self.place.matrices)
            if not self.place.keeps_matrices:
                with suppress(StoreError):  # a damaged one stays, for who opens it next to tell
                    remove_finished(self.place.matrices)
        if self._is_kept:
            part(self.place.milvus_uri)
            self._is_kept = False
        if self._lock is not None:
            self._lock.release()
            self._lock = None
