"""Boxes in a similarity map, as VCSL's aligners give them: corners in frames, both ends inclusive."""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[int, int, int, int]  # query start, reference start, query end, reference end


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """One copied stretch as the box around it; the last frame of either video belongs to it."""

    box: Box
    score: float  # an aligner's own, higher is better


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, counted in cells of the map; 0 to 1."""
    height = min(one[2], other[2]) - max(one[0], other[0]) + 1
    width = min(one[3], other[3]) - max(one[1], other[1]) + 1
    if height <= 0 or width <= 0:
        return 0.0
    return height * width / (_area(one) + _area(other) - height * width)


def _area(box: Box) -> int:
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)
