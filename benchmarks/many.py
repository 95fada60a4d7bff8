"""How several ingests share a folder, and how long queries take meanwhile, on a library on a Milvus server.

    python benchmarks/many.py URI VIDEOS QUERY [--ingests N] [--limit VIDEOS] [--workers N]

The server at URI must be empty and is left with the library. First one process ingests half of the videos, and QUERY
is asked with nobody else there; then `--ingests` processes ingest all of them at once, while QUERY is asked over and
over.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import reprise
from reprise.embedding import embed_query
from reprise.scanning import find_videos
from watched_command import watched

ALONE = 20  # queries


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one process did."""

    told: Counter[str]
    cpu_s: float
    wall_s: float


def ingested(uri: str, videos: list[str], workers: int) -> Ingested:
    """What one process that ingests the videos did; its CPU time is with that of its workers and decoders."""
    command = [sys.executable, "-m", "reprise", "ingest", "--json", "--workers", str(workers), "--library", uri]
    ended = watched([*command, *videos])
    if ended.status:
        sys.exit(f"an ingest ended with status {ended.status}")
    return Ingested(Counter(json.loads(line)["status"] for line in ended.lines), ended.cpu_s, ended.wall_s)


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

    first = ingested(options.uri, half, options.workers)
    print(f"one ingest of {len(half)} videos: {first.cpu_s:.1f} CPU s, {first.wall_s:.1f} s")
    with reprise.open(options.uri) as library, ThreadPoolExecutor(options.ingests) as pool:
        _, settings = library.opened()
        query = embed_query(str(options.query), settings)

        def asked() -> float:
            before_s = time.monotonic()
            answer = library.query_embedded(query)
            assert len(answer.matches) < len(videos)
            return time.monotonic() - before_s

        asked()
        alone = [asked() for _ in range(ALONE)]
        running = [pool.submit(ingested, options.uri, videos, options.workers) for _ in range(options.ingests)]
        beside = []
        while not all(one.done() for one in running):
            beside.append(asked())
        for number, did in enumerate((one.result() for one in running), start=1):
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
