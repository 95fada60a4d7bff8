"""Everything in which Milvus and LevelDB disagree, video by video.

Both stores give their videos in the order of the ids, so they are gone through side by side: one video is in memory
at a time, however large the library is.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import StoreError
from reprise.stores import copies
from reprise.stores.copies import VideoCopy
from reprise.stores.frames import FrameRows
from reprise.stores.settling import doubtful
from reprise.stores.videos import VideoRow

if TYPE_CHECKING:  # what is verified verifies itself with this module
    from reprise.stores.library import LibraryStores

TOLERANCE = 1e-5  # of a number of an embedding; both stores keep float32 as they are given it
TIME_TOLERANCE_S = 1e-6
SETTLING_S = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What the two stores hold of one video, and what is wrong with it."""

    video_id: str
    name: str  # what messages call it: its path, or its id where no store knows that
    row: VideoRow | None  # in Milvus
    frames: FrameRows | None  # in Milvus
    copy: VideoCopy | None  # in LevelDB, where it is whole there
    problems: tuple[str, ...]  # each one line that says what to do
    lacks_copy: bool  # its matrix is there, its row and times are not: stored by an earlier version
    is_sound_in_milvus: bool  # whether Milvus alone has all that belongs to the video
    differs_in_embeddings: bool  # between the two stores

    @property
    def is_same_content(self) -> bool:
        """Whether no store has the video of another file, or of another ingest, than the other store."""
        return self.row is None or self.copy is None or is_same_content(self.row, self.copy.row)


def is_same_content(one: VideoRow, other: VideoRow) -> bool:
    """Whether two rows of a video are of the same ingest of the same file."""
    return (one.content_hash, one.ingested_at) == (other.content_hash, other.ingested_at)


def findings(stores: LibraryStores) -> Iterator[Finding]:
    """What is to be said of every video that either store has anything of, in the order of the ids."""
    parts: Iterator[tuple[str, str, Any]] = heapq.merge(
        ((row.id, "row", (row, pooled)) for row, pooled in stores.videos.with_embeddings()),
        ((frames.video_id, "frames", frames) for frames in stores.frames.by_video()),
        ((key, "matrix", None) for key in _ids(stores)),
        key=lambda part: part[0],
    )
    # A count takes a server 0.3 s, of many videos as of one.
    odd = set() if stores.place.embedded else set(doubtful(stores, [row.id for row in stores.videos.all()]))
    for video_id, group in groupby(parts, key=lambda part: part[0]):
        found = {kind: held for _, kind, held in group}
        row, pooled = found.get("row", (None, None))
        yield _finding(stores, video_id, row, pooled, found.get("frames"), is_odd=video_id in odd)


def look_at(stores: LibraryStores, video_id: str) -> Finding:
    """What is to be said of one video now. For who has it alone it is final: `findings` reads rows and frames one
    after the other, and what others write in between looks broken.
    """
    row, pooled = stores.videos.pooled([video_id]).get(video_id, (None, None))
    is_odd = row is not None and not stores.place.embedded and bool(doubtful(stores, [video_id]))
    return _finding(stores, video_id, row, pooled, stores.frames.of_video(video_id), is_odd=is_odd)


def _ids(stores: LibraryStores) -> Iterator[str]:
    """The ids that LevelDB has anything of, in order."""
    kinds = stores.matrices.companion_kinds()
    sources = [stores.matrices.keys(), *(stores.matrices.companion_keys(kind) for kind in kinds)]
    return (key for key, _ in groupby(heapq.merge(*sources)))


def _finding(
    stores: LibraryStores,
    video_id: str,
    row: VideoRow | None,
    pooled: NDArray[np.float32] | None,
    frames: FrameRows | None,
    *,
    is_odd: bool,
) -> Finding:
    matrix, copy, damage = _held(stores, video_id)
    has_matrix = matrix is not None or bool(damage) or bool(stores.matrices.companions(video_id))
    known = row or (None if copy is None else copy.row) or _kept_row(stores, video_id)
    name = video_id if known is None else known.path
    in_milvus: list[str] = []
    elsewhere: list[str] = damage
    apart: list[str] = []
    if row is None:
        in_milvus = [f"{len(frames.indices)} frames in Milvus belong to no video"] if frames is not None else []
        elsewhere = ["a matrix in LevelDB belongs to no video"] if has_matrix else []
    else:
        in_milvus = _frame_problems(stores, row, frames, is_odd=is_odd)
        if frames is not None and pooled is not None and not in_milvus:
            in_milvus = _pooled_problems(row, frames, pooled)
        if matrix is not None:
            apart = _matrix_problems(row, frames, matrix)
        if matrix is None and not damage and stores.place.embedded:
            # On a server's library another machine may hold it; queries then read the rows from Milvus.
            elsewhere = ["its matrix is missing from LevelDB"]
        if copy is not None:
            elsewhere = elsewhere + _copy_problems(row, frames, copy)
    return Finding(
        video_id,
        name,
        row,
        frames,
        copy,
        tuple(f"{name}: {problem}; {REMEDY}" for problem in [*in_milvus, *elsewhere, *apart]),
        lacks_copy=matrix is not None and copy is None and not damage,
        is_sound_in_milvus=row is not None and not in_milvus,
        differs_in_embeddings=bool(apart),
    )


