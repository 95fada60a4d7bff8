"""`ops.video_copy_detection.hough_voting`: copied stretches between two video matrices, by Hough voting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.alignment.aligners import check_ends
from reprise.alignment.hough_voting import find_diagonals


@register(name="video_copy_detection/hough_voting")
class HoughVoting:
    """Two matrices [frames, dim] to (boxes, scores): boxes `[q_start, r_start, q_end, r_end]` in frames.

    iou_thresh, min_sim, max_peaks   as VCSL's HV
    ends    "inclusive", as VCSL's: a box ends at its last frame. "half-open": it ends after its last frame

    A score is the sum of the similarities from min_sim on over the length of the diagonal.
    """

    def __init__(
        self,
        iou_thresh: float = 0.9,
        min_sim: float = 0.2,
        max_peaks: int = 100,
        *,
        ends: str = "inclusive",
    ) -> None:
        check_ends(ends)
        self._after = 1 if ends == "half-open" else 0
        self._max_iou = iou_thresh
        self._min_similarity = min_sim
        self._max_peaks = max_peaks

    def __call__(
        self, src_video_vec: NDArray[np.float32], dst_video_vec: NDArray[np.float32]
    ) -> tuple[list[list[int]], list[float]]:
        found = find_diagonals(
            src_video_vec @ dst_video_vec.T,
            max_iou=self._max_iou,
            min_similarity=self._min_similarity,
            max_peaks=self._max_peaks,
        )
        boxes = [[q, r, q_end + self._after, r_end + self._after] for q, r, q_end, r_end in (f.box for f in found)]
        return boxes, [f.score for f in found]
