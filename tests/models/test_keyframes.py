"""Key frames by colour, on frames small enough to check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.keyframes import bhattacharyya_distance, colour_histogram, key_frames, max_pooled

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def shown(*colours: tuple[int, int, int]) -> list[NDArray[np.float64]]:
    """The histograms of frames of one colour each."""
    return [colour_histogram(np.full((4, 6, 3), colour, np.uint8)) for colour in colours]


def test_a_histogram_holds_the_share_of_each_of_512_colours() -> None:
    frame = np.array([[(0, 0, 0), (255, 255, 255), (32, 0, 0), (31, 31, 31)]], np.uint8)
    histogram = colour_histogram(frame)
    assert histogram.shape == (512,)
    assert {int(i): histogram[i] for i in np.flatnonzero(histogram)} == {0: 0.5, 64: 0.25, 511: 0.25}


def test_the_distance_is_0_between_equals_1_with_nothing_in_common_and_opencvs_between() -> None:
    half = np.array([0.5, 0.5, 0.0])
    whole = np.array([1.0, 0.0, 0.0])
    assert bhattacharyya_distance(half, half) == pytest.approx(0, abs=1e-7)
    assert bhattacharyya_distance(whole, np.array([0.0, 0.0, 1.0])) == 1
    assert bhattacharyya_distance(half, whole) == pytest.approx((1 - 0.5**0.5) ** 0.5)


def test_the_first_frame_and_each_change_of_colour_are_key_frames() -> None:
    histograms = shown(RED, RED, GREEN, GREEN, BLUE, RED, RED, GREEN)
    assert key_frames(histograms) == [0, 2, 4, 5, 7]


def test_a_slight_change_is_no_key_frame_but_may_be_one_at_a_lower_threshold() -> None:
    frames = np.full((2, 10, 10, 3), 200, np.uint8)
    frames[1, 0, :5] = 0  # a twentieth of the picture
    histograms = [colour_histogram(frame) for frame in frames]
    assert key_frames(histograms, min_frames=1) == [0]
    assert key_frames(histograms, min_frames=1, threshold=0.1) == [0, 1]


def test_too_few_changes_are_filled_up_with_frames_evenly_spaced() -> None:
    assert key_frames(shown(*[RED] * 9)) == [0, 2, 4, 6, 8]
    assert key_frames(shown(RED, *[GREEN] * 8)) == [0, 1, 2, 4, 6, 8]


def test_a_short_video_gives_all_its_frames_and_none_gives_none() -> None:
    assert key_frames(shown(RED, RED, RED)) == [0, 1, 2]
    assert key_frames([]) == []


def test_pooling_keeps_the_largest_of_each_number_at_length_1() -> None:
    pooled = max_pooled(np.float32([[3, 0, -1], [0, 4, -2]]))
    np.testing.assert_allclose(pooled, np.float32([3, 4, -1]) / 26**0.5, rtol=1e-6)
    assert pooled.dtype == np.float32
    assert max_pooled(np.zeros((2, 3), np.float32)).tolist() == [0, 0, 0]
