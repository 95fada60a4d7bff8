"""Paths through a map that never go back, cut into the pieces that can be copies; as VCSL does for DP and DTW."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.boxes import ScoredBox

# How a path came to a cell.
DIAGONAL = 0  # from the row above and the column to the left
DOWN = 1  # from the row above
RIGHT = 2  # from the column to the left


def copies_on(
    path: NDArray[np.int64],
    similarities: NDArray[np.float32],
    *,
    max_run: int,
    min_length: int,
    min_mean: float,
) -> list[ScoredBox]:
    """The boxes around the pieces of a path that can be copies, in the path's order; scores are mean `similarities`.

    path: [points, 2] int64, query and reference frame of every point, rising by at most 1 a point.
    similarities: [points] float32, of every point, in whatever measure `min_mean` is.
    max_run: the path is cut where more points than this stay in one row or one column; those are left out.
    min_length: a piece has more points than this, and in both videos a longer span (last frame less first).
    min_mean: what the mean of a piece's `similarities` exceeds.
    """
    found = []
    for start, stop in _pieces(path, max_run):
        (query_start, reference_start), (query_end, reference_end) = path[start].tolist(), path[stop - 1].tolist()
        if min(stop - start, query_end - query_start, reference_end - reference_start) <= min_length:
            continue
        mean = float(similarities[start:stop].mean())  # summed as float32, as VCSL does
        if mean > min_mean:
            found.append(ScoredBox((query_start, reference_start, query_end, reference_end), mean))
    return found


def _pieces(path: NDArray[np.int64], max_run: int) -> list[tuple[int, int]]:
    """Start and end (exclusive) of what is left of a path without its long straight runs; none is empty."""
    pieces = []
    reached = 0
    for start, stop in sorted(_straight_runs(path[:, 0], max_run) + _straight_runs(path[:, 1], max_run)):
        if start > reached:
            pieces.append((reached, start))
        # The corner between two runs belongs to both.
        reached = max(reached, stop)
    if reached < len(path):
        pieces.append((reached, len(path)))
    return pieces


def _straight_runs(frames: NDArray[np.int64], max_run: int) -> list[tuple[int, int]]:
    """Start and end (exclusive) of the stretches of more than `max_run` points that stay at one frame."""
    stays = np.concatenate(([False], np.diff(frames) == 0, [False]))
    turns = np.flatnonzero(stays[1:] != stays[:-1])
    # A stretch of n steps has n + 1 points.
    return [(start, stop + 1) for start, stop in turns.reshape(-1, 2).tolist() if stop + 1 - start > max_run]
