"""From a seed to the line that it lies on: speed, offset and ends that make the most of the map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reprise.alignment.excess import OUTSIDE, Excess, Floats, Positions
from reprise.alignment.line import Line, cells_of, measured, weights
from reprise.alignment.line_seeds import FASTEST, SLOWEST, unusual

_FIRST_LOOK = 8  # frames that are looked at beyond the ends, doubled while a line grows
_LONGEST_LOOK = 2048
_ROUNDS = 18
# What is tried at a time: every change of speed, in reference frames over the line's length, with every change of
# offset, in reference frames.
_TURNS = np.repeat([-2.5, -1.0, 0.0, 1.0, 2.5], 5)
_SHIFTS = np.tile([-1.0, -0.4, 0.0, 0.4, 1.0], 5)
_STAY = 1e-4  # what keeps a line where it is among equals
_SLACK = 0.05  # by which a fit may leave the range of speeds: whole frames are coarse
_USUAL_SPEED_RANGE = 1.6  # a line that is off normal speed by fewer frames over its length may be at normal speed
_LONGEST_GAP = 10
_FARTHEST = 24  # frames beyond an end that are searched for clear cells
_CLEAR_DEVIATIONS = 6.0
_CLEAR_SHARE = 0.7  # of the line's level
_CLEAR_MARGIN = 0.1
_UNCLEAR_COST = 0.18  # of what a clear cell is worth


def fit(excess: Excess, row: int, column: int, speed: float, value: float) -> Line:
    """The line through about this cell at about this speed; `value` is the cell's excess.

    In turns, the ends are put where the sum of the weights is greatest (maximum-sum subarray, Kadane 1984) and
    speed and offset are moved a little, over a stretch that doubles while the line grows.
    """
    level = float(min(value, 1.0))
    pivot, across = row + 0.5, column + 0.5
    first, last = row, row + 1
    look = _FIRST_LOOK
    before: tuple[int, int, float, float] | None = None
    weight = 0.0
    for turn in range(_ROUNDS):
        start, stop = max(0, first - look), min(excess.height, last + look)
        rows = np.arange(start, stop)
        middle = (first + last) / 2
        across += speed * (middle - pivot)
        pivot = middle
        turns = _TURNS * ((2 if turn < 3 else 1) / max(last - first, 6))
        speeds = np.maximum(np.minimum(abs(speed) + turns, FASTEST + _SLACK), SLOWEST - _SLACK)
        if speed < 0:
            speeds = -speeds
        acrosses = across + _SHIFTS * (1.5 if turn < 2 else 1)
        columns = np.floor(acrosses[:, None] + speeds[:, None] * (rows + (0.5 - pivot))).astype(np.int64)
        cells = excess.at(rows, columns)
        sums, firsts, lasts = _best_ends(
            weights(cells, level, excess.threshold), min(max(int(pivot) - start, 0), len(rows) - 1)
        )
        moved = np.abs(speeds - speed) + np.abs(acrosses - across)
        best = int((sums - _STAY * moved - level * unusual(speeds)).argmax())
        speed, across, weight = float(speeds[best]), float(acrosses[best]), float(sums[best])
        first, last = start + int(firsts[best]), start + int(lasts[best]) + 1
        if turn >= 1:
            level = middle_value(cells[best, firsts[best] : lasts[best] + 1])
        state = first, last, round(speed, 6), round(across - speed * pivot, 4)
        growing = (first == start and start > 0) or (last == stop and stop < excess.height)
        if state == before and not growing:
            break
        before = state
        look = min(_LONGEST_LOOK, look * 2) if growing else look
    return Line(first, last, speed, across - speed * pivot, level, weight)


def at_usual_speed(excess: Excess, line: Line) -> Line:
    """The line at exactly normal speed and a whole offset, if that is hardly worse: most copies are."""
    if abs(abs(line.speed) - 1) * line.frames >= _USUAL_SPEED_RANGE:
        return line
    speed = float(np.sign(line.speed))
    wanted = line.weight - max(0.1, 0.02 * line.weight)
    best = None
    for shift in (-1.0, -0.5, 0.0, 0.5, 1.0):
        offset = float(np.floor(line.reference_time(line.middle) + shift - speed * line.middle + 0.5))
        tried = measured(excess, replace(line, speed=speed, offset=offset))
        if tried is not None and tried.weight > wanted:
            best, wanted = tried, tried.weight
    return best or line


def prolonged(excess: Excess, line: Line) -> Line:
    """The line as far as clear cells go on exactly along it beyond gaps: frames were covered there, or cut out.

    A cell is clear if it is about as bright as the line and brighter than its neighbours: in a static shot none is,
    and in a map that is hardly darker than the line it would be chance.
    """
    if line.level < _CLEAR_DEVIATIONS * excess.deviation:
        return line
    after = _clear_frames(excess, line, np.arange(line.last, min(excess.height, line.last + _FARTHEST)))
    before = _clear_frames(excess, line, np.arange(line.first - 1, max(-1, line.first - 1 - _FARTHEST), -1))
    if not after and not before:
        return line
    return measured(excess, replace(line, first=line.first - before, last=line.last + after)) or line


def _clear_frames(excess: Excess, line: Line, rows: Positions) -> int:
    """How many of `rows`, going away from the line, are worth adding."""
    if not len(rows):
        return 0
    columns = line.columns(rows)
    cells = excess.at(rows, columns)
    beside = excess.at(rows[:, None], columns[:, None] + np.array([-3, -2, 2, 3])).max(axis=1)
    clear = (cells >= _CLEAR_SHARE * line.level) & (cells - beside >= _CLEAR_MARGIN * line.level)
    sums = np.cumsum(np.where(clear, 1.0, -_UNCLEAR_COST))
    sums[cells <= OUTSIDE] = -np.inf
    best = int(sums.argmax())
    return best + 1 if sums[best] > 0 else 0


def joined(excess: Excess, lines: list[Line]) -> list[Line]:
    """Further lines, each over two of `lines` that go on in each other after a short gap.

    What lies between was covered or cut out in the copy (a flash, an insert, another shot).
    """
    found: list[Line] = []
    for one in lines:
        for other in lines:
            gap = other.first - one.last
            if not 0 < gap <= min(_LONGEST_GAP, one.frames, other.frames):
                continue
            if one.speed * other.speed < 0 or abs(np.log(one.speed / other.speed)) > 0.35:
                continue
            middle = (one.last + other.first) / 2
            if abs(one.reference_time(middle) - other.reference_time(middle)) > 1.1 + 0.12 * gap:
                continue
            line = _through(excess, one, other)
            if line is not None:
                found.append(at_usual_speed(excess, line))
    return found


def _through(excess: Excess, one: Line, other: Line) -> Line | None:
    """The best line from the start of one to the end of the other through about their middles."""
    here, there = one.reference_time(one.middle), other.reference_time(other.middle)
    speed = (there - here) / (other.middle - one.middle)
    if not SLOWEST - _SLACK <= abs(speed) <= FASTEST + _SLACK:
        return None
    best = None
    for turn in (0.0, -0.5, 0.5, -1.0, 1.0):
        for shift in (0.0, -0.5, 0.5):
            turned = speed + turn / (other.last - one.first)
            line = Line(one.first, other.last, turned, here + shift - turned * one.middle, 0.0, 0.0)
            cells = cells_of(excess, line)
            if cells.min() <= OUTSIDE or not (cells > excess.threshold).any():
                continue
            level = middle_value(cells[cells > excess.threshold])
            line = replace(line, level=level, weight=float(weights(cells, level, excess.threshold).sum()))
            if best is None or line.weight > best.weight:
                best = line
    return best


def middle_value(values: Floats) -> float:
    """The median; of an even number of values the upper one of the middle two."""
    place = len(values) // 2
    return float(np.partition(values, place)[place])


def _best_ends(gains: Floats, centre: int) -> tuple[Floats, Positions, Positions]:
    """Of every row of `gains` the stretch around `centre` with the greatest sum: sums, first and last, inclusive."""
    rows = np.arange(len(gains))
    after = np.cumsum(gains[:, centre:], axis=1)
    lasts = after.argmax(axis=1)
    sums = after[rows, lasts]
    firsts = np.full(len(gains), centre)
    if centre:
        before = np.cumsum(gains[:, centre - 1 :: -1], axis=1)
        steps = before.argmax(axis=1)
        added = before[rows, steps]
        firsts = np.where(added > 0, centre - 1 - steps, firsts)
        sums = sums + np.maximum(added, 0)
    return sums, firsts, lasts + centre
