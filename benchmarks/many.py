"""How several ingests share a folder, and how long queries take meanwhile, on a library on a Milvus server.

    python benchmarks/many.py URI VIDEOS QUERY [--ingests N] [--limit VIDEOS] [--workers N]

The server at URI must be empty and is left with the library. First one process ingests half of the videos, and QUERY
is asked with nobody else there; then `--ingests` processes ingest all of them at once, while QUERY is asked over and
over.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import reprise
from reprise.embedding import embed_query
from reprise.scanning import find_videos

ALONE = 20  # queries


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one process did."""

    told: Counter[str]
    cpu_s: float
    wall_s: float


def ingests(count: int, uri: str, videos: list[str], workers: int) -> list[subprocess.Popen[str]]:
    """That many processes that ingest the same videos."""
    command = [
        sys.executable,
        "-m",
        "reprise",
        "ingest",
        "--json",
        "--workers",
        str(workers),
        "--library",
        uri,
        *videos,
    ]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]


def ended(process: subprocess.Popen[str], began_s: float) -> Ingested:
    """What the process did, when it has ended; its CPU time is with that of its workers."""
    assert process.stdout is not None
    told = Counter(json.loads(line)["status"] for line in process.stdout)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"an ingest ended with status {process.returncode}")
    return Ingested(told, used.ru_utime + used.ru_stime, time.monotonic() - began_s)


def told_latencies(name: str, seconds: list[float]) -> str:
    """Median, nine tenths and longest."""
    tenths = statistics.quantiles(seconds, n=10) if len(seconds) > 1 else seconds * 9
    shown = f"{tenths[4]:.2f} / {tenths[8]:.2f} / {max(seconds):.2f} s"
    return f"{name}: {len(seconds)} queries, {shown} (50 %, 90 %, longest)"


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("videos", type=Path)
    parser.add_argument("query", type=Path)
    parser.add_argument("--ingests", type=int, default=2)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    videos = find_videos([options.videos]).videos[: options.limit]
    half = videos[::2]

    began_s = time.monotonic()
    (first,) = (ended(one, began_s) for one in ingests(1, options.uri, half, options.workers))
    print(f"one ingest of {len(half)} videos: {first.cpu_s:.1f} CPU s, {first.wall_s:.1f} s")
    with reprise.open(options.uri) as library:
        _, settings = library.opened()
        query = embed_query(str(options.query), settings)

        def asked() -> float:
            before_s = time.monotonic()
            answer = library.query_embedded(query)
            assert len(answer.matches) < len(videos)
            return time.monotonic() - before_s

        asked()
        alone = [asked() for _ in range(ALONE)]
        began_s = time.monotonic()
        running = ingests(options.ingests, options.uri, videos, options.workers)
        beside = []
        while any(os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None for one in running):
            beside.append(asked())
        for number, did in enumerate((ended(one, began_s) for one in running), start=1):
            told = ", ".join(f"{count} {status}" for status, count in sorted(did.told.items()))
            print(
                f"ingest {number} of {len(videos)} videos at once: {told}; {did.cpu_s:.1f} CPU s, {did.wall_s:.1f} s"
            )
        print(told_latencies("nobody else", alone))
        print(told_latencies("during the ingests", beside))
        info = library.info()
        print(f"{info.videos} videos, {info.frames} frames; problems: {library.verify()}")


if __name__ == "__main__":
    main()
