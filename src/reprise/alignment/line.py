"""A straight line through a similarity map: a stretch of query frames at one speed through the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.excess import OUTSIDE, Excess, Floats, Positions

# Of a cell's weight in a sum: nothing may speak against a copy by more, and little for it by more, than usual.
_LARGEST_LOSS = 0.4  # share of the level
_HIGHEST_SHARE = 1.3
_HIGHEST_MARGIN = 0.05
BESIDE_THE_MAP = -50.0  # weight of a cell there: no line leaves the map


@dataclass(frozen=True, slots=True)
class Line:
    """Query frames `first` to `last` - 1; query time t shows reference time `offset` + `speed` * t, in frames.

    Frame i stands for the time from i to i + 1.
    """

    first: int
    last: int  # exclusive
    speed: float  # reference frames a query frame, negative backwards, never 0
    offset: float
    level: float  # median excess of its cells
    weight: float  # sum of `weights` over its cells

    @property
    def frames(self) -> int:
        """Number of query frames."""
        return self.last - self.first

    @property
    def middle(self) -> float:
        """Query time half way along."""
        return (self.first + self.last) / 2

    def reference_time(self, query_time: float) -> float:
        """Where the line is in the reference at a query time."""
        return self.offset + self.speed * query_time

    def reference_times(self, rows: Positions) -> NDArray[np.float64]:
        """Where it is in the reference in the middle of query frames."""
        return np.asarray(self.offset + self.speed * (rows + 0.5), np.float64)

    def rows(self) -> Positions:
        """The query frames."""
        return np.arange(self.first, self.last, dtype=np.int64)

    def columns(self, rows: Positions) -> Positions:
        """The reference frames at these query frames; they may lie beside the map."""
        return np.floor(self.reference_times(rows)).astype(np.int64)

    def box(self, width: int) -> tuple[int, float, int, float]:
        """Query start, reference start, query end, reference end, half-open, inside a map of this width."""
        times = sorted((self.reference_time(self.first), self.reference_time(self.last)))
        return self.first, max(0.0, times[0]), self.last, min(float(width), times[1])


def weights(excess: Floats, level: float, threshold: float) -> Floats:
    """What cells add to a line whose level is `level`.

    The ends of a line are where the sum of the weights is greatest. Half way between the level inside and that
    outside, which is 0, is the threshold under which the sum is the likelihood of the ends (Gaussian cells).
    """
    cut = np.minimum(excess, np.float32(_HIGHEST_SHARE * level + _HIGHEST_MARGIN))
    gains = np.maximum(cut - np.float32(half_way(level, threshold)), np.float32(-_LARGEST_LOSS * level))
    if cut.size and cut.min() <= OUTSIDE:
        gains[excess <= OUTSIDE] = BESIDE_THE_MAP
    return gains


def half_way(level: float, threshold: float) -> float:
    """The excess from which a cell speaks for a line of this level."""
    return max(threshold, 0.5 * level)


def measured(excess: Excess, line: Line) -> Line | None:
    """The line with its level and weight; None where it leaves the map."""
    rows = line.rows()
    cells = excess.at(rows, line.columns(rows))
    if cells.min() <= OUTSIDE:
        return None
    return replace(line, weight=float(weights(cells, line.level, excess.threshold).sum()))


def cells_of(excess: Excess, line: Line) -> Floats:
    """Excess of the line's cells."""
    rows = line.rows()
    return excess.at(rows, line.columns(rows))
