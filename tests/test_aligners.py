"""What holds for every aligner, whatever it finds. Those added to ALIGNERS are tested without another line here."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from maps import Map, noisy_map, run

from reprise.alignment.aligned import AlignedSegment
from reprise.alignment.aligners import ALIGNERS, DEFAULT_ALIGNER, aligner
from reprise.errors import SettingsError

EVERY_ALIGNER = pytest.mark.parametrize("name", ALIGNERS)
WITH_ENDS = pytest.mark.parametrize(
    "name", [name for name, align in ALIGNERS.items() if "ends" in inspect.signature(align).parameters]
)


def copied() -> Map:
    """40 x 60 frames, of which 8 to 28 are 31 to 51 of the reference, and nothing else alike; exact in float16."""
    cells = (np.random.default_rng(0).integers(-24, 0, (40, 60)) / 64).astype(np.float32)
    for node in run(8, 31, 20):
        cells[node] = 0.875
    return cells


def check(segments: list[AlignedSegment], similarity: Map) -> None:
    """What any answer of any aligner must be."""
    height, width = similarity.shape
    assert type(segments) is list
    for segment in segments:
        assert type(segment) is AlignedSegment
        assert 0 <= segment.query_start < segment.query_end <= height
        assert 0 <= segment.reference_start < segment.reference_end <= width
        assert 0 <= segment.score <= 1
        assert 0 < segment.speed < math.inf
        assert type(segment.backwards) is bool
        # Plain numbers, that can be printed as JSON.
        assert {type(number) for number in (*segment.box, segment.score, segment.speed)} <= {int, float}
    assert len(set(segments)) == len(segments)


@EVERY_ALIGNER
def test_a_clear_copy_is_covered(name: str) -> None:
    segments = aligner(name)(copied())

    check(segments, copied())
    assert any(
        s.query_start <= 10 and s.query_end >= 26 and s.reference_start <= 33 and s.reference_end >= 49
        for s in segments
    )


@EVERY_ALIGNER
@pytest.mark.parametrize("steps", [None, 2])
@pytest.mark.parametrize("seed", range(20))
def test_segments_lie_within_the_map_and_have_a_length(name: str, seed: int, steps: int | None) -> None:
    similarity = noisy_map(seed, steps=steps)

    check(aligner(name)(similarity), similarity)


@EVERY_ALIGNER
@pytest.mark.parametrize("shape", [(0, 0), (0, 7), (7, 0)])
def test_an_empty_map_holds_nothing(name: str, shape: tuple[int, int]) -> None:
    assert aligner(name)(np.zeros(shape, np.float32)) == []


@EVERY_ALIGNER
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2), (2, 300), (300, 2)])
@pytest.mark.parametrize("level", [-0.9, 0.0, 0.9])
def test_a_map_of_hardly_any_frames_is_answered(name: str, shape: tuple[int, int], level: float) -> None:
    similarity = np.full(shape, level, np.float32)

    check(aligner(name)(similarity), similarity)


@EVERY_ALIGNER
def test_where_nothing_is_alike_nothing_is_found(name: str) -> None:
    assert aligner(name)(np.zeros((20, 30), np.float32)) == []


@EVERY_ALIGNER
@pytest.mark.parametrize("shape", [(20, 20), (20, 33)])
def test_where_everything_is_alike_the_answer_is_in_order(name: str, shape: tuple[int, int]) -> None:
    similarity = np.ones(shape, np.float32)

    check(aligner(name)(similarity), similarity)


@EVERY_ALIGNER
def test_similarities_just_above_one_are_answered(name: str) -> None:
    # Rounding makes the product of two unit vectors so.
    similarity = np.where(copied() > 0.5, np.float32(1.0000002), copied())

    check(aligner(name)(similarity), similarity)


@EVERY_ALIGNER
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_cell_that_is_no_number_is_named(name: str, value: float) -> None:
    similarity = copied()
    similarity[17, 5] = value

    with pytest.raises(ValueError, match="query frame 17 and reference frame 5") as caught:
        aligner(name)(similarity)
    assert "\n" not in str(caught.value)


@EVERY_ALIGNER
@pytest.mark.parametrize("shape", [(), (5,), (2, 5, 5)])
def test_what_has_not_two_dimensions_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two-dimensional"):
        aligner(name)(np.zeros(shape, np.float32))


@EVERY_ALIGNER
def test_the_map_is_not_modified(name: str) -> None:
    similarity = copied()
    similarity.setflags(write=False)

    assert aligner(name)(similarity) != []
    np.testing.assert_array_equal(similarity, copied())


@EVERY_ALIGNER
def test_the_same_map_gives_the_same_segments(name: str) -> None:
    align = aligner(name)

    assert align(copied()) == align(copied()) == aligner(name)(copied())


@EVERY_ALIGNER
def test_memory_order_does_not_matter(name: str) -> None:
    similarity = copied()
    every_other = np.repeat(np.repeat(similarity, 2, axis=0), 2, axis=1)[::2, ::2]
    within = np.pad(similarity, 3, constant_values=0.9)[3:-3, 3:-3]
    expected = aligner(name)(similarity)

    assert aligner(name)(np.asfortranarray(similarity)) == expected
    assert aligner(name)(every_other) == expected
    assert aligner(name)(within) == expected
    assert aligner(name)(similarity[::-1].copy()[::-1]) == expected


@EVERY_ALIGNER
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_any_type_of_floating_point_gives_the_same_segments(name: str, dtype: type[np.floating]) -> None:
    assert aligner(name)(copied().astype(dtype)) == aligner(name)(copied())


@EVERY_ALIGNER
def test_a_parameter_that_there_is_not_is_named_with_those_that_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} has no parameter 'guess'; it has ") as caught:
        aligner(name, guess=1)
    assert all(key in str(caught.value) for key in list(inspect.signature(ALIGNERS[name]).parameters)[1:])


@EVERY_ALIGNER
def test_all_parameters_have_defaults_and_are_named_when_given(name: str) -> None:
    similarity, *parameters = inspect.signature(ALIGNERS[name]).parameters.values()

    assert similarity.name == "similarity"
    assert parameters
    for parameter in parameters:
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is not parameter.empty


@WITH_ENDS
def test_inclusive_ends_are_one_frame_earlier_and_all_else_is_the_same(name: str) -> None:
    half_open, inclusive = aligner(name)(copied()), aligner(name, ends="inclusive")(copied())

    assert half_open == aligner(name, ends="half-open")(copied())
    assert half_open
    for segment, other in zip(half_open, inclusive, strict=True):
        assert other.box == (*segment.box[:2], segment.box[2] - 1, segment.box[3] - 1)
        assert (other.score, other.speed, other.backwards) == (segment.score, segment.speed, segment.backwards)


@WITH_ENDS
def test_other_ends_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="half-open, inclusive"):
        aligner(name, ends="open")(copied())


def test_the_four_reference_aligners_take_their_ends() -> None:
    assert {"vcsl-tn", "dp", "dtw", "hough-voting"} <= set(WITH_ENDS.args[1])


def test_an_aligner_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"must be one of straight-lines, temporal-network, .*, not 'guess'"):
        aligner("guess")


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT_ALIGNER in ALIGNERS
