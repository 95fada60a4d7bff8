"""The part of a query that is looked at, where its start or end is to be skipped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reprise.segment import Segment
from reprise.settings import QuerySettings

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_s` to `end_s`, half-open, in seconds from the query's beginning."""

    start_s: float
    end_s: float

    @classmethod
    def of(cls, settings: QuerySettings, duration_s: float) -> Span | None:
        """What the settings leave of a query of this length; None where they skip nothing."""
        if not settings.skips:
            return None
        end_s = duration_s - settings.skip_end_s if settings.skip_end_s else math.inf
        return cls(settings.skip_start_s, end_s)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self.start_s >= self.end_s

    def silenced_views(self, views: Floats, frame_of: NDArray[np.int64], fps: float) -> Floats:
        """The views [views, dim] with 0 in place of those of frames outside the span, as nothing is like those."""
        times_s = frame_of / fps
        inside = (times_s >= self.start_s) & (times_s < self.end_s)
        return np.where(inside[:, None], views, np.float32(0))

    def clipped(self, segments: Sequence[Segment]) -> list[Segment]:
        """The segments as far as they lie in the span, those outside it left out: their ends lie between frames, and
        may have been sought beyond it.
        """
        return [
            _cut(segment, self)
            for segment in segments
            if segment.query_start_s < self.end_s and segment.query_end_s > self.start_s
        ]


def _cut(segment: Segment, span: Span) -> Segment:
    before_s = max(0.0, span.start_s - segment.query_start_s) * segment.speed
    after_s = max(0.0, segment.query_end_s - span.end_s) * segment.speed
    if segment.backwards:
        before_s, after_s = after_s, before_s
    start_s = min(segment.reference_start_s + before_s, segment.reference_end_s)
    return replace(
        segment,
        query_start_s=max(segment.query_start_s, span.start_s),
        query_end_s=min(segment.query_end_s, span.end_s),
        reference_start_s=start_s,
        reference_end_s=max(segment.reference_end_s - after_s, start_s),
    )
