"""`ops.towhee.np_normalize`: vectors to unit length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from towhee import register


@register(name="towhee/np_normalize")
class NpNormalize:
    """A vector [dim], or a batch [rows, dim], with each row L2-normalised; float32.

    `axis` is the axis of a vector's numbers, the last by default. A row of zeros stays zeros.
    """

    def __init__(self, axis: int = -1) -> None:
        self._axis = axis

    def __call__(self, vectors: ArrayLike) -> NDArray[np.float32]:
        array = np.asarray(vectors, dtype=np.float32)
        lengths = np.linalg.norm(array, axis=self._axis, keepdims=True)
        return np.asarray(array / np.where(lengths > 0, lengths, 1), dtype=np.float32)
