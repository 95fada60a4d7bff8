"""What every aligner answers: stretches of the query frames joined to stretches of the reference frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]  # [query frames, reference frames]


@dataclass(frozen=True, slots=True)
class AlignedSegment:
    """One copied stretch; positions in frames, half-open, fractions where an aligner can tell them.

    Frame i stands for the time from i to i + 1.
    """

    query_start: float
    reference_start: float
    query_end: float  # exclusive
    reference_end: float  # exclusive
    score: float  # 0 to 1, higher is better
    speed: float  # reference frames a query frame, above 0
    backwards: bool = False  # the copy's first frame is the stretch's last in the reference

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Query start, reference start, query end, reference end."""
        return self.query_start, self.reference_start, self.query_end, self.reference_end


Align = Callable[[Map], list[AlignedSegment]]


def segment_of_box(box: tuple[int, int, int, int], score: float) -> AlignedSegment:
    """The segment of a box `(q_start, r_start, q_end, r_end)` whose ends are INCLUSIVE, as VCSL's are."""
    query_start, reference_start, query_end, reference_end = box
    return AlignedSegment(
        query_start=query_start,
        reference_start=reference_start,
        query_end=query_end + 1,
        reference_end=reference_end + 1,
        score=min(max(score, 0.0), 1.0),
        speed=(reference_end + 1 - reference_start) / (query_end + 1 - query_start),
    )