REMEDY = "`reprise verify --repair` mends it"


def _held(stores: LibraryStores, video_id: str) -> tuple[NDArray[np.generic] | None, VideoCopy | None, list[str]]:
    """The matrix in LevelDB, the copy that it is part of, and what is wrong with them."""
    try:
        copy = copies.read(stores.matrices, video_id)
    except StoreError as error:
        return None, None, [str(error)]
    if copy is not None and not copy.is_consistent:
        frames = f"{len(copy.matrix)} and {len(copy.times_s)} of {copy.row.frame_count} frames and times"
        return copy.matrix, None, [f"its copy in LevelDB has {frames}"]
    if copy is not None:
        return copy.matrix, copy, []
    try:
        return stores.matrices.get_array(video_id), None, []
    except StoreError as error:
        return None, None, [str(error)]


def _kept_row(stores: LibraryStores, video_id: str) -> VideoRow | None:
    try:
        return copies.kept_row(stores.matrices, video_id)
    except StoreError:
        return None


def _frame_problems(stores: LibraryStores, row: VideoRow, frames: FrameRows | None, *, is_odd: bool) -> list[str]:
    indices = frames.indices if frames is not None else np.zeros(0, np.int64)
    if len(indices) != row.frame_count:
        return [f"{len(indices)} of its {row.frame_count} frames are in Milvus"]
    if not np.array_equal(indices, np.arange(row.frame_count)):
        return ["its frames in Milvus are not numbered one after the other"]
    # Milvus gives a row that was inserted twice once, but counts it twice. Milvus Lite knows no such rows.
    counted = _settled_count(stores, row) if is_odd else row.frame_count
    if counted != row.frame_count:
        return [f"{counted - row.frame_count} of its {row.frame_count} frames are in Milvus twice"]
    return []


def _settled_count(stores: LibraryStores, row: VideoRow) -> int:
    # Just after it loaded a collection a server counts rows twice that it has flushed and still has in its log.
    end_s = time.monotonic() + SETTLING_S
    while (counted := stores.frames.count(row.id)) != row.frame_count and time.monotonic() < end_s:
        time.sleep(1)  # between two looks; a deadline ends them
    return counted


def _pooled_problems(row: VideoRow, frames: FrameRows, pooled: NDArray[np.float32]) -> list[str]:
    expected = VideoCopy(row, frames.times_s, frames.matrix).pooled
    if not np.allclose(pooled, expected, atol=1e-4):
        return ["its video-level embedding in Milvus is not the mean of its frames"]
    return []


def _matrix_problems(row: VideoRow, frames: FrameRows | None, matrix: NDArray[np.generic]) -> list[str]:
    if matrix.ndim != 2:
        return [f"its matrix in LevelDB has {matrix.ndim} axes, not 2"]
    if len(matrix) != row.frame_count:
        return [f"{len(matrix)} of its {row.frame_count} frames are in LevelDB"]
    if frames is None or len(frames.indices) != row.frame_count:
        return []
    if matrix.shape[1] != frames.matrix.shape[1]:
        return [
            f"its matrix in LevelDB has {matrix.shape[1]} dimensions, its frames in Milvus {frames.matrix.shape[1]}"
        ]
    differ = int((~np.isclose(matrix, frames.matrix, rtol=0, atol=TOLERANCE).all(axis=1)).sum())
    return [f"{differ} of its {row.frame_count} embeddings differ between LevelDB and Milvus"] if differ else []


def _copy_problems(row: VideoRow, frames: FrameRows | None, copy: VideoCopy) -> list[str]:
    told = []
    if copy.row != row:
        names = [name for name in VideoRow.__slots__ if getattr(copy.row, name) != getattr(row, name)]
        told.append(f"LevelDB and Milvus differ in its {' and '.join(name.replace('_', ' ') for name in names)}")
    if frames is not None and len(frames.times_s) == len(copy.times_s):
        apart = np.abs(frames.times_s - copy.times_s) > TIME_TOLERANCE_S
        told += [f"{int(apart.sum())} of its frame times differ between LevelDB and Milvus"] if apart.any() else []
    return told
