"""The Temporal Network aligner: what it finds, what it leaves out, and its paths node by node."""

from collections.abc import Iterable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.alignment.temporal_network import AlignedPath, find_paths, tightened

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


# What is found


def test_a_copied_block_is_found_at_its_offset() -> None:
    found = find_paths(similarity_map((40, 60), run(8, 31, 20)))

    assert boxes(found) == [(8, 31, 27, 50)]


def test_the_ends_are_the_last_frames_of_the_copy_and_not_the_ones_after() -> None:
    (path,) = find_paths(similarity_map((40, 60), run(8, 31, 20)))

    assert (path.query_start, path.reference_start) == (8, 31)
    assert (path.query_end, path.reference_end) == (8 + 19, 31 + 19)


def test_the_nodes_are_the_matched_frames_in_order() -> None:
    (path,) = find_paths(similarity_map((30, 30), run(4, 10, 9)))

    assert path.nodes.tolist() == [[4 + i, 10 + i] for i in range(9)]
    assert path.nodes.dtype == np.int64


def test_the_score_is_the_sum_of_similarities_over_the_mean_span() -> None:
    (path,) = find_paths(similarity_map((30, 30), run(4, 10, 9), level=0.5))

    assert path.similarity_sum == pytest.approx(4.5)
    assert path.score == pytest.approx(4.5 / 8)
    assert path.mean_similarity == pytest.approx(0.5)


def test_the_score_can_exceed_one() -> None:
    (path,) = find_paths(similarity_map((30, 30), run(4, 10, 9), level=1.0))

    assert path.score == pytest.approx(9 / 8)


@pytest.mark.parametrize(
    ("cells", "box"),
    [
        ([(5 + i, 3 + 2 * i) for i in range(12)], (5, 3, 16, 25)),
        ([(2 + 2 * i, 7 + i) for i in range(12)], (2, 7, 24, 18)),
        ([(i * 3, i * 2) for i in range(9)], (0, 0, 24, 16)),
    ],
    ids=["twice as fast", "half as fast", "two thirds"],
)
def test_a_copy_at_another_speed_is_found(cells: list[Node], box: Box) -> None:
    assert boxes(find_paths(similarity_map((30, 30), cells))) == [box]


def test_several_copies_are_found_the_heaviest_first() -> None:
    first, second, third = run(2, 40, 8), run(20, 3, 16), run(50, 24, 12)

    found = find_paths(similarity_map((70, 60), first, second, third))

    assert boxes(found) == [(20, 3, 35, 18), (50, 24, 61, 35), (2, 40, 9, 47)]


def test_a_stretch_that_is_copied_twice_is_found_twice() -> None:
    found = find_paths(similarity_map((50, 20), run(3, 2, 15), run(30, 2, 12)))

    assert boxes(found) == [(3, 2, 17, 16), (30, 2, 41, 13)]


def test_a_gap_shorter_than_max_step_is_bridged() -> None:
    copy = similarity_map((60, 60), run(5, 10, 10), run(23, 28, 10))

    assert boxes(find_paths(copy, max_step=10)) == [(5, 10, 32, 37)]


def test_a_gap_of_max_step_parts_two_copies() -> None:
    copy = similarity_map((60, 60), run(5, 10, 10), run(24, 29, 10))

    assert boxes(find_paths(copy, max_step=10)) == [(5, 10, 14, 19), (24, 29, 33, 38)]
    assert boxes(find_paths(copy, max_step=11)) == [(5, 10, 33, 38)]


def test_a_reversed_copy_is_not_found() -> None:
    assert find_paths(similarity_map((30, 30), [(5 + i, 25 - i) for i in range(20)])) == []


def test_the_first_node_may_be_below_min_similarity() -> None:
    cells = similarity_map((20, 20), run(5, 5, 10))
    cells[3, 3] = 0.1

    (path,) = find_paths(cells, top_k=1, min_similarity=0.2)

    assert path.nodes[:2].tolist() == [[3, 3], [5, 5]]


def test_the_worst_match_of_the_last_row_is_no_part_of_a_path() -> None:
    cells = similarity_map((20, 20), run(5, 5, 15))

    assert boxes(find_paths(cells, top_k=1)) == [(5, 5, 18, 18)]
    assert boxes(find_paths(cells, top_k=2)) == [(5, 5, 19, 19)]


# What the settings leave out


@pytest.mark.parametrize(("frames", "count"), [(6, 0), (7, 1)])
def test_spans_must_exceed_min_length(frames: int, count: int) -> None:
    cells = similarity_map((30, 30), run(4, 10, frames))

    assert len(find_paths(cells, min_length=5)) == count


