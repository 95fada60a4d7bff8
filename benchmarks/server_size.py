"""What a Milvus server takes for a number of frames: disk, memory, CPU, and how long and how well it answers.

    python benchmarks/server_size.py FOLDER --frames 100000 --frames 1000000 [--index FLAT --index HNSW] [--json FILE]

For every number of frames a standalone server (the PyPI package milvus) is started in FOLDER, which must be empty or
not there, filled through the library's own store of frames, and asked the same questions under one index after the
other; then it is stopped and its files are removed. The frames are synthetic: videos of 300 frames in shots of 2 to
20, within a shot nearly alike. A question is a query of 300 frames at once, a copy of a library video with noise of
the strength of a re-encoding to that of a heavy edit, as the pipeline asks it: the 64 nearest of each frame.

`peak` is the most resident memory while the index was made and loaded, `memory` what stayed 20 s after it was loaded,
`anonymous` the part of it that is no mapped file and no page cache. `disk` is what the index alone takes; the frames
themselves (`rows`), and the log that Milvus keeps besides, are told once for each size. CPU seconds are the server's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.stores import frames as frame_store
from reprise.stores.frames import FRAMES, METRIC, FrameStore, LibraryFacts, frame_ids
from watched_server import Server

DIMENSION = 256
VIDEO_FRAMES = 300
QUERIES, QUERY_FRAMES, LIMIT = 10, 300, 64
CANDIDATES = 5  # whose matrices are fetched
SETTLE_S = 20.0
NOISE = (0.3, 0.6, 1.0)  # length of the noise beside a vector of length 1: cosine 0.96, 0.86, 0.71


@dataclass(frozen=True)
class Asked:
    """An index and how widely it is searched."""

    name: str
    index: dict[str, Any]
    search: dict[str, int]


@dataclass
class Filled:
    """What filling took."""

    frames: int
    insert_s: float
    insert_server_cpu_s: float
    insert_client_cpu_s: float
    rows_bytes: int
    log_bytes: int


@dataclass
class Figures:
    """What an index took and gave."""

    frames: int
    index: str
    build_cpu_s: float
    build_s: float
    disk_bytes: int
    peak_bytes: int
    memory_bytes: int
    anonymous_bytes: int
    query_s: float  # median of the queries
    query_cpu_s: float  # mean of the queries
    planted: float  # share of the query frames whose own source comes first
    neighbours: float  # share of the exact search's 64 that are among this one's
    matrices_s: float  # of the candidates, from the server


def video(number: int) -> NDArray[np.float32]:
    """The matrix [VIDEO_FRAMES, DIMENSION] of a synthetic video: shots whose frames are nearly alike."""
    rng = np.random.default_rng([7, number])
    matrix = np.empty((VIDEO_FRAMES, DIMENSION), np.float32)
    at = 0
    while at < VIDEO_FRAMES:
        length = int(rng.integers(2, 21))
        scene = rng.standard_normal(DIMENSION)
        drift = rng.standard_normal((length, DIMENSION)).cumsum(axis=0) * 0.1
        part = (scene + drift)[: VIDEO_FRAMES - at]
        matrix[at : at + len(part)] = part
        at += len(part)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix


def question(number: int, videos: int) -> tuple[NDArray[np.float32], str]:
    """A noisy copy of one of `videos` videos, and the video's id."""
    rng = np.random.default_rng([8, number])
    source = int(rng.integers(videos))
    noise = rng.standard_normal((VIDEO_FRAMES, DIMENSION)) / np.sqrt(DIMENSION) * NOISE[number % len(NOISE)]
    noisy = video(source) + noise
    return (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32), video_id(source)


def video_id(number: int) -> str:
    """As long as the library's."""
    return f"{number:032x}"


def indexes(frames: int) -> Iterator[Asked]:
    """Each kind of index, set as the library sets those that it uses."""
    clusters = 2 ** round(np.log2(4 * np.sqrt(frames)))
    yield Asked("FLAT", {"index_type": "FLAT", "params": {}}, {})
    for kind in ("IVF_FLAT", "IVF_SQ8"):
        yield Asked(
            kind, {"index_type": kind, "params": {"nlist": clusters}}, frame_store.search_params("IVF_FLAT", LIMIT)
        )
    graph = {"M": 16, "efConstruction": 200}
    yield Asked("HNSW", {"index_type": "HNSW", "params": graph}, frame_store.search_params("HNSW", LIMIT))


