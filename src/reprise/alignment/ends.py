"""Where a segment begins and ends, to a fraction of a second, from similarity maps of the seconds around its ends.

A copied stretch is a line in the map of query times and reference times. Along it frames are alike as far as the
copy goes, and unlike beyond. First each end is located by itself: the two levels, alike and unlike, are read off the
map; the line, whose position and slope are known from the first alignment only to a second and some percent, is
fitted; the end is the maximum-likelihood change point from one level to the other (Hinkley, "Inference about the
change-point in a sequence of random variables", Biometrika 57, 1970), for which Gaussian noise of one variance around
two known levels leaves: where the sum of the distances from the level half-way between is largest. The fit takes the
line for which this sum is largest, less a penalty for leaving the first line: where nothing moves, all lines are as
good, and the first one stays. Then one line is fitted to both ends, and kept where it is about as good as the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reprise.segment import Segment

Floats = NDArray[np.float64]

OUTSIDE_S = 3.0  # of the query, looked at before a segment's start and after its end
INSIDE_S = 5.0  # likewise within the segment
UNSURE_S = 1.5  # by how much an end may be off, in the query
MAX_SHIFT_S = 2.0  # by how much the line may be off, in seconds of the video in which it is less
SHIFT_STEP_S = 0.1
MAX_SPEED_CHANGE = 0.25  # of the speed, as a share
MIN_CONTRAST = 0.08  # between the levels; below it nothing can be told
MIN_LENGTH_S = 1.0  # of a segment after refinement, in either video
LEVEL = 0.5  # of the way from unlike to alike: what lies above speaks for the copy
MIN_ROWS = 3
SAME_S = 0.5  # two lines, or two ends, no further apart than this are the same

# Penalties, in query frames that are fully alike: of a shift by 1 s, of a speed that is off by 10 %.
SHIFT_PENALTY = 1.0
SPEED_PENALTY = 1.0
# Most copies run at the speed of the original: this is what exactly that costs at most, and what 2 % from it add.
NORMAL_SPEED_PENALTY = 0.5
NEAR_NORMAL_SPEED_PENALTY = 1.0
# By how many frames' evidence the two lines may be better before they count as two.
JOINT_TOLERANCE = 6.0


@dataclass(frozen=True, slots=True)
class LocalMap:
    """Similarities of the frames around one end of a segment."""

    similarity: NDArray[np.float32]  # [n, m] in [-1, 1], of query frame i with reference frame j
    query_times_s: NDArray[np.float64]  # [n], ascending, evenly spaced
    reference_times_s: NDArray[np.float64]  # [m], likewise


@dataclass(frozen=True, slots=True)
class Window:
    """The spans of both videos that a LocalMap is to hold, in seconds, half-open."""

    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float


@dataclass(frozen=True, slots=True)
class _Lines:
    """k lines through the map: each one's reference time at `query_s`, and reference seconds a query second."""

    query_s: float
    reference_s: Floats  # [k]
    slope: Floats  # [k], below 0 for a copy that runs backwards

    def at(self, query_s: float | Floats) -> Floats:
        """The reference times [k, n] at n query times."""
        return self.reference_s[:, None] + self.slope[:, None] * (np.atleast_1d(query_s) - self.query_s)

    def one(self, index: int) -> _Lines:
        return _Lines(self.query_s, self.reference_s[[index]], self.slope[[index]])


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a segment, the map around it with the outermost row first, and the two levels of similarity."""

    line: _Lines  # one, of the first alignment, through the end
    inwards: int  # 1 for a start, -1 for an end
    similarity: NDArray[np.float32]
    times_s: Floats
    reference_s: Floats
    alike: float
    unlike: float

    def evidence(self, lines: _Lines) -> Floats:
        """[k, n]: how far each row speaks for a copy along each line: 1 fully alike, below 0 rather unlike."""
        along = _along(lines, self.similarity, self.times_s, self.reference_s)
        # Clipped, so that one picture counts for no more than one.
        share = np.clip((along - self.unlike) / (self.alike - self.unlike), -0.5, 1.2)
        return np.asarray((share - LEVEL) / (1 - LEVEL))


@dataclass(frozen=True, slots=True)
class _Located:
    """An end that was found: the outermost row that belongs to the copy, its time's edge, and the line there."""

    row: int
    query_s: float
    line: _Lines  # one
    evidence: float  # of all rows from there inwards


def windows(segment: Segment, query_duration_s: float, reference_duration_s: float) -> tuple[Window, Window]:
    """What has to be seen to refine the segment's start and its end (in the query's order)."""
    both = []
    for line, inwards in _ends(segment):
        outside_s, inside_s = line.query_s - inwards * OUTSIDE_S, line.query_s + inwards * _inside_s(segment)
        query_s = max(min(outside_s, inside_s), 0.0), min(max(outside_s, inside_s), query_duration_s)
        reference_s = np.sort(line.at(np.array(query_s))[0])
        margin_s = _max_shift_s(line) + 0.5
        start_s, end_s = float(reference_s[0]) - margin_s, float(reference_s[1]) + margin_s
        both.append(Window(*query_s, max(start_s, 0.0), min(end_s, reference_duration_s)))
    return both[0], both[1]


