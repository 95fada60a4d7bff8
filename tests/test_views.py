"""The views of a query: whole frames and the pictures set into them, through voting and alignment."""

from __future__ import annotations

import numpy as np
import pytest
from clips import Picture

from reprise.operators.image_embedding.reprise import Reprise
from reprise.operators.video_copy_detection.align import Align
from reprise.regions import find_boxes
from reprise.views import WIDENED_BY, best_of_views, embed_views, further_views, gathered
from reprise.voting import weighted_votes


def pattern(seed: int, height: int = 256, width: int = 256) -> Picture:
    """Soft random blobs: a picture without straight lines."""
    coarse = np.random.default_rng(seed).normal(0, 1, (height // 16 + 4, width // 16 + 4, 3))
    field = np.kron(coarse, np.ones((16, 16, 1)))
    kernel = np.hanning(33) / np.hanning(33).sum()
    for axis in (0, 1):
        field = np.apply_along_axis(lambda line: np.convolve(line, kernel, "same"), axis, field)
    field = field[32 : 32 + height, 32 : 32 + width]
    return np.clip(field / field.std() * 50 + 128, 0, 255).astype(np.uint8)


def inset(outer: Picture, inner: Picture, left: int, top: int) -> Picture:
    frame = outer.copy()
    frame[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return frame


def test_a_picture_in_a_picture_is_embedded_by_itself() -> None:
    copies = [pattern(seed, 120, 120) for seed in range(4)]
    frames = [inset(pattern(100 + i), copy, 40, 60) for i, copy in enumerate(copies)]
    embed = Reprise(device="cpu")
    whole, of_copies = embed(frames), embed(copies)
    views = Reprise(device="cpu", max_regions=2)(frames)
    for i, of_frame in enumerate(views):
        assert of_frame[0] == pytest.approx(whole[i], abs=1e-5)
        assert 2 <= len(of_frame) <= 3
        assert (of_frame[1:] @ of_copies[i]).max() > 0.9
        assert of_frame[0] @ of_copies[i] < 0.7


def test_frames_without_insets_are_embedded_whole_and_widened() -> None:
    frames = [pattern(seed) for seed in range(5)]
    assert all(not boxes for boxes in find_boxes(np.stack(frames)))
    for frame, (widened,) in zip(frames, further_views(np.stack(frames)), strict=True):
        rim = round(256 * WIDENED_BY)
        assert widened.shape == (256 + 2 * rim, 256 + 2 * rim, 3)
        assert np.array_equal(widened[rim:-rim, rim:-rim], frame)
        assert np.array_equal(widened[rim:-rim, :rim], frame[:, :rim][:, ::-1])
    assert [len(views) for views in Reprise(device="cpu", max_regions=2)(frames)] == [2] * 5
    assert Reprise(device="cpu", max_regions=2)([]) == []


def test_a_query_costs_at_most_three_vectors_a_frame() -> None:
    crowded = pattern(1)
    for i, (left, top) in enumerate([(10, 10), (140, 10), (10, 140), (140, 140)]):
        crowded = inset(crowded, pattern(10 + i, 100, 100), left, top)
    frames = [crowded, pattern(2), inset(pattern(3), pattern(4, 110, 110), 60, 60)]
    counts = [len(views) for frame in frames for views in Reprise(device="cpu", max_regions=2)([frame])]
    assert counts[0] == 3
    assert max(counts) <= 3


def test_a_flat_frame_is_like_nothing() -> None:
    flat = np.full((256, 256, 3), (0, 16, 235), np.uint8)
    noisy = np.clip(flat + np.random.default_rng(0).normal(0, 1, flat.shape), 0, 255).astype(np.uint8)
    faint = (pattern(1) // 16).astype(np.uint8)
    views = Reprise(device="cpu", max_regions=2)([flat, noisy, faint])
    assert [bool(one.any()) for one in views] == [False, False, True]


def test_views_are_gathered_frame_by_frame_over_batches() -> None:
    def rows(*values: float) -> np.ndarray:
        return np.array(values, np.float32)[:, None]

    matrix, views, frame_of = gathered([[rows(1), rows(2, 2.5)], [rows(3, 3.25, 3.5)]])
    assert matrix.ravel().tolist() == [1, 2, 3]
    assert views.ravel().tolist() == [1, 2, 2.5, 3, 3.25, 3.5]
    assert frame_of.tolist() == [0, 1, 1, 2, 2, 2]


def test_the_embedder_gets_frames_and_parts_in_one_batch() -> None:
    batches: list[int] = []

    def embed(pictures: list[Picture]) -> np.ndarray:
        batches.append(len(pictures))
        return np.array([[picture.shape[0], picture.shape[1]] for picture in pictures], np.float32)

    frames = [inset(pattern(i), pattern(50 + i, 120, 96), 40, 60) for i in range(3)]
    views = embed_views(frames, embed)  # type: ignore[arg-type]
    assert len(batches) == 1
    assert all(of_frame[0].tolist() == [256, 256] for of_frame in views)
    for of_frame in views:
        best = np.abs(of_frame[1:] - [120, 96]).max(axis=1).min()
        assert best <= 6


def test_a_frame_is_as_alike_as_its_best_view() -> None:
    similarity = np.array([[0.1, 0.9], [0.2, 0.3], [0.8, 0.1], [0.4, 0.5]], np.float32)
    best = best_of_views(similarity, np.array([0, 1, 1, 2]))
    assert best.tolist() == np.array([[0.1, 0.9], [0.8, 0.3], [0.4, 0.5]], np.float32).tolist()


def test_the_aligner_follows_a_copy_that_only_regions_show() -> None:
    reference = np.eye(8, 16, dtype=np.float32)
    elsewhere = np.eye(8, 16, 8, dtype=np.float32)
    views = np.stack([elsewhere, reference], 1).reshape(-1, 16)
    frame_of = np.repeat(np.arange(8), 2)
    align = Align("temporal-network", min_length=2)
    assert align(elsewhere, reference) == []
    assert [segment.box for segment in align(views, reference, frame_of)] == [(0, 0, 8, 8)]
    assert align(views, [reference, None], frame_of) == [align(views, reference, frame_of), []]


def test_a_frame_votes_with_the_hits_of_all_its_views_once_a_video() -> None:
    hits = [
        [[1, 0.4, "a"], [2, 0.3, "b"]],
        [[3, 0.9, "b"], [4, 0.2, "a"]],
        [[5, 0.5, "a"]],
    ]
    videos, weights = weighted_votes(hits, [0, 0, 1])
    assert videos == ["b", "a", "a"]
    assert weights == pytest.approx([0.9**4, 0.4**4 / 2**0.5, 0.5**4])
