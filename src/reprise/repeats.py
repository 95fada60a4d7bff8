"""What comes again within one video: its similarity map with itself, without the diagonal that every video has.

Around the diagonal a map is bright as long as a shot lasts, which is no repeat. That band is darkened before the map
is aligned. What comes twice lies on both sides of the diagonal: it is told once, the earlier showing as the query's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.aligned import Align, AlignedSegment

Floats = NDArray[np.float32]

# The band reaches from the diagonal as far as frames are so much more alike than those of most of the map.
_ALIKE = 0.2
# But no further than where they are least alike before they become so much more alike again.
_RISE = 0.2
_HIGHEST_LEVEL = 0.35  # a map that is brighter than this all over is alike, not bright ground
_SAMPLED = 128
_SAME = 0.5  # of two boxes' areas, as intersection over union, from which they are one repeat told twice


def repeats(similarity: Floats, align: Align, *, min_apart: int = 2) -> list[AlignedSegment]:
    """The stretches of a video that come in it again, best first: each once, its earlier showing as the query's.

    similarity: [frames, frames] float32 of a video's frames with each other; darkened around the diagonal in place,
    at least `min_apart` frames to either side.
    """
    darken_diagonal(similarity, min_apart)
    found = [_earlier_first(segment) for segment in align(similarity)]
    kept: list[AlignedSegment] = []
    for segment in sorted(found, key=lambda segment: -segment.score):
        if _apart(segment) >= min_apart and not any(_overlap(segment, other) > _SAME for other in kept):
            kept.append(segment)
    return kept


def darken_diagonal(similarity: Floats, min_apart: int) -> None:
    """Puts the map's usual level in place of the cells around the diagonal that only show how long a shot lasts."""
    count = len(similarity)
    level = _level(similarity)
    is_blank = ~np.any(similarity, axis=0)  # such frames come amid shots, and end none
    ranges = [
        (
            i - _reach(similarity[i, i::-1], is_blank[i::-1], level + _ALIKE, min_apart),
            i + _reach(similarity[i, i:], is_blank[i:], level + _ALIKE, min_apart) + 1,
        )
        for i in range(count)
    ]
    for i, (start, end) in enumerate(ranges):
        # By row and by column, so that the band is the same on both sides.
        similarity[i, start:end] = level
        similarity[start:end, i] = level


def _level(similarity: Floats) -> float:
    step = max(1, len(similarity) // _SAMPLED)
    return min(float(np.median(similarity[::step, ::step])), _HIGHEST_LEVEL)


def _reach(outwards: Floats, is_blank: NDArray[np.bool_], limit: float, least: int) -> int:
    """How many cells from the diagonal, the first of `outwards`, the band ends."""
    seen = np.where(is_blank, np.inf, outwards)
    dark = np.flatnonzero(seen <= limit)
    seen = seen[: int(dark[0]) + 1 if len(dark) else None]
    lowest = np.minimum.accumulate(seen)
    with np.errstate(invalid="ignore"):  # where all so far is blank
        rises = np.flatnonzero((seen - lowest >= _RISE) & np.isfinite(seen))
    if len(rises):
        seen = seen[: int(np.argmin(seen[: rises[0]])) + 1]
    return min(max(len(seen) - 1, least), len(outwards) - 1)


def _earlier_first(segment: AlignedSegment) -> AlignedSegment:
    query_start, reference_start, query_end, reference_end = segment.box
    if query_start + query_end > reference_start + reference_end:
        segment = replace(
            segment,
            query_start=reference_start,
            reference_start=query_start,
            query_end=reference_end,
            reference_end=query_end,
            speed=1 / segment.speed,
        )
    if segment.backwards and segment.query_end > segment.reference_start:
        # It runs through its own middle, from where it only comes back.
        middle = (segment.query_start + segment.reference_end) / 2
        segment = replace(segment, query_end=middle, reference_start=middle)
    return segment


def _apart(segment: AlignedSegment) -> float:
    """How many frames the two showings are apart where they are nearest to each other in time."""
    if segment.backwards:
        return segment.reference_end - segment.query_start
    return min(segment.reference_start - segment.query_start, segment.reference_end - segment.query_end)


def _overlap(one: AlignedSegment, other: AlignedSegment) -> float:
    """Intersection over union of the two boxes."""
    height = min(one.query_end, other.query_end) - max(one.query_start, other.query_start)
    width = min(one.reference_end, other.reference_end) - max(one.reference_start, other.reference_start)
    shared = max(0.0, height) * max(0.0, width)
    return shared / max(_area(one) + _area(other) - shared, 1e-9)


def _area(segment: AlignedSegment) -> float:
    return (segment.query_end - segment.query_start) * (segment.reference_end - segment.reference_start)
