"""What an answer rests on: the similarity map of each match, to be shown beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.segment import Match, QueryResult
from reprise.views import best_of_views

Floats = NDArray[np.float32]

MAP_ROWS = 512  # of the query that are multiplied at once
MOST_CELLS = 1200  # on a side of a map: what a screen shows


@dataclass(frozen=True, slots=True)
class MapForEyes:
    """A similarity map made small enough to be shown.

    cells: [rows, columns] float32. Each is the greatest similarity of `down` query frames and `across` reference
    frames, so that a short copy in a long video remains to be seen.
    """

    cells: Floats
    down: int = 1
    across: int = 1


@dataclass(frozen=True, slots=True)
class MatchEvidence:
    """A match with what was compared; `map` has no cells where the reference's matrix is gone."""

    match: Match
    reference_duration_s: float
    map: MapForEyes
    fps: float

    @property
    def query_span_s(self) -> list[float]:
        """Start and end of the map's rows, in seconds: a frame stands for the time from half a frame before it."""
        return self._span_s(self.map.cells.shape[0] * self.map.down)

    @property
    def reference_span_s(self) -> list[float]:
        """Likewise of the map's columns."""
        return self._span_s(self.map.cells.shape[1] * self.map.across)

    def _span_s(self, frames: int) -> list[float]:
        return [-0.5 / self.fps, (frames - 0.5) / self.fps]


@dataclass(frozen=True, slots=True)
class QueryEvidence:
    """The answer for one query video, with the evidence of each of its matches, in their order."""

    result: QueryResult
    path: str  # of the query's file
    matches: tuple[MatchEvidence, ...]


def similarity_for_eyes(
    views: Floats, frame_of: NDArray[np.int64], reference: Floats, *, most: int = MOST_CELLS
) -> MapForEyes:
    """The map of a query and a reference, at most `most` cells on either side; the whole map is never held.

    views: [views, dim] float32, rows L2-normalised; frame_of: [views] the query frame that each is of, not falling.
    reference: [frames, dim] likewise.
    """
    frames = int(frame_of[-1]) + 1 if len(frame_of) else 0
    down, across = _factor(frames, most), _factor(len(reference), most)
    rows = [np.zeros((0, -(-len(reference) // across)), np.float32)]
    step = down * max(1, MAP_ROWS // down)
    starts = np.searchsorted(frame_of, np.arange(0, frames, step))
    for start, end in zip(starts, [*starts[1:], len(frame_of)], strict=True):
        block = best_of_views(views[start:end] @ reference.T, frame_of[start:end] - frame_of[start])
        rows.append(_greatest(_greatest(block, down, 0), across, 1))
    return MapForEyes(np.concatenate(rows), down, across)


def made_smaller(similarity: Floats, *, most: int = MOST_CELLS) -> MapForEyes:
    """A map [query frames, reference frames], at most `most` cells on either side."""
    down, across = (_factor(length, most) for length in similarity.shape)
    return MapForEyes(_greatest(_greatest(similarity, down, 0), across, 1), down, across)


def _factor(length: int, most: int) -> int:
    return max(1, -(-length // most))


def _greatest(cells: Floats, factor: int, axis: int) -> Floats:
    if factor == 1:
        return cells
    return np.asarray(np.maximum.reduceat(cells, np.arange(0, cells.shape[axis], factor), axis=axis))
