"""The ends of segments in drawn similarity maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.alignment.ends import MIN_LENGTH_S, LocalMap, Window, refined, windows, without_repeats
from reprise.segment import Segment

FPS = 10
QUERY_S, REFERENCE_S = 40.0, 60.0
ALIKE, UNLIKE = 0.8, 0.2
MOVING_S, STATIC_S = 0.5, 1e3  # by how much two moments of a scene may differ and still look alike

Plane = NDArray[np.float64]


def segment(
    q_start: float, r_start: float, q_end: float, r_end: float, *, speed: float = 1.0, backwards: bool = False
) -> Segment:
    return Segment(q_start, r_start, q_end, r_end, 0.9, speed, backwards)


def drawn(true: Segment, window: Window, *, alike_s: float = MOVING_S, fade_s: float = 0.0) -> LocalMap:
    """The part of the map of `true`, a copy, that lies in the window; `fade_s` long fades at both of its ends."""
    query_s = np.arange(np.ceil(window.query_start_s * FPS), window.query_end_s * FPS) / FPS
    reference_s = np.arange(np.ceil(window.reference_start_s * FPS), window.reference_end_s * FPS) / FPS
    slope = (true.reference_end_s - true.reference_start_s) / (true.query_end_s - true.query_start_s)
    along_s = true.reference_start_s + slope * (query_s - true.query_start_s)
    if true.backwards:
        along_s = true.reference_end_s - slope * (query_s - true.query_start_s)
    likeness = np.exp(-(((along_s[:, None] - reference_s) / alike_s) ** 2))
    from_start_s, to_end_s = query_s - true.query_start_s, true.query_end_s - query_s
    strength = ((from_start_s >= -1e-9) & (to_end_s > 1e-9)).astype(float)
    if fade_s:
        strength *= np.clip(np.minimum(from_start_s, to_end_s) / fade_s, 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.05, likeness.shape)
    similarity = UNLIKE + (ALIKE - UNLIKE) * likeness * strength[:, None] + noise
    return LocalMap(similarity.astype(np.float32), query_s, reference_s)


def found(rough: Segment, true: Segment, *, alike_s: float = MOVING_S, fade_s: float = 0.0) -> Segment:
    """What is made of `rough` where `true` is the copy."""
    maps = [drawn(true, window, alike_s=alike_s, fade_s=fade_s) for window in windows(rough, QUERY_S, REFERENCE_S)]
    return refined(rough, *maps, query_duration_s=QUERY_S, reference_duration_s=REFERENCE_S)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("late_s", [-1.5, 0.4, 1.5])
@pytest.mark.parametrize("beside_s", [-1.5, 1.5])
def test_both_ends_are_found_from_a_line_that_is_a_second_and_a_half_and_ten_percent_off(
    speed: float, backwards: bool, late_s: float, beside_s: float
) -> None:
    true = segment(10.33, 15.71, 22.33, 15.71 + 12 * speed, speed=speed, backwards=backwards)
    rough = replace(
        true,
        query_start_s=true.query_start_s + late_s,
        query_end_s=true.query_end_s - late_s,
        reference_start_s=true.reference_start_s + late_s * speed + beside_s,
        reference_end_s=true.reference_end_s - late_s * speed + beside_s,
        speed=speed * 1.1,
    )
    after = found(rough, true)
    assert after.box == pytest.approx(true.box, abs=0.15)
    assert after.speed == pytest.approx(speed, rel=0.03)
    assert (after.backwards, after.score) == (backwards, rough.score)


def test_a_short_segment_is_located_too_and_a_speed_that_cannot_be_told_from_1_is_1() -> None:
    true = segment(10.25, 15.75, 13.65, 19.15)
    after = found(segment(10, 15, 14, 18.6, speed=0.9), true)
    assert after.box == pytest.approx(true.box, abs=0.15)
    assert after.speed == 1.0


def test_where_nothing_moves_the_first_line_is_kept_and_the_query_ends_are_found() -> None:
    true = segment(10.35, 15.35, 22.65, 27.65)
    after = found(segment(12, 17.4, 21, 26.4), true, alike_s=STATIC_S)
    assert (after.query_start_s, after.query_end_s) == pytest.approx((10.35, 22.65), abs=0.1)
    assert (after.reference_start_s, after.reference_end_s) == pytest.approx((15.75, 28.05), abs=0.25)


def test_where_alike_and_unlike_cannot_be_told_apart_nothing_changes() -> None:
    rough = segment(10, 15, 20, 26, speed=1.05)
    assert found(rough, segment(30.0, 50.0, 34.0, 54.0)) == rough


def test_a_copy_that_fills_the_query_keeps_its_ends_there() -> None:
    true = segment(0.0, 7.3, QUERY_S, 47.3)
    after = found(segment(1, 8, 39, 46), true)
    assert (after.query_start_s, after.query_end_s) == (0.0, QUERY_S)
    assert (after.reference_start_s, after.reference_end_s) == pytest.approx((7.3, 47.3), abs=0.1)


def test_a_copy_of_the_beginning_of_a_reference_begins_there() -> None:
    true = segment(10.45, 0.0, 20.45, 10.0)
    assert found(segment(11, 1, 20, 10), true).box == pytest.approx(true.box, abs=0.15)


def test_a_copy_of_the_end_of_a_reference_ends_there() -> None:
    true = segment(10.45, 50.0, 20.45, 60.0)
    assert found(segment(11, 51, 20, 60), true).box == pytest.approx(true.box, abs=0.15)


def test_half_of_a_fade_belongs_to_the_copy() -> None:
    true = segment(10.0, 15.0, 22.0, 27.0)
    after = found(segment(11, 16, 21, 26), true, fade_s=1.0)
    assert after.box == pytest.approx([10.5, 15.5, 21.5, 26.5], abs=0.25)


def test_a_segment_that_would_nearly_vanish_is_left_as_it_was() -> None:
    rough = segment(10, 15, 12, 17)
    after = found(rough, segment(10.8, 15.8, 11.3, 16.3))
    assert after == rough
    assert rough.query_end_s - rough.query_start_s > MIN_LENGTH_S


def test_maps_of_a_few_frames_change_nothing() -> None:
    rough = segment(10, 15, 20, 25)
    empty = LocalMap(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0))
    assert refined(rough, empty, empty, query_duration_s=QUERY_S, reference_duration_s=REFERENCE_S) == rough


@pytest.mark.parametrize("backwards", [False, True])
def test_the_windows_lie_around_the_ends_and_within_the_videos(backwards: bool) -> None:
    start, end = windows(segment(1, 20, 31, 50, backwards=backwards), QUERY_S, 51.0)
    first, last = Window(0.0, 6.0, 16.5, 27.5), Window(26.0, 34.0, 42.5, 51.0)
    if backwards:
        first, last = Window(0.0, 6.0, 42.5, 51.0), Window(26.0, 34.0, 14.5, 27.5)
    assert (start, end) == (first, last)


def test_of_two_pieces_that_grew_to_one_copy_the_longer_is_kept() -> None:
    piece, whole, later = segment(6, 16, 14, 24), segment(4, 14, 14.2, 24.2), segment(20, 30, 25, 35)
    assert without_repeats([piece, whole, later]) == [whole, later]
    assert without_repeats([whole, whole]) == [whole]
    assert without_repeats([]) == []


@pytest.mark.parametrize(
    "other",
    [
        segment(6, 18, 14, 26),
        segment(6, 16, 14, 24, backwards=True),
        segment(12, 22, 18, 28),
        segment(6, 16, 14, 20, speed=0.5),
    ],
    ids=["beside", "the other way", "longer", "slower"],
)
def test_a_segment_that_is_not_a_part_of_another_is_kept(other: Segment) -> None:
    whole = segment(4, 14, 14.2, 24.2)
    assert without_repeats([whole, other]) == [whole, other]
