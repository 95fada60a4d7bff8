"""What aligners take for a similarity map: real, finite numbers, [query frames, reference frames]."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.alignment.aligned import Map

# Cells that are checked or copied at a time: 1 MiB of float32, which stays in a core's cache.
_CELLS_AT_A_TIME = 1 << 18


def real_map(similarity: ArrayLike) -> NDArray[np.generic]:
    """The map as an array of whatever number type it has; not copied if it is one.

    Raises ValueError for what is not two-dimensional and real.
    """
    cells = np.asarray(similarity)
    if cells.ndim != 2 or cells.dtype.kind not in "biuf":
        raise ValueError(
            "a similarity map is a two-dimensional array of real numbers, "
            f"not {cells.ndim}-dimensional of {cells.dtype}"
        )
    return cells


def rows_at_a_time(width: int) -> int:
    """How many rows of a map with `width` columns (at least 1) are worked on at a time."""
    return max(1, _CELLS_AT_A_TIME // width)


def check_finite(rows: NDArray[np.float32], first_row: int) -> None:
    """Raises ValueError for the first cell of some rows of a map that is no finite number, and names it."""
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"the similarity of query frame {first_row + row} and reference frame {column} is "
            f"{rows[row, column]}, not a finite number"
        )


def finite_map(similarity: ArrayLike) -> Map:
    """The map as contiguous float32 [query frames, reference frames].

    It is the very array that was given if that is such a one, so it must not be written to.
    Raises ValueError for a map that is not two-dimensional, real and finite.
    """
    given = real_map(similarity)
    with np.errstate(over="ignore"):  # float64 beyond float32 is refused below, as infinite
        cells = np.ascontiguousarray(given, dtype=np.float32)
    if cells.size:
        step = rows_at_a_time(cells.shape[1])
        for start in range(0, len(cells), step):
            check_finite(cells[start : start + step], start)
    return cells
