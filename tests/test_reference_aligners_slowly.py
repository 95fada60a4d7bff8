"""DP, DTW and Hough voting against slow tellings of the same semantics, a cell at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from maps import Box, Map, Node, iou, noisy_map

from reprise.alignment.boxes import ScoredBox
from reprise.alignment.dynamic_programming import find_local_paths
from reprise.alignment.dynamic_time_warping import find_warped
from reprise.alignment.hough_voting import find_diagonals


def expected_local_paths(
    cells: Map,
    *,
    max_unmatched: int = 3,
    min_similarity: float = 0.0,
    min_mean_similarity: float = 0.3,
    min_length: int = 5,
    max_run: int = 30,
) -> list[Box]:
    weights = cells + np.float32(1)
    height, width = cells.shape
    totals: dict[Node, float] = {}
    origin: dict[Node, Node | None] = {}
    unmatched: dict[Node, int] = {}
    for q in range(height):
        for r in range(width):
            weight = float(weights[q, r])
            totals[q, r], origin[q, r], unmatched[q, r] = weight, None, 0
            if q == 0 or r == 0:
                continue
            ways = [
                (float(np.float32(totals[q - 1, r - 1] + weight)), (q - 1, r - 1)),
                (totals[q - 1, r] + weight / 2, (q - 1, r)),
                (totals[q, r - 1] + weight / 2, (q, r - 1)),
            ]
            best, before = max(ways, key=lambda way: way[0])
            if weight < 1 + min_similarity:
                unmatched[q, r] = unmatched[before] + 1
            if unmatched[q, r] <= max_unmatched:
                totals[q, r], origin[q, r] = float(np.float32(best)), before
    found = []
    for _ in range(100):
        if not totals:
            break
        node: Node | None = max(totals, key=totals.__getitem__)
        path: list[Node] = []
        while node is not None and node in totals:
            path.insert(0, node)
            node = origin[node]
        found += expected_copies(path, weights, max_run, min_length, 1 + min_mean_similarity)
        for q in range(path[0][0], path[-1][0] + 1):
            for r in range(path[0][1], path[-1][1] + 1):
                totals.pop((q, r), None)
    return found


def expected_warped(
    cells: Map, *, max_run: int = 3, min_mean_similarity: float = 0.2, min_length: int = 5
) -> list[Box]:
    height, width = cells.shape
    distances: dict[Node, float] = {(-1, -1): 0.0}
    origin: dict[Node, Node] = {}
    for q in range(height):
        for r in range(width):
            before = [(q - 1, r - 1), (q - 1, r), (q, r - 1)]
            origin[q, r] = min(before, key=lambda node: distances.get(node, np.inf))
            distances[q, r] = distances[origin[q, r]] + float(np.float32(1) - cells[q, r])
    path = [(height - 1, width - 1)]
    while path[0] != (0, 0):
        path.insert(0, origin[path[0]])
    return expected_copies(path, cells, max_run, min_length, min_mean_similarity)


def expected_copies(path: list[Node], cells: Map, max_run: int, min_length: int, min_mean: float) -> list[Box]:
    pieces: list[list[Node]] = [[]]
    for q, r in path:
        # A path that never goes back holds all points of a frame in one run; one point is none.
        if max(sum(node[0] == q for node in path), sum(node[1] == r for node in path)) > max(max_run, 1):
            pieces.append([])
        else:
            pieces[-1].append((q, r))
    found = []
    for piece in pieces:
        if len(piece) > min_length:
            box = (*piece[0], *piece[-1])
            mean = float(np.array([cells[node] for node in piece]).mean())  # rounded to float32, as VCSL's
            if mean > min_mean and min(box[2] - box[0], box[3] - box[1]) > min_length:
                found.append(box)
    return found


def expected_diagonals(
    cells: Map, *, min_similarity: float = 0.2, max_peaks: int = 100, max_iou: float = 0.9
) -> list[Box]:
    height, width = cells.shape
    peaks = []
    for offset in range(1 - height, width):
        nodes = [(q, q + offset) for q in range(height) if 0 <= q + offset < width]
        weight = sum(float(cells[node]) for node in nodes if cells[node] >= np.float32(min_similarity))
        peaks.append((weight, (*nodes[0], *nodes[-1])))
    peaks.sort(key=lambda peak: -peak[0])
    found: list[Box] = []
    for weight, box in peaks[:max_peaks]:
        if weight > 0 and all(iou(box, other) <= max_iou for other in found):
            found.append(box)
    return found


Find = Callable[..., list[ScoredBox]]
Expect = Callable[..., list[Box]]

TELLINGS = pytest.mark.parametrize(
    ("find", "expect"),
    [
        (find_local_paths, expected_local_paths),
        (find_warped, expected_warped),
        (find_diagonals, expected_diagonals),
    ],
    ids=["dp", "dtw", "hough-voting"],
)


def boxes(found: list[ScoredBox]) -> list[Box]:
    return [scored.box for scored in found]


@TELLINGS
@pytest.mark.parametrize("seed", range(24))
def test_noisy_maps_give_the_boxes_of_the_slow_telling(find: Find, expect: Expect, seed: int) -> None:
    cells = noisy_map(seed)

    assert boxes(find(cells)) == expect(cells)


@TELLINGS
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("seed", range(12))
def test_ties_fall_as_in_the_slow_telling(find: Find, expect: Expect, seed: int, steps: int) -> None:
    cells = noisy_map(100 + seed, steps=steps)

    assert boxes(find(cells)) == expect(cells)


@pytest.mark.parametrize(
    ("find", "expect"), [(find_local_paths, expected_local_paths), (find_warped, expected_warped)]
)
@pytest.mark.parametrize("seed", range(8))
def test_of_two_ways_that_mirror_each_other_the_same_is_taken(find: Find, expect: Expect, seed: int) -> None:
    # On the main diagonal of a symmetric map, the way from above weighs what the way from the left does.
    cells = np.random.default_rng(seed).choice([-1, 0, 1], (16, 16), p=[0.5, 0.2, 0.3]).astype(np.float32)
    cells = np.maximum(cells, cells.T)
    np.fill_diagonal(cells, -0.5)

    settings = {"min_length": 0, "min_mean_similarity": -1.0, "max_run": 3}
    assert boxes(find(cells, **settings)) == expect(cells, **settings) != []


@TELLINGS
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (2, 40), (40, 2), (20, 20)])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, -0.5])
def test_uniform_maps_give_the_boxes_of_the_slow_telling(
    find: Find, expect: Expect, shape: tuple[int, int], level: float
) -> None:
    cells = np.full(shape, level, np.float32)

    assert boxes(find(cells)) == expect(cells)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_unmatched": 0, "min_similarity": 0.3, "min_length": 1},
        {"max_unmatched": 9, "min_similarity": 0.6, "min_length": 2, "min_mean_similarity": 0.0},
        {"max_run": 1, "min_length": 0, "min_mean_similarity": -0.5},
        {"max_run": 2, "min_length": 1, "min_mean_similarity": 0.1},
        {"min_similarity": -1.0, "min_mean_similarity": -0.7, "max_run": 10},
    ],
    ids=str,
)
def test_every_setting_of_dp_means_what_the_slow_telling_means(settings: dict[str, Any]) -> None:
    found = 0
    for seed in range(200, 206):
        cells = noisy_map(seed)
        assert boxes(find_local_paths(cells, **settings)) == expected_local_paths(cells, **settings)
        found += len(find_local_paths(cells, **settings))
    assert found


@pytest.mark.parametrize(
    "settings",
    [
        {"max_run": 1, "min_length": 0},
        {"max_run": 2, "min_length": 1, "min_mean_similarity": 0.3},
        {"max_run": 9, "min_length": 3, "min_mean_similarity": 0.1},
        {"max_run": 30, "min_mean_similarity": -1.0},
    ],
    ids=str,
)
def test_every_setting_of_dtw_means_what_the_slow_telling_means(settings: dict[str, Any]) -> None:
    found = 0
    for seed in range(200, 212):
        cells = noisy_map(seed)
        assert boxes(find_warped(cells, **settings)) == expected_warped(cells, **settings)
        found += len(find_warped(cells, **settings))
    assert found


@pytest.mark.parametrize(
    "settings",
    [
        {"max_peaks": 3},
        {"max_iou": 0.3, "min_similarity": 0.4},
        {"max_iou": 1.0, "min_similarity": 0.0},
        {"min_similarity": -1.0},
        {"max_peaks": 0},
    ],
    ids=str,
)
def test_every_setting_of_hough_voting_means_what_the_slow_telling_means(settings: dict[str, Any]) -> None:
    for seed in range(200, 206):
        cells = noisy_map(seed)
        assert boxes(find_diagonals(cells, **settings)) == expected_diagonals(cells, **settings)
