"""From the similarity of single frames to clips: smoothing over time, and hits that lie together as one clip."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_STEP_S = 1.0  # between two hits of one clip; a whole step between frames where these lie further apart


@dataclass(frozen=True, slots=True)
class Scores:
    """How alike a query and the frames of one video are, frame by frame: cosines, from -1 to 1."""

    plain: NDArray[np.float32]  # [frames]: each frame by itself
    smooth: NDArray[np.float32]  # [frames]: each frame with its neighbours


@dataclass(frozen=True, slots=True)
class Clip:
    """Hits of one video that follow each other; all numbers are indices."""

    video: int
    first_frame: int
    last_frame: int  # the last hit: the clip ends where it leaves the screen
    best_frame: int  # the hit that is by itself most like the query
    score: float  # of the best hit with its neighbours, cosine


def smoothed(matrix: NDArray[np.float32], kernel: int) -> NDArray[np.float32]:
    """The moving average of a video's embeddings over `kernel` frames, L2-normalised again.

    matrix: [frames, dim] float32, in time order. kernel: odd, at least 1; 1 changes nothing. A window that would
    reach over either end of the video is as short as what there is. Returns [frames, dim] float32; a frame whose
    window cancels out is 0.
    """
    if kernel == 1 or not len(matrix):
        return np.asarray(matrix, dtype=np.float32)
    reach = kernel // 2
    frames = np.arange(len(matrix))
    # float64: the sums of hours of frames lose the last digits otherwise.
    sums = np.concatenate([np.zeros((1, matrix.shape[1])), np.cumsum(matrix, axis=0, dtype=np.float64)])
    windows = sums[np.minimum(frames + reach + 1, len(matrix))] - sums[np.maximum(frames - reach, 0)]
    lengths = np.linalg.norm(windows, axis=1, keepdims=True)
    is_something = lengths > 1e-9
    return np.asarray(np.where(is_something, windows, 0) / np.where(is_something, lengths, 1), dtype=np.float32)


def scored(vector: NDArray[np.float32], matrices: Sequence[NDArray[np.float32] | None], kernel: int) -> list[Scores]:
    """The scores of each video's frames against the query `vector` [dim], L2-normalised.

    matrices: [frames, dim] each, rows L2-normalised; None, for a video that has just been removed, gives no scores.
    """
    return [_scores(vector, np.zeros((0, len(vector)), np.float32) if m is None else m, kernel) for m in matrices]


def _scores(vector: NDArray[np.float32], matrix: NDArray[np.float32], kernel: int) -> Scores:
    plain = np.asarray(matrix @ vector, dtype=np.float32)
    return Scores(plain, plain if kernel == 1 else np.asarray(smoothed(matrix, kernel) @ vector, dtype=np.float32))


def best_clips(scores: Sequence[Scores], *, hits: int, fps: float) -> list[Clip]:
    """The clips that the `hits` best frames of all videos form, best first; of equal ones the earlier first.

    scores: of each video; a clip's `video` is the index there. The frames are the best ones by their smooth score,
    and those of a video within LONGEST_STEP_S of each other, or next to each other, are one clip.
    """
    smooth = np.concatenate([s.smooth for s in scores]) if scores else np.zeros(0, np.float32)
    video_of = np.repeat(np.arange(len(scores)), [len(s.smooth) for s in scores])
    frame_of = np.concatenate([np.arange(len(s.smooth)) for s in scores]) if scores else np.zeros(0, np.int64)
    # Stable, so that ties between repeated frames always fall the same way.
    chosen = np.sort(np.argsort(-smooth, kind="stable")[:hits])
    found = []
    for video in np.unique(video_of[chosen]):
        frames = frame_of[chosen[video_of[chosen] == video]]
        for start, end in clusters(frames / fps, max(LONGEST_STEP_S, 1 / fps)):
            found.append(_clip(int(video), frames[start:end], scores[video]))
    return sorted(found, key=lambda clip: (-clip.score, clip.video, clip.first_frame))


def clusters(times_s: NDArray[np.float64], longest_step_s: float) -> list[tuple[int, int]]:
    """Ascending times as runs with no longer step than `longest_step_s`: index ranges [start, end), in order."""
    if not len(times_s):
        return []
    # A tolerance: 0.3 - 0.2 is more than 0.1.
    breaks = np.flatnonzero(np.diff(times_s) > longest_step_s + 1e-6) + 1
    edges = [0, *breaks.tolist(), len(times_s)]
    return list(itertools.pairwise(edges))


def _clip(video: int, frames: NDArray[np.int64], scores: Scores) -> Clip:
    return Clip(
        video=video,
        first_frame=int(frames[0]),
        last_frame=int(frames[-1]),
        # Smoothing spreads a single frame over its neighbours; by itself it is still the one that was asked for.
        best_frame=int(frames[np.argmax(scores.plain[frames])]),
        score=float(scores.smooth[frames].max()),
    )