def test_min_length_holds_for_the_shorter_of_both_spans() -> None:
    cells = similarity_map((30, 30), [(2 + 3 * i, 7 + i) for i in range(6)])

    assert find_paths(cells, min_length=5) == []
    assert boxes(find_paths(cells, min_length=4)) == [(2, 7, 17, 12)]


def test_min_similarity_parts_copies_from_chance_matches() -> None:
    cells = similarity_map((60, 60), run(5, 30, 10), level=0.8)
    cells += similarity_map((60, 60), run(40, 5, 10), level=0.4)

    assert boxes(find_paths(cells, min_similarity=0.2)) == [(5, 30, 14, 39), (40, 5, 49, 14)]
    assert boxes(find_paths(cells, min_similarity=0.5)) == [(5, 30, 14, 39)]


def test_a_path_scores_above_min_similarity_or_is_left_out() -> None:
    sparse = similarity_map((60, 60), [(3 * i, 3 * i) for i in range(15)], level=0.6)

    (path,) = find_paths(sparse, min_similarity=0.2)

    assert path.score == pytest.approx(15 * 0.6 / 42)
    assert find_paths(sparse, min_similarity=0.22) == []


def test_a_box_that_overlaps_an_accepted_one_by_max_iou_is_left_out() -> None:
    # Two parallel copies two columns apart: boxes of 20 x 20 frames that share 20 x 18.
    cells = similarity_map((30, 40), run(5, 5, 20), run(5, 7, 20))
    shared = 20 * 18 / (2 * 20 * 20 - 20 * 18)

    apart = find_paths(cells, max_iou=shared + 0.001, max_step=2)
    together = find_paths(cells, max_iou=shared - 0.001, max_step=2)

    assert boxes(apart) == [(5, 5, 24, 24), (5, 7, 24, 26)]
    assert boxes(together) == [(5, 5, 24, 24)]


def test_max_path_searches_one_round_more_than_it_says() -> None:
    cells = similarity_map((90, 90), run(2, 70, 9), run(30, 40, 8), run(60, 5, 7))

    assert [len(find_paths(cells, max_path=rounds)) for rounds in (0, 1, 2)] == [1, 2, 3]


def test_a_rejected_path_takes_a_round() -> None:
    cells = similarity_map((90, 90), run(2, 70, 6), level=1.0)
    cells += similarity_map((90, 90), run(30, 40, 9), level=0.3)

    assert find_paths(cells, max_path=0) == []
    assert boxes(find_paths(cells, max_path=1)) == [(30, 40, 38, 48)]


def test_only_the_best_columns_of_a_row_count() -> None:
    cells = similarity_map((40, 60), run(8, 31, 20), level=0.5)
    cells[:, 50:53] = 0.8

    assert find_paths(cells, top_k=3) == []
    assert boxes(find_paths(cells, top_k=4))[0][:2] == (8, 31)


def test_of_equal_columns_the_leftmost_count() -> None:
    cells = similarity_map((20, 30), run(2, 2, 12), run(2, 18, 12))

    assert boxes(find_paths(cells, top_k=1)) == [(2, 2, 13, 13)]


# Any map


@pytest.mark.parametrize("shape", [(0, 0), (0, 7), (7, 0)])
def test_an_empty_map_holds_no_path(shape: tuple[int, int]) -> None:
    assert find_paths(np.zeros(shape, np.float32)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_a_single_frame_holds_no_path(shape: tuple[int, int]) -> None:
    assert find_paths(np.ones(shape, np.float32), min_length=0) == []


@pytest.mark.parametrize("level", [0.0, 0.9, -0.9])
def test_a_uniform_map_holds_no_path_longer_than_its_leftmost_columns(level: float) -> None:
    cells = np.full((20, 20), level, np.float32)

    assert find_paths(cells, top_k=5, min_length=4) == []
    assert bool(find_paths(cells, top_k=7, min_length=4)) == (level > 0)


def test_fewer_columns_than_top_k_are_all_kept() -> None:
    cells = similarity_map((20, 8), run(5, 0, 8))

    assert find_paths(cells, top_k=50) == find_paths(cells, top_k=8) != []


def test_a_max_step_beyond_the_map_is_allowed() -> None:
    cells = similarity_map((12, 12), run(1, 2, 9))

    assert boxes(find_paths(cells, top_k=1, max_step=10**6)) == [(1, 2, 9, 10)]


def test_a_max_step_of_one_joins_nothing() -> None:
    assert find_paths(similarity_map((40, 40), run(5, 5, 30)), max_step=1) == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.bool_])
