"""Where lines may run: cells that are the best of their row and have more of the kind before and after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.excess import OUTSIDE, Excess, Floats, Positions

SLOWEST, FASTEST = 0.4, 2.5
_SPEEDS = np.array([0.45, 0.7, 1.0, 1.4, 1.95, 2.4])
_REACH = 4  # frames before and after a cell that are looked at
_LOWEST_EXCESS = np.float32(-0.15)
_HIGHEST_SHARE, _HIGHEST_MARGIN = np.float32(1.3), np.float32(0.05)  # of the seed's own value
_BESIDE_THE_MAP = np.float32(-1.0)
_HITS_AT_A_TIME = 1 << 13
_MIN_STRENGTH = 0.35
_MIN_DEVIATIONS = 5.0  # of the map's cells
_MIN_SHARE = 0.2  # of the strongest seed
# Unusual speeds and direction need more to speak for them, in cells of the line's own level.
UNUSUAL_COST = 0.5
BACKWARDS_COST = 0.15


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of lines, strongest first."""

    rows: Positions
    columns: Positions
    values: Floats  # excess of the cell
    speeds: Floats  # negative backwards
    strengths: Floats  # sum of the excess over the threshold along the best short line through the cell

    def __len__(self) -> int:
        return len(self.rows)


def unusual(speeds: NDArray[np.float64]) -> NDArray[np.float64]:
    """What speeds cost, in cells of the line's level."""
    return np.asarray(UNUSUAL_COST * np.abs(np.log(np.abs(speeds))) + BACKWARDS_COST * (speeds < 0))


def find_seeds(excess: Excess) -> Seeds:
    """The seeds among the map's best cells that are strong enough to be worth a look."""
    speeds = np.concatenate((_SPEEDS, -_SPEEDS))
    cost = unusual(speeds).astype(np.float32)[:, None]
    best_speeds = np.empty(len(excess.rows), np.float32)
    strengths = np.empty(len(excess.rows), np.float32)
    for start in range(0, len(excess.rows), _HITS_AT_A_TIME):
        part = slice(start, start + _HITS_AT_A_TIME)
        rows, columns = excess.rows[part], excess.columns[part]
        values = np.minimum(excess.values[part], np.float32(1.0))
        limits = np.maximum(np.float32(excess.threshold), np.float32(0.5) * values)
        highest = _HIGHEST_SHARE * values + _HIGHEST_MARGIN
        before = _best_sums(excess, rows, columns, limits, highest, speeds, range(-1, -_REACH - 1, -1))
        after = _best_sums(excess, rows, columns, limits, highest, speeds, range(1, _REACH + 1))
        strength = values - limits + before + after - cost * values
        best = strength.argmax(axis=0)
        best_speeds[part] = speeds[best]
        strengths[part] = strength[best, np.arange(len(best))]
    order = np.argsort(-strengths, kind="stable")
    if len(order):
        enough = max(_MIN_STRENGTH, _MIN_DEVIATIONS * excess.deviation, _MIN_SHARE * float(strengths[order[0]]))
        order = order[strengths[order] >= enough]
    return Seeds(
        excess.rows[order], excess.columns[order], excess.values[order], best_speeds[order], strengths[order]
    )


def _best_sums(
    excess: Excess,
    rows: Positions,
    columns: Positions,
    limits: Floats,
    highest: Floats,
    speeds: NDArray[np.float64],
    steps: range,
) -> Floats:
    """[speeds, cells] the greatest sum of gains of the first so many steps away from a cell, at least 0."""
    sums = np.zeros((len(speeds), len(rows)), np.float32)
    best = np.zeros_like(sums)
    for step in steps:
        beside = rows + step
        on_map = (beside >= 0) & (beside < excess.height)
        across = np.floor(speeds * step + 0.5).astype(np.int64)
        cells = excess.at(np.where(on_map, beside, 0), columns + across[:, None])
        # A faint cell beside a bright line is no seed of it.
        gains = np.minimum(np.maximum(cells, _LOWEST_EXCESS), highest) - limits
        gains[(cells <= OUTSIDE) | ~on_map] = _BESIDE_THE_MAP
        sums += gains
        np.maximum(best, sums, out=best)
    return best
