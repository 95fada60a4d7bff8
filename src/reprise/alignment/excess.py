"""How far every cell of a similarity map stands above its background, and the best cells of every row.

Frames that resemble everything (black ones, credits, a channel's frame around the picture) lift a whole row or
column of the map; unrelated footage lies at a level of its own in every pair. Both are taken off, so that what is
left can be read the same way in all maps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.similarity_map import check_finite, real_map, rows_at_a_time
from reprise.views import best_of_views

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]
Part = slice | Positions  # some rows or columns of a map

OUTSIDE = np.float32(-9.0)  # stands for a cell beside the map

_SAMPLED = 96  # rows and columns from which the background is told
_BACKGROUND_SHARE = 0.35  # of a row's cells: those below its background, if it holds no copy
_HIGHEST_LEVEL = 0.35  # a map that is brighter than this all over is alike, not bright ground
_HIGHEST_BAND = 0.1  # of a row above the level of the map: a short reference may be alike in all its columns
_LOWEST_BAND = -0.3
_LEAST_DEVIATION = 0.02
_LEAST_THRESHOLD = 0.08
_THRESHOLD_DEVIATIONS = 2.0
# The brightest alike cells that are kept: a line needs only one of its cells to be found.
_MOST_HITS = 1000
_MOST_HITS_PER_ROW = 1


@dataclass(frozen=True, slots=True)
class Excess:
    """A similarity map less its background.

    `cells` is [query frames * (reference frames + 1)] float32, row by row; the last cell of a row is OUTSIDE.
    """

    cells: Floats
    height: int  # query frames
    width: int  # reference frames
    level: float  # similarity of unrelated frames
    deviation: float  # spread of unrelated cells
    threshold: float  # from which a cell counts as alike
    row_bands: Floats  # [height] how far the background of each row is above that of most
    column_bands: Floats  # [width] likewise, once the rows' are taken off
    rows: Positions  # [hits] query frames of the cells that are among the best of their row and alike
    columns: Positions  # [hits] reference frames of these cells
    values: Floats  # [hits] their excess

    def at(self, rows: Positions, columns: Positions) -> Floats:
        """Excess of cells by their rows, inside the map, and columns, which may lie beside it: then OUTSIDE."""
        # As unsigned numbers, negative columns are beyond the last one too.
        inside = np.minimum(columns.view(np.uint64), np.uint64(self.width)).view(np.int64)
        return self.cells.take(rows * (self.width + 1) + inside)


def excess_of_map(similarity: ArrayLike, hits_per_row: int) -> Excess:
    """The excess of a similarity map [query frames, reference frames], which is read as float32 and not modified.

    Raises ValueError for a map that is not two-dimensional, real and finite, or has no cell.
    """
    cells = real_map(similarity)

    def part(rows: Part, columns: Part) -> Floats:
        with np.errstate(over="ignore"):  # float64 beyond float32 is refused below, as infinite
            return np.asarray(cells[rows, columns], dtype=np.float32)

    return _excess(part, cells.shape[0], cells.shape[1], hits_per_row)


def excess_of_matrices(
    query: Floats, reference: Floats, hits_per_row: int, frame_of: NDArray[np.int64] | None = None
) -> Excess:
    """The excess of the map query x reference, made a block of rows at a time.

    query: [views, dim] float32, rows L2-normalised. reference: [reference frames, dim] likewise. frame_of: [views]
    the query frame that each view is of (see reprise.views); left out, each is a frame of its own.
    Raises ValueError as `excess_of_map`.
    """
    silent = _silent(reference)
    if frame_of is None:

        def part(rows: Part, columns: Part) -> Floats:
            return np.asarray(query[rows] @ reference[columns].T, dtype=np.float32)

        return _excess(part, len(query), len(reference), hits_per_row, silent)

    starts = np.append(np.flatnonzero(np.diff(frame_of, prepend=-1)), len(frame_of))

    def best_part(rows: Part, columns: Part) -> Floats:
        frames = np.arange(len(starts) - 1)[rows]
        views = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in frames])
        return best_of_views(query[views] @ reference[columns].T, frame_of[views])

    return _excess(best_part, len(starts) - 1, len(reference), hits_per_row, silent)


def _silent(reference: Floats) -> Positions:
    """The reference frames that are not to be looked at, whose vectors are 0."""
    return np.flatnonzero(~np.any(reference, axis=1))


def _excess(
    part: Callable[[Part, Part], Floats],
    height: int,
    width: int,
    hits_per_row: int,
    silent: Positions | None = None,
) -> Excess:
    """`silent`: columns that say nothing, neither of the others' background nor for or against a copy."""
    if height == 0 or width == 0:
        raise ValueError("a similarity map without cells")
    everything = slice(None)
    some_rows = slice(None, None, max(1, height // _SAMPLED))
    heard = np.arange(width)
    if silent is not None and len(silent) < width:
        heard = np.delete(heard, silent)
    some_columns = heard[:: max(1, len(heard) // _SAMPLED)]
    by_row, by_column = part(everything, some_columns), part(some_rows, everything)
    step = rows_at_a_time(width)
    if not np.isfinite(by_row.sum() + by_column.sum()):
        for start in range(0, height, step):
            check_finite(part(slice(start, start + step), everything), start)
    sample = by_column[:, some_columns]
    level = _level(sample)
    row_bands = _bands(by_row)
    row_base = level + _limited(row_bands)
    column_bands = np.zeros(width, np.float32)
    column_bands[heard] = _bands((by_column[:, heard] - row_base[some_rows][:, None]).T)
    column_base = _limited(column_bands)
    residuals = sample - row_base[some_rows][:, None] - column_base[some_columns]
    deviation = _deviation(residuals[sample < _HIGHEST_LEVEL] if level < np.median(sample) else residuals)
    threshold = max(_LEAST_THRESHOLD, _THRESHOLD_DEVIATIONS * deviation)

    cells = np.empty((height, width + 1), np.float32)
    cells[:, width] = OUTSIDE
    found: list[tuple[Positions, Positions, Floats]] = []
    for start in range(0, height, step):
        rows = slice(start, start + step)
        similarity = part(rows, everything)
        if not np.isfinite(similarity.sum()):
            check_finite(similarity, start)
        block = cells[rows, :width]
        np.subtract(similarity, row_base[rows, None] + column_base, out=block)
        if silent is not None:
            block[:, silent] = 0
        found += _best(block, start, hits_per_row, threshold)
    hit_rows, hit_columns, values = (np.concatenate(part) for part in zip(*found, strict=True))
    if len(values) > (most := _MOST_HITS + _MOST_HITS_PER_ROW * height):
        brightest = np.sort(np.argpartition(-values, most)[:most])
        hit_rows, hit_columns, values = hit_rows[brightest], hit_columns[brightest], values[brightest]
    return Excess(
        cells=cells.reshape(-1),
        height=height,
        width=width,
        level=level,
        deviation=deviation,
        threshold=threshold,
        row_bands=row_bands,
        column_bands=column_bands,
        rows=hit_rows,
        columns=hit_columns,
        values=values,
    )


def _level(sample: Floats) -> float:
    """The similarity of unrelated frames: the median, of what is not bright if most of the map is."""
    level = float(np.median(sample))
    if level < _HIGHEST_LEVEL:
        return level
    dark = sample[sample < _HIGHEST_LEVEL]
    return float(np.median(dark)) if len(dark) else _HIGHEST_LEVEL


def _bands(similarity: Floats) -> Floats:
    """How far the background of every row is above that of most rows; 0 where most of the map is alike."""
    place = int(_BACKGROUND_SHARE * (similarity.shape[1] - 1))
    ground = np.partition(similarity, place, axis=1)[:, place]
    usual = np.median(ground)
    return np.asarray(ground - usual if usual < _HIGHEST_LEVEL else np.zeros_like(ground), np.float32)


def _limited(bands: Floats) -> Floats:
    """What of the bands is taken off the map."""
    return np.asarray(np.clip(bands, _LOWEST_BAND, _HIGHEST_BAND))


def _deviation(residuals: Floats) -> float:
    """Standard deviation of the cells without a copy, by the median of absolute deviations.

    Of the lower half alone if that is less: bright stretches are no noise.
    """
    if not residuals.size:
        return _LEAST_DEVIATION
    middle = np.median(residuals)
    apart = np.abs(residuals - middle)
    below = apart[residuals <= middle]
    return max(_LEAST_DEVIATION, 1.4826 * float(min(np.median(below), np.median(apart))))


def _best(block: Floats, first_row: int, count: int, threshold: float) -> list[tuple[Positions, Positions, Floats]]:
    """The `count` best cells of every row that are at least `threshold`, best first; the block is left as it was."""
    rows = np.arange(len(block))
    taken: list[tuple[Positions, Floats]] = []
    found = []
    for _ in range(min(count, block.shape[1])):
        columns = block.argmax(axis=1)
        values = block[rows, columns]
        alike = values >= threshold
        found.append((rows[alike] + first_row, columns[alike], values[alike]))
        if not alike.any():
            break
        taken.append((columns, values))
        block[rows, columns] = OUTSIDE
    for columns, values in taken:
        block[rows, columns] = values
    return found