def test_any_number_type_gives_the_same_paths(dtype: type[np.generic]) -> None:
    cells = np.round(similarity_map((40, 60), run(8, 31, 20), run(2, 3, 12)))

    assert find_paths(cells.astype(dtype)) == find_paths(cells) != []


def test_memory_order_does_not_matter() -> None:
    cells = noisy_map(3)
    doubled = np.repeat(np.repeat(cells, 2, axis=0), 2, axis=1)

    assert find_paths(np.asfortranarray(cells)) == find_paths(cells)
    assert find_paths(doubled[::2, ::2]) == find_paths(cells)
    assert find_paths(cells[::-1][::-1]) == find_paths(cells)


def test_nested_lists_are_a_map() -> None:
    cells = similarity_map((12, 12), run(1, 2, 9))

    assert find_paths(cells.tolist()) == find_paths(cells)


def test_the_map_is_not_modified() -> None:
    cells = noisy_map(4)
    before = cells.copy()
    cells.setflags(write=False)

    find_paths(cells)

    np.testing.assert_array_equal(cells, before)


def test_the_same_map_gives_the_same_paths() -> None:
    cells = noisy_map(5)
    first, second = find_paths(cells), find_paths(cells)

    assert first == second
    assert [path.nodes.tolist() for path in first] == [path.nodes.tolist() for path in second]


def test_a_path_cannot_be_changed() -> None:
    (path,) = find_paths(similarity_map((30, 30), run(4, 10, 9)))

    with pytest.raises(FrozenInstanceError):
        path.query_start = 0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        path.nodes[0] = 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_cell_that_is_no_number_is_named(value: float) -> None:
    cells = similarity_map((40, 60), run(8, 31, 20))
    cells[17, 5] = value

    with pytest.raises(ValueError, match="query frame 17 and reference frame 5") as caught:
        find_paths(cells)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "cells",
    [
        np.zeros(5),
        np.zeros((2, 5, 5)),
        np.float32(0.5),
        np.zeros((5, 5), np.complex64),
        np.full((5, 5), "x"),
        np.zeros(0),
    ],
    ids=["vector", "stack", "scalar", "complex", "text", "empty vector"],
)
def test_what_is_no_similarity_map_is_refused(cells: np.ndarray) -> None:
    with pytest.raises(ValueError, match="two-dimensional array of real numbers"):
        find_paths(cells)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("top_k", 0),
        ("max_step", 0),
        ("max_path", -1),
        ("min_length", -1),
        ("max_iou", -0.1),
        ("min_similarity", float("nan")),
    ],
)
def test_a_setting_out_of_range_is_named(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=setting):
        find_paths(np.zeros((0, 0)), **{setting: value})


# Against a second, slow telling of the same algorithm


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


def iou(one: Box, other: Box) -> float:
    def frames(box: Box) -> set[Node]:
        return {(q, r) for q in range(box[0], box[2] + 1) for r in range(box[1], box[3] + 1)}

    return len(frames(one) & frames(other)) / len(frames(one) | frames(other))


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


def test_a_path_is_drawn_in_to_the_stretch_that_is_alike() -> None:
    # Frames 3 to 8 are copied at offset 0; a chance match two frames before and one after are not.
    similarity = np.zeros((12, 12), np.float32)
    for frame in range(3, 9):
        similarity[frame, frame] = 0.9
    similarity[1, 1] = similarity[10, 10] = 0.5
    (path,) = find_paths(similarity, top_k=1, max_step=4, min_similarity=0.45, min_length=1)
    # Its free first node is a zero, and it ends with the chance match after the copy.
    assert path.box == (0, 0, 10, 10)
    drawn_in = tightened(path, similarity, 0.45)
    assert drawn_in is not None
    assert drawn_in.box == (3, 3, 8, 8)
    assert drawn_in.mean_similarity == pytest.approx(0.9)


def test_a_weak_frame_within_a_copy_stays_within_it() -> None:
    similarity = np.zeros((9, 9), np.float32)
    for frame in range(8):
        similarity[frame, frame] = 0.5 if frame == 4 else 0.9
    (path,) = find_paths(similarity, top_k=1, max_step=4, min_similarity=0.45, min_length=1)
    drawn_in = tightened(path, similarity, 0.45)
    assert drawn_in is not None
    assert drawn_in.box == (0, 0, 7, 7)
    assert len(drawn_in.nodes) == 8
