"""Dynamic time warping: the one path that joins both videos whole at the least distance, cut into copies.

Semantics are those of VCSL's aligner DTW (He et al., CVPR 2022): the boxes are the same, in the same order. The
path runs from the first frames of both videos to the last ones, so of copies in another order only some are seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.boxes import ScoredBox
from reprise.alignment.monotone_paths import DIAGONAL, DOWN, RIGHT, copies_on
from reprise.alignment.similarity_map import finite_map


def find_warped(
    similarity: ArrayLike,
    *,
    max_run: int = 3,
    min_mean_similarity: float = 0.2,
    min_length: int = 5,
) -> list[ScoredBox]:
    """Boxes around the pieces of the warping path that are alike, in the path's order; scores are mean similarities.

    similarity: [query frames, reference frames], real and finite, of any number type and memory order; it is
        read as float32 and not modified.
    max_run: the path is cut where one frame is joined to more than this many (VCSL's discontinue).
    min_mean_similarity: what the mean similarity of a piece exceeds (VCSL's min_sim).
    min_length: what a piece's points and its spans in both videos exceed (VCSL's min_length).

    A map without rows or columns has no path: []. Working memory: one byte a cell, beyond the map as float32.

    Raises ValueError for a map that is not two-dimensional, real and finite, and for a setting out of range.
    """
    for name, value in (("max_run", max_run), ("min_length", min_length)):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    if not np.isfinite(min_mean_similarity):
        raise ValueError(f"min_mean_similarity must be a finite number, not {min_mean_similarity}")
    cells = finite_map(similarity)
    if min(cells.shape) - 1 <= min_length:  # no span can be longer
        return []
    path = _traced_back(_moves(cells))
    return copies_on(
        path,
        cells[path[:, 0], path[:, 1]],
        max_run=max_run,
        min_length=min_length,
        min_mean=min_mean_similarity,
    )


def _moves(cells: NDArray[np.float32]) -> NDArray[np.int8]:
    """How the nearest path to every cell comes to it; of equals diagonally, then down, then to the right.

    The distance of a cell is 1 - similarity. Works on whole anti-diagonals, which depend only on the two before.
    Needs two rows and two columns.
    """
    height, width = cells.shape
    moves = np.empty((height, width), np.int8)
    flat_moves, flat_cells = moves.reshape(-1), cells.reshape(-1)
    # Row i of an anti-diagonal stands at i + 1; what lies outside the map is infinitely far.
    before_last, last, here = np.full((3, height + 1), np.inf)
    last[1] = np.float32(1) - cells[0, 0]
    moves[0, 0] = DIAGONAL
    for total in range(1, height + width - 1):
        first_row, end_row = max(0, total - width + 1), min(total + 1, height)
        first = first_row * width + total - first_row
        cut = slice(first, first + (end_row - first_row - 1) * (width - 1) + 1, width - 1)
        diagonal, down = before_last[first_row:end_row], last[first_row:end_row]
        right = last[first_row + 1 : end_row + 1]
        nearer = np.minimum(diagonal, down)
        flat_moves[cut] = np.maximum((down < diagonal) * np.int8(DOWN), (right < nearer) * np.int8(RIGHT))
        np.minimum(nearer, right, out=nearer)
        # The distance is rounded to float32, the total is not: as VCSL.
        np.add(nearer, np.float32(1) - flat_cells[cut], out=here[first_row + 1 : end_row + 1])
        before_last, last, here = last, here, before_last
    return moves


def _traced_back(moves: NDArray[np.int8]) -> NDArray[np.int64]:
    """The path from the first cell to the last, [points, 2]."""
    row, column = moves.shape[0] - 1, moves.shape[1] - 1
    move_to = moves.item
    path = [(row, column)]
    while row or column:
        move = move_to(row, column)
        row -= move != RIGHT
        column -= move != DOWN
        path.append((row, column))
    return np.array(path[::-1], np.int64)
