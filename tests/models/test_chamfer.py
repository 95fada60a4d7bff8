"""Chamfer similarity in blocks, against a slow plain telling of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reprise.chamfer import Floats, frame_similarity, matrix_similarity, video_similarity


def regions(frames: int, count: int, dimension: int = 5, seed: int = 0) -> Floats:
    drawn = np.random.default_rng(seed).standard_normal((frames, count, dimension)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=2, keepdims=True))


def told_slowly(query: Floats, reference: Floats, symmetric: bool) -> list[list[float]]:
    def one_sided(one: Floats, other: Floats) -> float:
        return sum(max(float(np.dot(mine, theirs)) for theirs in other) for mine in one) / len(one)

    def similarity(one: Floats, other: Floats) -> float:
        forth = one_sided(one, other)
        return (forth + one_sided(other, one)) / 2 if symmetric else forth

    return [[similarity(one, other) for other in reference] for one in query]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("cells_at_a_time", [1, 40, 200, 1 << 22])
def test_blocks_of_any_size_give_what_the_plain_telling_gives(symmetric: bool, cells_at_a_time: int) -> None:
    query, reference = regions(7, 4, seed=1), regions(5, 3, seed=2)
    found = frame_similarity(query, reference, symmetric=symmetric, cells_at_a_time=cells_at_a_time)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, told_slowly(query, reference, symmetric), atol=1e-6)


def test_a_query_that_shows_one_half_of_the_reference_is_fully_alike_only_one_way() -> None:
    up, down = np.float32([1, 0]), np.float32([0, 1])
    half, whole = np.stack([[up, up]]), np.stack([[up, down]])
    assert frame_similarity(half, whole).tolist() == [[1.0]]
    assert frame_similarity(whole, half).tolist() == [[0.5]]
    assert frame_similarity(half, whole, symmetric=True).tolist() == [[0.75]]


def test_videos_with_no_frame_give_maps_with_no_cell() -> None:
    assert frame_similarity(regions(0, 9), regions(3, 9)).shape == (0, 3)
    assert frame_similarity(regions(2, 9), regions(0, 9)).shape == (2, 0)


def test_a_memory_mapped_video_gives_what_it_gives_in_memory(tmp_path: Path) -> None:
    query = regions(6, 9, seed=3)
    np.save(tmp_path / "video.npy", query)
    mapped = np.load(tmp_path / "video.npy", mmap_mode="r")
    assert np.array_equal(frame_similarity(mapped, mapped), frame_similarity(query, query))


@pytest.mark.parametrize(
    ("query", "reference", "message"),
    [
        (np.zeros((2, 3), np.float32), regions(1, 1), r"the query must be \[frames, regions, dim\], not \[2, 3\]"),
        (regions(1, 1), regions(1, 1, 4), "regions of 5 and of 4 numbers do not compare"),
    ],
)
def test_arrays_of_other_shapes_are_refused(query: Floats, reference: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frame_similarity(query, reference)


def test_videos_are_as_alike_as_their_frames_are_to_the_nearest_frames_of_the_other() -> None:
    similarity = np.float32([[0.25, 1.0, 0.0], [0.5, 0.25, 0.0]])
    assert video_similarity(similarity) == 0.75
    assert video_similarity(similarity, symmetric=True) == pytest.approx((0.75 + 0.5) / 2)
    with pytest.raises(ValueError, match="at least one cell"):
        video_similarity(np.zeros((0, 3), np.float32))


@pytest.mark.parametrize("cells_at_a_time", [1, 10, 1 << 22])
def test_matrices_are_as_alike_as_their_map_says_in_blocks_of_any_size(cells_at_a_time: int) -> None:
    query, reference = regions(7, 1, seed=4)[:, 0], regions(4, 1, seed=5)[:, 0]
    expected = video_similarity(query @ reference.T, symmetric=True)
    assert matrix_similarity(query, reference, cells_at_a_time=cells_at_a_time) == pytest.approx(expected, abs=1e-6)
    assert matrix_similarity(query, query, cells_at_a_time=cells_at_a_time) == pytest.approx(1, abs=1e-6)
