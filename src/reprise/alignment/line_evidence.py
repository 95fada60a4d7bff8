"""Whether a line through a similarity map is a copy: what speaks for it, as numbers, and the odds of these.

The line of a copy stands out of what lies beside it, and a copy of several shots shows a chain of bright blocks;
a scene that merely looks alike shows one block without a line. A small network weighs the numbers; it is trained on
simulated maps alone (`scripts/train_line_evidence.py`).
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.excess import OUTSIDE, Excess, Floats, Positions
from reprise.alignment.line import Line, cells_of

NAMES = (
    "excess",  # median over the line
    "similarity",  # likewise, background and all
    "log_frames",
    "filled",  # weight per frame, in the line's own level
    "stands_out",  # mean excess over the cells a little beside the line
    "stands_out_z",  # the same in standard errors
    "far_contrast",  # mean excess over the cells 8 to 16 columns away
    "unusual_speed",
    "backwards",
    "row_band",  # background of its rows, over that of the map
    "column_band",
    "box_fill",  # share of the cells of its box that are as bright as it
    "column_variety",  # how much its columns differ in the rest of the map: those of a static shot hardly do
    "row_run",  # logarithm of how many cells of its rows are as bright as it, for each of its columns
    "column_run",  # likewise of its columns, for each of its rows
    "spread",  # standard deviation along the line
    "alike",  # share of its cells over the threshold
    "goes_on_before",  # excess on the line just before and after its ends, in its own level
    "goes_on_after",
    "below_best",  # how far its level is below that of the map's best line
    "over_noise",  # its level in standard deviations of the map
)
_FAR = np.array([-16, -12, -8, 8, 12, 16])
_ENDS = 3  # frames that are looked at beyond either end
_BOX_SAMPLES = 12
_LINE_SAMPLES = 8
_OTHER_SAMPLES = 16
_MAP_SAMPLES = 96
_LAYERS = 3


def evidence(excess: Excess, lines: list[Line]) -> Floats:
    """[lines, len(NAMES)] float32: the evidence of all lines of a map."""
    table = np.array([_of_line(excess, line) for line in lines], np.float32)
    table[:, NAMES.index("below_best")] = table[:, 0] - table[:, 0].max()
    return table


def _of_line(excess: Excess, line: Line) -> list[float]:
    rows = line.rows()
    columns = line.columns(rows)
    cells = np.clip(cells_of(excess, line), -1, 1)
    inside = np.clip(columns, 0, excess.width - 1)
    stands_out, stands_out_z = _stands_out(excess, line, rows, columns, cells)
    far = excess.at(rows[:, None], columns[:, None] + _FAR)
    on_map = far > OUTSIDE
    contrast = float((cells[:, None] - far)[on_map].mean()) if on_map.any() else 0.0
    return [
        line.level,
        line.level + excess.level,
        math.log(line.frames),
        line.weight / max(line.level, 0.05) / line.frames,
        stands_out,
        stands_out_z,
        contrast,
        abs(math.log(abs(line.speed))),
        float(line.speed < 0),
        float(excess.row_bands[rows].mean()),
        float(excess.column_bands[inside].mean()),
        _box_fill(excess, line),
        *_surroundings(excess, line),
        float(cells.std()),
        float((cells > excess.threshold).mean()),
        _goes_on(excess, line, np.arange(line.first - _ENDS, line.first)),
        _goes_on(excess, line, np.arange(line.last, line.last + _ENDS)),
        0.0,
        line.level / excess.deviation / 10,
    ]


def _stands_out(
    excess: Excess, line: Line, rows: Positions, columns: Positions, cells: Floats
) -> tuple[float, float]:
    step = max(2, round(2 * abs(line.speed)))
    beside = excess.at(rows[:, None], columns[:, None] + np.array([-step - 1, -step, step, step + 1]))
    on_map = beside > OUTSIDE
    counts = on_map.sum(axis=1)
    means = np.where(on_map, beside, 0).sum(axis=1) / np.maximum(counts, 1)
    apart = (cells - means)[counts > 0]
    if len(apart) < 2:
        return 0.0, 0.0
    mean = float(apart.mean())
    return mean, min(max(mean / (float(apart.std()) + 0.02) * math.sqrt(len(apart)), -5.0), 30.0)


def _box_fill(excess: Excess, line: Line) -> float:
    _, start, _, end = line.box(excess.width)
    rows = np.linspace(line.first, line.last - 1, min(line.frames, _BOX_SAMPLES)).astype(np.int64)
    columns = np.linspace(start, max(start, end - 1), _BOX_SAMPLES).astype(np.int64)
    return float((excess.at(rows[:, None], columns[None]) > 0.6 * line.level).mean())


def _surroundings(excess: Excess, line: Line) -> tuple[float, float, float]:
    """column_variety, row_run and column_run."""
    _, start, _, end = line.box(excess.width)
    rows = np.linspace(line.first, line.last - 1, _LINE_SAMPLES).astype(np.int64)
    columns = np.linspace(start, max(start, end - 1), _LINE_SAMPLES).astype(np.int64)
    other_rows = _outside(line.first, line.last, excess.height)
    spread = excess.at(other_rows[:, None], columns[None]).std(axis=1)
    variety = min(float(spread.mean()) / excess.deviation, 3.0) if len(spread) else 0.5
    limit = 0.6 * line.level
    all_columns = np.linspace(0, excess.width - 1, min(excess.width, _MAP_SAMPLES)).astype(np.int64)
    all_rows = np.linspace(0, excess.height - 1, min(excess.height, _MAP_SAMPLES)).astype(np.int64)
    row_run = float((excess.at(rows[:, None], all_columns[None]) > limit).mean()) * excess.width
    column_run = float((excess.at(all_rows[:, None], columns[None]) > limit).mean()) * excess.height
    return variety, math.log((row_run + 1) / (end - start + 1)), math.log((column_run + 1) / (line.frames + 1))


def _outside(first: int, last: int, length: int) -> Positions:
    """At most _OTHER_SAMPLES positions from 0 to `length` that are not within [first, last), evenly."""
    left = max(0, length - (last - first))
    places = np.linspace(0, left - 1, min(left, _OTHER_SAMPLES)).astype(np.int64)
    return np.where(places < first, places, places + last - first)


def _goes_on(excess: Excess, line: Line, rows: Positions) -> float:
    rows = rows[(rows >= 0) & (rows < excess.height)]
    cells = excess.at(rows, line.columns(rows))
    cells = cells[cells > OUTSIDE]
    return float(cells.mean()) / max(line.level, 0.05) if len(cells) else -0.5


def odds(table: Floats) -> Floats:
    """[lines] float32 in 0 to 1: how likely each row of evidence is that of a copy.

    Several small networks of tanh units, trained apart, whose logits are averaged.
    """
    weights = _networks()
    hidden = np.clip((table - weights["mean"]) / weights["deviation"], -4, 4)
    for layer in range(_LAYERS):
        hidden = hidden @ weights[f"weight{layer}"] + weights[f"bias{layer}"]
        if layer < _LAYERS - 1:
            hidden = np.tanh(hidden)
    return np.asarray(1 / (1 + np.exp(-hidden[..., 0].mean(axis=0))), np.float32)


@cache
def _networks() -> dict[str, NDArray[np.float32]]:
    with resources.as_file(resources.files("reprise.weights") / "lines-1.npz") as path, np.load(path) as saved:
        return {name: saved[name] for name in saved.files}
