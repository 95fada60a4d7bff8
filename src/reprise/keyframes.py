"""Key frames by the change of colour from frame to frame, and the one vector of a video that they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = 8  # of each channel in a histogram: 512 colours, so that noise and small motion change little
THRESHOLD = 0.3
MIN_FRAMES = 5


def colour_histogram(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The shares of the frame's pixels by colour: [512] float64 that sum to 1.

    frame: [height, width, 3] uint8 RGB. Each channel has 8 levels of equal width; red is the slowest index.
    """
    levels = frame.reshape(-1, 3).astype(np.int64) * LEVELS // 256
    colours = (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
    return np.bincount(colours, minlength=LEVELS**3) / max(1, len(colours))


def bhattacharyya_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How far two histograms that each sum to 1 are apart: 0 for equal ones, 1 for ones with no colour in common.

    sqrt(1 - sum(sqrt(one * other))): the form that OpenCV's HISTCMP_BHATTACHARYYA has (elsewhere named Hellinger's).
    """
    return float(np.sqrt(max(0.0, 1.0 - float(np.sqrt(one * other).sum()))))


def key_frames(
    histograms: Sequence[NDArray[np.float64]], *, threshold: float = THRESHOLD, min_frames: int = MIN_FRAMES
) -> list[int]:
    """Which frames stand for a video, rising: the first, and each whose colours are far from the frame's before it.

    histograms: one a frame, in time order, as of `colour_histogram`. Far is a Bhattacharyya distance above
    `threshold`. Where that gives fewer than `min_frames`, as many frames evenly spaced from the first to the last are
    taken as well; all frames of a video that has fewer. Empty for no frames.
    """
    count = len(histograms)
    if not count:
        return []
    changes = [i for i in range(1, count) if bhattacharyya_distance(histograms[i - 1], histograms[i]) > threshold]
    chosen = {0, *changes}
    if len(chosen) < min_frames:
        chosen |= {round(place) for place in np.linspace(0, count - 1, min(min_frames, count)).tolist()}
    return sorted(chosen)


def max_pooled(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest of each number over a video's frames, L2-normalised: [dim] float32.

    embeddings: [frames, dim], at least one frame. What is 0 everywhere stays so.
    """
    largest = embeddings.max(axis=0)
    return np.asarray(largest / max(float(np.linalg.norm(largest)), 1e-12), dtype=np.float32)
