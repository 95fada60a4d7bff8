"""The Temporal Network aligner: what it finds, what it leaves out, and its paths node by node."""

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from maps import Box, Node, boxes, noisy_map, run, similarity_map

from reprise.alignment.temporal_network import find_paths, tightened


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
