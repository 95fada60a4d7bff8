"""`ops.image_embedding.reprise`: the built-in copy descriptor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.descriptor import shared_descriptor
from reprise.views import embed_views

Frames = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


@register(name="image_embedding/reprise")
class Reprise:
    """One RGB frame [height, width, 3] uint8 to [256] float32, or a batch of frames to [frames, 256].

    A batch is a list of frames or an array [frames, height, width, 3]; frames may differ in size. Rows are
    L2-normalised. `device` is "auto", "cpu" or "cuda"; `threads` the number of CPU threads of the network.

    With `max_regions` above 0 a batch is consecutive frames of a query, of one size, and gives a list with an
    array [2 to 1 + max_regions, 256] for each frame: the frame, then what is set into it, or, with nothing
    set into it, the frame widened (see reprise.views).
    """

    def __init__(self, device: str = "auto", threads: int = 1, *, max_regions: int = 0) -> None:
        self._describe = shared_descriptor(device, threads)
        self._max_regions = max_regions

    def __call__(self, frames: Frames) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        if self._max_regions:
            return embed_views([np.asarray(frame) for frame in frames], self._describe, self._max_regions)
        if isinstance(frames, np.ndarray) and frames.ndim == 3:
            embedding: NDArray[np.float32] = self._describe([np.asarray(frames)])[0]
            return embedding
        return self._describe([np.asarray(frame) for frame in frames])
