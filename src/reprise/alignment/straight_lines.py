"""Straight lines: copied stretches as the lines of a similarity map, at any speed, in both directions.

A copy runs through its source at one speed, so on the map it is a straight line. The steps: every cell's excess over
the background of its row and column (`excess`); short lines of several speeds through the best cells of every row
(`line_seeds`: a Hough transform in small windows, after Douze et al., "An image-based approach to video copy
detection with spatio-temporal post-filtering", IEEE Transactions on Multimedia 2010, who vote for offsets at one
speed); from each of them the best line with the best ends (`line_fit`: maximum-sum subarray); and for each line the
odds that it is a copy (`line_evidence`), which are its score. Like the Temporal Network, it starts from the best
matches of every frame; unlike it, it needs no threshold of similarity and joins nothing that is off the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.excess import OUTSIDE, Excess, Floats, Positions, excess_of_map, excess_of_matrices
from reprise.alignment.line import Line
from reprise.alignment.line_evidence import evidence, odds
from reprise.alignment.line_fit import at_usual_speed, fit, joined, prolonged
from reprise.alignment.line_seeds import find_seeds

HITS_PER_ROW = 5
_MOST_FITS = 32
_LINES_IN_A_BLOCK = 2
_MIN_WEIGHT = 0.4
_MIN_LEVEL = 0.12
_NEAR_COLUMNS = 2.5  # seeds that are this near to a line need no line of their own
_SHARED = 0.2  # share of the smaller box from which two boxes are in each other's way
_DARK_SHARE = 0.5  # of the rows between two lines over the same frames, if both are copies
_SETTLED = 6  # a line that weighs so many times what its seed does is what there is to find
# Over the query frames of a longer line, a short one that is clearly fainter is something that looks similar.
_SHORT_SHARE, _AS_ALIKE = 0.6, 0.8  # of the longer one's frames, of its level
_BETWEEN = np.linspace(0, 1, 9)[1:-1]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that may be a copy."""

    line: Line
    evidence: Floats  # see line_evidence.NAMES


def find_segments(similarity: ArrayLike, *, min_score: float = 0.5, min_length: float = 3.0) -> list[AlignedSegment]:
    """The copied stretches of a similarity map, most likely first.

    similarity: [query frames, reference frames], real and finite, of any number type and memory order; it is read as
        float32 and not modified.
    min_score: segments that are less likely to be copies are left out; 0 to 1. A segment's score is how likely it is
        one, and means the same in every map.
    min_length: segments of fewer query frames are left out; at least 3.

    Speeds reach from 0.4 to 2.5 reference frames a query frame, forwards and backwards. Ends are fractions of a frame
    on the reference. A map without cells or with a single row or column holds no segment: [].
    Raises ValueError for a map that is not two-dimensional, real and finite.
    """
    cells = np.asarray(similarity)
    if cells.ndim == 2 and cells.size == 0:
        return []
    return _chosen(excess_of_map(similarity, HITS_PER_ROW), min_score, min_length)


def align_matrices(
    query: Floats,
    reference: Floats,
    frame_of: NDArray[np.int64] | None = None,
    *,
    min_score: float = 0.5,
    min_length: float = 3.0,
) -> list[AlignedSegment]:
    """`find_segments` of the map query x reference, without holding more than one copy of it.

    query: [views, dim] float32, rows L2-normalised. reference: [reference frames, dim] likewise. frame_of: [views]
    the query frame that each view is of, not falling; left out, each is a frame of its own.
    """
    if len(query) == 0 or len(reference) == 0:
        return []
    return _chosen(excess_of_matrices(query, reference, HITS_PER_ROW, frame_of), min_score, min_length)


def candidates(excess: Excess, min_length: float = 3.0) -> list[Candidate]:
    """All lines that are worth weighing, with their evidence."""
    if excess.height < 2 or excess.width < 2:
        return []
    lines = _lines(excess, min_length)
    if not lines:
        return []
    return [Candidate(line, row) for line, row in zip(lines, evidence(excess, lines), strict=True)]


