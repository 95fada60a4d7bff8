"""The video-level embedding: what one vector says of a whole video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The mean of the same matrix is the same on every machine but for the last bits; a video of a day of which one
# frame is another is off by more.
SAME = 1e-6


def pooled(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """[dim]: the mean of the rows of `matrix` [frames, dim], L2-normalised."""
    mean = matrix.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def is_pooled(matrix: NDArray[np.float32], embedding: NDArray[np.float32]) -> bool:
    """Whether `embedding` [dim] is what `matrix` [frames, dim] was pooled to."""
    return (
        len(matrix) > 0
        and matrix.shape[1] == len(embedding)
        and bool(np.abs(pooled(matrix) - embedding).max() < SAME)
    )
