"""Simulated features: copies where they are planted, and nothing that is not said in the model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.errors import SettingsError
from reprise.vcsl.simulation import NoiseModel, clipped, simulated_pair

# Copies as clear as can be, so that what is planted can be read from the map.
CLEAR = NoiseModel(
    copy_similarity=(0.97, 0.98),
    similarity_jitter=0.0,
    dropped_frames=0.0,
    common_frames=0.0,
    look_alike_pairs=0.0,
    returning_shots=0.0,
    static_shots=0.0,
    shot_share=(0.3, 0.4),
)


def similarity(
    query_frames: int,
    reference_frames: int,
    boxes: list[list[float]],
    *,
    seed: str | int = 0,
    noise: NoiseModel = CLEAR,
) -> NDArray[np.float32]:
    query, reference = simulated_pair(query_frames, reference_frames, boxes, seed=seed, noise=noise)
    return query @ reference.T


def distance_from(similarity: NDArray[np.float32], box: list[float]) -> float:
    """Mean distance, in frames, of the best column of each of the box's rows from the box's diagonal."""
    q0, r0, q1, r1 = box
    rows = np.arange(int(q0), int(q1))
    expected = r0 + (rows + 0.5 - q0) * (r1 - r0) / (q1 - q0) - 0.5
    return float(np.abs(similarity[rows].argmax(axis=1) - expected).mean())


def test_features_are_unit_rows_of_the_asked_lengths() -> None:
    query, reference = simulated_pair(30, 50, [[0, 10, 20, 30]], seed="a-b")
    assert (query.shape, reference.shape) == ((30, 64), (50, 64))
    assert (query.dtype, reference.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first, again, other = (simulated_pair(40, 40, [[0, 0, 9, 9]], seed=seed) for seed in ("a-b", "a-b", "a-c"))
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert not (first[0] == other[0]).any()


def test_the_drawn_numbers_stay_the_same_from_version_to_version() -> None:
    query, reference = simulated_pair(20, 20, [[5, 5, 15, 15]], seed="0:a-b")
    assert (query @ reference.T)[10, 9:12] == pytest.approx(PINNED, abs=1e-4)


PINNED = [0.92317, 0.93656, 0.92936]


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([10, 30, 60, 80], id="at its own speed"),
        pytest.param([0, 0, 40, 80], id="twice as fast"),
        pytest.param([20, 10, 100, 50], id="half as fast"),
    ],
)
def test_a_copied_stretch_takes_the_reference_at_the_linearly_mapped_time(box: list[float]) -> None:
    found = similarity(100, 90, [box], seed=1)
    assert distance_from(found, box) < 1.5
    rows = np.arange(int(box[0]), int(box[2]))
    outside = np.delete(found, rows, axis=0)
    assert found[rows].max(axis=1).mean() > 0.85
    assert outside.size == 0 or outside.max() < 0.85


def test_every_one_of_several_segments_is_planted_those_that_share_query_frames_too() -> None:
    # The jingle at 10 s is in the reference twice, and again at 50 s of the query.
    boxes: list[list[float]] = [[10, 5, 30, 25], [10, 60, 30, 80], [50, 5, 70, 25], [50, 60, 70, 80]]
    found = similarity(90, 90, boxes, seed=2)
    for q0, r0, _, _ in boxes:
        diagonal = found[int(q0) + np.arange(20), int(r0) + np.arange(20)]
        assert diagonal.mean() > 0.8


def test_the_similarity_of_copies_is_broad_and_that_of_others_near_the_background() -> None:
    noise = NoiseModel()
    copies, others = [], []
    for seed in range(150):
        found = similarity(60, 60, [[0, 0, 40, 40]], seed=seed, noise=noise)
        copies.append(float(np.median(found.diagonal()[:40])))
        others.append(float(found[40:].mean()))
    assert 0.35 < min(copies) < 0.6
    assert 0.9 < max(copies) < 0.99
    assert 0.1 < float(np.std(copies)) < 0.2
    assert np.mean(others) == pytest.approx(noise.background, abs=0.03)


def test_a_map_shows_blocks_of_shots_with_a_brighter_diagonal() -> None:
    query, _ = simulated_pair(400, 10, [], seed=3, noise=NoiseModel(static_shots=0.0, common_frames=0.0))
    own = query @ query.T
    near = [float(np.diagonal(own, offset).mean()) for offset in (0, 1, 3, 60)]
    assert near[0] == pytest.approx(1.0, abs=1e-5)
    assert near[0] > near[1] > near[2] > near[3] + 0.2


def test_unrelated_videos_share_black_frames_only_where_the_model_has_them() -> None:
    with_black = dataclasses.replace(CLEAR, common_frames=0.05)
    best = [
        max(similarity(200, 200, [], seed=seed, noise=noise).max() for seed in range(4))
        for noise in (CLEAR, with_black)
    ]
    assert best[0] < 0.85
    assert best[1] > 0.9


def test_look_alike_shots_reach_the_similarity_that_the_model_gives_them() -> None:
    quiet = dataclasses.replace(CLEAR, shot_share=(0.9, 0.95), dimension=512)
    alike = dataclasses.replace(quiet, look_alike_pairs=1.0, look_alike_similarity=(0.55, 0.6))
    highest = [
        np.median([similarity(100, 100, [], seed=seed, noise=noise).max() for seed in range(8)])
        for noise in (quiet, alike)
    ]
    assert highest[0] < 0.5 < highest[1] < 0.8


def test_boxes_are_cut_at_the_ends_of_the_videos_and_left_out_where_nothing_is_left() -> None:
    boxes = [[0, 0, 50, 50], [-3, 5, 5, 10], [19, 126, 34, 121], [112, 56, 112, 60], [35, 35, 45, 45]]
    assert clipped(boxes, 40, 30) == [(0, 0, 40, 30), (0, 5, 5, 10)]
    query, reference = simulated_pair(40, 30, boxes, seed=0)
    assert (len(query), len(reference)) == (40, 30)


def test_the_shortest_videos_can_be_simulated() -> None:
    query, reference = simulated_pair(1, 1, [[0, 0, 1, 1]], seed=0)
    assert np.isfinite(query @ reference.T).all()


def test_a_video_without_frames_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least one frame"):
        simulated_pair(0, 5, [], seed=0)


def test_a_model_of_too_few_dimensions_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 8"):
        NoiseModel(dimension=2)


def test_the_model_is_told_in_one_paragraph_with_its_numbers() -> None:
    told = NoiseModel(background=0.25).described()
    assert told.startswith("Simulation: ")
    assert "about 0.25" in told
    assert "\n" not in told
