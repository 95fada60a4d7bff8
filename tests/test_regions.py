"""Which rectangles of a frame are taken for pictures of their own."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.regions import Box, find_boxes

Clip = NDArray[np.uint8]  # [n, height, width, 3]


def moving(seed: int, seconds: int = 7, *, size: tuple[int, int] = (256, 256)) -> Clip:
    """Coloured waves of all directions and lengths, moved on from second to second; size: (width, height)."""
    rng, waves = np.random.default_rng(seed), 60
    angle, cycles = rng.uniform(0, 2 * np.pi, waves), np.exp(rng.uniform(0, 3.5, waves))
    colour, phase = rng.normal(0, 25, (3, waves)) / cycles**0.7, rng.uniform(0, 2 * np.pi, (seconds, 1, waves))
    y, x = np.mgrid[0 : size[1], 0 : size[0]].reshape(2, 1, -1) * 2 * np.pi / max(size)
    across = cycles[:, None] * (x * np.cos(angle)[:, None] + y * np.sin(angle)[:, None])
    frames = (colour * np.cos(phase)) @ np.sin(across) + (colour * np.sin(phase)) @ np.cos(across)
    return (frames + 128).clip(0, 255).astype(np.uint8).reshape(seconds, 3, size[1], size[0]).transpose(0, 2, 3, 1)


def laid_over(clip: Clip, box: Box, *, seed: int = 100, frame: int = 0) -> Clip:
    """`clip` with another moving picture in `box`, within a white frame of `frame` pixels."""
    shown = clip.copy()
    rows, columns = pixels(clip, box)
    outer = (slice(rows.start - frame, rows.stop + frame), slice(columns.start - frame, columns.stop + frame))
    shown[:, *outer] = 255
    shown[:, rows, columns] = moving(seed, len(clip), size=(columns.stop - columns.start, rows.stop - rows.start))
    return shown


def pixels(clip: Clip, box: Box) -> tuple[slice, slice]:
    height, width = clip.shape[1:3]
    rows, columns = (round(box.top * height), round(box.bottom * height)), (box.left * width, box.right * width)
    return slice(*rows), slice(round(columns[0]), round(columns[1]))


def blurred(clip: Clip, reach: int) -> Clip:
    smooth = clip.astype(float)
    for axis in (1, 2):
        for _ in range(3):
            margins = [(reach, reach) if axis == a else (0, 0) for a in range(4)]
            sums = np.cumsum(np.pad(smooth, margins, mode="edge"), axis=axis)
            length = smooth.shape[axis]
            low, high = np.arange(length), np.minimum(np.arange(length) + 2 * reach, length + 2 * reach - 1)
            smooth = (sums.take(high, axis=axis) - sums.take(low, axis=axis)) / (2 * reach)
    return smooth.clip(0, 255).astype(np.uint8)


def is_close(box: Box, expected: Box, tolerance: float = 0.02) -> bool:
    sides = ((box.left, expected.left), (box.top, expected.top), (box.right, expected.right))
    return all(abs(one - other) <= tolerance for one, other in (*sides, (box.bottom, expected.bottom)))


def holds(boxes: list[Box], expected: Box, tolerance: float = 0.02) -> bool:
    return any(is_close(box, expected, tolerance) for box in boxes)


INSETS = {
    "in the middle": Box(0.25, 0.3, 0.75, 0.8),
    "near a corner": Box(0.65, 0.62, 0.96, 0.95),
    "in a corner": Box(0.0, 0.6, 0.4, 1.0),
    "at a side": Box(0.5, 0.0, 0.9, 0.45),
    "wide": Box(0.1, 0.5, 0.8, 0.75),
}


@pytest.mark.parametrize("inset", INSETS.values(), ids=INSETS)
def test_an_inset_over_a_moving_picture_is_found_to_within_2_percent(inset: Box) -> None:
    for boxes in find_boxes(laid_over(moving(1), inset)):
        assert is_close(boxes[0], inset)


@pytest.mark.parametrize("inset", INSETS.values(), ids=INSETS)
def test_an_inset_is_found_in_a_single_photograph(inset: Box) -> None:
    [boxes] = find_boxes(laid_over(moving(2, 1), inset))
    assert holds(boxes, inset)


def test_an_inset_with_a_thin_white_frame_is_found_with_or_without_the_frame() -> None:
    inset = Box(0.3, 0.2, 0.7, 0.6)
    for boxes in find_boxes(laid_over(moving(3), inset, frame=3)):
        assert is_close(boxes[0], inset, tolerance=0.02 + 3 / 256)


def test_an_inset_stays_found_under_noise() -> None:
    inset = Box(0.2, 0.3, 0.6, 0.7)
    clip = laid_over(moving(4), inset)
    noise = np.random.default_rng(0).normal(0, 8, clip.shape)
    for boxes in find_boxes((clip + noise).clip(0, 255).astype(np.uint8)):
        assert holds(boxes, inset)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 90, 200)])
def test_bars_of_one_colour_are_cut_off(colour: tuple[int, int, int]) -> None:
    clip = moving(5)
    clip[:, :40] = clip[:, -40:] = colour
    for boxes in find_boxes(clip):
        assert is_close(boxes[0], Box(0, 40 / 256, 1, 216 / 256))


def test_bars_on_all_sides_are_cut_off() -> None:
    clip, picture = np.zeros_like(moving(6)), Box(0.15, 0.2, 0.85, 0.8)
    for boxes in find_boxes(laid_over(clip, picture)):
        assert is_close(boxes[0], picture)


def test_a_picture_on_its_own_blurred_enlargement_is_found() -> None:
    clip = moving(7)
    framed, middle = blurred(clip, 12), slice(64, 192)
    framed[:, :, middle] = clip[:, :, ::2]
    for boxes in find_boxes(framed):
        assert is_close(boxes[0], Box(0.25, 0, 0.75, 1))


def test_a_picture_in_a_striped_template_is_found() -> None:
    clip, picture = np.full((7, 256, 256, 3), (200, 80, 90), np.uint8), Box(0.1, 0.15, 0.7, 0.85)
    clip[:, ::11] = (160, 60, 70)
    for boxes in find_boxes(laid_over(clip, picture)):
        assert holds(boxes, picture)


def test_both_parts_of_a_split_screen_are_found() -> None:
    left, right = Box(0, 0, 0.4, 1), Box(0.4, 0, 1, 1)
    for boxes in find_boxes(laid_over(moving(8), left)):
        assert holds(boxes, left)
        assert holds(boxes, right)


@pytest.mark.parametrize("seconds", [1, 7])
def test_an_ordinary_picture_gives_no_box(seconds: int) -> None:
    found = [boxes for seed in range(10) for boxes in find_boxes(moving(seed, seconds))]
    assert found == [[]] * (10 * seconds)


def test_a_tilted_edge_is_no_side() -> None:
    clip, other = moving(9), moving(10)
    y, x = np.mgrid[0:256, 0:256]
    clip[:, x + y // 5 > 150] = other[:, x + y // 5 > 150]
    assert find_boxes(clip) == [[]] * 7


def test_a_box_is_found_in_those_frames_alone_that_show_it() -> None:
    inset = Box(0.5, 0.1, 0.9, 0.5)
    clip = moving(11, 16)
    clip[5:11] = laid_over(clip, inset)[5:11]
    assert [holds(boxes, inset) for boxes in find_boxes(clip)] == [5 <= second < 11 for second in range(16)]


def test_a_clip_longer_than_a_batch_is_searched_to_its_end() -> None:
    inset = Box(0.2, 0.2, 0.6, 0.6)
    found = find_boxes(laid_over(moving(12, 37, size=(128, 128)), inset))
    assert [holds(boxes, inset) for boxes in found] == [True] * 37


@pytest.mark.parametrize("max_boxes", [0, 1, 2])
def test_no_more_boxes_than_asked_for_and_none_twice(max_boxes: int) -> None:
    clip = moving(13)
    insets = [Box(0.05, 0.05, 0.45, 0.45), Box(0.55, 0.1, 0.98, 0.5), Box(0.3, 0.55, 0.7, 0.95)]
    for seed, inset in enumerate(insets, start=20):
        clip = laid_over(clip, inset, seed=seed)
    for boxes in find_boxes(clip, max_boxes=max_boxes):
        assert len(boxes) == max_boxes
        assert sum(holds(boxes, inset) for inset in insets) == max_boxes


def test_the_whole_frame_is_no_box() -> None:
    clip = moving(14)
    clip[:, :2] = clip[:, -2:] = 0
    assert find_boxes(clip) == [[]] * 7


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_frames_give_nothing_and_no_warning(level: int) -> None:
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert find_boxes(np.full((5, 256, 256, 3), level, np.uint8)) == [[]] * 5


@pytest.mark.parametrize("size", [(131, 97), (333, 501), (256, 100), (800, 450)])
def test_frames_of_any_size_are_searched(size: tuple[int, int]) -> None:
    inset = Box(0.3, 0.25, 0.8, 0.75)
    for boxes in find_boxes(laid_over(moving(15, 3, size=size), inset)):
        assert holds(boxes, inset)


def test_frames_too_small_to_hold_pictures_and_no_frames_give_nothing() -> None:
    assert find_boxes(moving(16, 2, size=(40, 300))) == [[], []]
    assert find_boxes(np.zeros((0, 256, 256, 3), np.uint8)) == []
