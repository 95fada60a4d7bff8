#!/usr/bin/env python3
"""How much faster a query's candidates are aligned on all cores than one after another.

    python benchmarks/candidates_speed.py [--runs 5]

Videos are drawn: shots of six frames of noise vectors, a stretch of the query planted in every fourth candidate. Wall
times, the median of the runs; the same segments must come out of both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.operators.video_copy_detection.align import Align

SIZES = ((300, 300, 20), (1000, 1000, 8), (1000, 3000, 20), (3000, 3000, 8))  # query, candidate, candidates
DIMENSION = 256
SHOT_FRAMES = 6


def main() -> None:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="(default %(default)s)")
    runs = parser.parse_args().runs
    if runs < 1:
        parser.error("--runs must be at least 1")
    align: Any = Align("straight-lines", min_score=0.5)
    rng = np.random.default_rng(0)
    print(f"{'query x candidate':<20}{'candidates':>11}{'one by one, s':>15}{'all cores, s':>14}")
    for query_frames, frames, count in SIZES:
        query = drawn(rng, query_frames)
        candidates = [drawn(rng, frames) for _ in range(count)]
        for copying in candidates[::4]:
            copying[50:150] = query[100:200]
        alone = [align(query, candidate) for candidate in candidates]
        if align(query, candidates) != alone:
            sys.exit("candidates_speed: the two ways gave different segments")
        one_by_one = median_s(lambda q=query, c=candidates: [align(q, one) for one in c], runs)  # type: ignore[misc]
        together = median_s(lambda q=query, c=candidates: align(q, c), runs)  # type: ignore[misc]
        print(f"{f'{query_frames} x {frames}':<20}{count:>11}{one_by_one:>15.3f}{together:>14.3f}")


def drawn(rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
    """[frames, DIMENSION] float32, rows L2-normalised."""
    shots = rng.normal(size=(frames // SHOT_FRAMES + 1, DIMENSION))
    vectors = np.repeat(shots, SHOT_FRAMES, axis=0)[:frames] + 0.5 * rng.normal(size=(frames, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def median_s(work: Callable[[], object], runs: int) -> float:
    """The median wall time of the runs, in seconds."""
    times_s = []
    for _ in range(runs):
        began_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s)


if __name__ == "__main__":
    main()
