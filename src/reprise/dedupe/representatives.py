"""The frames that stand for videos when all videos of a library are held against each other.

Of a run of frames that look alike only the first is taken, flat frames (black, white, the middle of a fade) never.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ALIKE = 0.9  # cosine with the frame last taken, from which a frame adds nothing
MOST = 16_000_000  # that are held, of all videos: 4 GB with 256 dimensions


class Representatives:
    """Representative frames of many videos, one byte a number, and the mean of all."""

    def __init__(self, frames: int) -> None:
        """`frames` is how many the videos have together; where memory is not meant for that many, fewer count."""
        self._step = max(1, -(-frames // MOST))
        self._codes: list[NDArray[np.int8]] = []
        self._lengths: list[int] = []
        self._sum: NDArray[np.float64] | None = None

    @property
    def is_thinned(self) -> bool:
        """Whether there are so many frames that only some of the representatives are taken."""
        return self._step > 1

    def add(self, matrix: Floats) -> None:
        """Takes in the next video: [frames, dim], rows L2-normalised or, of what must not count, 0."""
        chosen = representative_frames(matrix)[:: self._step]
        vectors = matrix[chosen]
        self._codes.append(np.round(vectors * (127 / _largest(vectors))).astype(np.int8))
        self._lengths.append(len(chosen))
        total = vectors.sum(axis=0, dtype=np.float64)
        self._sum = total if self._sum is None else self._sum + total

    def gathered(self) -> RepresentativeSet:
        """All that were taken; this object is of no use after."""
        count = sum(self._lengths)
        mean = np.zeros(1, np.float32) if self._sum is None else (self._sum / max(1, count)).astype(np.float32)
        codes = np.concatenate(self._codes) if self._codes else np.zeros((0, 1), np.int8)
        self._codes = []
        owners = np.repeat(np.arange(len(self._lengths), dtype=np.int32), self._lengths)
        return RepresentativeSet(codes, owners, np.array(self._lengths, np.int64), mean)


@dataclass(frozen=True, slots=True)
class RepresentativeSet:
    """Representative frames of many videos, video by video."""

    codes: NDArray[np.int8]  # [representatives, dim]
    owners: NDArray[np.int32]  # [representatives] which video each is of
    lengths: NDArray[np.int64]  # [videos] how many each has
    mean: Floats = field(repr=False)  # [dim]

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, indices: NDArray[np.int64]) -> Floats:
        """[n, dim] float32: these representatives less what all frames have in common, L2-normalised."""
        vectors = self.codes[indices].astype(np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        # Unrelated frames of one library lie on one side of the sphere: off their mean they spread into more cells.
        vectors -= self.mean
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


def representative_frames(matrix: Floats) -> NDArray[np.int64]:
    """Which frames of a video matrix [frames, dim] stand for it, rising; rows of 0 never do."""
    chosen: list[int] = []
    counts = np.any(matrix, axis=1)
    index = int(counts.argmax()) if counts.any() else len(matrix)
    # In blocks: one product for all frames up to the next one that differs.
    while index < len(matrix):
        chosen.append(index)
        reach = 32
        while True:
            after = np.arange(index + 1, min(index + 1 + reach, len(matrix)))
            differs = counts[after] & (matrix[after] @ matrix[index] < ALIKE)
            if differs.any() or after.size < reach:
                break
            reach *= 4
        index = int(after[differs.argmax()]) if differs.any() else len(matrix)
    return np.array(chosen, np.int64)


def _largest(vectors: Floats) -> Floats:
    return np.asarray(np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0), 1e-12), np.float32)
