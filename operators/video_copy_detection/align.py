"""`ops.video_copy_detection.align`: copied stretches between video matrices, by any aligner."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from towhee import register

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.aligners import ALIGNERS, matrix_aligner, parameters_of

# Of the largest map, from which threads are faster (benchmarks/candidates_speed.py): on smaller ones Python holds its
# lock most of the time.
CELLS_FOR_A_THREAD = 1_000_000


@register(name="video_copy_detection/align")
class Align:
    """Two matrices [frames, dim] to a list of AlignedSegment.

    aligner     one of reprise.alignment.aligners.ALIGNERS, with its `parameters`
    min_score   segments of a lower score are dropped

    The reference may also be a list of matrices (None where one is missing): then a list of lists.
    `frame_of` [rows], not falling, says which frame each row of the query is of, where some frames have several
    (see reprise.views); the best row of a frame counts. Reference rows that are 0 are not looked at.
    """

    def __init__(self, aligner: str, min_score: float = 0.0, **parameters: Any) -> None:
        if aligner in ALIGNERS and "min_score" in parameters_of(aligner):
            parameters["min_score"] = min_score
        self._align = matrix_aligner(aligner, **parameters)
        self._min_score = min_score

    def __call__(
        self,
        query: NDArray[np.float32],
        references: NDArray[np.float32] | Sequence[NDArray[np.float32] | None],
        frame_of: NDArray[np.int64] | None = None,
    ) -> list[AlignedSegment] | list[list[AlignedSegment]]:
        if isinstance(references, np.ndarray):
            return self._aligned(query, references, frame_of)

        def align(one: NDArray[np.float32] | None) -> list[AlignedSegment]:
            return [] if one is None else self._aligned(query, one, frame_of)

        largest = len(query) * max((len(one) for one in references if one is not None), default=0)
        if largest < CELLS_FOR_A_THREAD:
            return [align(one) for one in references]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(align, references))

    def _aligned(
        self, query: NDArray[np.float32], reference: NDArray[np.float32], frame_of: NDArray[np.int64] | None
    ) -> list[AlignedSegment]:
        # Where a reference begins or ends with frames that are not to be looked at (see reprise.ignoring), what lies
        # between is aligned as if there were nothing else.
        heard = np.flatnonzero(np.any(reference, axis=1))
        if not len(heard):
            return []
        first, end = int(heard[0]), int(heard[-1]) + 1
        found = self._align(query, reference[first:end], frame_of)
        return [_later(segment, first) for segment in found if segment.score >= self._min_score]


def _later(segment: AlignedSegment, frames: int) -> AlignedSegment:
    """The segment, so many frames later in the reference."""
    start, end = segment.reference_start + frames, segment.reference_end + frames
    return replace(segment, reference_start=start, reference_end=end) if frames else segment
