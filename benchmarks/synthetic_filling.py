"""A library on disk, or on a server, filled with a drawn one; carried on where an earlier run stopped."""

from __future__ import annotations

import datetime
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import MilvusClient

from reprise.embedding import EmbeddedVideo
from reprise.settings import EmbedSettings
from reprise.stores import copies
from reprise.stores import library as library_module
from reprise.stores.copies import VideoCopy
from reprise.stores.frames import FRAMES, LibraryFacts, frame_ids, index_for
from reprise.stores.library import FLUSH_EVERY_FRAMES, LibraryStores
from reprise.stores.milvus import Milvus
from reprise.stores.place import Place
from reprise.stores.server_version import keeps_vectors
from reprise.stores.sharing import MOST_AHEAD
from reprise.stores.videos import VideoRow
from synthetic_library import Floats, SyntheticLibrary

INDEXED_WITHIN_S, LOOK_S = 7200.0, 2.0
BULK_VIDEOS, BULK_ROWS = 200, 10_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filling added and took."""

    videos: int
    frames: int
    wall_s: float
    cpu_s: float  # of this process, less what drawing took: with Milvus Lite that is all of it


def drawn_id(position: int) -> str:
    """The id of the video at a position of the drawn library."""
    return f"drawn{position:09d}"


def position_of(video_id: str) -> int:
    """The inverse of `drawn_id`."""
    return int(video_id.removeprefix("drawn"))


def opened(place: str | Path) -> LibraryStores:
    """The stores of the library at `place`, made where there is none, as the built-in model's at 1 fps."""
    usual = EmbedSettings()
    return LibraryStores(Place.of(os.fspath(place)), create=LibraryFacts(usual.identity, usual.dimension, usual.fps))


def fill(stores: LibraryStores, library: SyntheticLibrary, *, flush_every: int = FLUSH_EVERY_FRAMES) -> Filled:
    """Adds those of the drawn videos that are not there, as an ingest does it, and flushes.

    `flush_every`: frames between two flushes. The more, the less a server writes and indexes again what it has.
    """
    there = {row.id for row in stores.videos.all()}
    missing = [position for position in range(len(library)) if drawn_id(position) not in there]
    library_module.FLUSH_EVERY_FRAMES = flush_every
    began_s, began_cpu_s = time.monotonic(), cpu_s()
    drawing_s = drawing_cpu_s = 0.0
    videos = frames = 0
    for done, position in enumerate(missing):
        if stores.claims is not None and done % MOST_AHEAD == 0:
            stores.claims.take([drawn_id(one) for one in missing[done : done + MOST_AHEAD]])
        before_s, before_cpu_s = time.monotonic(), cpu_s()
        matrix = library.matrix(position)
        drawing_s, drawing_cpu_s = drawing_s + time.monotonic() - before_s, drawing_cpu_s + cpu_s() - before_cpu_s
        stores.add(row_of(drawn_id(position), len(matrix)), video_of(matrix), is_there=False)
        if stores.claims is not None:
            stores.claims.release([drawn_id(position)])
        videos, frames = videos + 1, frames + len(matrix)
    stores.flush()
    filled = Filled(videos, frames, time.monotonic() - began_s - drawing_s, cpu_s() - began_cpu_s - drawing_cpu_s)
    if not stores.place.embedded:
        wait_for_index(stores)
    return filled


def fill_in_bulk(stores: LibraryStores, library: SyntheticLibrary) -> Filled:
    """Fills a server's empty library in bulk: frames of many videos a request, the index made at the end.

    What is stored is the same. A filling that was stopped cannot be carried on. Its time is with that of the index.
    """
    if stores.place.embedded or stores.videos.count() or stores.frames.count():
        raise SystemExit("only an empty library on a server is filled in bulk")
    server = Milvus(stores.place.milvus_uri)
    client = MilvusClient(uri=stores.place.milvus_uri)
    client.release_collection(FRAMES)
    client.drop_index(FRAMES, "embedding")
    began_s, began_cpu_s = time.monotonic(), cpu_s()
    drawing_s = drawing_cpu_s = 0.0
    frames = 0
    for start in range(0, len(library), BULK_VIDEOS):
        before_s, before_cpu_s = time.monotonic(), cpu_s()
        drawn = {
            position: library.matrix(position) for position in range(start, min(start + BULK_VIDEOS, len(library)))
        }
        drawing_s, drawing_cpu_s = drawing_s + time.monotonic() - before_s, drawing_cpu_s + cpu_s() - before_cpu_s
        copied = [
            VideoCopy.of(row_of(drawn_id(position), len(matrix)), video_of(matrix))
            for position, matrix in drawn.items()
        ]
        rows = [row for copy in copied for row in frame_rows(copy)]
        for top in range(0, len(rows), BULK_ROWS):
            # Tried again, rows that came through the first time would be there twice.
            client.insert(FRAMES, rows[top : top + BULK_ROWS], retry_times=0)
        for copy in copied:
            copies.write(stores.matrices, copy)
            stores.videos.put(copy.row, copy.pooled)
        frames += len(rows)
    client.flush(FRAMES)  # for which a server that lags behind may take minutes
    stores.videos.flush()
    server.rebuild_index(FRAMES, index_for(frames, embedded=False, in_bytes=keeps_vectors(server.version())))
    server.close()
    client.close()
    wait_for_index(stores)
    return Filled(len(library), frames, time.monotonic() - began_s - drawing_s, cpu_s() - began_cpu_s - drawing_cpu_s)


def frame_rows(copy: VideoCopy) -> list[dict[str, Any]]:
    """The rows of the collection `frames` for one video."""
    ids, indices = frame_ids(copy.row.id, len(copy.matrix))
    return [
        {"id": one, "video_id": copy.row.id, "frame_index": index, "time_s": time_s, "embedding": vector}
        for one, index, time_s, vector in zip(ids, indices, copy.times_s.tolist(), copy.matrix, strict=True)
    ]


def wait_for_index(stores: LibraryStores) -> None:
    """Returns when a server has indexed all frames: it does so in the background, and searches slowly until then."""
    client = MilvusClient(uri=stores.place.milvus_uri)
    give_up_s = time.monotonic() + INDEXED_WITHIN_S
    while int(client.describe_index(FRAMES, "embedding")["pending_index_rows"]):
        if time.monotonic() > give_up_s:
            raise SystemExit(f"the server has not indexed all frames within {INDEXED_WITHIN_S:.0f} s")
        time.sleep(LOOK_S)  # between two looks
    client.close()


def video_of(matrix: Floats) -> EmbeddedVideo:
    """The matrix as a video at 1 fps."""
    return EmbeddedVideo(np.arange(len(matrix), dtype=np.float64), matrix, float(len(matrix)), "", "0" * 64)


def row_of(video_id: str, frames: int) -> VideoRow:
    """A row for a video of so many frames at 1 fps."""
    return VideoRow(
        id=video_id,
        path=f"/drawn/{video_id}.mp4",
        content_hash="0" * 64,
        file_size=0,
        modified_ns=0,
        duration_s=float(frames),
        frame_count=frames,
        fps=1.0,
        model=EmbedSettings().identity,
        ingested_at=datetime.datetime.now(datetime.UTC).isoformat(),
        warning="",
        tags=[],
    )


def cpu_s() -> float:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