def refined(
    segment: Segment, start: LocalMap, end: LocalMap, *, query_duration_s: float, reference_duration_s: float
) -> Segment:
    """The segment with its ends where the local maps show them; `start` and `end` hold what `windows` asks for.

    An end stays as it was where the map does not tell alike from unlike. In a long static shot the offset in the
    reference cannot be seen; there the line of the first alignment is kept, and only the ends in the query are
    found, with the reference's by the line. A copy that begins or ends with either video stays there. If the ends
    that are found leave less than MIN_LENGTH_S of either video, the segment is given back as it was.
    """
    inside_s = _inside_s(segment)
    seen = [
        _seen(line, inwards, local, inside_s)
        for (line, inwards), local in zip(_ends(segment), (start, end), strict=True)
    ]
    located = [None if one is None else _located(one, inside_s, query_duration_s) for one in seen]
    if not any(located):
        return segment
    if seen[0] and seen[1] and located[0] and located[1]:
        located = list(_on_one_line(seen[0], seen[1], located[0], located[1]))
    corners = []
    for one, (line, _) in zip(located, _ends(segment), strict=True):
        query_s, line_there = (line.query_s, line) if one is None else (one.query_s, one.line)
        corners.append((query_s, float(line_there.at(query_s)[0, 0])))
    (first_q, first_r), (last_q, last_r) = corners
    if segment.backwards:
        first_r, last_r = last_r, first_r
    first_r, last_r = max(first_r, 0.0), min(last_r, reference_duration_s)
    if min(last_q - first_q, last_r - first_r) < MIN_LENGTH_S:
        return segment
    return replace(
        segment,
        query_start_s=first_q,
        reference_start_s=first_r,
        query_end_s=last_q,
        reference_end_s=last_r,
        speed=_speed(last_q - first_q, last_r - first_r),
    )


def _speed(query_s: float, reference_s: float) -> float:
    # Each end is known to a step at best: what differs by no more than that runs at the speed of the original.
    return 1.0 if abs(reference_s - query_s) <= 2 * SHIFT_STEP_S else reference_s / query_s


def without_repeats(segments: Sequence[Segment]) -> list[Segment]:
    """The segments in their order, less those that have turned out to be a part of another one.

    Two pieces of one copy both grow to its ends. A segment goes if, both at its start and at its end, it lies on the
    line of a longer one (of an earlier one, if both are as long) and no more than SAME_S outside of it.
    """
    by_length = sorted(range(len(segments)), key=lambda i: segments[i].query_start_s - segments[i].query_end_s)
    kept: list[int] = []
    for i in by_length:
        if not any(_is_part(segments[i], segments[j]) for j in kept):
            kept.append(i)
    return [segments[i] for i in sorted(kept)]


def _is_part(one: Segment, whole: Segment) -> bool:
    if one.backwards != whole.backwards:
        return False
    line, _ = _ends(whole)[0]
    on_line = all(
        abs(float(corner.reference_s[0]) - float(line.at(corner.query_s)[0, 0])) <= SAME_S for corner, _ in _ends(one)
    )
    return (
        on_line
        and one.query_start_s >= whole.query_start_s - SAME_S
        and one.query_end_s <= whole.query_end_s + SAME_S
    )


def _ends(segment: Segment) -> tuple[tuple[_Lines, int], tuple[_Lines, int]]:
    """The line through the segment's start and that through its end, each with the direction inwards."""
    slope = np.array([-segment.speed if segment.backwards else segment.speed])
    first_s, last_s = segment.reference_start_s, segment.reference_end_s
    if segment.backwards:
        first_s, last_s = last_s, first_s
    start = _Lines(segment.query_start_s, np.array([first_s]), slope)
    return (start, 1), (_Lines(segment.query_end_s, np.array([last_s]), slope), -1)


def _max_shift_s(line: _Lines) -> float:
    # In the reference; where the copy runs fast, a second in the query is more there.
    return MAX_SHIFT_S * max(1.0, abs(float(line.slope[0])))


def _inside_s(segment: Segment) -> float:
    # Not as far as the other end, which is as unsure as this one.
    length_s = segment.query_end_s - segment.query_start_s
    return min(INSIDE_S, max(length_s - UNSURE_S, length_s / 2))


def _seen(line: _Lines, inwards: int, local: LocalMap, inside_s: float) -> _End | None:
    """The end with its two levels; None if they cannot be told apart."""
    similarity, times_s = local.similarity[::inwards], local.query_times_s[::inwards]
    if min(similarity.shape) < MIN_ROWS:
        return None
    depth_s = (times_s - line.query_s) * inwards  # how far within the segment each row is
    is_inside = depth_s >= min(UNSURE_S, inside_s / 2)
    if not is_inside.any():
        return None
    lines = _lines(line, inwards * inside_s)
    along = _along(lines, similarity[is_inside], times_s[is_inside], local.reference_times_s)
    alike = float(along.mean(axis=1).max())
    unlike = _unlike(similarity[depth_s < -UNSURE_S], similarity, alike)
    if alike - unlike < MIN_CONTRAST:
        return None
    return _End(line, inwards, similarity, times_s, local.reference_times_s, alike, unlike)


