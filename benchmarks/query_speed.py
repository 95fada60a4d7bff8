"""What a query of a few minutes costs in a large library, step by step, and the first one of a fresh process.

    python benchmarks/query_speed.py LIB [--frames 300000] [--minutes 5] [--runs 5] [--server-pid PID] [--json FILE]

LIB is a folder, or the URI of a Milvus server whose process is PID. It is filled with a drawn library
(synthetic_library.py) of so many frames, or carried on where an earlier run stopped. The query is embedded already,
and has two views a frame. CPU seconds are those of this process and of the server's, medians of the runs; wall time
says something on an idle machine only. Below stand the limits: faiss on the very index files of Milvus Lite, and
BLAS with numpy over all vectors in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import reprise
from reprise.embedding import EmbeddedQuery
from reprise.operators.video_copy_detection.align import Align
from reprise.settings import QuerySettings
from reprise.stores.frames import FRAMES, METRIC, search_params
from reprise.stores.library import LibraryStores
from reprise.stores.present import PresentVideos
from reprise.voting import select_videos, weighted_votes
from synthetic_filling import drawn_id, fill, opened, position_of
from synthetic_library import Copied, SyntheticLibrary

Row = tuple[str, float, float]  # what, CPU seconds, wall seconds
HITS = (64, 16)


def main() -> None:
    """Fills, measures and prints."""
    arguments = _arguments()
    clock = Clock(arguments.server_pid)
    drawn = SyntheticLibrary.of_frames(arguments.frames)
    stores = opened(arguments.library)
    filled = fill(stores, drawn)
    print(f"{len(drawn)} videos, {stores.frames.count()} frames, index {stores.frames.index_type()}; {filled}")
    planted = drawn.query(1, 60 * arguments.minutes, 3)
    query = EmbeddedQuery("drawn.mp4", planted.views, planted.frame_of, 60.0 * arguments.minutes, "")
    rows = steps(stores, query, clock, arguments.runs)
    stores.close()
    rows += whole(arguments.library, query, planted.copies, clock, arguments.runs)
    rows += fresh(arguments.library, arguments.frames, arguments.minutes, clock, arguments.runs)
    if "://" not in arguments.library:
        rows += faiss_alone(Path(arguments.library), query, clock, arguments.runs)
    rows += blas_alone(drawn, query, clock, arguments.runs)
    print(f"| {len(query.views)} views against {arguments.frames} frames | CPU s | wall s |\n|---|---|---|")
    for what, cpu_s, wall_s in rows:
        print(f"| {what} | {cpu_s:.2f} | {wall_s:.2f} |")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--frames", type=int, default=300_000)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--server-pid", type=int, help="of the Milvus server, for its CPU seconds")
    parser.add_argument("--json", help="file to write the rows to")
    return parser.parse_args()


class Clock:
    """CPU seconds of this process, of its children that ended, and of a server."""

    def __init__(self, server_pid: int | None) -> None:
        self._server_pid = server_pid

    def cpu_s(self) -> float:
        """All of them so far."""
        mine = os.times()
        return mine.user + mine.system + mine.children_user + mine.children_system + self.server_s()

    def server_s(self) -> float:
        """The server's alone; 0 where there is none."""
        if self._server_pid is None:
            return 0.0
        fields = Path(f"/proc/{self._server_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def median(self, what: str, work: Callable[[], object], runs: int) -> Row:
        """The work's row, medians of the runs."""
        taken = []
        for _ in range(runs):
            began_s, began_cpu_s = time.perf_counter(), self.cpu_s()
            work()
            taken.append((self.cpu_s() - began_cpu_s, time.perf_counter() - began_s))
        return what, statistics.median(cpu for cpu, _ in taken), statistics.median(wall for _, wall in taken)


def steps(stores: LibraryStores, query: EmbeddedQuery, clock: Clock, runs: int) -> list[Row]:
    """The steps of a query by themselves."""
    milvus: Any = stores._milvus
    index_type = stores.frames.index_type()
    rows = []
    hits: list[Any] = []
    for limit in HITS:

        def search(limit: int = limit) -> None:
            params = search_params(index_type, limit)
            hits[:] = milvus.search(
                FRAMES, query.views, limit=limit, metric=METRIC, fields=["video_id"], params=params
            )

        rows.append(clock.median(f"search, {limit} hits a view", search, runs))
    settings = QuerySettings()
    videos, votes = weighted_votes(hits, query.frame_of)

    def vote() -> list[str]:
        return select_videos(*weighted_votes(hits, query.frame_of), top_k=5, reduce_function="sum", reverse=True)

    rows.append(clock.median("vote", vote, runs))
    assert len(videos) == len(votes)
    candidates = vote()
    present = PresentVideos(milvus)
    read: list[Any] = []

    def fetch() -> None:
        read[:] = present.read(candidates, [stores.matrices.get_array(one) for one in candidates])  # type: ignore[misc]

    rows.append(clock.median("matrices and rows of 5 candidates", fetch, runs))
    align: Any = Align(settings.aligner, min_score=settings.least_score, **settings.aligner_parameters(1.0))
    matrices = [np.asarray(matrix) for matrix in read[0] if matrix is not None]
    rows.append(clock.median("align 5 candidates", lambda: align(query.views, matrices, query.frame_of), runs))
    return rows


def whole(place: str, query: EmbeddedQuery, copies: tuple[Copied, ...], clock: Clock, runs: int) -> list[Row]:
    """A query of a library that is open."""
    with reprise.open(place) as library:
        found = {Path(match.reference).stem for match in library.query_embedded(query)}
        missed = [copy for copy in copies if drawn_id(copy.source) not in found]
        print(f"found {sorted(position_of(name) for name in found)}, missed {missed}")
        return [
            clock.median("**a query, after embedding**", lambda: library.query_embedded(query), runs),
            clock.median(
                "  with 64 hits a view",
                lambda: library.query_embedded(query, replace(QuerySettings(), hits_per_frame=64)),
                runs,
            ),
        ]


AS_COMMANDS_DO = "from reprise.stores.no_pandas import leave_out_pandas\nleave_out_pandas()\n"
FRESH = """
import sys
sys.path.insert(0, {here!r})
import reprise
from reprise.embedding import EmbeddedQuery
from synthetic_library import SyntheticLibrary
if {minutes}:
    planted = SyntheticLibrary.of_frames({frames}).query(1, 60 * {minutes}, 3)
    query = EmbeddedQuery("drawn.mp4", planted.views, planted.frame_of, 60.0 * {minutes}, "")
    with reprise.open({place!r}) as library:
        library.query_embedded(query)
"""


def fresh(place: str, frames: int, minutes: int, clock: Clock, runs: int) -> list[Row]:
    """A process that opens the library and asks it once, and one that opens a library alone."""
    here = str(Path(__file__).parent)
    opening = f"import reprise\nwith reprise.open({place!r}) as library: library.require()"
    asking = FRESH.format(here=here, place=place, frames=frames, minutes=minutes)
    programs = (
        ("a process that opens it", opening),
        ("a process that opens it and asks once", asking),
        ("the same without pandas, as commands do", AS_COMMANDS_DO + asking),
    )
    return [
        clock.median(what, lambda p=program: subprocess.run([sys.executable, "-c", p], check=True), min(runs, 3))  # type: ignore[misc]
        for what, program in programs
    ]


def faiss_alone(place: Path, query: EmbeddedQuery, clock: Clock, runs: int) -> list[Row]:
    """The search that Milvus Lite has faiss do, without Milvus Lite."""
    import faiss

    files = sorted(place.glob(f"milvus.db/collections/{FRAMES}/partitions/*/indexes/*.ivf_*.idx"))
    if not files:
        return []
    indexes: list[Any] = [faiss.read_index(str(file)) for file in files]
    for index in indexes:
        index.nprobe = search_params("IVF_FLAT", 16)["nprobe"]
    clusters = {int(index.nlist) for index in indexes}

    def search() -> None:
        for index in indexes:
            index.search(np.ascontiguousarray(query.views), 16)

    return [clock.median(f"limit: faiss on its {len(files)} index files, {clusters} clusters", search, runs)]


def blas_alone(drawn: SyntheticLibrary, query: EmbeddedQuery, clock: Clock, runs: int) -> list[Row]:
    """An exact search with numpy, of all vectors in memory."""
    vectors = np.concatenate(list(drawn.matrices()))

    def search() -> None:
        for start in range(0, len(query.views), 128):
            similarity = query.views[start : start + 128] @ vectors.T
            np.argpartition(similarity, -16, axis=1)[:, -16:]

    return [clock.median("limit: exact, numpy in this process", search, min(runs, 3))]


if __name__ == "__main__":
    main()