def _lines(excess: Excess, min_length: float) -> list[Line]:
    seeds = find_seeds(excess)
    # How many more lines may be fitted through what a seed lies in, as far as it is bright.
    wanted = np.full(len(seeds), _LINES_IN_A_BLOCK)
    lines: dict[tuple[int, int, float, int], Line] = {}
    found: set[tuple[int, int, float, int]] = set()
    for _ in range(_MOST_FITS):
        waiting = wanted > 0
        if not waiting.any():
            break
        index = int(waiting.argmax())
        line = fit(
            excess,
            int(seeds.rows[index]),
            int(seeds.columns[index]),
            float(seeds.speeds[index]),
            float(seeds.values[index]),
        )
        line = prolonged(excess, at_usual_speed(excess, line))
        wanted[index] = 0
        beside = np.flatnonzero(waiting & (seeds.rows >= line.first - 1) & (seeds.rows <= line.last))
        ends = line.reference_times(seeds.rows[beside]), (seeds.columns[beside] + 0.5).astype(np.float64)
        near = np.abs(ends[0] - ends[1]) <= _NEAR_COLUMNS
        key = line.first, line.last, round(line.speed, 2), round(line.reference_time(line.middle))
        # The strongest seed need not lead to the best line: one more is tried, unless this one was found before.
        is_settled = key in found or line.weight >= _SETTLED * seeds.strengths[index]
        wanted[beside[near]] = 0 if is_settled else np.minimum(wanted[beside[near]], 1)
        bright = _bright_between(excess, seeds.rows[beside], *ends, limit=0.5 * line.level)
        wanted[beside[bright & ~near]] -= _LINES_IN_A_BLOCK if is_settled else 1
        found.add(key)
        if _is_worth_weighing(line, excess.width, min_length):
            lines.setdefault(key, line)
    single = list(lines.values())
    return single + joined(excess, single)


def _is_worth_weighing(line: Line, width: int, min_length: float) -> bool:
    _, start, _, end = line.box(width)
    return (
        line.weight >= _MIN_WEIGHT
        and line.level >= _MIN_LEVEL
        and line.frames >= max(3, min_length)
        and end - start >= 2
    )


def _chosen(excess: Excess, min_score: float, min_length: float) -> list[AlignedSegment]:
    """The candidates that are likely enough, without those that another one explains."""
    found = candidates(excess, min_length)
    if not found:
        return []
    scores = odds(np.stack([candidate.evidence for candidate in found]))
    kept: list[tuple[Line, float]] = []
    # Of about equal scores the heavier line first: it explains more of the map.
    order = sorted(range(len(found)), key=lambda i: (-round(10 * float(scores[i])), -found[i].line.weight))
    for index in order:
        line = found[index].line
        if scores[index] < min_score or any(_excludes(excess, other, line) for other, _ in kept):
            continue
        kept.append((line, float(scores[index])))
    kept.sort(key=lambda pair: -pair[1])
    return [_segment(line, score, excess.width) for line, score in kept]


def _segment(line: Line, score: float, width: int) -> AlignedSegment:
    query_start, reference_start, query_end, reference_end = line.box(width)
    return AlignedSegment(
        query_start=query_start,
        reference_start=reference_start,
        query_end=query_end,
        reference_end=reference_end,
        score=score,
        speed=abs(line.speed),
        backwards=line.speed < 0,
    )


def _excludes(excess: Excess, kept: Line, line: Line) -> bool:
    """Whether `line` is but another way through what `kept` goes through.

    Two lines over the same frames of one video are both copies only where that content comes twice in the other:
    then it is dark between them. In a static shot it is bright all over.
    """
    one, other = kept.box(excess.width), line.box(excess.width)
    first, last = max(one[0], other[0]), min(one[2], other[2])
    start, end = max(one[1], other[1]), min(one[3], other[3])
    frames, across = max(0, last - first), max(0.0, end - start)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    if frames * across > _SHARED * min(areas):
        return True
    limit = 0.5 * line.level
    if frames > 0.3 * line.frames:
        rows = np.arange(first, last)
        bright = _bright_between(excess, rows, line.reference_times(rows), kept.reference_times(rows), limit=limit)
        if bright.mean() > 1 - _DARK_SHARE:
            return True
        levels = [float(excess.at(rows, x.columns(rows)).mean()) for x in (line, kept)]
        if line.frames < _SHORT_SHARE * kept.frames and levels[0] < _AS_ALIKE * levels[1]:
            return True
    if across > 0.3 * (other[3] - other[1]):
        columns = np.arange(int(start), int(np.ceil(end)))
        times = [((columns + 0.5 - x.offset) / x.speed)[:, None] for x in (line, kept)]
        rows = np.floor(times[0] * (1 - _BETWEEN) + times[1] * _BETWEEN).astype(np.int64)
        cells = excess.at(np.clip(rows, 0, excess.height - 1), columns[:, None])
        return float(_bright(cells, limit).mean()) > 1 - _DARK_SHARE
    return False


def _bright_between(
    excess: Excess, rows: Positions, starts: NDArray[np.float64], ends: NDArray[np.float64], *, limit: float
) -> NDArray[np.bool_]:
    """For every row whether all cells from one place to another reach the limit, as far as they are on the map."""
    columns = np.floor(starts[:, None] * (1 - _BETWEEN) + ends[:, None] * _BETWEEN).astype(np.int64)
    return _bright(excess.at(rows[:, None], columns), limit)


def _bright(cells: Floats, limit: float) -> NDArray[np.bool_]:
    return np.asarray(((cells >= limit) | (cells <= OUTSIDE)).all(axis=1))