def _unlike(outside: NDArray[np.float32], similarity: NDArray[np.float32], alike: float) -> float:
    """The level of frames that are no copies: outside of the segment, or, at a video's end, off the line."""
    if len(outside) >= MIN_ROWS:
        return float(np.median(outside))
    return min(float(np.quantile(similarity, 0.25)), alike - 0.25)


def _located(end: _End, inside_s: float, query_duration_s: float) -> _Located:
    lines = _lines(end.line, end.inwards * inside_s)
    from_row_on = np.cumsum(end.evidence(lines)[:, ::-1], axis=1)[
        :, ::-1
    ]  # evidence for a copy from each row inwards
    best = int((from_row_on.max(axis=1) - _penalty(lines, end.line, 0.0)).argmax())
    row = int(from_row_on[best].argmax())
    step_s = abs(float(end.times_s[1] - end.times_s[0]))
    query_s = float(end.times_s[row])
    if end.inwards == 1 and query_s < step_s / 2:
        query_s = 0.0
    elif end.inwards == -1 and query_s + 1.5 * step_s > query_duration_s:
        query_s = query_duration_s
    else:  # the change lies between this row and the one beyond
        query_s -= end.inwards * step_s / 2
    return _Located(row, query_s, lines.one(best), float(from_row_on[best, row]))


def _on_one_line(first: _End, last: _End, start: _Located, end: _Located) -> tuple[_Located, _Located]:
    """Both ends with the one line that fits them best, if it does so about as well as the two lines."""
    length_s = last.line.query_s - first.line.query_s
    lines = _lines(first.line, length_s, inner=last.line)
    if not len(lines.slope):
        return start, end
    own = [one.evidence(lines)[:, at.row :].sum(axis=1) for one, at in ((first, start), (last, end))]
    gains = own[0] + own[1] - _penalty(lines, first.line, length_s / 2)
    best = int(gains.argmax())
    if own[0][best] + own[1][best] < start.evidence + end.evidence - JOINT_TOLERANCE:
        return start, end
    line = lines.one(best)
    return replace(start, line=line), replace(end, line=line)


def _lines(line: _Lines, inside_s: float, inner: _Lines | None = None) -> _Lines:
    """The line shifted and turned in all ways that are possible.

    It is shifted at its own place and, independently, `inside_s` (signed) further; there it lies where `inner`
    does, if that is given.
    """
    count = round(_max_shift_s(line) / SHIFT_STEP_S)
    shifts_s = np.arange(-count, count + 1) * SHIFT_STEP_S
    outer_s, inner_s = (shifted.ravel() for shifted in np.meshgrid(shifts_s, shifts_s, indexing="ij"))
    there_s = line.at(line.query_s + inside_s)[0, 0] if inner is None else inner.reference_s[0]
    slope = (there_s + inner_s - line.reference_s[0] - outer_s) / inside_s
    is_possible = np.abs(slope / line.slope[0] - 1) <= MAX_SPEED_CHANGE
    return _Lines(line.query_s, line.reference_s[0] + outer_s[is_possible], slope[is_possible])


def _penalty(lines: _Lines, line: _Lines, depth_s: float) -> Floats:
    """[k]: what it costs the lines to differ from the first one, `depth_s` from its place, and in speed."""
    query_s = line.query_s + depth_s
    shift_s = lines.at(query_s)[:, 0] - line.at(query_s)[0, 0]
    change = SPEED_PENALTY * ((lines.slope / line.slope[0] - 1) / 0.1) ** 2
    normal = NORMAL_SPEED_PENALTY + NEAR_NORMAL_SPEED_PENALTY * ((np.abs(lines.slope) - 1) / 0.02) ** 2
    return np.asarray(SHIFT_PENALTY * shift_s**2 + np.minimum(change, normal))


def _along(lines: _Lines, similarity: NDArray[np.float32], times_s: Floats, reference_s: Floats) -> Floats:
    """[k, n]: the similarity at n query times along k lines, between frames interpolated; -1 outside of the map."""
    step_s = float(reference_s[1] - reference_s[0])
    position = (lines.at(times_s) - reference_s[0]) / step_s
    last = len(reference_s) - 1
    is_outside = (position < -0.5) | (position > last + 0.5)
    position = np.clip(position, 0, last)
    left = np.minimum(position.astype(int), last - 1)
    share = position - left
    rows = np.arange(len(times_s))
    values = (1 - share) * similarity[rows, left] + share * similarity[rows, left + 1]
    return np.where(is_outside, -1.0, values)
