"""Dynamic programming: the heaviest local paths through a similarity map, one after another, cut into copies.

Semantics are those of VCSL's aligner DP (He et al., CVPR 2022), which follows mPDP of Chou et al., "Pattern-based
near-duplicate video retrieval and localization on web-scale videos" (IEEE Transactions on Multimedia 2015): the
boxes are the same, in the same order. VCSL works on similarity + 1 and states its limits so; here they are
similarities, 1 less.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.boxes import ScoredBox
from reprise.alignment.monotone_paths import DOWN, RIGHT, copies_on
from reprise.alignment.similarity_map import finite_map

_PATHS = 100  # how many VCSL searches
# What stands in place of a move: here a path starts, and this cell was part of an earlier path's rectangle.
_START = -1
_BLANKED = -2


def find_local_paths(
    similarity: ArrayLike,
    *,
    max_unmatched: int = 3,
    min_similarity: float = 0.0,
    min_mean_similarity: float = 0.3,
    min_length: int = 5,
    max_run: int = 30,
) -> list[ScoredBox]:
    """Boxes around the pieces of the heaviest paths; heaviest path first, its pieces in order; scores are mean
    similarities.

    similarity: [query frames, reference frames], real and finite, of any number type and memory order; it is
        read as float32 and not modified.
    max_unmatched: so many cells below min_similarity may follow each other on a path (VCSL's discontinue).
    min_similarity: cells below are unmatched (VCSL's min_sim, less 1).
    min_mean_similarity: what the mean similarity of a piece exceeds (VCSL's ave_sim, less 1).
    min_length: what a piece's points and its spans in both videos exceed (VCSL's min_length).
    max_run: a path is cut where one frame is joined to more than this many (VCSL's diagonal_thres).

    The rectangle around a path, cut or not, is out of bounds for all later ones; 100 paths are searched. A map
    without rows or columns has none: []. Working memory: five bytes a cell, beyond the map as float32.

    Raises ValueError for a map that is not two-dimensional, real and finite, and for a setting out of range.
    """
    for name, value in (("max_unmatched", max_unmatched), ("min_length", min_length), ("max_run", max_run)):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    for name, limit in (("min_similarity", min_similarity), ("min_mean_similarity", min_mean_similarity)):
        if not np.isfinite(limit):
            raise ValueError(f"{name} must be a finite number, not {limit}")
    cells = finite_map(similarity)
    if min(cells.shape) - 1 <= min_length:  # no span can be longer
        return []
    found = []
    for path in _heaviest_paths(*_totals(cells, max_unmatched, _float32_from(1 + min_similarity))):
        found += copies_on(
            path,
            cells[path[:, 0], path[:, 1]] + np.float32(1),
            max_run=max_run,
            min_length=min_length,
            min_mean=1 + min_mean_similarity,
        )
    return [ScoredBox(piece.box, piece.score - 1) for piece in found]


def _float32_from(limit: float) -> np.float32:
    """The least float32 that is not below the limit: numbers of float32 are below both or below neither."""
    rounded = np.float32(limit)
    return rounded if float(rounded) >= limit else np.nextafter(rounded, np.float32(np.inf))


def _totals(
    cells: NDArray[np.float32], max_unmatched: int, least: np.float32
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """The weight of the heaviest path to every cell, and the move that it comes by; both [rows, columns].

    A cell weighs similarity + 1, half of that when it is come to from above or from the left; of equals, the
    diagonal first, then from above. Paths start in the first row and column, and anew at a cell that would be
    the last of too many unmatched ones. Works on whole anti-diagonals, which depend only on the two before.
    """
    height, width = cells.shape
    totals = cells + np.float32(1)
    moves = np.full((height, width), _START, np.int8)
    flat_totals, flat_moves = totals.reshape(-1), moves.reshape(-1)
    # Row i of an anti-diagonal stands at i.
    before_last, last, here = np.empty((3, height), np.float32)
    unmatched_before_last, unmatched_last, unmatched_here = np.zeros((3, height), np.int32)
    before_last[0] = totals[0, 0]
    last[:2] = totals[0, 1], totals[1, 0]
    for total in range(2, height + width - 1):
        top, bottom = max(0, total - width + 1), min(total, height - 1)
        start, stop = max(1, top), min(total, height)  # rows but for those in the first row and column
        first = start * width + total - start
        cut = slice(first, first + (stop - start - 1) * (width - 1) + 1, width - 1)
        cell = flat_totals[cut].copy()
        diagonal, above, left = before_last[start - 1 : stop - 1], last[start - 1 : stop - 1], last[start:stop]

        straight = np.maximum(above, left)
        by_diagonal = diagonal + cell
        half = cell * np.float32(0.5)
        # VCSL compares the rounded sum of the one with the exact sum of the other.
        is_straight = np.add(straight, half, dtype=np.float64) > by_diagonal
        from_left = left > above
        best = np.maximum(by_diagonal, straight + half)
        move = is_straight * np.where(from_left, np.int8(RIGHT), np.int8(DOWN))

        unmatched = np.where(from_left, unmatched_last[start:stop], unmatched_last[start - 1 : stop - 1])
        unmatched = np.where(is_straight, unmatched, unmatched_before_last[start - 1 : stop - 1])
        unmatched += 1
        unmatched *= cell < least
        starts = unmatched > max_unmatched
        np.copyto(best, cell, where=starts)
        np.copyto(move, _START, where=starts)

        flat_totals[cut] = here[start:stop] = best
        flat_moves[cut] = move
        unmatched_here[start:stop] = unmatched
        if top == 0:
            here[0], unmatched_here[0] = totals[0, total], 0
        if bottom == total:
            here[total], unmatched_here[total] = totals[total, 0], 0
        before_last, last, here = last, here, before_last
        unmatched_before_last, unmatched_last, unmatched_here = (
            unmatched_last,
            unmatched_here,
            unmatched_before_last,
        )
    return totals, moves


def _heaviest_paths(totals: NDArray[np.float32], moves: NDArray[np.int8]) -> Iterator[NDArray[np.int64]]:
    """The points [n, 2] of one path after the other, each outside the rectangles around those before.

    Blanks those rectangles in both arrays.
    """
    heaviest_of_row = totals.max(axis=1)
    move_to = moves.item
    for _ in range(_PATHS):
        row = int(heaviest_of_row.argmax())  # of equals the first in the map
        if heaviest_of_row[row] == -np.inf:
            return
        column = int(totals[row].argmax())
        path = [(row, column)]
        while (move := move_to(row, column)) != _START:
            row -= move != RIGHT
            column -= move != DOWN
            if move_to(row, column) == _BLANKED:
                break
            path.append((row, column))
        points = np.array(path[::-1], np.int64)
        (top, left), (bottom, right) = points[0].tolist(), points[-1].tolist()
        totals[top : bottom + 1, left : right + 1] = -np.inf
        moves[top : bottom + 1, left : right + 1] = _BLANKED
        heaviest_of_row[top : bottom + 1] = totals[top : bottom + 1].max(axis=1)
        yield points
