"""How a library grows: ingest rate, query latency, memory, disk and recall of planted copies, size by size.

    python benchmarks/scale.py LIB [--frames 10000 100000 1000000] [--server-pid PID] --json FILE [--plot FILE.png]
    python benchmarks/scale.py --plot FILE.png --json FILE...

LIB, a folder or the URI of a Milvus server whose process is PID, is filled with a drawn library
(synthetic_library.py) to one size after the other; a size whose row is in FILE already is not measured again, and a
run that was stopped carries on with the video at which it stopped. Queries are embedded already: 60 s, one planted
copy each, two views a frame. They are asked in a process of its own, whose resident memory is told, with the first
answer's time from the opening of the library on. "found": the planted copy's video is among the matches, and a
segment of it overlaps what was planted; that is aligner and vote together, of copies like those that people make,
the hardest of which are not to be found at all. Rates are of frames written to both stores, without decoding and
embedding. `--bulk` fills a server's empty library in large requests, and makes the index at the end; only the filling
is another. `--in-bytes`: a server before 2.4 gets the index that later ones have; here nothing reads vectors from it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import reprise
from query_speed import Clock
from reprise.embedding import EmbeddedQuery
from reprise.segment import QueryResult
from reprise.stores import server_version
from reprise.stores.library import FLUSH_EVERY_FRAMES
from reprise.stores.place import Place
from synthetic_filling import drawn_id, fill, fill_in_bulk, opened
from synthetic_library import Copied, SyntheticLibrary

QUERY_FRAMES = 60
Row = dict[str, Any]


def main() -> None:
    """Fills and measures what is missing, prints all rows, draws them."""
    arguments = _arguments()
    if arguments.measure:
        print(json.dumps(measured(arguments.library, arguments.measure, arguments.queries, arguments.server_pid)))
        return
    if arguments.in_bytes:
        server_version.KEEPS_VECTORS_FROM = (0, 0)
    rows: list[Row] = []
    for file in arguments.json:
        rows += json.loads(Path(file).read_text()) if Path(file).exists() else []
    if arguments.library is not None:
        rows = grown(arguments, rows)
    for row in rows:
        print(json.dumps(row))
    if arguments.plot:
        plot(rows, arguments.plot)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", nargs="?")
    parser.add_argument("--frames", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--server-pid", type=int, help="of the Milvus server, for its CPU seconds and memory")
    parser.add_argument("--flush-every", type=int, default=FLUSH_EVERY_FRAMES, help="frames; by default as an ingest")
    parser.add_argument("--bulk", action="store_true", help="fill an empty library of a server in bulk (see above)")
    parser.add_argument("--in-bytes", action="store_true", help="IVF_SQ8, also on a server before 2.4 (see above)")
    parser.add_argument("--json", nargs="+", required=True, help="file of the rows; to plot, several")
    parser.add_argument("--plot", help="picture to draw the rows in")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)  # the frames of a library that is full
    return parser.parse_args()


def grown(arguments: argparse.Namespace, rows: list[Row]) -> list[Row]:
    """The rows with those of the sizes that were missing; the file is written after each."""
    done = {row["size"] for row in rows}
    if arguments.bulk and len(set(arguments.frames) - done) > 1:
        raise SystemExit("--bulk fills an empty library: give one number of --frames")
    clock = Clock(arguments.server_pid)
    for size in sorted(set(arguments.frames) - done):
        stores = opened(arguments.library)
        server_before_s = clock.server_s()
        drawn = SyntheticLibrary.of_frames(size)
        filled = (
            fill_in_bulk(stores, drawn) if arguments.bulk else fill(stores, drawn, flush_every=arguments.flush_every)
        )
        server_s = clock.server_s() - server_before_s
        index = stores.frames.index_type()
        frames = stores.frames.count()
        stores.close()
        row = {
            "library": "server" if "://" in arguments.library else "embedded",
            "size": size,
            "frames": frames,
            "index": index,
            "filled": asdict(filled),
            "flushed every": None if arguments.bulk else arguments.flush_every,
            # Of what this run added; there may be nothing left to add.
            "frames a CPU second": round(filled.frames / (filled.cpu_s + server_s)) if filled.frames else None,
            "frames a second": round(filled.frames / filled.wall_s) if filled.frames else None,
            **asked(arguments, size),
            "disk bytes a frame": round(bytes_under(arguments.library) / frames),
        }
        rows.append(row)
        Path(arguments.json[0]).write_text(json.dumps(rows, indent=1) + "\n")
        print(json.dumps(row), file=sys.stderr)
    return sorted(rows, key=lambda row: (row["library"], row["size"]))


def asked(arguments: argparse.Namespace, size: int) -> Row:
    """What `measured` tells in a process of its own."""
    command = [sys.executable, __file__, arguments.library, "--measure", str(size), "--json", arguments.json[0]]
    command += ["--queries", str(arguments.queries)]
    if arguments.server_pid is not None:
        command += ["--server-pid", str(arguments.server_pid)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row: Row = json.loads(answer.stdout)
    return row


def measured(place: str, size: int, queries: int, server_pid: int | None) -> Row:
    """Latency, memory and recall of a library that is filled; this process has done nothing else."""
    drawn = SyntheticLibrary.of_frames(size)
    clock = Clock(server_pid)
    planted = [drawn.query(number, QUERY_FRAMES) for number in range(queries)]
    before_s, taken, found = time.perf_counter(), [], 0
    with reprise.open(place) as library:
        for number, one in enumerate(planted):
            query = EmbeddedQuery(f"{number}.mp4", one.views, one.frame_of, float(QUERY_FRAMES), "")
            began_s, began_cpu_s = time.perf_counter(), clock.cpu_s()
            result = library.query_embedded(query)
            taken.append((clock.cpu_s() - began_cpu_s, time.perf_counter() - began_s))
            if not number:
                first_s = time.perf_counter() - before_s
            found += is_found(result, one.copies[0])
        memory = resident(os.getpid())
    return {
        "first answer s": round(first_s, 2),
        "query CPU s": round(statistics.median(cpu for cpu, _ in taken[1:]), 3),
        "query s": round(statistics.median(wall for _, wall in taken[1:]), 3),
        "found": round(found / queries, 3),
        "memory MB": round(memory / 1e6),
        "server memory MB": None if server_pid is None else round(resident(server_pid) / 1e6),
    }


def is_found(result: QueryResult, copy: Copied) -> bool:
    """Whether a segment of the right video overlaps the planted one on both sides."""
    return any(
        Path(match.reference).stem == drawn_id(copy.source)
        and segment.query_start_s < copy.query_end
        and segment.query_end_s > copy.query_start
        and segment.reference_start_s < copy.source_start + copy.query_end - copy.query_start
        and segment.reference_end_s > copy.source_start
        for match in result
        for segment in match.segments
    )


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bytes_under(library: str) -> int:
    """Of the files of the library on this machine: of a server's, its matrices."""
    folder = Place.of(library).locked
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


PANELS = (
    ("query CPU s", "a query of a minute, CPU s"),
    ("memory MB", "memory of the process, MB"),
    ("frames a CPU second", "frames stored a CPU second"),
    ("found", "planted copies found"),
)


def plot(rows: list[Row], file: str) -> None:
    """The rows over the number of frames."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(4 * len(PANELS), 3.4), layout="constrained")
    for axis, (name, title) in zip(axes, PANELS, strict=True):
        lines = {library: (name, library) for library in sorted({row["library"] for row in rows})}
        if name == "memory MB":
            lines["its server"] = ("server memory MB", "server")
        if name == "frames a CPU second":
            lines["server, in bulk"] = (name, "server")
        for label, (column, library) in lines.items():
            of_it = [
                row
                for row in rows
                if row["library"] == library
                and row.get(column)
                and (name != "frames a CPU second" or ("bulk" in label) == (row["flushed every"] is None))
            ]
            if of_it:
                axis.plot([row["frames"] for row in of_it], [row[column] for row in of_it], "o-", label=label)
        axis.set(title=title, xlabel="frames", xscale="log")
        axis.set_ylim(bottom=0, top=1 if name == "found" else None)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
