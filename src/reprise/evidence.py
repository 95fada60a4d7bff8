"""What an answer rests on: the similarity map of each match, to be shown beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.segment import Match, QueryResult
from reprise.views import best_of_views

MAP_ROWS = 512  # of the query that are multiplied at once
MOST_CELLS = 1200  # on a side of a map: what a screen shows


@dataclass(frozen=True, slots=True)
class MatchEvidence:
    """A match with what was compared.

    similarity: [rows, columns] float32, cosine similarities of query frames and reference frames, made smaller by
    whole factors where a side was longer than asked for (each cell the greatest of those it stands for).
    """

    match: Match
    reference_duration_s: float
    similarity: NDArray[np.float32]
    fps: float
    query_cell_s: float  # seconds that a row stands for
    reference_cell_s: float  # seconds that a column stands for

    def seconds_of(self, cells: int, cell_s: float) -> list[float]:
        """Start and end of `cells` rows or columns: a frame stands for the time from half a frame before it."""
        start_s = -0.5 / self.fps
        return [start_s, start_s + cells * cell_s]


@dataclass(frozen=True, slots=True)
class QueryEvidence:
    """The answer for one query video, with the evidence of each of its matches, in their order."""

    result: QueryResult
    path: str  # of the query's file
    matches: tuple[MatchEvidence, ...]


def similarity_for_eyes(
    views: NDArray[np.float32],
    frame_of: NDArray[np.int64],
    reference: NDArray[np.float32],
    *,
    most: int = MOST_CELLS,
) -> tuple[NDArray[np.float32], int, int]:
    """The similarity map of a query and a reference, at most `most` cells on either side.

    views: [views, dim] float32, rows L2-normalised; frame_of: [views] the query frame that each is of, not falling.
    reference: [frames, dim] likewise. Returns [rows, columns] float32 in [-1, 1], and how many query and reference
    frames a cell stands for: it is the greatest of them, so that a short copy in a long video remains to be seen.
    Never holds the whole map.
    """
    frames = int(frame_of[-1]) + 1 if len(frame_of) else 0
    down, across = max(1, -(-frames // most)), max(1, -(-len(reference) // most))
    rows = []
    step = down * max(1, MAP_ROWS // down)
    starts = np.searchsorted(frame_of, np.arange(0, frames, step))
    for start, end in zip(starts, [*starts[1:], len(frame_of)], strict=True):
        block = best_of_views(views[start:end] @ reference.T, frame_of[start:end] - frame_of[start])
        rows.append(_greatest(_greatest(block, down, 0), across, 1))
    cells = np.concatenate(rows) if rows else np.zeros((0, -(-len(reference) // across)), np.float32)
    return cells, down, across


def _greatest(cells: NDArray[np.float32], factor: int, axis: int) -> NDArray[np.float32]:
    if factor == 1:
        return cells
    return np.asarray(np.maximum.reduceat(cells, np.arange(0, cells.shape[axis], factor), axis=axis))


def evidence_of(
    result: QueryResult,
    path: str,
    *,
    views: NDArray[np.float32],
    frame_of: NDArray[np.int64],
    references: Sequence[tuple[NDArray[np.float32] | None, float]],
    fps: float,
) -> QueryEvidence:
    """The evidence of a result; references: of each match its matrix (None if it is gone) and duration in seconds."""
    matches = []
    for match, (matrix, duration_s) in zip(result.matches, references, strict=True):
        known = views[:0] if matrix is None else matrix
        cells, down, across = similarity_for_eyes(views, frame_of, known)
        matches.append(MatchEvidence(match, duration_s, cells, fps, down / fps, across / fps))
    return QueryEvidence(result, path, tuple(matches))
