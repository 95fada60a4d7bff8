"""Pairwise video similarity and candidates by nearest frames, on vectors small enough to check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.chamfer import frame_similarity
from reprise.video_similarity import (
    Candidate,
    PlainComparison,
    candidates_by_frames,
    frame_vectors,
    pairs_of,
    similarity_of,
    similarity_table,
)

Floats = NDArray[np.float32]


def video(*degrees: float) -> Floats:
    """A matrix whose frames point that way in the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class OneWay:
    """What a copy holds of the original, not the other way round."""

    is_symmetric = False

    def frame_similarity(self, query: Floats, reference: Floats) -> Floats:
        return np.asarray(query @ reference.T)

    def score(self, similarity: Floats) -> float:
        return float(similarity.max(axis=1).mean())


def test_a_video_is_fully_like_itself_and_half_like_one_that_shares_half_its_frames() -> None:
    a, b = video(0, 90), video(0, 0)
    assert similarity_of(a, a, PlainComparison()) == pytest.approx(1)
    assert similarity_of(a, b, PlainComparison()) == pytest.approx((0.5 + 1) / 2)
    assert similarity_of(b, a, PlainComparison()) == pytest.approx((1 + 0.5) / 2)


def test_videos_of_regions_compare_by_the_chamfer_similarity_of_their_frames() -> None:
    a, b = np.stack([video(0, 90), video(0, 0)]), np.stack([video(90, 90)])
    similarity = PlainComparison().frame_similarity(a, b)
    assert np.array_equal(similarity, frame_similarity(a, b, symmetric=True))
    np.testing.assert_allclose(similarity, [[0.75], [0]], atol=1e-6)
    assert similarity_of(a, b, PlainComparison()) == pytest.approx((0.375 + 0.75) / 2)


def test_all_pairs_are_compared_once_where_both_ways_are_the_same() -> None:
    assert pairs_of(3, None, symmetric=True) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    assert len(pairs_of(3, None, symmetric=False)) == 9


def test_candidates_bound_the_number_of_pairs() -> None:
    candidates = [[Candidate(1, 4)], [Candidate(0, 4)], [Candidate(1, 2)], []]
    assert pairs_of(4, candidates, symmetric=True) == [(0, 1), (1, 2)]
    assert pairs_of(4, candidates, symmetric=False) == [(0, 1), (1, 0), (2, 1)]


def test_the_table_has_the_query_in_the_row_and_nothing_where_nothing_was_compared() -> None:
    videos = [video(0, 90), video(0), video(90)]
    heard: list[tuple[int, int]] = []
    table = similarity_table(videos, OneWay(), [(0, 1), (1, 0)], lambda done, of: heard.append((done, of)))
    assert np.isnan(table).sum() == 7
    assert (table[0, 1], table[1, 0]) == (pytest.approx(0.5), 1)
    assert heard == [(1, 2), (2, 2)]


def test_a_symmetric_comparison_fills_both_cells() -> None:
    table = similarity_table([video(0), video(60)], PlainComparison(), [(0, 1)])
    np.testing.assert_allclose(table, [[np.nan, 0.5], [0.5, np.nan]], atol=1e-6)


@pytest.mark.parametrize("cells_at_a_time", [1, 8, 1 << 24])
def test_candidates_are_the_videos_with_the_most_near_frames(cells_at_a_time: int) -> None:
    videos = [video(0, 10, 90), video(0, 180, 90), video(11), video(200, 210)]
    found = candidates_by_frames(videos, top=2, max_distance=0.1, cells_at_a_time=cells_at_a_time)
    assert found[0] == [Candidate(1, 2), Candidate(2, 1)]
    assert found[1] == [Candidate(0, 2)]
    assert found[2] == [Candidate(0, 1)]
    assert found[3] == []
    assert candidates_by_frames(videos, top=1, max_distance=0.1)[0] == [Candidate(1, 2)]


def test_a_distance_of_0_finds_equal_frames_and_of_2_all() -> None:
    videos = [video(33, 60), video(33), video(240)]
    assert candidates_by_frames(videos, top=9, max_distance=0)[0] == [Candidate(1, 1)]
    assert candidates_by_frames(videos, top=9, max_distance=2)[0] == [Candidate(1, 2), Candidate(2, 2)]
    assert candidates_by_frames([], top=1, max_distance=1) == []


def test_a_frame_in_regions_has_their_mean_for_its_vector() -> None:
    np.testing.assert_allclose(frame_vectors(np.stack([video(0, 90), video(20, 20)])), video(45, 20), atol=1e-6)
    np.testing.assert_allclose(frame_vectors(3 * video(5)), video(5), atol=1e-6)
