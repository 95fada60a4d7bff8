"""Similarity maps for tests: planted copies that can be checked by eye, and noise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from reprise.alignment.temporal_network import AlignedPath

Map = NDArray[np.float32]
Node = tuple[int, int]
Box = tuple[int, int, int, int]


def similarity_map(shape: tuple[int, int], *copies: Iterable[Node], level: float = 0.9) -> Map:
    """A map that is near 0 but for the cells of the copies, and rises slightly to the right.

    So the best columns of a row without a copy are the last ones, from where nothing leads to a copy.
    """
    cells = np.tile(np.linspace(0, 0.01, shape[1], dtype=np.float32), (shape[0], 1))
    for copy in copies:
        for query, reference in copy:
            cells[query, reference] = level
    return cells


def run(query: int, reference: int, frames: int) -> list[Node]:
    """Cells of a copy at normal speed, from its first frames on."""
    return [(query + i, reference + i) for i in range(frames)]


def boxes(paths: Iterable[AlignedPath]) -> list[Box]:
    return [path.box for path in paths]


def iou(one: Box, other: Box) -> float:
    def frames(box: Box) -> set[Node]:
        return {(q, r) for q in range(box[0], box[2] + 1) for r in range(box[1], box[3] + 1)}

    return len(frames(one) & frames(other)) / len(frames(one) | frames(other))


def noisy_map(seed: int, *, steps: int | None = None) -> Map:
    """A small map of noise with up to three planted diagonals of any speed; `steps` makes ties."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 36, size=2)
    cells = rng.normal(0.15, 0.15, (height, width))
    for _ in range(rng.integers(0, 4)):
        query, reference, speed = rng.integers(height), rng.integers(width), rng.uniform(0.4, 2.0)
        for i in range(rng.integers(4, 30)):
            row, column = query + i, reference + int(i * speed)
            if row < height and column < width:
                cells[row, column] = rng.normal(0.7, 0.1)
    if steps is not None:
        cells = np.round(cells * steps) / steps
    return cells.astype(np.float32)
