"""How alike videos are, pair by pair; and which pairs are worth a look, by the nearest of all frames.

The walk-through this follows: a vector a frame, the map of two videos' frames, one number of the map, all pairs; and
for many videos first candidates, by nearest neighbours among all frames, then their order by that number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.chamfer import frame_similarity, matrix_similarity, video_similarity

Floats = NDArray[np.float32]

# Similarities of frames that are held at a time in the search for candidates: 64 MiB of float32.
CELLS_AT_A_TIME = 1 << 24


class Comparison(Protocol):
    """A way to tell how alike two videos are."""

    @property
    def is_symmetric(self) -> bool:
        """Whether A against B is as alike as B against A."""
        ...

    def frame_similarity(self, query: Floats, reference: Floats) -> Floats:
        """[Q, R] float32 for the vectors of the two videos' frames."""
        ...

    def score(self, similarity: Floats) -> float:
        """How alike the two videos of such a map, with at least one cell, are."""
        ...


class PlainComparison:
    """Symmetric chamfer similarity of frames, by their one vector or by those of their regions: from -1 to 1.

    Of a video's frames the mean similarity with the most similar frame of the other video, both ways averaged.
    """

    is_symmetric = True

    def frame_similarity(self, query: Floats, reference: Floats) -> Floats:
        """[Q, R] float32 for matrices [frames, dim], or [frames, regions, dim]."""
        if query.ndim == 3:
            return frame_similarity(query, reference, symmetric=True)
        return np.asarray(query @ reference.T)

    def score(self, similarity: Floats) -> float:
        """How alike the two videos of such a map are."""
        return video_similarity(similarity, symmetric=True)


def similarity_of(query: Floats, reference: Floats, comparison: Comparison) -> float:
    """How alike two videos are, by `comparison`; each at least one frame.

    Blank frames, whose vectors are 0, do not count; a video of nothing else is like none: 0.
    """
    if query.ndim == 2 and isinstance(comparison, PlainComparison):
        query, reference = query[np.any(query, axis=1)], reference[np.any(reference, axis=1)]
        if not (len(query) and len(reference)):
            return 0.0
        return matrix_similarity(query, reference)  # which need not hold the map
    return comparison.score(comparison.frame_similarity(query, reference))


def pairs_of(
    count: int, candidates: Sequence[Sequence[Candidate]] | None, *, symmetric: bool
) -> list[tuple[int, int]]:
    """The pairs (query, reference) that are compared: all of `count` videos, or each video with its candidates.

    Symmetric ones once, with the smaller number first. All are count² pairs, symmetric ones count (count + 1) / 2,
    each video with itself among them; with at most N candidates a video they are at most N times `count`.
    """
    if candidates is None:
        every = ((i, j) for i in range(count) for j in range(count))
    else:
        every = ((i, found.video) for i, row in enumerate(candidates) for found in row)
    return sorted({(min(pair), max(pair)) if symmetric else pair for pair in every})


def similarity_table(
    videos: Sequence[Floats],
    comparison: Comparison,
    pairs: Sequence[tuple[int, int]],
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """[videos, videos] float32: row as query, column as reference; NaN for a pair that is not in `pairs`.

    Where the comparison is symmetric each pair fills both its cells. `progress` hears of pairs done and of all.
    """
    table = np.full((len(videos), len(videos)), np.nan, np.float32)
    for done, (i, j) in enumerate(pairs, start=1):
        table[i, j] = similarity_of(videos[i], videos[j], comparison)
        if comparison.is_symmetric:
            table[j, i] = table[i, j]
        if progress is not None:
            progress(done, len(pairs))
    return table


@dataclass(frozen=True, slots=True)
class Candidate:
    """A video that holds frames near to those of another."""

    video: int
    near_frames: int  # frames of the other video that have one within the distance in this


def frame_vectors(video: Floats) -> Floats:
    """[frames, dim] float32, rows L2-normalised, of a video's vectors: those of a frame's regions are averaged."""
    frames = np.stack([np.asarray(frame).mean(axis=0) for frame in video]) if video.ndim == 3 else np.asarray(video)
    return np.asarray(frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-12), np.float32)


def candidates_by_frames(
    videos: Sequence[Floats], *, top: int, max_distance: float, cells_at_a_time: int = CELLS_AT_A_TIME
) -> list[list[Candidate]]:
    """For each video up to `top` others that hold the most frames near to its own, most first.

    videos: each [frames, dim], rows L2-normalised, at least one row. A frame is near to a video if the nearest of
    the video's frames is within `max_distance` (Euclidean, 0 to 2: cosine similarity 1 - distance² / 2). Among videos
    with equally many near frames those with the nearer ones come first, then those given first.
    """
    if not videos:
        return []
    frames = np.concatenate(videos)
    lengths = [len(video) for video in videos]
    starts = np.cumsum([0, *lengths[:-1]])
    limit = 1 - max_distance**2 / 2
    return [
        _ranked(nearest, i, top, limit)
        for i, nearest in enumerate(_nearest_by_video(videos, frames, starts, cells_at_a_time))
    ]


def _nearest_by_video(
    videos: Sequence[Floats], frames: Floats, starts: NDArray[np.int64], cells_at_a_time: int
) -> Iterator[Floats]:
    """For each video [frames, videos]: the similarity of each of its frames with the nearest frame of each video."""
    rows = max(1, cells_at_a_time // len(frames))
    for video in videos:
        yield np.concatenate(
            [
                np.maximum.reduceat(video[top : top + rows] @ frames.T, starts, axis=1)
                for top in range(0, len(video), rows)
            ]
        )


def _ranked(nearest: Floats, own: int, top: int, limit: float) -> list[Candidate]:
    # Rounding must not cost a frame that is exactly at the distance, 0 above all.
    near = nearest >= limit - 1e-6
    near[:, own] = False
    counts, closeness = near.sum(axis=0), np.where(near, nearest, 0).sum(axis=0)
    order = np.lexsort((np.arange(len(counts)), -closeness, -counts))[:top]
    return [Candidate(int(video), int(counts[video])) for video in order if counts[video]]
