"""CPU seconds of alignment: the similarity map of two videos and each aligner on it, beside a graph library's.

    python benchmarks/alignment_speed.py [--frames 100 300 1000 3000] [--runs 5] [--long]

The videos are random unit vectors of 256 numbers in shots of 2 to 12 frames, all a little alike, both of the same
number of frames; a third of the query is copied from the reference, with noise. Every aligner has its default
settings. Figures are CPU seconds (user and system) of this process with one thread, medians of `--runs` runs after
one that does not count. "graph" is VCSL's Temporal Network, plainly with networkx (graph_temporal_network.py); the
number behind a figure says how many times faster than that an aligner is: first with the computation of the map,
then without.

`--long` also aligns two videos of 10 800 frames (three hours at one a second) with every aligner but the graph, once,
and tells the memory: the most that was allocated at a time, in a run of its own, the map (445 MiB) included.
"""

# ruff: noqa: E402  (numpy reads the number of threads when it is imported)
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from graph_temporal_network import find_boxes
from reprise.alignment.aligned import Map
from reprise.alignment.aligners import ALIGNERS, aligner

DIMENSION = 256
LONG = 10_800
GRAPH = "graph"

Matrix = NDArray[np.float32]  # [frames, DIMENSION], unit rows
Align = Callable[[Map], object]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 300, 1000, 3000], help="of either video")
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts (default %(default)s)")
    parser.add_argument("--long", action="store_true", help=f"also {LONG} frames, without the graph, with memory")
    options = parser.parse_args()
    aligners: dict[str, Align] = {GRAPH: find_boxes} | {name: aligner(name) for name in ALIGNERS}
    of_map, of_aligners = [], []
    for frames in options.frames:
        query, reference = two_videos(frames)
        similarity = query @ reference.T
        of_map.append(cpu_seconds(lambda q=query, r=reference: q @ r.T, options.runs))  # type: ignore[misc]
        of_aligners.append(
            {
                name: cpu_seconds(lambda a=align, s=similarity: a(s), options.runs)  # type: ignore[misc]
                for name, align in aligners.items()
            }
        )
    print(f"{'frames':20}" + "".join(f"{frames:>18}" for frames in options.frames))
    print(f"{'map alone':20}" + "".join(f"{seconds:>10.4f}{'':8}" for seconds in of_map))
    print_rows("map and alignment", list(aligners), of_aligners, of_map)
    print_rows("alignment alone", list(aligners), of_aligners, [0.0] * len(of_map))
    if options.long:
        print_long(aligners)


def two_videos(frames: int, seed: int = 0) -> tuple[Matrix, Matrix]:
    """Query and reference of so many frames each; a third of the query, from its first quarter on, is a copy."""
    rng = np.random.default_rng(seed)
    alike = rng.standard_normal(DIMENSION)
    query, reference = _video(frames, alike, rng), _video(frames, alike, rng)
    copied = frames // 3
    start, from_start = frames // 4, frames // 2
    query[start : start + copied] = reference[from_start : from_start + copied]
    query += 0.5 * rng.standard_normal(query.shape)  # frames of a copy are about 0.9 alike
    return _unit(query), _unit(reference)


def _video(frames: int, alike: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    lengths = rng.integers(2, 13, frames)
    shots = 0.4 * alike + rng.standard_normal((frames, DIMENSION))
    within = 0.3 * rng.standard_normal((frames, DIMENSION))
    return np.repeat(shots, lengths, axis=0)[:frames] + within


def _unit(rows: NDArray[np.float64]) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def cpu_seconds(work: Callable[[], object], runs: int) -> float:
    """The median over the runs, after one that does not count."""
    work()
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return median(seconds)


def print_rows(title: str, names: list[str], of_aligners: list[dict[str, float]], of_map: list[float]) -> None:
    """One row an aligner: seconds, with those of the map, and how many times faster than the graph."""
    print(f"\n{title}")
    for name in names:
        row = f"{name:20}"
        for seconds, besides in zip(of_aligners, of_map, strict=True):
            times = (seconds[GRAPH] + besides) / (seconds[name] + besides)
            row += f"{seconds[name] + besides:>10.4f}" + (f"{times:>7.1f}x" if name != GRAPH else " " * 8)
        print(row)


def print_long(aligners: dict[str, Align]) -> None:
    """Seconds and MiB of every aligner but the graph on LONG frames."""
    query, reference = two_videos(LONG)
    print(f"\n{f'{LONG} frames':20}{'seconds':>10}{'MiB':>10}   (map and alignment)")
    for name, align in aligners.items():
        if name == GRAPH:
            continue
        tracemalloc.start()
        align(query @ reference.T)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        started = time.process_time()
        align(query @ reference.T)
        seconds = time.process_time() - started
        print(f"{name:20}{seconds:>10.2f}{most / 2**20:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
