"""Whether two videos show the same, second by second, as far as their embeddings tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.checking.embedding import CheckedVideo

Floats = NDArray[np.float32]

# Measured by benchmarks/check.py, and told in docs/check.md.
LEAST_POOLED = 0.996  # cosine of the videos' mean vectors: an overlay or a tone moves all frames the same way
LEAST_MEAN = 0.995  # mean cosine of the frames
LEAST_STRETCH = 0.95  # in every stretch: one odd frame may be a cut that fell otherwise, a stretch is another scene
STRETCH_S = 3.0
SURE_AT_LEAST = 0.8
MOST_APART_S = 1.0  # of the two durations
MOST_SHIFT = 1  # frames that one may begin before the other


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two videos are as wholes; cosines."""

    pooled: float
    mean: float
    stretch: float  # the least, over stretches of `STRETCH_S`, of the median frame

    @property
    def is_same(self) -> bool:
        """Whether they show the same."""
        return self.pooled >= LEAST_POOLED and self.mean >= LEAST_MEAN and self.stretch >= LEAST_STRETCH

    @property
    def sureness(self) -> float:
        """`SURE_AT_LEAST` where they are only just the same, 1 where they are equal."""
        return float(np.clip(1 - (1 - SURE_AT_LEAST) * (1 - self.mean) / (1 - LEAST_MEAN), 0, 1))


def likeness(checked: CheckedVideo, reference: Floats, fps: float) -> Likeness:
    """Of the checked video and a reference's matrix [frames, dim], at the shift by up to a frame that suits best."""
    video = checked.video
    live = np.zeros(len(video.matrix), bool)
    live[checked.query.frame_of[np.any(checked.query.views, axis=1)]] = True
    best = max(
        (_cosines(video.matrix, reference, live, shift) for shift in range(-MOST_SHIFT, MOST_SHIFT + 1)),
        key=lambda cosines: float(cosines.mean()) if len(cosines) else -1.0,
    )
    if not len(best):
        return Likeness(0.0, 0.0, 0.0)
    mean = reference.mean(axis=0)
    pooled = float(video.pooled @ mean / max(float(np.linalg.norm(mean)), 1e-12))
    frames = min(len(best), max(1, round(STRETCH_S * fps)))
    stretches = np.median(np.lib.stride_tricks.sliding_window_view(best, frames), axis=1)
    return Likeness(pooled, float(best.mean()), float(stretches.min()))


def _cosines(matrix: Floats, reference: Floats, live: NDArray[np.bool_], shift: int) -> Floats:
    """Of frame i of the video and frame i + shift of the reference, for every i for which there are both."""
    first, last = max(0, -shift), min(len(matrix), len(reference) - shift)
    if last <= first:
        return np.zeros(0, np.float32)
    cosines = np.einsum("fd,fd->f", matrix[first:last], reference[first + shift : last + shift])
    # A library may keep no vector for flat frames: two such frames are the same.
    blank = ~np.any(reference[first + shift : last + shift], axis=1) & ~live[first:last]
    return np.asarray(np.where(blank, 1, cosines), np.float32)
