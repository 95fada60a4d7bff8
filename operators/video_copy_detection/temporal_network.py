"""`ops.video_copy_detection.temporal_network`: copied stretches between two video matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.alignment.temporal_network import AlignedPath, find_paths, tightened
from reprise.errors import SettingsError
from reprise.views import best_of_views

Boxes = list[list[int]]
Scores = list[float]
ENDS = ("inclusive", "half-open")


@register(name="video_copy_detection/temporal_network")
class TemporalNetwork:
    """Two matrices [frames, dim] to (boxes, scores): boxes `[q_start, r_start, q_end, r_end]` in frames.

    tn_max_step, tn_top_k, max_path, min_sim, min_length, max_iou   as Towhee's Hub operator
    ends        "inclusive", as the Hub's: a box ends at its last frame, and a score is the sum of similarities
                over the mean span. "half-open", as everywhere else in Reprise: a box ends after its last frame,
                its ends are drawn in to where the copy is, and a score is the mean similarity of the path's
                frame pairs
    min_score   segments whose mean similarity is below are dropped; None for the Hub's behaviour
    min_excess  segments are dropped whose frame pairs' similarities exceed min_sim by less than this in sum: a
                short one must be clearer than a long one to be believed; None for the Hub's behaviour

    The reference may also be a list of matrices (None where one is missing): then a list of (boxes, scores).
    `frame_of` [rows], not falling, says which frame each row of the query is of, where some frames have several
    (see reprise.views); the best row of a frame counts.
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
        min_score: float | None = None,
        min_excess: float | None = None,
    ) -> None:
        if ends not in ENDS:
            raise SettingsError(f"ends must be one of {', '.join(ENDS)}, not {ends!r}")
        self._half_open = ends == "half-open"
        self._min_score = min_score
        self._min_excess = min_excess
        self._max_step = tn_max_step
        self._top_k = tn_top_k
        self._max_path = max_path
        self._min_similarity = min_sim
        self._min_length = min_length
        self._max_iou = max_iou

    def __call__(
        self,
        src_video_vec: NDArray[np.float32],
        dst_video_vec: NDArray[np.float32] | Sequence[NDArray[np.float32] | None],
        frame_of: NDArray[np.int64] | None = None,
    ) -> tuple[Boxes, Scores] | list[tuple[Boxes, Scores]]:
        if isinstance(dst_video_vec, np.ndarray):
            return self._align(src_video_vec, dst_video_vec, frame_of)
        return [([], []) if one is None else self._align(src_video_vec, one, frame_of) for one in dst_video_vec]

    def _align(
        self, query: NDArray[np.float32], reference: NDArray[np.float32], frame_of: NDArray[np.int64] | None
    ) -> tuple[Boxes, Scores]:
        similarity = query @ reference.T
        if frame_of is not None:
            similarity = best_of_views(similarity, frame_of)
        paths = find_paths(
            similarity,
            top_k=self._top_k,
            max_step=self._max_step,
            max_path=self._max_path,
            min_similarity=self._min_similarity,
            min_length=self._min_length,
            max_iou=self._max_iou,
        )
        if self._half_open:
            trimmed = [tightened(path, similarity, self._min_similarity) for path in paths]
            paths = [path for path in trimmed if path is not None]
        kept = [path for path in paths if self._is_credible(path)]
        if self._half_open:
            kept = _without_inner(kept)
        return [self._box(p) for p in kept], [self._score(p) for p in kept]

    def _is_credible(self, path: AlignedPath) -> bool:
        spans = path.query_end - path.query_start, path.reference_end - path.reference_start
        if min(spans) <= self._min_length:
            return False
        if self._min_score is not None and path.mean_similarity < self._min_score:
            return False
        excess = path.similarity_sum - self._min_similarity * len(path.nodes)
        return self._min_excess is None or excess >= self._min_excess

    def _box(self, path: AlignedPath) -> list[int]:
        after = 1 if self._half_open else 0
        return [
            path.query_start,
            path.reference_start,
            path.query_end + after,
            path.reference_end + after,
        ]

    def _score(self, path: AlignedPath) -> float:
        return path.mean_similarity if self._half_open else path.score


def _without_inner(paths: list[AlignedPath]) -> list[AlignedPath]:
    """The paths but for those that lie in the box of a stronger one: its own detour, not another copy."""
    kept: list[AlignedPath] = []
    for path in sorted(paths, key=lambda path: -path.similarity_sum):
        if not any(_is_inside(path, other) for other in kept):
            kept.append(path)
    return kept


def _is_inside(path: AlignedPath, other: AlignedPath) -> bool:
    return (
        other.query_start <= path.query_start
        and path.query_end <= other.query_end
        and other.reference_start <= path.reference_start
        and path.reference_end <= other.reference_end
    )
