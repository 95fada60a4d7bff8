"""Importing: exported matrices into a library, with nothing decoded; each video whole or not at all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.embedding import EmbeddedVideo
from reprise.errors import LibraryMismatchError, ReprisError
from reprise.exchange.reading import Export, Exported
from reprise.scanning import Failure
from reprise.stores.frames import LibraryFacts
from reprise.stores.library import LibraryStores
from reprise.stores.sharing import MOST_AHEAD, in_turns
from reprise.stores.videos import VideoRow

UNIT = 1e-3  # how far from 1 the length of a row may be that counts as normalised
BATCH_BYTES = 32 << 20  # of matrices that are written together, and one more matrix


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one video."""

    path: str
    status: str  # added, unchanged or failed
    reason: str = ""
    frames: int = 0


@dataclass(frozen=True, slots=True)
class _Prepared:
    row: VideoRow
    matrix: NDArray[np.float32]  # [frames, dim], rows of length 1


@dataclass(slots=True)
class ImportReport:
    """What became of all videos of an import."""

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)  # they were there already
    failed: list[Failure] = field(default_factory=list)
    frames: int = 0

    def record(self, imported: Imported) -> None:
        """Counts one video in."""
        if imported.status == "failed":
            self.failed.append(Failure(imported.path, imported.reason))
        else:
            getattr(self, imported.status).append(imported.path)
            self.frames += imported.frames


def check_fits(export: Export, have: LibraryFacts, shown: str) -> None:
    """Raises LibraryMismatchError if the vectors of the export were made otherwise than those of the library."""
    facts = export.facts
    if facts is None:
        return
    for what, theirs, ours in (("model", facts.model, have.model), ("dimension", facts.dimension, have.dimension)):
        if theirs != ours:
            raise LibraryMismatchError(
                f"{export.shown}: made with {what} {theirs}, the library {shown} with {ours}; "
                "import it into a new library"
            )
    if not math.isclose(facts.fps, have.fps):
        raise LibraryMismatchError(
            f"{export.shown}: made at {facts.fps:g} frames a second, the library {shown} at {have.fps:g}; "
            "import it into a new library"
        )


def import_into(
    stores: LibraryStores,
    export: Export,
    *,
    new_ids: bool = False,
    progress: Callable[[Imported], None] | None = None,
) -> ImportReport:
    """Adds the videos of the export to the library; what is there already is left as it is.

    Videos keep their ids, or with `new_ids` get others, the same ones at every import. Raises LibraryMismatchError
    where the vectors do not belong in the library, LibraryError if it cannot be written.
    """
    have = stores.frames.facts()
    check_fits(export, have, stores.place.shown)
    stores.recover()
    report = ImportReport()
    try:
        for batch in _batches(export.videos()):
            prepared = [_prepared(video, have, new_ids=new_ids) for video in batch]
            for imported in _import_all(stores, prepared):
                report.record(imported)
                if progress is not None:
                    progress(imported)
    finally:
        # Also when interrupted: what is done is kept in its final form.
        stores.flush()
    return report


def _batches(videos: Iterable[Exported | ReprisError]) -> Iterator[list[Exported | ReprisError]]:
    """The videos in groups that are small in memory: a server takes as long to be asked for one as for many."""
    batch: list[Exported | ReprisError] = []
    held = 0
    for video in videos:
        batch.append(video)
        held += 0 if isinstance(video, ReprisError) else video.matrix.nbytes
        if len(batch) == MOST_AHEAD or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _prepared(video: Exported | ReprisError, have: LibraryFacts, *, new_ids: bool) -> Imported | _Prepared:
    """What is to be written of a video, or why it cannot be."""
    if isinstance(video, ReprisError):
        return Imported(str(video).partition(": ")[0], "failed", str(video))
    try:
        matrix = checked_matrix(video.matrix, have.dimension)
        row = _row(video, matrix, have)
    except ValueError as error:
        return Imported(video.name, "failed", f"{video.name}: {error}")
    if new_ids:
        row = replace(row, id=hashlib.sha256(f"import\0{video.id}\0{row.content_hash}".encode()).hexdigest()[:32])
    return _Prepared(row, matrix)


def _import_all(stores: LibraryStores, prepared: Sequence[Imported | _Prepared]) -> Iterator[Imported]:
    yield from (one for one in prepared if isinstance(one, Imported))
    to_write: dict[str, list[_Prepared]] = {}  # an export may have an id twice
    for one in prepared:
        if isinstance(one, _Prepared):
            to_write.setdefault(one.row.id, []).append(one)
    # Claimed before they are looked for: what another process writes meanwhile would not be seen.
    for ids in in_turns(stores.claims, to_write):
        there = stores.videos.get(ids)
        for one in (one for video_id in ids for one in to_write[video_id]):
            yield _import_one(stores, one, there.get(one.row.id))
            there.setdefault(one.row.id, one.row)


def _import_one(stores: LibraryStores, one: _Prepared, there: VideoRow | None) -> Imported:
    """For who has the video alone."""
    row = one.row
    if there is not None:
        if (there.content_hash, there.frame_count) == (row.content_hash, row.frame_count):
            return Imported(row.path, "unchanged")
        reason = f"{row.path}: another video has its id in the library, {there.path}; give --new-ids"
        return Imported(row.path, "failed", reason)
    times_s = np.arange(len(one.matrix)) / row.fps
    video = EmbeddedVideo(times_s, one.matrix, row.duration_s, row.warning, row.content_hash)
    stores.add(row, video, is_there=False)
    return Imported(row.path, "added", frames=len(one.matrix))


def checked_matrix(matrix: NDArray[Any], dimension: int) -> NDArray[np.float32]:
    """The matrix [frames, dim] as float32 with rows of length 1. Raises ValueError saying why it is none."""
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not len(matrix):
        raise ValueError(f"an array of {matrix.dtype} {list(matrix.shape)} is no matrix [frames, {dimension}]")
    if matrix.shape[1] != dimension:
        raise ValueError(f"its vectors have {matrix.shape[1]} numbers, those of the library {dimension}")
    rows = np.ascontiguousarray(matrix, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError("it has vectors that are zero or not finite")
    # What is normalised stays as it is, bit for bit.
    return rows if np.abs(lengths - 1).max() < UNIT else np.asarray(rows / lengths, np.float32)


def _row(video: Exported, matrix: NDArray[np.float32], have: LibraryFacts) -> VideoRow:
    """The row of the library. Raises ValueError if the manifest says something else than the matrix."""
    if video.row is None:
        return VideoRow(
            id=video.id,
            path=video.name,
            content_hash=hashlib.sha256(matrix.tobytes()).hexdigest(),  # the file itself was never seen
            file_size=0,
            modified_ns=0,
            duration_s=len(matrix) / have.fps,
            frame_count=len(matrix),
            fps=have.fps,
            model=have.model,
            ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
            warning="",
            tags=[],
        )
    if video.row.frame_count != len(matrix):
        raise ValueError(f"{len(matrix)} of its {video.row.frame_count} frames are there")
    return replace(video.row, fps=have.fps, model=have.model)
