"""From the embeddings of frames to the one of their video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pooled(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The video-level embedding [dim]: the mean of the frames of `matrix` [frames, dim], L2-normalised."""
    mean = matrix.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)
