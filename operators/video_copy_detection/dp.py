"""`ops.video_copy_detection.dp`: copied stretches between two video matrices, by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.alignment.aligners import check_ends
from reprise.alignment.dynamic_programming import find_local_paths


@register(name="video_copy_detection/dp")
class DynamicProgramming:
    """Two matrices [frames, dim] to (boxes, scores): boxes `[q_start, r_start, q_end, r_end]` in frames.

    discontinue, min_sim, ave_sim, min_length, diagonal_thres   as VCSL's DP; min_sim, ave_sim are of similarity + 1
    ends    "inclusive", as VCSL's: a box ends at its last frame. "half-open": it ends after its last frame

    A score is the mean similarity along the path.
    """

    def __init__(
        self,
        discontinue: int = 3,
        min_sim: float = 1.0,
        ave_sim: float = 1.3,
        min_length: int = 5,
        diagonal_thres: int = 30,
        *,
        ends: str = "inclusive",
    ) -> None:
        check_ends(ends)
        self._after = 1 if ends == "half-open" else 0
        self._max_unmatched = discontinue
        self._min_similarity = min_sim - 1
        self._min_mean_similarity = ave_sim - 1
        self._min_length = min_length
        self._max_run = diagonal_thres

    def __call__(
        self, src_video_vec: NDArray[np.float32], dst_video_vec: NDArray[np.float32]
    ) -> tuple[list[list[int]], list[float]]:
        found = find_local_paths(
            src_video_vec @ dst_video_vec.T,
            max_unmatched=self._max_unmatched,
            min_similarity=self._min_similarity,
            min_mean_similarity=self._min_mean_similarity,
            min_length=self._min_length,
            max_run=self._max_run,
        )
        boxes = [[q, r, q_end + self._after, r_end + self._after] for q, r, q_end, r_end in (f.box for f in found)]
        return boxes, [f.score for f in found]