def fill(server: Server, frames: int) -> Filled:
    """Inserts that many frames as the library does, and flushes."""
    store = FrameStore(server.milvus)
    store.create(LibraryFacts(model="reprise-1", dimension=DIMENSION, fps=1.0))
    store.load()
    began_s, server_s = time.monotonic(), server.cpu_s()
    made_s = spent_s = 0.0
    for number in range(frames // VIDEO_FRAMES):
        before_s = time.process_time()
        matrix = video(number)
        made_s += time.process_time() - before_s
        ids, indices = frame_ids(video_id(number), len(matrix))
        before_s = time.process_time()
        server.milvus.insert(
            FRAMES,
            [
                {
                    "id": one,
                    "video_id": video_id(number),
                    "frame_index": index,
                    "time_s": float(index),
                    "embedding": vector,
                }
                for one, index, vector in zip(ids, indices, matrix, strict=True)
            ],
            replace=True,
        )
        spent_s += time.process_time() - before_s
    store.flush()
    took_s = time.monotonic() - began_s - made_s
    cpu_s = server.cpu_s() - server_s
    return Filled(
        store.count(),
        took_s,
        cpu_s,
        spent_s,
        server.disk("insert_log", "stats_log", "delta_log"),
        server.disk("rdb_data", "rdb_data_meta_kv"),
    )


def look(
    server: Server, frames: int, asked: Asked, exact: list[Any] | None
) -> tuple[Figures, list[list[list[list[Any]]]]]:
    """Makes the index, lets it settle, and asks; also gives the answers."""
    before, server_s, began_s = server.disk("index_files"), server.cpu_s(), time.monotonic()
    server.peak()
    server.milvus.rebuild_index(FRAMES, {**asked.index, "metric_type": METRIC})
    built_s, cpu_s = time.monotonic() - began_s, server.cpu_s() - server_s
    time.sleep(SETTLE_S)  # what was released is given back to the system a while later
    memory, anonymous = server.memory()
    answers: list[Any] = []
    times_s, first = [], 0
    videos = frames // VIDEO_FRAMES

    def ask(number: int) -> Any:
        return server.milvus.search(
            FRAMES, question(number, videos)[0], limit=LIMIT, metric=METRIC, fields=["video_id"], params=asked.search
        )

    ask(0)
    server_s = server.cpu_s()
    for number in range(QUERIES):
        began_s = time.monotonic()
        answers.append(ask(number))
        times_s.append(time.monotonic() - began_s)
    query_cpu_s = (server.cpu_s() - server_s) / QUERIES
    shared = 0.0
    for number, hits in enumerate(answers):
        source = question(number, videos)[1]
        first += sum(row[0][0] == f"{source}-{index:08d}" for index, row in enumerate(hits))
        if exact is not None:
            shared += sum(
                len({hit[0] for hit in row} & {hit[0] for hit in best})
                for row, best in zip(hits, exact[number], strict=True)
            )
    figures = Figures(
        frames,
        asked.name,
        cpu_s,
        built_s,
        server.disk("index_files") - before,
        server.peak(),
        memory,
        anonymous,
        statistics.median(times_s),
        query_cpu_s,
        first / (QUERIES * QUERY_FRAMES),
        shared / (QUERIES * QUERY_FRAMES * LIMIT) if exact is not None else 1.0,
        matrices_s(server, videos),
    )
    return figures, answers


def matrices_s(server: Server, videos: int) -> float:
    """Median seconds to read the matrices of a few candidates."""
    store, times_s = FrameStore(server.milvus), []
    rng = np.random.default_rng(9)
    for _ in range(QUERIES):
        ids = {video_id(int(number)): VIDEO_FRAMES for number in rng.integers(videos, size=CANDIDATES)}
        began_s = time.monotonic()
        found = store.matrices(ids)
        times_s.append(time.monotonic() - began_s)
        assert all(len(found[one]) == VIDEO_FRAMES for one in ids)
    return statistics.median(times_s)


def told(figures: Figures) -> str:
    """One line of the table."""
    each = figures.frames
    return (
        f"{figures.frames:>9} {figures.index:>9} {figures.build_cpu_s / each * 1e6:>11.0f} "
        f"{figures.disk_bytes / each:>7.0f} {figures.peak_bytes / 1e6:>8.0f} {figures.memory_bytes / 1e6:>8.0f} "
        f"{figures.anonymous_bytes / 1e6:>9.0f} {figures.query_s:>8.2f} {figures.query_cpu_s:>8.2f} "
        f"{figures.planted:>7.3f} {figures.neighbours:>7.3f} {figures.matrices_s:>8.3f}"
    )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, action="append", required=True)
    parser.add_argument("--index", action="append", help="FLAT, IVF_FLAT, IVF_SQ8, HNSW; repeatable; all by default")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kept: list[dict[str, Any]] = []
    for wanted in options.frames:
        server = Server(options.folder / str(wanted))
        try:
            idle = server.memory()[0]
            filled = fill(server, wanted // VIDEO_FRAMES * VIDEO_FRAMES)
            kept.append(asdict(filled))
            print(
                f"{filled.frames} frames: inserted and flushed in {filled.insert_s:.0f} s "
                f"({filled.frames / filled.insert_s:.0f} a second), server "
                f"{filled.insert_server_cpu_s / filled.frames * 1e6:.0f} and client "
                f"{filled.insert_client_cpu_s / filled.frames * 1e6:.0f} CPU us a frame; rows "
                f"{filled.rows_bytes / filled.frames:.0f} and log {filled.log_bytes / filled.frames:.0f} "
                f"bytes a frame on disk; {idle / 1e6:.0f} MB of memory before",
                flush=True,
            )
            print(
                "   frames     index  CPU us/frm  B/frm  peak MB  mem. MB  anon. MB  query s    CPU s  planted  "
                "as FLAT  5 matr. s",
                flush=True,
            )
            exact: list[Any] | None = None
            for asked in indexes(filled.frames):
                if options.index and asked.name not in options.index:
                    continue
                figures, answers = look(server, filled.frames, asked, exact)
                exact = answers if asked.name == "FLAT" else exact
                kept.append(asdict(figures))
                print(told(figures), flush=True)
        finally:
            server.stop()
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
