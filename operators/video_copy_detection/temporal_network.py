"""`ops.video_copy_detection.temporal_network`: copied stretches between two video matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.alignment.aligners import check_ends
from reprise.alignment.temporal_network import find_paths


@register(name="video_copy_detection/temporal_network")
class TemporalNetwork:
    """Two matrices [frames, dim] to (boxes, scores): boxes `[q_start, r_start, q_end, r_end]` in frames.

    tn_max_step, tn_top_k, max_path, min_sim, min_length, max_iou   as Towhee's Hub operator
    ends    "inclusive", as the Hub's: a box ends at its last frame. "half-open": it ends after its last frame

    A score is the sum of similarities over the mean span, as the Hub's; it can exceed 1.
    """

    def __init__(
        self,
        tn_max_step: int = 10,
        tn_top_k: int = 5,
        max_path: int = 10,
        min_sim: float = 0.2,
        min_length: int = 5,
        max_iou: float = 0.3,
        *,
        ends: str = "inclusive",
    ) -> None:
        check_ends(ends)
        self._after = 1 if ends == "half-open" else 0
        self._max_step = tn_max_step
        self._top_k = tn_top_k
        self._max_path = max_path
        self._min_similarity = min_sim
        self._min_length = min_length
        self._max_iou = max_iou

    def __call__(
        self, src_video_vec: NDArray[np.float32], dst_video_vec: NDArray[np.float32]
    ) -> tuple[list[list[int]], list[float]]:
        paths = find_paths(
            src_video_vec @ dst_video_vec.T,
            top_k=self._top_k,
            max_step=self._max_step,
            max_path=self._max_path,
            min_similarity=self._min_similarity,
            min_length=self._min_length,
            max_iou=self._max_iou,
        )
        boxes = [
            [p.query_start, p.reference_start, p.query_end + self._after, p.reference_end + self._after]
            for p in paths
        ]
        return boxes, [path.score for path in paths]
