"""The Temporal Network against a slow telling of the same semantics with plain dictionaries."""

from typing import Any

import numpy as np
import pytest
from maps import Box, Map, Node, boxes, iou, noisy_map

from reprise.alignment.temporal_network import find_paths


def expected_boxes(
    cells: Map,
    *,
    top_k: int = 5,
    max_step: int = 10,
    max_path: int = 10,
    min_similarity: float = 0.2,
    min_length: int = 5,
    max_iou: float = 0.3,
) -> list[Box]:
    columns = {
        q: [r for _, r in sorted((-similarity, r) for r, similarity in enumerate(row))][:top_k]
        for q, row in enumerate(cells.tolist())
    }
    nodes = [(q, r) for q, row in columns.items() for r in row]
    weights = edges_into(nodes, columns, cells, max_step, min_similarity)
    order = topological_order(nodes, weights)
    accepted: list[Box] = []
    for _ in range(max_path + 1):
        totals: dict[Node, float] = {}
        origin: dict[Node, Node] = {}
        for node in order:
            totals[node] = 0.0
            best = -1.0
            for before, weight in weights[node].items():
                if totals[before] + weight > best:
                    best = totals[before] + weight
                    if best >= 0:
                        totals[node], origin[node] = best, before
        path = [max(order, key=totals.__getitem__)]
        while path[0] in origin:
            path.insert(0, origin[path[0]])
            weights[path[1]][path[0]] = 0.0
        box = (*path[0], *path[-1])
        query_span, reference_span = box[2] - box[0], box[3] - box[1]
        if min(query_span, reference_span) > min_length:
            score = sum(float(cells[n]) for n in path) / ((query_span + reference_span) / 2)
            if score > min_similarity and all(iou(box, other) < max_iou for other in accepted):
                accepted.append(box)
    return accepted


def edges_into(
    nodes: list[Node],
    columns: dict[int, list[int]],
    cells: Map,
    max_step: int,
    min_similarity: float,
) -> dict[Node, dict[Node, float]]:
    weights: dict[Node, dict[Node, float]] = {node: {} for node in nodes}
    for q, row in columns.items():
        reached: set[int] = set()
        for q2 in range(q + 1, min(q + max_step, len(columns))):
            reached_here = set()
            for r2 in columns[q2]:
                for r in row:
                    jumps = any(r < between < r2 for between in reached)
                    near = 1 <= r2 - r <= max_step - 1
                    if near and not jumps and cells[q2, r2] >= min_similarity:
                        weights[q2, r2][q, r] = float(cells[q2, r2])
                        reached_here.add(r2)
            reached |= reached_here
    weights[nodes[-1]] = {}  # the sink of the network
    return weights


def topological_order(nodes: list[Node], weights: dict[Node, dict[Node, float]]) -> list[Node]:
    """Generation by generation; a node joins the next once its last predecessor has been seen."""
    waiting = {node: len(before) for node, before in weights.items()}
    order = []
    generation = [node for node in nodes if waiting[node] == 0]
    while generation:
        order += generation
        following = []
        for node in generation:
            for after in nodes:
                if node in weights[after]:
                    waiting[after] -= 1
                    if waiting[after] == 0:
                        following.append(after)
        generation = following
    return order


@pytest.mark.parametrize("seed", range(12))
def test_noisy_maps_give_the_paths_of_the_slow_telling(seed: int) -> None:
    cells = noisy_map(seed)

    assert boxes(find_paths(cells)) == expected_boxes(cells)


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_ties_fall_as_in_the_slow_telling(seed: int, steps: int) -> None:
    cells = noisy_map(100 + seed, steps=steps)

    assert boxes(find_paths(cells, min_length=2, max_iou=0.9)) == expected_boxes(cells, min_length=2, max_iou=0.9)


@pytest.mark.parametrize("seed", range(8))
def test_many_paths_of_equal_weight_are_told_apart_as_in_the_slow_telling(seed: int) -> None:
    # Half of all cells match, so that much of a used path can be walked round at the same weight.
    cells = np.random.default_rng(seed).integers(0, 2, (20, 20)).astype(np.float32)
    settings: dict[str, Any] = {"top_k": 4, "max_step": 4, "max_path": 20, "min_length": 1, "max_iou": 1.1}

    assert boxes(find_paths(cells, **settings)) == expected_boxes(cells, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 1, "max_step": 3},
        {"top_k": 8, "max_step": 15, "min_length": 2, "max_iou": 0.9, "min_similarity": 0.4},
        {"top_k": 3, "min_similarity": -1.0, "min_length": 1},
        {"max_path": 2, "min_length": 0},
    ],
    ids=str,
)
def test_every_setting_means_what_the_slow_telling_means(settings: dict[str, Any]) -> None:
    for seed in range(200, 204):
        cells = noisy_map(seed)

        assert boxes(find_paths(cells, **settings)) == expected_boxes(cells, **settings)
