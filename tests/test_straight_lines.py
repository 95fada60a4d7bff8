"""Straight lines: which copies are found, where, at what speed, and what is not taken for one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from maps import Map
from numpy.typing import NDArray

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.straight_lines import align_matrices, find_segments
from reprise.views import best_of_views

Bounds = tuple[float, float, float, float]


def noise(height: int, width: int, *, seed: int = 0) -> Map:
    """The map of unrelated videos: similarities about 0.1."""
    return np.random.default_rng(seed).normal(0.1, 0.06, (height, width)).astype(np.float32)


def plant(cells: Map, query: int, reference: int, frames: int, *, level: float = 0.7) -> Bounds:
    """Writes a copy at normal speed from these first frames on; gives its bounds."""
    steps = np.arange(frames)
    cells[query + steps, reference + steps] = level
    return query, reference, query + frames, reference + frames


def plant_at_speed(cells: Map, query: int, reference: float, frames: int, speed: float) -> Bounds:
    """Writes a copy at any speed, backwards if negative, with bright neighbours as in footage; gives its bounds."""
    length = abs(speed) * frames
    start = reference if speed > 0 else reference + length
    for i in range(frames):
        away = np.abs(np.arange(cells.shape[1]) + 0.5 - (start + speed * (i + 0.5)))
        cells[query + i] = np.maximum(cells[query + i], 0.7 * np.exp(-((away / 2) ** 2) / 2))
    return query, reference, query + frames, reference + length


def bounds(segments: list[AlignedSegment]) -> list[Bounds]:
    """In the order of the query, then of the reference."""
    return sorted(segment.box for segment in segments)


# What is found


@pytest.mark.parametrize("frames", [3, 4, 5, 8, 20])
def test_a_copy_of_three_frames_and_more_is_found_at_its_exact_cells(frames: int) -> None:
    cells = noise(60, 80)
    copied = plant(cells, 10, 30, frames)
    (segment,) = find_segments(cells)
    assert segment.box == copied
    assert (segment.speed, segment.backwards) == (1.0, False)


@pytest.mark.parametrize("frames", [3, 4])
@pytest.mark.parametrize("level", [0.5, 0.7, 0.9])
def test_a_copy_of_a_few_frames_is_found_in_a_large_map(frames: int, level: float) -> None:
    cells = noise(300, 400)
    copied = plant(cells, 110, 230, frames, level=level)
    assert bounds(find_segments(cells)) == [copied]


def test_a_copy_of_all_of_both_videos_is_found() -> None:
    cells = noise(20, 20)
    copied = plant(cells, 0, 0, 20)
    assert bounds(find_segments(cells)) == [copied]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("speed", "frames"),
    [(0.4, 40), (0.4, 60), (0.5, 32), (0.8, 24), (1.0, 12), (1.0, 24), (1.25, 24), (2.0, 24), (2.5, 24), (2.5, 60)],
)
def test_a_copy_is_found_with_its_speed_and_direction(speed: float, backwards: bool, frames: int) -> None:
    cells = noise(frames + 30, int(speed * frames) + 40)
    copied = plant_at_speed(cells, 15, 17.3, frames, -speed if backwards else speed)
    (segment,) = find_segments(cells)
    assert segment.backwards == backwards
    assert segment.speed == pytest.approx(speed, abs=1.2 / frames)
    assert np.abs(np.subtract(segment.box, copied))[[0, 2]].max() <= 1
    assert np.abs(np.subtract(segment.box, copied))[[1, 3]].max() <= 1.5 * max(1, speed)


def test_several_copies_are_found_each_by_itself() -> None:
    two = noise(80, 120)
    copied = [plant(two, 5, 60, 20), plant(two, 40, 10, 25)]
    assert bounds(find_segments(two)) == copied
    three = noise(120, 160)
    copied = [plant(three, 10, 20, 15), plant(three, 40, 90, 20), plant(three, 80, 30, 10)]
    assert bounds(find_segments(three)) == copied


def test_what_the_query_shows_three_times_is_three_segments() -> None:
    cells = noise(60, 60)
    copied = [plant(cells, 5, 20, 15), plant(cells, 20, 20, 15), plant(cells, 35, 20, 15)]
    assert bounds(find_segments(cells)) == copied


def test_what_comes_three_times_in_the_reference_is_three_segments() -> None:
    cells = noise(40, 80)
    copied = [plant(cells, 5, 5, 15), plant(cells, 5, 25, 15), plant(cells, 5, 50, 15)]
    assert bounds(find_segments(cells)) == copied


def test_a_copy_with_six_covered_frames_inside_is_one_segment() -> None:
    cells = noise(60, 80)
    copied = plant(cells, 10, 30, 30)
    cells[22:28] = noise(6, 80, seed=1)
    assert bounds(find_segments(cells)) == [copied]


@pytest.mark.parametrize(("shot", "level"), [(0.35, 0.5), (0.45, 0.55), (0.55, 0.62), (0.65, 0.8)])
def test_a_static_shot_is_one_line_along_its_slightly_brighter_diagonal(shot: float, level: float) -> None:
    cells = noise(60, 80)
    cells[10:34, 30:54] = shot
    copied = plant(cells, 10, 30, 24, level=level)
    assert bounds(find_segments(cells, min_score=0)) == [copied]


def test_a_static_shot_that_is_not_too_bright_is_found_as_a_copy() -> None:
    cells = noise(60, 80)
    cells[10:34, 30:54] = 0.35
    copied = plant(cells, 10, 30, 24, level=0.5)
    assert bounds(find_segments(cells)) == [copied]


def test_a_chain_of_static_shots_is_one_segment() -> None:
    cells = noise(80, 100)
    for start, end in ((10, 17), (17, 29), (29, 34), (34, 45), (45, 53)):
        cells[start:end, start + 15 : end + 15] += 0.5
    steps = np.arange(10, 53)
    cells[steps, steps + 15] += 0.05
    assert bounds(find_segments(cells)) == [(10, 25, 53, 68)]


def test_two_lines_with_all_between_them_bright_are_one_segment() -> None:
    beside = noise(60, 60)
    beside[10:34, 10:56] = 0.5
    lines = [plant(beside, 10, 10, 24), plant(beside, 10, 32, 24)]
    (segment,) = find_segments(beside)
    assert segment.box in lines
    above = noise(60, 60)
    above[5:50, 20:40] = 0.5
    lines = [plant(above, 5, 20, 20), plant(above, 30, 20, 20)]
    (segment,) = find_segments(above)
    assert segment.box in lines


def test_of_two_lines_whose_boxes_share_much_one_remains() -> None:
    cells = noise(60, 60)
    lines = [plant(cells, 10, 10, 24), plant(cells, 10, 20, 24)]
    (segment,) = find_segments(cells)
    assert segment.box in lines


def test_a_stretch_that_is_played_forwards_and_then_backwards_is_two_segments() -> None:
    cells = noise(80, 80)
    steps = np.arange(20)
    cells[10 + steps, 30 + steps] = 0.7
    cells[30 + steps, 49 - steps] = 0.7
    found = find_segments(cells)
    assert bounds(found) == [(10, 30, 30, 50), (30, 30, 50, 50)]
    assert {segment.query_start: segment.backwards for segment in found} == {10: False, 30: True}


def test_of_a_copy_with_covered_frames_the_parts_are_not_told_beside_the_whole() -> None:
    cells = noise(80, 80)
    copied = plant_at_speed(cells, 10, 30, 34, 1.0)
    cells[24:28] = noise(4, 80, seed=1)
    assert bounds(find_segments(cells)) == [copied]


def test_frames_that_match_everything_hide_no_copy_that_crosses_them() -> None:
    cells = noise(60, 80)
    cells[20:25] = 0.8  # black frames in the query
    cells[:, 40:46] = 0.8  # and in the reference
    copied = plant(cells, 10, 30, 25)
    cells[20:25] = 0.8
    assert bounds(find_segments(cells)) == [copied]


# What is not found


def test_frames_that_match_everything_are_no_copy() -> None:
    cells = noise(60, 80)
    cells[20:25] = 0.8
    cells[:, 40:46] = 0.8
    assert find_segments(cells) == []


def gaussian(generator: np.random.Generator) -> NDArray[np.float64]:
    return generator.normal(0.1, 0.1, (100, 120))


def uniform(generator: np.random.Generator) -> NDArray[np.float64]:
    return generator.uniform(0, 1, (100, 120))


def shots(generator: np.random.Generator) -> NDArray[np.float64]:
    """Blocks of 10 frames by 10 that are alike at 0.3 to 0.4."""
    return np.kron(generator.uniform(0.3, 0.4, (10, 12)), np.ones((10, 10)))


def noisy_shots(generator: np.random.Generator) -> NDArray[np.float64]:
    return shots(generator) + generator.normal(0, 0.03, (100, 120))


@pytest.mark.parametrize("kind", [gaussian, uniform, shots, noisy_shots])
def test_unrelated_videos_have_no_segment(kind: Callable[[np.random.Generator], NDArray[np.float64]]) -> None:
    assert [seed for seed in range(50) if find_segments(kind(np.random.default_rng(seed)))] == []


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.2, 0.35])
def test_a_map_that_is_dark_all_over_has_no_segment(value: float) -> None:
    assert find_segments(np.full((40, 50), value, np.float32), min_score=0) == []


@pytest.mark.parametrize("value", [0.5, 1.0])
def test_a_map_that_is_bright_all_over_is_at_most_one_copy_from_the_start_of_both_videos(value: float) -> None:
    # Two still pictures: nothing tells where in one the other would begin.
    (segment,) = find_segments(np.full((40, 50), value, np.float32), min_score=0)
    assert segment.box == (0, 0, 40, 40)
    assert (segment.speed, segment.backwards) == (1.0, False)


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (9, 0), (1, 1), (1, 9), (9, 1)])
def test_a_map_of_fewer_than_two_rows_or_columns_has_no_segment(shape: tuple[int, int]) -> None:
    assert find_segments(np.full(shape, 0.9, np.float32)) == []


def test_copies_under_the_least_length_and_segments_under_the_least_score_are_left_out() -> None:
    cells = noise(60, 80)
    copied = [plant(cells, 5, 50, 6), plant(cells, 30, 10, 12)]
    assert bounds(find_segments(cells, min_length=6)) == copied
    assert bounds(find_segments(cells, min_length=7)) == copied[1:]
    better, worse = find_segments(cells)
    assert find_segments(cells, min_score=(better.score + worse.score) / 2) == [better]
    assert find_segments(cells, min_score=1.0) == []


# Scores


def test_scores_are_from_0_to_1_and_come_most_likely_first() -> None:
    cells = noise(120, 160)
    plant(cells, 10, 20, 15, level=0.5)
    plant(cells, 40, 90, 20, level=0.8)
    scores = [segment.score for segment in find_segments(cells, min_score=0)]
    assert len(scores) >= 2
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)


def test_a_copy_that_hardly_stands_out_scores_less() -> None:
    def score(level: float) -> float:
        cells = noise(60, 80)
        plant(cells, 10, 30, 12, level=level)
        return max((segment.score for segment in find_segments(cells, min_score=0)), default=0.0)

    scores = [score(level) for level in (0.1, 0.22, 0.25, 0.3, 0.5)]
    assert scores == sorted(scores)
    assert scores[0] < 0.1
    assert scores[-1] > 0.9


def test_the_same_copy_scores_about_the_same_in_a_small_and_in_a_large_map() -> None:
    def score(height: int, width: int) -> float:
        cells = noise(height, width)
        plant(cells, 10, 30, 12, level=0.5)
        (segment,) = find_segments(cells)
        return segment.score

    assert score(40, 60) == pytest.approx(score(1000, 1200), abs=0.03)


# From matrices, and what is taken for a map


def matrix(frames: int, *, seed: int) -> Map:
    """[frames, 64] float32, rows L2-normalised."""
    rows = np.random.default_rng(seed).normal(size=(frames, 64)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_matrices_have_the_segments_of_their_map() -> None:
    query, reference = matrix(300, seed=1), matrix(1500, seed=2)  # more cells than are worked on at a time
    query[40:70] = reference[1000:1030]
    found = align_matrices(query, reference)
    assert bounds(found) == [(40, 1000, 70, 1030)]
    assert found == find_segments(query @ reference.T)


def test_a_frame_is_as_alike_as_the_best_of_its_views() -> None:
    views, reference = matrix(90, seed=1), matrix(80, seed=2)
    frame_of = np.repeat(np.arange(60), [1, 2] * 30)
    first_of = np.flatnonzero(np.diff(frame_of, prepend=-1))
    last_of = np.append(first_of[1:], len(views)) - 1
    views[last_of[10:30]] = reference[25:45]
    found = align_matrices(views, reference, frame_of)
    assert bounds(found) == [(10, 25, 30, 45)]
    assert found == find_segments(best_of_views(views @ reference.T, frame_of))


def test_matrices_without_rows_have_no_segments() -> None:
    rows = matrix(5, seed=1)
    assert align_matrices(rows[:0], rows) == align_matrices(rows, rows[:0]) == []


def test_aligning_matrices_takes_less_memory_than_two_maps() -> None:
    query, reference = matrix(3000, seed=1), matrix(3000, seed=2)
    query[100:200] = reference[500:600]
    tracemalloc.start()
    found = align_matrices(query, reference)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bounds(found) == [(100, 500, 200, 600)]
    assert peak < 2 * 3000 * 3000 * 4


def test_a_map_is_not_modified_and_may_have_any_order_and_number_type() -> None:
    cells = noise(60, 80)
    plant(cells, 10, 30, 20)
    kept = cells.copy()
    found = find_segments(cells)
    assert np.array_equal(cells, kept)
    cells.setflags(write=False)
    spread = np.zeros((120, 160), np.float32)
    spread[::2, ::2] = cells
    for other in (np.asfortranarray(cells), spread[::2, ::2], cells.astype(np.float64), cells.tolist()):
        assert find_segments(other) == found
