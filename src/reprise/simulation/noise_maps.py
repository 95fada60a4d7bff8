"""Similarity maps drawn cell by cell: Gaussian noise, and copies as bright lines with soft rims."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reprise.simulation.plans import Plan, Planted

Cells = NDArray[np.float64]  # [query frames, reference frames]

KINDS = (
    "single",
    "speed",
    "multi",
    "reversed",
    "loop",
    "loop_reference",
    "gap",
    "lowcontrast",
    "short",
    "negative",
    "hard_negative",
    "uniform",
    "band_negative",
)
_LINE_DEVIATION = 0.06
_FAINT_DEVIATIONS = 2.6  # of the noise: a line that is nearer to its background is none
_BANDS_SHARE = 0.08  # of the maps that have bands though they need not


def noise_map(rng: np.random.Generator, plan: Plan) -> Cells:
    """The map of a plan; what it is like depends on the plan's kind. Cells may lie beyond -1 and 1.

    Of kind "uniform", all cells are drawn from 0 to 1 alike: similarities that mean nothing.
    """
    shape = plan.query_frames, plan.reference_frames
    if plan.kind == "uniform":
        return rng.random(shape)
    level, deviation = rng.uniform(0, 0.22), rng.uniform(0.05, 0.1)
    cells = rng.normal(level, deviation, shape)
    if plan.kind == "hard_negative":
        _add_blocks(rng, cells)
    for segment in plan.segments:
        _add_line(rng, cells, segment, plan.kind, level, deviation)
    if plan.kind == "band_negative" or rng.random() < _BANDS_SHARE:
        _add_bands(rng, cells)
    return cells


def dropped_runs(rng: np.random.Generator, frames: int) -> NDArray[np.bool_]:
    """[frames] which frames of a copy show something else: one to three short runs, not at its very ends."""
    dropped = np.zeros(frames, np.bool_)
    for _ in range(rng.integers(1, 4)):
        length = int(rng.integers(2, max(3, min(8, frames // 4))))
        start = int(rng.integers(1, max(2, frames - length - 1)))
        dropped[start : start + length] = True
    return dropped


def _add_blocks(rng: np.random.Generator, cells: Cells) -> None:
    """Scenes that look alike: brighter rectangles without a line."""
    height, width = cells.shape
    for _ in range(rng.integers(1, 4)):
        rows, columns = rng.integers(5, 40, 2)
        row, column = rng.integers(0, max(1, height - rows)), rng.integers(0, max(1, width - columns))
        cells[row : row + rows, column : column + columns] += rng.uniform(0.15, 0.35)


def _add_line(
    rng: np.random.Generator, cells: Cells, segment: Planted, kind: str, level: float, deviation: float
) -> None:
    if kind == "lowcontrast":
        brightness = max(rng.uniform(0.3, 0.55), level + _FAINT_DEVIATIONS * deviation)
    else:
        brightness = rng.uniform(0.5, 0.95)
    rows = segment.query_frames()
    last = min(cells.shape[1], int(np.ceil(segment.reference_end))) - 1
    columns = np.clip(segment.reference_times().astype(np.int64), segment.reference_start, last)
    if kind == "gap":
        shown = ~dropped_runs(rng, segment.frames)
        rows, columns = rows[shown], columns[shown]
    near = rng.uniform(0.3, 0.5)
    for beside, share in ((-2, 0.1), (-1, near), (1, near), (2, 0.1)):
        on_map = (columns + beside >= 0) & (columns + beside < cells.shape[1])
        place = rows[on_map], columns[on_map] + beside
        rim = level + (brightness - level) * share + rng.normal(0, 0.7 * deviation, int(on_map.sum()))
        cells[place] = np.maximum(cells[place], rim)
    cells[rows, columns] = rng.normal(brightness, _LINE_DEVIATION, len(rows))


def _add_bands(rng: np.random.Generator, cells: Cells) -> None:
    """Frames that resemble everything, as black ones and credits do: bright rows and columns."""
    for _ in range(rng.integers(1, 4)):
        lines = cells if rng.random() < 0.5 else cells.T
        thickness = int(rng.integers(1, min(25, len(lines))))
        start = int(rng.integers(0, len(lines) - thickness + 1))
        band = lines[start : start + thickness]
        np.maximum(band, rng.uniform(0.2, 0.97) + rng.normal(0, 0.04, band.shape), out=band)
