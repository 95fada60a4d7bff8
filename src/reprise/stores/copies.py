"""What LevelDB keeps of a video beside its matrix: the row and the frame times, so that Milvus can be filled from it.

Matrix, row and times are written at once, before Milvus is touched: a write that a killed process left unfinished is
finished from here, and a Milvus that was lost is made anew from here, with no video decoded again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise import pooling
from reprise.errors import StoreError
from reprise.stores.frames import LibraryFacts
from reprise.stores.leveldb import LevelDb
from reprise.stores.record import pack, unpack
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:
    from reprise.embedding import EmbeddedVideo

ROW, TIMES, SOUND = "row", "times", "audio"  # kinds of companions
FACTS = "facts"  # of the library
INCARNATION = "incarnation"  # which one of the library on a server the copies are of (see `reprise.stores.strays`)
NOTES = "notes"  # a line each; there while they are not in Milvus yet
IGNORED = "ignored/"  # begins the names of the frames of ignored clips; there while they are not in Milvus yet
REBUILDING = "rebuilding"  # there while Milvus is being filled from LevelDB
RESTORING = "restoring"  # there while LevelDB is being filled from a backup
# Marks of writes, from when they begin until Milvus has flushed what was written.
TO_FINISH = b"copy"  # LevelDB has the whole copy, Milvus may have any part of it
WRITTEN = b"written"  # of a server's library: Milvus had all of it, and others may have changed or removed it since
TO_FOLLOW = b"follow"  # of a server's library: a row was being changed; the server says whether it was
_ROW_FIELDS = frozenset(field.name for field in fields(VideoRow))


@dataclass(frozen=True, slots=True)
class VideoCopy:
    """All that a library has of one video."""

    row: VideoRow
    times_s: NDArray[np.float64]  # [frames]
    matrix: NDArray[np.float32]  # [frames, dim]
    sound: bytes | None = None  # the record of its sound's fingerprint, where there is one

    @classmethod
    def of(cls, row: VideoRow, video: EmbeddedVideo) -> VideoCopy:
        """The copy of a video that was embedded."""
        sound = pack(video.sound) if video.sound is not None and len(video.sound) else None
        return cls(row, np.asarray(video.times_s, np.float64), video.matrix, sound)

    @property
    def pooled(self) -> NDArray[np.float32]:
        """The video-level embedding [dim]."""
        return pooling.pooled(self.matrix)

    @property
    def is_consistent(self) -> bool:
        """Whether matrix and times have as many frames as the row says."""
        return len(self.times_s) == len(self.matrix) == self.row.frame_count


def write(
    matrices: LevelDb, copy: VideoCopy, *, mark: bytes | None = None, companions: Mapping[str, bytes] | None = None
) -> None:
    """Puts matrix, row and times at once, with other `companions` by kind; `mark` as in `LevelDb.store`."""
    record = pack(copy.matrix)
    own = {ROW: _packed_row(copy.row, zlib.crc32(record)), TIMES: pack(copy.times_s)}
    if copy.sound is not None:
        own[SOUND] = copy.sound
    matrices.store(copy.row.id, record, {**(companions or {}), **own}, mark=mark)


def rewrite_row(matrices: LevelDb, row: VideoRow, *, mark: bytes | None) -> bool:
    """Puts a changed row beside the matrix that is there, with this mark; False where there is no copy."""
    kept = matrices.companion(ROW, row.id)
    if kept is None:
        return False
    matrices.store(row.id, None, {ROW: _packed_row(row, _unpacked_row(kept)[1])}, mark=mark)
    return True


def has_copy(matrices: LevelDb, video_id: str) -> bool:
    """Whether more than the matrix is there; libraries made by earlier versions have no more."""
    return matrices.companion(ROW, video_id) is not None and matrices.companion(TIMES, video_id) is not None


def read(matrices: LevelDb, video_id: str) -> VideoCopy | None:
    """The copy of a video; None where there is none. Raises StoreError saying what is wrong with a damaged one."""
    record, row, times = (
        matrices.get(video_id),
        matrices.companion(ROW, video_id),
        matrices.companion(TIMES, video_id),
    )
    if record is None or row is None or times is None:
        return None
    sound = matrices.companion(SOUND, video_id)
    try:
        kept, checksum = _unpacked_row(row)
        copy = VideoCopy(kept, np.asarray(unpack(times), np.float64), np.asarray(unpack(record), np.float32), sound)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{matrices.shown}: the copy of {video_id} is damaged: {error}") from error
    if checksum != zlib.crc32(record):
        # Written by an earlier version, which knows nothing of copies.
        raise StoreError(f"{matrices.shown}: the row of {video_id} is that of an earlier matrix")
    return copy


def read_whole(matrices: LevelDb, video_id: str) -> VideoCopy | None:
    """The copy of a video where there is one, and it is whole."""
    try:
        copy = read(matrices, video_id)
    except StoreError:
        return None
    return copy if copy is not None and copy.is_consistent else None


def kept_row(matrices: LevelDb, video_id: str) -> VideoRow | None:
    """The row that is kept beside the matrix; None where there is none that can be read."""
    kept = matrices.companion(ROW, video_id)
    try:
        return None if kept is None else _unpacked_row(kept)[0]
    except (ValueError, KeyError, TypeError):
        return None


def row_from(kept: Mapping[str, Any]) -> VideoRow:
    """The row that was kept as an object; what a newer program keeps besides is left out."""
    return VideoRow(**{name: value for name, value in kept.items() if name in _ROW_FIELDS})


def keep_facts(matrices: LevelDb, facts: LibraryFacts) -> None:
    """Keeps what the library is made with, where it is not kept yet."""
    packed = json.dumps(asdict(facts)).encode()
    if matrices.fact(FACTS) != packed:
        matrices.put_fact(FACTS, packed)


def kept_facts(matrices: LevelDb) -> LibraryFacts | None:
    """What the library is made with; None where that is not kept."""
    packed = matrices.fact(FACTS)
    return None if packed is None else LibraryFacts(**json.loads(packed))


def keep_incarnation(matrices: LevelDb, incarnation: str | None) -> None:
    """Keeps the id of the library that the copies are of; None: it has none."""
    if incarnation is None:
        matrices.remove_fact(INCARNATION)
    elif kept_incarnation(matrices) != incarnation:
        matrices.put_fact(INCARNATION, incarnation.encode())


def kept_incarnation(matrices: LevelDb) -> str | None:
    """The id of the library that the copies are of; None where an earlier version kept them."""
    kept = matrices.fact(INCARNATION)
    return None if kept is None else kept.decode()


def _packed_row(row: VideoRow, matrix_checksum: int) -> bytes:
    return json.dumps({"row": asdict(row), "matrix_crc32": matrix_checksum}).encode()


def _unpacked_row(packed: bytes) -> tuple[VideoRow, int]:
    kept = json.loads(packed)
    return row_from(kept["row"]), int(kept["matrix_crc32"])
