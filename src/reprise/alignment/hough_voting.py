"""Hough voting: the diagonals of a similarity map that hold the most similarity.

Semantics are those of VCSL's aligner HV (He et al., CVPR 2022, after Douze et al., "INRIA-LEAR's video copy
detection system", TRECVID 2008): the boxes are the same, in the same order. A diagonal is one difference
between the times in both videos, so no change of speed is seen, and a box is a whole diagonal: it says which
difference, hardly which stretch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.boxes import Box, ScoredBox, overlap
from reprise.alignment.similarity_map import finite_map


def find_diagonals(
    similarity: ArrayLike,
    *,
    min_similarity: float = 0.2,
    max_peaks: int = 100,
    max_iou: float = 0.9,
) -> list[ScoredBox]:
    """Boxes around the heaviest diagonals of a similarity map, heaviest first.

    similarity: [query frames, reference frames], real and finite, of any number type and memory order; it is
        read as float32 and not modified.
    min_similarity: cells below count as 0 in the sum that a diagonal weighs (VCSL's min_sim).
    max_peaks: so many of the heaviest diagonals are looked at; of equal ones, those that start latest in the
        query, then those that start earliest in the reference, come first (VCSL's max_peaks).
    max_iou: a box overlaps every box before it by at most this, or is left out (VCSL's iou_thresh).

    Scores are the sum over the diagonal's length. Diagonals that weigh nothing are no boxes; an empty map has none.

    Raises ValueError for a map that is not two-dimensional, real and finite, and for a setting out of range.
    """
    if not np.isfinite(min_similarity):
        raise ValueError(f"min_similarity must be a finite number, not {min_similarity}")
    for name, value in (("max_peaks", max_peaks), ("max_iou", max_iou)):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    cells = finite_map(similarity)
    if not cells.size:
        return []
    weights = _diagonal_weights(cells, np.float32(min_similarity))
    heaviest = np.argsort(-weights, kind="stable")[:max_peaks]
    found: list[ScoredBox] = []
    for index in heaviest[weights[heaviest] > 0].tolist():
        box = _box_of(index - (len(cells) - 1), cells.shape)
        if all(overlap(box, other.box) <= max_iou for other in found):
            found.append(ScoredBox(box, float(weights[index]) / (box[2] - box[0] + 1)))
    return found


def _diagonal_weights(cells: NDArray[np.float32], least: np.float32) -> NDArray[np.float32]:
    """The sum of the cells from `least` on of every diagonal, from the lower left corner to the upper right one.

    Each is summed by itself as float32, in NumPy's order: equal and nearly equal diagonals are many, and their
    order is that of the rounded sums.
    """
    height, width = cells.shape
    flat = cells.reshape(-1)
    weights = np.empty(height + width - 1, np.float32)
    for index in range(len(weights)):
        row, column, last_row, _ = _box_of(index - (height - 1), cells.shape)
        first = row * width + column
        diagonal = flat[first : first + (last_row - row) * (width + 1) + 1 : width + 1]
        weights[index] = np.add.reduce(np.where(diagonal < least, np.float32(0), diagonal))
    return weights


def _box_of(offset: int, shape: tuple[int, ...]) -> Box:
    """The box around the diagonal on which the reference frame is the query frame + `offset`."""
    height, width = shape
    first, last = max(0, -offset), min(height, width - offset) - 1
    return first, first + offset, last, last + offset
