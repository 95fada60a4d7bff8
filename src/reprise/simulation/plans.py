"""Plans of pairs of videos: how long the two are and which stretches of the query are copied from the reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.simulation.statistics import FASTEST, SLOWEST, CopyStatistics

# What kinds are like as far as the plan goes; the others hold one segment at normal speed. Maps differ further.
NEGATIVES = frozenset(
    {"negative", "hard_negative", "short_hard_negative", "credits_negative", "band_negative", "uniform"}
)
_SHORT_REFERENCES = frozenset({"short_reference", "still", "short_hard_negative"})
_AT_LEAST_TEN_FRAMES = frozenset({"lowcontrast", "gap", "static", "still"})  # nothing tells shorter ones from noise
_SOMETIMES_AT_SPEED = frozenset({"multi", "reversed", "lowcontrast", "gap"})
_AT_SPEED = 0.3  # share of the segments of these
_LEAST_FRAMES = 3  # of a segment, on both axes
_MOST_SEGMENTS = 4
_LONGEST_LOOP = 100
_SMALL_SHARE = 0.4  # of the maps without a copy


@dataclass(frozen=True, slots=True)
class Planted:
    """A copied stretch; positions in frames, half-open."""

    query_start: int
    reference_start: int
    query_end: int
    reference_end: float
    backwards: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Query start, reference start, query end, reference end."""
        return self.query_start, self.reference_start, self.query_end, self.reference_end

    @property
    def frames(self) -> int:
        """Query frames."""
        return self.query_end - self.query_start

    @property
    def speed(self) -> float:
        """Reference frames a query frame, above 0."""
        return (self.reference_end - self.reference_start) / self.frames

    def query_frames(self) -> NDArray[np.int64]:
        """The copied frames of the query."""
        return np.arange(self.query_start, self.query_end, dtype=np.int64)

    def reference_times(self) -> NDArray[np.float64]:
        """Where in the reference the middles of the query frames come from."""
        run = (np.arange(self.frames) + 0.5) * self.speed
        return np.asarray(self.reference_end - run if self.backwards else self.reference_start + run)


@dataclass(frozen=True, slots=True)
class Plan:
    """A pair of videos; no segment means that nothing is copied."""

    kind: str
    query_frames: int
    reference_frames: int
    segments: tuple[Planted, ...]


def make_plan(rng: np.random.Generator, kind: str, statistics: CopyStatistics) -> Plan:
    """A plan of a kind; where the kind has copies, with one at least."""
    while True:
        query_frames, reference_frames = _sizes(rng, kind)
        segments = _segments(rng, kind, query_frames, reference_frames, statistics)
        if segments or kind in NEGATIVES:
            return Plan(kind, query_frames, reference_frames, tuple(segments))


def _sizes(rng: np.random.Generator, kind: str) -> tuple[int, int]:
    if kind in _SHORT_REFERENCES:
        return int(rng.integers(12, 120)), int(rng.integers(8, 40))
    if kind == "nonsquare":
        sizes = int(rng.integers(250, 400)), int(rng.integers(24, 40))
        return sizes if rng.random() < 0.5 else sizes[::-1]
    if kind in NEGATIVES and rng.random() < _SMALL_SHARE:  # where chance has the easiest game
        return int(rng.integers(5, 40)), int(rng.integers(5, 40))
    return int(rng.integers(30, 360)), int(rng.integers(30, 400))


def _segments(rng: np.random.Generator, kind: str, height: int, width: int, usual: CopyStatistics) -> list[Planted]:
    if kind in NEGATIVES:
        return []
    if kind == "loop":
        return _looped_in_query(rng, height, width, usual)
    if kind == "loop_reference":
        return _repeated_in_reference(rng, height, width, usual)
    count = _count(rng, kind, usual)
    rows, columns = _cut(rng, height, count), _cut(rng, width, count)
    if rng.random() < 0.5:
        columns = [columns[int(i)] for i in rng.permutation(count)]
    found = [_in_block(rng, kind, r, c, usual) for r, c in zip(rows, columns, strict=True)]
    return [segment for segment in found if segment is not None]


def _count(rng: np.random.Generator, kind: str, usual: CopyStatistics) -> int:
    counts: dict[str, Callable[[], int]] = {
        "multi": lambda: min(usual.count(rng), _MOST_SEGMENTS),
        "short": lambda: int(rng.integers(1, 4)),
        "lowcontrast": lambda: int(rng.integers(1, 3)),
    }
    return counts[kind]() if kind in counts else 1


def _cut(rng: np.random.Generator, frames: int, count: int) -> list[tuple[int, int]]:
    """A video cut into `count` parts at random."""
    cuts = np.sort(rng.choice(np.arange(1, frames), count - 1, replace=False)).tolist()
    return list(zip([0, *cuts], [*cuts, frames], strict=True))


def _in_block(
    rng: np.random.Generator, kind: str, rows: tuple[int, int], columns: tuple[int, int], usual: CopyStatistics
) -> Planted | None:
    """A segment somewhere between these rows and columns; None if none fits."""
    speed = 1.0
    if kind == "speed" or (kind in _SOMETIMES_AT_SPEED and rng.random() < _AT_SPEED):
        speed = _speed(rng, usual)
    if kind == "short":
        wanted = int(rng.integers(3, 6))
    else:
        wanted = round(max(usual.length(rng), 10 if kind in _AT_LEAST_TEN_FRAMES else 6))
    frames = min(wanted, rows[1] - rows[0], int((columns[1] - columns[0]) / speed))
    if frames < _LEAST_FRAMES or frames * speed < _LEAST_FRAMES:
        return None
    start = int(rng.integers(rows[0], rows[1] - frames + 1))
    across = int(rng.integers(columns[0], max(columns[0], int(columns[1] - frames * speed)) + 1))
    end = min(across + frames * speed, float(columns[1]))
    return Planted(start, across, start + frames, end, backwards=kind == "reversed")


def _speed(rng: np.random.Generator, usual: CopyStatistics) -> float:
    """Half of the speeds are as labels have them, most near 1; the others reach all over the range."""
    if rng.random() < 0.5:
        return usual.speed(rng)
    return math.exp(rng.uniform(math.log(SLOWEST), math.log(FASTEST)))


def _looped_in_query(rng: np.random.Generator, height: int, width: int, usual: CopyStatistics) -> list[Planted]:
    """The same stretch of the reference several times in the query, often without a pause."""
    frames = round(float(np.clip(usual.length(rng), 6, min(_LONGEST_LOOP, width - 2, height // 2 - 2))))
    across = int(rng.integers(0, width - frames + 1))
    start, times = int(rng.integers(0, 8)), int(rng.integers(2, 5))
    segments: list[Planted] = []
    while len(segments) < times and start + frames <= height:
        segments.append(Planted(start, across, start + frames, float(across + frames)))
        start += frames + int(rng.choice([0, 0, 1, 5, 20]))
    return segments


def _repeated_in_reference(rng: np.random.Generator, height: int, width: int, usual: CopyStatistics) -> list[Planted]:
    """One stretch of the query that comes several times in the reference."""
    most = min(_LONGEST_LOOP, height // 2 - 2, width // 2 - 2)
    frames = round(float(np.clip(usual.length(rng), 6, most)))
    start = int(rng.integers(0, height - frames + 1))
    across, times = int(rng.integers(0, 8)), int(rng.integers(2, 4))
    segments: list[Planted] = []
    while len(segments) < times and across + frames <= width:
        segments.append(Planted(start, across, start + frames, float(across + frames)))
        across += frames + int(rng.choice([0, 1, 5, 20]))
    return segments
